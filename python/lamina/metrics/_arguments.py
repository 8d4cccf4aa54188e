"""What metrics are given, as the arrays that the core reads, and the core's figure of them."""

import warnings
from typing import Any, Literal

import numpy as np

from lamina import _core
from lamina._checks.arrays import not_numbers
from lamina._checks.stack_level import stack_level
from lamina._checks.types import ArrayLike, NDArray

Array = NDArray[Any]
Floats = NDArray[np.float64]
Task = Literal["binary", "multiclass", "multilabel"]


def measure_values(
    name: str,
    y_true: ArrayLike,
    y_pred: ArrayLike,
    sample_weight: ArrayLike | None,
    **options: Any,
) -> float:
    """A metric of targets and predictions, both [rows] or [rows, outputs].

    Raises:
        TypeError, ValueError: no finite numbers, or what does not go together.
    """
    truth, prediction = _array(name, "y_true", y_true), _array(name, "y_pred", y_pred)
    for argument, array in (("y_true", truth), ("y_pred", prediction)):
        if array.dtype.kind == "U":
            raise TypeError(f"{name}: expected numbers in {argument}, got text")
    value = _measure(name, truth, prediction, sample_weight, options)
    return float(value)


def measure_classes(
    name: str,
    y_true: ArrayLike,
    y_pred: ArrayLike,
    sample_weight: ArrayLike | None,
    *,
    decisions: bool = False,
    **options: Any,
) -> Any:
    """A metric of classes; see `lamina.metrics` for how arrays are read.

    Args:
        decisions: y_pred [rows] of whole numbers, booleans or texts holds classes.
        options: of the metric.

    Returns:
        A number, or an array where the options ask for one.

    Raises:
        TypeError, ValueError: no such options, or what does not go together.
    """
    truth, outputs = _array(name, "y_true", y_true), _array(name, "y_pred", y_pred)
    if decisions and outputs.dtype.kind in "iubU" and (outputs.ndim == 1 or outputs.shape[1] == 1):
        return _of_chosen(name, truth, outputs.reshape(-1), sample_weight, options)
    for argument, array in (("y_pred", outputs), ("y_true", truth)):
        if array.dtype.kind == "U":
            raise TypeError(
                f"{name}: expected numbers in {argument}, got text; class indices are "
                "numpy.unique(labels, return_inverse=True)[1]"
            )
    return _measure(name, truth, outputs, sample_weight, options)


def core_numbers(array: Array) -> Array:
    """Numbers as the core reads them: float32 or float64 [rows, columns], or int32 [rows]."""
    if array.dtype == np.int32 and array.ndim == 1:
        return np.ascontiguousarray(array)
    narrow = array.dtype.kind == "f" and array.dtype.itemsize == 4
    numbers = np.ascontiguousarray(array, dtype=np.float32 if narrow else np.float64)
    return numbers[:, None] if numbers.ndim == 1 else numbers


def number_array(name: str, argument: str, given: ArrayLike) -> Array:
    """Numbers [rows] or [rows, columns]; TypeError for texts and others."""
    array = _array(name, argument, given)
    if array.dtype.kind == "U":
        raise TypeError(f"{name}: expected numbers in {argument}, got text")
    return array


def _measure(
    name: str, truth: Array, outputs: Array, sample_weight: ArrayLike | None, options: Any
) -> Any:
    # The core has no type of half precision; its outputs are rounded as they were computed.
    rounding = float(np.finfo(np.float16).eps) if outputs.dtype == np.float16 else 0.0
    numbers = core_numbers(outputs if outputs.dtype.kind == "f" else outputs.astype(np.float64))
    weights = _weights(name, sample_weight, len(outputs))
    return _told(
        *_core.compute_metric(name, core_numbers(truth), numbers, weights, rounding, options)
    )


def _of_chosen(
    name: str, truth: Array, chosen: Array, sample_weight: ArrayLike | None, options: Any
) -> Any:
    """Where y_pred holds classes: numbers or texts, as y_true does."""
    if (truth.ndim == 2 and truth.shape[1] > 1) or options.get("task") == "multilabel":
        raise ValueError(
            f"{name}: expected y_pred of shape {truth.shape} like y_true, got classes of shape "
            f"{chosen.shape}"
        )
    truth = truth.reshape(-1)
    if len(truth) != len(chosen):
        raise ValueError(f"{name}: expected {len(chosen)} labels, got {len(truth)}")
    if (truth.dtype.kind == "U") != (chosen.dtype.kind == "U"):
        raise TypeError(
            f"{name}: expected texts in both y_true and y_pred, or numbers in both, got one each"
        )
    if truth.dtype.kind == "f":
        if not np.isfinite(truth).all():
            row = int(np.argmin(np.isfinite(truth)))
            raise ValueError(
                f"{name}: expected finite numbers in y_true, got {truth[row]} in row {row}"
            )
        if (wrong := truth[truth != np.floor(truth)]).size:
            raise ValueError(f"{name}: expected classes in y_true, got {wrong[0]:.6g}")
    names: list[str] = []
    if not (_holds_int64(truth) and _holds_int64(chosen)):
        labels, places = np.unique(np.concatenate([truth, chosen]), return_inverse=True)
        truth, chosen = places[: len(truth)], places[len(truth) :]
        # Errors name them where there are two; more are never 0 and 1 by chance.
        names = [repr(label) for label in labels.tolist()] if len(labels) <= 2 else []
    weights = _weights(name, sample_weight, len(chosen))
    true, given = (np.ascontiguousarray(part, dtype=np.int64) for part in (truth, chosen))
    return _told(*_core.compute_metric_of_classes(name, true, given, weights, names, options))


def _holds_int64(classes: Array) -> bool:
    """Whether the classes are whole numbers that int64 holds."""
    if classes.dtype.kind in "bi":
        return True
    return classes.dtype.kind in "uf" and bool(np.abs(classes).max() < 2**63)


def _told(value: Any, warning: str) -> Any:
    if warning:
        warnings.warn(warning, stacklevel=stack_level())
    return value


def _weights(name: str, sample_weight: ArrayLike | None, rows: int) -> Floats | None:
    if sample_weight is None:
        return None
    weights = number_array(name, "sample_weight", sample_weight)
    if weights.shape != (rows,):
        raise ValueError(f"{name}: expected {rows} sample weights, got shape {weights.shape}")
    return np.ascontiguousarray(weights, dtype=np.float64)


def _array(name: str, argument: str, given: ArrayLike) -> Array:
    """Numbers or texts [rows] or [rows, columns], with at least one row."""
    try:
        array = np.asarray(given)
    except ValueError as error:
        raise ValueError(
            f"{name}: expected {argument} as an array, got rows of unequal lengths"
        ) from error
    if array.dtype.kind == "O" and array.size and all(isinstance(v, str) for v in array.flat):
        array = array.astype(np.str_)
    elif array.dtype.kind == "O" and all(
        isinstance(v, bool | int | float | np.number | np.bool_) for v in array.flat
    ):
        array = np.array(array.tolist())
    if array.dtype.kind == "S":
        array = array.astype(np.str_)
    mask = getattr(given, "mask", None)
    if isinstance(mask, np.ndarray) and mask.any():
        raise TypeError(
            f"{name}: expected numbers in {argument}, got masked values; fill them first"
        )
    if array.size and array.dtype.kind not in "fiubU":
        raise TypeError(
            f"{name}: expected numbers in {argument}, got {not_numbers(array, argument)}"
        )
    if array.ndim not in (1, 2) or array.size == 0:
        raise ValueError(
            f"{name}: expected {argument} of shape [rows] or [rows, outputs] with at least one "
            f"row, got {array.shape}"
        )
    return array
