"""Figures of a model's outputs beside those of a guess that looks at no row."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina import metrics
from lamina.tabular._columns import Floats
from lamina.tabular._target import ClassTarget, NumberTarget, NumberTargets, Target

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

Figures = dict[str, float]
# "model" and "baseline" to figures; of several targets also "by_target" to the same by name.
Scores = dict[str, Any]


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
    both = {"model": outputs, "baseline": target.baseline(len(encoded))}
    if isinstance(target, ClassTarget):
        return {who: _class_scores(encoded, of, threshold, weights) for who, of in both.items()}
    if isinstance(target, NumberTargets):
        return _scores_of_several(target, encoded, both, weights)
    # The margin of the intervals is the network's.
    by = {"model": target, "baseline": target.without_margin()}
    return {who: _number_scores(by[who], encoded, of, weights) for who, of in both.items()}


def _scores_of_several(
    target: NumberTargets, encoded: Floats, both: dict[str, Floats], weights: Floats | None
) -> Scores:
    """The means of the figures over the targets, and those of each."""
    by_target: dict[str, dict[str, Figures]] = {name: {} for name in target.names}
    means: Scores = {}
    for who, outputs in both.items():
        of_each = np.split(outputs, len(target.each), axis=1)
        for one, truth, own in zip(target.each, encoded.T, of_each, strict=True):
            by_target[one.name][who] = _number_scores(one, truth, own, weights)
        every = [figures[who] for figures in by_target.values()]
        means[who] = {name: float(np.mean([each[name] for each in every])) for name in every[0]}
    return means | {"by_target": by_target}


def _class_scores(
    truth: NDArray[Any], outputs: Floats, threshold: float | None, weights: Floats | None
) -> Figures:
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


def _number_scores(
    target: NumberTarget, encoded: Floats, outputs: Floats, weights: Floats | None
) -> Figures:
    truth, predicted = target.in_own_units(encoded), target.decode(outputs)
    figures = {
        name: _figure(metric, truth, predicted, weights) for name, metric in _OF_NUMBERS.items()
    }
    if target.spread is None:
        return figures
    levels, quantiles = target.spread.levels, target.quantiles(outputs)
    figures["pinball"] = _figure(metrics.pinball, truth, quantiles, weights, level=levels)
    for level, below in zip(levels, (truth[:, None] <= quantiles).T, strict=True):
        figures[f"share_below_{level:g}"] = _mean(below, weights)
    if target.spread.coverage is not None:
        lower, upper = target.intervals(outputs).T
        figures["coverage"] = _mean((lower <= truth) & (truth <= upper), weights)
        figures["interval_width"] = _mean(upper - lower, weights)
    return figures


def _mean(values: NDArray[Any], weights: Floats | None) -> float:
    return float(np.average(values, weights=weights))


def _figure(
    metric: Any, truth: NDArray[Any], outputs: Floats, weights: Floats | None, **options: Any
) -> float:
    """A metric's value, NaN where these rows have none; no figure is worth the others."""
    try:
        with np.errstate(all="ignore"):
            return float(metric(truth, outputs, sample_weight=weights, **options))
    except (ValueError, ArithmeticError):
        return float("nan")
