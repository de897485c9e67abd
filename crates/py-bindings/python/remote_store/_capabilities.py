"""What a backend can do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum
from typing import Any, NoReturn

from remote_store._errors import CapabilityNotSupported

__all__ = ["Capability", "CapabilitySet"]


class Capability(Enum):
    """One thing that a backend can do."""

    READ = "read"
    WRITE = "write"
    DELETE = "delete"
    LIST = "list"
    GLOB = "glob"
    MOVE = "move"
    COPY = "copy"
    ATOMIC_WRITE = "atomic_write"
    ATOMIC_MOVE = "atomic_move"
    METADATA = "metadata"
    USER_METADATA = "user_metadata"
    SEEKABLE_READ = "seekable_read"
    LAZY_READ = "lazy_read"
    WRITE_RESULT_NATIVE = "write_result_native"


class CapabilitySet:
    """An immutable set of capabilities, iterated in the order of `Capability`.

    Args:
        capabilities: The members.

    Examples:
        >>> able = CapabilitySet({Capability.READ, Capability.LIST})
        >>> able.supports(Capability.READ), Capability.GLOB in able, len(able)
        (True, False, 2)
        >>> able.require(Capability.GLOB)
        Traceback (most recent call last):
        ...
        remote_store._errors.CapabilityNotSupported: Capability 'glob' is not supported...
    """

    __slots__ = ("_members",)

    _members: frozenset[Capability]

    def __init__(self, capabilities: Iterable[Capability] = ()) -> None:
        members = frozenset(capabilities)
        for member in members:
            if not isinstance(member, Capability):
                raise TypeError(f"capabilities must be members of Capability, got {member!r}")
        object.__setattr__(self, "_members", members)

    def supports(self, cap: Capability) -> bool:
        """Say whether the capability is in the set."""
        return cap in self._members

    def require(self, cap: Capability, *, backend: str = "") -> None:
        """Insist on a capability.

        Raises:
            CapabilityNotSupported: It is not in the set.
        """
        if cap not in self._members:
            supported = sorted(member.value for member in self._members)
            raise CapabilityNotSupported(
                f"Capability '{_value(cap)}' is not supported. Supported: {supported}",
                backend=backend or None,
                capability=_value(cap),
            )

    def __contains__(self, capability: object) -> bool:
        return capability in self._members

    def __iter__(self) -> Iterator[Capability]:
        return (member for member in Capability if member in self._members)

    def __len__(self) -> int:
        return len(self._members)

    def __eq__(self, other: object) -> bool:
        return self._members == other._members if isinstance(other, CapabilitySet) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._members)

    def __repr__(self) -> str:
        return f"CapabilitySet({{{', '.join(sorted(member.name for member in self))}}})"

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"CapabilitySet is immutable; cannot set {name!r}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"CapabilitySet is immutable; cannot delete {name!r}")

    def __reduce__(self) -> tuple[Any, ...]:
        return (CapabilitySet, (tuple(self),))


def _value(capability: object) -> str:
    """Name a capability in a message, whatever was given for one."""
    return str(capability.value if isinstance(capability, Capability) else capability)
