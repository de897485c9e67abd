"""Runs the whole project once, as a schedule would over a year, and shows what it left in the store.

`cargo xtask demo` sets up everything and calls this. DAGSTER_HOME must be set.
"""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import dagster as dg
from assets import MONTHS
from definitions import defs
from show import show


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
    noise = Path(os.environ["DAGSTER_HOME"], "demo-output.log")
    with noise.open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)

    def say(text: str) -> None:
        print(text, file=terminal)

    started = time.monotonic()
    with dg.DagsterInstance.get() as instance:

        def run(job: Callable[[], dg.JobDefinition], tags: dict[str, str], what: str) -> str:
            begun = time.monotonic()
            # One process is quicker here than one for each step; leave it out in production.
            executor = {"execution": {"config": {"in_process": {}}}}
            with dg.execute_job(dg.reconstructable(job), instance, run_config=executor, tags=tags) as result:
                if not result.success:
                    say(f"  {what}: failed; Dagster's messages are in {noise}")
                    for event in result.filter_events(lambda event: event.is_failure):
                        say(f"    {event.step_key or 'run'}: {event.message}")
                    sys.exit(1)
                say(f"  {what}  ({time.monotonic() - begun:.1f} s)")
                return result.run_id

        first, last = "2013-01-01", "2013-12-31"
        say("Running the Dagster project examples/flights")
        year = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
        run(days_job, year, "365 daily partitions in one backfill run")
        for month in MONTHS.get_partition_keys():
            run(month_job, {"dagster/partition": month}, f"{month[:7]}, aggregated from its daily partitions")
        run_id = run(year_job, {}, "summary and chart of the year")
    good = show(say, run_id)
    say(f"\nThe pipeline took {time.monotonic() - started:.0f} s.")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
