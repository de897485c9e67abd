"""Shows what the pipeline left in the store, and checks it against the source."""

import io
import json
import os
from collections.abc import Callable, Iterable
from typing import Any

import pyarrow.parquet as pq
from source import read_flights
from storage import STORE

from remote_store import FileInfo, Store
from remote_store.ext.dagster import DagsterStoreResource

Say = Callable[[str], None]


def show(say: Say, run_id: str) -> bool:
    """Print objects, checks and one log; true when everything agrees with the source."""
    resource = DagsterStoreResource(**STORE)
    resource.setup_for_execution(None)
    try:
        store = resource.get_store()
        say(f"\nStored in {store.native_path('')} ({STORE['backend_type']})")
        objects = sorted(store.list_files("", recursive=True), key=lambda info: str(info.path))
        for folder in ("data/flights", "data/monthly_delays"):
            list_objects(say, folder, [info for info in objects if str(info.path).startswith(f"{folder}/")])
        for name in ("data/year_summary.json", "data/delay_chart.png"):
            list_objects(say, name, [info for info in objects if str(info.path) == name])
        list_objects(say, "logs", [info for info in objects if str(info.path).startswith("logs/")])
        good = check(say, store)
        show_log(say, store, run_id)
        return good
    finally:
        resource.teardown_after_execution(None)


def list_objects(say: Say, title: str, objects: list[FileInfo]) -> None:
    """Number, size, and the first and last name."""
    total = sum(info.size for info in objects)
    say(f"  {title:24} {len(objects):4} objects {total:>12,} bytes")
    for info in dict.fromkeys([*objects[:1], *objects[-1:]]):
        if str(info.path) != title:
            say(f"    {info.path}  {info.size:,} bytes")


def check(say: Say, store: Store) -> bool:
    """Compare row counts that are read back from the store with the source."""
    expected = len(read_flights())
    summary: dict[str, Any] = json.loads(store.read_bytes("data/year_summary.json"))
    days = row_counts(store, "data/flights")
    picture = store.read_bytes("data/delay_chart.png")
    checks = [
        ("rows in the daily partitions", sum(days), expected),
        ("daily partitions", len(days), 365),
        ("flights in the year summary", summary["flights"], expected),
        ("months in the year summary", len(summary["flights_by_month"]), 12),
        ("the chart is a PNG picture", picture[:8] == b"\x89PNG\r\n\x1a\n", True),
    ]
    say("\nChecked against the source")
    for what, found, wanted in checks:
        verdict = "ok" if found == wanted else f"WRONG, the source says {wanted:,}"
        say(f"  {what:32} {found:>8,}  {verdict}" if found is not True else f"  {what:32} {'yes':>8}  ok")
    say(
        f"  mean departure delay {summary['mean_departure_delay_minutes']} minutes, "
        f"{summary['cancelled']:,} cancelled, busiest airline {summary['busiest_airline']}, "
        f"most delayed {summary['most_delayed_airline']}"
    )
    return all(found == wanted for _, found, wanted in checks)


def row_counts(store: Store, folder: str) -> list[int]:
    """Rows of each Parquet object below the folder."""
    paths: Iterable[str] = (str(info.path) for info in store.list_files(folder))
    return [pq.read_metadata(io.BytesIO(store.read_bytes(path))).num_rows for path in paths]


def show_log(say: Say, store: Store, run_id: str) -> None:
    """The end of what the last run wrote to standard error."""
    names = sorted(str(info.path) for info in store.list_files(f"logs/storage/{run_id}", recursive=True))
    for name in (name for name in names if name.endswith(".err")):
        say(f"\nThe end of {name}, read back from the store")
        for line in store.read_text(name, errors="replace").splitlines()[-6:]:
            say(f"  | {line[:160]}")
    if os.environ.get("FLIGHTS_STORE") != "s3":
        say(f"\nEvery object is a file: ls -R {store.native_path('')}")
