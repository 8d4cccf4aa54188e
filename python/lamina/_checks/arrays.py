"""What users give, as arrays that the core reads; anything else is refused in one sentence."""

import warnings
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from lamina import _core
from lamina._checks import frames
from lamina._checks.frames import Names
from lamina._checks.sparse import is_sparse
from lamina._checks.stack_level import stack_level
from lamina._checks.types import ArrayLike, NDArray

Dtype = Literal["float32", "float64"]
# What stands for one: its name, or numpy's type or dtype.
DtypeLike = Dtype | type[np.floating[Any]] | np.dtype[Any]
_FLOAT32 = np.dtype(np.float32)
# What most values are, told without a look at their attributes.
NO_FRAMES = frozenset((np.ndarray, list, tuple))
# Rows looked at together when values are checked, so that no copy of a large array is made.
_CHUNK = 8192
# What to do where values are too close together for float32.
_ADVICE = {
    "X": "Take Normalization() as the first layer (it subtracts in float64), subtract a typical "
    "value first, or use dtype='float64'",
    "y": "Subtract a typical value first, or use dtype='float64'",
}
# By bytes of an element.
_LARGEST = {4: float(np.finfo(np.float32).max), 8: float(np.finfo(np.float64).max)}


def inputs(
    values: ArrayLike,
    *,
    columns: int | None,
    dtype: Dtype,
    where: str,
    check_values: bool = True,
    least_rows: int = 1,
    names: Names | None = None,
    subtracts: bool = False,
    check_precision: bool = True,
    nan_allowed: bool = False,
) -> NDArray[Any]:
    """X as an array [rows, columns] of a type that the core converts while it reads.

    Nothing is copied unless the core cannot read the type (big-endian, extended precision).

    Args:
        names: of the columns, for messages. subtracts: as in `precision_problem`.
        check_precision: warn where `dtype` cannot hold X's values apart.

    Raises:
        TypeError: not numbers. ValueError: wrong shape, no rows, NaN, infinity, or a value beyond
            float32's range.
    """
    if type(values) not in NO_FRAMES and is_sparse(values):
        raise TypeError(f"{where}: expected a dense X, got a sparse matrix; use X.toarray()")
    array = _numbers(values, where, "X")
    if array.ndim != 2:
        hint = "; one feature is X.reshape(-1, 1), one row X.reshape(1, -1)"
        raise ValueError(
            f"{where}: expected X of shape [rows, features], got shape {_shape(array)}"
            + (hint if array.ndim == 1 else "")
        )
    if columns is not None and array.shape[1] != columns:
        raise ValueError(f"{where}: expected {columns} input features, got {array.shape[1]}")
    if array.shape[0] < least_rows or array.shape[1] == 0:
        raise ValueError(f"{where}: expected at least one row and one feature, got {_shape(array)}")
    if check_values:
        _check_values(array, dtype, where, "X", names, nan_allowed)
    if check_precision and array.dtype is not _FLOAT32:
        problem = precision_problem(array, dtype, where, "X", names=names, subtracts=subtracts)
        warn_of_precision(problem)
    return array


def refuse_missing(
    array: NDArray[Any], may_miss: Sequence[int], where: str, names: Names | None
) -> None:
    """ValueError where NaN stands in a column of X beside those in which it may."""
    if array.dtype.kind != "f":
        return
    others = np.setdiff1d(np.arange(array.shape[1]), may_miss)
    for first in range(0, len(array), _CHUNK):
        missing = np.isnan(array[first : first + _CHUNK, others])
        if missing.any():
            row, column = np.argwhere(missing)[0]
            raise ValueError(
                f"{where}: expected finite numbers in X but for the columns that the first layer "
                f"embeds, got nan in row {first + row}, {_column(int(others[column]), names)}"
            )


def targets(
    y: ArrayLike, *, loss: _core.Loss, rows: int, columns: int, dtype: Dtype, where: str
) -> tuple[NDArray[np.int32] | None, NDArray[Any] | None]:
    """y as (class indices [rows], None) or (None, values [rows, columns]), as the loss has it.

    Hinge losses take targets of 0 and 1 too, as -1 and 1.
    """
    array = _numbers(y, where, "y")
    if array.shape[:1] != (rows,):
        raise ValueError(f"{where}: expected y for {rows} rows as X has, got shape {_shape(array)}")
    if loss.takes_classes and (array.ndim == 1 or array.shape == (rows, 1)):
        return _core.read_classes(array.reshape(rows), columns, where), None
    if array.ndim == 1 and columns == 1:
        array = array.reshape(rows, 1)
    if array.shape != (rows, columns):
        raise ValueError(
            f"{where}: expected y of shape [{rows}, {columns}] for this network and "
            f"{loss.name}, got shape {_shape(array)}"
        )
    values = _core.read_values(array, loss, dtype, where)
    if array.dtype is not _FLOAT32:
        warn_of_precision(precision_problem(array, dtype, where, "y"))
    return None, values


def sample_weights(
    weight: ArrayLike | None, *, rows: int, where: str, absolute: Dtype | None = None
) -> NDArray[np.float64] | None:
    """A copy of weights [rows], finite and at least 0, not all 0; None stays None.

    Args:
        absolute: None: weights count relative to each other, so that very small or large ones may
            be scaled by a power of two; else the type whose range the largest one must lie in.
    """
    if weight is None:
        return None
    array = _numbers(weight, where, "sample_weight")
    if array.shape != (rows,):
        raise ValueError(
            f"{where}: expected sample_weight of shape ({rows},), got shape {_shape(array)}"
        )
    return _core.read_weights(array, absolute, where)


def labels(y: ArrayLike, *, rows: int, where: str) -> NDArray[Any]:
    """Labels [rows] of classes: numbers or texts, as they come."""
    y = frames.plain_labels(y, where)
    array = np.asarray(y) if _is_text(y) else _numbers(y, where, "y")
    if array.shape == (rows, 1):
        array = array[:, 0]
    if array.shape != (rows,):
        raise ValueError(f"{where}: expected y for {rows} rows as X has, got shape {_shape(array)}")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        row = int(np.flatnonzero(~np.isfinite(array))[0])
        raise ValueError(f"{where}: expected finite labels in y, got {array[row]} in row {row}")
    return array


def _is_text(values: ArrayLike) -> bool:
    try:
        return np.asarray(values).dtype.kind in "US"
    except ValueError:  # rows of unequal lengths
        return False


def contiguous(values: ArrayLike, *, dtype: Dtype, where: str, name: str) -> NDArray[Any]:
    """Numbers of any shape in C order and the given type; TypeError for anything else."""
    return np.ascontiguousarray(_numbers(values, where, name), dtype=dtype)


def _numbers(values: ArrayLike, where: str, name: str) -> NDArray[Any]:
    array = values if type(values) is np.ndarray else _as_array(values, where, name)
    kind = array.dtype.kind
    if kind not in "fiub":
        raise TypeError(f"{where}: expected numbers in {name}, got {not_numbers(array, name)}")
    if kind == "f" and array.dtype.itemsize > 8:
        return array.astype(np.float64)
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def _as_array(values: ArrayLike, where: str, name: str) -> NDArray[Any]:
    if type(values) not in NO_FRAMES:
        values = frames.plain_array(values, f"{where}, {name}")
    # Not by numpy.ma, which is imported when named: slowly, and never in the child of some forks.
    mask = getattr(values, "mask", None)
    if isinstance(mask, np.ndarray) and mask.any():
        raise TypeError(f"{where}: expected numbers in {name}, got masked values; fill them first")
    try:
        return np.asarray(values)
    except ValueError as error:
        got = "rows of unequal lengths" if "inhomogeneous" in str(error) else str(error)
        raise ValueError(f"{where}: expected {name} as a table of numbers, got {got}") from None


def not_numbers(array: NDArray[Any], name: str) -> str:
    """What an array holds instead of numbers, and what to do about it."""
    kind = array.dtype.kind
    hint = "; class indices are numpy.unique(y, return_inverse=True)[1]" if name == "y" else ""
    if kind in "US":
        return "text" + hint
    if kind == "O":
        if array.ndim == 0:
            return "None" if array.item() is None else f"a {type(array.item()).__name__}"
        for place, value in np.ndenumerate(array):
            if not isinstance(value, int | float | np.number | np.bool_):
                axes = zip(("row", "column"), place, strict=False)
                found = " ".join(f"{axis} {index}" for axis, index in axes)
                if isinstance(value, str):
                    return f"text, {value!r:.40} in {found}{hint}"
                return f"Python objects (dtype object), such as {value!r:.40} in {found}"
        return "Python objects (dtype object); convert with numpy.asarray(..., dtype=float)"
    names = {"c": "complex numbers", "M": "dates", "m": "time differences"}
    return names.get(kind, f"dtype {array.dtype}")


def _check_values(
    array: NDArray[Any],
    dtype: Dtype,
    where: str,
    name: str,
    names: Names | None = None,
    nan_allowed: bool = False,
) -> None:
    if array.dtype.kind != "f":
        return
    size = array.dtype.itemsize
    limit = _LARGEST[4 if dtype == "float32" else max(size, 4)]
    for first in range(0, len(array), _CHUNK):
        chunk = array[first : first + _CHUNK]
        chunk = chunk if size >= 4 else chunk.astype(np.float32)
        if not _core.values_within(chunk, limit, nan_allowed):
            _refuse_floats(chunk, first, where, name, names, nan_allowed)


def _refuse_floats(
    chunk: NDArray[Any],
    first: int,
    where: str,
    name: str,
    names: Names | None,
    nan_allowed: bool,
) -> None:
    finite = ~np.isinf(chunk) if nan_allowed else np.isfinite(chunk)
    if not finite.all():
        row, column = np.argwhere(~finite)[0]
        raise ValueError(
            f"{where}: expected finite numbers in {name}, got {chunk[row, column]} "
            f"in row {first + row}, {_column(int(column), names)}"
        )
    raise ValueError(
        f"{where}: {name} holds values beyond float32's range (3.4e38); "
        "scale them, or use dtype='float64'"
    )


def precision_problem(
    array: NDArray[Any],
    dtype: Dtype,
    where: str,
    name: str,
    *,
    names: Names | None = None,
    subtracts: bool = False,
) -> str | None:
    """What to warn of where `dtype` cannot hold values apart; None where it can.

    Args:
        subtracts: the network first subtracts a mean in float64.
    """
    kind, size = array.dtype.kind, array.dtype.itemsize
    # One row tells nothing of how close together a column's values are.
    if kind == "f" and size == 8 and dtype == "float32" and not subtracts and len(array) > 1:
        for column in _core.narrow_columns(array):
            if _joins(array[:, column], dtype):
                return (
                    f"{where}: {_column(column, names)} of {name} holds values so close together, "
                    f"for their size, that {dtype} makes many of them one. {_ADVICE[name]}"
                )
    if kind not in "iu":
        return None
    held: Dtype = "float64" if subtracts else dtype
    digits = 24 if held == "float32" else 53
    if size * 8 <= digits:
        return None
    if max(-int(array.min(initial=0)), int(array.max(initial=0))) <= 2**digits:
        return None
    for column in range(array.shape[1]):
        values = array[:, column]
        beyond = max(-int(values.min(initial=0)), int(values.max(initial=0))) > 2**digits
        if beyond and (not subtracts or _joins(values, held)):
            return (
                f"{where}: {_column(column, names)} of {name} holds whole numbers beyond {held}'s "
                f"exact range (2^{digits}); they are rounded. "
                + ("Subtract a typical one first" if held == "float64" else _ADVICE[name])
            )
    return None


def warn_of_precision(problem: str | None) -> None:
    """Warn of what `precision_problem` found, at the user's line."""
    if problem is not None:
        warnings.warn(problem, stacklevel=stack_level())


def _joins(values: NDArray[Any], dtype: Dtype) -> bool:
    """Whether more than a tenth of the first distinct values fall together in `dtype`."""
    distinct = np.unique(values[:_CHUNK])
    return len(np.unique(distinct.astype(dtype))) < 0.9 * len(distinct)


def _column(column: int, names: Names | None) -> str:
    return f"column {column}" + ("" if names is None else f" ({names[column]!r})")


def _shape(array: NDArray[Any]) -> str:
    return str(tuple(array.shape))
