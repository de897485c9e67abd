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


@dataclass(frozen=True, slots=True)
class ContentDigest:
    """A checksum of an object's content, as lower-case hex.

    Raises:
        ValueError: The algorithm is empty or the value is not hex.
    """

    algorithm: str
    value: str

    def __post_init__(self) -> None:
        """Lower-case and check both parts."""
        object.__setattr__(self, "algorithm", self.algorithm.lower())
        object.__setattr__(self, "value", self.value.lower())
        if not self.algorithm:
            raise ValueError("ContentDigest needs the name of an algorithm, e.g. 'sha256'")
        if not _HEX.fullmatch(self.value):
            raise ValueError(f"ContentDigest value must be hex, got {self.value!r}")


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class FolderEntry:
    """A folder in a listing."""

    path: RemotePath
    name: str


@dataclass(frozen=True, slots=True)
class FolderInfo:
    """How many files a folder holds, and how big they are together."""

    path: RemotePath
    file_count: int
    total_size: int
    modified_at: datetime | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @property
    def name(self) -> str:
        """The last segment of the path."""
        return self.path.name


@dataclass(frozen=True, slots=True)
class WriteResult:
    """What a store said about a write; ``source`` tells how much of it the store itself reported."""

    path: RemotePath
    size: int
    source: Literal["basic", "native", "sidecar"] = "basic"
    digest: ContentDigest | None = None
    etag: str | None = None
    version_id: str | None = None
    last_modified: datetime | None = None
    metadata: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class ResolutionPlan:
    """Where a key really lies."""

    kind: str
    backend: str
    key: str
    native_path: str
    details: Mapping[str, Any] = field(default_factory=dict)


def as_write_result(info: FileInfo) -> WriteResult:
    """Tell what is known about a file as a write would have told it."""
    version = info.extra.get("version_id")
    return WriteResult(
        path=info.path,
        size=info.size,
        source="native" if info.etag or version else "basic",
        digest=info.digest,
        etag=info.etag,
        version_id=version,
        last_modified=info.modified_at,
        metadata=info.metadata,
    )
