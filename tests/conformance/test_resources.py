"""DAG-012 to DAG-016: stores and IO managers that Dagster builds from configuration."""

from __future__ import annotations

import contextlib

import dagster as dg
import pydantic
import pytest

from remote_store.ext import dagster as ext

from .contexts import input_of, materialize, output_of, run, stored
from .frames import COLUMNS, columns_of, frame
from .recording import watch

FACTORIES = {"resource": ext.DagsterStoreResource, "io manager": ext.RemoteStoreIOManager}


@pytest.fixture
def life():
    """What Dagster gives a resource when it starts and ends."""
    return dg.build_init_resource_context()


@pytest.fixture
def built(monkeypatch):
    """The stores that were built so far, in order."""
    stores = []
    original = ext._build_store

    def building(*args, **options):
        stores.append(original(*args, **options))
        return stores[-1]

    monkeypatch.setattr(ext, "_build_store", building)
    return stores


@pytest.mark.spec("DAG-012")
def test_the_store_resource_has_the_three_fields_and_their_defaults():
    assert issubclass(ext.DagsterStoreResource, dg.ConfigurableResource)
    resource = ext.DagsterStoreResource(backend_type="memory")
    assert set(type(resource).model_fields) == {"backend_type", "backend_options", "root_path"}
    assert (resource.backend_type, resource.backend_options, resource.root_path) == ("memory", {}, "")
    with pytest.raises(pydantic.ValidationError):
        ext.DagsterStoreResource()


@pytest.mark.spec("DAG-012")
def test_after_set_up_the_store_works_below_its_root_path(backend, life):
    resource = ext.DagsterStoreResource(**backend.config(below="team/x"))
    resource.setup_for_execution(life)
    store = resource.get_store()
    store.write("a/b.txt", b"data")
    assert store.read_bytes("a/b.txt") == b"data"
    assert store.native_path("a/b.txt").replace("\\", "/").endswith("team/x/a/b.txt")
    if backend.outlives_its_store:
        assert stored(backend.open()) == ["team/x/a/b.txt"]
    resource.teardown_after_execution(life)


@pytest.mark.spec("DAG-012")
def test_get_store_gives_the_one_store_of_the_set_up(backend, life, built):
    resource = ext.DagsterStoreResource(**backend.config())
    resource.setup_for_execution(life)
    first, second = resource.get_store(), resource.get_store()
    first.write("a.txt", b"data")
    assert first is second
    assert second.read_bytes("a.txt") == b"data"
    assert len(built) == 1
    resource.teardown_after_execution(life)


@pytest.mark.spec("DAG-012")
def test_a_run_hands_the_resource_to_its_assets(backend):
    seen = []

    @dg.asset
    def writes(files: ext.DagsterStoreResource) -> None:
        files.get_store().write("by/the/asset.txt", b"data")
        seen.append(stored(files.get_store()))

    run([writes], {"files": ext.DagsterStoreResource(**backend.config())})
    assert seen == [["by/the/asset.txt"]]


@pytest.mark.spec("DAG-013")
def test_the_end_of_a_run_closes_the_store_once_and_forgets_it(backend, life, monkeypatch):
    resource = ext.DagsterStoreResource(**backend.config())
    resource.setup_for_execution(life)
    store = resource.get_store()
    closes = watch(monkeypatch, store, "close")
    resource.teardown_after_execution(life)
    assert len(closes) == 1
    resource.teardown_after_execution(life)
    assert len(closes) == 1
    forgotten = None
    # How a missing store is refused is not specified; it must not be the closed one.
    with contextlib.suppress(Exception):
        forgotten = resource.get_store()
    assert forgotten is not store


@pytest.mark.spec("DAG-013")
def test_a_resource_that_was_never_set_up_ends_without_an_error(backend, life):
    ext.DagsterStoreResource(**backend.config()).teardown_after_execution(life)


@pytest.mark.spec("DAG-013")
def test_a_resource_can_be_set_up_again_with_a_new_store(backend, life):
    resource = ext.DagsterStoreResource(**backend.config())
    stores = []
    for name in ["one.txt", "two.txt"]:
        resource.setup_for_execution(life)
        stores.append(resource.get_store())
        stores[-1].write(name, b"data")
        assert stores[-1].read_bytes(name) == b"data"
        resource.teardown_after_execution(life)
    assert stores[0] is not stores[1]


@pytest.mark.spec("DAG-014")
@pytest.mark.parametrize("factory", FACTORIES)
def test_an_unknown_backend_type_is_named_beside_those_that_are_registered(factory, life):
    resource = FACTORIES[factory](backend_type="carrier-pigeon")
    with pytest.raises(ValueError, match="carrier-pigeon") as raised:
        resource.setup_for_execution(life)
    assert "memory" in str(raised.value)
    assert "local" in str(raised.value)


@pytest.mark.spec("DAG-015")
def test_the_io_manager_factory_has_the_four_fields_and_their_defaults():
    assert issubclass(ext.RemoteStoreIOManager, dg.ConfigurableIOManagerFactory)
    made = ext.RemoteStoreIOManager(backend_type="memory")
    assert set(type(made).model_fields) == {"backend_type", "backend_options", "root_path", "serializer"}
    assert (made.backend_options, made.root_path, made.serializer) == ({}, "", "pickle")
    with pytest.raises(pydantic.ValidationError):
        ext.RemoteStoreIOManager()


@pytest.mark.spec("DAG-015")
@pytest.mark.parametrize(("options", "extension"), [({}, ".pkl"), ({"serializer": "json"}, ".json")])
def test_set_up_builds_the_store_that_the_io_manager_uses_and_the_end_closes_it(
    backend, life, built, monkeypatch, options, extension
):
    factory = ext.RemoteStoreIOManager(**backend.config(below="team"), **options)
    factory.setup_for_execution(life)
    assert len(built) == 1
    closes = watch(monkeypatch, built[0], "close")
    manager = factory.create_io_manager(life)
    assert isinstance(manager, dg.IOManager)
    manager.handle_output(output_of("foo"), [1])
    assert stored(built[0]) == ["foo" + extension]
    assert built[0].native_path("foo").replace("\\", "/").endswith("team/foo")
    assert len(closes) == 0
    factory.teardown_after_execution(life)
    assert len(closes) == 1


@pytest.mark.spec("DAG-015")
def test_an_io_manager_factory_that_was_never_set_up_ends_without_an_error(backend, life):
    ext.RemoteStoreIOManager(**backend.config()).teardown_after_execution(life)


@pytest.mark.spec("DAG-015")
def test_the_name_of_no_serializer_is_refused(backend, life):
    with pytest.raises(ValueError, match="yaml"):  # noqa: PT012 - which of the three raises is not specified
        factory = ext.RemoteStoreIOManager(**backend.config(), serializer="yaml")
        factory.setup_for_execution(life)
        factory.create_io_manager(life)


@pytest.mark.spec("DAG-016")
@pytest.mark.parametrize("partition", [None, "2026-01"])
@pytest.mark.parametrize("serializer", ["pickle", "json"])
def test_what_the_io_manager_wrote_it_loads_again(backend, life, serializer, partition):
    factory = ext.RemoteStoreIOManager(**backend.config(), serializer=serializer)
    factory.setup_for_execution(life)
    manager = factory.create_io_manager(life)
    values = {("foo",): {"a": [1, None]}, ("foo", "bar"): "other", ("Foo",): "capital"}
    if backend.name == "local":
        del values["Foo",]  # some file systems do not tell capitals apart
    for segments, value in values.items():
        manager.handle_output(output_of(*segments, partition=partition), value)
    for segments, value in values.items():
        assert manager.load_input(input_of(*segments, partition=partition)) == value
    factory.teardown_after_execution(life)


@pytest.mark.spec("DAG-016")
def test_a_table_that_the_io_manager_wrote_it_loads_again(backend, life):
    factory = ext.RemoteStoreIOManager(**backend.config(), serializer="parquet")
    factory.setup_for_execution(life)
    manager = factory.create_io_manager(life)
    manager.handle_output(output_of("cities"), frame("pandas"))
    assert columns_of(manager.load_input(input_of("cities"))) == COLUMNS
    factory.teardown_after_execution(life)


@pytest.mark.spec("DAG-016")
def test_io_managers_of_one_factory_share_what_is_stored(backend, life):
    factory = ext.RemoteStoreIOManager(**backend.config())
    factory.setup_for_execution(life)
    factory.create_io_manager(life).handle_output(output_of("foo"), "value")
    assert factory.create_io_manager(life).load_input(input_of("foo")) == "value"
    factory.teardown_after_execution(life)


@pytest.mark.spec("DAG-016")
def test_a_later_run_loads_what_an_earlier_one_stored(backend):
    @dg.asset
    def first():
        return {"made": "once"}

    @dg.asset
    def second(first):
        return {**first, "loaded": True}

    def made(*selection):
        manager = ext.RemoteStoreIOManager(**backend.config())
        return materialize([first, second], manager, selection=selection)

    if backend.outlives_its_store:
        made(first)
        result = made(second)
    else:
        result = made(first, second)
    assert result.output_for_node("second") == {"made": "once", "loaded": True}
