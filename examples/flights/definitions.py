"""The wiring: which store keeps what the assets produce.

This is the whole of it. The logs of every step go to the same store through `dagster.local.yaml`
or `dagster.s3.yaml`, whichever stands in DAGSTER_HOME as `dagster.yaml`.
"""

import dagster as dg
from remote_store.ext.dagster import DagsterStoreResource, RemoteStoreIOManager, dagster_io_manager

import assets
from pictures import PngSerializer
from storage import STORE


@dg.io_manager(required_resource_keys={"store"})
def png_io_manager(context: dg.InitResourceContext) -> dg.IOManager:
    """Any object with `extension`, `serialize` and `deserialize` is a serializer."""
    return dagster_io_manager(context.resources.store.get_store(), serializer=PngSerializer())


defs = dg.Definitions(
    assets=dg.load_assets_from_modules([assets]),
    jobs=[
        dg.define_asset_job("days", selection=["flights"]),
        dg.define_asset_job("month", selection=["monthly_delays"]),
        dg.define_asset_job("year", selection=["year_summary", "delay_chart"]),
    ],
    resources={
        "io_manager": RemoteStoreIOManager(**STORE, root_path="data", serializer="parquet"),
        "json_io_manager": RemoteStoreIOManager(**STORE, root_path="data", serializer="json"),
        "png_io_manager": png_io_manager,
        "store": DagsterStoreResource(**STORE, root_path="data"),
    },
)
