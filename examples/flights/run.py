"""Runs the whole project once, as a schedule would over a year, and shows what it left in the store.

`cargo xtask demo` sets up everything and calls this. DAGSTER_HOME must be set.
"""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg

from assets import DAYS, MONTHS
from definitions import defs
from show import Say, show


def days_job() -> dg.JobDefinition:
    """The flights of all days."""
    return defs.resolve_job_def("days")


def month_job() -> dg.JobDefinition:
    """The delays of one month."""
    return defs.resolve_job_def("month")


def year_job() -> dg.JobDefinition:
    """Summary and chart."""
    return defs.resolve_job_def("year")


def main() -> int:
    """Run the jobs in order, then show the result."""
    # Dagster's own messages go to a file; what stays on the terminal is ours.
    terminal = os.fdopen(os.dup(1), "w", buffering=1)
    messages = Path(os.environ["DAGSTER_HOME"], "demo-output.log")
    with messages.open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)

    def say(text: str) -> None:
        print(text, file=terminal)

    started = time.monotonic()
    say("Running the Dagster project examples/flights")
    try:
        with dg.DagsterInstance.get() as instance:
            log_key = pipeline(instance, say)
        good = show(say, log_key)
    except Exception as error:  # noqa: BLE001 - whatever it was, a person wants to read it
        causes: list[BaseException] = [error]
        while (cause := causes[-1].__cause__) is not None:
            causes.append(cause)
        for depth, cause in enumerate(causes):
            say(f"{'  ' * depth}{type(cause).__name__}: {cause}")
        say(f"The demo stopped; Dagster's messages are in {messages}")
        return 1
    say(f"\nThe pipeline took {time.monotonic() - started:.0f} s.")
    return 0 if good else 1


def pipeline(instance: dg.DagsterInstance, say: Say) -> list[str]:
    """A backfill over the days, a run for each month, one for the year; the log key of one step."""
    # For the many short runs one process is quicker than one for each step.
    one_process: dict[str, Any] = {"execution": {"config": {"in_process": {}}}}

    def run(
        job: Callable[[], dg.JobDefinition], what: str, tags: dict[str, str], config: dict[str, Any]
    ) -> list[str]:
        begun = time.monotonic()
        recipe = dg.reconstructable(job)
        with dg.execute_job(recipe, instance, run_config=config, tags=tags, raise_on_error=True) as result:
            if not result.success:
                failed = [event for event in result.all_events if event.is_step_failure]
                reason = "; ".join(f"{event.step_key}: {event.message}" for event in failed)
                raise RuntimeError(f"{what} failed: {reason or 'see the messages'}")
            say(f"  {what}  ({time.monotonic() - begun:.1f} s)")
            logs = [
                event.logs_captured_data
                for event in result.all_events
                if event.event_type_value == "LOGS_CAPTURED"
            ]
            return [result.run_id, "compute_logs", logs[-1].file_key]

    keys = DAYS.get_partition_keys()
    year = {"dagster/asset_partition_range_start": keys[0], "dagster/asset_partition_range_end": keys[-1]}
    run(days_job, f"{len(keys)} daily partitions in one backfill run", year, one_process)
    for month in MONTHS.get_partition_keys():
        what = f"{month[:7]}, aggregated from its daily partitions"
        run(month_job, what, {"dagster/partition": month}, one_process)
    return run(year_job, "summary and chart of the year, each in a process of its own", {}, {})


if __name__ == "__main__":
    sys.exit(main())
