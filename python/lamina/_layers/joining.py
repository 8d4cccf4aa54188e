"""Neighbouring steps of networks from elsewhere that are one layer of lamina's."""

from dataclasses import replace
from typing import Any

import numpy as np

from lamina._checks.types import NDArray
from lamina._layers.layers import Activation, Dense
from lamina._layers.part import Part
from lamina._layers.row_layers import Affine, Normalization

Array = NDArray[Any]


def join(parts: list[Part], part: Part) -> None:
    """Add a layer to those before it, or make one of it and the last."""
    last = parts[-1] if parts else None
    if last is not None and isinstance(last.layer, Dense) and last.layer.activation == "identity":
        if isinstance(part.layer, Activation):
            dense = replace(last.layer, activation=part.layer.activation)
            parts[-1] = Part(dense, last.values)
            return
        if isinstance(part.layer, Affine):
            parts[-1] = _scaled(last, part.layer)
            return
    if last is not None and isinstance(last.layer, Affine) and isinstance(part.layer, Affine):
        scale, offset = np.asarray(part.layer.scale), np.asarray(part.layer.offset)
        both = Affine(
            _numbers(np.asarray(last.layer.scale) * scale),
            _numbers(np.asarray(last.layer.offset) * scale + offset),
        )
        parts[-1] = Part(both)
        return
    parts.append(part)


def _scaled(dense: Part, affine: Affine) -> Part:
    """A dense layer that also does what a scaling behind it did."""
    weight = dense.values["weight"]
    units = len(weight)
    scale = np.broadcast_to(np.asarray(affine.scale), units)
    offset = np.broadcast_to(np.asarray(affine.offset), units)
    bias = dense.values.get("bias", np.zeros(units)) * scale + offset
    assert isinstance(dense.layer, Dense)
    values = {"weight": weight * scale[:, None], "bias": bias}
    return Part(replace(dense.layer, bias=True), values)


def with_first_normalization(parts: list[Part]) -> list[Part]:
    """Layers whose first one, where it is (x - mean) * scale, subtracts before it rounds."""
    layer = parts[0].layer
    if not isinstance(layer, Affine) or (isinstance(layer.offset, float) and layer.offset == 0.0):
        return parts
    scale, offset = np.broadcast_arrays(np.asarray(layer.scale), np.asarray(layer.offset))
    if scale.ndim == 0 or (scale <= 0.0).any():
        return parts
    # Figures of no known number of rows count as adapted all the same.
    values = {"mean": -offset / scale, "deviation": 1.0 / scale, "rows": np.ones(1)}
    return [Part(Normalization(), values), *parts[1:]]


def _numbers(values: Array) -> Any:
    return float(values) if values.ndim == 0 else values.tolist()
