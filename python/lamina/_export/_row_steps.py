"""Layers that work on each row alone as steps: normalisations, scales, limits."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from lamina._export._step_writer import StepWriter, name_and_parameter
from lamina._export._steps import Value
from lamina._layers.layer import Layer
from lamina._layers.layers import BatchNorm
from lamina._layers.row_layers import (
    Affine,
    Clip,
    LayerNorm,
    Normalization,
    ParametricActivation,
    PReLU,
    RMSNorm,
    Scale,
    TargetScaling,
)

_LIMITS = ("low", "high")
_BLEND = '''\
def blend_{name}(rows: Int, columns: Int, {parameter}weight: Reals, y: Reals) -> None:
    """z + (f(z) - z) weight by column, f being {name}."""
    for r in range(rows):
        for c in range(columns):
            z = y[r * columns + c]
            y[r * columns + c] = fma({name}(z{argument}) - z, weight[c], z)
'''
_BACK_BLEND = '''\
def back_blend_{name}(
    rows: Int, columns: Int, {parameter}weight: Reals, x: Reals, dy: Reals, dx: Reals
) -> None:
    """Of z + (f(z) - z) weight."""
    for r in range(rows):
        for c in range(columns):
            place = r * columns + c
            slope = slope_of_{name}(x[place]{argument})
            dx[place] = fma(dy[place], fma(slope - 1, weight[c], 1), dx[place])
'''


def row_layer_steps(writer: StepWriter, layer: Layer, path: str) -> None:
    """Add the steps of such a layer."""
    if type(layer) not in _STEPS:
        raise NotImplementedError(f"export: generated code has no {type(layer).__name__}")
    _STEPS[type(layer)](writer, layer, path)


def _blend(writer: StepWriter, layer: ParametricActivation, path: str) -> None:
    """z + (f(z) - z) * weight."""
    name, parameter = name_and_parameter(layer.activation)
    rows, columns = writer.value.rows, writer.value.columns
    weight = writer.constant(f"{path}.weight", writer.parameter(f"{path}.weight"))
    more = "" if parameter is None else f"{writer.number(parameter)}, "
    if name == "identity":
        return
    writer.need(f"blend_{name}", _BLEND, name, parameter)
    writer.need(f"back_blend_{name}", _BACK_BLEND, name, parameter)
    start = f"{rows}, {columns}, {more}{weight}"
    lines = [f"blend_{name}({start}, {{y}})"]
    writer.change(lines, [f"back_blend_{name}({start}, {{x}}, {{dy}}, {{dx}})"])


def _batch_norm(writer: StepWriter, layer: BatchNorm, path: str) -> None:
    """(y - mean) * scale + shift of the running statistics."""
    rows, columns = writer.value.rows, writer.value.columns
    mean, variance = (writer.parameter(f"{path}.running_{n}") for n in ("mean", "var"))
    factors = writer.type(1) / np.sqrt(variance + writer.type(layer.epsilon))
    if layer.scale:
        factors = factors * writer.parameter(f"{path}.weight")
    center = writer.constant(f"{path}.running_mean", mean)
    count = writer.value.size
    lines = [f"subtract_columns({rows}, {columns}, {center}, {{y}})"]
    writer.change(lines, [f"back_add({count}, {{dy}}, {{dx}})"])
    writer.add_affine(f"{path}.factor", factors, f"{path}.bias" if layer.shift else None, rows)


def _row_norm(writer: StepWriter, layer: LayerNorm | RMSNorm, path: str) -> None:
    """Each row normalised, then scaled by column."""
    rows, columns = writer.value.rows, writer.value.columns
    centered = int(isinstance(layer, LayerNorm))
    start = f"{rows}, {columns}, {centered}, {writer.number(layer.epsilon)}"
    back = [f"back_normalize_rows({start}, {{x}}, {{dy}}, {{dx}})"]
    writer.change([f"normalize_rows({start}, {{y}})"], back)
    if layer.scale:
        weight = writer.parameter(f"{path}.weight")
        name = writer.constant(f"{path}.weight", weight)
        back = [f"back_scale_columns({rows}, {columns}, {name}, {{dy}}, {{dx}})"]
        writer.change([f"scale_columns({rows}, {columns}, {name}, {{y}})"], back)
    if isinstance(layer, LayerNorm) and layer.shift:
        name = writer.constant(f"{path}.bias", writer.parameter(f"{path}.bias"))
        lines = [f"shift_columns({rows}, {columns}, {name}, {{y}})"]
        writer.change(lines, [f"back_add({writer.value.size}, {{dy}}, {{dx}})"])


def _prelu(writer: StepWriter, layer: PReLU, path: str) -> None:
    """Learned slopes."""
    rows, columns = writer.value.rows, writer.value.columns
    slopes = np.broadcast_to(writer.parameter(f"{path}.weight"), (columns,))
    name = writer.constant(f"{path}.weight", slopes)
    lines = [f"prelu({rows}, {columns}, {name}, {{y}})"]
    writer.change(lines, [f"back_prelu({rows}, {columns}, {name}, {{x}}, {{dy}}, {{dx}})"])


def _scale(writer: StepWriter, layer: Scale, path: str) -> None:
    """A learned factor, and offset, for each column."""
    offset = f"{path}.bias" if layer.shift else None
    writer.add_affine(
        f"{path}.weight", writer.parameter(f"{path}.weight"), offset, writer.value.rows
    )


def _normalization(writer: StepWriter, layer: Normalization, path: str) -> None:
    """(y - mean) / deviation; as the first layer with the difference in float64."""
    rows, columns = writer.value.rows, writer.value.columns
    mean, low = writer.parameter(f"{path}.mean"), writer.parameter(f"{path}.mean_low")
    deviation = writer.parameter(f"{path}.deviation")
    inverse = writer.type(1) / np.where(deviation > 0, deviation, writer.type(1))
    back = [f"back_add({writer.value.size}, {{dy}}, {{dx}})"]
    if path == "layers.0":
        exact = mean.astype(np.float64) + low.astype(np.float64)
        name = writer.constant(f"{path}.mean", exact, "double")
        lines = [f"subtract_in_double({columns}, {{x}}, {name}, {{y}})"]
        writer.add(Value(columns), lines, back)
    else:
        name = writer.constant(f"{path}.mean", mean)
        writer.change([f"subtract_columns({rows}, {columns}, {name}, {{y}})"], back)
    writer.add_affine(f"{path}.inverse_deviation", inverse, None, rows)


def _fixed_affine(writer: StepWriter, layer: Affine, path: str) -> None:
    """y * scale + offset with fixed numbers."""
    rows, columns, count = writer.value.rows, writer.value.columns, writer.value.size
    scale, offset = np.asarray(layer.scale), np.asarray(layer.offset)
    if scale.ndim == 0 and offset.ndim == 0:
        start = f"{count}, {writer.number(float(scale))}"
        lines = [f"scale_and_shift({start}, {writer.number(float(offset))}, {{y}})"]
        writer.change(lines, [f"back_scale({start}, {{dy}}, {{dx}})"])
        return
    wide = [np.broadcast_to(each, (columns,)) for each in (scale, offset)]
    writer.add_affine(f"{path}.scale", wide[0], f"{path}.offset", rows, wide[1])


def _clip(writer: StepWriter, layer: Clip, path: str) -> None:
    """Limits."""
    count = writer.value.size
    most = float(np.finfo(writer.type).max)
    low, high = (-most if layer.low is None else layer.low), layer.high
    lines = []
    if layer.low is not None:
        lines.append(f"clip_below({count}, {writer.number(low)}, {{y}})")
    if high is not None:
        lines.append(f"clip_above({count}, {writer.number(high)}, {{y}})")
    limits = f"{writer.number(low)}, {writer.number(most if high is None else high)}"
    writer.change(lines, [f"back_clip({count}, {limits}, {{x}}, {{dy}}, {{dx}})"])


def _target_scaling(writer: StepWriter, layer: TargetScaling, path: str) -> None:
    """The targets' units, and limits."""
    columns = writer.value.columns
    writer.add_affine(f"{path}.scale", writer.parameter(f"{path}.scale"), f"{path}.shift", 1)
    if layer.clip:
        names = [writer.constant(f"{path}.{n}", writer.parameter(f"{path}.{n}")) for n in _LIMITS]
        limits = f"{columns}, {names[0]}, {names[1]}"
        lines = [f"clip_columns({limits}, {{y}})"]
        writer.change(lines, [f"back_clip_columns({limits}, {{x}}, {{dy}}, {{dx}})"])


_STEPS: Mapping[type[Layer], Callable[[StepWriter, Any, str], None]] = {
    BatchNorm: _batch_norm,
    LayerNorm: _row_norm,
    RMSNorm: _row_norm,
    PReLU: _prelu,
    ParametricActivation: _blend,
    Scale: _scale,
    Normalization: _normalization,
    Affine: _fixed_affine,
    Clip: _clip,
    TargetScaling: _target_scaling,
}
