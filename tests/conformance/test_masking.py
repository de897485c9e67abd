"""DAG-033: credentials are wrapped before a backend sees them."""

from __future__ import annotations

import copy
import itertools

import dagster as dg
import pytest

import remote_store
from remote_store import RegistryConfig, Secret
from remote_store._config import _SENSITIVE_KEYS
from remote_store.ext import dagster as ext

NAMED_BY_THE_CLAUSE = {"key", "secret", "password", "account_key", "sas_token", "connection_string"}
OPEN = {
    "bucket": "a-bucket",
    "region_name": "eu-1",
    "keyring": "k",
    "my_secret_plan": "s",
    "retries": 3,
    "anonymous": None,
}
VALUE = "hunter2-4711"
BUILDERS = ["DagsterStoreResource", "RemoteStoreIOManager", "RemoteStoreComputeLogManager"]
NUMBERS = itertools.count()


class Stop(Exception):  # noqa: N818 - it ends the construction, it is no mistake
    """Raised by the probe once it has seen its options."""


@pytest.fixture
def probe():
    """A registered backend type that keeps the options it is given; its name and the options."""
    seen = {}

    def build(**options):
        seen.update(options)
        seen["the locals of the constructor"] = repr(locals())
        raise Stop("the probe makes no backend")

    name = f"conformance-probe-{next(NUMBERS)}"
    remote_store.register_backend(name, build)
    return name, seen


def construct(name, options):
    with pytest.raises(Exception, match="probe") as raised:
        ext._build_store(name, options, "")
    return raised.value


@pytest.mark.spec("DAG-033")
def test_the_set_of_names_holds_those_of_the_clause():
    assert set(_SENSITIVE_KEYS) >= NAMED_BY_THE_CLAUSE


@pytest.mark.spec("DAG-033")
@pytest.mark.parametrize("key", sorted(NAMED_BY_THE_CLAUSE | set(_SENSITIVE_KEYS)))
def test_each_value_under_a_sensitive_name_reaches_the_backend_as_a_secret(probe, key):
    name, seen = probe
    construct(name, {key: VALUE, **OPEN})
    assert isinstance(seen[key], Secret)
    assert seen[key].reveal() == VALUE
    assert VALUE not in repr(seen[key])
    assert VALUE not in seen["the locals of the constructor"]


@pytest.mark.spec("DAG-033")
def test_values_under_other_names_reach_the_backend_as_they_are(probe):
    name, seen = probe
    construct(name, {"password": VALUE, **OPEN})
    assert {key: seen[key] for key in OPEN} == OPEN
    assert not any(isinstance(seen[key], Secret) for key in OPEN)


@pytest.mark.spec("DAG-033")
def test_a_secret_stays_one_secret(probe):
    name, seen = probe
    construct(name, {"password": Secret(VALUE)})
    assert isinstance(seen["password"], Secret)
    assert seen["password"].reveal() == VALUE


@pytest.mark.spec("DAG-033")
def test_the_callers_options_stay_as_they_were(probe):
    name, _ = probe
    options = {**dict.fromkeys(_SENSITIVE_KEYS, VALUE), **OPEN}
    before = copy.deepcopy(options)
    construct(name, options)
    assert options == before
    assert {type(options[key]) for key in _SENSITIVE_KEYS} == {str}


@pytest.mark.spec("DAG-033")
def test_no_message_of_a_failed_construction_shows_the_value(probe):
    def messages(error):
        while error is not None:
            yield str(error)
            yield repr(error)
            error = error.__cause__ or error.__context__

    name, _ = probe
    shown = list(messages(construct(name, {"secret": VALUE})))
    assert shown
    assert not any(VALUE in text for text in shown)
    with pytest.raises(ValueError, match="memory") as raised:
        ext._build_store("memory", {"password": VALUE}, "")
    assert not any(VALUE in text for text in messages(raised.value))


@pytest.mark.spec("DAG-033")
@pytest.mark.parametrize(
    "who", ["DagsterStoreResource", "RemoteStoreIOManager", "RemoteStoreComputeLogManager"]
)
def test_everything_that_builds_a_store_masks_the_same(probe, who):
    name, seen = probe
    options = {"account_key": VALUE, "bucket": "a-bucket"}
    with pytest.raises(Exception, match="probe"):  # noqa: PT012 - the log manager builds in its constructor
        made = getattr(ext, who)(backend_type=name, backend_options=options)
        made.setup_for_execution(dg.build_init_resource_context())
    assert isinstance(seen["account_key"], Secret)
    assert seen["account_key"].reveal() == VALUE
    assert seen["bucket"] == "a-bucket"
    assert options == {"account_key": VALUE, "bucket": "a-bucket"}


@pytest.mark.spec("DAG-033")
def test_a_registry_configuration_masks_the_same_names():
    options = {**dict.fromkeys(_SENSITIVE_KEYS, VALUE), **OPEN}
    backends = {"b": {"type": "memory", "options": options}}
    config = RegistryConfig.from_dict({"backends": backends, "stores": {}})
    masked = {key for key, value in config.backends["b"].options.items() if isinstance(value, Secret)}
    assert masked == set(_SENSITIVE_KEYS)
