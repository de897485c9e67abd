"""Whoever knows the pure-Python package finds each name, parameter, field and answer here.

Facts of it are recorded in `drop_in/facts-0.33.0.json`; ``python -m drop_in`` records them again, with any
interpreter. What differs on purpose stands, with its reason, in `drop_in/differences.json`, and for users in
`docs/migrating.md`.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from drop_in.comparing import missing, same
from drop_in.recording import MODULES, record

FOLDER = Path(__file__).parent / "drop_in"
FACTS = json.loads((FOLDER / "facts-0.33.0.json").read_text(encoding="utf-8"))
DIFFERENCES = json.loads((FOLDER / "differences.json").read_text(encoding="utf-8"))
REASONS = sorted({*DIFFERENCES["answers"]}.union(*map(dict.values, DIFFERENCES["names"].values())))
MIGRATING = (Path(__file__).parents[2] / "docs/migrating.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def ours():
    return record()


@pytest.mark.parametrize("module", MODULES)
def test_every_name_parameter_field_and_default_is_here(module: str, ours) -> None:
    lacking = set(missing(FACTS["names"][module], ours["names"][module]))
    assert lacking <= set(DIFFERENCES["names"].get(module, {}))


def test_every_call_answers_the_same(ours) -> None:
    different = {
        call: {"theirs": theirs, "ours": ours["answers"][call]}
        for call, theirs in FACTS["answers"].items()
        if not same(theirs, ours["answers"][call])
    }
    allowed = {call for calls in DIFFERENCES["answers"].values() for call in calls}
    unknown = {call: answers for call, answers in different.items() if call not in allowed}
    assert unknown == {}
    # A difference that is none any more leaves the list.
    assert allowed - different.keys() == set()


@pytest.mark.parametrize(
    "reason", [*DIFFERENCES["answers"], *set().union(*map(dict.values, DIFFERENCES["names"].values()))]
)
def test_every_reason_stands_in_the_guide(reason: str) -> None:
    assert reason in re.sub(r"\s+", " ", MIGRATING)


@pytest.mark.parametrize(
    ("theirs", "ours", "expected"),
    [
        ("3", "3", True),
        ("3", "4", False),
        (
            "!! NotFound: File not found: a | path='a'",
            "!! NotFound: File not found: a | path='a' | backend='m'",
            True,
        ),
        ("!! NotFound: File not found: a", "!! NotFound: nothing there", False),
        ("!! NotFound: x", "!! InvalidPath: x", False),
        ("!! NotFound: x", "x", False),
        ("!! AttributeError: no 'read'", "!! TypeError: content must be bytes", True),
        ("!! AttributeError: no 'read'", "!! RuntimeError: ?", False),
        ("[] WARNING one", "[] WARNING two", False),
    ],
)
def test_a_comparison_tells_better_from_other(theirs: str, ours: str, expected: bool) -> None:
    assert same(theirs, ours) is expected
