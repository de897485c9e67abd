"""Paths inside a store."""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn

from remote_store._errors import InvalidPath

__all__ = ["RemotePath"]


class RemotePath:
    r"""A normalised, validated path relative to the root of a store.

    Backslashes become ``/``; empty and ``.`` segments and outer slashes are dropped.

    Args:
        raw: The path as text.

    Raises:
        InvalidPath: The path has a NUL character or a ``..`` segment, or nothing is left of it.
        TypeError: The path is not a string.

    Examples:
        >>> path = RemotePath("/data//2024\\orders.parquet")
        >>> str(path), path.name, path.suffix, str(path.parent)
        ('data/2024/orders.parquet', 'orders.parquet', '.parquet', 'data/2024')
        >>> RemotePath("../etc/passwd")
        Traceback (most recent call last):
        ...
        remote_store._errors.InvalidPath: Path contains '..' segment | path='../etc/passwd'
    """

    __slots__ = ("_text",)

    ROOT: ClassVar[RemotePath]
    _text: str

    def __init__(self, raw: str) -> None:
        if not isinstance(raw, str):
            raise TypeError(f"RemotePath expects a str, got {type(raw).__name__}")
        text = normalize(raw)
        if not text:
            raise InvalidPath("Path is empty after normalization", path=raw)
        object.__setattr__(self, "_text", text)

    @classmethod
    def from_backend_path(cls, path: str) -> RemotePath:
        """Take a path that a backend lists; unlike the constructor, an empty one is the root.

        Raises:
            InvalidPath: The path has a NUL character or a ``..`` segment.
        """
        return cls._trusted(normalize(path))

    @classmethod
    def _trusted(cls, text: str) -> RemotePath:
        """Wrap a path that is already normalised; ``""`` is the root."""
        made = object.__new__(cls)
        object.__setattr__(made, "_text", text)
        return made

    @property
    def name(self) -> str:
        """The last segment; ``.`` for the root."""
        return str(self).rpartition("/")[2]

    @property
    def parent(self) -> RemotePath | None:
        """The path without its last segment; None when there was only one."""
        above = self._text.rpartition("/")[0]
        return self._trusted(above) if above else None

    @property
    def parts(self) -> tuple[str, ...]:
        """The segments; ``.`` is the only one of the root."""
        return tuple(str(self).split("/"))

    @property
    def suffix(self) -> str:
        """The extension of the name with its dot, or ``""``."""
        name = self.name
        dot = name.rfind(".")
        return name[dot:] if dot > 0 else ""

    def as_posix(self) -> str:
        """Return the path as text with forward slashes."""
        return str(self)

    def __truediv__(self, other: str | RemotePath) -> RemotePath:
        return RemotePath(f"{self._text}/{other}")

    def __str__(self) -> str:
        return self._text or "."

    def __repr__(self) -> str:
        return f"RemotePath({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return self._text == other._text if isinstance(other, RemotePath) else NotImplemented

    def __hash__(self) -> int:
        return hash((RemotePath, self._text))

    def __lt__(self, other: object) -> bool:
        return self._text < other._text if isinstance(other, RemotePath) else NotImplemented

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"RemotePath is immutable: cannot set {name!r}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"RemotePath is immutable: cannot delete {name!r}")

    def __reduce__(self) -> tuple[Any, ...]:
        return (RemotePath._trusted, (self._text,))


RemotePath.ROOT = RemotePath._trusted("")  # noqa: SLF001 - the one place outside the class body


def normalize(path: str) -> str:
    """Normalise a path; the result is ``""`` for the root.

    Raises:
        InvalidPath: The path has a NUL character or a ``..`` segment.
    """
    if "\0" in path:
        raise InvalidPath("Path contains null byte", path=path)
    segments = [part for part in path.replace("\\", "/").split("/") if part not in {"", "."}]
    if ".." in segments:
        raise InvalidPath("Path contains '..' segment", path=path)
    return "/".join(segments)


def join(root: str, key: str) -> str:
    """Join two normalised paths, each of which may be the root."""
    return f"{root}/{key}" if root and key else root or key
