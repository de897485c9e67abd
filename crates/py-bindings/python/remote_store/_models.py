"""What a store tells about its files and folders: frozen dataclasses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, Protocol, runtime_checkable

from remote_store._path import RemotePath

__all__ = [
    "ContentDigest",
    "FileInfo",
    "FolderEntry",
    "FolderInfo",
    "PathEntry",
    "ResolutionPlan",
    "WriteResult",
]

# What stands for "the store did not say when".
UNKNOWN_TIME = datetime.min.replace(tzinfo=UTC)

_HEX = re.compile(r"[0-9a-f]+")


@runtime_checkable
class PathEntry(Protocol):
    """What `Store.iter_children` yields: a file or a folder, with a path and a name."""

    @property
    def path(self) -> RemotePath:
        """The path relative to the store."""
        ...

    @property
    def name(self) -> str:
        """The last segment of the path."""
        ...


@dataclass(frozen=True)
class ContentDigest:
    """A checksum of an object's content, as lower-case hex.

    Raises:
        ValueError: The algorithm is empty or the value is not hex.
        TypeError: One of them is no text.
    """

    algorithm: str
    value: str

    def __post_init__(self) -> None:
        """Lower-case and check both parts."""
        for name in ("algorithm", "value"):
            part = getattr(self, name)
            if not isinstance(part, str):
                raise TypeError(f"{name} must be a str, got {type(part).__name__}")
            if not part.strip():
                raise ValueError(f"{name} must not be empty")
            object.__setattr__(self, name, part.lower())
        if not _HEX.fullmatch(self.value):
            raise ValueError(f"value must be hexadecimal, got {self.value!r}")


@dataclass(frozen=True)
class FileInfo:
    """A file: equal and hashed by its path. An unknown time is ``datetime.min`` in UTC."""

    path: RemotePath
    name: str = field(compare=False)
    size: int = field(compare=False)
    modified_at: datetime = field(compare=False)
    digest: ContentDigest | None = field(default=None, compare=False)
    etag: str | None = field(default=None, compare=False)
    content_type: str | None = field(default=None, compare=False)
    metadata: Mapping[str, str] | None = field(default=None, compare=False)
    extra: Mapping[str, Any] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class FolderEntry:
    """A folder in a listing: equal and hashed by its path."""

    path: RemotePath
    name: str = field(compare=False)


@dataclass(frozen=True)
class FolderInfo:
    """How many files a folder holds, and how big they are together: equal and hashed by its path."""

    path: RemotePath
    file_count: int = field(compare=False)
    total_size: int = field(compare=False)
    modified_at: datetime | None = field(default=None, compare=False)
    extra: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @property
    def name(self) -> str:
        """The last segment of the path."""
        return self.path.name


@dataclass(frozen=True)
class WriteResult:
    """What a store said about a write; ``source`` tells how much of it the store itself reported."""

    path: RemotePath
    size: int
    source: Literal["basic", "native", "sidecar"] = "basic"
    digest: ContentDigest | None = None
    etag: str | None = None
    version_id: str | None = None
    last_modified: datetime | None = None
    # A mapping has no hash; equality looks at it all the same.
    metadata: Mapping[str, str] | None = field(default=None, hash=False)


@dataclass(frozen=True)
class ResolutionPlan:
    """Where a key really lies."""

    kind: str
    backend: str
    key: str
    native_path: str
    details: Mapping[str, Any] = field(default_factory=dict, hash=False)


def as_write_result(info: FileInfo) -> WriteResult:
    """Tell what is known about a file as a write would have told it; `sidecar` marks it as asked later."""
    version = info.extra.get("version_id")
    return WriteResult(
        path=info.path,
        size=info.size,
        source="sidecar",
        digest=info.digest,
        etag=info.etag,
        version_id=version,
        last_modified=info.modified_at,
        metadata=info.metadata,
    )
