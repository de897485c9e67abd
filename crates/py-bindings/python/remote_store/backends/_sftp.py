"""Files on an SFTP server."""

from __future__ import annotations

import enum
import io
import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

from remote_store._capabilities import Capability, CapabilitySet
from remote_store._config import RetryPolicy
from remote_store._secret import Secret
from remote_store.backends._cloud_options import mapping, secret
from remote_store.backends._native_backend import NativeBackend

__all__ = ["HostKeyPolicy", "SFTPBackend", "SFTPUtils"]


class HostKeyPolicy(enum.Enum):
    """What happens when a server shows a host key that nobody knows; a changed one is refused always."""

    STRICT = "strict"
    """It is refused."""
    TRUST_ON_FIRST_USE = "tofu"
    """It is accepted and kept; from then on the host is known."""
    AUTO_ADD = "auto"
    """It is accepted. Whoever stands in between is not noticed."""


class SFTPUtils:
    """What belongs to `SFTPBackend`.

    Examples:
        >>> SFTPUtils.HostKeyPolicy("tofu").name
        'TRUST_ON_FIRST_USE'
        >>> SFTPUtils.load_private_key("-----BEGIN OPENSSH PRIVATE KEY-----...")
        Secret('***')
    """

    HostKeyPolicy = HostKeyPolicy

    @staticmethod
    def load_private_key(source: str, *, from_file: bool = False) -> Secret:
        """Return a private key in the form that ``pkey`` takes.

        Args:
            source: The text of the key, or with ``from_file`` the path of its file.
            from_file: Whether the source is a path.

        Raises:
            OSError: The file cannot be read.
        """
        return Secret(Path(source).expanduser().read_text("utf-8") if from_file else source)


class SFTPBackend(NativeBackend):
    """Files on an SFTP server, over one connection for each process.

    Files are written under a hidden name and renamed: readers see the old one or the new one. A lost
    connection is opened again by the next call. Without key and password, the SSH agent and the keys in
    ``~/.ssh`` are tried.

    Args:
        host: The server.
        port: Its port.
        username: Who logs in; the user of this process when not given.
        password: The password, also for servers that ask for it interactively.
        pkey: A private key: its text, the path of its file, or a key object of paramiko.
        base_path: The folder that holds everything; without a leading slash it is relative to the folder
            of the login.
        host_key_policy: ``strict``, ``tofu`` or ``auto``, or a `HostKeyPolicy`.
        known_host_keys: Lines as in a ``known_hosts`` file, beside those of the file.
        host_keys_path: The file of known hosts; ``~/.ssh/known_hosts`` when not given.
        config: A mapping whose ``known_host_keys`` is used when the argument of that name is not given;
            whatever else stands in it is not looked at.
        timeout: Seconds to wait for a connection.
        io_timeout: Seconds that one request may take; None waits for ever.
        connect_kwargs: How to log in: ``passphrase``, ``key_filename``, ``allow_agent``,
            ``look_for_keys``, ``banner_timeout``, ``auth_timeout``.
        retry: How often a lost connection is tried again; a `RetryPolicy` or the mapping of one.

    Raises:
        ValueError: The host is empty or an option is not valid.
        TypeError: An option has a value of the wrong type.

    Examples:
        >>> backend = SFTPBackend("files.example.com", username="dagster", password="x", base_path="/data")
        >>> backend.native_path("a/b")
        '/data/a/b'
        >>> "***" in repr(backend)
        True
        >>> SFTPBackend("files.example.com", host_key_policy="maybe")
        Traceback (most recent call last):
        ...
        ValueError: ...
    """

    CAPABILITIES: ClassVar[CapabilitySet] = CapabilitySet(
        set(Capability) - {Capability.ATOMIC_MOVE, Capability.USER_METADATA}
    )

    _is_exactly_native = True

    def __init__(
        self,
        host: str,
        *,
        port: int = 22,
        username: str | None = None,
        password: str | Secret | None = None,
        pkey: Any = None,
        base_path: str = "/",
        host_key_policy: HostKeyPolicy | str = HostKeyPolicy.STRICT,
        known_host_keys: str | None = None,
        host_keys_path: str | None = None,
        config: Mapping[str, Any] | None = None,
        timeout: float = 10,
        io_timeout: float | None = 120.0,
        connect_kwargs: Mapping[str, Any] | None = None,
        retry: RetryPolicy | Mapping[str, Any] | None = None,
    ) -> None:
        policy = RetryPolicy._from(retry)  # noqa: SLF001 - our own class
        known = known_host_keys
        if known is None:
            known = (mapping("sftp", "config", config) or {}).get("known_host_keys")
        options: dict[str, Any] = {
            "host": host,
            "port": port,
            "username": username,
            "password": secret(password),
            "pkey": _private_key(pkey),
            "base_path": base_path,
            "host_key_policy": getattr(host_key_policy, "value", host_key_policy),
            "known_host_keys": known,
            "host_keys_path": host_keys_path,
            "timeout": timeout,
            # None would mean that it was not given.
            "io_timeout": math.inf if io_timeout is None else io_timeout,
            "connect_kwargs": mapping("sftp", "connect_kwargs", connect_kwargs),
            "retry": asdict(policy) if policy is not None else None,
        }
        super().__init__("sftp", options)


def _private_key(value: Any) -> Secret | None:
    """Return the text or the path of a key; paramiko's keys write themselves out."""
    if value is None or isinstance(value, Secret):
        return value
    if isinstance(value, str):
        return Secret(value)
    if hasattr(value, "__fspath__"):
        return Secret(str(value.__fspath__()))
    if hasattr(value, "write_private_key"):
        text = io.StringIO()
        value.write_private_key(text)
        return Secret(text.getvalue())
    raise TypeError(
        f"option 'pkey' of backend 'sftp' takes a private key as text, the path of its file or a key object "
        f"of paramiko, got {type(value).__name__}"
    )
