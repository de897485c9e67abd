"""Tables of more than 64 MiB, which are decoded while they arrive, on each store that is at hand."""

from __future__ import annotations

import io
import os

import pytest

from remote_store import Store
from remote_store._native import parquet as native

pa = pytest.importorskip("pyarrow", reason="tables need pyarrow")
pq = pytest.importorskip("pyarrow.parquet", reason="tables need pyarrow")

LEAST_BYTES = 64 << 20
"""What is fetched whole at most."""
ROWS = 24_000


@pytest.fixture(scope="module")
def table():
    columns = {
        f"b{n}": pa.FixedSizeBinaryArray.from_buffers(
            pa.binary(1000), ROWS, [None, pa.py_buffer(os.urandom(1000 * ROWS))]
        )
        for n in range(3)
    }
    levels = pa.array(["hi", "lo", None] * (ROWS // 3)).dictionary_encode()
    return pa.table({"id": range(ROWS), **columns, "level": levels})


@pytest.fixture(scope="module")
def content(table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="none", use_dictionary=["level"], row_group_size=10_000)
    assert len(sink.getvalue()) > LEAST_BYTES
    return sink.getvalue()


@pytest.mark.parametrize("columns", [None, ["id", "b0", "b1", "b2"]], ids=["all", "nearly all"])
def test_a_very_large_table_comes_whole(store: Store, table, content: bytes, columns) -> None:
    store.write("t.parquet", content)
    decoded, whole = native.read(store, "t.parquet", columns)
    assert whole is None
    expected = table if columns is None else table.select(columns)
    assert pa.table(decoded).equals(expected)


def test_a_very_large_table_with_a_flipped_bit_is_an_error(store: Store, table) -> None:
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="none", use_dictionary=["level"], write_page_checksum=True)
    damaged = bytearray(sink.getvalue())
    damaged[len(damaged) // 2] ^= 1
    store.write("t.parquet", bytes(damaged))
    with pytest.raises(ValueError, match="'b1'"):
        native.read(store, "t.parquet")
