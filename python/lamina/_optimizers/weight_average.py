"""Averages of weights along training, for `fit(average=...)` and custom training loops."""

from typing import Any, Literal

import numpy as np

from lamina._checks.numbers import COUNTABLE, check_flag, check_whole, is_whole
from lamina._network.stack import Stack
from lamina._optimizers.state import NetworkState, State


class WeightAverage(NetworkState):
    """An average of a network's weights along its training, often better than the last weights.

    After the k-th update, a += share (w - a), with share = max(1 - decay, 1 / k): an equal average
    of the first 1 / (1 - decay) weights, exponential from there on (Polyak & Juditsky 1992). With
    decay 1 it stays the equal average; with per="epoch" and a start late in training that is
    stochastic weight averaging (Izmailov et al. 2018).

    In `fit(average=...)` validation, callbacks, predictions of other threads and best weights see
    the average; at its end the network holds it. A further fit with the same object goes on from
    the weights before averaging, unless the network's were changed since. In a custom training loop
    call `update` after each step, `apply` and `resume` around whatever should see the average.

    Args:
        decay: memory of the average, in [0, 1].
        start: updates (or epochs) that are left out at first, at least 0.
        per: "step" follows each update, "epoch" the last one of each epoch.
        warm_up: False: share = 1 - decay from the second update on.

    Raises:
        ValueError: an option is out of range.
    """

    _title = "WeightAverage"

    def __init__(
        self,
        decay: float = 0.999,
        *,
        start: int = 0,
        per: Literal["step", "epoch"] = "step",
        warm_up: bool = True,
    ) -> None:
        super().__init__()
        if not isinstance(decay, int | float | np.number) or not 0.0 <= decay <= 1.0:
            raise ValueError(f"WeightAverage: expected decay between 0 and 1, got {decay!r}")
        if not is_whole(start) or start < 0:
            raise ValueError(
                f"WeightAverage: expected start as a whole number of at least 0, got {start!r}"
            )
        if per not in ("step", "epoch"):
            raise ValueError(f"WeightAverage: expected per 'step' or 'epoch', got {per!r}")
        if not isinstance(warm_up, bool | np.bool_):
            raise ValueError(f"WeightAverage: expected warm_up True or False, got {warm_up!r}")
        self.decay, self.start, self.per, self.warm_up = (
            float(decay),
            int(start),
            per,
            bool(warm_up),
        )

    def __repr__(self) -> str:
        return (
            f"WeightAverage({self.decay}, start={self.start}, per={self.per!r}, "
            f"warm_up={self.warm_up})"
        )

    @property
    def updates(self) -> int:
        """Updates (or epochs) seen, those before `start` included."""
        if self._handle is not None:
            return int(self._handle.updates)
        return 0 if self._waiting is None else int(self._waiting["updates"])

    def update(self, net: Stack) -> None:
        """Add the present weights to the average, after each step (or epoch) of a custom loop."""
        handle = self.handle_for(net)
        net._core_network().update_average(handle)

    def apply(self, net: Stack) -> None:
        """Put the average into the network, and keep the weights for `resume`."""
        handle = self.handle_for(net)
        net._core_network().apply_average(handle)

    def resume(self, net: Stack) -> None:
        """Restore the weights from before `apply`.

        If the network's weights were changed since, training goes on from these, and the average
        starts again.
        """
        handle = self.handle_for(net)
        net._core_network().resume_training_weights(handle)

    def reset(self) -> None:
        """Start again from the network's present weights."""
        if self._handle is not None:
            self._handle.updates, self._handle.applied = 0, False
        self._waiting = None

    def get_state(self) -> State:
        """Everything that the next updates depend on, as numbers and arrays in parameter shapes."""
        if self._handle is None:
            return dict(self._waiting or {"updates": 0, "applied": False})
        state: State = {"updates": self.updates, "applied": self._handle.applied}
        if self._handle.started:
            state["average"] = self._named(self._handle.average())
            state["training"] = self._named(self._handle.training())
        return state

    def set_state(self, net: Stack, state: State) -> None:
        """Continue from what `get_state` gave, on `net` (of the same parameter shapes).

        Raises:
            ValueError: the state is another network's; nothing has changed.
        """
        if not isinstance(state, dict) or not {"updates", "applied"} <= state.keys():
            raise ValueError(f"WeightAverage: expected a state that get_state gave, got {state!r}")
        check_whole(
            state["updates"], "updates of the state", "WeightAverage", least=0, below=COUNTABLE
        )
        check_flag(state["applied"], "applied of the state", "WeightAverage")
        self._take_state(net, state)

    def _made_handle(self, net: Stack, state: State | None) -> Any:
        handle = net._core_network().make_average(self.decay, self.warm_up, self.start)
        if state is None:
            return handle
        if "average" in state:
            handle.set_state(
                self._listed(net, state["average"]), self._listed(net, state["training"])
            )
        handle.updates, handle.applied = state["updates"], state["applied"]
        return handle
