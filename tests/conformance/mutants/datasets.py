"""Wrong datasets: DAG-017 to DAG-019."""

from __future__ import annotations

from remote_store.ext import dagster as ext

from . import mutant, mutant_without_pyarrow
from .surgery import MANAGERS, around, asset_paths

DATASETS = MANAGERS[1]


@mutant("DAG-017")
def a_dataset_comes_back_as_pandas(patch):
    around(patch, DATASETS, "load_input", lambda _self, original, context: original(context).to_pandas())


@mutant("DAG-017")
def only_tables_are_taken(patch):
    def wrong(_self, original, context, obj):
        if not type(obj).__module__.startswith("pyarrow"):
            raise TypeError("not a table")
        return original(context, obj)

    around(patch, DATASETS, "handle_output", wrong)


@mutant("DAG-017")
def a_dataset_is_written_once_and_then_never_again(patch):
    written = set()

    def wrong(self, original, context, obj):
        key = (id(self), tuple(context.asset_key.path))
        if key in written:
            raise FileExistsError("the dataset is there")
        written.add(key)
        return original(context, obj)

    around(patch, DATASETS, "handle_output", wrong)


@mutant("DAG-017")
def a_dataset_is_a_single_parquet_file(patch):
    original = ext.dagster_io_manager
    patch.setattr(ext, "dagster_dataset_io_manager", lambda store: original(store, serializer="parquet"))


mutant_without_pyarrow(
    "DAG-017",
    "a_dataset_io_manager_without_pyarrow_fails_late",
    "ext.dagster_dataset_io_manager = lambda store: ext.dagster_io_manager(store)",
)
mutant_without_pyarrow(
    "DAG-017",
    "the_hint_for_datasets_lacks_the_extra",
    """
def wrong(store):
    raise ModuleNotFoundError("No module named 'pyarrow'")
ext.dagster_dataset_io_manager = wrong
""",
)


@mutant("DAG-018")
def a_dataset_key_has_an_extension(patch):
    asset_paths(patch, lambda parts: parts.joined("/").removesuffix(parts.rest) + ".parquet" + parts.rest)


@mutant("DAG-018")
def the_partition_of_a_dataset_is_named_as_in_hive(patch):
    asset_paths(patch, lambda parts: parts.joined("/partition="))


@mutant("DAG-018")
def all_partitions_are_one_dataset(patch):
    asset_paths(patch, lambda parts: "/".join(parts.segments) + parts.rest)


@mutant("DAG-018")
def datasets_lie_below_a_folder_for_datasets(patch):
    asset_paths(patch, lambda parts: "datasets/" + parts.joined("/"))


@mutant("DAG-019")
def the_serializer_parquet_dataset_is_taken_for_parquet(patch):
    original = ext.RemoteStoreIOManager.create_io_manager

    def wrong(self, context):
        self = self.model_copy(update={"serializer": "parquet"})
        self.setup_for_execution(context)
        return original(self, context)

    patch.setattr(ext.RemoteStoreIOManager, "create_io_manager", wrong)


@mutant("DAG-019")
def the_serializer_parquet_dataset_is_unknown(patch):
    def wrong(self, original, context):
        if self.serializer == "parquet-dataset":
            raise ValueError("Unknown serializer 'parquet-dataset'")
        return original(context)

    around(patch, ext.RemoteStoreIOManager, "create_io_manager", wrong)
