"""Metrics of predicted quantities."""

from collections.abc import Sequence

from lamina._checks.types import ArrayLike
from lamina.metrics._arguments import measure_values


def mean_squared_error(
    y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None
) -> float:
    """Mean squared difference over rows and outputs, in the target's units squared.

    Args:
        y_true: target values [rows] or [rows, outputs].
        y_pred: predictions, as many values.
        sample_weight: weight of each row [rows]; None weighs all alike.

    Raises:
        TypeError, ValueError: no finite numbers, or shapes that do not agree.
    """
    return measure_values("mean_squared_error", y_true, y_pred, sample_weight)


def root_mean_squared_error(
    y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None
) -> float:
    """Square root of `mean_squared_error`, in the target's units; of all outputs together."""
    return measure_values("root_mean_squared_error", y_true, y_pred, sample_weight)


def mean_absolute_error(
    y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None
) -> float:
    """Mean absolute difference over rows and outputs, in the target's units."""
    return measure_values("mean_absolute_error", y_true, y_pred, sample_weight)


def mean_absolute_percentage_error(
    y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None
) -> float:
    """Mean of |y_true - y_pred| / |y_true| over rows and outputs, as a share: 0.1 is 10 %.

    Divided by no less than 2.2e-16, as in scikit-learn: enormous where a target is 0.
    """
    return measure_values("mean_absolute_percentage_error", y_true, y_pred, sample_weight)


def median_absolute_error(
    y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None
) -> float:
    """Median of |y_true - y_pred|, in the target's units; the mean over outputs of their medians.

    Half of the rows' weight lies on each side; between two rows it is their mean.
    """
    return measure_values("median_absolute_error", y_true, y_pred, sample_weight)


def r2(y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    """Coefficient of determination, averaged over outputs: 1 is perfect, 0 is the mean's.

    An output that is constant in `y_true` gives 1 where it is predicted exactly, else 0. Of one
    row it is NaN.
    """
    return measure_values("r2", y_true, y_pred, sample_weight)


def pinball(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    level: float | Sequence[float] = 0.5,
) -> float:
    """Mean of max(q (t - y), (q - 1) (t - y)) for predicted quantiles y (Koenker & Bassett 1978).

    Args:
        level: q, in [0, 1], of all outputs; or a sequence of levels, whose outputs come one target
            after the other [rows, targets * levels] beside y_true [rows] or [rows, targets]. In
            `fit` and `evaluate` those of the loss `Quantile`.
    """
    return measure_values("pinball", y_true, y_pred, sample_weight, level=level)
