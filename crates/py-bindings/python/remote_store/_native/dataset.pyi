from collections.abc import Iterable
from typing import final

from typing_extensions import Buffer as BytesLike

from . import Buffer
from .parquet import _ArrowStream

__all__ = ["DatasetStore"]

@final
class DatasetStore:
    def __new__(
        cls,
        store: object,
        *,
        compression: str = "zstd",
        row_group_size: int | None = None,
        max_rows_per_file: int | None = None,
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
    ) -> Buffer: ...
    def write_parts(
        self,
        key: str,
        parts: Iterable[tuple[BytesLike | Buffer, int]],
        *,
        overwrite: bool = False,
        run_id: str | None = None,
        metadata_json: str | None = None,
        schema_hash: str | None = None,
    ) -> Buffer: ...
    def read_parts(self, key: str) -> tuple[Buffer, list[Buffer]]: ...
    def read_manifest(self, key: str) -> Buffer: ...
    def exists(self, key: str) -> bool: ...
    def delete(self, key: str) -> None: ...
    def vacuum(self, prefix: str, older_than_s: float) -> list[str]: ...
