"""The backends that the kit runs on: memory and local always, services when the environment names them."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from remote_store.ext import dagster as ext

ALWAYS = ("memory", "local")
# Taken now: some tests put their own in its place, and a place is opened once more when they end.
BUILD_STORE = ext._build_store


@dataclass(frozen=True)
class Place:
    """Where one test keeps its objects; nothing else is there."""

    name: str
    options: Mapping[str, Any]
    root_path: str = ""

    def config(self, below: str = "") -> dict[str, Any]:
        """The three fields of DAG-012, with a root path ``below`` this place."""
        root_path = "/".join(part for part in (self.root_path, below) if part)
        return {"backend_type": self.name, "backend_options": dict(self.options), "root_path": root_path}

    def open(self, below: str = "") -> Any:
        """A store on this place."""
        config = self.config(below)
        return BUILD_STORE(config["backend_type"], config["backend_options"], config["root_path"])

    @property
    def outlives_its_store(self) -> bool:
        """Whether a second store over the same place sees what the first one wrote."""
        return self.name != "memory"


def configured() -> list[str]:
    """The backends of this run."""
    return [*ALWAYS, *(name for name, (variable, _) in SERVICES.items() if os.environ.get(variable))]


def place(name: str, folder: Path) -> Place:
    """A new, empty place on the backend of this name."""
    if name == "memory":
        return Place(name, {})
    if name == "local":
        folder.mkdir()
        return Place(name, {"root": str(folder)})
    _, options = SERVICES[name]
    # An implementation whose options have other names says so as JSON.
    other = json.loads(os.environ.get(f"REMOTE_STORE_TEST_{name.upper()}_OPTIONS", "{}"))
    return Place(name, {**options(), **other}, f"conformance/{uuid.uuid4().hex}")


def _setting(name: str, default: str | None = None) -> str:
    value = os.environ.get(f"REMOTE_STORE_TEST_{name}", default)
    if value is None:
        raise KeyError(f"set REMOTE_STORE_TEST_{name} too, or none of its family")
    return value


def _s3() -> dict[str, Any]:
    return {
        "bucket": _setting("S3_BUCKET", "remote-store-test"),
        "endpoint_url": _setting("S3_ENDPOINT"),
        "key": _setting("S3_KEY"),
        "secret": _setting("S3_SECRET"),
        "region_name": _setting("S3_REGION", "us-east-1"),
    }


def _azure() -> dict[str, Any]:
    return {
        "container": _setting("AZURE_CONTAINER", "remote-store-test"),
        "connection_string": _setting("AZURE_CONNECTION"),
    }


def _gcs() -> dict[str, Any]:
    return {"bucket": _setting("GCS_BUCKET", "remote-store-test"), "endpoint_url": _setting("GCS_ENDPOINT")}


# The variable that says a service is there, and the options for it.
SERVICES: dict[str, tuple[str, Callable[[], dict[str, Any]]]] = {
    "s3": ("REMOTE_STORE_TEST_S3_ENDPOINT", _s3),
    "azure": ("REMOTE_STORE_TEST_AZURE_CONNECTION", _azure),
    "gcs": ("REMOTE_STORE_TEST_GCS_ENDPOINT", _gcs),
}
