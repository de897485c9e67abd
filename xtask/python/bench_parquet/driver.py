"""Writes and reads one table with several implementations, side by side in one run.

    python driver.py --server PATH --python ours=PATH --python pyarrow=PATH …

Every round asks every implementation in turn, so that a machine that slows down slows all of
them. Prints medians, ratios of medians to pyarrow's, the spread, bytes written and the peak of
memory that the work added.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from side_by_side import Server, Worker


@dataclass
class Figures:
    """What one implementation needed for one task."""

    seconds: list[float] = field(default_factory=list)
    size: int = 0
    added_mb: float = 0.0

    @property
    def median(self) -> float:
        """The median of all rounds, in seconds."""
        return statistics.median(self.seconds)


def worker(name: str, python: str, folder: str) -> Worker:
    """A worker process in an environment of its own."""
    script = Path(__file__).with_name("worker.py")
    print(f"{name}: {python} {script} {name} {folder}")
    # The server in memory keeps the framing of checksums in trailers as content.
    environment = {"AWS_REQUEST_CHECKSUM_CALCULATION": "WHEN_REQUIRED"}
    return Worker(name, python, script, folder, environment=environment)


def parse() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", required=True, help="the test-server binary")
    parser.add_argument("--python", action="append", required=True, metavar="NAME=PATH")
    parser.add_argument("--rows", type=int, nargs="+", default=[10, 1_000_000, 10_000_000])
    parser.add_argument("--to", nargs="+", default=["memory", "local", "s3"])
    parser.add_argument("--only", nargs="+", help="these implementations only")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--delay-ms", type=int, default=5, help="latency of each request to S3")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    return parser.parse_args()


def measure(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Runs every task; the figures of each."""
    results = []
    with ExitStack() as stack:
        endpoint = ""
        if "s3" in options.to:
            server = stack.enter_context(Server(options.server, "memory-s3"))
            upstream = server.address.removeprefix("http://")
            proxy = Server(
                options.server, "proxy", "--upstream", upstream, "--delay-ms", str(options.delay_ms)
            )
            endpoint = stack.enter_context(proxy).address
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        pairs = [pair.split("=", 1) for pair in options.python]
        pairs = [pair for pair in pairs if not options.only or pair[0] in options.only]
        workers = [stack.enter_context(worker(name, path, folder)) for name, path in pairs]
        for rows in options.rows:
            for to in options.to:
                for do in ("write", "read"):
                    found = task(workers, options.rounds, do=do, rows=rows, to=to, endpoint=endpoint)
                    report(f"{do} {rows:,} rows, {to}", found)
                    plain = {name: vars(figures) for name, figures in found.items()}
                    results.append({"do": do, "rows": rows, "to": to, "figures": plain})
    return results


def task(workers: list[Worker], rounds: int, **command: Any) -> dict[str, Figures]:
    """One task for all implementations, round after round."""
    found = {worker.name: Figures() for worker in workers}
    times = max(1, 2_000 // command["rows"])  # what takes microseconds is repeated
    for number in range(rounds + 1):
        for worker in workers:
            answer = worker.ask(times=times if command["to"] == "memory" else min(times, 20), **command)
            figures = found[worker.name]
            figures.size = answer["bytes"]
            figures.added_mb = max(figures.added_mb, answer["added_mb"])
            if number > 0:  # the first round warms up
                figures.seconds.append(answer["seconds"])
    return found


def report(title: str, found: dict[str, Figures]) -> None:
    """Prints what was measured."""
    print(f"\n{title}")
    base = found.get("pyarrow") or next(iter(found.values()))
    for name, figures in found.items():
        low, high = min(figures.seconds) * 1e3, max(figures.seconds) * 1e3
        size = f"{figures.size:>13,} B" if figures.size else " " * 15
        print(
            f"  {name:8} {figures.median * 1e3:11.3f} ms  ({low:.3f} to {high:.3f})"
            f"  {base.median / figures.median:6.2f} x the speed  {size}  +{figures.added_mb:.0f} MB",
            flush=True,
        )


def main() -> None:
    """Measures and writes the figures."""
    options = parse()
    results = measure(options)
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
