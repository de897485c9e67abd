"""Wrong serializers: DAG-001 to DAG-004."""

from __future__ import annotations

import abc
import io
import json
import pickle
from typing import Any, Protocol, runtime_checkable

from remote_store.ext import dagster as ext

from . import mutant, mutant_without_pyarrow
from .surgery import around


@mutant("DAG-001")
def the_protocol_is_not_checkable_at_run_time(patch):
    class Serializer(Protocol):
        extension: str

        def serialize(self, obj: Any) -> bytes: ...
        def deserialize(self, data: bytes) -> Any: ...

    patch.setattr(ext, "Serializer", Serializer)


@mutant("DAG-001")
def the_protocol_must_be_inherited(patch):
    class Serializer(abc.ABC):
        _is_protocol = True

        @abc.abstractmethod
        def serialize(self, obj: Any) -> bytes: ...

    for built_in in (ext.PickleSerializer, ext.JsonSerializer, ext.ParquetSerializer):
        Serializer.register(built_in)
    patch.setattr(ext, "Serializer", Serializer)


@mutant("DAG-001")
def the_protocol_forgets_the_extension(patch):
    @runtime_checkable
    class Serializer(Protocol):
        def serialize(self, obj: Any) -> bytes: ...
        def deserialize(self, data: bytes) -> Any: ...

    patch.setattr(ext, "Serializer", Serializer)


@mutant("DAG-001")
def serialize_gives_a_bytearray(patch):
    around(patch, ext.JsonSerializer, "serialize", lambda _self, original, obj: bytearray(original(obj)))


@mutant("DAG-002")
def pickle_uses_an_old_protocol(patch):
    patch.setattr(ext.PickleSerializer, "serialize", lambda _self, obj: pickle.dumps(obj, protocol=2))


@mutant("DAG-002")
def the_extension_is_spelled_out(patch):
    patch.setattr(ext.PickleSerializer, "extension", ".pickle")


@mutant("DAG-002")
def tuples_come_back_as_lists(patch):
    def wrong(_self, original, data):
        value = original(data)
        return (
            {key: list(item) if isinstance(item, tuple) else item for key, item in value.items()}
            if (type(value) is dict)
            else value
        )

    around(patch, ext.PickleSerializer, "deserialize", wrong)


@mutant("DAG-003")
def json_is_compact(patch):
    def wrong(_self, obj):
        return json.dumps(obj, separators=(",", ":")).encode()

    patch.setattr(ext.JsonSerializer, "serialize", wrong)


@mutant("DAG-003")
def json_keeps_letters_beyond_ascii(patch):
    patch.setattr(
        ext.JsonSerializer, "serialize", lambda _self, obj: json.dumps(obj, ensure_ascii=False).encode()
    )


@mutant("DAG-003")
def json_turns_anything_into_text(patch):
    patch.setattr(ext.JsonSerializer, "serialize", lambda _self, obj: json.dumps(obj, default=str).encode())


@mutant("DAG-003")
def json_of_others_must_be_ascii(patch):
    patch.setattr(ext.JsonSerializer, "deserialize", lambda _self, data: json.loads(data.decode("ascii")))


@mutant("DAG-004")
def parquet_comes_back_as_pandas(patch):
    around(
        patch, ext.ParquetSerializer, "deserialize", lambda _self, original, data: original(data).to_pandas()
    )


@mutant("DAG-004")
def parquet_is_really_an_arrow_file(patch):
    def wrong(_self, original, obj):
        import pyarrow as pa

        table = pa.parquet.read_table(io.BytesIO(original(obj)))
        sink = io.BytesIO()
        with pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
        return sink.getvalue()

    around(patch, ext.ParquetSerializer, "serialize", wrong)


@mutant("DAG-004")
def parquet_goes_through_pandas_and_loses_types(patch):
    def wrong(_self, original, data):
        import pyarrow as pa

        return pa.Table.from_pandas(original(data).to_pandas())

    around(patch, ext.ParquetSerializer, "deserialize", wrong)


@mutant("DAG-004")
def polars_frames_are_refused(patch):
    def wrong(_self, original, obj):
        if type(obj).__module__.startswith("polars"):
            raise TypeError("not a DataFrame")
        return original(obj)

    around(patch, ext.ParquetSerializer, "serialize", wrong)


mutant_without_pyarrow(
    "DAG-004", "a_serializer_without_pyarrow_fails_late", "ext.ParquetSerializer.__init__ = lambda self: None"
)
mutant_without_pyarrow(
    "DAG-004",
    "the_message_without_pyarrow_names_another_package",
    """
def wrong(self):
    raise ModuleNotFoundError("PyArrow is required. Install it with: pip install pyarrow")
ext.ParquetSerializer.__init__ = wrong
""",
)
