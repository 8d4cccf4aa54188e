"""The network behind an estimator, which follows the weights that users see and may change."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lamina._checks.arrays import Dtype
from lamina._checks.types import NDArray
from lamina._layers.layer import Layer
from lamina._layers.layers import Dense
from lamina._sequential import Sequential

Array = NDArray[Any]
# Of one core, about; steps shorter than this are not worth a second thread's waiting, which other
# processes on the machine may make long. Rows that are worth it in prediction.
_MULTIPLY_ADDS_PER_MICROSECOND = {"float32": 40e3, "float64": 20e3}
_MICROSECONDS_TO_SHARE = 100.0
_ROWS_TO_SHARE = 4096
# scikit-learn's names of activations that lamina has under another one.
_LAST = {"logistic": "sigmoid", "softmax": "softmax", "identity": "identity", "exp": "identity"}


@dataclass(frozen=True)
class Plan:
    """What a network is made of beside the sizes of its layers.

    Attributes:
        activation: of the hidden layers. last: of the outputs, as `out_activation_` names it.
        alpha: strength of the penalty on the weights, as scikit-learn has it.
        threads: at most so many; None: as many as the process has, but one where a batch of
            `batch_rows` is little work.
    """

    activation: str
    last: str
    alpha: float
    threads: int | None
    batch_rows: int

    def layers(self, units: Sequence[int]) -> list[Layer]:
        """Layers of so many units."""
        *hidden, outputs = units
        layers = [Dense(n, self.activation, l2=self.alpha / 2) for n in hidden]
        return [*layers, Dense(outputs, _LAST[self.last], l2=self.alpha / 2)]

    def threads_for(self, weights: int, dtype: Dtype) -> int | None:
        """Threads of a network of so many weights; None: as many as the process has."""
        rate = _MULTIPLY_ADDS_PER_MICROSECOND[dtype]
        # Forward, backward, and the gradient.
        step = 3.0 * weights * self.batch_rows / rate
        return 1 if self.threads is None and step < _MICROSECONDS_TO_SHARE else self.threads


class LinkedNetwork:
    """Dense layers with the weights of `coefs_` [inputs, units] and `intercepts_` [units].

    Args:
        coefs, intercepts: of each layer; all float32, else the network is of float64.
    """

    def __init__(self, plan: Plan, coefs: Sequence[Array], intercepts: Sequence[Array]) -> None:
        arrays = [np.asarray(array) for array in (*coefs, *intercepts)]
        self._key = plan, _shapes(coefs, intercepts)
        dtype: Dtype = "float64"
        if all(a.dtype == np.float32 for a in arrays):
            dtype = "float32"
        self.net = Sequential(plan.layers([coef.shape[1] for coef in coefs]), dtype=dtype)
        threads = plan.threads_for(sum(a.size for a in arrays), dtype)
        self._is_small = threads != plan.threads
        self.net._build(coefs[0].shape[0], draws=False, threads=threads)
        self._given: list[Array] = []
        self.take(coefs, intercepts)

    def fits(self, plan: Plan, coefs: Sequence[Array], intercepts: Sequence[Array]) -> bool:
        """Whether this is the network of such a plan and of weights of such shapes."""
        return self._key == (plan, _shapes(coefs, intercepts))

    def take(self, coefs: Sequence[Array], intercepts: Sequence[Array]) -> None:
        """Set the weights, where they are not those that the network has."""
        arrays = [*coefs, *intercepts]
        if self._given and all(map(np.array_equal, arrays, self._given)):
            return
        named = {}
        for layer, (coef, intercept) in enumerate(zip(coefs, intercepts, strict=True)):
            named[f"layers.{layer}.weight"] = np.asarray(coef).T
            named[f"layers.{layer}.bias"] = np.asarray(intercept)
        self.net.set_parameters(named)
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
        net = self.net
        if self._is_small and len(X) > _ROWS_TO_SHARE:
            net = _on_threads(net, None)
        result: Array = net._core_network().predict(X)
        return result

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if self._is_small:
            self.net = _on_threads(self.net, 1)


def _on_threads(net: Sequential, threads: int | None) -> Sequential:
    """A network with the same weights that works on so many threads."""
    twin = Sequential(net.layers, dtype=net.dtype)
    twin._build(int(net.inputs or 0), draws=False, threads=threads)
    twin.set_parameters(net.parameters())
    return twin


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
