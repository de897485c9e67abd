"""The options of tables: each is checked when it is given, and an error names it."""

from __future__ import annotations

import operator
import reprlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["check_kind", "check_store", "compression_level", "seconds", "sorting", "whole_number"]

# The largest count that both encoders take.
_MOST = 2**63 - 1
_ANY_LEVEL = (-131_072, 22)
_LEVELS = {"gzip": (0, 9), "brotli": (0, 11), "zstd": _ANY_LEVEL}
_KINDS = {bool: "True or False", str: "a text", timedelta: "a datetime.timedelta"}


def check_kind(name: str, value: object, kind: type, *, also_none: bool = False) -> None:
    """Check of which type an option is.

    Raises:
        TypeError: It is of another one.
    """
    if not isinstance(value, kind) and not (value is None and also_none):
        raise TypeError(f"{name} must be {_KINDS[kind]}, got {_shown(value)}")


def whole_number(name: str, value: Any, *, least: int = 1, most: int = _MOST) -> int | None:
    """Give a whole number within bounds; None for None.

    Raises:
        TypeError: It is no whole number.
        ValueError: It is out of bounds.
    """
    if value is None:
        return None
    try:
        number = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = None
    if number is None:
        raise TypeError(f"{name} must be a whole number, got {_shown(value)}")
    if number < least:
        raise ValueError(f"{name} must be at least {least}, got {reprlib.repr(number)}")
    if number > most:
        raise ValueError(f"{name} must be at most {most}, got {reprlib.repr(number)}")
    return number


def compression_level(value: Any, compression: str | None) -> int | None:
    """Give the level of a codec; None for the codec's own.

    Raises:
        TypeError: It is no whole number.
        ValueError: The codec has no such level.
    """
    codec = (compression or "").lower()
    least, most = _LEVELS.get(codec, _ANY_LEVEL)
    of = f" of {codec}" if codec in _LEVELS else ""
    return whole_number(f"compression_level{of}", value, least=least, most=most)


def sorting(columns: Iterable[str] | None) -> tuple[tuple[str, bool, bool], ...]:
    """Give name, descending and nulls first of each column; a name with ``-`` is downwards.

    Raises:
        TypeError: It is no list of names.
        ValueError: A name is empty, or stands there twice.
    """
    wanted = "sorting_columns must be a list of names, such as ['day', '-delay'] with '-' for downwards"
    if isinstance(columns, str):
        raise TypeError(f"{wanted}; got one text")
    try:
        given = [] if columns is None else list(columns)
    except TypeError:
        raise TypeError(f"{wanted}; got {_shown(columns)}") from None
    keys: dict[str, tuple[str, bool, bool]] = {}
    for name in given:
        if not isinstance(name, str):
            raise TypeError(f"{wanted}; got {_shown(name)} in it")
        column = name.removeprefix("-")
        if not column:
            raise ValueError(f"{wanted}; got {name!r} in it")
        if column in keys:
            raise ValueError(f"sorting_columns has {column!r} twice; a column can be sorted in one way only")
        keys[column] = (column, name.startswith("-"), False)
    return tuple(keys.values())


def seconds(name: str, value: timedelta) -> float:
    """Give a span of time in seconds.

    Raises:
        TypeError: It is no timedelta.
        ValueError: It is negative.
    """
    check_kind(name, value, timedelta)
    if value < timedelta(0):
        raise ValueError(f"{name} must not be negative, got {value!r}")
    return value.total_seconds()


def check_store(store: object, *, who: str) -> None:
    """Check that something can be written to and read from as a store.

    Raises:
        TypeError: It cannot; the message does not show it, for an address may hold a credential.
    """
    if not all(hasattr(store, name) for name in ("read_bytes", "write")):
        raise TypeError(
            f"{who} needs a remote_store.Store, got {type(store).__name__};"
            " for a folder that is Store(LocalBackend(folder))"
        )


def _shown(value: object) -> str:
    return f"{reprlib.repr(value)} ({type(value).__name__})"
