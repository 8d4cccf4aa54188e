"""Metrics of predicted quantities."""

from collections.abc import Sequence

import numpy as np

from lamina._checks.types import ArrayLike
from lamina.metrics._arguments import Floats, number_matrix, values


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
    truth, prediction, weight = values("mean_squared_error", y_true, y_pred, sample_weight)
    return float(np.average(((truth - prediction) ** 2).mean(axis=1), weights=weight))


def root_mean_squared_error(
    y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None
) -> float:
    """Square root of `mean_squared_error`, in the target's units; of all outputs together."""
    truth, prediction, weight = values("root_mean_squared_error", y_true, y_pred, sample_weight)
    return float(np.sqrt(np.average(((truth - prediction) ** 2).mean(axis=1), weights=weight)))


def mean_absolute_error(
    y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None
) -> float:
    """Mean absolute difference over rows and outputs, in the target's units."""
    truth, prediction, weight = values("mean_absolute_error", y_true, y_pred, sample_weight)
    return float(np.average(np.abs(truth - prediction).mean(axis=1), weights=weight))


def mean_absolute_percentage_error(
    y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None
) -> float:
    """Mean of |y_true - y_pred| / |y_true| over rows and outputs, as a share: 0.1 is 10 %.

    Divided by no less than 2.2e-16, as in scikit-learn: enormous where a target is 0.
    """
    name = "mean_absolute_percentage_error"
    truth, prediction, weight = values(name, y_true, y_pred, sample_weight)
    shares = np.abs(truth - prediction) / np.maximum(np.abs(truth), np.finfo(np.float64).eps)
    return float(np.average(shares.mean(axis=1), weights=weight))


def median_absolute_error(
    y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None
) -> float:
    """Median of |y_true - y_pred|, in the target's units; the mean over outputs of their medians.

    Half of the rows' weight lies on each side; between two rows it is their mean.
    """
    truth, prediction, weight = values("median_absolute_error", y_true, y_pred, sample_weight)
    errors = np.abs(truth - prediction)
    return float(np.mean([_median(column, weight) for column in errors.T]))


def r2(y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    """Coefficient of determination, averaged over outputs: 1 is perfect, 0 is the mean's.

    An output that is constant in `y_true` gives 1 where it is predicted exactly, else 0. Of one
    row it is NaN.
    """
    truth, prediction, weight = values("r2", y_true, y_pred, sample_weight)
    if len(truth) < 2:
        return float("nan")
    column = weight[:, None]
    residual = (column * (truth - prediction) ** 2).sum(axis=0)
    center = np.average(truth, axis=0, weights=weight)
    total = (column * (truth - center) ** 2).sum(axis=0)
    # Rows of one value are no rounding's width apart, whatever their weights.
    counted = truth[weight > 0.0]
    varies = (counted.min(axis=0) < counted.max(axis=0)) & (total > 0.0)
    scores = np.where(residual == 0.0, 1.0, 0.0)
    scores[varies] = 1.0 - residual[varies] / total[varies]
    return float(scores.mean())


def pinball(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    level: float | Sequence[float] = 0.5,
) -> float:
    """Mean of max(q (t - y), (q - 1) (t - y)) for predicted quantiles y (Koenker & Bassett 1978).

    Args:
        level: q, in [0, 1], of all outputs; or a sequence of levels, one for each output, beside
            y_true [rows] or [rows, 1]. In `fit` and `evaluate` those of the loss `Quantile`.
    """
    levels = np.asarray(level)
    if (
        levels.dtype.kind not in "fiu"
        or levels.ndim > 1
        or levels.size == 0
        or not ((levels >= 0.0) & (levels <= 1.0)).all()
    ):
        raise ValueError(f"pinball: expected level in [0, 1], or a sequence of such, got {level!r}")
    if levels.size > 1:
        y_true = _repeated(y_true, y_pred, levels.size)
    truth, prediction, weight = values("pinball", y_true, y_pred, sample_weight)
    distance = truth - prediction
    losses = np.maximum(levels * distance, (levels - 1.0) * distance)
    return float(np.average(losses.mean(axis=1), weights=weight))


def _repeated(y_true: ArrayLike, y_pred: ArrayLike, levels: int) -> Floats:
    """Targets [rows, 1] for each of the levels; ValueError where the outputs are not as many."""
    truth, prediction = (
        number_matrix("pinball", *given) for given in (("y_true", y_true), ("y_pred", y_pred))
    )
    if prediction.shape[1] != levels or truth.shape[1] not in (1, levels):
        raise ValueError(
            f"pinball: expected {levels} columns in y_pred for {levels} levels and one in y_true, "
            f"got {prediction.shape[1]} and {truth.shape[1]}"
        )
    return np.broadcast_to(truth, (len(truth), levels))


def _median(errors: Floats, weight: Floats) -> float:
    order = np.argsort(errors, kind="stable")
    order = order[weight[order] > 0.0]
    sums = np.cumsum(weight[order])
    half = sums[-1] / 2.0
    place = int(np.searchsorted(sums, half))
    after = place
    # Half of the weight ends exactly here, up to the rounding of the sums.
    if sums[place] - half <= np.finfo(np.float64).eps * sums[-1]:
        after = min(place + 1, len(order) - 1)
    return float(errors[order[[place, after]]].mean())
