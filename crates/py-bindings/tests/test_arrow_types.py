r"""Every Arrow type: what pyarrow would write and read back comes back from us; the page of it.

``docs/arrow-types.md`` is made of what is found here. When it is out of date::

    REMOTE_STORE_UPDATE_DOCS=1 python -m pytest -c crates/py-bindings/pyproject.toml \
        crates/py-bindings/tests/test_arrow_types.py
"""

from __future__ import annotations

import datetime as dt
import decimal
import io
import os
from pathlib import Path

import pytest

from remote_store._native import parquet as native

pa = pytest.importorskip("pyarrow", reason="tables need pyarrow")
pq = pytest.importorskip("pyarrow.parquet", reason="tables need pyarrow")
_dagster = pytest.importorskip("remote_store.ext.dagster", reason="the serializer needs Dagster")
ParquetSerializer = _dagster.ParquetSerializer

PAGE = Path(__file__).parents[3] / "docs" / "arrow-types.md"
UPDATE = "REMOTE_STORE_UPDATE_DOCS"

NOW = dt.datetime(2024, 2, 29, 12, 30, 15)  # noqa: DTZ001 - naive and aware are both tested
AWARE = NOW.replace(tzinfo=dt.UTC)
D = decimal.Decimal


def categories(values, *, ordered=False):
    return pa.DictionaryArray.from_arrays(pa.array([2, 0, None], pa.int8()), values, ordered=ordered)


ARRAYS = [
    pa.nulls(3),
    pa.array([True, None, False]),
    *(
        pa.array([1, None, 3], getattr(pa, f"{kind}{bits}")())
        for kind in ("int", "uint")
        for bits in (8, 16, 32, 64)
    ),
    pa.array([1.5, None, -2.0], pa.float32()).cast(pa.float16()),
    pa.array([1.5, None, float("inf")], pa.float32()),
    pa.array([1.5, None, -0.0]),
    pa.array([D("1.25"), None], pa.decimal32(7, 2)),
    pa.array([D("1.25"), None], pa.decimal64(12, 2)),
    pa.array([D("1.25"), None, D("-3.50")], pa.decimal128(10, 2)),
    pa.array([D("1.25"), None, D("-3.50")], pa.decimal256(50, 2)),
    pa.array(["a", None, "ü€😀"]),
    pa.array(["a", None, ""], pa.large_string()),
    pa.array(["a", None, "a string longer than twelve"], pa.string_view()),
    pa.array([b"a", None, b"\x00\xff"]),
    pa.array([b"a", None, b""], pa.large_binary()),
    pa.array([b"a", None, b"longer than twelve bytes"], pa.binary_view()),
    pa.array([b"abcd", None, b"efgh"], pa.binary(4)),
    pa.array([NOW.date(), None, dt.date(1969, 1, 1)], pa.date32()),
    pa.array([NOW.date(), None, dt.date(1969, 1, 1)], pa.date64()),
    pa.array([dt.time(1, 2, 3), None], pa.time32("s")),
    pa.array([dt.time(1, 2, 3), None], pa.time32("ms")),
    pa.array([dt.time(1, 2, 3, 4), None], pa.time64("us")),
    pa.array([1, None, 3], pa.time64("ns")),
    *(pa.array([NOW, None], pa.timestamp(unit)) for unit in ("s", "ms", "us", "ns")),
    *(pa.array([AWARE, None], pa.timestamp(unit, "Europe/Berlin")) for unit in ("s", "ms", "us", "ns")),
    *(pa.array([1, None, 3], pa.duration(unit)) for unit in ("s", "ms", "us", "ns")),
    pa.array([(1, 2, 3), None], pa.month_day_nano_interval()),
    pa.array([[1, None], None, []], pa.list_(pa.int64())),
    pa.array([[1, None], None, []], pa.large_list(pa.int64())),
    pa.array([[1, 2], None, [3, None]], pa.list_(pa.int32(), 2)),
    pa.array([[1, None], None, []], pa.list_view(pa.int64())),
    pa.array([["a", None], None, []]),
    pa.array([[NOW], None], pa.list_(pa.timestamp("s"))),
    pa.array([{"x": 1, "y": "a"}, None, {"x": None, "y": "b"}]),
    pa.array([{"d": NOW.date()}, None], pa.struct([("d", pa.date64())])),
    pa.array([{}, None], pa.struct([])),
    pa.array([[("a", 1)], None, []], pa.map_(pa.string(), pa.int64())),
    categories(pa.array(["hi", "unused", "lo"])),
    categories(pa.array(["hi", "unused", "lo"]), ordered=True),
    categories(pa.array(["hi", "unused", "lo"], pa.large_string())),
    categories(pa.array([b"hi", b"unused", b"lo"])),
    categories(pa.array([30, 20, 10])),
    categories(pa.array([3.5, 2.5, 1.5])),
    pa.RunEndEncodedArray.from_arrays(pa.array([1, 3], pa.int32()), pa.array([7, None])),
    pa.UnionArray.from_dense(
        pa.array([0, 1], pa.int8()), pa.array([0, 0], pa.int32()), [pa.array([1]), pa.array(["a"])]
    ),
]
NAMES = [str(array.type).replace("element: ", "").replace("item: ", "") for array in ARRAYS]


def by_pyarrow(table):
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def read(content):
    return pq.read_table(pa.BufferReader(content))


def cell(text):
    return " ".join(str(text).split("\n")[0].split()).replace("|", "\\|")


def judged(array) -> tuple[str, str]:
    """What happens to a column of this type on writing and on reading; proven on the way."""
    table = pa.table({"c": array})
    ours = ParquetSerializer()
    try:
        theirs = by_pyarrow(table)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        with pytest.raises((ValueError, NotImplementedError)) as raised:
            ours.serialize(table)
        return f"unsupported, as in pyarrow: `{type(raised.value).__name__}`: {cell(error)}", "-"
    expected = read(theirs)
    written = ours.serialize(table)
    back = ours.deserialize(written)
    assert back.schema.equals(expected.schema), f"{back.schema} is not {expected.schema}"
    assert back.equals(expected)
    assert read(written).schema.equals(expected.schema)
    assert read(written).equals(expected)
    assert ours.deserialize(theirs).equals(expected)
    assert ours.deserialize(theirs).schema.equals(expected.schema)
    reason = native.write_support(table.schema)
    if reason is not None:
        writing = "via pyarrow"
    elif expected.schema.field("c").type != array.type:
        writing = f"native, comes back as `{cell(expected.schema.field('c').type)}`"
    else:
        writing = "native"
    return writing, "native" if native.read_support(theirs) is None else "via pyarrow"


@pytest.fixture(scope="module")
def found() -> dict[str, tuple[str, str]]:
    return {}


@pytest.mark.spec("DAG-004")
@pytest.mark.parametrize(("name", "array"), list(zip(NAMES, ARRAYS, strict=True)), ids=NAMES)
def test_a_type_comes_back_as_pyarrow_gives_it_back(name, array, found) -> None:
    found[name] = judged(array)


def test_the_page_says_what_was_found(found) -> None:
    if len(found) < len(set(NAMES)):
        pytest.skip("not all types were tried in this session, or one failed")
    lines = [
        "# Arrow types in Parquet files",
        "",
        "What `ParquetSerializer` does with a column of each type. *Native*: encoded and decoded here, in",
        "parallel, and equal to what pyarrow would have written and read back. *Via pyarrow*: the whole table goes",
        "through pyarrow, since it would differ otherwise. A native column whose type Parquet does not have comes",
        "back as the type that pyarrow gives back, which is said.",
        "",
        "Reading means a file that pyarrow wrote. This page is made by `crates/py-bindings/tests/test_arrow_types.py`,",
        "which proves every line, and is not edited by hand.",
        "",
        "| type | writing | reading |",
        "|---|---|---|",
        *(f"| `{cell(name)}` | {found[name][0]} | {found[name][1]} |" for name in dict.fromkeys(NAMES)),
    ]
    text = "\n".join(lines) + "\n"
    if os.environ.get(UPDATE):
        PAGE.write_text(text, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == text, (
        f"docs/arrow-types.md is out of date; make it anew: {UPDATE}=1 python -m pytest "
        "-c crates/py-bindings/pyproject.toml crates/py-bindings/tests/test_arrow_types.py"
    )
