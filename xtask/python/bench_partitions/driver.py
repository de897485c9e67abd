"""Loads many partitions with several IO managers, side by side in one run.

    python driver.py --server PATH --python ours=PATH --python pure=PATH …

Starts the S3 server in memory and one latency proxy for each delay, then asks
every implementation in turn, round after round, so that a machine that slows
down slows all of them. Prints medians, ratios of medians and their spread.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from side_by_side import Server, Worker

WINDOW = 64
"""How many requests our loader keeps under way; the limit below follows from it."""


@dataclass
class Figures:
    """What one implementation needed at one latency."""

    seconds: list[float] = field(default_factory=list)
    requests: int = 0

    @property
    def median(self) -> float:
        """The median of all rounds, in seconds."""
        return statistics.median(self.seconds)


def worker(name: str, python: str, options: argparse.Namespace) -> Worker:
    """A worker process in an environment of its own."""
    script = Path(__file__).with_name("worker.py")
    environment = {
        "AWS_ACCESS_KEY_ID": "AK",
        "AWS_SECRET_ACCESS_KEY": "SK1234567890",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    return Worker(name, python, script, str(options.partitions), str(options.size), environment=environment)


def parse() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", required=True, help="the test-server binary")
    parser.add_argument("--python", action="append", required=True, metavar="NAME=PATH")
    parser.add_argument("--partitions", type=int, default=365)
    parser.add_argument("--size", type=int, default=100_000, help="bytes of one partition")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--delay-ms", type=int, nargs="+", default=[0, 5, 20, 50])
    parser.add_argument("--json", type=Path, help="where to write the figures")
    return parser.parse_args()


def measure(options: argparse.Namespace) -> dict[int, dict[str, Figures]]:
    """Runs all rounds; figures by latency and implementation."""
    figures: dict[int, dict[str, Figures]] = {}
    with ExitStack() as stack:
        server = stack.enter_context(Server(options.server, "memory-s3"))
        upstream = server.address.removeprefix("http://")
        pairs = [pair.split("=", 1) for pair in options.python]
        workers = [stack.enter_context(worker(name, path, options)) for name, path in pairs]
        peaks = dict.fromkeys((each.name for each in workers), 0.0)
        for each in workers:
            each.ask(do="write", endpoint=server.address)
        for delay in options.delay_ms:
            proxy = stack.enter_context(
                Server(options.server, "proxy", "--upstream", upstream, "--delay-ms", str(delay))
            )
            row = figures.setdefault(delay, {each.name: Figures() for each in workers})
            for number in range(options.rounds + 1):
                for each in workers:
                    proxy.take_stats()
                    answer = each.ask(do="load", endpoint=proxy.address)
                    peaks[each.name] = max(peaks[each.name], answer["peak_rss_mb"])
                    if number > 0:  # the first round warms connections up
                        row[each.name].seconds.append(answer["seconds"])
                        row[each.name].requests = proxy.take_stats()["requests"]
            print_row(delay, row, options.partitions)
        listed = ", ".join(f"{name} {peak:.0f}" for name, peak in peaks.items())
        print(f"\npeak memory of the process (MB): {listed}")
    return figures


def print_row(delay_ms: int, row: dict[str, Figures], partitions: int) -> None:
    """Prints what was measured at one latency."""
    limit = math.ceil(partitions / WINDOW) * delay_ms / 1000
    limit_text = f", limit of latency and window {limit:.3f} s" if limit else ""
    print(f"\n{partitions} partitions at {delay_ms} ms{limit_text}")
    ours = row.get("ours")
    for name, figures in row.items():
        spread = f"{min(figures.seconds):.3f} to {max(figures.seconds):.3f}"
        ratio = f"{figures.median / ours.median:6.1f} x ours" if ours and name != "ours" else ""
        if name == "ours" and limit:
            ratio = f"{figures.median / limit:6.2f} x the limit"
        print(f"  {name:9} {figures.median:8.3f} s  ({spread})  {figures.requests:5} requests  {ratio}")
    sys.stdout.flush()


def main() -> None:
    """Measures and writes the figures."""
    options = parse()
    figures = measure(options)
    if options.json:
        plain = {
            delay: {name: {"seconds": f.seconds, "requests": f.requests} for name, f in row.items()}
            for delay, row in figures.items()
        }
        options.json.write_text(json.dumps(plain, indent=2) + "\n")


if __name__ == "__main__":
    main()
