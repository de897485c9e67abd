"""Tables: what pyarrow would write and read back is what comes back from us, type by type."""

from __future__ import annotations

import contextlib
import datetime as dt
import decimal
import io
import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from remote_store import AlreadyExists, InvalidPath, NotFound, Store
from remote_store._native import parquet as native
from remote_store.backends import LocalBackend, MemoryBackend
from remote_store.ext.parquet import (
    DatasetIncomplete,
    DatasetManifest,
    ManifestCorrupted,
    ParquetDatasetStore,
)

pa = pytest.importorskip("pyarrow", reason="tables need pyarrow")
pq = pytest.importorskip("pyarrow.parquet", reason="tables need pyarrow")

NOW = dt.datetime(2024, 2, 29, 12, 30, 15, 123456)  # noqa: DTZ001 - naive and aware are both tested
AWARE = NOW.replace(tzinfo=dt.UTC)

COLUMNS = {
    "bool": pa.array([True, None, False]),
    **{f"int{bits}": pa.array([1, None, -3], getattr(pa, f"int{bits}")()) for bits in (8, 16, 32, 64)},
    **{
        f"uint{bits}": pa.array([1, None, 2**bits - 1], getattr(pa, f"uint{bits}")())
        for bits in (8, 16, 32, 64)
    },
    "float16": pa.array([1.5, None, -2.0], pa.float32()).cast(pa.float16()),
    "float32": pa.array([1.5, None, float("inf")], pa.float32()),
    "float64": pa.array([1.5, None, -0.0]),
    "decimal128": pa.array([decimal.Decimal("1.25"), None, decimal.Decimal("-3.50")], pa.decimal128(10, 2)),
    "decimal256": pa.array([decimal.Decimal("1.25"), None, decimal.Decimal("-3.50")], pa.decimal256(50, 2)),
    "string": pa.array(["a", None, "ü€😀"]),
    "large_string": pa.array(["a", None, ""], pa.large_string()),
    "string_view": pa.array(["a", None, "a string longer than twelve"], pa.string_view()),
    "binary": pa.array([b"a", None, b"\x00\xff"]),
    "large_binary": pa.array([b"a", None, b""], pa.large_binary()),
    "fixed_size_binary": pa.array([b"abcd", None, b"efgh"], pa.binary(4)),
    "date32": pa.array([NOW.date(), None, dt.date(1969, 1, 1)], pa.date32()),
    "date64": pa.array([NOW.date(), None, dt.date(1969, 1, 1)], pa.date64()),
    "time32_s": pa.array([dt.time(1, 2, 3), None, dt.time(0)], pa.time32("s")),
    "time32_ms": pa.array([dt.time(1, 2, 3), None, dt.time(0)], pa.time32("ms")),
    "time64_us": pa.array([dt.time(1, 2, 3, 4), None, dt.time(0)], pa.time64("us")),
    "time64_ns": pa.array([1, None, 3], pa.time64("ns")),
    **{
        f"timestamp_{unit}": pa.array([NOW.replace(microsecond=0), None], pa.timestamp(unit))
        for unit in ("s", "ms", "us", "ns")
    },
    **{
        f"timestamp_{unit}_tz": pa.array(
            [AWARE.replace(microsecond=0), None], pa.timestamp(unit, "Europe/Berlin")
        )
        for unit in ("s", "ms", "us", "ns")
    },
    **{f"duration_{unit}": pa.array([1, None, 3], pa.duration(unit)) for unit in ("s", "ms", "us", "ns")},
    "list": pa.array([[1, None], None, []]),
    "large_list": pa.array([[1, None], None, []], pa.large_list(pa.int64())),
    "fixed_size_list": pa.array([[1, 2], None, [3, None]], pa.list_(pa.int32(), 2)),
    "list_of_string": pa.array([["a", None], None, []]),
    "list_of_timestamp_s": pa.array([[NOW.replace(microsecond=0)], None], pa.list_(pa.timestamp("s"))),
    "struct": pa.array([{"x": 1, "y": "a"}, None, {"x": None, "y": "b"}]),
    "struct_of_date64": pa.array([{"d": NOW.date()}, None], pa.struct([("d", pa.date64())])),
    "map": pa.array([[("a", 1)], None, []], pa.map_(pa.string(), pa.int64())),
    "dictionary": pa.array(["a", "b", None, "a"]).dictionary_encode(),
    "dictionary_ordered": pa.DictionaryArray.from_arrays(
        pa.array([2, 0, None], pa.int8()), pa.array(["lo", "mid", "hi"]), ordered=True
    ),
    "dictionary_int": pa.DictionaryArray.from_arrays(pa.array([0, 1, 0], pa.int32()), pa.array([10, 20])),
    "null": pa.nulls(3),
    "empty": pa.array([], pa.string()),
}


def through_us(table):
    """Write and read as a dataset does: natively where the gate says so, else through pyarrow."""
    datasets = ParquetDatasetStore(Store(MemoryBackend()))
    datasets.write_dataset(table, "t")
    return datasets.read_dataset("t")


def through_pyarrow(table):
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return pq.read_table(pa.BufferReader(sink.getvalue()))


def same(first, second) -> None:
    # Not check_metadata=True: that also compares the names of list items, which pyarrow itself renames
    # to "element" on the way (we keep them), and which are no part of a type's equality.
    assert first.schema.equals(second.schema), f"{first.schema}\n---\n{second.schema}"
    assert first.schema.metadata == second.schema.metadata
    assert [field.metadata for field in first.schema] == [field.metadata for field in second.schema]
    assert [field.nullable for field in first.schema] == [field.nullable for field in second.schema]
    first.validate(full=True)
    assert first.equals(second)


class TestTypes:
    @pytest.mark.spec("DAG-004")
    @pytest.mark.parametrize("name", COLUMNS)
    def test_comes_back_as_from_pyarrow(self, name: str) -> None:
        table = pa.table({name: COLUMNS[name]})
        same(through_us(table), through_pyarrow(table))

    @pytest.mark.spec("DAG-004")
    @pytest.mark.parametrize("name", COLUMNS)
    def test_pyarrow_reads_ours_and_we_read_pyarrows(self, name: str) -> None:
        table = pa.table({name: COLUMNS[name]})
        expected = through_pyarrow(table)
        if native.write_support(table.schema) is None:
            same(pq.read_table(pa.BufferReader(bytes(native.encode(table)))), expected)
        sink = io.BytesIO()
        pq.write_table(table, sink)
        if native.read_support(sink.getvalue()) is None:
            same(pa.table(native.decode(sink.getvalue())), expected)

    def test_most_types_are_native(self) -> None:
        handed_over = [
            name for name, column in COLUMNS.items() if native.write_support(pa.table({name: column}).schema)
        ]
        assert len(handed_over) < len(COLUMNS) / 2, handed_over
        for name in ("int64", "float64", "string", "timestamp_us_tz", "list", "struct", "map", "decimal128"):
            assert name not in handed_over

    def test_schema_and_field_metadata_and_nullability_stay(self) -> None:
        schema = pa.schema(
            [pa.field("a", pa.int64(), nullable=False, metadata={"unit": "m"}), pa.field("b", pa.string())],
            metadata={"origin": "here"},
        )
        table = pa.table({"a": [1, 2], "b": ["x", None]}, schema=schema)
        same(through_us(table), through_pyarrow(table))

    def test_many_row_groups_and_chunks(self) -> None:
        table = pa.concat_tables(
            pa.table({"a": range(n, n + 1000), "b": [f"v{n}"] * 1000}) for n in range(20)
        )
        encoded = native.encode(table, row_group_size=700)
        assert pq.ParquetFile(pa.BufferReader(bytes(encoded))).num_row_groups == 29
        same(pa.table(native.decode(encoded)), through_pyarrow(table))

    @pytest.mark.parametrize("codec", ["none", "snappy", "gzip", "zstd", "lz4", "brotli"])
    def test_every_codec_is_read_and_written(self, codec: str) -> None:
        table = pa.table({"a": list(range(1000)), "b": ["x", "y"] * 500})
        same(pq.read_table(pa.BufferReader(bytes(native.encode(table, compression=codec)))), table)
        sink = io.BytesIO()
        pq.write_table(table, sink, compression=codec)
        same(pa.table(native.decode(sink.getvalue())), table)

    def test_columns_are_projected(self) -> None:
        table = pa.table({"a": [1], "b": ["x"], "c": [2.0]})
        encoded = native.encode(table)
        assert pa.table(native.decode(encoded, ["c", "a"])).column_names in (["c", "a"], ["a", "c"])
        with pytest.raises(ValueError, match="nope"):
            native.decode(encoded, ["nope"])


class TestFrames:
    @pytest.mark.spec("DAG-004")
    def test_pandas_comes_back_whole(self) -> None:
        pd = pytest.importorskip("pandas", reason="frames of pandas")
        frame = pd.DataFrame(
            {
                "n": [1, 2, 3],
                "t": pd.to_datetime(["2024-01-01", None, "2024-01-03"]).tz_localize("UTC"),
                "c": pd.Categorical(["hi", "lo", None], categories=["lo", "mid", "hi"], ordered=True),
                "s": ["a", None, "c"],
            },
            index=pd.Index(["x", "y", "z"], name="key"),
        )
        frame.attrs["origin"] = "test"
        table = pa.Table.from_pandas(frame)
        back = through_us(table)
        same(back, through_pyarrow(table))
        restored = back.to_pandas()
        expected = through_pyarrow(table).to_pandas()
        pd.testing.assert_frame_equal(restored, expected)
        assert list(restored["c"].cat.categories) == ["lo", "mid", "hi"]
        assert restored.index.name == "key"

    @pytest.mark.spec("DAG-004")
    def test_polars_comes_back_equal(self) -> None:
        pl = pytest.importorskip("polars", reason="frames of polars")
        frame = pl.DataFrame(
            {"a": [1, None], "s": ["x", "ü"], "l": [[1], []], "d": [dt.date(2024, 1, 1), None]}
        )
        datasets = ParquetDatasetStore(Store(MemoryBackend()))
        datasets.write_dataset(frame, "t")
        assert pl.from_arrow(datasets.read_dataset("t")).equals(frame)
        # Without pyarrow in between.
        assert pl.DataFrame(native.decode(native.encode(frame))).equals(frame)

    def test_what_is_no_table_is_a_type_error(self) -> None:
        with pytest.raises(TypeError, match="__arrow_c_stream__, got str"):
            native.encode("no table")
        with pytest.raises(TypeError, match="write_dataset expects a DataFrame, got dict"):
            ParquetDatasetStore(Store(MemoryBackend())).write_dataset({"a": 1}, "t")

    @pytest.mark.parametrize("content", [b"", b"PAR1", b"no parquet at all", b"PAR1" + b"\0" * 100 + b"PAR1"])
    def test_what_is_no_parquet_is_a_value_error(self, content: bytes) -> None:
        with pytest.raises(ValueError, match=r"[Pp]arquet"):
            native.decode(content)

    def test_a_stream_that_fails_is_an_error_and_not_a_file(self) -> None:
        def batches():
            yield pa.record_batch({"a": [1]})
            raise RuntimeError("the source broke")

        reader = pa.RecordBatchReader.from_batches(pa.schema([("a", pa.int64())]), batches())
        with pytest.raises(ValueError, match="the source broke"):
            native.encode(reader)


class TestBuffer:
    def test_is_shared_and_read_only(self) -> None:
        buffer = native.encode(pa.table({"a": [1]}))
        view = memoryview(buffer)
        assert view.readonly
        assert bytes(view) == bytes(buffer)
        assert len(buffer) == len(view)
        with pytest.raises(TypeError):
            view[0] = 0
        store = Store(MemoryBackend())
        store.write("x", buffer)
        assert store.read_bytes("x") == bytes(buffer)


@pytest.fixture(params=["memory", "local"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return Store(MemoryBackend() if request.param == "memory" else LocalBackend(tmp_path), "root")


TABLE = pa.table({"id": [1, 2, 3, 4, 5], "s": ["a", "b", None, "d", "e"]})


def files(store: Store) -> list[str]:
    return sorted(str(info.path) for info in store.list_files("", recursive=True))


class TestDatasets:
    @pytest.mark.spec("DAG-017")
    def test_lies_on_storage_as_agreed(self, store: Store) -> None:
        manifest = ParquetDatasetStore(store).write_dataset(
            TABLE, "data/orders", run_id="r1", metadata={"k": [1]}
        )
        assert files(store) == [
            "data/orders/_SUCCESS",
            "data/orders/data.parquet",
            "data/orders/manifest.json",
        ]
        text = store.read_text("data/orders/manifest.json")
        fields = json.loads(text)
        assert text == json.dumps(fields, sort_keys=True, indent=2)
        assert fields["dataset_key"] == "data/orders"
        assert (fields["parts"], fields["row_count"], fields["run_id"]) == (["data.parquet"], 5, "r1")
        assert (fields["compression"], fields["metadata"]) == ("zstd", {"k": [1]})
        assert len(fields["schema_hash"]) == 16
        assert store.read_bytes("data/orders/_SUCCESS") == b""
        assert manifest == ParquetDatasetStore(store).read_manifest("data/orders")

    def test_none_is_left_out_of_the_manifest(self, store: Store) -> None:
        ParquetDatasetStore(store).write_dataset(TABLE, "t")
        assert not {"run_id", "metadata"} & set(json.loads(store.read_text("t/manifest.json")))

    def test_is_split_by_rows(self, store: Store) -> None:
        datasets = ParquetDatasetStore(store, max_rows_per_file=2)
        manifest = datasets.write_dataset(TABLE, "t")
        assert manifest.parts == ("part-00000.parquet", "part-00001.parquet", "part-00002.parquet")
        same(datasets.read_dataset("t"), TABLE)
        assert datasets.read_dataset("t", columns=["s"]).column_names == ["s"]

    def test_an_empty_table_is_a_dataset(self, store: Store) -> None:
        datasets = ParquetDatasetStore(store, max_rows_per_file=2)
        datasets.write_dataset(TABLE.slice(0, 0), "t")
        assert datasets.read_dataset("t").num_rows == 0
        assert datasets.read_dataset("t").schema == TABLE.schema

    @pytest.mark.parametrize("option", ["max_rows_per_file", "row_group_size"])
    def test_numbers_start_at_one(self, option: str) -> None:
        with pytest.raises(ValueError, match=option):
            ParquetDatasetStore(Store(MemoryBackend()), **{option: 0})

    def test_is_not_overwritten_unasked(self, store: Store) -> None:
        datasets = ParquetDatasetStore(store)
        datasets.write_dataset(TABLE, "t")
        with pytest.raises(AlreadyExists):
            datasets.write_dataset(TABLE.slice(0, 1), "t")
        same(datasets.read_dataset("t"), TABLE)

    def test_overwriting_leaves_nothing_of_the_old_and_all_of_the_others(self, store: Store) -> None:
        many, one = ParquetDatasetStore(store, max_rows_per_file=1), ParquetDatasetStore(store)
        many.write_dataset(TABLE, "data")
        one.write_dataset(TABLE, "data/orders")
        one.write_dataset(TABLE.slice(1), "data", overwrite=True)
        assert len([path for path in files(store) if path.startswith("data/") and "orders" not in path]) == 3
        same(one.read_dataset("data"), TABLE.slice(1))
        same(one.read_dataset("data/orders"), TABLE)
        one.delete_dataset("data")
        assert [path for path in files(store) if "orders" not in path] == []
        same(one.read_dataset("data/orders"), TABLE)

    def test_a_crash_at_any_call_leaves_the_old_or_the_new(self) -> None:
        class Crash(BaseException):
            pass

        outcomes = set()
        for crash_at in range(1, 12):
            store = Store(MemoryBackend())
            datasets = ParquetDatasetStore(store, max_rows_per_file=2)
            datasets.write_dataset(TABLE, "t")
            left = crash_at

            def dying(call):
                def counted(*args, **kwargs):
                    nonlocal left
                    left -= 1
                    if left <= 0:
                        raise Crash
                    return call(*args, **kwargs)

                return counted

            patched = Store(store._backend)
            patched.write, patched.delete = dying(patched.write), dying(patched.delete)
            with contextlib.suppress(Crash):
                ParquetDatasetStore(patched, max_rows_per_file=2).write_dataset(
                    TABLE.slice(2), "t", overwrite=True
                )
            found = datasets.read_dataset("t")
            outcomes.add(found.num_rows)
            assert found.equals(TABLE) or found.equals(TABLE.slice(2))
        assert outcomes == {5, 3}

    def test_a_reader_that_meets_a_removed_part_reads_the_new_manifest(self) -> None:
        store = Store(MemoryBackend())
        datasets = ParquetDatasetStore(store)
        datasets.write_dataset(TABLE, "t")
        reading = Store(store._backend)
        original = reading.read_bytes

        def racing(path):
            if path.endswith(".parquet"):
                reading.read_bytes = original
                datasets.write_dataset(TABLE.slice(3), "t", overwrite=True)
            return original(path)

        reading.read_bytes = racing
        same(ParquetDatasetStore(reading).read_dataset("t"), TABLE.slice(3))

    @pytest.mark.parametrize("kind", [Store, type("Subclassed", (Store,), {})])
    def test_an_orphan_of_a_dead_writer_is_not_in_the_way(self, kind: type[Store]) -> None:
        store = kind(MemoryBackend())
        store.write("orders/data.parquet", b"begun and never finished")
        datasets = ParquetDatasetStore(store)
        datasets.write_dataset(pa.table({"id": [1]}), "orders")
        assert datasets.read_dataset("orders").to_pydict() == {"id": [1]}

    @pytest.mark.spec("DAG-020")
    def test_without_its_mark_it_is_incomplete(self, store: Store) -> None:
        datasets = ParquetDatasetStore(store)
        datasets.write_dataset(TABLE, "t")
        store.delete("t/_SUCCESS")
        assert not datasets.dataset_exists("t")
        for key in ("t", "never"):
            with pytest.raises(DatasetIncomplete, match=f"Dataset is incomplete: {key}/_SUCCESS is missing"):
                datasets.read_dataset(key)

    def test_without_a_part_it_is_incomplete(self, store: Store) -> None:
        datasets = ParquetDatasetStore(store, max_rows_per_file=3)
        datasets.write_dataset(TABLE, "t")
        store.delete("t/part-00001.parquet")
        with pytest.raises(DatasetIncomplete, match="is missing") as caught:
            datasets.read_dataset("t")
        assert str(caught.value.path).endswith("t/part-00001.parquet")

    def test_without_manifest_it_is_not_found(self, store: Store) -> None:
        datasets = ParquetDatasetStore(store)
        datasets.write_dataset(TABLE, "t")
        store.delete("t/manifest.json")
        with pytest.raises(NotFound):
            datasets.read_dataset("t")
        with pytest.raises(NotFound):
            datasets.read_manifest("never")
        with pytest.raises(NotFound, match="Dataset not found: never"):
            datasets.delete_dataset("never")

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("{", "not JSON"),
            ("[]", "expected struct DatasetManifest"),
            ("{}", "missing field"),
            (
                '{"dataset_key":"t","parts":["../x"],"row_count":1,"schema_hash":"","compression":"","created_at_utc":""}',
                "no path below the dataset",
            ),
        ],
    )
    def test_a_bad_manifest_says_why(self, store: Store, text: str, reason: str) -> None:
        datasets = ParquetDatasetStore(store)
        datasets.write_dataset(TABLE, "t")
        store.write_text("t/manifest.json", text, overwrite=True)
        with pytest.raises(ManifestCorrupted) as caught:
            datasets.read_dataset("t")
        assert reason in str(caught.value.reason)
        # It can still be replaced.
        datasets.write_dataset(TABLE, "t", overwrite=True)
        same(datasets.read_dataset("t"), TABLE)

    def test_a_newer_manifest_is_read(self) -> None:
        store = Store(MemoryBackend())
        datasets = ParquetDatasetStore(store)
        manifest = datasets.write_dataset(TABLE, "t")
        newer = {**json.loads(store.read_text("t/manifest.json")), "invented_later": True}
        store.write_text("t/manifest.json", json.dumps(newer), overwrite=True)
        assert datasets.read_manifest("t") == manifest
        assert isinstance(manifest, DatasetManifest)

    @pytest.mark.parametrize("key", ["", "/", "../x"])
    def test_a_key_is_a_path(self, key: str) -> None:
        with pytest.raises(InvalidPath):
            ParquetDatasetStore(Store(MemoryBackend())).write_dataset(TABLE, key)

    def test_what_dead_writers_left_is_removed(self, store: Store) -> None:
        datasets = ParquetDatasetStore(store)
        manifest = datasets.write_dataset(TABLE, "t")
        store.write("t/part-00000-0123abcd.parquet", b"orphan")
        assert datasets.vacuum(older_than=dt.timedelta(days=1)) == []
        assert datasets.vacuum(older_than=dt.timedelta(0)) == ["t/part-00000-0123abcd.parquet"]
        assert datasets.read_manifest("t") == manifest
        same(datasets.read_dataset("t"), TABLE)

    def test_metadata_must_fit_into_json(self, store: Store) -> None:
        with pytest.raises(TypeError, match="JSON"):
            ParquetDatasetStore(store).write_dataset(TABLE, "t", metadata={"a": object()})
        assert files(store) == []

    def test_a_write_that_fails_leaves_nothing(self, store: Store) -> None:
        odd = pa.table({"a": pa.array([(1, 2, 3)], pa.month_day_nano_interval())})
        with pytest.raises(Exception, match=r"."):
            ParquetDatasetStore(store).write_dataset(odd, "t")
        assert files(store) == []


def test_ten_rows_work_without_pyarrow() -> None:
    code = """
        import sys
        sys.modules["pyarrow"] = None
        import polars as pl
        from remote_store._native import parquet
        frame = pl.DataFrame({"a": list(range(10))})
        assert pl.DataFrame(parquet.decode(parquet.encode(frame))).equals(frame)
    """
    pytest.importorskip("polars", reason="a frame that needs no pyarrow")
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True)  # noqa: S603
