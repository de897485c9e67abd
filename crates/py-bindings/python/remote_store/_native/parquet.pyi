from collections.abc import Sequence
from typing import Protocol, final

from typing_extensions import Buffer as BytesLike

from . import Buffer

__all__ = ["ArrowTable", "decode", "encode", "read", "read_support", "serialize", "write", "write_support"]

class _ArrowStream(Protocol):
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...

class _ArrowSchema(Protocol):
    def __arrow_c_schema__(self) -> object: ...

@final
class ArrowTable:
    @property
    def num_rows(self) -> int: ...
    @property
    def num_columns(self) -> int: ...
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...
    def __arrow_c_schema__(self) -> object: ...

def write_support(schema: _ArrowSchema) -> str | None: ...
def read_support(content: BytesLike | Buffer, columns: Sequence[str] | None = None) -> str | None: ...
def encode(
    table: _ArrowStream,
    *,
    compression: str | None = None,
    compression_level: int | None = None,
    row_group_size: int | None = None,
    statistics: str | None = None,
    dictionary: bool | None = None,
    sorting: Sequence[tuple[str, bool, bool]] | None = None,
) -> Buffer: ...
def serialize(
    table: _ArrowStream,
    *,
    compression: str | None = None,
    compression_level: int | None = None,
    row_group_size: int | None = None,
    statistics: str | None = None,
    dictionary: bool | None = None,
    sorting: Sequence[tuple[str, bool, bool]] | None = None,
) -> bytes | None: ...
def write(
    store: object,
    path: str,
    table: _ArrowStream,
    *,
    overwrite: bool = True,
    compression: str | None = None,
    compression_level: int | None = None,
    row_group_size: int | None = None,
    statistics: str | None = None,
    dictionary: bool | None = None,
    sorting: Sequence[tuple[str, bool, bool]] | None = None,
) -> int: ...
def read(
    store: object, path: str, columns: Sequence[str] | None = None
) -> tuple[ArrowTable | None, Buffer | None]: ...
def decode(content: BytesLike | Buffer, columns: Sequence[str] | None = None) -> ArrowTable: ...
