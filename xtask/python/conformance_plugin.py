"""A pytest plugin that writes down which clause each test proves, on which backend, and how it ended.

Load it with ``-p conformance_plugin``. With ``CONFORMANCE_JSON`` in the environment the proofs go
there when the session ends; ``--clause DAG-020`` runs only the tests of that clause.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

PROPERTY_CLAUSE = "spec_clause"
PROPERTY_BACKEND = "spec_backend"
# What pytest says for us when a skip gives no reason.
NO_REASON = {"", "unconditional skip"}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--clause``."""
    parser.addoption("--clause", default=None, help="run only the tests of this clause, or of `any`")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker and the collector."""
    config.addinivalue_line("markers", "spec(clause, ...): the clauses (DAG-0nn) that this test proves")
    config.pluginmanager.register(Collector(), "conformance-collector")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Note clauses and backend on each test, and keep those that were asked for."""
    wanted = config.getoption("--clause")
    kept = []
    for item in items:
        clauses = sorted({clause for mark in item.iter_markers("spec") for clause in mark.args})
        item.user_properties.extend((PROPERTY_CLAUSE, clause) for clause in clauses)
        backend = backend_of(item)
        if backend is not None:
            item.user_properties.append((PROPERTY_BACKEND, backend))
        if wanted is None or wanted in clauses or (wanted == "any" and clauses):
            kept.append(item)
    if len(kept) < len(items):
        config.hook.pytest_deselected(items=[item for item in items if item not in kept])
        items[:] = kept


def backend_of(item: pytest.Item) -> str | None:
    """The value of the parameter ``backend``, as it stands in the test's id."""
    callspec = getattr(item, "callspec", None)
    if callspec is None or "backend" not in callspec.params:
        return None
    value = callspec.params["backend"]
    if isinstance(value, str):
        return value
    # A fixture's parameter may be an object; then its id is what a person reads.
    position = list(callspec.params).index("backend")
    ids = list(callspec._idlist)  # noqa: SLF001 - pytest has no public way to one parameter's id
    return str(ids[position]) if position < len(ids) else None


class Collector:
    """Gathers the reports; works under xdist too, since properties travel with the reports."""

    def __init__(self) -> None:
        """Start with no proof."""
        self.proofs: dict[str, dict[str, object]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the worst of set-up, call and tear-down."""
        clauses = [str(value) for name, value in report.user_properties if name == PROPERTY_CLAUSE]
        if not clauses:
            return
        outcome, reason = outcome_of(report)
        if report.when != "call" and outcome == "passed":
            return
        known = self.proofs.get(report.nodeid)
        if known is not None and known["outcome"] == "failed":
            return
        backends = sorted({str(value) for name, value in report.user_properties if name == PROPERTY_BACKEND})
        self.proofs[report.nodeid] = {
            "clauses": clauses,
            "test": report.nodeid,
            "backends": backends,
            "outcome": outcome,
            "reason": reason,
        }

    def pytest_sessionfinish(self) -> None:
        """Write the file; under xdist only the controller has the reports."""
        target = os.environ.get("CONFORMANCE_JSON")
        if target and "PYTEST_XDIST_WORKER" not in os.environ:
            Path(target).write_text(json.dumps(list(self.proofs.values()), indent=1), encoding="utf-8")


def outcome_of(report: pytest.TestReport) -> tuple[str, str | None]:
    """The outcome and, for a skip, the reason that was given."""
    expected_failure = getattr(report, "wasxfail", None)
    if expected_failure is not None:
        # A test that is expected to fail proves nothing, whichever way it ends.
        return "skipped", expected_failure.removeprefix("reason: ") or None
    if report.outcome != "skipped":
        return report.outcome, None
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    reason = text.removeprefix("Skipped: ").strip()
    return "skipped", None if reason in NO_REASON else reason
