"""Figures that say how good predictions are, on numpy arrays, with sample weights."""

from collections.abc import Callable
from typing import Any

import numpy as np

from lamina._types import ArrayLike, NDArray

Floats = NDArray[np.float64]
Metric = Callable[[ArrayLike, ArrayLike, ArrayLike | None], float]


def accuracy(y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    """Share of rows whose most probable class is the true one.

    Args:
        y_true: class indices [rows], or one-hot rows [rows, classes].
        y_pred: probabilities [rows, classes], or of class 1 alone ([rows] or [rows, 1]),
            which is chosen above 0.5.
        sample_weight: weight of each row [rows]; None weighs all alike.

    Raises:
        ValueError: shapes or lengths do not agree.
    """
    labels, probabilities = _labels_and_probabilities("accuracy", y_true, y_pred)
    if probabilities.shape[1] == 1:
        chosen = (probabilities[:, 0] > 0.5).astype(np.int64)
    else:
        chosen = probabilities.argmax(axis=1)
    weight = _weights("accuracy", sample_weight, len(labels))
    return float(np.average(chosen == labels, weights=weight))


def log_loss(y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    """Mean negative logarithm (natural) of the probability given to the true class.

    Arguments as in `accuracy`; probabilities are first brought into [e, 1 - e], with e the
    rounding unit of their own type, so that the result is finite.
    """
    labels, probabilities = _labels_and_probabilities("log_loss", y_true, y_pred)
    kind = np.asarray(y_pred).dtype
    unit = float(np.finfo(kind).eps) if kind.kind == "f" else float(np.finfo(np.float64).eps)
    if probabilities.shape[1] == 1:
        probabilities = np.hstack([1.0 - probabilities, probabilities])
    chosen = probabilities[np.arange(len(labels)), labels]
    weight = _weights("log_loss", sample_weight, len(labels))
    return float(np.average(-np.log(np.clip(chosen, unit, 1.0 - unit)), weights=weight))


def roc_auc(y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    """Area under the ROC curve; with several classes the mean of one-versus-rest areas.

    The area is the chance that a row of the class scores above a row outside it, equal scores
    counting one half. Arguments as in `accuracy`. Classes that have no rows, or all of them,
    have no area and are left out; NaN if that leaves none.
    """
    labels, scores = _labels_and_probabilities("roc_auc", y_true, y_pred)
    weight = _weights("roc_auc", sample_weight, len(labels))
    if scores.shape[1] <= 2:
        return _binary_roc_auc(labels == 1, scores[:, -1], weight)
    areas = np.array(
        [_binary_roc_auc(labels == k, scores[:, k], weight) for k in range(scores.shape[1])]
    )
    defined = areas[~np.isnan(areas)]
    return float(defined.mean()) if defined.size else float("nan")


def mean_squared_error(
    y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None
) -> float:
    """Mean squared difference over rows and outputs, in the target's units squared.

    Args:
        y_true: target values [rows] or [rows, outputs].
        y_pred: predictions, as many values.
        sample_weight: weight of each row [rows]; None weighs all alike.

    Raises:
        ValueError: shapes or lengths do not agree.
    """
    truth, prediction, weight = _values("mean_squared_error", y_true, y_pred, sample_weight)
    return float(np.average(((truth - prediction) ** 2).mean(axis=1), weights=weight))


def root_mean_squared_error(
    y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None
) -> float:
    """Square root of `mean_squared_error`, in the target's units."""
    return float(np.sqrt(mean_squared_error(y_true, y_pred, sample_weight)))


def mean_absolute_error(
    y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None
) -> float:
    """Mean absolute difference over rows and outputs, in the target's units."""
    truth, prediction, weight = _values("mean_absolute_error", y_true, y_pred, sample_weight)
    return float(np.average(np.abs(truth - prediction).mean(axis=1), weights=weight))


def r2(y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    """Coefficient of determination, averaged over outputs: 1 is perfect, 0 is the mean's.

    An output that is constant in `y_true` gives 1 where it is predicted exactly, else 0.
    """
    truth, prediction, weight = _values("r2", y_true, y_pred, sample_weight)
    column = weight[:, None]
    residual = (column * (truth - prediction) ** 2).sum(axis=0)
    center = np.average(truth, axis=0, weights=weight)
    total = (column * (truth - center) ** 2).sum(axis=0)
    varies = total > 0.0
    scores = np.where(residual == 0.0, 1.0, 0.0)
    scores[varies] = 1.0 - residual[varies] / total[varies]
    return float(scores.mean())


METRICS: dict[str, Metric] = {
    "accuracy": accuracy,
    "log_loss": log_loss,
    "roc_auc": roc_auc,
    "mean_squared_error": mean_squared_error,
    "mse": mean_squared_error,
    "rmse": root_mean_squared_error,
    "mean_absolute_error": mean_absolute_error,
    "mae": mean_absolute_error,
    "r2": r2,
}


def larger_is_better(name: str, mode: str) -> bool:
    """Whether a figure improves by growing: as `mode` says ("min", "max"), or by its name."""
    known = any(part in name for part in ("accuracy", "r2", "roc_auc"))
    return mode == "max" or (mode == "auto" and known)


def _binary_roc_auc(positive: NDArray[np.bool_], score: Floats, weight: Floats) -> float:
    """Area for one class: weighted rank statistic over groups of equal scores."""
    _, group = np.unique(score, return_inverse=True)
    inside = np.bincount(group, weights=weight * positive)
    outside = np.bincount(group, weights=weight * ~positive)
    pairs = inside.sum() * outside.sum()
    if pairs <= 0.0:
        return float("nan")
    below = np.cumsum(outside) - outside
    return float((inside * (below + 0.5 * outside)).sum() / pairs)


def _labels_and_probabilities(
    name: str, y_true: ArrayLike, y_pred: ArrayLike
) -> tuple[NDArray[np.int64], Floats]:
    """Class indices [rows] and outputs [rows, outputs], checked against each other."""
    outputs = _matrix(name, "y_pred", y_pred)
    truth = np.asarray(y_true)
    if truth.ndim == 2 and truth.shape[1] > 1:
        if truth.shape != outputs.shape:
            raise ValueError(
                f"{name}: expected y_true of shape {outputs.shape} like y_pred, got {truth.shape}"
            )
        return truth.argmax(axis=1), outputs
    labels: NDArray[Any] = truth.reshape(-1)
    if len(labels) != len(outputs):
        raise ValueError(f"{name}: expected {len(outputs)} labels, got {len(labels)}")
    classes = max(outputs.shape[1], 2)
    indices = labels.astype(np.int64)
    if (indices != labels).any() or indices.min() < 0 or indices.max() >= classes:
        raise ValueError(f"{name}: expected class indices 0 to {classes - 1} in y_true")
    return indices, outputs


def _values(
    name: str, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None
) -> tuple[Floats, Floats, Floats]:
    """Targets and predictions, both [rows, outputs], and the weights [rows]."""
    truth = _matrix(name, "y_true", y_true)
    prediction = _matrix(name, "y_pred", y_pred)
    if truth.shape != prediction.shape:
        raise ValueError(
            f"{name}: expected y_pred of shape {truth.shape} like y_true, got {prediction.shape}"
        )
    return truth, prediction, _weights(name, sample_weight, len(truth))


def _matrix(name: str, argument: str, values: ArrayLike) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2 or array.size == 0:
        raise ValueError(
            f"{name}: expected {argument} of shape [rows] or [rows, outputs] with at least one "
            f"row, got {array.shape}"
        )
    return array


def _weights(name: str, sample_weight: ArrayLike | None, rows: int) -> Floats:
    if sample_weight is None:
        return np.ones(rows)
    weight = np.asarray(sample_weight, dtype=np.float64)
    if weight.shape != (rows,):
        raise ValueError(f"{name}: expected {rows} sample weights, got shape {weight.shape}")
    if not np.isfinite(weight).all() or weight.min() < 0.0 or weight.sum() <= 0.0:
        raise ValueError(f"{name}: expected finite weights of at least 0, not all 0")
    return weight
