"""Files that report progress or compute a checksum, and checksums of what is stored."""

from __future__ import annotations

import csv
import hashlib
import io
import pickle
import zipfile
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remote_store import (
    ChecksumReader,
    ChecksumWriter,
    ContentDigest,
    NotFound,
    ProgressReader,
    ProgressWriter,
    Store,
    checksum,
    content_digest,
    read_with_progress,
    verify,
    verify_hex,
)

TEXT = b"one\ntwo\nthree"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


WAYS_TO_READ = {
    "read": lambda file: file.read(),
    "read in pieces": lambda file: b"".join(iter(lambda: file.read(4), b"")),
    "read1": lambda file: b"".join(iter(lambda: file.read1(4), b"")),
    "readline": lambda file: b"".join(iter(file.readline, b"")),
    "readlines": lambda file: b"".join(file.readlines()),
    "lines": b"".join,
    "readinto": lambda file: b"".join(iter(lambda: _into(file), b"")),
    "text": lambda file: io.TextIOWrapper(file, newline="").read().encode(),
}


def _into(file) -> bytes:
    buffer = bytearray(5)
    return bytes(buffer[: file.readinto(buffer)])


@pytest.mark.parametrize("way", WAYS_TO_READ.values(), ids=WAYS_TO_READ)
class TestReading:
    def test_every_way_is_counted(self, way) -> None:
        lengths: list[int] = []
        assert way(ProgressReader(io.BytesIO(TEXT), lengths.append)) == TEXT
        assert sum(lengths) == len(TEXT)
        assert 0 not in lengths

    def test_every_way_is_in_the_checksum(self, way) -> None:
        file = ChecksumReader(io.BytesIO(TEXT), "SHA256")
        assert way(file) == TEXT
        assert (file.algorithm, file.hexdigest()) == ("sha256", sha256(TEXT))


def test_readlines_stops_at_its_hint() -> None:
    assert ProgressReader(io.BytesIO(TEXT), lambda _: None).readlines(5) == [b"one\n", b"two\n"]


@given(
    data=st.binary(max_size=60), moves=st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20)), max_size=8)
)
@settings(max_examples=100, deadline=None)
def test_a_checksum_after_seeking_is_right_or_refused(data: bytes, moves: list[tuple[int, int]]) -> None:
    file = ChecksumReader(io.BytesIO(data))
    for position, length in moves:
        file.seek(min(position, len(data)))
        file.read(length)
    file.seek(0)
    file.read()
    try:
        assert file.hexdigest() == sha256(data)
    except ValueError as error:
        assert "skipped by seek" in str(error)  # noqa: PT017 - either is right, which one depends on the moves


def test_finding_the_size_first_leaves_the_checksum_right() -> None:
    inner = io.BytesIO(b"head" + TEXT)
    inner.seek(4)
    file = ChecksumReader(inner)
    file.seek(0, io.SEEK_END)
    file.seek(4)
    assert file.read() == TEXT
    assert file.hexdigest() == sha256(TEXT)


def test_skipped_bytes_leave_no_checksum() -> None:
    file = ChecksumReader(io.BytesIO(TEXT))
    file.seek(4)
    file.read()
    with pytest.raises(ValueError, match="no sha256 of the file: bytes were skipped"):
        file.hexdigest()


@pytest.mark.parametrize(
    "piece", [b"abc", bytearray(b"abc"), memoryview(b"abc"), memoryview(b"xaxbxcx")[1::2].tobytes()]
)
def test_writing_is_counted_and_in_the_checksum(piece) -> None:
    lengths: list[int] = []
    inner = io.BytesIO()
    counted = ProgressWriter(inner, lengths.append)
    summed = ChecksumWriter(counted)  # type: ignore[arg-type]
    assert summed.write(piece) == 3
    summed.writelines([b"de", b"f"])
    summed.flush()
    assert (inner.getvalue(), lengths, summed.hexdigest()) == (b"abcdef", [3, 2, 1], sha256(b"abcdef"))


def test_what_a_raw_file_did_not_take_is_not_in_the_checksum() -> None:
    raw = mock.Mock(spec=io.RawIOBase)
    raw.write.return_value = 2
    file = ChecksumWriter(raw)
    assert file.write(b"abc") == 2
    assert file.hexdigest() == sha256(b"ab")


def test_a_failed_write_is_not_in_the_checksum() -> None:
    file = ChecksumWriter(mock.Mock(**{"write.side_effect": OSError("disk full")}))
    with pytest.raises(OSError, match="disk full"):
        file.write(b"abc")
    assert file.hexdigest() == sha256(b"")


def test_taking_bytes_back_is_refused_where_a_checksum_is_computed() -> None:
    file = ChecksumWriter(io.BytesIO())
    assert not file.seekable()
    for call in (lambda: file.seek(0), lambda: file.truncate(0)):
        with pytest.raises(io.UnsupportedOperation, match="checksum"):
            call()


def test_an_archive_can_be_written_through() -> None:
    inner = io.BytesIO()
    summed = ChecksumWriter(inner)
    with zipfile.ZipFile(summed, "w") as archive:  # type: ignore[arg-type]
        archive.writestr("a.txt", "abc")
    assert summed.hexdigest() == sha256(inner.getvalue())
    assert zipfile.ZipFile(inner).read("a.txt") == b"abc"


def test_text_is_refused_where_bytes_go() -> None:
    for file in (ProgressWriter(io.BytesIO(), lambda _: None), ChecksumWriter(io.BytesIO())):
        with pytest.raises(TypeError):
            file.write("abc")  # type: ignore[arg-type]


def test_the_rest_is_the_inner_files() -> None:
    inner = io.BytesIO(TEXT)
    with ProgressReader(inner, lambda _: None) as file:
        assert (file.readable(), file.seekable(), file.tell(), file.closed) == (True, True, 0, False)
        with pytest.raises(io.UnsupportedOperation):
            file.fileno()
    assert (inner.closed, file.closed) == (True, True)
    with pytest.raises(ValueError, match="closed file"):
        file.read()


def test_copying_an_unfinished_wrapper_ends() -> None:
    # `pickle` asks a bare instance for its methods before it has an inner file.
    with pytest.raises((AttributeError, TypeError, pickle.PicklingError)):
        _ = ProgressReader.__new__(ProgressReader).name


class TestOverAStore:
    def test_a_file_is_read_with_progress(self, store: Store) -> None:
        store.write("a.csv", b"x,y\n1,2\n")
        lengths: list[int] = []
        with read_with_progress(store, "a.csv", lengths.append) as file:
            assert list(csv.reader(line.decode() for line in file)) == [["x", "y"], ["1", "2"]]
        assert sum(lengths) == 8

    def test_a_missing_file_is_not_found(self, store: Store) -> None:
        for call in (lambda: read_with_progress(store, "zz", print), lambda: checksum(store, "zz")):
            with pytest.raises(NotFound, match="File not found"):
                call()

    def test_checksums_are_those_of_the_content(self, store: Store) -> None:
        content = bytes(range(256)) * 9000
        store.write("a", content)
        assert checksum(store, "a") == ("sha256", sha256(content))
        assert checksum(store, "a", "MD5")[0] == "md5"
        assert content_digest(store, "a", "SHA1") == ContentDigest("sha1", hashlib.sha1(content).hexdigest())  # noqa: S324
        for expected in (sha256(content), sha256(content).upper()):
            assert verify(store, "a", expected)
            assert verify_hex(store, "a", "sha256", expected)
        for expected in (sha256(b"other"), "", "x", "é"):
            assert not verify(store, "a", expected)

    @pytest.mark.parametrize(
        ("algorithm", "kind", "message"),
        [
            ("nope", ValueError, "unsupported hash type nope. Choose from: blake2b"),
            ("shake_128", ValueError, "unsupported hash type shake_128: its checksums have no fixed length"),
            ("", ValueError, "unsupported hash type"),
            (3, TypeError, "algorithm must be a str, e.g. 'sha256', got int"),
        ],
    )
    def test_an_unknown_algorithm_is_named_before_anything_is_read(self, algorithm, kind, message) -> None:
        store = mock.MagicMock(spec=Store)
        for call in (
            lambda: checksum(store, "a", algorithm),
            lambda: ChecksumReader(io.BytesIO(), algorithm),
            lambda: ChecksumWriter(io.BytesIO(), algorithm),
        ):
            with pytest.raises(kind, match=message):
                call()
        assert store.mock_calls == []

    def test_the_expected_checksum_is_text(self, memory: Store) -> None:
        with pytest.raises(TypeError, match="expected must be a str of hex, got NoneType"):
            verify(memory, "a", None)  # type: ignore[arg-type]
