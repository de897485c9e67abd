"""What an output's event in Dagster says about the stored object.

``path`` and ``size`` are the specification's (DAG-007). The others are Dagster's standard keys, so
that its UI shows them in their own places.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dagster import MetadataValue, OutputContext, TableColumn, TableColumnConstraints, TableSchema

from remote_store import CachedStore, ObservedStore
from remote_store._store import native_core
from remote_store.ext.dagster import _versions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["TableFacts", "record", "record_partition", "table_facts", "uri_of"]

_MAX_COLUMNS = 2000


class TableFacts:
    """Rows and columns of an output that is a table.

    Args:
        rows: How many rows it has; None when that would have to be computed.
        columns: The columns, or None.
    """

    def __init__(self, rows: int | None, columns: Sequence[TableColumn] | None) -> None:
        self.rows = rows
        self.columns = columns

    def as_metadata(self, *, partitioned: bool) -> dict[str, Any]:
        """Give Dagster's standard keys; the row count of a partition is not that of the table."""
        found: dict[str, Any] = {}
        if self.rows is not None:
            found["dagster/partition_row_count" if partitioned else "dagster/row_count"] = self.rows
        if self.columns is not None and len(self.columns) <= _MAX_COLUMNS:
            schema = TableSchema(columns=list(self.columns))
            found["dagster/column_schema"] = MetadataValue.table_schema(schema)
        return found


def table_facts(obj: Any) -> TableFacts | None:
    """Describe a table of PyArrow, pandas or polars; None for anything else, None included."""
    kind = type(obj)
    library = kind.__module__.partition(".")[0]
    if library == "pyarrow" and kind.__name__ == "Table":
        return TableFacts(obj.num_rows, [_arrow_column(field) for field in obj.schema])
    if library == "pandas" and kind.__name__ == "DataFrame":
        return TableFacts(
            len(obj), [TableColumn(str(name), str(dtype)) for name, dtype in obj.dtypes.items()]
        )
    if library == "polars" and kind.__name__ == "DataFrame":
        return TableFacts(obj.height, [TableColumn(name, str(dtype)) for name, dtype in obj.schema.items()])
    return None


def _arrow_column(field: Any) -> TableColumn:
    constraints = TableColumnConstraints(nullable=field.nullable)
    return TableColumn(field.name, str(field.type), constraints=constraints)


def uri_of(store: Any, path: str) -> str | None:
    """Give the URI of a stored object; None when the store has none to tell."""
    # Caches and observers store under the same path; other proxies may not.
    while isinstance(store, CachedStore | ObservedStore):
        store = store.inner
    core = native_core(store)
    return None if core is None else core.uri(path)


def record_partition(context: Any, partition: str, metadata: Mapping[str, Any]) -> None:
    """Add metadata to the event of one partition, where Dagster can, keeping the user's."""
    step = _versions.step_context_of(context)
    if step is None:
        return
    users = set(context.output_metadata) | _versions.asset_metadata_names(step, context.asset_key, partition)
    ours = {name: value for name, value in metadata.items() if name not in users}
    _versions.add_partition_metadata(step, context.asset_key, partition, ours)


def record(context: Any, spec: Mapping[str, Any], further: Mapping[str, Any]) -> None:
    """Add metadata to the output's event (DAG-007), keeping what the user added under a name.

    Args:
        context: The output context.
        spec: What the specification promises.
        further: Ours beyond it; left out on contexts that are not Dagster's (mocks).
    """
    if not isinstance(context, OutputContext):
        context.add_output_metadata(dict(spec))
        return
    wanted = {**spec, **further}
    users = set(context.output_metadata) | set(context.get_logged_metadata())
    kept = sorted(users & set(wanted))
    if kept:
        context.log.debug("Keeping the metadata that was set before: %s", ", ".join(kept))
    context.add_output_metadata({name: value for name, value in wanted.items() if name not in users})
