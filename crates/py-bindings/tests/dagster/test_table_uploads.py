"""Tables that only PyArrow encodes, on their way into an S3: sent in parts, completed at the end or not at all."""

from __future__ import annotations

import pytest

pa = pytest.importorskip("pyarrow", reason="tables need pyarrow")

from small_s3 import SmallS3  # noqa: E402

from remote_store import Store  # noqa: E402
from remote_store.backends import S3Backend  # noqa: E402
from remote_store.ext.dagster import ParquetSerializer  # noqa: E402
from remote_store.ext.parquet import ParquetDatasetStore  # noqa: E402

SCHEMA = pa.schema([("code", pa.dictionary(pa.int8(), pa.binary())), ("noise", pa.int64())])
ROWS = 100_000
BATCHES = 36
OPTIONS = {"compression": "none", "row_group_size": ROWS}


def batches(server, seen, fails_at=None):
    for number in range(BATCHES):
        seen.append(server.asked("PUT", "partNumber="))
        if number == fails_at:
            raise LookupError("the tape is torn")
        codes = pa.DictionaryArray.from_arrays(
            pa.array([0, 1] * (ROWS // 2), pa.int8()), pa.array([b"a", b"b"])
        )
        numbers = pa.array(range(number * ROWS, (number + 1) * ROWS))
        yield pa.record_batch([codes, numbers], schema=SCHEMA)


@pytest.fixture
def server():
    with SmallS3().serving() as running:
        yield running


@pytest.fixture
def store(server):
    return Store(S3Backend("bucket", endpoint_url=server.endpoint, key="k", secret="s"))


def write_object(store, reader) -> str:
    ParquetSerializer(dictionary=False, **OPTIONS).write_to(store, "t.parquet", reader)
    return "t.parquet"


def write_dataset(store, reader) -> str:
    ParquetDatasetStore(store, **OPTIONS).write_dataset(reader, "t", overwrite=True)
    return "t/data.parquet"


@pytest.mark.parametrize("write", [write_object, write_dataset])
def test_parts_are_uploaded_before_the_last_batch_is_pulled(server, store, write) -> None:
    seen: list[int] = []
    path = write(store, pa.RecordBatchReader.from_batches(SCHEMA, batches(server, seen)))
    assert seen[0] == 0
    assert seen[-1] > 0, "parts arrived while there were batches to pull"
    assert seen == sorted(seen)
    assert server.asked("PUT", "partNumber=") > seen[-1]
    content = store.read_bytes(path)
    assert ParquetSerializer().deserialize(content).num_rows == BATCHES * ROWS


@pytest.mark.parametrize("write", [write_object, write_dataset])
def test_an_upload_whose_source_fails_is_aborted(server, store, write) -> None:
    seen: list[int] = []
    reader = pa.RecordBatchReader.from_batches(SCHEMA, batches(server, seen, fails_at=BATCHES - 1))
    with pytest.raises(LookupError, match="the tape is torn"):
        write(store, reader)
    assert seen[-1] > 0, "the upload was begun"
    assert not server.uploads, "and is not left open"
    assert not server.objects


@pytest.mark.parametrize("write", [write_object, write_dataset])
def test_an_upload_that_the_store_refuses_leaves_nothing(server, store, write) -> None:
    reader = pa.RecordBatchReader.from_batches(SCHEMA, batches(server, []))
    with (
        server.failing(403, "PUT", ".parquet"),
        pytest.raises(Exception, match=r"(?i)403|denied|forbidden"),
    ):
        write(store, reader)
    assert not server.uploads
    assert not server.objects
