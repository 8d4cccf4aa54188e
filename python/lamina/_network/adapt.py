"""Figures of Normalization and TargetScaling layers, taken from data."""

from typing import Any

import numpy as np

from lamina._checks.sparse import SparseRows
from lamina._checks.types import NDArray
from lamina._layers.row_layers import Normalization, TargetScaling
from lamina._network.examples import Examples
from lamina._network.stack import Stack, split_mean

Array = NDArray[Any]
# Rows looked at together, so that no copy of a large array is made.
_CHUNK = 8192
# A spread below this share of the mean is rounding, not data.
_CONSTANT = 1e-13


def adapt(
    net: Stack, x: Array, targets: Array | None, weights: Array | None, loss: Any = None
) -> None:
    """Set every Normalization of `net` from checked rows x, and a TargetScaling from targets."""
    changed: dict[str, Array] = {}
    for index, layer in enumerate(net.layers):
        if not isinstance(layer, Normalization):
            continue
        values = x
        if index > 0:
            before = Stack(net.layers[:index], inputs=net.inputs, dtype=net.dtype)
            known = {**net.parameters(), **changed}
            before.set_parameters({k: known[k] for k in before.parameters()})
            values = before._core_network().predict(x)
        changed |= _normalization(f"layers.{index}", values, weights, net.dtype)
    if targets is not None:
        changed |= _target_scaling(net, targets, weights, loss)
    net._set_figures(changed)


def adapt_ends(net: Stack, data: Examples, loss: Any) -> None:
    """What `fit` does first: adapt the first and the last layer where they have no figures yet."""
    figures, last = net.parameters(), f"layers.{len(net.layers) - 1}"
    changed: dict[str, Array] = {}
    if isinstance(net.layers[0], Normalization) and _is_new(figures, "layers.0", "mean deviation"):
        if isinstance(data.x, SparseRows):
            raise ValueError(
                "fit: expected dense rows for a Normalization without means of its own, got a "
                "sparse matrix, which subtracting a mean fills; leave Normalization out and scale "
                "the columns, or give it means by adapt(X[:n].toarray())"
            )
        changed |= _normalization("layers.0", data.x, data.weights, net.dtype)
    if isinstance(net.layers[-1], TargetScaling) and _is_new(figures, last, "shift scale"):
        changed |= _target_scaling(net, data.targets, data.weights, loss)
    if changed:
        net._set_figures(changed)


def adapt_first(net: Stack, x: Array) -> None:
    """Adapt a first Normalization that has no figures yet to checked rows x."""
    figures = net.parameters()
    if isinstance(net.layers[0], Normalization) and _is_new(figures, "layers.0", "mean deviation"):
        net._set_figures(_normalization("layers.0", x, None, net.dtype))


def _is_new(figures: dict[str, Array], layer: str, names: str) -> bool:
    """Whether a layer's figures are those it began with: 0 to subtract, and 1 to divide by."""
    offset, divisor = (figures[f"{layer}.{name}"] for name in names.split())
    unused = figures[f"{layer}.rows"][0] == 0
    return bool(unused and not offset.any() and (divisor == 1.0).all())


def _normalization(
    layer: str, values: Array, weights: Array | None, dtype: str
) -> dict[str, Array]:
    mean, deviation = moments(values, weights)
    for name, figures in (("mean", mean), ("deviation", deviation)):
        _check_range(figures, dtype, name)
    return {
        **split_mean(f"{layer}.mean", mean, dtype),
        f"{layer}.deviation": deviation.astype(dtype),
        f"{layer}.rows": np.array([len(values)], dtype),
    }


def _target_scaling(net: Stack, y: Array, weights: Array | None, loss: Any) -> dict[str, Array]:
    """Figures of the TargetScaling that ends `net`, from targets y [rows] or [rows, targets].

    Raises:
        ValueError: y has neither a column for each output nor (of quantiles) one for all.
    """
    outputs = int(net.outputs or 0)
    if y.dtype.kind not in "fiub" or y.ndim not in (1, 2):
        raise ValueError(
            f"fit: expected targets [rows, {outputs}] of numbers to scale, got {y.dtype} of shape "
            f"{y.shape}"
        )
    table = y.reshape(len(y), -1)
    columns = table.shape[1]
    mean, deviation = moments(table, weights)
    for name, figures in (("mean", mean), ("deviation", deviation)):
        _check_range(figures, net.dtype, f"targets' {name}")
    deviation[deviation == 0.0] = 1.0
    gaussian = getattr(loss, "name", "") == "gaussian_negative_log_likelihood"
    if gaussian:
        # Its further outputs are log variances: of targets k times as large they are 2 log k more.
        shift = np.concatenate([mean, 2.0 * np.log(deviation)])
        scale = np.concatenate([deviation, np.ones(columns)])
    elif columns in (1, outputs):
        shift, scale = np.resize(mean, outputs), np.resize(deviation, outputs)
    else:
        raise ValueError(
            f"fit: expected {outputs} columns of targets to scale, one an output, got {columns}"
        )
    found = {"scale": scale, "shift": shift, "rows": np.array([len(y)])}
    last_layer = net.layers[-1]
    if isinstance(last_layer, TargetScaling) and last_layer.clip:
        counted = table if weights is None else table[weights > 0.0]
        most = float(np.finfo(net.dtype).max) / 2
        for name, limit, none in (("low", counted.min(0), -most), ("high", counted.max(0), most)):
            rest = np.full(columns, none)  # log variances have no limit
            found[name] = np.append(limit, rest) if gaussian else np.resize(limit, outputs)
    last = f"layers.{len(net.layers) - 1}"
    return {f"{last}.{name}": value.astype(net.dtype) for name, value in found.items()}


def moments(x: Array, weights: Array | None) -> tuple[Array, Array]:
    """Weighted mean and standard deviation of each column of x [rows, n], in float64.

    Chunks are joined as Chan, Golub & LeVeque (1979) do. Constant columns have deviation 0.
    """
    total = 0.0
    mean, squares = np.zeros(x.shape[1]), np.zeros(x.shape[1])
    with np.errstate(over="ignore", invalid="ignore"):
        for first in range(0, len(x), _CHUNK):
            chunk = np.asarray(x[first : first + _CHUNK], np.float64)
            share = np.ones(len(chunk))
            if weights is not None:
                share = weights[first : first + _CHUNK].astype(np.float64)
            weight = float(share.sum())
            if weight == 0.0:
                continue
            own = share @ chunk / weight
            distance = chunk - own
            own += share @ distance / weight  # what the first sum lost to rounding
            squares += share @ (chunk - own) ** 2
            squares += (own - mean) ** 2 * (total * weight / (total + weight))
            mean += (own - mean) * (weight / (total + weight))
            total += weight
        deviation = np.sqrt(squares / total)
        deviation[deviation <= _CONSTANT * np.abs(mean)] = 0.0
    return mean, deviation


def _check_range(figures: Array, dtype: str, name: str) -> None:
    fits = np.abs(figures) <= np.finfo(dtype).max
    if not fits.all():
        raise ValueError(
            f"adapt: the {name} of column {int(np.argmin(fits))} is beyond {dtype}'s range"
        )
