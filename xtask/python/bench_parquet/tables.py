"""The table that every implementation writes and reads: mixed types, the same rows everywhere.

    python tables.py ROWS FILE

Writes it to a file of Arrow's IPC format, which every process loads into its memory.
"""

from __future__ import annotations

import sys

import numpy as np
import pyarrow as pa
import pyarrow.compute

__all__ = ["mixed"]

_CARRIERS = ["UA", "B6", "DL", "AA", "EV", "MQ", "WN", "US", "9E", "VX"]
_MISSING, _OFTEN_MISSING = 0.1, 0.3
_STATES = ["scheduled", "boarding", "departed", "delayed", "cancelled", "diverted"]


def mixed(rows: int) -> pa.Table:
    """Make a table of ten columns, the same for the same number of rows.

    Whole and fractional numbers, words of few and of many values, nulls, time stamps with a zone,
    lists, and a categorical column.
    """
    random = np.random.default_rng(20130101)
    tail = pa.array(random.integers(0, max(1, rows), rows)).cast(pa.string())
    lengths = random.integers(0, 4, rows)
    offsets = np.zeros(rows + 1, dtype=np.int32)
    np.cumsum(lengths, out=offsets[1:])
    stops = pa.array(random.integers(0, 500, int(offsets[-1])).astype(np.int32))
    start = np.datetime64("2013-01-01", "us").astype(np.int64)
    seconds = np.sort(random.integers(0, 365 * 86_400, rows))
    return pa.table(
        {
            "id": pa.array(np.arange(rows, dtype=np.int64)),
            "flight": pa.array(random.integers(1, 8_000, rows).astype(np.int32)),
            "distance": pa.array(random.gamma(2.0, 500.0, rows)),
            "delay": pa.array(np.round(random.normal(0.0, 30.0, rows)), mask=random.random(rows) < _MISSING),
            "gate": pa.array(
                random.integers(0, 99, rows).astype(np.int64), mask=random.random(rows) < _OFTEN_MISSING
            ),
            "carrier": pa.array(_CARRIERS).take(pa.array(random.integers(0, len(_CARRIERS), rows))),
            "tail": pa.compute.binary_join_element_wise("N", tail, "-"),
            "at": pa.array(start + seconds * 1_000_000, pa.timestamp("us", "UTC")),
            "stops": pa.ListArray.from_arrays(pa.array(offsets), stops),
            "state": pa.DictionaryArray.from_arrays(
                pa.array(random.integers(0, len(_STATES), rows).astype(np.int8)), pa.array(_STATES)
            ),
        }
    )


def main() -> None:
    """Write the table."""
    table = mixed(int(sys.argv[1]))
    with pa.OSFile(sys.argv[2], "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)


if __name__ == "__main__":
    main()
