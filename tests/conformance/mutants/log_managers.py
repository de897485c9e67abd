"""Wrong compute log managers: DAG-021 to DAG-023, DAG-028, DAG-030 and DAG-032."""

from __future__ import annotations

import inspect

import dagster as dg
from dagster._core.storage.cloud_storage_compute_log_manager import PollingComputeLogSubscriptionManager
from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager

from remote_store.ext import dagster as ext

from . import mutant
from .surgery import LOGS, Through, around, raising, through


def fields(patch, change):
    """Let the configuration have other fields."""
    given = LOGS.config_type

    def changed(_cls):
        schema = dict(dg.Field(given()).config_type.fields)
        change(schema)
        return schema

    patch.setattr(LOGS, "config_type", classmethod(changed))


def constructed(patch, change):
    """Let the constructor see other arguments."""
    signature = inspect.signature(LOGS.__init__)

    def wrong(self, original, *args, **options):
        bound = signature.bind(self, *args, **options)
        bound.apply_defaults()
        arguments = dict(bound.arguments)
        change(arguments)
        del arguments["self"]
        return original(**arguments)

    around(patch, LOGS, "__init__", wrong)


@mutant("DAG-021")
def a_field_is_missing(patch):
    fields(patch, lambda schema: schema.pop("skip_empty_files"))


@mutant("DAG-021")
def there_is_an_eighth_field(patch):
    fields(patch, lambda schema: schema.update(container=dg.Field(str, is_required=False)))


@mutant("DAG-021")
def the_backend_type_may_be_left_out(patch):
    fields(
        patch,
        lambda schema: schema.update(
            backend_type=dg.Field(dg.StringSource, is_required=False, default_value="memory")
        ),
    )


@mutant("DAG-021")
def text_cannot_come_from_the_environment(patch):
    fields(
        patch, lambda schema: schema.update(prefix=dg.Field(str, is_required=False, default_value="dagster"))
    )


@mutant("DAG-021")
def empty_files_are_skipped_by_default(patch):
    fields(
        patch,
        lambda schema: schema.update(skip_empty_files=dg.Field(bool, is_required=False, default_value=True)),
    )


@mutant("DAG-021")
def the_prefix_has_another_default(patch):
    fields(
        patch,
        lambda schema: schema.update(
            prefix=dg.Field(dg.StringSource, is_required=False, default_value="logs")
        ),
    )


@mutant("DAG-021")
def the_interval_may_not_be_none(patch):
    fields(patch, lambda schema: schema.update(upload_interval=dg.Field(int, is_required=False)))


@mutant("DAG-021")
def inst_data_is_forgotten(patch):
    patch.setattr(LOGS, "inst_data", property(lambda _self: None))


@mutant("DAG-021")
def a_subclass_is_not_what_comes_from_the_configuration(patch):
    def wrong(_cls, inst_data, config_value):
        return LOGS(inst_data=inst_data, **config_value)

    patch.setattr(LOGS, "from_config_value", classmethod(wrong))


@mutant("DAG-021")
def the_options_do_not_arrive(patch):
    constructed(patch, lambda arguments: arguments.update(backend_options={}))


def checked(patch, supports=None, error=None):
    """Let the check of the capabilities see other answers or raise another error."""

    def wrong(_self, original, *args, **options):
        try:
            return original(*args, **options)
        except ValueError as raised:
            if error is None or "capabilit" not in str(raised):
                raise
            raise error(raised) from None

    if supports is not None:
        through(patch, supports=supports)
    around(patch, LOGS, "__init__", wrong)


def named(capability):
    """The name of a capability."""
    return getattr(capability, "name", str(capability)).upper()


@mutant("DAG-022")
def metadata_is_not_checked(patch):
    checked(patch, supports=lambda original, which: named(which) == "METADATA" or original(which))


@mutant("DAG-022")
def more_is_demanded_than_five_capabilities(patch):
    def wrong(_self, original, *args, **options):
        build = ext._build_store

        def building(*given):
            import remote_store

            store = build(*given)
            if not store.supports(remote_store.Capability.ATOMIC_WRITE):
                raise ValueError("Backend is missing capabilities: ATOMIC_WRITE")
            return store

        ext._build_store = building
        try:
            return original(*args, **options)
        finally:
            ext._build_store = build

    around(patch, LOGS, "__init__", wrong)


@mutant("DAG-022")
def the_store_is_left_open_when_a_capability_is_missing(patch):
    def wrong(_self, original, *args, **options):
        build = ext._build_store
        ext._build_store = lambda *given: unclosable(build(*given))
        try:
            return original(*args, **options)
        finally:
            ext._build_store = build

    def unclosable(store):
        return Through(store, {"close": lambda _original: None})

    around(patch, LOGS, "__init__", wrong)


@mutant("DAG-022")
def the_missing_capabilities_are_not_named(patch):
    checked(patch, error=lambda _raised: ValueError("Backend is missing capabilities"))


@mutant("DAG-022")
def all_five_capabilities_are_named(patch):
    text = "Backend is missing capabilities: READ, WRITE, DELETE, METADATA, LIST"
    checked(patch, error=lambda _raised: ValueError(text))


@mutant("DAG-022")
def a_missing_capability_is_another_error(patch):
    checked(patch, error=lambda raised: RuntimeError(str(raised)))


@mutant("DAG-022")
def rejected_options_are_a_type_error(patch):
    def wrong(_self, original, *args, **options):
        try:
            return original(*args, **options)
        except ValueError as raised:
            if "capabilit" in str(raised) or "carrier" in str(raised):
                raise
            raise TypeError(str(raised)) from None

    around(patch, LOGS, "__init__", wrong)


@mutant("DAG-023")
def an_interval_of_zero_is_kept(patch):
    patch.setattr(LOGS, "upload_interval", property(lambda self: vars(self).get("given")))

    def wrong(self, original, *args, **options):
        original(*args, **options)
        self.given = options.get("upload_interval")

    around(patch, LOGS, "__init__", wrong)


@mutant("DAG-023")
def the_interval_is_ignored(patch):
    patch.setattr(LOGS, "upload_interval", property(lambda _self: None))


@mutant("DAG-023")
def the_local_folder_is_ignored(patch):
    constructed(patch, lambda arguments: arguments.update(local_dir=None))


@mutant("DAG-023")
def the_default_folder_is_the_current_one(patch):
    constructed(patch, lambda arguments: arguments.update(local_dir=arguments["local_dir"] or "."))


@mutant("DAG-028")
def the_path_is_shown_before_capture_is_complete(patch):
    patch.setattr(LOGS, "is_capture_complete", lambda _self, _key: True)


@mutant("DAG-028")
def the_path_is_never_shown(patch):
    patch.setattr(LOGS, "display_path_for_type", lambda _self, _key, _io_type: None)


@mutant("DAG-028")
def the_path_is_shown_without_its_root(patch):
    through(patch, native_path=lambda _original, path: path)


@mutant("DAG-028")
def the_same_path_is_shown_for_both_streams(patch):
    def wrong(_self, original, log_key, io_type):
        return original(log_key, type(io_type).STDOUT)

    around(patch, LOGS, "display_path_for_type", wrong)


@mutant("DAG-028")
def there_is_a_download_url(patch):
    patch.setattr(LOGS, "download_url_for_type", lambda _self, key, _io_type: "/logs/" + "/".join(key))


@mutant("DAG-028")
def there_is_a_download_url_once_capture_is_complete(patch):
    def wrong(self, _original, log_key, io_type):
        return self.display_path_for_type(log_key, io_type)

    around(patch, LOGS, "download_url_for_type", wrong)


@mutant("DAG-030")
def subscribing_does_nothing(patch):
    patch.setattr(LOGS, "on_subscribe", lambda _self, _subscription: None)


@mutant("DAG-030")
def unsubscribing_does_nothing(patch):
    patch.setattr(LOGS, "on_unsubscribe", lambda _self, _subscription: None)


@mutant("DAG-030")
def every_subscription_has_a_manager_of_its_own(patch):
    def wrong(self, subscription):
        PollingComputeLogSubscriptionManager(self).add_subscription(subscription)

    patch.setattr(LOGS, "on_subscribe", wrong)


@mutant("DAG-032")
def the_store_stays_open_in_the_end(patch):
    through(patch, close=lambda _original: None)


@mutant("DAG-032")
def the_store_is_closed_after_every_step(patch):
    stores = []

    def building(_self, original, *args, **options):
        build = ext._build_store

        def keeping(*given):
            stores.append(build(*given))
            return stores[-1]

        ext._build_store = keeping
        try:
            return original(*args, **options)
        finally:
            ext._build_store = build

    around(patch, LOGS, "__init__", building)
    around(
        patch, LOGS, "delete_logs", lambda _self, original, **which: [original(**which), stores[-1].close()]
    )


@mutant("DAG-032")
def the_store_is_built_anew_to_read(patch):
    def wrong(_self, original, log_key, *args, **options):
        ext._build_store("memory", {}, "").close()
        return original(log_key, *args, **options)

    around(patch, LOGS, "get_log_data", wrong)


@mutant("DAG-032")
def the_local_manager_is_not_disposed_of(patch):
    def wrong(_self, original):
        dispose = LocalComputeLogManager.dispose
        LocalComputeLogManager.dispose = lambda _self: None
        try:
            original()
        finally:
            LocalComputeLogManager.dispose = dispose

    around(patch, LOGS, "dispose", wrong)


@mutant("DAG-032")
def the_subscriptions_are_not_disposed_of(patch):
    def wrong(_self, original):
        dispose = PollingComputeLogSubscriptionManager.dispose
        PollingComputeLogSubscriptionManager.dispose = lambda _self: None
        try:
            original()
        finally:
            PollingComputeLogSubscriptionManager.dispose = dispose

    around(patch, LOGS, "dispose", wrong)


@mutant("DAG-032")
def the_end_fails(patch):
    patch.setattr(LOGS, "dispose", raising(RuntimeError("not disposable")))
