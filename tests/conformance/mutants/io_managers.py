"""Wrong IO managers: DAG-007 to DAG-011."""

from __future__ import annotations

import functools
import types

from conformance.contexts import stored
from remote_store import NotFound
from remote_store.ext import dagster as ext

from . import mutant, mutant_without_pyarrow
from .surgery import MANAGERS, Seen, around, partitions_of, through

OBJECTS = MANAGERS[0]


def metadata(patch, change):
    """Let the metadata of an output be changed on its way."""

    def wrong(_self, original, context, obj):
        seen = Seen(context)
        seen.add_output_metadata = lambda given: context.add_output_metadata(change(given))
        return original(seen, obj)

    around(patch, OBJECTS, "handle_output", wrong)


def factory(patch, wrong):
    """Let ``wrong(original, store, **options)`` stand for ``dagster_io_manager``."""
    original = ext.dagster_io_manager

    @functools.wraps(original)
    def made(store, **options):
        return wrong(original, store, **options)

    patch.setattr(ext, "dagster_io_manager", made)


@mutant("DAG-007")
def none_is_not_stored(patch):
    around(
        patch,
        OBJECTS,
        "handle_output",
        lambda _self, original, context, obj: obj is None or original(context, obj),
    )


@mutant("DAG-007")
def an_output_that_is_there_is_not_replaced(patch):
    through(patch, write=lambda original, path, data, **_options: original(path, data, overwrite=False))


@mutant("DAG-007")
def the_size_is_missing(patch):
    metadata(patch, lambda given: {name: value for name, value in given.items() if name != "size"})


@mutant("DAG-007")
def the_size_counts_something_else(patch):
    metadata(patch, lambda given: {**given, "size": given["size"] // 2})


@mutant("DAG-007")
def the_path_has_no_extension_in_the_metadata(patch):
    metadata(patch, lambda given: {**given, "path": given["path"].rpartition(".")[0]})


@mutant("DAG-007")
def an_output_is_removed_before_its_successor_is_serialized(patch):
    def opened(original, store, **options):
        manager = original(store, **options)
        handle = manager.handle_output

        def wrong(context, obj):
            for path in stored(store):
                store.delete(path)
            return handle(context, obj)

        manager.handle_output = wrong
        return manager

    factory(patch, opened)


@mutant("DAG-007")
def the_stored_bytes_end_with_a_newline(patch):
    through(
        patch, write=lambda original, path, data, **options: original(path, bytes(data) + b"\n", **options)
    )


@mutant("DAG-008")
def a_missing_object_is_none(patch):
    def wrong(_self, original, context):
        try:
            return original(context)
        except NotFound:
            return None

    around(patch, OBJECTS, "load_input", wrong)


@mutant("DAG-008")
def a_missing_object_is_another_error(patch):
    def wrong(_self, original, context):
        try:
            return original(context)
        except NotFound as error:
            raise OSError("cannot load") from error

    around(patch, OBJECTS, "load_input", wrong)


@mutant("DAG-008")
def the_partition_of_the_run_is_loaded(patch):
    def wrong(_self, original, context):
        if not context.has_partition_key:
            return original(context)
        key = context.partition_key
        return original(Seen(context, has_asset_partitions=True, asset_partition_keys=[key]))

    around(patch, OBJECTS, "load_input", wrong)


@mutant("DAG-008")
def the_name_of_the_input_is_taken_for_the_key(patch):
    import dagster as dg

    def wrong(_self, original, context):
        return original(Seen(context, asset_key=dg.AssetKey([context.name])))

    around(patch, OBJECTS, "load_input", wrong)


@mutant("DAG-008")
def what_was_loaded_once_is_remembered(patch):
    memory = {}

    def wrong(self, original, context):
        key = (id(self), tuple(context.asset_key.path), *partitions_of(context))
        if key not in memory:
            memory[key] = original(context)
        return memory[key]

    around(patch, OBJECTS, "load_input", wrong)


def serializer(patch, **wrong):
    """Let a custom serializer have other members."""

    def made(original, store, **options):
        custom = options.get("serializer", "pickle")
        if not isinstance(custom, str):
            members = {name: getattr(custom, name) for name in ("extension", "serialize", "deserialize")}
            changed = {name: change(custom) for name, change in wrong.items()}
            options["serializer"] = types.SimpleNamespace(**{**members, **changed})
        return original(store, **options)

    factory(patch, made)


@mutant("DAG-009")
def the_extension_of_a_custom_serializer_is_ignored(patch):
    serializer(patch, extension=lambda _custom: ".pkl")


@mutant("DAG-009")
def only_the_last_part_of_an_extension_counts(patch):
    serializer(patch, extension=lambda custom: "." + custom.extension.rpartition(".")[2])


@mutant("DAG-009")
def bytes_are_stored_without_the_serializer(patch):
    serializer(
        patch, serialize=lambda custom: lambda obj: obj if isinstance(obj, bytes) else custom.serialize(obj)
    )


@mutant("DAG-009")
def a_custom_serializer_does_not_get_to_load(patch):
    serializer(patch, deserialize=lambda _custom: lambda data: data)


mutant_without_pyarrow(
    "DAG-010",
    "a_parquet_io_manager_without_pyarrow_fails_late",
    "made = ext.dagster_io_manager\next.dagster_io_manager = lambda store, serializer='pickle': made(store)",
)
mutant_without_pyarrow(
    "DAG-010",
    "the_error_without_pyarrow_is_a_runtime_error",
    """
made = ext.dagster_io_manager
def wrong(store, **options):
    try:
        return made(store, **options)
    except ModuleNotFoundError as error:
        raise RuntimeError(str(error)) from None
ext.dagster_io_manager = wrong
""",
)
mutant_without_pyarrow(
    "DAG-010",
    "the_hint_without_pyarrow_lacks_the_extra",
    """
made = ext.dagster_io_manager
def wrong(store, **options):
    try:
        return made(store, **options)
    except ModuleNotFoundError:
        raise ModuleNotFoundError("No module named 'pyarrow'") from None
ext.dagster_io_manager = wrong
""",
)


@mutant("DAG-011")
def json_is_the_default(patch):
    original = ext.dagster_io_manager

    def made(store, *, serializer="json"):
        return original(store, serializer=serializer)

    patch.setattr(ext, "dagster_io_manager", made)


@mutant("DAG-011")
def the_serializer_may_be_given_by_position(patch):
    original = ext.dagster_io_manager

    def made(store, serializer="pickle"):
        return original(store, serializer=serializer)

    patch.setattr(ext, "dagster_io_manager", made)


@mutant("DAG-011")
def an_unknown_serializer_is_pickle(patch):
    def made(original, store, **options):
        try:
            return original(store, **options)
        except ValueError:
            return original(store)

    factory(patch, made)


@mutant("DAG-011")
def an_unknown_serializer_is_a_key_error(patch):
    def made(original, store, **options):
        try:
            return original(store, **options)
        except ValueError as error:
            raise KeyError(str(error)) from None

    factory(patch, made)


@mutant("DAG-011")
def the_store_is_closed_when_an_output_is_stored(patch):
    def made(original, store, **options):
        manager = original(store, **options)
        handle = manager.handle_output

        def closing(context, obj):
            handle(context, obj)
            store.close()

        manager.handle_output = closing
        return manager

    factory(patch, made)
