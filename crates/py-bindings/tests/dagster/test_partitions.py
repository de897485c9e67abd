"""DAG-020 and what lies around it: which partitions an input means, and runs over several."""

from __future__ import annotations

import inspect
import itertools
import warnings
from unittest import mock

import dagster as dg
import pytest
from pipelines import metadata_of, needs_arrow, pa, run, stored_paths

from remote_store import NotFound, Store
from remote_store.ext.dagster import dagster_dataset_io_manager, dagster_io_manager

DAILY = dg.DailyPartitionsDefinition("2024-01-01", end_date="2024-01-11")
DAYS = [f"2024-01-{day:02}" for day in range(1, 11)]
ABC = dg.StaticPartitionsDefinition(["c", "a", "b"])
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # "experimental" on old versions
    SINGLE_RUN = dg.BackfillPolicy.single_run()


def _over(start, end):
    """The tags of a run over a range of partitions, as a backfill launches it."""
    return {"dagster/asset_partition_range_start": start, "dagster/asset_partition_range_end": end}


@dg.asset(partitions_def=DAILY)
def day(context):
    return context.partition_key


@dg.asset(partitions_def=ABC)
def letter(context):
    return context.partition_key


def _fill(manager, asset, keys):
    for key in keys:
        run([asset], manager, partition_key=key)


# Which partitions an input means


@pytest.mark.spec("DAG-020")
def test_all_partitions_are_a_dict_in_the_order_of_the_definition(store):
    manager = dagster_io_manager(store)
    _fill(manager, letter, ["b", "a", "c"])

    @dg.asset
    def all_of_them(letter):
        return list(letter.items())

    loaded = run([letter, all_of_them], manager, selection=[all_of_them])
    assert loaded.output_for_node("all_of_them") == [("c", "c"), ("a", "a"), ("b", "b")]


@pytest.mark.spec("DAG-020")
def test_a_month_of_days_is_in_the_order_of_time(store):
    daily = dg.DailyPartitionsDefinition("2024-02-01", end_date="2024-03-01")
    days = [f"2024-02-{day:02}" for day in range(1, 30)]
    for key in reversed(days):
        store.write(f"dated/{key}.json", b"1")

    @dg.asset(partitions_def=daily)
    def dated(): ...

    @dg.asset(partitions_def=dg.MonthlyPartitionsDefinition("2024-02-01", end_date="2024-03-01"))
    def month(dated):
        return list(dated)

    manager = dagster_io_manager(store, serializer="json")
    loaded = run([dated, month], manager, selection=[month], partition_key="2024-02-01")
    assert loaded.output_for_node("month") == days


@pytest.mark.spec("DAG-020")
@pytest.mark.spec("DAG-005")
def test_an_offset_loads_the_mapped_partition_and_not_the_runs(store):
    manager = dagster_io_manager(store)
    _fill(manager, day, DAYS[:3])
    before = dg.TimeWindowPartitionMapping(start_offset=-1, end_offset=-1)

    @dg.asset(partitions_def=DAILY, ins={"day": dg.AssetIn(partition_mapping=before)})
    def yesterday(day):
        return day

    loaded = run([day, yesterday], manager, selection=[yesterday], partition_key="2024-01-03")
    assert loaded.output_for_node("yesterday") == "2024-01-02"


@pytest.mark.spec("DAG-020")
def test_a_window_of_partitions_is_a_dict(store):
    manager = dagster_io_manager(store)
    _fill(manager, day, DAYS[:5])
    window = dg.TimeWindowPartitionMapping(start_offset=-2, end_offset=0)

    @dg.asset(partitions_def=DAILY, ins={"day": dg.AssetIn(partition_mapping=window)})
    def rolling(day):
        return list(day)

    loaded = run([day, rolling], manager, selection=[rolling], partition_key="2024-01-05")
    assert loaded.output_for_node("rolling") == DAYS[2:5]


@pytest.mark.spec("DAG-008")
def test_an_unpartitioned_input_of_a_partitioned_run_has_no_partition_in_its_path(store):
    @dg.asset
    def table():
        return "whole"

    @dg.asset(partitions_def=ABC)
    def part(table):
        return table

    manager = dagster_io_manager(store)
    assert run([table, part], manager, partition_key="a").output_for_node("part") == "whole"
    assert stored_paths(store) == ["part/a.pkl", "table.pkl"]


@pytest.mark.spec("DAG-008")
def test_identity_and_static_mappings_load_their_partition(store):
    numbers = dg.StaticPartitionsDefinition(["1", "2"])
    static = dg.StaticPartitionMapping({"a": "1", "b": "2"})

    @dg.asset(partitions_def=ABC)
    def same(letter):
        return letter

    @dg.asset(partitions_def=numbers, ins={"letter": dg.AssetIn(partition_mapping=static)})
    def mapped(letter):
        return letter

    manager = dagster_io_manager(store)
    _fill(manager, letter, "abc")
    assets = [letter, same, mapped]
    assert run(assets, manager, selection=[same], partition_key="b").output_for_node("same") == "b"
    assert run(assets, manager, selection=[mapped], partition_key="2").output_for_node("mapped") == "b"


@pytest.mark.spec("DAG-020")
def test_a_dimension_of_a_multi_partition_is_many_partitions(store):
    both = dg.MultiPartitionsDefinition({"letter": ABC, "size": dg.StaticPartitionsDefinition(["s", "l"])})

    @dg.asset(partitions_def=both)
    def fine(context):
        return str(context.partition_key)

    @dg.asset(
        partitions_def=ABC,
        ins={"fine": dg.AssetIn(partition_mapping=dg.MultiToSingleDimensionPartitionMapping())},
    )
    def coarse(fine):
        return sorted(fine.values())

    manager = dagster_io_manager(store)
    for one, size in itertools.product("ab", "sl"):
        key = dg.MultiPartitionKey({"letter": one, "size": size})
        run([fine], manager, partition_key=key)
    loaded = run([fine, coarse], manager, selection=[coarse], partition_key="a")
    assert loaded.output_for_node("coarse") == ["a|l", "a|s"]


def test_a_dynamic_partition_is_found(store):
    parts = dg.DynamicPartitionsDefinition(name="customers")

    @dg.asset(partitions_def=parts)
    def customer(context):
        return context.partition_key

    @dg.asset
    def everyone(customer):
        return list(customer)

    manager = dagster_io_manager(store)
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("customers", ["zoe", "adam"])
        for key in ("adam", "zoe"):
            run([customer], manager, partition_key=key, instance=instance)
        loaded = run([customer, everyone], manager, selection=[everyone], instance=instance)
    assert loaded.output_for_node("everyone") == ["zoe", "adam"]


def test_the_first_partition_of_a_self_dependent_asset_gets_none(store):
    before = dg.TimeWindowPartitionMapping(start_offset=-1, end_offset=-1)

    @dg.asset(partitions_def=DAILY, ins={"total": dg.AssetIn(partition_mapping=before)})
    def total(total):
        return 1 if total is None else total + 1

    manager = dagster_io_manager(store)
    values = [run([total], manager, partition_key=key).output_for_node("total") for key in DAYS[:3]]
    assert values == [1, 2, 3]


# Missing partitions


@pytest.mark.spec("DAG-020")
def test_the_first_missing_partition_in_order_is_the_error(store):
    manager = dagster_io_manager(store)
    _fill(manager, letter, "b")

    @dg.asset
    def all_of_them(letter):
        return letter

    with pytest.raises(NotFound) as raised:
        run([letter, all_of_them], manager, selection=[all_of_them])
    message = str(raised.value)
    assert all(part in message for part in ("letter", "'c'", "letter/c.pkl")), message


@needs_arrow
@pytest.mark.spec("DAG-020")
def test_the_first_missing_dataset_is_incomplete(store):
    from remote_store.ext.parquet import DatasetIncomplete

    manager = dagster_dataset_io_manager(store)

    @dg.asset(partitions_def=ABC)
    def table(context):
        return pa.table({"key": [context.partition_key]})

    @dg.asset
    def all_of_them(table):
        return pa.concat_tables(table.values())

    _fill(manager, table, "c")
    with pytest.raises(DatasetIncomplete, match="table/a"):
        run([table, all_of_them], manager, selection=[all_of_them])
    _fill(manager, table, "ab")
    loaded = run([table, all_of_them], manager, selection=[all_of_them])
    assert loaded.output_for_node("all_of_them").to_pydict() == {"key": ["c", "a", "b"]}


@needs_arrow
@pytest.mark.spec("DAG-020")
@pytest.mark.parametrize("kind", ["files", "datasets"])
def test_missing_partitions_may_be_left_out(store, kind, caplog):
    manager = dagster_dataset_io_manager(store) if kind == "datasets" else dagster_io_manager(store)
    _fill_tables(manager, "b")

    @dg.asset(ins={"table": dg.AssetIn(metadata={"allow_missing_partitions": True})})
    def there(table) -> None:
        seen.append(list(table))

    seen = []
    run([_table, there], manager, selection=[there])
    assert seen == [["b"]]


@dg.asset(name="table", partitions_def=ABC)
def _table(context):
    return pa.table({"key": [context.partition_key]})


def _fill_tables(manager, keys):
    for key in keys:
        run([_table], manager, partition_key=key)


def test_one_missing_partition_that_may_be_missing_is_none(store):
    @dg.asset(partitions_def=ABC, ins={"letter": dg.AssetIn(metadata={"allow_missing_partitions": True})})
    def same(letter):
        return letter is None

    loaded = run([letter, same], dagster_io_manager(store), selection=[same], partition_key="a")
    assert loaded.output_for_node("same") is True


# Calls that the specification names


@pytest.mark.spec("DAG-020")
def test_a_mocked_context_with_several_keys_gives_a_dict():
    store = mock.MagicMock(spec=Store)
    store.read_bytes.side_effect = [b"1", b"2"]
    context = mock.MagicMock()
    context.asset_key = dg.AssetKey(["a"])
    context.has_asset_partitions = True
    context.asset_partition_keys = ["x", "y"]
    assert dagster_io_manager(store, serializer="json").load_input(context) == {"x": 1, "y": 2}
    assert [call.args[0] for call in store.read_bytes.call_args_list] == ["a/x.json", "a/y.json"]


@pytest.mark.spec("DAG-020")
def test_a_patched_store_sees_each_read(memory_store):
    for key in "xy":
        memory_store.write(f"a/{key}.json", b"1")
    context = mock.MagicMock()
    context.asset_key = dg.AssetKey(["a"])
    context.has_asset_partitions = True
    context.asset_partition_keys = ["x", "y"]
    with mock.patch.object(memory_store, "read_bytes", wraps=memory_store.read_bytes) as read:
        loaded = dagster_io_manager(memory_store, serializer="json").load_input(context)
    assert loaded == {"x": 1, "y": 1}
    assert read.call_count == 2


@pytest.mark.spec("DAG-020")
def test_one_key_is_the_object_itself(memory_store):
    memory_store.write("a/x.json", b'{"n": 1}')
    context = mock.MagicMock()
    context.asset_key = dg.AssetKey(["a"])
    context.has_asset_partitions = True
    context.asset_partition_keys = ["x"]
    assert dagster_io_manager(memory_store, serializer="json").load_input(context) == {"n": 1}


# Runs over several partitions


@needs_arrow
def test_a_single_run_backfill_stores_one_value_for_each_partition(store):
    @dg.asset(partitions_def=DAILY, backfill_policy=SINGLE_RUN)
    def up(context):
        return {key: pa.table({"n": [int(key[-2:])] * 2}) for key in context.partition_keys}

    @dg.asset(partitions_def=DAILY, backfill_policy=SINGLE_RUN)
    def down(up):
        return {key: table.num_rows for key, table in up.items()}

    result = run([up, down], dagster_io_manager(store), tags=_over("2024-01-02", "2024-01-04"))
    assert stored_paths(store) == [f"{name}/2024-01-0{n}.pkl" for name in ("down", "up") for n in (2, 3, 4)]
    assert result.output_for_node("down") == {f"2024-01-0{n}": 2 for n in (2, 3, 4)}
    events = metadata_of(result, "up")
    assert len(events) == 3
    if "dagster/partition_row_count" in events[0]:
        # Where Dagster has metadata for each partition, each event tells of its own.
        assert [event["path"] for event in events] == [f"up/2024-01-0{n}.pkl" for n in (2, 3, 4)]
        assert {event["dagster/partition_row_count"] for event in events} == {2}


def test_a_backfill_may_hand_over_pairs_one_at_a_time(store):
    alive = []

    @dg.asset(partitions_def=DAILY, backfill_policy=SINGLE_RUN)
    def up(context):
        def pairs():
            for key in context.partition_keys:
                alive.append(len(stored_paths(store)))
                yield key, key

        return dg.Output(pairs())

    run([up], dagster_io_manager(store), tags=_over("2024-01-01", "2024-01-05"))
    assert stored_paths(store) == [f"up/{key}.pkl" for key in DAYS[:5]]
    # Each was stored before the next one was asked for.
    assert alive == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"2024-01-01": 1}, "2024-01-02"),
        ({"2024-01-01": 1, "2024-01-02": 2, "2024-01-09": 3}, "2024-01-09"),
        (5, "mapping of partition key to value"),
        (None, "mapping of partition key to value"),
    ],
    ids=["missing", "surplus", "scalar", "none"],
)
def test_a_value_that_does_not_cover_the_run_is_refused_and_nothing_is_written(store, value, message):
    @dg.asset(partitions_def=DAILY, backfill_policy=SINGLE_RUN)
    def up():
        return value

    with pytest.raises(ValueError, match=message):
        run([up], dagster_io_manager(store), tags=_over("2024-01-01", "2024-01-02"))
    assert stored_paths(store) == []


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([("2024-01-01", 1)], "2024-01-02"),
        ([("2024-01-01", 1), ("2024-01-01", 2)], "given twice"),
        ([("2024-01-07", 1)], "not a partition of this run"),
        ([5], "pairs; it gave int"),
    ],
)
def test_pairs_that_do_not_cover_the_run_are_refused(store, pairs, message):
    @dg.asset(partitions_def=DAILY, backfill_policy=SINGLE_RUN)
    def up():
        return iter(pairs)

    with pytest.raises(ValueError, match=message):
        run([up], dagster_io_manager(store), tags=_over("2024-01-01", "2024-01-02"))
    assert "up.pkl" not in stored_paths(store)


def test_a_backfill_of_one_partition_takes_the_plain_value(store):
    @dg.asset(partitions_def=DAILY, backfill_policy=SINGLE_RUN)
    def up():
        return 5

    run([up], dagster_io_manager(store), tags=_over("2024-01-01", "2024-01-01"))
    assert stored_paths(store) == ["up/2024-01-01.pkl"]


@needs_arrow
def test_a_backfill_over_datasets(store):
    @dg.asset(partitions_def=ABC, backfill_policy=SINGLE_RUN)
    def up(context):
        return {key: pa.table({"key": [key]}) for key in context.partition_keys}

    manager = dagster_dataset_io_manager(store)
    run([up], manager, tags=_over("c", "b"))
    assert {path.split("/")[1] for path in stored_paths(store)} == {"a", "b", "c"}


# Outside a run


def test_values_are_loaded_outside_a_run(store):
    @dg.asset
    def plain():
        return 7

    manager = dagster_io_manager(store)
    defs = dg.Definitions([letter, plain], resources={"io_manager": manager})
    _fill(manager, letter, "abc")
    run([plain], manager)
    assert defs.load_asset_value("plain") == 7
    assert defs.load_asset_value("letter", partition_key="b") == "b"
    with dg.DagsterInstance.ephemeral() as instance, defs.get_asset_value_loader(instance) as loader:
        assert loader.load_asset_value("plain") == 7
        assert loader.load_asset_value("letter", partition_key="c") == "c"


def test_a_range_of_partitions_is_loaded_outside_a_run(store):
    manager = dagster_io_manager(store)
    _fill(manager, letter, "abc")
    defs = dg.Definitions([letter], resources={"io_manager": manager})
    with dg.DagsterInstance.ephemeral() as instance, defs.get_asset_value_loader(instance) as loader:
        if "partition_key_range" not in inspect.signature(loader.load_asset_value).parameters:
            pytest.skip("this version of Dagster loads one partition only")
        both = loader.load_asset_value("letter", partition_key_range=dg.PartitionKeyRange("c", "a"))
    assert list(both.items()) == [("c", "c"), ("a", "a")]


def test_no_deprecated_attribute_of_an_upstream_output_is_touched(store, recwarn):
    @dg.asset(partitions_def=ABC)
    def same(letter):
        return letter

    run([letter, same], dagster_io_manager(store), partition_key="a")
    assert not [w for w in recwarn if "upstream_output" in str(w.message)]
