"""What the backends of the native module have in common."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any, BinaryIO, Self, TypeVar, cast

from remote_store import _native
from remote_store._backend import Backend
from remote_store._capabilities import Capability, CapabilitySet
from remote_store._models import FileInfo, FolderEntry, FolderInfo, PathEntry, ResolutionPlan, WriteResult
from remote_store._native import masking
from remote_store._obstore import to_obstore
from remote_store._secret import Secret
from remote_store._store import Store

__all__ = ["NativeBackend"]

_T = TypeVar("_T")


_CREDENTIALS = {*masking.SENSITIVE_KEYS, "credential", "service_account_key", "session_token"}


def _wrapped(name: str, value: Any) -> Any:
    return Secret(value) if isinstance(value, str) and name in _CREDENTIALS else value


class NativeBackend(Backend):
    """A backend of the native module.

    A `Store` over one goes straight to the native module; the methods here are for those who use a
    backend by itself or subclass it. No connection is made before the first call.
    """

    close_is_terminal = True

    _arguments: tuple[tuple[Any, ...], dict[str, Any]]

    def __new__(cls, *arguments: Any, **options: Any) -> Self:
        """Keep what the backend is built with, so that it can be pickled; credentials wrapped."""
        made = super().__new__(cls)
        made._arguments = (arguments, {name: _wrapped(name, value) for name, value in options.items()})
        return made

    def __init__(self, kind: str, options: Mapping[str, Any]) -> None:
        given = {name: value for name, value in options.items() if value is not None}
        self._native_backend = _native.Backend.build(kind, given)
        # What a store of obstore is made of.
        self._configuration = (kind, given)
        self._capabilities = CapabilitySet(map(Capability, self._native_backend.capabilities()))
        self._files = Store._over(self, _native.Store(self._native_backend, ""))  # noqa: SLF001

    @property
    def name(self) -> str:
        """The name that stands in errors and logs."""
        return self._native_backend.name

    @property
    def capabilities(self) -> CapabilitySet:
        """What this backend can do."""
        return self._capabilities

    def exists(self, path: str) -> bool:
        """Say whether there is a file or a folder at the path."""
        return self._files.exists(path)

    def is_file(self, path: str) -> bool:
        """Say whether there is a file at the path."""
        return self._files.is_file(path)

    def is_folder(self, path: str) -> bool:
        """Say whether there is a folder at the path."""
        return self._files.is_folder(path)

    def read(self, path: str) -> BinaryIO:
        """Open a file for reading."""
        return self._files.read(path)

    def read_bytes(self, path: str) -> bytes:
        """Read a whole file."""
        return self._files.read_bytes(path)

    def read_seekable(self, path: str) -> BinaryIO:
        """Open a file for reading with ``seek``."""
        return self._files.read_seekable(path)

    def write(
        self,
        path: str,
        content: bytes | BinaryIO,
        *,
        overwrite: bool = False,
        metadata: Mapping[str, str] | None = None,
    ) -> WriteResult:
        """Write a file."""
        return self._files.write(path, content, overwrite=overwrite, metadata=metadata)

    def write_atomic(
        self,
        path: str,
        content: bytes | BinaryIO,
        *,
        overwrite: bool = False,
        metadata: Mapping[str, str] | None = None,
    ) -> WriteResult:
        """Write a file so that readers see all of it or nothing."""
        return self._files.write_atomic(path, content, overwrite=overwrite, metadata=metadata)

    def open_atomic(self, path: str, *, overwrite: bool = False) -> AbstractContextManager[BinaryIO]:
        """Open a file for writing that appears when the context ends without an error."""
        return self._files.open_atomic(path, overwrite=overwrite)

    def delete(self, path: str, *, missing_ok: bool = False) -> None:
        """Delete a file."""
        self._files.delete(path, missing_ok=missing_ok)

    def delete_folder(self, path: str, *, recursive: bool = False, missing_ok: bool = False) -> None:
        """Delete a folder."""
        self._files.delete_folder(path, recursive=recursive, missing_ok=missing_ok)

    def list_files(
        self, path: str, *, recursive: bool = False, max_depth: int | None = None
    ) -> Iterator[FileInfo]:
        """List the files in a folder."""
        return self._files.list_files(path, recursive=recursive, max_depth=max_depth)

    def list_folders(self, path: str) -> Iterator[FolderEntry]:
        """List the folders directly in a folder."""
        return self._files.list_folders(path)

    def iter_children(self, path: str) -> Iterator[PathEntry]:
        """List the files and folders directly in a folder."""
        return self._files.iter_children(path)

    def glob(self, pattern: str) -> Iterator[FileInfo]:
        """List the files that match a pattern."""
        return self._files.glob(pattern)

    def get_file_info(self, path: str) -> FileInfo:
        """Describe a file."""
        return self._files.get_file_info(path)

    def get_folder_info(self, path: str) -> FolderInfo:
        """Describe a folder."""
        return self._files.get_folder_info(path)

    def move(self, src: str, dst: str, *, overwrite: bool = False) -> None:
        """Move a file."""
        self._files.move(src, dst, overwrite=overwrite)

    def copy(self, src: str, dst: str, *, overwrite: bool = False) -> None:
        """Copy a file."""
        self._files.copy(src, dst, overwrite=overwrite)

    def native_path(self, path: str) -> str:
        """Return the backend's own name of a path."""
        return self._files.native_path(path)

    def to_key(self, native_path: str) -> str:
        """Return the path of a backend's own name."""
        return self._files.to_key(native_path)

    def resolve(self, path: str) -> ResolutionPlan:
        """Tell where a path really lies."""
        native = self.native_path(path)
        return ResolutionPlan(self.name, self.name, path, native, self._whereabouts(path, native))

    def _whereabouts(self, path: str, native: str) -> dict[str, Any]:
        """Return the details of `resolve`: never a credential."""
        del path, native
        return {}

    def _option(self, name: str) -> str | None:
        """Return an option as `repr` shows it."""
        return dict(self._native_backend.describe()).get(name)

    def check_health(self) -> None:
        """Raise when the backend cannot be used."""
        self._files.ping()

    def close(self) -> None:
        """Release connections; later calls raise BackendUnavailable."""
        self._native_backend.close()

    def unwrap(self, type_hint: type[_T]) -> _T:
        """Return this backend, the folder of a local one (`pathlib.Path`), or a store of obstore.

        Raises:
            CapabilityNotSupported: There is nothing of that type.
        """
        hint: object = type_hint
        if not isinstance(hint, type) or isinstance(self, type_hint):
            return super().unwrap(type_hint)
        kind, options = self._configuration
        if kind == "local" and issubclass(pathlib.Path, type_hint):
            return cast("_T", pathlib.Path(options["root"]))
        if type_hint.__module__ in {"obstore.store", "obstore._store"}:
            made = to_obstore(self, "")
            if isinstance(made, type_hint):
                return made
        return super().unwrap(type_hint)

    def __copy__(self) -> Self:
        # Connections are shared, and the options never change.
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __getstate__(self) -> dict[str, Any]:
        made_anew = {"_native_backend", "_capabilities", "_files", "_configuration"}
        return {name: value for name, value in self.__dict__.items() if name not in made_anew}

    def __setstate__(self, state: dict[str, Any]) -> None:
        arguments, options = state["_arguments"]
        # As the constructor of its class was called, which may be a subclass.
        type(self).__init__(self, *arguments, **options)
        self.__dict__.update(state)

    def __repr__(self) -> str:
        # A traceback of the constructor shows backends that are not built yet.
        native = getattr(self, "_native_backend", None)
        options = ", ".join(f"{name}={value!r}" for name, value in native.describe()) if native else ""
        return f"{type(self).__name__}({options})"
