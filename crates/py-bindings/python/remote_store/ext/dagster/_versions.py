"""What differs between the versions of Dagster, 1.9.0 to the newest: all of it is in this file.

- ``TruncatingCloudStorageComputeLogManager`` exists from 1.10.18; before, `TruncatingBase` is a
  class of the same shape over ``CloudStorageComputeLogManager``.
- ``get_log_data_for_type`` is called by the base class from 1.9.6; before, it was
  ``log_data_for_type``.
- ``build_output_context(asset_key=…, partition_key=…)`` says ``has_asset_partitions=False`` on 1.9
  and ``True`` later; see `step_context_of`, which tells a real run from such a context.
- ``context.add_asset_metadata`` came after 1.9.0.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, BinaryIO

from dagster._check import CheckError
from dagster._core.execution.context.system import StepExecutionContext
from dagster._core.storage import cloud_storage_compute_log_manager as _cloud
from dagster._core.storage.cloud_storage_compute_log_manager import (
    CloudStorageComputeLogManager,
    PollingComputeLogSubscriptionManager,
)
from dagster._core.storage.compute_log_manager import (
    CapturedLogContext,
    CapturedLogData,
    CapturedLogSubscription,
    ComputeIOType,
)
from dagster._core.storage.local_compute_log_manager import IO_TYPE_EXTENSION, LocalComputeLogManager
from dagster._serdes import ConfigurableClass, ConfigurableClassData

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dagster import PartitionsDefinition

__all__ = [
    "IO_TYPE_EXTENSION",
    "CapturedLogContext",
    "CapturedLogData",
    "CapturedLogSubscription",
    "ComputeIOType",
    "ConfigurableClass",
    "ConfigurableClassData",
    "LocalComputeLogManager",
    "PollingComputeLogSubscriptionManager",
    "TruncatingBase",
    "add_partition_metadata",
    "asset_graph_of",
    "asset_keys_of",
    "asset_metadata_names",
    "keys_of_definition",
    "partition_mapping_of",
    "step_context_of",
]


class _TruncatingBase(CloudStorageComputeLogManager[Any]):
    """The shape of Dagster's truncating base, for the versions that lack it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[no-untyped-call]
        self._truncated: set[tuple[tuple[str, ...], ComputeIOType]] = set()

    @abstractmethod
    def _upload_file_obj(
        self, data: BinaryIO, log_key: Sequence[str], io_type: ComputeIOType, partial: bool = False
    ) -> None:
        """Upload an open local log."""

    def log_data_for_type(
        self, log_key: Sequence[str], io_type: ComputeIOType, offset: int, max_bytes: int | None
    ) -> tuple[bytes | None, int]:
        """Answer under the name that Dagster used before 1.9.6."""
        return self.get_log_data_for_type(log_key, io_type, offset, max_bytes)


TruncatingBase: Any = getattr(_cloud, "TruncatingCloudStorageComputeLogManager", _TruncatingBase)
"""Dagster's ``TruncatingCloudStorageComputeLogManager``, or ours where Dagster has none."""


def step_context_of(context: object) -> StepExecutionContext | None:
    """Give the context of the step that runs, or None outside a run (unit tests, loaders).

    The public property warns or raises where there is none, depending on the version.
    """
    step = getattr(context, "_step_context", None)
    return step if isinstance(step, StepExecutionContext) else None


def keys_of_definition(definition: PartitionsDefinition[Any], instance: object) -> Sequence[str]:
    """List all keys of a partitions definition in its own order."""
    store: Any = instance
    return definition.get_partition_keys(dynamic_partitions_store=store)


def asset_graph_of(step: StepExecutionContext, asset: Any) -> Any:
    """Give the graph of all assets of the running definitions.

    Runs in one process (``materialize``, ``execute_in_process``) know those of their job only, and
    so do jobs that were reconstructed from a function, whose repository has no assets.
    """
    of_job = step.job_def.asset_layer.asset_graph
    try:
        of_all = step.repository_def.asset_graph
    except CheckError:
        return of_job
    return of_all if of_all.has(asset) else of_job


def asset_keys_of(graph: Any) -> list[Any]:
    """List the keys of an asset graph, sorted."""
    listed = getattr(graph, "get_all_asset_keys", None)
    return sorted(graph.all_asset_keys if listed is None else listed())


def partition_mapping_of(step: StepExecutionContext, upstream: Any) -> Any:
    """Give the mapping that the running asset declared for an upstream asset, or None."""
    layer: Any = step.job_def.asset_layer
    find = getattr(layer, "get_assets_def_for_node", None) or layer.assets_def_for_node
    definition = find(step.node_handle)
    return None if definition is None else definition.get_partition_mapping_for_dep(upstream)


def asset_metadata_names(step: StepExecutionContext, asset_key: Any, partition: str) -> set[str]:
    """Give the names of the metadata that the user added to an asset or one partition of it."""
    find = getattr(step, "get_asset_metadata", None)
    if find is None:
        return set()
    return {*(find(asset_key) or {}), *(find(asset_key, partition) or {})}


def add_partition_metadata(
    step: StepExecutionContext, asset_key: Any, partition: str, metadata: Mapping[str, Any]
) -> None:
    """Attach metadata to the materialization of one partition, where Dagster can."""
    add = getattr(step, "add_asset_metadata", None)
    if add is not None:
        add(metadata=metadata, asset_key=asset_key, partition_key=partition)
