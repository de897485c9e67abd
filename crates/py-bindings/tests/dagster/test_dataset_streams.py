"""Datasets of assets: streams of batches, row counts, columns."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg
import pytest

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed, so there are no datasets")

from remote_store import Store  # noqa: E402
from remote_store.backends import MemoryBackend  # noqa: E402
from remote_store.ext.dagster import dagster_dataset_io_manager  # noqa: E402

SCHEMA = pa.schema([("id", pa.int64()), ("word", pa.string())])


def batches() -> Iterator[pa.RecordBatch]:
    for start in range(0, 30_000, 10_000):
        ids = list(range(start, start + 10_000))
        yield pa.record_batch([ids, [str(number) for number in ids]], schema=SCHEMA)


@dg.asset
def numbers() -> pa.RecordBatchReader:
    return pa.RecordBatchReader.from_batches(SCHEMA, batches())


def test_a_stream_is_stored_and_its_rows_are_told() -> None:
    store = Store(MemoryBackend())
    manager = dagster_dataset_io_manager(store)
    result = dg.materialize([numbers], resources={"io_manager": manager})
    metadata = result.asset_materializations_for_node("numbers")[0].metadata
    assert metadata["dataset_key"].value == "numbers"
    assert metadata["dagster/row_count"].value == 30_000
    assert store.is_file("numbers/_SUCCESS")


def test_an_input_loads_the_columns_that_its_metadata_names() -> None:
    seen = []

    @dg.asset(ins={"numbers": dg.AssetIn(metadata={"columns": ["word"]})})
    def words(numbers: pa.Table) -> None:
        seen.append((numbers.column_names, numbers.num_rows))

    manager = dagster_dataset_io_manager(Store(MemoryBackend()))
    assert dg.materialize([numbers, words], resources={"io_manager": manager}).success
    assert seen == [(["word"], 30_000)]
