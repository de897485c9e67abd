"""The rules for user metadata, the same on every backend."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["check_metadata"]

# What S3 allows for all names and values together.
_MAX_BYTES = 2048


def check_metadata(metadata: Mapping[str, str] | None) -> dict[str, str] | None:
    """Copy user metadata that keeps the rules; nothing at all for None or an empty one.

    Raises:
        TypeError: It is no mapping.
        ValueError: A key or value is not text, a key is empty, not ASCII or starts with ``_``, or all
            of it is longer than 2048 bytes.
    """
    if metadata is None:
        return None
    if not isinstance(metadata, Mapping):
        raise TypeError(f"metadata must be a mapping of str to str, got {type(metadata).__name__}")
    for key, value in metadata.items():
        _check_key(key)
        if not isinstance(value, str):
            # A ValueError, as for every other rule of metadata.
            raise ValueError(  # noqa: TRY004
                f"metadata value must be a str, got {type(value).__name__}: {value!r} of {key!r}"
            )
    size = sum(len(key.encode()) + len(value.encode()) for key, value in metadata.items())
    if size > _MAX_BYTES:
        raise ValueError(f"metadata payload exceeds {_MAX_BYTES} bytes: {size} bytes")
    return dict(metadata) or None


def _check_key(key: object) -> None:
    if not isinstance(key, str):
        raise ValueError(f"metadata key must be a str, got {type(key).__name__}: {key!r}")  # noqa: TRY004
    if not key:
        raise ValueError("metadata key must not be empty")
    if not key.isascii():
        raise ValueError(f"metadata key must be ASCII: {key!r}")
    if key.startswith("_"):
        raise ValueError(f"metadata key must not start with underscore: {key!r}")
