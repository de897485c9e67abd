"""From what was loaded to what the input is annotated with.

Dagster checks the type of each input. A PyArrow Table, which is what Parquet gives, would fail the
check of an input annotated ``pd.DataFrame``.
"""

from __future__ import annotations

import collections.abc
import sys
import types
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Union, get_args, get_origin

__all__ = ["mapping_value_annotation", "to_annotated", "wants_mapping_of"]

_MAPPINGS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)


def to_annotated(value: Any, annotation: Any) -> Any:
    """Convert an Arrow table to the annotated kind of table; leave everything else as it is.

    Args:
        value: What was loaded.
        annotation: What the input is annotated with: a frame of pandas or polars, a
            ``pl.LazyFrame``, ``pa.Table``, ``pa.RecordBatchReader``, or one of them or None.

    Returns:
        The converted table, or the value itself when no conversion is meant.

    Examples:
        >>> import pyarrow as pa, pandas as pd
        >>> to_annotated(pa.table({"n": [1]}), pd.DataFrame).to_dict()
        {'n': {0: 1}}
        >>> to_annotated("not a table", pd.DataFrame)
        'not a table'
    """
    pyarrow = sys.modules.get("pyarrow")
    if pyarrow is None or not isinstance(value, pyarrow.Table):
        return value
    for kind in _alternatives(annotation):
        convert = _CONVERSIONS.get(_name_of(kind))
        if convert is not None:
            return convert(value)
    return value


def mapping_value_annotation(annotation: Any) -> Any | None:
    """Give V of ``dict[str, V]`` or ``Mapping[str, V]``; None for anything else.

    A bare ``dict`` is not taken apart: it says nothing of partitions.
    """
    for kind in _alternatives(annotation):
        if get_origin(kind) in _MAPPINGS:
            arguments = get_args(kind)
            return arguments[-1] if arguments else Any
    return None


def wants_mapping_of(annotation: Any, value: Any, *, one_to_one: bool) -> bool:
    """Say whether one loaded partition belongs into a dict of partitions.

    The annotation ``dict[str, V]`` may mean a dict of partitions or a value that is itself a
    dict. A value that is none must be wrapped. A dict is taken for the value when V cannot be
    one, or when each run gets one partition of the input anyway.

    Examples:
        >>> wants_mapping_of(dict[str, int], 5, one_to_one=True)
        True
        >>> wants_mapping_of(dict[str, int], {"a": 5}, one_to_one=False)
        False
        >>> wants_mapping_of(int, 5, one_to_one=False)
        False
    """
    inner = mapping_value_annotation(annotation)
    if inner is None:
        return False
    if not isinstance(value, Mapping):
        return True
    fits = inner is Any or any(_is_mapping_kind(kind) for kind in _alternatives(inner))
    return fits and not one_to_one


def _is_mapping_kind(kind: Any) -> bool:
    kind = get_origin(kind) or kind
    return kind in (Any, object) or (isinstance(kind, type) and issubclass(kind, collections.abc.Mapping))


def _alternatives(annotation: Any) -> list[Any]:
    """Take ``X | None`` and ``Annotated[X, …]`` apart."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _alternatives(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return [
            kind for part in get_args(annotation) for kind in _alternatives(part) if kind is not type(None)
        ]
    return [annotation]


def _name_of(kind: Any) -> str:
    module = getattr(kind, "__module__", None)
    name = getattr(kind, "__name__", None)
    return f"{module.partition('.')[0]}.{name}" if isinstance(module, str) else ""


def _to_polars(table: Any) -> Any:
    import polars as pl

    return pl.from_arrow(table)


# By name, so that no library is imported that the user's code has not imported.
_CONVERSIONS: dict[str, Callable[[Any], Any]] = {
    "pandas.DataFrame": lambda table: table.to_pandas(),
    "polars.DataFrame": _to_polars,
    "polars.LazyFrame": lambda table: _to_polars(table).lazy(),
    "pyarrow.RecordBatchReader": lambda table: table.to_reader(),
    "pyarrow.Table": lambda table: table,
}
