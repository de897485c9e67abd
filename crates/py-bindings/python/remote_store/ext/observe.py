"""A store that tells what is done with it.

Examples:
    >>> from remote_store import Store
    >>> from remote_store.backends import MemoryBackend
    >>> events = []
    >>> store = observe(Store(MemoryBackend()), on_any=events.append)
    >>> _ = store.write("a.txt", b"hello")
    >>> store.read_bytes("b.txt")
    Traceback (most recent call last):
    ...
    remote_store._errors.NotFound: File not found: b.txt | path='b.txt' | backend='memory'
    >>> [(event.operation, event.path, type(event.error).__name__) for event in events]
    [('write', 'a.txt', 'NoneType'), ('read_bytes', 'b.txt', 'NotFound')]
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any, BinaryIO, TypeVar

from remote_store._capabilities import Capability
from remote_store._core import PathLike
from remote_store._errors import InvalidPath
from remote_store._models import FileInfo, FolderEntry, FolderInfo, PathEntry, ResolutionPlan, WriteResult
from remote_store._native import masking
from remote_store._proxy import ProxyStore
from remote_store._store import Store
from remote_store.ext._events import BufferedObserver, StoreEvent, set_correlation_id
from remote_store.ext._observation import HOOKS, Observers, observed_file

__all__ = ["BufferedObserver", "ObservedStore", "StoreEvent", "observe", "set_correlation_id"]

_T = TypeVar("_T")
_Entry = TypeVar("_Entry")


class ObservedStore(ProxyStore):
    """What `observe` returns: the store behind ``.inner``, with hooks that are told of each call."""

    def __init__(self, inner: Store, *, hooks: dict[str, Any], around: Any | None) -> None:
        """Make an observed store; `observe` has the arguments by name."""
        if not callable(getattr(inner, "read_bytes", None)):
            raise TypeError(f"What is observed must be a Store, got {type(inner).__name__}")
        unknown = sorted(set(hooks) - set(HOOKS))
        if unknown:
            raise TypeError(f"Unknown hooks {unknown}. Known: {list(HOOKS)}")
        for name, hook in {**hooks, "around": around}.items():
            if hook is not None and not callable(hook):
                raise TypeError(f"{name} must be callable, got {type(hook).__name__}")
        super().__init__(inner)
        self._observers = Observers({name: hook for name, hook in hooks.items() if hook is not None}, around)

    def child(self, subpath: PathLike) -> Store:
        """Return a child that tells the same hooks, with paths of its own."""
        return self._wrap_child(self._told("child", subpath, {}, lambda: self._inner.child(subpath)))

    def _wrap_child(self, inner_child: Store) -> Store:
        made = object.__new__(type(self))
        ProxyStore.__init__(made, inner_child)
        made._observers = self._observers
        return made

    # Reading

    def read(self, path: PathLike) -> BinaryIO:
        """Open a file for reading; its event comes when it is closed."""
        return self._opened("read", path, self._inner.read)

    def read_seekable(self, path: PathLike) -> BinaryIO:
        """Open a file for reading with ``seek``; its event comes when it is closed."""
        return self._opened("read_seekable", path, self._inner.read_seekable)

    def _opened(self, operation: str, path: PathLike, open_file: Callable[[PathLike], BinaryIO]) -> BinaryIO:
        watch = self._observers.begin(operation, path, self._backend_name(), {})
        with watch.telling_errors(), watch.around():
            file = open_file(path)
        return observed_file(file, watch)

    def read_bytes(self, path: PathLike) -> bytes:
        """Read a whole file."""
        return self._told("read_bytes", path, {}, lambda: self._inner.read_bytes(path), size=len)

    def read_text(self, path: PathLike, *, encoding: str = "utf-8", errors: str = "strict") -> str:
        """Read a whole file as text."""
        return self._told(
            "read_text",
            path,
            {"encoding": encoding},
            lambda: self._inner.read_text(path, encoding=encoding, errors=errors),
        )

    # Writing

    def write(
        self,
        path: PathLike,
        content: bytes | BinaryIO,
        *,
        overwrite: bool = False,
        metadata: Mapping[str, str] | None = None,
    ) -> WriteResult:
        """Write a file."""
        options: dict[str, Any] = {"overwrite": overwrite, "metadata": metadata}
        return self._written("write", path, overwrite, lambda: self._inner.write(path, content, **options))

    def write_text(
        self,
        path: PathLike,
        text: str,
        *,
        encoding: str = "utf-8",
        overwrite: bool = False,
        metadata: Mapping[str, str] | None = None,
    ) -> WriteResult:
        """Write text."""
        options: dict[str, Any] = {"encoding": encoding, "overwrite": overwrite, "metadata": metadata}
        return self._written(
            "write_text",
            path,
            overwrite,
            lambda: self._inner.write_text(path, text, **options),
            encoding=encoding,
        )

    def write_atomic(
        self,
        path: PathLike,
        content: bytes | BinaryIO,
        *,
        overwrite: bool = False,
        metadata: Mapping[str, str] | None = None,
    ) -> WriteResult:
        """Write a file, insisting on atomicity."""
        options: dict[str, Any] = {"overwrite": overwrite, "metadata": metadata}
        return self._written(
            "write_atomic", path, overwrite, lambda: self._inner.write_atomic(path, content, **options)
        )

    def _written(
        self, operation: str, path: PathLike, overwrite: bool, call: Callable[[], WriteResult], **further: Any
    ) -> WriteResult:
        # User metadata stays out: nobody knows what is in it.
        return self._told(
            operation, path, {**further, "overwrite": overwrite}, call, write_result=lambda result: result
        )

    def open_atomic(self, path: PathLike, *, overwrite: bool = False) -> AbstractContextManager[BinaryIO]:
        """Open a file for writing that appears when the ``with`` block ends without an error."""
        return self._open_atomic(path, overwrite)

    @contextmanager
    def _open_atomic(self, path: PathLike, overwrite: bool) -> Iterator[BinaryIO]:
        watch = self._observers.begin("open_atomic", path, self._backend_name(), {"overwrite": overwrite})
        with (
            watch.telling_errors(),
            watch.around(),
            self._inner.open_atomic(path, overwrite=overwrite) as file,
        ):
            yield file
        watch.tell()

    def delete(self, path: PathLike, *, missing_ok: bool = False) -> None:
        """Delete a file."""
        arguments = {"missing_ok": missing_ok}
        self._told("delete", path, arguments, lambda: self._inner.delete(path, missing_ok=missing_ok))

    def delete_folder(self, path: PathLike, *, recursive: bool = False, missing_ok: bool = False) -> None:
        """Delete a folder."""
        arguments = {"recursive": recursive, "missing_ok": missing_ok}
        self._told("delete_folder", path, arguments, lambda: self._inner.delete_folder(path, **arguments))

    def move(self, src: PathLike, dst: PathLike, *, overwrite: bool = False) -> None:
        """Move a file."""
        arguments = {"dst": str(dst), "overwrite": overwrite}
        self._told("move", src, arguments, lambda: self._inner.move(src, dst, overwrite=overwrite))

    def copy(self, src: PathLike, dst: PathLike, *, overwrite: bool = False) -> None:
        """Copy a file."""
        arguments = {"dst": str(dst), "overwrite": overwrite}
        self._told("copy", src, arguments, lambda: self._inner.copy(src, dst, overwrite=overwrite))

    # Listing: the event comes when the listing ends or is given up.

    def list_files(
        self,
        path: PathLike,
        *,
        recursive: bool = False,
        pattern: str | None = None,
        max_depth: int | None = None,
    ) -> Iterator[FileInfo]:
        """List files."""
        options: dict[str, Any] = {"recursive": recursive, "pattern": pattern, "max_depth": max_depth}
        return self._listed("list_files", path, options, lambda: self._inner.list_files(path, **options))

    def list_folders(
        self, path: PathLike, *, pattern: str | None = None, max_depth: int | None = None
    ) -> Iterator[FolderEntry]:
        """List folders."""
        options: dict[str, Any] = {"pattern": pattern, "max_depth": max_depth}
        return self._listed("list_folders", path, options, lambda: self._inner.list_folders(path, **options))

    def iter_children(self, path: PathLike) -> Iterator[PathEntry]:
        """List the files and the folders directly in a folder."""
        return self._listed("iter_children", path, {}, lambda: self._inner.iter_children(path))

    def glob(self, pattern: str) -> Iterator[FileInfo]:
        """List the files whose path matches a pattern."""
        watch = self._observers.begin("glob", pattern, self._backend_name(), {"pattern": pattern})
        with watch.telling_errors():
            found = self._inner.glob(pattern)
        return watch.over(found)

    def _listed(
        self, operation: str, path: PathLike, arguments: dict[str, Any], ask: Callable[[], Iterable[_Entry]]
    ) -> Iterator[_Entry]:
        watch = self._observers.begin(operation, path, self._backend_name(), arguments)
        yield from watch.over(ask())

    # Looking

    def exists(self, path: PathLike) -> bool:
        """Say whether there is a file or a folder."""
        return self._told("exists", path, {}, lambda: self._inner.exists(path))

    def is_file(self, path: PathLike) -> bool:
        """Say whether there is a file."""
        return self._told("is_file", path, {}, lambda: self._inner.is_file(path))

    def is_folder(self, path: PathLike) -> bool:
        """Say whether there is a folder."""
        return self._told("is_folder", path, {}, lambda: self._inner.is_folder(path))

    def get_file_info(self, path: PathLike) -> FileInfo:
        """Describe a file."""
        return self._told("get_file_info", path, {}, lambda: self._inner.get_file_info(path))

    def get_folder_info(self, path: PathLike, *, max_depth: int | None = None) -> FolderInfo:
        """Count the files of a folder."""
        options: dict[str, Any] = {"max_depth": max_depth}
        return self._told(
            "get_folder_info", path, options, lambda: self._inner.get_folder_info(path, **options)
        )

    def head(self, path: PathLike) -> WriteResult:
        """Describe a file as `write` would have done."""
        return self._told("head", path, {}, lambda: self._inner.head(path))

    # The store itself

    def ping(self) -> None:
        """Raise when the backend cannot be used."""
        self._told("ping", "", {}, self._inner.ping)

    def close(self) -> None:
        """Close the store behind."""
        self._told("close", "", {}, self._inner.close)

    def unwrap(self, type_hint: type[_T]) -> _T:
        """Return the object of the given type that the backend is made of."""
        arguments = {"type_hint": str(type_hint)}
        return self._told("unwrap", "", arguments, lambda: self._inner.unwrap(type_hint))

    def resolve(self, key: PathLike) -> ResolutionPlan:
        """Tell where a key really lies."""
        return self._told("resolve", key, {}, lambda: self._inner.resolve(key))

    def native_path(self, key: PathLike) -> str:
        """Return the backend's own name of a key."""
        return self._told("native_path", key, {}, lambda: self._inner.native_path(key))

    def to_key(self, path: str) -> str:
        """Return the key of a backend's own name."""
        # A URL may be signed: neither the event nor the error in it shows that part.
        shown = masking.redact_text(path) if "?" in path else path
        watch = self._observers.begin("to_key", shown, self._backend_name(), {})
        try:
            with watch.around():
                key = self._inner.to_key(path)
        except InvalidPath as error:
            watch.tell(error if shown == path else InvalidPath("Not inside the store", path=shown))
            raise
        except BaseException as error:
            watch.tell(error)
            raise
        watch.tell()
        return key

    def supports(self, capability: Capability) -> bool:
        """Say whether the backend can do something."""
        arguments = {"capability": getattr(capability, "name", str(capability))}
        return self._told("supports", "", arguments, lambda: self._inner.supports(capability))

    def _told(
        self,
        operation: str,
        path: PathLike,
        arguments: dict[str, Any],
        call: Callable[[], _T],
        **results: Callable[[Any], Any],
    ) -> _T:
        watch = self._observers.begin(operation, path, self._backend_name(), arguments)
        with watch.telling_errors(), watch.around():
            result = call()
        watch.tell(**{name: of(result) for name, of in results.items()})
        return result

    def _backend_name(self) -> str:
        return str(getattr(self._core, "backend_name", ""))

    def _set_apart_by(self) -> object:
        return self._observers

    def __repr__(self) -> str:
        return f"{type(self).__name__}(inner={self._inner!r})"


_Hook = Callable[[StoreEvent], None]


def observe(
    store: Store,
    *,
    on_read: _Hook | None = None,
    on_write: _Hook | None = None,
    on_delete: _Hook | None = None,
    on_copy: _Hook | None = None,
    on_move: _Hook | None = None,
    on_list: _Hook | None = None,
    on_ping: _Hook | None = None,
    on_error: _Hook | None = None,
    on_any: _Hook | None = None,
    around: Callable[[str, str, str], AbstractContextManager[Any]] | None = None,
) -> ObservedStore:
    """Have functions called with a `StoreEvent` after each operation of a store.

    A hook that raises breaks no operation; its first error is logged.

    Args:
        store: The store; the caller still owns it.
        on_read: For `read`, `read_bytes`, `read_seekable` and `read_text`. An open file tells when
            it is closed.
        on_write: For `write`, `write_text`, `write_atomic` and `open_atomic`.
        on_delete: For `delete` and `delete_folder`.
        on_copy: For `copy`.
        on_move: For `move`.
        on_list: For `list_files`, `list_folders`, `iter_children` and `glob`, at their end, and for
            looking: `exists`, `is_file`, `is_folder`, `get_file_info`, `get_folder_info`, `head`.
        on_ping: For `ping`.
        on_error: For every operation that failed.
        on_any: For every operation.
        around: Called before each operation with its name, the path and the name of the backend;
            the context manager it returns surrounds the operation (of a file that is opened for
            reading, the opening; of a listing, the first entry).

    Returns:
        A store; its children tell the same hooks.

    Raises:
        TypeError: The store is none, or a hook cannot be called.
    """
    hooks = {
        "on_read": on_read,
        "on_write": on_write,
        "on_delete": on_delete,
        "on_copy": on_copy,
        "on_move": on_move,
        "on_list": on_list,
        "on_ping": on_ping,
        "on_error": on_error,
        "on_any": on_any,
    }
    return ObservedStore(store, hooks=hooks, around=around)
