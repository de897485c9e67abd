"""DAG-007 to DAG-011: writing outputs, loading inputs, and the function that makes the IO manager."""

from __future__ import annotations

import inspect
import json
import pickle

import dagster as dg
import pytest

from remote_store import NotFound
from remote_store.ext import dagster as ext

from .contexts import event_metadata, input_of, logged, materialize, output_of, stored
from .recording import watch
from .without_pyarrow import outcome_without_pyarrow

DAYS = dg.DailyPartitionsDefinition(start_date="2026-01-01", end_date="2026-01-10")


class Reversed:
    """A serializer that nobody could take for one of the built-in ones."""

    extension = ".tar.rev"

    def serialize(self, obj):
        return str(obj)[::-1].encode("utf-16-le")

    def deserialize(self, data):
        return "read " + data.decode("utf-16-le")[::-1]


class Failing(Reversed):
    def serialize(self, obj):
        raise ArithmeticError("this value has no bytes")


@pytest.mark.spec("DAG-007")
@pytest.mark.parametrize("value", [{"a": [1, 2]}, "", 0, [], None], ids=repr)
def test_the_object_is_exactly_the_serialized_bytes_and_the_metadata_says_so(store, value):
    context = output_of("foo", "bar", partition="p")
    ext.dagster_io_manager(store).handle_output(context, value)
    data = pickle.dumps(value)
    assert store.read_bytes("foo/bar/p.pkl") == data
    assert logged(context)["path"] == "foo/bar/p.pkl"
    assert logged(context)["size"] == len(data)


@pytest.mark.spec("DAG-007")
def test_the_size_counts_stored_bytes(store):
    context = output_of("foo")
    ext.dagster_io_manager(store, serializer=Reversed()).handle_output(context, "Köln")
    assert logged(context)["size"] == 8 == len(store.read_bytes("foo.tar.rev"))


@pytest.mark.spec("DAG-007")
def test_an_output_takes_the_place_of_the_one_before_even_when_it_is_shorter(store):
    manager = ext.dagster_io_manager(store, serializer="json")
    for value in ["a long value that was here first", 1]:
        manager.handle_output(output_of("foo"), value)
    assert store.read_bytes("foo.json") == b"1"
    assert stored(store) == ["foo.json"]


@pytest.mark.spec("DAG-007")
def test_none_is_stored_and_so_differs_from_never_materialized(store):
    manager = ext.dagster_io_manager(store)
    manager.handle_output(output_of("nothing"), None)
    assert store.is_file("nothing.pkl")
    assert manager.load_input(input_of("nothing")) is None
    with pytest.raises(NotFound):
        manager.load_input(input_of("never"))


@pytest.mark.spec("DAG-007")
def test_the_bytes_are_written_by_one_call_that_overwrites(store, monkeypatch):
    writes = watch(monkeypatch, store, "write")
    ext.dagster_io_manager(store).handle_output(output_of("foo"), 1)
    assert writes.paths == ["foo.pkl"]
    assert writes.calls[0].options["overwrite"] is True


@pytest.mark.spec("DAG-007")
def test_a_value_that_cannot_be_serialized_leaves_the_store_and_the_metadata_as_they_were(store):
    store.write("foo.tar.rev", b"before")
    context = output_of("foo")
    with pytest.raises(ArithmeticError, match="this value has no bytes"):
        ext.dagster_io_manager(store, serializer=Failing()).handle_output(context, 1)
    assert store.read_bytes("foo.tar.rev") == b"before"
    assert stored(store) == ["foo.tar.rev"]
    assert "path" not in logged(context)


@pytest.mark.spec("DAG-007")
def test_the_event_log_of_a_run_shows_path_and_size(store):
    @dg.asset
    def answer():
        return 42

    result = materialize([answer], ext.dagster_io_manager(store, serializer="json"))
    metadata = event_metadata(result, "answer")
    assert (metadata["path"], metadata["size"]) == ("answer.json", 2)


@pytest.mark.spec("DAG-008")
def test_what_stands_at_the_path_is_deserialized(store):
    value = {"a": {1, 2}}
    store.write("foo/bar/p.pkl", pickle.dumps(value))
    assert ext.dagster_io_manager(store).load_input(input_of("foo", "bar", partition="p")) == value


@pytest.mark.spec("DAG-008")
def test_every_load_reads_what_is_stored_now(store):
    manager = ext.dagster_io_manager(store, serializer="json")
    loaded = []
    for value in [1, 2]:
        store.write("foo.json", json.dumps(value).encode(), overwrite=True)
        loaded.append(manager.load_input(input_of("foo")))
    assert loaded == [1, 2]


@pytest.mark.spec("DAG-008")
def test_the_bytes_are_read_by_the_read_bytes_of_the_store(store, monkeypatch):
    store.write("foo.json", b"1")
    reads = watch(monkeypatch, store, "read_bytes")
    ext.dagster_io_manager(store, serializer="json").load_input(input_of("foo"))
    assert reads.paths == ["foo.json"]


@pytest.mark.spec("DAG-008")
@pytest.mark.parametrize("partition", [None, "p"])
def test_an_asset_that_is_not_there_is_not_found(store, partition):
    store.write("foo/other.pkl", pickle.dumps(1))
    with pytest.raises(NotFound):
        ext.dagster_io_manager(store).load_input(input_of("foo", partition=partition))


@pytest.mark.spec("DAG-008")
def test_a_run_loads_the_upstream_by_its_own_key_whatever_the_input_is_called(store):
    @dg.asset(key=["raw", "orders"])
    def orders():
        return [1, 2, 3]

    @dg.asset(ins={"rows": dg.AssetIn(key=["raw", "orders"])})
    def counted(rows):
        return len(rows)

    result = materialize([orders, counted], ext.dagster_io_manager(store))
    assert result.output_for_node("counted") == 3


@pytest.mark.spec("DAG-008")
def test_an_upstream_without_partitions_is_loaded_in_a_run_that_has_one(store):
    """The upstream's identifier has no partition, whatever partition is being run."""

    @dg.asset
    def rates():
        return 7

    @dg.asset(partitions_def=DAYS)
    def priced(rates):
        return rates * 2

    manager = ext.dagster_io_manager(store)
    materialize([rates], manager)
    result = materialize([rates, priced], manager, selection=[priced], partition_key="2026-01-03")
    assert result.output_for_node("priced") == 14


@pytest.mark.spec("DAG-008")
def test_a_mapped_input_loads_the_partition_of_the_upstream_and_not_that_of_the_run(store):
    """The day before is asked for; loading the run's own day would be wrong data without an error."""

    @dg.asset(partitions_def=DAYS)
    def sales(context):
        return f"sales of {context.partition_key}"

    before = dg.TimeWindowPartitionMapping(start_offset=-1, end_offset=-1)

    @dg.asset(partitions_def=DAYS, ins={"sales": dg.AssetIn(partition_mapping=before)})
    def yesterday(sales):
        return sales

    manager = ext.dagster_io_manager(store)
    for day in ["2026-01-02", "2026-01-03"]:
        materialize([sales], manager, partition_key=day)
    result = materialize([sales, yesterday], manager, selection=[yesterday], partition_key="2026-01-03")
    assert result.output_for_node("yesterday") == "sales of 2026-01-02"


@pytest.mark.spec("DAG-008")
def test_an_unpartitioned_run_loads_the_one_partition_that_its_input_asks_for(store):
    """Neither is there a partition of the run, nor an upstream without partition."""

    @dg.asset(partitions_def=DAYS)
    def sales(context):
        return f"sales of {context.partition_key}"

    opening = dg.SpecificPartitionsPartitionMapping(["2026-01-01"])

    @dg.asset(ins={"sales": dg.AssetIn(partition_mapping=opening)})
    def opened(sales):
        return sales

    manager = ext.dagster_io_manager(store)
    materialize([sales], manager, partition_key="2026-01-01")
    result = materialize([sales, opened], manager, selection=[opened])
    assert result.output_for_node("opened") == "sales of 2026-01-01"


@pytest.mark.spec("DAG-009")
def test_a_custom_serializer_gives_extension_bytes_and_value(store):
    manager = ext.dagster_io_manager(store, serializer=Reversed())
    manager.handle_output(output_of("foo", partition="p"), "abc")
    assert stored(store) == ["foo/p.tar.rev"]
    assert store.read_bytes("foo/p.tar.rev") == "cba".encode("utf-16-le")
    assert manager.load_input(input_of("foo", partition="p")) == "read abc"


@pytest.mark.spec("DAG-009")
@pytest.mark.parametrize("value", ["text", b"bytes", [1], None], ids=repr)
def test_a_custom_serializer_gets_every_value_as_it_is(store, value):
    given = []

    class Keeping(Reversed):
        def serialize(self, obj):
            given.append(obj)
            return b"stored"

    ext.dagster_io_manager(store, serializer=Keeping()).handle_output(output_of("foo"), value)
    assert len(given) == 1
    assert given[0] is value
    assert store.read_bytes("foo.tar.rev") == b"stored"


@pytest.mark.spec("DAG-009")
def test_two_io_managers_with_different_serializers_share_a_store(store):
    managers = [ext.dagster_io_manager(store, serializer=each) for each in ("json", Reversed())]
    for manager in managers:
        manager.handle_output(output_of("foo"), "abc")
    assert stored(store) == ["foo.json", "foo.tar.rev"]
    assert [manager.load_input(input_of("foo")) for manager in managers] == ["abc", "read abc"]


@pytest.mark.spec("DAG-010")
def test_without_pyarrow_a_parquet_io_manager_says_at_once_how_to_install_it():
    error, message = outcome_without_pyarrow("parquet io manager")
    assert error == "ModuleNotFoundError"
    assert "pip install 'remote-store[dagster,arrow]'" in message


@pytest.mark.spec("DAG-010")
def test_without_pyarrow_everything_else_works():
    assert outcome_without_pyarrow("pickle io manager")[0] is None
    assert outcome_without_pyarrow("json serializer") == (None, "[1]")


@pytest.mark.spec("DAG-011")
def test_the_signature_is_a_store_and_a_serializer_by_name():
    parameters = inspect.signature(ext.dagster_io_manager).parameters
    assert list(parameters) == ["store", "serializer"]
    assert parameters["store"].default is inspect.Parameter.empty
    assert parameters["serializer"].kind is inspect.Parameter.KEYWORD_ONLY
    assert parameters["serializer"].default == "pickle"


@pytest.mark.spec("DAG-011")
@pytest.mark.parametrize(
    ("options", "path"),
    [
        ({}, "foo.pkl"),
        ({"serializer": "pickle"}, "foo.pkl"),
        ({"serializer": "json"}, "foo.json"),
        ({"serializer": "parquet"}, "foo.parquet"),
    ],
    ids=str,
)
def test_the_name_of_a_serializer_chooses_it_and_pickle_is_the_default(store, options, path):
    value = [1]
    if options.get("serializer") == "parquet":
        value = pytest.importorskip("pyarrow", reason="pyarrow is not installed").table({"a": [1]})
    manager = ext.dagster_io_manager(store, **options)
    assert isinstance(manager, dg.IOManager)
    manager.handle_output(output_of("foo"), value)
    assert stored(store) == [path]
    assert manager.load_input(input_of("foo")) == value


@pytest.mark.spec("DAG-011")
@pytest.mark.parametrize("name", ["yaml", "", "Pickle", ".pkl"])
def test_a_name_of_no_serializer_is_refused_at_once(store, name):
    with pytest.raises(ValueError, match=r"(?i)serializer"):
        ext.dagster_io_manager(store, serializer=name)


@pytest.mark.spec("DAG-011")
def test_the_store_is_the_callers_and_stays_open(store, monkeypatch):
    closes = watch(monkeypatch, store, "close")

    @dg.asset
    def first():
        return 1

    @dg.asset
    def second(first):
        return first + 1

    manager = ext.dagster_io_manager(store)
    materialize([first, second], manager)
    with pytest.raises(NotFound):
        manager.load_input(input_of("never"))
    del manager
    assert len(closes) == 0
    assert pickle.loads(store.read_bytes("second.pkl")) == 2
