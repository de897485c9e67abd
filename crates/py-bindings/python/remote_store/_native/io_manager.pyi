from collections.abc import Iterator, Sequence

from typing_extensions import Buffer as BytesLike

from . import Buffer

__all__ = ["check_output_keys", "collisions", "load_partitions", "read_object", "write_object"]

def read_object(store: object, path: str) -> bytes: ...
def write_object(store: object, path: str, content: BytesLike | Buffer) -> int: ...
def load_partitions(
    store: object,
    asset_segments: Sequence[str],
    keys: Sequence[str],
    extension: str,
    *,
    allow_missing: bool = False,
    window: int = ...,
) -> Iterator[tuple[str, bytes | None]]: ...
def check_output_keys(
    asset_segments: Sequence[str], run_keys: Sequence[str], value_keys: Sequence[str]
) -> None: ...
def collisions(
    assets: Sequence[tuple[Sequence[str], Sequence[str] | None]], extension: str | None = None
) -> list[str]: ...
