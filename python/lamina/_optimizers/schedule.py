"""What a learning-rate schedule is; constant ones, warm-up, plateaus, functions."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from lamina._checks.numbers import is_number, is_whole
from lamina._checks.types import NDArray
from lamina.metrics._monitor import Figures, figures_of, monitored

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
        self._check("rate", 0.0)
        if self.per not in ("step", "epoch"):
            raise ValueError(f"{self._name}: expected per 'step' or 'epoch', got {self.per!r}")

    def factors(self, t: Rates, length: float) -> Rates:
        """Factors of `rate` at times t, for a schedule that ends at `length`."""
        raise NotImplementedError

    def rates(self, first: int, count: int, epoch_steps: int | None, last: int | None) -> Rates:
        """Learning rates [count] of the steps from `first` on.

        Args:
            epoch_steps: steps of an epoch; None: not known (training by hand).
            last: steps when training ends; None: not known.
        """
        t = np.arange(first, first + count, dtype=np.float64)
        length = getattr(self, "length", math.inf)
        if self.per == "epoch":
            t = t // self._known(epoch_steps)
        if length is None:
            if last is None:
                raise ValueError(
                    f"{self._name}: expected a length, or optimizer.set_length(steps_per_epoch, "
                    "epochs) before steps by hand"
                )
            length = last / (epoch_steps or 1) if self.per == "epoch" else last
        return np.ascontiguousarray(self.rate * self.factors(t, float(length)), dtype=np.float64)

    def watch(self, figures: Figures) -> None:
        """Called before a fit with the figures that each epoch's record will hold."""

    def note_epoch(self, record: Mapping[str, float]) -> None:
        """Called with the figures after each epoch of a fit."""

    def get_state(self) -> dict[str, Any]:
        """What `note_epoch` has recorded."""
        return {}

    def set_state(self, state: dict[str, Any]) -> None:
        """Continue from what `get_state` gave."""

    def _known(self, epoch_steps: int | None) -> int:
        if epoch_steps is None:
            raise ValueError(
                f"{self._name}: expected per='step', or optimizer.set_length(steps_per_epoch) "
                "before steps by hand"
            )
        return epoch_steps

    @property
    def _name(self) -> str:
        return type(self).__name__

    def _check(self, name: str, low: float, high: float = math.inf, *, above: bool = False) -> None:
        value = getattr(self, name)
        in_range = is_number(value) and math.isfinite(value) and low <= value <= high
        if not in_range or (above and value == low):
            limit = f"{'above' if above else 'of at least'} {low:g}"
            limit += "" if math.isinf(high) else f" and at most {high:g}"
            raise ValueError(f"{self._name}: expected {name} {limit}, got {value!r}")

    def _check_count(self, name: str, low: int) -> None:
        value = getattr(self, name)
        if not is_whole(value) or value < low:
            raise ValueError(
                f"{self._name}: expected {name} as a whole number of at least {low}, got {value!r}"
            )

    def _check_length(self) -> None:
        if getattr(self, "length", None) is not None:
            self._check_count("length", 1)


@dataclass(kw_only=True)
class ConstantSchedule(Schedule):
    """The same rate at all times; useful inside `WarmUp`."""

    def factors(self, t: Rates, length: float) -> Rates:
        """1 at all times."""
        return np.ones_like(t)


@dataclass(kw_only=True)
class ReduceOnPlateau(Schedule):
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

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check("factor", 0, 1, above=True)
        for name in ("patience", "cooldown"):
            self._check_count(name, 0)
        for name in ("threshold", "minimum"):
            self._check(name, 0)
        if self.mode not in ("auto", "min", "max"):
            raise ValueError(f"{self._name}: expected mode auto, min or max, got {self.mode!r}")
        self._now: float = self.rate
        self._best = math.inf
        self._bad = self._cooling = 0
        self._figures: Figures = {}

    def factors(self, t: Rates, length: float) -> Rates:
        """The factor of now, at all times."""
        return np.full_like(t, self._now / self.rate if self.rate else 0.0)

    def watch(self, figures: Figures) -> None:
        """Refuse a figure that will not be there, or whose better direction is not known."""
        monitored(self._name, self.monitor, self.mode, figures)
        self._figures = figures

    def note_epoch(self, record: Mapping[str, float]) -> None:
        """Compare the figure with the best one so far."""
        figures = figures_of(record) | {k: v for k, v in self._figures.items() if k in record}
        name, larger = monitored(self._name, self.monitor, self.mode, figures)
        # Kept with the sign by which smaller is better.
        loss = -record[name] if larger else record[name]
        first = math.isinf(self._best) and not math.isnan(loss)
        if first or loss < self._best - self.threshold * abs(self._best):
            self._best, self._bad = loss, 0
        else:
            self._bad += 1
        if self._cooling > 0:
            self._cooling -= 1
            self._bad = 0
        if self._bad > self.patience:
            self._now = max(self._now * self.factor, self.minimum)
            self._bad, self._cooling = 0, self.cooldown

    def get_state(self) -> dict[str, Any]:
        """Rate, best loss and counts."""
        return {
            "rate": self._now,
            "best": None if math.isinf(self._best) else self._best,
            "bad": self._bad,
            "cooling": self._cooling,
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Continue from what `get_state` gave."""
        self._now = state["rate"]
        self._best = math.inf if state["best"] is None else state["best"]
        self._bad, self._cooling = state["bad"], state["cooling"]


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
        self._check_count("steps", 1)
        self._check("start", 0, 1)

    def __repr__(self) -> str:
        return f"WarmUp({self.after!r}, steps={self.steps}, start={self.start}, per={self.per!r})"

    def rates(self, first: int, count: int, epoch_steps: int | None, last: int | None) -> Rates:
        """The line, then the other schedule's rates."""
        unit = 1 if self.per == "step" else self._known(epoch_steps)
        t = np.arange(first, first + count, dtype=np.float64) // unit
        warm = self.rate * between(self.start, 1.0, np.minimum(t + 1.0, self.steps) / self.steps)
        steps = self.steps * unit
        end = None if last is None else max(last - steps, 1)
        begin = max(first - steps, 0)
        left = first + count - steps - begin
        if left > 0:
            warm[count - left :] = self.after.rates(begin, left, epoch_steps, end)
        return warm

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


class FunctionSchedule(Schedule):
    """A Python function of the step (or epoch) that gives the learning rate itself.

    Args:
        function: t -> rate, finite and at least 0. per: what t counts.
    """

    def __init__(
        self, function: Callable[[int], float], *, per: Literal["step", "epoch"] = "step"
    ) -> None:
        if not callable(function):
            raise TypeError(f"{self._name}: expected a function of the step, got {function!r}")
        self.function, self.per = function, per
        super().__init__(self._value(0), per=per)

    def __repr__(self) -> str:
        return f"FunctionSchedule({self.function!r}, per={self.per!r})"

    def rates(self, first: int, count: int, epoch_steps: int | None, last: int | None) -> Rates:
        """One call of the function for each step or epoch."""
        if self.per == "step":
            return np.array([self._value(t) for t in range(first, first + count)])
        epochs = np.arange(first, first + count) // self._known(epoch_steps)
        table = {int(epoch): self._value(int(epoch)) for epoch in np.unique(epochs)}
        return np.array([table[int(epoch)] for epoch in epochs])

    def _value(self, t: int) -> float:
        value = self.function(t)
        if not isinstance(value, int | float | np.number) or not 0.0 <= value < math.inf:
            raise ValueError(
                f"{self._name}: expected a finite rate of at least 0 from your function, "
                f"got {value!r} at {self.per} {t}"
            )
        return float(value)


LearningRate = float | Schedule | Callable[[int], float]


def as_schedule(rate: LearningRate) -> Schedule:
    """A schedule as it is, a number as a constant one, a function of the step as one."""
    if isinstance(rate, Schedule):
        return rate
    return FunctionSchedule(rate) if callable(rate) else ConstantSchedule(rate)


def between(low: float, high: float, share: Rates) -> Rates:
    """`low` where the share is 0, `high` where it is 1."""
    return np.asarray(low + (high - low) * share)
