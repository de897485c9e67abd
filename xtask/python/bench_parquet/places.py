"""The implementations, each with the interface that its users call: where they write to and read from."""

from __future__ import annotations

import io
import os
import urllib.request
from pathlib import Path
from typing import Any, Protocol

__all__ = ["TARGETS", "Place", "Target", "can", "place_of", "size_of"]

BUCKET = "bench"
KEY, SECRET, REGION = "AK", "SK1234567890", "us-east-1"

TARGETS = ("memory", "file", "file-fsync", "s3")
"""Bytes in memory, a file, a file that is on the disk before the clock stops, an object of S3."""


class Target:
    """Where one implementation's table goes; no two share an object."""

    def __init__(self, to: str, name: str, folder: str, endpoint: str, *, small: bool = False) -> None:
        self.to, self.name, self.endpoint = to, name, endpoint
        self.folder = Path(folder).resolve() / "data"
        self.folder.mkdir(parents=True, exist_ok=True)
        # What is written to memory is kept in a file too, for the process that reads.
        kind = "memory" if to == "memory" else "file"
        self.key = f"{name}-{kind}{'-small' if small else ''}.parquet"

    @property
    def file(self) -> Path:
        """The file, when it is one."""
        return self.folder / self.key

    def sync(self) -> None:
        """Have the file and its name on the disk, for those who have no option that does."""
        for path in (self.file, self.folder):
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


class Place(Protocol):
    """What an implementation does with its target; not all can part encoding and uploading."""

    def write(self, table: Any) -> None:
        """Store the table."""
        ...

    def read(self) -> Any:
        """Load the table."""
        ...

    def encode(self, table: Any) -> Any:
        """The bytes of the table."""
        ...

    def upload(self, content: Any) -> None:
        """Store bytes that are there already."""
        ...


class RemoteStore:
    """``remote_store``: this project's, or the pure-Python package's."""

    def __init__(self, target: Target) -> None:
        from remote_store import Store
        from remote_store.backends import LocalBackend, S3Backend
        from remote_store.ext.dagster import ParquetSerializer

        self.target, self.parquet = target, ParquetSerializer()
        self.syncs = False
        if target.to == "s3":
            backend = S3Backend(
                BUCKET, endpoint_url=target.endpoint, key=KEY, secret=SECRET, region_name=REGION
            )
            self.store = Store(backend, "data")
        elif target.to == "file-fsync" and target.name == "ours":
            self.store = Store(LocalBackend(str(target.folder), fsync=True))
        else:
            self.store = Store(LocalBackend(str(target.folder)))
            self.syncs = target.to == "file-fsync"
        self.streams = hasattr(self.parquet, "write_to")
        self.content = b""

    def write(self, table: Any) -> None:
        """Store the table."""
        if self.target.to == "memory":
            self.content = self.encode(table)
        elif self.streams:
            self.parquet.write_to(self.store, self.target.key, table)
        else:
            self.upload(self.encode(table))
        if self.syncs:
            self.target.sync()

    def read(self) -> Any:
        """Load the table."""
        if self.target.to == "memory":
            return self.parquet.deserialize(self.content)
        if self.streams:
            return self.parquet.read_from(self.store, self.target.key)
        return self.parquet.deserialize(self.store.read_bytes(self.target.key))

    def encode(self, table: Any) -> Any:
        """The bytes of the table."""
        return self.parquet.serialize(table)

    def upload(self, content: Any) -> None:
        """Store bytes that are there already."""
        self.store.write(self.target.key, content, overwrite=True)


class PyArrow:
    """PyArrow's own writer, reader and file systems."""

    def __init__(self, target: Target) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq
        from pyarrow import fs

        self.pa, self.pq, self.target = pa, pq, target
        self.path, self.content = str(target.file), b""
        self.system: fs.FileSystem | None = None
        if target.to == "s3":
            self.path = f"{BUCKET}/data/{target.key}"
            self.system = fs.S3FileSystem(
                access_key=KEY, secret_key=SECRET, region=REGION, endpoint_override=target.endpoint
            )
        elif target.to != "memory":
            self.system = fs.LocalFileSystem()

    def write(self, table: Any) -> None:
        """Store the table."""
        if self.target.to == "memory":
            self.content = self.encode(table)
            return
        self.pq.write_table(table, self.path, filesystem=self.system)
        if self.target.to == "file-fsync":
            self.target.sync()

    def read(self) -> Any:
        """Load the table."""
        if self.target.to == "memory":
            return self.pq.read_table(self.pa.BufferReader(self.content))
        return self.pq.read_table(self.path, filesystem=self.system)

    def encode(self, table: Any) -> Any:
        """The bytes of the table."""
        sink = self.pa.BufferOutputStream()
        self.pq.write_table(table, sink)
        return sink.getvalue()

    def upload(self, content: Any) -> None:
        """Store bytes that are there already."""
        assert self.system is not None
        with self.system.open_output_stream(self.path) as stream:
            stream.write(content)


class Polars:
    """Polars' own writer and reader; the table is a polars frame before the clock starts."""

    def __init__(self, target: Target) -> None:
        import polars as pl

        self.pl, self.target, self.content = pl, target, b""
        self.path, self.options = str(target.file), None
        if target.to == "s3":
            self.path = f"s3://{BUCKET}/data/{target.key}"
            self.options = {
                "aws_access_key_id": KEY,
                "aws_secret_access_key": SECRET,
                "aws_region": REGION,
                "aws_endpoint_url": target.endpoint,
                "aws_allow_http": "true",
            }

    def write(self, table: Any) -> None:
        """Store the table."""
        if self.target.to == "memory":
            sink = io.BytesIO()
            table.write_parquet(sink, compression="snappy")
            self.content = sink.getvalue()  # no copy: the bytes are shared until one of them changes
            return
        table.write_parquet(self.path, compression="snappy", storage_options=self.options)
        if self.target.to == "file-fsync":
            self.target.sync()

    def read(self) -> Any:
        """Load the table."""
        if self.target.to == "memory":
            return self.pl.read_parquet(self.content)
        return self.pl.read_parquet(self.path, storage_options=self.options)


class DuckDB:
    """DuckDB's ``COPY`` and ``read_parquet``, files only: its S3 is an extension that it downloads."""

    def __init__(self, target: Target) -> None:
        import duckdb

        self.target, self.database = target, duckdb.connect()

    def write(self, table: Any) -> None:
        """Store the table."""
        self.database.register("rows", table)
        self.database.execute(f"COPY rows TO '{self.target.file}' (FORMAT parquet, COMPRESSION snappy)")
        if self.target.to == "file-fsync":
            self.target.sync()

    def read(self) -> Any:
        """Load the table."""
        return self.database.read_parquet(str(self.target.file)).to_arrow_table()


_IMPLEMENTATIONS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "ours": (RemoteStore, TARGETS),
    "pyarrow": (PyArrow, TARGETS),
    "polars": (Polars, TARGETS),
    "duckdb": (DuckDB, ("file", "file-fsync")),
    "pure": (RemoteStore, TARGETS),
}


def can(name: str, to: str, do: str) -> bool:
    """Whether an implementation has such a target, and such a task."""
    implementation, targets = _IMPLEMENTATIONS[name]
    return to in targets and hasattr(implementation, do)


def place_of(target: Target) -> Any:
    """An implementation with its target; its packages are imported now."""
    return _IMPLEMENTATIONS[target.name][0](target)


def size_of(target: Target) -> int:
    """The bytes that are stored, whoever stored them; outside the clock, the same way for all."""
    if target.to != "s3":
        return target.file.stat().st_size
    address = f"{target.endpoint}/{BUCKET}/data/{target.key}"
    with urllib.request.urlopen(urllib.request.Request(address, method="HEAD"), timeout=30) as answer:
        return int(answer.headers["Content-Length"])
