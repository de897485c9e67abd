"""Jobs whose step says something and then waits, for tests that end its process."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import dagster as dg

GIVES_UP_AFTER_S = 120


@dg.op
def wait_to_be_ended():
    """Wait for a file named ``end``, and say more when there is one named ``more``."""
    folder = Path(os.environ["LOG_JOBS_FOLDER"])
    print(f"begun in process {os.getpid()}", flush=True)
    sys.stderr.write("a warning\n")
    sys.stderr.flush()
    deadline = time.monotonic() + GIVES_UP_AFTER_S
    try:
        while not (folder / "end").exists() and time.monotonic() < deadline:
            if (folder / "more").exists():
                (folder / "more").unlink()
                print("more", flush=True)
            time.sleep(0.05)
    finally:
        print("last words")


@dg.job(executor_def=dg.multiprocess_executor)
def in_a_process_of_its_own():
    wait_to_be_ended()


@dg.job(executor_def=dg.in_process_executor)
def in_the_process_of_the_run():
    wait_to_be_ended()


defs = dg.Definitions(jobs=[in_a_process_of_its_own, in_the_process_of_the_run])
