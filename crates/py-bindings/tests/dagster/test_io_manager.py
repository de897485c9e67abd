"""DAG-007, DAG-008, DAG-009, DAG-011, DAG-016, DAG-017, DAG-019: storing and loading."""

from __future__ import annotations

import pickle
import tracemalloc
from unittest import mock

import dagster as dg
import pytest
from pipelines import metadata_of, needs_arrow, pa, run, stored_paths

from remote_store import NotFound, Store
from remote_store.backends import LocalBackend, S3Backend
from remote_store.ext.dagster import (
    PickleSerializer,
    RemoteStoreIOManager,
    _DatasetIOManagerImpl,
    _RemoteStoreIOManagerImpl,
    dagster_dataset_io_manager,
    dagster_io_manager,
)


def _output(key=("a",), partition=None):
    return dg.build_output_context(asset_key=dg.AssetKey(list(key)), partition_key=partition)


def _input(key=("a",), partition=None, **kwargs):
    return dg.build_input_context(asset_key=dg.AssetKey(list(key)), partition_key=partition, **kwargs)


@pytest.mark.spec("DAG-007")
def test_output_is_written_and_its_path_and_size_added(store):
    context = _output(("foo", "bar"), "2026-01")
    dagster_io_manager(store).handle_output(context, {"n": 1})
    data = pickle.dumps({"n": 1})
    assert store.read_bytes("foo/bar/2026-01.pkl") == data
    metadata = context.get_logged_metadata()
    assert metadata["path"].value == "foo/bar/2026-01.pkl"
    assert metadata["size"].value == len(data)


@pytest.mark.spec("DAG-007")
def test_the_store_is_called_as_the_specification_says(memory_store):
    with mock.patch.object(memory_store, "write", wraps=memory_store.write) as write:
        dagster_io_manager(memory_store).handle_output(_output(), 5)
    write.assert_called_once_with("a.pkl", pickle.dumps(5), overwrite=True)
    assert memory_store.read_bytes("a.pkl") == pickle.dumps(5)


@pytest.mark.spec("DAG-007")
def test_a_mock_of_a_store_and_a_mock_of_a_context_see_exactly_the_specified_calls():
    store = mock.MagicMock(spec=Store)
    context = mock.MagicMock()
    context.asset_key = dg.AssetKey(["foo", "bar"])
    context.has_partition_key = False
    dagster_io_manager(store, serializer="json").handle_output(context, [1])
    store.write.assert_called_once_with("foo/bar.json", b"[1]", overwrite=True)
    context.add_output_metadata.assert_called_once_with({"path": "foo/bar.json", "size": 3})


@pytest.mark.spec("DAG-007")
def test_an_existing_output_is_replaced(store):
    manager = dagster_io_manager(store)
    manager.handle_output(_output(), "old")
    manager.handle_output(_output(), "new")
    assert manager.load_input(_input()) == "new"


@needs_arrow
@pytest.mark.spec("DAG-007")
@pytest.mark.parametrize("name", ["pickle", "json", "parquet"])
def test_none_is_stored_and_read_as_none(store, name):
    manager = dagster_io_manager(store, serializer=name)
    manager.handle_output(_output(), None)
    assert len(stored_paths(store)) == 1
    assert manager.load_input(_input()) is None


@needs_arrow
@pytest.mark.spec("DAG-007")
def test_none_of_a_real_asset_is_stored_without_table_metadata(store):
    @dg.asset
    def nothing():
        return None

    @dg.asset
    def after(nothing):
        return nothing is None

    result = run([nothing, after], dagster_io_manager(store, serializer="parquet"), selection=[nothing])
    assert stored_paths(store) == ["nothing.parquet"]
    assert not [name for name in metadata_of(result, "nothing")[0] if "row_count" in name or "schema" in name]


@pytest.mark.spec("DAG-007")
def test_an_output_that_cannot_be_serialized_leaves_the_old_one(store):
    manager = dagster_io_manager(store, serializer="json")
    manager.handle_output(_output(), 1)
    with pytest.raises(TypeError):
        manager.handle_output(_output(), {1, 2})
    assert manager.load_input(_input()) == 1


@pytest.mark.spec("DAG-008")
def test_input_is_read_with_read_bytes(memory_store):
    memory_store.write("a.pkl", pickle.dumps("value"))
    with mock.patch.object(memory_store, "read_bytes", wraps=memory_store.read_bytes) as read:
        assert dagster_io_manager(memory_store).load_input(_input()) == "value"
    read.assert_called_once_with("a.pkl")


@pytest.mark.spec("DAG-008")
def test_a_mock_of_a_context_may_know_its_upstream_only():
    store = mock.MagicMock(spec=Store)
    store.read_bytes.return_value = b"[1]"
    context = mock.MagicMock()
    context.upstream_output.asset_key = dg.AssetKey(["foo"])
    context.upstream_output.has_partition_key = True
    context.upstream_output.partition_key = "p"
    context.has_asset_partitions = False
    assert dagster_io_manager(store, serializer="json").load_input(context) == [1]
    store.read_bytes.assert_called_once_with("foo/p.json")


@pytest.mark.spec("DAG-008")
@pytest.mark.parametrize("partition", [None, "2026-01"])
def test_a_missing_input_is_not_found_and_named(store, partition):
    with pytest.raises(NotFound) as raised:
        dagster_io_manager(store).load_input(_input(("foo", "bar"), partition))
    message = str(raised.value)
    assert ("foo/bar/2026-01.pkl" if partition else "foo/bar.pkl") in message
    assert "asset foo/bar" in message
    assert partition is None or "partition '2026-01'" in message


@pytest.mark.spec("DAG-008")
def test_a_damaged_file_is_an_error_and_no_value(store):
    store.write("a.json", b"{not json")
    with pytest.raises(ValueError, match="line 1"):
        dagster_io_manager(store, serializer="json").load_input(_input())


class Upper:
    extension = ".up"

    def serialize(self, obj):
        return obj.upper().encode()

    def deserialize(self, data):
        return data.decode().lower()


@pytest.mark.spec("DAG-009")
def test_a_custom_serializer_is_used_with_all_its_parts(store):
    manager = dagster_io_manager(store, serializer=Upper())
    manager.handle_output(_output(), "text")
    assert stored_paths(store) == ["a.up"]
    assert store.read_bytes("a.up") == b"TEXT"
    assert manager.load_input(_input()) == "text"


@pytest.mark.spec("DAG-009")
def test_what_is_no_serializer_is_refused(memory_store):
    with pytest.raises(TypeError, match=r"'deserialize'; got int"):
        dagster_io_manager(memory_store, serializer=5)


@pytest.mark.spec("DAG-011")
def test_pickle_is_the_default_and_the_argument_is_named(memory_store):
    manager = dagster_io_manager(memory_store)
    assert isinstance(manager, dg.IOManager)
    assert isinstance(manager, _RemoteStoreIOManagerImpl)
    manager.handle_output(_output(), 1)
    assert stored_paths(memory_store) == ["a.pkl"]
    with pytest.raises(TypeError):
        dagster_io_manager(memory_store, "json")


@pytest.mark.spec("DAG-011")
def test_an_unknown_serializer_is_refused_with_the_names_that_there_are(memory_store):
    with pytest.raises(ValueError, match=r"Unknown serializer 'xml'\. Choose from: json, parquet, pickle"):
        dagster_io_manager(memory_store, serializer="xml")


@pytest.mark.spec("DAG-011")
def test_the_store_stays_open(memory_store):
    @dg.asset
    def a():
        return 1

    with mock.patch.object(memory_store, "close") as close:
        run([a], dagster_io_manager(memory_store))
    close.assert_not_called()
    assert memory_store.read_bytes("a.pkl")


@pytest.mark.spec("DAG-016")
@pytest.mark.parametrize("name", ["pickle", "json"])
def test_what_the_resource_wrote_it_reads(tmp_path, name):
    @dg.asset(key_prefix="ns")
    def up():
        return {"n": [1, 2]}

    @dg.asset(ins={"up": dg.AssetIn(["ns", "up"])})
    def down(up):
        return up["n"]

    manager = RemoteStoreIOManager(
        backend_type="local", backend_options={"root": str(tmp_path)}, root_path="lake", serializer=name
    )
    assert run([up, down], manager).output_for_node("down") == [1, 2]
    assert (tmp_path / "lake" / "ns").is_dir()


@needs_arrow
@pytest.mark.spec("DAG-017")
def test_datasets_take_frames_and_give_tables(store):
    pd, pl = (
        pytest.importorskip("pandas", reason="frames of pandas"),
        pytest.importorskip("polars", reason="frames of polars"),
    )
    manager = dagster_dataset_io_manager(store)
    assert isinstance(manager, dg.IOManager)
    assert isinstance(manager, _DatasetIOManagerImpl)
    for number, frame in enumerate(
        [pa.table({"n": [1]}), pd.DataFrame({"n": [1]}), pl.DataFrame({"n": [1]})]
    ):
        manager.handle_output(_output((f"a{number}",)), frame)
        read = manager.load_input(_input((f"a{number}",)))
        assert isinstance(read, pa.Table)
        assert read.to_pydict() == {"n": [1]}


@needs_arrow
@pytest.mark.spec("DAG-017")
def test_datasets_overwrite_and_tell_their_key(store):
    manager = dagster_dataset_io_manager(store)
    for rows in ([1, 2, 3], [4]):
        context = _output(("data", "orders"))
        manager.handle_output(context, pa.table({"n": rows}))
        assert context.get_logged_metadata()["dataset_key"].value == "data/orders"
    assert manager.load_input(_input(("data", "orders"))).to_pydict() == {"n": [4]}


@needs_arrow
@pytest.mark.spec("DAG-017")
def test_datasets_refuse_what_is_no_frame(store):
    with pytest.raises(TypeError, match="Dataset mode expects a DataFrame, got str"):
        dagster_dataset_io_manager(store).handle_output(_output(), "text")


@needs_arrow
@pytest.mark.spec("DAG-017")
@pytest.mark.parametrize("missing", ["pyarrow", "remote_store.ext.parquet"])
def test_datasets_without_pyarrow_say_how_to_get_it(monkeypatch, memory_store, missing):
    monkeypatch.setitem(__import__("sys").modules, missing, None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'remote-store\[dagster,arrow\]'"):
        dagster_dataset_io_manager(memory_store)


@needs_arrow
@pytest.mark.spec("DAG-017")
def test_none_is_stored_as_a_dataset_too(store):
    manager = dagster_dataset_io_manager(store)
    manager.handle_output(_output(), None)
    assert manager.load_input(_input()) is None


@needs_arrow
@pytest.mark.spec("DAG-019")
def test_the_resource_has_a_dataset_mode(tmp_path):
    @dg.asset
    def orders():
        return pa.table({"id": [1, 2]})

    @dg.asset
    def count(orders):
        assert isinstance(orders, pa.Table)
        return pa.table({"n": [orders.num_rows]})

    manager = RemoteStoreIOManager(
        backend_type="local", backend_options={"root": str(tmp_path)}, serializer="parquet-dataset"
    )
    run([orders, count], manager)
    assert (tmp_path / "orders" / "_SUCCESS").is_file()
    assert (tmp_path / "count" / "manifest.json").is_file()


@needs_arrow
def test_two_assets_below_each_other_keep_their_datasets(store):
    manager = dagster_dataset_io_manager(store)
    for _ in range(2):
        manager.handle_output(_output(("data",)), pa.table({"n": [1]}))
        manager.handle_output(_output(("data", "orders")), pa.table({"n": [2]}))
    manager.handle_output(_output(("data",)), pa.table({"n": [3]}))
    assert manager.load_input(_input(("data", "orders"))).to_pydict() == {"n": [2]}


def test_nothing_and_asset_checks_never_reach_the_store(store):
    @dg.asset
    def silent() -> None: ...

    @dg.asset_check(asset=silent)
    def fine() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=True)

    result = dg.materialize([silent, fine], resources={"io_manager": dagster_io_manager(store)})
    assert result.success
    assert stored_paths(store) == []


def test_multi_assets_store_each_output(store):
    @dg.multi_asset(specs=[dg.AssetSpec("a"), dg.AssetSpec(["ns", "b"])])
    def both():
        yield dg.MaterializeResult(asset_key="a")
        yield dg.MaterializeResult(asset_key=["ns", "b"])

    @dg.multi_asset(outs={"c": dg.AssetOut(), "d": dg.AssetOut(key=["ns", "d"])})
    def values():
        return 1, 2

    run([both, values], dagster_io_manager(store))
    # MaterializeResult without a value says that the asset stores itself.
    assert stored_paths(store) == ["c.pkl", "ns/d.pkl"]


def test_a_closed_store_is_a_clear_error():
    # Memory and folders hold nothing, so they can be used on.
    store = Store(S3Backend("lake", endpoint_url="http://127.0.0.1:1", key="AK", secret="SK1234567890"))
    manager = dagster_io_manager(store)
    store.close()
    with pytest.raises(Exception, match="closed"):
        manager.handle_output(_output(), 1)


@needs_arrow
def test_metadata_has_dagsters_standard_keys(store):
    pd = pytest.importorskip("pandas", reason="frames of pandas")

    @dg.asset
    def table():
        return pa.table({"n": [1, 2], "s": ["a", "b"]})

    @dg.asset(partitions_def=dg.StaticPartitionsDefinition(["x"]))
    def part():
        return pd.DataFrame({"n": [1, 2, 3]})

    result = run([table, part], dagster_io_manager(store, serializer="parquet"), partition_key="x")
    (whole,), (partial,) = metadata_of(result, "table"), metadata_of(result, "part")
    assert whole["dagster/row_count"] == 2
    assert [(c.name, c.type) for c in whole["dagster/column_schema"].columns] == [
        ("n", "int64"),
        ("s", "string"),
    ]
    assert whole["dagster/uri"].endswith("table.parquet")
    assert partial["dagster/partition_row_count"] == 3
    assert "dagster/row_count" not in partial
    assert partial["path"] == "part/x.parquet"


@needs_arrow
@pytest.mark.spec("DAG-007")
def test_metadata_of_the_user_stays_the_users(store):
    @dg.asset
    def table(context):
        context.add_output_metadata({"path": "mine", "dagster/row_count": 99, "note": "hi"})
        return pa.table({"n": [1]})

    @dg.asset
    def other():
        return dg.Output(1, metadata={"size": 7})

    result = run([table, other], dagster_io_manager(store, serializer="pickle"))
    (found,) = metadata_of(result, "table")
    assert (found["path"], found["dagster/row_count"], found["note"]) == ("mine", 99, "hi")
    assert found["size"] == len(store.read_bytes("table.pkl"))
    assert metadata_of(result, "other")[0]["size"] == 7


# Large objects


@pytest.mark.spec("DAG-002")
@pytest.mark.spec("DAG-007")
@pytest.mark.parametrize("size", [0, 1000, 3_000_000, 20_000_000])
def test_pickles_of_any_size_are_what_pickle_dumps_gives(store, size):
    value = {"big": b"x" * size, "rest": list(range(1000))}
    context = _output()
    manager = dagster_io_manager(store)
    manager.handle_output(context, value)
    data = store.read_bytes("a.pkl")
    assert pickle.loads(data) == value
    assert context.get_logged_metadata()["size"].value == len(data)
    assert len(data) == len(pickle.dumps(value))


def test_a_large_pickle_never_stands_in_memory_as_a_whole(tmp_path):
    value = [bytes([n]) * 1_000_000 for n in range(64)]
    with Store(LocalBackend(str(tmp_path))) as store:
        manager = dagster_io_manager(store)
        context = _output()
        tracemalloc.start()
        manager.handle_output(context, value)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert store.get_file_info("a.pkl").size > 64_000_000
    assert peak < 40_000_000


class Breaks(list):
    def __reduce__(self):
        raise RuntimeError("cannot be pickled")


def test_a_large_object_that_fails_half_way_leaves_the_old_one_and_no_debris(store):
    manager = dagster_io_manager(store)
    manager.handle_output(_output(), "old")
    with pytest.raises(RuntimeError, match="cannot be pickled"):
        manager.handle_output(_output(), [b"x" * 20_000_000, Breaks()])
    assert manager.load_input(_input()) == "old"
    assert stored_paths(store) == ["a.pkl"]


def test_a_subclass_that_replaces_serialize_alone_is_taken_at_its_word(store):
    class Reversed(PickleSerializer):
        def serialize(self, obj):
            return super().serialize(obj)[::-1]

        def deserialize(self, data):
            return super().deserialize(data[::-1])

    manager = dagster_io_manager(store, serializer=Reversed())
    manager.handle_output(_output(), 5)
    assert store.read_bytes("a.pkl") == pickle.dumps(5)[::-1]
    assert manager.load_input(_input()) == 5
