"""A wrong value is refused with an error that names it, and nothing is written."""

from __future__ import annotations

import io

import pytest

from remote_store import (
    AlreadyExists,
    Capability,
    CapabilityNotSupported,
    DirectoryNotEmpty,
    InvalidPath,
    NotFound,
    RemoteStoreError,
    RetryPolicy,
    Secret,
    Store,
)
from remote_store.backends import S3Backend

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


@pytest.mark.parametrize(
    "options",
    [
        {"bucket": ""},
        {"bucket": 3},
        {"bucket": None},
        {"key": 3},
        {"endpoint_url": 3},
        {"endpoint_url": "ftp://x"},
        {"region_name": 3},
        {"retry": 3},
        {"retry": {"nope": 1}},
        {"retry": {"max_attempts": 0}},
        {"client_options": {"nope": 1}},
        {"reject_write_under_file_ancestor": "x"},
        {"nope": 1},
    ],
    ids=str,
)
def test_a_wrong_option_of_s3_is_refused_without_a_credential_in_the_text(options) -> None:
    good = {"bucket": "b", "key": SECRET, "secret": Secret(SECRET), "endpoint_url": "http://127.0.0.1:1"}
    with pytest.raises((TypeError, ValueError)) as caught:
        S3Backend(**good | options)
    (name,) = options
    named = name.partition("_")[0], "nope", "max_attempts"
    assert any(word in str(caught.value) for word in named)
    assert SECRET not in f"{caught.value!r} {caught.value}"
