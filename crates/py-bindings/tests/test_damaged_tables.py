"""What cannot be read says which object it is, and what is asked for and not there says where."""

from __future__ import annotations

import pickle
from decimal import Decimal

import pytest

pa = pytest.importorskip("pyarrow", reason="tables need pyarrow")
_dagster = pytest.importorskip("remote_store.ext.dagster", reason="the serializer needs Dagster")

from remote_store import Store  # noqa: E402
from remote_store.backends import MemoryBackend  # noqa: E402
from remote_store.ext._located import located, name_place  # noqa: E402
from remote_store.ext.parquet import ParquetDatasetStore  # noqa: E402

PARQUET = _dagster.ParquetSerializer(compression="none")
TABLE = pa.table({"year": [2012, 2013, 2013], "word": ["aaaa", "bbbb", "cccc"], "d": [1.0, 2.0, 3.0]})
# Categories whose order only pyarrow keeps.
CATEGORIES = TABLE.set_column(1, "word", TABLE["word"].dictionary_encode())
WHOLE = PARQUET.serialize(TABLE)


def flipped(data: bytes, at: bytes) -> bytes:
    return data.replace(at, bytes(byte ^ 1 for byte in at), 1)


DAMAGED = {
    "csv": (b"year,word\n2012,aaaa\n", "this is no Parquet file: it neither begins nor ends with"),
    "pickle": (pickle.dumps({"year": 2012}), "this is no Parquet file: it neither begins nor ends with"),
    "short": (b"PA", "this is no Parquet file"),
    "cut off": (WHOLE[:-20], "does not end with the bytes PAR1: it is cut off"),
    "empty": (b"", "the object is empty"),
    "a bit": (flipped(WHOLE, b"bbbb"), "hecksum|CRC"),
    "the length": (WHOLE[:-8] + b"\xff\xff\xff\x7fPAR1", "cannot read Parquet"),
}


@pytest.fixture
def store() -> Store:
    return Store(MemoryBackend())


@pytest.mark.parametrize("columns", [None, ["word"]], ids=["all columns", "one column"])
@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_object_is_named(store: Store, kind: str, columns: list[str] | None) -> None:
    content, what = DAMAGED[kind]
    store.write("a/b.parquet", content)
    with pytest.raises(ValueError, match=rf"^a/b\.parquet: .*({what})"):
        PARQUET.read_from(store, "a/b.parquet", columns=columns)


def test_a_column_that_is_damaged_is_the_only_one_named(store: Store) -> None:
    store.write("a.parquet", flipped(WHOLE, b"bbbb"))
    assert PARQUET.read_from(store, "a.parquet", columns=["d"]).num_rows == len(TABLE)
    with pytest.raises(ValueError, match="'word'") as raised:
        PARQUET.read_from(store, "a.parquet", columns=["word"])
    assert "'year'" not in str(raised.value)
    assert "'d'" not in str(raised.value)


def test_what_stands_for_none_is_none_whatever_columns_are_asked_for(store: Store) -> None:
    PARQUET.write_to(store, "a.parquet", None)
    assert PARQUET.read_from(store, "a.parquet", columns=["word"]) is None


@pytest.mark.parametrize("columns", [None, ["word"]], ids=["all columns", "one column"])
@pytest.mark.parametrize("table", [TABLE, CATEGORIES], ids=["native", "pyarrow"])
@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_part_is_named(store: Store, kind: str, table: pa.Table, columns: list[str] | None) -> None:
    datasets = ParquetDatasetStore(store, max_rows_per_file=3)
    part = datasets.write_dataset(pa.concat_tables([table, table]), "g").parts[1]
    store.write(f"g/{part}", DAMAGED[kind][0], overwrite=True)
    with pytest.raises(ValueError, match=f"g/{part}"):
        datasets.read_dataset("g", columns=columns)
    with pytest.raises(ValueError, match=f"g/{part}"):
        datasets.read_dataset_batches("g", columns=columns).read_all()


class TestColumns:
    @pytest.fixture
    def datasets(self, store: Store) -> ParquetDatasetStore:
        datasets = ParquetDatasetStore(store)
        datasets.write_dataset(TABLE, "g", partition_cols=["year"])
        return datasets

    def test_a_slip_is_told_with_the_columns_of_folders(self, datasets: ParquetDatasetStore) -> None:
        told = (
            "dataset g: no column 'yeer' in the table, did you mean 'year'\\?; "
            "it has 3 columns: 'year', 'word', 'd'"
        )
        for options in (
            {"columns": ["yeer"]},
            {"columns": ["d", "yeer"]},
            {"filters": [("yeer", "==", 1)]},
            {"columns": ["d"], "filters": [("yeer", "==", 1)]},
            {"filters": [("year", "==", 1900), ("yeer", "==", 1)]},
            # These have no native form.
            {"filters": [("yeer", "==", Decimal(1))]},
            {"columns": ["d"], "filters": [("yeer", "==", Decimal(1))]},
        ):
            with pytest.raises(ValueError, match=f"^{told}"):
                datasets.read_dataset("g", **options)
            with pytest.raises(ValueError, match=f"^{told}"):
                datasets.read_dataset_batches("g", **options)

    def test_a_name_that_is_like_none_is_told_without_a_guess(self, datasets: ParquetDatasetStore) -> None:
        with pytest.raises(ValueError, match="dataset g: no column 'nope' in the table; it has 3 columns"):
            datasets.read_dataset("g", filters=[("nope", "==", 1)])

    def test_on_writing_there_is_no_file_yet(self, store: Store) -> None:
        datasets = ParquetDatasetStore(store)
        with pytest.raises(ValueError, match=r"'yeer'.*did you mean 'year'") as folders:
            datasets.write_dataset(TABLE, "g", partition_cols=["yeer"])
        with pytest.raises(ValueError, match="'zz'") as sorting:
            _dagster.ParquetSerializer(sorting_columns=["zz"]).serialize(TABLE)
        for refused in (folders, sorting):
            assert "file" not in str(refused.value).lower()


class TestPlaces:
    def test_an_error_keeps_its_type_and_fields(self) -> None:
        with (
            pytest.raises(UnicodeDecodeError, match="invalid start byte \\(read from a/b\\)") as raised,
            located("a/b"),
        ):
            b"\xff".decode()
        assert raised.value.start == 0

    def test_a_text_that_is_not_the_errors_own_gets_a_note(self) -> None:
        error = KeyError("k")
        name_place(error, "a/b")
        assert error.args == ("k",)
        assert error.__notes__ == ["Read from a/b"]
