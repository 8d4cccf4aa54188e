"""Frames of pandas, polars and Arrow as columns, through narwhals; their text is coded natively."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina.tabular._columns import Column, TableError
from lamina.tabular._objects import EXACT_INTEGERS, column_of_codes, column_of_objects


def columns_of_frame(frame: Any) -> dict[str, Column]:
    """The columns of a frame by name; see `as_columns`.

    Raises:
        TableError: no frame that narwhals knows, narwhals is not there, or two columns of a name.
    """
    nw = _narwhals(frame)
    if type(frame).__module__.startswith("pyarrow") and type(frame).__name__ == "RecordBatch":
        import pyarrow as pa

        frame = pa.Table.from_batches([frame])
    try:
        frame = nw.from_native(frame, eager_only=True)
    except nw.exceptions.DuplicateError as error:
        raise TableError(f"two columns of the table have one name: {error}") from None
    except TypeError:
        lazy = "; call its collect() first" if hasattr(frame, "collect") else ""
        raise TableError(
            "expected a table (a mapping from names to columns, a list of rows, or a frame of "
            f"pandas, polars or pyarrow), got {type(frame).__name__}{lazy}"
        ) from None
    names = [str(name) for name in frame.columns]
    for place, name in enumerate(names):
        if name in names[:place]:
            raise TableError(f"the table has two columns named '{name}'")
    columns = {name: frame.get_column(key) for name, key in zip(names, frame.columns, strict=True)}
    return {name: _column(nw, series) for name, series in columns.items()}


# Types of columns, in small letters, whose values Python has too.
_PLAIN = frozenset(
    [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]
    + ["float64", "object", "str", "string", "bool", "boolean", "category", "categorical"]
)


def plain_row(frame: Any) -> dict[Any, Any] | None:
    """The row of a frame of one row, of pandas or polars, where its types are Python's; or None.

    It takes microseconds, in place of some for each column and narwhals' own.
    """
    module, kind = type(frame).__module__.partition(".")[0], type(frame).__name__
    if kind != "DataFrame" or module not in ("pandas", "polars") or len(frame) != 1:
        return None
    if not all(str(dtype).lower() in _PLAIN for dtype in frame.dtypes):
        return None
    if module == "polars":
        row: dict[Any, Any] = frame.row(0, named=True)
        return row
    values = next(frame.itertuples(index=False, name=None))
    return dict(zip(frame.columns, values, strict=True)) if frame.columns.is_unique else None


def is_series(values: Any) -> bool:
    """Whether an object is a series of pandas, polars or pyarrow, without importing any."""
    module, kind = type(values).__module__.split(".")[0], type(values).__name__
    return (module in ("pandas", "polars") and kind == "Series") or (
        module == "pyarrow" and kind in ("ChunkedArray", "DictionaryArray")
    )


def column_of_series(values: Any) -> Column:
    """The column of a series of pandas, polars or pyarrow."""
    nw = _narwhals(values)
    return _column(nw, nw.from_native(values, series_only=True))


def _narwhals(table: Any) -> Any:
    try:
        import narwhals
    except ImportError:
        raise TableError(
            f"a table of type {type(table).__module__.split('.')[0]}.{type(table).__name__} needs "
            "narwhals: pip install narwhals; or give a mapping from names to arrays"
        ) from None
    return narwhals


def _column(nw: Any, series: Any) -> Column:
    """A series as an array or as coded text, by its type."""
    kind = series.dtype
    if kind == nw.Boolean:
        return _codes(nw, series) if series.is_null().any() else series.to_numpy().astype(bool)
    if kind.is_integer():
        return _integers(nw, series)
    if kind.is_numeric():  # floats and decimals
        if not kind.is_float():
            series = series.cast(nw.Float64)
        return np.asarray(series.to_numpy(), dtype=np.float32 if kind == nw.Float32 else np.float64)
    if kind in (nw.Date, nw.Datetime):
        if getattr(kind, "time_zone", None):
            series = series.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        dates = series.cast(nw.Datetime("us")).to_numpy()
        return np.asarray(dates, dtype="datetime64[us]")
    if kind == nw.Duration:
        spans = np.asarray(series.to_numpy(), dtype="timedelta64[us]")
        return np.where(np.isnat(spans), np.nan, spans / np.timedelta64(1, "s"))
    return _codes(nw, series)


def _integers(nw: Any, series: Any) -> Column:
    if not series.is_null().any():
        array = series.to_numpy()
        return array if array.dtype.kind in "iu" else column_of_objects(array.tolist())
    if max(abs(int(series.min() or 0)), abs(int(series.max() or 0))) <= EXACT_INTEGERS:
        return np.asarray(series.cast(nw.Float64).to_numpy(), dtype=np.float64)
    return _codes(nw, series)


def _codes(nw: Any, series: Any) -> Column:
    """Codes and distinct values by the series' own library, without a loop over its rows."""
    native = series.to_native()
    textual = series.dtype in (nw.String, nw.Categorical, nw.Enum, nw.Boolean)
    if nw.dependencies.is_pandas_series(native) and not series.dtype.is_nested():
        return _pandas_codes(native)
    if nw.dependencies.is_polars_series(native) and textual:
        return _polars_codes(native)
    if nw.dependencies.is_pyarrow_chunked_array(native) and textual:
        return _arrow_codes(native)
    return column_of_objects(series.to_list())


def _pandas_codes(series: Any) -> Column:
    import pandas as pd

    try:
        codes, distinct = pd.factorize(series)
    except TypeError:  # sets and the like cannot be looked up
        return column_of_objects(series.tolist())
    return _with_missing(codes, distinct.tolist())


def _polars_codes(series: Any) -> Column:
    import polars as pl

    series = series.cast(pl.String)
    distinct = series.drop_nulls().unique(maintain_order=True)
    codes = series.cast(pl.Enum(distinct)).to_physical().cast(pl.Int32).fill_null(-1)
    return _with_missing(codes.to_numpy(), distinct.to_list())


def _arrow_codes(array: Any) -> Column:
    import pyarrow as pa

    if not pa.types.is_dictionary(array.type):
        array = array.dictionary_encode()
    whole = array.unify_dictionaries().combine_chunks()
    codes = whole.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return _with_missing(codes, whole.dictionary.to_pylist())


def _with_missing(codes: NDArray[Any], distinct: list[Any]) -> Column:
    """A column of codes in which -1 stands for a missing value."""
    codes = codes.astype(np.int32)
    absent = codes < 0
    if absent.any():
        codes[absent] = len(distinct)
        distinct = [*distinct, None]
    return column_of_codes(codes, distinct)
