"""Wrong resources: DAG-012 to DAG-016."""

from __future__ import annotations

import dagster as dg

from remote_store.ext import dagster as ext

from . import mutant
from .surgery import MANAGERS, Seen, around, asset_paths, replaced_class, through

RESOURCE, FACTORY = ext.DagsterStoreResource, ext.RemoteStoreIOManager


def built_from(patch, owner, change):
    """Let a resource build its store from ``change(type, options, root_path)``."""

    def wrong(_self, original, context):
        build = ext._build_store
        ext._build_store = lambda *given: build(*change(*given))
        try:
            return original(context)
        finally:
            ext._build_store = build

    around(patch, owner, "setup_for_execution", wrong)


@mutant("DAG-012")
def the_root_path_is_ignored(patch):
    built_from(patch, RESOURCE, lambda name, options, _root: (name, options, ""))


@mutant("DAG-012")
def the_root_path_has_another_default(patch):
    replaced_class(patch, "DagsterStoreResource", __annotations__={"root_path": str}, root_path="dagster")


@mutant("DAG-012")
def the_backend_type_has_a_default(patch):
    replaced_class(patch, "DagsterStoreResource", __annotations__={"backend_type": str}, backend_type="local")


@mutant("DAG-012")
def every_get_store_builds_another_store(patch):
    def wrong(self, _original):
        return ext._build_store(self.backend_type, self.backend_options, self.root_path)

    around(patch, RESOURCE, "get_store", wrong)


@mutant("DAG-012")
def get_store_gives_the_configuration(patch):
    around(patch, RESOURCE, "get_store", lambda self, _original: self)


@mutant("DAG-013")
def the_store_is_never_closed(patch):
    through(patch, close=lambda _original: None)


@mutant("DAG-013")
def the_closed_store_is_kept(patch):
    kept = {}

    def set_up(self, original, context):
        original(context)
        kept[id(self)] = self.get_store()

    def teardown(self, _original, _context):
        if id(self) in kept:
            kept[id(self)].close()

    around(patch, RESOURCE, "setup_for_execution", set_up)
    around(patch, RESOURCE, "get_store", lambda self, original: kept.get(id(self)) or original())
    around(patch, RESOURCE, "teardown_after_execution", teardown)


@mutant("DAG-013")
def the_end_needs_a_beginning(patch):
    def wrong(self, original, context):
        self.get_store()
        return original(context)

    around(patch, RESOURCE, "teardown_after_execution", wrong)


def unknown_type(patch, error):
    """Let the error for an unknown backend type be another one."""

    def wrong(_self, original, context):
        try:
            return original(context)
        except ValueError as raised:
            raise error(raised) from None

    for owner in (RESOURCE, FACTORY):
        around(patch, owner, "setup_for_execution", wrong)


@mutant("DAG-014")
def an_unknown_type_is_a_key_error(patch):
    unknown_type(patch, lambda raised: KeyError(str(raised)))


@mutant("DAG-014")
def the_registered_types_are_not_listed(patch):
    unknown_type(patch, lambda _raised: ValueError("Unknown backend type 'carrier-pigeon'"))


@mutant("DAG-014")
def the_unknown_type_is_not_named(patch):
    unknown_type(
        patch, lambda _raised: ValueError("Unknown backend type. Registered types: ['local', 'memory']")
    )


@mutant("DAG-014")
def an_unknown_type_is_memory(patch):
    for owner in (RESOURCE, FACTORY):
        built_from(patch, owner, lambda _name, options, root: ("memory", options, root))


@mutant("DAG-015")
def the_serializer_is_ignored(patch):
    original = FACTORY.create_io_manager

    def wrong(self, context):
        copy = self.model_copy(update={"serializer": "pickle"})
        copy.setup_for_execution(context)
        return original(copy, context)

    patch.setattr(FACTORY, "create_io_manager", wrong)


@mutant("DAG-015")
def json_is_the_default_of_the_factory(patch):
    replaced_class(patch, "RemoteStoreIOManager", __annotations__={"serializer": str}, serializer="json")


@mutant("DAG-015")
def the_store_of_the_factory_stays_open(patch):
    around(patch, FACTORY, "teardown_after_execution", lambda _self, _original, _context: None)


@mutant("DAG-015")
def the_store_of_the_factory_is_closed_too_early(patch):
    closed = []

    def set_up(_self, original, context):
        build = ext._build_store

        def building(*given):
            closed.append(build(*given))
            return closed[-1]

        ext._build_store = building
        try:
            return original(context)
        finally:
            ext._build_store = build

    def create(_self, original, context):
        manager = original(context)
        closed[-1].close()
        return manager

    around(patch, FACTORY, "setup_for_execution", set_up)
    around(patch, FACTORY, "create_io_manager", create)


@mutant("DAG-015")
def the_root_path_of_the_factory_is_ignored(patch):
    built_from(patch, FACTORY, lambda name, options, _root: (name, options, ""))


@mutant("DAG-015")
def an_unknown_serializer_of_the_factory_is_pickle(patch):
    def wrong(self, original, context):
        try:
            return original(context)
        except ValueError:
            return ext.dagster_io_manager(ext._build_store(self.backend_type, self.backend_options, ""))

    around(patch, FACTORY, "create_io_manager", wrong)


@mutant("DAG-015")
def the_factory_gives_something_that_is_no_io_manager(patch):
    class Likeness:
        def __init__(self, inner):
            self.handle_output, self.load_input = inner.handle_output, inner.load_input

    around(patch, FACTORY, "create_io_manager", lambda _self, original, context: Likeness(original(context)))


@mutant("DAG-016")
def the_partition_is_forgotten_when_loading(patch):
    asset_paths(patch, lambda parts: "/".join(parts.segments) + parts.rest, only=["load_input"])


@mutant("DAG-016")
def keys_are_written_in_lower_case(patch):
    asset_paths(patch, lambda parts: parts.joined("/").lower())


@mutant("DAG-016")
def every_io_manager_has_a_store_of_its_own(patch):
    def wrong(self, original, context):
        self.setup_for_execution(context)
        return original(context)

    around(patch, FACTORY, "create_io_manager", wrong)


@mutant("DAG-016")
def assets_share_the_path_of_their_first_segment(patch):
    def wrong(_self, original, context, *args):
        return original(Seen(context, asset_key=dg.AssetKey(context.asset_key.path[:1])), *args)

    for name in ("handle_output", "load_input"):
        around(patch, MANAGERS[0], name, wrong)
