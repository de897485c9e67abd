"""DAG-017 to DAG-019: assets kept as datasets."""

from __future__ import annotations

import dagster as dg
import pytest

from remote_store.ext import dagster as ext

from .contexts import input_of, materialize, output_of, stored
from .frames import COLUMNS, KINDS, columns_of, frame
from .without_pyarrow import outcome_without_pyarrow

pytest.importorskip("pyarrow", reason="pyarrow is not installed, so there are no datasets")

KEYS = [
    (["data", "orders"], None, "data/orders/"),
    (["data", "orders"], "2026-01", "data/orders/2026-01/"),
    (["orders"], None, "orders/"),
    (["orders.v2"], "a=b", "orders.v2/a=b/"),
]


@pytest.mark.spec("DAG-017")
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_frame_is_stored_as_a_dataset_and_loaded_as_a_table(store, kind):
    manager = ext.dagster_dataset_io_manager(store)
    assert isinstance(manager, dg.IOManager)
    manager.handle_output(output_of("data", "orders"), frame(kind))
    assert "data/orders/_SUCCESS" in stored(store)
    assert columns_of(manager.load_input(input_of("data", "orders"))) == COLUMNS


@pytest.mark.spec("DAG-017")
def test_a_dataset_takes_the_place_of_the_one_before(store):
    manager = ext.dagster_dataset_io_manager(store)
    for columns in [{"a": [1, 2, 3]}, {"b": ["x"]}]:
        manager.handle_output(output_of("orders"), frame("pyarrow", columns))
    assert columns_of(manager.load_input(input_of("orders"))) == {"b": ["x"]}


@pytest.mark.spec("DAG-017")
def test_datasets_pass_between_the_assets_of_a_run(store):
    @dg.asset
    def orders():
        return frame("pandas")

    @dg.asset
    def people(orders):
        return orders.select(["people"])

    manager = ext.dagster_dataset_io_manager(store)
    materialize([orders, people], manager)
    assert columns_of(manager.load_input(input_of("people"))) == {"people": COLUMNS["people"]}


@pytest.mark.spec("DAG-017")
def test_without_pyarrow_a_dataset_io_manager_says_how_to_install_it():
    error, message = outcome_without_pyarrow("dataset io manager")
    assert error == "ModuleNotFoundError"
    assert "pip install 'remote-store[dagster,arrow]'" in message


@pytest.mark.spec("DAG-018")
@pytest.mark.parametrize(("segments", "partition", "folder"), KEYS)
def test_every_object_of_a_dataset_lies_below_asset_key_and_partition(store, segments, partition, folder):
    manager = ext.dagster_dataset_io_manager(store)
    manager.handle_output(output_of(*segments, partition=partition), frame("pyarrow"))
    paths = stored(store)
    assert folder + "_SUCCESS" in paths
    assert [path for path in paths if not path.startswith(folder)] == []
    assert columns_of(manager.load_input(input_of(*segments, partition=partition))) == COLUMNS


@pytest.mark.spec("DAG-018")
def test_each_partition_is_a_dataset_of_its_own(store):
    manager = ext.dagster_dataset_io_manager(store)
    for partition in ["2026-01", "2026-02"]:
        manager.handle_output(output_of("orders", partition=partition), frame("pyarrow", {"p": [partition]}))
    for partition in ["2026-01", "2026-02"]:
        loaded = manager.load_input(input_of("orders", partition=partition))
        assert columns_of(loaded) == {"p": [partition]}


@pytest.mark.spec("DAG-018")
def test_the_root_path_is_not_in_the_dataset_key(backend):
    below = backend.open(below="team/x")
    ext.dagster_dataset_io_manager(below).handle_output(output_of("orders"), frame("pyarrow"))
    assert "orders/_SUCCESS" in stored(below)
    if backend.outlives_its_store:
        assert "team/x/orders/_SUCCESS" in stored(backend.open())


@pytest.mark.spec("DAG-019")
def test_the_serializer_parquet_dataset_stores_datasets(backend, monkeypatch):
    stores = []
    build = ext._build_store
    monkeypatch.setattr(
        ext, "_build_store", lambda *arguments: stores.append(build(*arguments)) or stores[-1]
    )
    life = dg.build_init_resource_context()
    factory = ext.RemoteStoreIOManager(**backend.config(), serializer="parquet-dataset")
    factory.setup_for_execution(life)
    manager = factory.create_io_manager(life)
    manager.handle_output(output_of("data", "orders", partition="p"), frame("pandas"))
    paths = stored(stores[0])
    assert "data/orders/p/_SUCCESS" in paths
    assert [path for path in paths if not path.startswith("data/orders/p/")] == []
    assert columns_of(manager.load_input(input_of("data", "orders", partition="p"))) == COLUMNS
    factory.teardown_after_execution(life)


@pytest.mark.spec("DAG-019")
def test_a_run_keeps_its_tables_as_datasets(backend):
    @dg.asset
    def orders():
        return frame("pyarrow")

    @dg.asset
    def rows(orders):
        return orders.slice(1, 1)

    factory = ext.RemoteStoreIOManager(**backend.config(), serializer="parquet-dataset")
    materialize([orders, rows], factory)
    if backend.outlives_its_store:
        assert {"orders/_SUCCESS", "rows/_SUCCESS"} <= set(stored(backend.open()))
