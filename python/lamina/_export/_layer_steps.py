"""A network's layers as steps: Dense, activations and blocks; others are in files of their own."""

import math
from collections.abc import Sequence

import numpy as np

from lamina._export._column_steps import FeatureCodes, column_steps
from lamina._export._integer_steps import integer_product
from lamina._export._row_steps import row_layer_steps
from lamina._export._step_writer import Array, StepWriter
from lamina._export._steps import Value
from lamina._layers.column_encoding import ColumnEncoding
from lamina._layers.column_layers import Embedding, Periodic, PiecewiseLinear
from lamina._layers.layer import Layer
from lamina._layers.layers import Activation, Dense, Dropout, Ensemble, Residual
from lamina._layers.row_layers import Affine, AlphaDropout, GaussianNoise, Scale


class LayerWriter(StepWriter):
    """Writes the steps of layers; see `StepWriter`."""

    # As in `Network`; where the present value is the features of a table: these, that value, and
    # factors of features that the core leaves to the dense layer behind.
    sums_codes = False
    codes: FeatureCodes | None = None
    features: Value | None = None
    factors: Array | None = None

    def add_layers(self, layers: Sequence[Layer], path: str = "layers", first: int = 0) -> None:
        """Add steps for layers, whose parameters are under path.0, path.1, ..."""
        for number, layer in enumerate(layers, start=first):
            self.add_layer(layer, f"{path}.{number}")

    def add_layer(self, layer: Layer, path: str) -> None:
        """Add steps for a layer."""
        if path.count(".") == 1:
            self.title = f"{self.prefix.replace('_', ' ')}{path}: {layer.title()}"
        match layer:
            case Dropout() | AlphaDropout() | GaussianNoise():
                pass
            case Dense():
                self.add_dense(layer, path)
            case Activation():
                self.add_activation(layer.activation)
            case Residual():
                self.add_residual(layer, path)
            case Ensemble():
                self.add_ensemble(layer, path)
            case ColumnEncoding():
                column_steps(self, layer, path)
                self.codes, self.features = FeatureCodes.of(layer), self.value
            case Embedding() | PiecewiseLinear() | Periodic():
                column_steps(self, layer, path)
            case Affine() if self.sums_features(path) and self.ranges is None:
                self.factors = np.asarray(layer.scale, self.type)
            case Scale() if self.sums_features(path) and not layer.shift and self.ranges is None:
                factors = self.parameter(f"{path}.weight")
                self.factors = factors if self.factors is None else factors * self.factors
            case _:
                row_layer_steps(self, layer, path)

    def add_dense(self, layer: Dense, path: str) -> None:
        """A product, and its activation."""
        weight = self.parameter(f"{path}.weight")
        if self.factors is not None:
            weight, self.factors = weight * self.factors, None
        bias = self.parameter(f"{path}.bias") if layer.bias else None
        gain = 1 / math.sqrt(weight.shape[1]) if layer.parametrization == "ntk" else 1.0
        self.add_product(path, weight, bias, gain)
        self.add_activation(layer.activation)

    def add_product(self, path: str, weight: Array, bias: Array | None, gain: float = 1.0) -> None:
        """x @ weight.T * gain + bias, weight [outputs, inputs]."""
        outputs, inputs = weight.shape
        rows = self.value.rows
        target = Value(outputs, rows)
        shape = f"{rows}, {inputs}, {outputs}"
        if self.ranges is not None:
            return integer_product(self, next(self.ranges), path, weight[None], bias, gain)
        matrix = self.constant(f"{path}.weight", weight.T, note=f"[{inputs}, {outputs}]")
        offsets = "" if bias is None else self.constant(f"{path}.bias", bias)
        size = f"{rows}, {outputs}"
        start = f"repeat_row({size}, {offsets}, {{y}})" if bias is not None and gain == 1 else ""
        lines = [start or f"clear({rows * outputs}, {{y}})"]
        lines += self.coded_product(path, inputs, outputs, matrix) or [
            f"add_product({shape}, {{x}}, {matrix}, {{y}})"
        ]
        back = [f"back_product({shape}, {{dy}}, {matrix}, {{dx}})"]
        self.add(target, lines, back)
        if gain != 1:
            factor = self.number(gain)
            scale = f"scale({rows * outputs}, {factor}, {{y}})"
            shift = f"gain_and_shift({size}, {factor}, {offsets}, {{y}})"
            back = [f"back_scale({rows * outputs}, {factor}, {{dy}}, {{dx}})"]
            self.change([scale if bias is None else shift], back)
        return None

    def sums_features(self, path: str) -> bool:
        """Whether a layer there reads a table's features, which the core sums by their codes."""
        is_first = self.value is self.features and path.count(".") == 1 and self.value.rows == 1
        return is_first and self.sums_codes

    def coded_product(self, path: str, inputs: int, outputs: int, matrix: str) -> list[str]:
        """The lines of a product with a table's features, where the core sums them so."""
        codes = self.codes
        if codes is None or not self.sums_features(path):
            return []
        plain = self.constant(f"{path}.plain", codes.plain or [0], "int", "plain features")
        runs = self.constant(f"{path}.runs", codes.runs, "int", "runs: first, count, steps")
        counts = f"{len(codes.plain)}, {plain}, {len(codes.runs) // 3}, {runs}"
        return [
            f"sums = reals({outputs})",
            f"add_coded_product({inputs}, {outputs}, {{x}}, {matrix}, {counts}, sums, {{y}})",
        ]

    def add_heads(self, layer: Dense, path: str) -> None:
        """Each member's own product."""
        weight, rows = self.parameter(f"{path}.weight"), self.value.rows
        bias = self.parameter(f"{path}.bias") if layer.bias else None
        _, outputs, inputs = weight.shape
        gain = 1 / math.sqrt(inputs) if layer.parametrization == "ntk" else 1.0
        if self.ranges is not None:
            integer_product(self, next(self.ranges), path, weight, bias, gain)
            return self.add_activation(layer.activation)
        note = f"[{rows}, {inputs}, {outputs}]"
        matrix = self.constant(f"{path}.weight", weight.transpose(0, 2, 1), note=note)
        offsets = "" if bias is None else self.constant(f"{path}.bias", bias)
        count = rows * outputs
        start = f"copy({count}, {offsets}, {{y}})" if bias is not None and gain == 1 else ""
        product = f"({rows}, {inputs}, {outputs}, {{x}}, {matrix}, {{y}})"
        back = f"({rows}, {inputs}, {outputs}, {{dy}}, {matrix}, {{dx}})"
        lines = [start or f"clear({count}, {{y}})", f"add_products_of_members{product}"]
        self.add(Value(outputs, rows), lines, [f"back_products_of_members{back}"])
        if gain != 1:
            factor = self.number(gain)
            lines = [f"scale({count}, {factor}, {{y}})"]
            if bias is not None:
                lines = [f"gain_and_shift(1, {count}, {factor}, {offsets}, {{y}})"]
            self.change(lines, [f"back_scale({count}, {factor}, {{dy}}, {{dx}})"])
        return self.add_activation(layer.activation)

    def add_residual(self, layer: Residual, path: str) -> None:
        """inner(x) + skip(x)."""
        block = self.value
        self.add_layers(layer.layers, f"{path}.layers")
        if self.value is block:  # layers that do nothing in prediction
            self.change([], [f"back_add({block.size}, {{dy}}, {{dx}})"])
        rows, columns, count = self.value.rows, self.value.columns, self.value.size
        projection = self.parameters.get(f"{path}.projection.weight")
        target = Value(columns, rows)
        back = [f"back_add({count}, {{dy}}, {{dx}})"]
        if projection is None:
            lines, more = [f"add({count}, {{o}}, {{y}})"], f"back_add({count}, {{dy}}, {{do}})"
        else:
            name = self.constant(f"{path}.projection.weight", projection.T)
            shape = f"{rows}, {block.columns}, {columns}"
            lines = [f"add_product({shape}, {{o}}, {name}, {{y}})"]
            more = f"back_product({shape}, {{dy}}, {name}, {{do}})"
        self.add(target, lines, [*back, more], in_place=True, other=block)

    def add_ensemble(self, layer: Ensemble, path: str) -> None:
        """Members that share products; the mean of their outputs."""
        scales = self.parameter(f"{path}.input_scales")
        rows, columns = scales.shape
        name = self.constant(f"{path}.input_scales", scales)
        lines = [f"expand({rows}, {columns}, {{x}}, {name}, {{y}})"]
        back = [f"back_expand({rows}, {columns}, {name}, {{dy}}, {{dx}})"]
        self.add(Value(columns, rows), lines, back)
        for number, inner in enumerate(layer.layers[:-1]):
            inside = f"{path}.layers.{number}"
            if layer.adapters == "all" and isinstance(inner, Dense):
                self.add_adapted(inner, inside)
            else:
                self.add_layer(inner, inside)
        head = layer.layers[-1]
        assert isinstance(head, Dense)
        self.add_heads(head, f"{path}.layers.{len(layer.layers) - 1}")
        outputs = self.value.columns
        lines = [f"mean_of_rows({rows}, {outputs}, {{x}}, {{y}})"]
        back = [f"back_mean_of_rows({rows}, {outputs}, {{dy}}, {{dx}})"]
        self.add(Value(outputs), lines, back)

    def add_adapted(self, layer: Dense, path: str) -> None:
        """s * (W @ (r * x)) + b with r, s and b of each member."""
        if f"{path}.input_scales" in self.parameters:
            self.add_factors(f"{path}.input_scales", None)
        weight = self.parameter(f"{path}.weight")
        gain = 1 / math.sqrt(weight.shape[1]) if layer.parametrization == "ntk" else 1.0
        self.add_product(path, weight, None, gain)
        self.add_factors(f"{path}.output_scales", f"{path}.bias" if layer.bias else None)
        self.add_activation(layer.activation)

    def add_factors(self, scale: str, offset: str | None) -> None:
        """A factor, and an offset, of each number of the members' rows."""
        self.add_affine(scale, self.parameter(scale).ravel(), offset, rows=1)
