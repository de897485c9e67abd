"""Asks a package for its names, signatures and fields, and for its answers to tables of calls."""

from __future__ import annotations

import copy
import dataclasses
import enum
import inspect
import io
import json
import os
import pickle
import re
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import remote_store
import remote_store._config
import remote_store.backends

FOLDER = Path(__file__).parent
FILES = {"a.txt": b"abc", "d/b.txt": b"12345", "d/e/c.bin": b"x"}
# The submodules whose public names are compared too; each can be imported without optional packages.
MODULES = [
    "remote_store",
    "remote_store.backends",
    "remote_store.ext.batch",
    "remote_store.ext.glob",
    "remote_store.ext.integrity",
    "remote_store.ext.partition",
    "remote_store.ext.streams",
    "remote_store.ext.transfer",
    "remote_store.ext.write",
]
# Times and addresses differ from run to run.
_TIME = re.compile(r"datetime\.datetime\((?!1,|2024, 1, 1,)[^()]*(?:\([^()]*\))?[^()]*\)")
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")
_ETAG = re.compile(r"etag='[^']+'")


def record() -> dict[str, Any]:
    """Return all facts of the package of this interpreter."""
    with tempfile.TemporaryDirectory() as folder:
        return {
            "version": remote_store.__version__,
            "names": {name: _names(name) for name in MODULES},
            "answers": dict(_answers(folder)),
        }


def _names(module: str) -> dict[str, Any]:
    namespace = __import__(module, fromlist=["*"])
    return {name: _described(getattr(namespace, name)) for name in sorted(namespace.__all__)}


def _described(thing: Any) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    if not isinstance(thing, type):
        return {"parameters": _parameters(thing)} if callable(thing) else facts
    if issubclass(thing, enum.Enum):
        return {"members": {member.name: member.value for member in thing}}
    facts["parameters"] = _parameters(thing)
    facts["methods"] = {
        name: _parameters(getattr(thing, name)) for name in dir(thing) if not name.startswith("_")
    }
    if dataclasses.is_dataclass(thing):
        facts["fields"] = {field.name: _default(field) for field in dataclasses.fields(thing)}
    return facts


def _default(field: dataclasses.Field[Any]) -> str:
    if field.default_factory is not dataclasses.MISSING:
        return repr(field.default_factory())
    return "" if field.default is dataclasses.MISSING else repr(field.default)


def _parameters(thing: Any) -> list[list[str]] | None:
    """Return name, kind and default of each; None for what has none to tell."""
    try:
        signature = inspect.signature(thing)
    except (TypeError, ValueError):
        return None
    return [
        [
            one.name,
            one.kind.name,
            "" if one.default is one.empty else _printed(one.default),
        ]
        for one in signature.parameters.values()
    ]


def _printed(default: Any) -> str:
    # Of a member of an enumeration, its value.
    return str(getattr(default, "value", default))


def _answers(folder: str) -> Iterator[tuple[str, str]]:
    names = _vocabulary(folder)
    for call in _calls("object_calls.txt"):
        yield call, _answer(call, names, folder)
    for kind, root in (("memory", ""), ("local", "root")):
        for call in _calls("store_calls.txt"):
            fresh = tempfile.mkdtemp(dir=folder)
            store = _filled(_backend(kind, fresh), root)
            yield f"{kind}: {call}", _answer(call, names | {"s": store, "d": fresh}, folder)


def _calls(file: str) -> list[str]:
    return (FOLDER / file).read_text(encoding="utf-8").splitlines()


def _backend(kind: str, folder: str) -> Any:
    backends = remote_store.backends
    return backends.MemoryBackend() if kind == "memory" else backends.LocalBackend(folder)


def _filled(backend: Any, root: str) -> Any:
    store = remote_store.Store(backend, root)
    for path, content in FILES.items():
        store.write(path, content)
    return store


def _vocabulary(folder: str) -> Mapping[str, Any]:
    """What stands in the calls, built as a user would."""
    Path(folder, "a.toml").write_text(
        '[backends.m]\ntype="memory"\n[stores.s]\nbackend="m"\nroot_path="x"\n'
        '[tool.rs.backends.m]\ntype="memory"\n[tool.rs.stores.s]\nbackend="m"\nroot_path="${HOME_X:-dd}"\n'
    )
    Path(folder, "bad.toml").write_text("[[[")
    names = {name: getattr(remote_store, name) for name in remote_store.__all__}
    names |= {name: getattr(remote_store.backends, name) for name in ("LocalBackend", "MemoryBackend")}
    time = datetime(2024, 1, 1, tzinfo=UTC)
    path = remote_store.RemotePath
    return names | {
        "_SENSITIVE_KEYS": remote_store._config._SENSITIVE_KEYS,
        "copy": copy, "dataclasses": dataclasses, "io": io, "json": json, "os": os,
        "pickle": pickle, "tmp": folder,
        "T": time,
        "F": remote_store.FileInfo(path("a/f.txt"), "f.txt", 3, time),
        "W": remote_store.WriteResult(
            path("a"), 1, "native", remote_store.ContentDigest("md5", "ab"), "e", "v", time, {"a": "b"}
        ),
        "C": remote_store.RegistryConfig(
            {"b": remote_store.BackendConfig("memory")}, {"s": remote_store.StoreProfile("b", "p")}
        ),
    }  # fmt: skip


def _answer(call: str, names: Mapping[str, Any], folder: str) -> str:
    """Evaluate a line of a table; an exception is an answer too, and so is a warning."""
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        text = _evaluated(lambda: eval(call, dict(names)))  # noqa: S307 - our own tables
    for warning in warned:
        if issubclass(warning.category, UserWarning):
            text += f" WARNING {warning.message}"
    text = _ETAG.sub("etag=ETAG", _ADDRESS.sub("", _TIME.sub("TIME", text)))
    for real in (os.path.realpath(folder), folder):
        text = text.replace(real, "TMP")
    text = text.replace(str(Path.cwd()), "CWD")
    return re.sub(r"TMP/tmp\w+", "TMP", text)


def _evaluated(call: Callable[[], object]) -> str:
    try:
        return repr(call())
    except Exception as error:  # noqa: BLE001 - whatever comes is recorded
        return f"!! {type(error).__name__}: {error}"
