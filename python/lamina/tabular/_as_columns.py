"""Tables of any kind as columns: mappings, lists of rows, arrays and frames."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lamina.tabular._columns import CodedText, Column, TableError
from lamina.tabular._frames import column_of_series, columns_of_frame, is_series
from lamina.tabular._objects import column_of_objects

# A mapping from names to columns or to scalars, a list of rows, or a frame; see `as_columns`.
TableLike: TypeAlias = Any

_SHOWN_LENGTHS = 8
_PLAIN = {int, float, bool, str, type(None)}


def as_columns(table: TableLike) -> dict[str, Column]:
    """The columns of a table by name, of one length each.

    A table is a mapping from names to 1-D arrays, lists or series, a mapping from names to scalars
    (one row), a list of such mappings (rows; an absent name is a missing cell), a structured numpy
    array, or a frame of pandas, polars or pyarrow (these need narwhals).

    Numbers and truth values become arrays of kinds b, i, u, f (NaN is missing), durations and
    times of day numbers of seconds, dates datetime64 in UTC (NaT is missing), and all else
    `CodedText`. Arrays of numbers are not copied.

    Raises:
        TableError: no columns, unequal lengths, a name twice, or no table at all.
    """
    columns = _named_columns(table)
    if not columns:
        raise TableError("the table has no columns")
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        some = list(lengths.items())[:_SHOWN_LENGTHS]
        counted = ", ".join(f"'{name}' {length}" for name, length in some)
        more = ", ..." if len(lengths) > len(some) else ""
        raise TableError(f"expected columns of one length, got lengths {counted}{more}")
    return columns


def _named_columns(table: TableLike) -> dict[str, Column]:
    if isinstance(table, Mapping):
        return _from_mapping(table)
    if isinstance(table, list | tuple):
        return _from_rows(table)
    if isinstance(table, np.ndarray):
        if table.dtype.names is None:
            raise TableError(
                f"expected a table with named columns, got an array of shape {table.shape}; give "
                "a mapping from names to columns"
            )
        return {name: as_column(name, np.atleast_1d(table)[name]) for name in table.dtype.names}
    if is_series(table):
        raise TableError(
            "expected a table, got a series; give a frame, or a mapping from names to values "
            "for one row"
        )
    return columns_of_frame(table)


def _from_mapping(table: Mapping[Any, Any]) -> dict[str, Column]:
    scalars = [name for name, values in table.items() if _is_scalar(values)]
    if scalars and len(scalars) < len(table):
        raise TableError(
            f"expected either columns or the values of one row, but '{scalars[0]}' is one value "
            "and others are columns"
        )
    columns: dict[str, Column] = {}
    for key, values in table.items():
        name = _unused(str(key), columns)
        columns[name] = as_column(name, [values] if scalars else values)
    return columns


def _from_rows(rows: Sequence[Any]) -> dict[str, Column]:
    """Columns of a list of mappings, in the order in which their names appear first."""
    for place, row in enumerate(rows, start=1):
        if not isinstance(row, Mapping):
            raise TableError(
                f"row {place}: expected a mapping from names to values, got {type(row).__name__}"
            )
        wrong = next((name for name, value in row.items() if not _is_scalar(value)), None)
        if wrong is not None:
            found = type(row[wrong]).__name__
            raise TableError(f"row {place}: expected one value of '{wrong}', got {found}")
    columns: dict[str, Column] = {}
    for key in dict.fromkeys(name for row in rows for name in row):
        name = _unused(str(key), columns)
        columns[name] = as_column(name, [row.get(key) for row in rows])
    return columns


def _unused(name: str, columns: Mapping[str, Column]) -> str:
    if name in columns:
        raise TableError(f"the table has two columns named '{name}'")
    return name


def _is_scalar(value: Any) -> bool:
    if isinstance(value, str | bytes | np.generic):
        return True
    if isinstance(value, np.ndarray):
        return value.ndim == 0
    return not (isinstance(value, CodedText | Iterable) or hasattr(value, "__array__"))


def as_column(name: str, values: Any) -> Column:
    """One column of a table from an array, a list or a series; see `as_columns`."""
    if isinstance(values, CodedText):
        return values
    if is_series(values):
        return column_of_series(values)
    if isinstance(values, np.ndarray):
        return _from_array(name, values)
    if hasattr(values, "__array__"):
        return _from_array(name, np.asarray(values))
    if isinstance(values, Iterable) and not isinstance(values, str | bytes | Mapping):
        if isinstance(values, list | tuple) and set(map(type, values)) <= _PLAIN:
            return column_of_objects(values)
        values = [v.item() if isinstance(v, np.ndarray) and v.ndim == 0 else v for v in values]
        if any(isinstance(value, list | tuple | np.ndarray) for value in values):
            return _from_array(name, np.asarray(values))
        return column_of_objects(values)
    raise TableError(f"column '{name}': expected an array or a list, got {type(values).__name__}")


def _from_array(name: str, array: NDArray[Any]) -> Column:
    if array.ndim != 1:
        raise TableError(f"column '{name}': expected one dimension, got shape {array.shape}")
    kind = array.dtype.kind
    if kind in "biufM":
        return array
    if kind == "m":
        return np.where(np.isnat(array), np.nan, array / np.timedelta64(1, "s"))
    if kind in "OUST":
        return column_of_objects(array)
    raise TableError(f"column '{name}': expected numbers, text or dates, got {array.dtype}")
