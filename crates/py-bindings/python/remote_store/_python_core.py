"""The counterpart of `_native.Store` for backends written in Python.

Paths are relative to the store's root; the backend gets them with the root joined, and the
paths in its results are cut back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from remote_store._capabilities import Capability
from remote_store._errors import InvalidPath, NotFound, RemoteStoreError
from remote_store._models import FileInfo, FolderEntry, FolderInfo, WriteResult
from remote_store._path import RemotePath, join, normalize

if TYPE_CHECKING:
    from remote_store._backend import Backend

__all__ = ["PythonCore"]

_Model = TypeVar("_Model", FileInfo, FolderEntry, FolderInfo, WriteResult)
_Level = tuple[list[FileInfo], list[FolderEntry]]


class PythonCore:
    """The storage operations of a store over a Python backend, subclassed or duck-typed.

    What the backend does not claim is refused before its method is looked up: a duck-typed one need
    not have it.

    Args:
        backend: Anything with the methods of `Backend`.
        root_path: The folder of the backend that is the store's root.
    """

    def __init__(self, backend: Backend, root_path: str) -> None:
        self._backend = backend
        self.root_path = root_path

    @property
    def backend_name(self) -> str:
        """The name of the backend."""
        return self._backend.name

    def capabilities(self) -> list[str]:
        """Return the values of the backend's capabilities."""
        return [capability.value for capability in self._backend.capabilities]

    def child(self, subpath: str) -> PythonCore:
        """Return the core of a store one or more folders further down."""
        return PythonCore(self._backend, join(self.root_path, normalize(subpath)))

    # Reading

    def read_bytes(self, path: str) -> bytes:
        """Read a whole file."""
        full = self._file(path, Capability.READ)
        return self._backend.read_bytes(full)

    def read_range(self, path: str, start: int, end: int | None = None) -> bytes:
        """Read the bytes from ``start`` to ``end`` (exclusive), or to the end of the file."""
        with self.open_read(path) as stream:
            if stream.seekable():
                stream.seek(start)
            else:
                stream.read(start)
            return stream.read() if end is None else stream.read(max(0, end - start))

    def get_ranges(self, path: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Read several ranges of one file."""
        return [self.read_range(path, start, end) for start, end in ranges]

    def open_read(self, path: str) -> BinaryIO:
        """Open a file for reading."""
        full = self._file(path, Capability.READ)
        return self._backend.read(full)

    def open_seekable(self, path: str) -> BinaryIO:
        """Open a file for reading with ``seek``."""
        full = self._file(path, Capability.READ)
        return self._backend.read_seekable(full)

    def read_many(
        self, paths: Sequence[str], *, window: int = 64, missing_ok: bool = False
    ) -> Iterator[bytes | None]:
        """Read files one after the other, in the order of the paths."""
        del window  # A Python backend promises nothing about threads.
        for path in paths:
            try:
                yield self.read_bytes(path)
            except NotFound:
                if not missing_ok:
                    raise
                yield None

    # Writing

    def write(
        self,
        path: str,
        content: Any,
        overwrite: bool = False,
        metadata: Mapping[str, str] | None = None,
        *,
        atomic: bool = False,
    ) -> WriteResult:
        """Write bytes or the rest of a binary file."""
        full = self._file(path, Capability.ATOMIC_WRITE if atomic else Capability.WRITE)
        options: dict[str, Any] = {"overwrite": overwrite}
        if metadata is not None:
            self._require(Capability.USER_METADATA)
            options["metadata"] = metadata
        if isinstance(content, bytearray | memoryview):
            content = bytes(content)
        write = self._backend.write_atomic if atomic else self._backend.write
        return self._relative(write(full, content, **options))

    def open_atomic(self, path: str, *, overwrite: bool = False) -> AbstractContextManager[BinaryIO]:
        """Open a file for writing that appears when the context ends without an error."""
        full = self._file(path, Capability.ATOMIC_WRITE)
        return self._backend.open_atomic(full, overwrite=overwrite)

    def delete(self, path: str, missing_ok: bool = False) -> None:
        """Delete a file."""
        full = self._file(path, Capability.DELETE)
        self._backend.delete(full, missing_ok=missing_ok)

    def delete_many(self, paths: Sequence[str]) -> list[tuple[str, RemoteStoreError | None]]:
        """Delete files; each comes back with its error, if there was one."""
        return [(path, self._delete_one(path)) for path in paths]

    def _delete_one(self, path: str) -> RemoteStoreError | None:
        try:
            self.delete(path, missing_ok=True)
        except RemoteStoreError as error:
            return error
        return None

    def delete_folder(self, path: str, recursive: bool = False, missing_ok: bool = False) -> None:
        """Delete a folder; never the root."""
        self._require(Capability.DELETE)
        if not normalize(path):
            raise InvalidPath("Cannot delete the store root", path=path)
        self._backend.delete_folder(self._any(path), recursive=recursive, missing_ok=missing_ok)

    def copy(self, src: str, dst: str, overwrite: bool = False) -> None:
        """Copy a file; onto itself is nothing to do."""
        self._two_sided("copy", Capability.COPY, src, dst, overwrite)

    def rename(self, src: str, dst: str, overwrite: bool = False) -> None:
        """Move a file; onto itself is nothing to do."""
        self._two_sided("move", Capability.MOVE, src, dst, overwrite)

    def _two_sided(self, method: str, capability: Capability, src: str, dst: str, overwrite: bool) -> None:
        source, target = self._file(src, capability), self._file(dst, capability)
        if source == target and self._backend.is_file(source):
            return
        getattr(self._backend, method)(source, target, overwrite=overwrite)

    # Looking

    def head(self, path: str) -> FileInfo:
        """Describe a file."""
        full = self._file(path, Capability.METADATA)
        return self._relative(self._backend.get_file_info(full))

    def exists(self, path: str) -> bool:
        """Say whether there is a file or a folder."""
        return not normalize(path) or self._backend.exists(self._any(path))

    def is_file(self, path: str) -> bool:
        """Say whether there is a file."""
        return bool(normalize(path)) and self._backend.is_file(self._any(path))

    def is_folder(self, path: str) -> bool:
        """Say whether there is a folder; the store's root always is one."""
        return not normalize(path) or self._backend.is_folder(self._any(path))

    def list(self, path: str, recursive: bool = False, max_depth: int | None = None) -> Iterator[FileInfo]:
        """List files, those directly in the folder at depth 0."""
        self._require(Capability.LIST)
        base = len(RemotePath(path).parts) if normalize(path) else 0
        for info in self._backend.list_files(self._any(path), recursive=recursive):
            entry = self._relative(info)
            if max_depth is None or len(entry.path.parts) - base - 1 <= max_depth:
                yield entry

    def list_level(self, path: str) -> _Level:
        """List the files and the folders directly in a folder."""
        self._require(Capability.LIST)
        full = self._any(path)
        files = [self._relative(info) for info in self._backend.list_files(full, recursive=False)]
        return files, [self._relative(entry) for entry in self._backend.list_folders(full)]

    def folder_info(self, path: str, max_depth: int | None = None) -> FolderInfo:
        """Count the files of a folder."""
        self._require(Capability.METADATA)
        if not self.is_folder(path):
            full = self._any(path)
            raise NotFound(f"Folder not found: {full}", path=full, backend=self.backend_name)
        if max_depth is None and normalize(path):
            return self._relative(self._backend.get_folder_info(self._any(path)))
        files = list(self.list(path, recursive=True, max_depth=max_depth))
        newest = max((info.modified_at for info in files), default=None)
        here = RemotePath._trusted(normalize(path))  # noqa: SLF001 - normalised just here
        return FolderInfo(here, len(files), sum(info.size for info in files), newest)

    def glob(self, pattern: str) -> Iterator[FileInfo]:
        """List the files that match a pattern, as the backend does it."""
        self._require(Capability.GLOB)
        return (self._relative(info) for info in self._backend.glob(self._any(pattern)))

    def ping(self) -> None:
        """Raise when the backend cannot be used."""
        self._backend.check_health()

    def close(self) -> None:
        """Close the backend."""
        self._backend.close()

    # Names

    def native_path(self, path: str) -> str:
        """Return the backend's own name of a path."""
        return self._backend.native_path(self._any(path))

    def to_key(self, native_path: str) -> str:
        """Return the path of a backend's own name."""
        key = self._backend.to_key(native_path)
        return self._cut(key) if self.root_path else key

    def uri(self, path: str) -> str:
        """Return a URI for display."""
        return f"{self.backend_name}://{self.native_path(path).lstrip('/')}"

    def _any(self, path: str) -> str:
        return join(self.root_path, normalize(path))

    def _file(self, path: str, capability: Capability) -> str:
        self._require(capability)
        key = normalize(path)
        if not key:
            message = "Path must not be empty or root for file operations"
            raise InvalidPath(message, path=path)
        return join(self.root_path, key)

    def _require(self, capability: Capability) -> None:
        self._backend.capabilities.require(capability, backend=self._backend.name)

    def _cut(self, full: str) -> str:
        if full == self.root_path:
            return ""
        if not full.startswith(f"{self.root_path}/"):
            message = f"Path is not inside the store's root '{self.root_path}'"
            raise InvalidPath(message, path=full, backend=self.backend_name)
        return full[len(self.root_path) + 1 :]

    def _relative(self, result: _Model) -> _Model:
        """Cut the root off the path of a result; results that are no models of ours pass as they are."""
        if not self.root_path or not isinstance(result, FileInfo | FolderEntry | FolderInfo | WriteResult):
            return result
        cut = RemotePath._trusted(self._cut(normalize(str(result.path))))  # noqa: SLF001 - normalised just here
        return replace(result, path=cut)
