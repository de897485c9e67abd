"""How a mutant gets in: around a method, between an implementation and its store, around a context."""

from __future__ import annotations

import functools
import inspect
from dataclasses import dataclass
from typing import Any

from remote_store import Store
from remote_store.ext import dagster as ext

MANAGERS = (ext._RemoteStoreIOManagerImpl, ext._DatasetIOManagerImpl)
BUILDERS = (
    (ext.DagsterStoreResource, "setup_for_execution"),
    (ext.RemoteStoreIOManager, "setup_for_execution"),
    (ext.RemoteStoreComputeLogManager, "__init__"),
)
LOGS = ext.RemoteStoreComputeLogManager
# Methods of a store that take a path first.
PATH_METHODS = (
    "write",
    "write_atomic",
    "open_atomic",
    "read",
    "read_bytes",
    "read_seekable",
    "is_file",
    "exists",
    "head",
    "get_file_info",
    "delete",
    "delete_folder",
    "list_files",
    "native_path",
)


def around(patch, owner, name, wrong):
    """Let ``wrong(self, original, *args, **options)`` stand for a method; ``original`` is bound."""
    original = getattr(owner, name)

    @functools.wraps(original)
    def replaced(self, *args, **options):
        return wrong(self, functools.partial(original, self), *args, **options)

    patch.setattr(owner, name, replaced)


class Through(Store):
    """A store between an implementation and the store of the test; some methods do other things."""

    def __init__(self, inner, wrong):
        object.__setattr__(self, "_through", (inner, wrong))

    def __getattribute__(self, name):
        inner, wrong = object.__getattribute__(self, "_through")
        if name in wrong:
            return functools.partial(wrong[name], getattr(inner, name))
        return getattr(inner, name)

    def __setattr__(self, name, value):
        setattr(object.__getattribute__(self, "_through")[0], name, value)

    def __del__(self):
        """Not the end of the store inside."""


def through(patch, **wrong):
    """Put ``wrong[name](original, *args, **options)`` between every implementation and its store."""
    for name in ("dagster_io_manager", "dagster_dataset_io_manager"):
        factory = getattr(ext, name)
        patch.setattr(ext, name, _with_store(factory, wrong))
    for owner, name in BUILDERS:
        around(patch, owner, name, functools.partial(_built_through, wrong))


def _with_store(factory, wrong):
    @functools.wraps(factory)
    def made(store, **options):
        return factory(Through(store, wrong), **options)

    return made


def _built_through(wrong, _self, original, *args, **options):
    build = ext._build_store
    ext._build_store = lambda *given: Through(build(*given), wrong)
    try:
        return original(*args, **options)
    finally:
        ext._build_store = build


def paths(patch, rewrite):
    """Let every path that an implementation gives to its store be ``rewrite(path)``."""

    def rewritten(original, path="", *args, **options):
        return original(rewrite(str(path)), *args, **options)

    through(patch, **dict.fromkeys(PATH_METHODS, rewritten))


@dataclass(frozen=True)
class Parts:
    """What the path of an asset is made of."""

    segments: list[str]
    partition: str | None
    rest: str

    def joined(self, separator: str) -> str:
        """The specified path, with another separator before the partition."""
        tail = "" if self.partition is None else separator + self.partition
        return "/".join(self.segments) + tail + self.rest


def asset_paths(patch, rewrite, *, only=("handle_output", "load_input")):
    """Let the path of every asset be ``rewrite(parts)``, while one of the methods ``only`` runs."""
    current = []

    def inside(_self, original, context, *args):
        current.append(context)
        try:
            return original(context, *args)
        finally:
            current.pop()

    def rewritten(path):
        if not current:
            return path
        segments = list(current[-1].asset_key.path)
        for key in [*partitions_of(current[-1]), None]:
            stem = "/".join([*segments, *([] if key is None else [key])])
            if path.startswith(stem) and path[len(stem) :][:1] in {".", "/", ""}:
                return rewrite(Parts(segments, key, path[len(stem) :]))
        return path

    for manager in MANAGERS:
        for name in only:
            around(patch, manager, name, inside)
    paths(patch, rewritten)


def partitions_of(context) -> list[str]:
    """The partition keys that a context speaks of."""
    if getattr(context, "has_asset_partitions", False):
        return list(context.asset_partition_keys)
    return [context.partition_key] if context.has_partition_key else []


class Seen:
    """A context of which some attributes are seen otherwise."""

    def __init__(self, context, **otherwise):
        vars(self).update(otherwise, _context=context)

    @property
    def __class__(self):
        """Whoever asks for the class gets that of the context."""
        return type(self._context)

    def __getattr__(self, name):
        return getattr(self._context, name)


def replaced_class(patch, name, **members):
    """Let a subclass with other members stand for a class of the module."""
    base = getattr(ext, name)
    patch.setattr(ext, name, type(base)(name, (base,), {"__module__": base.__module__, **members}))


def raising(error):
    """A callable that raises, whatever it is given."""

    def fail(*_args: Any, **_options: Any) -> None:
        raise error

    return fail


def positional(function, args, options):
    """The arguments of a call by name, defaults included."""
    bound = inspect.signature(function).bind(*args, **options)
    bound.apply_defaults()
    return bound.arguments
