"""DAG-020: an input of several partitions."""

from __future__ import annotations

import dagster as dg
import pytest

from remote_store import NotFound
from remote_store.ext import dagster as ext

from .contexts import input_of, input_of_days, materialize, output_of
from .frames import columns_of, frame

DAYS = ["2026-01-01", "2026-01-02", "2026-01-03"]


class Objects:
    """Serialized objects: DAG-005 and its siblings."""

    @staticmethod
    def manager(store):
        return ext.dagster_io_manager(store)

    value = staticmethod(lambda day: {"day": day})
    plain = staticmethod(lambda loaded: loaded)
    path = "sales/{}.pkl"

    @staticmethod
    def missing():
        return NotFound


class Datasets:
    """Datasets: DAG-018."""

    @staticmethod
    def manager(store):
        pytest.importorskip("pyarrow", reason="pyarrow is not installed, so there are no datasets")
        return ext.dagster_dataset_io_manager(store)

    value = staticmethod(lambda day: frame("pyarrow", {"day": [day]}))
    plain = staticmethod(lambda loaded: {"day": columns_of(loaded)["day"][0]})
    path = "sales/{}/_SUCCESS"

    @staticmethod
    def missing():
        from remote_store.ext.parquet import DatasetIncomplete

        return DatasetIncomplete


@pytest.fixture(params=[Objects, Datasets], ids=["objects", "datasets"])
def kind(request):
    """Both IO managers."""
    return request.param


@pytest.fixture
def manager(kind, store):
    """An IO manager that has stored three days of sales, and something beside them."""
    made = kind.manager(store)
    for day in DAYS:
        made.handle_output(output_of("sales", partition=day), kind.value(day))
    made.handle_output(output_of("other", partition=DAYS[0]), kind.value("other"))
    return made


@pytest.mark.spec("DAG-020")
def test_several_partitions_are_a_dict_of_each_key_and_its_own_value(kind, manager):
    loaded = manager.load_input(input_of_days("sales", first=DAYS[0], last=DAYS[2]))
    assert type(loaded) is dict
    assert {key: kind.plain(value) for key, value in loaded.items()} == {day: {"day": day} for day in DAYS}
    assert {type(key) for key in loaded} == {str}


@pytest.mark.spec("DAG-020")
def test_only_the_requested_partitions_are_loaded(manager):
    loaded = manager.load_input(input_of_days("sales", first=DAYS[1], last=DAYS[2]))
    assert set(loaded) == set(DAYS[1:])


@pytest.mark.spec("DAG-020")
def test_a_range_of_one_partition_is_a_single_object(kind, manager):
    loaded = manager.load_input(input_of_days("sales", first=DAYS[1], last=DAYS[1]))
    assert kind.plain(loaded) == {"day": DAYS[1]}


@pytest.mark.spec("DAG-020")
def test_one_partition_key_is_a_single_object(kind, manager):
    assert kind.plain(manager.load_input(input_of("sales", partition=DAYS[0]))) == {"day": DAYS[0]}


@pytest.mark.spec("DAG-020")
@pytest.mark.parametrize("gone", range(3), ids=["first", "middle", "last"])
def test_a_missing_partition_raises_and_nothing_partial_is_returned(kind, manager, store, gone):
    store.delete(kind.path.format(DAYS[gone]))
    with pytest.raises(kind.missing()):
        manager.load_input(input_of_days("sales", first=DAYS[0], last=DAYS[2]))


@pytest.mark.spec("DAG-020")
def test_the_first_of_the_missing_partitions_is_the_one_that_is_reported(kind, manager, store):
    for day in DAYS[1:]:
        store.delete(kind.path.format(day))
    with pytest.raises(kind.missing()) as raised:
        manager.load_input(input_of_days("sales", first=DAYS[0], last=DAYS[2]))
    # An error need not name a partition, but it must not name a later one.
    assert DAYS[2] not in str(raised.value)


@pytest.mark.spec("DAG-020")
def test_partitions_that_were_never_stored_raise_as_well(kind, manager):
    with pytest.raises(kind.missing()):
        manager.load_input(input_of_days("sales", first="2026-02-01", last="2026-02-03"))


@pytest.mark.spec("DAG-020")
def test_a_value_of_none_is_a_value(store):
    made = ext.dagster_io_manager(store)
    for day in DAYS:
        made.handle_output(output_of("sales", partition=day), None)
    assert made.load_input(input_of_days("sales", first=DAYS[0], last=DAYS[2])) == dict.fromkeys(DAYS)


@pytest.mark.spec("DAG-020")
def test_a_run_of_an_unpartitioned_asset_loads_every_day_of_its_upstream(kind, store):
    daily = dg.DailyPartitionsDefinition(start_date=DAYS[0], end_date="2026-01-04")

    @dg.asset(partitions_def=daily)
    def sales(context):
        return kind.value(context.partition_key)

    @dg.asset
    def total(sales):
        seen.append({key: kind.plain(value) for key, value in sales.items()})
        return kind.value("total")

    seen: list[dict] = []
    made = kind.manager(store)
    for day in DAYS:
        materialize([sales], made, partition_key=day)
    materialize([sales, total], made, selection=[total])
    assert seen == [{day: {"day": day} for day in DAYS}]


@pytest.mark.spec("DAG-020")
def test_a_week_loads_the_days_that_belong_to_it(store):
    daily = dg.DailyPartitionsDefinition(start_date="2026-01-04", end_date="2026-01-18")
    weekly = dg.WeeklyPartitionsDefinition(start_date="2026-01-04", end_date="2026-01-18")

    @dg.asset(partitions_def=daily)
    def sales(context):
        return context.partition_key

    @dg.asset(partitions_def=weekly)
    def week(sales):
        return sales

    made = ext.dagster_io_manager(store, serializer="json")
    days = [f"2026-01-{number:02}" for number in range(4, 18)]
    for day in days:
        made.handle_output(output_of("sales", partition=day), day)
    result = materialize([sales, week], made, selection=[week], partition_key="2026-01-11")
    assert result.output_for_node("week") == {day: day for day in days[7:]}
