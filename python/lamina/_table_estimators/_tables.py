"""X of scikit-learn's conventions as columns by name, checked as scikit-learn checks it."""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.utils.validation import validate_data

from lamina.tabular._as_columns import as_columns
from lamina.tabular._columns import Column, row_count

Columns = dict[str, Column]


def read_columns(estimator: Any, X: Any, *, reset: bool) -> Columns:
    """The columns of a frame, a mapping or an array [rows, columns], by name.

    Frames and mappings keep their names; columns of arrays are called x0, x1, ... . `reset` learns
    `n_features_in_` and `feature_names_in_`; else X is compared with them.

    Raises:
        ValueError, TypeError: as scikit-learn's estimators raise them.
    """
    if issparse(X):
        raise TypeError(
            "Sparse data was passed for X, but dense data is required: expected a frame, a "
            "dictionary of columns or an array; X.toarray() makes one"
        )
    if isinstance(X, Mapping):
        columns = as_columns(X)
        _check_names(estimator, columns, reset=reset)
        check_rows(estimator, row_count(columns), 1)
        return columns
    if _is_frame(X):
        validate_data(estimator, X, reset=reset, skip_check_array=True)
        columns = as_columns(X)
        check_rows(estimator, row_count(columns), 1)
        return columns
    checked = validate_data(estimator, X, reset=reset, dtype=None, ensure_all_finite=False)
    if checked.dtype.kind == "c":
        raise ValueError("Complex data not supported: expected X as numbers, text or dates")
    if checked.dtype.kind == "f" and np.isinf(checked).any():
        raise ValueError(f"Input X contains infinity or a value too large for {checked.dtype!r}.")
    places = range(checked.shape[1])
    return as_columns({f"x{place}": _cells(checked[:, place]) for place in places})


def check_rows(estimator: Any, rows: int, least: int) -> None:
    """Refuse too few rows, in scikit-learn's words."""
    if rows < least:
        raise ValueError(
            f"Found array with {rows} sample(s) while a minimum of {least} is required by "
            f"{type(estimator).__name__}."
        )


def unused_name(name: str, taken: Collection[str]) -> str:
    """The name, with underscores where a column has it."""
    while name in taken:
        name += "_"
    return name


def numeric_names(columns: Mapping[str, Column]) -> list[str]:
    """Columns of numbers, which an estimator reads as such whatever they look like."""
    return [
        name
        for name, column in columns.items()
        if isinstance(column, np.ndarray) and column.dtype.kind in "iuf"
    ]


def _is_frame(X: Any) -> bool:
    library = type(X).__module__.partition(".")[0]
    return library in ("pandas", "polars", "pyarrow") and hasattr(X, "columns")


def _check_names(estimator: Any, columns: Columns, *, reset: bool) -> None:
    names = np.asarray(list(columns), dtype=object)
    if reset:
        estimator.feature_names_in_, estimator.n_features_in_ = names, len(names)
        return
    known = getattr(estimator, "feature_names_in_", names)
    if set(known) - set(names):
        missing = ", ".join(f"'{name}'" for name in known if name not in columns)
        raise ValueError(
            f"The feature names should match those that were passed during fit: {missing}"
        )


def _cells(values: Any) -> Any:
    """A column of objects whose cells are text, numbers or nothing."""
    if values.dtype.kind == "O":
        for value in values:
            if isinstance(value, Mapping | list | tuple | set):
                raise TypeError(
                    f"argument must be a string or a number, not '{type(value).__name__}' "
                    "(cells of X are text, numbers, truth values or None)"
                )
    return values
