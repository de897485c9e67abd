"""The Python of the documentation pages runs."""

import contextvars
import re
from importlib.util import find_spec
from pathlib import Path

import pytest

# Not importorskip: the folder tests/dagster would pass for the package.
pytestmark = pytest.mark.skipif(
    not (find_spec("dagster._core") if find_spec("dagster") else None) or not find_spec("pyarrow"),
    reason="the pages show Dagster and PyArrow too",
)

DOCS = Path(__file__).parents[3] / "docs"


def blocks(page):
    return re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("page", "count"), [("cache-and-observe.md", 4), ("arrow.md", 1)])
def test_every_block_of_a_page_runs(page, count):
    found = blocks(page)
    assert len(found) == count
    for number, block in enumerate(found):
        code = compile(block, f"{page}, block {number}", "exec")
        # In a context of its own: a correlation id is set on the page.
        contextvars.copy_context().run(exec, code, {"__name__": "page"})
