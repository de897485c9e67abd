"""``python -m conformance.mutants DAG-005 …``: the tests of these clauses, unmutated and on each mutant.

Prints one line of JSON: by clause, and by the name of the mutant (``""`` is the unmutated package), the
tests that passed, and those that failed or came to no verdict, each with the reason.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

import pytest

from conformance.without_pyarrow import PRELUDE

from . import Mutant, all_mutants

KIT = Path(__file__).resolve().parents[1]


class Verdicts:
    """Runs only the tests of one clause, and notes how they end."""

    def __init__(self, clause: str):
        self.clause = clause
        self.ends: dict[str, list[str]] = {"passed": [], "failed": [], "broken": []}

    def note(self, end, report):
        crash = getattr(report.longrepr, "reprcrash", None)
        reason = "" if crash is None else f": {crash.message.splitlines()[0][:200]}"
        self.ends[end].append(report.nodeid.partition("::")[2] + reason)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items):
        items[:] = [
            item for item in items if any(self.clause in mark.args for mark in item.iter_markers("spec"))
        ]

    def pytest_collectreport(self, report):
        if report.failed:
            self.note("broken", report)

    def pytest_runtest_logreport(self, report):
        if report.when == "call" and report.outcome in {"passed", "failed"}:
            self.note(report.outcome, report)
        elif report.failed and report.when == "setup":
            self.note("broken", report)


# Collecting garbage and old folders after each of many runs would take most of the time.
PLUGINS_LEFT_OUT = ("cacheprovider", "unraisableexception", "threadexception")


def run(clause: str, folder: Path, *, first_failure_is_enough: bool) -> dict[str, list[str]]:
    """How the tests of the clause end in this process as it is now."""
    verdicts = Verdicts(clause)
    options = ["-q", "--no-header", "--tb=line", "--only-backends=memory", f"--basetemp={folder / 'tests'}"]
    options += [f"-pno:{name}" for name in PLUGINS_LEFT_OUT]
    if first_failure_is_enough:
        options.append("-x")
    files = [str(file) for file in sorted(KIT.glob("test_*.py")) if f'"{clause}"' in file.read_text("utf-8")]
    pytest.main([*files, "-c", str(KIT / "pytest.ini"), f"--rootdir={KIT}", *options], plugins=[verdicts])
    return verdicts.ends


def run_mutated(mutant: Mutant, folder: Path) -> dict[str, list[str]]:
    """How they end on a mutant."""
    with pytest.MonkeyPatch.context() as patch:
        if mutant.prelude:
            prelude = folder / f"{mutant.name}.py"
            prelude.write_text(mutant.prelude, encoding="utf-8")
            patch.setenv(PRELUDE, str(prelude))
        mutant.apply(patch)
        return run(mutant.clause, folder, first_failure_is_enough=not mutant.harmless)


def main(clauses: list[str]) -> None:
    # What pytest prints belongs to nobody; the result is the only line of output.
    result = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    ends = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for clause in clauses:
            ends[clause] = {"": run(clause, folder, first_failure_is_enough=False)}
            for mutant in all_mutants():
                if mutant.clause == clause:
                    ends[clause][mutant.name] = run_mutated(mutant, folder)
    with result:
        result.write(json.dumps(ends) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
