"""What docs/parquet.md says of frames, bounds, other readers and IO managers."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from remote_store import NotFound, Store
from remote_store.backends import LocalBackend, MemoryBackend

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed, so there are no tables")

from remote_store.ext.dagster import ParquetSerializer, dagster_io_manager  # noqa: E402
from remote_store.ext.parquet import ParquetDatasetStore  # noqa: E402

TABLE = pa.table({"year": [2012, 2013, 2013], "delay": [1, 2, 3]})


def test_an_io_manager_takes_a_serializer_with_options() -> None:
    dg = pytest.importorskip("dagster", reason="dagster is not installed, so there are no IO managers")
    pq = pytest.importorskip("pyarrow.parquet", reason="there is nothing to look into files with")
    store = Store(MemoryBackend())

    @dg.asset
    def flights() -> pa.Table:
        return TABLE

    manager = dagster_io_manager(store, serializer=ParquetSerializer(compression="zstd"))
    assert dg.materialize([flights], resources={"io_manager": manager}).success
    metadata = pq.ParquetFile(pa.BufferReader(store.read_bytes("flights.parquet"))).metadata
    assert metadata.row_group(0).column(0).compression == "ZSTD"


def test_what_a_frame_of_pandas_keeps_and_loses() -> None:
    pd = pytest.importorskip("pandas", reason="pandas is not installed, so there are no frames of it")
    index = pd.date_range("2026-01-01", periods=3, freq="D", tz="Europe/Berlin")
    frame = pd.DataFrame({"word": pd.Categorical(["a", "b", "a"]), "n": pd.Categorical([1, 2, 1])}, index)
    parquet = ParquetSerializer()
    frame.attrs = {"of": {"deep": [1]}}
    found = parquet.deserialize(parquet.serialize(frame)).to_pandas()
    assert found.attrs == frame.attrs
    assert found.index.equals(index)
    assert found.index.freq is None
    assert [str(kind) for kind in found.dtypes] == ["category", "int64"]
    frame.attrs = {"of": object()}
    with pytest.warns(UserWarning, match="attrs"):
        found = parquet.deserialize(parquet.serialize(frame)).to_pandas()
    assert found.attrs == {}


def test_the_words_of_a_relation_of_duckdb_come_out_and_nothing_is_written() -> None:
    duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed, so it has no relations")
    rows = "from range(300000) t(i)"
    fails = duckdb.connect().sql(
        f"select case when i = 299999 then cast('x' || i as int) else i end as n {rows}"
    )
    store = Store(MemoryBackend())
    with pytest.raises(OSError, match="Could not convert string 'x299999'"):
        ParquetSerializer().write_to(store, "t.parquet", fails)
    assert not store.exists("t.parquet")


@pytest.mark.parametrize("kind", ["numbers", "words"])
def test_files_exceed_a_bound_of_20_kb_for_each_column_by_a_tenth_at_most(tmp_path: Path, kind: str) -> None:
    chance = random.Random(7)  # noqa: S311 - the same rows each time
    columns, rows = 8, 40_000
    value = chance.random if kind == "numbers" else lambda: f"a word number {chance.randrange(3000)}"
    table = pa.table({f"c{number}": [value() for _ in range(rows)] for number in range(columns)})
    bound = 20_000 * columns
    manifest = ParquetDatasetStore(Store(LocalBackend(tmp_path)), max_bytes_per_file=bound).write_dataset(
        table, "t"
    )
    sizes = [(tmp_path / "t" / part).stat().st_size for part in manifest.parts]
    assert len(sizes) > 2
    assert max(sizes) <= bound * 1.1


@pytest.mark.parametrize("by", [None, ["year"]], ids=str)
class TestOtherReaders:
    @pytest.fixture
    def folder(self, tmp_path: Path, by: list[str] | None) -> str:
        ParquetDatasetStore(Store(LocalBackend(tmp_path))).write_dataset(TABLE, "t", partition_cols=by)
        return str(tmp_path / "t")

    def test_pyarrow_reads_a_folder_without_its_manifest(self, folder: str) -> None:
        ds = pytest.importorskip("pyarrow.dataset", reason="pyarrow was built without datasets")
        pq = pytest.importorskip("pyarrow.parquet", reason="pyarrow was built without Parquet")
        found = ds.dataset(folder, partitioning="hive", exclude_invalid_files=True).to_table()
        assert _rows(found.to_pylist()) == _rows(TABLE.to_pylist())
        with pytest.raises(pa.ArrowInvalid, match=r"manifest\.json"):
            pq.read_table(folder)

    def test_polars_reads_the_files_of_a_glob(self, folder: str) -> None:
        pl = pytest.importorskip("polars", reason="polars is not installed, so it cannot read")
        found = pl.read_parquet(f"{folder}/**/*.parquet", hive_partitioning=True)
        assert _rows(found.to_dicts()) == _rows(TABLE.to_pylist())

    def test_duckdb_reads_the_files_of_a_glob(self, folder: str) -> None:
        duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed, so it cannot read")
        files = f"read_parquet('{folder}/**/*.parquet', hive_partitioning = true)"
        found = duckdb.connect().sql(f"select year, delay from {files}").fetchall()  # noqa: S608
        assert sorted(found) == [(2012, 1), (2013, 2), (2013, 3)]

    def test_without_its_manifest_a_dataset_is_not_found_until_it_is_overwritten(self, folder: str) -> None:
        (Path(folder) / "manifest.json").unlink()
        datasets = ParquetDatasetStore(Store(LocalBackend(Path(folder).parent)))
        for read in (datasets.read_dataset, datasets.read_dataset_batches, datasets.read_manifest):
            with pytest.raises(NotFound, match="Dataset not found: t"):
                read("t")
        assert datasets.dataset_exists("t")
        datasets.write_dataset(TABLE, "t", overwrite=True)
        assert datasets.read_dataset("t").equals(TABLE)


def _rows(found: list[dict[str, int]]) -> list[tuple[int, int]]:
    return sorted((row["year"], row["delay"]) for row in found)
