"""One implementation under test, in a process and an environment of its own.

    python worker.py ours --rows 1000000 --to file --do write --folder target/bench-parquet

Writes a table that lies in memory, or reads what was written so before. Makes the table when it is
not in the folder. ``driver.py`` starts it with ``--serve``: then each line of JSON on standard
input is one round, and is answered by one line.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from peaks import held_mb, peak_mb, reset_peak
from places import TARGETS, Target, place_of, size_of

TASKS = ("write", "read", "encode", "upload")
SMALL = 10
"""Rows of the table that is written and read first."""


def times_of(rows: int, to: str) -> int:
    """How often a round does its task: what takes microseconds is repeated."""
    return min(max(1, 2_000 // rows), 200 if to == "memory" else 20)


def table_file(folder: str, rows: int) -> Path:
    """The file of the table, made when it is missing, by a process whose memory is not ours."""
    path = Path(folder) / f"table-{rows}.arrow"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        maker = Path(__file__).with_name("tables.py")
        subprocess.run([sys.executable, str(maker), str(rows), str(path)], check=True)
    return path


class Work:
    """One task of one implementation."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.import_all()
        self.target = Target(options.to, options.name, options.folder, options.endpoint)
        self.place = place_of(self.target)
        self.times = times_of(options.rows, options.to)
        self.table: Any = None
        self.kept = False
        if options.do != "read":
            self.table = self.load(options.rows)
        elif options.to != "s3" and not self.target.file.exists():
            raise SystemExit("there is nothing to read: run the same command with --do write first")
        elif options.to == "memory":
            self.place.content = self.target.file.read_bytes()
        self.content = self.place.encode(self.table) if options.do == "upload" else None

    def import_all(self) -> None:
        """Writes and reads a small table, so that no import counts as memory of a large one."""
        options = self.options
        place = place_of(Target(options.to, options.name, options.folder, options.endpoint, small=True))
        place.write(self.load(SMALL))
        place.read()

    def load(self, rows: int) -> Any:
        """The table in the form that the implementation is used with."""
        import pyarrow as pa

        with pa.OSFile(str(table_file(self.options.folder, rows)), "rb") as file:
            table = pa.ipc.open_file(file).read_all()
        if self.options.name != "polars":
            return table
        import polars as pl

        return pl.from_arrow(table)

    def once(self) -> Any:
        """The task; what it gives."""
        if self.options.do == "write":
            return self.place.write(self.table)
        if self.options.do == "read":
            return self.place.read()
        if self.options.do == "encode":
            return self.place.encode(self.table)
        return self.place.upload(self.content)

    def round(self) -> dict[str, float]:
        """One round: the seconds of one task, and the memory of this process."""
        gc.collect()
        reset_peak()
        before = held_mb()
        found: Any = None
        started = time.perf_counter()
        for _ in range(self.times):
            found = self.once()
        seconds = (time.perf_counter() - started) / self.times
        peak = peak_mb()
        if self.options.do == "read" and len(found) != self.options.rows:
            raise AssertionError(f"{self.options.name} read {len(found)} rows of {self.options.rows}")
        if self.options.do == "write" and self.options.to == "memory" and not self.kept:
            self.target.file.write_bytes(self.place.content)
            self.kept = True
        return {"seconds": seconds, "peak_mb": peak, "added_mb": peak - before}


def main() -> None:
    """Serve rounds until standard input ends, or do some and print them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("name", help="the implementation")
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--to", choices=TARGETS, required=True)
    parser.add_argument("--do", choices=TASKS, required=True)
    parser.add_argument("--folder", required=True, help="for the table and what is written")
    parser.add_argument("--endpoint", default="", help="of S3")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    work = Work(options)
    if options.serve:
        for _ in sys.stdin:
            print(json.dumps(work.round()), flush=True)
        return
    work.round()  # warms up
    rounds = [work.round() for _ in range(options.rounds)]
    seconds = [found["seconds"] for found in rounds]
    print(
        f"{options.name} {options.do} {options.rows:,} rows, {options.to}:"
        f" {statistics.median(seconds) * 1e3:.3f} ms"
        f" ({min(seconds) * 1e3:.3f} to {max(seconds) * 1e3:.3f}),"
        f" peak {max(found['peak_mb'] for found in rounds):.0f} MB,"
        f" added {max(found['added_mb'] for found in rounds):.0f} MB"
        + ("" if options.do == "encode" else f", {size_of(work.target):,} bytes")
    )


if __name__ == "__main__":
    main()
