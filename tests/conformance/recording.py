"""Watching a method of a real object: every call is written down and then made."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Call:
    """One call."""

    args: tuple[Any, ...]
    options: dict[str, Any]

    @property
    def path(self) -> str:
        """What every method of a store takes first."""
        return str(self.args[0] if self.args else self.options["path"])


@dataclass
class Watched:
    """The calls so far."""

    calls: list[Call] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.calls)

    @property
    def paths(self) -> list[str]:
        """The paths of the calls."""
        return [call.path for call in self.calls]


def watch(monkeypatch, target, name):
    """Record the calls of ``target.name``, a method of an object or a function of a module."""
    original = getattr(target, name)
    watched = Watched()

    def recorded(*args, **options):
        watched.calls.append(Call(args, options))
        return original(*args, **options)

    monkeypatch.setattr(target, name, recorded)
    return watched


def watch_method(monkeypatch, owner, name):
    """Record the calls of a method on every instance of the class ``owner``; the first argument is it."""
    original = getattr(owner, name)
    watched = Watched()

    def recorded(self, *args, **options):
        watched.calls.append(Call((self, *args), options))
        return original(self, *args, **options)

    monkeypatch.setattr(owner, name, recorded)
    return watched
