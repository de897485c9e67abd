"""What benchmarks beside peers share: servers on loopback, and one worker process for each implementation."""

from __future__ import annotations

import json
import os
import shlex
import statistics
import subprocess
import urllib.request
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


class Server:
    """A ``test-server`` process; its first line of output is its address."""

    def __init__(self, binary: str, *arguments: str) -> None:
        self.process = subprocess.Popen([binary, *arguments], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.address = self.process.stdout.readline().strip()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.process.kill()
        self.process.wait()

    def take_stats(self) -> dict[str, int]:
        """What a proxy counted since the last call: requests, bytes, methods."""
        request = urllib.request.Request(f"{self.address}/__stats", method="DELETE")
        with urllib.request.urlopen(request, timeout=10) as answer:
            counts: dict[str, int] = json.load(answer)
        return counts


class Worker:
    """One implementation, in a process and an environment of its own: a line of JSON in, one out."""

    def __init__(
        self,
        name: str,
        python: str,
        script: Path,
        *arguments: str,
        unseen: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        command = [python, str(script), name, *arguments]
        self.name = name
        settings = [f"{variable}={value}" for variable, value in (environment or {}).items()]
        self.command = shlex.join([*settings, *command])
        """The command line, less what is `unseen` and makes it a worker."""
        self.process = subprocess.Popen(
            [*command, *unseen],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"AWS_EC2_METADATA_DISABLED": "true"} | dict(environment or {}),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.process.kill()
        self.process.wait()

    def ask(self, **command: Any) -> dict[str, Any]:
        """Sends one command and waits for its answer."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"the worker of {self.name} ended; its message stands above")
        answer: dict[str, Any] = json.loads(line)
        return answer


def spread(seconds: Sequence[float]) -> str:
    """The median of some times, and between what they lie."""
    return f"{statistics.median(seconds):8.3f} s ({min(seconds):.3f} to {max(seconds):.3f})"
