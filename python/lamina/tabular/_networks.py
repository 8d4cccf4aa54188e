"""The networks of a table model, whose outputs are averaged."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina._sequential import Sequential
from lamina.tabular._columns import Floats, TableError
from lamina.tabular._preprocessor import Preprocessor
from lamina.tabular._target import Target


class Networks:
    """Networks that read one preprocessor's rows; their answer is the mean of their outputs.

    Args:
        networks: at least one.
        shares: how much each counts in the mean, above 0; None: all the same.

    Attributes:
        each: the networks. shares: those above, with the sum 1 [networks].
    """

    def __init__(
        self, networks: Sequence[Sequential], shares: Sequence[float] | None = None
    ) -> None:
        self.each = tuple(networks)
        if not self.each or not all(isinstance(net, Sequential) for net in self.each):
            raise TableError("expected a Sequential network, or a list of at least one")
        given = np.ones(len(self.each)) if shares is None else np.asarray(shares, dtype=np.float64)
        usable = given.shape == (len(self.each),) and bool(np.isfinite(given).all())
        if not usable or (given <= 0.0).any():
            raise TableError(
                f"expected {len(self.each)} shares above 0, one a network, got {shares!r}"
            )
        # Dividing shares whose sum is 1 already, as a file has them, would move their last bits.
        total = float(given.sum())
        self.shares: Floats = given if abs(total - 1.0) <= 1e-12 else given / total

    def outputs(self, inputs: NDArray[np.float32], width: int) -> Floats:
        """The mean of the outputs [rows, width], float64, for encoded rows [rows, inputs]."""
        first, *others = (
            share * np.asarray(net.predict(inputs)).astype(np.float64)
            for share, net in zip(self.shares, self.each, strict=True)
        )
        total: Floats = first
        for outputs in others:
            total = total + outputs
        return total.reshape(len(inputs), width)

    def check(self, preprocessor: Preprocessor, target: Target) -> None:
        """Refuse a network that does not fit the preprocessing or the target."""
        layer, row = preprocessor.layer(), np.zeros((1, preprocessor.inputs), dtype=np.float32)
        self.check_first_layers(layer)
        for net in self.each:
            outputs = np.asarray(net.predict(row)).size
            if outputs != target.outputs:
                raise TableError(
                    f"the target needs {target.outputs} network outputs, but there are {outputs}"
                )

    def check_first_layers(self, layer: Any) -> None:
        """Refuse a network that does not begin with this layer."""
        for net in self.each:
            if net.layers[0] != layer:
                raise TableError(
                    "expected a network whose first layer is the preprocessor's layer(), got one "
                    f"that begins with {net.layers[0].title()}"
                )
