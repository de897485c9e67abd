"""``retry`` in backend_options reaches the requests: counted at a server that always fails."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import dagster as dg
import pytest

from remote_store import BackendUnavailable, RetryPolicy
from remote_store.ext.dagster import DagsterStoreResource, RemoteStoreComputeLogManager, RemoteStoreIOManager


@pytest.fixture
def failing_server():
    """Answers every request with 503 and counts them."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.requests.append((self.command, self.path))
            self.send_response(503)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_HEAD = do_PUT = do_POST = do_DELETE = do_GET  # noqa: N815 - the names that http.server looks for

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.requests = []
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join(30)
    server.server_close()


def options(server, **retry):
    return {
        "bucket": "bucket",
        "endpoint_url": f"http://127.0.0.1:{server.server_address[1]}",
        "key": "AK",
        "secret": "SK",
        "region_name": "us-east-1",
        **retry,
    }


QUICK = {"backoff_base": 0.01, "backoff_max": 0.02, "jitter": 0.0}
POLICIES = [
    pytest.param({"retry": {"max_attempts": 4, **QUICK}}, 4, id="a dict"),
    pytest.param({"retry": RetryPolicy(max_attempts=2, **QUICK)}, 2, id="a RetryPolicy"),
    pytest.param({"retry": RetryPolicy.disabled()}, 1, id="disabled"),
    pytest.param({"retry": {"max_attempts": 1}}, 1, id="one attempt"),
]


@pytest.mark.parametrize(("retry", "attempts"), POLICIES)
def test_a_store_resource_tries_as_often_as_its_retry_says(failing_server, retry, attempts):
    resource = DagsterStoreResource(backend_type="s3", backend_options=options(failing_server, **retry))
    resource.setup_for_execution(dg.build_init_resource_context())
    with pytest.raises(BackendUnavailable):
        resource.get_store().read_bytes("a")
    resource.teardown_after_execution(dg.build_init_resource_context())
    assert len(failing_server.requests) == attempts


@pytest.mark.parametrize(("retry", "attempts"), POLICIES)
def test_an_io_manager_in_a_run_tries_as_often_as_its_retry_says(failing_server, retry, attempts):
    @dg.asset
    def one() -> int:
        return 1

    @dg.asset
    def two(one: int) -> None:
        pass

    manager = RemoteStoreIOManager(backend_type="s3", backend_options=options(failing_server, **retry))
    run = dg.materialize([one, two], selection=[two], resources={"io_manager": manager}, raise_on_error=False)
    (failure,) = (event for event in run.all_events if event.is_step_failure)
    assert "BackendUnavailable" in failure.step_failure_data.error.to_string()
    assert len(failing_server.requests) == attempts


@pytest.mark.parametrize(("retry", "attempts"), POLICIES)
def test_a_log_manager_tries_as_often_as_its_retry_says(failing_server, tmp_path, retry, attempts):
    made = options(failing_server, **retry)
    manager = RemoteStoreComputeLogManager("s3", made, local_dir=str(tmp_path))
    with pytest.raises(BackendUnavailable):
        manager.cloud_storage_has_logs(["run", "step"], dg_stderr())
    manager.dispose()
    assert len(failing_server.requests) == attempts


def dg_stderr():
    from dagster._core.storage.compute_log_manager import ComputeIOType

    return ComputeIOType.STDERR


@pytest.mark.parametrize(
    ("retry", "message"),
    [
        ({"max_atempts": 2}, r"Unknown retry options \['max_atempts'\]"),
        ({"max_attempts": 0}, "max_attempts must be .*1, got 0"),
        (5, "a RetryPolicy or a mapping, got int"),
        ("often", "a RetryPolicy or a mapping, got str"),
    ],
)
def test_a_retry_that_makes_no_sense_is_refused_by_name(failing_server, retry, message):
    resource = DagsterStoreResource(backend_type="s3", backend_options=options(failing_server, retry=retry))
    with pytest.raises(ValueError, match=message):
        resource.setup_for_execution(dg.build_init_resource_context())
    assert not failing_server.requests
