"""DAG-005 and DAG-006: where an asset is stored."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from remote_store.ext import dagster as ext

from .contexts import event_metadata, input_of, logged, materialize, output_of, stored

TABLE = [
    (["foo", "bar"], None, "foo/bar"),
    (["foo", "bar"], "2026-01", "foo/bar/2026-01"),
    (["report"], None, "report"),
    (["report"], "eu", "report/eu"),
]
NAMED_AS_THEY_ARE = [
    (["Sales-2026_v1.final"], "a=b", "Sales-2026_v1.final/a=b"),
    (["städte"], "Köln und Łódź", "städte/Köln und Łódź"),
    (["100%"], "a+b@c,d", "100%/a+b@c,d"),
]


@pytest.mark.spec("DAG-005")
@pytest.mark.parametrize("serializer", ["pickle", "json"])
@pytest.mark.parametrize(("segments", "partition", "path"), [*TABLE, *NAMED_AS_THEY_ARE])
def test_an_output_is_stored_at_asset_key_partition_and_extension(
    store, segments, partition, path, serializer
):
    extension = {"pickle": ".pkl", "json": ".json"}[serializer]
    context = output_of(*segments, partition=partition)
    ext.dagster_io_manager(store, serializer=serializer).handle_output(context, [1])
    assert stored(store) == [path + extension]
    assert logged(context)["path"] == path + extension


@pytest.mark.spec("DAG-005")
@pytest.mark.parametrize(("segments", "partition", "path"), [*TABLE, *NAMED_AS_THEY_ARE])
def test_an_input_is_looked_for_at_asset_key_partition_and_extension(store, segments, partition, path):
    store.write(f"{path}.json", b'"here"')
    manager = ext.dagster_io_manager(store, serializer="json")
    assert manager.load_input(input_of(*segments, partition=partition)) == "here"


@pytest.mark.spec("DAG-005")
def test_each_partition_and_the_unpartitioned_asset_have_objects_of_their_own(store):
    manager = ext.dagster_io_manager(store, serializer="json")
    partitions = [None, "2026-01", "2026-02"]
    for partition in partitions:
        manager.handle_output(output_of("foo", partition=partition), partition)
    assert stored(store) == ["foo.json", "foo/2026-01.json", "foo/2026-02.json"]
    assert [manager.load_input(input_of("foo", partition=name)) for name in partitions] == partitions


@pytest.mark.spec("DAG-005")
def test_the_root_path_is_where_the_store_keeps_things_and_not_in_the_path(backend):
    below = backend.open(below="team/x")
    context = output_of("foo", "bar")
    ext.dagster_io_manager(below, serializer="json").handle_output(context, 1)
    assert logged(context)["path"] == "foo/bar.json"
    assert stored(below) == ["foo/bar.json"]
    assert below.native_path("foo/bar.json").replace("\\", "/").endswith("team/x/foo/bar.json")
    if backend.outlives_its_store:
        assert stored(backend.open()) == ["team/x/foo/bar.json"]
    if backend.name == "local":
        assert Path(backend.options["root"], "team", "x", "foo", "bar.json").read_bytes() == b"1"


@pytest.mark.spec("DAG-005")
def test_a_partitioned_run_stores_below_the_asset_by_partition(store):
    @dg.asset(key=["foo", "bar"], partitions_def=dg.StaticPartitionsDefinition(["2026-01", "2026-02"]))
    def bar():
        return 1

    result = materialize([bar], ext.dagster_io_manager(store), partition_key="2026-01")
    assert stored(store) == ["foo/bar/2026-01.pkl"]
    assert event_metadata(result, "foo", "bar")["path"] == "foo/bar/2026-01.pkl"


@pytest.mark.spec("DAG-005")
def test_a_key_of_two_dimensions_is_stored_by_the_key_that_dagster_shows(store):
    both = dg.MultiPartitionsDefinition(
        {"region": dg.StaticPartitionsDefinition(["eu"]), "day": dg.StaticPartitionsDefinition(["d1"])}
    )

    @dg.asset(partitions_def=both)
    def sales(context):
        return context.partition_key

    key = dg.MultiPartitionKey({"region": "eu", "day": "d1"})
    materialize([sales], ext.dagster_io_manager(store, serializer="json"), partition_key=key)
    assert stored(store) == [f"sales/{key}.json"]


@pytest.mark.spec("DAG-006")
@pytest.mark.parametrize(
    ("segments", "path"),
    [
        (["ns", "group", "table"], "ns/group/table.pkl"),
        (["a", "b", "c", "d", "e"], "a/b/c/d/e.pkl"),
        (["a.b", "c.d"], "a.b/c.d.pkl"),
        (["same", "same"], "same/same.pkl"),
    ],
)
def test_each_segment_of_an_asset_key_is_a_level_of_the_path(store, segments, path):
    manager = ext.dagster_io_manager(store)
    manager.handle_output(output_of(*segments), "value")
    assert stored(store) == [path]
    assert manager.load_input(input_of(*segments)) == "value"


@pytest.mark.spec("DAG-006")
def test_assets_whose_segments_join_to_the_same_text_stay_apart(store):
    manager = ext.dagster_io_manager(store, serializer="json")
    keys = [["a", "b_c"], ["a_b", "c"], ["a", "b", "c"], ["a.b", "c"], ["c"]]
    for segments in keys:
        manager.handle_output(output_of(*segments), segments)
    assert [manager.load_input(input_of(*segments)) for segments in keys] == keys
    assert len(stored(store)) == len(keys)
