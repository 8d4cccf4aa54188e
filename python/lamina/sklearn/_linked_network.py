"""The network behind an estimator, which follows the weights that users see and may change."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from lamina._checks.arrays import Dtype
from lamina._checks.sparse import SparseRows
from lamina._checks.types import NDArray
from lamina._layers.layer import Layer
from lamina._layers.layers import Activation, BatchNorm, Dense, Dropout, Residual
from lamina._layers.row_layers import LayerNorm, RMSNorm
from lamina._sequential import Sequential

Array = NDArray[Any]
# Of one core, about; steps shorter than this are not worth a second thread's waiting, which other
# processes on the machine may make long. Rows that are worth it in prediction.
_MULTIPLY_ADDS_PER_MICROSECOND = {"float32": 40e3, "float64": 20e3}
_MICROSECONDS_TO_SHARE = 100.0
_ROWS_TO_SHARE = 4096
_NORMALIZATIONS: dict[str, type[Layer]] = {
    "batch": BatchNorm,
    "layer": LayerNorm,
    "rms": RMSNorm,
}
NORMALIZATIONS = tuple(_NORMALIZATIONS)
# scikit-learn's names of activations that lamina has under another one.
_LAST = {"logistic": "sigmoid", "softmax": "softmax", "identity": "identity", "exp": "identity"}


@dataclass(frozen=True)
class Plan:
    """What a network is made of beside the sizes of its layers.

    Attributes:
        activations: of each hidden layer. last: of the outputs, as `out_activation_` names it.
        alpha: strength of the penalty on the weights, as scikit-learn has it.
        normalization: kind of the layer before each activation; None: none. dropout: share of each
            hidden layer's values that training leaves out. residual: hidden layers of as many units
            as the one before add their inputs to what they give.
        seed: of dropout. threads: at most so many; None: as many as the process has, but one where
            a batch of `batch_rows` is little work.
    """

    activations: tuple[Any, ...]
    last: str
    alpha: float
    normalization: str | None
    dropout: tuple[float, ...]
    residual: bool
    seed: int
    threads: int | None
    batch_rows: int

    def layers(self, units: Sequence[int]) -> list[Layer]:
        """The stack, with so many units in its `Dense` layers."""
        *hidden, outputs = units
        layers: list[Layer] = []
        before = None
        for n, activation, share in zip(hidden, self.activations, self.dropout, strict=True):
            own = self._hidden_layer(n, activation, share)
            layers += [Residual(own, projection=False)] if self.residual and n == before else own
            before = n
        return [*layers, Dense(outputs, _LAST[self.last], l2=self.alpha / 2)]

    def _hidden_layer(self, units: int, activation: Any, dropout: float) -> list[Layer]:
        layers: list[Layer] = []
        if self.normalization is None:
            layers.append(Dense(units, activation, l2=self.alpha / 2))
        else:
            layers.append(Dense(units, l2=self.alpha / 2))
            layers += [_NORMALIZATIONS[self.normalization](), Activation(activation)]
        if dropout:
            layers.append(Dropout(dropout))
        return layers

    def threads_for(self, weights: int, dtype: Dtype) -> int | None:
        """Threads of a network of so many weights; None: as many as the process has."""
        rate = _MULTIPLY_ADDS_PER_MICROSECOND[dtype]
        # Forward, backward, and the gradient.
        step = 3.0 * weights * self.batch_rows / rate
        return 1 if self.threads is None and step < _MICROSECONDS_TO_SHARE else self.threads


class LinkedNetwork:
    """A network whose `Dense` layers have the weights of `coefs_` and `intercepts_`.

    What other layers learn or remember is the network's own.

    Args:
        coefs, intercepts: of each layer, [inputs, units] and [units]; all float32, else the
            network is of float64.
    """

    def __init__(self, plan: Plan, coefs: Sequence[Array], intercepts: Sequence[Array]) -> None:
        arrays = [np.asarray(array) for array in (*coefs, *intercepts)]
        self._key = plan, _shapes(coefs, intercepts)
        dtype: Dtype = "float64"
        if all(a.dtype == np.float32 for a in arrays):
            dtype = "float32"
        layers = plan.layers([coef.shape[1] for coef in coefs])
        self.net = Sequential(layers, dtype=dtype, seed=plan.seed)
        named = list(named_layers(layers))
        self._dense = [name for name, layer in named if isinstance(layer, Dense)]
        threads = plan.threads_for(sum(a.size for a in arrays), dtype)
        self._is_small = threads != plan.threads
        own = len(self._dense) < len(named)
        self.net._build(coefs[0].shape[0], draws=own, threads=threads)
        self.trains = False
        self._given: list[Array] = []
        self.take(coefs, intercepts)

    def fits(self, plan: Plan, coefs: Sequence[Array], intercepts: Sequence[Array]) -> bool:
        """Whether this is the network of such a plan and of weights of such shapes."""
        return self._key == (plan, _shapes(coefs, intercepts))

    def take(self, coefs: Sequence[Array], intercepts: Sequence[Array]) -> None:
        """Set the weights, where they are not those that the network has; not in training."""
        if self.trains:
            return
        arrays = [*coefs, *intercepts]
        if self._given and all(map(np.array_equal, arrays, self._given)):
            return
        named = {}
        for layer, coef, intercept in zip(self._dense, coefs, intercepts, strict=True):
            named[f"{layer}.weight"] = np.asarray(coef).T
            named[f"{layer}.bias"] = np.asarray(intercept)
        self.net.set_parameters(named)
        self._given = [np.array(array) for array in arrays]

    def give(self) -> tuple[list[Array], list[Array]]:
        """Copies of the network's weights, as `coefs_` and `intercepts_` have them."""
        values = self.net.parameters()
        coefs = [np.ascontiguousarray(values[f"{name}.weight"].T) for name in self._dense]
        return coefs, [values[f"{name}.bias"] for name in self._dense]

    def put_back(self, values: Mapping[str, Array]) -> None:
        """Set what `net.parameters()` gave."""
        self.net.set_parameters(values)
        self._given = []

    def adopt(self, other: "LinkedNetwork") -> None:
        """Take over what layers beside the dense ones of another network have learned."""
        own = self.net.parameters()
        others = {
            name: array
            for name, array in other.net.parameters().items()
            if name in own and own[name].shape == array.shape
        }
        self.put_back(others)

    @contextmanager
    def training(self) -> Iterator[None]:
        """While training runs the network's weights are no longer those that were taken."""
        self._given, self.trains = [], True
        try:
            yield
        finally:
            self.trains = False

    def outputs(self, X: Array | SparseRows) -> Array:
        """What the network gives for checked rows X [rows, inputs]: [rows, outputs]."""
        net = self.net
        if self._is_small and len(X) > _ROWS_TO_SHARE:
            net = _on_threads(net, None)
        result: Array = net._core_network().predict(X)
        return result

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_given": [], "trains": False}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if self._is_small:
            self.net = _on_threads(self.net, 1)


def named_layers(layers: Sequence[Layer]) -> Iterator[tuple[str, Layer]]:
    """Each layer with the name that its parameters begin with; of a block those within."""
    for place, layer in enumerate(layers):
        if isinstance(layer, Residual):
            for inner, own in enumerate(layer.layers):
                yield f"layers.{place}.layers.{inner}", own
        else:
            yield f"layers.{place}", layer


def _on_threads(net: Sequential, threads: int | None) -> Sequential:
    """A network with the same weights that works on so many threads."""
    twin = Sequential(net.layers, dtype=net.dtype, seed=net.seed)
    twin.set_state(net.get_state())
    twin._build(int(net.inputs or 0), draws=False, threads=threads)
    twin.set_parameters(net.parameters())
    return twin


def _shapes(coefs: Sequence[Array], intercepts: Sequence[Array]) -> tuple[tuple[int, ...], ...]:
    return tuple(np.shape(array) for array in (*coefs, *intercepts))


def first_weights(
    widths: Sequence[int],
    activations: Sequence[Any],
    random_state: np.random.RandomState,
    dtype: Any,
) -> tuple[list[Array], list[Array]]:
    """Glorot-uniform weights and biases of layers of these widths, drawn in scikit-learn's order.

    Each layer's weights and then its biases come from the same range (Glorot & Bengio 2010), which
    is narrower for the logistic function.

    Args:
        activations: for each layer the one that its range is for.
    """
    coefs, intercepts = [], []
    for (inputs, units), activation in zip(itertools.pairwise(widths), activations, strict=True):
        spread = 2.0 if activation == "logistic" else 6.0
        limit = np.sqrt(spread / (inputs + units))
        coef = random_state.uniform(-limit, limit, (inputs, units))
        intercept = random_state.uniform(-limit, limit, units)
        coefs.append(coef.astype(dtype, copy=False))
        intercepts.append(intercept.astype(dtype, copy=False))
    return coefs, intercepts
