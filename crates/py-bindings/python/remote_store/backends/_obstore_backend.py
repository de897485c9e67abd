"""Any store of obstore, called through its methods."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any, BinaryIO, TypeVar

from remote_store._backend import Backend
from remote_store._capabilities import Capability, CapabilitySet
from remote_store._errors import (
    AlreadyExists,
    BackendUnavailable,
    DirectoryNotEmpty,
    NotFound,
    PermissionDenied,
)
from remote_store._models import FileInfo, FolderEntry, FolderInfo, WriteResult
from remote_store._native import masking
from remote_store._path import RemotePath

__all__ = ["ObstoreBackend"]

_T = TypeVar("_T")
_ALL_BUT = {Capability.ATOMIC_MOVE, Capability.GLOB, Capability.USER_METADATA}
_ERRORS = {
    "NotFoundError": (NotFound, "File not found: {}"),
    "AlreadyExistsError": (AlreadyExists, "File already exists: {}"),
    "PermissionDeniedError": (PermissionDenied, "Permission denied: {}"),
    "UnauthenticatedError": (PermissionDenied, "Permission denied: {}"),
}


class ObstoreBackend(Backend):
    """A store of obstore that has no counterpart here, such as its `MemoryStore`.

    Args:
        store: The store; its own prefix stays in force.
    """

    def __init__(self, store: Any) -> None:
        self.store = store
        self._capabilities = CapabilitySet(set(Capability) - _ALL_BUT)

    @property
    def name(self) -> str:
        """The name that stands in errors and logs."""
        return "obstore"

    @property
    def capabilities(self) -> CapabilitySet:
        """What this backend can do."""
        return self._capabilities

    @contextmanager
    def _translated(self, path: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            kind, text = _ERRORS.get(type(error).__name__, (None, ""))
            if kind is None and type(error).__module__.startswith(("obstore", "builtins")):
                if isinstance(error, FileNotFoundError):
                    kind, text = _ERRORS["NotFoundError"]
                elif type(error).__module__ == "builtins" and not isinstance(error, OSError):
                    raise
                else:
                    kind, text = BackendUnavailable, f"obstore failed: {masking.redact_text(str(error))}"
            if kind is None:
                raise
            raise kind(text.format(path), path=path, backend=self.name) from None

    def exists(self, path: str) -> bool:
        """Say whether there is a file or a folder."""
        return self.is_file(path) or self.is_folder(path)

    def is_file(self, path: str) -> bool:
        """Say whether there is a file."""
        try:
            self.get_file_info(path)
        except NotFound:
            return False
        return True

    def is_folder(self, path: str) -> bool:
        """Say whether anything lies below."""
        return not path or next(self._below(path), None) is not None

    def _below(self, path: str) -> Iterator[dict[str, Any]]:
        with self._translated(path):
            for page in self.store.list(f"{path}/" if path else None):
                yield from page

    def read(self, path: str) -> BinaryIO:
        """Open a file for reading."""
        return io.BytesIO(self.read_bytes(path))

    def read_bytes(self, path: str) -> bytes:
        """Read a whole file."""
        with self._translated(path):
            return bytes(self.store.get(path).bytes())

    def write(
        self,
        path: str,
        content: bytes | BinaryIO,
        *,
        overwrite: bool = False,
        metadata: Mapping[str, str] | None = None,
    ) -> WriteResult:
        """Write a file."""
        data = content if isinstance(content, bytes) else content.read()
        options = {"attributes": dict(metadata)} if metadata else {}
        with self._translated(path):
            # Uploads in parts know no conditions.
            mode = "overwrite" if overwrite else "create"
            self.store.put(path, data, mode=mode, use_multipart=False, **options)
        return WriteResult(RemotePath(path), len(data))

    def write_atomic(
        self,
        path: str,
        content: bytes | BinaryIO,
        *,
        overwrite: bool = False,
        metadata: Mapping[str, str] | None = None,
    ) -> WriteResult:
        """Write a file; every write is atomic."""
        return self.write(path, content, overwrite=overwrite, metadata=metadata)

    def open_atomic(self, path: str, *, overwrite: bool = False) -> AbstractContextManager[BinaryIO]:
        """Collect a file that is written when the block ends without an error."""

        @contextmanager
        def collected() -> Iterator[BinaryIO]:
            file = io.BytesIO()
            yield file
            self.write(path, file.getvalue(), overwrite=overwrite)

        return collected()

    def delete(self, path: str, *, missing_ok: bool = False) -> None:
        """Delete a file."""
        if not self.is_file(path):
            if missing_ok:
                return
            raise NotFound(f"File not found: {path}", path=path, backend=self.name)
        with self._translated(path):
            self.store.delete(path)

    def delete_folder(self, path: str, *, recursive: bool = False, missing_ok: bool = False) -> None:
        """Delete a folder."""
        found = [entry["path"] for entry in self._below(path)]
        if not found:
            if missing_ok:
                return
            raise NotFound(f"Folder not found: {path}", path=path, backend=self.name)
        if not recursive:
            raise DirectoryNotEmpty(f"Folder not empty: {path}", path=path, backend=self.name)
        with self._translated(path):
            self.store.delete(found)

    def list_files(
        self, path: str, *, recursive: bool = False, max_depth: int | None = None
    ) -> Iterator[FileInfo]:
        """List files."""
        base = len(path.split("/")) if path else 0
        for meta in self._below(path) if recursive else self._level(path)["objects"]:
            info = _file_info(meta)
            if max_depth is None or len(info.path.parts) - base - 1 <= max_depth:
                yield info

    def list_folders(self, path: str) -> Iterator[FolderEntry]:
        """List folders."""
        for prefix in self._level(path)["common_prefixes"]:
            folder = RemotePath(prefix)
            yield FolderEntry(folder, folder.name)

    def _level(self, path: str) -> Any:
        with self._translated(path):
            return self.store.list_with_delimiter(f"{path}/" if path else None)

    def get_file_info(self, path: str) -> FileInfo:
        """Describe a file."""
        with self._translated(path):
            return _file_info(self.store.head(path))

    def get_folder_info(self, path: str) -> FolderInfo:
        """Describe a folder."""
        files = list(self.list_files(path, recursive=True))
        newest = max((info.modified_at for info in files), default=None)
        return FolderInfo(RemotePath(path), len(files), sum(info.size for info in files), newest)

    def move(self, src: str, dst: str, *, overwrite: bool = False) -> None:
        """Move a file."""
        self._two_sided(self.store.rename, src, dst, overwrite)

    def copy(self, src: str, dst: str, *, overwrite: bool = False) -> None:
        """Copy a file."""
        self._two_sided(self.store.copy, src, dst, overwrite)

    def _two_sided(self, call: Any, src: str, dst: str, overwrite: bool) -> None:
        if not self.is_file(src):
            raise NotFound(f"Source not found: {src}", path=src, backend=self.name)
        if not overwrite and self.is_file(dst):
            raise AlreadyExists(f"Destination already exists: {dst}", path=dst, backend=self.name)
        with self._translated(src):
            call(src, dst, overwrite=overwrite)

    def unwrap(self, type_hint: type[_T]) -> _T:
        """Return the store of obstore, or this backend."""
        return self.store if isinstance(self.store, type_hint) else super().unwrap(type_hint)


def _file_info(meta: Mapping[str, Any]) -> FileInfo:
    path = RemotePath(meta["path"])
    return FileInfo(path, path.name, meta["size"], meta["last_modified"], etag=meta.get("e_tag"))
