"""The layers of a network as nodes of ONNX."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from lamina._checks.spec import Spec
from lamina._checks.types import NDArray
from lamina._onnx.activations import write_activation
from lamina._onnx.columns import write_column_layer, write_features
from lamina._onnx.graph import Graph

Array = NDArray[Any]
Values = Mapping[str, Array]
# The name of a tensor [rows, columns], and its columns.
Rows = tuple[str, int]


def write_layers(
    graph: Graph, layers: Sequence[Spec], parameters: Values, rows: Rows, prefix: str = ""
) -> Rows:
    """Layers one after the other.

    Args:
        layers: descriptions, as `Sequential.to_spec()["layers"]` has them.
        parameters: those of the whole network, by name.
        prefix: what the layers' names begin with: "", or "layers.2." in a block.
    """
    for index, spec in enumerate(layers):
        rows = write_layer(graph, spec, parameters, rows, f"{prefix}layers.{index}.")
    return rows


def write_layer(graph: Graph, spec: Spec, parameters: Values, rows: Rows, name: str) -> Rows:
    """One layer, whose parameters' names begin with `name`."""
    own = {k.removeprefix(name): v for k, v in parameters.items() if k.startswith(name)}
    return _WRITERS[spec["kind"]](graph, spec, own, rows)


def write_first_normalization(graph: Graph, values: Values, rows: Rows) -> Rows:
    """A first `Normalization`, which subtracts in float64 before it rounds."""
    mean = values["layers.0.mean"].astype(np.float64) + values["layers.0.mean_low"]
    x = graph.node("Sub", graph.cast(rows[0], "float64"), graph.constant(mean, "mean"))
    return _divided(graph, graph.cast(x, graph.dtype), values["layers.0.deviation"]), rows[1]


def _dense(graph: Graph, spec: Spec, values: Values, rows: Rows) -> Rows:
    x, units = rows[0], spec["units"]
    if "input_scales" in values:  # of an ensemble's members
        x = _by_member(graph, x, values["input_scales"], None)
    by_member = "output_scales" in values
    inputs = [x, graph.numbers(_scaled(spec, values["weight"]), "weight")]
    if "bias" in values and not by_member:
        inputs.append(graph.numbers(values["bias"], "bias"))
    y = graph.node("Gemm", *inputs, transB=1)
    if by_member:
        y = _by_member(graph, y, values["output_scales"], values.get("bias"))
    return write_activation(graph, y, spec["activation"]), units


def _scaled(spec: Spec, weight: Array) -> Array:
    """The weights [..., units, inputs] as the product has them."""
    if spec.get("parametrization") != "ntk":
        return weight
    scaled: Array = weight / weight.dtype.type(np.sqrt(weight.shape[-1]))
    return scaled


def _by_member(graph: Graph, x: str, scales: Array, bias: Array | None) -> str:
    """Rows of all members, one member's below another's, by scales and biases [k, columns]."""
    k, columns = scales.shape
    x = graph.node("Reshape", x, graph.constant(np.array([k, -1, columns]), "shape"))
    x = graph.node("Mul", x, graph.numbers(scales[:, None], "scales"))
    if bias is not None:
        x = graph.node("Add", x, graph.numbers(bias[:, None], "bias"))
    return graph.node("Reshape", x, graph.constant(np.array([-1, columns]), "shape"))


def _ensemble(graph: Graph, spec: Spec, values: Values, rows: Rows) -> Rows:
    scales, k = values["input_scales"], spec["k"]
    x = graph.node("Unsqueeze", rows[0], graph.constant(np.array([0]), "axes"))
    x = graph.node("Mul", x, graph.numbers(scales[:, None], "scales"))
    x = graph.node("Reshape", x, graph.constant(np.array([-1, rows[1]]), "shape"))
    x, columns = write_layers(graph, spec["layers"][:-1], values, (x, rows[1]))
    head = spec["layers"][-1]
    name = f"layers.{len(spec['layers']) - 1}."
    weight = _scaled(head, values[f"{name}weight"]).transpose(0, 2, 1)
    x = graph.node("Reshape", x, graph.constant(np.array([k, -1, columns]), "shape"))
    y = graph.node("MatMul", x, graph.numbers(weight, "weight"))
    if f"{name}bias" in values:
        y = graph.node("Add", y, graph.numbers(values[f"{name}bias"][:, None], "bias"))
    y = write_activation(graph, y, head["activation"])
    return graph.node("ReduceMean", y, axes=[0], keepdims=0), head["units"]


def _residual(graph: Graph, spec: Spec, values: Values, rows: Rows) -> Rows:
    y, columns = write_layers(graph, spec["layers"], values, rows)
    skip = rows[0]
    if "projection.weight" in values:
        weight = graph.numbers(values["projection.weight"], "weight")
        skip = graph.node("Gemm", skip, weight, transB=1)
    return graph.node("Add", y, skip), columns


def _activation(graph: Graph, spec: Spec, values: Values, rows: Rows) -> Rows:
    return write_activation(graph, rows[0], spec["activation"]), rows[1]


def _nothing(graph: Graph, spec: Spec, values: Values, rows: Rows) -> Rows:
    return rows


def _batch_norm(graph: Graph, spec: Spec, values: Values, rows: Rows) -> Rows:
    mean = values["running_mean"]
    inputs = [
        values.get("weight", np.ones_like(mean)),
        values.get("bias", np.zeros_like(mean)),
        mean,
        values["running_var"],
    ]
    constants = [graph.numbers(array) for array in inputs]
    return graph.node("BatchNormalization", rows[0], *constants, epsilon=spec["epsilon"]), rows[1]


def _layer_norm(graph: Graph, spec: Spec, values: Values, rows: Rows) -> Rows:
    weight = graph.numbers(values.get("weight", np.ones(rows[1])), "weight")
    inputs = [rows[0], weight]
    if "bias" in values:
        inputs.append(graph.numbers(values["bias"], "bias"))
    epsilon = spec["epsilon"]
    return graph.node("LayerNormalization", *inputs, axis=-1, epsilon=epsilon), rows[1]


def _rms_norm(graph: Graph, spec: Spec, values: Values, rows: Rows) -> Rows:
    x = rows[0]
    mean = graph.node("ReduceMean", graph.node("Mul", x, x), axes=[-1])
    root = graph.node("Sqrt", graph.node("Add", mean, graph.numbers(spec["epsilon"])))
    y = graph.node("Div", x, root)
    if "weight" in values:
        y = graph.node("Mul", y, graph.numbers(values["weight"], "weight"))
    return y, rows[1]


def _prelu(graph: Graph, spec: Spec, values: Values, rows: Rows) -> Rows:
    return graph.node("PRelu", rows[0], graph.numbers(values["weight"], "slopes")), rows[1]


def _parametric_activation(graph: Graph, spec: Spec, values: Values, rows: Rows) -> Rows:
    x = rows[0]
    change = graph.node("Sub", write_activation(graph, x, spec["activation"]), x)
    change = graph.node("Mul", change, graph.numbers(values["weight"], "weight"))
    return graph.node("Add", x, change), rows[1]


def _affine_rows(graph: Graph, x: str, scale: Any, offset: Any) -> str:
    y = graph.node("Mul", x, graph.numbers(scale, "scale"))
    return y if offset is None else graph.node("Add", y, graph.numbers(offset, "offset"))


def _scale(graph: Graph, spec: Spec, values: Values, rows: Rows) -> Rows:
    return _affine_rows(graph, rows[0], values["weight"], values.get("bias")), rows[1]


def _affine(graph: Graph, spec: Spec, values: Values, rows: Rows) -> Rows:
    return _affine_rows(graph, rows[0], spec["scale"], spec["offset"]), rows[1]


def _divided(graph: Graph, x: str, deviation: Array) -> str:
    """By deviations, but for those of 0."""
    safe = np.where(deviation == 0, deviation.dtype.type(1), deviation)
    return graph.node("Div", x, graph.numbers(safe, "deviation"))


def _normalization(graph: Graph, spec: Spec, values: Values, rows: Rows) -> Rows:
    x = graph.node("Sub", rows[0], graph.numbers(values["mean"], "mean"))
    return _divided(graph, x, values["deviation"]), rows[1]


def _clip(graph: Graph, spec: Spec, values: Values, rows: Rows) -> Rows:
    return graph.clip(rows[0], spec.get("low"), spec.get("high")), rows[1]


def _target_scaling(graph: Graph, spec: Spec, values: Values, rows: Rows) -> Rows:
    y = _affine_rows(graph, rows[0], values["scale"], values["shift"])
    if "low" in values:
        y = graph.node("Max", y, graph.numbers(values["low"], "low"))
        y = graph.node("Min", y, graph.numbers(values["high"], "high"))
    return y, rows[1]


def _column_encoding(graph: Graph, spec: Spec, values: Values, rows: Rows) -> Rows:
    return write_features(graph, spec["columns"], graph.split(rows[0], [1] * rows[1])), features(
        spec
    )


def features(spec: Spec) -> int:
    """How many features a `ColumnEncoding` makes."""
    count = 0
    for column in spec["columns"]:
        own = {"number": 1 + max(len(column.get("edges", ())) - 1, 0), "date": 7, "code": 1}
        kind = column["kind"]
        count += column["count"] if kind == "category" else own[kind]
        count += bool(column.get("indicator", False))
    return count


def _column_layer(graph: Graph, spec: Spec, values: Values, rows: Rows) -> Rows:
    y = write_column_layer(graph, spec, values, *rows)
    return y, rows[1] + len(spec["columns"]) * (spec["units"] - 1)


_WRITERS: dict[str, Callable[[Graph, Spec, Values, Rows], Rows]] = {
    "activation": _activation,
    "affine": _affine,
    "alpha_dropout": _nothing,
    "batch_norm": _batch_norm,
    "clip": _clip,
    "column_encoding": _column_encoding,
    "dense": _dense,
    "dropout": _nothing,
    "embedding": _column_layer,
    "ensemble": _ensemble,
    "gaussian_noise": _nothing,
    "layer_norm": _layer_norm,
    "normalization": _normalization,
    "parametric_activation": _parametric_activation,
    "periodic": _column_layer,
    "piecewise_linear": _column_layer,
    "prelu": _prelu,
    "residual": _residual,
    "rms_norm": _rms_norm,
    "scale": _scale,
    "target_scaling": _target_scaling,
}
