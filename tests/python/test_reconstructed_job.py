"""A job that Dagster reconstructs from a function: its repository knows no assets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
import pytest

from remote_store.ext.dagster import RemoteStoreIOManager

if TYPE_CHECKING:
    from collections.abc import Callable


@dg.asset
def answer() -> int:
    return 42


def answer_job() -> dg.JobDefinition:
    manager = RemoteStoreIOManager(
        backend_type="local", backend_options={"root": {"env": "STORE_ROOT"}}, serializer="json"
    )
    defs = dg.Definitions(
        assets=[answer],
        jobs=[dg.define_asset_job("answer_job", selection=[answer])],
        resources={"io_manager": manager},
    )
    return defs.resolve_job_def("answer_job")


@pytest.mark.filterwarnings("ignore")  # of Dagster's own
def test_an_asset_of_a_reconstructed_job_is_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORE_ROOT", str(tmp_path / "store"))
    (tmp_path / "home").mkdir()
    recipe: Callable[..., object] = answer_job
    with (
        dg.DagsterInstance.local_temp(str(tmp_path / "home")) as instance,
        dg.execute_job(
            dg.reconstructable(recipe), instance, run_config={"execution": {"config": {"in_process": {}}}}
        ) as result,
    ):
        assert result.success
    assert json.loads((tmp_path / "store" / "answer.json").read_text(encoding="utf-8")) == 42
