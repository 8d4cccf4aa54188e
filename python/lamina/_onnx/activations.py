"""Activations as nodes of ONNX."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from lamina._checks.spec import Spec
from lamina._onnx.graph import Graph

Write = Callable[[Graph, str, float], str]


def write_activation(graph: Graph, x: str, activation: str | Spec) -> str:
    """An activation, as a description has it, of every element or row of x."""
    spec: Spec = activation if isinstance(activation, dict) else {"kind": activation}
    kind = spec["kind"]
    parameter = next((value for name, value in spec.items() if name != "kind"), 0.0)
    if kind in _OPERATORS and (graph.dtype == "float32" or kind not in _WITHOUT_DOUBLE):
        operator, attributes = _OPERATORS[kind]
        if parameter:
            attributes = {"alpha": parameter}
        return graph.node(operator, x, **attributes)
    return _COMPOSED[kind](graph, x, parameter)


# Those that are one operator. ONNX Runtime has some of them for float32 alone.
_OPERATORS: dict[str, tuple[str, dict[str, Any]]] = {
    "relu": ("Relu", {}),
    "leaky_relu": ("LeakyRelu", {"alpha": 0.0}),
    "sigmoid": ("Sigmoid", {}),
    "tanh": ("Tanh", {}),
    "softplus": ("Softplus", {}),
    "elu": ("Elu", {}),
    "selu": ("Selu", {}),
    "celu": ("Celu", {}),
    "softsign": ("Softsign", {}),
    "hard_sigmoid": ("HardSigmoid", {"alpha": 1 / 6, "beta": 0.5}),
    "hard_swish": ("HardSwish", {}),
    "softmax": ("Softmax", {"axis": -1}),
}
_WITHOUT_DOUBLE = {"softplus", "elu", "selu", "celu", "softsign", "hard_sigmoid", "hard_swish"}
_SELU_SCALE, _SELU_ALPHA = 1.0507009873554804934, 1.6732632423543772848


def _times_sigmoid(graph: Graph, x: str, _: float) -> str:
    return graph.node("Mul", x, graph.node("Sigmoid", x))


def _softplus(graph: Graph, x: str, _: float) -> str:
    if graph.dtype == "float32":
        return graph.node("Softplus", x)
    small = graph.node("Exp", graph.node("Neg", graph.node("Abs", x)))
    rest = graph.node("Log", graph.node("Add", graph.numbers(1.0), small))
    return graph.node("Add", graph.node("Relu", x), rest)


def _log_sigmoid(graph: Graph, x: str, _: float) -> str:
    return graph.node("Neg", _softplus(graph, graph.node("Neg", x), 0.0))


def _exponential_below(graph: Graph, x: str, factor: float, scale: float) -> str:
    """x above 0, factor (exp(x / scale) - 1) below."""
    low = graph.node("Min", x, graph.numbers(0.0))
    if scale != 1.0:
        low = graph.node("Div", low, graph.numbers(scale))
    below = graph.node("Sub", graph.node("Exp", low), graph.numbers(1.0))
    below = graph.node("Mul", graph.numbers(factor), below)
    return graph.node("Where", graph.node("Less", x, graph.numbers(0.0)), below, x)


def _selu(graph: Graph, x: str, _: float) -> str:
    return graph.node(
        "Mul", graph.numbers(_SELU_SCALE), _exponential_below(graph, x, _SELU_ALPHA, 1.0)
    )


def _gelu(graph: Graph, x: str, _: float) -> str:
    scaled = graph.node("Div", x, graph.numbers(math.sqrt(2.0)))
    if graph.dtype == "float64":  # which ONNX Runtime's Erf does not take
        erf = graph.cast(graph.node("Erf", graph.cast(scaled, "float32")), "float64")
    else:
        erf = graph.node("Erf", scaled)
    twice = graph.node("Mul", x, graph.node("Add", erf, graph.numbers(1.0)))
    return graph.node("Mul", twice, graph.numbers(0.5))


def _gelu_tanh(graph: Graph, x: str, _: float) -> str:
    square = graph.node("Mul", x, x)
    cubic = graph.node("Mul", square, graph.numbers(0.044715))
    factor = graph.node("Add", cubic, graph.numbers(1.0))
    inner = graph.node("Mul", x, factor)
    tanh = graph.node("Tanh", graph.node("Mul", inner, graph.numbers(math.sqrt(2.0 / math.pi))))
    twice = graph.node("Mul", x, graph.node("Add", tanh, graph.numbers(1.0)))
    return graph.node("Mul", twice, graph.numbers(0.5))


def _mish(graph: Graph, x: str, _: float) -> str:
    return graph.node("Mul", x, graph.node("Tanh", _softplus(graph, x, 0.0)))


def _softsign(graph: Graph, x: str, _: float) -> str:
    return graph.node("Div", x, graph.node("Add", graph.numbers(1.0), graph.node("Abs", x)))


def _hard_sigmoid(graph: Graph, x: str, _: float) -> str:
    part = graph.clip(graph.node("Add", x, graph.numbers(3.0)), 0.0, 6.0)
    return graph.node("Div", part, graph.numbers(6.0))


def _log_softmax(graph: Graph, x: str, _: float) -> str:
    """Not LogSoftmax, which the reference evaluator computes as the logarithm of a softmax."""
    x = graph.node("Sub", x, graph.node("ReduceMax", x, axes=[-1]))
    axes = graph.constant(np.array([-1]), "axes")
    total = graph.node("ReduceSum", graph.node("Exp", x), axes)
    return graph.node("Sub", x, graph.node("Log", total))


def _sin(graph: Graph, x: str, frequency: float) -> str:
    scaled = x if frequency == 1.0 else graph.node("Mul", x, graph.numbers(frequency))
    return graph.node("Sin", scaled)


def _gaussian(graph: Graph, x: str, _: float) -> str:
    return graph.node("Exp", graph.node("Neg", graph.node("Mul", x, x)))


def _step(graph: Graph, x: str, _: float) -> str:
    return graph.cast(graph.node("Greater", x, graph.numbers(0.0)), graph.dtype)


_COMPOSED: dict[str, Write] = {
    "identity": lambda graph, x, _: x,
    "relu6": lambda graph, x, _: graph.clip(x, 0.0, 6.0),
    "hard_tanh": lambda graph, x, _: graph.clip(x, -1.0, 1.0),
    "softplus": _softplus,
    "log_sigmoid": _log_sigmoid,
    "elu": lambda graph, x, alpha: _exponential_below(graph, x, alpha, 1.0),
    "celu": lambda graph, x, alpha: _exponential_below(graph, x, alpha, alpha),
    "selu": _selu,
    "gelu": _gelu,
    "gelu_tanh": _gelu_tanh,
    "silu": _times_sigmoid,
    "mish": _mish,
    "softsign": _softsign,
    "hard_sigmoid": _hard_sigmoid,
    "hard_swish": lambda graph, x, _: graph.node("Mul", x, _hard_sigmoid(graph, x, 0.0)),
    "sin": _sin,
    "gaussian": _gaussian,
    "step": _step,
    "log_softmax": _log_softmax,
}
