"""Checksums of what is stored, computed from the bytes that are read."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

from remote_store._models import ContentDigest

if TYPE_CHECKING:
    from remote_store._core import PathLike
    from remote_store._store import Store

__all__ = ["checksum", "content_digest", "verify", "verify_hex"]

_CHUNK_BYTES = 1024 * 1024


def checksum(store: Store, path: PathLike, algorithm: str = "sha256") -> tuple[str, str]:
    """Compute the checksum of a file, holding one chunk of it in memory.

    Args:
        store: Where it is.
        path: The file.
        algorithm: A name that `hashlib.new` knows.

    Returns:
        The algorithm in lower case, and the checksum as hex.

    Raises:
        NotFound: There is no such file.
        ValueError: There is no such algorithm, or its checksums have no fixed length.

    Examples:
        >>> from remote_store import Store
        >>> from remote_store.backends import MemoryBackend
        >>> store = Store(MemoryBackend())
        >>> _ = store.write("a", b"abc")
        >>> checksum(store, "a", "md5")
        ('md5', '900150983cd24fb0d6963f7d28e17f72')
    """
    hashing = new_hash(algorithm)
    with store.read(path) as file:
        while chunk := file.read(_CHUNK_BYTES):
            hashing.update(chunk)
    return algorithm.lower(), hashing.hexdigest()


def content_digest(store: Store, path: PathLike, algorithm: str = "sha256") -> ContentDigest:
    """Compute the checksum of a file as a `ContentDigest`; otherwise like `checksum`.

    Raises:
        NotFound: There is no such file.
        ValueError: There is no such algorithm.

    Examples:
        >>> from remote_store import Store
        >>> from remote_store.backends import MemoryBackend
        >>> store = Store(MemoryBackend())
        >>> _ = store.write("a", b"abc")
        >>> content_digest(store, "a", "md5")
        ContentDigest(algorithm='md5', value='900150983cd24fb0d6963f7d28e17f72')
    """
    return ContentDigest(*checksum(store, path, algorithm))


def verify(store: Store, path: PathLike, expected: str, algorithm: str = "sha256") -> bool:
    """Say whether a file has the checksum that is expected, in either case of hex.

    Raises:
        NotFound: There is no such file.
        ValueError: There is no such algorithm.
        TypeError: The expected checksum is no text.

    Examples:
        >>> from remote_store import Store
        >>> from remote_store.backends import MemoryBackend
        >>> store = Store(MemoryBackend())
        >>> _ = store.write("a", b"abc")
        >>> verify(store, "a", "900150983CD24FB0D6963F7D28E17F72", "md5"), verify(store, "a", "00")
        (True, False)
    """
    if not isinstance(expected, str):
        raise TypeError(f"expected must be a str of hex, got {type(expected).__name__}")
    _, actual = checksum(store, path, algorithm)
    return hmac.compare_digest(actual.encode(), expected.lower().encode())


def verify_hex(store: Store, path: PathLike, algorithm: str, expected_hex: str) -> bool:
    """Say the same as `verify`, with the arguments in the order in which digests are written.

    Raises:
        NotFound: There is no such file.
        ValueError: There is no such algorithm.
    """
    return verify(store, path, expected_hex, algorithm)


def new_hash(algorithm: str) -> hashlib._Hash:
    """Begin a checksum.

    Raises:
        ValueError: There is no such algorithm, or its checksums have no fixed length.
        TypeError: The name is no text.
    """
    if not isinstance(algorithm, str):
        raise TypeError(f"algorithm must be a str, e.g. 'sha256', got {type(algorithm).__name__}")
    try:
        hashing = hashlib.new(algorithm.lower())
    except ValueError as error:
        known = sorted(name for name in hashlib.algorithms_guaranteed if not name.startswith("shake"))
        raise ValueError(f"unsupported hash type {algorithm}. Choose from: {', '.join(known)}") from error
    if not hashing.digest_size:
        raise ValueError(f"unsupported hash type {algorithm}: its checksums have no fixed length")
    return hashing
