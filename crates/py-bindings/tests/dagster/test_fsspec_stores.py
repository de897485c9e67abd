"""Dagster over filesystems of fsspec: values, partitions and logs."""

import sys

import dagster as dg
import pytest

from remote_store import Store
from remote_store.backends import FsspecBackend
from remote_store.ext.dagster import (
    DagsterStoreResource,
    RemoteStoreComputeLogManager,
    RemoteStoreIOManager,
    dagster_io_manager,
)

DAYS = dg.StaticPartitionsDefinition(["1", "2", "3"])


@dg.asset(partitions_def=DAYS)
def day(context: dg.AssetExecutionContext) -> int:
    return int(context.partition_key)


@dg.asset
def total(day: dict[str, int]) -> int:
    return sum(day.values())


@pytest.mark.parametrize("kind", ["memory", "file"])
def test_assets_and_their_partitions_are_written_and_loaded(kind, tmp_path):
    options = {"root": str(tmp_path / "lake")}
    manager = RemoteStoreIOManager(backend_type=f"fsspec:{kind}", backend_options=options, serializer="json")
    resources = {"io_manager": manager}
    for key in DAYS.get_partition_keys():
        assert dg.materialize([day], partition_key=key, resources=resources).success
    assert dg.materialize([total, day], selection=[total], resources=resources).output_for_node("total") == 6
    store = Store(FsspecBackend(kind, **options))
    listed = [str(info.path) for info in store.list_files("", recursive=True)]
    assert listed == ["day/1.json", "day/2.json", "day/3.json", "total.json"]


def test_a_store_that_is_built_already_is_taken(tmp_path):
    store = Store(FsspecBackend("file", str(tmp_path)))

    @dg.asset
    def value() -> dict:
        return {"a": 1}

    assert dg.materialize([value], resources={"io_manager": dagster_io_manager(store)}).success
    assert (tmp_path / "value.pkl").exists() or list(tmp_path.iterdir())


def test_the_resource_hides_the_options():
    files = DagsterStoreResource(backend_type="fsspec:memory", backend_options={"password": "hunter2"})
    assert "hunter2" not in repr(files)


def test_logs_are_kept(tmp_path):
    manager = RemoteStoreComputeLogManager(
        backend_type="fsspec:file",
        backend_options={"root": str(tmp_path / "logs")},
        local_dir=str(tmp_path / "local"),
    )
    key = ["run", "compute_logs", "step"]
    with manager.capture_logs(key):
        print("hello from a step")
        print("trouble", file=sys.stderr)
    data = manager.get_log_data(key)
    assert b"hello from a step" in data.stdout
    assert b"trouble" in data.stderr
    manager.delete_logs(log_key=key)
    assert manager.get_log_data(key).stdout in {None, b""}
    manager.dispose()
