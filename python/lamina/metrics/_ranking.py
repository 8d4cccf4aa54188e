"""Metrics of the order in which scores put rows or classes."""

from typing import Literal, overload

from lamina._checks.types import ArrayLike
from lamina.metrics._arguments import Floats, Task, measure_classes

Average = Literal["macro", "micro", "weighted"]


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
    value: float | Floats = measure_classes(
        "roc_auc", y_true, y_pred, sample_weight, average=average, task=task
    )
    return value


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
    value: float | Floats = measure_classes(
        "average_precision", y_true, y_pred, sample_weight, average=average, task=task
    )
    return value


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
    value: float = measure_classes("top_k_accuracy", y_true, y_pred, sample_weight, k=k, task=task)
    return value
