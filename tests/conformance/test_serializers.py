"""DAG-001 to DAG-004: the serializer protocol and the three serializers."""

from __future__ import annotations

import datetime as dt
import io
import json
import math
import pickle
from collections import OrderedDict

import pytest

from remote_store.ext import dagster as ext

from .frames import COLUMNS, KINDS, columns_of, frame
from .without_pyarrow import outcome_without_pyarrow

SHARED = ["once"]
PICKLABLE = [
    None,
    {"a": (1, 2.5, "ü", b"\x00\xff")},
    {1, 2, 3},
    OrderedDict(b=1, a=2),
    dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC),
    2**200,
    math.inf,
]
JSON_VALUES = [
    None,
    True,
    "",
    "Köln \u2028 \U0001f680 \x00",
    {"b": 1, "a": [1, -2.5, 1e300, {}, []]},
    2**70,
    0.1,
]


class Shape:
    """Has the three members of the protocol, and no base class."""

    extension = ".shape"

    def serialize(self, obj):
        return repr(obj).encode()

    def deserialize(self, data):
        return data.decode()


@pytest.mark.spec("DAG-001")
def test_an_object_with_the_three_members_is_a_serializer_without_inheriting():
    assert isinstance(Shape(), ext.Serializer)


@pytest.mark.spec("DAG-001")
@pytest.mark.parametrize("missing", ["extension", "serialize", "deserialize"])
def test_an_object_that_lacks_a_member_is_no_serializer(missing):
    members = {name: member for name, member in vars(Shape).items() if not name.startswith("__")}
    del members[missing]
    assert not isinstance(type("Incomplete", (), members)(), ext.Serializer)


@pytest.mark.spec("DAG-001")
def test_the_protocol_itself_is_a_typing_protocol():
    assert getattr(ext.Serializer, "_is_protocol", False)
    with pytest.raises(TypeError):
        ext.Serializer()


@pytest.mark.spec("DAG-001")
@pytest.mark.parametrize("name", ["PickleSerializer", "JsonSerializer", "ParquetSerializer"])
def test_the_three_serializers_satisfy_the_protocol_and_give_bytes(name):
    serializer = getattr(ext, name)()
    assert isinstance(serializer, ext.Serializer)
    value = frame("pyarrow") if name == "ParquetSerializer" else [1]
    assert isinstance(serializer.serialize(value), bytes)


@pytest.mark.spec("DAG-002", "DAG-003", "DAG-004")
def test_each_serializer_has_the_extension_of_its_format_with_the_dot():
    assert ext.PickleSerializer().extension == ".pkl"
    assert ext.JsonSerializer().extension == ".json"
    assert ext.ParquetSerializer().extension == ".parquet"


@pytest.mark.spec("DAG-002")
@pytest.mark.parametrize("value", PICKLABLE, ids=lambda value: type(value).__name__)
def test_what_is_pickled_comes_back_equal_and_of_the_same_type(value):
    serializer = ext.PickleSerializer()
    back = serializer.deserialize(serializer.serialize(value))
    assert back == value
    assert type(back) is type(value)


@pytest.mark.spec("DAG-002")
def test_objects_shared_and_cyclic_inside_a_pickle_stay_so():
    cyclic = [SHARED, SHARED]
    cyclic.append(cyclic)
    serializer = ext.PickleSerializer()
    back = serializer.deserialize(serializer.serialize(cyclic))
    assert back[0] == SHARED
    assert back[0] is back[1]
    assert back[2] is back


@pytest.mark.spec("DAG-002")
@pytest.mark.parametrize("value", PICKLABLE, ids=lambda value: type(value).__name__)
def test_a_pickle_is_what_pickle_dumps_gives(value):
    assert ext.PickleSerializer().serialize(value) == pickle.dumps(value)


@pytest.mark.spec("DAG-002")
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_of_any_protocol_is_read(protocol):
    assert ext.PickleSerializer().deserialize(pickle.dumps({"a": [1]}, protocol)) == {"a": [1]}


@pytest.mark.spec("DAG-002")
def test_what_cannot_be_pickled_is_refused():
    with pytest.raises((pickle.PicklingError, AttributeError, TypeError)):
        ext.PickleSerializer().serialize(lambda: None)


@pytest.mark.spec("DAG-003")
@pytest.mark.parametrize("value", JSON_VALUES, ids=repr)
def test_json_comes_back_equal(value):
    serializer = ext.JsonSerializer()
    assert serializer.deserialize(serializer.serialize(value)) == value


@pytest.mark.spec("DAG-003")
@pytest.mark.parametrize("value", [*JSON_VALUES, math.inf, (1, 2), {1: "one", None: 0}], ids=repr)
def test_json_is_what_json_dumps_gives_in_utf_8(value):
    assert ext.JsonSerializer().serialize(value) == json.dumps(value).encode("utf-8")


@pytest.mark.spec("DAG-003")
def test_json_of_other_writers_is_read():
    data = '  {"stadt":"Köln","n":NaN, "x" : [1,2]}\n'.encode()
    back = ext.JsonSerializer().deserialize(data)
    assert back.pop("stadt") == "Köln"
    assert math.isnan(back.pop("n"))
    assert back == {"x": [1, 2]}


@pytest.mark.spec("DAG-003")
@pytest.mark.parametrize("value", [{1, 2}, dt.date(2026, 1, 1), b"bytes"], ids=["set", "date", "bytes"])
def test_what_json_cannot_hold_is_refused_and_not_turned_into_text(value):
    with pytest.raises(TypeError):
        ext.JsonSerializer().serialize({"value": value})


@pytest.mark.spec("DAG-004")
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_frame_comes_back_as_a_pyarrow_table(kind):
    serializer = ext.ParquetSerializer()
    back = serializer.deserialize(serializer.serialize(frame(kind)))
    loaded = columns_of(back)
    assert list(loaded) == list(COLUMNS)
    assert loaded == COLUMNS


@pytest.mark.spec("DAG-004")
@pytest.mark.parametrize("kind", KINDS)
def test_the_bytes_of_every_kind_of_frame_are_a_parquet_file_that_pyarrow_reads(kind):
    data = ext.ParquetSerializer().serialize(frame(kind))
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    assert columns_of(parquet.read_table(io.BytesIO(data))) == COLUMNS


@pytest.mark.spec("DAG-004")
def test_a_parquet_file_of_another_writer_is_read():
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    file = io.BytesIO()
    parquet.write_table(frame("pyarrow"), file, compression="gzip", row_group_size=2)
    assert columns_of(ext.ParquetSerializer().deserialize(file.getvalue())) == COLUMNS


@pytest.mark.spec("DAG-004")
def test_a_table_keeps_its_types_its_nulls_and_its_row_order():
    pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    table = pa.table(
        {
            "small": pa.array([3, None, -1], pa.int8()),
            "day": pa.array([dt.date(2026, 1, 2), None, dt.date(1969, 12, 31)]),
            "at": pa.array(
                [dt.datetime(2026, 1, 2, tzinfo=dt.UTC), None, None], pa.timestamp("us", tz="UTC")
            ),
            "tags": pa.array([["a"], [], None], pa.list_(pa.string())),
            "raw": pa.array([b"\xff", b"", None]),
            "point": pa.array([{"x": 1}, None, {"x": None}], pa.struct([("x", pa.int16())])),
        }
    )
    serializer = ext.ParquetSerializer()
    back = serializer.deserialize(serializer.serialize(table))
    assert back.schema.equals(table.schema)
    assert back.equals(table)


@pytest.mark.spec("DAG-004")
def test_an_empty_table_keeps_its_columns():
    pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    schema = pa.schema([("a", pa.int32()), ("b", pa.string())])
    serializer = ext.ParquetSerializer()
    back = serializer.deserialize(serializer.serialize(schema.empty_table()))
    assert back.num_rows == 0
    assert back.schema.equals(schema)


@pytest.mark.spec("DAG-004")
def test_callers_get_their_own_frames_back_by_converting_the_table():
    original = frame("pandas", {"a": [1, 2], "b": ["x", "y"]})
    serializer = ext.ParquetSerializer()
    assert serializer.deserialize(serializer.serialize(original)).to_pandas().equals(original)


@pytest.mark.spec("DAG-004")
def test_without_pyarrow_making_a_parquet_serializer_says_how_to_install_it():
    error, message = outcome_without_pyarrow("parquet serializer")
    assert error == "ModuleNotFoundError"
    assert message == (
        "PyArrow is required for the parquet serializer. "
        "Install it with: pip install 'remote-store[dagster,arrow]'"
    )
