"""Objects in an S3 bucket."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from remote_store._config import RetryPolicy
from remote_store._secret import Secret
from remote_store.backends._cloud_options import secret as as_secret
from remote_store.backends._cloud_options import shared_options
from remote_store.backends._native_backend import NativeBackend

__all__ = ["S3Backend"]


class S3Backend(NativeBackend):
    """Objects in a bucket of S3, or of a service that speaks its protocol.

    Args:
        bucket: The bucket.
        endpoint_url: Where the service is, when it is not AWS; without a scheme, https is meant.
        key: The access key id; without it the environment's credentials are used.
        secret: The secret access key.
        session_token: The token of temporary credentials.
        region_name: The region of the bucket.
        tls_ca_bundle: A file with the certificates to trust.
        client_options: Timeouts and the like, e.g. ``{"connect_timeout": 5}``.
        retry: How often failed requests are tried again; a `RetryPolicy` or the mapping of one.
        reject_write_under_file_ancestor: Whether writing ``a/b`` is refused when ``a`` is an object.

    Raises:
        ValueError: The bucket is empty or an option is not valid.

    Examples:
        >>> S3Backend("lake", key="AKIA", secret="s3cr3t", region_name="eu-central-1").name
        's3'
        >>> S3Backend("")
        Traceback (most recent call last):
        ...
        ValueError: ...
    """

    _is_exactly_native = True

    def __init__(
        self,
        bucket: str,
        *,
        endpoint_url: str | None = None,
        key: str | Secret | None = None,
        secret: str | Secret | None = None,
        session_token: str | Secret | None = None,
        region_name: str | None = None,
        tls_ca_bundle: str | None = None,
        client_options: Mapping[str, Any] | None = None,
        retry: RetryPolicy | Mapping[str, Any] | None = None,
        reject_write_under_file_ancestor: bool = False,
    ) -> None:
        options: dict[str, Any] = {
            "bucket": bucket,
            "endpoint_url": endpoint_url,
            "key": as_secret(key),
            "secret": as_secret(secret),
            "session_token": as_secret(session_token),
            "region_name": region_name,
        }
        shared = shared_options(
            tls_ca_bundle=tls_ca_bundle,
            client_options=client_options,
            retry=retry,
            reject_write_under_file_ancestor=reject_write_under_file_ancestor,
        )
        super().__init__("s3", options | shared)
