"""Operators that are a layer by themselves."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from onnx import NodeProto, helper

from lamina._checks.types import NDArray
from lamina._layers.layers import Activation, BatchNorm, Dense, Dropout
from lamina._layers.part import Part
from lamina._layers.row_layers import Affine, Clip, LayerNorm, PReLU, RMSNorm
from lamina._onnx.matching import plain
from lamina._onnx.operators import shown
from lamina._onnx.reading import fail

Array = NDArray[Any]
Constants = Mapping[str, Array]
# The largest float32: exporters write it where there is no limit.
_FARTHEST = float(np.finfo(np.float32).max)
# Gives the layers of a node that reads `at`; None where it is none of this form.
Reader = Callable[[NodeProto, str, Constants, list[Part]], list[Part] | None]


def _attributes(node: NodeProto) -> dict[str, Any]:
    return {a.name: helper.get_attribute_value(a) for a in node.attribute}


def _dense(weight: Array, bias: Array | None = None, activation: str = "identity") -> Part:
    values = {"weight": weight}
    if bias is not None:
        values["bias"] = bias
    return Part(Dense(len(weight), activation, bias is not None), values)


def _matmul(node: NodeProto, at: str, constants: Constants, _: list[Part]) -> list[Part] | None:
    weight = constants.get(node.input[1])
    if node.input[0] != at or weight is None or weight.ndim != 2:
        return None
    return [_dense(np.ascontiguousarray(weight.T))]


def _gemm(node: NodeProto, at: str, constants: Constants, _: list[Part]) -> list[Part] | None:
    options = {"alpha": 1.0, "beta": 1.0, "transA": 0, "transB": 0} | _attributes(node)
    weight = constants.get(node.input[1])
    if node.input[0] != at or weight is None or options["transA"]:
        return None
    weight = options["alpha"] * (weight if options["transB"] else weight.T)
    if len(node.input) < 3 or not node.input[2]:
        return [_dense(weight)]
    added = constants.get(node.input[2])
    if added is None or (added.ndim > 1 and added.shape[0] != 1):
        return None
    bias = np.broadcast_to(options["beta"] * added.ravel(), len(weight))
    return [_dense(weight, np.ascontiguousarray(bias))]


def _batch_norm(node: NodeProto, at: str, constants: Constants, _: list[Part]) -> list[Part] | None:
    if node.input[0] != at or any(name not in constants for name in node.input[1:]):
        return None
    weight, bias, mean, variance = (constants[name] for name in node.input[1:])
    options = {"epsilon": 1e-5, "momentum": 0.9} | _attributes(node)
    # What lamina's layer moves by is the share of the new statistics.
    layer = BatchNorm(
        round(1.0 - plain(options["momentum"]), 9), max(plain(options["epsilon"]), 1e-12)
    )
    values = {"weight": weight, "bias": bias, "running_mean": mean, "running_var": variance}
    return [Part(layer, values)]


def _layer_norm(node: NodeProto, at: str, constants: Constants, _: list[Part]) -> list[Part] | None:
    values = [constants.get(name) for name in node.input[1:] if name]
    axis = _attributes(node).get("axis", -1)
    if node.input[0] != at or axis not in (-1, 1) or any(v is None for v in values):
        return None
    epsilon = plain(_attributes(node).get("epsilon", 1e-5))
    arrays = [v.ravel() for v in values if v is not None]
    named = dict(zip(("weight", "bias"), arrays, strict=False))
    if node.op_type == "RMSNormalization":
        return [Part(RMSNorm(epsilon), named)]
    return [Part(LayerNorm(epsilon, shift=len(arrays) > 1), named)]


def _prelu(node: NodeProto, at: str, constants: Constants, _: list[Part]) -> list[Part] | None:
    slopes = constants.get(node.input[1])
    if node.input[0] != at or slopes is None:
        return None
    return [Part(PReLU(shared=slopes.size == 1), {"weight": slopes.ravel()})]


def _add(node: NodeProto, at: str, constants: Constants, parts: list[Part]) -> list[Part] | None:
    """The bias of a product before it; of zeros too, which would else do nothing."""
    last = parts[-1] if parts else None
    found = [constants[name] for name in node.input if name in constants]
    if last is None or len(found) != 1 or not isinstance(last.layer, Dense):
        return None
    if last.layer.bias or last.layer.activation != "identity" or found[0].size != last.layer.units:
        return None
    parts.pop()
    return [_dense(last.values["weight"], found[0].ravel())]


def _dropout(node: NodeProto, at: str, constants: Constants, _: list[Part]) -> list[Part] | None:
    training = constants.get(node.input[2]) if len(node.input) > 2 and node.input[2] else None
    if training is not None and training.any():
        raise fail(f"{shown(node)} is in training mode; export the model for prediction")
    given = constants.get(node.input[1]) if len(node.input) > 1 and node.input[1] else None
    rate = float(given) if given is not None else float(_attributes(node).get("ratio", 0.5))
    return [Part(Dropout(rate))] if 0.0 < rate < 1.0 else []


def _hard_sigmoid(
    node: NodeProto, at: str, constants: Constants, _: list[Part]
) -> list[Part] | None:
    options = {"alpha": 0.2, "beta": 0.5} | _attributes(node)
    if abs(options["alpha"] - 1 / 6) < 1e-6 and options["beta"] == 0.5:
        return None  # lamina's activation of the name
    return [Part(Affine(options["alpha"], options["beta"])), Part(Clip(0.0, 1.0))]


def _clip(node: NodeProto, at: str, constants: Constants, _: list[Part]) -> list[Part] | None:
    given = [constants.get(name) if name else None for name in node.input[1:]]
    limits = [None if value is None else float(value.ravel()[0]) for value in given]
    if node.input[0] != at or any(name and name not in constants for name in node.input[1:]):
        return None
    first, second = [*limits, None, None][:2]
    low: float | None = _attributes(node).get("min", first)
    high: float | None = _attributes(node).get("max", second)
    low = None if low is None or low <= -_FARTHEST else low
    high = None if high is None or high >= _FARTHEST else high
    names: dict[tuple[float | None, float | None], str]
    names = {(0.0, 6.0): "relu6", (-1.0, 1.0): "hard_tanh", (0.0, None): "relu"}
    if (low, high) in names:
        return [Part(Activation(names[low, high]))]
    if low is None and high is None:
        return []
    return [Part(Clip(low, high))]


def _linear_rows(node: NodeProto, outputs: int) -> tuple[Array, Array, str]:
    """Weights [outputs, columns], biases and what follows, of scikit-learn's linear models."""
    options = _attributes(node)
    weight = np.array(options["coefficients"], dtype=np.float64)
    if not outputs or weight.size % outputs:
        raise fail(f"{shown(node)} has {weight.size} coefficients for {outputs} outputs")
    bias = np.array(options.get("intercepts", [0.0] * outputs), dtype=np.float64)
    if len(bias) != outputs:
        raise fail(f"{shown(node)} has {len(bias)} intercepts for {outputs} outputs")
    return weight.reshape(outputs, -1), bias, options.get("post_transform", b"NONE").decode()


def _linear_regressor(
    node: NodeProto, at: str, constants: Constants, _: list[Part]
) -> list[Part] | None:
    weight, bias, after = _linear_rows(node, _attributes(node).get("targets", 1))
    return [_dense(weight, bias)] if after == "NONE" else None


def _linear_classifier(
    node: NodeProto, at: str, constants: Constants, _: list[Part]
) -> list[Part] | None:
    options = _attributes(node)
    labels = options.get("classlabels_ints") or options.get("classlabels_strings") or []
    if not labels or len(options["coefficients"]) < len(labels):
        return None
    weight, bias, after = _linear_rows(node, len(labels))
    if after == "LOGISTIC" and len(bias) == 2 and _opposite(weight) and _opposite(bias):
        # 1 / (1 + exp(-2 z)) and its complement are the softmax of z and -z.
        return [_dense(weight / 2, bias / 2, "softmax")]
    activation = {"NONE": "identity", "LOGISTIC": "sigmoid", "SOFTMAX": "softmax"}.get(after)
    return None if activation is None else [_dense(weight, bias, activation)]


def _opposite(rows: Array) -> bool:
    return bool((rows[0] == -rows[1]).all())


def _normalizer(
    node: NodeProto, at: str, constants: Constants, parts: list[Part]
) -> list[Part] | None:
    """Nothing, behind probabilities whose sum is 1 already."""
    last = parts[-1].layer if parts else None
    sums = isinstance(last, Dense) and last.activation == "softmax"
    return [] if sums and _attributes(node).get("norm", b"MAX") == b"L1" else None


def _scaler(node: NodeProto, at: str, constants: Constants, _: list[Part]) -> list[Part] | None:
    options = _attributes(node)
    scale = np.array(options.get("scale", [1.0]), dtype=np.float64)
    offset = -np.array(options.get("offset", [0.0]), dtype=np.float64) * scale
    return [Part(Affine(scale.tolist(), np.broadcast_to(offset, len(scale)).tolist()))]


READERS: dict[str, Reader] = {
    "Add": _add,
    "BatchNormalization": _batch_norm,
    "Clip": _clip,
    "Dropout": _dropout,
    "Gemm": _gemm,
    "HardSigmoid": _hard_sigmoid,
    "LayerNormalization": _layer_norm,
    "LinearClassifier": _linear_classifier,
    "LinearRegressor": _linear_regressor,
    "MatMul": _matmul,
    "Normalizer": _normalizer,
    "PRelu": _prelu,
    "RMSNormalization": _layer_norm,
    "Scaler": _scaler,
}


def with_complements(parts: list[Part], function: Callable[[Array], Array]) -> list[Part] | None:
    """The complements 1 - p and then p behind sigmoids p.

    Of one it is the softmax of 0 and its logit; of more, each 1 - p is a sigmoid too.
    """
    last = parts[-1] if parts else None
    if last is None or not isinstance(last.layer, Dense) or last.layer.activation != "sigmoid":
        return None
    units = last.layer.units
    p = np.random.default_rng(0).uniform(size=(9, units))
    if not np.array_equal(function(p), np.hstack([1.0 - p, p])):
        return None
    parts.pop()
    first, activation = (0.0, "softmax") if units == 1 else (-1.0, "sigmoid")
    values = {name: np.concatenate([first * v, v]) for name, v in last.values.items()}
    return [Part(replace(last.layer, units=2 * units, activation=activation), values)]
