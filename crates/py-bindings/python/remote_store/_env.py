"""``${VAR}`` in configuration."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import TypeVar, cast

__all__ = ["resolve_env"]

_T = TypeVar("_T")
_REFERENCE = re.compile(r"\$\$\{|\$\{((?:(?!:-)[^}])+)(:-([^}]*))?\}")


def resolve_env(data: _T, *, environ: Mapping[str, str] | None = None) -> _T:
    """Replace ``${VAR}`` and ``${VAR:-default}`` in all strings of a nested configuration.

    ``$${`` stands for a literal ``${``.

    Args:
        data: Nested dicts, lists and strings; other values stay as they are.
        environ: Where the variables come from; the environment of the process by default.

    Returns:
        A copy with the references replaced.

    Raises:
        KeyError: A variable without default is not set; the message names it and its place in the data.

    Examples:
        >>> resolve_env({"bucket": "${BUCKET}", "prefix": "${P:-data}"}, environ={"BUCKET": "b"})
        {'bucket': 'b', 'prefix': 'data'}
        >>> resolve_env({"s3": {"key": "${NOT_SET}"}}, environ={})
        Traceback (most recent call last):
        ...
        KeyError: "Environment variable 'NOT_SET' is not set (referenced at config path '$.s3.key')"
    """
    return cast("_T", _resolve(data, os.environ if environ is None else environ, ""))


def _resolve(data: object, environ: Mapping[str, str], place: str) -> object:
    if isinstance(data, str):
        return _REFERENCE.sub(lambda match: _replacement(match, environ, place), data)
    if isinstance(data, Mapping):
        return {key: _resolve(value, environ, f"{place}.{key}") for key, value in data.items()}
    if isinstance(data, list | tuple):
        return type(data)(_resolve(value, environ, f"{place}[{index}]") for index, value in enumerate(data))
    return data


def _replacement(match: re.Match[str], environ: Mapping[str, str], place: str) -> str:
    name, default = match.group(1), match.group(3)
    if name is None:
        return "${"
    value = environ.get(name, default)
    if value is None:
        raise KeyError(f"Environment variable {name!r} is not set (referenced at config path '${place}')")
    return value
