"""What each option of ParquetSerializer costs and saves, beside the defaults, on the mixed table.

    python options.py [--rows 1000000] [--rounds 5] [--only zstd gzip]

Every round takes the options in turn. Times are of the clock on the wall, as ratios of medians with
the least and the greatest ratio of a round; writing is `serialize`, reading is `deserialize`, a
hundredth of the rows is read by pyarrow with a filter on a column that rises, and the memory is what
a process of its own adds while it writes the table to a file. Ends with the table of docs/parquet.md.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from document import put

if TYPE_CHECKING:
    from collections.abc import Callable

OPTIONS: list[dict[str, Any]] = [
    {},
    {"compression": "none"},
    {"compression": "lz4"},
    {"compression": "zstd"},
    {"compression": "zstd", "compression_level": 3},
    {"compression": "zstd", "compression_level": 9},
    {"compression": "gzip"},
    {"compression": "brotli", "compression_level": 4},
    {"row_group_size": 10_000},
    {"row_group_size": 100_000},
    {"statistics": "none"},
    {"statistics": "page"},
    {"dictionary": False},
    {"sorting_columns": ["id"]},
]
TASKS = ("writing", "reading", "a hundredth")


def named(options: dict[str, Any]) -> str:
    """The options as they stand in a call."""
    return ", ".join(f"{name}={json.dumps(value)}" for name, value in options.items()).replace(
        "false", "False"
    )


class Option:
    """A serializer with some options, and what it took."""

    def __init__(self, options: dict[str, Any]) -> None:
        from remote_store.ext.dagster import ParquetSerializer

        self.options = options
        self.parquet = ParquetSerializer(**options)
        self.seconds: dict[str, list[float]] = {task: [] for task in TASKS}
        self.size = 0
        self.added_mb = 0.0

    def round(self, table: Any) -> None:
        """Writes and reads once."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        content = self.timed("writing", lambda: self.parquet.serialize(table))
        self.size = len(content)
        back = self.timed("reading", lambda: self.parquet.deserialize(content))
        assert back is not None
        assert back.num_rows == table.num_rows
        few = max(1, table.num_rows // 100)
        filters = [("id", ">=", table.num_rows // 2), ("id", "<", table.num_rows // 2 + few)]
        found = self.timed("a hundredth", lambda: pq.read_table(pa.BufferReader(content), filters=filters))
        assert found.num_rows == few

    def timed(self, task: str, do: Callable[[], Any]) -> Any:
        """Does something and keeps how long it took."""
        started = time.perf_counter()
        result = do()
        self.seconds[task].append(time.perf_counter() - started)
        return result

    def measure_memory(self, file: Path, folder: str) -> None:
        """Writes to a file in a process of its own."""
        script = str(Path(__file__).resolve())
        command = [sys.executable, script, "--memory-of", json.dumps(self.options), str(file), folder]
        answer = subprocess.run(command, check=True, stdout=subprocess.PIPE)
        self.added_mb = float(answer.stdout)

    def beside(self, base: Option, task: str) -> str:
        """The ratio of medians, and the least and the greatest of a round."""
        each = [own / other for own, other in zip(self.seconds[task], base.seconds[task], strict=True)]
        ratio = statistics.median(self.seconds[task]) / statistics.median(base.seconds[task])
        return f"{ratio:.2f} ({min(each):.2f} to {max(each):.2f})"


def added_mb(options: dict[str, Any], file: str, folder: str) -> float:
    """What this process adds to its memory while it writes the table."""
    from peaks import held_mb, peak_mb, reset_peak

    from remote_store import Store
    from remote_store.backends import LocalBackend
    from remote_store.ext.dagster import ParquetSerializer

    table = loaded(file)
    store, parquet = Store(LocalBackend(folder)), ParquetSerializer(**options)
    parquet.write_to(store, "small.parquet", table.slice(0, 1_000))
    reset_peak()
    before = held_mb()
    parquet.write_to(store, "large.parquet", table)
    return peak_mb() - before


def loaded(file: str) -> Any:
    """The table of a file, in memory."""
    import pyarrow as pa

    with pa.OSFile(file, "rb") as source:
        return pa.ipc.open_file(source).read_all()


def measure(wanted: argparse.Namespace, folder: str) -> list[Option]:
    """All options, round after round, and the memory of each."""
    from worker import table_file

    file = table_file(folder, wanted.rows)
    table = loaded(str(file))
    found = [
        Option(options)
        for options in OPTIONS
        if not options or not wanted.only or any(word in named(options) for word in wanted.only)
    ]
    for number in range(wanted.rounds + 1):
        for option in found:
            option.round(table)
            if number == 0:  # that warmed up
                for seconds in option.seconds.values():
                    seconds.clear()
    for option in found:
        option.measure_memory(file, folder)
    return found


def main() -> None:
    """Measures and prints the table."""
    if sys.argv[1:2] == ["--memory-of"]:
        print(added_mb(json.loads(sys.argv[2]), *sys.argv[3:]))
        return
    parser = argparse.ArgumentParser(
        prog="cargo xtask bench parquet -- options",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="+", metavar="WORD", help="options that contain one of these words")
    parser.add_argument("--into", type=Path, help="docs/parquet.md, whose table is replaced")
    wanted = parser.parse_args()
    print(f"{len(os.sched_getaffinity(0))} cores, load {os.getloadavg()[0]:.2f} before the first round")
    with tempfile.TemporaryDirectory() as folder:
        base, *others = measure(wanted, folder)
    for task in TASKS:
        seconds = base.seconds[task]
        median, low, high = statistics.median(seconds), min(seconds), max(seconds)
        print(f"defaults, {task}: {median * 1e3:.1f} ms ({low * 1e3:.1f} to {high * 1e3:.1f})")
    print(f"defaults: {base.size:,} bytes, +{base.added_mb:.0f} MB while writing\n")
    table = markdown(base, others)
    print(table)
    if wanted.into:
        put(wanted.into, "options", table)


def markdown(base: Option, others: list[Option]) -> str:
    """The table of docs/parquet.md."""
    heads = ["", "writing", "reading", "a hundredth of the rows", "size", "memory added, MB"]
    rows = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    rows.append(f"| the defaults | 1 | 1 | 1 | 1 | {base.added_mb:.0f} |")
    for option in others:
        times = " | ".join(option.beside(base, task) for task in TASKS)
        size = f"{option.size / base.size:.2f}"
        rows.append(f"| `{named(option.options)}` | {times} | {size} | {option.added_mb:.0f} |")
    return "\n".join(rows)


if __name__ == "__main__":
    main()
