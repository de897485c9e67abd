"""Configuration: which backends there are and which stores stand on them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from remote_store._env import resolve_env
from remote_store._secret import Secret, SecretRedactionFilter

__all__ = [
    "BackendConfig",
    "RegistryConfig",
    "RetryPolicy",
    "Secret",
    "SecretRedactionFilter",
    "StoreProfile",
    "resolve_env",
]

# The option names whose values are wrapped in `Secret` (DAG-033); one set for every way in.
_SENSITIVE_KEYS: frozenset[str] = frozenset(
    {
        "key",
        "secret",
        "password",
        "account_key",
        "sas_token",
        "connection_string",
        "client_secret",
        "client_certificate",
    }
)


def _wrap_secrets(options: Mapping[str, Any]) -> dict[str, Any]:
    """Copy options with each string under a sensitive name wrapped; nested mappings too."""
    return {name: _wrapped(name, value) for name, value in options.items()}


def _wrapped(name: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return _wrap_secrets(value)
    return Secret(value) if name in _SENSITIVE_KEYS and isinstance(value, str) else value


@dataclass(frozen=True)
class RetryPolicy:
    """How often and how patiently a failed request is tried again.

    Args:
        max_attempts: Attempts in all, the first included.
        backoff_base: Seconds before the second attempt; doubled for each further one.
        backoff_max: Longest pause between two attempts, in seconds.
        jitter: Largest random addition to a pause, in seconds.
        timeout: Seconds after which no further attempt is made.

    Raises:
        ValueError: A number is out of its range.
        TypeError: A value is no number.
    """

    max_attempts: int = 3
    backoff_base: float = 1.0
    backoff_max: float = 60.0
    jitter: float = 1.0
    timeout: float | None = None

    def __post_init__(self) -> None:
        """Check the ranges."""
        if not isinstance(self.max_attempts, int):
            raise TypeError(f"max_attempts must be an int, got {type(self.max_attempts).__name__}")
        if self.max_attempts < 1:
            raise ValueError(f"max_attempts must be >= 1, got {self.max_attempts}")
        for name in ("backoff_base", "backoff_max", "jitter", "timeout"):
            value = getattr(self, name)
            if value is None and name == "timeout":
                continue
            if not isinstance(value, int | float):
                raise TypeError(f"{name} must be a number of seconds, got {type(value).__name__}")
            # Written so that NaN, which is neither, is refused too.
            if name == "timeout" and not value > 0:
                raise ValueError(f"timeout must be > 0 or None, got {value}")
            if not value >= 0:
                raise ValueError(f"{name} must be >= 0, got {value}")

    @classmethod
    def disabled(cls) -> RetryPolicy:
        """Return a policy of one attempt."""
        return cls(max_attempts=1)

    @classmethod
    def _from(cls, value: object) -> RetryPolicy | None:
        """Take a policy, the mapping of one, or None.

        Raises:
            ValueError: The mapping has a name that a policy does not have.
            TypeError: It is something else.
        """
        if value is None or isinstance(value, cls):
            return value
        if isinstance(value, Mapping):
            known = list(cls.__dataclass_fields__)
            unknown = sorted(set(map(str, value)) - set(known))
            if unknown:
                raise ValueError(f"Unknown retry options {unknown}. Known: {known}")
            return cls(**value)
        raise TypeError(f"retry must be a RetryPolicy or a mapping, got {type(value).__name__}")


@dataclass(frozen=True)
class BackendConfig:
    """One backend: its type, its constructor's options and, if any, its retry policy."""

    type: str
    options: Mapping[str, Any] = field(default_factory=dict)
    retry: RetryPolicy | None = None


@dataclass(frozen=True)
class StoreProfile:
    """One store: the name of its backend and the folder that is its root.

    The options are kept for whoever reads the configuration, with credentials hidden; a store itself
    has none. What changes how it works is an option of its backend, or a proxy around it.
    """

    backend: str
    root_path: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class RegistryConfig:
    """All backends and stores of an application, by name.

    Examples:
        >>> config = RegistryConfig.from_dict({
        ...     "backends": {"lake": {"type": "memory"}},
        ...     "stores": {"raw": {"backend": "lake", "root_path": "raw"}},
        ... })
        >>> config.stores["raw"].root_path
        'raw'
    """

    backends: Mapping[str, BackendConfig] = field(default_factory=dict)
    stores: Mapping[str, StoreProfile] = field(default_factory=dict)

    def validate(self) -> None:
        """Check that each store's backend is there.

        Raises:
            ValueError: A store names a backend that is not configured.
        """
        for name, profile in self.stores.items():
            if profile.backend not in self.backends:
                raise ValueError(
                    f"Store '{name}' references unknown backend '{profile.backend}'. "
                    f"Available backends: {sorted(self.backends)}"
                )

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> RegistryConfig:
        """Build a configuration from nested dicts; credentials are wrapped in `Secret`.

        Args:
            data: ``{"backends": {name: {"type", "options", "retry"}}, "stores": {name: {"backend",
                "root_path", "options"}}}``. An unknown name gives a warning.

        Raises:
            ValueError: A part lacks what it needs.
            TypeError: A part is not a mapping, or a value has the wrong type.
        """
        return cls._from_dict(data, stacklevel=3)

    @classmethod
    def _from_dict(cls, data: Mapping[str, Any], *, stacklevel: int = 2) -> RegistryConfig:
        if not isinstance(data, Mapping):
            raise TypeError(f"configuration must be a mapping, got {type(data).__name__}")
        unknown = sorted(set(map(str, data)) - {"backends", "stores"})
        if unknown:
            warnings.warn(
                f"Unknown top-level config keys ignored: {unknown}. Expected keys: ['backends', 'stores']",
                UserWarning,
                stacklevel=stacklevel,
            )
        backends, stores = _or_empty(data, "backends"), _or_empty(data, "stores")
        for part in (backends, stores):
            if not isinstance(part, Mapping):
                raise TypeError(f"Expected 'backends' and 'stores' to be dicts, got {type(part).__name__}")
        configs: dict[str, BackendConfig] = {}
        profiles: dict[str, StoreProfile] = {}
        # Loops: before 3.12 a comprehension is a frame of its own, and warnings count frames.
        for name, entry in backends.items():
            configs[name] = _backend_config(name, entry, stacklevel + 2)
        for name, entry in stores.items():
            profiles[name] = _store_profile(name, entry, stacklevel + 2)
        return cls(configs, profiles)

    @classmethod
    def from_toml(
        cls, path: str | Path, *, table: Sequence[str] = (), resolve_env_vars: bool = False
    ) -> RegistryConfig:
        """Build a configuration from a TOML file.

        Args:
            path: The file.
            table: Where in the file it stands, e.g. ``("tool", "remote-store")``.
            resolve_env_vars: Whether ``${VAR}`` is replaced, as `resolve_env` does.

        Raises:
            FileNotFoundError: There is no such file.
            KeyError: The table is not in the file, or a variable is not set.
            ValueError: The file is not TOML, or as for `from_dict`.
        """
        import tomllib

        with Path(path).open("rb") as file:
            data: Any = tomllib.load(file)
        if isinstance(table, str):
            raise TypeError(f"table must be a sequence of names, e.g. ({table!r},), got one str")
        for depth, name in enumerate(table, start=1):
            if not isinstance(data, Mapping) or name not in data:
                where = f" (in {'.'.join(table[:depth])})" if depth > 1 else ""
                raise KeyError(f"Table key '{name}' not found in {path}{where}")
            data = data[name]
        return cls._from_dict(resolve_env(data) if resolve_env_vars else data, stacklevel=3)


def _or_empty(data: Mapping[str, Any], name: str) -> Any:
    """Take a part; one that is not there, or null, is empty."""
    part = data.get(name)
    return {} if part is None else part


def _options(entry: Mapping[str, Any], what: str) -> Mapping[str, Any]:
    options = _or_empty(entry, "options")
    if not isinstance(options, Mapping):
        raise TypeError(f"{what} options must be a mapping, got {type(options).__name__}")
    return options


def _checked(entry: Any, what: str, known: list[str], needed: str, stacklevel: int) -> Mapping[str, Any]:
    unknown = sorted(set(map(str, entry)) - set(known))
    if unknown:
        warnings.warn(
            f"{what} has unknown keys, which are ignored: {unknown}. Expected keys: {known}",
            UserWarning,
            stacklevel=stacklevel,
        )
    value = entry.get(needed)
    if value is not None and not isinstance(value, str):
        raise TypeError(f"{what} {needed} must be a string, got {type(value).__name__}")
    if not value:
        raise ValueError(f"{what} needs '{needed}', a non-empty string")
    return entry  # type: ignore[no-any-return]


def _backend_config(name: str, entry: Any, stacklevel: int) -> BackendConfig:
    what = f"Backend '{name}'"
    if not isinstance(entry, Mapping):
        raise TypeError(f"Backend config for '{name}' must be a dict, got {type(entry).__name__}")
    entry = _checked(entry, what, ["type", "options", "retry"], "type", stacklevel)
    options = _options(entry, what)
    return BackendConfig(entry["type"], _wrap_secrets(options), RetryPolicy._from(entry.get("retry")))  # noqa: SLF001


def _store_profile(name: str, entry: Any, stacklevel: int) -> StoreProfile:
    what = f"Store '{name}'"
    if not isinstance(entry, Mapping):
        raise TypeError(f"Store profile for '{name}' must be a dict, got {type(entry).__name__}")
    entry = _checked(entry, what, ["backend", "root_path", "options"], "backend", stacklevel)
    root_path = entry.get("root_path")
    if root_path is not None and not isinstance(root_path, str):
        raise TypeError(f"{what} root_path must be a string, got {type(root_path).__name__}")
    return StoreProfile(entry["backend"], root_path or "", _wrap_secrets(_options(entry, what)))
