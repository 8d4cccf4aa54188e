"""What metrics are given, as plain arrays: true classes or values, outputs, weights of the rows."""

import warnings
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from lamina._checks.arrays import not_numbers
from lamina._checks.stack_level import stack_level
from lamina._checks.types import ArrayLike, NDArray

Array = NDArray[Any]
Floats = NDArray[np.float64]
Task = Literal["binary", "multiclass", "multilabel"]

TASKS = ("binary", "multiclass", "multilabel")
# Targets are probabilities where their rows sum to 1 up to the rounding of half precision.
_SUM_SLACK = 1e-2


@dataclass(frozen=True)
class Classes:
    """True classes beside the outputs that should tell them.

    Attributes:
        name: of the metric, for errors. task: "binary", "multiclass" or "multilabel".
        truth: class indices [rows]; of many labels whether each holds [rows, labels].
        soft: y_true [rows, columns] where it holds probabilities other than 0 and 1, else None.
        scores: outputs [rows, columns]; None where y_pred holds classes.
        chosen: class indices [rows] where y_pred holds classes, else None.
        labels: what the class indices stand for [classes].
        signed: y_true holds -1 and 1, so that outputs are chosen above 0.
        weight: of each row [rows]. rounding: rounding unit of y_pred's type.
    """

    name: str
    task: Task
    truth: Array
    soft: Floats | None
    scores: Floats | None
    chosen: Array | None
    labels: Array
    signed: bool
    weight: Floats
    rounding: float

    @property
    def count(self) -> int:
        """Classes, or labels where there are many at once."""
        return self.truth.shape[1] if self.task == "multilabel" else len(self.labels)

    @property
    def outputs(self) -> Floats:
        """The scores [rows, columns]; ValueError where y_pred holds texts."""
        if self.scores is None:
            raise ValueError(f"{self.name}: expected outputs of a network in y_pred, got classes")
        return self.scores

    def holds(self, column: int) -> NDArray[np.bool_]:
        """Whether each row is of this class, or has this label [rows]."""
        rows = self.truth[:, column] if self.task == "multilabel" else self.truth == column
        result: NDArray[np.bool_] = np.asarray(rows, dtype=np.bool_)
        return result

    def decided(self, threshold: float | None) -> Array:
        """The class of each row [rows], or whether each label is chosen [rows, labels]."""
        if self.chosen is not None:
            if threshold is not None:
                raise ValueError(f"{self.name}: expected no threshold where y_pred holds classes")
            return self.chosen
        scores = self.outputs
        if self.task == "multiclass" and scores.shape[1] > 2 and threshold is not None:
            raise ValueError(
                f"{self.name}: expected no threshold for {scores.shape[1]} classes, of which the "
                "one with the largest output is chosen"
            )
        limit = (0.0 if self.signed else 0.5) if threshold is None else _number(self, threshold)
        if self.task == "multilabel":
            return scores > limit
        if scores.shape[1] == 1 or threshold is not None:
            return (scores[:, -1] > limit).astype(np.int64)
        largest: Array = scores.argmax(axis=1)
        return largest


def classes(
    name: str,
    y_true: ArrayLike,
    y_pred: ArrayLike,
    sample_weight: ArrayLike | None,
    task: Task | None = None,
    *,
    decisions: bool = False,
) -> Classes:
    """Arguments of a metric of classes, checked against each other; see `lamina.metrics`.

    Args:
        decisions: y_pred [rows] of whole numbers, booleans or texts holds classes.
    """
    if task is not None and task not in TASKS:
        raise ValueError(f"{name}: expected task {', '.join(TASKS)} or None, got {task!r}")
    truth, outputs = _array(name, "y_true", y_true), _array(name, "y_pred", y_pred)
    if decisions and outputs.dtype.kind in "iubU" and (outputs.ndim == 1 or outputs.shape[1] == 1):
        return _of_decisions(name, truth, outputs.reshape(-1), sample_weight, task)
    for argument, array in (("y_pred", outputs), ("y_true", truth)):
        if array.dtype.kind == "U":
            raise TypeError(
                f"{name}: expected numbers in {argument}, got text; class indices are "
                "numpy.unique(labels, return_inverse=True)[1]"
            )
    rounding = float(np.finfo(outputs.dtype if outputs.dtype.kind == "f" else np.float64).eps)
    scores, truth = _matrix(outputs), truth.astype(np.float64)
    _check_finite(name, "y_pred", scores)
    _check_finite(name, "y_true", truth)
    if len(truth) != len(scores):
        raise ValueError(f"{name}: expected {len(scores)} labels, got {len(truth)}")
    found = task or _task_of(name, truth, scores)
    indices, soft, signed = _truth(name, truth, scores, found)
    weight = weights(name, sample_weight, len(scores))
    labels = np.arange(max(scores.shape[1], 2))
    return Classes(name, found, indices, soft, scores, None, labels, signed, weight, rounding)


def values(
    name: str, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None
) -> tuple[Floats, Floats, Floats]:
    """Targets and predictions, both [rows, outputs], and the weights [rows]."""
    truth, prediction = (number_matrix(name, *a) for a in (("y_true", y_true), ("y_pred", y_pred)))
    if truth.shape != prediction.shape:
        raise ValueError(
            f"{name}: expected y_pred of shape {truth.shape} like y_true, got {prediction.shape}"
        )
    return truth, prediction, weights(name, sample_weight, len(truth))


def number_matrix(name: str, argument: str, given: ArrayLike) -> Floats:
    """Finite numbers [rows, columns] in float64."""
    array = _array(name, argument, given)
    if array.dtype.kind == "U":
        raise TypeError(f"{name}: expected numbers in {argument}, got text")
    matrix = _matrix(array)
    _check_finite(name, argument, matrix)
    return matrix


def weights(name: str, sample_weight: ArrayLike | None, rows: int) -> Floats:
    """Weights [rows], finite and at least 0, not all 0; None: 1 each."""
    if sample_weight is None:
        return np.ones(rows)
    array = _array(name, "sample_weight", sample_weight)
    if array.dtype.kind == "U":
        raise TypeError(f"{name}: expected numbers in sample_weight, got text")
    weight = array.astype(np.float64)
    if weight.shape != (rows,):
        raise ValueError(f"{name}: expected {rows} sample weights, got shape {weight.shape}")
    if not np.isfinite(weight).all() or weight.min() < 0.0 or weight.max() <= 0.0:
        raise ValueError(f"{name}: expected finite weights of at least 0, not all 0")
    # The largest weight is 1: sums neither overflow nor vanish, and their ratios stay.
    return weight / weight.max() if not 1e-100 < weight.max() < 1e100 else weight


def sums(places: Array, weight: Array, count: int = 0) -> Floats:
    """Sums of the weights by place, [count] or as many as there are places."""
    return np.asarray(np.bincount(places, weight, count), dtype=np.float64)


def check_probabilities(given: Classes) -> Floats:
    """The scores as probabilities; ValueError beyond 0 and 1, a warning where rows do not add up.

    Those off by no more than rounding are brought into [0, 1].
    """
    # Numbers of float64 may have been computed in float32.
    scores, rounding = given.outputs, max(given.rounding, float(np.finfo(np.float32).eps))
    slack = 16.0 * rounding
    low, high = float(scores.min()), float(scores.max())
    if low < -slack or high > 1.0 + slack:
        wrong = low if low < -slack else high
        raise ValueError(
            f"{given.name}: expected probabilities between 0 and 1 in y_pred, got {wrong:.6g}"
        )
    if given.task == "multiclass":
        off = np.abs(scores.sum(axis=1) - 1.0)
        if off.max() > np.sqrt(rounding):
            row = int(off.argmax())
            warnings.warn(
                f"{given.name}: expected the probabilities of each row in y_pred to sum to 1, got "
                f"{scores[row].sum():.6g} in row {row}",
                stacklevel=stack_level(),
            )
    return scores if low >= 0.0 and high <= 1.0 else np.clip(scores, 0.0, 1.0)


def _of_decisions(
    name: str, truth: Array, chosen: Array, sample_weight: ArrayLike | None, task: Task | None
) -> Classes:
    """Where y_pred holds classes: numbers or texts, as y_true does."""
    if (truth.ndim == 2 and truth.shape[1] > 1) or task == "multilabel":
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
        _check_finite(name, "y_true", truth)
        if (wrong := truth[truth != np.floor(truth)]).size:
            raise ValueError(f"{name}: expected classes in y_true, got {wrong[0]:.6g}")
    labels, indices = np.unique(np.concatenate([truth, chosen]), return_inverse=True)
    for usual in ([0, 1], [-1, 1]):
        if labels.dtype.kind != "U" and np.isin(labels, usual).all():
            labels, indices = np.array(usual), np.searchsorted(usual, labels)[indices]
            break
    found = task or ("binary" if len(labels) <= 2 else "multiclass")
    if found == "binary" and len(labels) > 2:
        raise ValueError(f"{name}: expected two classes for task binary, got {len(labels)}")
    weight, rows = weights(name, sample_weight, len(chosen)), len(truth)
    return Classes(
        name, found, indices[:rows], None, None, indices[rows:], labels, False, weight, 0.0
    )


def _task_of(name: str, truth: Array, scores: Floats) -> Task:
    """What the shapes say; a matrix of 0 and 1 is many labels unless it is one-hot."""
    if scores.shape[1] == 1:
        return "binary"
    if truth.ndim == 1 or truth.shape[1] == 1:
        return "multiclass"
    shares = np.abs(truth.sum(axis=1) - 1.0).max() <= _SUM_SLACK
    if np.isin(truth, (0.0, 1.0)).all():
        one_of_many = shares and np.abs(scores.sum(axis=1) - 1.0).max() <= _SUM_SLACK
        return "multiclass" if one_of_many else "multilabel"
    if np.isin(truth, (-1.0, 1.0)).all():
        return "multilabel"
    if shares and truth.min() >= 0.0:
        return "multiclass"
    raise ValueError(
        f"{name}: expected class indices, 0 and 1, or probabilities that sum to 1 in the rows of "
        "y_true; give task='multilabel' where each column is a label of its own"
    )


def _truth(
    name: str, truth: Array, scores: Floats, task: Task
) -> tuple[Array, Floats | None, bool]:
    """Class indices [rows] or labels [rows, labels], soft targets, and whether they are signs."""
    columns = scores.shape[1]
    if task == "multilabel" or columns == 1:
        truth = _matrix(truth)
        if truth.shape != scores.shape:
            raise ValueError(
                f"{name}: expected y_true of shape {scores.shape} like y_pred, got {truth.shape}"
            )
        signed = bool((truth < 0.0).any())
        if (signed and not np.isin(truth, (-1.0, 1.0)).all()) or truth.max() > 1.0:
            raise ValueError(
                f"{name}: expected class indices 0 to 1 in y_true (or -1 and 1, or probabilities "
                f"of class 1), got {truth.max() if truth.max() > 1.0 else truth.min():.6g}"
            )
        hard = signed or np.isin(truth, (0.0, 1.0)).all()
        holds = truth > (0.0 if signed else 0.5)
        indices = holds if task == "multilabel" else holds[:, 0].astype(np.int64)
        return indices, None if hard else truth, signed
    if task == "binary" and columns > 2:
        raise ValueError(f"{name}: expected one or two outputs for task binary, got {columns}")
    if truth.ndim == 2 and truth.shape[1] > 1:
        if truth.shape != scores.shape:
            raise ValueError(
                f"{name}: expected y_true of shape {scores.shape} like y_pred, got {truth.shape}"
            )
        if np.isin(truth, (-1.0, 1.0)).all():
            truth = (truth + 1.0) / 2.0
        if truth.min() < 0.0 or np.abs(truth.sum(axis=1) - 1.0).max() > _SUM_SLACK:
            raise ValueError(f"{name}: expected one-hot rows or probabilities in y_true")
        hard = np.isin(truth, (0.0, 1.0)).all()
        return truth.argmax(axis=1), None if hard else truth, False
    labels = truth.reshape(-1)
    indices = labels.astype(np.int64)
    wrong = labels[(indices != labels) | (indices < 0) | (indices >= columns)]
    if wrong.size:
        raise ValueError(
            f"{name}: expected class indices 0 to {columns - 1} in y_true for {columns} outputs, "
            f"got {wrong[0]:.6g}"
        )
    return indices, None, False


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


def _matrix(array: Array) -> Floats:
    numbers = array.astype(np.float64)
    return numbers[:, None] if numbers.ndim == 1 else numbers


def _check_finite(name: str, argument: str, array: Array) -> None:
    finite = np.isfinite(array)
    if not finite.all():
        place = tuple(np.argwhere(~finite)[0])
        raise ValueError(
            f"{name}: expected finite numbers in {argument}, got {array[place]} in row {place[0]}"
        )


def _number(given: Classes, threshold: float) -> float:
    if isinstance(threshold, bool) or not isinstance(threshold, int | float | np.number):
        raise TypeError(f"{given.name}: expected threshold as a number, got {threshold!r}")
    if not np.isfinite(threshold):
        raise ValueError(f"{given.name}: expected a finite threshold, got {threshold}")
    return float(threshold)
