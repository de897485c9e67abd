"""Compute log managers side by side in one run, on one S3 server behind one latency proxy.

    python driver.py --server PATH --python ours=PATH --python aws=PATH …

Every round asks every implementation in turn. Times are medians with their spread; requests and
bytes are counted by the proxy, and do not depend on the machine. The tasks: the end of a step, a
finished log read from another process, a running step with one viewer, the keys of a run, and the
deletion of a run.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import urllib.error
import urllib.request
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from side_by_side import Server, Worker, spread

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "AK",
    "AWS_SECRET_ACCESS_KEY": "SK1234567890",
    "AWS_DEFAULT_REGION": "us-east-1",
}
SIZE = 20_000_000
TAIL_S = 10


@dataclass
class Figures:
    """What one implementation needed for one task."""

    seconds: list[float] = field(default_factory=list)
    requests: int = 0
    moved: str = ""
    failed: str = ""


def parse() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", required=True, help="the test-server binary")
    parser.add_argument("--python", action="append", required=True, metavar="NAME=PATH")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--delay-ms", type=int, default=20)
    parser.add_argument("--steps", type=int, default=1000, help="steps of the run that is listed and deleted")
    parser.add_argument("--only", nargs="+", help="these tasks only")
    return parser.parse_args()


class Bench:
    """The servers and the workers of one run."""

    def __init__(self, options: argparse.Namespace, stack: ExitStack) -> None:
        self.options = options
        self.memory = stack.enter_context(Server(options.server, "memory-s3"))
        upstream = self.memory.address.removeprefix("http://")
        proxy = ["proxy", "--upstream", upstream, "--delay-ms", str(options.delay_ms)]
        self.proxy = stack.enter_context(Server(options.server, *proxy))
        self.viewer = stack.enter_context(Server(options.server, *proxy))
        script = Path(__file__).with_name("worker.py")
        self.workers = [
            stack.enter_context(Worker(name, path, script, environment=ENVIRONMENT))
            for name, path in (pair.split("=", 1) for pair in options.python)
        ]

    def steps_of_a_run(self, prefix: str) -> None:
        """Puts the logs of many steps where all implementations look for them."""
        for number in range(self.options.steps):
            for extension in ("out", "err"):
                path = f"bench/{prefix}/storage/{prefix}/compute_logs/step{number:05}.{extension}"
                request = urllib.request.Request(
                    f"{self.memory.address}/{path}", data=b"a line\n", method="PUT"
                )
                urllib.request.urlopen(request, timeout=10).close()

    def is_there(self, prefix: str) -> bool:
        """Whether the last step of a run still has a log."""
        last = self.options.steps - 1
        path = f"bench/{prefix}/storage/{prefix}/compute_logs/step{last:05}.err"
        try:
            urllib.request.urlopen(f"{self.memory.address}/{path}", timeout=10).close()
        except urllib.error.HTTPError:
            return False
        return True

    def measure(self, do: str) -> dict[str, Figures]:
        """One task for all implementations, round after round."""
        found = {worker.name: Figures() for worker in self.workers}
        rounds = 1 if do == "tail" else self.options.rounds
        for number in range(rounds):
            for worker in self.workers:
                self.once(do, worker, found[worker.name], f"{do}-{worker.name}-{number}")
        return found

    def once(self, do: str, worker: Worker, figures: Figures, prefix: str) -> None:
        """One task of one implementation."""
        command: dict[str, Any] = {"prefix": prefix, "size": SIZE, "steps": self.options.steps}
        if do in {"keys", "delete"}:
            self.steps_of_a_run(prefix)
        elif do == "view":
            worker.ask(do="finish", endpoint=self.memory.address, **command)
        elif do == "tail":
            command = {"prefix": prefix, "size": SIZE, "viewer": self.viewer.address, "for_s": TAIL_S}
        for server in (self.proxy, self.viewer):
            server.take_stats()
        answer = worker.ask(do=do, endpoint=self.proxy.address, **command)
        if "failed" in answer:
            figures.failed = answer["failed"]
            return
        if do == "delete" and self.is_there(prefix):
            figures.failed = "the logs are still there"
            return
        figures.seconds.append(answer["seconds"])
        counted = self.proxy.take_stats()
        figures.requests = counted["requests"]
        figures.moved = f"{counted['bytes_up'] / 1e6:6.1f} MB up, {counted['bytes_down'] / 1e6:6.1f} MB down"
        if do == "tail":
            viewed, log = self.viewer.take_stats(), answer["log_bytes"]
            figures.requests += viewed["requests"]
            figures.moved = (
                f"writer sent {counted['bytes_up'] / log:.2f} x the log, "
                f"viewer got {viewed['bytes_down'] / log:.2f} x and saw {answer['seen_bytes'] / log:.2f} x"
            )


def report(do: str, found: dict[str, Figures]) -> None:
    """Prints the figures of one task."""
    print(f"\n{do}")
    ours = found["ours"].seconds if "ours" in found else []
    for name, figures in found.items():
        if figures.failed:
            print(f"  {name:9} failed: {figures.failed[:150]}")
            continue
        ratio = ""
        if ours and name != "ours" and do != "tail":
            ratio = f"{statistics.median(figures.seconds) / statistics.median(ours):6.1f} x ours"
        print(f"  {name:9} {spread(figures.seconds)} {figures.requests:5} requests, {figures.moved} {ratio}")
    sys.stdout.flush()


def main() -> None:
    """Measures every task."""
    options = parse()
    with ExitStack() as stack:
        bench = Bench(options, stack)
        for do in options.only or ["finish", "view", "tail", "keys", "delete"]:
            report(do, bench.measure(do))


if __name__ == "__main__":
    main()
