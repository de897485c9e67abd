"""What is known of a filesystem of fsspec: what it can do, and what its entries say."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from remote_store._capabilities import Capability, CapabilitySet
from remote_store._models import UNKNOWN_TIME

__all__ = ["Placing", "capabilities", "etag", "modified_at", "placing", "protocols"]

_READING = frozenset({Capability.READ, Capability.METADATA, Capability.LAZY_READ})
_WRITING = frozenset({Capability.WRITE, Capability.DELETE, Capability.MOVE, Capability.COPY})

# Where a rename replaces the target in one step.
_RENAMES = frozenset({"file", "local", "sftp", "ssh"})
# Where one call puts a whole object, which nobody sees before.
_WHOLE = frozenset({"memory", "s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "oss"})
# Nothing can be written there, whatever the class offers.
_READ_ONLY = frozenset(
    {
        "http", "https", "data", "github", "git", "gist", "zip", "tar", "libarchive", "reference", "jlab",
        "jupyter",
    }
)  # fmt: skip
# There a listing is a guess out of a page, and seeking depends on the server.
_WEB = frozenset({"http", "https"})
_UNLISTED = _WEB | {"data"}

_MODIFIED = ("mtime", "modified", "last_modified", "LastModified", "updated", "modify", "created")
_ETAG = ("ETag", "etag", "e_tag")
_STAMP = re.compile(r"\d{14}(\.\d+)?")


class Placing(Enum):
    """How an object gets its name."""

    RENAME = "rename"
    WHOLE = "whole"
    PLAIN = "plain"


def protocols(fs: Any) -> tuple[str, ...]:
    """Return the names of a filesystem; those of the inner one for a folder of another."""
    inner = getattr(fs, "fs", None)
    if "dir" in _names(fs) and inner is not None:
        return protocols(inner)
    return _names(fs)


def _names(fs: Any) -> tuple[str, ...]:
    named = getattr(fs, "protocol", "")
    return (named,) if isinstance(named, str) else tuple(named)


def placing(names: Iterable[str]) -> Placing:
    """Say how the filesystem of these names puts an object in its place."""
    known = set(names)
    if known & _RENAMES:
        return Placing.RENAME
    return Placing.WHOLE if known & _WHOLE else Placing.PLAIN


def capabilities(names: Iterable[str]) -> CapabilitySet:
    """Say what the filesystem of these names can do; nothing is claimed that it may not keep."""
    known = set(names)
    able = set(_READING)
    if not known & _WEB:
        able.add(Capability.SEEKABLE_READ)
    if not known & _UNLISTED:
        able |= {Capability.LIST, Capability.GLOB}
    if not known & _READ_ONLY:
        able |= _WRITING
        how = placing(known)
        if how is not Placing.PLAIN:
            able.add(Capability.ATOMIC_WRITE)
        if how is Placing.RENAME:
            able.add(Capability.ATOMIC_MOVE)
    return CapabilitySet(able)


def etag(entry: Mapping[str, Any]) -> str | None:
    """Return the tag of an entry, under whatever name it stands."""
    return next((str(entry[name]) for name in _ETAG if entry.get(name)), None)


def modified_at(entry: Mapping[str, Any]) -> datetime:
    """Return the time of an entry, under whatever name and in whatever form it stands."""
    for name in _MODIFIED:
        found = _time(entry.get(name))
        if found is not None:
            return found
    return UNKNOWN_TIME


def _time(value: object) -> datetime | None:
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return datetime.fromtimestamp(value, UTC)
    if not isinstance(value, str):
        return None
    if _STAMP.fullmatch(value):  # FTP: 20240131120000
        value = f"{value[:8]}T{value[8:14]}"
    try:
        return _time(datetime.fromisoformat(value))
    except ValueError:
        return None
