"""A table's columns as inputs of an ONNX graph, and the compact numbers that networks read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lamina._checks.types import NDArray
from lamina._onnx.graph import ML, Graph

_FARTHEST = 1e15
_DAY = 86_400.0


@dataclass(frozen=True)
class NumberColumn:
    """A column of numbers [rows, 1], NaN where one is missing.

    Attributes:
        edges: of the piecewise linear encoding, rising; or none.
        center, scale: of the scaled value, where there are no edges.
        missing: numbers that stand for a missing one.
    """

    name: str
    edges: NDArray[np.float64]
    center: float
    scale: float
    missing: tuple[float, ...]
    about = "a number; NaN where it is missing"

    def write(self, graph: Graph, dtype: str) -> list[str]:
        """Its place among the edges, or its scaled value [rows, 1], float32."""
        x = graph.add_input(self.name, dtype, 1, self.about)
        missing = _is_missing(graph, x, dtype, self.missing)
        x = x if dtype == "float64" else graph.cast(x, "float64")
        place = self._place(graph, x)
        place = graph.node("Clip", place, _wide(graph, -_FARTHEST), _wide(graph, _FARTHEST))
        place = graph.node("Where", missing, _wide(graph, np.nan), place)
        return [graph.cast(place, "float32")]

    def _place(self, graph: Graph, x: str) -> str:
        edges = self.edges
        if not len(edges):
            centred = graph.node("Sub", x, _wide(graph, self.center))
            return graph.node("Div", centred, _wide(graph, self.scale))
        if len(edges) == 2:
            share = graph.node("Sub", x, _wide(graph, edges[0]))
            return graph.node("Div", share, _wide(graph, edges[1] - edges[0]))
        reached = graph.node("GreaterOrEqual", x, graph.constant(edges[1:-1], "edges"))
        axes = graph.constant(np.array([1]), "axes")
        k = graph.node("ReduceSum", graph.cast(reached, "int64"), axes)
        below = graph.node("Gather", graph.constant(edges[:-1], "edges"), k)
        width = graph.node("Gather", graph.constant(np.diff(edges), "widths"), k)
        share = graph.node("Div", graph.node("Sub", x, below), width)
        return graph.node("Add", graph.cast(k, "float64"), share)


@dataclass(frozen=True)
class CategoryColumn:
    """A column of texts [rows, 1].

    Attributes:
        codes: the code of each text, NaN of those that stand for a missing one.
        other: the code of any other text.
    """

    name: str
    codes: Mapping[str, float]
    other: float
    about = "a category as text; empty where it is missing"

    def write(self, graph: Graph, dtype: str) -> list[str]:
        """Its code [rows, 1], float32."""
        x = graph.add_input(self.name, "text", 1, self.about)
        code = graph.node(
            "LabelEncoder",
            x,
            domain=ML,
            keys_strings=list(self.codes),
            values_floats=list(self.codes.values()),
            default_float=self.other,
        )
        return [code]


@dataclass(frozen=True)
class DateColumn:
    """A column of dates as seconds since 1970-01-01 in UTC [rows, 1], NaN where one is missing.

    Attributes:
        missing: seconds that stand for a missing date.
    """

    name: str
    missing: tuple[float, ...]
    about = "a date and time as seconds since 1970-01-01 UTC; NaN where it is missing"

    def write(self, graph: Graph, dtype: str) -> list[str]:
        """Whole days and the part of the day, each [rows, 1], float32."""
        # float32 would not tell the minutes apart, so that dates are float64 always.
        x = graph.node("Floor", graph.add_input(self.name, "float64", 1, self.about))
        missing = _is_missing(graph, x, "float64", self.missing)
        day = _wide(graph, _DAY)
        days = graph.node("Floor", graph.node("Div", x, day))
        clock = graph.node("Sub", x, graph.node("Mul", days, day))
        parts = [days, graph.node("Div", clock, day)]
        nan = _wide(graph, np.nan)
        return [graph.cast(graph.node("Where", missing, nan, part), "float32") for part in parts]


Column = NumberColumn | CategoryColumn | DateColumn


def _wide(graph: Graph, number: float) -> str:
    return graph.constant(np.float64(number))


def _is_missing(graph: Graph, x: str, dtype: str, values: tuple[float, ...]) -> str:
    missing = graph.node("IsNaN", x)
    for value in values:
        same: Any = graph.node("Equal", x, graph.constant(np.dtype(dtype).type(value)))
        missing = graph.node("Or", missing, same)
    return missing
