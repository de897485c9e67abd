"""Paths of Hive style, made and taken apart."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remote_store import ParsedPartition, RemotePath, Store, parse_partition, partition_path

PART = st.text(min_size=1, max_size=12).filter(lambda text: not set(text) & set("/\\\0="))


@given(
    filename=PART.filter(lambda name: name not in {".", ".."}),
    partitions=st.dictionaries(PART, PART, max_size=4),
)
@settings(max_examples=100, deadline=None)
def test_what_is_made_is_taken_apart_again(filename: str, partitions: dict[str, str]) -> None:
    path = partition_path(filename, **partitions)
    assert parse_partition(path) == ParsedPartition(partitions, filename)


def test_a_path_can_be_written_and_read(store: Store) -> None:
    path = partition_path("data.bin", year=2024, month="01")
    store.write(path, b"1")
    (info,) = store.list_files("", recursive=True)
    assert parse_partition(info.path) == ParsedPartition({"year": "2024", "month": "01"}, "data.bin")


@pytest.mark.parametrize(
    ("path", "partitions", "filename"),
    [
        ("year=2024/month=01/f", {"year": "2024", "month": "01"}, "f"),
        ("f", {}, "f"),
        ("a/year=1/f", {}, "a/year=1/f"),
        ("year=1", {"year": "1"}, ""),
        ("year=1/", {"year": "1"}, ""),
        ("a=b=c/f", {}, "a=b=c/f"),
        ("=x/f", {}, "=x/f"),
        ("x=/f", {"x": ""}, "f"),
        ("/", {}, "/"),
        ("a=1/a=2/f", {"a": "2"}, "f"),
        ("a=1//f", {"a": "1"}, "/f"),
        ("a=1/x/b=2/f", {"a": "1"}, "x/b=2/f"),
        (RemotePath("a=1/f"), {"a": "1"}, "f"),
    ],
)
def test_the_first_other_segment_begins_the_file_name(path, partitions, filename) -> None:
    assert parse_partition(path) == ParsedPartition(partitions, filename)


@pytest.mark.parametrize(
    ("filename", "partitions", "message"),
    [
        ("", {"a": 1}, "filename must be non-empty"),
        ("a/b", {}, "filename must not contain '/': 'a/b'"),
        ("..", {}, "filename must not be '..'"),
        ("f", {"a": ""}, "partition value for 'a' must be non-empty"),
        ("f", {"a": "x=y"}, "partition value for 'a' must not contain '=': 'x=y'"),
        ("f", {"a": "x/y"}, "partition value for 'a' must not contain '/': 'x/y'"),
        ("f", {"a": "x\\y"}, "partition value for 'a' must not contain a backslash"),
        ("f", {"a": "x\0"}, "partition value for 'a' must not contain a NUL"),
        ("f", {"a=b": 1}, "partition key must not contain '=': 'a=b'"),
        ("f", {"a/b": 1}, "partition key must not contain '/': 'a/b'"),
        ("f", {"": 1}, "partition key must be non-empty"),
    ],
)
def test_a_part_that_could_not_be_read_back_is_refused(filename, partitions, message) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        partition_path(filename, **partitions)


def test_wrong_types_are_named() -> None:
    with pytest.raises(TypeError, match="filename must be a str, got int"):
        partition_path(3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="path must be a str or RemotePath, got int"):
        parse_partition(3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="path must be non-empty"):
        parse_partition("")
