"""What viewers of a log see, and what it costs: our manager beside Dagster's base class."""

from __future__ import annotations

import pytest
from captures import ERR, FOLDER, KEY, OUT, finish, local_files, write_to

LINE = b"a line of the log, of which there are many\n"
TEXT = "aü€🦀" * 12

# 5. Costs


def test_what_did_not_change_is_not_uploaded_again(side):
    manager = side.manager()
    write_to(manager, ERR, b"one")
    manager.on_progress(KEY)
    side.server.forget()
    for _ in range(5):
        manager.on_progress(KEY)
    with side.keeps("a silent step costs no upload"):
        assert side.server.asked("PUT") == 0
        # Nor any other request.
        assert side.server.requests == []
    write_to(manager, ERR, b"two", mode="ab")
    manager.on_progress(KEY)
    assert side.stored(f"{FOLDER}/step_a.err.partial") == b"onetwo"


def test_a_viewer_of_a_running_step_fetches_each_byte_once(side):
    writer, viewer = side.manager(), side.manager("viewer")
    seen, cursor = b"", None
    for _ in range(20):
        write_to(writer, OUT, LINE * 1000, mode="ab")
        writer.on_progress(KEY)
        data = viewer.get_log_data(KEY, cursor, max_bytes=1_000_000)
        seen, cursor = seen + (data.stdout or b""), data.cursor
    write_to(writer, OUT, b"the end\n", mode="ab")
    writer._on_capture_complete(KEY)
    data = viewer.get_log_data(KEY, cursor, max_bytes=1_000_000)
    seen += data.stdout
    assert seen == LINE * 20_000 + b"the end\n"
    with side.keeps("the cost of a live tail grows with the log, not with its square"):
        assert side.server.bytes_down < 1.1 * len(seen)
        assert not local_files(viewer)


def test_a_viewer_of_a_finished_log_asks_once_for_each_chunk(side):
    log = LINE * 20_000
    finish(side.manager(), log, log)
    viewer = side.manager("viewer")
    side.server.forget()
    data = viewer.get_log_data(KEY, max_bytes=100_000)
    with side.keeps("the first chunk of both streams costs two requests for as much"):
        assert [method for method, _ in side.server.requests] == ["GET", "GET"]
        assert side.server.bytes_down < 2.1 * 100_000
        assert local_files(viewer) == []
    seen = data.stderr
    for _ in range(8):
        data = viewer.get_log_data(KEY, data.cursor, max_bytes=100_000)
        assert data.stdout == data.stderr
        seen += data.stderr
    assert seen == log
    assert side.server.bytes_down < 1.1 * len(log + log)
    assert len(side.server.requests) <= 2 * 9


# 12. Text


@pytest.mark.parametrize("size", [1, 3, 7, 64])
def test_a_character_is_never_split_between_chunks(side, size):
    side.put(f"{FOLDER}/step_a.err", TEXT.encode())
    viewer = side.manager("viewer")
    seen, cursor, sizes = "", None, []
    while True:
        data = viewer.get_log_data(KEY, cursor, max_bytes=size)
        if not data.stderr:
            break
        sizes.append(len(data.stderr))
        # As Dagster's web server does it.
        seen += data.stderr.decode("utf-8", errors="replace")
        cursor = data.cursor
    with side.keeps("what is read in chunks is the text"):
        assert seen == TEXT
        assert min(sizes[:-1]) >= size


def test_a_character_of_which_half_is_written_waits(side):
    manager = side.manager()
    write_to(manager, ERR, "für".encode()[:2])
    first = manager.get_log_data(KEY, max_bytes=100)
    write_to(manager, ERR, "für".encode())
    second = manager.get_log_data(KEY, first.cursor, max_bytes=100)
    with side.keeps("half a character is not shown"):
        assert (first.stderr.decode(errors="replace"), second.stderr.decode(errors="replace")) == ("f", "ür")


def test_an_invalid_byte_does_not_break_the_page_of_a_backfill(side):
    side.put("dagster/storage/backfill/bf/1.err", b"caf\xe9\nnext")
    manager = side.manager()
    with side.keeps("a line that is no UTF-8 is shown", raising=UnicodeDecodeError):
        lines, _ = manager.read_log_lines_for_log_key_prefix(["backfill", "bf"], None, ERR)
        assert lines == ["caf\N{REPLACEMENT CHARACTER}", "next"]
