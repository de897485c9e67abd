from collections.abc import Iterable, Sequence
from typing import Protocol, TypeAlias, final

from . import Buffer
from .parquet import ArrowTable, _ArrowStream

__all__ = ["DatasetBatches", "DatasetStore"]

# Column, operator, values; an instant is ("nanos", nanoseconds since 1970).
_Condition: TypeAlias = tuple[str, str, Sequence[object]]

class _Part(Protocol):
    @property
    def rows(self) -> int: ...
    def is_within(self, size: int, /) -> bool: ...
    def read(self, size: int = ..., /) -> bytes: ...

@final
class DatasetBatches:
    def next(self) -> ArrowTable | None: ...
    def close(self) -> None: ...
    def __arrow_c_schema__(self) -> object: ...

@final
class DatasetStore:
    def __new__(
        cls,
        store: object,
        *,
        compression: str = "zstd",
        row_group_size: int | None = None,
        max_rows_per_file: int | None = None,
        max_bytes_per_file: int | None = None,
    ) -> DatasetStore: ...
    def write(
        self,
        key: str,
        table: _ArrowStream,
        *,
        overwrite: bool = False,
        run_id: str | None = None,
        metadata_json: str | None = None,
        schema_hash: str | None = None,
        partition_cols: Sequence[str] | None = None,
    ) -> Buffer: ...
    def write_parts(
        self,
        key: str,
        parts: Iterable[_Part],
        *,
        overwrite: bool = False,
        run_id: str | None = None,
        metadata_json: str | None = None,
        schema_hash: str | None = None,
    ) -> Buffer: ...
    def read(
        self,
        key: str,
        *,
        columns: Sequence[str] | None = None,
        filters: Sequence[Sequence[_Condition]] | None = None,
    ) -> ArrowTable | None: ...
    def read_batches(
        self,
        key: str,
        *,
        columns: Sequence[str] | None = None,
        filters: Sequence[Sequence[_Condition]] | None = None,
    ) -> DatasetBatches | None: ...
    def read_parts(self, key: str) -> tuple[Buffer, list[Buffer]]: ...
    def read_manifest(self, key: str) -> Buffer: ...
    def exists(self, key: str) -> bool: ...
    def delete(self, key: str) -> None: ...
    def vacuum(self, prefix: str, older_than_s: float) -> list[str]: ...
