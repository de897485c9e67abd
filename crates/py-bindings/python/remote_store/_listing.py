"""Listing folders of a store, and looking at what lies there."""

from __future__ import annotations

from collections.abc import Iterator

from remote_store._capabilities import Capability
from remote_store._core import PathLike, check_depth, check_pattern
from remote_store._errors import InvalidPath, NotFound
from remote_store._glob import match_files, name_matches
from remote_store._models import FileInfo, FolderEntry, FolderInfo, PathEntry, WriteResult, as_write_result
from remote_store._operations import Operations
from remote_store._python_core import PythonCore

__all__ = ["Listing"]


class Listing(Operations):
    """The methods of a `Store` that list, and those that describe one file or folder."""

    # Listing

    def list_files(
        self,
        path: PathLike,
        *,
        recursive: bool = False,
        pattern: str | None = None,
        max_depth: int | None = None,
    ) -> Iterator[FileInfo]:
        """List files; a folder that is not there yields nothing.

        Args:
            path: The folder.
            recursive: Whether folders below are entered.
            pattern: A shell pattern that the name (not the path) must match.
            max_depth: How many levels below the folder are entered; it implies ``recursive``.

        Raises:
            ValueError: ``max_depth`` is negative (raised when iterated).
        """
        check_depth(max_depth)
        check_pattern(pattern)
        recursive = recursive or max_depth is not None
        key = self._begin("list_files", path)
        for info in self._core.list(key, recursive, max_depth):
            if name_matches(info.name, pattern):
                yield info

    def list_folders(
        self, path: PathLike, *, pattern: str | None = None, max_depth: int | None = None
    ) -> Iterator[FolderEntry]:
        """List the folders in a folder; with ``max_depth``, also those up to so many levels below.

        Raises:
            ValueError: ``max_depth`` is negative (raised when iterated).
        """
        check_depth(max_depth)
        check_pattern(pattern)
        level = [self._begin("list_folders", path)]
        for _ in range((max_depth or 0) + 1):
            below: list[str] = []
            for folder in level:
                for entry in self._core.list_level(folder)[1]:
                    below.append(str(entry.path))
                    if name_matches(entry.name, pattern):
                        yield entry
            level = below

    def iter_children(self, path: PathLike) -> Iterator[PathEntry]:
        """List the files and the folders directly in a folder."""
        files, folders = self._core.list_level(self._begin("iter_children", path))
        yield from files
        yield from folders

    def glob(self, pattern: str) -> Iterator[FileInfo]:
        """List the files whose path matches a pattern; ``**`` crosses folders.

        Raises:
            CapabilityNotSupported: The backend cannot do it.
            InvalidPath: The pattern has a ``..`` (raised when iterated).
            TypeError: The pattern is no text.
            ValueError: ``**`` is a part of a segment only, as in ``**.csv`` (raised when iterated).
        """
        self._require(Capability.GLOB)
        if not isinstance(pattern, str):
            raise TypeError(f"pattern must be a str, got {type(pattern).__name__}")
        core = self._core
        if isinstance(core, PythonCore):
            return core.glob(pattern)
        return match_files(pattern, lambda folder, depth: core.list(folder, True, depth))

    # Looking

    def exists(self, path: PathLike) -> bool:
        """Say whether there is a file or a folder."""
        return self._core.exists(self._begin("exists", path))

    def is_file(self, path: PathLike) -> bool:
        """Say whether there is a file."""
        return self._core.is_file(self._begin("is_file", path))

    def is_folder(self, path: PathLike) -> bool:
        """Say whether there is a folder."""
        return self._core.is_folder(self._begin("is_folder", path))

    def get_file_info(self, path: PathLike) -> FileInfo:
        """Describe a file.

        Raises:
            NotFound: There is no such file.
        """
        return self._core.head(self._begin("get_file_info", path))

    def get_folder_info(self, path: PathLike, *, max_depth: int | None = None) -> FolderInfo:
        """Count the files of a folder, and their bytes.

        Raises:
            NotFound: There is no such folder.
            InvalidPath: It is a file.
            ValueError: ``max_depth`` is negative.
        """
        check_depth(max_depth)
        key = self._begin("get_folder_info", path)
        try:
            return self._core.folder_info(key, max_depth)
        except NotFound as error:
            if not self._core.is_file(key):
                raise
            full = error.path
            raise InvalidPath(f"Not a folder: {full}", path=full, backend=self._core.backend_name) from None

    def head(self, path: PathLike) -> WriteResult:
        """Describe a file as `write` would have done.

        Raises:
            NotFound: There is no such file.
        """
        return as_write_result(self._core.head(self._begin("head", path)))
