"""Writes that say the checksum of what was written, computed on the way."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from remote_store import _streams
from remote_store._capabilities import Capability
from remote_store._core import PathLike, as_text
from remote_store._metadata import check_metadata
from remote_store._models import ContentDigest, WriteResult
from remote_store._path import RemotePath
from remote_store._store import native_core
from remote_store.ext.integrity import new_hash
from remote_store.ext.streams import ChecksumReader, ChecksumWriter

if TYPE_CHECKING:
    from remote_store._store import Store

__all__ = ["HashingAtomicWriter", "open_atomic_with_hash", "write_with_hash"]

# What a store that takes metadata only in `write` gets is collected first: in memory up to here.
_SPOOL_BYTES = 8 * 1024 * 1024


class HashingAtomicWriter(ChecksumWriter):
    """The file that `open_atomic_with_hash` gives.

    Attributes:
        result: What was written, once the ``with`` block has ended without an error.
    """

    def __init__(self, inner: BinaryIO, algorithm: str = "sha256") -> None:
        super().__init__(inner, algorithm)
        self.result: WriteResult | None = None
        self._bytes_written = 0

    def _seen(self, data: memoryview) -> None:
        super()._seen(data)
        self._bytes_written += len(data)


def write_with_hash(
    store: Store,
    path: PathLike,
    content: BinaryIO | bytes,
    *,
    algorithm: str = "sha256",
    overwrite: bool = False,
    metadata: Mapping[str, str] | None = None,
) -> WriteResult:
    """Write a file and compute its checksum on the way.

    Args:
        store: Where it goes.
        path: The file.
        content: Bytes (or a bytearray or memoryview), or an open binary file, which is read once.
        algorithm: A name that `hashlib.new` knows.
        overwrite: Whether an existing file is replaced.
        metadata: User metadata of the file.

    Returns:
        What the store said about the write, with the checksum as ``digest``.

    Raises:
        AlreadyExists: There is such a file and ``overwrite`` is false.
        ValueError: There is no such algorithm.
        TypeError: The content is text.

    Examples:
        >>> from remote_store import Store
        >>> from remote_store.backends import MemoryBackend
        >>> write_with_hash(Store(MemoryBackend()), "a", b"abc", algorithm="md5").digest
        ContentDigest(algorithm='md5', value='900150983cd24fb0d6963f7d28e17f72')
    """
    given: Any = content
    if isinstance(given, str):
        raise TypeError("content must be bytes or a binary file, got str; encode it first")
    if hasattr(given, "read"):
        reader = ChecksumReader(given, algorithm)
        result = store.write(path, cast("BinaryIO", reader), overwrite=overwrite, metadata=metadata)
        return replace(result, digest=ContentDigest(algorithm, reader.hexdigest()))
    hashing = new_hash(algorithm)
    hashing.update(given)
    result = store.write(path, given, overwrite=overwrite, metadata=metadata)
    return replace(result, digest=ContentDigest(algorithm, hashing.hexdigest()))


@contextlib.contextmanager
def open_atomic_with_hash(
    store: Store,
    path: PathLike,
    *,
    algorithm: str = "sha256",
    overwrite: bool = False,
    metadata: Mapping[str, str] | None = None,
) -> Iterator[HashingAtomicWriter]:
    """Open a file for writing that appears when the ``with`` block ends without an error.

    Args:
        store: Where it goes.
        path: The file.
        algorithm: A name that `hashlib.new` knows.
        overwrite: Whether an existing file is replaced.
        metadata: User metadata of the file.

    Yields:
        The file; its ``result`` is there after the block, with the checksum as ``digest``.

    Raises:
        CapabilityNotSupported: The backend cannot do it, or keeps no metadata.
        AlreadyExists: There is such a file and ``overwrite`` is false.
        ValueError: There is no such algorithm.

    Examples:
        >>> from remote_store import Store
        >>> from remote_store.backends import MemoryBackend
        >>> with open_atomic_with_hash(Store(MemoryBackend()), "a", algorithm="md5") as file:
        ...     _ = file.write(b"abc")
        >>> file.result.size, file.result.digest.value
        (3, '900150983cd24fb0d6963f7d28e17f72')
    """
    new_hash(algorithm)
    checked = check_metadata(metadata)
    with _opened(store, as_text(path), overwrite, checked) as inner:
        writer = HashingAtomicWriter(inner, algorithm)
        yield writer
    writer.result = WriteResult(
        path=RemotePath(as_text(path)),
        size=writer._bytes_written,  # noqa: SLF001 - our own
        digest=ContentDigest(algorithm, writer.hexdigest()),
        metadata=checked,
    )


@contextlib.contextmanager
def _opened(store: Store, path: str, overwrite: bool, metadata: dict[str, str] | None) -> Iterator[BinaryIO]:
    if not metadata:
        with store.open_atomic(path, overwrite=overwrite) as file:
            yield file
        return
    core = native_core(store)
    if core is not None and store.supports(Capability.USER_METADATA):
        with _streams.open_atomic(lambda: core.open_write(path, overwrite, metadata)) as file:
            yield file
        return
    import tempfile

    with tempfile.SpooledTemporaryFile(_SPOOL_BYTES) as spool:
        yield cast("BinaryIO", spool)
        spool.seek(0)
        store.write_atomic(path, cast("BinaryIO", spool), overwrite=overwrite, metadata=metadata)
