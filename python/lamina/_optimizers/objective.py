"""The loss of a whole data set as a function of one vector of all weights, in float64."""

import json
from typing import Any

import numpy as np

from lamina import _core
from lamina._checks.sparse import as_dense
from lamina._checks.types import NDArray
from lamina._layers.row_layers import TargetScaling
from lamina._network.examples import Array, Examples
from lamina._network.stack import Stack
from lamina._optimizers.normal_equations import add_products, diagonal

Floats = NDArray[np.float64]
# Layers whose output depends on chance or on the batch, not only on the row and the weights.
_UNSTEADY = {"dropout", "alpha_dropout", "gaussian_noise", "batch_norm"}
# Limits of one call of the core; an interrupt is noticed between two calls.
_MULTIPLY_ADDS, _ROWS = 2.5e8, 65536
# Size of one piece of the Jacobian.
_JACOBIAN_BYTES = 1 << 26


class Objective:
    """Loss and gradient, residuals and Jacobian, as functions of the trained weights [weights].

    Args:
        net: what is trained; it is not changed, the work is done on a float64 copy.
        weight_decay: weight_decay / 2 * sum of squares is added, as the layers' factors say.
        title: the name that error messages begin with.
    """

    def __init__(
        self,
        net: Stack,
        loss: _core.Loss,
        data: Examples,
        *,
        weight_decay: float,
        decay_biases: bool,
        title: str,
    ) -> None:
        _check_steady(net.to_spec(), title)
        spec = json.loads(loss.spec())
        self.mean = spec.get("reduction", "mean") == "mean"
        self._scale: float = spec.get("scale", 1.0)
        self._divides_penalty: bool = spec.get("divide_penalty", False)
        _check_unlimited(net.to_spec(), self.mean, title)
        self._net = Stack._from_spec(
            net.to_spec(), seed=net.seed, dtype="float64", threads=net._threads
        )
        self._net.set_parameters(net.parameters())
        self._core: Any = self._net._core_network()
        self._core.target_columns(loss)
        self._loss = loss
        self._data = Examples(
            data.x, data.classes, _as_float64(data.values), _as_float64(data.weights)
        )
        rules = self._core.decay_rules()
        first = self._net.parameters()
        trained = [np.full(array.size, rules[i][0]) for i, array in enumerate(first.values())]
        decays = [
            np.full(a.size, weight_decay * rules[i][2] if rules[i][1] or decay_biases else 0.0)
            for i, a in enumerate(first.values())
        ]
        self._trained = np.concatenate(trained)
        self._decay = np.concatenate(decays)[self._trained]
        self._all = np.concatenate([array.ravel() for array in first.values()])
        self._shapes = {name: array.shape for name, array in first.items()}
        scaling = f"layers.{len(net.layers) - 1}.scale"
        # Residuals are those of scaled targets, where the network scales them.
        self._unit: float | Array = 1.0
        if isinstance(net.layers[-1], TargetScaling):
            self._unit = 1.0 / first[scaling]
        if not self._trained.any():
            raise ValueError(f"{title}: expected a layer that is trained; all are frozen")
        self.start: Floats = self._all[self._trained]
        self.loss = 0.0  # of the last call, without decay

    def parameters(self, weights: Floats) -> dict[str, Floats]:
        """The network's parameters for these trained weights."""
        self._all[self._trained] = weights
        parts, first = {}, 0
        for name, shape in self._shapes.items():
            size = int(np.prod(shape))
            parts[name] = self._all[first : first + size].reshape(shape)
            first += size
        return parts

    def value_and_gradient(self, weights: Floats) -> tuple[float, Floats]:
        """Loss with decay, and its gradient [weights].

        Raises:
            NotFiniteError: the loss is not finite.
        """
        self._net.set_parameters(self.parameters(weights))
        step = int(np.clip(_MULTIPLY_ADDS / (3 * self._all.size), 256, _ROWS))
        total = seen = 0.0
        for first in range(0, len(self._data.x), step):
            part = self._data.take(slice(first, first + step))
            value, gradients = self._core.value_and_gradient(
                self._loss, part, seed=0, step=0, accumulate=first > 0
            )
            weight = 1.0
            if self.mean:
                weight = len(part.x) if part.weights is None else float(part.weights.sum())
            total, seen = total + weight * value, seen + weight
            if self._divides_penalty and first > 0:  # once for all rows
                total -= self._core.penalty()
        self.loss = total / seen if self.mean else total
        gradient = np.concatenate([array.ravel() for array in gradients.values()])
        decay = self._decay * weights
        return self.loss + 0.5 * float(decay @ weights), gradient[self._trained] + decay

    def normal_equations(self, weights: Floats) -> tuple[float, Floats, Floats]:
        """S, J'r and J'J of the residuals r, whose sum of squares S is the squared loss with decay.

        J'J is for `solve_damped`.

        Raises:
            NotFiniteError: an output is not finite.
        """
        self._net.set_parameters(self.parameters(weights))
        count = len(weights)
        product, moment = diagonal(self._decay / 2), self._decay / 2 * weights
        self.loss = 0.0
        step = max(1, _JACOBIAN_BYTES // (8 * self._all.size * int(self._core.outputs)))
        for first in range(0, len(self._data.x), step):
            part = self._data.take(slice(first, first + step))
            scale = self._residual_scale(part)
            residual = scale * self._differences(part)
            jacobian = _core.jacobian(self._core, as_dense(part.x), True)
            if count < self._all.size:
                jacobian = jacobian[:, :, self._trained]
            jacobian *= scale[:, :, None]
            rows = jacobian.reshape(-1, count)
            self.loss += float((residual**2).sum())
            moment += rows.T @ residual.ravel()
            add_products(rows, product)
        return self.loss + 0.5 * float(self._decay @ weights**2), moment, product

    def squared_loss(self, weights: Floats) -> float:
        """S of `normal_equations` alone; infinite where an output is not finite."""
        self._net.set_parameters(self.parameters(weights))
        total = 0.0
        for first in range(0, len(self._data.x), _ROWS):
            part = self._data.take(slice(first, first + _ROWS))
            total += float(
                ((self._residual_scale(part) * self._differences(part, check=False)) ** 2).sum()
            )
        value = total + 0.5 * float(self._decay @ weights**2)
        return value if np.isfinite(value) else np.inf

    def _differences(self, part: Examples, *, check: bool = True) -> Floats:
        outputs = self._core.predict(part.x)
        if check and not np.isfinite(outputs).all():
            raise _core.NotFiniteError("fit: an output of the network is not finite")
        difference: Floats = outputs - part.targets.reshape(outputs.shape)
        return difference

    def _residual_scale(self, part: Examples) -> Floats:
        """Roots of the factors of the squared residuals in the loss, [rows, 1 or outputs]."""
        weights = np.ones(len(part.x)) if part.weights is None else part.weights
        if self.mean:
            all_weights = self._data.weights
            total = len(self._data.x) if all_weights is None else float(all_weights.sum())
            weights = weights / (total * int(self._core.outputs))
        return np.asarray(np.sqrt(self._scale * weights)[:, None] * self._unit)


def _as_float64(array: Array | None) -> Array | None:
    return None if array is None else np.ascontiguousarray(array, dtype=np.float64)


def _check_steady(spec: Any, title: str) -> None:
    if isinstance(spec, dict):
        if spec.get("kind") in _UNSTEADY and spec.get("trainable", True):
            raise ValueError(
                f"{title}: expected a network whose loss depends only on weights and data; leave "
                f"out '{spec['kind']}', or use an optimizer that works on batches, such as Adam"
            )
        spec = list(spec.values())
    if isinstance(spec, list):
        for part in spec:
            _check_steady(part, title)


def options_of(spec: Any, names: set[str]) -> set[str]:
    """Those of `names` that a layer of the description has set."""
    if isinstance(spec, dict):
        found = {name for name in names if spec.get(name)}
        return found.union(*(options_of(part, names) for part in spec.values()))
    if isinstance(spec, list):
        return set().union(*(options_of(part, names) for part in spec))
    return set()


def _check_unlimited(spec: Any, loss_is_mean: bool, title: str) -> None:
    limits = {"max_norm", "non_negative"} | (set() if loss_is_mean else {"l1", "l2"})
    for name in sorted(options_of(spec, limits)):
        reason = "with a loss that sums" if name in ("l1", "l2") else "which its steps ignore"
        raise ValueError(
            f"{title}: expected Dense layers without {name}, {reason}; use an optimizer that works "
            "on batches, such as Adam"
        )
