"""Proxies inside the IO managers and the log manager: they see every call, and cost no concurrency."""

import threading
from collections import Counter
from typing import ClassVar
from unittest import mock

import dagster as dg
import pyarrow as pa
import pytest
from dagster._core.storage.compute_log_manager import ComputeIOType

from remote_store import NotFound, ProxyStore, Store, cache, observe, set_correlation_id
from remote_store.backends import MemoryBackend
from remote_store.ext.dagster import (
    DagsterStoreResource,
    RemoteStoreComputeLogManager,
    RemoteStoreIOManager,
    dagster_dataset_io_manager,
    dagster_io_manager,
)

PARTITIONS = dg.StaticPartitionsDefinition([f"p{number:02}" for number in range(40)])


@dg.asset(partitions_def=PARTITIONS)
def daily(context):
    return {key: pa.table({"key": [key]}) for key in context.partition_keys}


@dg.asset
def summary(daily: dict):
    assert [table["key"][0].as_py() for table in daily.values()] == list(daily)
    return pa.table({"partitions": [len(daily)]})


def materialize(manager):
    resources = {"io_manager": manager}
    keys = PARTITIONS.get_partition_keys()
    tags = {"dagster/asset_partition_range_start": keys[0], "dagster/asset_partition_range_end": keys[-1]}
    written = dg.materialize([daily], resources=resources, tags=tags)
    assert written.success
    return load(manager)


def load(manager):
    read = dg.materialize([daily, summary], selection=[summary], resources={"io_manager": manager})
    assert read.success
    return read.output_for_node("summary")["partitions"][0].as_py()


def input_context():
    return dg.build_input_context(
        asset_key=dg.AssetKey("daily"),
        asset_partitions_def=PARTITIONS,
        asset_partition_key_range=dg.PartitionKeyRange("p00", "p39"),
    )


class Counted:
    """Counts what reaches a store, through the proxy and behind it."""

    def __init__(self):
        self.behind = Counter()
        self.before = Counter()
        self.inner = Store(MemoryBackend())
        backend = observe(self.inner, on_any=lambda event: self.behind.update([event.operation]))
        self.store = observe(backend, on_any=lambda event: self.before.update([event.operation]))


@pytest.mark.parametrize("proxy", ["observed", "cached", "cached and observed", "patched", "subclassed"])
@pytest.mark.parametrize("manager", [dagster_io_manager, dagster_dataset_io_manager])
def test_every_call_goes_through_the_proxy(proxy, manager):
    counted = Counted()
    seen = Counter()

    class Subclass(ProxyStore):
        def write(self, path, content, **options):
            seen.update(["write"])
            return super().write(path, content, **options)

        def read_bytes(self, path):
            seen.update(["read_bytes"])
            return super().read_bytes(path)

    store = {
        "observed": lambda: counted.store,
        "cached": lambda: cache(counted.store),
        "cached and observed": lambda: observe(cache(counted.store)),
        "patched": lambda: counted.store,
        "subclassed": lambda: Subclass(counted.store),
    }[proxy]()
    if proxy == "patched":
        with mock.patch.object(store, "read_bytes", wraps=store.read_bytes) as patched:
            assert materialize(manager(store)) == 40
        assert patched.call_count == counted.before["read_bytes"]
    else:
        assert materialize(manager(store)) == 40
    assert counted.before == counted.behind, "nothing is asked behind the proxy's back"
    assert counted.before["write"] >= 40
    assert counted.before["read_bytes"] >= 40
    if proxy == "subclassed":
        assert seen["write"] == counted.before["write"]
        assert seen["read_bytes"] == counted.before["read_bytes"]
    assert len(list(counted.inner.list_files("", recursive=True))) == counted.before["write"]


def test_a_second_load_through_a_cache_asks_nothing():
    counted = Counted()
    manager = dagster_io_manager(cache(counted.store))
    materialize(manager)
    asked = counted.behind["read_bytes"]
    assert load(manager) == 40
    assert counted.behind["read_bytes"] == asked == 40


class Meeting(ProxyStore):
    """Answers when as many readers are inside as are expected."""

    def __init__(self, inner, readers):
        super().__init__(inner)
        self.barrier = threading.Barrier(readers)
        self.threads = set()

    def read_bytes(self, path):
        self.threads.add(threading.get_ident())
        self.barrier.wait(60)
        return super().read_bytes(path)


@pytest.mark.parametrize("before", [lambda store: store, cache, observe], ids=["bare", "cached", "observed"])
def test_partitions_are_loaded_through_a_proxy_at_the_same_time(before):
    inner = Store(MemoryBackend())
    materialize(dagster_io_manager(inner))
    # Twenty of the forty must be inside at once, or none comes out.
    store = Meeting(inner, 20)
    assert load(dagster_io_manager(before(store))) == 40
    assert len(store.threads) >= 20


def test_a_proxy_that_is_not_safe_for_threads_is_called_on_one():
    class OneByOne(ProxyStore):
        thread_safe = False
        threads: ClassVar = set()

        def read_bytes(self, path):
            self.threads.add(threading.get_ident())
            return super().read_bytes(path)

    store = OneByOne(Store(MemoryBackend()))
    assert materialize(dagster_io_manager(observe(store))) == 40
    assert store.threads == {threading.get_ident()}


def test_the_first_missing_partition_in_order_is_named_through_a_proxy():
    store = cache(Store(MemoryBackend()))
    manager = dagster_io_manager(store)
    materialize(manager)
    plain = dagster_io_manager(store.inner)
    for key in ("p07", "p31"):
        store.delete(f"daily/{key}.pkl")
    errors = []
    for one in (manager, plain):
        with pytest.raises(NotFound) as raised:
            one.load_input(input_context())
        errors.append(str(raised.value))
    assert errors[0] == errors[1]
    assert "p07" in errors[0]


def test_events_of_parallel_loads_carry_the_correlation_id_of_the_step():
    ids = set()
    store = observe(Store(MemoryBackend()), on_read=lambda event: ids.add(event.correlation_id))
    manager = dagster_io_manager(store)
    materialize(manager)
    ids.clear()
    token = set_correlation_id("run-17")
    try:
        assert len(manager.load_input(input_context())) == 40
    finally:
        token.var.reset(token)
    assert ids == {"run-17"}


def test_a_cached_store_tells_the_uri_of_what_it_stored():
    @dg.asset
    def one() -> int:
        return 1

    inner = Store(MemoryBackend())
    uris = []
    for store in (inner, cache(observe(inner))):
        run = dg.materialize([one], resources={"io_manager": dagster_io_manager(store)})
        uris.append(run.asset_materializations_for_node("one")[0].metadata["dagster/uri"].value)
    assert uris[0] == uris[1]
    assert uris[0].endswith("/one.pkl")


class ObservedManager(RemoteStoreIOManager):
    def wrap_store(self, store):
        return observe(cache(store), on_any=EVENTS.append)


class ObservedResource(DagsterStoreResource):
    def wrap_store(self, store):
        return observe(store, on_any=EVENTS.append)


class ObservedLogs(RemoteStoreComputeLogManager):
    def wrap_store(self, store):
        return observe(store, on_any=EVENTS.append)


EVENTS = []


@pytest.fixture
def events():
    EVENTS.clear()
    return EVENTS


def test_a_subclass_puts_a_proxy_before_a_configured_store(events, tmp_path):
    options = {"root": str(tmp_path)}

    @dg.asset
    def one() -> int:
        return 1

    @dg.asset
    def two(one: int, files: ObservedResource) -> None:
        files.get_store().write("two.txt", str(one).encode())

    resources = {
        "io_manager": ObservedManager(backend_type="local", backend_options=options),
        "files": ObservedResource(backend_type="local", backend_options=options, root_path="files"),
    }
    assert dg.materialize([one, two], resources=resources).success
    told = [(event.operation, event.path) for event in events]
    for expected in [("write", "one.pkl"), ("read_bytes", "one.pkl"), ("write", "two.txt"), ("close", "")]:
        assert expected in told
    assert (tmp_path / "files" / "two.txt").read_text() == "1"


def test_the_log_manager_goes_through_the_proxy(events, tmp_path):
    manager = ObservedLogs("local", {"root": str(tmp_path / "store")}, local_dir=str(tmp_path / "local"))
    key = ["run", "compute_logs", "step"]
    with manager.open_log_stream(key, ComputeIOType.STDERR) as stream:
        stream.write("hello")
    with manager.open_log_stream(key, ComputeIOType.STDOUT) as stream:
        stream.write("out")
    for path in (tmp_path / "local").rglob("*.err"):
        path.unlink()
    assert manager.get_log_data(key).stderr == b"hello"
    assert manager.get_log_keys_for_log_key_prefix(key[:-1], ComputeIOType.STDERR) == [key]
    manager.delete_logs(log_key=key)
    manager.dispose()
    told = Counter(event.operation for event in events)
    assert told["write"] >= 2
    assert told["list_files"] >= 1
    assert told["delete"] >= 2
    assert told["close"] == 1
    assert not [path for path in (tmp_path / "store").rglob("*") if path.is_file()]


def test_a_wrapper_that_returns_no_store_is_refused_and_the_store_closed():
    closed = mock.Mock()

    class Wrong(DagsterStoreResource):
        def wrap_store(self, store):
            store.close = closed

    with pytest.raises(TypeError, match="wrap_store must return a Store, got NoneType"):
        Wrong(backend_type="memory").setup_for_execution(dg.build_init_resource_context())
    closed.assert_called_once_with()
