"""Two log managers before one server: ours, and the least one over Dagster's base class."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from pathlib import Path

import dagster
import pytest
from captures import local_files
from plain_cloud_logs import PlainCloudLogManager

from remote_store.ext.dagster import RemoteStoreComputeLogManager

# The newest Dagster whose base class was looked at: up to it, each defect must show.
LOOKED_AT = (1, 13, 29)
DAGSTER = tuple(map(int, re.findall(r"\d+", dagster.__version__)[:3]))


class HookedLogManager(RemoteStoreComputeLogManager):
    """Uploads through Dagster's hook, which the native side cannot."""

    def _upload_file_obj(self, data, log_key, io_type, partial=False):
        super()._upload_file_obj(data, log_key, io_type, partial)


class Side:
    """One of the two.

    Args:
        name: ``ours``, ``hook`` (ours with the upload replaced by a subclass) or ``dagster``.
        server: Where logs go.
        folder: A folder for local files.
        bucket: The bucket; one of its own for each run that shares a server.
    """

    def __init__(self, name, server, folder, bucket="bucket"):
        self.is_ours = name != "dagster"
        self.server = server
        self.bucket = bucket
        self._kind = {"ours": RemoteStoreComputeLogManager, "hook": HookedLogManager}.get(
            name, PlainCloudLogManager
        )
        self._folder = folder
        self._made = []

    @contextmanager
    def keeps(self, promise, *, since=(1, 9, 0), raising=AssertionError):
        """What is asserted in the block holds for ours, and fails on Dagster's base class.

        Args:
            promise: What is kept, in words.
            since: The first Dagster whose base class breaks it.
            raising: How the base class breaks it.
        """
        if self.is_ours:
            yield
            return
        try:
            yield
        except raising:
            return
        if since <= DAGSTER <= LOOKED_AT:
            pytest.fail(f"Dagster {dagster.__version__} keeps this, so that it proves nothing: {promise}")
        pytest.skip(f"Dagster {dagster.__version__} keeps this by itself: {promise}")

    @property
    def in_dagster_yaml(self):
        """The module and the class as an instance names them."""
        return {"module": self._kind.__module__, "class": self._kind.__name__}

    @staticmethod
    def environment(**variables):
        """The environment of a process that finds these classes."""
        return {**os.environ, "PYTHONPATH": str(Path(__file__).parent), **variables}

    def config(self, place):
        """The manager's configuration, for one of several machines."""
        local = {"local_dir": str(self._folder / place)}
        if not self.is_ours:
            return {"bucket_url": f"{self.server.endpoint}/{self.bucket}", **local}
        options = {
            "bucket": self.bucket,
            "endpoint_url": self.server.endpoint,
            "key": "AK",
            "secret": "SK",
            "region_name": "us-east-1",
            # The log manager tries again by itself; once for each request is enough here.
            "retry": {"max_attempts": 1},
        }
        return {"backend_type": "s3", "backend_options": options, **local}

    def manager(self, place="worker", **options):
        """A manager on a machine of its own, as far as local files go."""
        made = self._kind(**self.config(place), **options)
        self._made.append(made)
        return made

    def stored(self, path):
        """What the server holds, or None."""
        return self.server.objects.get(f"{self.bucket}/{path}")

    def stored_paths(self):
        prefix = f"{self.bucket}/"
        return sorted(path.removeprefix(prefix) for path in [*self.server.objects] if path.startswith(prefix))

    def put(self, path, data=b""):
        """Place an object without a request."""
        self.server.objects[f"{self.bucket}/{path}"] = data

    def local_files(self):
        return [name for manager in self._made for name in local_files(manager)]

    def close(self):
        for manager in self._made:
            manager.dispose()
