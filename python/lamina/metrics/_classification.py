"""Metrics of decisions: which class each row was given, against the true one."""

from collections.abc import Callable
from typing import Literal, overload

import numpy as np

from lamina._checks.types import ArrayLike, NDArray
from lamina.metrics._arguments import Array, Classes, Floats, Task, classes, sums

Average = Literal["auto", "binary", "macro", "micro", "weighted"]
Normalize = Literal["true", "pred", "all"]
AVERAGES = ("auto", "binary", "macro", "micro", "weighted")


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
    given = classes("accuracy", y_true, y_pred, sample_weight, task, decisions=True)
    right = given.decided(threshold) == given.truth
    return _mean(right.all(axis=1) if given.task == "multilabel" else right, given.weight)


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
    given = classes("label_accuracy", y_true, y_pred, sample_weight, task, decisions=True)
    if given.task == "multiclass":
        raise ValueError(
            "label_accuracy: expected many labels at once, got one class a row; take accuracy"
        )
    right = given.decided(threshold) == given.truth
    return _mean(right.mean(axis=1) if given.task == "multilabel" else right, given.weight)


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
    given = classes("precision", y_true, y_pred, sample_weight, task, decisions=True)
    counts = _counts(given, threshold)
    return _averaged(given, average, counts, lambda right, chosen, true: (right, chosen))


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
    given = classes("recall", y_true, y_pred, sample_weight, task, decisions=True)
    counts = _counts(given, threshold)
    return _averaged(given, average, counts, lambda right, chosen, true: (right, true))


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
    given = classes("f1", y_true, y_pred, sample_weight, task, decisions=True)
    counts = _counts(given, threshold)
    return _averaged(given, average, counts, lambda right, chosen, true: (2 * right, chosen + true))


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
    given = _one_class_a_row("balanced_accuracy", y_true, y_pred, sample_weight, task)
    right, _, true, _ = _counts(given, threshold)
    occurs = true > 0.0
    return float((right[occurs] / true[occurs]).mean())


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
    given = _one_class_a_row("matthews_correlation", y_true, y_pred, sample_weight, task)
    right, chosen, true, _ = (part / given.weight.sum() for part in _counts(given, threshold))
    # Of one class alone the variance is 0, whatever is left by rounding.
    if np.count_nonzero(true) == 1 or np.count_nonzero(chosen) == 1:
        return 0.0
    covariance = right.sum() - true @ chosen
    return float(covariance / np.sqrt((1.0 - true @ true) * (1.0 - chosen @ chosen)))


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
    if normalize not in (None, "true", "pred", "all"):
        raise ValueError(
            f"confusion_matrix: expected normalize 'true', 'pred', 'all' or None, got {normalize!r}"
        )
    given = classes("confusion_matrix", y_true, y_pred, sample_weight, task, decisions=True)
    matrix = _matrix(given, threshold)
    if normalize is not None:
        axes = {"true": (-1,), "pred": (-2,), "all": (-2, -1)}[normalize]
        total = matrix.sum(axis=axes, keepdims=True)
        return matrix / np.where(total == 0.0, 1.0, total)
    return matrix.astype(np.int64) if sample_weight is None else matrix


def _one_class_a_row(
    name: str,
    y_true: ArrayLike,
    y_pred: ArrayLike,
    sample_weight: ArrayLike | None,
    task: Task | None,
) -> Classes:
    given = classes(name, y_true, y_pred, sample_weight, task, decisions=True)
    if given.task == "multilabel":
        raise ValueError(
            f"{name}: expected one class a row, got many labels at once; give one label's column, "
            "or take f1"
        )
    return given


def _mean(right: Array, weight: Floats) -> float:
    return float(np.average(right, weights=weight))


def _matrix(given: Classes, threshold: float | None) -> Floats:
    """Weights of the rows by true and chosen class [classes, classes], or [labels, 2, 2]."""
    truth, chosen = given.truth, given.decided(threshold)
    if given.task != "multilabel":
        count = given.count
        return sums(truth * count + chosen, given.weight, count * count).reshape(count, count)
    pairs = 2 * truth.astype(np.int64) + chosen
    return np.stack([sums(pair, given.weight, 4).reshape(2, 2) for pair in pairs.T])


def _counts(given: Classes, threshold: float | None) -> tuple[Floats, Floats, Floats, Array]:
    """Of each class the weight of right, chosen and true rows, and whether any row has it."""
    if given.task == "multilabel":
        matrix = _matrix(given, threshold)
        right, chosen = matrix[:, 1, 1], matrix[:, :, 1].sum(axis=1)
        return right, chosen, matrix[:, 1].sum(axis=1), np.ones(len(right), dtype=bool)
    # Not by the matrix: of many classes it would be far larger than these.
    truth, decided, count = given.truth, given.decided(threshold), given.count
    right = sums(truth, given.weight * (truth == decided), count)
    occurs = np.bincount(truth, minlength=count) + np.bincount(decided, minlength=count) > 0
    return right, sums(decided, given.weight, count), sums(truth, given.weight, count), occurs


def _averaged(
    given: Classes,
    average: Average | None,
    counts: tuple[Floats, Floats, Floats, Array],
    parts: Callable[[Floats, Floats, Floats], tuple[Floats, Floats]],
) -> float | Floats:
    """A ratio of counts by class, averaged; `parts` gives its numerator and denominator."""
    if average not in (*AVERAGES, None):
        raise ValueError(
            f"{given.name}: expected average {', '.join(AVERAGES)} or None, got {average!r}"
        )
    right, chosen, true, occurs = counts
    two = given.task != "multilabel" and given.count == 2
    if average == "binary" or (average == "auto" and (two or given.task == "binary")):
        _check_positive(given, two)
        right, chosen, true = right[-1:], chosen[-1:], true[-1:]
        occurs = np.array([True])
    elif average == "micro":
        right, chosen, true = (part.sum(keepdims=True) for part in (right, chosen, true))
        occurs = np.array([True])
    above, below = parts(right, chosen, true)
    ratios = np.divide(above, below, out=np.zeros(len(below)), where=below > 0.0)
    if average is None:
        return ratios
    if average == "weighted":
        return float(ratios @ true / true.sum()) if true.any() else 0.0
    return float(ratios[occurs].mean())


def _check_positive(given: Classes, two: bool) -> None:
    """Which of two classes is class 1 must be known."""
    if not two:
        got = "many labels at once" if given.task == "multilabel" else f"{given.count} classes"
        raise ValueError(
            f"{given.name}: expected two classes for average='binary', got {got}; take 'macro', "
            "'micro' or 'weighted'"
        )
    if given.labels.tolist() not in ([0, 1], [-1, 1]):
        raise ValueError(
            f"{given.name}: expected classes 0 and 1, or -1 and 1, got "
            f"{' and '.join(map(repr, given.labels.tolist()))}; which of them is meant? Give "
            "(y_true == it, y_pred == it), or average='macro'"
        )
