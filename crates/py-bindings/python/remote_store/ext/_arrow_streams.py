"""The files that PyArrow writes to, and the errors it expects."""

from __future__ import annotations

import io
import sys
import tempfile
from contextlib import AbstractContextManager
from typing import Any, BinaryIO, NoReturn, cast

from remote_store._errors import (
    AlreadyExists,
    CapabilityNotSupported,
    InvalidPath,
    NotFound,
    PermissionDenied,
    RemoteStoreError,
)
from remote_store._store import Store

__all__ = ["AtomicOutput", "CollectedOutput", "Spooled", "fail", "translated"]


class AtomicOutput(io.RawIOBase):
    """A file that the store commits when it is closed, and forgets when it is only dropped."""

    def __init__(self, opened: AbstractContextManager[BinaryIO]) -> None:
        super().__init__()
        self._opened = opened
        self._file: BinaryIO | None = opened.__enter__()
        self._position = 0
        self._handled_before = sys.exception()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        if self._file is None:
            raise ValueError("I/O operation on closed file")
        size = len(memoryview(data).cast("B"))
        try:
            self._file.write(bytes(data))
        except BaseException as error:
            # A part is missing now; closing must not commit what is left.
            self._abort(error)
            raise
        self._position += size
        return size

    def tell(self) -> int:
        return self._position

    def close(self) -> None:
        if self.closed:
            return
        super().close()
        error = _new_error(self._handled_before)
        if self._file is not None and error is not None:
            self._abort(error)
        elif self._file is not None:
            self._file = None
            with translated():
                self._opened.__exit__(None, None, None)

    def _abort(self, error: BaseException) -> None:
        self._file = None
        try:
            self._opened.__exit__(type(error), error, error.__traceback__)
        except BaseException as raised:
            if raised is not error:
                raise

    def __del__(self) -> None:
        # Not `close`, which io calls here: what nobody finished must not appear.
        if self._file is not None:
            self._abort(GeneratorExit("the stream was dropped without being closed"))


class Spooled(tempfile.SpooledTemporaryFile[bytes]):
    """A temporary file, in memory while it is small; PyArrow drops files without closing them."""

    def __del__(self) -> None:
        self.close()


class CollectedOutput(io.RawIOBase):
    """A file for a store that cannot stream atomically: one write when it is closed."""

    def __init__(self, store: Store, key: str, spill_bytes: int) -> None:
        super().__init__()
        self._store = store
        self._key = key
        self._content = Spooled(max(1, spill_bytes))
        self._handled_before = sys.exception()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        written: int = self._content.write(data)
        return written

    def tell(self) -> int:
        position: int = self._content.tell()
        return position

    def close(self) -> None:
        if self.closed:
            return
        super().close()
        with translated(), self._content:
            if _new_error(self._handled_before) is None:
                self._content.seek(0)
                self._store.write(self._key, cast("BinaryIO", self._content), overwrite=True)

    def __del__(self) -> None:
        """Do not `close`, as io would here: see `AtomicOutput`."""
        self._content.close()


def _new_error(handled_before: BaseException | None) -> BaseException | None:
    """Return the error that closes a stream.

    PyArrow closes a stream when its ``with`` block fails as it does when it succeeds, and tells
    neither; but Python knows what is being handled.
    """
    error = sys.exception()
    return None if error is handled_before else error


class translated:  # noqa: N801 - reads as a word in `with`
    """Raises what PyArrow expects of a file system in place of the store's errors."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, RemoteStoreError):
            fail(error)


def fail(error: RemoteStoreError) -> NoReturn:
    """Raise the error that PyArrow expects for one of a store."""
    for ours, theirs in (
        (NotFound, FileNotFoundError),
        (AlreadyExists, FileExistsError),
        (PermissionDenied, PermissionError),
        (InvalidPath, ValueError),
        (CapabilityNotSupported, NotImplementedError),
    ):
        if isinstance(error, ours):
            raise theirs(str(error)) from error
    raise OSError(str(error)) from error
