"""The manifest of a dataset: its form on storage, and the errors of reading it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from remote_store._errors import AlreadyExists, Conflict, NotFound, RemoteStoreError

# The native side looks up the errors of datasets here.
__all__ = [
    "AlreadyExists",
    "Conflict",
    "DatasetIncomplete",
    "DatasetManifest",
    "ManifestCorrupted",
    "NotFound",
]


class DatasetIncomplete(RemoteStoreError):  # noqa: N818 - the drop-in name
    """A dataset was begun and not committed, or a part that its manifest names is missing."""


class ManifestCorrupted(RemoteStoreError):  # noqa: N818 - the drop-in name
    """The manifest of a dataset cannot be understood.

    Args:
        message: What happened.
        path: Where the manifest lies.
        backend: The name of the backend.
        reason: What is wrong with it.
    """

    def __init__(
        self,
        message: str = "",
        *,
        path: str | None = None,
        backend: str | None = None,
        reason: str | None = None,
    ) -> None:
        super().__init__(message, path=path, backend=backend)
        self.reason = reason

    def _fields(self) -> list[tuple[str, str | None]]:
        return [*super()._fields(), ("reason", self.reason)]


@dataclass(frozen=True)
class DatasetManifest:
    """What a committed dataset consists of."""

    dataset_key: str
    parts: tuple[str, ...]
    row_count: int
    schema_hash: str
    compression: str
    created_at_utc: str
    run_id: str | None = None
    metadata: Mapping[str, Any] | None = None
    partition_cols: tuple[str, ...] = ()

    @classmethod
    def from_checked_json(cls, text: bytes) -> DatasetManifest:
        """Take over a manifest that the native side has checked."""
        told = json.loads(text)
        known = {field.name for field in fields(cls)}
        values = {name: value for name, value in told.items() if name in known}
        values["partition_cols"] = tuple(column["name"] for column in told.get("partition_columns") or ())
        return cls(**{**values, "parts": tuple(told["parts"])})
