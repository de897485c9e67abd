"""Files between a store and the local disk, and between two stores, in bounded memory."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from remote_store.ext.streams import ProgressReader

if TYPE_CHECKING:
    from remote_store._core import PathLike
    from remote_store._store import Store

__all__ = ["download", "transfer", "upload"]

_CHUNK_BYTES = 1024 * 1024


def upload(
    store: Store,
    local_path: str | os.PathLike[str],
    remote_path: PathLike,
    *,
    overwrite: bool = False,
    on_progress: Callable[[int], None] | None = None,
) -> None:
    """Store a local file; it appears whole or not at all.

    Args:
        store: Where it goes.
        local_path: The local file.
        remote_path: Its path in the store.
        overwrite: Whether an existing file is replaced.
        on_progress: Called with the length of each piece; an error in it ends the upload.

    Raises:
        FileNotFoundError: There is no such local file.
        AlreadyExists: There is such a file in the store and ``overwrite`` is false.

    Examples:
        >>> import pathlib, tempfile
        >>> from remote_store import Store, download
        >>> from remote_store.backends import MemoryBackend
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> _ = (folder / "a.txt").write_bytes(b"abc")
        >>> store = Store(MemoryBackend())
        >>> upload(store, folder / "a.txt", "copy.txt")
        >>> download(store, "copy.txt", folder / "b.txt")
        >>> (folder / "b.txt").read_bytes()
        b'abc'
    """
    with Path(local_path).open("rb") as file:
        store.write(remote_path, _watched(file, on_progress), overwrite=overwrite)


def download(
    store: Store,
    remote_path: PathLike,
    local_path: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    on_progress: Callable[[int], None] | None = None,
) -> None:
    """Fetch a file to the local disk; it appears there whole or not at all.

    The bytes go to a hidden file beside, which takes the name when all are there. An existing file
    that is replaced keeps its permissions, and a symbolic link stays one.

    Args:
        store: Where it is.
        remote_path: Its path in the store.
        local_path: The local file; its folder must exist.
        overwrite: Whether an existing file is replaced.
        on_progress: Called with the length of each piece; an error in it ends the download.

    Raises:
        NotFound: There is no such file in the store.
        FileExistsError: There is such a local file and ``overwrite`` is false.
        FileNotFoundError: The local folder does not exist.
        IsADirectoryError: The local path is a folder.
    """
    target = Path(local_path)
    if not overwrite and os.path.lexists(target):
        raise FileExistsError(f"Local file already exists: {target}")
    with store.read(remote_path) as source, _staged(target, overwrite=overwrite) as file:
        while chunk := source.read(_CHUNK_BYTES):
            file.write(chunk)
            if on_progress is not None:
                on_progress(len(chunk))


def transfer(
    src_store: Store,
    src_path: PathLike,
    dst_store: Store,
    dst_path: PathLike,
    *,
    overwrite: bool = False,
    on_progress: Callable[[int], None] | None = None,
) -> None:
    """Copy a file from one store to another; it appears there whole or not at all.

    Args:
        src_store: Where it is.
        src_path: Its path there.
        dst_store: Where it goes.
        dst_path: Its path there.
        overwrite: Whether an existing file is replaced.
        on_progress: Called with the length of each piece; an error in it ends the transfer.

    Raises:
        NotFound: There is no such file.
        AlreadyExists: The destination exists and ``overwrite`` is false.

    Examples:
        >>> from remote_store import Store
        >>> from remote_store.backends import MemoryBackend
        >>> one, other = Store(MemoryBackend()), Store(MemoryBackend())
        >>> _ = one.write("a", b"abc")
        >>> transfer(one, "a", other, "b")
        >>> other.read_bytes("b")
        b'abc'
    """
    with src_store.read(src_path) as source:
        dst_store.write(dst_path, _watched(source, on_progress), overwrite=overwrite)


def _watched(file: BinaryIO, on_progress: Callable[[int], None] | None) -> BinaryIO:
    return file if on_progress is None else cast("BinaryIO", ProgressReader(file, on_progress))


@contextlib.contextmanager
def _staged(target: Path, *, overwrite: bool) -> Iterator[BinaryIO]:
    """Give a file that takes the target's name when the block ends without an error."""
    final = Path(os.path.realpath(target))
    mode = final.stat().st_mode if final.exists() else None
    if mode is not None and stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(target))
    if not final.parent.is_dir():
        # Else the error would name the hidden file.
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(target))
    if mode is not None and not stat.S_ISREG(mode):
        # A pipe or a device has no old content to keep, and must stay what it is.
        with final.open("wb") as file:
            yield file
        return
    hidden = final.with_name(f".{final.name[:200]}.{secrets.token_hex(8)}.part")
    try:
        with hidden.open("xb") as file:
            if mode is not None:
                hidden.chmod(stat.S_IMODE(mode))
            yield file
            file.flush()
            os.fsync(file.fileno())
        _take_name(hidden, final, overwrite=overwrite)
    except BaseException:
        hidden.unlink(missing_ok=True)
        raise


def _take_name(hidden: Path, final: Path, *, overwrite: bool) -> None:
    if overwrite:
        hidden.replace(final)
        return
    try:
        # Unlike a rename, a link never replaces what another process made meanwhile.
        os.link(hidden, final)
    except FileExistsError:
        raise FileExistsError(f"Local file already exists: {final}") from None
    except OSError:
        # A disk without links, e.g. FAT.
        hidden.replace(final)
        return
    hidden.unlink()
