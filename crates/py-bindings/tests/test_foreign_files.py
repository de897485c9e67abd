"""Files of Spark, DuckDB, polars, fastparquet and careless hands: what pyarrow reads is what we read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from remote_store import Store
from remote_store.backends import MemoryBackend
from remote_store.ext.parquet import ParquetDatasetStore

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed, so there is nothing to compare with")
pq = pytest.importorskip("pyarrow.parquet", reason="tables need pyarrow")
_dagster = pytest.importorskip("remote_store.ext.dagster", reason="the serializer needs Dagster")
ParquetSerializer = _dagster.ParquetSerializer

FOLDER = Path(__file__).parents[2] / "serializers" / "tests" / "fixtures" / "foreign"
FILES = {path.stem: path.read_bytes() for path in sorted(FOLDER.glob("*.parquet"))}
# What is read neither here nor by pyarrow, and a word of our error.
REFUSED = {
    "duckdb_encrypted": "its footer is encrypted",
    "duckdb_v2_unsigned": "'count'",
    "odd_arrow_schema_broken": "ARROW:schema",
    "odd_short_statistics": "statistic",
    "odd_type_unknown_converted": "ConvertedType 77",
    "polars_int128": "128",
    "pyarrow_encrypted_column": "decryption_properties",
    "spark_lz4_blocks": "'word'",
}
MAP = [[("a", 1), ("b", None)], None, []]
# What pyarrow refuses and is read here.
OURS_ALONE = {
    "odd_map_hive": {"m": MAP},
    "odd_map_key_value_outside": {"m": MAP},
    "odd_map_optional_keys": {"m": MAP},
    "odd_type_decimal_wide": {"id": [1, 2], "it": ["2.58", None]},
}
TWO_OF_ONE_NAME = "odd_same_names"
READ = sorted(FILES.keys() - REFUSED.keys() - OURS_ALONE.keys() - {TWO_OF_ONE_NAME})
# Datasets hold what we or pyarrow wrote: footers and text that are not understood are errors there.
NOT_IN_DATASETS = {
    "odd_arrow_schema_stale",
    "odd_metadata_bytes",
    "odd_type_not_utf8",
    "odd_type_unknown_number",
}
OPERATORS = ("==", "!=", "<", "<=", ">", ">=", "in", "not in")


def by_pyarrow(content):
    return pq.read_table(pa.BufferReader(content))


def groups(content):
    return pq.ParquetFile(pa.BufferReader(content)).num_row_groups


def described(schema):
    return [(field.name, field.type, field.nullable, field.metadata or None) for field in schema]


def same(ours, theirs) -> None:
    assert described(ours.schema) == described(theirs.schema)
    assert (ours.schema.metadata or None) == (theirs.schema.metadata or None)
    ours.validate()
    # NaN is unequal to itself, and equal in text.
    assert ours.equals(theirs) or str(ours.to_pylist()) == str(theirs.to_pylist())


def padded(content):
    """The same file, too long to be fetched whole, so that columns are fetched by their ranges."""
    footer = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    return content[:footer] + bytes(200_000) + content[footer:]


@pytest.mark.parametrize("name", READ)
def test_a_foreign_file_is_read_as_pyarrow_reads_it(name: str) -> None:
    theirs, parquet = by_pyarrow(FILES[name]), ParquetSerializer()
    same(parquet.deserialize(FILES[name]), theirs)
    store = Store(MemoryBackend())
    store.write("f.parquet", FILES[name])
    store.write("long.parquet", padded(FILES[name]))
    same(parquet.read_from(store, "f.parquet"), theirs)
    for column in theirs.column_names:
        wanted = theirs.select([column])
        same(parquet.deserialize(FILES[name], columns=[column]), wanted)
        same(parquet.read_from(store, "long.parquet", columns=[column]), wanted)


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_is_refused_says_what_is_wrong(name: str) -> None:
    with pytest.raises((pa.ArrowException, OSError)):
        by_pyarrow(FILES[name])
    with pytest.raises(ValueError, match=REFUSED[name]):
        ParquetSerializer().deserialize(FILES[name])
    store = Store(MemoryBackend())
    store.write("f.parquet", FILES[name])
    with pytest.raises(ValueError, match=REFUSED[name]):
        ParquetSerializer().read_from(store, "f.parquet")


@pytest.mark.parametrize("name", OURS_ALONE)
def test_what_pyarrow_refuses_is_read(name: str) -> None:
    with pytest.raises(pa.ArrowInvalid):
        by_pyarrow(FILES[name])
    table = ParquetSerializer().deserialize(FILES[name])
    table.validate(full=True)
    rows = {
        column: [str(value) if column == "it" and value else value for value in table[column].to_pylist()]
        for column in table.column_names
    }
    assert rows == OURS_ALONE[name]


def test_plain_columns_beside_an_encrypted_one_are_read() -> None:
    table = ParquetSerializer().deserialize(FILES["pyarrow_encrypted_column"], columns=["id"])
    assert table.column("id").to_pylist() == list(range(60))


def test_a_column_that_is_not_there_is_an_error_of_files_that_only_pyarrow_opens() -> None:
    with pytest.raises(ValueError, match="incompatible arrow schema"):
        ParquetSerializer().deserialize(FILES["odd_arrow_schema_stale"], columns=["gone"])


@pytest.fixture(scope="module")
def dataset():
    """Gives a dataset of one part, whose content a test may choose."""
    store = Store(MemoryBackend())
    datasets = ParquetDatasetStore(store)
    (part,) = datasets.write_dataset(pa.table({"a": [1]}), "t").parts
    manifest = json.loads(store.read_bytes("t/manifest.json"))

    def of(content):
        manifest["row_count"] = pq.read_metadata(pa.BufferReader(content)).num_rows
        store.write_text("t/manifest.json", json.dumps(manifest), overwrite=True)
        store.write(f"t/{part}", content, overwrite=True)
        return datasets

    return of


def filters_of(table):
    """Filters of each column that is not nested, by its smallest and its largest value."""
    for column in table.column_names:
        kind = table.schema.field(column).type
        if pa.types.is_nested(kind) or isinstance(kind, pa.BaseExtensionType):
            continue
        values = sorted(set(table.column(column).drop_null().to_pylist()))
        for value in values[:: max(1, len(values) - 1)]:
            if isinstance(value, int) and value >= 2**63:
                continue  # pyarrow makes no filter of it
            for operator in OPERATORS:
                yield column, [(column, operator, [value] if operator.endswith("in") else value)]


@pytest.mark.parametrize("name", [name for name in READ if name not in NOT_IN_DATASETS])
def test_a_foreign_file_is_read_as_part_of_a_dataset(name: str, dataset) -> None:
    theirs = by_pyarrow(FILES[name])
    same(dataset(FILES[name]).read_dataset_batches("t").read_all(), theirs)


@pytest.mark.parametrize("name", sorted(NOT_IN_DATASETS))
def test_a_part_that_is_not_understood_is_an_error_of_the_dataset(name: str, dataset) -> None:
    with pytest.raises(ValueError, match="Parquet"):
        dataset(FILES[name]).read_dataset("t")


@pytest.mark.parametrize(
    "name", [name for name in READ if name not in NOT_IN_DATASETS and groups(FILES[name]) > 1]
)
def test_filters_of_foreign_files_lose_no_row(name: str, dataset) -> None:
    datasets, theirs = dataset(FILES[name]), by_pyarrow(FILES[name])
    tried = 0
    for column, filters in filters_of(theirs):
        try:
            wanted = theirs.filter(pq.filters_to_expression(filters))
        except pa.ArrowInvalid:
            continue  # pyarrow compares numbers beyond 63 bits with none that is below them
        columns = [name for name in theirs.column_names if name in (column, "id")]
        ours = datasets.read_dataset("t", columns=columns, filters=filters)
        assert str(ours.to_pylist()) == str(wanted.select(columns).to_pylist()), filters
        tried += 1
    assert tried >= len(OPERATORS)
