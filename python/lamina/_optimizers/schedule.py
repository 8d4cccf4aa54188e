"""What a learning-rate schedule is; constant ones, warm-up, plateaus, functions."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np

from lamina import _core
from lamina._checks.types import NDArray
from lamina.metrics._metric import Figures

Rates = NDArray[np.float64]


@dataclass(kw_only=True)
class Schedule:
    """Base of all schedules; give one as an optimizer's `learning_rate`.

    Time t counts the optimizer's steps (or epochs) from 0, also across calls of `fit` and after
    `set_state`. Where a schedule takes a `length` and it is None, it ends with the fit; for steps
    by hand, `optimizer.set_length` says when that is, and how long an epoch is.

    Args:
        rate: learning rate that the schedule's factors multiply, at least 0.
        per: "step" changes the rate at each step, "epoch" after each epoch.

    Raises:
        ValueError: an option is out of range.
    """

    rate: float = field(kw_only=False)
    per: Literal["step", "epoch"] = "step"

    def __post_init__(self) -> None:
        _core.wrap_schedule(self)

    def factors(self, t: Rates, length: float) -> Rates:
        """Factors of `rate` at times t, for a schedule that ends at `length`."""
        raise NotImplementedError

    def rates(self, first: int, count: int, epoch_steps: int | None, last: int | None) -> Rates:
        """Learning rates [count] of the steps from `first` on.

        Args:
            epoch_steps: steps of an epoch; None: not known (custom training loops).
            last: steps when training ends; None: not known.
        """
        length = getattr(self, "length", math.inf)
        t, end = _core.curve_times(
            type(self).__name__, self.per, first, count, epoch_steps, last, length
        )
        return np.ascontiguousarray(self.rate * self.factors(t, end), dtype=np.float64)

    def watch(self, figures: Figures) -> None:
        """Called before a fit with the figures that each epoch's record will hold."""

    def note_epoch(self, record: Mapping[str, float]) -> None:
        """Called with the figures after each epoch of a fit."""

    def get_state(self) -> dict[str, Any]:
        """What `note_epoch` has recorded."""
        return {}

    def set_state(self, state: dict[str, Any]) -> None:
        """Continue from what `get_state` gave."""

    def _to_core(self) -> _core.Schedule:
        """As the core follows it: this one by its methods."""
        return _core.wrap_schedule(self)


@dataclass(kw_only=True)
class CoreSchedule(Schedule):
    """A schedule whose formula is the core's."""

    # The core's name of the formula, in the class that has it: classes made from it may differ.
    _kind: ClassVar[str] = ""

    def __post_init__(self) -> None:
        self._made()

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if "_core_schedule" in self.__dict__:
            # Made anew, with the same state, when it is asked for.
            self.__dict__["_state"] = self.__dict__.pop("_core_schedule").get_state()

    def __getstate__(self) -> dict[str, Any]:
        state = dict(self.__dict__)
        if "_core_schedule" in state:
            state["_state"] = state.pop("_core_schedule").get_state()
        return state

    def factors(self, t: Rates, length: float) -> Rates:
        """Factors of `rate` at times t, for a schedule that ends at `length`."""
        times = np.ascontiguousarray(t, dtype=np.float64)
        return self._made().factors(times, float(length)).reshape(times.shape)

    def rates(self, first: int, count: int, epoch_steps: int | None, last: int | None) -> Rates:
        """Learning rates [count] of the steps from `first` on; see `Schedule.rates`."""
        if "_kind" not in type(self).__dict__:
            return super().rates(first, count, epoch_steps, last)
        return self._made().rates(first, count, epoch_steps, last)

    def _made(self) -> _core.Schedule:
        """The core's schedule of these options, with the state of now."""
        made: _core.Schedule | None = self.__dict__.get("_core_schedule")
        if made is None:
            made = _core.make_schedule(self._kind, self)
            if state := self.__dict__.pop("_state", None):
                made.set_state(state)
            self.__dict__["_core_schedule"] = made
        return made

    def _to_core(self) -> _core.Schedule:
        return self._made() if "_kind" in type(self).__dict__ else super()._to_core()


@dataclass(kw_only=True)
class ConstantSchedule(CoreSchedule):
    """The same rate at all times; useful inside `WarmUp`."""

    _kind = "constant"


@dataclass(kw_only=True)
class ReduceOnPlateau(CoreSchedule):
    """Multiplies the rate by `factor` when the loss has not improved for `patience` epochs.

    By hand, call `optimizer.schedule.note_epoch({"loss": value})` after each epoch.

    Args:
        factor: in (0, 1]. patience: epochs without improvement that are tolerated, at least 0.
        threshold: share of the best value by which a better one must lie beyond it, at least 0.
        cooldown: epochs after a change that do not count, at least 0.
        minimum: least rate, at least 0.
        monitor: name in the record of an epoch; None: "val_loss" where there is one, else "loss".
        mode: "min" or "max" is better; "auto" knows the loss and lamina's metrics.

    Raises:
        ValueError: an option is out of range; before a fit also a figure that it does not record,
            and mode "auto" for a figure that lamina does not know.
    """

    factor: float = 0.1
    patience: int = 10
    threshold: float = 1e-4
    cooldown: int = 0
    minimum: float = 0.0
    monitor: str | None = None
    mode: Literal["auto", "min", "max"] = "auto"

    _kind = "reduce_on_plateau"

    def watch(self, figures: Figures) -> None:
        """Refuse a figure that will not be there, or whose better direction is not known."""
        self._made().watch(dict(figures))

    def note_epoch(self, record: Mapping[str, float]) -> None:
        """Compare the figure with the best one so far."""
        self._made().note_epoch(dict(record))

    def get_state(self) -> dict[str, Any]:
        """Rate, best loss and counts."""
        return self._made().get_state()

    def set_state(self, state: dict[str, Any]) -> None:
        """Continue from what `get_state` gave."""
        self._made().set_state(state)


class WarmUp(Schedule):
    """A straight line from start * rate up to the rate over the first steps, then another schedule.

    Args:
        schedule: what follows, its time counted from the end of the warm-up; or a rate.
        steps: of the warm-up (epochs, with per="epoch"), at least 1.
        start: factor before the first step, in [0, 1].
        per: "step" raises the rate at each step, "epoch" from epoch to epoch.
    """

    def __init__(
        self,
        schedule: "Schedule | float",
        steps: int,
        start: float = 0.0,
        *,
        per: Literal["step", "epoch"] = "step",
    ) -> None:
        self.after = as_schedule(schedule)
        self.steps, self.start = steps, start
        super().__init__(self.after.rate, per=per)
        self._to_core()

    def __repr__(self) -> str:
        return f"WarmUp({self.after!r}, steps={self.steps}, start={self.start}, per={self.per!r})"

    def rates(self, first: int, count: int, epoch_steps: int | None, last: int | None) -> Rates:
        """The line, then the other schedule's rates."""
        return self._to_core().rates(first, count, epoch_steps, last)

    def watch(self, figures: Figures) -> None:
        """Pass the figures on."""
        self.after.watch(figures)

    def note_epoch(self, record: Mapping[str, float]) -> None:
        """Pass the record on."""
        self.after.note_epoch(record)

    def get_state(self) -> dict[str, Any]:
        """That of the schedule after the warm-up."""
        return self.after.get_state()

    def set_state(self, state: dict[str, Any]) -> None:
        """Continue from what `get_state` gave."""
        self.after.set_state(state)

    def _to_core(self) -> _core.Schedule:
        return _core.make_warm_up(self.after._to_core(), self)


class FunctionSchedule(Schedule):
    """A Python function of the step (or epoch) that gives the learning rate itself.

    Args:
        function: t -> rate, finite and at least 0. per: what t counts.
    """

    def __init__(
        self, function: Callable[[int], float], *, per: Literal["step", "epoch"] = "step"
    ) -> None:
        if not callable(function):
            raise TypeError(f"FunctionSchedule: expected a function of the step, got {function!r}")
        self.function, self.per = function, per
        super().__init__(self._value(0), per=per)

    def __repr__(self) -> str:
        return f"FunctionSchedule({self.function!r}, per={self.per!r})"

    def rates(self, first: int, count: int, epoch_steps: int | None, last: int | None) -> Rates:
        """One call of the function for each step or epoch."""
        name = type(self).__name__
        t, _ = _core.curve_times(name, self.per, first, count, epoch_steps, last, math.inf)
        times, places = np.unique(t, return_inverse=True)
        return np.array([self._value(int(time)) for time in times])[places]

    def _value(self, t: int) -> float:
        value = self.function(t)
        if not isinstance(value, int | float | np.number) or not 0.0 <= value < math.inf:
            raise ValueError(
                f"FunctionSchedule: expected a finite rate of at least 0 from your function, "
                f"got {value!r} at {self.per} {t}"
            )
        return float(value)


LearningRate = float | Schedule | Callable[[int], float]


def as_schedule(rate: LearningRate) -> Schedule:
    """A schedule as it is, a number as a constant one, a function of the step as one."""
    if isinstance(rate, Schedule):
        return rate
    return FunctionSchedule(rate) if callable(rate) else ConstantSchedule(rate)
