"""``EnvVar`` and ``{env: NAME}`` inside options, which Dagster resolves in typed fields only."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from dagster import EnvVar
from dagster._config.field_utils import IntEnvVar

__all__ = ["resolve_env_references"]


def resolve_env_references(options: Mapping[str, Any]) -> dict[str, Any]:
    """Replace each ``EnvVar`` and each ``{"env": "NAME"}`` by the value of the variable, at any depth.

    The result belongs into a constructor and nowhere else: it is not written back into a config.

    Args:
        options: The options as Dagster hands them over; not changed.

    Returns:
        A deep copy with the references replaced.

    Raises:
        ValueError: A variable is not set; the message names it and the option.

    Examples:
        >>> os.environ["BUCKET"] = "lake"
        >>> resolve_env_references({"bucket": {"env": "BUCKET"}, "retry": {"max_attempts": 2}})
        {'bucket': 'lake', 'retry': {'max_attempts': 2}}
        >>> resolve_env_references({"client_options": {"proxy": {"env": "NOT_SET"}}})
        Traceback (most recent call last):
        ...
        ValueError: Environment variable 'NOT_SET' is not set; the option 'client_options.proxy' \
needs it
    """
    return {name: _resolved(value, str(name)) for name, value in options.items()}


def _resolved(value: Any, place: str) -> Any:
    if isinstance(value, IntEnvVar):
        return _integer(value.name, place)
    if isinstance(value, EnvVar):
        return _lookup(value.env_var_name, place)
    if isinstance(value, Mapping):
        if set(value) == {"env"} and isinstance(value["env"], str):
            return _lookup(_plain(value["env"]), place)
        return {name: _resolved(item, f"{place}.{name}") for name, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_resolved(item, f"{place}[{index}]") for index, item in enumerate(value))
    return value


def _plain(name: str) -> str:
    """Undo one wrapping: ``{"env": EnvVar("X")}`` means X."""
    return name.env_var_name if isinstance(name, EnvVar) else name


def _lookup(name: str, place: str) -> str:
    value = os.environ.get(name)
    if value is None:
        raise ValueError(f"Environment variable {name!r} is not set; the option {place!r} needs it")
    return value


def _integer(name: str, place: str) -> int:
    text = _lookup(name, place)
    try:
        return int(text)
    except ValueError:
        # The value may be a secret: the message names the variable only.
        raise ValueError(
            f"Environment variable {name!r} is not a whole number; the option {place!r} needs one"
        ) from None
