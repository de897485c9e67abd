"""Any filesystem of fsspec as a backend."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO, TypeVar, cast

from remote_store._backend import Backend
from remote_store._capabilities import Capability, CapabilitySet
from remote_store._errors import BackendUnavailable, DirectoryNotEmpty, InvalidPath, NotFound
from remote_store._glob import match_files
from remote_store._models import FileInfo, FolderEntry, FolderInfo, PathEntry, WriteResult
from remote_store._path import RemotePath
from remote_store.backends._fsspec_errors import Mapper, revealed, secrets_in
from remote_store.backends._fsspec_facts import Placing, capabilities, protocols
from remote_store.backends._fsspec_files import ReadFile, copy_into, staging_file
from remote_store.backends._fsspec_tree import Tree, is_folder

__all__ = ["FsspecBackend"]

_T = TypeVar("_T")


class FsspecBackend(Tree, Backend):
    """Files in any filesystem of fsspec.

    What it claims to do is what the filesystem keeps: ``ATOMIC_WRITE`` where a rename replaces the
    target in one step (``file``, ``sftp``) or one call puts a whole object (``memory``, ``s3``,
    ``gs``, ``az``), nothing of writing for ``http``, ``zip`` and the like. To create without
    overwriting looks the name up first: of two writers at the same moment, the later one may win.

    Args:
        fs: A filesystem, or the name of its protocol, e.g. ``"memory"`` or ``"ftp"``.
        root: The folder that paths are relative to, e.g. ``"/data"`` or ``"bucket/data"``.
        retry: Not taken; filesystems of fsspec try again by themselves.
        storage_options: What the filesystem's constructor takes; may hold `Secret` values.

    Raises:
        ValueError: There is no such protocol, or the filesystem refuses its options.
        ModuleNotFoundError: fsspec, or what it needs for this protocol, is not installed.

    Examples:
        >>> backend = FsspecBackend("memory", "docs-of-fsspec")
        >>> backend.write("a/b.txt", b"hello").size
        5
        >>> [str(info.path) for info in backend.list_files("", recursive=True)]
        ['a/b.txt']
        >>> FsspecBackend("no-such-protocol")
        Traceback (most recent call last):
        ...
        ValueError: ...
    """

    def __init__(self, fs: Any, root: str = "", *, retry: object = None, **storage_options: Any) -> None:
        if retry is not None:
            raise ValueError("'retry' is not taken: filesystems of fsspec try again by themselves")
        self._option_names = sorted(storage_options)
        if isinstance(fs, str):
            fs = _filesystem(fs, storage_options)
        elif storage_options:
            raise ValueError("storage options are for a protocol; this filesystem is built already")
        if not callable(getattr(fs, "info", None)) or not callable(getattr(fs, "cat_file", None)):
            raise TypeError(
                f"fs must be the name of a protocol or a filesystem of fsspec, got {type(fs).__name__}"
            )
        super().__init__(fs, root, storage_options)
        self._capabilities = capabilities(protocols(fs))

    @property
    def name(self) -> str:
        """The name that stands in errors and logs, e.g. ``"fsspec:memory"``."""
        return self._name

    @property
    def capabilities(self) -> CapabilitySet:
        """What this filesystem can do."""
        return self._capabilities

    # Looking

    def exists(self, path: str) -> bool:
        """Say whether there is a file or a folder at the path."""
        return not path or self._entry(path) is not None

    def is_file(self, path: str) -> bool:
        """Say whether there is a file at the path."""
        entry = self._entry(path) if path else None
        return entry is not None and not is_folder(entry)

    def is_folder(self, path: str) -> bool:
        """Say whether there is a folder at the path; the root always is one."""
        if not path:
            return True
        entry = self._entry(path)
        return entry is not None and is_folder(entry)

    def get_file_info(self, path: str) -> FileInfo:
        """Describe a file."""
        return self._info(path, self._file(path))

    def get_folder_info(self, path: str) -> FolderInfo:
        """Count the files of a folder."""
        self._folder(path)
        count, size, newest = 0, 0, None
        for info in self.list_files(path, recursive=True):
            count, size = count + 1, size + info.size
            newest = info.modified_at if newest is None else max(newest, info.modified_at)
        return FolderInfo(RemotePath._trusted(path), count, size, newest)  # noqa: SLF001 - normalised by the store

    # Reading

    def read(self, path: str) -> BinaryIO:
        """Open a file for reading."""
        self._file(path)
        if self._shares_open_files:  # all that open it share one position
            return io.BytesIO(self.read_bytes(path))
        with self._errors.mapped(path):
            opened = self._fs.open(self._full(path), "rb")
        return cast("BinaryIO", io.BufferedReader(ReadFile(opened, lambda: self._errors.mapped(path))))

    def read_bytes(self, path: str) -> bytes:
        """Read a whole file."""
        try:
            with self._errors.mapped(path):
                return bytes(self._fs.cat_file(self._full(path)))
        except (NotFound, BackendUnavailable):
            self._file(path)  # a folder is told as such
            raise

    # Writing

    def write(
        self,
        path: str,
        content: bytes | BinaryIO,
        *,
        overwrite: bool = False,
        metadata: Mapping[str, str] | None = None,
    ) -> WriteResult:
        """Write a file."""
        self._require(Capability.WRITE)
        if metadata:
            self._require(Capability.USER_METADATA)
        self._free(path, overwrite=overwrite, what="File")
        if isinstance(content, bytes | bytearray | memoryview):
            size = len(content)
            self._place(path, lambda target: self._put(target, bytes(content)))
        else:
            # Read to its end first, so that a source that fails leaves nothing behind.
            with staging_file() as staged:
                size = copy_into(content, staged)
                self._place(path, lambda target: self._put_file(target, staged, size))
        return WriteResult(RemotePath._trusted(path), size)  # noqa: SLF001 - normalised by the store

    def write_atomic(
        self,
        path: str,
        content: bytes | BinaryIO,
        *,
        overwrite: bool = False,
        metadata: Mapping[str, str] | None = None,
    ) -> WriteResult:
        """Write a file so that readers see all of it or nothing."""
        self._require(Capability.ATOMIC_WRITE)
        return self.write(path, content, overwrite=overwrite, metadata=metadata)

    @contextmanager
    def open_atomic(self, path: str, *, overwrite: bool = False) -> Iterator[BinaryIO]:
        """Open a file for writing that appears when the context ends without an error."""
        self._require(Capability.ATOMIC_WRITE)
        self._free(path, overwrite=overwrite, what="File")
        with staging_file() as staged:
            yield staged
            staged.seek(0)
            self.write(path, staged, overwrite=overwrite)

    def delete(self, path: str, *, missing_ok: bool = False) -> None:
        """Delete a file."""
        self._require(Capability.DELETE)
        try:
            self._file(path)
            with self._errors.mapped(path):
                self._fs.rm_file(self._full(path))
        except NotFound:
            if not missing_ok:
                raise

    def delete_folder(self, path: str, *, recursive: bool = False, missing_ok: bool = False) -> None:
        """Delete a folder."""
        self._require(Capability.DELETE)
        try:
            self._folder(path)
            if not recursive and self._children(path):
                raise DirectoryNotEmpty(f"Folder not empty: {path}", path=path, backend=self._name)
            with self._errors.mapped(path):
                if recursive:
                    self._fs.rm(self._full(path), recursive=True)
                else:
                    self._fs.rmdir(self._full(path))
        except NotFound:
            if not missing_ok:
                raise

    def move(self, src: str, dst: str, *, overwrite: bool = False) -> None:
        """Move a file."""
        self._require(Capability.MOVE)
        if not self._two_sided(src, dst, overwrite=overwrite):
            return
        if self._placing is Placing.RENAME:
            self._in_folder(dst, lambda: self._fs.mv(self._full(src), self._full(dst)))
            return
        self._copy(src, dst)
        self.delete(src, missing_ok=True)

    def copy(self, src: str, dst: str, *, overwrite: bool = False) -> None:
        """Copy a file."""
        self._require(Capability.COPY)
        if self._two_sided(src, dst, overwrite=overwrite):
            self._copy(src, dst)

    # Listing

    def list_files(
        self, path: str, *, recursive: bool = False, max_depth: int | None = None
    ) -> Iterator[FileInfo]:
        """List the files in a folder, in the order of their paths; nothing when there is none."""
        self._require(Capability.LIST)
        return self._walk(path, max_depth if recursive else 0)

    def _walk(self, path: str, depth: int | None = None) -> Iterator[FileInfo]:
        for child, entry in self._children(path):
            if not is_folder(entry):
                yield self._info(child, entry)
            elif depth is None or depth > 0:
                yield from self._walk(child, None if depth is None else depth - 1)

    def list_folders(self, path: str) -> Iterator[FolderEntry]:
        """List the folders directly in a folder."""
        self._require(Capability.LIST)
        for child, entry in self._children(path):
            if is_folder(entry):
                place = RemotePath(child)
                yield FolderEntry(place, place.name)

    def iter_children(self, path: str) -> Iterator[PathEntry]:
        """List the files and folders directly in a folder."""
        yield from self.list_files(path)
        yield from self.list_folders(path)

    def glob(self, pattern: str) -> Iterator[FileInfo]:
        """List the files whose path matches a pattern; ``**`` crosses folders."""
        self._require(Capability.GLOB)
        return match_files(pattern, self._walk)

    # The filesystem itself

    def native_path(self, path: str) -> str:
        """Return the filesystem's own name of a path."""
        return self._full(path)

    def to_key(self, native_path: str) -> str:
        """Return the path of a name of the filesystem.

        Raises:
            InvalidPath: It lies elsewhere.
        """
        plain = str(self._fs._strip_protocol(native_path))  # noqa: SLF001 - the way fsspec's own helpers do it
        if plain == self._base.rstrip("/"):
            return ""
        if not plain.startswith(self._base):
            raise InvalidPath("Path lies outside the store", path=native_path, backend=self._name)
        return plain[len(self._base) :].strip("/")

    def check_health(self) -> None:
        """Raise when the filesystem cannot be used."""
        with suppress(NotFound), self._errors.mapped(""):
            self._fresh()
            self._fs.info(self._full(""))

    def unwrap(self, type_hint: type[_T]) -> _T:
        """Return the filesystem itself, when it is of the type."""
        if isinstance(self._fs, type_hint):
            return self._fs
        return super().unwrap(type_hint)

    def __repr__(self) -> str:
        # Names only: any value may be a credential.
        options = f", storage_options={self._option_names}" if self._option_names else ""
        return f"{type(self).__name__}({self._name.removeprefix('fsspec:')!r}, root={self._base!r}{options})"

    # Helpers

    def _require(self, capability: Capability) -> None:
        self._capabilities.require(capability, backend=self._name)

    def _two_sided(self, src: str, dst: str, *, overwrite: bool) -> bool:
        """Check both ends; False when there is nothing to do."""
        self._file(src, "Source", "Source is a directory")
        if src == dst:
            return False
        self._free(dst, overwrite=overwrite, what="Destination")
        return True

    def _copy(self, src: str, dst: str) -> None:
        source = self._full(src)

        def copy(target: str) -> None:
            try:
                self._fs.cp_file(source, target)
            except NotImplementedError:
                with self.read(src) as opened, staging_file() as staged:
                    self._put_file(target, staged, copy_into(opened, staged))

        self._place(dst, copy)


def _filesystem(protocol: str, options: Mapping[str, Any]) -> Any:
    """Build a filesystem; what its constructor says against the options is told without them."""
    try:
        import fsspec
    except ImportError as error:
        raise ModuleNotFoundError(
            "Backends of type 'fsspec:…' need fsspec: pip install fsspec", name="fsspec"
        ) from error
    said = Mapper(f"fsspec:{protocol}", secrets_in(options))
    try:
        fsspec.get_filesystem_class(protocol)
    except ImportError as error:
        raise ModuleNotFoundError(
            f"The filesystem '{protocol}' of fsspec needs a package that is not installed: {error}"
        ) from error
    except ValueError as error:
        raise ValueError(f"fsspec knows no filesystem '{protocol}'") from error
    try:
        return fsspec.filesystem(protocol, **revealed(dict(options)))
    except Exception as error:  # noqa: BLE001 - constructors raise what their libraries raise
        problem = said.shown(error)
    raise ValueError(f"The filesystem '{protocol}' of fsspec cannot be set up: {problem}")
