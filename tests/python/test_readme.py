"""The Python and YAML blocks of the README do what the README says."""

from __future__ import annotations

import json
import re
from pathlib import Path

import dagster as dg
import pytest

from remote_store.ext.dagster import RemoteStoreComputeLogManager

README = Path(__file__).parents[2] / "README.md"


def block(language: str) -> str:
    """The only block of this language."""
    found = re.findall(
        rf"^```{language}\n(.*?)^```", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    assert len(found) == 1
    return str(found[0])


def test_definitions_store_the_asset_where_the_readme_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAREHOUSE", str(tmp_path))
    names: dict[str, object] = {"__name__": "definitions"}
    exec(compile(block("python"), str(README), "exec"), names)  # noqa: S102 - it is our own README
    defs = names["defs"]
    assert isinstance(defs, dg.Definitions)
    assert defs.resolve_implicit_global_asset_job_def().execute_in_process().success
    stored = tmp_path / "production" / "orders.json"
    assert json.loads(stored.read_text(encoding="utf-8")) == {"books": 3, "pens": 4}


def test_dagster_yaml_gives_the_compute_log_manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAREHOUSE", str(tmp_path / "warehouse"))
    (tmp_path / "dagster.yaml").write_text(block("yaml"), encoding="utf-8")
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        manager = instance.compute_log_manager
        assert isinstance(manager, RemoteStoreComputeLogManager)
        assert manager.upload_interval == 30
