"""Filters of datasets, as PyArrow writes them: checked, and told to the native side."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.compute as pc

__all__ = ["Filters", "checked", "columns_of", "expression", "kept", "native"]

Filters = Sequence[tuple[str, str, Any]] | Sequence[Sequence[tuple[str, str, Any]]]

_OPERATORS = ("=", "==", "!=", "<", "<=", ">", ">=", "in", "not in")
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - times without a zone are compared as they are
_CONDITION_LENGTH = 3
_FORM = "filters must be a list of (column, operator, value), or a list of such lists"
_EXAMPLE = "for example [('delay', '>', 60)]"
_NANOSECOND_YEARS = range(1678, 2262)


def _lists(filters: Filters) -> list[list[tuple[str, str, Any]]]:
    """Give the lists of conditions of which one must hold whole.

    Raises:
        ValueError: It is no such list; the message shows the form.
        TypeError: It is no list at all, or the value of ``in`` is none.
    """
    # Any: what has another type than it is annotated with is not ruled out.
    given: Any = filters
    if isinstance(given, (str, bytes)) or not isinstance(given, Sequence):
        name = type(given).__name__
        kind = "an Expression of pyarrow" if name == "Expression" else name
        raise TypeError(f"{_FORM}, not {kind}; {_EXAMPLE}")
    lists: Any = [given] if given and _is_begun(given[0]) else list(given)
    for conditions in lists:
        for condition in conditions if isinstance(conditions, (list, tuple)) else [conditions]:
            if not _is_begun(condition) or len(condition) != _CONDITION_LENGTH:
                raise ValueError(f"{_FORM}, got {type(condition).__name__} in it; {_EXAMPLE}")
            if condition[1] not in _OPERATORS:
                raise ValueError(
                    f"unknown operator {condition[1]!r} in a filter of column {condition[0]!r}; "
                    f"choose from {', '.join(_OPERATORS)}"
                )
            if condition[1] in ("in", "not in") and not isinstance(condition[2], Iterable):
                raise TypeError(
                    f"the value of {condition[1]!r} in a filter of column {condition[0]!r} must be a list, "
                    f"got {type(condition[2]).__name__}"
                )
    if not lists or not all(lists):
        raise ValueError("filters must hold at least one condition; leave them out to read all rows")
    return [[tuple(condition) for condition in conditions] for conditions in lists]


def _is_begun(condition: object) -> bool:
    """Say whether it begins as a condition does, which may be a list too, as for PyArrow."""
    return isinstance(condition, (list, tuple)) and bool(condition) and isinstance(condition[0], str)


def checked(filters: Filters | None) -> Filters | None:
    """Give the same filters in a form that can be looked at again and again.

    Raises:
        ValueError: The filters have another form.
    """
    if filters is None:
        return None
    # A generator of values would be empty the second time, and no row equal to any of them.
    return [
        [
            (column, operator, list(value) if isinstance(value, Iterator) else value)
            for column, operator, value in conditions
        ]
        for conditions in _lists(filters)
    ]


def expression(filters: Filters) -> pc.Expression:
    """Give the expression by which PyArrow filters rows.

    Raises:
        ValueError: The filters have another form.
    """
    import pyarrow.parquet as pq

    # Any: PyArrow's annotations list the operators one by one; they are checked here.
    lists: Any = _lists(filters)
    return pq.filters_to_expression(lists)


def kept(table: pa.Table, filters: Filters) -> pa.Table:
    """Give the rows that PyArrow keeps.

    Raises:
        pyarrow.ArrowException: A column cannot be compared with a value; the message names them.
    """
    import pyarrow as pa

    try:
        if not table.num_rows:
            # What cannot be compared is an error also where statistics left no row to compare.
            _nulls_of(table, columns_of(filters)).filter(expression(filters))
        return table.filter(expression(filters))
    except (pa.ArrowNotImplementedError, pa.ArrowTypeError, pa.ArrowInvalid):
        _raise_named(table, filters)
        raise


def _raise_named(table: pa.Table, filters: Filters) -> None:
    """Raise the error of the first condition that cannot be judged, with its column and the types."""
    import pyarrow as pa

    for conditions in _lists(filters):
        for column, operator, value in conditions:
            try:
                _nulls_of(table, [column]).filter(expression([(column, operator, value)]))
            except (pa.ArrowNotImplementedError, pa.ArrowTypeError, pa.ArrowInvalid) as error:
                try:
                    kind = str(pa.array(value if operator in ("in", "not in") else [value]).type)
                except pa.ArrowException:
                    kind = type(value).__name__
                raise type(error)(
                    f"column {column!r} is {table.schema.field(column).type}, which cannot be compared by "
                    f"{operator!r} with a value that is {kind}: {error}"
                ) from error


def _nulls_of(table: pa.Table, names: list[str]) -> pa.Table:
    import pyarrow as pa

    fields = [table.schema.field(name).with_nullable(True) for name in names]
    return pa.Table.from_arrays([pa.nulls(1, field.type) for field in fields], schema=pa.schema(fields))


def columns_of(filters: Filters) -> list[str]:
    """Give the columns that the filters look at, each once."""
    return list(dict.fromkeys(column for conditions in _lists(filters) for column, _, _ in conditions))


def native(filters: Filters | None) -> list[list[tuple[str, str, list[Any]]]] | None:
    """Give the conditions that folders and row groups can be judged by; PyArrow judges the rows.

    A condition that only PyArrow understands is left out of its list, which then keeps more.
    """
    if filters is None:
        return None
    lists = []
    for conditions in _lists(filters):
        judged = []
        for column, operator, value in conditions:
            is_list = operator in ("in", "not in")
            values = [_value(item) for item in (value if is_list else [value])]
            if None not in values and not (is_list and _is_cast(value)):
                judged.append((column, operator, values))
        if not judged:
            return None
        lists.append(judged)
    return lists


def _is_cast(values: Sequence[object]) -> bool:
    """Say whether PyArrow may make other instants of a list of values than they are.

    It casts the list to the type of the column, of which nothing is known here: times of day
    and zones are dropped for a column of dates, and years that nanoseconds do not reach wrap.
    """
    instants = [value for value in values if isinstance(value, datetime)]
    return any(value.timetz() != time(0) or value.utcoffset() is not None for value in instants) or any(
        value.year not in _NANOSECOND_YEARS for value in values if isinstance(value, date)
    )


def _value(value: object) -> Any:
    if isinstance(value, datetime):
        if getattr(value, "nanosecond", 0):
            return None  # PyArrow compares with the microsecond before
        naive = value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)
        return ("nanos", (naive - _EPOCH) // timedelta(microseconds=1) * 1000)
    if isinstance(value, date):
        return ("nanos", (value - _EPOCH.date()).days * 86_400 * 10**9)
    if isinstance(value, (bool, int, str, bytes)):
        return value
    if isinstance(value, float):
        return value if value == value else None  # noqa: PLR0124 - NaN alone differs from itself
    return None
