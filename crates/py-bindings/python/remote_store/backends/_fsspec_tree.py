"""The tree of names in a filesystem of fsspec, and how objects get their place in it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, cast

from remote_store._errors import AlreadyExists, BackendUnavailable, InvalidPath, NotFound
from remote_store._models import FileInfo
from remote_store._path import RemotePath
from remote_store.backends._fsspec_errors import Mapper, secrets_in
from remote_store.backends._fsspec_facts import Placing, etag, modified_at, placing, protocols
from remote_store.backends._fsspec_files import IN_MEMORY_BYTES, copy_into

__all__ = ["Entry", "Tree", "is_folder"]

Entry = dict[str, Any]

# What is staged; listings leave it out.
_STAGED = ".remote-store-staged-"


class Tree:
    """Names below a root of a filesystem.

    Args:
        fs: The filesystem.
        root: The folder that paths are relative to.
        options: What the filesystem was built with; stands in no message.
    """

    def __init__(self, fs: Any, root: str, options: Mapping[str, Any]) -> None:
        self._fs = fs
        names = protocols(fs)
        self._name = f"fsspec:{names[0] if names else type(fs).__name__}"
        self._placing = placing(names)
        self._shares_open_files = "memory" in names
        given = getattr(fs, "storage_options", None)
        self._errors = Mapper(self._name, secrets_in([options, given or {}]))
        # Its own form of the root: absolute where the filesystem's paths are.
        base = str(fs._strip_protocol(root) if root else getattr(fs, "root_marker", ""))  # noqa: SLF001
        self._base = base if base.endswith("/") or not base else f"{base}/"

    def _full(self, path: str) -> str:
        return f"{self._base}{path}" if path else self._base.rstrip("/") or self._base

    def _fresh(self) -> None:
        """Forget what the filesystem remembers of listings: others write too."""
        self._fs.invalidate_cache()

    def _entry(self, path: str) -> Entry | None:
        try:
            with self._errors.mapped(path):
                self._fresh()
                return cast("Entry", self._fs.info(self._full(path)))
        except (NotFound, InvalidPath):  # below a file there is nothing
            return None

    def _file(self, path: str, what: str = "File", wrong: str = "Not a file") -> Entry:
        entry = self._entry(path)
        if entry is None:
            raise NotFound(f"{what} not found: {path}", path=path, backend=self._name)
        if is_folder(entry):
            raise InvalidPath(f"{wrong}: {path}", path=path, backend=self._name)
        return entry

    def _folder(self, path: str) -> None:
        entry = self._entry(path)
        if entry is None and path:
            raise NotFound(f"Folder not found: {path}", path=path, backend=self._name)
        if entry is not None and not is_folder(entry):
            raise InvalidPath(f"Not a folder: {path}", path=path, backend=self._name)

    def _free(self, path: str, *, overwrite: bool, what: str) -> None:
        entry = self._entry(path)
        if entry is None:
            return
        if is_folder(entry):
            raise InvalidPath(f"Not a file: {path}", path=path, backend=self._name)
        if not overwrite:
            raise AlreadyExists(f"{what} already exists: {path}", path=path, backend=self._name)

    def _place(self, path: str, put: Callable[[str], None]) -> None:
        """Let ``put`` make the object, under a hidden name first where that makes it appear whole."""
        target = self._full(path)
        if self._placing is not Placing.RENAME:
            self._in_folder(path, lambda: put(target))
            return
        folder = target.rpartition("/")[0]
        staged = f"{folder}/{_STAGED}{os.urandom(8).hex()}"
        try:
            self._in_folder(path, lambda: put(staged))
            with self._errors.mapped(path):
                self._fs.mv(staged, target)
        except BaseException:
            with suppress(Exception):
                self._fs.rm_file(staged)
            raise

    def _in_folder(self, path: str, call: Callable[[], None]) -> None:
        """Make the folder of a path when the call fails for want of it, and call again."""
        try:
            with self._errors.mapped(path):
                call()
        except (NotFound, BackendUnavailable, InvalidPath, AlreadyExists):
            if not self._makes_folder(path):
                raise
            with self._errors.mapped(path):
                call()

    def _makes_folder(self, path: str) -> bool:
        """Make the missing folder of a path; False when it is not that which is missing."""
        folder = path.rpartition("/")[0]
        for depth in range(1, folder.count("/") + 2 if folder else 1):
            above = "/".join(folder.split("/")[:depth])
            entry = self._entry(above)
            if entry is not None and not is_folder(entry):
                raise InvalidPath(
                    f"Cannot write below the file '{above}': {path}", path=path, backend=self._name
                )
        # On object stores a missing root is a missing bucket, which nobody asked to be made.
        ours = self._placing is Placing.RENAME or self._shares_open_files or self._entry("") is not None
        if not ours or self._entry(folder) is not None:
            return False
        with self._errors.mapped(path):
            self._fs.makedirs(self._full(folder), exist_ok=True)
        return True

    def _put(self, target: str, content: bytes) -> None:
        self._fs.pipe_file(target, content)

    def _put_file(self, target: str, staged: Any, size: int) -> None:
        """Put staged content; one call for all of it, so that object stores show all or nothing."""
        staged.seek(0)
        if size <= IN_MEMORY_BYTES or self._shares_open_files:
            self._fs.pipe_file(target, staged.read())
            return
        import tempfile

        with tempfile.NamedTemporaryFile() as local:
            copy_into(staged, local)
            local.flush()
            self._fs.put_file(local.name, target)

    def _children(self, path: str) -> list[tuple[str, Entry]]:
        """Return what lies directly in a folder, in the order in which a walk meets it."""
        full = self._full(path)
        try:
            with self._errors.mapped(path):
                self._fresh()
                entries = self._fs.ls(full, detail=True)
        except (NotFound, InvalidPath):
            return []
        children: dict[str, Entry] = {}
        for entry in entries:
            name = str(entry["name"]).rstrip("/").rpartition("/")[2]
            itself = str(entry["name"]).strip("/") == full.strip("/")
            if name and not itself and not name.startswith(_STAGED):
                children[f"{path}/{name}" if path else name] = entry
        # A folder stands where its content would: `a.txt` comes before `a/b`.
        return sorted(children.items(), key=lambda child: f"{child[0]}/" if is_folder(child[1]) else child[0])

    def _info(self, path: str, entry: Entry) -> FileInfo:
        size = entry.get("size")
        if size is None:
            raise BackendUnavailable(
                f"The filesystem tells no size for {path}", path=path, backend=self._name
            )
        place = RemotePath(path)
        return FileInfo(
            place,
            place.name,
            int(size),
            modified_at(entry),
            etag=etag(entry),
            content_type=entry.get("ContentType") or entry.get("contentType") or entry.get("mimetype"),
        )


def is_folder(entry: Mapping[str, Any]) -> bool:
    """Say whether an entry of a filesystem is a folder."""
    return entry.get("type") == "directory"
