"""Every way in, with nothing changed: these must pass, or a mutant might be caught for how it gets in."""

from __future__ import annotations

from . import harmless
from .io_managers import factory, metadata, serializer
from .log_folders import deleted, listed
from .log_managers import checked, constructed, fields
from .log_streams import content, downloaded
from .masking import given
from .resources import built_from
from .several_partitions import only, several
from .surgery import BUILDERS, LOGS, MANAGERS, Seen, around, asset_paths, paths, through

IO_MANAGERS = [f"DAG-{number:03}" for number in (5, 6, 7, 8, 9, 11, 16, 17, 18, 19, 20)]
LOG_MANAGERS = [f"DAG-{number:03}" for number in (21, 22, 23, 24, 25, 26, 27, 28, 29, 31, 32)]


@harmless(*IO_MANAGERS, "DAG-012", "DAG-013", "DAG-015")
def asset_paths_as_they_are(patch):
    asset_paths(patch, lambda parts: parts.joined("/"))


@harmless(*IO_MANAGERS)
def contexts_seen_as_they_are(patch):
    for manager in MANAGERS:
        for name in ("handle_output", "load_input"):
            around(
                patch, manager, name, lambda _self, original, context, *args: original(Seen(context), *args)
            )
    metadata(patch, lambda given: given)


@harmless("DAG-007", "DAG-009", "DAG-011")
def factories_as_they_are(patch):
    factory(patch, lambda original, store, **options: original(store, **options))
    serializer(patch, extension=lambda custom: custom.extension)


@harmless("DAG-012", "DAG-014", "DAG-015")
def stores_built_as_they_are(patch):
    for owner, _name in BUILDERS[:2]:
        built_from(patch, owner, lambda *given: given)


@harmless("DAG-020")
def several_partitions_as_they_are(patch):
    several(patch, lambda original, context, keys: original(only(context, *keys)))


@harmless(*LOG_MANAGERS)
def log_paths_as_they_are(patch):
    paths(patch, lambda path: path)


@harmless("DAG-021", "DAG-022", "DAG-023")
def log_managers_as_they_are(patch):
    fields(patch, lambda schema: schema)
    constructed(patch, lambda arguments: arguments)
    checked(patch, supports=lambda original, which: original(which), error=lambda raised: raised)


@harmless("DAG-024", "DAG-025")
def written_as_it_is(patch):
    through(patch, write=lambda original, path, data, **options: original(path, content(data), **options))


@harmless("DAG-026", "DAG-027", "DAG-029", "DAG-031")
def found_and_deleted_as_it_is(patch):
    downloaded(patch, lambda original, _self, *arguments: original(*arguments))
    deleted(patch, lambda original, _self, log_key, prefix: original(log_key=log_key, prefix=prefix))
    listed(patch, lambda keys, *_rest: keys)
    around(
        patch, LOGS, "cloud_storage_has_logs", lambda _self, original, *args, **more: original(*args, **more)
    )


@harmless("DAG-033")
def options_as_they_are(patch):
    given(patch, lambda options: options)
