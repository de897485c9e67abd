"""DAG-012 to DAG-015, DAG-033: stores from Dagster's configuration."""

from __future__ import annotations

from typing import ClassVar

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pipelines import run

import remote_store.ext.dagster as ext
from remote_store import Secret, Store, register_backend
from remote_store._config import _SENSITIVE_KEYS
from remote_store.backends import MemoryBackend
from remote_store.ext.dagster import DagsterStoreResource, RemoteStoreIOManager
from remote_store.ext.dagster._env import resolve_env_references

WANTED = {"key", "secret", "password", "account_key", "sas_token", "connection_string"}


class Recording(MemoryBackend):
    """A backend that takes any option and remembers what it got."""

    seen: ClassVar[list] = []

    def __init__(self, **options):
        super().__init__()
        self.seen.append(options)


@pytest.fixture
def recording():
    Recording.seen = []
    register_backend("recording", Recording)
    return Recording


def _context():
    return dg.build_init_resource_context()


@pytest.mark.spec("DAG-012")
def test_the_resource_has_its_fields_and_defaults():
    resource = DagsterStoreResource(backend_type="memory")
    assert (resource.backend_type, resource.backend_options, resource.root_path) == ("memory", {}, "")
    assert isinstance(resource, dg.ConfigurableResource)


@pytest.mark.spec("DAG-012")
def test_the_resource_gives_a_working_store_and_always_the_same(tmp_path):
    resource = DagsterStoreResource(
        backend_type="local", backend_options={"root": str(tmp_path)}, root_path="lake"
    )
    resource.setup_for_execution(_context())
    resource.get_store().write("a.txt", b"x")
    assert (tmp_path / "lake" / "a.txt").read_bytes() == b"x"
    assert resource.get_store() is resource.get_store()


@pytest.mark.spec("DAG-012")
def test_the_resource_works_in_a_run(tmp_path):
    @dg.asset
    def report(files: DagsterStoreResource) -> None:
        files.get_store().write("report.txt", b"fine")

    files = DagsterStoreResource(backend_type="local", backend_options={"root": str(tmp_path)})
    assert dg.materialize([report], resources={"files": files}).success
    assert (tmp_path / "report.txt").is_file()


@pytest.mark.spec("DAG-012")
@pytest.mark.parametrize("kind", [DagsterStoreResource, RemoteStoreIOManager])
def test_before_setup_there_is_no_store(kind):
    resource = kind(backend_type="memory")
    ask = getattr(resource, "get_store", None) or (lambda: resource.create_io_manager(_context()))
    with pytest.raises(RuntimeError, match="setup_for_execution"):
        ask()


@pytest.mark.spec("DAG-013")
@pytest.mark.parametrize("kind", [DagsterStoreResource, RemoteStoreIOManager])
def test_teardown_closes_the_store_once_and_is_harmless_before_setup(kind, monkeypatch):
    resource = kind(backend_type="memory")
    resource.teardown_after_execution(_context())
    closed = []
    monkeypatch.setattr(Store, "close", lambda self: closed.append(self))
    resource.setup_for_execution(_context())
    resource.teardown_after_execution(_context())
    resource.teardown_after_execution(_context())
    assert len(closed) == 1
    assert resource._store is None


@pytest.mark.spec("DAG-014")
@pytest.mark.parametrize("kind", [DagsterStoreResource, RemoteStoreIOManager])
def test_an_unknown_type_is_named_with_those_that_there_are(kind):
    with pytest.raises(ValueError, match="Unknown backend type 'loacl'") as raised:
        kind(backend_type="loacl").setup_for_execution(_context())
    assert "'local'" in str(raised.value)
    assert "'memory'" in str(raised.value)


@pytest.mark.spec("DAG-014")
def test_rejected_options_are_named_without_their_values(tmp_path):
    resource = DagsterStoreResource(
        backend_type="local", backend_options={"root": str(tmp_path), "password": "hunter2"}
    )
    with pytest.raises(ValueError, match=r"Backend 'local' rejected the provided options") as raised:
        resource.setup_for_execution(_context())
    assert raised.value.__cause__ is not None
    assert "hunter2" not in str(raised.value)


@pytest.mark.spec("DAG-015")
def test_the_io_manager_has_its_fields_and_defaults():
    manager = RemoteStoreIOManager(backend_type="memory")
    assert (manager.backend_options, manager.root_path, manager.serializer) == ({}, "", "pickle")
    assert isinstance(manager, dg.ConfigurableIOManagerFactory)


@pytest.mark.spec("DAG-015")
def test_an_unknown_serializer_is_refused():
    manager = RemoteStoreIOManager(backend_type="memory", serializer="xml")
    manager.setup_for_execution(_context())
    with pytest.raises(ValueError, match=r"Unknown serializer 'xml'.*parquet-dataset"):
        manager.create_io_manager(_context())


@pytest.mark.spec("DAG-015")
def test_the_io_manager_closes_its_store_after_the_run(monkeypatch):
    closed = []
    original = Store.close
    monkeypatch.setattr(Store, "close", lambda self: (closed.append(self), original(self)))

    @dg.asset
    def one():
        return 1

    run([one], RemoteStoreIOManager(backend_type="memory"))
    assert closed


@pytest.mark.spec("DAG-033")
def test_credentials_reach_the_backend_wrapped_and_nothing_else_does(recording):
    options = {name: f"value of {name}" for name in (*WANTED, "bucket", "Key", "keys")}
    before = dict(options)
    ext._build_store("recording", options, "")
    assert options == before
    (seen,) = recording.seen
    for name in WANTED:
        assert isinstance(seen[name], Secret), name
        assert seen[name].reveal() == f"value of {name}"
    assert seen["bucket"] == "value of bucket"
    assert set(_SENSITIVE_KEYS) >= WANTED
    assert "value of password" not in repr(seen)


@pytest.mark.spec("DAG-033")
@pytest.mark.parametrize("kind", [DagsterStoreResource, RemoteStoreIOManager])
def test_both_resources_mask_by_the_one_helper(recording, monkeypatch, kind):
    kind(backend_type="recording", backend_options={"key": "k"}).setup_for_execution(_context())
    assert isinstance(recording.seen[0]["key"], Secret)
    calls = []
    monkeypatch.setattr(ext, "_build_store", lambda *args: calls.append(args) or Store(MemoryBackend()))
    kind(backend_type="x", backend_options={"a": 1}, root_path="r").setup_for_execution(_context())
    assert calls == [("x", {"a": 1}, "r")]


@pytest.mark.spec("DAG-033")
def test_no_repr_shows_a_credential():
    for kind in (DagsterStoreResource, RemoteStoreIOManager):
        made = kind(
            backend_type="s3", backend_options={"secret": "hunter2", "nested": {"password": "hunter3"}}
        )
        assert "hunter" not in repr(made)
        assert "hunter" not in str(made)


_names = st.sampled_from(sorted(_SENSITIVE_KEYS)) | st.text(min_size=1, max_size=6)
_secret = st.just("hunter2-the-secret")


@pytest.mark.spec("DAG-033")
@given(
    st.recursive(
        st.dictionaries(st.sampled_from(sorted(_SENSITIVE_KEYS)), _secret, max_size=3),
        lambda inner: st.dictionaries(_names.filter(lambda n: n not in _SENSITIVE_KEYS), inner, max_size=3),
        max_leaves=6,
    )
)
def test_masking_leaks_nothing_whatever_the_nesting(options):
    assert "hunter2" not in repr(DagsterStoreResource(backend_type="s3", backend_options=options))


# Variables of the environment


def test_variables_are_resolved_at_any_depth_in_a_run(recording, monkeypatch):
    monkeypatch.setenv("A_KEY", "the key")
    monkeypatch.setenv("A_NUMBER", "7")
    seen = []

    @dg.asset
    def one(files: DagsterStoreResource) -> None:
        seen.append(files.backend_options)

    files = DagsterStoreResource(
        backend_type="recording",
        backend_options={
            "key": dg.EnvVar("A_KEY"),
            "nested": {"deep": [{"env": "A_KEY"}, dg.EnvVar("A_KEY")]},
            "plain": "x",
        },
    )
    assert dg.materialize([one], resources={"files": files}).success
    (options,) = recording.seen
    assert options["key"].reveal() == "the key"
    assert options["nested"] == {"deep": ["the key", "the key"]}
    assert options["plain"] == "x"
    # The value itself stays out of the configuration.
    assert "the key" not in repr(seen[0])


def test_a_missing_variable_is_named_with_its_option():
    resource = DagsterStoreResource(
        backend_type="memory", backend_options={"client_options": {"proxy": dg.EnvVar("NOT_SET_AT_ALL")}}
    )

    @dg.asset
    def one(files: DagsterStoreResource) -> None: ...

    with pytest.raises(dg.DagsterResourceFunctionError) as raised:
        dg.materialize([one], resources={"files": resource})
    assert "'NOT_SET_AT_ALL' is not set" in str(raised.value.__cause__)
    assert "'client_options.proxy'" in str(raised.value.__cause__)


def test_integers_are_integers_and_a_bad_one_keeps_its_value_to_itself(monkeypatch):
    monkeypatch.setenv("A_NUMBER", "7")
    assert resolve_env_references({"port": dg.EnvVar.int("A_NUMBER")}) == {"port": 7}
    monkeypatch.setenv("A_NUMBER", "hunter2")
    with pytest.raises(ValueError, match="A_NUMBER") as raised:
        resolve_env_references({"port": dg.EnvVar.int("A_NUMBER")})
    assert "hunter2" not in str(raised.value)


def test_a_dict_with_more_than_env_is_no_reference():
    options = {"labels": {"env": "prod", "team": "data"}, "tuple": (1, {"env": 5})}
    assert resolve_env_references(options) == options
