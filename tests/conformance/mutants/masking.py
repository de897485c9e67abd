"""Credentials that are wrapped wrongly: DAG-033."""

from __future__ import annotations

import remote_store
from remote_store import RegistryConfig, Secret
from remote_store._config import _SENSITIVE_KEYS
from remote_store.ext import dagster as ext

from . import mutant


def given(patch, change):
    """Let a backend get ``change(options)`` instead of what ``_build_store`` prepared for it."""
    register = remote_store.register_backend

    def registering(name, build):
        register(name, lambda **options: build(**change(options)))

    patch.setattr(remote_store, "register_backend", registering)


def plain(value):
    """What a secret hides."""
    return value.reveal() if isinstance(value, Secret) else value


def wrapped(options, is_sensitive):
    """The options with every value that is sensitive, and no other, in a secret."""
    return {
        name: Secret(str(plain(value))) if is_sensitive(name) else plain(value)
        for name, value in options.items()
    }


@mutant("DAG-033")
def nothing_is_wrapped(patch):
    given(patch, lambda options: wrapped(options, lambda _name: False))


@mutant("DAG-033")
def only_passwords_and_secrets_are_wrapped(patch):
    given(patch, lambda options: wrapped(options, lambda name: name in {"password", "secret"}))


@mutant("DAG-033")
def everything_is_wrapped(patch):
    given(patch, lambda options: wrapped(options, lambda _name: True))


@mutant("DAG-033")
def every_name_with_a_sensitive_word_in_it_is_wrapped(patch):
    given(patch, lambda options: wrapped(options, lambda name: any(key in name for key in _SENSITIVE_KEYS)))


@mutant("DAG-033")
def the_secret_is_wrapped_without_its_value(patch):
    given(
        patch,
        lambda options: {
            name: Secret("***") if isinstance(value, Secret) else value for name, value in options.items()
        },
    )


@mutant("DAG-033")
def the_callers_options_are_changed(patch):
    original = ext._build_store

    def wrong(name, options, root_path):
        options.update(wrapped(options, lambda key: key in _SENSITIVE_KEYS))
        return original(name, options, root_path)

    patch.setattr(ext, "_build_store", wrong)


@mutant("DAG-033")
def the_message_of_a_failed_construction_shows_the_options(patch):
    original = ext._build_store

    def wrong(name, options, root_path):
        try:
            return original(name, options, root_path)
        except Exception as error:
            raise ValueError(f"{error}: {options}") from error

    patch.setattr(ext, "_build_store", wrong)


@mutant("DAG-033")
def the_log_manager_wraps_nothing(patch):
    seen = []
    given(patch, lambda options: wrapped(options, lambda _name: False) if seen else options)
    build = ext.RemoteStoreComputeLogManager.__init__

    def wrong(self, *args, **options):
        seen.append(self)
        try:
            build(self, *args, **options)
        finally:
            seen.clear()

    patch.setattr(ext.RemoteStoreComputeLogManager, "__init__", wrong)


@mutant("DAG-033")
def a_registry_configuration_wraps_fewer_names(patch):
    original = RegistryConfig.from_dict

    def wrong(data, **options):
        config = original(data, **options)
        for backend in config.backends.values():
            if "sas_token" in backend.options:
                changed = {**backend.options, "sas_token": plain(backend.options["sas_token"])}
                object.__setattr__(backend, "options", changed)
        return config

    patch.setattr(RegistryConfig, "from_dict", staticmethod(wrong))
