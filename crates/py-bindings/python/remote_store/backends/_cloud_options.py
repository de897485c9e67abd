"""The constructor arguments that backends of clouds have in common, as the native module takes them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from remote_store._config import RetryPolicy
from remote_store._secret import Secret

__all__ = ["mapping", "secret", "shared_options"]


def secret(value: str | Secret | None) -> Secret | None:
    """Wrap a credential, so that it stands in no message from here on."""
    return Secret(value) if isinstance(value, str) else value


def mapping(backend: str, option: str, given: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return the entries of a mapping, or None when there are none.

    Raises:
        TypeError: It is none.
    """
    if not isinstance(given, Mapping | None):
        raise _wrong(backend, option, "a mapping", given)
    return dict(given) if given else None


def shared_options(
    backend: str,
    *,
    tls_ca_bundle: str | os.PathLike[str] | None,
    client_options: Mapping[str, Any] | None,
    retry: RetryPolicy | Mapping[str, Any] | None,
    reject_write_under_file_ancestor: bool,
) -> dict[str, Any]:
    """Return how a service is reached; what was not given is None.

    Raises:
        ValueError: The retry options are not valid.
        TypeError: An option is of another type.
    """
    if not isinstance(retry, RetryPolicy | Mapping | None):
        raise _wrong(backend, "retry", "a RetryPolicy or a mapping", retry)
    policy = RetryPolicy._from(retry)  # noqa: SLF001 - our own class
    return {
        "tls_ca_bundle": tls_ca_bundle,
        "client_options": mapping(backend, "client_options", client_options),
        "retry": asdict(policy) if policy is not None else None,
        "reject_write_under_file_ancestor": reject_write_under_file_ancestor or None,
    }


def _wrong(backend: str, option: str, wanted: str, given: object) -> TypeError:
    # The value itself is not shown: it may hold a credential.
    return TypeError(f"option '{option}' of backend '{backend}' takes {wanted}, got {type(given).__name__}")
