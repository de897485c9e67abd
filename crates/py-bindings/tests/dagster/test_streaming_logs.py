"""The second class of log managers: what it writes, reads, links to and refuses."""

from __future__ import annotations

import subprocess
import sys
import urllib.request

import pytest
from captures import CAP, ERR, FOLDER, KEY, OUT, finish, write_to
from pipelines import stored_paths

import remote_store.ext.dagster as ext
from remote_store.ext.dagster import RemoteStoreComputeLogManager, StreamingComputeLogManager


@pytest.fixture
def make_streaming(store, tmp_path, monkeypatch):
    monkeypatch.setattr(ext, "_build_store", lambda *_: store)

    def build(place="worker", **options):
        return StreamingComputeLogManager("patched", local_dir=str(tmp_path / place), **options)

    return build


@pytest.fixture
def on_s3(server, tmp_path):
    """Managers of each kind before one server, on machines of their own."""
    made = []

    def build(kind=StreamingComputeLogManager, place="worker", **options):
        backend = {
            "bucket": "bucket",
            "endpoint_url": server.endpoint,
            "key": "AK",
            "secret": "SECRETSECRET",
            "region_name": "us-east-1",
        }
        made.append(kind("s3", backend, local_dir=str(tmp_path / place), **options))
        return made[-1]

    yield build
    for manager in made:
        manager.dispose()


def follow(viewer, cursor=None):
    """All that there is from a cursor on, in chunks as Dagster's pages ask for them."""
    seen = b""
    while True:
        data = viewer.get_log_data(KEY, cursor, 1_000_000)
        seen += data.stdout or b""
        if data.cursor == cursor:
            return seen, cursor
        cursor = data.cursor


# What is kept


@pytest.mark.parametrize("compression", ["zstd", "none"])
def test_a_step_is_followed_while_it_runs_and_read_when_it_has_ended(make_streaming, store, compression):
    writer, viewer = make_streaming(compression=compression), make_streaming("viewer")
    write_to(writer, OUT, b"one\n")
    writer.on_progress(KEY)
    assert follow(viewer) == (b"one\n", "4:0")
    write_to(writer, OUT, "zwei ü\n".encode(), mode="ab")
    writer.on_progress(KEY)
    assert follow(viewer, "4:0") == ("zwei ü\n".encode(), "12:0")
    assert not viewer.is_capture_complete(KEY)
    assert viewer.display_path_for_type(KEY, OUT) is None
    writer._on_capture_complete(KEY)
    assert viewer.is_capture_complete(KEY)
    assert follow(viewer) == ("one\nzwei ü\n".encode(), "12:0")
    ending = ".zst" if compression == "zstd" else ""
    assert stored_paths(store) == [f"{FOLDER}/step_a.err{ending}", f"{FOLDER}/step_a.out{ending}"]
    assert viewer.get_log_keys_for_log_key_prefix(KEY[:-1], ERR) == [KEY]
    viewer.download_from_cloud_storage(KEY, OUT)
    local = viewer.local_manager.get_captured_local_path(KEY, "out")
    with open(local, "rb") as file:
        assert file.read() == "one\nzwei ü\n".encode()
    writer.delete_logs(prefix=["run1"])
    assert stored_paths(store) == []


@pytest.mark.parametrize("skip", [True, False])
def test_a_step_that_says_nothing_is_seen_as_complete(make_streaming, skip):
    writer, viewer = make_streaming(skip_empty_files=skip), make_streaming("viewer", skip_empty_files=skip)
    finish(writer)
    assert viewer.is_capture_complete(KEY)


def test_capture_goes_through_segments_by_itself(make_streaming, store):
    writer = make_streaming(upload_interval=1)
    with writer.open_log_stream(KEY, ERR) as stream:
        stream.write("working")
        stream.flush()
        writer.on_progress(KEY)
        assert any(path.startswith(f"{FOLDER}/step_a.err.seg/") for path in stored_paths(store))
    assert f"{FOLDER}/step_a.err.zst" in stored_paths(store)
    assert not any(".seg/" in path for path in stored_paths(store))


def test_each_class_reads_what_the_other_has_finished_uncompressed(make_streaming, make):
    first, second = make(local_dir=None), make_streaming(compression="none")
    other = ["run2", "compute_logs", "step_b"]
    finish(make(), b"of the first", b"")
    finish(second, b"of the second", b"", key=other)
    viewer = make_streaming("viewer")
    assert viewer.get_log_data(KEY).stdout == b"of the first"
    assert first.get_log_data(other).stdout == b"of the second"
    write_to(make(local_dir=None), OUT, b"")
    assert first.is_capture_complete(other)


@pytest.mark.parametrize("from_option", [True, False])
def test_a_log_over_the_cap_keeps_head_and_tail(make_streaming, monkeypatch, from_option):
    if not from_option:
        monkeypatch.setenv(CAP, "2000")
    writer = make_streaming(max_log_bytes=2000 if from_option else None)
    viewer = make_streaming("viewer")
    log = b"".join(b"%09d\n" % number for number in range(2000))
    for end in range(1000, len(log) + 1, 1000):
        write_to(writer, OUT, log[:end])
        writer.on_progress(KEY)
    running, cursor = follow(viewer)
    assert running.startswith(log[:1000])
    assert running.endswith(log[-1000:])
    assert b"18000 bytes cut here" in running
    assert cursor == f"{len(log)}:0"
    writer._on_capture_complete(KEY)
    ended, _ = follow(make_streaming("another viewer"))
    assert len(ended) <= 2000
    assert ended.startswith(log[:900])
    assert ended.endswith(log[-900:])


def test_a_cap_smaller_than_the_line_of_a_cut_is_kept(make, monkeypatch):
    monkeypatch.setenv(CAP, "10")
    writer = make()
    finish(writer, b"0123456789abcdef")
    assert writer.get_log_data(KEY).stdout == b"01234bcdef"


def test_a_key_that_is_captured_again_is_followed_again(make_streaming, make, store, tmp_path):
    for writer in (make(local_dir=str(tmp_path / "plain")), make_streaming()):
        for text in ("first", "second"):
            with writer.open_log_stream(KEY, ERR) as stream:
                stream.write(text)
                stream.flush()
                writer.on_progress(KEY)
                viewer = make_streaming(f"viewer {id(writer)} {text}")
                assert viewer.get_log_data(KEY).stderr == text.encode()
                assert not viewer.is_capture_complete(KEY)
        assert viewer.get_log_data(KEY).stderr == b"second"
        writer.delete_logs(log_key=KEY)


# Costs, counted by the server


def test_following_costs_the_log_once_on_either_side(on_s3, server):
    line = b"2026-01-01 00:00:00 +0000 - a line of a log, number %09d\n"
    log = b"".join(line % number for number in range(200_000 // len(line % 0) * 10))
    for kind, options in (
        (RemoteStoreComputeLogManager, {}),
        (StreamingComputeLogManager, {"compression": "none"}),
        (StreamingComputeLogManager, {}),
    ):
        server.objects.clear()
        writer, viewer = on_s3(kind, **options), on_s3(kind, "viewer", **options)
        up = down = polls = 0
        cursor, seen = None, b""
        for turn in range(1, 11):
            write_to(writer, OUT, log[: len(log) * turn // 10])
            server.forget()
            writer.on_progress(KEY)
            up += server.bytes_up
            server.forget()
            while (data := viewer.get_log_data(KEY, cursor, 1_000_000)).cursor != cursor:
                seen += data.stdout or b""
                cursor = data.cursor
            down, polls = down + server.bytes_down, polls + len(server.requests)
        assert seen == log
        assert down <= 1.1 * len(log), (kind, down / len(log))
        if kind is StreamingComputeLogManager:
            assert up <= (1.0 if options else 0.5) * len(log), (options, up / len(log))
        server.forget()
        write_to(writer, ERR, b"end")
        writer._on_capture_complete(KEY)
        finals = [path for method, path in server.requests if method == "PUT"]
        assert len(finals) == 2, server.requests
        assert server.asked("POST", "delete") == 1


@pytest.mark.parametrize("kind", [RemoteStoreComputeLogManager, StreamingComputeLogManager])
def test_a_finished_log_costs_one_ranged_read_for_each_chunk(on_s3, server, kind):
    log = b"a line of a log of a step, and so on\n" * 100_000
    finish(on_s3(kind), log, log[:500_000])
    viewer = on_s3(kind, "viewer")
    viewer.cloud_storage_has_logs(["absent"], ERR)
    server.forget()
    seen, cursor = follow(viewer)
    assert seen == log
    chunks = 4 + 1
    # A compressed log has a table, which is read once.
    tables = 0 if kind is RemoteStoreComputeLogManager else 2
    assert len(server.requests) <= chunks + tables, server.requests
    server.forget()
    assert viewer.get_log_data(KEY, cursor, 1_000_000).stdout == b""
    assert server.requests == []


@pytest.mark.parametrize("kind", [RemoteStoreComputeLogManager, StreamingComputeLogManager])
def test_a_run_of_ten_thousand_steps_is_listed_in_pages_and_deleted_in_bulk(on_s3, server, kind):
    for number in range(10_000):
        for extension in ("out", "err"):
            server.objects[f"bucket/{FOLDER}/step{number:05}.{extension}"] = b"x"
    manager = on_s3(kind)
    server.forget()
    assert len(manager.get_log_keys_for_log_key_prefix(KEY[:-1], ERR)) == 10_000
    assert len(server.requests) == 20
    server.forget()
    manager.delete_logs(prefix=["run1"])
    assert server.objects == {}
    assert server.asked("POST", "delete") == 20
    assert server.asked("DELETE") == 0
    assert len(server.requests) <= 42


# Links


@pytest.mark.parametrize("compression", ["zstd", "none"])
def test_a_link_leads_to_the_finished_log(on_s3, compression):
    manager = on_s3(compression=compression, download_links_ttl_s=60)
    assert manager.download_url_for_type(KEY, OUT) is None
    finish(manager, b"what was said", b"")
    link = manager.get_log_metadata(KEY).stdout_download_url
    assert "X-Amz-Expires=60" in link
    assert "SECRETSECRET" not in link
    assert link.startswith("http://127.0.0.1:")
    with urllib.request.urlopen(link, timeout=30) as answer:  # noqa: S310 - checked above
        content = answer.read()
    assert content == b"what was said" if compression == "none" else content[:4] == b"\x28\xb5\x2f\xfd"
    assert on_s3(place="other").download_url_for_type(KEY, OUT) is None


# Options


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("compression", "gzip", "'zstd' or 'none'"),
        ("compression_level", 23, "from 1 to 22"),
        ("compression_level", 0, "from 1 to 22"),
        ("max_log_bytes", -1, "0 or more"),
        ("max_log_bytes", "1 MB", "whole number"),
        ("max_age_days", 0, "1 or more"),
        ("max_age_days", True, "whole number"),
        ("download_links_ttl_s", 604_801, "from 1 to 604800"),
        ("download_links_ttl_s", 60, "cannot sign links"),
    ],
)
def test_an_option_out_of_range_is_named(option, value, message):
    with pytest.raises(ValueError, match=message) as caught:
        StreamingComputeLogManager("memory", **{option: value})
    assert option in str(caught.value)


def test_the_configuration_is_that_of_the_first_class_and_more():
    first, second = RemoteStoreComputeLogManager.config_type(), StreamingComputeLogManager.config_type()
    for name in set(first) - {"backend_type"}:
        assert first[name].default_value == second[name].default_value, name
    assert set(second) - set(first) == {
        "compression",
        "compression_level",
        "max_log_bytes",
        "max_age_days",
        "download_links_ttl_s",
    }


def test_dagster_yaml_makes_it(tmp_path):
    (tmp_path / "dagster.yaml").write_text(
        "compute_logs:\n"
        "  module: remote_store.ext.dagster\n"
        "  class: StreamingComputeLogManager\n"
        "  config:\n"
        "    backend_type: local\n"
        f"    backend_options: {{root: {tmp_path}/logs}}\n"
        "    compression: none\n"
        "    max_age_days: 30\n"
    )
    script = (
        "import sys; from dagster import DagsterInstance\n"
        "with DagsterInstance.from_config(sys.argv[1]) as instance:\n"
        "    made = instance.compute_log_manager\n"
        "    print(type(made).__name__, made.max_age_days, made.upload_interval)\n"
    )
    made = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, timeout=120, check=True
    )
    assert made.stdout.split() == ["StreamingComputeLogManager", "30", "None"]
