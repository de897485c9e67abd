"""Web servers as stores, through the Python boundary."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from remote_store import (
    BackendUnavailable,
    Capability,
    CapabilityNotSupported,
    InvalidPath,
    NotFound,
    PermissionDenied,
    Registry,
    RegistryConfig,
    RetryPolicy,
    Secret,
    Store,
)
from remote_store.backends import ReadOnlyHttpBackend

TEXT = b"0123456789" * 100


class Handler(BaseHTTPRequestHandler):
    """Serves one file, with ranges, to whoever knows the key."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        """Say nothing."""

    def do_HEAD(self):
        self.answer(body=False)

    def do_GET(self):
        self.answer(body=True)

    def answer(self, *, body):
        self.server.asked.append((self.command, self.path, dict(self.headers)))
        if self.headers.get("X-Api-Key") != "hunter2":
            return self.send(403, b"", body=body)
        if self.path != "/data/a%20b.txt":
            return self.send(404, b"", body=body)
        asked = self.headers.get("Range")
        if asked is None:
            return self.send(200, TEXT, body=body)
        first, _, last = asked.removeprefix("bytes=").partition("-")
        start, end = int(first), int(last) + 1 if last else len(TEXT)
        said = {"Content-Range": f"bytes {start}-{min(end, len(TEXT)) - 1}/{len(TEXT)}"}
        return self.send(206, TEXT[start:end], said, body=body)

    def send(self, status, content, headers=None, *, body):
        self.send_response(status)
        for name, value in {"ETag": '"v1"', "Content-Type": "text/plain", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if body:
            self.wfile.write(content)


@pytest.fixture
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.asked = []
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def url(server):
    return f"http://127.0.0.1:{server.server_port}/data"


@pytest.fixture
def store(url):
    return Store(ReadOnlyHttpBackend(url, headers={"X-Api-Key": "hunter2"}))


def test_files_are_read_whole_in_parts_and_described(store, url):
    assert store.read_bytes("a b.txt") == TEXT
    with store.read("a b.txt") as file:
        assert file.read(5) == TEXT[:5]
        file.seek(-3, 2)
        assert file.read() == TEXT[-3:]
    info = store.get_file_info("a b.txt")
    assert (info.size, info.etag, info.content_type) == (len(TEXT), '"v1"', "text/plain")
    assert store.exists("a b.txt")
    assert not store.exists("other")
    assert store.native_path("a b.txt") == f"{url}/a%20b.txt"
    assert store.to_key(f"{url}/a%20b.txt") == "a b.txt"
    store.ping()


def test_errors_are_typed(store, url):
    with pytest.raises(NotFound, match="File not found: other"):
        store.read_bytes("other")
    with pytest.raises(PermissionDenied, match="check 'headers'"):
        Store(ReadOnlyHttpBackend(url)).read_bytes("a b.txt")
    with pytest.raises(InvalidPath):
        store.read_bytes("")
    gone = ReadOnlyHttpBackend("http://127.0.0.1:9/", retry=RetryPolicy.disabled())
    with pytest.raises(BackendUnavailable, match="Cannot connect"):
        gone.read_bytes("a")


def test_nothing_is_sent_for_what_cannot_be_done(store, server):
    assert {capability.value for capability in ReadOnlyHttpBackend("http://h").capabilities} == {
        "read",
        "metadata",
        "lazy_read",
    }
    assert not store.supports(Capability.LIST)
    for call in (
        lambda: store.write("a", b""),
        lambda: store.delete("a"),
        lambda: store.move("a", "b"),
        lambda: store.copy("a", "b"),
        lambda: list(store.list_files("")),
        lambda: list(store.list_folders("")),
        lambda: store.glob("*"),
        lambda: store.read_seekable("a"),
        lambda: store.write_atomic("a", b""),
        lambda: store.delete_folder("a"),
    ):
        with pytest.raises(CapabilityNotSupported):
            call()
    assert server.asked == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"base_url": ""}, "is no URL"),
        ({"base_url": "ftp://u:hunter2@h"}, "must begin with http"),
        ({"base_url": "http://h", "http_client": object()}, "http_client takes one of"),
        ({"base_url": "http://h", "timeout": 0}, "'timeout'"),
        ({"base_url": "http://h", "timeout": "soon"}, "takes float"),
        ({"base_url": "http://h", "max_redirects": -1}, "must not be negative"),
        ({"base_url": "http://h", "headers": {"bad name": "x"}}, "no name of a header"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises((TypeError, ValueError), match=message) as caught:
        ReadOnlyHttpBackend(**options)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("client", [None, "urllib", "requests", "httpx"])
def test_the_names_of_clients_are_accepted(client, url):
    backend = ReadOnlyHttpBackend(url, headers={"X-Api-Key": Secret("hunter2")}, http_client=client)
    assert backend.read_bytes("a b.txt") == TEXT


def test_the_registry_builds_one_and_no_repr_shows_a_credential(url):
    config = RegistryConfig.from_dict(
        {
            "backends": {
                "web": {
                    "type": "http",
                    "options": {
                        "base_url": url.replace("//", "//user:hunter3@"),
                        "headers": {"X-Api-Key": "hunter2"},
                        "retry": {"max_attempts": 2},
                    },
                }
            },
            "stores": {"data": {"backend": "web"}},
        }
    )
    with Registry(config) as registry:
        store = registry.get_store("data")
        assert store.read_bytes("a b.txt") == TEXT
        shown = f"{store!r} {store._backend!r} {store.native_path('x')}"
        assert "hunter" not in shown
        with pytest.raises(NotFound) as caught:
            store.read_bytes("other")
        assert "hunter" not in f"{caught.value!r} {caught.value.__cause__!r}"
