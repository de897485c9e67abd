"""Stores from Dagster's configuration."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import Any

from dagster import (
    ConfigurableIOManagerFactory,
    ConfigurableResource,
    InitResourceContext,
    IOManager,
)
from pydantic import Field, PrivateAttr, field_validator

from remote_store import RetryPolicy, Store
from remote_store._config import _wrap_secrets
from remote_store._registry import create_backend
from remote_store.ext.dagster._dataset_io_manager import dagster_dataset_io_manager
from remote_store.ext.dagster._env import resolve_env_references
from remote_store.ext.dagster._io_manager import _RemoteStoreIOManagerImpl
from remote_store.ext.dagster._serializers import serializer_for

__all__ = ["DagsterStoreResource", "RemoteStoreIOManager", "_build_store"]

_DATASET = "parquet-dataset"


def _build_store(backend_type: str, backend_options: Mapping[str, Any], root_path: str) -> Store:
    """Build a store from configuration; the one way for all of Dagster's entry points (DAG-033).

    ``EnvVar`` and ``{env: NAME}`` are resolved at any depth, credentials are wrapped in ``Secret``;
    the caller's mapping stays as it is.

    Raises:
        ValueError: The type is not registered, the backend rejects the options, or a variable is
            not set.
    """
    options = _wrap_secrets(resolve_env_references(backend_options))
    return Store(create_backend(backend_type, options), root_path)


def build_store(backend_type: str, backend_options: Mapping[str, Any], root_path: str) -> Store:
    """Call `_build_store` under the name that users and tests may replace."""
    store: Store = sys.modules["remote_store.ext.dagster"]._build_store(  # noqa: SLF001
        backend_type, backend_options, root_path
    )
    return store


def wrapped(store: Store, wrap_store: Callable[[Store], Store]) -> Store:
    """Wrap a new store as the user wants; closes it when that fails.

    Raises:
        TypeError: What came back is no store.
    """
    try:
        made = wrap_store(store)
        if not callable(getattr(made, "read_bytes", None)):
            raise TypeError(f"wrap_store must return a Store, got {type(made).__name__}")  # noqa: TRY301
    except BaseException:
        store.close()
        raise
    return made


def _without_objects(options: Any) -> Any:
    """Turn a `RetryPolicy` into a mapping: Dagster keeps configuration as plain data."""
    if isinstance(options, RetryPolicy):
        return asdict(options)
    if isinstance(options, Mapping):
        return {name: _without_objects(value) for name, value in options.items()}
    return options


def _masked(options: Mapping[str, Any]) -> dict[str, Any]:
    return _wrap_secrets(options)


class DagsterStoreResource(ConfigurableResource[Any]):
    """A store as a resource, for assets and ops that read and write files themselves (DAG-012).

    Attributes:
        backend_type: A registered type: ``"local"``, ``"memory"``, ``"s3"``, …
        backend_options: The options of the backend; ``EnvVar`` and ``{env: NAME}`` at any depth.
        root_path: The folder of the backend that is the store's root.

    Examples:
        >>> import dagster as dg
        >>> @dg.asset
        ... def report(files: DagsterStoreResource) -> None:
        ...     files.get_store().write("report.txt", b"fine", overwrite=True)
        >>> files = DagsterStoreResource(backend_type="memory")
        >>> dg.materialize([report], resources={"files": files}).success
        True
        >>> files.get_store()
        Traceback (most recent call last):
        ...
        RuntimeError: DagsterStoreResource has no store yet: Dagster calls setup_for_execution first
    """

    backend_type: str = Field(description="Registered type of the backend: local, memory, s3, …")
    backend_options: dict[str, Any] = Field(
        default_factory=dict,
        description="Options of the backend; {env: NAME} is resolved at any depth.",
    )
    root_path: str = Field(default="", description="Folder of the backend that is the store's root.")

    _store: Store | None = PrivateAttr(default=None)

    @field_validator("backend_options", mode="before")
    @classmethod
    def _plain_options(cls, options: Any) -> Any:
        return _without_objects(options)

    def setup_for_execution(self, context: InitResourceContext) -> None:  # noqa: ARG002
        """Build the store.

        Raises:
            ValueError: The type is unknown, the backend rejects the options, or a variable is not
                set (DAG-014).
        """
        self._store = wrapped(
            build_store(self.backend_type, self.backend_options, self.root_path), self.wrap_store
        )

    def wrap_store(self, store: Store) -> Store:
        """Return the store to use; override it to put a cache or an observer before the one given."""
        return store

    def teardown_after_execution(self, context: InitResourceContext) -> None:  # noqa: ARG002
        """Close the store, if there is one (DAG-013)."""
        store, self._store = self._store, None
        if store is not None:
            store.close()

    def get_store(self) -> Store:
        """Give the store.

        Raises:
            RuntimeError: Dagster has not set the resource up, or has torn it down.
        """
        return _set_up(self._store, type(self).__name__)

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """Show the fields, credentials masked."""
        return _masked_arguments(super().__repr_args__())


class RemoteStoreIOManager(ConfigurableIOManagerFactory[IOManager]):
    """An IO manager with a store of its own, all of it from configuration (DAG-015).

    Attributes:
        backend_type: A registered type: ``"local"``, ``"memory"``, ``"s3"``, …
        backend_options: The options of the backend; ``EnvVar`` and ``{env: NAME}`` at any depth.
        root_path: The folder of the backend that is the store's root.
        serializer: ``"pickle"``, ``"json"``, ``"parquet"``, or ``"parquet-dataset"`` (DAG-019).

    Examples:
        >>> import dagster as dg, tempfile
        >>> @dg.asset
        ... def one() -> int:
        ...     return 1
        >>> @dg.asset
        ... def two(one: int) -> int:
        ...     return one + 1
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     manager = RemoteStoreIOManager(
        ...         backend_type="local", backend_options={"root": folder}, serializer="json"
        ...     )
        ...     run = dg.materialize([one, two], resources={"io_manager": manager})
        >>> run.output_for_node("two")
        2
    """

    backend_type: str = Field(description="Registered type of the backend: local, memory, s3, …")
    backend_options: dict[str, Any] = Field(
        default_factory=dict,
        description="Options of the backend; {env: NAME} is resolved at any depth.",
    )
    root_path: str = Field(default="", description="Folder of the backend that is the store's root.")
    serializer: str = Field(default="pickle", description="pickle, json, parquet or parquet-dataset.")

    _store: Store | None = PrivateAttr(default=None)

    @field_validator("backend_options", mode="before")
    @classmethod
    def _plain_options(cls, options: Any) -> Any:
        return _without_objects(options)

    def setup_for_execution(self, context: InitResourceContext) -> None:  # noqa: ARG002
        """Build the store.

        Raises:
            ValueError: The type is unknown, the backend rejects the options, or a variable is not
                set.
        """
        self._store = wrapped(
            build_store(self.backend_type, self.backend_options, self.root_path), self.wrap_store
        )

    def wrap_store(self, store: Store) -> Store:
        """Return the store to use; override it to put a cache or an observer before the one given."""
        return store

    def teardown_after_execution(self, context: InitResourceContext) -> None:  # noqa: ARG002
        """Close the store, if there is one."""
        store, self._store = self._store, None
        if store is not None:
            store.close()

    def create_io_manager(self, context: Any) -> IOManager:  # noqa: ARG002
        """Make the IO manager over the store.

        Raises:
            ValueError: There is no serializer of that name.
            ModuleNotFoundError: The serializer needs PyArrow, which is not installed.
            RuntimeError: Dagster has not set the resource up.
        """
        store = _set_up(self._store, type(self).__name__)
        if self.serializer == _DATASET:
            return dagster_dataset_io_manager(store)
        chosen = serializer_for(self.serializer, further_names=[_DATASET])
        return _RemoteStoreIOManagerImpl(store, chosen)

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """Show the fields, credentials masked."""
        return _masked_arguments(super().__repr_args__())


def _set_up(store: Store | None, who: str) -> Store:
    if store is None:
        raise RuntimeError(f"{who} has no store yet: Dagster calls setup_for_execution first")
    return store


def _masked_arguments(
    arguments: Iterable[tuple[str | None, Any]],
) -> Iterable[tuple[str | None, Any]]:
    for name, value in arguments:
        yield name, _masked(value) if isinstance(value, Mapping) else value
