"""Several partitions that are loaded wrongly: DAG-020."""

from __future__ import annotations

from . import mutant
from .surgery import MANAGERS, Seen, around, asset_paths, partitions_of


def several(patch, wrong):
    """Let ``wrong(original, context, keys)`` load several partitions, in both IO managers."""

    def load(_self, original, context):
        keys = partitions_of(context)
        return wrong(original, context, keys) if len(keys) > 1 else original(context)

    for manager in MANAGERS:
        around(patch, manager, "load_input", load)


def only(context, *keys):
    """The context as if it spoke of these partitions."""
    return Seen(context, has_asset_partitions=True, asset_partition_keys=list(keys))


@mutant("DAG-020")
def only_the_first_partition_is_loaded(patch):
    several(patch, lambda original, context, keys: original(only(context, keys[0])))


@mutant("DAG-020")
def several_partitions_are_a_list(patch):
    several(patch, lambda original, context, _keys: list(original(context).values()))


@mutant("DAG-020")
def a_missing_partition_is_left_out(patch):
    def wrong(original, context, keys):
        loaded = {}
        for key in keys:
            try:
                loaded[key] = original(only(context, key))
            except Exception:  # noqa: BLE001, S112 - that is what is wrong with it
                continue
        return loaded

    several(patch, wrong)


@mutant("DAG-020")
def a_missing_partition_is_a_key_error(patch):
    def wrong(original, context, _keys):
        try:
            return original(context)
        except Exception as error:
            raise KeyError("a partition is missing") from error

    several(patch, wrong)


@mutant("DAG-020")
def the_last_missing_partition_is_reported(patch):
    def wrong(original, context, keys):
        loaded = {key: original(only(context, key)) for key in reversed(keys)}
        return {key: loaded[key] for key in keys}

    several(patch, wrong)


@mutant("DAG-020")
def the_values_are_in_the_order_of_arrival(patch):
    def wrong(original, context, keys):
        return dict(zip(keys, reversed(original(context).values()), strict=True))

    several(patch, wrong)


@mutant("DAG-020")
def a_single_partition_is_a_dict_too(patch):
    def load(_self, original, context):
        keys = partitions_of(context)
        return {keys[0]: original(context)} if len(keys) == 1 else original(context)

    for manager in MANAGERS:
        around(patch, manager, "load_input", load)


@mutant("DAG-020")
def every_partition_is_loaded_from_the_path_of_the_asset(patch):
    asset_paths(patch, lambda parts: "/".join(parts.segments) + parts.rest)


@mutant("DAG-020")
def datasets_of_several_partitions_are_one_table(patch):
    def load(_self, original, context):
        loaded = original(context)
        if not isinstance(loaded, dict):
            return loaded
        import pyarrow as pa

        return pa.concat_tables(loaded.values())

    around(patch, MANAGERS[1], "load_input", load)
