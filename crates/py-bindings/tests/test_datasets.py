"""Datasets beyond the drop-in: folders by columns, filters, batches, bytes of a file, conflicts."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import threading
from pathlib import Path

import pytest

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed, so there are no datasets")
import pyarrow.dataset as ds  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402

from remote_store import Conflict, Store  # noqa: E402
from remote_store.backends import LocalBackend, MemoryBackend  # noqa: E402
from remote_store.ext.parquet import ParquetDatasetStore  # noqa: E402

DAY = dt.date(2026, 1, 1)
TABLE = pa.table(
    {
        "id": list(range(8)),
        "year": pa.array([2012, 2013, None, 2013, 2012, 2013, 2012, 2013], pa.int16()),
        "word": ["a b/c", "é", "", None, "a b/c", "é", "x", "é"],
        "day": [DAY] * 4 + [DAY + dt.timedelta(days=1)] * 4,
        "delay": [1.5, None, float("nan"), -4.0, 7.0, 0.0, 60.5, 3.0],
    }
)
BY = ["year", "word"]


@pytest.fixture
def store() -> Store:
    return Store(MemoryBackend())


def rows(table: pa.Table) -> list[str]:
    return sorted(str(row) for row in table.to_pylist())


class TestFolders:
    def test_columns_become_folders_as_pyarrow_names_them_and_come_back_typed(self, tmp_path: Path) -> None:
        datasets = ParquetDatasetStore(Store(LocalBackend(tmp_path / "ours")))
        manifest = datasets.write_dataset(TABLE, "t", partition_cols=BY)
        pq.write_to_dataset(TABLE, tmp_path / "theirs", partition_cols=BY)

        def folders(root: Path) -> set[str]:
            return {str(file.parent.relative_to(root)) for file in root.rglob("*.parquet")}

        assert folders(tmp_path / "ours" / "t") == folders(tmp_path / "theirs")
        assert manifest.partition_cols == ("year", "word")
        back = datasets.read_dataset("t")
        assert back.schema.names == TABLE.schema.names
        assert back.schema.types == TABLE.schema.types
        assert rows(back) == rows(TABLE)

    def test_pyarrow_reads_the_folders(self, tmp_path: Path) -> None:
        datasets = ParquetDatasetStore(Store(LocalBackend(tmp_path)))
        manifest = datasets.write_dataset(TABLE, "t", partition_cols=["day"])
        files = [str(tmp_path / "t" / part) for part in manifest.parts]
        theirs = ds.dataset(files, partitioning="hive", partition_base_dir=str(tmp_path / "t")).to_table()
        assert theirs.num_rows == TABLE.num_rows
        assert set(theirs.column("day").to_pylist()) == {"2026-01-01", "2026-01-02"}

    def test_an_overwrite_changes_between_flat_and_folders(self, store: Store) -> None:
        datasets = ParquetDatasetStore(store, max_rows_per_file=1)
        for columns in [None, ["year"], ["word"], None]:
            datasets.write_dataset(TABLE, "t", overwrite=True, partition_cols=columns)
            assert rows(datasets.read_dataset("t")) == rows(TABLE)
            assert len(list(store.list_files("t", recursive=True))) == TABLE.num_rows + 2
        datasets.delete_dataset("t")
        assert list(store.list_files("", recursive=True)) == []

    def test_deleting_leaves_no_folder_on_a_disk(self, tmp_path: Path) -> None:
        datasets = ParquetDatasetStore(Store(LocalBackend(tmp_path)))
        datasets.write_dataset(TABLE, "t", partition_cols=BY)
        datasets.delete_dataset("t")
        assert list(tmp_path.rglob("*=*")) == []

    def test_a_table_without_rows_keeps_its_columns(self, store: Store) -> None:
        datasets = ParquetDatasetStore(store)
        datasets.write_dataset(TABLE.slice(0, 0), "t", partition_cols=["year"])
        assert datasets.read_dataset("t").schema.types == TABLE.schema.types

    @pytest.mark.parametrize(
        ("columns", "words"),
        [
            (["delay"], "partition column 'delay' of type Float64"),
            (["nope"], "nope"),
            (["year", "year"], "named once each"),
            (TABLE.column_names[:3], None),
            (["id", "year", "word", "day", "delay"], "delay"),
        ],
    )
    def test_columns_that_cannot_be_folders_are_refused_by_name(
        self, store: Store, columns: list[str], words: str | None
    ) -> None:
        datasets = ParquetDatasetStore(store)
        if words is None:
            datasets.write_dataset(TABLE, "t", partition_cols=columns)
            return
        with pytest.raises((ValueError, TypeError), match=words):
            datasets.write_dataset(TABLE, "t", partition_cols=columns)
        assert list(store.list_files("", recursive=True)) == []


FILTERS = [
    [("id", ">", 3)],
    [("id", "<=", 2.5)],
    [("year", "==", 2013), ("delay", "<", 5)],
    [("word", "in", ["é", "x"])],
    [("word", "not in", ["é"])],
    [("word", "!=", "é")],
    [("word", "in", ["x", None])],
    [("year", "<", 2013)],
    [("day", ">=", DAY + dt.timedelta(days=1))],
    [("delay", "!=", 7.0)],
    [("delay", ">", 1000)],
    [[("id", "==", 0)], [("year", "==", 2013), ("word", "==", "é")]],
]


class TestFilters:
    @pytest.mark.parametrize("filters", FILTERS, ids=str)
    @pytest.mark.parametrize("by", [None, ["year"], BY, ["day"]], ids=str)
    def test_rows_are_those_that_pyarrow_filters(
        self, store: Store, filters: list[tuple[str, str, object]], by: list[str] | None
    ) -> None:
        datasets = ParquetDatasetStore(store, row_group_size=2)
        datasets.write_dataset(TABLE, "t", partition_cols=by)
        expected = TABLE.filter(pq.filters_to_expression(filters))
        assert rows(datasets.read_dataset("t", filters=filters)) == rows(expected)
        some = datasets.read_dataset("t", columns=["id"], filters=filters)
        assert some.column_names == ["id"]
        assert sorted(some["id"].to_pylist()) == sorted(expected["id"].to_pylist())
        batches = datasets.read_dataset_batches("t", columns=["id"], filters=filters)
        assert rows(batches.read_all()) == rows(some)

    def test_folders_and_row_groups_that_hold_no_such_row_are_not_fetched(self, tmp_path: Path) -> None:
        datasets = ParquetDatasetStore(Store(LocalBackend(tmp_path)))
        manifest = datasets.write_dataset(TABLE, "t", partition_cols=["year"])
        for part in manifest.parts:
            if "year=2013" not in part:
                (tmp_path / "t" / part).unlink()
        assert datasets.read_dataset("t", filters=[("year", "==", 2013)]).num_rows == 4

    @pytest.mark.parametrize(
        ("filters", "words"),
        [
            ([("id", "~", 1)], "unknown operator '~'.*'id'"),
            ([("id", ">")], "list of \\(column, operator, value\\)"),
            ([], "at least one condition"),
            ([("nope", ">", 1)], "nope"),
        ],
    )
    def test_other_forms_are_refused(self, store: Store, filters: list[tuple[str, ...]], words: str) -> None:
        datasets = ParquetDatasetStore(store)
        datasets.write_dataset(TABLE, "t")
        with pytest.raises(ValueError, match=words):
            datasets.read_dataset("t", filters=filters)

    @pytest.mark.parametrize("by", [None, ["word"]], ids=str)
    def test_values_that_can_be_looked_at_once_are_looked_at_as_often_as_needed(
        self, store: Store, by: list[str] | None
    ) -> None:
        datasets = ParquetDatasetStore(store, row_group_size=2)
        datasets.write_dataset(TABLE, "t", partition_cols=by)

        def once() -> list[tuple[str, str, object]]:
            return [("id", "in", iter([1, 2, 7])), ("word", "in", iter(["é", ""]))]

        assert sorted(datasets.read_dataset("t", filters=once())["id"].to_pylist()) == [1, 2, 7]
        batches = datasets.read_dataset_batches("t", filters=once())
        assert sorted(batches.read_all()["id"].to_pylist()) == [1, 2, 7]

    def test_nanoseconds_leave_out_no_row_that_pyarrow_finds(self, store: Store) -> None:
        pd = pytest.importorskip("pandas", reason="pandas is not installed, so there are no nanoseconds")
        datasets = ParquetDatasetStore(store, row_group_size=1)
        table = pa.table({"t": pa.array([1_000_000, 1_000_187, 1_001_000], pa.timestamp("ns"))})
        datasets.write_dataset(table, "t")
        for operator in ("==", "!=", "<", "<=", ">", ">="):
            filters = [("t", operator, pd.Timestamp(1_000_187))]
            expected = table.filter(pq.filters_to_expression(filters))
            assert datasets.read_dataset("t", filters=filters).equals(expected), operator

    @pytest.mark.parametrize("by", [None, ["day"]], ids=str)
    def test_lists_of_times_leave_out_no_row_that_pyarrow_finds(
        self, store: Store, by: list[str] | None
    ) -> None:
        datasets = ParquetDatasetStore(store, row_group_size=1)
        noon = dt.datetime(2026, 1, 1, 12)  # noqa: DTZ001 - PyArrow drops the time of day for a date
        zone = dt.timezone(dt.timedelta(hours=-7))
        table = pa.table({"id": [1, 2], "day": [DAY, DAY + dt.timedelta(days=1)]})
        datasets.write_dataset(table, "t", partition_cols=by)
        for values in ([noon], [DAY, noon], [dt.datetime(2026, 1, 1, 17, tzinfo=zone)]):
            filters = [("day", "in", values)]
            expected = table.filter(pq.filters_to_expression(filters))
            assert expected.num_rows == 1
            assert datasets.read_dataset("t", filters=filters).to_pydict() == expected.to_pydict(), values
        far = dt.datetime(9999, 12, 31)  # noqa: DTZ001 - beyond nanoseconds, so that PyArrow wraps it
        times = pa.table({"t": pa.array([far]).cast(pa.timestamp("ns"), safe=False)})
        datasets.write_dataset(times, "times")
        filters = [("t", "in", [DAY, far])]
        expected = times.filter(pq.filters_to_expression(filters))
        assert datasets.read_dataset("times", filters=filters).num_rows == expected.num_rows

    def test_what_cannot_be_compared_is_an_error_also_without_rows_to_compare(self, store: Store) -> None:
        datasets = ParquetDatasetStore(store)
        naive = dt.datetime(2026, 1, 1)  # noqa: DTZ001 - that it has no zone is the point
        datasets.write_dataset(pa.table({"t": pa.array([naive])}), "t")
        for year in (2020, 2030):
            filters = [("t", ">=", dt.datetime(year, 1, 1, tzinfo=dt.UTC))]
            with pytest.raises(pa.ArrowInvalid, match="timestamp without timezone"):
                datasets.read_dataset("t", filters=filters)

    def test_a_table_that_pyarrow_reads_has_its_columns_in_the_same_order(self, store: Store) -> None:
        odd = pa.table({"a": [1], "b": pa.array([1.5]).cast(pa.decimal128(5, 2)), "c": ["x"]})
        numbers = pa.array([1], pa.dictionary(pa.int8(), pa.int64()))
        for table in (odd, odd.append_column("d", numbers)):
            datasets = ParquetDatasetStore(store)
            datasets.write_dataset(table, "t", overwrite=True)
            assert datasets.read_dataset("t", columns=["c", "a", "c"]).column_names == ["a", "c"]


class TestCategories:
    def test_categories_are_folders_and_come_back_as_text(self, store: Store) -> None:
        datasets = ParquetDatasetStore(store)
        words = pa.array(["b", None, "a", "b"]).dictionary_encode()
        datasets.write_dataset(pa.table({"id": [0, 1, 2, 3], "word": words}), "t", partition_cols=["word"])
        read = datasets.read_dataset("t", columns=["word", "id"]).sort_by("id")
        assert read.to_pydict() == {"id": [0, 1, 2, 3], "word": ["b", None, "a", "b"]}
        assert datasets.read_dataset("t", filters=[("word", "==", "b")])["id"].to_pylist() == [0, 3]

    def test_categories_without_rows_come_back_from_folders(self, store: Store) -> None:
        datasets = ParquetDatasetStore(store)
        table = pa.table({"id": pa.array([], pa.int64()), "word": pa.array([]).cast(pa.string())})
        table = table.set_column(1, "word", table["word"].dictionary_encode())
        datasets.write_dataset(table, "t", partition_cols=["id"])
        assert datasets.read_dataset("t").schema.equals(table.schema)
        assert datasets.read_dataset("t", filters=[("word", "==", "b")]).num_rows == 0


class TestBatches:
    def test_a_long_stream_is_written_and_read_in_pieces(self, store: Store) -> None:
        schema = pa.schema([("n", pa.int64()), ("text", pa.string())])

        def produced() -> object:
            for start in range(0, 200_000, 20_000):
                numbers = range(start, start + 20_000)
                # Text that no encoding makes much smaller.
                texts = [hashlib.sha256(str(number).encode()).hexdigest() for number in numbers]
                yield pa.record_batch([list(numbers), texts], schema=schema)

        datasets = ParquetDatasetStore(store, max_bytes_per_file=2_000_000)
        reader = pa.RecordBatchReader.from_batches(schema, produced())
        manifest = datasets.write_dataset(reader, "t")
        assert manifest.row_count == 200_000
        sizes = [store.get_file_info(f"t/{part}").size for part in manifest.parts]
        assert len(sizes) > 2
        assert max(sizes) <= 2_000_000 * 1.05
        assert min(sizes[:-1]) > 1_000_000
        numbers = [n for batch in datasets.read_dataset_batches("t") for n in batch.column(0).to_pylist()]
        assert numbers == list(range(200_000))

    def test_the_same_rows_are_cut_alike_each_time(self, store: Store) -> None:
        table = pa.table({"n": list(range(100_000)), "t": [f"{n * 7919:x}" for n in range(100_000)]})
        datasets = ParquetDatasetStore(store, max_bytes_per_file=200_000)
        cuts = []
        for key in ["a", "b"]:
            manifest = datasets.write_dataset(table, key)
            cuts.append([store.get_file_info(f"{key}/{part}").size for part in manifest.parts])
        assert cuts[0] == cuts[1]
        assert len(cuts[0]) > 1

    def test_a_source_that_fails_leaves_the_old_dataset(self, store: Store) -> None:
        datasets = ParquetDatasetStore(store, max_rows_per_file=30_000)
        datasets.write_dataset(TABLE, "t")
        before = sorted(str(file.path) for file in store.list_files("", recursive=True))

        def failing() -> object:
            for _ in range(3):
                yield pa.record_batch([list(range(50_000))], names=["n"])
            raise OSError("the source is gone")

        reader = pa.RecordBatchReader.from_batches(pa.schema([("n", pa.int64())]), failing())
        with pytest.raises(Exception, match="the source is gone"):
            datasets.write_dataset(reader, "t", overwrite=True)
        assert sorted(str(file.path) for file in store.list_files("", recursive=True)) == before
        assert datasets.read_dataset("t").num_rows == TABLE.num_rows

    def test_a_replaced_dataset_ends_the_stream_clearly(self, store: Store) -> None:
        numbers = pa.table({"n": list(range(60))})
        datasets = ParquetDatasetStore(store, max_rows_per_file=1)
        datasets.write_dataset(numbers, "t")
        reader = datasets.read_dataset_batches("t")
        seen = reader.read_next_batch().column(0).to_pylist()
        datasets.write_dataset(pa.table({"n": [-1] * 60}), "t", overwrite=True)

        def read_on() -> None:
            for batch in reader:
                seen.extend(batch.column(0).to_pylist())

        with pytest.raises(Conflict, match="replaced while it was read"):
            read_on()
        assert seen == list(range(len(seen)))

    def test_what_only_pyarrow_reads_comes_in_batches_too(self, store: Store) -> None:
        datasets = ParquetDatasetStore(store, max_rows_per_file=2)
        odd = pa.table({"n": [1, 2, 3], "bits": pa.array([True, False, True]).dictionary_encode()})
        datasets.write_dataset(odd, "t")
        assert datasets.read_dataset_batches("t", filters=[("n", ">", 1)]).read_all().num_rows == 2
        assert datasets.read_dataset("t", filters=[("n", ">", 1)]).num_rows == 2


class TestWriters:
    def test_of_many_writers_at_once_one_wins_whole_and_the_others_are_told(self, store: Store) -> None:
        datasets = ParquetDatasetStore(store, max_rows_per_file=1)
        datasets.write_dataset(pa.table({"n": [0] * 3}), "t")
        ready, outcomes = threading.Barrier(8), []

        def write(number: int) -> None:
            ready.wait()
            try:
                datasets.write_dataset(pa.table({"n": [number] * 3}), "t", overwrite=True)
                outcomes.append(number)
            except Conflict as conflict:
                assert "Dataset t" in str(conflict)  # noqa: PT017 - one of many, and not always
                outcomes.append(None)

        threads = [threading.Thread(target=write, args=(number,)) for number in range(1, 9)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        found = datasets.read_dataset("t")["n"].to_pylist()
        assert len(outcomes) == 8
        assert len(found) == 3
        assert len(set(found)) == 1
        assert found[0] in outcomes
        assert len(list(store.list_files("t", recursive=True))) == 3 + 2

    @pytest.mark.parametrize("option", ["max_rows_per_file", "max_bytes_per_file", "row_group_size"])
    def test_nothing_for_each_file_is_refused(self, store: Store, option: str) -> None:
        with pytest.raises(ValueError, match=f"{option} must be at least 1, got 0"):
            ParquetDatasetStore(store, **{option: 0})

    def test_the_manifest_tells_the_columns_of_folders(self, store: Store) -> None:
        datasets = ParquetDatasetStore(store)
        datasets.write_dataset(TABLE, "t", partition_cols=["year"])
        told = json.loads(store.read_bytes("t/manifest.json"))
        assert told["partition_columns"] == [{"name": "year", "position": 1, "type": "Int16"}]

    def test_orphans_in_folders_go_and_what_is_named_stays(self, store: Store) -> None:
        datasets = ParquetDatasetStore(store)
        datasets.write_dataset(TABLE, "t", partition_cols=BY)
        orphan = "t/year=2012/word=x/part-00009-0123abcd.parquet"
        store.write(orphan, b"PAR1")
        store.write("t/year=2012/word=x/mine.parquet", b"PAR1")
        assert datasets.vacuum(older_than=dt.timedelta(hours=1)) == []
        assert datasets.vacuum(older_than=dt.timedelta(0)) == [orphan]
        assert rows(datasets.read_dataset("t")) == rows(TABLE)


@pytest.mark.parametrize(
    "column",
    [
        pytest.param(pa.array([1, 2]), id="native"),
        pytest.param(pa.array([1, 2]).dictionary_encode(), id="pyarrow"),
    ],
)
def test_a_part_of_another_schema_is_named_with_its_column(store: Store, column: pa.Array) -> None:
    datasets = ParquetDatasetStore(store, max_rows_per_file=1)
    manifest = datasets.write_dataset(pa.table({"id": [1, 2], "x": column}), "t")
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"id": ["one"], "x": column[:1]}), sink)
    store.write(f"t/{manifest.parts[1]}", sink.getvalue().to_pybytes(), overwrite=True)
    with pytest.raises(
        ValueError, match=rf"t/{manifest.parts[1]} does not fit the parts before it: .*\bid\b"
    ):
        datasets.read_dataset("t")
    with pytest.raises(ValueError, match="does not fit"):
        datasets.read_dataset_batches("t").read_all()
