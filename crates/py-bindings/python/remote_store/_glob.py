"""Shell patterns over whole paths."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterator, Sequence

from remote_store._models import FileInfo
from remote_store._path import normalize

__all__ = ["Plan", "match_files", "name_matches"]

_MAGIC = re.compile(r"[*?\[]")


def name_matches(name: str, pattern: str | None) -> bool:
    """Say whether a name is one that a listing asks for: all are, when it has no pattern."""
    return pattern is None or fnmatch.fnmatchcase(name, pattern)


def match_files(
    pattern: str, list_below: Callable[[str, int | None], Iterator[FileInfo]]
) -> Iterator[FileInfo]:
    """List the files whose path matches; only the folder before the first wildcard is listed.

    Args:
        pattern: ``*``, ``?`` and ``[…]`` stay within a segment, ``**`` crosses segments.
        list_below: Lists the files below a folder, down to so many levels, or all.

    Raises:
        InvalidPath: The pattern leaves the root.
        TypeError: The pattern is no text.
        ValueError: ``**`` is a part of a segment only, as in ``**.csv``.
    """
    plan = Plan(pattern)
    for info in list_below(plan.folder, plan.depth):
        if plan.matches(info):
            yield info


class Plan:
    """What is to be listed for a pattern, and which of it matches.

    Raises:
        InvalidPath: The pattern leaves the root.
        TypeError: The pattern is no text.
        ValueError: ``**`` is a part of a segment only, as in ``**.csv``.
    """

    def __init__(self, pattern: str) -> None:
        if not isinstance(pattern, str):
            raise TypeError(f"pattern must be a str, got {type(pattern).__name__}")
        self._segments = segments = normalize(pattern).split("/")
        for segment in segments:
            # Taken as `*`, it would leave out the files of the folders that it is meant to cross.
            if "**" in segment and segment != "**":
                meant = f"**/{segment.replace('**', '*')}"
                message = f"'**' must be a complete segment of a pattern, got {segment!r} in {pattern!r}"
                raise ValueError(f"{message}; write {meant!r} to cross folders, '*' to stay in one")
        literal = 0
        while literal < len(segments) - 1 and not _MAGIC.search(segments[literal]):
            literal += 1
        self.folder = "/".join(segments[:literal])
        self.depth = None if "**" in segments else len(segments) - literal - 1

    def matches(self, info: FileInfo) -> bool:
        """Say whether the whole path matches."""
        return _matches(info.path.parts, self._segments)


def _matches(parts: Sequence[str], segments: Sequence[str]) -> bool:
    """Match segment by segment; the set holds how many parts each way of matching has used."""
    used = {0}
    for segment in segments:
        if segment == "**":
            used = set(range(min(used), len(parts) + 1))
        else:
            used = {n + 1 for n in used if n < len(parts) and fnmatch.fnmatchcase(parts[n], segment)}
        if not used:
            return False
    return len(parts) in used
