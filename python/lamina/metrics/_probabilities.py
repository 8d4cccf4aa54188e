"""Metrics of probabilities."""

import numpy as np

from lamina._checks.numbers import check_whole
from lamina._checks.types import ArrayLike
from lamina.metrics._arguments import Classes, Floats, Task, check_probabilities, classes, sums


def log_loss(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    task: Task | None = None,
) -> float:
    """Mean negative logarithm (natural) of the probability given to the true class.

    With many labels at once the mean over labels of each label's. Probabilities in y_true count by
    their share: the cross-entropy. Those in y_pred are first brought into [e, 1 - e], with e the
    rounding unit of their own type, so that the result is finite.

    Warns:
        UserWarning: rows of probabilities that do not sum to 1.
    """
    given = classes("log_loss", y_true, y_pred, sample_weight, task)
    chances, unit = check_probabilities(given), given.rounding
    if given.task == "multilabel" or chances.shape[1] == 1:
        true, chances = _targets(given), np.clip(chances, unit, 1.0 - unit)
        losses = -(true * np.log(chances) + (1.0 - true) * np.log1p(-chances)).mean(axis=1)
    elif given.soft is None:
        chosen = chances[np.arange(len(chances)), given.truth]
        losses = -np.log(np.clip(chosen, unit, 1.0 - unit))
    else:
        losses = -(given.soft * np.log(np.clip(chances, unit, 1.0 - unit))).sum(axis=1)
    return float(np.average(losses, weights=given.weight))


def brier_score(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    task: Task | None = None,
) -> float:
    """Mean squared difference between probabilities and what came true (Brier 1950).

    For two classes that of class 1, in [0, 1]; for more the sum over the classes, in [0, 2], as in
    scikit-learn's `brier_score_loss`; with many labels at once the mean over the labels.

    Warns:
        UserWarning: rows of probabilities that do not sum to 1.
    """
    given = classes("brier_score", y_true, y_pred, sample_weight, task)
    squares = (check_probabilities(given) - _targets(given)) ** 2
    one_of_many = given.task != "multilabel" and squares.shape[1] > 2
    by_row = squares.sum(axis=1) if one_of_many else squares.mean(axis=1)
    return float(np.average(by_row, weights=given.weight))


def expected_calibration_error(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    bins: int = 15,
    task: Task | None = None,
) -> float:
    """How far confidence and accuracy lie apart, in the mean over bins (Guo et al. 2017).

    The confidence is the probability of the chosen class; rows are gathered in bins of equal width
    (k / bins, (k + 1) / bins], and each bin counts by its weight. With many labels at once the mean
    over labels of each label's.

    Args:
        bins: at least 1.
    """
    check_whole(bins, "bins", "expected_calibration_error")
    given = classes("expected_calibration_error", y_true, y_pred, sample_weight, task)
    chances, edges = check_probabilities(given), np.linspace(0.0, 1.0, bins + 1)[1:-1]
    chosen = given.decided(None)
    if given.task == "multilabel" or chances.shape[1] == 1:
        confidences = np.maximum(chances, 1.0 - chances)
    else:
        confidences = chances.max(axis=1, keepdims=True)
    right = (chosen == given.truth).reshape(confidences.shape)
    errors = []
    for column, hits in zip(confidences.T, right.T, strict=True):
        places = np.searchsorted(edges, column, side="left")
        gaps = sums(places, given.weight * (hits - column))
        errors.append(np.abs(gaps).sum() / given.weight.sum())
    return float(np.mean(errors))


def _targets(given: Classes) -> Floats:
    """What should come out, as probabilities of the shape of the outputs."""
    if given.soft is not None:
        return given.soft
    columns = given.outputs.shape[1]
    if given.task == "multilabel" or columns == 1:
        return given.truth.reshape(-1, columns).astype(np.float64)
    return np.equal(given.truth[:, None], np.arange(columns)).astype(np.float64)
