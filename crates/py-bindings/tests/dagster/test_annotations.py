"""Inputs as they are annotated, and their columns."""

from __future__ import annotations

import collections.abc
from typing import Any, Optional

import dagster as dg
import pytest
from pipelines import run

from remote_store.ext.dagster import dagster_dataset_io_manager, dagster_io_manager
from remote_store.ext.dagster._annotations import mapping_value_annotation, wants_mapping_of

pa = pytest.importorskip("pyarrow", reason="tables need pyarrow")
pd = pytest.importorskip("pandas", reason="frames of pandas")
pl = pytest.importorskip("polars", reason="frames of polars")

ABC = dg.StaticPartitionsDefinition(["a", "b"])


@dg.asset
def table():
    return pa.table({"n": [1, 2], "s": ["x", "y"]})


@dg.asset(partitions_def=ABC)
def parts():
    return pa.table({"n": [1, 2], "s": ["x", "y"]})


def _loads(store, source, annotation, check, manager=None, **kwargs):
    manager = manager or dagster_io_manager(store, serializer="parquet")
    keys = ["a", "b"] if source is parts else [None]
    for key in keys:
        run([source], manager, partition_key=key)
    seen = []

    def body(given):
        seen.append(given)

    body.__annotations__ = {"given": annotation, "return": None} if annotation else {"return": None}
    down = dg.asset(name="down", ins={"given": dg.AssetIn(source.key, **kwargs)})(body)
    run([source, down], manager, selection=[down])
    check(seen[0])


@pytest.mark.spec("DAG-004")
@pytest.mark.parametrize("annotation", [None, Any, pa.Table])
def test_without_another_annotation_it_is_a_pyarrow_table(store, annotation):
    _loads(store, table, annotation, lambda given: _is(given, pa.Table))


@pytest.mark.parametrize(
    ("annotation", "kind"),
    [
        (pd.DataFrame, pd.DataFrame),
        (pl.DataFrame, pl.DataFrame),
        (pl.LazyFrame, pl.LazyFrame),
        (pa.RecordBatchReader, pa.RecordBatchReader),
        (Optional[pd.DataFrame], pd.DataFrame),
    ],
)
def test_a_table_becomes_what_the_input_is_annotated_with(store, annotation, kind):
    _loads(store, table, annotation, lambda given: _is(given, kind))


@pytest.mark.parametrize(
    "annotation", [dict[str, pd.DataFrame], dict[str, pl.DataFrame], dict[str, pa.Table]]
)
def test_each_of_many_partitions_becomes_it(store, annotation):
    kind = annotation.__args__[1]

    def check(given):
        assert list(given) == ["a", "b"]
        for value in given.values():
            _is(value, kind)

    _loads(store, parts, annotation, check)


def test_datasets_are_converted_too(store):
    manager = dagster_dataset_io_manager(store)
    _loads(store, table, pd.DataFrame, lambda given: _is(given, pd.DataFrame), manager)


def test_columns_are_projected(store):
    def check(given):
        assert list(given.columns) == ["s"]

    _loads(store, table, pd.DataFrame, check, metadata={"columns": ["s"]})
    _loads(store, table, pd.DataFrame, check, dagster_dataset_io_manager(store), metadata={"columns": ["s"]})


def test_columns_that_are_no_list_are_refused(store):
    with pytest.raises(ValueError, match="must be a list of column names, got 's'"):
        _loads(store, table, None, lambda given: None, metadata={"columns": "s"})


def test_one_partition_is_wrapped_when_a_dict_of_partitions_is_annotated(store):
    @dg.asset(partitions_def=ABC)
    def number():
        return 5

    @dg.asset(partitions_def=ABC)
    def one(number: dict[str, int]) -> None:
        seen.append(number)

    seen = []
    run([number, one], dagster_io_manager(store), partition_key="a")
    assert seen == [{"a": 5}]


def test_a_value_that_is_a_dict_itself_is_not_wrapped(store):
    @dg.asset(partitions_def=ABC)
    def counts():
        return {"x": 1}

    @dg.asset(partitions_def=ABC)
    def one(counts: dict[str, int]) -> None:
        seen.append(counts)

    @dg.asset(partitions_def=ABC)
    def two(counts: dict) -> None:
        seen.append(counts)

    @dg.asset(partitions_def=ABC)
    def three(counts: dict[str, Any]) -> None:
        seen.append(counts)

    seen = []
    run([counts, one, two, three], dagster_io_manager(store), partition_key="a")
    assert seen == [{"x": 1}] * 3


def test_a_dict_of_dicts_is_wrapped_where_a_mapping_may_give_several(store):
    first = dg.StaticPartitionsDefinition(["all"])
    mapping = dg.StaticPartitionMapping({"a": "all"})

    @dg.asset(partitions_def=ABC)
    def counts():
        return {"x": 1}

    @dg.asset(partitions_def=first, ins={"counts": dg.AssetIn(partition_mapping=mapping)})
    def merged(counts: dict[str, dict]) -> None:
        seen.append(counts)

    seen = []
    manager = dagster_io_manager(store)
    run([counts], manager, partition_key="a")
    run([counts, merged], manager, selection=[merged], partition_key="all")
    assert seen == [{"a": {"x": 1}}]


def test_only_a_parametrised_dict_is_taken_apart():
    assert mapping_value_annotation(dict) is None
    assert mapping_value_annotation(Any) is None
    assert mapping_value_annotation(collections.abc.Mapping[str, int]) is int
    assert mapping_value_annotation(dict[str, int] | None) is int
    assert not wants_mapping_of(dict, 5, one_to_one=False)


def _is(value, kind):
    assert isinstance(value, kind), type(value)
