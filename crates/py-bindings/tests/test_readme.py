"""The examples of the README run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_an_example_runs(number: int, tmp_path: Path) -> None:
    code = EXAMPLES[number].replace("/tmp/lake", str(tmp_path))
    for package in ("dagster", "pyarrow"):
        if f"import {package}" in code:
            pytest.importorskip(package, reason=f"this example uses {package}")
    exec(compile(code, f"README.md, example {number}", "exec"), {})  # noqa: S102


def test_there_are_examples() -> None:
    assert len(EXAMPLES) == 3
