"""Weights, and what products read, as integers of 8 bits."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class IntegerRange(NamedTuple):
    """What a product reads: the least and the greatest of its inputs over the rows given."""

    low: float
    high: float

    @property
    def step(self) -> float:
        """The difference of numbers whose integers differ by 1."""
        low, high = min(self.low, 0.0), max(self.high, 0.0)
        return (high - low) / 255 or 1.0

    @property
    def zero(self) -> int:
        """The integer of 0."""
        return int(np.clip(round(-128 - min(self.low, 0.0) / self.step), -128, 127))


class IntegerWeights(NamedTuple):
    """Weights [channels, inputs] as integers, their biases, and what an output's sum counts."""

    weight: Array
    bias: Array
    scale: Array


def integer_weights(
    weight: Array, bias: Array | None, gain: float, reads: IntegerRange
) -> IntegerWeights:
    """Each output channel's weights in steps of its own, and the zero of the inputs in its bias."""
    wide = weight.astype(np.float64) * gain
    offsets = np.zeros(len(wide)) if bias is None else bias.astype(np.float64).ravel()
    # The second keeps a bias within 30 bits where weights are all but 0.
    steps = np.maximum(np.abs(wide).max(axis=1) / 127, np.abs(offsets) / reads.step / 2.0**30)
    steps[steps == 0] = 1.0
    codes = np.rint(wide / steps[:, None]).astype(np.int64)
    sums = np.rint(offsets / (steps * reads.step)).astype(np.int64)
    return IntegerWeights(
        codes.astype(np.int8), sums - reads.zero * codes.sum(axis=1), steps * reads.step
    )


def ranges_of(inputs: Sequence[Array]) -> list[IntegerRange]:
    """The range of each product's inputs.

    Raises:
        ValueError: some are NaN or infinite.
    """
    for place, each in enumerate(inputs):
        if not np.isfinite(each).all():
            raise ValueError(
                f"export: of the calibration rows, dense layer {place} (counted from 0) reads NaN "
                "or infinite numbers, of which no range of integers follows"
            )
    return [IntegerRange(float(each.min()), float(each.max())) for each in inputs]
