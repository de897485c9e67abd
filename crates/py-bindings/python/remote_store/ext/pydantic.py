"""A registry's configuration from a pydantic model, such as the settings of an application.

Raises:
    ModuleNotFoundError: On import, when pydantic is not installed.
"""

from __future__ import annotations

try:
    from pydantic import BaseModel, SecretBytes, SecretStr
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "pydantic is required for remote_store.ext.pydantic. "
        "Install it with: pip install 'remote-store[pydantic]'",
        name=error.name,
    ) from error

from collections.abc import Mapping
from typing import Any

from remote_store._config import RegistryConfig

__all__ = ["from_pydantic"]


class _Confidential(str):
    """What was a `SecretStr` under a name that backends take as text: text, but not in a repr."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


def from_pydantic(model: BaseModel) -> RegistryConfig:
    """Build a configuration from a model with the fields ``backends`` and ``stores``.

    Args:
        model: Any pydantic model (or ``BaseSettings``) of the form that `RegistryConfig.from_dict`
            takes. A ``SecretStr`` under a credential's name becomes a `Secret`; under another name it
            stays text, which no ``repr`` shows.

    Raises:
        TypeError: It is no model, or a part of it is not a mapping.
        ValueError: A part has an unknown name or lacks a needed one.

    Examples:
        >>> class Settings(BaseModel):
        ...     backends: dict[str, dict[str, Any]]
        ...     stores: dict[str, dict[str, Any]] = {}
        >>> settings = Settings(backends={"lake": {"type": "s3", "options": {"secret": SecretStr("x")}}})
        >>> from_pydantic(settings).backends["lake"].options
        {'secret': Secret('***')}
    """
    if not isinstance(model, BaseModel):
        raise TypeError(f"from_pydantic expects a pydantic model, got {type(model).__name__}")
    return RegistryConfig.from_dict(_plain(model.model_dump()))


def _plain(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return _Confidential(value.get_secret_value())
    if isinstance(value, SecretBytes):
        return _Confidential(value.get_secret_value().decode())
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
