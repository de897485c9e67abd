"""Where a log may be cut so that its text stays text."""

from __future__ import annotations

__all__ = ["BYTES_BEHIND_A_CUT", "displayable", "up_to_character"]

# A UTF-8 character that begins before a cut ends at most this many bytes behind it.
BYTES_BEHIND_A_CUT = 3


def up_to_character(data: bytes, limit: int | None, *, ended: bool) -> bytes:
    r"""Cut data at the end of the character that reaches or crosses the limit.

    Never shorter than the limit when there is as much: Dagster's subscription takes a chunk that
    is shorter for the end of the log. A character whose rest is not written yet waits for it.

    Args:
        data: Bytes of a log; up to `BYTES_BEHIND_A_CUT` more than the limit.
        limit: How many are wanted; None for all.
        ended: Whether the log ends where the data ends.

    Examples:
        >>> up_to_character("für".encode(), 2, ended=False).decode()
        'fü'
        >>> up_to_character("für".encode()[:2], None, ended=False)
        b'f'
        >>> up_to_character("für".encode()[:2], None, ended=True)
        b'f\xc3'
    """
    if limit is not None and len(data) > limit:
        cut = limit
        while cut < len(data) and _is_continuation(data[cut]) and cut < limit + BYTES_BEHIND_A_CUT:
            cut += 1
        return data[:cut]
    return data if ended else data[: len(data) - _unfinished(data)]


def displayable(data: bytes) -> bytes:
    r"""Replace what is not UTF-8, for the versions of Dagster that decode strictly.

    Examples:
        >>> displayable(b"ok \xff").decode()
        'ok �'
    """
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("utf-8", errors="replace").encode("utf-8")
    return data


def _is_continuation(byte: int) -> bool:
    return 0x80 <= byte < 0xC0  # noqa: PLR2004 - 10xxxxxx, by the definition of UTF-8


def _unfinished(data: bytes) -> int:
    """Count the bytes at the end that begin a character whose rest is to come."""
    for length in range(1, min(BYTES_BEHIND_A_CUT, len(data)) + 1):
        if not _is_continuation(data[-length]):
            try:
                data[-length:].decode("utf-8")
            except UnicodeDecodeError as error:
                return length if error.reason == "unexpected end of data" else 0
            return 0
    return 0
