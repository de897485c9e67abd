"""Objects in a bucket of Google Cloud Storage."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, ClassVar

from remote_store._capabilities import Capability, CapabilitySet
from remote_store._config import RetryPolicy
from remote_store._secret import Secret
from remote_store.backends._cloud_options import secret, shared_options
from remote_store.backends._credentials import google_default, google_source
from remote_store.backends._native_backend import NativeBackend

__all__ = ["GCSBackend"]


class GCSBackend(NativeBackend):
    """Objects in a bucket of Google Cloud Storage.

    Without a key, the ``GOOGLE_`` variables of the environment are used, then the application
    default credentials of ``gcloud``, and on Google's own machines their identity.

    Args:
        bucket: The bucket.
        service_account_key: The key of a service account, as JSON text.
        service_account_path: A file with that key.
        credential: Credentials of google-auth, or a function that returns a token.
        anonymous: Whether requests carry no token, for public buckets.
        endpoint_url: Where the service is, when it is not Google's; without a key, requests to it
            carry no token.
        client_options: Timeouts and the like, e.g. ``{"connect_timeout": 5}``.
        retry: How often failed requests are tried again; a `RetryPolicy` or the mapping of one.
        tls_ca_bundle: A file with the certificates to trust.
        reject_write_under_file_ancestor: Whether writing ``a/b`` is refused when ``a`` is an object.

    Raises:
        ValueError: The bucket is empty, an option is not valid, or two credentials are given.
        TypeError: The credential is of a kind that gives none.

    Examples:
        >>> GCSBackend("lake", endpoint_url="http://127.0.0.1:4443")
        GCSBackend(bucket='lake', endpoint_url='http://127.0.0.1:4443')
        >>> GCSBackend("lake", service_account_key="not a key")
        Traceback (most recent call last):
        ...
        ValueError: ...
    """

    CAPABILITIES: ClassVar[CapabilitySet] = CapabilitySet(set(Capability) - {Capability.ATOMIC_MOVE})

    _is_exactly_native = True

    def __init__(
        self,
        bucket: str,
        *,
        service_account_key: str | Secret | None = None,
        service_account_path: str | os.PathLike[str] | None = None,
        credential: Any = None,
        anonymous: bool | None = None,
        endpoint_url: str | None = None,
        client_options: Mapping[str, Any] | None = None,
        retry: RetryPolicy | Mapping[str, Any] | None = None,
        tls_ca_bundle: str | None = None,
        reject_write_under_file_ancestor: bool = False,
    ) -> None:
        options: dict[str, Any] = {
            "bucket": bucket,
            "service_account_key": secret(service_account_key),
            "service_account_path": service_account_path,
            "credential": google_source(credential),
            "default_credential": google_default(),
            "anonymous": anonymous,
            "endpoint_url": endpoint_url,
        }
        shared = shared_options(
            "gcs",
            tls_ca_bundle=tls_ca_bundle,
            client_options=client_options,
            retry=retry,
            reject_write_under_file_ancestor=reject_write_under_file_ancestor,
        )
        super().__init__("gcs", options | shared)
