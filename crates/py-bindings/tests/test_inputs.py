"""Every kind of table that is given: what pyarrow would write and read back comes back from us."""

from __future__ import annotations

import datetime as dt
import decimal
import io

import pytest

from remote_store import Store
from remote_store.backends import MemoryBackend
from remote_store.ext.parquet import ParquetDatasetStore

pa = pytest.importorskip("pyarrow", reason="tables need pyarrow")
pq = pytest.importorskip("pyarrow.parquet", reason="tables need pyarrow")
ds = pytest.importorskip("pyarrow.dataset", reason="scanners and datasets need pyarrow.dataset")
np = pytest.importorskip("numpy", reason="arrays of pandas need numpy")
pd = pytest.importorskip("pandas", reason="frames of pandas")
pl = pytest.importorskip("polars", reason="frames of polars")
_dagster = pytest.importorskip("remote_store.ext.dagster", reason="the serializer needs Dagster")
ParquetSerializer = _dagster.ParquetSerializer

D = decimal.Decimal
DAY = dt.date(2024, 2, 29)
ROWS = 12_000
"""More than what is encoded in one piece."""


def serialized(table):
    parquet = ParquetSerializer()
    return parquet.deserialize(parquet.serialize(table))


def written(table):
    store, parquet = Store(MemoryBackend()), ParquetSerializer()
    parquet.write_to(store, "t.parquet", table)
    return parquet.read_from(store, "t.parquet")


def as_dataset(table):
    datasets = ParquetDatasetStore(Store(MemoryBackend()))
    datasets.write_dataset(table, "t")
    return datasets.read_dataset("t")


WAYS = [serialized, written, as_dataset]


@pytest.fixture(params=WAYS, ids=lambda way: way.__name__)
def through(request):
    return request.param


def by_pyarrow(table):
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return pq.read_table(io.BytesIO(sink.getvalue()))


def same(found, expected) -> None:
    found.validate(full=True)
    assert found.schema.equals(expected.schema), f"{found.schema}\n---\n{expected.schema}"
    assert found.schema.metadata == expected.schema.metadata
    assert found.equals(expected)


def with_attrs(frame):
    frame.attrs = {"source": "tower", "runway": 9}
    return frame


def pandas_frames():
    n = {"n": [1, 2, 3]}
    levels = ["lo", "mid", "hi"]
    noon = pd.to_datetime(["2024-03-31 01:30", "2024-03-31 03:30", None])
    return {
        "named index": pd.DataFrame(n, index=pd.Index(["x", "y", "z"], name="key")),
        "unnamed index": pd.DataFrame(n, index=["x", "y", "z"]),
        "range": pd.DataFrame(n, index=pd.RangeIndex(5, 20, 5, name="step")),
        "default range": pd.DataFrame(n),
        "datetime index": pd.DataFrame(n, index=pd.date_range("2024", periods=3, tz="Europe/Berlin")),
        "multi index": pd.DataFrame(
            n, index=pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1)], names=["k", None])
        ),
        "index named as a column": pd.DataFrame(n, index=pd.Index([7, 8, 9], name="m")),
        "categories": pd.DataFrame({"c": pd.Categorical(["hi", "lo", None], categories=levels)}),
        "ordered categories": pd.DataFrame(
            {"c": pd.Categorical(["hi", "lo", None], categories=levels, ordered=True)}
        ),
        "categories of numbers": pd.DataFrame({"c": pd.Categorical([3, 1, 3], categories=[3, 2, 1])}),
        "categories of days": pd.DataFrame({"c": pd.Categorical([DAY, DAY, None])}),
        "no categories": pd.DataFrame({"c": pd.Categorical([None, None], categories=[])}),
        "index of categories": pd.DataFrame(n, index=pd.CategoricalIndex(["b", "a", "b"], name="k")),
        "time zones": pd.DataFrame(
            {
                "naive": noon,
                "berlin": noon.tz_localize("Europe/Berlin"),
                "fixed": noon.tz_localize("+05:30"),
                "utc": noon.tz_localize("UTC"),
                "seconds": noon.tz_localize("UTC").as_unit("s"),
            }
        ),
        "durations": pd.DataFrame({"d": pd.to_timedelta([1, None, 3], unit="s")}),
        "periods": pd.DataFrame({"p": pd.period_range("2024-01", periods=3, freq="M")}),
        "intervals": pd.DataFrame({"i": pd.interval_range(0, 3)}),
        "attrs": with_attrs(pd.DataFrame(n)),
        "nullable": pd.DataFrame(
            {
                "i": pd.array([1, None, 3], "Int64"),
                "u": pd.array([1, None, 3], "UInt8"),
                "f": pd.array([1.5, None, 3], "Float32"),
                "b": pd.array([True, None, False], "boolean"),
                "s": pd.array(["a", None, "c"], "string"),
            }
        ),
        "arrow backed": pd.DataFrame(
            {
                "s": pd.array(["a", None, "c"], "string[pyarrow]"),
                "t": pd.array([1, None, 3], pd.ArrowDtype(pa.timestamp("us", "UTC"))),
                "d": pd.array([D("1.25"), None, D(0)], pd.ArrowDtype(pa.decimal128(9, 2))),
            }
        ),
        "objects": pd.DataFrame(
            {
                "s": pd.Series(["a", None, "c"], dtype=object),
                "b": pd.Series([b"\xff", None, b""], dtype=object),
                "d": pd.Series([D("1.25"), None, D("3.5")], dtype=object),
                "day": pd.Series([DAY, None, DAY], dtype=object),
                "time": pd.Series([dt.time(1, 2, 3, 4), None, dt.time(0)], dtype=object),
                "l": pd.Series([[1, 2], None, []], dtype=object),
                "a": pd.Series([np.array([1.5]), None, np.array([])], dtype=object),
                "m": pd.Series([{"x": 1}, None, {"x": None}], dtype=object),
                "none": pd.Series([None, None, None], dtype=object),
                "bool": pd.Series([True, None, False], dtype=object),
            }
        ),
        "numbers": pd.DataFrame(
            {kind: np.array([0, 1, 2], kind) for kind in ("int8", "uint64", "float16", "float32", "bool")}
        ),
        "no rows": pd.DataFrame({"n": pd.array([], "int64"), "s": pd.array([], "string")}),
        "no rows of objects": pd.DataFrame({"o": pd.Series([], dtype=object)}),
        "columns of two levels": pd.DataFrame(
            [[1, 2], [3, 4]], columns=pd.MultiIndex.from_tuples([("a", "x"), ("a", "y")], names=["p", "q"])
        ),
        "columns that are numbers": pd.DataFrame([[1, 2], [3, 4]], columns=[2024, 2025]),
        "many rows": pd.DataFrame({"n": range(ROWS), "s": [f"s{n % 50}" for n in range(ROWS)]}),
    }


PANDAS = pandas_frames()


@pytest.mark.spec("DAG-004")
@pytest.mark.parametrize("name", PANDAS)
def test_a_frame_of_pandas_comes_back_as_through_pyarrow(through, name) -> None:
    frame = PANDAS[name]
    expected = by_pyarrow(pa.Table.from_pandas(frame))
    found = through(frame)
    same(found, expected)
    back = found.to_pandas()
    pd.testing.assert_frame_equal(back, expected.to_pandas())
    assert back.attrs == frame.attrs


def polars_frames():
    return {
        "numbers": pl.DataFrame({"i": [1, None], "u": pl.Series([1, 2], dtype=pl.UInt16), "f": [1.5, None]}),
        "text": pl.DataFrame({"s": ["a", None, "a string longer than twelve"], "b": [b"\xff", None, b""]}),
        "enum": pl.DataFrame({"e": pl.Series(["hi", "lo", None], dtype=pl.Enum(["lo", "mid", "hi"]))}),
        "categorical": pl.DataFrame({"c": pl.Series(["hi", "lo", None, "hi"], dtype=pl.Categorical)}),
        "decimal": pl.DataFrame({"d": pl.Series([D("1.25"), None], dtype=pl.Decimal(20, 2))}),
        "array": pl.DataFrame({"a": pl.Series([[1, 2], None], dtype=pl.Array(pl.Int32, 2))}),
        "list": pl.DataFrame({"l": [[1, None], None, []], "w": [["a"], [None], None]}),
        "struct": pl.DataFrame({"s": [{"x": 1, "y": "a"}, {"x": None, "y": None}]}),
        "list of categories": pl.DataFrame(
            {"l": pl.Series([["a"], ["b", "a"]], dtype=pl.List(pl.Categorical))}
        ),
        "duration": pl.DataFrame({"d": [dt.timedelta(seconds=1), None]}),
        "time": pl.DataFrame({"t": [dt.time(1, 2, 3, 4), None]}),
        "days": pl.DataFrame({"d": [DAY, None]}),
        "instants": pl.DataFrame(
            {
                "naive": [dt.datetime(2024, 2, 29, 1, 2, 3, 4), None],  # noqa: DTZ001 - naive is tested too
                "aware": pl.Series([0, None], dtype=pl.Datetime("ms", "Europe/Berlin")),
                "nanos": pl.Series([1, None], dtype=pl.Datetime("ns")),
            }
        ),
        "null": pl.DataFrame({"n": [None, None]}),
        "booleans": pl.DataFrame({"b": [True, None, False]}),
        "no rows": pl.DataFrame({"n": [], "s": []}, schema={"n": pl.Int8, "s": pl.String}),
        "many rows": pl.DataFrame({"n": range(ROWS), "s": [f"s{n % 50}" for n in range(ROWS)]}),
    }


POLARS = polars_frames()


@pytest.mark.spec("DAG-004")
@pytest.mark.parametrize("name", POLARS)
def test_a_frame_of_polars_comes_back_as_through_pyarrow(through, name) -> None:
    frame = POLARS[name]
    expected = by_pyarrow(frame.to_arrow())
    same(through(frame), expected)
    same(through(frame.lazy()), expected)


@pytest.mark.parametrize(
    ("column", "words"),
    [
        (pl.Series("odd", [object()], dtype=pl.Object), r"'odd' of polars type Object.*cast it to String"),
        (pl.Series("wide", [2**100], dtype=pl.Int128), r"'wide' of polars type Int128.*cast it to Decimal"),
        (pl.Series("deep", [[1]], dtype=pl.List(pl.Int128)), r"'deep' of polars type List\(Int128\)"),
    ],
    ids=["object", "int128", "list of int128"],
)
def test_what_arrow_lacks_of_polars_is_an_error_that_names_the_column(through, column, words) -> None:
    frame = pl.DataFrame([pl.Series("n", [1]), column])
    for given in (frame, frame.lazy()):
        with pytest.raises(TypeError, match=words):
            through(given)


class CStream:
    """Nothing but Arrow's stream interface."""

    def __init__(self, table) -> None:
        self.table = table

    def __arrow_c_stream__(self, requested_schema=None):
        return self.table.__arrow_c_stream__(requested_schema)


class CArray:
    """Nothing but Arrow's array interface."""

    def __init__(self, batch) -> None:
        self.batch = batch

    def __arrow_c_array__(self, requested_schema=None):
        return self.batch.__arrow_c_array__(requested_schema)


class Described:
    """A frame of somebody else's with a name for each column, and Arrow's stream interface."""

    def __init__(self, table) -> None:
        self.column_names = table.column_names
        self._table = table

    def __arrow_c_stream__(self, requested_schema=None):
        return self._table.__arrow_c_stream__(requested_schema)


def nanoarrow_stream(table):
    nanoarrow = pytest.importorskip("nanoarrow", reason="streams of nanoarrow")
    return nanoarrow.ArrayStream(table)


def relation(table):
    duckdb = pytest.importorskip("duckdb", reason="relations of DuckDB")
    return duckdb.from_arrow(table)


FORMS = {
    "table": lambda table: table,
    "batch": lambda table: table.combine_chunks().to_batches()[0],
    "reader": lambda table: table.to_reader(max_chunksize=1000),
    "scanner": lambda table: ds.dataset(table).scanner(),
    "dataset": ds.dataset,
    "c stream": CStream,
    "c array": lambda table: CArray(table.combine_chunks().to_batches()[0]),
    "described": Described,
    "nanoarrow": nanoarrow_stream,
    "duckdb": relation,
}
# The second one is left to pyarrow by the native encoder.
TABLES = {
    "native": pa.table({"n": range(ROWS), "s": [f"s{n % 50}" for n in range(ROWS)]}),
    "by pyarrow": pa.table(
        {"n": range(ROWS), "l": pa.array([[0], None] * (ROWS // 2), pa.list_(pa.time32("s")))}
    ),
}


@pytest.mark.spec("DAG-004")
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", TABLES)
def test_a_table_in_any_form_comes_back_as_through_pyarrow(through, kind, form) -> None:
    given = FORMS[form](TABLES[kind])
    expected = by_pyarrow(TABLES[kind])
    if form == "duckdb":
        # It has types of its own: what it gives is what is to come back.
        expected = by_pyarrow(given.to_arrow_table())
    found = through(given)
    assert found.schema.equals(expected.schema), f"{found.schema}\n---\n{expected.schema}"
    assert found.equals(expected)


def test_columns_of_one_name_are_an_error_that_names_them(through) -> None:
    twice = pa.table([[1], [2], [3]], names=["a", "b", "a"])
    frames = [twice, twice.to_reader(), CStream(twice), pd.DataFrame([[1, 2]], columns=["a", "a"])]
    for frame in frames:
        with pytest.raises(ValueError, match=r"Duplicate column names found: \[.*'a'"):
            through(frame)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"n": [1]}, "got dict$"),
        ([pa.record_batch({"n": [1]})], "got list$"),
        (
            (batch for batch in [pa.record_batch({"n": [1]})]),
            r"got generator; .*RecordBatchReader\.from_batches",
        ),
        (pd.Series([1]), r"got Series; .*to_frame\(\)"),
        (pl.Series([1]), r"got Series; .*to_frame\(\)"),
        (pa.array([1]), "got Int64Array$"),
        (pa.chunked_array([[1]]), "got ChunkedArray$"),
        (pd.DataFrame, "got the class DataFrame$"),
        (np.zeros(3), "got ndarray$"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_table_is_refused_with_a_way_out(through, value, words) -> None:
    with pytest.raises(TypeError, match=f"expects a DataFrame, {words}"):
        through(value)


class Torn(Exception):
    """What a producer of the tests raises."""


def torn(after: int):
    schema = pa.schema([("n", pa.int64())])

    def batches():
        yield from (pa.record_batch({"n": range(1000)}) for _ in range(after))
        raise Torn("at the reel") from OSError(5, "the tape")

    return pa.RecordBatchReader.from_batches(schema, batches())


@pytest.mark.parametrize("after", [0, 1, 50])
def test_what_a_producer_raises_comes_out_with_its_cause(through, after) -> None:
    with pytest.raises(Torn, match="at the reel") as raised:
        through(torn(after))
    assert isinstance(raised.value.__cause__, OSError)


def test_an_interruption_in_a_producer_comes_out(through) -> None:
    def batches():
        yield from (pa.record_batch({"n": range(1000)}) for _ in range(20))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        through(pa.RecordBatchReader.from_batches(pa.schema([("n", pa.int64())]), batches()))


@pytest.mark.parametrize("after", [0, 50])
def test_a_producer_behind_the_c_interface_leaves_its_words(through, after) -> None:
    with pytest.raises((ValueError, OSError), match="at the reel"):
        through(CStream(torn(after)))


def test_an_asset_whose_stream_breaks_leaves_the_old_object_and_dataset() -> None:
    dg = pytest.importorskip("dagster")
    store = Store(MemoryBackend())
    breaks = [False]

    @dg.asset
    def numbers() -> pa.RecordBatchReader:
        whole = pa.table({"n": range(ROWS)})
        return torn(50) if breaks[0] else whole.to_reader(max_chunksize=1000)

    for manager in (
        _dagster.dagster_io_manager(store, serializer="parquet"),
        _dagster.dagster_dataset_io_manager(store),
    ):
        breaks[0] = False
        assert dg.materialize([numbers], resources={"io_manager": manager}).success
        before = {
            str(info.path): store.read_bytes(info.path) for info in store.list_files("", recursive=True)
        }
        breaks[0] = True
        with pytest.raises(Torn, match="at the reel"):
            dg.materialize([numbers], resources={"io_manager": manager})
        after = {str(info.path): store.read_bytes(info.path) for info in store.list_files("", recursive=True)}
        assert after == before
