"""Features of a table's columns, and layers of single columns, as nodes of ONNX."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lamina._checks.spec import Spec
from lamina._checks.types import NDArray
from lamina._onnx.graph import Graph

Array = NDArray[Any]
Values = Mapping[str, Array]
# Values beyond count as this; days of the mean year, the week and the day: as in the core.
_FARTHEST = 1e15
_PERIODS = (365.2425, 7.0, 1.0)


def write_features(graph: Graph, columns: Sequence[Spec], inputs: Sequence[str]) -> str:
    """The features [rows, features] of a `ColumnEncoding`.

    Args:
        inputs: the compact columns [rows, 1], in the network's dtype; a date has two.
    """
    left = list(inputs)
    features: list[str] = []
    for column in columns:
        x = left.pop(0)
        if column["kind"] == "number":
            features += _number(graph, column, x)
        elif column["kind"] == "category":
            codes = graph.numbers(np.arange(column["count"]))
            features.append(graph.cast(graph.node("Equal", x, codes), graph.dtype))
        elif column["kind"] == "code":
            features.append(_place_of_code(graph, x, column["count"]))
        else:
            x = graph.node("Add", graph.cast(x, "float64"), graph.cast(left.pop(0), "float64"))
            features += _date(graph, column, x)
        if column.get("indicator", False):
            features.append(graph.cast(graph.node("IsNaN", x), graph.dtype))
    return graph.concat(features)


def _limited(graph: Graph, x: str, low: Any, high: Any) -> str:
    """Clip, in the dtype of the limits."""
    return graph.node("Clip", x, graph.constant(low), graph.constant(high))


def _limited_numbers(graph: Graph, x: str, low: float, high: float) -> str:
    kind = np.dtype(graph.dtype).type
    return _limited(graph, x, kind(low), kind(high))


def _bent(graph: Graph, z: str, limit: float) -> str:
    """z / sqrt(1 + (z / limit)^2), and z itself for a limit of 0."""
    if limit == 0.0:
        return z
    share = graph.node("Div", z, graph.numbers(limit))
    root = graph.node(
        "Sqrt", graph.node("Add", graph.node("Mul", share, share), graph.numbers(1.0))
    )
    return _limited_numbers(graph, graph.node("Div", z, root), -limit, limit)


def _number(graph: Graph, column: Spec, x: str) -> list[str]:
    there = graph.node("Where", graph.node("IsNaN", x), graph.numbers(column["fill"]), x)
    place = _limited_numbers(graph, there, -_FARTHEST, _FARTHEST)
    knots = np.asarray(column["edges"], dtype=graph.dtype)
    steps = len(knots) - 1
    if steps < 1:
        return [_bent(graph, place, column["limit"])]
    k = graph.cast(_limited_numbers(graph, graph.node("Floor", place), 0.0, steps - 1.0), "int64")
    low = graph.node("Gather", graph.numbers(knots[:-1]), k)
    slope = graph.node("Gather", graph.numbers(np.diff(knots)), k)
    share = graph.node("Sub", place, graph.cast(k, graph.dtype))
    z = graph.node("Add", low, graph.node("Mul", share, slope))
    z = _limited_numbers(graph, z, -_FARTHEST, _FARTHEST)
    parts = graph.node("Sub", place, graph.numbers(np.arange(steps)))
    return [_bent(graph, z, column["limit"]), _limited_numbers(graph, parts, 0.0, 1.0)]


def _date(graph: Graph, column: Spec, x: str) -> list[str]:
    far = np.float64(np.dtype(graph.dtype).type(_FARTHEST))
    fill = graph.constant(np.float64(column["fill"]))
    x = _limited(graph, graph.node("Where", graph.node("IsNaN", x), fill, x), -far, far)
    z = graph.node("Sub", x, graph.constant(np.float64(column["center"])))
    z = graph.node("Div", z, graph.constant(np.float64(column["scale"])))
    features = [
        _bent(graph, graph.cast(_limited(graph, z, -far, far), graph.dtype), column["limit"])
    ]
    for period in _PERIODS:
        turns = graph.node("Div", x, graph.constant(np.float64(period)))
        whole = graph.cast(graph.cast(turns, "int64"), "float64")
        part = graph.node("Mul", graph.node("Sub", turns, whole), graph.constant(2.0 * np.pi))
        angle = graph.cast(part, graph.dtype)
        features += [graph.node("Sin", angle), graph.node("Cos", angle)]
    return features


def _place_of_code(graph: Graph, x: str, count: int) -> str:
    """The code where it is one of 0, 1, ..., count - 1, else count."""
    least = graph.node("GreaterOrEqual", x, graph.numbers(0.0))
    within = graph.node("And", least, graph.node("Less", x, graph.numbers(float(count))))
    whole = graph.node("Equal", graph.node("Floor", x), x)
    is_code = graph.node("And", within, whole)
    return graph.node("Where", is_code, x, graph.numbers(float(count)))


def write_column_layer(graph: Graph, spec: Spec, values: Values, x: str, columns: int) -> str:
    """An `Embedding`, a `PiecewiseLinear` or a `Periodic`; `columns` is the width of x."""
    write = {
        "embedding": _embedding,
        "piecewise_linear": _piecewise_linear,
        "periodic": _periodic,
    }[spec["kind"]]
    # The columns between those that the layer embeds pass through in one piece.
    widths: list[int] = []
    places: list[int | None] = []
    at = 0
    for place, column in enumerate(spec["columns"]):
        if column > at:
            widths.append(column - at)
            places.append(None)
        widths.append(1)
        places.append(place)
        at = column + 1
    if at < columns:
        widths.append(columns - at)
        places.append(None)
    pieces = graph.split(x, widths)
    embed = write(graph, spec, values)
    return graph.concat(
        [
            piece if place is None else embed(place, piece)
            for place, piece in zip(places, pieces, strict=True)
        ]
    )


def _rows_of(graph: Graph, table: Array, k: str) -> str:
    """Rows of a table [n, units] by their numbers [rows, 1]: [rows, units]."""
    flat = graph.node("Squeeze", k, graph.constant(np.array([1])))
    return graph.node("Gather", graph.numbers(table), flat, axis=0)


def _embedding(graph: Graph, spec: Spec, values: Values) -> Any:
    counts = spec["categories"]
    firsts = np.cumsum([0, *(count + 1 for count in counts)])

    def embed(place: int, x: str) -> str:
        k = graph.cast(_place_of_code(graph, x, counts[place]), "int64")
        return _rows_of(graph, values["weight"][firsts[place] : firsts[place + 1]], k)

    return embed


def _piecewise_linear(graph: Graph, spec: Spec, values: Values) -> Any:
    all_edges = [np.asarray(edges, dtype=graph.dtype) for edges in spec["edges"]]
    firsts = np.cumsum([0, *(len(edges) - 1 for edges in all_edges)])

    def embed(place: int, x: str) -> str:
        edges = all_edges[place]
        weight = values["weight"][firsts[place] : firsts[place + 1]]
        bias = values["bias"][place]
        below = bias + np.cumsum(np.vstack([np.zeros_like(bias), weight[:-1]]), axis=0)
        missing = graph.node("IsNaN", x)
        there = graph.node("Where", missing, graph.numbers(0.0), x)
        reached = graph.node("GreaterOrEqual", there, graph.numbers(edges[1:-1]))
        if len(edges) == 2:
            k = graph.cast(graph.node("Mul", there, graph.numbers(0.0)), "int64")
        else:
            counted = graph.cast(reached, "int64")
            axes = graph.constant(np.array([1]))
            k = graph.node("ReduceSum", counted, axes, keepdims=1)
        widths = np.diff(edges)
        beyond = graph.node("Sub", there, graph.node("Gather", graph.numbers(edges[:-1]), k))
        safe = np.where(widths > 0, widths, 1).astype(graph.dtype)
        share = graph.node("Div", beyond, graph.node("Gather", graph.numbers(safe), k))
        if (widths <= 0).any():  # edges that are one in the network's dtype
            flat = graph.node("Gather", graph.constant(widths <= 0), k)
            step = graph.node("GreaterOrEqual", beyond, graph.numbers(0.0))
            share = graph.node("Where", flat, graph.cast(step, graph.dtype), share)
        value = graph.node("Mul", share, _rows_of(graph, weight, k))
        value = graph.node("Add", _rows_of(graph, below, k), value)
        if "slope" in values:
            slope = graph.numbers(values["slope"][place])
            value = graph.node("Add", value, graph.node("Mul", there, slope))
        if _has_relu(spec):
            value = graph.node("Relu", value)
        return graph.node("Where", missing, graph.numbers(0.0), value)

    return embed


def _periodic(graph: Graph, spec: Spec, values: Values) -> Any:
    turn = np.dtype(graph.dtype).type(2.0 * np.pi)
    with_phases = "phases" in values
    phases = values["phases"] if with_phases else np.zeros_like(values["frequencies"])

    def embed(place: int, x: str) -> str:
        missing = graph.node("IsNaN", x)
        there = graph.node("Where", missing, graph.numbers(0.0), x)
        angle = _angle(graph, there, values["frequencies"][place] * turn, phases[place])
        waves = graph.node("Cos", angle)
        if not with_phases:
            waves = graph.concat([waves, graph.node("Sin", angle)])
        weight, bias = values["weight"], values["bias"]
        if not spec["shared"]:
            weight, bias = weight[place], bias[place]
        made = graph.node("Gemm", waves, graph.numbers(weight), graph.numbers(bias))
        if _has_relu(spec):
            made = graph.node("Relu", made)
        made = graph.concat([there, made]) if with_phases else made
        return graph.node("Where", missing, graph.numbers(0.0), made)

    return embed


def _angle(graph: Graph, x: str, rates: Array, phases: Array) -> str:
    """rates x + phases, rounded once as in the core: of a large angle each rounding shows."""
    wide = [graph.constant(array.astype(np.float64)) for array in (rates, phases)]
    x = graph.node("Mul", graph.cast(x, "float64"), wide[0])
    return graph.cast(graph.node("Add", x, wide[1]), graph.dtype)


def _has_relu(spec: Spec) -> bool:
    default = "relu" if spec.get("form") == "plr" else "identity"
    return bool(spec.get("activation", default) == "relu")
