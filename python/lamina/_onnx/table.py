"""A model of a table as a model of ONNX: preprocessing, networks, and what they predict."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from onnx import ModelProto

from lamina._checks.spec import Spec
from lamina._onnx.columns import write_features
from lamina._onnx.files import checked
from lamina._onnx.graph import Graph
from lamina._onnx.layers import Values, features, write_layers
from lamina._onnx.table_columns import CategoryColumn, Column, DateColumn


@dataclass(frozen=True)
class TableNetwork:
    """A network that begins with the preprocessor's layer; how much it counts in the mean."""

    layers: Sequence[Spec]
    parameters: Values
    dtype: str
    share: float


@dataclass(frozen=True)
class ClassOutput:
    """Classes by name; see `lamina.tabular`'s ClassTarget. `threshold` decides between two."""

    name: str
    classes: tuple[str, ...]
    temperature: float
    threshold: float
    names = ("label", "probabilities")

    @property
    def outputs(self) -> int:
        """Outputs of a network."""
        return 1 if len(self.classes) == 2 else len(self.classes)

    def about(self) -> dict[str, str]:
        """What the metadata says of it."""
        return {"target": self.name, "classes": json.dumps(self.classes)}

    def write(self, graph: Graph, y: str, dtype: str) -> None:
        """The outputs "label" [rows] and "probabilities" [rows, classes] from y, float64."""
        one = graph.constant(np.float64(1.0))
        if self.temperature != 1.0:
            y = self._calibrated(graph, y, one)
        if self.outputs == 1:
            limit = graph.constant(np.float64(self.threshold))
            second = graph.cast(graph.node("Greater", y, limit), "int64")
            index = graph.node("Squeeze", second, graph.constant(np.array([1]), "axes"))
            y = graph.concat([graph.node("Sub", one, y), y])
        else:
            index = graph.node("ArgMax", y, axis=1, keepdims=0)
        names = graph.constant(np.array(self.classes, dtype=object), "classes")
        label = graph.node("Gather", names, index)
        graph.add_output(label, "label", "text", [], f"the class of {self.name}")
        if dtype != "float64":
            y = graph.cast(y, dtype)
        about = f"probabilities of {', '.join(self.classes)}"
        graph.add_output(y, "probabilities", dtype, [len(self.classes)], about)

    def _calibrated(self, graph: Graph, y: str, one: str) -> str:
        power = graph.constant(np.float64(1.0 / self.temperature))
        raised = graph.node("Pow", y, power)
        if self.outputs == 1:
            first = graph.node("Pow", graph.node("Sub", one, y), power)
            return graph.node("Div", raised, graph.node("Add", first, raised))
        axes = graph.constant(np.array([1]), "axes")
        return graph.node("Div", raised, graph.node("ReduceSum", raised, axes))


@dataclass(frozen=True)
class NumberOutput:
    """A number; see `lamina.tabular`'s NumberTarget.

    Attributes:
        mean, scale: of its standard units.
        levels: of its quantiles, rising; none: the number alone. median: its place among them.
        ends: the places of the interval's levels; None: there is no interval.
        coverage, margin: of the interval.
    """

    name: str
    mean: float
    scale: float
    levels: tuple[float, ...] = ()
    median: int = 0
    ends: tuple[int, int] | None = None
    coverage: float | None = None
    margin: float = 0.0

    @property
    def outputs(self) -> int:
        """Outputs of a network."""
        return len(self.levels) or 1

    def own_units(self, graph: Graph, y: str) -> str:
        """From standard units, float64."""
        y = graph.node("Mul", y, graph.constant(np.float64(self.scale)))
        return graph.node("Add", y, graph.constant(np.float64(self.mean)))

    def rising(self, graph: Graph, y: str) -> str:
        """Quantiles in their order, which networks may have crossed."""
        if len(self.levels) < 2:
            return y
        count = graph.constant(np.array([len(self.levels)]), "count")
        return graph.nodes("TopK", [y, count], 2, axis=1, largest=0, sorted=1)[0]

    def interval(self, graph: Graph, y: str) -> str:
        """Lower and upper end [rows, 2] from rising quantiles, in standard units."""
        assert self.ends is not None
        margin = graph.constant(np.float64(self.margin))
        lower = graph.node("Sub", _column(graph, y, self.ends[0]), margin)
        upper = graph.node("Add", _column(graph, y, self.ends[1]), margin)
        # A margin below 0 may narrow an interval to less than nothing.
        middle = graph.node("Div", graph.node("Add", lower, upper), graph.constant(np.float64(2.0)))
        crossed = graph.node("Greater", lower, upper)
        return graph.concat([graph.node("Where", crossed, middle, end) for end in (lower, upper)])


@dataclass(frozen=True)
class NumberOutputs:
    """One number, or several that one network predicts."""

    each: tuple[NumberOutput, ...]
    names = ("variable", "quantiles", "interval")

    @property
    def outputs(self) -> int:
        """Outputs of a network."""
        return sum(number.outputs for number in self.each)

    def about(self) -> dict[str, str]:
        """What the metadata says of it."""
        first = self.each[0]
        about = {"target": json.dumps([number.name for number in self.each])}
        if first.levels:
            about["quantile_levels"] = json.dumps(first.levels)
        if first.coverage is not None:
            about["interval_coverage"] = json.dumps(first.coverage)
        return about

    def write(self, graph: Graph, y: str, dtype: str) -> None:
        """The outputs "variable", and "quantiles" and "interval" where there are any."""
        pieces = graph.split(y, [number.outputs for number in self.each])
        rows = [number.rising(graph, x) for number, x in zip(self.each, pieces, strict=True)]
        both = list(zip(self.each, rows, strict=True))
        numbers = [n.own_units(graph, _column(graph, x, n.median)) for n, x in both]
        names = ", ".join(number.name for number in self.each)
        self._add(graph, numbers, "variable", [len(self.each)], dtype, names)
        levels = len(self.each[0].levels)
        if levels:
            quantiles = [n.own_units(graph, x) for n, x in both]
            self._add(graph, quantiles, "quantiles", self._shape(levels), dtype, names)
        if self.each[0].ends is not None:
            ends = [n.own_units(graph, n.interval(graph, x)) for n, x in both]
            self._add(graph, ends, "interval", self._shape(2), dtype, names)

    def _shape(self, columns: int) -> list[int]:
        return [columns] if len(self.each) == 1 else [len(self.each), columns]

    def _add(
        self,
        graph: Graph,
        pieces: list[str],
        name: str,
        shape: list[int],
        dtype: str,
        about: str,
    ) -> None:
        y = graph.concat(pieces)
        if len(shape) == 2:
            y = graph.node("Reshape", y, graph.constant(np.array([-1, *shape]), "shape"))
        y = y if dtype == "float64" else graph.cast(y, dtype)
        graph.add_output(y, name, dtype, shape, f"{name} of {about}")


@dataclass(frozen=True)
class Table:
    """All that a graph of a table model holds.

    Attributes:
        columns: what the model reads. layer: the description of the first layer.
        about: further metadata.
    """

    columns: Sequence[Column]
    layer: Spec
    networks: Sequence[TableNetwork]
    target: ClassOutput | NumberOutputs
    about: dict[str, str] = field(default_factory=dict)


def table_model(table: Table, dtype: str) -> ModelProto:
    """The model: one input a column, and the outputs of the target.

    Args:
        dtype: "float32" or "float64", of the numbers that go in and come out.
    """
    names = [column.name for column in table.columns]
    graph = Graph("float32", [*names, *table.target.names])
    compact = [x for column in table.columns for x in column.write(graph, dtype)]
    read: dict[str, str] = {}  # the features by their dtype, which all networks share
    total = ""
    for network in table.networks:
        graph.dtype = network.dtype
        if network.dtype not in read:
            wide = network.dtype != "float32"
            x = [graph.cast(name, "float64") for name in compact] if wide else compact
            read[network.dtype] = write_features(graph, table.layer["columns"], x)
        rows = (read[network.dtype], features(table.layer))
        layers = [{"kind": "dropout"}, *network.layers[1:]]
        y = graph.cast(write_layers(graph, layers, network.parameters, rows)[0], "float64")
        if network.share != 1.0:
            y = graph.node("Mul", y, graph.constant(np.float64(network.share), "share"))
        total = graph.node("Add", total, y) if total else y
    table.target.write(graph, total, dtype)
    kinds = {column.name: _kind(column) for column in table.columns}
    about = {"columns": json.dumps(kinds), **table.target.about(), **table.about}
    return checked(graph.model("table model", about))


def _kind(column: Column) -> str:
    if isinstance(column, CategoryColumn):
        return "text"
    return "seconds since 1970-01-01 UTC" if isinstance(column, DateColumn) else "number"


def _column(graph: Graph, y: str, place: int) -> str:
    """One column [rows, 1] of several."""
    return graph.node("Gather", y, graph.constant(np.array([place]), "column"), axis=1)
