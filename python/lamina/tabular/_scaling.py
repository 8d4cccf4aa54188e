"""Scales and edges of a column of numbers, learned from its training rows."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina.tabular._columns import Floats, TableError

LEAST_SPREAD = 1e-100

_DAY_SECONDS = 86400

# Where a gap between neighbouring values takes more of a bin than this, its ends become edges: the
# bin's other values would else be squeezed (float32 has steps of 4e-6 at a place of 48).
_WIDEST_GAP = 0.99


@dataclass(frozen=True)
class Scaling:
    """Scale z = (x - center) / scale, to be bent smoothly into (-limit, limit); fill for missing x.

    The bend z / sqrt(1 + (z / limit)^2) is RealMLP's (Holzmueller et al. 2024, arXiv 2407.04491):
    near the identity inside, and outliers keep their order. limit 0 means no bend.
    """

    center: float
    scale: float
    fill: float
    limit: float

    @staticmethod
    def standard(x: Floats, limit: float) -> "Scaling":
        """Mean and standard deviation of the x [rows] that are there."""
        spread = float(x.std()) if x.min() < x.max() else 0.0
        return Scaling(float(x.mean()), _scale(spread), float(np.median(x)), limit)

    @staticmethod
    def robust(x: Floats, limit: float) -> "Scaling":
        """Median and interquartile range; half the whole range where the former is 0."""
        low, middle, high = np.quantile(x, [0.25, 0.5, 0.75]).tolist()
        spread = high - low if high > low else 0.5 * float(x.max() - x.min())
        return Scaling(middle, _scale(spread), middle, limit)

    def vector(self) -> Floats:
        """Its four numbers, as they are stored."""
        return np.array([self.center, self.scale, self.fill, self.limit])

    @staticmethod
    def from_vector(where: str, vector: Floats) -> "Scaling":
        """Back from `vector`, checked."""
        center, scale, fill, limit = vector.tolist()
        if scale <= 0.0 or limit < 0.0:
            raise TableError(f"{where}: expected a scale above 0 and a limit of at least 0")
        return Scaling(center, scale, fill, limit)


def choose_edges(x: Floats, bins: int) -> Floats:
    """At most bins + 2 edges over the x [rows] that are there, and two more beside each outlier.

    Values that hold more than an even share of the rows (a spike, such as 0 in a column of gains)
    get an edge of their own; the others are cut at equal counts, so that a spike hides nothing.
    Where one gap between values fills its bin, so that an outlier would squeeze the bin's other
    values together, both ends of the gap become edges.
    """
    values, counts = _distinct(x)
    if len(values) <= bins + 1:
        return values if len(values) > 2 else values[:0]
    spikes = np.zeros(len(values), dtype=bool)
    places = bins + 1
    while places > 0:
        left = counts[~spikes].sum()
        found = ~spikes & (counts * places > left)
        if not found.any():
            break
        spikes |= found
        places = bins + 1 - int(spikes.sum())
    chosen = [values[spikes], values[[0, -1]]]
    if places > 1:
        below = np.cumsum(counts[~spikes])
        ranks = np.linspace(0.0, below[-1] - 1.0, places)
        chosen.append(values[~spikes][np.searchsorted(below, ranks, side="right")])
    edges = np.unique(np.concatenate(chosen))
    before = 0
    while len(edges) > before:  # an outlier may stand before a farther one
        before = len(edges)
        edges = np.union1d(edges, _ends_of_gaps(values, edges))
    return edges if len(edges) > 2 else edges[:0]


def date_days(dates: NDArray[Any]) -> Floats:
    """Days since 1970-01-01 as float64 [rows], NaN where the date is missing."""
    seconds = dates.astype("datetime64[s]").astype(np.int64)
    days, rest = np.divmod(seconds, _DAY_SECONDS)
    return np.where(np.isnat(dates), np.nan, days + rest / _DAY_SECONDS)


def _ends_of_gaps(values: Floats, edges: Floats) -> Floats:
    """Both ends of each gap between distinct values that fills the bin it lies in."""
    bins = np.clip(np.searchsorted(edges, values[:-1], side="right") - 1, 0, len(edges) - 2)
    filling = np.diff(values) > _WIDEST_GAP * (edges[bins + 1] - edges[bins])
    places = np.flatnonzero(filling)
    ends: Floats = values[np.concatenate([places, places + 1])]
    return ends


def _distinct(x: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Values and their counts; those that differ by their own rounding are one."""
    values, counts = np.unique(x, return_counts=True)
    least = np.maximum(np.abs(values[1:]) * (4.0 * np.finfo(np.float64).eps), LEAST_SPREAD)
    starts = np.flatnonzero(np.concatenate(([True], np.diff(values) > least)))
    return values[starts], np.add.reduceat(counts, starts)


def _scale(spread: float) -> float:
    """A spread to divide by: 1 where the values do not differ, or by nothing that counts."""
    return spread if spread > LEAST_SPREAD else 1.0
