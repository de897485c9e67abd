"""The rules for user metadata, the same on every backend."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["check_metadata"]

# What S3 allows for all names and values together.
_MAX_BYTES = 2048


def check_metadata(metadata: Mapping[str, str] | None) -> dict[str, str] | None:
    """Copy user metadata that keeps the rules; nothing at all for None.

    Raises:
        ValueError: A key or value is not text, a key is empty, not ASCII or starts with ``_``, or all
            of it is longer than 2048 bytes.
    """
    if metadata is None:
        return None
    for key, value in metadata.items():
        if not all(isinstance(part, str) for part in (key, value)):
            raise ValueError(
                f"Metadata must map str to str, got {type(key).__name__} to {type(value).__name__}"
            )
        if not key or not key.isascii() or key.startswith("_"):
            raise ValueError(f"Metadata key {key!r} must be non-empty ASCII and not start with '_'")
    size = sum(len(key.encode()) + len(value.encode()) for key, value in metadata.items())
    if size > _MAX_BYTES:
        raise ValueError(f"Metadata is {size} bytes long; at most {_MAX_BYTES} are allowed")
    return dict(metadata)
