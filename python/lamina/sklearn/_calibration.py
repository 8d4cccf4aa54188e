"""What rows held back tell of a trained model: a temperature, and the width of intervals."""

import math
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import expit

from lamina._checks.types import NDArray

Array = NDArray[Any]
# Temperatures looked among, as natural logarithms.
_LOG_TEMPERATURES = (-4.0, 4.0)


def tempered(probabilities: Array, temperature: float, *, softmax: bool) -> Array:
    """Probabilities of logits divided by a temperature (Guo et al. 2017).

    Args:
        probabilities: [rows, classes] of one class a row, or [rows, labels] each by itself.
        softmax: the former.
    """
    tiny = np.finfo(np.float64).tiny
    p = probabilities.astype(np.float64)
    logits = np.log(np.maximum(p, tiny))
    if not softmax:
        logits -= np.log(np.maximum(1.0 - p, tiny))
    logits /= temperature
    if softmax:
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        found = powers / powers.sum(axis=1, keepdims=True)
    else:
        found = expit(logits)
    same_type: Array = found.astype(probabilities.dtype)
    return same_type


def best_temperature(
    probabilities: Array, y: Array, weights: Array | None, *, softmax: bool
) -> float:
    """The temperature with the lowest log loss.

    Args:
        y: class indices [rows], or truth values [rows, labels].
    """
    probabilities = probabilities.astype(np.float64)
    tiny = np.finfo(np.float64).tiny

    def loss(log_temperature: float) -> float:
        found = tempered(probabilities, math.exp(log_temperature), softmax=softmax)
        if softmax:
            right = found[np.arange(len(y)), y][:, None]
        else:
            right = np.where(y, found, 1.0 - found)
        losses = -np.log(np.maximum(right, tiny)).sum(axis=1)
        return float(np.average(losses, weights=weights))

    found = minimize_scalar(loss, bounds=_LOG_TEMPERATURES, method="bounded")
    return float(math.exp(found.x))


def conformal_width(scores: Array, coverage: float) -> Array:
    """What at least a share `coverage` of new rows' scores will not exceed (Vovk et al. 2005).

    Args:
        scores: of rows that training has not seen, in ascending order, [rows, outputs].

    Raises:
        ValueError: the rows are too few for such a coverage.
    """
    rows = len(scores)
    place = math.ceil((rows + 1) * coverage)
    if place > rows:
        raise ValueError(
            f"predict_interval: expected a coverage of at most {rows / (rows + 1):.4f} after "
            f"calibration on {rows} rows, got {coverage}; take a larger calibration_fraction"
        )
    width: Array = scores[place - 1]
    return width
