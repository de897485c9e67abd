"""What this installation can do."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any, NamedTuple, TypedDict

from remote_store._native import __version__

__all__ = ["BackendInfo", "ExtensionInfo", "InfoResult", "info"]

# `class` is a keyword, so this one cannot be written as a class.
BackendInfo = TypedDict("BackendInfo", {"available": bool, "extras": str | None, "class": str | None})


class ExtensionInfo(TypedDict):
    """One module of `remote_store.ext`: whether it can be used, and the extra that it needs."""

    available: bool
    extras: str | None


class InfoResult(TypedDict):
    """What `info` returns."""

    version: str
    backends: dict[str, BackendInfo]
    extensions: dict[str, ExtensionInfo]


class _Needs(NamedTuple):
    """What an extension needs: packages, and the extra that installs them."""

    packages: tuple[str, ...] = ()
    extra: str | None = None


_EXTENSIONS = {
    "arrow": _Needs(("pyarrow",), "arrow"),
    "batch": _Needs(),
    "cache": _Needs(),
    "dagster": _Needs(("dagster",), "dagster"),
    "glob": _Needs(),
    "integrity": _Needs(),
    "observe": _Needs(),
    "otel": _Needs(("opentelemetry",), "otel"),
    "parquet": _Needs(("pyarrow",), "arrow"),
    "partition": _Needs(),
    "pydantic": _Needs(("pydantic_settings",), "pydantic"),
    "streams": _Needs(),
    "transfer": _Needs(),
    "write": _Needs(),
    "yaml": _Needs(("yaml",), "yaml"),
}


def info() -> InfoResult:
    """Say which backends and extensions can be used; nothing is imported for it.

    Returns:
        The version, each backend by type name with its class, and each extension with the extra that
        it needs.

    Examples:
        >>> about = info()
        >>> about["backends"]["s3"]
        {'available': True, 'extras': None, 'class': 'remote_store.backends._s3.S3Backend'}
        >>> about["extensions"]["batch"]
        {'available': True, 'extras': None}
    """
    from remote_store._registry import _FACTORIES

    return {
        "version": __version__,
        "backends": {
            name: {"available": True, "extras": None, "class": _full_name(factory)}
            for name, factory in sorted(_FACTORIES.items())
        },
        "extensions": {
            name: {"available": _is_there(name, needs.packages), "extras": needs.extra}
            for name, needs in _EXTENSIONS.items()
        },
    }


def _full_name(factory: Any) -> str | None:
    name = getattr(factory, "__qualname__", None)
    return f"{factory.__module__}.{name}" if name else None


def _is_there(name: str, packages: tuple[str, ...]) -> bool:
    try:
        return all(find_spec(module) for module in (f"remote_store.ext.{name}", *packages))
    except (ImportError, ValueError):
        # A package that was blocked or half removed.
        return False
