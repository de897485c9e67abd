"""The examples of the README run."""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path

import pytest

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)


def installed(package: str) -> bool:
    try:
        metadata.version(package)
    except metadata.PackageNotFoundError:
        return False
    return True


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_an_example_runs(number: int, tmp_path: Path) -> None:
    code = EXAMPLES[number].replace("/tmp/lake", str(tmp_path))
    for package in ("dagster", "pyarrow"):
        # Not importorskip: the folder tests/dagster would pass for the package.
        if f"import {package}" in code and not installed(package):
            pytest.skip(reason=f"this example uses {package}")
    exec(compile(code, f"README.md, example {number}", "exec"), {})  # noqa: S102


def test_there_are_examples() -> None:
    assert len(EXAMPLES) == 3
