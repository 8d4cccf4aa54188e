"""What a piece of a graph computes, found out from its values rather than from its spelling.

Exporters write gelu, a normalisation or a scaling in many ways. A piece of operators that work on
each element, or on each row, is computed on rows that tell the known functions apart.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from onnx import NodeProto

from lamina import _core
from lamina._checks.spec import Spec, to_json
from lamina._checks.types import NDArray
from lamina._layers.layer import Layer
from lamina._layers.layers import Activation
from lamina._layers.part import Part
from lamina._layers.row_layers import Affine, Clip, LayerNorm, PReLU, RMSNorm

Array = NDArray[Any]
Function = Callable[[Array], Array]
# Near 0 each function shows its shape, far away its limits.
_NEAR = np.concatenate([np.linspace(-20.0, 20.0, 401), [-1e-3, 1e-3, -1e-6, 1e-6]])
_FAR = np.array([50.0, 100.0, 1e3, 1e4, 1e6, 1e9, 1e15, 1e30])
_GRID = np.concatenate([_NEAR, -_FAR, _FAR])
# Beyond it waves turn faster than numbers can tell.
_STILL = np.abs(_GRID) <= 1e3
_TOLERANCE = 1e-6
_WITHOUT_PARAMETER = [
    name
    for name in _core.catalogue()["activations"]
    if name not in ("leaky_relu", "elu", "celu", "sin", "softmax", "log_softmax", "identity")
]


def match_elements(function: Function, columns: int) -> list[Part] | None:
    """What a function of each element is: activation, clip, scaling, learned slopes; or None."""
    values = function(np.repeat(_GRID[:, None], columns, axis=1))
    if values.shape != (len(_GRID), columns):
        return None
    affine = _affine(function, columns)
    if affine is not None:
        return affine
    near = values[: len(_NEAR)]
    if not np.isfinite(near).all():
        return None
    if _same(values, np.repeat(values[:, :1], columns, axis=1)):
        column = values[:, 0]
        for spec in _candidates(function, column):
            where = _STILL if spec["kind"] == "sin" else slice(None)
            if _same(column[where], activated(spec, _GRID[where])):
                return [Part(Activation(spec if len(spec) > 1 else spec["kind"]))]
        clip = _clip(column)
        if clip is not None:
            return clip
    return _slopes(values)


def plain(number: float) -> float:
    """The number that was meant: 0.1 where it went through float32."""
    narrow = np.float32(number)
    near = abs(float(narrow) - number) <= 1e-9 * abs(number)
    return float(str(narrow)) if near else float(number)


def activated(spec: Spec, x: Array) -> Array:
    """An activation of an array, float64."""
    array = np.ascontiguousarray(x, dtype=np.float64)
    result = np.empty_like(array)
    _core.activate(to_json(spec), array, result, None)
    return result


def _same(got: Array, expected: Array) -> bool:
    """Equal but for rounding where the piece itself does not overflow."""
    there = np.isfinite(got)
    difference = np.abs(got[there] - expected[there])
    return bool(there.any() and (difference <= _TOLERANCE * (1 + np.abs(expected[there]))).all())


def _at(function: Function, x: float, columns: int) -> Array:
    row: Array = function(np.full((1, columns), x))[0]
    return row


def _affine(function: Function, columns: int) -> list[Part] | None:
    """x * scale + offset, by column; nothing at all where that is x itself."""
    far = 2.0**30
    high, low = _at(function, far, columns), _at(function, -far, columns)
    offset, scale = _at(function, 0.0, columns), (high - low) / (2 * far)
    if not (np.isfinite(scale).all() and np.isfinite(offset).all()):
        return None
    x = np.repeat(np.array([1.0, -3.0, 0.1, 1e4])[:, None], columns, axis=1)
    if not _same(function(x), x * scale + offset):
        return None
    scale = np.where(np.abs(scale - 1.0) < 1e-12, 1.0, scale)
    if (scale == 1.0).all() and (offset == 0.0).all():
        return []
    return [Part(Affine(_shortest(scale), _shortest(offset)))]


def _shortest(values: Array) -> Any:
    return float(values[0]) if (values == values[0]).all() else values.tolist()


def _candidates(function: Function, column: Array) -> Iterator[Spec]:
    for name in _WITHOUT_PARAMETER:
        yield {"kind": name}
    at = dict(zip(_GRID.tolist(), column.tolist(), strict=True))
    slope = -at[-1.0]
    if 0.0 <= slope <= 1.0:
        yield {"kind": "leaky_relu", "negative_slope": plain(slope)}
    alphas = {"elu": -at[-1.0] / -np.expm1(-1.0), "celu": -at[-1e9]}
    for kind, alpha in alphas.items():
        if 1e-6 <= alpha <= 1e6:
            yield {"kind": kind, "alpha": plain(alpha)}
    # One wave or many may pass before the farther of the two points.
    for point in (1e-6, 1e-3):
        if 0.0 < at[point] < 1.0:
            yield {"kind": "sin", "frequency": plain(float(np.arcsin(at[point])) / point)}


def _clip(column: Array) -> list[Part] | None:
    low, high = column.min(), column.max()
    if not (low < high and _same(column, np.clip(_GRID, low, high))):
        return None
    limits = {"low": None if low == _GRID.min() else float(low)}
    limits["high"] = None if high == _GRID.max() else float(high)
    return [Part(Clip(**limits))]


def _slopes(values: Array) -> list[Part] | None:
    """PReLU: slopes by column below 0."""
    slopes = -values[np.flatnonzero(_GRID == -1.0)[0]]
    x = _GRID[:, None]
    if not _same(values, np.where(x > 0, x, x * slopes)):
        return None
    return [Part(PReLU(), {"weight": slopes})]


def match_rows(
    function: Function, nodes: Sequence[NodeProto], constants: dict[str, Array], columns: int
) -> list[Part] | None:
    """What a function of each row is: softmax, its logarithm, or a normalisation; or None."""
    random = np.random.default_rng(0)
    x = random.normal(size=(24, columns)) * np.repeat([1e-3, 0.1, 1.0, 10.0], 6)[:, None]
    y = function(x)
    if y.shape != x.shape or not np.isfinite(y).all():
        return None
    for name in ("softmax", "log_softmax"):
        if _same(y, activated({"kind": name}, x)):
            return [Part(Activation(name))]
    centred = x - x.mean(axis=1, keepdims=True)
    kinds: list[tuple[type[Layer], Array]] = [(LayerNorm, centred), (RMSNorm, x)]
    for epsilon in _epsilons(nodes, constants):
        for kind, rows in kinds:
            root = np.sqrt((rows**2).mean(axis=1, keepdims=True) + epsilon)
            fitted = _scaled(kind, epsilon, rows / root, y)
            if fitted is not None:
                return [fitted]
    return None


def _epsilons(nodes: Sequence[NodeProto], constants: dict[str, Array]) -> list[float]:
    """Numbers of a piece that may have been added to a variance."""
    found = {float(a.f) for node in nodes for a in node.attribute if a.name == "epsilon"}
    for node in nodes:
        for name in node.input:
            array = constants.get(name)
            if array is not None and array.size == 1 and array.dtype.kind == "f":
                found.add(float(array.ravel()[0]))
    found |= {1e-5}  # an attribute's default
    return sorted(plain(epsilon) for epsilon in found if 1e-12 <= epsilon <= 1.0)


def _scaled(kind: type[Layer], epsilon: float, normal: Array, y: Array) -> Part | None:
    """The normalisation with weights and biases by column with which it gives y."""
    mean, target = normal.mean(axis=0), y.mean(axis=0)
    spread = normal - mean
    weight = (spread * (y - target)).sum(axis=0) / np.maximum((spread**2).sum(axis=0), 1e-300)
    bias = target - weight * mean
    if np.abs(bias).max() < 1e-9:
        bias = np.zeros_like(bias)
    if np.abs(weight - 1.0).max() < 1e-9:
        weight = np.ones_like(weight)
    if not _same(y, normal * weight + bias):
        return None
    plain = bool((weight == 1.0).all())
    values = {} if plain else {"weight": weight}
    if kind is RMSNorm:
        return Part(RMSNorm(epsilon, scale=not plain), values) if not bias.any() else None
    if bias.any():
        values["bias"] = bias
    return Part(LayerNorm(epsilon, scale=not plain, shift=bool(bias.any())), values)


def match_linear(function: Function, columns: int) -> tuple[Array, Array] | None:
    """Weights [outputs, columns] and biases of a linear map of rows; None where it is none."""
    bias = function(np.zeros((1, columns)))
    if bias.ndim != 2 or bias.shape[0] != 1:
        return None
    images = function(np.eye(columns))
    random = np.random.default_rng(0).normal(size=(5, columns))
    if images.shape != (columns, bias.shape[1]):
        return None
    weight = (images - bias).T
    return (weight, bias[0]) if _same(function(random), random @ weight.T + bias) else None
