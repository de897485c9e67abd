"""A store as a file system of PyArrow.

Examples:
    >>> import pyarrow as pa, pyarrow.dataset as ds, pyarrow.parquet as pq
    >>> from remote_store import Store
    >>> from remote_store.backends import MemoryBackend
    >>> files = pyarrow_fs(Store(MemoryBackend()))
    >>> pq.write_table(pa.table({"id": [1, 2, 3]}), "lake/part-0.parquet", filesystem=files)
    >>> ds.dataset("lake", filesystem=files).count_rows()
    3

Raises:
    ModuleNotFoundError: On import, when PyArrow is not installed.
"""

from __future__ import annotations

try:
    import pyarrow as pa
    import pyarrow.fs as pafs
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "PyArrow is required for remote_store.ext.arrow. Install it with: pip install 'remote-store[arrow]'",
        name="pyarrow",
    ) from error

from collections.abc import Iterable
from datetime import datetime
from typing import Any, BinaryIO, NoReturn, cast

from remote_store._capabilities import Capability
from remote_store._errors import InvalidPath, NotFound
from remote_store._models import UNKNOWN_TIME, FileInfo, FolderEntry
from remote_store._path import RemotePath, normalize
from remote_store._store import Store
from remote_store.ext._arrow_streams import AtomicOutput, CollectedOutput, Spooled, fail, translated

__all__ = ["StoreFileSystemHandler", "pyarrow_fs"]

_DEFAULT_BYTES = 64 * 1024 * 1024


# As Any: how complete PyArrow's types are depends on which stubs are installed.
_Handler: Any = pafs.FileSystemHandler
_PythonFile: Any = pa.PythonFile


class StoreFileSystemHandler(_Handler):  # type: ignore[misc]
    """What a `pyarrow.fs.PyFileSystem` calls; `pyarrow_fs` makes both.

    Paths are those of the store; ``""`` is its root. A folder exists when the store says so: where
    folders are only names, `create_dir` does nothing.

    Args:
        store: The store; the caller still owns it.
        materialization_threshold: Files of at most so many bytes are read whole by `open_input_file`
            when the store cannot seek; larger ones go to a temporary file.
        write_spill_threshold: How many bytes of a file that is being written are held in memory when
            the store cannot write atomically; what is more goes to a temporary file.

    Raises:
        TypeError: The store is none.
        ValueError: A threshold is negative.
    """

    def __init__(
        self,
        store: Store,
        materialization_threshold: int = _DEFAULT_BYTES,
        write_spill_threshold: int = _DEFAULT_BYTES,
    ) -> None:
        if not callable(getattr(store, "read_bytes", None)):
            raise TypeError(f"A file system needs a Store, got {type(store).__name__}")
        for name, value in (
            ("materialization_threshold", materialization_threshold),
            ("write_spill_threshold", write_spill_threshold),
        ):
            if value < 0:
                raise ValueError(f"{name} must not be negative, got {value}")
        super().__init__()
        self.store = store
        self._materialization_threshold = materialization_threshold
        self._write_spill_threshold = write_spill_threshold

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StoreFileSystemHandler) and self.store == other.store

    def __hash__(self) -> int:
        return hash(self.store)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.store, self._materialization_threshold, self._write_spill_threshold)

    def get_type_name(self) -> str:
        """Name the kind of file system."""
        return "remote-store"

    @staticmethod
    def normalize_path(path: str) -> str:
        """Return a path without empty segments and outer slashes.

        Raises:
            ValueError: It leaves the store.
        """
        try:
            return normalize(path)
        except InvalidPath as error:
            fail(error)

    # Looking

    def get_file_info(self, paths: list[str]) -> list[Any]:
        """Tell of each path whether it is a file, a folder, or not there."""
        return [self._info(path) for path in paths]

    def _info(self, path: str) -> Any:
        key = self.normalize_path(path)
        with translated():
            if key:
                try:
                    return _file(self.store.get_file_info(key))
                except (NotFound, InvalidPath):
                    pass
            is_folder = not key or self.store.is_folder(key)
        return pafs.FileInfo(path, pafs.FileType.Directory if is_folder else pafs.FileType.NotFound)

    def get_file_info_selector(self, selector: Any) -> list[Any]:
        """List a folder.

        Raises:
            FileNotFoundError: It is not there, and the selector does not allow that.
            NotADirectoryError: It is a file.
        """
        base = self.normalize_path(selector.base_dir)
        with translated():
            found = [_entry(entry) for entry in self._children(base, recursive=selector.recursive)]
            if not found and base and not self.store.is_folder(base):
                if self.store.is_file(base):
                    raise NotADirectoryError(f"Not a folder: {base}")
                if not selector.allow_not_found:
                    raise FileNotFoundError(f"Folder not found: {base}")
        return found

    def _children(self, base: str, *, recursive: bool) -> Iterable[FileInfo | FolderEntry]:
        if not recursive:
            for entry in self.store.iter_children(base):
                yield cast("FileInfo | FolderEntry", entry)
            return
        # One listing of all files; folders without files below are known to the store alone.
        seen: set[str] = set()
        for info in self.store.list_files(base, recursive=True):
            yield info
            folder = str(info.path).rpartition("/")[0]
            while folder and folder != base and folder not in seen:
                seen.add(folder)
                yield FolderEntry(RemotePath(folder), folder.rpartition("/")[2])
                folder = folder.rpartition("/")[0]
        yield from self._empty_folders(base, seen)

    def _empty_folders(self, base: str, seen: set[str]) -> Iterable[FolderEntry]:
        if not self._keeps_folders():
            return
        for entry in self.store.list_folders(base):
            if str(entry.path) not in seen:
                yield entry
            yield from self._empty_folders(str(entry.path), seen)

    def _keeps_folders(self) -> bool:
        """Say whether the store may have empty folders; only local disks and servers of files do."""
        name = str(getattr(getattr(self.store, "_core", None), "backend_name", ""))
        return name not in {"s3", "azure", "gcs", "memory", "http"}

    # Reading

    def open_input_stream(self, path: str) -> Any:
        """Open a file to read it from its beginning."""
        with translated():
            return _PythonFile(self.store.read(self._file_key(path)), mode="r")

    def open_input_file(self, path: str) -> Any:
        """Open a file to read any part of it; only the parts that are read are fetched."""
        key = self._file_key(path)
        with translated():
            if self.store.supports(Capability.SEEKABLE_READ):
                return _PythonFile(self.store.read_seekable(key), mode="r")
            return _PythonFile(self._copied(key), mode="r")

    def _copied(self, key: str) -> BinaryIO:
        copied = Spooled(max(1, self._materialization_threshold))
        try:
            with self.store.read(key) as source:
                while chunk := source.read(1024 * 1024):
                    copied.write(chunk)
            copied.seek(0)
        except BaseException:
            copied.close()
            raise
        return cast("BinaryIO", copied)

    # Writing

    def open_output_stream(self, path: str, metadata: Any = None) -> Any:  # noqa: ARG002 - Arrow's own metadata
        """Open a file to write it; it appears when it is closed, and replaces one that is there.

        A stream leaves nothing when its ``with`` block fails, when a write fails, and when it is
        dropped without being closed.
        """
        key = self._file_key(path)
        with translated():
            if self.store.supports(Capability.ATOMIC_WRITE):
                return _PythonFile(AtomicOutput(self.store.open_atomic(key, overwrite=True)), mode="w")
        return _PythonFile(CollectedOutput(self.store, key, self._write_spill_threshold), mode="w")

    def open_append_stream(self, path: str, metadata: Any = None) -> NoReturn:
        """Refuse: objects are written whole.

        Raises:
            NotImplementedError: Always.
        """
        raise NotImplementedError(
            f"Append is not supported by remote-store backends ({path!r}): objects are written whole. "
            "Write another file, or read and rewrite this one with open_output_stream."
        )

    # Changing

    def delete_file(self, path: str) -> None:
        """Delete a file."""
        with translated():
            self.store.delete(self._file_key(path))

    def create_dir(self, path: str, recursive: bool = True) -> None:  # noqa: ARG002 - parents come along
        """Do nothing, for folders come with their files; a file in the way is an error.

        Raises:
            FileExistsError: The path is a file.
        """
        key = self.normalize_path(path)
        with translated():
            if key and self.store.is_file(key):
                raise FileExistsError(f"Cannot create folder, there is a file: {key}")

    def delete_dir(self, path: str) -> None:
        """Delete a folder and what is in it; never the root."""
        key = self.normalize_path(path)
        if not key:
            raise NotImplementedError("Deleting the root of a store is not supported")
        with translated():
            self.store.delete_folder(key, recursive=True)

    def delete_dir_contents(self, path: str, missing_dir_ok: bool = False) -> None:
        """Delete what is in a folder; never all of the root."""
        key = self.normalize_path(path)
        if not key:
            self.delete_root_dir_contents()
        with translated():
            self.store.delete_folder(key, recursive=True, missing_ok=missing_dir_ok)

    def delete_root_dir_contents(self) -> NoReturn:
        """Refuse.

        Raises:
            NotImplementedError: Always.
        """
        raise NotImplementedError("Deleting everything in a store is not supported; delete its folders")

    def move(self, src: str, dest: str) -> None:
        """Move a file, replacing one that is there; folders cannot be moved."""
        with translated():
            self.store.move(self._file_key(src), self._file_key(dest), overwrite=True)

    def copy_file(self, src: str, dest: str) -> None:
        """Copy a file, replacing one that is there."""
        with translated():
            self.store.copy(self._file_key(src), self._file_key(dest), overwrite=True)

    def _file_key(self, path: str) -> str:
        key = self.normalize_path(path)
        if not key:
            raise IsADirectoryError("The root of a store is a folder")
        return key


def _entry(entry: FileInfo | FolderEntry) -> Any:
    if isinstance(entry, FileInfo):
        return _file(entry)
    return pafs.FileInfo(str(entry.path), pafs.FileType.Directory)


def _file(info: FileInfo) -> Any:
    modified: datetime | None = None if info.modified_at == UNKNOWN_TIME else info.modified_at
    return pafs.FileInfo(str(info.path), pafs.FileType.File, size=info.size, mtime=modified)


def pyarrow_fs(
    store: Store,
    *,
    materialization_threshold: int = _DEFAULT_BYTES,
    write_spill_threshold: int = _DEFAULT_BYTES,
) -> Any:
    """Give a store to whatever takes a file system of PyArrow: PyArrow itself, pandas, polars, DuckDB.

    Args:
        store: The store; the caller still owns it, and it must live as long as the file system.
        materialization_threshold: For stores that cannot seek: larger files are copied to a
            temporary file, smaller ones to memory.
        write_spill_threshold: For stores that cannot write atomically: what is written goes to memory
            up to this size, else to a temporary file.

    Returns:
        A `pyarrow.fs.PyFileSystem`; two are equal when their stores are.

    Raises:
        TypeError: The store is none.
        ValueError: A threshold is negative.
    """
    handler = StoreFileSystemHandler(store, materialization_threshold, write_spill_threshold)
    return pafs.PyFileSystem(handler)
