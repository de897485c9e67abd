"""Blobs in a container of Azure Blob Storage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from remote_store._capabilities import Capability, CapabilitySet
from remote_store._config import RetryPolicy
from remote_store._secret import Secret
from remote_store.backends._cloud_options import secret, shared_options
from remote_store.backends._credentials import azure_account, azure_default, azure_source
from remote_store.backends._native_backend import NativeBackend

__all__ = ["AzureBackend"]


class AzureBackend(NativeBackend):
    """Blobs in a container of Azure Blob Storage.

    Without a credential, the ``AZURE_`` variables of the environment are used, and on Azure itself the
    default credential of azure-identity when that is installed, else the managed identity.

    Args:
        container: The container.
        hns: Whether the account has folders (a hierarchical namespace).
        account_name: The storage account.
        account_url: Where the account is, when not at ``https://ACCOUNT.blob.core.windows.net``.
        account_key: A key of the account.
        sas_token: A shared access signature.
        connection_string: Account, endpoint and credential in one text;
            ``UseDevelopmentStorage=true`` means the emulator on its usual port.
        credential: A key of the account or a shared access signature, whichever it is; or an object of
            Azure's own libraries (``DefaultAzureCredential()``, ``AzureSasCredential``…), or a function
            that returns a token.
        tenant_id: The tenant of an application that signs in with its secret.
        client_id: That application, or the managed identity when there are several.
        client_secret: The application's secret.
        anonymous: Whether requests are not signed, for public containers.
        client_options: Timeouts and the like, e.g. ``{"connect_timeout": 5}``.
        retry: How often failed requests are tried again; a `RetryPolicy` or the mapping of one.
        max_concurrency: How many parts of a large file are sent at once; 4 when not given.
        tls_ca_bundle: A file with the certificates to trust.
        reject_write_under_file_ancestor: Whether writing ``a/b`` is refused when ``a`` is a blob.

    Raises:
        ValueError: The container is empty, an option is not valid, or two credentials are given.
        TypeError: The credential is of a kind that gives none.

    Examples:
        >>> AzureBackend("lake", account_name="acme", account_key="c2VjcmV0")
        AzureBackend(container='lake', account_name='acme', account_key='***')
        >>> AzureBackend("")
        Traceback (most recent call last):
        ...
        ValueError: ...
    """

    CAPABILITIES: ClassVar[CapabilitySet] = CapabilitySet(set(Capability) - {Capability.ATOMIC_MOVE})

    _is_exactly_native = True

    def __init__(
        self,
        container: str,
        *,
        hns: bool | None = None,
        account_name: str | None = None,
        account_url: str | None = None,
        account_key: str | Secret | None = None,
        sas_token: str | Secret | None = None,
        connection_string: str | Secret | None = None,
        credential: Any = None,
        tenant_id: str | None = None,
        client_id: str | None = None,
        client_secret: str | Secret | None = None,
        anonymous: bool | None = None,
        client_options: Mapping[str, Any] | None = None,
        retry: RetryPolicy | Mapping[str, Any] | None = None,
        max_concurrency: int | None = None,
        tls_ca_bundle: str | None = None,
        reject_write_under_file_ancestor: bool = False,
    ) -> None:
        is_text = isinstance(credential, str | Secret | None)
        bridged = None if is_text else azure_source(credential)
        if bridged is not None and account_name is None:
            account_name = azure_account(credential)
        given = (account_key, sas_token, connection_string, credential, client_secret, anonymous)
        options: dict[str, Any] = {
            "container": container,
            "hns": hns,
            "account_name": account_name,
            "account_url": account_url,
            "account_key": secret(account_key),
            "sas_token": secret(sas_token),
            "connection_string": secret(connection_string),
            "credential": bridged if bridged is not None else secret(credential),
            "default_credential": None if any(given) else azure_default(),
            "tenant_id": tenant_id,
            "client_id": client_id,
            "client_secret": secret(client_secret),
            "anonymous": anonymous,
            "max_concurrency": max_concurrency,
        }
        shared = shared_options(
            "azure",
            tls_ca_bundle=tls_ca_bundle,
            client_options=client_options,
            retry=retry,
            reject_write_under_file_ancestor=reject_write_under_file_ancestor,
        )
        super().__init__("azure", options | shared)
