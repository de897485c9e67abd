"""DAG-005, DAG-006, DAG-018: which path an asset, a partition or an output has."""

from __future__ import annotations

import json
from types import SimpleNamespace

import dagster as dg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pipelines import metadata_of, run, stored_paths

from remote_store import Store
from remote_store.backends import MemoryBackend
from remote_store.ext.dagster import dagster_dataset_io_manager, dagster_io_manager

_KEYS = [
    (["foo", "bar"], None, "foo/bar"),
    (["foo", "bar"], "2026-01", "foo/bar/2026-01"),
    (["report"], None, "report"),
    (["ns", "group", "table"], None, "ns/group/table"),
]


def _output(key, partition):
    return dg.build_output_context(asset_key=dg.AssetKey(key), partition_key=partition)


def _input(key, partition):
    return dg.build_input_context(
        asset_key=dg.AssetKey(key),
        partition_key=partition,
        upstream_output=dg.build_output_context(asset_key=dg.AssetKey(key), partition_key=partition),
    )


@pytest.mark.spec("DAG-005")
@pytest.mark.spec("DAG-006")
@pytest.mark.parametrize(("key", "partition", "path"), _KEYS)
@pytest.mark.parametrize("name", ["pickle", "json"])
def test_the_table_of_the_specification(store, key, partition, path, name):
    manager = dagster_io_manager(store, serializer=name)
    manager.handle_output(_output(key, partition), 1)
    extension = {"pickle": ".pkl", "json": ".json"}[name]
    assert stored_paths(store) == [path + extension]
    assert manager.load_input(_input(key, partition)) == 1


@pytest.mark.spec("DAG-005")
def test_the_root_path_is_a_prefix_and_no_part_of_the_path(memory_store):
    lake = memory_store.child("lake")
    context = _output(["foo"], None)
    dagster_io_manager(lake).handle_output(context, 1)
    assert stored_paths(memory_store) == ["lake/foo.pkl"]
    assert context.get_logged_metadata()["path"].value == "foo.pkl"


@pytest.mark.spec("DAG-018")
@pytest.mark.parametrize(("key", "partition", "path"), _KEYS)
def test_a_dataset_lies_in_a_folder_without_extension(store, key, partition, path):
    pa = pytest.importorskip("pyarrow", reason="tables need pyarrow")
    manager = dagster_dataset_io_manager(store)
    manager.handle_output(_output(key, partition), pa.table({"n": [1]}))
    assert f"{path}/_SUCCESS" in stored_paths(store)
    assert manager.load_input(_input(key, partition)).to_pydict() == {"n": [1]}


@pytest.mark.spec("DAG-005")
def test_an_upstream_known_by_its_output_only_is_found(memory_store):
    manager = dagster_io_manager(memory_store)
    manager.handle_output(_output(["a"], "p"), 5)
    upstream = dg.build_output_context(asset_key=dg.AssetKey(["a"]), partition_key="p")
    assert manager.load_input(dg.build_input_context(upstream_output=upstream)) == 5


@pytest.mark.spec("DAG-005")
def test_a_multi_partition_key_is_its_own_string(memory_store):
    parts = dg.MultiPartitionsDefinition(
        {
            "region": dg.StaticPartitionsDefinition(["us"]),
            "date": dg.StaticPartitionsDefinition(["2024-01-01"]),
        }
    )

    @dg.asset(partitions_def=parts)
    def events():
        return 1

    @dg.asset(partitions_def=parts)
    def copied(events):
        return events

    key = dg.MultiPartitionKey({"region": "us", "date": "2024-01-01"})
    run([events, copied], dagster_io_manager(memory_store), partition_key=key)
    assert stored_paths(memory_store) == [f"copied/{key}.pkl", f"events/{key}.pkl"]


_HOSTILE = [
    "..", ".", "a/../../b", "/lead", "trail/", "a//b", "a:b", "100%", "#5", "with space", "ü€🦀",
    "x" * 300, "nul\x00", "line\nbreak", "back\\slash", "%2E%2E", "%~x", "...", " ", "CON", "*", "?",
]  # fmt: skip


@pytest.mark.spec("DAG-005")
def test_hostile_partition_keys_stay_apart_and_inside_the_root(store):
    manager = dagster_io_manager(store, serializer="json")
    for number, key in enumerate(_HOSTILE):
        manager.handle_output(_output(["a"], key), number)
    paths = stored_paths(store)
    assert len(paths) == len(_HOSTILE)
    assert all(path.startswith("a/") for path in paths)
    for number, key in enumerate(_HOSTILE):
        assert manager.load_input(_input(["a"], key)) == number


@pytest.mark.spec("DAG-005")
def test_hostile_keys_pass_through_a_real_run(store):
    # What Dagster itself accepts as keys of partitions.
    keys = ["..", "a/../../b", "/lead", "trail/", "a//b", "100%", "#5", "x" * 300, "with space"]
    parts = dg.StaticPartitionsDefinition(keys)

    @dg.op
    def up_op(context):
        return context.partition_key

    up = dg.AssetsDefinition.from_op(
        up_op, keys_by_output_name={"result": dg.AssetKey(["..", "up"])}, partitions_def=parts
    )

    @dg.asset(ins={"got": dg.AssetIn(["..", "up"])}, partitions_def=parts)
    def down(got):
        return got

    manager = dagster_io_manager(store)
    for key in keys:
        assert run([up, down], manager, partition_key=key).output_for_node("down") == key
    assert len(stored_paths(store)) == 2 * len(keys)


_segment = st.text(min_size=0, max_size=12).filter(
    lambda text: not any("\ud800" <= c <= "\udfff" for c in text)
)


@pytest.mark.spec("DAG-005")
@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(_segment, min_size=1, max_size=3), min_size=2, max_size=4, unique_by=json.dumps))
def test_different_assets_never_share_a_path(keys):
    _stay_apart([(key, None) for key in keys])


@pytest.mark.spec("DAG-005")
@settings(max_examples=150, deadline=None)
@given(st.lists(st.text("ab/.%~\\:#", max_size=8) | _segment, min_size=2, max_size=5, unique=True))
def test_different_partitions_never_share_a_path(partitions):
    _stay_apart([(["asset"], partition) for partition in partitions])


def _stay_apart(targets):
    manager = dagster_io_manager(Store(MemoryBackend()), serializer="json")
    for number, (key, partition) in enumerate(targets):
        manager.handle_output(_light_context(key, partition), number)
    for number, (key, partition) in enumerate(targets):
        assert manager.load_input(_light_context(key, partition)) == number


def _light_context(key, partition):
    """Dagster's own builders take 70 ms; a path needs no more than this."""
    return SimpleNamespace(
        has_asset_key=True,
        asset_key=SimpleNamespace(path=key),
        has_partition_key=partition is not None,
        partition_key=partition,
        has_asset_partitions=False,
        add_output_metadata=lambda metadata: None,
    )


@pytest.mark.spec("DAG-005")
def test_an_asset_and_a_partition_that_share_a_path_are_refused_before_anything_is_written(store):
    @dg.asset(partitions_def=dg.StaticPartitionsDefinition(["bar", "baz"]))
    def foo():
        return 1

    @dg.asset(key=["foo", "bar"])
    def other():
        return 2

    result = dg.materialize(
        [foo, other],
        resources={"io_manager": dagster_io_manager(store)},
        partition_key="baz",
        raise_on_error=False,
    )
    assert not result.success
    failures = [str(event.step_failure_data.error) for event in result.get_step_failure_events()]
    assert len(failures) == 2
    for message in failures:
        assert "asset foo, partition 'bar'" in message, message
        assert "asset foo/bar" in message, message
    assert stored_paths(store) == []


@pytest.mark.spec("DAG-005")
def test_assets_below_each_other_that_share_no_path_are_fine(memory_store):
    @dg.asset(partitions_def=dg.StaticPartitionsDefinition(["x"]))
    def foo():
        return 1

    @dg.asset(key=["foo", "bar"])
    def other():
        return 2

    run([foo, other], dagster_io_manager(memory_store), partition_key="x")
    assert stored_paths(memory_store) == ["foo/bar.pkl", "foo/x.pkl"]


@pytest.mark.spec("DAG-005")
def test_assets_of_different_io_managers_may_share_a_path(memory_store):
    @dg.asset(partitions_def=dg.StaticPartitionsDefinition(["bar"]))
    def foo():
        return 1

    @dg.asset(key=["foo", "bar"], io_manager_key="second")
    def other():
        return 2

    first, second = memory_store.child("first"), memory_store.child("second")
    result = dg.materialize(
        [foo, other],
        resources={"io_manager": dagster_io_manager(first), "second": dagster_io_manager(second)},
        partition_key="bar",
    )
    assert result.success
    assert stored_paths(memory_store) == ["first/foo/bar.pkl", "second/foo/bar.pkl"]


def test_outputs_of_ops_lie_under_their_run(store):
    @dg.op
    def one():
        return 1

    @dg.op
    def plus(x):
        return x + 1

    @dg.job(resource_defs={"io_manager": dagster_io_manager(store)})
    def numbers():
        plus(one())

    result = numbers.execute_in_process()
    assert result.output_for_node("plus") == 2
    assert stored_paths(store) == sorted(f"{result.run_id}/{step}/result.pkl" for step in ("one", "plus"))


def test_dynamic_outputs_have_their_mapping_key(store):
    @dg.op(out=dg.DynamicOut())
    def several():
        for n in range(3):
            yield dg.DynamicOutput(n, mapping_key=f"k{n}")

    @dg.op
    def double(x):
        return 2 * x

    @dg.op
    def total(xs):
        return sum(xs)

    @dg.job(resource_defs={"io_manager": dagster_io_manager(store)})
    def fan():
        total(several().map(double).collect())

    result = fan.execute_in_process()
    assert result.output_for_node("total") == 6
    assert f"{result.run_id}/several/result/k1.pkl" in stored_paths(store)


def test_graph_assets_mix_both(store):
    @dg.op
    def begin():
        return 1

    @dg.op
    def end(x):
        return x + 1

    @dg.graph_asset
    def made():
        return end(begin())

    @dg.asset
    def used(made):
        return made * 10

    result = run([made, used], dagster_io_manager(store))
    assert result.output_for_node("used") == 20
    assert stored_paths(store) == sorted(["made.pkl", "used.pkl", f"{result.run_id}/made.begin/result.pkl"])


def test_an_output_inside_a_partitioned_graph_that_is_an_asset_is_found(store):
    parts = dg.StaticPartitionsDefinition(["x", "y"])

    @dg.op
    def first():
        return 1

    @dg.op
    def second(a):
        return a + 1

    @dg.graph_multi_asset(outs={"a": dg.AssetOut(), "b": dg.AssetOut()}, partitions_def=parts)
    def both():
        one = first()
        return {"a": one, "b": second(one)}

    run([both], dagster_io_manager(store), partition_key="y")
    assert stored_paths(store) == ["a/y.pkl", "b/y.pkl"]


def test_metadata_has_the_path_of_the_partition(store):
    @dg.asset(partitions_def=dg.StaticPartitionsDefinition(["x"]))
    def up():
        return 1

    result = run([up], dagster_io_manager(store), partition_key="x")
    assert metadata_of(result, "up")[0]["path"] == "up/x.pkl"
