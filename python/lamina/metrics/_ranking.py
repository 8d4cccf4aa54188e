"""Metrics of the order in which scores put rows or classes."""

import warnings
from collections.abc import Callable
from typing import Literal, overload

import numpy as np

from lamina._checks.numbers import check_whole
from lamina._checks.stack_level import stack_level
from lamina._checks.types import ArrayLike, NDArray
from lamina.metrics._arguments import Classes, Floats, Task, classes, sums

Average = Literal["macro", "micro", "weighted"]
Area = Callable[[NDArray[np.bool_], Floats, Floats], float]


@overload
def roc_auc(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    average: Average = "macro",
    task: Task | None = None,
) -> float: ...


@overload
def roc_auc(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    average: None,
    task: Task | None = None,
) -> Floats: ...


def roc_auc(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    average: Average | None = "macro",
    task: Task | None = None,
) -> float | Floats:
    """Area under the ROC curve; of several classes against the rest, or of many labels, averaged.

    The area is the chance that a row of the class scores above a row outside it, equal scores
    counting one half. Classes and labels that have no rows, or all of them, have no area and are
    left out; NaN if that leaves none.

    Args:
        average: "macro": mean over classes or labels. "weighted": by their true rows. "micro": one
            area over all pairs of row and column. None: an array [classes]. Two classes have one
            area, of class 1.
    """
    given = classes("roc_auc", y_true, y_pred, sample_weight, task)
    return _averaged(given, average, _roc_area)


@overload
def average_precision(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    average: Average = "macro",
    task: Task | None = None,
) -> float: ...


@overload
def average_precision(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    average: None,
    task: Task | None = None,
) -> Floats: ...


def average_precision(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    average: Average | None = "macro",
    task: Task | None = None,
) -> float | Floats:
    """Sum over falling thresholds of precision times gain in recall; averaged as in `roc_auc`.

    A label without true rows, or class 1 of two, has 0, as in scikit-learn's
    `average_precision_score`; of more classes those without rows are left out.

    Warns:
        UserWarning: no true rows.
    """
    given = classes("average_precision", y_true, y_pred, sample_weight, task)
    if given.task == "multilabel" or given.count == 2:
        columns = range(given.count) if given.task == "multilabel" else [1]
        empty = [k for k in columns if not (given.holds(k) & (given.weight > 0.0)).any()]
        if empty:
            which = f"label {empty[0]}" if given.task == "multilabel" else "class 1"
            warnings.warn(
                f"average_precision: {which} has no true rows, and counts as 0",
                stacklevel=stack_level(),
            )
    return _averaged(given, average, _average_precision)


def top_k_accuracy(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    k: int = 2,
    task: Task | None = None,
) -> float:
    """Share of rows whose true class is among the k with the largest outputs.

    Of equal outputs those of later classes come first, as in scikit-learn's `top_k_accuracy_score`.

    Args:
        k: at least 1.

    Raises:
        ValueError: many labels at once.

    Warns:
        UserWarning: there are no more than k classes, so that every row counts as right.
    """
    check_whole(k, "k", "top_k_accuracy")
    given = classes("top_k_accuracy", y_true, y_pred, sample_weight, task)
    if given.task == "multilabel":
        raise ValueError("top_k_accuracy: expected one class a row, got many labels at once")
    if k >= given.count:
        warnings.warn(
            f"top_k_accuracy: the true class is always among the {k} largest of {given.count}",
            stacklevel=stack_level(),
        )
        return 1.0
    if given.outputs.shape[1] == 1:
        right = given.decided(None) == given.truth
    else:
        order = np.argsort(given.outputs, axis=1, kind="stable")[:, ::-1]
        right = (order[:, :k] == given.truth[:, None]).any(axis=1)
    return float(np.average(right, weights=given.weight))


def _averaged(given: Classes, average: Average | None, area: Area) -> float | Floats:
    """An area by class or label, averaged."""
    if average not in ("macro", "micro", "weighted", None):
        raise ValueError(
            f"{given.name}: expected average macro, micro, weighted or None, got {average!r}"
        )
    scores, weight = given.outputs, given.weight
    if given.task != "multilabel" and given.count == 2:
        one = area(given.holds(1), scores[:, -1], weight)
        return np.array([one]) if average is None else one
    columns = range(scores.shape[1])
    if average == "micro":
        holds = np.stack([given.holds(k) for k in columns], axis=1)
        return area(holds.ravel(), scores.ravel(), np.repeat(weight, len(columns)))
    areas = np.array([area(given.holds(k), scores[:, k], weight) for k in columns])
    if average is None:
        return areas
    sizes = np.array([weight[given.holds(k)].sum() for k in columns])
    defined = ~np.isnan(areas)
    if given.task == "multiclass":
        defined &= sizes > 0.0
    shares = sizes * defined if average == "weighted" else defined.astype(np.float64)
    if not shares.any():
        return 0.0 if defined.any() else float("nan")
    return float(np.average(np.where(defined, areas, 0.0), weights=shares))


def _groups(positive: NDArray[np.bool_], score: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Weights of positive and other rows by equal scores, these rising."""
    _, group = np.unique(score, return_inverse=True)
    return sums(group, weight * positive), sums(group, weight * ~positive)


def _roc_area(positive: NDArray[np.bool_], score: Floats, weight: Floats) -> float:
    """Weighted rank statistic over groups of equal scores; NaN of one class."""
    inside, outside = _groups(positive, score, weight)
    pairs = inside.sum() * outside.sum()
    if pairs <= 0.0:
        return float("nan")
    below = np.cumsum(outside) - outside
    return float((inside * (below + 0.5 * outside)).sum() / pairs)


def _average_precision(positive: NDArray[np.bool_], score: Floats, weight: Floats) -> float:
    """Steps of recall, from the largest score down, times the precision there; 0 of no rows."""
    inside, outside = (part[::-1] for part in _groups(positive, score, weight))
    found, taken = np.cumsum(inside), np.cumsum(inside + outside)
    if found[-1] <= 0.0:
        return 0.0
    precisions = np.divide(found, taken, out=np.zeros(len(taken)), where=taken > 0.0)
    return float(inside @ precisions / found[-1])
