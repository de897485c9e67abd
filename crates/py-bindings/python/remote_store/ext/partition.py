"""Paths of Hive style, ``year=2024/month=01/data.parquet``: made and taken apart."""

from __future__ import annotations

from dataclasses import dataclass

from remote_store._core import PathLike, as_text

__all__ = ["ParsedPartition", "parse_partition", "partition_path"]

# A store takes both slashes for the end of a segment and refuses NUL.
_FORBIDDEN = {"/": "'/'", "\\": "a backslash", "\0": "a NUL character"}


@dataclass(frozen=True)
class ParsedPartition:
    """The parts of a path.

    Args:
        partitions: The values by key, in the order of the path.
        filename: What follows them.
    """

    partitions: dict[str, str]
    filename: str


def partition_path(filename: str, /, **partitions: str | int) -> str:
    """Make a path of partition values and a file name.

    Args:
        filename: The last segment.
        **partitions: Key and value of each folder, outermost first.

    Returns:
        The path, which `parse_partition` takes apart again.

    Raises:
        ValueError: A part is empty, has a ``/`` in it, or a key or value has a ``=``.
        TypeError: The file name is no text.

    Examples:
        >>> partition_path("data.parquet", year=2024, month="01")
        'year=2024/month=01/data.parquet'
        >>> partition_path("data.parquet", region="eu/west")
        Traceback (most recent call last):
        ...
        ValueError: partition value for 'region' must not contain '/': 'eu/west'
    """
    if not isinstance(filename, str):
        raise TypeError(f"filename must be a str, got {type(filename).__name__}")
    _check("filename", filename)
    if filename in {".", ".."}:
        raise ValueError(f"filename must not be {filename!r}")
    segments = [_segment(key, value) for key, value in partitions.items()]
    return "/".join([*segments, filename])


def parse_partition(path: PathLike) -> ParsedPartition:
    """Take a path apart; the first segment that is not ``key=value`` begins the file name.

    Args:
        path: The path.

    Returns:
        The partition values and the rest. Values are text, as they stand in the path.

    Raises:
        ValueError: The path is empty.
        TypeError: The path is no text.

    Examples:
        >>> parse_partition("year=2024/month=01/data.parquet")
        ParsedPartition(partitions={'year': '2024', 'month': '01'}, filename='data.parquet')
        >>> parse_partition("plain.csv").partitions
        {}
    """
    text = as_text(path)
    if not text:
        raise ValueError("path must be non-empty")
    segments = text.split("/")
    partitions: dict[str, str] = {}
    for used, segment in enumerate(segments):
        key, equals, value = segment.partition("=")
        if not key or not equals or "=" in value:
            return ParsedPartition(partitions, "/".join(segments[used:]))
        partitions[key] = value
    return ParsedPartition(partitions, "")


def _segment(key: str, value: str | int) -> str:
    text = str(value)
    for what, part in (("partition key", key), (f"partition value for {key!r}", text)):
        _check(what, part)
        if "=" in part:
            raise ValueError(f"{what} must not contain '=': {part!r}")
    return f"{key}={text}"


def _check(what: str, part: str) -> None:
    if not part:
        raise ValueError(f"{what} must be non-empty")
    for character, name in _FORBIDDEN.items():
        if character in part:
            raise ValueError(f"{what} must not contain {name}: {part!r}")
