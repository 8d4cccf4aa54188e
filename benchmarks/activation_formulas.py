"""Activations forward and backward in numpy, written out into arrays made before."""

from collections.abc import Callable
from typing import Any

import numpy as np

Floats = np.ndarray[Any, np.dtype[np.float32]]
# f(x, dy, y, dx, s): y and dx are written, s is scratch, all of one shape.
Formula = Callable[[Floats, Floats, Floats, Floats, Floats], None]


def clipped(x: Floats, dy: Floats, y: Floats, dx: Floats, low: float, high: float) -> None:
    np.clip(x, low, high, out=y)
    np.multiply(dy, (x > low) & (x < high), out=dx)


def relu(x: Floats, dy: Floats, y: Floats, dx: Floats, _: Floats) -> None:
    np.maximum(x, 0, out=y)
    np.multiply(dy, y > 0, out=dx)


def leaky_relu(x: Floats, dy: Floats, y: Floats, dx: Floats, s: Floats) -> None:
    np.multiply(x, 0.01, out=y)
    np.maximum(x, y, out=y)
    np.multiply(dy, 0.01, out=dx)
    np.copyto(dx, dy, where=x > 0)


def tanh(x: Floats, dy: Floats, y: Floats, dx: Floats, _: Floats) -> None:
    np.tanh(x, out=y)
    np.multiply(y, y, out=dx)
    np.subtract(1, dx, out=dx)
    np.multiply(dx, dy, out=dx)


def logistic(x: Floats, out: Floats) -> None:
    np.negative(x, out=out)
    np.exp(out, out=out)
    np.add(out, 1, out=out)
    np.reciprocal(out, out=out)


def sigmoid(x: Floats, dy: Floats, y: Floats, dx: Floats, _: Floats) -> None:
    logistic(x, y)
    np.subtract(1, y, out=dx)
    np.multiply(dx, y, out=dx)
    np.multiply(dx, dy, out=dx)


def softplus(x: Floats, dy: Floats, y: Floats, dx: Floats, _: Floats) -> None:
    np.abs(x, out=y)
    np.negative(y, out=y)
    np.exp(y, out=y)
    np.log1p(y, out=y)
    np.maximum(x, 0, out=dx)
    np.add(y, dx, out=y)
    logistic(x, dx)
    np.multiply(dx, dy, out=dx)


def log_sigmoid(x: Floats, dy: Floats, y: Floats, dx: Floats, s: Floats) -> None:
    np.negative(x, out=s)
    softplus(s, dy, y, dx, s)
    np.negative(y, out=y)


def silu(x: Floats, dy: Floats, y: Floats, dx: Floats, s: Floats) -> None:
    logistic(x, s)
    np.multiply(x, s, out=y)
    np.subtract(1, s, out=dx)
    np.multiply(dx, y, out=dx)
    np.add(dx, s, out=dx)
    np.multiply(dx, dy, out=dx)


def mish(x: Floats, dy: Floats, y: Floats, dx: Floats, s: Floats) -> None:
    softplus(x, dy, y, dx, s)
    logistic(x, dx)
    np.tanh(y, out=s)
    np.multiply(x, s, out=y)
    np.multiply(dx, x, out=dx)
    np.multiply(dx, 1 - s * s, out=dx)
    np.add(dx, s, out=dx)
    np.multiply(dx, dy, out=dx)


def gelu_tanh(x: Floats, dy: Floats, y: Floats, dx: Floats, s: Floats) -> None:
    np.multiply(x, x, out=s)
    np.multiply(s, 3 * 0.0356774081, out=dx)
    np.add(dx, 0.7978845608, out=dx)
    np.multiply(s, 0.0356774081, out=s)
    np.add(s, 0.7978845608, out=s)
    np.multiply(s, x, out=s)
    np.tanh(s, out=s)
    np.multiply(dx, x, out=dx)
    np.multiply(dx, 1 - s * s, out=dx)
    np.add(s, 1, out=s)
    np.add(dx, s, out=dx)
    np.multiply(s, x, out=y)
    np.multiply(y, 0.5, out=y)
    np.multiply(dx, dy, out=dx)
    np.multiply(dx, 0.5, out=dx)


def elu(x: Floats, dy: Floats, y: Floats, dx: Floats, s: Floats) -> None:
    np.minimum(x, 0, out=s)
    np.expm1(s, out=s)
    np.maximum(x, 0, out=y)
    np.add(y, s, out=y)
    np.add(s, 1, out=dx)
    np.multiply(dx, dy, out=dx)


def selu(x: Floats, dy: Floats, y: Floats, dx: Floats, s: Floats) -> None:
    np.minimum(x, 0, out=s)
    np.expm1(s, out=s)
    np.multiply(s, 1.7580993408, out=s)
    np.maximum(x, 0, out=y)
    np.multiply(y, 1.0507009873, out=y)
    np.add(y, s, out=y)
    np.add(s, 1.7580993408, out=dx)
    np.copyto(dx, 1.0507009873, where=x > 0)
    np.multiply(dx, dy, out=dx)


def softsign(x: Floats, dy: Floats, y: Floats, dx: Floats, s: Floats) -> None:
    np.abs(x, out=s)
    np.add(s, 1, out=s)
    np.divide(x, s, out=y)
    np.multiply(s, s, out=s)
    np.divide(dy, s, out=dx)


def hard_sigmoid(x: Floats, dy: Floats, y: Floats, dx: Floats, _: Floats) -> None:
    np.add(x, 3, out=y)
    np.clip(y, 0, 6, out=y)
    np.divide(y, 6, out=y)
    np.multiply(dy, (y > 0) & (y < 1), out=dx)
    np.divide(dx, 6, out=dx)


def hard_swish(x: Floats, dy: Floats, y: Floats, dx: Floats, s: Floats) -> None:
    np.add(x, 3, out=s)
    np.clip(s, 0, 6, out=s)
    np.divide(s, 6, out=s)
    np.multiply(x, s, out=y)
    np.divide(x, 6, out=dx)
    np.multiply(dx, (s > 0) & (s < 1), out=dx)
    np.add(dx, s, out=dx)
    np.multiply(dx, dy, out=dx)


def sin(x: Floats, dy: Floats, y: Floats, dx: Floats, _: Floats) -> None:
    np.sin(x, out=y)
    np.cos(x, out=dx)
    np.multiply(dx, dy, out=dx)


def gaussian(x: Floats, dy: Floats, y: Floats, dx: Floats, _: Floats) -> None:
    np.multiply(x, x, out=y)
    np.negative(y, out=y)
    np.exp(y, out=y)
    np.multiply(x, y, out=dx)
    np.multiply(dx, -2, out=dx)
    np.multiply(dx, dy, out=dx)


def softmax(x: Floats, dy: Floats, y: Floats, dx: Floats, _: Floats) -> None:
    np.subtract(x, x.max(axis=1, keepdims=True), out=y)
    np.exp(y, out=y)
    np.divide(y, y.sum(axis=1, keepdims=True), out=y)
    np.multiply(dy, y, out=dx)
    np.subtract(dy, dx.sum(axis=1, keepdims=True), out=dx)
    np.multiply(dx, y, out=dx)


def log_softmax(x: Floats, dy: Floats, y: Floats, dx: Floats, s: Floats) -> None:
    np.subtract(x, x.max(axis=1, keepdims=True), out=y)
    np.exp(y, out=s)
    total = s.sum(axis=1, keepdims=True)
    np.subtract(y, np.log(total), out=y)
    np.divide(s, total, out=s)
    np.multiply(s, dy.sum(axis=1, keepdims=True), out=s)
    np.subtract(dy, s, out=dx)


# By lamina's names; numpy has no error function, hence no gelu.
FORMULAS: dict[str, Formula] = {
    "relu6": lambda x, dy, y, dx, _: clipped(x, dy, y, dx, 0, 6),
    "hard_tanh": lambda x, dy, y, dx, _: clipped(x, dy, y, dx, -1, 1),
    "celu": elu,  # the same for alpha 1
} | {
    f.__name__: f
    for f in (
        *(relu, leaky_relu, tanh, sigmoid, softplus, log_sigmoid, silu, mish, gelu_tanh, elu),
        *(selu, softsign, hard_sigmoid, hard_swish, sin, gaussian, softmax, log_softmax),
    )
}
