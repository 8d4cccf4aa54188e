"""Means and deviations of Normalization layers, taken from data."""

from typing import TYPE_CHECKING, Any

import numpy as np

from lamina._row_layers import Normalization
from lamina._types import NDArray

if TYPE_CHECKING:
    from lamina._stack import Stack

Array = NDArray[Any]
# Rows looked at together, so that no copy of a large array is made.
_CHUNK = 8192
# A spread below this share of the mean is rounding, not data.
_CONSTANT = 1e-13


def adapt(net: "Stack", x: Array, weights: Array | None) -> None:
    """Set every Normalization of `net` from checked rows x and their weights."""
    found = [i for i, layer in enumerate(net.layers) if isinstance(layer, Normalization)]
    if not found:
        raise ValueError("adapt: expected a Normalization layer in the network, found none")
    changed: dict[str, Array] = {}
    for index in found:
        values = x
        if index > 0:
            before = type(net)(net.layers[:index], inputs=net.inputs, dtype=net.dtype)
            known = {**net.parameters(), **changed}
            before.set_parameters({k: known[k] for k in before.parameters()})
            values = before._core_network().predict(x, None)
        mean, deviation = moments(values, weights)
        for name, figures in (("mean", mean), ("deviation", deviation)):
            _check_range(figures, net.dtype, name)
            changed[f"layers.{index}.{name}"] = figures.astype(net.dtype)
        changed[f"layers.{index}.rows"] = np.array([len(x)], net.dtype)
    net.set_parameters(changed)


def adapt_first_layer(net: "Stack", x: Array, weights: Array | None) -> None:
    """What `fit` does first: adapt a Normalization that opens the network and has no figures."""
    if not isinstance(net.layers[0], Normalization):
        return
    figures = net.parameters()
    mean, deviation = figures["layers.0.mean"], figures["layers.0.deviation"]
    if figures["layers.0.rows"][0] == 0 and not mean.any() and (deviation == 1.0).all():
        first = type(net)(net.layers[:1], inputs=net.inputs, dtype=net.dtype)
        adapt(first, x, weights)
        net.set_parameters(first.parameters())


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
