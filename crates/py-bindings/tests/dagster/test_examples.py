"""The examples in the docstrings of ``remote_store.ext.dagster`` run."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import remote_store.ext.dagster as ext

_MODULES = sorted(module.name for module in pkgutil.iter_modules(ext.__path__))


@pytest.mark.parametrize("name", _MODULES)
def test_examples_run(name, monkeypatch):
    pytest.importorskip("pyarrow", reason="tables need pyarrow")
    pytest.importorskip("pandas", reason="frames of pandas")
    monkeypatch.setenv("BUCKET", "lake")
    module = importlib.import_module(f"{ext.__name__}.{name}")
    assert doctest.testmod(module, optionflags=doctest.ELLIPSIS).failed == 0
