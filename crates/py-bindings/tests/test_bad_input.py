"""A wrong value is refused with an error that names it, and nothing is written."""

from __future__ import annotations

import base64
import io
from typing import Any

import pytest

from remote_store import (
    AlreadyExists,
    Capability,
    CapabilityNotSupported,
    DirectoryNotEmpty,
    InvalidPath,
    NotFound,
    Registry,
    RegistryConfig,
    RemoteStoreError,
    RetryPolicy,
    Secret,
    Store,
)
from remote_store.backends import (
    AzureBackend,
    GCSBackend,
    LocalBackend,
    ReadOnlyHttpBackend,
    S3Backend,
    SFTPBackend,
)

BAD_PATHS = {
    "../x": "Path contains '..' segment",
    "a/../../x": "Path contains '..' segment",
    "a\\..\\x": "Path contains '..' segment",
    "a\0b": "Path contains null byte",
}
OF_A_FILE = {
    "read": lambda s, p: s.read(p),
    "read_bytes": lambda s, p: s.read_bytes(p),
    "read_seekable": lambda s, p: s.read_seekable(p),
    "read_text": lambda s, p: s.read_text(p),
    "write": lambda s, p: s.write(p, b"1"),
    "write a stream": lambda s, p: s.write(p, io.BytesIO(b"1")),
    "write_text": lambda s, p: s.write_text(p, "1"),
    "write_atomic": lambda s, p: s.write_atomic(p, b"1"),
    "open_atomic": lambda s, p: s.open_atomic(p).__enter__(),
    "delete": lambda s, p: s.delete(p, missing_ok=True),
    "get_file_info": lambda s, p: s.get_file_info(p),
    "head": lambda s, p: s.head(p),
    "move from": lambda s, p: s.move(p, "there"),
    "move to": lambda s, p: s.move("f", p),
    "copy from": lambda s, p: s.copy(p, "there"),
    "copy to": lambda s, p: s.copy("f", p),
}
OF_ANYTHING = {
    "exists": lambda s, p: s.exists(p),
    "is_file": lambda s, p: s.is_file(p),
    "is_folder": lambda s, p: s.is_folder(p),
    "list_files": lambda s, p: list(s.list_files(p)),
    "list_folders": lambda s, p: list(s.list_folders(p)),
    "iter_children": lambda s, p: list(s.iter_children(p)),
    "get_folder_info": lambda s, p: s.get_folder_info(p),
    "delete_folder": lambda s, p: s.delete_folder(p, recursive=True, missing_ok=True),
    "child": lambda s, p: s.child(p),
    "native_path": lambda s, p: s.native_path(p),
    "resolve": lambda s, p: s.resolve(p),
}
CALLS = OF_A_FILE | OF_ANYTHING


@pytest.fixture
def full(store: Store) -> Store:
    store.write("f", b"kept")
    store.write("d/in", b"kept")
    return store


def contents(store: Store) -> dict[str, bytes]:
    return {str(info.path): store.read_bytes(info.path) for info in store.list_files("", recursive=True)}


KEPT = {"f": b"kept", "d/in": b"kept"}


@pytest.mark.parametrize("name", CALLS)
def test_a_bad_path_is_refused_everywhere(full: Store, name: str) -> None:
    for path, message in BAD_PATHS.items():
        with pytest.raises(InvalidPath) as caught:
            CALLS[name](full, path)
        assert message in str(caught.value)
        assert caught.value.path == path
    for path in (3, b"f", None, ["f"], 1.5):
        with pytest.raises(TypeError, match=f"path must be a str or RemotePath, got {type(path).__name__}"):
            CALLS[name](full, path)
    assert contents(full) == KEPT


@pytest.mark.parametrize("name", OF_A_FILE)
def test_the_root_is_no_file(full: Store, name: str) -> None:
    for path in ("", ".", "/", "./."):
        with pytest.raises(InvalidPath, match="Path must not be empty or root for file operations"):
            OF_A_FILE[name](full, path)
    assert contents(full) == KEPT


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda s: s.read_bytes("zz"), NotFound, "File not found: "),
        (lambda s: s.read("zz"), NotFound, "File not found: "),
        (lambda s: s.delete("zz"), NotFound, "File not found: "),
        (lambda s: s.get_file_info("zz"), NotFound, "File not found: "),
        (lambda s: s.get_folder_info("zz"), NotFound, "Folder not found: "),
        (lambda s: s.delete_folder("zz"), NotFound, "Folder not found: "),
        (lambda s: s.move("zz", "y"), NotFound, "Source not found: "),
        (lambda s: s.copy("zz", "y"), NotFound, "Source not found: "),
        (lambda s: s.write("f", b"1"), AlreadyExists, "File already exists: "),
        (lambda s: s.write_atomic("f", b"1"), AlreadyExists, "File already exists: "),
        (lambda s: s.move("f", "d/in"), AlreadyExists, "Destination already exists: "),
        (lambda s: s.copy("f", "d/in"), AlreadyExists, "Destination already exists: "),
        (lambda s: s.delete_folder("d"), DirectoryNotEmpty, "Folder not empty: "),
        (lambda s: s.delete_folder(""), InvalidPath, "Cannot delete the store root"),
        (lambda s: s.get_folder_info("f"), InvalidPath, "Not a folder: "),
    ],
)
def test_each_error_has_its_class_and_its_message(full: Store, call, kind: type, message: str) -> None:
    with pytest.raises(kind) as caught:
        call(full)
    error = caught.value
    assert isinstance(error, RemoteStoreError)
    assert error.__class__.__mro__[1] is RemoteStoreError
    assert message in str(error)
    assert contents(full) == KEPT


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda s: s.write("n", "text"), TypeError, "got str; use write_text"),
        (lambda s: s.write("n", 3), TypeError, "got int"),
        (lambda s: s.write("n", None), TypeError, "got NoneType"),
        (lambda s: s.write("n", [b"1"]), TypeError, "got list"),
        (lambda s: s.write("n", io.StringIO("text")), TypeError, "binary file, its read.. gave str"),
        (lambda s: s.write_text("n", b"1"), TypeError, "text must be a str, got bytes"),
        (lambda s: s.write_text("n", "é", encoding="ascii"), UnicodeEncodeError, "ascii"),
        (lambda s: s.write_text("n", "x", encoding="nope"), LookupError, "nope"),
        (lambda s: s.read_text("f", encoding="nope"), LookupError, "nope"),
        (lambda s: list(s.list_files("", max_depth=-1)), ValueError, "max_depth must be >= 0, got -1"),
        (lambda s: list(s.list_folders("", max_depth=-1)), ValueError, "max_depth must be >= 0, got -1"),
        (lambda s: s.get_folder_info("", max_depth=-1), ValueError, "max_depth must be >= 0, got -1"),
        (
            lambda s: list(s.list_files("", max_depth="1")),
            TypeError,
            "max_depth must be an int or None, got str",
        ),
        (lambda s: s.unwrap("x"), TypeError, "unwrap takes a class, got str"),
        (lambda s: s.unwrap(int), CapabilityNotSupported, "does not expose native handle of type int"),
    ],
)
def test_a_wrong_value_is_named(full: Store, call, kind: type, message: str) -> None:
    with pytest.raises(kind, match=message):
        call(full)
    assert contents(full) == KEPT


@pytest.mark.parametrize(
    ("metadata", "kind", "message"),
    [
        ([("a", "b")], TypeError, "metadata must be a mapping of str to str, got list"),
        ({"_a": "b"}, ValueError, "metadata key must not start with underscore: '_a'"),
        ({"": "b"}, ValueError, "metadata key must not be empty"),
        ({"é": "b"}, ValueError, "metadata key must be ASCII: 'é'"),
        ({1: "b"}, ValueError, "metadata key must be a str, got int: 1"),
        ({"a": 1}, ValueError, "metadata value must be a str, got int: 1"),
        ({"a": "x" * 2048}, ValueError, "metadata payload exceeds 2048 bytes: 2049 bytes"),
    ],
)
def test_metadata_keeps_its_rules(full: Store, metadata, kind: type, message: str) -> None:
    for write in (full.write, full.write_atomic):
        with pytest.raises(kind, match=message):
            write("n", b"1", metadata=metadata)
    assert contents(full) == KEPT


def test_empty_metadata_is_none(full: Store) -> None:
    full.write("n", b"1", metadata={})
    if full.supports(Capability.METADATA):
        assert not full.get_file_info("n").metadata


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"max_attempts": 0}, ValueError, "max_attempts must be >= 1"),
        ({"max_attempts": "3"}, TypeError, "max_attempts must be an int, got str"),
        ({"max_attempts": 1.5}, TypeError, "max_attempts must be an int, got float"),
        ({"backoff_base": -1}, ValueError, "backoff_base must be >= 0"),
        ({"backoff_base": float("nan")}, ValueError, "backoff_base must be >= 0"),
        ({"backoff_max": -1}, ValueError, "backoff_max must be >= 0"),
        ({"backoff_max": "x"}, TypeError, "backoff_max must be a number of seconds, got str"),
        ({"jitter": -1}, ValueError, "jitter must be >= 0"),
        ({"jitter": None}, TypeError, "jitter must be a number of seconds, got NoneType"),
        ({"timeout": 0}, ValueError, "timeout must be > 0 or None"),
        ({"timeout": "1"}, TypeError, "timeout must be a number of seconds, got str"),
    ],
)
def test_a_retry_policy_checks_its_numbers(options, kind: type, message: str) -> None:
    with pytest.raises(kind, match=message):
        RetryPolicy(**options)


SECRET = "SUPERSECRET1234"
# Arguments that are right, with a credential in each that no message may show.
GOOD: dict[type, dict[str, Any]] = {
    S3Backend: {"bucket": "b", "key": SECRET, "secret": Secret(SECRET), "endpoint_url": "http://127.0.0.1:1"},
    AzureBackend: {
        "container": "c",
        "account_name": "a",
        "account_key": base64.b64encode(SECRET.encode()).decode(),
    },
    GCSBackend: {"bucket": "b", "client_options": {"proxy_url": f"http://u:{SECRET}@127.0.0.1:1"}},
    SFTPBackend: {"host": "127.0.0.1", "username": "u", "password": SECRET},
    ReadOnlyHttpBackend: {"base_url": f"http://u:{SECRET}@127.0.0.1:1/"},
}
OF_A_CLOUD: list[dict[str, Any]] = [
    {"retry": 3},
    {"retry": {"nope": 1}},
    {"retry": {"max_attempts": 0}},
    {"client_options": "x"},
    {"client_options": {"nope": 1}},
    {"client_options": {"connect_timeout": -1}},
    {"client_options": {"read_timeout": "5"}},
    {"tls_ca_bundle": 5},
    {"tls_ca_bundle": "/nope/ca.pem"},
    {"nope": 1},
]
WRONG: dict[type, list[dict[str, Any]]] = {
    S3Backend: [
        *({"bucket": bucket} for bucket in ("", " ", "a/b", 3, None)),
        {"key": 3},
        {"endpoint_url": 3},
        {"endpoint_url": "ftp://x"},
        {"region_name": 3},
        {"reject_write_under_file_ancestor": "x"},
        *OF_A_CLOUD,
    ],
    AzureBackend: [
        *({"container": container} for container in ("", " ", "a/b", 3, None)),
        {"account_name": 3},
        {"account_url": "ftp://x"},
        {"connection_string": "nonsense"},
        {"hns": "x"},
        {"max_concurrency": "4"},
        {"max_concurrency": 0},
        {"reject_write_under_file_ancestor": 1},
        *OF_A_CLOUD,
    ],
    GCSBackend: [
        *({"bucket": bucket} for bucket in ("", " ", "a/b", 3, None)),
        {"service_account_key": SECRET},
        {"service_account_path": 3},
        {"service_account_path": "/nope/key.json"},
        {"endpoint_url": "ftp://x"},
        {"anonymous": 1},
        *OF_A_CLOUD,
    ],
    SFTPBackend: [
        *({"host": host} for host in ("", 3, None)),
        *({"port": port} for port in (0, 65536, -1, "22", 1.5)),
        {"username": 3},
        {"password": 3},
        {"pkey": 3},
        {"pkey": "/nope/id_rsa"},
        {"base_path": 3},
        {"host_key_policy": "maybe"},
        {"host_key_policy": 3},
        {"known_host_keys": 3},
        {"host_keys_path": 3},
        {"config": "x"},
        {"timeout": "5"},
        {"timeout": -1},
        {"io_timeout": "5"},
        {"connect_kwargs": "x"},
        {"connect_kwargs": {"nope": 1}},
        {"connect_kwargs": {"key_filename": "/nope/id_rsa"}},
        {"retry": 3},
        {"retry": {"nope": 1}},
        {"nope": 1},
    ],
    ReadOnlyHttpBackend: [
        *({"base_url": url} for url in ("", "x", "ftp://x", 3, None)),
        {"headers": 3},
        {"headers": {"a b": "c"}},
        {"headers": {"a": 3}},
        {"headers": {"a": f"{SECRET}\n"}},
        {"timeout": "5"},
        {"timeout": -1},
        {"http_client": "curl"},
        {"verify_ssl": "x"},
        {"max_redirects": -1},
        {"max_redirects": "5"},
        *OF_A_CLOUD,
    ],
}


@pytest.mark.parametrize(
    ("backend", "option"),
    [
        pytest.param(kind, option, id=f"{kind.__name__}-{option}")
        for kind, table in WRONG.items()
        for option in table
    ],
)
def test_a_wrong_option_is_named_without_a_credential_in_the_text(backend, option) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        backend(**GOOD[backend] | option)
    ((name, value),) = option.items()
    inner = next(iter(value)) if isinstance(value, dict) else name
    assert name in str(caught.value) or inner in str(caught.value)
    if isinstance(value, str) and value.startswith("/nope/"):
        assert value in str(caught.value)
    assert SECRET not in f"{caught.value!r} {caught.value} {caught.value.__cause__}"
    assert GOOD[AzureBackend]["account_key"] not in str(caught.value)


@pytest.mark.parametrize("backend", GOOD)
def test_the_options_that_the_wrong_ones_are_mixed_with_are_right(backend) -> None:
    assert SECRET not in repr(backend(**GOOD[backend]))


@pytest.mark.parametrize("backend", [S3Backend, AzureBackend, GCSBackend, ReadOnlyHttpBackend])
def test_a_file_of_authorities_that_holds_none_is_refused_at_once(backend, tmp_path) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.write_text("no certificate in here")
    with pytest.raises(ValueError, match=r"'tls_ca_bundle'.*ca\.pem"):
        backend(**GOOD[backend], tls_ca_bundle=str(bundle))


@pytest.mark.parametrize(
    ("operation", "told"),
    [
        (lambda s: list(s.list_files("", pattern=1)), "pattern must be a str or None, got int"),
        (lambda s: list(s.list_folders("", pattern=b"*")), "pattern must be a str or None, got bytes"),
        (lambda s: Store.from_url(None), "url must be a str, got NoneType"),
    ],
)
def test_a_pattern_and_a_url_of_another_type_are_named(store: Store, operation, told) -> None:
    with pytest.raises(TypeError, match=f"^{told}$"):
        operation(store)


def test_a_folder_with_a_nul_in_its_name_is_refused_when_it_is_given() -> None:
    with pytest.raises(ValueError, match="Option 'root' of backend 'local' has a NUL in it"):
        LocalBackend("a\0b")


def test_an_option_that_was_probably_meant_ends_in_one_mark() -> None:
    config = RegistryConfig.from_dict(
        {"backends": {"b": {"type": "local", "options": {"rot": "x"}}}, "stores": {"s": {"backend": "b"}}}
    )
    with pytest.raises(ValueError, match=r"Did you mean 'root'\? Provided options: \['rot'\]"):
        Registry(config).get_store("s")
