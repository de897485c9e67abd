"""Fixtures of the kit, its choice of backends, and the plugin that writes the proofs down."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
from pathlib import Path

import pytest

from . import backends
from .log_managers import LogManagers

# Absent when the kit was copied alone: then the tests run, and no proofs are written.
PLUGIN = Path(__file__).parents[2] / "xtask" / "python" / "conformance_plugin.py"


def pytest_addoption(parser, pluginmanager):
    group = parser.getgroup("conformance kit")
    group.addoption(
        "--only-backends", default=None, metavar="NAMES", help="of the configured backends, only these"
    )
    group.addoption(
        "--conformance-json",
        default=None,
        metavar="PATH",
        help="write the proofs here",
    )
    if PLUGIN.exists() and not pluginmanager.has_plugin("conformance_plugin"):
        if str(PLUGIN.parent) not in sys.path:
            sys.path.append(str(PLUGIN.parent))
        pluginmanager.import_plugin("conformance_plugin")


def pytest_configure(config):
    # A shell's background job starts with SIGINT ignored; Dagster ends its helpers with that signal.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    target = config.getoption("--conformance-json")
    if target is None:
        return
    if not config.pluginmanager.has_plugin("conformance_plugin"):
        raise pytest.UsageError(f"--conformance-json needs the plugin {PLUGIN}, which is not there")
    os.environ["CONFORMANCE_JSON"] = target


def pytest_report_header(config):
    return f"remote-store backends: {', '.join(chosen(config))}"


def chosen(config):
    """The configured backends, or those of them that ``--only-backends`` names."""
    names = backends.configured()
    only = config.getoption("--only-backends")
    if only is None:
        return names
    unknown = set(only.split(",")) - set(names)
    if unknown:
        raise pytest.UsageError(f"--only-backends: {sorted(unknown)} not among the configured {names}")
    return [name for name in names if name in only.split(",")]


def pytest_generate_tests(metafunc):
    if "backend" in metafunc.fixturenames:
        metafunc.parametrize("backend", chosen(metafunc.config), indirect=True)


@pytest.fixture
def backend(request, tmp_path):
    """A new, empty place on each configured backend."""
    made = backends.place(request.param, tmp_path / "store")
    yield made
    if made.root_path:
        # A service is shared: leave it as it was found.
        left = made.open()
        for info in list(left.list_files("", recursive=True)):
            left.delete(str(info.path), missing_ok=True)
        left.close()


@pytest.fixture
def store(backend):
    """A store on each configured backend."""
    made = backend.open()
    yield made
    with contextlib.suppress(Exception):
        made.close()


@pytest.fixture
def managers(monkeypatch, store, tmp_path):
    """Makes compute log managers over ``store``, each with a local folder of its own."""
    made = LogManagers(monkeypatch, store, tmp_path)
    yield made
    made.dispose()


@pytest.fixture(autouse=True)
def _quiet_dagster():
    logging.getLogger("dagster").setLevel(logging.CRITICAL)
