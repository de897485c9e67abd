"""Shows what the pipeline left in the store, and checks it against the source."""

import io
import json
from collections.abc import Callable, Iterable
from typing import Any

import dagster as dg
import pyarrow.parquet as pq
from remote_store import FileInfo, Store
from remote_store.ext.dagster import DagsterStoreResource

from source import read_flights
from storage import STORE

Say = Callable[[str], None]


def show(say: Say, log_key: list[str]) -> bool:
    """Print objects, checks and one log; true when everything agrees with the source."""
    with dg.build_resources({"store": DagsterStoreResource(**STORE)}) as resources:
        store: Store = resources.store.get_store()
        say(f"\nStored in {store.native_path('')} ({STORE['backend_type']})")
        objects = sorted(store.list_files("", recursive=True), key=lambda info: str(info.path))
        for title in (
            "data/flights/",
            "data/monthly_delays/",
            "data/year_summary.json",
            "data/delay_chart.png",
            "logs/",
        ):
            list_objects(say, title, [info for info in objects if str(info.path).startswith(title)])
        good = check(say, store)
        show_log(say, store, log_key)
    return good


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


def show_log(say: Say, store: Store, log_key: list[str]) -> None:
    """The end of what one step wrote to standard output and standard error."""
    for extension in ("out", "err"):
        name = f"logs/storage/{'/'.join(log_key)}.{extension}"
        say(f"\nThe end of {name}, read back from the store")
        for line in store.read_text(name, errors="replace").splitlines()[-5:]:
            say(f"  | {line[:160]}")
    if STORE["backend_type"] == "local":
        say(f"\nEvery object is a file: ls -R {store.native_path('')}")
