"""What is learned of one column each, to encode it as compact numbers that a network reads.

The core encodes by it (cpp/src/tables), and the network's first layer (`lamina.ColumnEncoding`)
makes features of the numbers.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from lamina.tabular._columns import Floats, TableError
from lamina.tabular._record import Fields, Tensors
from lamina.tabular._scaling import Scaling

Outputs = NDArray[np.float32]
Record = dict[str, Any]


class Encoder(Protocol):
    """What the preprocessor asks of a column: fixed width, data-only state, no surprises."""

    @property
    def kind(self) -> str:
        """One of "number", "category" and "date"."""

    @property
    def name(self) -> str:
        """The column that it reads."""

    @property
    def inputs(self) -> int:
        """Numbers that it writes for a row."""

    @property
    def feature_names(self) -> list[str]:
        """One name for each feature that the layer makes of it."""

    def to_record(self) -> tuple[Record, dict[str, Floats]]:
        """Its state as a JSON object and float64 vectors."""


@dataclass(frozen=True)
class NumberEncoder:
    """A number as its scaled value, its place among edges, and whether it was missing.

    In compact form it is its place among the edges, without edges the scaled value (see
    `lamina.NumberEncoding`). `bounds` are the least and the greatest number of training.
    """

    kind: ClassVar[str] = "number"
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

    def to_record(self) -> tuple[Record, dict[str, Floats]]:
        """Kind, name, number of edges, indicator; tensors scaling [4], edges [n], bounds [2]."""
        record = {
            "kind": self.kind,
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
    feature, where `complete`; else there were too many to keep. Where `embedded`, the code itself
    is the feature, and `codes` that of whatever has none (see `lamina.CodeEncoding`).
    """

    kind: ClassVar[str] = "category"
    inputs: ClassVar[int] = 1
    name: str
    categories: tuple[str, ...]
    other: bool
    missing: bool
    rare: tuple[str, ...] = ()
    complete: bool = True
    embedded: bool = False

    @property
    def codes(self) -> int:
        """Categories that have a code of their own, and one more where rare ones share it."""
        return len(self.categories) + self.other

    @property
    def feature_names(self) -> list[str]:
        """`colour=red`, ..., `colour is another`, `colour is missing`; `colour` where embedded."""
        names = [f"{self.name}={category}" for category in self.categories]
        names += [f"{self.name} is another"] if self.other else []
        names = [self.name] if self.embedded else names
        return names + ([f"{self.name} is missing"] if self.missing else [])

    def to_record(self) -> tuple[Record, dict[str, Floats]]:
        """Kind, name, categories, other, missing, rare, complete and embedded; no tensors."""
        record = {
            "kind": self.kind,
            "name": self.name,
            "categories": list(self.categories),
            "other": self.other,
            "missing": self.missing,
            "rare": list(self.rare),
            "complete": self.complete,
            "embedded": self.embedded,
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
        complete, embedded = fields.take("complete", bool), fields.take("embedded", bool)
        return CategoryEncoder(name, categories, other, missing, rare, complete, embedded)


@dataclass(frozen=True)
class DateEncoder:
    """A date as scaled days since 1970 and its places in the year, the week and the day.

    In compact form it is two numbers, whole days and the part of the day. `bounds` are the first
    and the last date of training, in days.
    """

    kind: ClassVar[str] = "date"
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

    def to_record(self) -> tuple[Record, dict[str, Floats]]:
        """Kind, name and indicator; tensors `scaling` [4], `bounds` [2]."""
        record = {"kind": self.kind, "name": self.name, "indicator": self.indicator}
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
