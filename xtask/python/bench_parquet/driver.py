"""Writes and reads one table with several implementations, side by side in one run.

    python driver.py --server PATH --python ours=PATH --python pyarrow=PATH …

Every task has processes of its own, one for each implementation, and every round asks each of them
in turn, so that a machine that slows down slows all of them. Prints medians, ratios of medians to
pyarrow's, their spread, bytes written, the peak of memory of the process, and the command that does
the same alone; at the end the goals, and the tables of the documentation.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from document import put
from figures import Figures, Result, goals, lines, markdown
from places import TARGETS, Target, can, size_of
from side_by_side import Server, Worker
from worker import SMALL, table_file, times_of

if TYPE_CHECKING:
    from collections.abc import Sequence

# The server in memory keeps the framing of checksums in trailers as content.
ENVIRONMENT = {"AWS_REQUEST_CHECKSUM_CALCULATION": "WHEN_REQUIRED"}
VERSIONS = """
from importlib.metadata import distributions
wanted = {"remote-store", "pyarrow", "polars", "duckdb"}
print(*sorted({f"{d.name} {d.version}" for d in distributions() if d.name in wanted}), sep=", ")
"""


def parser_of(description: str | None) -> argparse.ArgumentParser:
    """The options that benchmarks of tables beside peers share."""
    parser = argparse.ArgumentParser(
        prog="cargo xtask bench parquet --",
        description=description,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("--server", required=True, help="the test-server binary (given by xtask)")
    parser.add_argument(
        "--python", action="append", required=True, metavar="NAME=PATH", help="given by xtask"
    )
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these implementations only")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--delay-ms", type=int, default=5, help="latency of each request to S3")
    parser.add_argument(
        "--megabytes-per-second", type=int, default=0, help="of the line to S3, each way; 0 for no limit"
    )
    parser.add_argument("--folder", help="for tables and files; below target by default, and removed")
    return parser


class Bench:
    """The servers, the folder and the interpreters of one run."""

    def __init__(self, options: argparse.Namespace, stack: ExitStack) -> None:
        self.options = options
        pairs = [pair.split("=", 1) for pair in options.python]
        self.pythons = {name: path for name, path in pairs if name in (options.only or [name])}
        if missing := set(options.only or []) - set(self.pythons):
            raise SystemExit(f"no such implementation: {', '.join(sorted(missing))}")
        self.memory: Server | None = None
        self.proxy: Server | None = None
        self.stack = stack
        self.folder = options.folder or stack.enter_context(
            tempfile.TemporaryDirectory(prefix="bench-parquet-", dir=Path(options.server).parents[1])
        )

    def start_s3(self) -> None:
        """Starts S3 in memory, behind latency."""
        self.memory = self.stack.enter_context(Server(self.options.server, "memory-s3"))
        upstream = self.memory.address.removeprefix("http://")
        arguments = ["--upstream", upstream, "--delay-ms", str(self.options.delay_ms)]
        if self.options.megabytes_per_second:
            arguments += ["--megabytes-per-second", str(self.options.megabytes_per_second)]
        self.proxy = self.stack.enter_context(Server(self.options.server, "proxy", *arguments))
        server = os.path.relpath(self.options.server)
        print("S3 for the commands below, on the same ports:")
        print(f"  {server} memory-s3 --port {upstream.rpartition(':')[2]} &")
        print(f"  {server} proxy --port {self.proxy.address.rpartition(':')[2]} {' '.join(arguments)} &")

    def describe(self) -> None:
        """Prints what is compared, on what, and how busy that is."""
        busy, cores = os.getloadavg()[0], len(os.sched_getaffinity(0))
        print(f"{cores} cores, load {busy:.2f} before the first task")
        for name, python in self.pythons.items():
            found = subprocess.run([python, "-c", VERSIONS], check=True, stdout=subprocess.PIPE, text=True)
            print(f"{name}: {found.stdout.strip()}")

    def measure(self, tasks: Sequence[str], rows: int, to: str) -> list[Result]:
        """Tasks for all implementations that can do them, all in turn, round after round."""
        for number in (SMALL, rows):
            table_file(self.folder, number)
        names = [name for name in self.pythons if all(can(name, to, do) for do in tasks)]
        results = [Result(do, rows, to, {name: Figures() for name in names}) for do in tasks]
        with ExitStack() as stack:
            turns = [
                (stack.enter_context(self.worker(name, result.do, rows, to)), result.figures[name])
                for name in names
                for result in results
            ]
            for number in range(self.options.rounds + 1):
                first = number % len(turns)  # nobody always follows the same neighbour
                for worker, figures in turns[first:] + turns[:first]:
                    self.round(worker, figures, times_of(rows, to))
            for worker, figures in turns:
                figures.command = worker.command
                del figures.seconds[0]  # that round warmed up
        # Asked behind the proxy's back, which counts requests.
        endpoint = self.memory.address if self.memory else ""
        for name in names:
            size = size_of(Target(to, name, self.folder, endpoint))
            for result in results:
                result.figures[name].size = size
        return results

    def round(self, worker: Worker, figures: Figures, times: int) -> None:
        """One round of one implementation."""
        if self.proxy:
            self.proxy.take_stats()
        answer = worker.ask()
        figures.seconds.append(answer["seconds"])
        figures.peak_mb = max(figures.peak_mb, answer["peak_mb"])
        figures.added_mb = max(figures.added_mb, answer["added_mb"])
        if self.proxy:
            figures.requests = self.proxy.take_stats()["requests"] / times

    def worker(self, name: str, do: str, rows: int, to: str) -> Worker:
        """A process in an environment of its own."""
        script = Path(os.path.relpath(__file__)).with_name("worker.py")
        arguments = ["--do", do, "--rows", str(rows), "--to", to, "--folder", os.path.relpath(self.folder)]
        environment = {}
        if to == "s3" and self.proxy:
            arguments += ["--endpoint", self.proxy.address]
            environment = ENVIRONMENT
        python = os.path.relpath(self.pythons[name])
        return Worker(name, python, script, *arguments, unseen=["--serve"], environment=environment)


def show(result: Result) -> None:
    """Prints one task, with the command of each implementation."""
    print("", *lines(result), sep="\n")
    for figures in result.figures.values():
        print(f"    {figures.command}")
    print(end="", flush=True)


def main() -> None:
    """Measures and writes the figures."""
    parser = parser_of(__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[10, 1_000_000, 10_000_000])
    parser.add_argument("--to", nargs="+", choices=TARGETS, default=["memory", "file", "s3"])
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--into", type=Path, help="docs/benchmarks.md, whose tables are replaced")
    options = parser.parse_args()
    results = []
    with ExitStack() as stack:
        bench = Bench(options, stack)
        bench.describe()
        if "s3" in options.to:
            bench.start_s3()
        for rows in options.rows:
            for to in options.to:
                for do in ("write",) if to == "file-fsync" else ("write", "read"):
                    results += bench.measure([do], rows, to)
                    show(results[-1])
    print("\ngoals on two cores", *goals(results), sep="\n")
    tables = markdown(results)
    print(f"\n{tables}")
    if options.json:
        plain: list[dict[str, Any]] = [asdict(result) for result in results]
        options.json.write_text(json.dumps(plain, indent=2) + "\n")
    if options.into:
        put(options.into, "tables", tables)


if __name__ == "__main__":
    main()
