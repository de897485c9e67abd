"""Plausible wrong implementations: each breaks one clause of the installed ``remote_store``, and no more.

They bite through what the specification names (methods, factories, the store that an implementation is
given), so that they work whatever language the policy behind these names is written in.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass

import pytest


@dataclass(frozen=True)
class Mutant:
    """One wrong implementation."""

    clause: str
    name: str
    # Changes the installed package, and back.
    apply: Callable[[pytest.MonkeyPatch], None]
    # Python for the process in which pyarrow is missing, where ``ext`` is the module.
    prelude: str = ""
    # Set for a change that changes nothing: the tests must still pass.
    harmless: bool = False

    @property
    def what(self) -> str:
        """What it does wrong, as its name says."""
        return self.name.replace("_", " ")


NOUNS = (
    "serializers",
    "paths",
    "io_managers",
    "resources",
    "datasets",
    "several_partitions",
    "log_managers",
    "log_streams",
    "log_folders",
    "masking",
    "nothing_changed",
)
MUTANTS: list[Mutant] = []


def mutant(clause: str) -> Callable[[Callable[[pytest.MonkeyPatch], None]], None]:
    """Note a wrong implementation of a clause; the name of the function says what it does."""

    def note(apply: Callable[[pytest.MonkeyPatch], None]) -> None:
        MUTANTS.append(Mutant(clause, apply.__name__, apply))

    return note


def harmless(*clauses: str) -> Callable[[Callable[[pytest.MonkeyPatch], None]], None]:
    """Note a way in that changes nothing, for these clauses: it shows that mutants fail for what they do."""

    def note(apply: Callable[[pytest.MonkeyPatch], None]) -> None:
        MUTANTS.extend(Mutant(clause, apply.__name__, apply, harmless=True) for clause in clauses)

    return note


def mutant_without_pyarrow(clause: str, name: str, prelude: str) -> None:
    """Note a wrong implementation that shows only where pyarrow is missing."""
    MUTANTS.append(Mutant(clause, name, lambda _patch: None, prelude))


def all_mutants() -> list[Mutant]:
    """Every mutant, by clause."""
    for noun in NOUNS:
        importlib.import_module(f".{noun}", __name__)
    return sorted(MUTANTS, key=lambda each: each.clause)
