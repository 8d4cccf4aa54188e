"""The network behind an estimator, which follows the weights that users see and may change."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from lamina._checks.arrays import Dtype
from lamina._checks.types import NDArray
from lamina._layers.layers import Dense
from lamina._sequential import Sequential

Array = NDArray[Any]
# scikit-learn's names of activations that lamina has under another one.
_LAST = {"logistic": "sigmoid", "softmax": "softmax", "identity": "identity", "exp": "identity"}


class LinkedNetwork:
    """Dense layers with the weights of `coefs_` [inputs, units] and `intercepts_` [units].

    Args:
        coefs, intercepts: of each layer; all float32, else the network is of float64.
        activation: of the hidden layers. last: of the outputs, as `out_activation_` names it.
        alpha: strength of the penalty on the weights, as scikit-learn has it.
    """

    def __init__(
        self,
        coefs: Sequence[Array],
        intercepts: Sequence[Array],
        activation: str,
        last: str,
        alpha: float,
    ) -> None:
        arrays = [np.asarray(array) for array in (*coefs, *intercepts)]
        self.key = activation, last, alpha, _shapes(coefs, intercepts)
        dtype: Dtype = "float64"
        if all(a.dtype == np.float32 for a in arrays):
            dtype = "float32"
        *hidden, outputs = [coef.shape[1] for coef in coefs]
        layers = [Dense(units, activation, l2=alpha / 2) for units in hidden]
        layers.append(Dense(outputs, _LAST[last], l2=alpha / 2))
        self.net = Sequential(layers, dtype=dtype)
        self.net._build(coefs[0].shape[0], draws=False)
        self._given: list[Array] = []
        self.take(coefs, intercepts)

    def fits(
        self,
        coefs: Sequence[Array],
        intercepts: Sequence[Array],
        activation: str,
        last: str,
        alpha: float,
    ) -> bool:
        """Whether this is the network of such weights and options."""
        return self.key == (activation, last, alpha, _shapes(coefs, intercepts))

    def take(self, coefs: Sequence[Array], intercepts: Sequence[Array]) -> None:
        """Set the weights, where they are not those that the network has."""
        arrays = [*coefs, *intercepts]
        if self._given and all(
            new is old or np.array_equal(new, old)
            for new, old in zip(arrays, self._given, strict=True)
        ):
            return
        dtype = self.net.dtype
        weights = [np.ascontiguousarray(coef.T, dtype=dtype) for coef in coefs]
        biases = [np.ascontiguousarray(intercept, dtype=dtype) for intercept in intercepts]
        ordered = [array for pair in zip(weights, biases, strict=True) for array in pair]
        self.net._core_network().set_parameters(range(len(ordered)), ordered)
        self.net._is_fresh = False
        self._given = [np.array(array) for array in arrays]

    def give(self) -> tuple[list[Array], list[Array]]:
        """Copies of the network's weights, as `coefs_` and `intercepts_` have them."""
        values = self.net._core_network().get_parameters()
        return [np.ascontiguousarray(weight.T) for weight in values[::2]], values[1::2]

    def forget(self) -> None:
        """Training begins: the weights are no longer those that were taken."""
        self._given = []

    def outputs(self, X: Array) -> Array:
        """What the network gives for checked rows X [rows, inputs]: [rows, outputs]."""
        result: Array = self.net._core_network().predict(X)
        return result


def _shapes(coefs: Sequence[Array], intercepts: Sequence[Array]) -> tuple[tuple[int, ...], ...]:
    return tuple(np.shape(array) for array in (*coefs, *intercepts))


def first_weights(
    widths: Sequence[int], activation: str, random_state: np.random.RandomState, dtype: Any
) -> tuple[list[Array], list[Array]]:
    """Glorot-uniform weights and biases of layers of these widths, drawn in scikit-learn's order.

    Each layer's weights and then its biases come from the same range (Glorot & Bengio 2010), which
    is narrower before the logistic function.
    """
    coefs, intercepts = [], []
    spread = 2.0 if activation == "logistic" else 6.0
    for inputs, units in itertools.pairwise(widths):
        limit = np.sqrt(spread / (inputs + units))
        coef = random_state.uniform(-limit, limit, (inputs, units))
        intercept = random_state.uniform(-limit, limit, units)
        coefs.append(coef.astype(dtype, copy=False))
        intercepts.append(intercept.astype(dtype, copy=False))
    return coefs, intercepts
