"""DAG-021 and DAG-022: what the compute log manager is to Dagster, and how it is configured."""

from __future__ import annotations

import tempfile
from unittest import mock

import dagster as dg
import pytest
from dagster._core.storage.cloud_storage_compute_log_manager import CloudStorageComputeLogManager
from dagster._core.storage.compute_log_manager import ComputeIOType
from dagster._serdes import ConfigurableClass, ConfigurableClassData

import remote_store.ext.dagster as ext
from remote_store import Capability, CapabilitySet, Store
from remote_store.backends import MemoryBackend
from remote_store.ext.dagster import RemoteStoreComputeLogManager

# DAG-021


@pytest.mark.spec("DAG-021")
def test_it_is_what_dagster_takes_it_for():
    assert issubclass(RemoteStoreComputeLogManager, CloudStorageComputeLogManager)
    assert issubclass(RemoteStoreComputeLogManager, ConfigurableClass)
    try:
        from dagster._core.storage.cloud_storage_compute_log_manager import (
            TruncatingCloudStorageComputeLogManager,
        )
    except ImportError:
        return
    assert issubclass(RemoteStoreComputeLogManager, TruncatingCloudStorageComputeLogManager)


@pytest.mark.spec("DAG-021")
def test_the_schema_has_exactly_the_seven_fields():
    schema = RemoteStoreComputeLogManager.config_type()
    assert set(schema) == {
        "backend_type", "backend_options", "root_path", "local_dir", "prefix", "skip_empty_files",
        "upload_interval",
    }  # fmt: skip
    filled = _validated({"backend_type": "memory"})
    assert filled["backend_options"] == {}
    assert filled["root_path"] == ""
    assert filled["prefix"] == "dagster"
    assert filled["skip_empty_files"] is False
    assert filled["upload_interval"] is None
    assert filled.get("local_dir", tempfile.gettempdir()) == tempfile.gettempdir()


def _validated(value):
    from dagster._config import Field, process_config, resolve_to_config_type

    processed = process_config(
        resolve_to_config_type(Field(RemoteStoreComputeLogManager.config_type()).config_type), value
    )
    assert processed.success, processed.errors
    return processed.value


@pytest.mark.spec("DAG-021")
@pytest.mark.parametrize(
    "wrong",
    [{}, {"backend_type": "memory", "bucket": "x"}, {"backend_type": "memory", "skip_empty_files": "x"}],
)
def test_the_schema_refuses_what_is_wrong(wrong):
    with pytest.raises(AssertionError):
        _validated(wrong)


@pytest.mark.spec("DAG-021")
def test_it_is_built_by_name_from_dagster_yaml(tmp_path, monkeypatch):
    monkeypatch.setenv("LOG_ROOT_FOR_TEST", str(tmp_path / "logs"))
    (tmp_path / "dagster.yaml").write_text(
        "compute_logs:\n"
        "  module: remote_store.ext.dagster\n"
        "  class: RemoteStoreComputeLogManager\n"
        "  config:\n"
        "    backend_type: local\n"
        "    backend_options: {root: {env: LOG_ROOT_FOR_TEST}}\n"
        "    prefix: {env: LOG_PREFIX_FOR_TEST}\n"
        "    upload_interval: 3\n"
    )
    monkeypatch.setenv("LOG_PREFIX_FOR_TEST", "kept")
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        manager = instance.compute_log_manager
        assert isinstance(manager, RemoteStoreComputeLogManager)
        assert manager.upload_interval == 3
        assert manager.inst_data.class_name == "RemoteStoreComputeLogManager"
        with manager.open_log_stream(["run1", "compute_logs", "step_a"], ComputeIOType.STDERR) as stream:
            stream.write("x")
    assert (tmp_path / "logs/kept/storage/run1/compute_logs/step_a.err").read_text() == "x"


@pytest.mark.spec("DAG-021")
def test_inst_data_is_what_was_given():
    data = ConfigurableClassData("remote_store.ext.dagster", "RemoteStoreComputeLogManager", "{}")
    made = RemoteStoreComputeLogManager.from_config_value(data, {"backend_type": "memory"})
    assert made.inst_data is data
    assert RemoteStoreComputeLogManager("memory").inst_data is None


# DAG-022


@pytest.mark.spec("DAG-022")
def test_the_store_is_built_by_the_shared_helper(monkeypatch):
    calls = []
    monkeypatch.setattr(ext, "_build_store", lambda *args: calls.append(args) or Store(MemoryBackend()))
    RemoteStoreComputeLogManager("s3", {"bucket": "b"}, root_path="r")
    assert calls == [("s3", {"bucket": "b"}, "r")]


@pytest.mark.spec("DAG-022")
@pytest.mark.parametrize(
    "missing", [Capability.READ, Capability.WRITE, Capability.DELETE, Capability.METADATA, Capability.LIST]
)
def test_each_missing_capability_is_named_and_the_store_closed(monkeypatch, missing):
    there = CapabilitySet([capability for capability in Capability if capability is not missing])
    store = mock.MagicMock(spec=Store)
    store.supports.side_effect = lambda capability: capability in there
    monkeypatch.setattr(ext, "_build_store", lambda *_: store)
    with pytest.raises(ValueError, match=f"'x' is missing capabilities .*: {missing.name}$"):
        RemoteStoreComputeLogManager("x")
    store.close.assert_called_once_with()


@pytest.mark.spec("DAG-022")
def test_capabilities_that_are_not_needed_may_be_missing(monkeypatch):
    needed = {Capability.READ, Capability.WRITE, Capability.DELETE, Capability.METADATA, Capability.LIST}
    store = mock.MagicMock(spec=Store)
    store.supports.side_effect = needed.__contains__
    monkeypatch.setattr(ext, "_build_store", lambda *_: store)
    RemoteStoreComputeLogManager("x")
    store.close.assert_not_called()


@pytest.mark.spec("DAG-022")
def test_unknown_types_and_rejected_options_are_value_errors():
    with pytest.raises(ValueError, match="Unknown backend type 'nope'"):
        RemoteStoreComputeLogManager("nope")
    with pytest.raises(ValueError, match="rejected the provided options"):
        RemoteStoreComputeLogManager("memory", {"bucket": "x"})
