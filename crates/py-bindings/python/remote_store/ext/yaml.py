"""A registry's configuration from a YAML file.

Raises:
    ModuleNotFoundError: On import, when PyYAML is not installed.
"""

from __future__ import annotations

try:
    import yaml as _yaml
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "PyYAML is required for remote_store.ext.yaml. Install it with: pip install 'remote-store[yaml]'",
        name="yaml",
    ) from error

import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from remote_store._config import RegistryConfig, resolve_env

__all__ = ["from_yaml"]


def from_yaml(path: str | Path, *, resolve_env_vars: bool = False) -> RegistryConfig:
    r"""Build a configuration from a YAML file; of YAML's types only plain data is taken.

    Args:
        path: The file; its form is that of `RegistryConfig.from_dict`.
        resolve_env_vars: Whether ``${VAR}`` and ``${VAR:-default}`` are replaced, as `resolve_env` does.

    Raises:
        FileNotFoundError: There is no such file.
        yaml.YAMLError: It is not YAML, or not plain data; the message has file, line and column.
        TypeError: It is empty or holds something other than a mapping.
        KeyError: A variable is not set.
        ValueError: A part has an unknown name or lacks a needed one.

    Examples:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder, "stores.yaml")
        ...     _ = file.write_text("backends: {lake: {type: memory}}\nstores: {raw: {backend: lake}}")
        ...     from_yaml(file).stores["raw"].backend
        'lake'
    """
    # The text is not handed over as a string: PyYAML would quote its lines, secrets too, in errors.
    with Path(path).open("rb") as file:
        loader = _yaml.SafeLoader(file)
        try:
            node = loader.get_single_node()
            repeated = sorted(set(_repeated_keys(node)))
            data: Any = None if node is None else loader.construct_document(node)
        finally:
            loader.dispose()
    if not isinstance(data, Mapping):
        raise TypeError(f"Expected YAML mapping at top level, got {type(data).__name__} in {str(path)!r}")
    if repeated:
        warnings.warn(
            f"Keys occur twice in {str(path)!r}, the last one counts: {repeated}", UserWarning, stacklevel=2
        )
    return RegistryConfig.from_dict(resolve_env(data) if resolve_env_vars else data)


def _repeated_keys(node: Any, seen: set[int] | None = None) -> Iterator[str]:
    """Find keys that a mapping has twice; PyYAML drops the first of them without a word."""
    seen = set() if seen is None else seen
    if node is None or id(node) in seen:
        # An alias names a node again, even from within itself.
        return
    seen.add(id(node))
    if isinstance(node, _yaml.MappingNode):
        keys = [key.value for key, _ in node.value if isinstance(key, _yaml.ScalarNode)]
        yield from (key for key in keys if keys.count(key) > 1)
        for _, value in node.value:
            yield from _repeated_keys(value, seen)
    elif isinstance(node, _yaml.SequenceNode):
        for value in node.value:
            yield from _repeated_keys(value, seen)
