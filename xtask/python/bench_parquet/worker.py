"""One implementation under test, in a process and an environment of its own.

Reads one JSON command a line from standard input, answers with one JSON line. Started by
``driver.py``. What is timed: a table in memory to an object, and an object to a table in memory.
"""

from __future__ import annotations

import io
import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any, Protocol

from tables import mixed

BUCKET = "bench"
KEY, SECRET, REGION = "AK", "SK1234567890", "us-east-1"


class Place(Protocol):
    """Where an implementation writes to and reads from."""

    def write(self, table: Any) -> int:
        """Store the table; gives the bytes of the object."""
        ...

    def read(self) -> Any:
        """Load the table."""
        ...


class RemoteStore:
    """``remote_store``: this project's, or the pure-Python package's."""

    def __init__(self, to: str, folder: str, endpoint: str) -> None:
        from remote_store import Store
        from remote_store.backends import LocalBackend, S3Backend
        from remote_store.ext.dagster import ParquetSerializer

        self.parquet = ParquetSerializer()
        self.store = None
        self.content = b""
        if to == "local":
            self.store = Store(LocalBackend(folder), "data")
        elif to == "s3":
            self.store = Store(
                S3Backend(BUCKET, endpoint_url=endpoint, key=KEY, secret=SECRET, region_name=REGION), "data"
            )

    def write(self, table: Any) -> int:
        """Store the table; gives the bytes of the object."""
        if self.store is None:
            self.content = self.parquet.serialize(table)
            return len(self.content)
        if hasattr(self.parquet, "write_to"):
            return int(self.parquet.write_to(self.store, "table.parquet", table))
        content = self.parquet.serialize(table)
        self.store.write("table.parquet", content, overwrite=True)
        return len(content)

    def read(self) -> Any:
        """Load the table."""
        if self.store is None:
            return self.parquet.deserialize(self.content)
        if hasattr(self.parquet, "read_from"):
            return self.parquet.read_from(self.store, "table.parquet")
        return self.parquet.deserialize(self.store.read_bytes("table.parquet"))


class PyArrow:
    """PyArrow's own writer, reader and file systems."""

    def __init__(self, to: str, folder: str, endpoint: str) -> None:
        import pyarrow as pa
        from pyarrow import fs

        self.pa = pa
        self.path, self.system, self.content = "", None, b""
        if to == "local":
            self.path, self.system = f"{folder}/pyarrow.parquet", fs.LocalFileSystem()
        elif to == "s3":
            self.path = f"{BUCKET}/pyarrow.parquet"
            self.system = fs.S3FileSystem(
                access_key=KEY, secret_key=SECRET, region=REGION, endpoint_override=endpoint
            )

    def write(self, table: Any) -> int:
        """Store the table; gives the bytes of the object."""
        import pyarrow.parquet as pq

        if self.system is None:
            sink = self.pa.BufferOutputStream()
            pq.write_table(table, sink)
            self.content = sink.getvalue()
            return int(self.content.size)
        pq.write_table(table, self.path, filesystem=self.system)
        return int(self.system.get_file_info(self.path).size)

    def read(self) -> Any:
        """Load the table."""
        import pyarrow.parquet as pq

        if self.system is None:
            return pq.read_table(self.pa.BufferReader(self.content))
        return pq.read_table(self.path, filesystem=self.system)


class Polars:
    """Polars' own writer and reader; the table is a polars frame before the clock starts."""

    def __init__(self, to: str, folder: str, endpoint: str) -> None:
        self.to, self.content = to, io.BytesIO()
        self.path = f"{folder}/polars.parquet" if to == "local" else f"s3://{BUCKET}/polars.parquet"
        self.options = {
            "aws_access_key_id": KEY,
            "aws_secret_access_key": SECRET,
            "aws_region": REGION,
            "aws_endpoint_url": endpoint,
            "aws_allow_http": "true",
        }

    def write(self, table: Any) -> int:
        """Store the table; gives the bytes of the object."""
        if self.to == "memory":
            self.content = io.BytesIO()
            table.write_parquet(self.content, compression="snappy")
            return self.content.tell()
        options = self.options if self.to == "s3" else None
        table.write_parquet(self.path, compression="snappy", storage_options=options)
        return Path(self.path).stat().st_size if self.to == "local" else 0

    def read(self) -> Any:
        """Load the table."""
        import polars as pl

        if self.to == "memory":
            self.content.seek(0)
            return pl.read_parquet(self.content)
        return pl.read_parquet(self.path, storage_options=self.options if self.to == "s3" else None)


IMPLEMENTATIONS: dict[str, Any] = {
    "ours": RemoteStore,
    "pure": RemoteStore,
    "pyarrow": PyArrow,
    "polars": Polars,
}


class Worker:
    """Answers commands for one implementation."""

    def __init__(self, name: str, folder: str) -> None:
        self.name, self.folder = name, folder
        self.tables: dict[int, Any] = {}
        self.places: dict[tuple[str, str], Any] = {}

    def table(self, rows: int) -> Any:
        """The table in the form that the implementation is used with."""
        if rows not in self.tables:
            self.tables.clear()  # one at a time, so that peaks of memory are of this table
            table = mixed(rows)
            if self.name == "polars":
                import polars as pl

                table = pl.from_arrow(table)
            self.tables[rows] = table
        return self.tables[rows]

    def run(self, command: dict[str, Any]) -> dict[str, Any]:
        """Write or read as often as asked; gives the seconds of one."""
        table, key = self.table(command["rows"]), (command["to"], command["endpoint"])
        if key not in self.places:
            self.places[key] = IMPLEMENTATIONS[self.name](command["to"], self.folder, command["endpoint"])
        place, times, size = self.places[key], command["times"], 0
        reset_peak()
        before = peak_mb()
        started = time.perf_counter()
        for _ in range(times):
            if command["do"] == "write":
                size = place.write(table)
            else:
                read = place.read()
        seconds = (time.perf_counter() - started) / times
        if command["do"] == "read" and len(read) != command["rows"]:
            raise AssertionError(f"{self.name} read {len(read)} rows of {command['rows']}")
        return {"seconds": seconds, "bytes": size, "peak_mb": peak_mb(), "added_mb": peak_mb() - before}


def reset_peak() -> None:
    """Let the peak of this process begin anew, where the kernel can do that."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def peak_mb() -> float:
    """The most memory that this process held since `reset_peak`."""
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Serve commands until standard input ends."""
    worker = Worker(sys.argv[1], sys.argv[2])
    for line in sys.stdin:
        print(json.dumps(worker.run(json.loads(line))), flush=True)


if __name__ == "__main__":
    os.environ.setdefault("AWS_EC2_METADATA_DISABLED", "true")
    main()
