"""Streams whose batches are not what their schema says, and names that are no list."""

from __future__ import annotations

import io

import pytest

from remote_store import Store
from remote_store.backends import MemoryBackend

pa = pytest.importorskip("pyarrow", reason="tables need pyarrow")
_dagster = pytest.importorskip("remote_store.ext.dagster", reason="the serializer needs Dagster")
_parquet = pytest.importorskip("remote_store.ext.parquet", reason="datasets need pyarrow")

INT = pa.schema([("a", pa.int64())])
MANY = 100_000


def batch(*columns, names=("a",)):
    return pa.RecordBatch.from_arrays([pa.array(column) for column in columns], names)


MISFITS = {
    "a narrower integer": (INT, batch(pa.array([1] * MANY, pa.int8())), "Column 'a' of a batch is int8"),
    "a float": (INT, batch([1.5, 2.5]), "Column 'a' of a batch is double, that of the stream int64"),
    "booleans": (INT, batch([True] * MANY), "'a' of a batch is bool"),
    "text": (INT, batch(["x"]), "'a' of a batch is string"),
    "nothing": (INT, batch(pa.nulls(3)), "'a' of a batch is null"),
    "long text": (
        pa.schema([("a", pa.string())]),
        batch(pa.array(["abc"], pa.large_string())),
        "large_string",
    ),
    "words": (pa.schema([("a", pa.string())]), batch(pa.array(["b"]).dictionary_encode()), "dictionary"),
    "another unit": (
        pa.schema([("a", pa.timestamp("us"))]),
        batch(pa.array([1], pa.timestamp("ms"))),
        r"timestamp\[ms\], that of the stream timestamp\[us\]",
    ),
    "another name": (INT, batch([1], names=["zzz"]), r"no column 'a'; it has: \['zzz'\]"),
    "a column more": (INT, batch([1], [2], names=["a", "b"]), r"its stream has not: \['b'\]"),
    "a column less": (pa.schema([("a", pa.int64()), ("b", pa.int64())]), batch([1]), "no column 'b'"),
    "another order": (
        pa.schema([("a", pa.int64()), ("b", pa.int64())]),
        batch([1], [2], names=["b", "a"]),
        "another order",
    ),
    "nulls where none may be": (
        pa.schema([pa.field("a", pa.int64(), nullable=False)]),
        batch([1, None]),
        "'a' of a batch has nulls",
    ),
}


@pytest.mark.parametrize("misfit", MISFITS)
@pytest.mark.parametrize("is_first", [True, False], ids=["first", "later"])
def test_a_batch_of_other_columns_is_refused_and_the_old_object_stays(misfit: str, is_first: bool) -> None:
    schema, wrong, says = MISFITS[misfit]
    right = pa.RecordBatch.from_pylist([], schema)
    store, parquet = Store(MemoryBackend()), _dagster.ParquetSerializer()
    datasets = _parquet.ParquetDatasetStore(store)
    parquet.write_to(store, "t.parquet", pa.table({"old": [1]}))

    def reader():
        return pa.RecordBatchReader.from_batches(schema, iter([wrong] if is_first else [right, wrong]))

    with pytest.raises(ValueError, match=says):
        parquet.write_to(store, "t.parquet", reader())
    with pytest.raises(ValueError, match=says):
        datasets.write_dataset(reader(), "d")
    if len(schema) > 1:
        with pytest.raises(ValueError, match=says):
            datasets.write_dataset(reader(), "d", partition_cols=["a"])
    assert [str(info.path) for info in store.list_files("", recursive=True)] == ["t.parquet"]
    assert parquet.read_from(store, "t.parquet").to_pydict() == {"old": [1]}


def test_a_chunk_of_a_file_whose_types_were_guessed_is_refused() -> None:
    pd = pytest.importorskip("pandas", reason="it reads the file in chunks")
    chunks = pd.read_csv(io.StringIO("id,delay\n1,5\n2,6\n3,\n4,8\n"), chunksize=2)
    batches = [pa.RecordBatch.from_pandas(chunk, preserve_index=False) for chunk in chunks]
    reader = pa.RecordBatchReader.from_batches(batches[0].schema, iter(batches))
    with pytest.raises(ValueError, match=r"'delay' of a batch is double.*batch\.cast\(schema\)"):
        _dagster.ParquetSerializer().write_to(Store(MemoryBackend()), "t.parquet", reader)


def test_batches_that_differ_only_in_what_may_be_null_are_taken() -> None:
    schema = pa.schema([pa.field("a", pa.int64(), nullable=False)], {"kept": "yes"})
    reader = pa.RecordBatchReader.from_batches(schema, iter([batch([1, 2])]))
    store, parquet = Store(MemoryBackend()), _dagster.ParquetSerializer()
    parquet.write_to(store, "t.parquet", reader)
    assert parquet.read_from(store, "t.parquet").to_pydict() == {"a": [1, 2]}


@pytest.mark.parametrize("columns", ["a", "delay", ""])
def test_one_text_is_no_list_of_columns(columns: str) -> None:
    store, parquet = Store(MemoryBackend()), _dagster.ParquetSerializer()
    table = pa.table({"a": [1], "delay": [2]})
    parquet.write_to(store, "t.parquet", table)
    datasets = _parquet.ParquetDatasetStore(store)
    datasets.write_dataset(table, "d")
    said = "columns must be a list of names, got the text"
    with pytest.raises(TypeError, match=said):
        parquet.read_from(store, "t.parquet", columns=columns)
    with pytest.raises(TypeError, match=said):
        parquet.deserialize(store.read_bytes("t.parquet"), columns=columns)
    with pytest.raises(TypeError, match=said):
        datasets.read_dataset("d", columns=columns)
    with pytest.raises(TypeError, match=said):
        datasets.read_dataset_batches("d", columns=columns)
    with pytest.raises(TypeError, match="partition_cols must be a list"):
        datasets.write_dataset(table, "e", partition_cols=columns)


def test_names_may_come_from_anything_that_gives_them() -> None:
    store, parquet = Store(MemoryBackend()), _dagster.ParquetSerializer()
    parquet.write_to(store, "t.parquet", pa.table({"a": [1], "b": [2]}))
    assert parquet.read_from(store, "t.parquet", columns=iter(["b"])).to_pydict() == {"b": [2]}
    with pytest.raises(TypeError, match="got int in it"):
        parquet.read_from(store, "t.parquet", columns=[1])
