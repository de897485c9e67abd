"""The same table as a pandas DataFrame, a polars DataFrame and a PyArrow Table."""

from __future__ import annotations

import pytest

KINDS = ("pandas", "polars", "pyarrow")
COLUMNS = {"city": ["Köln", "Łódź", None], "people": [1_084_831, 672_185, 0], "share": [0.5, -1.25, 1e300]}


def frame(kind, columns=None):
    """A frame of this kind with these columns; the test is skipped when its library is missing."""
    columns = COLUMNS if columns is None else columns
    reason = f"{kind} is not installed, so its frames are not tried"
    library = pytest.importorskip(kind, reason=reason)
    return library.table(columns) if kind == "pyarrow" else library.DataFrame(columns)


def columns_of(table):
    """The columns of a loaded table, which must be a PyArrow Table."""
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed, so there are no tables")
    assert isinstance(table, pyarrow.Table)
    return table.to_pydict()
