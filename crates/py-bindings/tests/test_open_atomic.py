"""Files that are written through `open_atomic`: sent while they are written, or anew when somebody goes back."""

from __future__ import annotations

import io
import struct
import tempfile
import wave
from unittest import mock

import pytest

from remote_store import AlreadyExists, Store, _streams


def test_a_beginning_is_written_over_at_the_end(store: Store) -> None:
    with store.open_atomic("header") as file:
        assert file.seekable()
        file.write(b"????" + b"x" * 3_000_000)
        file.seek(0)
        file.write(struct.pack("<I", 3_000_000))
        file.seek(0, io.SEEK_END)
        file.write(b"end")
    content = store.read_bytes("header")
    assert content == struct.pack("<I", 3_000_000) + b"x" * 3_000_000 + b"end"


def test_what_was_written_is_read_back_before_it_is_there(memory: Store) -> None:
    with memory.open_atomic("a") as file:
        file.write(b"0123456789")
        file.seek(2)
        assert file.read(3) == b"234"
        file.seek(0, io.SEEK_END)
        file.write(b"!")
        assert not memory.exists("a")
    assert memory.read_bytes("a") == b"0123456789!"


def test_a_hole_is_zeros_and_truncating_cuts(memory: Store) -> None:
    with memory.open_atomic("hole") as file:
        file.seek(3)
        file.write(b"1")
    assert memory.read_bytes("hole") == b"\0\0\0001"
    with memory.open_atomic("cut") as file:
        file.write(b"0123456789")
        assert file.truncate(4) == 4
    assert memory.read_bytes("cut") == b"0123"


def test_a_format_that_goes_back_is_written_whole(memory: Store) -> None:
    with memory.open_atomic("sound.wav") as file, wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(b"\1\0" * 800)
    with memory.read("sound.wav") as stored, wave.open(stored, "rb") as sound:
        assert sound.getnframes() == 800


def test_a_block_that_fails_after_going_back_leaves_the_old_file(store: Store) -> None:
    store.write("a", b"old")
    with pytest.raises(ZeroDivisionError), store.open_atomic("a", overwrite=True) as file:  # noqa: PT012 - all of it is the block
        file.write(b"new")
        file.seek(0)
        file.write(b"N")
        file.flush()
        raise ZeroDivisionError
    assert store.read_bytes("a") == b"old"
    assert [info.name for info in store.list_files("")] == ["a"]


def test_a_file_that_appeared_meanwhile_is_not_replaced_by_one_sent_anew(memory: Store) -> None:
    with pytest.raises(AlreadyExists), memory.open_atomic("a") as file:  # noqa: PT012 - all of it is the block
        file.write(b"mine")
        file.seek(0)
        file.write(b"M")
        memory.write("a", b"theirs")
    assert memory.read_bytes("a") == b"theirs"


def test_what_is_written_in_order_is_sent_once() -> None:
    writer = mock.Mock()
    with _streams.open_atomic(lambda: writer) as file:
        for _ in range(4):
            file.write(b"x" * 1_000_000)
    assert sum(len(call.args[0]) for call in writer.write.call_args_list) == 4_000_000
    assert writer.finish.call_count == 1


def test_whoever_promises_to_write_in_order_keeps_no_copy() -> None:
    writer = mock.Mock()
    with (
        mock.patch.object(tempfile, "SpooledTemporaryFile", wraps=tempfile.SpooledTemporaryFile) as spools,
        _streams.open_atomic(lambda: writer) as file,
    ):
        _streams.promise_sequential(file)
        file.write(b"x" * 3_000_000)
        with pytest.raises(io.UnsupportedOperation, match=r"beginning to its end|not seekable"):
            file.seek(0)
    assert spools.call_count == 1
    assert sum(len(call.args[0]) for call in writer.write.call_args_list) == 3_000_000
