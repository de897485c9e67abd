"""What lies below a URL, to be read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from remote_store._capabilities import Capability, CapabilitySet
from remote_store._config import RetryPolicy
from remote_store._secret import Secret
from remote_store.backends._cloud_options import mapping, secret, shared_options
from remote_store.backends._native_backend import NativeBackend

__all__ = ["ReadOnlyHttpBackend"]

# The libraries that callers of other implementations choose from; requests are made natively here.
_CLIENTS = frozenset({"urllib", "requests", "httpx"})


class ReadOnlyHttpBackend(NativeBackend):
    """Files of a web server, read-only.

    Ranges are asked for where the server has them. A body that ends early is continued when the
    server says that it is still the same file, and an error otherwise. Headers and the user of the
    URL go to that server alone, whatever it redirects to. A web server lists nothing, so a folder is
    known by nobody.

    Args:
        base_url: What stands before every path; may hold a user and a password.
        headers: Sent with every request.
        timeout: Seconds to wait for a connection, and for bytes.
        retry: How often failed requests are tried again; a `RetryPolicy` or the mapping of one.
        http_client: ``"urllib"``, ``"requests"`` or ``"httpx"`` are accepted and change nothing:
            requests are made by the native module.
        verify_ssl: Whether the server's certificate is checked.
        max_redirects: How many redirects of one request are followed.
        tls_ca_bundle: A file with the certificates to trust.
        client_options: ``connect_timeout``, ``read_timeout``, ``proxy_url``.

    Raises:
        ValueError: An option is not valid.

    Examples:
        >>> backend = ReadOnlyHttpBackend("https://user:s3cr3t@data.example/lake", headers={"X-Key": "k3y"})
        >>> backend
        ReadOnlyHttpBackend(base_url='https://data.example/lake/', user='***', headers='X-Key: ***')
        >>> backend.native_path("a b.csv")
        'https://data.example/lake/a%20b.csv'
        >>> backend.write("a.csv", b"")
        Traceback (most recent call last):
        ...
        remote_store._errors.CapabilityNotSupported: Capability 'write' is not supported...
    """

    CAPABILITIES: ClassVar[CapabilitySet] = CapabilitySet(
        {Capability.READ, Capability.METADATA, Capability.LAZY_READ}
    )

    _is_exactly_native = True

    def __init__(
        self,
        base_url: str,
        *,
        headers: Mapping[str, str | Secret] | None = None,
        timeout: float = 30.0,
        retry: RetryPolicy | Mapping[str, Any] | None = None,
        http_client: str | None = None,
        verify_ssl: bool = True,
        max_redirects: int = 5,
        tls_ca_bundle: str | None = None,
        client_options: Mapping[str, Any] | None = None,
    ) -> None:
        if http_client is not None and http_client not in _CLIENTS:
            raise ValueError(
                f"http_client takes one of {sorted(_CLIENTS)}, got {type(http_client).__name__}; requests "
                f"are made by the native module, so set 'headers', 'timeout' and 'client_options' instead"
            )
        options: dict[str, Any] = {
            "base_url": secret(base_url),
            "headers": mapping("http", "headers", headers),
            "timeout": timeout,
            "verify_ssl": verify_ssl,
            "max_redirects": max_redirects,
        }
        shared = shared_options(
            "http",
            tls_ca_bundle=tls_ca_bundle,
            client_options=client_options,
            retry=retry,
            reject_write_under_file_ancestor=False,
        )
        super().__init__("http", options | shared)
