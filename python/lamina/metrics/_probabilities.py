"""Metrics of probabilities."""

from lamina._checks.types import ArrayLike
from lamina.metrics._arguments import Task, measure_classes


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
    value: float = measure_classes("log_loss", y_true, y_pred, sample_weight, task=task)
    return value


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
    value: float = measure_classes("brier_score", y_true, y_pred, sample_weight, task=task)
    return value


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
        bins: at least 1, and at most 16,777,216.
    """
    value: float = measure_classes(
        "expected_calibration_error", y_true, y_pred, sample_weight, bins=bins, task=task
    )
    return value
