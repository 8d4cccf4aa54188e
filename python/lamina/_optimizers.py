"""Optimizers: how gradients change weights. An object keeps its state for one network."""

import json
import weakref
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from lamina import _core
from lamina._spec import Spec, to_json
from lamina._types import NDArray

if TYPE_CHECKING:
    from lamina._network import Sequential

Handle = _core.OptimizerFloat32 | _core.OptimizerFloat64


class Optimizer:
    """Base of all optimizers.

    Common arguments:
        weight_decay: strength of L2 decay of the weights, at least 0.
        decay_biases: decay biases too, as PyTorch does by default.
        clip_value: gradients are limited to [-clip_value, clip_value]; 0: not.
        clip_norm: the whole gradient is scaled to a norm of at most this (Pascanu et al. 2013);
            0: not. Clipping by value comes first.

    Raises:
        ValueError: an option is unknown or out of range.
    """

    kind: ClassVar[str]

    def __init__(self, **options: Any) -> None:
        text = _core.check_optimizer(to_json({"kind": self.kind, **options}))
        self._spec: Spec = json.loads(text)
        self._handle: Handle | None = None
        self._network: weakref.ref[Sequential] | None = None

    def __repr__(self) -> str:
        options = ", ".join(f"{k}={v!r}" for k, v in self._spec.items() if k != "kind")
        return f"{type(self).__name__}({options})"

    def to_spec(self) -> Spec:
        """All options, as the core has them."""
        return dict(self._spec)

    @property
    def learning_rate(self) -> float:
        """Step size; may be set between calls."""
        return float(self._spec["learning_rate"])

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        _core.check_optimizer(to_json({**self._spec, "learning_rate": value}))
        self._spec["learning_rate"] = float(value)
        if self._handle is not None:
            self._handle.learning_rate = float(value)

    @property
    def steps(self) -> int:
        """Updates made so far."""
        return 0 if self._handle is None else self._handle.steps

    def step(self, net: "Sequential") -> None:
        """Update `net` with the gradients of its last `backward` or `value_and_grad`.

        Raises:
            RuntimeError: no gradients yet, or another thread is training.
            NotFiniteError: a weight would not be finite; the weights stay as they were.
        """
        net._core_network().apply_gradients(self.handle_for(net))

    def get_state(self) -> dict[str, Any]:
        """Everything that the next steps depend on, as numbers and arrays in parameter shapes."""
        state: dict[str, Any] = {"spec": self.to_spec(), "steps": self.steps}
        if self._handle is not None and self._network is not None:
            net = self._network()
            if net is None:
                raise RuntimeError("optimizer: its network is gone; nothing to save the state for")
            names = net._core_network().parameter_names
            for index, state_name in enumerate(self._handle.state_names()):
                arrays = self._handle.get_state(net._core_network(), index)
                state[state_name] = dict(zip(names, arrays, strict=True))
        return state

    def set_state(self, net: "Sequential", state: dict[str, Any]) -> None:
        """Continue from what `get_state` gave, on `net` (of the same parameter shapes)."""
        if state["spec"]["kind"] != self.kind:
            raise ValueError(
                f"optimizer: expected the state of {self.kind!r}, got {state['spec']['kind']!r}"
            )
        self._spec = dict(state["spec"])
        self._network = None
        handle = self.handle_for(net)
        handle.steps = state["steps"]
        core = net._core_network()
        for index, state_name in enumerate(handle.state_names()):
            if state_name in state:
                arrays: list[NDArray[Any]] = [
                    np.ascontiguousarray(state[state_name][name], dtype=net.dtype)
                    for name in core.parameter_names
                ]
                handle.set_state(core, index, arrays)

    def handle_for(self, net: "Sequential") -> Any:
        """The core's state for `net`, made at its first use."""
        if self._network is None:
            self._handle = net._core_network().make_optimizer(to_json(self._spec))
            self._network = weakref.ref(net)
        elif self._network() is not net:
            raise ValueError(
                "optimizer: it holds the state of another network; make a new one for each network"
            )
        return self._handle


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum (Sutskever et al. 2013) where asked for.

    v = momentum * v + g; w -= learning_rate * v, or with nesterov w -= learning_rate *
    (g + momentum * v).

    Args:
        learning_rate: step size, at least 0.
        momentum: share of the last step that is kept, in [0, 1).
        nesterov: look ahead along the momentum.
        decoupled: weight decay shrinks the weights by learning_rate * weight_decay instead of
            entering the gradient.
    """

    kind: ClassVar[str] = "sgd"

    def __init__(
        self,
        learning_rate: float = 0.01,
        *,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
        decoupled: bool = False,
        decay_biases: bool = False,
        clip_norm: float = 0.0,
        clip_value: float = 0.0,
    ) -> None:
        options = {k: v for k, v in locals().items() if k not in ("self", "__class__")}
        super().__init__(**options)


class Adam(Optimizer):
    """Adam (Kingma & Ba 2015): steps scaled by running means of gradients and their squares.

    Args:
        learning_rate: step size, at least 0.
        beta1, beta2: memory of the two running means, in [0, 1).
        epsilon: added to the root of the second mean, at least 0.
        decoupled: weight decay as AdamW has it.
    """

    kind: ClassVar[str] = "adam"

    def __init__(
        self,
        learning_rate: float = 0.001,
        *,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
        decoupled: bool = False,
        decay_biases: bool = False,
        clip_norm: float = 0.0,
        clip_value: float = 0.0,
    ) -> None:
        options = {k: v for k, v in locals().items() if k not in ("self", "__class__")}
        super().__init__(**options)


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019): w *= 1 - learning_rate * decay.

    Arguments as for `Adam`; `weight_decay` is 0.01 unless given.
    """

    def __init__(
        self,
        learning_rate: float = 0.001,
        *,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float = 0.01,
        decay_biases: bool = False,
        clip_norm: float = 0.0,
        clip_value: float = 0.0,
    ) -> None:
        options = {k: v for k, v in locals().items() if k not in ("self", "__class__")}
        super().__init__(**options, decoupled=True)


_BY_NAME: dict[str, type[SGD] | type[Adam]] = {"sgd": SGD, "adam": Adam, "adamw": AdamW}


def make_optimizer(optimizer: "str | Optimizer") -> Optimizer:
    """A fresh optimizer for a name; an object as it is."""
    if isinstance(optimizer, Optimizer):
        return optimizer
    if not isinstance(optimizer, str):
        raise TypeError(
            f"optimizer: expected a name or a lamina optimizer, got {type(optimizer).__name__}"
        )
    if optimizer not in _BY_NAME:
        raise ValueError(
            f"optimizer: unknown name {optimizer!r}; expected one of {', '.join(_BY_NAME)}"
        )
    return _BY_NAME[optimizer]()
