"""Encoders of one column each: numbers, categories and dates to numbers near 0."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lamina.tabular._columns import (
    Column,
    Floats,
    TableError,
    code_text,
    read_dates,
    read_numbers,
)
from lamina.tabular._record import Fields, Tensors
from lamina.tabular._texts import find_places

Outputs = NDArray[np.float32]
Record = dict[str, Any]

_DAY_SECONDS = 86400.0
_YEAR_DAYS = 365.2425

_LEAST_SPREAD = 1e-100

# Few enough rows that the steps of one column stay in cache until they are written.
_ROWS_AT_ONCE = 2048


class Encoder(Protocol):
    """What the preprocessor asks of a column: fixed width, data-only state, no surprises."""

    @property
    def name(self) -> str:
        """The column that it reads."""

    @property
    def feature_names(self) -> list[str]:
        """One name for each number that it writes."""

    def encode(self, column: Column, missing_values: Collection[str], out: Outputs) -> None:
        """Write the column's [rows] values into out [rows, width]."""

    def to_record(self) -> tuple[Record, dict[str, Floats]]:
        """Its state as a JSON object and float64 vectors."""


@dataclass(frozen=True)
class Scaling:
    """Scale z = (x - center) / scale, bent smoothly into (-limit, limit); fill for missing x.

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
        return Scaling(float(x.mean()), _scale(float(x.std())), float(np.median(x)), limit)

    @staticmethod
    def robust(x: Floats, limit: float) -> "Scaling":
        """Median and interquartile range; half the whole range where the former is 0."""
        low, middle, high = np.quantile(x, [0.25, 0.5, 0.75]).tolist()
        spread = high - low if high > low else 0.5 * float(x.max() - x.min())
        return Scaling(middle, _scale(spread), middle, limit)

    def apply(self, x: Floats) -> Floats:
        """Scaled values of x without missing ones."""
        z = (x - self.center) / self.scale
        return z / np.hypot(1.0, z / self.limit) if self.limit > 0.0 else z

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


@dataclass(frozen=True)
class NumberEncoder:
    """A number as its scaled value, its place among edges, and whether it was missing.

    Between edges e0 < e1 < ... feature k is (x - e_k) / (e_(k+1) - e_k), clipped to [0, 1]: the
    piecewise linear encoding of Gorishniy et al. 2022 (arXiv 2203.05556). No edges: scaled alone.
    """

    name: str
    scaling: Scaling
    edges: Floats
    indicator: bool

    @property
    def feature_names(self) -> list[str]:
        """`age`, `age>17`, ..., `age is missing`."""
        steps = [f"{self.name}>{edge:g}" for edge in self.edges[:-1]]
        return [self.name, *steps, *([f"{self.name} is missing"] if self.indicator else [])]

    def encode(self, column: Column, missing_values: Collection[str], out: Outputs) -> None:
        """Write [rows, 1 + steps + indicator] features; a missing value counts as the median."""
        numbers = read_numbers(self.name, column, missing_values)
        missing = np.isnan(numbers)
        x = np.where(missing, self.scaling.fill, numbers)
        out[:, 0] = self.scaling.apply(x)
        if len(self.edges) > 1:
            low, width = self.edges[:-1], np.diff(self.edges)
            for begin in range(0, len(x), _ROWS_AT_ONCE):
                rows = slice(begin, begin + _ROWS_AT_ONCE)
                steps = (x[rows, None] - low) / width
                out[rows, 1 : len(self.edges)] = np.clip(steps, 0.0, 1.0, out=steps)
        if self.indicator:
            out[:, -1] = missing

    def to_record(self) -> tuple[Record, dict[str, Floats]]:
        """Kind, name, number of edges and indicator; tensors `scaling` [4], `edges` [count]."""
        record = {
            "kind": "number",
            "name": self.name,
            "edges": len(self.edges),
            "indicator": self.indicator,
        }
        return record, {"scaling": self.scaling.vector(), "edges": self.edges}

    @staticmethod
    def from_record(name: str, fields: Fields, tensors: Tensors) -> "NumberEncoder":
        """Back from `to_record`, checked."""
        edges = tensors.take("edges", fields.take("edges", int))
        if len(edges) == 1 or (np.diff(edges) <= 0.0).any():
            raise TableError(f"{fields.where}: expected none, or two and more rising edges")
        scaling = Scaling.from_vector(fields.where, tensors.take("scaling", 4))
        return NumberEncoder(name, scaling, edges, fields.take("indicator", bool))


@dataclass(frozen=True)
class CategoryEncoder:
    """A category as one 1 among 0s; rare and unseen ones share a place where `other` is set.

    Without `other` an unseen category, and without `missing` a missing one, is all 0.
    """

    name: str
    categories: tuple[str, ...]
    other: bool
    missing: bool

    @property
    def feature_names(self) -> list[str]:
        """`colour=red`, ..., `colour is another`, `colour is missing`."""
        names = [f"{self.name}={category}" for category in self.categories]
        names += [f"{self.name} is another"] if self.other else []
        return names + ([f"{self.name} is missing"] if self.missing else [])

    def encode(self, column: Column, missing_values: Collection[str], out: Outputs) -> None:
        """Write [rows, categories + other + missing] features."""
        coded = code_text(column, missing_values)
        nowhere, known = -1, len(self.categories)
        other = known if self.other else nowhere
        absent = known + self.other if self.missing else nowhere
        places = find_places(self.categories, coded.distinct)
        places[places < 0] = other
        places[[text is None for text in coded.distinct]] = absent
        places = places[coded.codes]
        out[...] = 0.0
        rows = np.flatnonzero(places != nowhere)
        out[rows, places[rows]] = 1.0

    def to_record(self) -> tuple[Record, dict[str, Floats]]:
        """Kind, name, categories, other and missing; no tensors."""
        record = {
            "kind": "category",
            "name": self.name,
            "categories": list(self.categories),
            "other": self.other,
            "missing": self.missing,
        }
        return record, {}

    @staticmethod
    def from_record(name: str, fields: Fields, tensors: Tensors) -> "CategoryEncoder":
        """Back from `to_record`, checked."""
        categories = fields.take_texts("categories")
        other, missing = fields.take("other", bool), fields.take("missing", bool)
        return CategoryEncoder(name, categories, other, missing)


@dataclass(frozen=True)
class DateEncoder:
    """A date as scaled days since 1970 and its places in the year, the week and the day."""

    name: str
    scaling: Scaling
    indicator: bool

    @property
    def feature_names(self) -> list[str]:
        """Days, then sine and cosine of year, week and day, then the indicator."""
        parts = [
            f"{self.name} {wave} of {period}"
            for period in ("year", "week", "day")
            for wave in ("sine", "cosine")
        ]
        return [self.name, *parts, *([f"{self.name} is missing"] if self.indicator else [])]

    def encode(self, column: Column, missing_values: Collection[str], out: Outputs) -> None:
        """Write [rows, 7 + indicator] features; a missing date counts as the median one."""
        dates = read_dates(self.name, column, missing_values)
        days = date_days(dates)
        missing = np.isnan(days)
        days = np.where(missing, self.scaling.fill, days)
        out[:, 0] = self.scaling.apply(days)
        for index, period in enumerate((_YEAR_DAYS, 7.0, 1.0)):
            angle = 2.0 * np.pi * np.remainder(days, period) / period
            out[:, 1 + 2 * index] = np.sin(angle)
            out[:, 2 + 2 * index] = np.cos(angle)
        if self.indicator:
            out[:, -1] = missing

    def to_record(self) -> tuple[Record, dict[str, Floats]]:
        """Kind, name and indicator; tensor `scaling` [4]."""
        record = {"kind": "date", "name": self.name, "indicator": self.indicator}
        return record, {"scaling": self.scaling.vector()}

    @staticmethod
    def from_record(name: str, fields: Fields, tensors: Tensors) -> "DateEncoder":
        """Back from `to_record`, checked."""
        scaling = Scaling.from_vector(fields.where, tensors.take("scaling", 4))
        return DateEncoder(name, scaling, fields.take("indicator", bool))


def date_days(dates: NDArray[Any]) -> Floats:
    """Days since 1970-01-01 as float64 [rows], NaN where the date is missing."""
    seconds = dates.astype("datetime64[s]").astype(np.int64).astype(np.float64)
    return np.where(np.isnat(dates), np.nan, seconds / _DAY_SECONDS)


def choose_edges(x: Floats, bins: int) -> Floats:
    """At most bins + 2 edges over the x [rows] that are there.

    Values that hold more than an even share of the rows (a spike, such as 0 in a column of gains)
    get an edge of their own; the others are cut at equal counts, so that a spike hides nothing.
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
    return edges if len(edges) > 2 else edges[:0]


def _distinct(x: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Values and their counts, as one where a step between them would overflow."""
    values, counts = np.unique(x, return_counts=True)
    least = max((values[-1] - values[0]) * np.finfo(np.float64).eps, _LEAST_SPREAD)
    starts = np.flatnonzero(np.concatenate(([True], np.diff(values) > least)))
    return values[starts], np.add.reduceat(counts, starts)


def _scale(spread: float) -> float:
    """A spread to divide by: 1 where the values do not differ, or by nothing that counts."""
    return spread if spread > _LEAST_SPREAD else 1.0
