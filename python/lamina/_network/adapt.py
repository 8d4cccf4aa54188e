"""Figures of Normalization and TargetScaling layers, taken from data."""

from typing import Any

from lamina import _core
from lamina._checks.sparse import SparseRows
from lamina._checks.types import NDArray
from lamina._layers.row_layers import Normalization
from lamina._network.examples import Examples
from lamina._network.stack import Stack

Array = NDArray[Any]


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
        changed |= _normalization(net, f"layers.{index}", values, weights)
    if targets is not None:
        changed |= _target_scaling(net, targets, weights, loss)
    net._set_figures(changed)


def adapt_ends(net: Stack, data: Examples, loss: Any) -> None:
    """What `fit` does first: adapt the first and the last layer where they have no figures yet."""
    first, last = _core.wants_figures(net._core_network())
    changed: dict[str, Array] = {}
    if first:
        if isinstance(data.x, SparseRows):
            raise ValueError(
                "fit: expected dense rows for a Normalization without means of its own, got a "
                "sparse matrix, which subtracting a mean fills; leave Normalization out and scale "
                "the columns, or give it means by adapt(X[:n].toarray())"
            )
        changed |= _normalization(net, "layers.0", data.x, data.weights)
    if last:
        changed |= _target_scaling(net, data.targets, data.weights, loss)
    if changed:
        net._set_figures(changed)


def adapt_first(net: Stack, x: Array) -> None:
    """Adapt a first Normalization that has no figures yet to checked rows x."""
    if _core.wants_figures(net._core_network())[0]:
        net._set_figures(_normalization(net, "layers.0", x, None))


def _normalization(
    net: Stack, layer: str, values: Array, weights: Array | None
) -> dict[str, Array]:
    figures: dict[str, Array] = _core.normalization_figures(
        net._core_network(), layer, values, weights
    )
    return figures


def _target_scaling(net: Stack, y: Array, weights: Array | None, loss: Any) -> dict[str, Array]:
    """Figures of the TargetScaling that ends `net`, from targets y [rows] or [rows, targets].

    Raises:
        ValueError: y has neither a column for each output nor (of quantiles) one for all.
    """
    if y.dtype.kind not in "fiub" or y.ndim not in (1, 2):
        raise ValueError(
            f"fit: expected targets [rows, {net.outputs}] of numbers to scale, got {y.dtype} of "
            f"shape {y.shape}"
        )
    gaussian = getattr(loss, "name", "") == "gaussian_negative_log_likelihood"
    figures: dict[str, Array] = _core.target_scaling_figures(
        net._core_network(), y, weights, gaussian
    )
    return figures
