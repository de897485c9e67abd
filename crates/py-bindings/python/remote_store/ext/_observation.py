"""Watching one operation from its beginning to its end."""

from __future__ import annotations

import io
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, BinaryIO, TypeVar, cast

from remote_store.ext._events import StoreEvent, correlation_id

__all__ = ["HOOKS", "Observers", "Watch", "observed_file"]

_log = logging.getLogger("remote_store")
_Entry = TypeVar("_Entry")
_BUFFER_BYTES = 128 * 1024

HOOKS = (
    "on_read",
    "on_write",
    "on_delete",
    "on_copy",
    "on_move",
    "on_list",
    "on_ping",
    "on_error",
    "on_any",
)

# Operations that have a hook of their own; the others tell `on_any` and `on_error` only.
_HOOK_OF = {
    "read": "on_read",
    "read_bytes": "on_read",
    "read_seekable": "on_read",
    "read_text": "on_read",
    "write": "on_write",
    "write_text": "on_write",
    "write_atomic": "on_write",
    "open_atomic": "on_write",
    "delete": "on_delete",
    "delete_folder": "on_delete",
    "exists": "on_list",
    "is_file": "on_list",
    "is_folder": "on_list",
    "get_file_info": "on_list",
    "get_folder_info": "on_list",
    "head": "on_list",
    "copy": "on_copy",
    "move": "on_move",
    "list_files": "on_list",
    "list_folders": "on_list",
    "iter_children": "on_list",
    "glob": "on_list",
    "ping": "on_ping",
}


class Observers:
    """The hooks of a store and its children.

    Args:
        hooks: The functions to call, by the names of `HOOKS`.
        around: Makes the context manager that surrounds an operation.
    """

    def __init__(self, hooks: Mapping[str, Callable[[StoreEvent], None]], around: Any | None) -> None:
        self.hooks = dict(hooks)
        self.make_around = around
        self._logged: set[str] = set()

    def begin(self, operation: str, path: object, backend: str, arguments: dict[str, Any]) -> Watch:
        """Start the clock for an operation."""
        return Watch(self, operation, str(path), backend, arguments)

    def tell(self, event: StoreEvent) -> None:
        """Call the hooks that an event concerns."""
        names = [_HOOK_OF.get(event.operation), "on_any", None if event.error is None else "on_error"]
        for name in names:
            hook = self.hooks.get(name) if name is not None else None
            if name is None or hook is None:
                continue
            try:
                hook(event)
            except Exception as error:  # noqa: BLE001 - an observer that fails must not fail the operation
                self.complain(name, error)

    def complain(self, name: str, error: BaseException) -> None:
        """Log the first error of a hook."""
        if name not in self._logged:
            self._logged.add(name)
            _log.warning(
                "The hook %s failed, further failures are not logged: %s", name, type(error).__name__
            )


class Watch:
    """One operation that is under way; it tells once, at its end."""

    def __init__(
        self, observers: Observers, operation: str, path: str, backend: str, metadata: dict[str, Any]
    ) -> None:
        self._observers = observers
        self._operation = operation
        self._path = path
        self._backend = backend
        self._metadata = dict(metadata)
        self._correlation_id = correlation_id()
        self._told = False
        self._started_at = time.monotonic()

    def tell(self, error: BaseException | None = None, **results: Any) -> None:
        """Tell the hooks that the operation ended."""
        if self._told:
            return
        self._told = True
        ended_at = time.monotonic()
        event = StoreEvent(
            operation=self._operation,
            path=self._path,
            backend=self._backend,
            started_at=self._started_at,
            duration_ms=(ended_at - self._started_at) * 1000,
            error=error,
            metadata={**self._metadata, **results},
            correlation_id=self._correlation_id,
        )
        self._observers.tell(event)

    @contextmanager
    def telling_errors(self) -> Iterator[None]:
        """Tell what the block raises, and raise it."""
        try:
            yield
        except BaseException as error:
            self.tell(error)
            raise

    @contextmanager
    def around(self) -> Iterator[None]:
        """Put the users' context manager around the block; it can neither break nor rescue it."""
        entered = self._entered()
        try:
            yield
        except BaseException as failure:
            self._left(entered, failure)
            raise
        self._left(entered, None)

    def _left(self, entered: Any, failure: BaseException | None) -> None:
        if entered is None:
            return
        try:
            if failure is None:
                entered.__exit__(None, None, None)
            else:
                entered.__exit__(type(failure), failure, failure.__traceback__)
        except Exception as error:  # noqa: BLE001 - an observer that fails must not fail the operation
            if error is not failure:
                self._observers.complain("around", error)

    def _entered(self) -> Any:
        if self._observers.make_around is None:
            return None
        try:
            context = self._observers.make_around(self._operation, self._path, self._backend)
            context.__enter__()
        except Exception as error:  # noqa: BLE001 - an observer that fails must not fail the operation
            self._observers.complain("around", error)
            return None
        return context

    def over(self, entries: Iterable[_Entry]) -> Iterator[_Entry]:
        """Hand entries on; tells when they end, fail or are given up."""
        count = 0
        try:
            iterator = iter(entries)
            with self.around():
                # Only what is asked for before the first entry: between two entries the caller's code runs.
                first = next(iterator, _END)
            if first is not _END:
                count = 1
                yield cast("_Entry", first)
                for entry in iterator:
                    count += 1
                    yield entry
        except GeneratorExit:
            self.tell(entries=count)
            raise
        except BaseException as error:
            self.tell(error, entries=count)
            raise
        self.tell(entries=count)


_END: Any = object()


def observed_file(file: BinaryIO, watch: Watch) -> BinaryIO:
    """Return a file that tells when it is closed."""
    return cast("BinaryIO", io.BufferedReader(_ObservedRaw(file, watch), _BUFFER_BYTES))


class _ObservedRaw(io.RawIOBase):
    """Counts what is read of a file, and tells when it is closed."""

    def __init__(self, file: BinaryIO, watch: Watch) -> None:
        super().__init__()
        self._file = file
        self._watch = watch
        self._size = 0
        self._error: BaseException | None = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._file.seekable()

    def readinto(self, buffer: Any) -> int | None:
        data = self._noting(self._file.read, len(buffer))
        if data is None:
            return None
        buffer[: len(data)] = data
        self._size += len(data)
        return len(data)

    def readall(self) -> bytes:
        data: bytes = self._noting(self._file.read)
        self._size += len(data)
        return data

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        position: int = self._noting(self._file.seek, offset, whence)
        return position

    def tell(self) -> int:
        return self._file.tell()

    def _noting(self, call: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return call(*arguments)
        except BaseException as error:
            self._error = error
            raise

    def close(self) -> None:
        if not self.closed:
            try:
                self._noting(self._file.close)
            finally:
                super().close()
                # What the buffer above read ahead counts too.
                self._watch.tell(self._error, size=self._size)
