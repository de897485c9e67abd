"""Objects in an S3 bucket."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from remote_store._capabilities import Capability, CapabilitySet
from remote_store._config import RetryPolicy
from remote_store._secret import Secret
from remote_store.backends._cloud_options import secret as as_secret
from remote_store.backends._cloud_options import shared_options
from remote_store.backends._credentials import aws_profile, aws_source
from remote_store.backends._native_backend import NativeBackend

__all__ = ["S3Backend"]


class S3Backend(NativeBackend):
    """Objects in a bucket of S3, or of a service that speaks its protocol.

    Args:
        bucket: The bucket.
        endpoint_url: Where the service is, when it is not AWS; without a scheme, https is meant.
        key: The access key id; without it the environment is asked, then AWS's shared files, then the
            container or machine.
        secret: The secret access key.
        session_token: The token of temporary credentials.
        region_name: The region of the bucket.
        profile: The profile of AWS's shared files; else ``AWS_PROFILE``, else ``default``. One that signs
            in through SSO or with MFA needs boto3 to be installed.
        session: A ``boto3.Session``, for its credentials and its region.
        credential: Credentials of botocore, or a function that returns a mapping with ``key``, ``secret``
            and, if any, ``session_token`` and ``expires_at``; asked again before they end.
        anonymous: Whether requests are not signed, for public buckets.
        tls_ca_bundle: A file with the certificates to trust.
        client_options: Timeouts and the like, e.g. ``{"connect_timeout": 5}``.
        retry: How often failed requests are tried again; a `RetryPolicy` or the mapping of one.
        reject_write_under_file_ancestor: Whether writing ``a/b`` is refused when ``a`` is an object.

    Raises:
        ValueError: The bucket is empty, an option is not valid, or two say who one is.
        TypeError: The session or the credential gives no credentials.

    Examples:
        >>> S3Backend("lake", key="AKIA", secret="s3cr3t", region_name="eu-central-1").name
        's3'
        >>> S3Backend("")
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
        endpoint_url: str | None = None,
        key: str | Secret | None = None,
        secret: str | Secret | None = None,
        session_token: str | Secret | None = None,
        region_name: str | None = None,
        profile: str | None = None,
        session: Any = None,
        credential: Any = None,
        anonymous: bool | None = None,
        tls_ca_bundle: str | None = None,
        client_options: Mapping[str, Any] | None = None,
        retry: RetryPolicy | Mapping[str, Any] | None = None,
        reject_write_under_file_ancestor: bool = False,
    ) -> None:
        if session is not None and credential is not None:
            raise ValueError("Backend 's3' got 'session' and 'credential'; give one of them")
        if session is not None and not hasattr(session, "get_credentials"):
            raise TypeError(
                f"option 'session' of backend 's3' takes a boto3.Session, got {type(session).__name__}"
            )
        if region_name is None:
            region_name = getattr(session, "region_name", None)
        options: dict[str, Any] = {
            "bucket": bucket,
            "endpoint_url": endpoint_url,
            "key": as_secret(key),
            "secret": as_secret(secret),
            "session_token": as_secret(session_token),
            "region_name": region_name,
            "profile": profile,
            "credential": aws_source("session", session) or aws_source("credential", credential),
            "profile_credential": aws_profile(profile),
            "anonymous": anonymous,
        }
        shared = shared_options(
            "s3",
            tls_ca_bundle=tls_ca_bundle,
            client_options=client_options,
            retry=retry,
            reject_write_under_file_ancestor=reject_write_under_file_ancestor,
        )
        super().__init__("s3", options | shared)

    def _whereabouts(self, path: str, native: str) -> dict[str, Any]:
        del native
        return {
            "bucket": self._option("bucket"),
            "object_key": path,
            "endpoint_url": self._option("endpoint_url"),
        }
