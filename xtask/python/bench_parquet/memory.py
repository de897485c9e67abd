"""How much memory tables need on their way: the peak of a process, measured in a process each.

    python memory.py [--gigabytes 4] [--to FOLDER]

Prints what was added above what the process held before, and what each task may need.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

MEGABYTE = 1_000_000
GIGABYTE_ROWS = 8_500_000
"""Rows of the mixed table that make up about a gigabyte of Arrow data."""
STREAMED_GIGABYTES = 0.01
"""What a stream is made of, again and again."""

TASKS = {
    "write": "a table in memory, written to a local file",
    "stream": "a reader of batches, written to a local file: the whole process",
    "fallback": "a reader of batches that pyarrow has to encode: the whole process",
    "project": "one column of many, read from a local file: above the bytes of the column",
}


def serializer(folder: str) -> tuple[Any, Any]:
    """The store and the serializer that every task uses."""
    from remote_store import Store
    from remote_store.backends import LocalBackend
    from remote_store.ext.dagster import ParquetSerializer

    return Store(LocalBackend(folder)), ParquetSerializer()


def in_memory(gigabytes: float) -> Any:
    """A table of that size; made of one smaller one, whose memory is not counted again."""
    import pyarrow as pa
    from tables import mixed

    rows = int(gigabytes * GIGABYTE_ROWS)
    piece = mixed(min(rows, 1_000_000))
    return pa.concat_tables([piece] * max(1, rows // piece.num_rows))


def run(name: str, gigabytes: float, folder: str) -> dict[str, float]:
    """One task in this process; its figures in megabytes."""
    import pyarrow as pa
    from peaks import peak_mb, reset_peak

    store, parquet = serializer(folder)
    if name == "project":
        parquet.write_to(store, "project.parquet", in_memory(gigabytes))
    # The source of the stream is small, so that what is measured is the writing.
    table = in_memory(gigabytes if name == "write" else min(gigabytes, STREAMED_GIGABYTES))
    if name == "fallback":
        # Categories that are no words.
        table = table.append_column("level", table["flight"].combine_chunks().dictionary_encode())
    repeat = max(1, int(gigabytes / STREAMED_GIGABYTES))
    batches = (batch for _ in range(repeat) for batch in table.to_batches(max_chunksize=65_536))
    parquet.write_to(store, "small.parquet", table.slice(0, 100_000))
    allowed = 256.0
    reset_peak()
    before = peak_mb()
    if name == "write":
        parquet.write_to(store, "large.parquet", table)
    elif name in ("stream", "fallback"):
        parquet.write_to(store, "large.parquet", pa.RecordBatchReader.from_batches(table.schema, batches))
        before = 0.0
    else:
        column = parquet.read_from(store, "project.parquet", columns=["delay"])
        allowed = 2 * column.nbytes / MEGABYTE
    return {"before_mb": before, "added_mb": peak_mb() - before, "allowed_mb": allowed}


def main() -> int:
    """Runs every task in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=4.0)
    parser.add_argument("--to", help="folder for the files; a temporary one by default")
    parser.add_argument("--task", choices=TASKS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.task:
        print(json.dumps(run(options.task, options.gigabytes, options.to)))
        return 0
    held = True
    with tempfile.TemporaryDirectory(dir=options.to) as folder:
        for task, what in TASKS.items():
            command = [sys.executable, str(Path(__file__).resolve()), "--task", task]
            command += ["--gigabytes", str(options.gigabytes), "--to", folder]
            answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=dict(os.environ))
            found = json.loads(answer.stdout)
            fits = found["added_mb"] <= found["allowed_mb"]
            held = held and fits
            print(
                f"{task:8} {options.gigabytes} GB, {what}: +{found['added_mb']:.0f} MB,"
                f" allowed {found['allowed_mb']:.0f} MB: {'held' if fits else 'NOT HELD'}",
                flush=True,
            )
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
