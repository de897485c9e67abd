"""Tables as single objects: streamed out, read by columns, from every kind of frame, with options."""

from __future__ import annotations

import io
import subprocess
import sys
import textwrap

import pytest

from remote_store import NotFound, Store
from remote_store._native import parquet as native
from remote_store.backends import LocalBackend, MemoryBackend

pa = pytest.importorskip("pyarrow", reason="tables need pyarrow")
pq = pytest.importorskip("pyarrow.parquet", reason="tables need pyarrow")
_dagster = pytest.importorskip("remote_store.ext.dagster", reason="the serializer needs Dagster")
ParquetSerializer = _dagster.ParquetSerializer

ROWS = 60_000
LARGE = pa.table(
    {
        "id": pa.array(range(ROWS)),
        "text": pa.array([f"row {n}" for n in range(ROWS)]),
        "level": pa.array(["hi", "lo", None] * (ROWS // 3)).dictionary_encode(),
    }
)


@pytest.fixture(params=["memory", "local"])
def store(request, tmp_path):
    return Store(MemoryBackend() if request.param == "memory" else LocalBackend(tmp_path), "root")


def test_a_large_table_is_streamed_and_comes_back(store) -> None:
    parquet = ParquetSerializer()
    size = parquet.write_to(store, "t.parquet", LARGE)
    assert size == len(store.read_bytes("t.parquet"))
    assert parquet.read_from(store, "t.parquet").equals(LARGE)
    assert pq.read_table(io.BytesIO(store.read_bytes("t.parquet"))).equals(LARGE)


def test_columns_come_in_the_order_asked(store) -> None:
    parquet = ParquetSerializer()
    parquet.write_to(store, "t.parquet", LARGE)
    found = parquet.read_from(store, "t.parquet", columns=["level", "id"])
    assert found.equals(LARGE.select(["level", "id"]))
    with pytest.raises(ValueError, match=r"'txet'.*did you mean 'text'"):
        parquet.read_from(store, "t.parquet", columns=["txet"])
    with pytest.raises(NotFound):
        parquet.read_from(store, "none.parquet", columns=["id"])


def test_a_stream_that_fails_on_its_way_leaves_the_old_object(store) -> None:
    parquet = ParquetSerializer()
    parquet.write_to(store, "t.parquet", LARGE)

    def batches():
        yield from LARGE.to_batches()
        raise RuntimeError("the source broke")

    reader = pa.RecordBatchReader.from_batches(LARGE.schema, batches())
    with pytest.raises(RuntimeError, match="the source broke"):
        parquet.write_to(store, "t.parquet", reader)
    assert parquet.read_from(store, "t.parquet").equals(LARGE)
    assert [str(info.path) for info in store.list_files("", recursive=True)] == ["t.parquet"]


def test_none_and_tables_that_pyarrow_writes_come_back(store) -> None:
    parquet = ParquetSerializer()
    parquet.write_to(store, "none.parquet", None)
    assert parquet.read_from(store, "none.parquet") is None
    assert parquet.read_from(store, "none.parquet", columns=["a"]) is None
    numbers = pa.table({"n": pa.array([3, 1, 3]).dictionary_encode(), "m": [1, 2, 3]})
    assert native.write_support(numbers.schema) is not None
    parquet.write_to(store, "n.parquet", numbers)
    expected = pq.read_table(io.BytesIO(store.read_bytes("n.parquet")))
    assert parquet.read_from(store, "n.parquet").equals(expected)
    assert parquet.read_from(store, "n.parquet", columns=["m"]).equals(expected.select(["m"]))


def test_relations_of_duckdb_are_tables(store) -> None:
    duckdb = pytest.importorskip("duckdb", reason="relations of DuckDB")
    relation = duckdb.sql("select range as n, 'x' || range as s from range(20000)")
    parquet = ParquetSerializer()
    parquet.write_to(store, "d.parquet", relation)
    assert parquet.read_from(store, "d.parquet").num_rows == 20000
    assert parquet.deserialize(parquet.serialize(relation)).column_names == ["n", "s"]


def test_files_of_duckdb_are_read(tmp_path) -> None:
    duckdb = pytest.importorskip("duckdb", reason="files of DuckDB")
    path = tmp_path / "d.parquet"
    duckdb.sql("select range as n, 'x' || (range % 7) as s from range(5000)").write_parquet(str(path))
    assert ParquetSerializer().deserialize(path.read_bytes()).equals(pq.read_table(path))


@pytest.mark.parametrize("codec", ["uncompressed", "snappy", "gzip", "brotli", "lz4", "zstd"])
def test_files_of_polars_are_read(codec) -> None:
    pl = pytest.importorskip("polars", reason="files of polars")
    sink = io.BytesIO()
    frame = pl.DataFrame({"n": range(2000), "s": [str(n % 9) for n in range(2000)], "l": [[1, None]] * 2000})
    frame.write_parquet(sink, compression=codec)
    assert pl.from_arrow(ParquetSerializer().deserialize(sink.getvalue())).equals(frame)


@pytest.mark.parametrize(
    "options",
    [
        {"use_deprecated_int96_timestamps": True, "store_schema": False},
        {"data_page_version": "2.0", "compression": "gzip"},
        {"write_page_index": True, "data_page_size": 512},
        {"use_dictionary": False, "compression": "lz4"},
        {"use_dictionary": True, "dictionary_pagesize_limit": 64, "compression": "brotli"},
        {"row_group_size": 7, "write_page_checksum": True},
        {"use_dictionary": False, "column_encoding": {"n": "DELTA_BINARY_PACKED", "s": "DELTA_BYTE_ARRAY"}},
        {"use_dictionary": False, "use_byte_stream_split": ["f"]},
    ],
    ids="-".join,
)
def test_whatever_pyarrow_can_write_is_read_as_pyarrow_reads_it(options) -> None:
    rows = range(300)
    table = pa.table(
        {
            "n": pa.array(rows),
            "s": pa.array([f"s{n % 40}" for n in rows]),
            "f": pa.array([n / 3 for n in rows]),
            "at": pa.array([n * 10**9 for n in rows], pa.timestamp("ns")),
            "level": pa.array([f"l{n % 30}" for n in rows]).dictionary_encode(),
        }
    )
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    expected = pq.read_table(io.BytesIO(sink.getvalue()))
    found = ParquetSerializer().deserialize(sink.getvalue())
    assert found.schema.equals(expected.schema)
    assert found.equals(expected)


def test_options_reach_the_file() -> None:
    parquet = ParquetSerializer(
        compression="zstd",
        compression_level=5,
        row_group_size=25_000,
        statistics="none",
        dictionary=False,
        sorting_columns=["id", "-text"],
    )
    metadata = pq.ParquetFile(io.BytesIO(parquet.serialize(LARGE))).metadata
    assert metadata.num_row_groups == 3
    group = metadata.row_group(0)
    assert {group.column(n).compression for n in range(3)} == {"ZSTD"}
    assert group.column(0).statistics is None
    assert not group.column(0).has_dictionary_page
    keys = [(key.column_index, key.descending) for key in group.sorting_columns]
    assert keys == [(0, False), (1, True)]
    small = ParquetSerializer(compression="none").serialize(LARGE)
    assert pq.ParquetFile(io.BytesIO(small)).metadata.row_group(0).column(1).compression == "UNCOMPRESSED"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"compression": "zip"}, "unknown compression 'zip'"),
        ({"compression_level": 3}, "compression snappy has no levels"),
        (
            {"compression": "zstd", "compression_level": 99},
            "compression_level of zstd must be at most 22, got 99",
        ),
        (
            {"compression": "gzip", "compression_level": -1},
            "compression_level of gzip must be at least 0, got -1",
        ),
        ({"row_group_size": 0}, "row_group_size must be at least 1"),
        ({"statistics": "all"}, "unknown statistics 'all'; choose from none, chunk, page"),
    ],
)
def test_an_option_that_is_not_valid_is_refused_when_it_is_given(options, says) -> None:
    with pytest.raises(ValueError, match=says):
        ParquetSerializer(**options)


def test_a_sorting_column_that_is_not_there_names_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"'idd'.*did you mean 'id'"):
        ParquetSerializer(sorting_columns=["idd"]).serialize(LARGE)


def test_a_column_that_needs_pyarrow_matters_only_when_it_is_asked_for() -> None:
    codes = pa.array([b"a", b"b"]).dictionary_encode()
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"n": [1, 2], "at": codes}), sink)
    data = sink.getvalue().to_pybytes()
    assert "'at'" in (native.read_support(data) or "")
    assert native.read_support(data, ["n"]) is None
    store = Store(MemoryBackend())
    store.write("t.parquet", data)
    decoded, _whole = native.read(store, "t.parquet", ["n"])
    assert decoded is not None
    for columns in (["n"], ["at"], ["at", "n"]):
        read = ParquetSerializer().read_from(store, "t.parquet", columns=columns)
        assert read.equals(pq.read_table(pa.BufferReader(data)).select(columns)), columns


def test_attributes_of_a_pandas_frame_come_back() -> None:
    pd = pytest.importorskip("pandas", reason="frames of pandas")
    frame = pd.DataFrame({"n": [1, 2]})
    frame.attrs = {"source": "tower", "runway": 9}
    parquet = ParquetSerializer()
    assert parquet.deserialize(parquet.serialize(frame)).to_pandas().attrs == frame.attrs


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of memory is read from /proc")
def test_a_stream_of_420_mb_needs_no_more_memory_than_one_of_100_mb() -> None:
    # A batch is about a megabyte; the same one comes again and again.
    code = """
        import pathlib
        import pyarrow as pa
        from remote_store import Store
        from remote_store.backends import LocalBackend
        from remote_store.ext.dagster import ParquetSerializer
        import tempfile

        def peak():
            status = pathlib.Path("/proc/self/status").read_text()
            return int(status.split("VmHWM:")[1].split()[0]) / 1024

        batch = pa.record_batch({"n": pa.array(range(65_536)), "m": pa.array([1.5] * 65_536)})
        def stream(count):
            return pa.RecordBatchReader.from_batches(batch.schema, (batch for _ in range(count)))

        with tempfile.TemporaryDirectory() as folder:
            store, parquet = Store(LocalBackend(folder)), ParquetSerializer(compression="none")
            parquet.write_to(store, "warm.parquet", stream(100))
            before = peak()
            parquet.write_to(store, "t.parquet", stream(400))
            print(peak() - before)
    """
    run = [sys.executable, "-c", textwrap.dedent(code)]
    done = subprocess.run(run, check=True, capture_output=True, text=True)  # noqa: S603
    assert float(done.stdout) < 64, "four times the rows need no more memory"


@pytest.mark.parametrize("dictionary", [True, False])
def test_the_index_of_pages_is_one_that_others_skip_by(tmp_path, dictionary) -> None:
    duckdb = pytest.importorskip("duckdb", reason="DuckDB skips pages")
    pl = pytest.importorskip("polars", reason="polars skips pages")
    lists = pa.array([[n, None] if n % 3 else None for n in range(ROWS)])
    table = LARGE.append_column("l", lists).append_column("f", pa.array([n / 7 for n in range(ROWS)]))
    path = tmp_path / "t.parquet"
    path.write_bytes(ParquetSerializer(statistics="page", dictionary=dictionary).serialize(table))
    group = pq.ParquetFile(path).metadata.row_group(0)
    for column in (group.column(n) for n in range(group.num_columns)):
        assert column.has_offset_index, column.path_in_schema
        assert column.has_column_index, column.path_in_schema
    assert pq.read_table(path).equals(table)
    assert ParquetSerializer().deserialize(path.read_bytes()).equals(table)
    wanted = [44_321, 44_322]
    found = duckdb.sql(f"select id from '{path}' where id between 44321 and 44322 order by id")  # noqa: S608 - our own path
    assert [row for (row,) in found.fetchall()] == wanted
    lazy = pl.scan_parquet(path).filter(pl.col("f").is_between(44_321 / 7, 44_322 / 7))
    assert lazy.select("id").collect()["id"].to_list() == wanted
    assert pq.read_table(path, filters=[("text", "==", "row 44321")])["id"].to_pylist() == wanted[:1]
