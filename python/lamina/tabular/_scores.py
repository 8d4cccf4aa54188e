"""Figures of a model's outputs beside those of a guess that looks at no row."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina import metrics
from lamina.tabular._columns import Floats
from lamina.tabular._target import ClassTarget, Target

# Those of decisions take a threshold; those of probabilities do not.
_OF_DECISIONS = {
    "accuracy": metrics.accuracy,
    "balanced_accuracy": metrics.balanced_accuracy,
    "f1": metrics.f1,
    "matthews_correlation": metrics.matthews_correlation,
}
_OF_PROBABILITIES = {
    "log_loss": metrics.log_loss,
    "brier_score": metrics.brier_score,
    "expected_calibration_error": metrics.expected_calibration_error,
    "roc_auc": metrics.roc_auc,
    "average_precision": metrics.average_precision,
}
_OF_NUMBERS = {
    "rmse": metrics.root_mean_squared_error,
    "mae": metrics.mean_absolute_error,
    "median_absolute_error": metrics.median_absolute_error,
    "r2": metrics.r2,
}

Scores = dict[str, dict[str, float]]


def score_outputs(
    target: Target,
    encoded: NDArray[Any],
    outputs: Floats,
    threshold: float | None = None,
    weights: Floats | None = None,
) -> Scores:
    """Figures of outputs [rows, outputs] and of the baseline; see `TableModel.evaluate`.

    Args:
        weights: how much each row counts [rows]; None: all the same.
    """
    guess = target.baseline(len(encoded))
    if isinstance(target, ClassTarget):
        return {
            "model": _class_scores(encoded, outputs, threshold, weights),
            "baseline": _class_scores(encoded, guess, threshold, weights),
        }
    truth = target.decode(encoded[:, None])
    return {
        "model": _number_scores(truth, target.decode(outputs), weights),
        "baseline": _number_scores(truth, target.decode(guess), weights),
    }


def _class_scores(
    truth: NDArray[Any], outputs: Floats, threshold: float | None, weights: Floats | None
) -> dict[str, float]:
    decisions = {
        name: _figure(metric, truth, outputs, weights, threshold=threshold)
        for name, metric in _OF_DECISIONS.items()
    }
    # The metric calls it 0, and warns, where no row is of the second of two classes.
    counted = truth if weights is None else truth[weights > 0.0]
    defined = outputs.shape[1] > 1 or counted.any()
    return decisions | {
        name: _figure(metric, truth, outputs, weights)
        if defined or name != "average_precision"
        else float("nan")
        for name, metric in _OF_PROBABILITIES.items()
    }


def _number_scores(truth: Floats, predicted: Floats, weights: Floats | None) -> dict[str, float]:
    return {
        name: _figure(metric, truth, predicted, weights) for name, metric in _OF_NUMBERS.items()
    }


def _figure(
    metric: Any, truth: NDArray[Any], outputs: Floats, weights: Floats | None, **options: Any
) -> float:
    """A metric's value, NaN where these rows have none; no figure is worth the others."""
    try:
        with np.errstate(all="ignore"):
            return float(metric(truth, outputs, sample_weight=weights, **options))
    except (ValueError, ArithmeticError):
        return float("nan")
