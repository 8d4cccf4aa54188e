"""Encoders of one column each: from its values to the compact numbers that a network reads.

The network's first layer (`lamina.ColumnEncoding`) makes features of them, by the formulas there.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from lamina._layers.column_encoding import (
    CategoryEncoding,
    DateEncoding,
    Encoding,
    NumberEncoding,
)
from lamina.tabular._checks import ColumnIssue, missing_issues, outside_issues, unseen_issues
from lamina.tabular._columns import (
    Column,
    Floats,
    TableError,
    code_text,
    read_dates,
    read_numbers,
)
from lamina.tabular._record import Fields, Tensors
from lamina.tabular._scaling import Scaling, date_parts, places_among
from lamina.tabular._texts import find_places

Outputs = NDArray[np.float32]
Record = dict[str, Any]

# The farthest number that the layer tells from others.
_FARTHEST = 1e15

# Few enough rows that what a column needs besides its numbers stays in cache.
_ROWS_AT_ONCE = 65_536


class Encoder(Protocol):
    """What the preprocessor asks of a column: fixed width, data-only state, no surprises."""

    @property
    def name(self) -> str:
        """The column that it reads."""

    @property
    def inputs(self) -> int:
        """Numbers that it writes for a row."""

    @property
    def feature_names(self) -> list[str]:
        """One name for each feature that the layer makes of it."""

    @property
    def layer_column(self) -> Encoding:
        """What the layer is to do with it."""

    def encode(
        self, column: Column, missing_values: Collection[str], out: Outputs
    ) -> list[ColumnIssue]:
        """Write the column into out [rows, inputs]; tell what training did not see."""

    def to_record(self) -> tuple[Record, dict[str, Floats]]:
        """Its state as a JSON object and float64 vectors."""


@dataclass(frozen=True)
class NumberEncoder:
    """A number as its scaled value, its place among edges, and whether it was missing.

    In compact form it is its place among the edges, without edges the scaled value (see
    `lamina.NumberEncoding`). `bounds` are the least and the greatest number of training.
    """

    inputs: ClassVar[int] = 1
    name: str
    scaling: Scaling
    edges: Floats
    indicator: bool
    bounds: tuple[float, float]

    @property
    def feature_names(self) -> list[str]:
        """`age`, `age>17`, ..., `age is missing`."""
        steps = [f"{self.name}>{edge:g}" for edge in self.edges[:-1]]
        return [self.name, *steps, *([f"{self.name} is missing"] if self.indicator else [])]

    @property
    def layer_column(self) -> NumberEncoding:
        """The edges in scaled units; a missing value counts as the median."""
        fill = float(self._compact(np.array([self.scaling.fill]))[0])
        edges = np.clip(self.scaling.apply(self.edges), -_FARTHEST, _FARTHEST)
        return NumberEncoding(edges.tolist(), self.scaling.limit, fill, self.indicator)

    def encode(
        self, column: Column, missing_values: Collection[str], out: Outputs
    ) -> list[ColumnIssue]:
        """Write [rows, 1] inputs of the layer, NaN where a value is missing."""
        numbers = read_numbers(self.name, column, missing_values)
        for begin in range(0, len(numbers), _ROWS_AT_ONCE):
            rows = slice(begin, begin + _ROWS_AT_ONCE)
            out[rows, 0] = self._compact(numbers[rows])
        missing = np.isnan(out[:, 0])
        issues = missing_issues(self.name, missing, self.indicator)
        return [*outside_issues(self.name, numbers, *self.bounds), *issues]

    def _compact(self, x: Floats) -> Floats:
        places = places_among(x, self.edges) if len(self.edges) else self.scaling.apply(x)
        return np.clip(places, -_FARTHEST, _FARTHEST)

    def to_record(self) -> tuple[Record, dict[str, Floats]]:
        """Kind, name, number of edges, indicator; tensors scaling [4], edges [n], bounds [2]."""
        record = {
            "kind": "number",
            "name": self.name,
            "edges": len(self.edges),
            "indicator": self.indicator,
        }
        tensors = {"scaling": self.scaling.vector(), "edges": self.edges}
        return record, tensors | {"bounds": np.array(self.bounds)}

    @staticmethod
    def from_record(name: str, fields: Fields, tensors: Tensors) -> "NumberEncoder":
        """Back from `to_record`, checked."""
        edges = tensors.take("edges", fields.take("edges", int))
        if len(edges) == 1 or (np.diff(edges) <= 0.0).any():
            raise TableError(f"{fields.where}: expected none, or two and more rising edges")
        scaling = Scaling.from_vector(fields.where, tensors.take("scaling", 4))
        indicator, bounds = fields.take("indicator", bool), _take_bounds(fields, tensors)
        return NumberEncoder(name, scaling, edges, indicator, bounds)


@dataclass(frozen=True)
class CategoryEncoder:
    """A category as one 1 among 0s; rare and unseen ones share a place where `other` is set.

    In compact form it is its code. Without `other` an unseen category, and without `missing` a
    missing one, becomes all 0. `rare` are the categories that training saw but that have no
    feature, where `complete`; else there were too many to keep.
    """

    inputs: ClassVar[int] = 1
    name: str
    categories: tuple[str, ...]
    other: bool
    missing: bool
    rare: tuple[str, ...] = ()
    complete: bool = True

    @property
    def feature_names(self) -> list[str]:
        """`colour=red`, ..., `colour is another`, `colour is missing`."""
        names = [f"{self.name}={category}" for category in self.categories]
        names += [f"{self.name} is another"] if self.other else []
        return names + ([f"{self.name} is missing"] if self.missing else [])

    @property
    def layer_column(self) -> CategoryEncoding:
        """A feature for each category, for others and for missing ones."""
        return CategoryEncoding(len(self.categories) + self.other, self.missing)

    def encode(
        self, column: Column, missing_values: Collection[str], out: Outputs
    ) -> list[ColumnIssue]:
        """Write [rows, 1] inputs of the layer: the code, -1 for none, NaN where it is missing."""
        coded = code_text(column, missing_values)
        places = find_places(self.categories, coded.distinct)
        missing = np.array([text is None for text in coded.distinct], dtype=bool)
        other = len(self.categories) if self.other else -1
        codes = np.where(missing, np.nan, np.where(places < 0, other, places)).astype(np.float32)
        out[:, 0] = codes[coded.codes]
        issues = missing_issues(self.name, np.isnan(out[:, 0]), self.missing)
        if not self.complete:
            return issues
        known = find_places((*self.categories, *self.rare), coded.distinct) >= 0
        return [*unseen_issues(self.name, coded, known), *issues]

    def to_record(self) -> tuple[Record, dict[str, Floats]]:
        """Kind, name, categories, other, missing, rare and complete; no tensors."""
        record = {
            "kind": "category",
            "name": self.name,
            "categories": list(self.categories),
            "other": self.other,
            "missing": self.missing,
            "rare": list(self.rare),
            "complete": self.complete,
        }
        return record, {}

    @staticmethod
    def from_record(name: str, fields: Fields, tensors: Tensors) -> "CategoryEncoder":
        """Back from `to_record`, checked."""
        categories, rare = fields.take_texts("categories"), fields.take_texts("rare")
        other, missing = fields.take("other", bool), fields.take("missing", bool)
        if not categories and not other:
            raise TableError(
                f"{fields.where}: expected at least one category, or a place for others"
            )
        complete = fields.take("complete", bool)
        return CategoryEncoder(name, categories, other, missing, rare, complete)


@dataclass(frozen=True)
class DateEncoder:
    """A date as scaled days since 1970 and its places in the year, the week and the day.

    In compact form it is two numbers, whole days and the part of the day. `bounds` are the first
    and the last date of training, in days.
    """

    inputs: ClassVar[int] = 2
    name: str
    scaling: Scaling
    indicator: bool
    bounds: tuple[float, float]

    @property
    def feature_names(self) -> list[str]:
        """Days, then sine and cosine of year, week and day, then the indicator."""
        parts = [
            f"{self.name} {wave} of {period}"
            for period in ("year", "week", "day")
            for wave in ("sine", "cosine")
        ]
        return [self.name, *parts, *([f"{self.name} is missing"] if self.indicator else [])]

    @property
    def layer_column(self) -> DateEncoding:
        """The same scaling; a missing date counts as the median one."""
        s = self.scaling
        return DateEncoding(s.center, s.scale, s.limit, s.fill, self.indicator)

    def encode(
        self, column: Column, missing_values: Collection[str], out: Outputs
    ) -> list[ColumnIssue]:
        """Write [rows, 2] inputs of the layer, NaN where a date is missing."""
        dates = read_dates(self.name, column, missing_values)
        days, part = date_parts(dates)
        out[:, 0], out[:, 1] = days, part
        issues = missing_issues(self.name, np.isnan(days), self.indicator)
        outside = outside_issues(self.name, days + part, *self.bounds)
        return [*(replace(issue, example=_as_date(issue.example)) for issue in outside), *issues]

    def to_record(self) -> tuple[Record, dict[str, Floats]]:
        """Kind, name and indicator; tensors `scaling` [4], `bounds` [2]."""
        record = {"kind": "date", "name": self.name, "indicator": self.indicator}
        return record, {"scaling": self.scaling.vector(), "bounds": np.array(self.bounds)}

    @staticmethod
    def from_record(name: str, fields: Fields, tensors: Tensors) -> "DateEncoder":
        """Back from `to_record`, checked."""
        scaling = Scaling.from_vector(fields.where, tensors.take("scaling", 4))
        indicator, bounds = fields.take("indicator", bool), _take_bounds(fields, tensors)
        return DateEncoder(name, scaling, indicator, bounds)


def _take_bounds(fields: Fields, tensors: Tensors) -> tuple[float, float]:
    low, high = tensors.take("bounds", 2).tolist()
    if low > high:
        raise TableError(f"{fields.where}: expected bounds in rising order")
    return low, high


def _as_date(days: str) -> str:
    return str(np.datetime64(int(float(days)), "D"))
