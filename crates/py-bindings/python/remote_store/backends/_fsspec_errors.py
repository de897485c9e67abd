"""What filesystems of fsspec raise, as the errors of this package and without credentials."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from remote_store._errors import (
    AlreadyExists,
    BackendUnavailable,
    InvalidPath,
    NotFound,
    PermissionDenied,
    RemoteStoreError,
)
from remote_store._native.masking import redact_text
from remote_store._secret import Secret

__all__ = ["Mapper", "revealed", "secrets_in"]

# Shorter values would blacken harmless words.
_MIN_SECRET_CHARS = 4
_MASK = "***"


def revealed(value: Any) -> Any:
    """Unwrap secrets at any depth: the filesystem needs their text."""
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, Mapping):
        return {name: revealed(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(revealed(entry) for entry in value)
    return value


def secrets_in(value: Any) -> Iterator[str]:
    """Yield every text in the options: any of them may be a credential."""
    if isinstance(value, Secret):
        yield value.reveal()
    elif isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for entry in value.values():
            yield from secrets_in(entry)
    elif isinstance(value, list | tuple):
        for entry in value:
            yield from secrets_in(entry)


class Mapper:
    """Turns exceptions of a filesystem into errors of this package.

    Args:
        backend: The name for errors.
        hidden: Texts that no message shows.
    """

    def __init__(self, backend: str, hidden: Iterable[str]) -> None:
        self._backend = backend
        longest_first = sorted(set(hidden), key=len, reverse=True)
        self._hidden = [text for text in longest_first if len(text) >= _MIN_SECRET_CHARS]

    def shown(self, error: BaseException) -> str:
        """Return what an exception says, without credentials."""
        text = redact_text(f"{type(error).__name__}: {error}")
        for hidden in self._hidden:
            text = text.replace(hidden, _MASK)
        return text

    @contextmanager
    def mapped(self, path: str) -> Iterator[None]:
        """Raise this package's errors about the path in place of the filesystem's.

        Raises:
            RemoteStoreError: The error of the same meaning; its cause is text alone, since the
                original may hold a credential.
        """
        try:
            yield
        except (RemoteStoreError, TypeError, ImportError):
            raise
        except Exception as error:  # noqa: BLE001 - filesystems raise what their libraries raise
            # Out of the block: the original must not hang on as the context of the new one.
            found, cause = self._error(error, path), OSError(self.shown(error))
        else:
            return
        raise found from cause

    def _error(self, error: Exception, path: str) -> RemoteStoreError:
        for kinds, code, made, message in _MEANINGS:
            if isinstance(error, kinds) or (code and _ftp(error, code)):
                return made(message.format(path=path or "the root"), path=path, backend=self._backend)
        message = f"The filesystem failed ({type(error).__name__})"
        return BackendUnavailable(message, path=path, backend=self._backend)


# The first that fits counts; the code is that of an FTP server.
_MEANINGS: tuple[tuple[type[Exception], str, type[RemoteStoreError], str], ...] = (
    (FileNotFoundError, "550", NotFound, "File not found: {path}"),
    (FileExistsError, "", AlreadyExists, "File already exists: {path}"),
    (PermissionError, "530", PermissionDenied, "Access denied for {path}; check the storage options"),
    (IsADirectoryError, "", InvalidPath, "Not a file: {path}"),
    (NotADirectoryError, "", InvalidPath, "Not a folder: {path}"),
    (NotImplementedError, "", BackendUnavailable, "The filesystem cannot do this: {path}"),
    (
        TimeoutError,
        "",
        BackendUnavailable,
        "The filesystem did not answer in time for {path}; try again later",
    ),
)


def _ftp(error: Exception, code: str) -> bool:
    """Say whether it is the answer of an FTP server with this code."""
    return type(error).__module__ == "ftplib" and str(error).startswith(code)
