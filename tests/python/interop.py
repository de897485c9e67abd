"""Writes or reads one of everything with the `remote_store` of this interpreter.

Whichever package wrote, the other must read the same: ``python interop.py write TARGET…`` with the one,
``python interop.py read TARGET…`` with the other. A target is JSON: ``{"type", "options", "root"}``.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import pyarrow as pa
from dagster._core.storage.compute_log_manager import ComputeIOType

import remote_store as rs
from remote_store.ext.dagster import (
    RemoteStoreComputeLogManager,
    dagster_dataset_io_manager,
    dagster_io_manager,
)
from remote_store.ext.parquet import ParquetDatasetStore

VALUES: dict[str, Any] = {
    "json": {"a": [1, 2.5, None, True, "é😀"], "b": {"c": ""}},
    "pickle": {"a": (1, 2**70, b"\0\xff"), "b": {3, 4}, "c": [None, float("inf")], "d": frozenset({"x"})},
    "text": "é" * 5000,
}
TIMES = pd.to_datetime(["2024-01-01", None, "2024-03-01"], utc=True)
FRAME = pd.DataFrame({"id": [1, 2, 3], "name": ["a", None, "ç"], "at": TIMES})
TAGS = pa.array([["a"], [], None], pa.list_(pa.string()))
TABLE = pa.table({"id": pa.array([1, 2, None], pa.int64()), "tags": TAGS})
LOG_KEY = ["run1", "compute_logs", "step_a"]
LOGS = {ComputeIOType.STDOUT: ("out", "first\nsecond é\n"), ComputeIOType.STDERR: ("err", "warn\n")}
METADATA = {"owner": "Ann", "purpose": "test of both"}
PARTITIONS = dg.StaticPartitionsDefinition(["2024-01-01", "eu/west", "a|b"])


class Target:
    """A place that both packages can reach."""

    def __init__(self, text: str) -> None:
        given = json.loads(text)
        self.type, self.options, self.root = given["type"], given["options"], given["root"]

    def store(self) -> rs.Store:
        """Open a store, as a registry does."""
        config = rs.RegistryConfig(
            {"b": rs.BackendConfig(self.type, self.options)}, {"s": rs.StoreProfile("b", self.root)}
        )
        return rs.Registry(config).get_store("s")

    def log_manager(self, folder: str) -> RemoteStoreComputeLogManager:
        """Make a log manager that captures in a folder."""
        return RemoteStoreComputeLogManager(
            self.type, backend_options=self.options, root_path=f"{self.root}/logs", local_dir=folder
        )


def output(name: str, partition: str | None = None) -> Any:
    return dg.build_output_context(asset_key=dg.AssetKey(["team", name]), partition_key=partition)


def loaded(manager: Any, name: str, partition: str | None = None) -> Any:
    context = dg.build_input_context(
        asset_key=dg.AssetKey(["team", name]),
        partition_key=partition,
        upstream_output=output(name, partition),
    )
    return manager.load_input(context)


def write(target: Target) -> None:
    """Write one of everything."""
    store = target.store()
    for serializer in ("json", "pickle"):
        manager = dagster_io_manager(store, serializer=serializer)
        manager.handle_output(output(serializer), VALUES[serializer])
        for number, partition in enumerate(PARTITIONS.get_partition_keys()):
            manager.handle_output(output(f"parts_{serializer}", partition), number)
    dagster_io_manager(store, serializer="parquet").handle_output(output("frame"), FRAME)
    dagster_dataset_io_manager(store).handle_output(output("dataset"), TABLE)
    datasets = ParquetDatasetStore(store, max_rows_per_file=2)
    datasets.write_dataset(TABLE, "several", run_id="r1", metadata={"k": "v"})
    store.write_text("plain.txt", VALUES["text"])
    if store.supports(rs.Capability.USER_METADATA):
        store.write("described.bin", b"abc", metadata=METADATA)
    with tempfile.TemporaryDirectory() as folder:
        logs = target.log_manager(folder)
        for io_type, (extension, text) in LOGS.items():
            path = Path(logs._local_manager.get_captured_local_path(LOG_KEY, extension))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            logs.upload_to_cloud_storage(LOG_KEY, io_type)


def read(target: Target) -> None:
    """Read what the other one wrote, and insist on each value."""
    store = target.store()
    for serializer in ("json", "pickle"):
        manager = dagster_io_manager(store, serializer=serializer)
        same(loaded(manager, serializer), VALUES[serializer])
        for number, partition in enumerate(PARTITIONS.get_partition_keys()):
            same(loaded(manager, f"parts_{serializer}", partition), number)
    frame = loaded(dagster_io_manager(store, serializer="parquet"), "frame")
    same(as_rows(frame), as_rows(FRAME))
    same(loaded(dagster_dataset_io_manager(store), "dataset").to_pylist(), TABLE.to_pylist())
    datasets = ParquetDatasetStore(store)
    same(datasets.read_dataset("several").to_pylist(), TABLE.to_pylist())
    manifest = datasets.read_manifest("several")
    found = (manifest.row_count, len(manifest.parts), manifest.run_id, manifest.metadata)
    same(found, (3, 2, "r1", {"k": "v"}))
    same(store.read_text("plain.txt"), VALUES["text"])
    if store.supports(rs.Capability.USER_METADATA):
        same(dict(store.get_file_info("described.bin").metadata or {}), METADATA)
    with tempfile.TemporaryDirectory() as folder:
        logs = target.log_manager(folder)
        data = logs.get_log_data(LOG_KEY)
        same((data.stdout, data.stderr), tuple(text.encode() for _, text in LOGS.values()))
    # Each replaces what the other wrote.
    dagster_dataset_io_manager(store).handle_output(output("dataset"), TABLE.slice(0, 1))
    same(loaded(dagster_dataset_io_manager(store), "dataset").num_rows, 1)


def as_rows(table: Any) -> Any:
    """Return the rows of an Arrow table or a frame, with one kind of nothing."""
    table = table if isinstance(table, pa.Table) else pa.Table.from_pandas(table, preserve_index=False)
    return [{**row, "at": None if row["at"] is None else str(row["at"])[:19]} for row in table.to_pylist()]


def same(found: Any, expected: Any) -> None:
    """Insist on a value.

    Raises:
        SystemExit: It is another one.
    """
    if found != expected:
        sys.exit(f"remote-store {rs.__version__} read {found!r} instead of {expected!r}")


COMMANDS: dict[str, Callable[[Target], None]] = {"write": write, "read": read}

if __name__ == "__main__":
    for text in sys.argv[2:]:
        COMMANDS[sys.argv[1]](Target(text))
