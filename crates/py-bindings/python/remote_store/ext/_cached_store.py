"""The store that `remote_store.ext.cache.cache` puts before another one."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any, BinaryIO, TypeVar

from remote_store._core import PathLike, as_text
from remote_store._errors import InvalidPath
from remote_store._models import FileInfo, FolderEntry, FolderInfo, PathEntry, WriteResult
from remote_store._path import RemotePath, join, normalize
from remote_store._proxy import ProxyStore
from remote_store._store import Store
from remote_store.ext._cache_state import Change, SharedCache
from remote_store.ext._memory_cache import DEFAULT_MAX_BYTES, CacheBackend, CacheKey, MemoryCache

__all__ = ["CacheStats", "CachedStore"]

_Entry = TypeVar("_Entry")


@dataclass(frozen=True)
class CacheStats:
    """How often a cached store was answered from memory.

    Attributes:
        hits: Questions of this store that were answered from the cache.
        misses: Questions of this store that went to the store behind.
        size: How many answers the cache holds, those of children included.
    """

    hits: int
    misses: int
    size: int


class CachedStore(ProxyStore):
    """What `cache` returns: the store behind ``.inner``, with a memory.

    Contents (`read_bytes`, `read_text`), existence, descriptions and listings are remembered;
    `read` and `read_seekable` always stream from the store behind. Each change made through this
    store or one of its children makes all of them forget what it concerns, whether it succeeds or
    not. Changes made elsewhere show after ``ttl`` seconds, or after `invalidate`.
    """

    def __init__(
        self,
        inner: Store,
        *,
        ttl: float,
        max_content_size: int | None,
        max_listing_size: int | None,
        max_entries: int | None,
        cache_backend: CacheBackend | None,
        max_bytes: int | None = DEFAULT_MAX_BYTES,
    ) -> None:
        """Make a cached store; `cache` has the arguments, with their defaults."""
        if not callable(getattr(inner, "read_bytes", None)):
            raise TypeError(f"A cache needs a Store, got {type(inner).__name__}")
        if isinstance(ttl, bool) or not isinstance(ttl, int | float):
            raise TypeError(f"ttl must be a number of seconds, got {type(ttl).__name__}")
        bounds = {
            "max_content_size": max_content_size,
            "max_listing_size": max_listing_size,
            "max_entries": max_entries,
        }
        for name, bound in {"ttl": ttl, **bounds}.items():
            if bound is not None and not bound > 0:
                raise ValueError(f"{name} must be positive, got {bound}")
        super().__init__(inner)
        if cache_backend is None:
            cache_backend = MemoryCache(max_entries=max_entries, max_bytes=max_bytes)
        self._max_content_size = max_content_size
        self._max_listing_size = max_listing_size
        self._join(SharedCache(cache_backend, ttl), "")

    def _join(self, shared: SharedCache, prefix: str) -> None:
        """Use a cache, for the part of it below a prefix."""
        self._shared = shared
        self._prefix = prefix
        self._count_lock = threading.Lock()
        self._hits = self._misses = 0

    def child(self, subpath: PathLike) -> Store:
        """Return a child that shares this store's cache."""
        made = object.__new__(type(self))
        ProxyStore.__init__(made, self._inner.child(subpath))
        made._max_content_size = self._max_content_size
        made._max_listing_size = self._max_listing_size
        made._join(self._shared, join(self._prefix, normalize(as_text(subpath))))
        return made

    @property
    def stats(self) -> CacheStats:
        """How often this store was answered from the cache so far."""
        return CacheStats(self._hits, self._misses, self._shared.backend.size())

    def invalidate(self, path: PathLike) -> None:
        """Forget a path, everything below it, and the listings that may show it.

        Raises:
            InvalidPath: The path leaves the store's root.
        """
        self._shared.forget(Change([self._full(path)], below=True))

    def clear_cache(self) -> None:
        """Forget everything, for the parents and children of this store too."""
        self._shared.clear()

    # Reading

    def read_bytes(self, path: PathLike) -> bytes:
        """Read a whole file; larger ones than ``max_content_size`` are not remembered."""
        limit = self._max_content_size
        return self._single(  # type: ignore[no-any-return]
            "read_bytes",
            path,
            self._inner.read_bytes,
            keeps=lambda content: limit is None or len(content) <= limit,
        )

    def exists(self, path: PathLike) -> bool:
        """Say whether there is a file or a folder."""
        return bool(self._single("exists", path, self._inner.exists))

    def is_file(self, path: PathLike) -> bool:
        """Say whether there is a file."""
        return bool(self._single("is_file", path, self._inner.is_file))

    def is_folder(self, path: PathLike) -> bool:
        """Say whether there is a folder."""
        return bool(self._single("is_folder", path, self._inner.is_folder))

    def get_file_info(self, path: PathLike) -> FileInfo:
        """Describe a file."""
        return self._single("get_file_info", path, self._inner.get_file_info)  # type: ignore[no-any-return]

    def head(self, path: PathLike) -> WriteResult:
        """Describe a file as `write` would have done."""
        return self._single("head", path, self._inner.head)  # type: ignore[no-any-return]

    def get_folder_info(self, path: PathLike, *, max_depth: int | None = None) -> FolderInfo:
        """Count the files of a folder."""
        return self._single(  # type: ignore[no-any-return]
            "get_folder_info",
            path,
            lambda path: self._inner.get_folder_info(path, max_depth=max_depth),
            _text(max_depth),
        )

    def _single(
        self,
        operation: str,
        path: PathLike,
        ask: Callable[[PathLike], Any],
        *further: str,
        keeps: Callable[[Any], bool] = lambda _: True,
    ) -> Any:
        key = self._key(operation, path, *further)
        if key is None:
            return ask(path)
        found = self._shared.find(key)
        self._count(hit=found is not None)
        if found is None:
            found = (self._shared.answer(key, lambda: self._outward(ask(path)), keeps),)
        return self._inward(found[0])

    # Listing

    def list_files(
        self,
        path: PathLike,
        *,
        recursive: bool = False,
        pattern: str | None = None,
        max_depth: int | None = None,
    ) -> Iterator[FileInfo]:
        """List files; what was listed to its end is remembered, up to ``max_listing_size`` entries."""
        further = (str(recursive), _text(pattern), _text(max_depth))
        return self._listing(
            self._key("list_files", path, *further),
            lambda: self._inner.list_files(path, recursive=recursive, pattern=pattern, max_depth=max_depth),
        )

    def list_folders(
        self, path: PathLike, *, pattern: str | None = None, max_depth: int | None = None
    ) -> Iterator[FolderEntry]:
        """List folders."""
        return self._listing(
            self._key("list_folders", path, _text(pattern), _text(max_depth)),
            lambda: self._inner.list_folders(path, pattern=pattern, max_depth=max_depth),
        )

    def iter_children(self, path: PathLike) -> Iterator[PathEntry]:
        """List the files and the folders directly in a folder."""
        return self._listing(self._key("iter_children", path), lambda: self._inner.iter_children(path))

    def glob(self, pattern: str) -> Iterator[FileInfo]:
        """List the files whose path matches a pattern."""
        key = ("glob", pattern, self._prefix)
        asked_at = self._shared.asked_now()
        found = self._shared.find(key)
        self._count(hit=found is not None)
        if found is not None:
            return map(self._inward, found[0])
        # Asked for here, not when iterated: that is where a store says that it cannot.
        return self._gathered(key, self._inner.glob(pattern), asked_at)

    def _listing(self, key: CacheKey | None, ask: Callable[[], Iterable[_Entry]]) -> Iterator[_Entry]:
        if key is None:
            yield from ask()
            return
        asked_at = self._shared.asked_now()
        found = self._shared.find(key)
        self._count(hit=found is not None)
        if found is not None:
            yield from map(self._inward, found[0])
        else:
            yield from self._gathered(key, ask(), asked_at)

    def _gathered(self, key: CacheKey, entries: Iterable[_Entry], asked_at: int) -> Iterator[_Entry]:
        """Hand entries on as they come, and keep them when they came to an end."""
        gathered: list[Any] | None = []
        for entry in entries:
            if gathered is not None:
                gathered.append(self._outward(entry))
                if self._max_listing_size is not None and len(gathered) > self._max_listing_size:
                    gathered = None
            yield entry
        if gathered is not None:
            self._shared.keep(key, tuple(gathered), asked_at)

    # Changing

    def write(
        self,
        path: PathLike,
        content: bytes | BinaryIO,
        *,
        overwrite: bool = False,
        metadata: Mapping[str, str] | None = None,
    ) -> WriteResult:
        """Write a file."""
        with self._changing(path):
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
        with self._changing(path):
            return self._inner.write_atomic(path, content, overwrite=overwrite, metadata=metadata)

    def open_atomic(self, path: PathLike, *, overwrite: bool = False) -> AbstractContextManager[BinaryIO]:
        """Open a file for writing that appears when the ``with`` block ends without an error."""
        return self._open_atomic(path, overwrite)

    @contextmanager
    def _open_atomic(self, path: PathLike, overwrite: bool) -> Iterator[BinaryIO]:
        with self._changing(path), self._inner.open_atomic(path, overwrite=overwrite) as file:
            yield file

    def delete(self, path: PathLike, *, missing_ok: bool = False) -> None:
        """Delete a file."""
        with self._changing(path):
            self._inner.delete(path, missing_ok=missing_ok)

    def delete_folder(self, path: PathLike, *, recursive: bool = False, missing_ok: bool = False) -> None:
        """Delete a folder."""
        with self._changing(path, below=True):
            self._inner.delete_folder(path, recursive=recursive, missing_ok=missing_ok)

    def move(self, src: PathLike, dst: PathLike, *, overwrite: bool = False) -> None:
        """Move a file."""
        # A backend in Python may move folders.
        with self._changing(src, dst, below=True):
            self._inner.move(src, dst, overwrite=overwrite)

    def copy(self, src: PathLike, dst: PathLike, *, overwrite: bool = False) -> None:
        """Copy a file."""
        with self._changing(src, dst, below=True):
            self._inner.copy(src, dst, overwrite=overwrite)

    def _changing(self, *paths: PathLike, below: bool = False) -> AbstractContextManager[None]:
        try:
            change = Change([self._full(path) for path in paths], below=below)
        except (InvalidPath, TypeError):
            # The store behind refuses such a path in its own words, and changes nothing.
            return nullcontext()
        return self._shared.changing(change)

    # Names

    def _full(self, path: PathLike) -> str:
        return join(self._prefix, normalize(as_text(path)))

    def _key(self, operation: str, path: PathLike, *further: str) -> CacheKey | None:
        """Return the key of an answer; None for a path that the store behind is to refuse."""
        try:
            return (operation, self._full(path), *further)
        except (InvalidPath, TypeError):
            return None

    def _outward(self, value: Any) -> Any:
        """Take a model of this store as one of the store that the cache began with."""
        if not self._prefix or not isinstance(value, FileInfo | FolderEntry | FolderInfo | WriteResult):
            return value
        path = str(value.path)
        return _moved(value, join(self._prefix, "" if path == "." else path))

    def _inward(self, value: Any) -> Any:
        if not self._prefix or not isinstance(value, FileInfo | FolderEntry | FolderInfo | WriteResult):
            return value
        return _moved(value, str(value.path)[len(self._prefix) + 1 :])

    def _count(self, *, hit: bool) -> None:
        with self._count_lock:
            if hit:
                self._hits += 1
            else:
                self._misses += 1

    def _set_apart_by(self) -> object:
        return self._shared

    def __repr__(self) -> str:
        return f"{type(self).__name__}(inner={self._inner!r}, ttl={self._shared.ttl_s})"

    def __reduce__(self) -> tuple[Any, ...]:
        # Another process begins with nothing, or with what its cache backend shares with this one.
        return _rebuilt, (type(self), self._inner, self._settings(), self._prefix)

    def __deepcopy__(self, memo: dict[int, Any]) -> CachedStore:
        settings = self._settings()
        if isinstance(self._shared.backend, MemoryCache):
            settings["cache_backend"] = copy.deepcopy(self._shared.backend, memo)
        return _rebuilt(type(self), copy.deepcopy(self._inner, memo), settings, self._prefix)

    def _settings(self) -> dict[str, Any]:
        return {
            "ttl": self._shared.ttl_s,
            "max_content_size": self._max_content_size,
            "max_listing_size": self._max_listing_size,
            "max_entries": None,
            "cache_backend": self._shared.backend,
        }


def _moved(value: Any, path: str) -> Any:
    return replace(value, path=RemotePath._trusted(path))  # noqa: SLF001 - a path of ours, normalised


def _text(value: object) -> str:
    # NUL occurs in no pattern that could match: a pattern "None" is not "no pattern".
    return "\0" if value is None else str(value)


def _rebuilt(kind: type[CachedStore], inner: Store, settings: dict[str, Any], prefix: str) -> CachedStore:
    made = kind(inner, **settings)
    made._prefix = prefix  # noqa: SLF001 - same module
    return made
