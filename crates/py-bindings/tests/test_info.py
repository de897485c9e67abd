"""What an installation says about itself."""

from __future__ import annotations

import importlib
import sys

import pytest

from remote_store import Backend, __version__, info


def test_every_backend_is_named_with_its_class() -> None:
    about = info()
    assert about["version"] == __version__
    assert {"local", "memory", "s3", "azure", "gcs"} <= about["backends"].keys()
    for entry in about["backends"].values():
        assert entry["available"] is True
        module, _, name = str(entry["class"]).rpartition(".")
        made = getattr(importlib.import_module(module), name)
        assert issubclass(made, Backend) or callable(made)


def test_extensions_that_need_nothing_are_there() -> None:
    extensions = info()["extensions"]
    for name in ("batch", "glob", "integrity", "partition", "streams", "transfer", "write"):
        assert extensions[name] == {"available": True, "extras": None}
        importlib.import_module(f"remote_store.ext.{name}")


@pytest.mark.parametrize(
    ("package", "extension", "extra"), [("pyarrow", "parquet", "arrow"), ("dagster", "dagster", "dagster")]
)
def test_an_extension_without_its_package_is_not_available(monkeypatch, package, extension, extra) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    assert info()["extensions"][extension] == {"available": False, "extras": extra}
