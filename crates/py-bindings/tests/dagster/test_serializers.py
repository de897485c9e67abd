"""DAG-001 to DAG-004 and DAG-010: serializers."""

from __future__ import annotations

import io
import json
import pickle
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remote_store.ext.dagster import (
    JsonSerializer,
    ParquetSerializer,
    PickleSerializer,
    Serializer,
    dagster_io_manager,
)

pa = pytest.importorskip("pyarrow", reason="tables need pyarrow")
pd = pytest.importorskip("pandas", reason="frames of pandas")
pl = pytest.importorskip("polars", reason="frames of polars")
pq = pytest.importorskip("pyarrow.parquet", reason="tables need pyarrow")

_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@pytest.mark.spec("DAG-001")
@pytest.mark.parametrize("kind", [PickleSerializer, JsonSerializer, ParquetSerializer])
def test_ours_satisfy_the_protocol_at_run_time(kind):
    assert isinstance(kind(), Serializer)


@pytest.mark.spec("DAG-001")
def test_the_protocol_asks_for_all_three_parts():
    class NoExtension:
        def serialize(self, obj): ...
        def deserialize(self, data): ...

    class Complete(NoExtension):
        extension = ".x"

    assert not isinstance(NoExtension(), Serializer)
    assert isinstance(Complete(), Serializer)


@pytest.mark.spec("DAG-002")
def test_pickle_writes_what_pickle_dumps_writes():
    value = {"a": (1, {2, 3}), "b": b"\x00"}
    assert PickleSerializer.extension == ".pkl"
    assert PickleSerializer().serialize(value) == pickle.dumps(value)
    assert PickleSerializer().deserialize(pickle.dumps(value, protocol=2)) == value


@pytest.mark.spec("DAG-002")
@settings(max_examples=100, deadline=None)
@given(_json | st.binary() | st.sets(st.integers()))
def test_pickle_round_trips(value):
    pickles = PickleSerializer()
    assert pickles.deserialize(pickles.serialize(value)) == value


@pytest.mark.spec("DAG-003")
@settings(max_examples=100, deadline=None)
@given(_json)
def test_json_is_byte_for_byte_what_json_dumps_gives(value):
    written = JsonSerializer().serialize(value)
    assert written == json.dumps(value).encode("utf-8")
    assert JsonSerializer().deserialize(written) == value


@pytest.mark.spec("DAG-003")
def test_json_has_its_extension_and_refuses_what_has_no_json_form():
    assert JsonSerializer.extension == ".json"
    with pytest.raises(TypeError, match="set is not JSON serializable"):
        JsonSerializer().serialize({1})


@pytest.mark.spec("DAG-004")
@pytest.mark.parametrize(
    "frame",
    [
        pa.table({"n": [1, 2], "s": ["a", None]}),
        pd.DataFrame({"n": [1, 2], "s": ["a", None]}),
        pl.DataFrame({"n": [1, 2], "s": ["a", None]}),
        pl.LazyFrame({"n": [1, 2], "s": ["a", None]}),
        pa.table({"n": [1, 2], "s": ["a", None]}).to_reader(),
    ],
    ids=["pyarrow", "pandas", "polars", "lazy", "stream"],
)
def test_every_kind_of_frame_becomes_parquet_that_pyarrow_reads(frame):
    data = ParquetSerializer().serialize(frame)
    assert isinstance(data, bytes)
    assert pq.read_table(io.BytesIO(data)).to_pydict() == {"n": [1, 2], "s": ["a", None]}


@pytest.mark.spec("DAG-004")
def test_parquet_gives_a_pyarrow_table():
    sink = io.BytesIO()
    pq.write_table(pa.table({"n": [1]}), sink)
    assert ParquetSerializer.extension == ".parquet"
    assert ParquetSerializer().deserialize(sink.getvalue()).equals(pa.table({"n": [1]}))


@pytest.mark.spec("DAG-004")
def test_a_pandas_index_survives():
    frame = pd.DataFrame({"n": [1, 2]}, index=pd.Index(["x", "y"], name="key"))
    parquet = ParquetSerializer()
    pd.testing.assert_frame_equal(parquet.deserialize(parquet.serialize(frame)).to_pandas(), frame)


@pytest.mark.spec("DAG-004")
@pytest.mark.parametrize(
    "column",
    [
        pa.array(["hi", "lo", "hi"]).dictionary_encode(),
        pa.array([0, 1, 2], pa.timestamp("s")),
        pa.array([0, 1, 2], pa.timestamp("s", "UTC")),
        pa.array([{"a": 1}, None, {"a": 3}]),
        pa.array([[1], [], None]),
        pa.array([b"\xff", b"", None]),
        pa.array([1, 2, 3], pa.decimal128(10, 2)),
        pa.array([True, None, False]),
    ],
    ids=lambda column: str(column.type),
)
def test_what_is_read_back_is_what_pyarrow_would_read_back(column):
    table = pa.table({"c": column})
    sink = io.BytesIO()
    pq.write_table(table, sink)
    expected = pq.read_table(io.BytesIO(sink.getvalue()))
    parquet = ParquetSerializer()
    ours = parquet.serialize(table)
    assert pq.read_table(io.BytesIO(ours)).equals(expected)
    assert parquet.deserialize(ours).equals(expected)


@pytest.mark.spec("DAG-004")
def test_an_ordered_category_keeps_its_categories():
    frame = pd.DataFrame({"c": pd.Categorical(["hi", "lo"], categories=["lo", "mid", "hi"], ordered=True)})
    parquet = ParquetSerializer()
    read = parquet.deserialize(parquet.serialize(frame)).to_pandas()
    pd.testing.assert_frame_equal(read, frame)


@pytest.mark.spec("DAG-004")
@pytest.mark.parametrize("value", ["text", 5, [1], {"n": [1]}, b"", pd.Series([1]), pl.Series([1])])
def test_what_is_no_frame_is_refused_by_its_type(value):
    with pytest.raises(TypeError, match=f"ParquetSerializer expects a DataFrame, got {type(value).__name__}"):
        ParquetSerializer().serialize(value)


@pytest.mark.spec("DAG-004")
def test_an_object_with_to_arrow_comes_first():
    class Odd:
        dtypes = columns = ()

        def to_arrow(self):
            return pa.table({"from": ["to_arrow"]})

    data = ParquetSerializer().serialize(Odd())
    assert ParquetSerializer().deserialize(data).to_pydict() == {"from": ["to_arrow"]}


def test_columns_are_projected_and_unknown_ones_named():
    parquet = ParquetSerializer()
    data = parquet.serialize(pa.table({"a": [1], "b": [2], "c": [3]}))
    assert parquet.deserialize(data, columns=["c", "a"]).column_names == ["c", "a"]
    with pytest.raises(ValueError, match="'z'"):
        parquet.deserialize(data, columns=["z"])


@pytest.mark.spec("DAG-004")
@pytest.mark.spec("DAG-010")
def test_without_pyarrow_the_message_says_how_to_get_it(monkeypatch, memory_store):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    expected = (
        "PyArrow is required for the parquet serializer. "
        "Install it with: pip install 'remote-store[dagster,arrow]'"
    )
    with pytest.raises(ModuleNotFoundError) as made:
        ParquetSerializer()
    assert str(made.value) == expected
    with pytest.raises(ModuleNotFoundError) as asked:
        dagster_io_manager(memory_store, serializer="parquet")
    assert str(asked.value) == expected


@pytest.mark.spec("DAG-010")
def test_other_serializers_need_no_pyarrow(monkeypatch, memory_store):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert dagster_io_manager(memory_store, serializer="json") is not None


@pytest.mark.parametrize("data", [b"", b"PAR1", b"not parquet at all", b"PAR1" + bytes(50) + b"PAR1"])
def test_a_damaged_file_is_a_value_error(data):
    with pytest.raises((ValueError, OSError)):
        ParquetSerializer().deserialize(data)
