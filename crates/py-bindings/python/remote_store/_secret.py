"""Credentials that do not show."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, NoReturn

__all__ = ["Secret", "SecretRedactionFilter"]

_MASK = "***"


class Secret:
    """A credential: ``***`` wherever it is printed, its text only through `reveal`.

    Args:
        value: The credential.

    Raises:
        TypeError: The value is not a string.

    Examples:
        >>> token = Secret("s3cr3t")
        >>> f"{token} {token!r}"
        "*** Secret('***')"
        >>> token.reveal()
        's3cr3t'
    """

    __slots__ = ("_value",)

    _value: str

    def __init__(self, value: str) -> None:
        if not isinstance(value, str):
            raise TypeError(f"Secret value must be a str, got {type(value).__name__}")
        object.__setattr__(self, "_value", value)

    def reveal(self) -> str:
        """Return the credential itself."""
        return self._value

    def __str__(self) -> str:
        return _MASK

    def __repr__(self) -> str:
        return f"Secret('{_MASK}')"

    def __format__(self, spec: str) -> str:
        return format(_MASK, spec)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return self._value == other._value if isinstance(other, Secret) else NotImplemented

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("Secret instances are immutable")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError("Secret instances are immutable")

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Secret:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return (Secret, (self._value,))


class SecretRedactionFilter(logging.Filter):
    """A logging filter that masks `Secret` values in the arguments of a record, at any depth.

    Examples:
        >>> import logging
        >>> record = logging.LogRecord("x", logging.INFO, "", 0, "%s", ({"k": Secret("s3cr3t")},), None)
        >>> SecretRedactionFilter().filter(record), record.getMessage()
        (True, "{'k': '***'}")
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask the record in place and let it pass."""
        if isinstance(record.msg, Secret):
            record.msg = _MASK
        if isinstance(record.args, tuple):
            record.args = tuple(_masked(arg) for arg in record.args)
        elif isinstance(record.args, Mapping):
            record.args = {key: _masked(value) for key, value in record.args.items()}
        return True


def _masked(value: Any) -> Any:
    """Copy plain containers with their secrets replaced; leave everything else as it is."""
    if isinstance(value, Secret):
        return _MASK
    kind = type(value)
    if kind is dict:
        return {_masked(key): _masked(entry) for key, entry in value.items()}
    if kind in {list, tuple, set, frozenset}:
        return kind(_masked(entry) for entry in value)
    return value
