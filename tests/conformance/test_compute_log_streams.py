"""DAG-024 to DAG-027, DAG-029 and DAG-031: captured streams in the store."""

from __future__ import annotations

import pytest
from dagster._check import CheckError

from .contexts import stored
from .log_managers import EXTENSIONS, KEY, STDERR, STDOUT, LogManagers, local_file, say, upload, write_local
from .recording import watch

FOLDER = "dagster/storage/run1/compute_logs"
OUT = f"{FOLDER}/step_a.out"
STREAMS = pytest.mark.parametrize("io_type", [STDOUT, STDERR], ids=["stdout", "stderr"])
EITHER = pytest.mark.parametrize("partial", [False, True], ids=["final", "partial"])
PATHS = [
    ("dagster", KEY, STDOUT, False, OUT),
    ("dagster", KEY, STDERR, True, f"{FOLDER}/step_a.err.partial"),
    ("dagster", ["report"], STDOUT, False, "dagster/storage/report.out"),
    ("dagster", ["report"], STDOUT, True, "dagster/storage/report.out.partial"),
    ("", KEY, STDERR, False, "storage/run1/compute_logs/step_a.err"),
    ("teams/x", ["a.b"], STDERR, False, "teams/x/storage/a.b.err"),
    ("dagster", ["run1", "", "step_a"], STDOUT, False, "dagster/storage/run1/step_a.out"),
]


def path_of(io_type, *, partial=False):
    return f"{FOLDER}/step_a.{EXTENSIONS[io_type]}{'.partial' if partial else ''}"


@pytest.mark.spec("DAG-024")
@pytest.mark.parametrize(("prefix", "log_key", "io_type", "partial", "path"), PATHS)
def test_a_stream_is_stored_at_prefix_log_key_stream_and_state(
    managers, store, monkeypatch, prefix, log_key, io_type, partial, path
):
    writes = watch(monkeypatch, store, "write")
    upload(managers.make(prefix=prefix), log_key, io_type, b"text", partial=partial)
    assert stored(store) == [path]
    assert writes.paths == [path]


@pytest.mark.spec("DAG-024")
def test_the_root_path_is_not_in_the_path_of_a_log(backend, monkeypatch, tmp_path):
    below = backend.open(below="team/x")
    manager = LogManagers(monkeypatch, below, tmp_path).make()
    upload(manager, KEY, STDOUT, b"text")
    assert stored(below) == [OUT]
    assert below.native_path(OUT).replace("\\", "/").endswith(f"team/x/{OUT}")
    manager.dispose()


@pytest.mark.spec("DAG-025")
@STREAMS
@EITHER
@pytest.mark.parametrize(
    "content", [b"text\n", b"\xff\xfe\x00 \r\n caf\xc3", b"x" * 300_000], ids=["text", "any bytes", "long"]
)
def test_the_bytes_of_the_file_are_stored_as_they_are(managers, store, io_type, partial, content):
    upload(managers.make(), KEY, io_type, content, partial=partial)
    assert store.read_bytes(path_of(io_type, partial=partial)) == content


@pytest.mark.spec("DAG-025")
@EITHER
def test_an_upload_takes_the_place_of_the_one_before(managers, store, monkeypatch, partial):
    manager = managers.make()
    upload(manager, KEY, STDOUT, b"first", partial=partial)
    writes = watch(monkeypatch, store, "write")
    upload(manager, KEY, STDOUT, b"first and second", partial=partial)
    assert store.read_bytes(path_of(STDOUT, partial=partial)) == b"first and second"
    assert [call.options["overwrite"] for call in writes.calls] == [True]


@pytest.mark.spec("DAG-025")
@pytest.mark.parametrize(
    ("skip", "partial", "uploaded"),
    [(False, False, True), (False, True, False), (True, False, False), (True, True, False)],
)
def test_an_empty_file_is_uploaded_only_when_it_is_final_and_not_skipped(
    managers, store, skip, partial, uploaded
):
    manager = managers.make(skip_empty_files=skip)
    upload(manager, KEY, STDOUT, b"", partial=partial)
    assert stored(store) == ([path_of(STDOUT, partial=partial)] if uploaded else [])


@pytest.mark.spec("DAG-025")
@EITHER
def test_a_file_that_is_not_empty_is_never_skipped(managers, store, partial):
    upload(managers.make(skip_empty_files=True), KEY, STDOUT, b"\n", partial=partial)
    assert store.read_bytes(path_of(STDOUT, partial=partial)) == b"\n"


@pytest.mark.spec("DAG-025")
def test_both_streams_of_a_step_are_in_the_store_when_it_ends(managers, store):
    with managers.make().capture_logs(KEY):
        say("out\n")
        say("err\n", STDERR)
    assert {path: store.read_bytes(path) for path in stored(store)} == {
        path_of(STDOUT): b"out\n",
        path_of(STDERR): b"err\n",
    }


@pytest.mark.spec("DAG-026")
@STREAMS
@EITHER
def test_a_stored_stream_is_brought_to_its_local_file_and_the_folder_is_made(
    managers, store, io_type, partial
):
    content = b"\xffline\r\n" * 50_000
    store.write(path_of(io_type, partial=partial), content)
    store.write(path_of(io_type, partial=not partial), b"the other one")
    web = managers.make()
    local = local_file(web, KEY, io_type, partial=partial)
    assert not local.parent.exists()
    web.download_from_cloud_storage(KEY, io_type, partial=partial)
    assert local.read_bytes() == content
    assert not local_file(web, KEY, io_type, partial=not partial).exists()


@pytest.mark.spec("DAG-026")
def test_a_download_takes_the_place_of_an_older_one(managers, store):
    web = managers.make()
    for content in [b"a longer first version", b"second"]:
        store.write(path_of(STDOUT, partial=True), content, overwrite=True)
        web.download_from_cloud_storage(KEY, STDOUT, partial=True)
        assert local_file(web, KEY, STDOUT, partial=True).read_bytes() == content


@pytest.mark.spec("DAG-026")
def test_a_download_reads_the_object_through_the_store(managers, store, monkeypatch):
    store.write(OUT, b"text")
    web = managers.make()
    reads = watch(monkeypatch, store, "read")
    web.download_from_cloud_storage(KEY, STDOUT)
    assert reads.paths == [OUT]


@pytest.mark.spec("DAG-026")
def test_a_web_server_shows_the_log_of_a_worker_that_is_gone(managers):
    worker = managers.make()
    with worker.capture_logs(KEY):
        say("seen later\n")
    data = managers.make().get_log_data(KEY)
    assert (data.stdout, data.stderr) == (b"seen later\n", b"")


@pytest.mark.spec("DAG-027")
@STREAMS
@EITHER
def test_logs_are_stored_when_exactly_their_object_is_a_file(managers, store, io_type, partial):
    manager = managers.make()
    other = {STDOUT: STDERR, STDERR: STDOUT}[io_type]
    for path in [path_of(io_type, partial=not partial), path_of(other), path_of(other, partial=True)]:
        store.write(path, b"text")
    assert manager.cloud_storage_has_logs(KEY, io_type, partial=partial) is False
    store.write(path_of(io_type, partial=partial), b"")
    assert manager.cloud_storage_has_logs(KEY, io_type, partial=partial) is True


@pytest.mark.spec("DAG-027")
def test_a_folder_is_no_log_and_neither_is_a_local_file(managers, store):
    manager = managers.make()
    store.write(f"{OUT}/inside.txt", b"text")
    write_local(manager, KEY, STDERR, b"text")
    assert manager.cloud_storage_has_logs(KEY, STDOUT) is False
    assert manager.cloud_storage_has_logs(KEY, STDERR) is False


@pytest.mark.spec("DAG-029")
def test_the_logs_of_a_key_are_deleted_in_the_store_and_locally_and_no_others(managers, store):
    manager = managers.make()
    others = [
        ["run1", "compute_logs", "step_ab"],
        ["run1", "compute_logs", "step_a", "x"],
        ["run2", "step_a"],
    ]
    for log_key in [KEY, *others]:
        for io_type in EXTENSIONS:
            for partial in (False, True):
                upload(manager, log_key, io_type, b"text", partial=partial)
    before = stored(store)
    manager.delete_logs(log_key=KEY)
    gone = {path_of(io_type, partial=partial) for io_type in EXTENSIONS for partial in (False, True)}
    assert len(before) == 16
    assert stored(store) == [path for path in before if path not in gone]
    assert not any(local_file(manager, KEY, io_type).exists() for io_type in EXTENSIONS)
    assert all(local_file(manager, each, io_type).exists() for each in others for io_type in EXTENSIONS)


@pytest.mark.spec("DAG-029")
def test_each_object_of_a_key_is_deleted_without_minding_that_it_is_missing(managers, store, monkeypatch):
    deletes = watch(monkeypatch, store, "delete")
    managers.make().delete_logs(log_key=KEY)
    assert sorted(deletes.paths) == sorted(
        path_of(io_type, partial=partial) for io_type in EXTENSIONS for partial in (False, True)
    )
    assert {call.options["missing_ok"] for call in deletes.calls} == {True}


@pytest.mark.spec("DAG-029")
def test_a_prefix_is_deleted_with_everything_in_it_in_the_store_and_locally(managers, store):
    manager = managers.make()
    kept = [["run10", "compute_logs", "step_a"], ["other", "run1"]]
    for log_key in [KEY, ["run1", "deep", "er", "x"], *kept]:
        for io_type in EXTENSIONS:
            upload(manager, log_key, io_type, b"text")
    upload(manager, KEY, STDOUT, b"text", partial=True)
    manager.delete_logs(prefix=["run1"])
    assert stored(store) == [
        "dagster/storage/other/run1.err",
        "dagster/storage/other/run1.out",
        "dagster/storage/run10/compute_logs/step_a.err",
        "dagster/storage/run10/compute_logs/step_a.out",
    ]
    assert not local_file(manager, KEY, STDOUT).exists()
    assert all(local_file(manager, each, STDOUT).exists() for each in kept)


@pytest.mark.spec("DAG-029")
def test_a_prefix_without_logs_is_no_error(managers, store, monkeypatch):
    folders = watch(monkeypatch, store, "delete_folder")
    managers.make().delete_logs(prefix=["never", "ran"])
    assert folders.paths == ["dagster/storage/never/ran"]
    assert folders.calls[0].options == {"recursive": True, "missing_ok": True}


@pytest.mark.spec("DAG-029")
def test_neither_key_nor_prefix_is_refused_and_deletes_nothing(managers, store):
    manager = managers.make()
    upload(manager, KEY, STDOUT, b"text")
    with pytest.raises(CheckError):
        manager.delete_logs()
    assert stored(store) == [OUT]


@pytest.mark.spec("DAG-031")
@STREAMS
def test_the_keys_of_a_prefix_are_those_of_its_final_files_of_one_stream(managers, store, io_type):
    extension = EXTENSIONS[io_type]
    other = {"out": "err", "err": "out"}[extension]
    for name in [
        f"step_a.{extension}",
        f"step_b.{extension}",
        f"step.with.dots.{extension}",
        f"running.{extension}.partial",
        f"step_a.{other}",
        f"only_other.{other}",
        "notes.txt",
        f"not_{extension}",
    ]:
        store.write(f"{FOLDER}/{name}", b"text")
    listed = managers.make().get_log_keys_for_log_key_prefix(["run1", "compute_logs"], io_type)
    names = ["step.with.dots", "step_a", "step_b"]
    assert sorted(list(key) for key in listed) == [["run1", "compute_logs", name] for name in names]


@pytest.mark.spec("DAG-031")
def test_every_listed_key_is_one_whose_log_can_be_read(managers, store):
    for folder in ["dagster/storage/bf", "dagster/storage/bf/deeper", "dagster/storage/bf2"]:
        store.write(f"{folder}/{folder.rpartition('/')[2]}_step.err", b"text")
    manager = managers.make()
    listed = manager.get_log_keys_for_log_key_prefix(["bf"], STDERR)
    assert [list(key) for key in listed] == [["bf", "bf_step"]]
    assert all(manager.cloud_storage_has_logs(key, STDERR) for key in listed)


@pytest.mark.spec("DAG-031")
def test_listing_uses_the_configured_prefix_and_what_was_uploaded(managers):
    manager = managers.make(prefix="mine")
    upload(manager, ["backfill", "b1", "one"], STDERR, b"text")
    managers.make().delete_logs(prefix=["backfill"])
    listed = manager.get_log_keys_for_log_key_prefix(["backfill", "b1"], STDERR)
    assert [list(key) for key in listed] == [["backfill", "b1", "one"]]


@pytest.mark.spec("DAG-031")
def test_a_prefix_without_files_has_no_keys(managers, store):
    store.write(f"{FOLDER}/step_a.out.partial", b"text")
    manager = managers.make()
    for prefix in [["run1", "compute_logs"], ["never", "ran"]]:
        assert list(manager.get_log_keys_for_log_key_prefix(prefix, STDOUT)) == []
