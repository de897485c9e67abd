"""An input that cannot be loaded says which asset and partition it is, and where that lies."""

from __future__ import annotations

import dagster as dg
import pytest
from pipelines import needs_arrow, pa, run

from remote_store import NotFound
from remote_store.ext.dagster import dagster_dataset_io_manager, dagster_io_manager

DAILY = dg.DailyPartitionsDefinition("2024-01-01", end_date="2024-01-04")
DAYS = [f"2024-01-0{day}" for day in range(1, 4)]
ALLOW = '{"allow_missing_partitions": True}'


@dg.asset(key_prefix="raw", partitions_def=DAILY)
def events(context):
    return pa.table({"day": [context.partition_key], "n": [1]})


@dg.asset(key_prefix="raw", partitions_def=DAILY)
def plain(context):
    return {"day": context.partition_key}


@dg.asset(ins={"events": dg.AssetIn(["raw", "events"])})
def all_events(events):
    return len(events)


@dg.asset(ins={"events": dg.AssetIn(["raw", "events"], metadata={"columns": ["n"]})})
def columns_of_events(events):
    return len(events)


@dg.asset(partitions_def=DAILY, ins={"events": dg.AssetIn(["raw", "events"])})
def one_event(events):
    return events.num_rows


@dg.asset(partitions_def=DAILY, ins={"events": dg.AssetIn(["raw", "events"], metadata={"columns": ["n"]})})
def columns_of_one(events):
    return events.num_rows


@dg.asset(ins={"plain": dg.AssetIn(["raw", "plain"])})
def all_plain(plain):
    return len(plain)


@dg.asset(partitions_def=DAILY, ins={"plain": dg.AssetIn(["raw", "plain"])})
def one_plain(plain):
    return plain


def _manager(store, kind):
    return (
        dagster_dataset_io_manager(store) if kind == "dataset" else dagster_io_manager(store, serializer=kind)
    )


def _refused(manager, upstream, asset):
    partition = {"partition_key": DAYS[2]} if asset.partitions_def else {}
    with pytest.raises(Exception) as raised:  # noqa: PT011 - each serializer raises its own
        run([upstream, asset], manager, selection=[asset], **partition)
    return raised.value


@needs_arrow
@pytest.mark.parametrize("damage", [b"", b"a,b\n1,2\n", b"\xff\xfe"], ids=["empty", "csv", "no text"])
@pytest.mark.parametrize("kind", ["parquet", "json", "pickle", "dataset"])
def test_a_damaged_partition_is_named(memory_store, kind, damage):
    store = memory_store
    upstream, assets = (
        (plain, [all_plain, one_plain])
        if kind in ("json", "pickle")
        else (events, [all_events, columns_of_events, one_event, columns_of_one])
    )
    manager = _manager(store, kind)
    name = upstream.key.path[-1]
    for day in DAYS:
        run([upstream], manager, partition_key=day)
    (path,) = (
        str(info.path)
        for info in store.list_files(f"raw/{name}", recursive=True)
        if DAYS[2] in str(info.path) and not str(info.path).endswith(("_SUCCESS", "manifest.json"))
    )
    store.write(path, damage, overwrite=True)
    for asset in assets:
        error = _refused(manager, upstream, asset)
        for part in (f"asset raw/{name}, partition '{DAYS[2]}'", path):
            assert part in str(error), error


@needs_arrow
def test_the_type_of_an_error_stays(memory_store):
    manager = _manager(memory_store, "json")
    for day in DAYS:
        run([plain], manager, partition_key=day)
    memory_store.write(f"raw/plain/{DAYS[2]}.json", b"[1, ", overwrite=True)
    error = _refused(manager, plain, all_plain)
    assert type(error).__name__ == "JSONDecodeError"
    assert error.pos == 4


@needs_arrow
@pytest.mark.parametrize("asset", [all_events, one_event], ids=["all", "one"])
@pytest.mark.parametrize("kind", ["parquet", "dataset"])
def test_a_partition_that_was_never_materialized_is_named_with_the_way_out(memory_store, kind, asset):
    from remote_store.ext.parquet import DatasetIncomplete

    manager = _manager(memory_store, kind)
    for day in DAYS[:2]:
        run([events], manager, partition_key=day)
    error = _refused(manager, events, asset)
    assert type(error) is (DatasetIncomplete if kind == "dataset" else NotFound)
    assert error.backend == "memory" or error.backend is None
    told = (f"asset raw/events, partition '{DAYS[2]}'", f"raw/events/{DAYS[2]}", "Materialize this", ALLOW)
    for part in told:
        assert part in str(error), error


@needs_arrow
@pytest.mark.parametrize("kind", ["parquet", "dataset"])
def test_an_asset_that_was_never_materialized_is_named_with_the_way_out(memory_store, kind):
    @dg.asset(key_prefix="raw")
    def whole():
        return pa.table({"n": [1]})

    @dg.asset(ins={"whole": dg.AssetIn(["raw", "whole"])})
    def user(whole):
        return whole.num_rows

    error = _refused(_manager(memory_store, kind), whole, user)
    assert "(asset raw/whole): was it materialized" in str(error)
    assert "Materialize it first" in str(error)
    assert ALLOW not in str(error)


@needs_arrow
def test_a_dataset_that_is_damaged_is_named(memory_store):
    from remote_store.ext.parquet import DatasetIncomplete, ManifestCorrupted

    manager = _manager(memory_store, "dataset")
    for day in DAYS:
        run([events], manager, partition_key=day)
    folder = f"raw/events/{DAYS[2]}"
    (part,) = (str(info.path) for info in memory_store.list_files(folder) if info.name.endswith(".parquet"))
    memory_store.delete(part)
    error = _refused(manager, events, all_events)
    assert type(error) is DatasetIncomplete
    assert error.path == part
    assert f"asset raw/events, partition '{DAYS[2]}'). Materialize it again" in str(error)
    memory_store.write(f"{folder}/manifest.json", b"{", overwrite=True)
    error = _refused(manager, events, all_events)
    assert type(error) is ManifestCorrupted
    assert f"asset raw/events, partition '{DAYS[2]}': " in str(error)
    assert error.reason
