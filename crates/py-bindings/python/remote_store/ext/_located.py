"""Where something was read, in the text of the error of whoever could not read it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from remote_store._errors import RemoteStoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["located", "name_place"]


@contextmanager
def located(place: str) -> Iterator[None]:
    """Name a place in what is raised in the block; an error of a store names its path itself.

    Args:
        place: A path, or what is loaded from it.
    """
    try:
        yield
    except RemoteStoreError:
        raise
    except Exception as error:
        name_place(error, place)
        raise


def name_place(error: Exception, place: str) -> None:
    """Put a place before the text of an error, which keeps its type, its fields and its cause.

    Where the text is not the error's own to change, the place becomes a note below it.

    Examples:
        >>> error = EOFError("Ran out of input")
        >>> name_place(error, "a/b.pkl")
        >>> error
        EOFError('a/b.pkl: Ran out of input')
        >>> wrong = KeyError("a")
        >>> name_place(wrong, "a/b.pkl")
        >>> wrong, wrong.__notes__
        (KeyError('a'), ['Read from a/b.pkl'])
    """
    if isinstance(error, RemoteStoreError):
        error.message = f"{place}: {error.message}"
        error.args = (error.message,)
    elif isinstance(error, UnicodeDecodeError):
        error.reason = f"{error.reason} (read from {place})"
    elif error.args == (str(error),):
        error.args = (f"{place}: {error}",)
    else:
        error.add_note(f"Read from {place}")
