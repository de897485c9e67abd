"""Jobs whose logs are looked at: one that ends, one that fails, one that goes on until it is told to end."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import dagster as dg

# Whether the running job has been told to end is asked this often.
PAUSE_S = 0.1


def say(text: str) -> None:
    """Write to both streams, at once."""
    for stream, name in ((sys.stdout, "out"), (sys.stderr, "err")):
        stream.write(f"{name}: {text}\n")
        stream.flush()


@dg.op
def greet() -> None:
    say("Grüße aus dem Schritt")
    # Not UTF-8: what a tool in another encoding prints.
    os.write(1, b"out: caf\xe9\n")


@dg.op
def break_down() -> None:
    say("before the failure")
    raise RuntimeError("the pump is dry")


@dg.op
def go_on() -> None:
    """Count until the file that the environment names appears."""
    say(f"my process is {os.getpid()}")
    told = Path(os.environ["UI_TEST_END"])
    count = 0
    while not told.exists():
        count += 1
        say(f"still running, line {count}")
        time.sleep(PAUSE_S)
    say("told to end")


@dg.job
def finished() -> None:
    greet()


@dg.job
def failing() -> None:
    break_down()


@dg.job
def running() -> None:
    go_on()


defs = dg.Definitions(jobs=[finished, failing, running])
