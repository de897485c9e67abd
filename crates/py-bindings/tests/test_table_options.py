"""Options of tables and datasets that are not valid: refused when they are given, by their names."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from remote_store import Store
from remote_store.backends import MemoryBackend

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed, so there are no tables")

from remote_store.ext.dagster import ParquetSerializer  # noqa: E402
from remote_store.ext.parquet import ParquetDatasetStore  # noqa: E402

TABLE = pa.table({"delay": [1, 70], "year": [2013, 2012], "word": ["a", "b"]})


@pytest.fixture
def store() -> Store:
    return Store(MemoryBackend())


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"row_group_size": -1}, ValueError, "row_group_size must be at least 1, got -1"),
        ({"row_group_size": 10**30}, ValueError, "row_group_size must be at most"),
        ({"row_group_size": "10"}, TypeError, r"row_group_size must be a whole number, got '10' \(str\)"),
        ({"row_group_size": 1.5}, TypeError, r"row_group_size must be a whole number, got 1.5 \(float\)"),
        ({"row_group_size": True}, TypeError, "row_group_size must be a whole number, got True"),
        ({"compression": 3}, TypeError, r"compression must be a text, got 3 \(int\)"),
        (
            {"compression": "zstd", "compression_level": "3"},
            TypeError,
            "compression_level of zstd .* got '3'",
        ),
        (
            {"compression": "zstd", "compression_level": 3.0},
            TypeError,
            "compression_level of zstd .* got 3.0",
        ),
        ({"compression": "zstd", "compression_level": 23}, ValueError, "zstd must be at most 22, got 23"),
        ({"compression": "zstd", "compression_level": -(10**6)}, ValueError, "zstd must be at least -131072"),
        ({"compression": "gzip", "compression_level": 10}, ValueError, "gzip must be at most 9, got 10"),
        ({"compression": "Brotli", "compression_level": 12}, ValueError, "brotli must be at most 11, got 12"),
        ({"compression_level": 10**20}, ValueError, "compression_level must be at most"),
        ({"statistics": True}, TypeError, "statistics must be a text, got True"),
        ({"dictionary": "yes"}, TypeError, "dictionary must be True or False, got 'yes'"),
        ({"sorting_columns": "a"}, TypeError, "sorting_columns must be a list of names.*got one text"),
        ({"sorting_columns": 5}, TypeError, r"sorting_columns must be a list of names.*got 5 \(int\)"),
        ({"sorting_columns": [("a", "descending")]}, TypeError, r"sorting_columns .*'-delay'.*got \('a', 'd"),
        ({"sorting_columns": ["a", "-a"]}, ValueError, "sorting_columns has 'a' twice"),
        ({"sorting_columns": [""]}, ValueError, "sorting_columns .*got '' in it"),
        ({"sorting_columns": ["-"]}, ValueError, "sorting_columns .*got '-' in it"),
    ],
    ids=str,
)
def test_an_option_of_files_is_named_with_its_value(options, error, says) -> None:
    with pytest.raises(error, match=says):
        ParquetSerializer(**options)


@pytest.mark.parametrize("level", [-131_072, -1, 0, 22])
def test_every_level_of_zstd_writes_what_is_read(level: int) -> None:
    parquet = ParquetSerializer(compression="zstd", compression_level=level)
    assert parquet.deserialize(parquet.serialize(TABLE)).equals(TABLE)


def test_none_is_the_default_of_each_option(store: Store) -> None:
    options = ("compression", "compression_level", "row_group_size", "statistics", "dictionary")
    parquet = ParquetSerializer(**dict.fromkeys(options), sorting_columns=None)
    assert parquet.serialize(TABLE) == ParquetSerializer().serialize(TABLE)
    assert ParquetDatasetStore(store, compression=None).write_dataset(TABLE, "t").compression == "zstd"


def test_the_largest_numbers_are_no_bounds_at_all(store: Store) -> None:
    most = 2**63 - 1
    odd = TABLE.append_column("odd", pa.array([1, 2], pa.duration("s")))
    for table in (TABLE, odd, odd.append_column("n", pa.array([1, 2]).dictionary_encode())):
        assert ParquetSerializer(row_group_size=most).serialize(table)
        bounds = dict.fromkeys(("row_group_size", "max_rows_per_file", "max_bytes_per_file"), most)
        datasets = ParquetDatasetStore(store, **bounds)
        assert len(datasets.write_dataset(table, "t", overwrite=True).parts) == 1
        assert datasets.read_dataset("t").num_rows == 2


def test_a_serializer_shows_its_options() -> None:
    assert repr(ParquetSerializer()) == "ParquetSerializer()"
    options = "compression='zstd', compression_level=0, dictionary=False, sorting_columns=['a', '-b']"
    parquet = ParquetSerializer(
        compression="zstd", compression_level=0, dictionary=False, sorting_columns=("a", "-b")
    )
    assert repr(parquet) == f"ParquetSerializer({options})"


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        (
            {"max_bytes_per_file": "256MB"},
            TypeError,
            "max_bytes_per_file must be a whole number, got '256MB'",
        ),
        ({"max_bytes_per_file": 1e6}, TypeError, "max_bytes_per_file must be a whole number, got 1000000.0"),
        ({"max_rows_per_file": 10.0}, TypeError, "max_rows_per_file must be a whole number, got 10.0"),
        ({"row_group_size": 2**70}, ValueError, "row_group_size must be at most"),
        ({"compression": 4}, TypeError, "compression must be a text, got 4"),
        ({"compression": "zip"}, ValueError, "unknown compression 'zip'"),
    ],
    ids=str,
)
def test_an_option_of_datasets_is_named_with_its_value(store: Store, options, error, says) -> None:
    with pytest.raises(error, match=says):
        ParquetDatasetStore(store, **options)


@pytest.mark.parametrize(
    ("age", "error", "says"),
    [
        (86_400, TypeError, r"older_than must be a datetime.timedelta, got 86400 \(int\)"),
        ("1d", TypeError, r"older_than must be a datetime.timedelta, got '1d' \(str\)"),
        (dt.timedelta(days=-1), ValueError, r"older_than must not be negative, got .*days=-1"),
    ],
    ids=str,
)
def test_an_age_is_a_span_of_time(store: Store, age, error, says) -> None:
    with pytest.raises(error, match=says):
        ParquetDatasetStore(store).vacuum(older_than=age)


def test_the_longest_age_removes_nothing(store: Store) -> None:
    store.write("t/part-00000-0123456789abcdef.parquet", b"left")
    assert ParquetDatasetStore(store).vacuum(older_than=dt.timedelta.max) == []


@pytest.mark.parametrize(
    ("metadata", "error", "says"),
    [
        ({"fine": 1, "day": dt.date(2026, 1, 1)}, TypeError, r"metadata\['day'\] .*date is not JSON"),
        ({"deep": {"in": [{1}]}}, TypeError, r"metadata\['deep'\] .*set is not JSON"),
        ({"share": float("nan")}, ValueError, r"metadata\['share'\] does not fit into JSON"),
        ([1], TypeError, "metadata must be a mapping of names to values, got list"),
    ],
    ids=str,
)
def test_metadata_that_is_no_json_names_its_key_and_nothing_is_written(
    store: Store, metadata, error, says
) -> None:
    datasets = ParquetDatasetStore(store)
    with pytest.raises(error, match=says):
        datasets.write_dataset(TABLE, "t", metadata=metadata)
    assert not list(store.list_files("", recursive=True))


@pytest.mark.parametrize(
    "wrong", ["s3://key:secret@bucket", Path("somewhere"), None], ids=["text", "path", "none"]
)
def test_what_is_no_store_is_refused_without_being_shown(wrong) -> None:
    parquet, kind = ParquetSerializer(), type(wrong).__name__
    calls = {
        "ParquetSerializer.write_to": lambda: parquet.write_to(wrong, "a.parquet", TABLE),
        "ParquetSerializer.read_from": lambda: parquet.read_from(wrong, "a.parquet"),
        "ParquetDatasetStore": lambda: ParquetDatasetStore(wrong),
    }
    for who, call in calls.items():
        with pytest.raises(TypeError, match=rf"{who} needs a remote_store.Store, got {kind}") as caught:
            call()
        assert "secret" not in str(caught.value)


class TestFilters:
    @pytest.mark.parametrize(
        "filters",
        [
            [["year", "==", 2013]],
            [["year", "==", 2013], ("delay", "<", 5)],
            [[["year", "==", 2013]], [["year", "==", 1999]]],
            ((("year", "==", 2013), ("delay", "<", 5)),),
            [["year", "in", [2013]]],
        ],
        ids=str,
    )
    def test_conditions_may_be_lists_as_for_pyarrow(self, store: Store, filters) -> None:
        pq = pytest.importorskip("pyarrow.parquet", reason="there is nothing to compare with")
        datasets = ParquetDatasetStore(store)
        for by in (None, ["year"]):
            datasets.write_dataset(TABLE, "t", overwrite=True, partition_cols=by)
            expected = TABLE.filter(pq.filters_to_expression(filters))
            assert expected.num_rows == 1
            found = datasets.read_dataset("t", filters=filters)
            assert found.select(TABLE.column_names).to_pylist() == expected.to_pylist()
            batches = datasets.read_dataset_batches("t", filters=filters).read_all()
            assert batches.select(TABLE.column_names).to_pylist() == expected.to_pylist()

    @pytest.mark.parametrize(
        ("filters", "error", "says"),
        [
            (
                pa.compute.field("delay") > 3,
                TypeError,
                r"list of \(column, operator.*not an Expression of pyarrow",
            ),
            ({"delay": 5}, TypeError, r"list of \(column, operator.*not dict"),
            ("delay > 5", TypeError, r"list of \(column, operator.*not str"),
            (("delay", ">", 5), ValueError, "got str in it"),
            ([("delay", "in", 5)], TypeError, "'in' in a filter of column 'delay' must be a list, got int"),
        ],
        ids=["expression", "dict", "text", "condition", "in"],
    )
    def test_another_form_shows_the_one_that_is_wanted(self, store: Store, filters, error, says) -> None:
        datasets = ParquetDatasetStore(store)
        datasets.write_dataset(TABLE, "t")
        for read in (datasets.read_dataset, datasets.read_dataset_batches):
            with pytest.raises(error, match=says):
                read("t", filters=filters)

    @pytest.mark.parametrize(
        ("condition", "error", "says"),
        [
            (("delay", ">", "60"), pa.ArrowNotImplementedError, "'delay' is int64.* by '>' .*string"),
            (("word", "<", 5), pa.ArrowNotImplementedError, "'word' is string.* by '<' .*int64"),
            (("delay", "in", ["x"]), pa.ArrowTypeError, "'delay' is int64.* by 'in' .*string"),
            (("delay", "==", object()), pa.ArrowInvalid, "'delay' is int64.* by '==' .*object"),
        ],
        ids=["number", "text", "list", "object"],
    )
    def test_what_cannot_be_compared_names_the_column_and_both_types(
        self, store: Store, condition, error, says
    ) -> None:
        datasets = ParquetDatasetStore(store)
        for table in (TABLE, TABLE.slice(0, 0)):
            datasets.write_dataset(table, "t", overwrite=True)
            for filters in ([condition], [("year", ">", 0), condition], [[("year", ">", 0)], [condition]]):
                with pytest.raises(error, match=says):
                    datasets.read_dataset("t", filters=filters)
                with pytest.raises(error, match=says):
                    datasets.read_dataset_batches("t", filters=filters).read_all()
