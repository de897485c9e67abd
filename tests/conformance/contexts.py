"""Dagster's own contexts and runs, and what can be read from them."""

from __future__ import annotations

import contextlib
import functools
import inspect
from typing import Any
from unittest import mock

import dagster as dg

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@functools.cache
def instance() -> dg.DagsterInstance:
    """One Dagster for all tests: a new one for each context would take most of the time."""
    return dg.DagsterInstance.ephemeral()


def _with_instance(build, **options) -> Any:
    """Build a context; Dagster makes it an instance for its resources even when there are none."""
    ready = contextlib.nullcontext(instance())
    if "instance" in inspect.signature(build).parameters:  # Dagster 1.9.0 has none for outputs
        options["instance"] = instance()
    with mock.patch.object(dg.DagsterInstance, "ephemeral", return_value=ready):
        return build(**options)


def output_of(*segments: str, partition: str | None = None) -> dg.OutputContext:
    """The context in which the asset with this key is stored."""
    key = dg.AssetKey(list(segments))
    return _with_instance(dg.build_output_context, name="result", asset_key=key, partition_key=partition)


def input_of(*segments: str, partition: str | None = None) -> dg.InputContext:
    """The context in which the asset with this key is loaded."""
    return _with_instance(
        dg.build_input_context,
        name="upstream",
        asset_key=dg.AssetKey(list(segments)),
        partition_key=partition,
        upstream_output=output_of(*segments, partition=partition),
    )


def input_of_days(*segments: str, first: str, last: str) -> dg.InputContext:
    """The context in which the days from ``first`` to ``last`` of a daily asset are loaded."""
    return _with_instance(
        dg.build_input_context,
        name="upstream",
        asset_key=dg.AssetKey(list(segments)),
        # A day that loads its own day says so in both ways.
        partition_key=first if first == last else None,
        asset_partition_key_range=dg.PartitionKeyRange(first, last),
        asset_partitions_def=dg.DailyPartitionsDefinition(start_date=first),
    )


def logged(context: dg.OutputContext) -> dict[str, Any]:
    """The metadata that was added to an output."""
    metadata = context.get_logged_metadata()
    return {name: getattr(value, "value", value) for name, value in metadata.items()}


def run(assets, resources, **options) -> dg.ExecuteInProcessResult:
    """A real run in this process that succeeds, or raises what the assets or the resources raised."""
    result = dg.materialize(assets, resources=resources, run_config=QUIET, instance=instance(), **options)
    assert result.success
    return result


def materialize(assets, io_manager, **options) -> dg.ExecuteInProcessResult:
    """A real run whose assets are kept by this IO manager."""
    return run(assets, {"io_manager": io_manager}, **options)


def event_metadata(result: dg.ExecuteInProcessResult, *segments: str) -> dict[str, Any]:
    """The metadata of the one materialization of an asset, from the event log."""
    events = [
        event.materialization
        for event in result.get_asset_materialization_events()
        if event.materialization.asset_key == dg.AssetKey(list(segments))
    ]
    assert len(events) == 1
    return {name: getattr(value, "value", value) for name, value in events[0].metadata.items()}


def stored(store) -> list[str]:
    """The path of every object of a store, sorted.

    Some services list folders that have become empty; they are no objects.
    """
    paths = [str(info.path) for info in store.list_files("", recursive=True)]
    return sorted(path for path in paths if store.is_file(path))
