"""What every optimizer is: options, state for one network, and its learning rate at each step."""

import copy
import json
from collections.abc import Mapping
from typing import Any, ClassVar, Self, TypedDict

import numpy as np

from lamina import _core
from lamina._checks.numbers import COUNTABLE, check_whole, is_number, is_whole
from lamina._checks.spec import Spec, to_json
from lamina._network.stack import Stack
from lamina._optimizers.schedule import LearningRate, Schedule, as_schedule
from lamina._optimizers.state import NetworkState, State


class CommonOptions(TypedDict, total=False):
    """Options that every optimizer takes; see `Optimizer`."""

    weight_decay: LearningRate
    decoupled: bool
    decay_biases: bool
    clip_value: float
    clip_parameter_norm: float
    clip_norm: float


class Optimizer(NetworkState):
    """Base of all optimizers. One object serves one network, and keeps its state across calls.

    `copy.deepcopy` and pickle take the state along: a copy belongs to the first network of the same
    parameters that it is used with.

    Common arguments:
        learning_rate: step size, at least 0; or a `Schedule`, or a function of the step, from 0.
        weight_decay: strength of L2 decay of the weights, at least 0, or a `Schedule` as for the
            learning rate; a layer multiplies it by its `decay_factor`, and the learning rate by its
            `rate_factor`.
        decoupled: False: weight_decay * w enters the gradient (an L2 penalty); True: w shrinks by
            learning_rate * weight_decay * w beside the step (Loshchilov & Hutter 2019). For `SGD`
            without momentum both are the same; where steps are scaled, as in `Adam`, only the
            latter shrinks all weights alike.
        decay_biases: decay biases too, as PyTorch does by default.
        clip_value: gradients are limited to [-clip_value, clip_value]; 0: not.
        clip_parameter_norm: the gradient of each weight matrix and each bias is scaled to a norm of
            at most this; 0: not.
        clip_norm: the whole gradient is scaled to a norm of at most this (Pascanu et al. 2013);
            0: not. The three clip in this order.

    Raises:
        ValueError: an option is unknown or out of range.
    """

    kind: ClassVar[str]
    # What the record of an epoch holds beside losses and metrics.
    figures: ClassVar[tuple[str, ...]] = ("learning_rate",)
    defaults: ClassVar[CommonOptions] = {}
    _title = "optimizer"

    def __init__(
        self, learning_rate: LearningRate, *, kind: str | None = None, **options: Any
    ) -> None:
        super().__init__()
        kind = kind or getattr(self, "kind", None)
        if kind is None:
            raise TypeError("Optimizer: expected one of its kinds, such as lamina.Adam")
        self._schedule: Schedule | None = None
        self._decay_schedule: Schedule | None = None
        self._epoch_steps: int | None = None
        self._last_step: int | None = None
        rate: Any = learning_rate
        if isinstance(learning_rate, Schedule) or callable(learning_rate):
            # A copy: some keep the state of one training.
            self._schedule = copy.deepcopy(as_schedule(learning_rate))
            rate = self._schedule.rate
        decay = options.get("weight_decay")
        if isinstance(decay, Schedule) or callable(decay):
            self._decay_schedule = copy.deepcopy(as_schedule(decay))
            options["weight_decay"] = self._decay_schedule.rate
        spec = {"kind": kind, "learning_rate": rate, **self.defaults, **options}
        self._spec: Spec = json.loads(_core.check_optimizer(to_json(spec)))

    def __repr__(self) -> str:
        options = ", ".join(f"{k}={v!r}" for k, v in self._spec.items() if k != "kind")
        return f"{type(self).__name__}({options})"

    def fresh(self) -> Self:
        """An optimizer of the same options, without state and schedules."""
        twin = copy.copy(self)
        twin._schedule = twin._decay_schedule = twin._waiting = None
        return twin

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
    def decay_schedule(self) -> Schedule | None:
        """The schedule that the weight decay follows; None: it is constant."""
        return self._decay_schedule

    @property
    def schedules(self) -> dict[str, Schedule]:
        """Those there are, by the names that the state has them by."""
        both = {"schedule": self._schedule, "decay_schedule": self._decay_schedule}
        return {name: schedule for name, schedule in both.items() if schedule is not None}

    @property
    def steps(self) -> int:
        """Updates made so far."""
        if self._handle is not None:
            return int(self._handle.steps)
        return 0 if self._waiting is None else int(self._waiting["steps"])

    def set_length(self, steps_per_epoch: int, epochs: int | None = None) -> None:
        """Tell the schedule what `fit` would, for a custom training loop.

        Schedules per="epoch" need the first, those without a `length` both.

        Args:
            steps_per_epoch: updates of one epoch, at least 1.
            epochs: to come, from now on, at least 1; None: not known.

        Raises:
            ValueError: not such a number.
        """
        to_come = 1 if epochs is None else epochs
        for name, value in (("steps_per_epoch", steps_per_epoch), ("epochs", to_come)):
            if not is_whole(value) or value < 1:
                raise ValueError(
                    f"set_length: expected {name} as a whole number of at least 1, got {value!r}"
                )
        self._epoch_steps = int(steps_per_epoch)
        self._last_step = None if epochs is None else self.steps + int(epochs * steps_per_epoch)

    def step(self, net: Stack) -> None:
        """Update `net` with the gradients of its last `backward` or `value_and_grad`.

        Raises:
            RuntimeError: no gradients yet, or another thread is training.
            NotFiniteError: a weight or a running mean would not be finite; the weights stay as
                they were.
        """
        handle = self.handle_for_step(net)
        net._core_network().apply_gradients(handle)

    def get_state(self) -> State:
        """Everything that the next steps depend on, as numbers and arrays in parameter shapes."""
        if self._handle is None and self._waiting is not None:
            return dict(self._waiting)
        state: State = {"spec": self.to_spec(), "steps": self.steps}
        for name, schedule in self.schedules.items():
            state[name] = schedule.get_state()
            state["epoch_steps"], state["last_step"] = self._epoch_steps, self._last_step
        if self._handle is not None:
            state["learning_rate"] = self.learning_rate
            for index, name in enumerate(self._handle.state_names()):
                state[name] = self._named(self._handle.get_state(index))
        return state

    def set_state(self, net: Stack, state: State) -> None:
        """Continue from what `get_state` gave, on `net` (of the same parameter shapes).

        Raises:
            ValueError: the state is another optimizer's or another network's; nothing has changed.
        """
        spec = self._checked_spec(state)
        schedules = {name: s for name, s in self.schedules.items() if name in state}
        for name, schedule in schedules.items():
            _check_schedule(schedule, name, state)
        before, self._spec = self._spec, spec
        try:
            self._take_state(net, state)
        except BaseException:
            self._spec = before
            raise
        for name, schedule in schedules.items():
            schedule.set_state(state[name])
            self._epoch_steps, self._last_step = state.get("epoch_steps"), state.get("last_step")

    def handle_for_step(self, net: Stack) -> Any:
        """`handle_for` with the learning rate and the weight decay of a single step."""
        handle = self.handle_for(net)
        for name, schedule in self.schedules.items():
            values = schedule.rates(handle.steps, 1, self._epoch_steps, self._last_step)
            attribute = "learning_rate" if name == "schedule" else "weight_decay"
            setattr(handle, attribute, float(values[0]))
        return handle

    def handle_in_use(self, net: Stack) -> Any:
        """`handle_for_step` of the network that the last steps were on; None for another."""
        if self._network is None or self._network() is not net:
            return None
        return self.handle_for_step(net)

    def _checked_spec(self, state: State) -> Spec:
        if not isinstance(state, Mapping) or not {"spec", "steps"} <= state.keys():
            raise ValueError(f"optimizer: expected a state that get_state gave, got {state!r}")
        kind, given = self._spec["kind"], state["spec"]
        found = given.get("kind") if isinstance(given, Mapping) else given
        if not isinstance(found, str) or found != kind:
            raise ValueError(f"optimizer: expected the state of {kind!r}, got {found!r}")
        check_whole(state["steps"], "steps of the state", "optimizer", least=0, below=COUNTABLE)
        rate = state.get("learning_rate", 0.0)
        if not is_number(rate) or not 0.0 <= rate < np.inf:
            raise ValueError(
                "optimizer: expected learning_rate of the state as a number of at least 0, got "
                f"{rate!r}"
            )
        spec: Spec = json.loads(_core.check_optimizer(to_json(state["spec"])))
        return spec

    def _made_handle(self, net: Stack, state: State | None) -> Any:
        handle: Any = net._core_network().make_optimizer(to_json(self._spec))
        if state is None:
            return handle
        handle.steps = state["steps"]
        handle.learning_rate = state.get("learning_rate", self._spec["learning_rate"])
        for index, name in enumerate(handle.state_names()):
            if name in state:
                handle.set_state(index, self._listed(net, state[name]))
        return handle


def _check_schedule(schedule: Schedule, key: str, state: State) -> None:
    """TypeError or ValueError where the schedule cannot continue from such a state."""
    copy.deepcopy(schedule).set_state(state[key])
    for name, least in (("epoch_steps", 1), ("last_step", 0)):
        if state.get(name) is not None:
            check_whole(state[name], f"{name} of the state", "optimizer", least=least)
