"""DAG-023 to DAG-032: the compute log manager, clause by clause."""

from __future__ import annotations

import io
import os
import tempfile
from unittest import mock

import pytest
from dagster import _check
from dagster._core.storage.cloud_storage_compute_log_manager import (
    PollingComputeLogSubscriptionManager,
)
from dagster._core.storage.compute_log_manager import ComputeIOType
from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager
from pipelines import stored_paths

import remote_store.ext.dagster as ext
from remote_store import NotFound, PermissionDenied, Store
from remote_store.backends import MemoryBackend
from remote_store.ext.dagster import RemoteStoreComputeLogManager

OUT, ERR = ComputeIOType.STDOUT, ComputeIOType.STDERR
KEY = ["run1", "compute_logs", "step_a"]
FOLDER = "dagster/storage/run1/compute_logs"


@pytest.fixture
def make(store, tmp_path, monkeypatch):
    """Make managers over the store of the test."""
    monkeypatch.setattr(ext, "_build_store", lambda *_: store)
    made = []

    def build(**options):
        options.setdefault("local_dir", str(tmp_path / "local"))
        made.append(RemoteStoreComputeLogManager("patched", **options))
        return made[-1]

    yield build
    for manager in made:
        manager._subscription_manager.dispose()


def _local(manager, io_type, content=None, key=KEY):
    """The local file of a stream, filled."""
    path = manager.local_manager.get_captured_local_path(key, {OUT: "out", ERR: "err"}[io_type])
    if content is not None:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)
    return path


# DAG-023


@pytest.mark.spec("DAG-023")
def test_capture_goes_to_the_local_directory(make, tmp_path):
    manager = make()
    assert isinstance(manager.local_manager, LocalComputeLogManager)
    path = manager.local_manager.get_captured_local_path(KEY, "out")
    assert path == str((tmp_path / "local").resolve() / "run1/compute_logs/step_a.out")
    elsewhere = RemoteStoreComputeLogManager("memory").local_manager
    assert elsewhere.get_captured_local_path(["a"], "out").startswith(os.path.realpath(tempfile.gettempdir()))


@pytest.mark.spec("DAG-023")
@pytest.mark.parametrize(("given", "expected"), [(None, None), (0, None), (5, 5)])
def test_the_interval_is_none_when_unset_or_zero(make, given, expected):
    assert make(upload_interval=given).upload_interval == expected


# DAG-024, DAG-025


@pytest.mark.spec("DAG-024")
@pytest.mark.parametrize(
    ("prefix", "key", "io_type", "partial", "path"),
    [
        ("dagster", KEY, OUT, False, f"{FOLDER}/step_a.out"),
        ("dagster", KEY, ERR, True, f"{FOLDER}/step_a.err.partial"),
        ("dagster", ["report"], OUT, False, "dagster/storage/report.out"),
        ("", ["report"], ERR, False, "storage/report.err"),
        ("a/b", ["report"], ERR, False, "a/b/storage/report.err"),
    ],
)
def test_the_table_of_log_paths(make, store, prefix, key, io_type, partial, path):
    make(prefix=prefix)._upload_file_obj(io.BytesIO(b"x"), key, io_type, partial)
    assert stored_paths(store) == [path]


@pytest.mark.spec("DAG-025")
def test_the_open_file_itself_is_written(monkeypatch, tmp_path):
    store = mock.MagicMock(spec=Store)
    monkeypatch.setattr(ext, "_build_store", lambda *_: store)
    manager = RemoteStoreComputeLogManager("x", local_dir=str(tmp_path))
    data = io.BytesIO(b"text")
    manager._upload_file_obj(data, KEY, OUT)
    store.write.assert_called_once_with(f"{FOLDER}/step_a.out", data, overwrite=True)


@pytest.mark.spec("DAG-025")
@pytest.mark.parametrize(
    ("skip", "partial", "written"),
    [(False, False, True), (True, False, False), (False, True, False), (True, True, False)],
)
def test_empty_files_are_left_out_as_told(make, store, skip, partial, written):
    manager = make(skip_empty_files=skip)
    manager._upload_file_obj(io.BytesIO(b""), KEY, OUT, partial)
    assert bool(stored_paths(store)) is written
    _local(manager, ERR, b"")
    manager.upload_to_cloud_storage(KEY, ERR, partial)
    assert any(path.endswith("step_a.err") for path in stored_paths(store)) is written


@pytest.mark.spec("DAG-025")
def test_what_was_read_before_does_not_make_a_file_empty(make, store):
    data = io.BytesIO(b"text")
    make(skip_empty_files=True)._upload_file_obj(data, KEY, OUT)
    assert store.read_bytes(f"{FOLDER}/step_a.out") == b"text"


@pytest.mark.spec("DAG-025")
def test_a_local_log_is_uploaded_and_replaces_what_was_there(make, store):
    manager = make()
    for text in (b"old, and longer", b"new"):
        _local(manager, OUT, text)
        manager.upload_to_cloud_storage(KEY, OUT)
        assert store.read_bytes(f"{FOLDER}/step_a.out") == text


@pytest.mark.spec("DAG-025")
def test_a_patched_store_sees_the_write(make, store, monkeypatch):
    calls = []
    original = store.write
    monkeypatch.setattr(
        store, "write", lambda path, data, **k: calls.append((path, k)) or original(path, data, **k)
    )
    manager = make()
    _local(manager, OUT, b"x")
    manager.upload_to_cloud_storage(KEY, OUT)
    assert calls == [(f"{FOLDER}/step_a.out", {"overwrite": True})]


# DAG-026, DAG-027, DAG-028


@pytest.mark.spec("DAG-026")
@pytest.mark.parametrize("partial", [False, True])
def test_a_log_is_downloaded_to_its_staging_file(make, store, partial):
    manager = make()
    store.write(f"{FOLDER}/step_a.out" + (".partial" if partial else ""), b"text" * 100_000)
    with mock.patch.object(store, "read", wraps=store.read) as read:
        manager.download_from_cloud_storage(KEY, OUT, partial)
    assert read.call_count == 1
    path = manager.local_manager.get_captured_local_path(KEY, "out", partial=partial)
    with open(path, "rb") as file:
        assert file.read() == b"text" * 100_000
    assert os.listdir(os.path.dirname(path)) == [os.path.basename(path)]


@pytest.mark.spec("DAG-026")
def test_a_download_that_fails_leaves_no_half_file(make, store):
    manager = make()
    with pytest.raises(NotFound):
        manager.download_from_cloud_storage(KEY, OUT)
    broken = mock.MagicMock()
    broken.__enter__.return_value.read.side_effect = [b"half", OSError("gone")]
    with mock.patch.object(store, "read", return_value=broken), pytest.raises(OSError, match="gone"):
        manager.download_from_cloud_storage(KEY, OUT)
    assert not [name for _, _, names in os.walk(manager.local_manager._base_dir) for name in names]


@pytest.mark.spec("DAG-027")
def test_logs_are_there_when_their_file_is(make, store):
    manager = make()
    assert not manager.cloud_storage_has_logs(KEY, OUT)
    store.write(f"{FOLDER}/step_a.out.partial", b"x")
    assert manager.cloud_storage_has_logs(KEY, OUT, partial=True)
    assert not manager.cloud_storage_has_logs(KEY, OUT)
    store.write(f"{FOLDER}/step_a.out", b"x")
    with mock.patch.object(store, "is_file", wraps=store.is_file) as is_file:
        assert manager.cloud_storage_has_logs(KEY, OUT) is True
    is_file.assert_called_once_with(f"{FOLDER}/step_a.out")


@pytest.mark.spec("DAG-027")
def test_a_refusal_is_not_no_logs(make, store):
    manager = make()
    with mock.patch.object(store, "is_file", side_effect=PermissionDenied("no", path="p")):
        with pytest.raises(PermissionDenied):
            manager.cloud_storage_has_logs(KEY, OUT)
        with pytest.raises(PermissionDenied):
            manager.is_capture_complete(KEY)


@pytest.mark.spec("DAG-028")
def test_the_path_is_displayed_once_the_log_is_final(make, store):
    manager = make()
    assert manager.display_path_for_type(KEY, OUT) is None
    store.write(f"{FOLDER}/step_a.err.partial", b"x")
    assert manager.display_path_for_type(KEY, OUT) is None
    store.write(f"{FOLDER}/step_a.err", b"x")
    expected = store.native_path(f"{FOLDER}/step_a.out")
    assert manager.display_path_for_type(KEY, OUT) == expected
    assert manager.download_url_for_type(KEY, OUT) is None
    metadata = manager.get_log_metadata(KEY)
    assert (metadata.stdout_location, metadata.stdout_download_url) == (expected, None)


# DAG-029


@pytest.mark.spec("DAG-029")
def test_all_of_a_step_is_deleted_here_and_there_and_nothing_else(make, store):
    manager = make()
    for name in ("step_a.out", "step_a.err", "step_a.out.partial", "step_a.err.partial", "step_b.out"):
        store.write(f"{FOLDER}/{name}", b"x")
    local = _local(manager, OUT, b"x")
    manager.delete_logs(log_key=KEY)
    assert stored_paths(store) == [f"{FOLDER}/step_b.out"]
    assert not os.path.exists(local)
    manager.delete_logs(log_key=KEY)


@pytest.mark.spec("DAG-029")
def test_the_deletes_are_the_specified_ones(monkeypatch, tmp_path):
    store = mock.MagicMock(spec=Store)
    monkeypatch.setattr(ext, "_build_store", lambda *_: store)
    manager = RemoteStoreComputeLogManager("x", local_dir=str(tmp_path))
    manager.delete_logs(log_key=KEY)
    assert sorted(store.delete.call_args_list) == sorted(
        mock.call(f"{FOLDER}/step_a.{ending}", missing_ok=True)
        for ending in ("out", "err", "out.partial", "err.partial")
    )
    manager.delete_logs(prefix=["run1", "compute_logs"])
    store.delete_folder.assert_called_once_with(FOLDER, recursive=True, missing_ok=True)


@pytest.mark.spec("DAG-029")
def test_a_prefix_deletes_its_folder_only(make, store):
    manager = make()
    for path in ("backfill/bf/1.err", "backfill/bf/2.err.partial", "backfill/bf2/1.err"):
        store.write(f"dagster/storage/{path}", b"x")
    local = _local(manager, ERR, b"x", key=["backfill", "bf", "1"])
    manager.delete_logs(prefix=["backfill", "bf"])
    assert stored_paths(store) == ["dagster/storage/backfill/bf2/1.err"]
    assert not os.path.exists(local)
    manager.delete_logs(prefix=["backfill", "bf"])


@pytest.mark.spec("DAG-029")
def test_more_than_one_page_is_deleted(make, store):
    for number in range(1200):
        store.write(f"{FOLDER}/step{number}.err", b"")
    make().delete_logs(prefix=["run1"])
    assert stored_paths(store) == []


@pytest.mark.spec("DAG-029")
@pytest.mark.parametrize("arguments", [{}, {"log_key": [], "prefix": []}])
def test_nothing_to_delete_is_a_failed_check(make, store, arguments):
    store.write(f"{FOLDER}/step_a.err", b"x")
    with pytest.raises(_check.CheckError, match="log_key"):
        make().delete_logs(**arguments)
    assert stored_paths(store)


@pytest.mark.spec("DAG-029")
def test_a_hostile_prefix_deletes_nothing_outside(make, store, tmp_path):
    (tmp_path / "precious").mkdir()
    store.write("precious/a.txt", b"x")
    with pytest.raises(ValueError, match="leaves the folder"):
        make().delete_logs(prefix=["..", "precious"])
    assert (tmp_path / "precious").is_dir()
    assert stored_paths(store) == ["precious/a.txt"]


# DAG-030


@pytest.mark.spec("DAG-030")
def test_subscriptions_are_handed_to_the_polling_manager(make):
    manager = make()
    assert isinstance(manager._subscription_manager, PollingComputeLogSubscriptionManager)
    subscription = mock.Mock(log_key=KEY)
    with mock.patch.object(manager._subscription_manager, "add_subscription") as add:
        manager.on_subscribe(subscription)
    add.assert_called_once_with(subscription)
    with mock.patch.object(manager._subscription_manager, "remove_subscription") as remove:
        manager.on_unsubscribe(subscription)
    remove.assert_called_once_with(subscription)


@pytest.mark.spec("DAG-030")
def test_a_viewer_of_a_finished_log_gets_all_of_it(make, store):
    text = ("x" * 1023 + "ü") * 3000
    store.write(f"{FOLDER}/step_a.err", text.encode())
    seen = []
    subscription = make().subscribe(KEY)
    subscription(seen.append)
    assert b"".join(data.stderr or b"" for data in seen).decode() == text
    assert subscription.is_complete


# DAG-031


@pytest.mark.spec("DAG-031")
def test_keys_below_a_prefix_are_listed_as_lists(make, store):
    for name in (
        "b.v2.out", "a.out", "a.err", "c.out.partial", "notes.txt", "out", "deeper/d.out", "x.out.bak",
    ):  # fmt: skip
        store.write(f"{FOLDER}/{name}", b"x")
    store.write("dagster/storage/run1/compute_logs2/z.out", b"x")
    prefix = ["run1", "compute_logs"]
    assert make().get_log_keys_for_log_key_prefix(prefix, OUT) == [[*prefix, "a"], [*prefix, "b.v2"]]
    assert make().get_log_keys_for_log_key_prefix(prefix, ERR) == [[*prefix, "a"]]
    assert make().get_log_keys_for_log_key_prefix(["run2"], ERR) == []


@pytest.mark.spec("DAG-031")
def test_the_lines_of_a_backfill_are_read_in_order(make, store):
    for number in (2, 1):
        store.write(f"dagster/storage/backfill/bf/{number}.err", f"line {number}\xff".encode("latin-1"))
    lines, cursor = make().read_log_lines_for_log_key_prefix(["backfill", "bf"], None, ERR)
    assert lines == ["line 1\ufffd", "line 2\ufffd"]
    assert not cursor.has_more_now
    again, _ = make().read_log_lines_for_log_key_prefix(["backfill", "bf"], str(cursor), ERR)
    assert again == []


# DAG-032


@pytest.mark.spec("DAG-032")
def test_disposing_releases_everything_in_order(make, store):
    manager = make()
    calls = mock.Mock()
    with (
        mock.patch.object(manager._subscription_manager, "dispose", calls.subscriptions),
        mock.patch.object(manager.local_manager, "dispose", calls.local),
        mock.patch.object(store, "close", calls.store),
    ):
        manager.dispose()
    assert [call[0] for call in calls.mock_calls] == ["subscriptions", "local", "store"]


@pytest.mark.spec("DAG-032")
def test_the_store_is_built_once(monkeypatch, tmp_path):
    made = []
    monkeypatch.setattr(ext, "_build_store", lambda *_: made.append(1) or Store(MemoryBackend()))
    manager = RemoteStoreComputeLogManager("x", local_dir=str(tmp_path))
    with manager.open_log_stream(KEY, ERR) as stream:
        stream.write("x")
    manager.get_log_data(KEY)
    assert made == [1]
