"""Metrics of decisions: which class each row was given, against the true one."""

from typing import Literal, overload

import numpy as np

from lamina._checks.types import ArrayLike, NDArray
from lamina.metrics._arguments import Floats, Task, measure_classes

Average = Literal["auto", "binary", "macro", "micro", "weighted"]
Normalize = Literal["true", "pred", "all"]


def accuracy(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    task: Task | None = None,
    threshold: float | None = None,
) -> float:
    """Share of rows that are right; with many labels at once of those whose labels are all right.

    Arguments as `lamina.metrics` has them. Equals scikit-learn's `accuracy_score` of the decisions.
    """
    value: float = measure_classes(
        "accuracy", y_true, y_pred, sample_weight, decisions=True, task=task, threshold=threshold
    )
    return value


def label_accuracy(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    task: Task | None = None,
    threshold: float | None = None,
) -> float:
    """Share of labels that are right, of many labels at once: 1 - scikit-learn's `hamming_loss`.

    Raises:
        ValueError: rows have one of several classes; their share is `accuracy`.
    """
    value: float = measure_classes(
        "label_accuracy",
        y_true,
        y_pred,
        sample_weight,
        decisions=True,
        task=task,
        threshold=threshold,
    )
    return value


@overload
def precision(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    average: Average = "auto",
    task: Task | None = None,
    threshold: float | None = None,
) -> float: ...


@overload
def precision(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    average: None,
    task: Task | None = None,
    threshold: float | None = None,
) -> Floats: ...


def precision(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    average: Average | None = "auto",
    task: Task | None = None,
    threshold: float | None = None,
) -> float | Floats:
    """Share of the rows chosen for a class that are of it; 0 for a class chosen for none.

    Args:
        average: "auto": "binary" for two classes, else "macro". "binary": of class 1. "macro":
            mean over the classes that occur in y_true or are chosen, or over all labels. "micro":
            over all choices together. "weighted": mean by the true rows of each class. None: an
            array [classes].
    """
    value: float | Floats = measure_classes(
        "precision",
        y_true,
        y_pred,
        sample_weight,
        decisions=True,
        average=average,
        task=task,
        threshold=threshold,
    )
    return value


@overload
def recall(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    average: Average = "auto",
    task: Task | None = None,
    threshold: float | None = None,
) -> float: ...


@overload
def recall(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    average: None,
    task: Task | None = None,
    threshold: float | None = None,
) -> Floats: ...


def recall(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    average: Average | None = "auto",
    task: Task | None = None,
    threshold: float | None = None,
) -> float | Floats:
    """Share of the rows of a class that are chosen for it; 0 for a class without rows.

    Args:
        average: as in `precision`.
    """
    value: float | Floats = measure_classes(
        "recall",
        y_true,
        y_pred,
        sample_weight,
        decisions=True,
        average=average,
        task=task,
        threshold=threshold,
    )
    return value


@overload
def f1(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    average: Average = "auto",
    task: Task | None = None,
    threshold: float | None = None,
) -> float: ...


@overload
def f1(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    average: None,
    task: Task | None = None,
    threshold: float | None = None,
) -> Floats: ...


def f1(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    average: Average | None = "auto",
    task: Task | None = None,
    threshold: float | None = None,
) -> float | Floats:
    """Harmonic mean of `precision` and `recall` of each class; 0 where neither has a row.

    Args:
        average: as in `precision`.
    """
    value: float | Floats = measure_classes(
        "f1",
        y_true,
        y_pred,
        sample_weight,
        decisions=True,
        average=average,
        task=task,
        threshold=threshold,
    )
    return value


def balanced_accuracy(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    task: Task | None = None,
    threshold: float | None = None,
) -> float:
    """Mean of the recalls of the classes that occur in y_true (Brodersen et al. 2010).

    Raises:
        ValueError: many labels at once.
    """
    value: float = measure_classes(
        "balanced_accuracy",
        y_true,
        y_pred,
        sample_weight,
        decisions=True,
        task=task,
        threshold=threshold,
    )
    return value


def matthews_correlation(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    task: Task | None = None,
    threshold: float | None = None,
) -> float:
    """Correlation of true and chosen classes, in [-1, 1] (Matthews 1975; Gorodkin 2004 for many).

    0 where all rows are of one class, or chosen for one.

    Raises:
        ValueError: many labels at once.
    """
    value: float = measure_classes(
        "matthews_correlation",
        y_true,
        y_pred,
        sample_weight,
        decisions=True,
        task=task,
        threshold=threshold,
    )
    return value


def confusion_matrix(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    normalize: Normalize | None = None,
    task: Task | None = None,
    threshold: float | None = None,
) -> NDArray[np.int64] | Floats:
    """How many rows of each class (first axis) were chosen for which class (second axis).

    Args:
        normalize: "true": shares of the rows of each class, "pred": of each choice, "all": of all;
            0 where there are none. None: counts of rows, or sums of their weights where given.

    Returns:
        [classes, classes]; of many labels at once [labels, 2, 2], a matrix each, as scikit-learn's
        `multilabel_confusion_matrix`.
    """
    matrix: Floats = measure_classes(
        "confusion_matrix",
        y_true,
        y_pred,
        sample_weight,
        decisions=True,
        normalize=normalize,
        task=task,
        threshold=threshold,
    )
    return matrix.astype(np.int64) if sample_weight is None and normalize is None else matrix
