"""Stores that stand before another store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any, BinaryIO, ClassVar, Self, TypeVar

from remote_store._capabilities import Capability
from remote_store._core import PathLike
from remote_store._models import FileInfo, FolderEntry, FolderInfo, PathEntry, ResolutionPlan, WriteResult
from remote_store._store import Store

__all__ = ["ProxyStore"]

_T = TypeVar("_T")


class ProxyStore(Store):
    """A store that hands each call to another one; subclass it and override what is to be different.

    Args:
        inner: The store behind.

    Examples:
        >>> from remote_store.backends import MemoryBackend
        >>> class Counting(ProxyStore):
        ...     reads = 0
        ...     def read_bytes(self, path):
        ...         self.reads += 1
        ...         return super().read_bytes(path)
        >>> store = Counting(Store(MemoryBackend()))
        >>> _ = store.write("a", b"1")
        >>> store.read_bytes("a"), store.reads
        (b'1', 1)
    """

    # Whether several threads may call its methods at once, as they may those of a `Store`. Set it to
    # False in a subclass that cannot stand that: Dagster's partitions are then loaded one by one.
    thread_safe: ClassVar[bool] = True

    def __init__(self, inner: Store) -> None:
        self._stand_before(inner)

    @classmethod
    def from_url(cls, url: str, **options: Any) -> Self:
        """Stand before the store that a URL names; see `Store.from_url`."""
        return cls(Store.from_url(url, **options))

    @classmethod
    def from_obstore(cls, store: Any, root_path: str = "") -> Self:
        """Stand before the store of obstore; see `Store.from_obstore`."""
        return cls(Store.from_obstore(store, root_path))

    def to_obstore(self) -> Any:
        """Make a store of obstore for the place behind."""
        return self._inner.to_obstore()

    def __getstate__(self) -> dict[str, Any]:
        from_inner = {"_core", "_backend", "_owns_backend"}
        return {name: value for name, value in self.__dict__.items() if name not in from_inner}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._stand_before(state["_inner"])

    def _stand_before(self, inner: Store) -> None:
        self._inner = inner
        # A mock of a store has neither; what is called on it goes through `inner` anyway.
        store: Any = inner
        self._backend = getattr(store, "_backend", store)
        self._core = getattr(store, "_core", store)
        self._owns_backend = False

    def _set_apart_by(self) -> object | None:
        """Return what such a store has beyond the one behind it; None where they are as good as equal."""
        return None

    def __eq__(self, other: object) -> bool:
        own = self._set_apart_by()
        others = other._set_apart_by() if isinstance(other, ProxyStore) else None
        if own is None and others is None:
            return super().__eq__(other)
        return own is others and isinstance(other, ProxyStore) and self._inner == other._inner

    def __hash__(self) -> int:
        own = self._set_apart_by()
        return super().__hash__() if own is None else hash((id(own), self._inner))

    @property
    def inner(self) -> Store:
        """The store behind."""
        return self._inner

    def read(self, path: PathLike) -> BinaryIO:
        """Open a file for reading."""
        return self._inner.read(path)

    def read_bytes(self, path: PathLike) -> bytes:
        """Read a whole file."""
        return self._inner.read_bytes(path)

    def read_seekable(self, path: PathLike) -> BinaryIO:
        """Open a file for reading with ``seek``."""
        return self._inner.read_seekable(path)

    def write(
        self,
        path: PathLike,
        content: bytes | BinaryIO,
        *,
        overwrite: bool = False,
        metadata: Mapping[str, str] | None = None,
    ) -> WriteResult:
        """Write a file."""
        return self._inner.write(path, content, overwrite=overwrite, metadata=metadata)

    def write_atomic(
        self,
        path: PathLike,
        content: bytes | BinaryIO,
        *,
        overwrite: bool = False,
        metadata: Mapping[str, str] | None = None,
    ) -> WriteResult:
        """Write a file, insisting on atomicity."""
        return self._inner.write_atomic(path, content, overwrite=overwrite, metadata=metadata)

    def open_atomic(self, path: PathLike, *, overwrite: bool = False) -> AbstractContextManager[BinaryIO]:
        """Open a file for writing that appears when the ``with`` block ends without an error."""
        return self._inner.open_atomic(path, overwrite=overwrite)

    def delete(self, path: PathLike, *, missing_ok: bool = False) -> None:
        """Delete a file."""
        self._inner.delete(path, missing_ok=missing_ok)

    def delete_folder(self, path: PathLike, *, recursive: bool = False, missing_ok: bool = False) -> None:
        """Delete a folder."""
        self._inner.delete_folder(path, recursive=recursive, missing_ok=missing_ok)

    def move(self, src: PathLike, dst: PathLike, *, overwrite: bool = False) -> None:
        """Move a file."""
        self._inner.move(src, dst, overwrite=overwrite)

    def copy(self, src: PathLike, dst: PathLike, *, overwrite: bool = False) -> None:
        """Copy a file."""
        self._inner.copy(src, dst, overwrite=overwrite)

    def list_files(
        self,
        path: PathLike,
        *,
        recursive: bool = False,
        pattern: str | None = None,
        max_depth: int | None = None,
    ) -> Iterator[FileInfo]:
        """List files."""
        return self._inner.list_files(path, recursive=recursive, pattern=pattern, max_depth=max_depth)

    def list_folders(
        self, path: PathLike, *, pattern: str | None = None, max_depth: int | None = None
    ) -> Iterator[FolderEntry]:
        """List folders."""
        return self._inner.list_folders(path, pattern=pattern, max_depth=max_depth)

    def iter_children(self, path: PathLike) -> Iterator[PathEntry]:
        """List the files and the folders directly in a folder."""
        return self._inner.iter_children(path)

    def glob(self, pattern: str) -> Iterator[FileInfo]:
        """List the files whose path matches a pattern."""
        return self._inner.glob(pattern)

    def exists(self, path: PathLike) -> bool:
        """Say whether there is a file or a folder."""
        return self._inner.exists(path)

    def is_file(self, path: PathLike) -> bool:
        """Say whether there is a file."""
        return self._inner.is_file(path)

    def is_folder(self, path: PathLike) -> bool:
        """Say whether there is a folder."""
        return self._inner.is_folder(path)

    def get_file_info(self, path: PathLike) -> FileInfo:
        """Describe a file."""
        return self._inner.get_file_info(path)

    def get_folder_info(self, path: PathLike, *, max_depth: int | None = None) -> FolderInfo:
        """Count the files of a folder."""
        return self._inner.get_folder_info(path, max_depth=max_depth)

    def head(self, path: PathLike) -> WriteResult:
        """Describe a file as `write` would have done."""
        return self._inner.head(path)

    def ping(self) -> None:
        """Raise when the backend cannot be used."""
        self._inner.ping()

    def close(self) -> None:
        """Close the store behind."""
        self._inner.close()

    def child(self, subpath: PathLike) -> Store:
        """Return a child of the store behind, as `_wrap_child` gives it."""
        return self._wrap_child(self._inner.child(subpath))

    def _wrap_child(self, inner_child: Store) -> Store:
        """Return what `child` gives; override it to stand before children too."""
        return inner_child

    def unwrap(self, type_hint: type[_T]) -> _T:
        """Return the object of the given type that the backend is made of."""
        return self._inner.unwrap(type_hint)

    def resolve(self, key: PathLike) -> ResolutionPlan:
        """Tell where a key really lies."""
        return self._inner.resolve(key)

    def native_path(self, key: PathLike) -> str:
        """Return the backend's own name of a key."""
        return self._inner.native_path(key)

    def to_key(self, path: str) -> str:
        """Return the key of a backend's own name."""
        return self._inner.to_key(path)

    def supports(self, capability: Capability) -> bool:
        """Say whether the backend can do something."""
        return self._inner.supports(capability)
