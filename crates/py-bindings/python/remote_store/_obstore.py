"""Stores of obstore as ours and the other way round; obstore is imported when one is asked for."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from remote_store._config import RetryPolicy
from remote_store._errors import CapabilityNotSupported
from remote_store._path import join, normalize
from remote_store._secret import Secret

if TYPE_CHECKING:
    from remote_store._backend import Backend

__all__ = ["from_obstore", "is_obstore", "to_obstore"]

# Names in obstore's configuration and ours; a store with any other name is called as it is.
_S3 = {
    "bucket": "bucket",
    "region": "region_name",
    "endpoint": "endpoint_url",
    "access_key_id": "key",
    "secret_access_key": "secret",
    "session_token": "session_token",
    "token": "session_token",
}
_AZURE = {
    "container_name": "container",
    "account_name": "account_name",
    "account_key": "account_key",
    "sas_key": "sas_token",
    "sas_token": "sas_token",
    "endpoint": "account_url",
}
_GCS = {
    "bucket": "bucket",
    "service_account_key": "service_account_key",
    "service_account": "service_account_path",
    "service_account_path": "service_account_path",
}
_KINDS = {"S3Store": ("s3", _S3), "AzureStore": ("azure", _AZURE), "GCSStore": ("gcs", _GCS)}
_HANDED_OVER = {
    "s3": {
        "bucket": "bucket",
        "region_name": "region",
        "endpoint_url": "endpoint",
        "key": "access_key_id",
        "secret": "secret_access_key",
        "session_token": "session_token",
    },
    "azure": {
        "container": "container_name",
        "account_name": "account_name",
        "account_key": "account_key",
        "sas_token": "sas_key",
        "account_url": "endpoint",
    },
    "gcs": {
        "bucket": "bucket",
        "service_account_key": "service_account_key",
        "service_account_path": "service_account",
    },
}

# What changes nothing for another client; the default profile is only looked at when no key is given.
_OUR_OWN = {"retry", "reject_write_under_file_ancestor", "max_concurrency", "hns", "profile_credential"}


def is_obstore(thing: object) -> bool:
    """Say whether it is a store of obstore, which need not be imported for that."""
    return any(cls.__module__ in {"obstore.store", "obstore._store"} for cls in type(thing).__mro__)


def _family(store: object) -> str:
    known = {*_KINDS, "LocalStore"}
    return next((cls.__name__ for cls in type(store).__mro__ if cls.__name__ in known), "")


def from_obstore(store: Any, root_path: str) -> tuple[Backend, str]:
    """Return a backend for the place of a store of obstore, and the root path on it."""
    from remote_store.backends._obstore_backend import ObstoreBackend

    family = _family(store)
    if family == "LocalStore":
        from remote_store.backends import LocalBackend

        return LocalBackend(store.prefix or Path(Path.cwd().anchor)), root_path
    rebuilt = _rebuilt(store, family) if family else None
    if rebuilt is None:
        return ObstoreBackend(store), root_path
    return rebuilt, join(normalize(store.prefix or ""), root_path)


def _rebuilt(store: Any, family: str) -> Backend | None:
    """Build our own backend, or None when the configuration says something that we have no name for."""
    from remote_store._registry import create_backend

    backend_type, names = _KINDS[family]
    config: Mapping[str, Any] = store.config or {}
    client: Mapping[str, Any] = dict(store.client_options or {})
    # Plain HTTP is allowed here when the endpoint says http.
    extra = {name for name in client if name != "allow_http"}
    if store.credential_provider is not None or not set(config) <= set(names) or extra:
        return None
    options: dict[str, Any] = {names[name]: value for name, value in config.items()}
    if store.retry_config is not None:
        options["retry"] = _policy(store.retry_config)
    return create_backend(backend_type, options)


def _policy(given: Mapping[str, Any]) -> RetryPolicy:
    standard = RetryPolicy()
    backoff = given.get("backoff") or {}

    def seconds(value: timedelta | None, otherwise: float) -> float:
        return value.total_seconds() if isinstance(value, timedelta) else otherwise

    retries = given.get("max_retries")
    return RetryPolicy(
        max_attempts=standard.max_attempts if retries is None else retries + 1,
        backoff_base=seconds(backoff.get("init_backoff"), standard.backoff_base),
        backoff_max=seconds(backoff.get("max_backoff"), standard.backoff_max),
        timeout=seconds(given.get("retry_timeout"), 180.0),
    )


def to_obstore(backend: Any, root_path: str) -> Any:
    """Return a store of obstore for the same place.

    Raises:
        ImportError: obstore is not installed.
        CapabilityNotSupported: There is no counterpart of the backend.
    """
    from remote_store.backends._obstore_backend import ObstoreBackend

    if isinstance(backend, ObstoreBackend) and not root_path:
        return backend.store
    try:
        import obstore.store
    except ImportError as error:
        raise ImportError("to_obstore needs obstore: pip install obstore") from error
    built: tuple[str, Mapping[str, Any]] = getattr(backend, "_configuration", ("", {}))
    kind, options = built
    if kind == "local":
        return obstore.store.LocalStore(Path(options["root"], root_path), mkdir=True)
    makers: dict[str, Callable[..., Any]] = {
        "s3": obstore.store.S3Store,
        "azure": obstore.store.AzureStore,
        "gcs": obstore.store.GCSStore,
    }
    if kind not in makers:
        name = getattr(backend, "name", "python")
        raise CapabilityNotSupported(
            f"Backend '{name}' has no counterpart in obstore; local, s3, azure and gcs have",
            backend=name,
            capability="to_obstore",
        )
    return makers[kind](prefix=root_path or None, **_arguments(kind, options))


def _arguments(kind: str, options: Mapping[str, Any]) -> dict[str, Any]:
    names = _HANDED_OVER[kind]
    arguments: dict[str, Any] = {}
    for name, value in options.items():
        if name in names and value is not None:
            arguments[names[name]] = value.reveal() if isinstance(value, Secret) else os.fspath(value)
        elif name not in _OUR_OWN and value:
            raise CapabilityNotSupported(
                f"Option '{name}' of backend '{kind}' cannot be handed over to obstore",
                backend=kind,
                capability="to_obstore",
            )
    if str(arguments.get("endpoint", "")).startswith("http://"):
        arguments["client_options"] = {"allow_http": True}
    retry = options.get("retry")
    if retry:
        arguments["retry_config"] = {
            "max_retries": max(0, retry["max_attempts"] - 1),
            "backoff": {
                "init_backoff": timedelta(seconds=retry["backoff_base"]),
                "max_backoff": timedelta(seconds=retry["backoff_max"]),
                "base": 2,
            },
            "retry_timeout": timedelta(seconds=retry["timeout"] or 180),
        }
    return arguments
