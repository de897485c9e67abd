"""DAG-021 to DAG-023, DAG-028, DAG-030 and DAG-032: what a compute log manager is and how it lives."""

from __future__ import annotations

import importlib
import tempfile
import time
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.cloud_storage_compute_log_manager import (
    CloudStorageComputeLogManager,
    PollingComputeLogSubscriptionManager,
)
from dagster._core.storage.compute_log_manager import ComputeLogManager
from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager
from dagster._serdes import ConfigurableClass, ConfigurableClassData

from remote_store.ext import dagster as ext

from .contexts import stored
from .log_managers import EXTENSIONS, KEY, STDERR, STDOUT, local_file, say, upload
from .recording import watch, watch_method

MODULE, CLASS = "remote_store.ext.dagster", "RemoteStoreComputeLogManager"
FIELDS = {
    "backend_type",
    "backend_options",
    "root_path",
    "local_dir",
    "prefix",
    "skip_empty_files",
    "upload_interval",
}
REQUIRED = ["READ", "WRITE", "DELETE", "METADATA", "LIST"]
OUT = "dagster/storage/run1/compute_logs/step_a.out"
STREAMS = pytest.mark.parametrize("io_type", [STDOUT, STDERR], ids=["stdout", "stderr"])


def from_yaml(text):
    """The log manager that Dagster makes of a section of ``dagster.yaml``."""
    made = ConfigurableClassData(MODULE, CLASS, text).rehydrate(as_type=ComputeLogManager)
    assert isinstance(made, ext.RemoteStoreComputeLogManager)
    return made


@pytest.fixture
def built(monkeypatch):
    """The calls of ``_build_store`` and their stores."""
    calls = []
    original = ext._build_store

    def building(*arguments, **options):
        made = original(*arguments, **options)
        calls.append(([*arguments, *options.values()], made))
        return made

    monkeypatch.setattr(ext, "_build_store", building)
    return calls


@pytest.mark.spec("DAG-021")
def test_the_class_is_where_dagster_yaml_looks_for_it_and_derives_from_dagsters_bases():
    found = getattr(importlib.import_module(MODULE), CLASS)
    module = importlib.import_module("dagster._core.storage.cloud_storage_compute_log_manager")
    # Dagster before 1.10.18 has no truncating base.
    base = getattr(module, "TruncatingCloudStorageComputeLogManager", CloudStorageComputeLogManager)
    assert issubclass(found, base)
    assert issubclass(found, ConfigurableClass)


@pytest.mark.spec("DAG-021")
def test_the_configuration_has_exactly_the_seven_fields_and_only_the_backend_type_is_required():
    fields = dg.Field(ext.RemoteStoreComputeLogManager.config_type()).config_type.fields
    assert set(fields) == FIELDS
    assert {name for name, field in fields.items() if field.is_required} == {"backend_type"}


@pytest.mark.spec("DAG-021")
def test_what_is_left_out_of_dagster_yaml_has_the_specified_default(built):
    manager = from_yaml("backend_type: memory\n")
    assert len(built) == 1
    arguments, store = built[0]
    assert [arguments[0], dict(arguments[1] or {}), arguments[2]] == ["memory", {}, ""]
    assert manager.upload_interval is None
    assert local_file(manager, KEY, STDOUT).is_relative_to(Path(tempfile.gettempdir()).resolve())
    upload(manager, ["conformance", "empty"], STDOUT, b"")
    assert stored(store) == ["dagster/storage/conformance/empty.out"]
    manager.delete_logs(log_key=["conformance", "empty"])
    manager.dispose()


@pytest.mark.spec("DAG-021")
def test_every_field_of_dagster_yaml_arrives_and_text_may_come_from_the_environment(
    store, tmp_path, monkeypatch
):
    given = []
    monkeypatch.setattr(ext, "_build_store", lambda *arguments: given.append(arguments) or store)
    folder = tmp_path / "logs"
    for name, value in [("TYPE", "s3"), ("ROOT", "below"), ("DIR", str(folder)), ("PREFIX", "mine")]:
        monkeypatch.setenv(f"KIT_{name}", value)
    manager = from_yaml(
        "backend_type: {env: KIT_TYPE}\nroot_path: {env: KIT_ROOT}\n"
        "local_dir: {env: KIT_DIR}\nprefix: {env: KIT_PREFIX}\n"
        "skip_empty_files: true\nupload_interval: 7\n"
        "backend_options: {bucket: b, client: {retries: [1, 2]}}\n"
    )
    assert given == [("s3", {"bucket": "b", "client": {"retries": [1, 2]}}, "below")]
    assert manager.upload_interval == 7
    assert local_file(manager, KEY, STDOUT).is_relative_to(folder.resolve())
    upload(manager, ["full"], STDOUT, b"text")
    upload(manager, ["empty"], STDOUT, b"")
    assert stored(store) == ["mine/storage/full.out"]
    manager.dispose()


@pytest.mark.spec("DAG-021")
@pytest.mark.parametrize(
    "text",
    [
        "root_path: x\n",
        "backend_type: memory\nno_such_field: 1\n",
        "backend_type: memory\nskip_empty_files: 'maybe'\n",
        "backend_type: memory\nupload_interval: soon\n",
        "backend_type: memory\nbackend_options: text\n",
    ],
    ids=["no backend type", "unknown field", "text for a bool", "text for an int", "text for options"],
)
def test_a_wrong_section_of_dagster_yaml_is_refused(text):
    with pytest.raises(dg.DagsterInvalidConfigError):
        from_yaml(text)


@pytest.mark.spec("DAG-021")
def test_upload_interval_may_be_none():
    manager = from_yaml("backend_type: memory\nupload_interval: null\n")
    assert manager.upload_interval is None
    manager.dispose()


@pytest.mark.spec("DAG-021")
def test_inst_data_is_what_the_constructor_was_given():
    data = ConfigurableClassData(MODULE, CLASS, "backend_type: memory\n")
    rehydrated = data.rehydrate(as_type=ComputeLogManager)
    direct = ext.RemoteStoreComputeLogManager(backend_type="memory")
    assert rehydrated.inst_data == data
    assert direct.inst_data is None
    for manager in (rehydrated, direct):
        manager.dispose()


@pytest.mark.spec("DAG-021")
def test_from_config_value_gives_the_class_every_value_and_the_inst_data():
    given = {}

    class Mine(ext.RemoteStoreComputeLogManager):
        def __init__(self, **options):
            given.update(options)
            super().__init__(**options)

    data = ConfigurableClassData(MODULE, CLASS, "backend_type: memory\n")
    value = {"backend_type": "memory", "prefix": "mine", "skip_empty_files": True}
    manager = Mine.from_config_value(data, value)
    assert type(manager) is Mine
    assert given == {**value, "inst_data": data}
    manager.dispose()


@pytest.mark.spec("DAG-022")
def test_the_store_is_built_by_the_shared_function_from_the_three_fields(backend, tmp_path, built):
    config = backend.config(below="below")
    manager = ext.RemoteStoreComputeLogManager(**config, local_dir=str(tmp_path / "logs"))
    (arguments, store), *more = built
    assert more == []
    assert [arguments[0], dict(arguments[1]), arguments[2]] == list(config.values())
    upload(manager, KEY, STDOUT, b"text")
    assert store.read_bytes(OUT) == b"text"
    manager.dispose()


@pytest.mark.spec("DAG-022")
def test_an_unregistered_backend_type_is_refused():
    with pytest.raises(ValueError, match="carrier-pigeon"):
        ext.RemoteStoreComputeLogManager(backend_type="carrier-pigeon")


@pytest.mark.spec("DAG-022")
@pytest.mark.parametrize("name", ["memory", "local"])
def test_options_that_the_backend_rejects_are_refused(name):
    with pytest.raises(ValueError, match=name):
        ext.RemoteStoreComputeLogManager(backend_type=name, backend_options={"no_such_option": 1})


def without(monkeypatch, store, lacking):
    """Let a store deny these capabilities."""
    supports = store.supports

    def denying(capability):
        return getattr(capability, "name", str(capability)).upper() not in lacking and supports(capability)

    monkeypatch.setattr(store, "supports", denying)


@pytest.mark.spec("DAG-022")
@pytest.mark.parametrize("lacking", [*([name] for name in REQUIRED), ["DELETE", "LIST"]], ids="+".join)
def test_each_missing_capability_is_named_and_the_store_is_closed_first(
    managers, store, monkeypatch, lacking
):
    without(monkeypatch, store, lacking)
    closes = watch(monkeypatch, store, "close")
    with pytest.raises(ValueError, match=lacking[0]) as raised:
        managers.make()
    words = set(str(raised.value).replace(",", " ").replace(".", " ").replace("'", " ").split())
    assert words & set(REQUIRED) == set(lacking)
    assert len(closes) == 1


@pytest.mark.spec("DAG-022")
def test_a_backend_with_only_the_five_capabilities_is_enough(managers, store, monkeypatch):
    everything = "GLOB MOVE COPY ATOMIC_WRITE ATOMIC_MOVE USER_METADATA SEEKABLE_READ LAZY_READ"
    without(monkeypatch, store, everything.split())
    manager = managers.make()
    upload(manager, KEY, STDOUT, b"text")
    assert manager.cloud_storage_has_logs(KEY, STDOUT)


@pytest.mark.spec("DAG-023")
def test_capture_goes_to_a_local_manager_in_the_configured_folder(managers, tmp_path):
    manager = managers.make(local_dir=str(tmp_path / "mine"))
    assert isinstance(manager.local_manager, LocalComputeLogManager)
    with manager.capture_logs(KEY):
        say("captured here first\n")
        local = local_file(manager, KEY, STDOUT)
        assert local.is_relative_to((tmp_path / "mine").resolve())
        assert local.read_bytes() == b"captured here first\n"
    assert managers.store.read_bytes(OUT) == b"captured here first\n"


@pytest.mark.spec("DAG-023")
def test_the_local_folder_is_the_systems_temporary_one_when_none_is_given(managers, tmp_path, monkeypatch):
    # One of its own: the checkout may lie below the real one.
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    manager = managers.make(local_dir=None)
    assert local_file(manager, KEY, STDOUT).is_relative_to(tmp_path.resolve())


@pytest.mark.spec("DAG-023")
@pytest.mark.parametrize(("given", "interval"), [(30, 30), (1, 1), (0, None), (None, None)])
def test_an_interval_of_zero_is_no_interval(managers, given, interval):
    assert managers.make(upload_interval=given).upload_interval == interval


@pytest.mark.spec("DAG-023")
def test_with_an_interval_a_running_step_can_be_followed(managers, store):
    manager = managers.make(upload_interval=1)
    with manager.capture_logs(KEY):
        say("so far\n")
        deadline = time.monotonic() + 20
        while not store.is_file(f"{OUT}.partial") and time.monotonic() < deadline:
            time.sleep(0.02)
        assert store.read_bytes(f"{OUT}.partial") == b"so far\n"
        assert not store.is_file(OUT)
    assert store.read_bytes(OUT) == b"so far\n"


@pytest.mark.spec("DAG-023")
def test_without_an_interval_nothing_is_uploaded_before_the_step_ends(managers, store, monkeypatch):
    progress = watch_method(monkeypatch, ext.RemoteStoreComputeLogManager, "on_progress")
    manager = managers.make(upload_interval=0)
    with manager.capture_logs(KEY):
        say("text\n")
        time.sleep(0.2)  # for a polling thread to do what it must not
        assert stored(store) == []
    assert len(progress) == 0


@pytest.mark.spec("DAG-028")
@STREAMS
def test_the_display_path_is_the_native_path_once_capture_is_complete(managers, store, io_type):
    manager = managers.make()
    assert manager.display_path_for_type(KEY, io_type) is None
    with manager.capture_logs(KEY):
        assert manager.display_path_for_type(KEY, io_type) is None
    path = f"dagster/storage/run1/compute_logs/step_a.{EXTENSIONS[io_type]}"
    for each in (manager, managers.make()):
        assert each.display_path_for_type(KEY, io_type) == store.native_path(path)


@pytest.mark.spec("DAG-028")
def test_the_display_path_shows_where_the_store_really_is(backend, tmp_path):
    manager = ext.RemoteStoreComputeLogManager(
        **backend.config(below="below"), local_dir=str(tmp_path / "logs")
    )
    with manager.capture_logs(KEY):
        say("text\n")
    shown = manager.display_path_for_type(KEY, STDOUT)
    assert shown.replace("\\", "/").endswith(f"below/{OUT}")
    if backend.name == "local":
        assert Path(shown).read_bytes() == b"text\n"
    manager.delete_logs(log_key=KEY)
    manager.dispose()


@pytest.mark.spec("DAG-028")
@STREAMS
def test_there_is_no_download_url_because_the_web_server_gives_the_bytes_itself(managers, io_type):
    worker = managers.make()
    assert worker.download_url_for_type(KEY, io_type) is None
    with worker.capture_logs(KEY):
        assert worker.download_url_for_type(KEY, io_type) is None
        say("to be seen\n")
    web = managers.make()
    assert web.download_url_for_type(KEY, io_type) is None
    assert web.get_log_data(KEY).stdout == b"to be seen\n"


@pytest.mark.spec("DAG-030")
def test_subscriptions_are_given_to_a_polling_subscription_manager_and_taken_back(managers, monkeypatch):
    added = watch_method(monkeypatch, PollingComputeLogSubscriptionManager, "add_subscription")
    removed = watch_method(monkeypatch, PollingComputeLogSubscriptionManager, "remove_subscription")
    manager = managers.make()
    subscription = manager.subscribe(KEY)
    assert [call.args[1] for call in added.calls] == [subscription]
    assert len(removed) == 0
    manager.unsubscribe(subscription)
    assert [call.args[1] for call in removed.calls] == [subscription]
    assert added.calls[0].args[0] is removed.calls[0].args[0]


@pytest.mark.spec("DAG-030")
def test_a_subscriber_of_a_finished_step_gets_its_log_and_the_end(managers):
    worker = managers.make()
    with worker.capture_logs(KEY):
        say("all of it\n")
    seen = []
    subscription = managers.make().subscribe(KEY)
    subscription(seen.append)
    assert b"".join(data.stdout or b"" for data in seen) == b"all of it\n"
    assert subscription.is_complete


@pytest.mark.spec("DAG-030")
def test_a_subscriber_of_a_running_step_follows_it_until_unsubscribed(managers):
    manager = managers.make()
    subscription = manager.subscribe(KEY)
    assert not subscription.is_complete
    manager.unsubscribe(subscription)
    assert subscription.is_complete


@pytest.mark.spec("DAG-032")
def test_the_store_is_built_once_and_closed_only_in_the_end(backend, tmp_path, built, monkeypatch):
    manager = ext.RemoteStoreComputeLogManager(**backend.config(), local_dir=str(tmp_path / "logs"))
    assert len(built) == 1
    closes = watch(monkeypatch, built[0][1], "close")
    for log_key in (KEY, ["run2", "compute_logs", "step_b"]):
        with manager.capture_logs(log_key):
            say("text\n")
        manager.get_log_data(log_key)
        manager.delete_logs(log_key=log_key)
    assert (len(built), len(closes)) == (1, 0)
    manager.dispose()
    assert (len(built), len(closes)) == (1, 1)


@pytest.mark.spec("DAG-032")
def test_the_end_disposes_of_subscriptions_and_of_the_local_manager_too(managers, monkeypatch):
    subscriptions = watch_method(monkeypatch, PollingComputeLogSubscriptionManager, "dispose")
    local = watch_method(monkeypatch, LocalComputeLogManager, "dispose")
    manager = managers.make()
    assert (len(subscriptions), len(local)) == (0, 0)
    manager.dispose()
    assert len(subscriptions) == 1
    assert [call.args[0] for call in local.calls] == [manager.local_manager]
