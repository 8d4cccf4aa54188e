"""What every optimizer is: options, state for one network, and its learning rate at each step."""

import copy
import json
import weakref
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from lamina import _core
from lamina._schedule import Schedule, as_schedule
from lamina._spec import Spec, to_json
from lamina._types import NDArray

if TYPE_CHECKING:
    from lamina._network import Sequential

Handle = _core.OptimizerFloat32 | _core.OptimizerFloat64


class Optimizer:
    """Base of all optimizers.

    Common arguments:
        learning_rate: step size, at least 0; or a `Schedule`, or a function of the step, from 0.
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
        self._schedule: Schedule | None = None
        rate = options.get("learning_rate")
        if isinstance(rate, Schedule) or callable(rate):
            # A copy: some keep the state of one training.
            self._schedule = copy.deepcopy(as_schedule(rate))
            options["learning_rate"] = self._schedule.rate
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
        """Step size; may be set between calls, which ends a schedule."""
        if self._schedule is not None and self._handle is not None:
            return float(self._handle.learning_rate)
        return float(self._spec["learning_rate"])

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        _core.check_optimizer(to_json({**self._spec, "learning_rate": value}))
        self._spec["learning_rate"] = float(value)
        self._schedule = None
        if self._handle is not None:
            self._handle.learning_rate = float(value)

    @property
    def schedule(self) -> Schedule | None:
        """The schedule that the learning rate follows; None: it is constant."""
        return self._schedule

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
        net._core_network().apply_gradients(self.handle_for_step(net))

    def get_state(self) -> dict[str, Any]:
        """Everything that the next steps depend on, as numbers and arrays in parameter shapes."""
        state: dict[str, Any] = {"spec": self.to_spec(), "steps": self.steps}
        if self._schedule is not None:
            state["schedule"] = self._schedule.get_state()
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
        kind = self._spec["kind"]
        if state["spec"]["kind"] != kind:
            raise ValueError(
                f"optimizer: expected the state of {kind!r}, got {state['spec']['kind']!r}"
            )
        self._spec = dict(state["spec"])
        if self._schedule is not None and "schedule" in state:
            self._schedule.set_state(state["schedule"])
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

    def handle_for_step(self, net: "Sequential") -> Any:
        """`handle_for` with the learning rate of a single step by hand."""
        handle = self.handle_for(net)
        if self._schedule is not None:
            handle.learning_rate = float(self._schedule.rates(handle.steps, 1, None, None)[0])
        return handle

    def rates_of_epoch(self, epoch_steps: int, last: int) -> NDArray[np.float64] | None:
        """Learning rates [epoch_steps] of the next steps; `last`: steps when training ends."""
        if self._schedule is None:
            return None
        return self._schedule.rates(self.steps, epoch_steps, epoch_steps, last)
