"""Dagster on any store: IO managers, resources and a compute log manager.

Ten lines of ``definitions.py``::

    import dagster as dg
    from remote_store.ext.dagster import RemoteStoreIOManager

    @dg.asset
    def answer() -> int:
        return 42

    defs = dg.Definitions(
        assets=[answer],
        resources={
            "io_manager": RemoteStoreIOManager(
                backend_type="s3",
                backend_options={"bucket": dg.EnvVar("BUCKET")},
                serializer="json",
            )
        },
    )

Raises:
    ModuleNotFoundError: On import, when Dagster is not installed.
"""

from __future__ import annotations

try:
    import dagster as _dagster  # noqa: F401
except ModuleNotFoundError as error:
    if error.name != "dagster":
        raise
    raise ModuleNotFoundError(
        "Dagster is required for remote_store.ext.dagster. "
        "Install it with: pip install 'remote-store[dagster]'",
        name="dagster",
    ) from error

from remote_store.ext.dagster._compute_log_manager import RemoteStoreComputeLogManager
from remote_store.ext.dagster._dataset_io_manager import (
    _DatasetIOManagerImpl,  # noqa: F401 - a name that the specification uses
    dagster_dataset_io_manager,
)
from remote_store.ext.dagster._io_manager import (
    _RemoteStoreIOManagerImpl,  # noqa: F401 - a name that the specification uses
    dagster_io_manager,
)
from remote_store.ext.dagster._resources import (
    DagsterStoreResource,
    RemoteStoreIOManager,
    _build_store,  # noqa: F401 - looked up here at call time, so that it can be replaced
)
from remote_store.ext.dagster._serializers import (
    JsonSerializer,
    ParquetSerializer,
    PickleSerializer,
    Serializer,
)
from remote_store.ext.dagster._streaming_compute_log_manager import StreamingComputeLogManager

__all__ = [
    "DagsterStoreResource",
    "JsonSerializer",
    "ParquetSerializer",
    "PickleSerializer",
    "RemoteStoreComputeLogManager",
    "RemoteStoreIOManager",
    "Serializer",
    "StreamingComputeLogManager",
    "dagster_dataset_io_manager",
    "dagster_io_manager",
]
