"""Tables that only PyArrow encodes: sent while they are encoded, all or nothing, cut into parts alike."""

from __future__ import annotations

import io
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from remote_store import Store
from remote_store._native import parquet as native
from remote_store.backends import LocalBackend, MemoryBackend
from remote_store.ext._frames import Watched
from remote_store.ext._pyarrow_parquet import EncodedFile, Rows, file_options
from remote_store.ext.parquet import ParquetDatasetStore

pa = pytest.importorskip("pyarrow", reason="tables need pyarrow")
pq = pytest.importorskip("pyarrow.parquet", reason="tables need pyarrow")
_dagster = pytest.importorskip("remote_store.ext.dagster", reason="the serializer needs Dagster")
ParquetSerializer = _dagster.ParquetSerializer

# The native encoder leaves categories of bytes to PyArrow.
SCHEMA = pa.schema([("code", pa.dictionary(pa.int8(), pa.binary())), ("noise", pa.int64())])
ROWS = 50_000


def batch(number: int, rows: int = ROWS):
    codes = pa.DictionaryArray.from_arrays(
        pa.array([row % 3 for row in range(rows)], pa.int8()), pa.array([b"unused", b"b", b"a", b"z"])
    )
    # A linear congruence: numbers that no codec makes smaller.
    noise = [(row + number * rows) * 6_364_136_223_846_793_005 % 2**63 for row in range(rows)]
    return pa.record_batch([codes, pa.array(noise)], schema=SCHEMA)


class Source:
    """Batches that are counted as they are pulled."""

    def __init__(self, count: int, *, fails_at: int | None = None, look=lambda: None) -> None:
        self.pulled = 0
        self.seen: list[object] = []
        self._count, self._fails_at, self._look = count, fails_at, look

    def reader(self):
        return pa.RecordBatchReader.from_batches(SCHEMA, self._batches())

    def _batches(self):
        for number in range(self._count):
            self.seen.append(self._look())
            if number == self._fails_at:
                raise LookupError("the tape is torn")
            self.pulled += 1
            yield batch(number)


def whole(count: int):
    return pa.Table.from_batches([batch(number) for number in range(count)])


def test_the_schema_is_one_that_pyarrow_encodes() -> None:
    assert "'code'" in (native.write_support(SCHEMA) or "")


@pytest.fixture(params=["memory", "local"])
def store(request, tmp_path):
    return Store(MemoryBackend() if request.param == "memory" else LocalBackend(tmp_path), "root")


def bytes_below(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


class TestObjects:
    def test_parts_are_on_the_disk_before_the_last_batch_is_pulled(self, tmp_path: Path) -> None:
        store = Store(LocalBackend(tmp_path))
        visible = Store(LocalBackend(tmp_path))
        source = Source(60, look=lambda: (bytes_below(tmp_path), visible.exists("t.parquet")))
        parquet = ParquetSerializer(row_group_size=ROWS)
        size = parquet.write_to(store, "t.parquet", source.reader())
        assert size == len(store.read_bytes("t.parquet"))
        staged = [there for there, _ in source.seen]
        assert staged[-1] > size / 2, "more than half of it was sent before the end"
        assert not any(exists for _, exists in source.seen), "nothing is visible before the end"
        assert parquet.read_from(store, "t.parquet").num_rows == 60 * ROWS

    def test_a_store_in_python_pulls_the_batches_as_it_reads(self) -> None:
        source = Source(40)
        pulled_at: list[int] = []

        class Reading(Store):
            def write(self, path, content, **options):
                if isinstance(content, bytes):
                    return super().write(path, content, **options)
                chunks = []
                while chunk := content.read(1 << 20):
                    pulled_at.append(source.pulled)
                    chunks.append(chunk)
                return super().write(path, b"".join(chunks), **options)

        store = Reading(MemoryBackend())
        parquet = ParquetSerializer(row_group_size=ROWS)
        parquet.write_to(store, "t.parquet", source.reader())
        assert pulled_at[0] < 40 / 2
        assert pulled_at == sorted(pulled_at)
        assert pulled_at[-1] == 40
        assert parquet.read_from(store, "t.parquet").equals(read_by_pyarrow(whole(40)))

    def test_a_small_table_is_one_write_of_bytes(self) -> None:
        written = []

        class Reading(Store):
            def write(self, path, content, **options):
                written.append(type(content))
                return super().write(path, content, **options)

        ParquetSerializer().write_to(Reading(MemoryBackend()), "t.parquet", Source(1).reader())
        assert written == [bytes]

    @pytest.mark.parametrize("fails_at", [0, 1, 30])
    def test_what_the_producer_raises_comes_out_and_the_old_object_stays(self, store, fails_at) -> None:
        parquet = ParquetSerializer(row_group_size=ROWS)
        store.write("t.parquet", b"old")
        with pytest.raises(LookupError, match="the tape is torn") as raised:
            parquet.write_to(store, "t.parquet", Source(40, fails_at=fails_at).reader())
        assert raised.value.__cause__ is None
        assert store.read_bytes("t.parquet") == b"old"
        assert [str(info.path) for info in store.list_files("", recursive=True)] == ["t.parquet"]

    def test_a_batch_of_another_schema_leaves_the_old_object(self, store) -> None:
        store.write("t.parquet", b"old")

        def batches():
            yield from (batch(number) for number in range(30))
            yield pa.record_batch({"other": [1]})

        reader = pa.RecordBatchReader.from_batches(SCHEMA, batches())
        with pytest.raises(pa.ArrowInvalid):
            ParquetSerializer(row_group_size=ROWS).write_to(store, "t.parquet", reader)
        assert store.read_bytes("t.parquet") == b"old"

    def test_a_store_that_fails_in_the_middle_closes_the_source(self, tmp_path: Path) -> None:
        source = Source(40)

        class Failing(Store):
            def write(self, path, content, **options):
                content.read(1 << 20)
                raise OSError("the disk is full")

        with pytest.raises(OSError, match="the disk is full"):
            ParquetSerializer(row_group_size=ROWS).write_to(
                Failing(LocalBackend(tmp_path)), "t.parquet", source.reader()
            )
        assert source.pulled < 40
        assert not bytes_below(tmp_path)

    def test_options_reach_the_file_as_they_do_natively(self) -> None:
        store = Store(MemoryBackend())
        parquet = ParquetSerializer(
            compression="zstd", row_group_size=20_000, statistics="none", sorting_columns=["-noise"]
        )
        parquet.write_to(store, "t.parquet", Source(2).reader())
        assert store.read_bytes("t.parquet") == parquet.serialize(whole(2))
        metadata = pq.ParquetFile(io.BytesIO(store.read_bytes("t.parquet"))).metadata
        assert [metadata.row_group(n).num_rows for n in range(metadata.num_row_groups)] == [20_000] * 5
        group = metadata.row_group(0)
        assert group.column(1).statistics is None
        assert {group.column(n).compression for n in range(2)} == {"ZSTD"}
        assert [(key.column_index, key.descending) for key in group.sorting_columns] == [(1, True)]

    def test_a_sorting_column_behind_a_nested_one_has_its_leaf(self) -> None:
        nested = pa.array([{"x": 1, "y": b"a"}, {"x": 2, "y": b"b"}])
        table = pa.table({"s": nested, "n": [1, 2], "c": pa.array([b"a", b"b"]).dictionary_encode()})
        content = ParquetSerializer(sorting_columns=["n"]).serialize(table)
        group = pq.ParquetFile(io.BytesIO(content)).metadata.row_group(0)
        assert group.column(group.sorting_columns[0].column_index).path_in_schema == "n"
        with pytest.raises(ValueError, match=r"'nn'.*did you mean 'n'"):
            ParquetSerializer(sorting_columns=["nn"]).serialize(table)

    def test_pages_have_checksums(self) -> None:
        content = bytearray(ParquetSerializer(compression="none", dictionary=False).serialize(whole(1)))
        column = pq.ParquetFile(io.BytesIO(content)).metadata.row_group(0).column(1)
        content[column.data_page_offset + column.total_compressed_size // 2] ^= 1
        with pytest.raises(OSError, match="CRC"):
            pq.read_table(io.BytesIO(content), page_checksum_verification=True)


def read_by_pyarrow(table):
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return pq.read_table(io.BytesIO(sink.getvalue()))


class TestDatasets:
    def test_parts_are_on_the_disk_before_the_last_batch_is_pulled(self, tmp_path: Path) -> None:
        store = Store(LocalBackend(tmp_path))
        source = Source(60, look=lambda: bytes_below(tmp_path))
        datasets = ParquetDatasetStore(store, row_group_size=ROWS)
        manifest = datasets.write_dataset(source.reader(), "t")
        assert manifest.parts == ("data.parquet",)
        assert manifest.row_count == 60 * ROWS
        assert source.seen[-1] > len(store.read_bytes("t/data.parquet")) / 2
        assert datasets.read_dataset("t").num_rows == 60 * ROWS

    @pytest.mark.parametrize(
        ("bounds", "names"),
        [
            ({}, ("data.parquet",)),
            ({"max_rows_per_file": 2 * ROWS}, ("data.parquet",)),
            ({"max_rows_per_file": ROWS}, ("part-00000.parquet", "part-00001.parquet")),
            ({"max_rows_per_file": ROWS + 1}, ("part-00000.parquet", "part-00001.parquet")),
        ],
        ids=str,
    )
    def test_rows_are_cut_into_parts(self, store, bounds, names) -> None:
        datasets = ParquetDatasetStore(store, **bounds)
        assert datasets.write_dataset(whole(2), "t").parts == names
        assert datasets.read_dataset("t").equals(read_by_pyarrow(whole(2)))

    def test_parts_keep_to_their_bytes_and_are_cut_alike_each_time(self, store) -> None:
        most = 1 << 20
        datasets = ParquetDatasetStore(store, max_bytes_per_file=most)
        sizes = []
        for key in ("a", "b"):
            manifest = datasets.write_dataset(Source(12).reader(), key)
            assert manifest.row_count == 12 * ROWS
            sizes.append([len(store.read_bytes(f"{key}/{part}")) for part in manifest.parts])
        assert sizes[0] == sizes[1]
        assert len(sizes[0]) > 2
        assert max(sizes[0]) <= most + (64 << 10), "the footer comes after what was counted"
        assert datasets.read_dataset("a").equals(read_by_pyarrow(whole(12)))

    @pytest.mark.parametrize("bounds", [{}, {"max_rows_per_file": ROWS}], ids=str)
    @pytest.mark.parametrize("fails_at", [0, 1, 30])
    def test_what_the_producer_raises_comes_out_and_the_old_dataset_stays(
        self, store, bounds, fails_at
    ) -> None:
        datasets = ParquetDatasetStore(store, row_group_size=ROWS, **bounds)
        datasets.write_dataset(whole(1), "t")
        before = sorted(str(info.path) for info in store.list_files("", recursive=True))
        with pytest.raises(LookupError, match="the tape is torn"):
            datasets.write_dataset(Source(40, fails_at=fails_at).reader(), "t", overwrite=True)
        assert sorted(str(info.path) for info in store.list_files("", recursive=True)) == before
        assert datasets.read_dataset("t").num_rows == ROWS

    def test_a_table_without_rows_keeps_its_columns(self, store) -> None:
        datasets = ParquetDatasetStore(store)
        assert datasets.write_dataset(SCHEMA.empty_table(), "t").parts == ("data.parquet",)
        assert datasets.read_dataset("t").schema.equals(SCHEMA)

    def test_a_table_without_rows_has_columns_that_pyarrow_makes_no_empty_array_of(self, store) -> None:
        odd = pa.dictionary(pa.int8(), pa.date32())
        table = pa.table({"a": pa.chunked_array([], odd), "b": pa.chunked_array([], pa.struct([("x", odd)]))})
        sink = io.BytesIO()
        pq.write_table(table, sink)
        expected = pq.read_table(sink).schema
        parquet = ParquetSerializer()
        assert parquet.deserialize(parquet.serialize(table)).schema.equals(expected)
        datasets = ParquetDatasetStore(store)
        datasets.write_dataset(table, "t")
        assert datasets.read_dataset("t").schema.equals(expected)


class TestFiles:
    def test_is_read_in_any_pieces(self) -> None:
        table = whole(3)
        options = file_options("snappy")
        expected = EncodedFile(Rows(table, ROWS), options).read()
        file = EncodedFile(Rows(table, ROWS), options)
        pieces = []
        while piece := file.read(len(pieces) * 1000 + 7):
            pieces.append(piece)
            assert file.tell() == sum(map(len, pieces))
        assert b"".join(pieces) == expected
        buffered = io.BufferedReader(EncodedFile(Rows(table, ROWS), options), 4096)
        assert buffered.read(10) + buffered.read() == expected
        assert file.size == len(expected)
        assert file.rows == 3 * ROWS

    def test_a_closed_file_is_not_read(self) -> None:
        file = EncodedFile(Rows(whole(1)), file_options("snappy"))
        file.close()
        with pytest.raises(ValueError, match="closed file"):
            file.read()

    def test_row_groups_are_cut_by_rows_and_bytes_over_all_batches(self) -> None:
        table = whole(4)
        rows = Rows(table, row_group_bytes=9 * 70_000)
        taken = []
        while (group := rows.take()) is not None:
            taken.append(group)
        assert rows.is_empty()
        assert len(taken) == 3
        assert {group.num_rows for group in taken[:-1]} == {70_000}
        assert pa.concat_tables(taken).equals(table)

    def test_a_large_dictionary_makes_no_small_row_groups(self) -> None:
        words = pa.array([bytes([n % 251]) * 2000 for n in range(40_000)])
        codes = pa.DictionaryArray.from_arrays(pa.array(range(40_000)), words)
        rows = Rows(pa.table({"c": codes}))
        group = rows.take()
        assert group is not None
        assert group.num_rows == 40_000

    def test_slices_of_views_make_row_groups_of_one_size(self) -> None:
        words = pa.array([f"a word of more than twelve letters {n}" for n in range(40_000)], pa.string_view())
        rows = Rows(pa.table({"w": words}), row_group_bytes=400_000)
        taken, sizes = [], []
        while size := rows.pending_bytes(None):
            sizes.append(size)
            group = rows.take()
            assert group is not None
            taken.append(group.num_rows)
        assert sum(taken) == 40_000
        assert len(set(taken[:-1])) == 1, "all but the last are cut alike"
        assert max(sizes) <= 400_000


def test_what_failed_is_no_end_of_the_file() -> None:
    file = EncodedFile(Rows(Watched(Source(3, fails_at=1).reader())), file_options("snappy"))
    with pytest.raises(LookupError):
        file.read()
    with pytest.raises(ValueError, match="closed"):
        file.read()


@pytest.mark.parametrize("compression", ["none", "snappy"])
def test_a_flipped_bit_is_an_error_also_where_pyarrow_decodes(compression: str) -> None:
    table, parquet = whole(1).slice(0, 1000), ParquetSerializer(compression=compression, dictionary=False)
    content = parquet.serialize(table)
    assert native.read_support(content) is not None, "PyArrow decodes it"
    footer = int.from_bytes(content[-8:-4], "little") + 8
    at = len(content) - footer - 3000
    flipped = content[:at] + bytes([content[at] ^ 4]) + content[at + 1 :]
    assert parquet.deserialize(content)["noise"].equals(table["noise"])
    with pytest.raises(ValueError, match=r"[Cc]hecksum|CRC"):
        parquet.deserialize(flipped)


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of memory is read from /proc")
@pytest.mark.parametrize("target", ["object", "dataset"])
def test_a_stream_of_400_mb_needs_no_more_memory_than_one_of_100_mb(target) -> None:
    code = """
        import pathlib, sys, tempfile
        import pyarrow as pa
        from remote_store import Store
        from remote_store.backends import LocalBackend
        from remote_store.ext.dagster import ParquetSerializer
        from remote_store.ext.parquet import ParquetDatasetStore

        def peak():
            status = pathlib.Path("/proc/self/status").read_text()
            return int(status.split("VmHWM:")[1].split()[0]) / 1024

        codes = pa.array([b"a", b"b"] * 32_768).dictionary_encode()
        batch = pa.record_batch({"c": codes, "m": pa.array(range(65_536)).cast(pa.float64())})

        def stream(count):
            return pa.RecordBatchReader.from_batches(batch.schema, (batch for _ in range(count)))

        def write(store, name, count):
            if sys.argv[1] == "object":
                parquet = ParquetSerializer(compression="none", dictionary=False)
                parquet.write_to(store, name, stream(count))
            else:
                ParquetDatasetStore(store, compression="none").write_dataset(stream(count), name)

        with tempfile.TemporaryDirectory() as folder:
            store = Store(LocalBackend(folder))
            write(store, "warm", 130)
            before = peak()
            write(store, "t", 520)
            print(peak() - before)
    """
    run = [sys.executable, "-c", textwrap.dedent(code), target]
    done = subprocess.run(run, check=True, capture_output=True, text=True)  # noqa: S603
    assert float(done.stdout) < 64, "four times the rows need no more memory"
