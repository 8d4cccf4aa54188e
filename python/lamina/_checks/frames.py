"""Frames and series of pandas, polars, pyarrow and others: columns as arrays, and their names."""

import warnings
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np

from lamina._checks.types import NDArray

Array = NDArray[Any]
# Names of features; columns without names of their own have numbers.
Names = tuple[str | int, ...]
_TABLES = "; lamina.tabular.TableModel encodes such columns"


def columns_of(values: Any, where: str) -> tuple[Any, Names | None]:
    """X as it is, or the numbers of a frame [rows, columns] with the names of its columns.

    The names are None where they only count the columns, as pandas does for frames of arrays.

    Raises:
        TypeError: a column holds no numbers, or the frame is lazy. ValueError: a value is missing,
            or two columns have one name. ImportError: without narwhals, which reads frames of
            libraries other than pandas.
    """
    if _is_pandas(values):
        if not hasattr(values, "columns"):  # a series
            return _pandas_numbers(values, str(values.name), where), None
        names: Names = tuple(_plain_name(label) for label in values.columns)
        series = [values.iloc[:, i] for i in range(len(names))]
        read = _pandas_numbers
        whole = _plain_frame(values)
    elif _is_arrow_like(values, where):
        native = _narwhals(values, where)
        if not hasattr(native, "columns"):
            return _narwhals_numbers(native, str(native.name), where), None
        names = tuple(native.columns)
        series = [native.get_column(name) for name in names]
        read = _narwhals_numbers
        whole = None
    else:
        return values, None
    _refuse_duplicates(names, where)
    if whole is None and series:
        arrays = [
            read(column, str(name), where) for name, column in zip(names, series, strict=True)
        ]
        whole = np.empty((len(values), len(names)), np.result_type(*(a.dtype for a in arrays)))
        for place, array in enumerate(arrays):
            whole[:, place] = array
    array = np.empty((len(values), 0)) if whole is None else whole
    return array, None if names == tuple(range(len(names))) else names


def plain_array(values: Any, where: str) -> Any:
    """A series, or a frame, as an array of numbers; anything else as it is."""
    return columns_of(values, where)[0]


def plain_labels(values: Any, where: str) -> Any:
    """A series of labels (numbers or texts) as an array; anything else as it is."""
    if not (_is_pandas(values) or _is_arrow_like(values, where)):
        return values
    array = np.asarray(values)
    if array.dtype.kind != "O":
        return array
    flat = array.ravel().tolist()
    if any(map(_is_missing, flat)):
        raise ValueError(f"{where}: expected a label in each row of y, got missing values")
    if all(isinstance(value, str) for value in flat):
        return np.array(flat, dtype=str).reshape(array.shape)
    return plain_array(values, where)


def check_names(names: Names, known: Names | None, where: str) -> None:
    """ValueError where a frame's columns are not those of the training, in order."""
    if known is None:
        if all(isinstance(name, int) for name in names) and set(names) == set(range(len(names))):
            raise ValueError(
                f"{where}: expected columns numbered in order, got {_listed(names)}; "
                f"take X[{list(range(len(names)))}]"
            )
        return
    if names == known:
        return
    given, expected = set(names), set(known)
    missing = [name for name in known if name not in given]
    extra = [name for name in names if name not in expected]
    if missing or extra:
        parts = [f"without {_listed(missing)}"] if missing else []
        parts += [f"with {_listed(extra)}, which the network was not trained on"] if extra else []
        raise ValueError(
            f"{where}: expected the {len(known)} columns that the network was trained on "
            f"(net.feature_names), got X {' and '.join(parts)}"
        )
    place = next(i for i, pair in enumerate(zip(names, known, strict=True)) if pair[0] != pair[1])
    raise ValueError(
        f"{where}: expected the columns in the order of training, got {names[place]!r} in place "
        f"{place}, where {known[place]!r} was; take X[list(net.feature_names)]"
    )


def warn_where_rows_differ(X: Any, other: Any, where: str, name: str, stack_level: int) -> None:
    """Warn where two pandas objects have one index in different orders; rows go by place."""
    if not (_is_pandas(X) and _is_pandas(other)) or len(X) != len(other):
        return
    if X.index.equals(other.index):
        return
    if X.index.is_unique and X.index.isin(other.index).all():
        warnings.warn(
            f"{where}: X and {name} have the same index in another order, but rows belong together "
            f"by place. Take {name}.loc[X.index], or {name}.to_numpy() where it is meant",
            stacklevel=stack_level,
        )


def _is_pandas(values: Any) -> bool:
    return hasattr(values, "iloc") and hasattr(values, "index")


def _is_arrow_like(values: Any, where: str) -> bool:
    if hasattr(values, "collect") and hasattr(values, "collect_schema"):
        raise TypeError(f"{where}: expected a frame in memory, got a lazy one; call its collect()")
    return hasattr(values, "__arrow_c_stream__") or hasattr(values, "__arrow_c_array__")


def _narwhals(values: Any, where: str) -> Any:
    try:
        import narwhals
    except ImportError:
        kind = f"{type(values).__module__.split('.')[0]} {type(values).__name__}"
        raise ImportError(
            f"{where}: expected narwhals to read a {kind}; run pip install lamina[frames], or give "
            "an array (its to_numpy())"
        ) from None
    if type(values).__module__.startswith("pyarrow") and not hasattr(values, "column_names"):
        import pyarrow

        values = pyarrow.chunked_array(values if hasattr(values, "chunks") else [values])
    elif type(values).__name__ == "RecordBatch":
        import pyarrow

        values = pyarrow.Table.from_batches([values])
    return narwhals.from_native(values, eager_only=True, allow_series=True)


def _plain_frame(frame: Any) -> Array | None:
    """A frame of numpy's numbers of one type, without a copy; None for others."""
    types = set(frame.dtypes)
    if len(types) == 1:
        (only,) = types
        if isinstance(only, np.dtype) and only.kind in "fiub":
            array: Array = frame.to_numpy()
            return array
    return None


def _pandas_numbers(series: Any, name: str, where: str) -> Array:
    dtype = series.dtype
    kind = getattr(dtype, "kind", "O")
    if str(dtype) == "category":
        raise TypeError(f"{where}: expected numbers in column {name!r}, got categories{_TABLES}")
    if isinstance(dtype, np.dtype) and kind in "fiub":
        plain: Array = series.to_numpy()
        return plain
    if kind in "Mm":
        raise TypeError(_dates(name, kind == "M", where))
    if not isinstance(dtype, np.dtype):
        _refuse_missing(series.isna().to_numpy(), name, where)
        if kind in "fiub":
            held = getattr(dtype, "numpy_dtype", getattr(dtype, "subtype", np.dtype(np.float64)))
            return np.asarray(series.to_numpy(dtype=held))
    return _object_numbers(np.asarray(series.to_numpy(dtype=object)), name, where)


def _narwhals_numbers(series: Any, name: str, where: str) -> Array:
    dtype = series.dtype
    kind = type(dtype).__name__ if not isinstance(dtype, type) else dtype.__name__
    if kind in ("Categorical", "Enum"):
        raise TypeError(f"{where}: expected numbers in column {name!r}, got categories{_TABLES}")
    if kind in ("Date", "Datetime", "Duration", "Time"):
        raise TypeError(_dates(name, kind != "Duration", where))
    if series.null_count():
        _refuse_missing(series.is_null().to_numpy(), name, where)
    if dtype.is_numeric() and kind != "Decimal":
        return np.asarray(series.to_numpy())
    if kind == "Boolean":
        return np.asarray(series.to_numpy()).astype(bool)
    flat = np.empty(len(series), dtype=object)
    flat[:] = series.to_list()
    return _object_numbers(flat, name, where)


def _object_numbers(array: Array, name: str, where: str) -> Array:
    """Python's numbers as float64; TypeError or ValueError for the first value that is none."""
    numbers, values = np.empty(len(array)), array.tolist()
    _refuse_missing(np.array([_is_missing(value) for value in values], dtype=bool), name, where)
    for row, value in enumerate(values):
        if isinstance(value, Real | Decimal | np.bool_):
            numbers[row] = float(value)
        else:
            held = "text" if isinstance(value, str | bytes) else type(value).__name__ + " objects"
            hint = _TABLES if isinstance(value, str | bytes) else ""
            raise TypeError(
                f"{where}: expected numbers in column {name!r}, got {held}, {value!r:.40} in row "
                f"{row}{hint}"
            )
    return numbers


def _is_missing(value: Any) -> bool:
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, float | Decimal) and value != value


def _refuse_missing(missing: Array, name: str, where: str) -> None:
    if missing.any():
        raise ValueError(
            f"{where}: expected a number in each row of column {name!r}, got a missing value in "
            f"row {int(np.argmax(missing))} ({int(missing.sum())} in all); fill or drop them "
            "first, or take lamina.tabular.TableModel"
        )


def _refuse_duplicates(names: Names, where: str) -> None:
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{where}: expected a name for each column of X, got {twice!r} twice")


def _dates(name: str, are_dates: bool, where: str) -> str:
    got, hint = (
        ("dates", "the time since a day of yours in seconds, say")
        if are_dates
        else ("time differences", "their seconds, say")
    )
    return f"{where}: expected numbers in column {name!r}, got {got}; give {hint}"


def _plain_name(label: Any) -> str | int:
    if isinstance(label, int | np.integer) and not isinstance(label, bool):
        return int(label)
    return str(label)


def _listed(names: Any) -> str:
    shown = ", ".join(repr(name) for name in list(names)[:5])
    return shown + (f" and {len(names) - 5} more" if len(names) > 5 else "")
