"""Credentials never leave: not in repr, errors, logs or tracebacks."""

from __future__ import annotations

import base64
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remote_store import Secret, Store
from remote_store._native import masking
from remote_store._registry import create_backend
from remote_store.backends import MemoryBackend, S3Backend

HUSH = "hUsh4Zq9SECRETvalue"


def test_text_with_a_credential_is_masked() -> None:
    for text in (
        f"https://user:{HUSH}@host/path",
        f"password={HUSH}",
        f'{{"secret": "{HUSH}"}}',
        f"Authorization: Bearer {HUSH}",
        f"https://h/x?X-Amz-Signature={HUSH}&a=1",
    ):
        assert HUSH not in masking.redact_text(text), text


@pytest.mark.parametrize("text", ["", "hello world", "run 42 of step_a: 7 rows", "a/b/c.parquet"])
def test_plain_text_stays(text: str) -> None:
    assert masking.redact_text(text) == text


@given(st.text())
def test_masking_never_fails_and_masking_twice_changes_nothing(text: str) -> None:
    once = masking.redact_text(text)
    assert masking.redact_text(once) == once


def test_a_backends_repr_masks(s3_options) -> None:
    shown = repr(S3Backend(**s3_options))
    assert HUSH not in shown
    assert "secret='***'" in shown
    assert "bucket='lake'" in shown


@pytest.fixture
def s3_options() -> dict:
    return {"bucket": "lake", "key": "AKIAEXAMPLE", "secret": HUSH, "region_name": "eu-central-1"}


@pytest.mark.spec("DAG-033")
@pytest.mark.parametrize(
    "wrong",
    [{"regionname": "x"}, {"region_name": 5}, {"client_options": {"nope": 1}}, {"bucket": ""}],
    ids=str,
)
def test_refused_options_show_no_credential(s3_options, wrong) -> None:
    with pytest.raises(ValueError, match="rejected the provided options") as caught:
        create_backend("s3", {**s3_options, **wrong})
    text = "".join(traceback.format_exception(caught.value))
    assert HUSH not in text
    assert base64.b64encode(HUSH.encode()).decode() not in text


def test_an_option_that_cannot_be_configured_is_named_by_type_alone() -> None:
    class Weird:
        def __repr__(self) -> str:
            return HUSH

    with pytest.raises(ValueError, match="Weird") as caught:
        create_backend("s3", {"bucket": "b", "client_options": {"x": Weird()}})
    assert HUSH not in str(caught.value)


def test_a_secret_goes_in_and_does_not_come_out(s3_options) -> None:
    backend = S3Backend(**{**s3_options, "secret": Secret(HUSH)})
    described = dict(backend._native_backend.describe())
    assert HUSH not in str(described)
    assert HUSH not in repr(vars(backend))
    assert HUSH not in repr(Store(backend))


def test_options_nested_without_end_are_refused() -> None:
    from remote_store._native import Backend

    options: dict = {}
    options["client_options"] = options
    with pytest.raises(ValueError, match="nested"):
        Backend.build("s3", options)


def test_memory_has_nothing_to_show() -> None:
    assert repr(MemoryBackend()) == "MemoryBackend()"
