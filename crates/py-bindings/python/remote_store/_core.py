"""How a `Store` finds the core that it delegates to, and checks what it is given."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, BinaryIO

from remote_store import _native, _streams
from remote_store._models import WriteResult
from remote_store._path import RemotePath
from remote_store._python_core import PythonCore

if TYPE_CHECKING:
    from remote_store._backend import Backend

__all__ = [
    "Core",
    "PathLike",
    "as_text",
    "check_depth",
    "check_pattern",
    "core_over",
    "open_atomic",
    "open_read",
    "write",
]

PathLike = str | RemotePath
Core = _native.Store | PythonCore


def as_text(path: PathLike) -> str:
    """Take a path as text."""
    if type(path) is str:
        return path
    if isinstance(path, str | RemotePath):
        return str(path)
    raise TypeError(f"path must be a str or RemotePath, got {type(path).__name__}")


def check_depth(max_depth: int | None) -> None:
    if max_depth is None:
        return
    if not isinstance(max_depth, int):
        raise TypeError(f"max_depth must be an int or None, got {type(max_depth).__name__}")
    if max_depth < 0:
        raise ValueError(f"max_depth must be >= 0, got {max_depth}")


def check_pattern(pattern: str | None) -> None:
    if pattern is not None and not isinstance(pattern, str):
        raise TypeError(f"pattern must be a str or None, got {type(pattern).__name__}")


def core_over(backend: Backend, root_path: str) -> _native.Store | PythonCore:
    """Go straight to the native store when the backend is one of ours, as it was made."""
    if isinstance(backend, type) or not hasattr(backend, "capabilities"):
        raise TypeError(f"Store takes a backend, such as LocalBackend(folder), got {_given(backend)}")
    native = getattr(backend, "_native_backend", None)
    plain = "_is_exactly_native" in vars(type(backend)) and not _BACKEND_METHODS & _own_names(backend)
    if plain and isinstance(native, _native.Backend):
        return _native.Store(native, root_path)
    return PythonCore(backend, root_path)


_BACKEND_METHODS = frozenset(
    {
        "exists", "is_file", "is_folder", "read", "read_bytes", "read_seekable", "write", "write_atomic",
        "open_atomic", "delete", "delete_folder", "list_files", "list_folders", "iter_children", "glob",
        "get_file_info", "get_folder_info", "move", "copy", "check_health", "close", "native_path", "to_key",
    }
)  # fmt: skip


def _given(thing: object) -> str:
    if isinstance(thing, type):
        return f"the class {thing.__name__} instead of an instance"
    kind = type(thing).__name__
    return f"{kind}; Store.from_url takes a URL or a folder" if isinstance(thing, str) else kind


def _own_names(thing: object) -> set[str]:
    return set(getattr(thing, "__dict__", ()))


def open_read(core: Core, key: str, *, seekable: bool = False) -> BinaryIO:
    """Open a file for reading; native ones can always seek."""
    if isinstance(core, PythonCore):
        return core.open_seekable(key) if seekable else core.open_read(key)
    return _streams.open_reader(core.open_read(key))


def open_atomic(core: Core, key: str, *, overwrite: bool) -> AbstractContextManager[BinaryIO]:
    """Open a file for writing that appears when the context ends without an error."""
    if isinstance(core, PythonCore):
        return core.open_atomic(key, overwrite=overwrite)
    return _streams.open_atomic(lambda: core.open_write(key, overwrite, None))


def write(
    core: Core,
    key: str,
    content: Any,
    overwrite: bool,
    metadata: Mapping[str, str] | None,
    *,
    atomic: bool,
) -> WriteResult:
    """Write bytes or a binary file; every native write is atomic."""
    if isinstance(core, PythonCore):
        return core.write(key, content, overwrite, metadata, atomic=atomic)
    if hasattr(content, "read"):
        return _streams.write_stream(core, key, content, overwrite, metadata)
    return core.write(key, content, overwrite, metadata)
