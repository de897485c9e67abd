"""The manifest of a dataset: its form on storage, and the errors of reading it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from remote_store._errors import RemoteStoreError

__all__ = ["DatasetIncomplete", "DatasetManifest", "ManifestCorrupted"]

_OPTIONAL = {"run_id", "metadata"}


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

    def to_json(self) -> bytes:
        """Write the manifest as it lies on storage."""
        fields = {name: value for name, value in asdict(self).items() if value is not None}
        return json.dumps(fields, sort_keys=True, indent=2).encode()

    @classmethod
    def from_json(cls, data: bytes, *, path: str, backend: str | None = None) -> DatasetManifest:
        """Read a manifest; names that are newer than this version are ignored.

        Raises:
            ManifestCorrupted: It is no manifest; the reason is named.
        """
        try:
            fields = json.loads(data)
            reason = _fault(fields)
        except ValueError as error:
            reason = f"not JSON: {error}"
        if reason is not None:
            raise ManifestCorrupted(
                f"Manifest cannot be read: {path}", path=path, backend=backend, reason=reason
            )
        known = {name: fields[name] for name in cls.__dataclass_fields__ if name in fields}
        return cls(**{**known, "parts": tuple(fields["parts"])})


def _fault(fields: object) -> str | None:
    """Say what is wrong with the fields of a manifest."""
    if not isinstance(fields, dict):
        return "not a JSON object"
    for name in DatasetManifest.__dataclass_fields__:
        if name not in fields and name not in _OPTIONAL:
            return f"'{name}' is missing"
    parts = fields["parts"]
    if not isinstance(parts, list) or not all(_is_name(part) for part in parts):
        return "'parts' is not a list of file names"
    if not isinstance(fields["row_count"], int):
        return "'row_count' is not a number"
    return None


def _is_name(part: object) -> bool:
    """Keep a manifest from naming files outside its dataset."""
    return isinstance(part, str) and bool(part) and ".." not in part.split("/") and not part.startswith("/")
