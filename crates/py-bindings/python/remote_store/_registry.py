"""Backends by type name, and stores by configuration."""

from __future__ import annotations

import difflib
import functools
import inspect
import threading
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, Self

from remote_store._backend import Backend
from remote_store._config import RegistryConfig, RetryPolicy
from remote_store._store import Store
from remote_store.backends import (
    AzureBackend,
    FsspecBackend,
    GCSBackend,
    LocalBackend,
    MemoryBackend,
    ReadOnlyHttpBackend,
    S3Backend,
    SFTPBackend,
)

__all__ = ["Registry", "create_backend", "register_backend", "registered_types"]

BackendFactory = Callable[..., Backend]

# Before the protocol, as in ``fsspec:sftp``.
_FSSPEC = "fsspec"

_FACTORIES: dict[str, BackendFactory] = {
    "azure": AzureBackend,
    "gcs": GCSBackend,
    "http": ReadOnlyHttpBackend,
    "local": LocalBackend,
    "memory": MemoryBackend,
    "s3": S3Backend,
    "s3-pyarrow": S3Backend,
    "sftp": SFTPBackend,
}


def register_backend(type_name: str, cls: BackendFactory) -> None:
    """Give a backend a type name for configuration; the last one registered under a name wins.

    Args:
        type_name: What stands under ``type`` or ``backend_type``.
        cls: A class or function, called with the options as keyword arguments; returns the backend.

    Raises:
        ValueError: The name is empty.
        TypeError: The name is no string, or the class cannot be called.

    Examples:
        >>> from remote_store.backends import MemoryBackend
        >>> register_backend("scratch", MemoryBackend)
        >>> "scratch" in registered_types()
        True
    """
    if not isinstance(type_name, str):
        raise TypeError(f"type_name must be a str, got {type(type_name).__name__}")
    if not type_name:
        raise ValueError("The type name of a backend must not be empty")
    if not callable(cls):
        raise TypeError(f"The factory of backend '{type_name}' cannot be called")
    _FACTORIES[type_name] = cls


def registered_types() -> list[str]:
    """Return the type names that `create_backend` knows, sorted."""
    return sorted(_FACTORIES)


def _factory(type_name: str) -> BackendFactory | None:
    """Return what builds the type: a registered one, or any filesystem of fsspec by its protocol."""
    known = _FACTORIES.get(type_name)
    prefix, _, protocol = type_name.partition(":")
    if known is None and prefix == _FSSPEC and protocol:
        return functools.partial(FsspecBackend, protocol)
    return known


def create_backend(type_name: str, options: Mapping[str, Any]) -> Backend:
    """Build a backend by type name.

    Args:
        type_name: A registered name.
        options: The constructor's keyword arguments; ``retry`` may be a mapping.

    Raises:
        ValueError: The name is not registered, or the constructor refuses the options; the message
            names the way out and never shows a credential.
    """
    factory = _factory(type_name)
    if factory is None:
        registered = registered_types()
        raise ValueError(
            f"Unknown backend type {type_name!r}. Registered types: {registered}"
            f"{_nearest(type_name, registered)}"
        )
    names = sorted(map(str, options))
    try:
        _refuse_unknown(factory, options)
        converted = dict(options)
        if isinstance(converted.get("retry"), Mapping):
            converted["retry"] = RetryPolicy._from(converted["retry"])  # noqa: SLF001 - our own class
        return factory(**converted)
    except (TypeError, ValueError) as error:
        raise ValueError(f"Backend {type_name!r} rejected the provided options {names}: {error}") from error


def _configured(name: str, type_name: str, options: Mapping[str, Any]) -> Backend:
    """Build a backend of a configuration, and name its place there when it refuses."""
    try:
        return create_backend(type_name, options)
    except ValueError as error:
        cause = error.__cause__
        if cause is None:
            raise
        # A cause that ends in a question has its mark already.
        told = f"{cause}" if str(cause).endswith((".", "?")) else f"{cause}."
        raise ValueError(
            f"Invalid options for backend '{name}' (type='{type_name}'): {told} "
            f"Provided options: {sorted(map(str, options))}"
        ) from cause


def _refuse_unknown(factory: BackendFactory, options: Mapping[str, Any]) -> None:
    """Name an option that the constructor does not have, with the nearest one that it has."""
    try:
        parameters = inspect.signature(factory).parameters
    except (TypeError, ValueError):
        return
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        return
    for name in options:
        if name not in parameters:
            known = list(parameters)
            raise TypeError(f"unknown option {name!r}. Known options: {known}{_nearest(str(name), known)}")


def _nearest(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f". Did you mean {close[0]!r}?" if close else ""


class Registry:
    """Stores by name, over backends that are built when first needed and shared.

    Args:
        config: What there is; empty by default.

    Raises:
        ValueError: A store names a backend that is not configured.
        TypeError: The configuration is no `RegistryConfig`.

    Examples:
        >>> config = RegistryConfig.from_dict({
        ...     "backends": {"lake": {"type": "memory"}},
        ...     "stores": {"raw": {"backend": "lake", "root_path": "raw"}},
        ... })
        >>> with Registry(config) as registry:
        ...     registry.get_store("raw")
        Store(backend='memory', root_path='raw')
    """

    def __init__(self, config: RegistryConfig | None = None) -> None:
        if config is not None and not isinstance(config, RegistryConfig):
            raise TypeError(
                f"config must be a RegistryConfig, got {type(config).__name__}; see RegistryConfig.from_dict"
            )
        self._config = config if config is not None else RegistryConfig()
        self._config.validate()
        self._backends: dict[str, Backend] = {}
        self._lock = threading.Lock()

    def get_store(self, name: str) -> Store:
        """Return the store of that name; closing it leaves the shared backend open.

        Raises:
            KeyError: There is no such store.
            ValueError: The backend's type is not registered, or it refuses its options.
        """
        profile = self._config.stores.get(name)
        if profile is None:
            raise KeyError(f"Unknown store {name!r}. Available stores: {sorted(self._config.stores)}")
        store = Store(self._backend(profile.backend), profile.root_path)
        store._owns_backend = False  # noqa: SLF001 - the registry closes it
        return store

    def _backend(self, name: str) -> Backend:
        with self._lock:
            backend = self._backends.get(name)
            if backend is None:
                config = self._config.backends[name]
                options = dict(config.options)
                if config.retry is not None:
                    options["retry"] = config.retry
                backend = self._backends[name] = _configured(name, config.type, options)
            return backend

    def __repr__(self) -> str:
        return f"Registry(stores={sorted(self._config.stores)})"

    def close(self) -> None:
        """Close all backends that were built; the first error is raised after all were closed."""
        with self._lock:
            backends, self._backends = list(self._backends.values()), {}
        first: Exception | None = None
        for backend in backends:
            try:
                backend.close()
            except Exception as error:  # noqa: BLE001 - the others must be closed too
                first = first or error
        if first is not None:
            raise first

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
