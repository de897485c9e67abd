"""One implementation under test, in a process and an environment of its own.

Reads one JSON command a line from standard input, answers with one JSON line.
Started by ``driver.py``; what is timed is ``load_input`` of all partitions.
"""

from __future__ import annotations

import json
import logging
import os
import pickle
import resource
import sys
import time
from typing import TYPE_CHECKING, Any

import dagster as dg

if TYPE_CHECKING:
    from collections.abc import Callable

logging.disable(logging.WARNING)  # a line a file would be timed with the loading

BUCKET = "bench"
ASSET = dg.AssetKey(["orders"])


def remote_store_manager(endpoint: str) -> dg.IOManager:
    """The IO manager of ``remote_store``: this project's, or the pure-Python package's."""
    from remote_store import Store
    from remote_store.backends import S3Backend
    from remote_store.ext.dagster import dagster_io_manager

    backend = S3Backend(
        BUCKET, endpoint_url=endpoint, key="AK", secret="SK1234567890", region_name="us-east-1"
    )
    return dagster_io_manager(Store(backend, "data"))


def s3_pickle_manager(endpoint: str) -> dg.IOManager:
    """Dagster's own IO manager for S3."""
    import boto3
    from dagster_aws.s3.io_manager import PickledObjectS3IOManager

    client = boto3.client("s3", endpoint_url=endpoint)
    client.create_bucket(Bucket=BUCKET)
    return PickledObjectS3IOManager(s3_bucket=BUCKET, s3_session=client, s3_prefix="s3pickle")


def upath_manager(endpoint: str) -> dg.IOManager:
    """A UPathIOManager as Dagster's documentation shows it, over s3fs."""
    from upath import UPath

    class PickleManager(dg.UPathIOManager):
        extension = ".pkl"

        def dump_to_path(self, context: dg.OutputContext, obj: Any, path: UPath) -> None:
            with path.open("wb") as file:
                pickle.dump(obj, file)

        def load_from_path(self, context: dg.InputContext, path: UPath) -> Any:
            with path.open("rb") as file:
                return pickle.load(file)

    return PickleManager(base_path=UPath(f"s3://{BUCKET}/upath", endpoint_url=endpoint))


MANAGERS: dict[str, Callable[[str], dg.IOManager]] = {
    "ours": remote_store_manager,
    "pure": remote_store_manager,
    "s3pickle": s3_pickle_manager,
    "upath": upath_manager,
}


class Worker:
    """Answers commands for one implementation."""

    def __init__(self, implementation: str, partitions: int, size: int) -> None:
        self.make = MANAGERS[implementation]
        self.keys = [f"p{number:04}" for number in range(partitions)]
        self.definition = dg.StaticPartitionsDefinition(self.keys)
        self.size = size
        self.managers: dict[str, dg.IOManager] = {}

    def manager(self, endpoint: str) -> dg.IOManager:
        """The manager for one endpoint, made once, so that connections are reused."""
        if endpoint not in self.managers:
            self.managers[endpoint] = self.make(endpoint)
        return self.managers[endpoint]

    def write(self, endpoint: str) -> None:
        """Stores every partition: random bytes, so that nothing is saved by compression."""
        manager = self.manager(endpoint)
        for key in self.keys:
            context = dg.build_output_context(
                asset_key=ASSET, partition_key=key, asset_partitions_def=self.definition
            )
            manager.handle_output(context, os.urandom(self.size))

    def load(self, endpoint: str) -> float:
        """Loads all partitions at once; returns seconds."""
        context = dg.build_input_context(
            asset_key=ASSET,
            asset_partitions_def=self.definition,
            asset_partition_key_range=dg.PartitionKeyRange(self.keys[0], self.keys[-1]),
            upstream_output=dg.build_output_context(asset_key=ASSET),
            dagster_type=dg.PythonObjectDagsterType(dict),
        )
        manager = self.manager(endpoint)
        started = time.perf_counter()
        loaded = manager.load_input(context)
        elapsed = time.perf_counter() - started
        if sorted(loaded) != self.keys or any(len(value) != self.size for value in loaded.values()):
            found = f"{type(loaded).__name__} of {len(loaded)}: {str(loaded)[:80]}"
            raise AssertionError(f"loaded {found}, not the partitions that were written")
        return elapsed


def main() -> None:
    """Serves commands until standard input ends."""
    worker = Worker(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
    for line in sys.stdin:
        command = json.loads(line)
        answer: dict[str, Any] = {"ok": True}
        if command["do"] == "write":
            worker.write(command["endpoint"])
        else:
            answer["seconds"] = worker.load(command["endpoint"])
        answer["peak_rss_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
