"""What a context of Dagster means for a path: which asset, which partitions, which output.

The traps are these. ``InputContext.partition_key`` is the key of the *run*, not of the input; an
unpartitioned asset has no partition in its path though its run may have one; contexts built for
unit tests know less than those of a run, and how much less depends on the version. Attributes that
are no booleans (of mocks) count as not given.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dagster import TimeWindowPartitionsDefinition

from remote_store.ext.dagster import _versions

__all__ = [
    "Target",
    "allows_missing_partitions",
    "annotation_of",
    "definition_metadata",
    "input_target",
    "is_one_to_one",
    "output_target",
    "wanted_columns",
]


@dataclass(frozen=True)
class Target:
    """What is stored or loaded.

    Attributes:
        asset: The segments of the asset key; None for an output of an op.
        identifier: The identifier of an op's output; None for an asset.
        partitions: The partition keys in the order of their definition; None when the asset is
            not partitioned, empty when no partition is mapped.
    """

    asset: tuple[str, ...] | None
    identifier: tuple[str, ...] | None = None
    partitions: tuple[str, ...] | None = None

    def name(self) -> str:
        """Name it for a message."""
        return (
            f"asset {'/'.join(self.asset)}"
            if self.asset is not None
            else f"output {'/'.join(self.identifier or ())}"
        )

    def full_name(self) -> str:
        """Name it with its partition, where it is one."""
        return f"{self.name()}, partition {self.partitions[0]!r}" if self.partitions else self.name()

    def way_out_of_missing(self) -> str:
        """Say what to do when nothing is stored for it."""
        if not self.partitions:
            return "was it materialized with this store? Materialize it first"
        return (
            "was it materialized with this store? Materialize this partition first, or allow missing "
            'partitions on the input: metadata {"allow_missing_partitions": True}'
        )


def output_target(context: Any) -> Target:
    """Say where the output of a context belongs (DAG-005, DAG-006)."""
    asset = _asset_path(context)
    if asset is None:
        return Target(None, _identifier(context))
    return Target(asset, None, _output_partitions(context))


def input_target(context: Any) -> Target:
    """Say where the input of a context comes from (DAG-008, DAG-020)."""
    upstream = getattr(context, "upstream_output", None)
    asset = _asset_path(context)
    if asset is not None:
        return Target(asset, None, _input_partitions(context, upstream))
    asset = None if upstream is None else _asset_path(upstream)
    if asset is not None:
        return Target(asset, None, _upstream_partitions(context, upstream))
    return Target(None, _identifier(context))


def allows_missing_partitions(context: Any) -> bool:
    """Say whether the input's definition has ``allow_missing_partitions: True``."""
    return definition_metadata(context).get("allow_missing_partitions") is True


def wanted_columns(context: Any) -> list[str] | None:
    """Give the ``columns`` of the input's definition metadata.

    Raises:
        ValueError: It is not a list of names.
    """
    columns = definition_metadata(context).get("columns")
    if columns is None:
        return None
    names = list(columns) if isinstance(columns, Sequence) and not isinstance(columns, str) else None
    if names is None or not all(isinstance(name, str) for name in names):
        raise ValueError(f"The input metadata 'columns' must be a list of column names, got {columns!r}")
    return names


def annotation_of(context: Any) -> Any:
    """Give the Python type that the input is annotated with; Any when there is none."""
    try:
        return context.dagster_type.typing_type
    except Exception:  # noqa: BLE001 - Dagster raises its own errors where no type was given
        return Any


def definition_metadata(context: Any) -> Mapping[str, Any]:
    """Give the metadata of the input's or output's definition."""
    found = getattr(context, "definition_metadata", None)
    return found if isinstance(found, Mapping) else {}


def is_one_to_one(context: Any) -> bool:
    """Say whether each run of the loading asset gets exactly one partition of this input.

    True too where there is no run: a value loader asks for one partition and means its value.
    """
    step = _versions.step_context_of(context)
    if step is None:
        return True
    if _flag(step, "has_partition_key") is not True:
        return False
    mapping = _versions.partition_mapping_of(step, context.asset_key)
    return mapping is None or type(mapping).__name__ == "IdentityPartitionMapping"


def _flag(context: Any, name: str) -> bool | None:
    value = getattr(context, name, None)
    return value if isinstance(value, bool) else None


def _asset_path(context: Any) -> tuple[str, ...] | None:
    if _flag(context, "has_asset_key") is False:
        return None
    path = getattr(context.asset_key, "path", None)
    if not isinstance(path, Sequence) or isinstance(path, str):
        return None
    return tuple(path)


def _identifier(context: Any) -> tuple[str, ...]:
    return tuple(str(part) for part in context.get_identifier())


def _output_partitions(context: Any) -> tuple[str, ...] | None:
    step = _versions.step_context_of(context)
    if _flag(context, "has_asset_partitions"):
        if step is not None and not _is_partitioned_run(step):
            return None
        return _in_definition_order(context, context.asset_partition_keys)
    return None if step is not None else _partition_key(context)


def _is_partitioned_run(step: Any) -> bool:
    return bool(step.has_partition_key or step.has_partition_key_range)


def _input_partitions(context: Any, upstream: Any) -> tuple[str, ...] | None:
    if _flag(context, "has_asset_partitions"):
        return _in_definition_order(context, context.asset_partition_keys)
    if _versions.step_context_of(context) is not None:
        # The run may have a key; the input has none.
        return None
    found = _partition_key(context)
    return found if found is not None or upstream is None else _partition_key(upstream)


def _upstream_partitions(context: Any, upstream: Any) -> tuple[str, ...] | None:
    """Find the partitions of an asset that is known through its output only."""
    step = _versions.step_context_of(context)
    if step is None:
        found = _partition_key(context)
        return found if found is not None else _output_partitions(upstream)
    if not _is_partitioned_run(step):
        return None
    definition = _versions.asset_graph_of(step, upstream.asset_key).get(upstream.asset_key).partitions_def
    # Dagster gives inputs inside a graph the key of their asset, so this is for one partition only.
    return None if definition is None else (step.partition_key,)


def _partition_key(context: Any) -> tuple[str, ...] | None:
    with warnings.catch_warnings():
        # Asked of an upstream output, Dagster warns; asked of ours outside a run, it is right.
        warnings.simplefilter("ignore")
        return (context.partition_key,) if _flag(context, "has_partition_key") else None


def _in_definition_order(context: Any, keys: Sequence[str]) -> tuple[str, ...]:
    """Sort partition keys as their definition lists them; Dagster may hand over a set's order."""
    if len(keys) <= 1:
        return tuple(keys)
    try:
        definition = context.asset_partitions_def
    except Exception:  # noqa: BLE001 - a context without a definition raises Dagster's own errors
        return tuple(keys)
    if isinstance(definition, TimeWindowPartitionsDefinition):
        return tuple(sorted(keys, key=lambda key: definition.time_window_for_partition_key(key).start))
    if not hasattr(definition, "get_partition_keys"):
        return tuple(keys)
    step = _versions.step_context_of(context)
    instance = step.instance if step is not None else getattr(context, "_instance", None)
    listed = _versions.keys_of_definition(definition, instance)
    place = {key: index for index, key in enumerate(listed)}
    # A dynamic partition may have been removed meanwhile: such keys come last.
    return tuple(sorted(keys, key=lambda key: (place.get(key, len(place)), key)))
