"""What a backend written in Python looks like."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from typing import BinaryIO, ClassVar, TypeVar

from remote_store._capabilities import CapabilitySet
from remote_store._errors import CapabilityNotSupported
from remote_store._models import FileInfo, FolderEntry, FolderInfo, PathEntry, ResolutionPlan, WriteResult

__all__ = ["Backend"]

_T = TypeVar("_T")


class Backend(ABC):
    """Storage that a `Store` can stand on.

    Paths are normalised and complete: the store has joined its root already. Subclass it, or
    hand any object with these methods to `Store`.

    Attributes:
        close_is_terminal: Whether calls after `close` raise BackendUnavailable.
    """

    close_is_terminal: ClassVar[bool] = False

    @property
    @abstractmethod
    def name(self) -> str:
        """The name that stands in errors and logs, e.g. ``"memory"``."""

    @property
    @abstractmethod
    def capabilities(self) -> CapabilitySet:
        """What this backend can do."""

    @abstractmethod
    def exists(self, path: str) -> bool:
        """Say whether there is a file or a folder at the path."""

    @abstractmethod
    def is_file(self, path: str) -> bool:
        """Say whether there is a file at the path."""

    @abstractmethod
    def is_folder(self, path: str) -> bool:
        """Say whether there is a folder at the path."""

    @abstractmethod
    def read(self, path: str) -> BinaryIO:
        """Open a file for reading; NotFound when there is none."""

    @abstractmethod
    def read_bytes(self, path: str) -> bytes:
        """Read a whole file; NotFound when there is none."""

    @abstractmethod
    def write(
        self,
        path: str,
        content: bytes | BinaryIO,
        *,
        overwrite: bool = False,
        metadata: Mapping[str, str] | None = None,
    ) -> WriteResult:
        """Write a file; AlreadyExists when there is one and ``overwrite`` is false."""

    @abstractmethod
    def write_atomic(
        self,
        path: str,
        content: bytes | BinaryIO,
        *,
        overwrite: bool = False,
        metadata: Mapping[str, str] | None = None,
    ) -> WriteResult:
        """Write a file so that readers see all of it or nothing."""

    @abstractmethod
    def open_atomic(self, path: str, *, overwrite: bool = False) -> AbstractContextManager[BinaryIO]:
        """Open a file for writing that appears when the context ends without an error."""

    @abstractmethod
    def delete(self, path: str, *, missing_ok: bool = False) -> None:
        """Delete a file."""

    @abstractmethod
    def delete_folder(self, path: str, *, recursive: bool = False, missing_ok: bool = False) -> None:
        """Delete a folder; DirectoryNotEmpty when it has content and ``recursive`` is false."""

    @abstractmethod
    def list_files(
        self, path: str, *, recursive: bool = False, max_depth: int | None = None
    ) -> Iterator[FileInfo]:
        """List the files in a folder; nothing when there is no such folder.

        A `Store` cuts off what is too deep itself and leaves ``max_depth`` out.
        """

    @abstractmethod
    def list_folders(self, path: str) -> Iterator[FolderEntry]:
        """List the folders directly in a folder."""

    @abstractmethod
    def get_file_info(self, path: str) -> FileInfo:
        """Describe a file."""

    @abstractmethod
    def get_folder_info(self, path: str) -> FolderInfo:
        """Describe a folder."""

    @abstractmethod
    def move(self, src: str, dst: str, *, overwrite: bool = False) -> None:
        """Move a file."""

    @abstractmethod
    def copy(self, src: str, dst: str, *, overwrite: bool = False) -> None:
        """Copy a file."""

    def read_seekable(self, path: str) -> BinaryIO:
        """Open a file for reading with ``seek``; by default held in memory when `read` cannot seek."""
        import io

        stream = self.read(path)
        if stream.seekable():
            return stream
        with stream:
            return io.BytesIO(stream.read())

    def iter_children(self, path: str) -> Iterator[PathEntry]:
        """List the files and folders directly in a folder."""
        yield from self.list_files(path)
        yield from self.list_folders(path)

    def glob(self, pattern: str) -> Iterator[FileInfo]:
        """List the files that match a pattern.

        Raises:
            CapabilityNotSupported: Unless a backend implements it.
        """
        raise CapabilityNotSupported(
            f"Capability 'glob' is not supported. Supported: {sorted(c.value for c in self.capabilities)}",
            path=pattern,
            backend=self.name,
            capability="glob",
        )

    def native_path(self, path: str) -> str:
        """Return the backend's own name of a path."""
        return path

    def to_key(self, native_path: str) -> str:
        """Return the path of a backend's own name; the inverse of `native_path`."""
        return native_path

    def resolve(self, path: str) -> ResolutionPlan:
        """Tell where a path really lies."""
        return ResolutionPlan(self.name, self.name, path, self.native_path(path))

    def check_health(self) -> None:
        """Raise when the backend cannot be used; by default look whether the root exists."""
        self.exists("")

    def close(self) -> None:  # noqa: B027 - nothing to release by default
        """Release what the backend holds."""

    def unwrap(self, type_hint: type[_T]) -> _T:
        """Return the object of the given type that the backend is made of.

        Raises:
            CapabilityNotSupported: There is none of that type.
        """
        if not isinstance(type_hint, type):
            raise TypeError(f"unwrap takes a class, got {type(type_hint).__name__}")
        if isinstance(self, type_hint):
            return self
        raise CapabilityNotSupported(
            f"Backend '{self.name}' does not expose native handle of type {type_hint.__name__}",
            backend=self.name,
            capability="unwrap",
        )
