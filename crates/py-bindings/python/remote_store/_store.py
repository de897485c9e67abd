"""The store: files under one root, on any backend."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from remote_store import _native
from remote_store._capabilities import Capability
from remote_store._core import Core, PathLike, as_text, core_over, open_atomic, open_read, write
from remote_store._listing import Listing
from remote_store._metadata import check_metadata
from remote_store._models import ResolutionPlan, WriteResult
from remote_store._obstore import from_obstore, is_obstore
from remote_store._path import join, normalize
from remote_store._portable import Portable

if TYPE_CHECKING:
    from remote_store._backend import Backend

__all__ = ["Store"]

_T = TypeVar("_T")


class Store(Listing, Portable):
    r"""Files under a root folder of a backend.

    Paths are strings (or `RemotePath`) relative to the root; ``""`` and ``"."`` mean the root itself.
    A store built from a backend closes it; children and stores of a `Registry` do not.

    Args:
        backend: A backend of `remote_store.backends`, a subclass of `Backend`, any object with its
            methods, or a store of obstore.
        root_path: The folder of the backend that is the store's root.

    Raises:
        InvalidPath: The root path leaves the backend's root.

    Examples:
        >>> from remote_store.backends import MemoryBackend
        >>> store = Store(MemoryBackend(), "lake")
        >>> store.write("orders/2024.csv", b"id\n1\n").size
        5
        >>> store.read_bytes("orders/2024.csv")
        b'id\n1\n'
        >>> store.read_bytes("orders/2025.csv")
        Traceback (most recent call last):
        ...
        remote_store._errors.NotFound: File not found: lake/orders/2025.csv | path=...
    """

    def __init__(self, backend: Backend, root_path: PathLike = "") -> None:
        root = normalize(as_text(root_path or ""))
        if is_obstore(backend):
            backend, root = from_obstore(backend, root)
        self._backend = backend
        self._core: Core = core_over(backend, root)
        self._owns_backend = True

    @classmethod
    def _over(cls, backend: Backend, core: Core) -> Store:
        """Make a store that does not close its backend."""
        made = object.__new__(Store)
        made._backend = backend
        made._core = core
        made._owns_backend = False
        return made

    # Reading

    def read(self, path: PathLike) -> BinaryIO:
        """Open a file for reading.

        Args:
            path: The file.

        Returns:
            A binary file that fetches while it is read; close it, or use it in a ``with`` block.

        Raises:
            NotFound: There is no such file.
        """
        return open_read(self._core, self._begin("read", path))

    def read_bytes(self, path: PathLike) -> bytes:
        """Read a whole file.

        Raises:
            NotFound: There is no such file.
            InvalidPath: The path is the root, a folder, or leaves the root.
        """
        return self._core.read_bytes(self._begin("read_bytes", path))

    def read_seekable(self, path: PathLike) -> BinaryIO:
        """Open a file for reading with ``seek``.

        Raises:
            NotFound: There is no such file.
            CapabilityNotSupported: The backend cannot do it.
        """
        self._require(Capability.SEEKABLE_READ)
        return open_read(self._core, self._begin("read_seekable", path), seekable=True)

    def read_text(self, path: PathLike, *, encoding: str = "utf-8", errors: str = "strict") -> str:
        """Read a whole file as text.

        Raises:
            NotFound: There is no such file.
            UnicodeDecodeError: Its content is not in that encoding.
        """
        return self.read_bytes(path).decode(encoding, errors)

    # Writing

    def write(
        self,
        path: PathLike,
        content: bytes | BinaryIO,
        *,
        overwrite: bool = False,
        metadata: Mapping[str, str] | None = None,
    ) -> WriteResult:
        """Write a file; it appears whole or not at all.

        Args:
            path: The file.
            content: Bytes (or a bytearray or memoryview), or an open binary file, which goes out in
                parts.
            overwrite: Whether an existing file is replaced.
            metadata: User metadata of the file.

        Returns:
            What the store said about the write.

        Raises:
            AlreadyExists: There is such a file and ``overwrite`` is false.
            TypeError: The content is text.
            ValueError: The metadata is not valid.
        """
        return self._write("write", path, content, overwrite, metadata, atomic=False)

    def write_text(
        self,
        path: PathLike,
        text: str,
        *,
        encoding: str = "utf-8",
        overwrite: bool = False,
        metadata: Mapping[str, str] | None = None,
    ) -> WriteResult:
        """Write text; otherwise like `write`.

        Raises:
            AlreadyExists: There is such a file and ``overwrite`` is false.
            UnicodeEncodeError: The text does not fit the encoding.
        """
        if not isinstance(text, str):
            raise TypeError(f"text must be a str, got {type(text).__name__}; use write for bytes")
        return self.write(path, text.encode(encoding), overwrite=overwrite, metadata=metadata)

    def write_atomic(
        self,
        path: PathLike,
        content: bytes | BinaryIO,
        *,
        overwrite: bool = False,
        metadata: Mapping[str, str] | None = None,
    ) -> WriteResult:
        """Write a file, insisting that readers see all of it or nothing; otherwise like `write`.

        Raises:
            CapabilityNotSupported: The backend cannot promise that.
            AlreadyExists: There is such a file and ``overwrite`` is false.
        """
        self._require(Capability.ATOMIC_WRITE)
        return self._write("write_atomic", path, content, overwrite, metadata, atomic=True)

    def _write(
        self,
        op: str,
        path: PathLike,
        content: Any,
        overwrite: bool,
        metadata: Mapping[str, str] | None,
        *,
        atomic: bool,
    ) -> WriteResult:
        if not atomic:
            self._require(Capability.WRITE)
        checked = check_metadata(metadata)
        if checked is not None:
            self._require(Capability.USER_METADATA)
        if isinstance(content, str):
            raise TypeError("content must be bytes or a binary file, got str; use write_text for text")
        key = self._begin(op, path)
        result = write(self._core, key, content, overwrite, checked, atomic=atomic)
        self._done(op, key)
        return result

    def open_atomic(self, path: PathLike, *, overwrite: bool = False) -> AbstractContextManager[BinaryIO]:
        """Open a file for writing that appears when the ``with`` block ends without an error.

        Examples:
            >>> from remote_store.backends import MemoryBackend
            >>> store = Store(MemoryBackend())
            >>> with store.open_atomic("log.txt") as file:
            ...     _ = file.write(b"half")
            ...     store.exists("log.txt")
            False
            >>> store.exists("log.txt")
            True

        Raises:
            CapabilityNotSupported: The backend cannot do it.
            AlreadyExists: There is such a file and ``overwrite`` is false.
        """
        return self._open_atomic(path, overwrite)

    @contextmanager
    def _open_atomic(self, path: PathLike, overwrite: bool) -> Iterator[BinaryIO]:
        self._require(Capability.ATOMIC_WRITE)
        key = self._begin("open_atomic", path)
        with open_atomic(self._core, key, overwrite=overwrite) as file:
            yield file
        self._done("open_atomic", key)

    def delete(self, path: PathLike, *, missing_ok: bool = False) -> None:
        """Delete a file.

        Raises:
            NotFound: There is none and ``missing_ok`` is false.
        """
        key = self._begin("delete", path)
        self._core.delete(key, missing_ok)
        self._done("delete", key)

    def delete_folder(self, path: PathLike, *, recursive: bool = False, missing_ok: bool = False) -> None:
        """Delete a folder, never the root.

        Raises:
            NotFound: There is none and ``missing_ok`` is false.
            DirectoryNotEmpty: It has content and ``recursive`` is false.
        """
        key = self._begin("delete_folder", path)
        self._core.delete_folder(key, recursive, missing_ok)
        self._done("delete_folder", key)

    def move(self, src: PathLike, dst: PathLike, *, overwrite: bool = False) -> None:
        """Move a file; onto itself is nothing to do.

        Raises:
            NotFound: There is no such file.
            AlreadyExists: The destination exists and ``overwrite`` is false.
        """
        key = self._begin("move", src)
        self._core.rename(key, as_text(dst), overwrite)
        self._done("move", key)

    def copy(self, src: PathLike, dst: PathLike, *, overwrite: bool = False) -> None:
        """Copy a file; onto itself is nothing to do.

        Raises:
            NotFound: There is no such file.
            AlreadyExists: The destination exists and ``overwrite`` is false.
        """
        key = self._begin("copy", src)
        self._core.copy(key, as_text(dst), overwrite)
        self._done("copy", key)

    # The store itself

    def ping(self) -> None:
        """Raise when the backend cannot be used.

        Raises:
            BackendUnavailable: It cannot be reached.
            PermissionDenied: It refuses the credentials.
        """
        self._begin("ping", "")
        self._core.ping()

    def close(self) -> None:
        """Release what the backend holds, when the store owns it."""
        if self._owns_backend:
            self._backend.close()

    def child(self, subpath: PathLike) -> Store:
        """Return a store whose root is a folder of this one; closing it closes nothing.

        Raises:
            InvalidPath: The folder leaves the root.
        """
        return self._over(self._backend, self._core.child(as_text(subpath)))

    def unwrap(self, type_hint: type[_T]) -> _T:
        """Return the object of the given type that the backend is made of.

        Raises:
            CapabilityNotSupported: There is none of that type.
        """
        return self._backend.unwrap(type_hint)

    def resolve(self, key: PathLike) -> ResolutionPlan:
        """Tell where a key really lies: the backend's answer, with the key as this store has it."""
        text = normalize(as_text(key))
        plan: object = self._backend.resolve(join(self._core.root_path, text))
        if isinstance(plan, ResolutionPlan):
            return replace(plan, key=text)
        # A backend that is only like one need not have an answer.
        return ResolutionPlan(self._core.backend_name, self._core.backend_name, text, self.native_path(text))

    def native_path(self, key: PathLike) -> str:
        """Return the backend's own name of a key, for display and other tools."""
        return self._core.native_path(as_text(key))

    def to_key(self, path: str) -> str:
        """Return the key of a backend's own name; the inverse of `native_path`.

        Raises:
            InvalidPath: The name is not inside this store.
        """
        return self._core.to_key(path)

    def supports(self, capability: Capability) -> bool:
        """Say whether the backend can do something."""
        return self._backend.capabilities.supports(capability)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Store):
            return NotImplemented
        return self._backend is other._backend and self._core.root_path == other._core.root_path

    def __hash__(self) -> int:
        return hash((id(self._backend), self._core.root_path))


_OWN_FIELDS = {"_backend", "_core", "_owns_backend"}


def _methods() -> dict[str, Callable[..., Any]]:
    """Return what a call of each method would run, bases included."""
    return {
        name: value
        for owner in reversed(Store.__mro__[:-1])
        for name, value in vars(owner).items()
        if callable(value) and not name.startswith("__")
    }


_PRISTINE = _methods()


def native_core(store: object) -> _native.Store | None:
    """Return the native store under a `Store` that is neither subclassed nor patched, else None."""
    if type(store) is not Store or store.__dict__.keys() != _OWN_FIELDS or _methods() != _PRISTINE:
        return None
    core = store._core  # noqa: SLF001 - same module
    return core if isinstance(core, _native.Store) else None
