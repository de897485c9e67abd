"""The errors of the package.

Every concrete error inherits directly from `RemoteStoreError`; where Python has a
built-in error of the same meaning, that is a further base, so that
``except FileNotFoundError`` works on a store as it does on a file.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "AlreadyExists",
    "BackendUnavailable",
    "CapabilityNotSupported",
    "Conflict",
    "DirectoryNotEmpty",
    "InvalidPath",
    "NotFound",
    "PermissionDenied",
    "RemoteStoreError",
    "ResourceLocked",
]


class RemoteStoreError(Exception):
    """Base of all errors that a store raises.

    Args:
        message: What happened.
        path: The path it happened to, when there is one.
        backend: The name of the backend, when one was involved.

    Examples:
        >>> str(NotFound("File not found: a.txt", path="a.txt", backend="memory"))
        "File not found: a.txt | path='a.txt' | backend='memory'"
    """

    def __init__(self, message: str = "", *, path: str | None = None, backend: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.path = path
        self.backend = backend

    def __str__(self) -> str:
        parts = [self.message] if self.message else []
        parts += [f"{name}={value!r}" for name, value in self._fields() if value is not None]
        return " | ".join(parts)

    def __repr__(self) -> str:
        fields = "".join(f", {name}={value!r}" for name, value in self._fields() if value is not None)
        return f"{type(self).__name__}({self.message!r}{fields})"

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (type(self), self.message, dict(self._fields())))

    def _fields(self) -> list[tuple[str, str | None]]:
        return [("path", self.path), ("backend", self.backend)]


def _rebuild(cls: type[RemoteStoreError], message: str, fields: dict[str, Any]) -> RemoteStoreError:
    """Make an error again from its pickled parts."""
    return cls(message, **fields)


class NotFound(RemoteStoreError, FileNotFoundError):
    """There is no such file or folder."""


class AlreadyExists(RemoteStoreError, FileExistsError):
    """The target exists and ``overwrite`` was not asked for."""


class PermissionDenied(RemoteStoreError, PermissionError):
    """The store refused the credentials, or they do not allow the call."""


class InvalidPath(RemoteStoreError, ValueError):
    """The path is malformed, leaves the root, or names the wrong kind of thing."""


class CapabilityNotSupported(RemoteStoreError):
    """The backend cannot do what was asked.

    Args:
        message: What happened.
        path: The path of the call, when there is one.
        backend: The name of the backend.
        capability: The capability that is missing, e.g. ``"glob"``.
    """

    def __init__(
        self,
        message: str = "",
        *,
        path: str | None = None,
        backend: str | None = None,
        capability: str | None = None,
    ) -> None:
        super().__init__(message, path=path, backend=backend)
        self.capability = capability

    def _fields(self) -> list[tuple[str, str | None]]:
        return [*super()._fields(), ("capability", self.capability)]


class DirectoryNotEmpty(RemoteStoreError, OSError):
    """The folder still has files or folders in it."""


class BackendUnavailable(RemoteStoreError, ConnectionError):
    """The backend cannot be reached, did not answer in time, or is closed."""


class ResourceLocked(RemoteStoreError):
    """Somebody else holds the object."""


class Conflict(RemoteStoreError):
    """Another writer changed the object in the meantime."""
