"""The test of the tests: every clause has mutants, and its tests catch each of them.

Run it by name, ``python -m pytest tests/conformance/check_mutants.py``: pytest does not collect it otherwise.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from .mutants import all_mutants

CLAUSES = [f"DAG-{number:03}" for number in range(1, 34)]
TIMEOUT_SECONDS = 600


def changes(*, harmless):
    """The mutants, or the changes that change nothing, as parameters of a test."""
    return [
        pytest.param(each.clause, each.name, id=f"{each.clause}-{each.what}")
        for each in all_mutants()
        if each.harmless is harmless
    ]


def outcomes(clauses):
    """What ``python -m conformance.mutants`` says of these clauses."""
    kit = Path(__file__).resolve().parent
    path = os.pathsep.join(filter(None, [str(kit.parent), os.environ.get("PYTHONPATH")]))
    # Where CI is set, pytest explains each failure by a full diff: minutes, for large values.
    quiet = {
        "CI": "",
        "PYTEST_ADDOPTS": "--assert=plain",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "CONFORMANCE_JSON": "",
    }
    done = subprocess.run(
        [sys.executable, "-m", f"{kit.name}.mutants", *clauses],
        env={**os.environ, **quiet, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout)


@pytest.fixture(scope="session")
def ends(request):
    """How the tests of each clause ended, on each mutant; a process for each processor finds out."""
    calls = [item.callspec for item in request.session.items if hasattr(item, "callspec")]
    clauses = sorted({call.params["clause"] for call in calls})
    workers = min(os.cpu_count() or 1, len(clauses))
    found = {}
    with ThreadPoolExecutor(max_workers=workers) as pool:
        for some in pool.map(outcomes, [clauses[number::workers] for number in range(workers)]):
            found.update(some)
    return found


def test_every_clause_has_a_mutant():
    assert sorted({each.clause for each in all_mutants() if not each.harmless}) == CLAUSES


def test_no_two_mutants_of_a_clause_have_one_name():
    names = [(each.clause, each.name) for each in all_mutants()]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("clause", CLAUSES)
def test_the_unmutated_package_passes(ends, clause):
    found = ends[clause][""]
    assert found["passed"], f"no test of {clause} ran"
    assert found["failed"] == found["broken"] == []


@pytest.mark.parametrize(("clause", "name"), changes(harmless=True))
def test_what_changes_nothing_passes(ends, clause, name):
    found = ends[clause][name]
    assert found["passed"]
    assert found["failed"] == found["broken"] == []


@pytest.mark.parametrize(("clause", "name"), changes(harmless=False))
def test_the_mutant_is_caught(ends, clause, name):
    assert ends[clause][name]["failed"], f"{clause} still holds when {name.replace('_', ' ')}"
