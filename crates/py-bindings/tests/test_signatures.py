"""The constructors of backends take what users of the pure-Python package give them, one by one."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from remote_store import backends
from remote_store.backends import HostKeyPolicy

# What has to be given, by position or by name; and what may be, by name only, with its default.
CONSTRUCTORS: dict[str, tuple[list[str], dict[str, Any]]] = {
    "MemoryBackend": ([], {}),
    "LocalBackend": (["root"], {}),
    "S3Backend": (
        ["bucket"],
        {
            "endpoint_url": None,
            "key": None,
            "secret": None,
            "region_name": None,
            "tls_ca_bundle": None,
            "client_options": None,
            "retry": None,
            "reject_write_under_file_ancestor": False,
        },
    ),
    "AzureBackend": (
        ["container"],
        {
            "hns": None,
            "account_name": None,
            "account_url": None,
            "account_key": None,
            "sas_token": None,
            "connection_string": None,
            "credential": None,
            "client_options": None,
            "retry": None,
            "reject_write_under_file_ancestor": False,
        },
    ),
    "GCSBackend": (
        ["bucket"],
        {"service_account_key": None, "service_account_path": None, "credential": None, "endpoint_url": None},
    ),
    "SFTPBackend": (
        ["host"],
        {
            "port": 22,
            "username": None,
            "password": None,
            "pkey": None,
            "base_path": "/",
            "host_key_policy": HostKeyPolicy.STRICT,
            "known_host_keys": None,
            "host_keys_path": None,
            "config": None,
            "timeout": 10,
            "io_timeout": 120.0,
            "connect_kwargs": None,
            "retry": None,
        },
    ),
    "ReadOnlyHttpBackend": (
        ["base_url"],
        {
            "headers": None,
            "timeout": 30.0,
            "retry": None,
            "http_client": None,
            "verify_ssl": True,
            "max_redirects": 5,
        },
    ),
}


@pytest.mark.parametrize("name", CONSTRUCTORS)
def test_a_constructor_takes_what_is_documented(name: str) -> None:
    needed, optional = CONSTRUCTORS[name]
    parameters = inspect.signature(getattr(backends, name)).parameters
    by_position = [p.name for p in parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert by_position == needed
    assert all(parameters[given].default is inspect.Parameter.empty for given in needed)
    assert {given: parameters[given].default for given in optional} == optional
    assert all(parameters[given].kind is inspect.Parameter.KEYWORD_ONLY for given in optional)


@pytest.mark.parametrize("name", CONSTRUCTORS)
def test_whatever_else_a_constructor_takes_may_be_left_out(name: str) -> None:
    needed, optional = CONSTRUCTORS[name]
    more = inspect.signature(getattr(backends, name)).parameters.keys() - {*needed, *optional}
    for given in more:
        parameter = inspect.signature(getattr(backends, name)).parameters[given]
        assert parameter.kind is inspect.Parameter.KEYWORD_ONLY
        assert parameter.default is not inspect.Parameter.empty


def test_azure_sends_four_parts_at_once_unless_told_otherwise() -> None:
    # One in the pure-Python package: what is stored is the same, it only takes longer.
    parameter = inspect.signature(backends.AzureBackend).parameters["max_concurrency"]
    assert parameter.default is None
    assert "4 when not given" in (backends.AzureBackend.__doc__ or "")
