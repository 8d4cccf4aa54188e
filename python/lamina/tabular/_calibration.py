"""Probabilities and intervals that hold on rows which training did not learn from."""

import math

import numpy as np

from lamina.tabular._columns import Floats, Indices

# Float32 probabilities below this are 0, and tell no logit.
_LEAST_PROBABILITY = 1e-12
_GREATEST_TEMPERATURE = 20.0


def weighted_quantiles(
    values: Floats, levels: tuple[float, ...], weights: Floats | None = None
) -> Floats:
    """For each level the least value that so much of the weight does not exceed [levels]."""
    order = np.argsort(values, kind="stable")
    counted = np.ones(len(values)) if weights is None else weights[order]
    sums = np.cumsum(counted)
    # A rounding error in the sum must not move a level to the next value.
    places = np.searchsorted(sums, np.array(levels) * sums[-1] * (1.0 - 1e-12))
    found: Floats = values[order][np.minimum(places, len(values) - 1)]
    return found


def least_rows(coverage: float) -> int:
    """How many rows must be held back for an interval of that coverage."""
    return math.ceil(coverage / (1.0 - coverage) - 1e-9)


def interval_margin(
    values: Floats, lower: Floats, upper: Floats, coverage: float, weights: Floats | None
) -> float:
    """What widens intervals [rows] so that a further row is inside with that probability.

    The margin is the quantile of what rows are outside by, with a further row beyond all of them:
    conformalised quantile regression (Romano et al. 2019, equation 8).
    """
    outside = np.maximum(lower - values, values - upper)
    order = np.argsort(outside, kind="stable")
    counted = np.ones(len(outside)) if weights is None else weights[order]
    sums = np.cumsum(counted)
    needed = coverage * (sums[-1] + counted.mean())
    place = int(np.searchsorted(sums, needed * (1.0 - 1e-12)))
    return float(outside[order][min(place, len(outside) - 1)])


def find_temperature(classes: Indices, outputs: Floats, weights: Floats | None) -> float:
    """The divisor of the logits that lowers the log loss most (Guo et al. 2017).

    Args:
        classes: indices [rows]. outputs: probabilities [rows, classes], or [rows, 1] of class 1.
    """
    if outputs.shape[1] == 1:
        outputs = np.hstack([1.0 - outputs, outputs])
    logits = np.log(np.maximum(outputs, _LEAST_PROBABILITY))
    true = np.take_along_axis(logits, classes[:, None], axis=1)[:, 0]

    def rises(factor: float) -> bool:
        """Whether the log loss rises with the factor of the logits, of which it is convex."""
        scaled = factor * logits
        odds = np.exp(scaled - scaled.max(axis=1, keepdims=True))
        means = (odds * logits).sum(axis=1) / odds.sum(axis=1)
        return bool(np.average(means - true, weights=weights) > 0.0)

    low, high = -math.log(_GREATEST_TEMPERATURE), math.log(_GREATEST_TEMPERATURE)
    for _ in range(50):
        middle = (low + high) / 2.0
        low, high = (low, middle) if rises(math.exp(middle)) else (middle, high)
    return math.exp(-(low + high) / 2.0)
