"""Schedules of Python and of the core are one: options, defaults, states, and those of users."""

import copy
import json
import pickle
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import lamina as lm
from lamina import _core
from networks import bits, regressor, value_data

# The core's kind of each schedule, and what must be given.
CURVES: dict[str, tuple[type[lm.Schedule], dict[str, Any]]] = {
    "constant": (lm.ConstantSchedule, {}),
    "step": (lm.StepSchedule, {"every": 6}),
    "multi_step": (lm.MultiStepSchedule, {"milestones": [3, 9]}),
    "exponential": (lm.ExponentialSchedule, {"factor": 0.9}),
    "polynomial": (lm.PolynomialSchedule, {}),
    "inverse_scaling": (lm.InverseScalingSchedule, {}),
    "cosine": (lm.CosineSchedule, {}),
    "cosine_restarts": (lm.CosineRestartsSchedule, {"period": 5}),
    "one_cycle": (lm.OneCycleSchedule, {}),
    "cosine_log": (lm.CosineLogSchedule, {}),
    "flat_cosine": (lm.FlatCosineSchedule, {}),
    "reduce_on_plateau": (lm.ReduceOnPlateau, {}),
}


@pytest.mark.parametrize("kind", CURVES)
def test_options_that_are_not_given_are_those_of_the_core(kind: str) -> None:
    schedule, needed = CURVES[kind]
    found = json.loads(schedule(0.5, **needed)._to_core().to_json())  # type: ignore[arg-type]
    spec = json.dumps({"kind": kind, "rate": 0.5, **needed})
    assert found == json.loads(_core.schedule_from_json(spec).to_json())


def test_a_warm_up_that_starts_at_0_is_the_default_of_both() -> None:
    after = {"kind": "constant", "rate": 0.5}
    spec = json.dumps({"kind": "warm_up", "steps": 4, "after": after})
    found = json.loads(lm.WarmUp(0.5, steps=4)._to_core().to_json())
    assert found == json.loads(_core.schedule_from_json(spec).to_json())


class Halving(lm.Schedule):
    """A schedule of a user's own."""

    def factors(self, t: npt.NDArray[np.float64], length: float) -> npt.NDArray[np.float64]:
        return np.asarray(0.5**t)


class Doubled(lm.CosineSchedule):
    """One of lamina's, changed."""

    def factors(self, t: npt.NDArray[np.float64], length: float) -> npt.NDArray[np.float64]:
        return 2.0 * super().factors(t, length)


def test_schedules_of_users_have_their_own_factors_also_after_a_warm_up() -> None:
    np.testing.assert_array_equal(Halving(8.0).rates(0, 4, None, None), [8, 4, 2, 1])
    warm = lm.WarmUp(Halving(8.0), steps=2)
    np.testing.assert_array_equal(warm.rates(0, 5, None, None), [4, 8, 8, 4, 2])
    plain = lm.CosineSchedule(0.1, length=10).rates(0, 12, None, None)
    np.testing.assert_array_equal(Doubled(0.1, length=10).rates(0, 12, None, None), 2.0 * plain)
    warm = lm.WarmUp(Doubled(0.1, length=10), steps=1)
    np.testing.assert_array_equal(warm.rates(1, 12, None, None), 2.0 * plain)


def test_a_schedule_of_users_that_gives_no_rates_is_told() -> None:
    class Wrong(lm.Schedule):
        def rates(self, *span: Any) -> Any:
            return "fast"

    with pytest.raises(ValueError, match="Wrong: expected 2 rates of your schedule, got 'fast'"):
        lm.WarmUp(Wrong(0.1), steps=1).rates(1, 2, None, None)


def test_fit_follows_a_schedule_of_users() -> None:
    x, y = value_data(rows=40)
    options: dict[str, Any] = {"epochs": 2, "batch_size": 20, "verbose": False}
    net, twin = regressor(), regressor()
    net.fit(x, y, optimizer=lm.SGD(Halving(0.1)), **options)
    twin.fit(x, y, optimizer=lm.SGD(lm.ExponentialSchedule(0.1, factor=0.5)), **options)
    assert bits(net) == bits(twin)


def test_options_set_later_are_followed_and_the_state_stays() -> None:
    schedule = lm.ReduceOnPlateau(1.0, factor=0.5, patience=0)
    for loss in (1.0, 2.0):
        schedule.note_epoch({"loss": loss})
    schedule.factor = 0.1
    schedule.note_epoch({"loss": 2.0})
    assert schedule.rates(0, 1, None, None)[0] == 0.05
    cosine = lm.CosineSchedule(0.1, length=10)
    assert cosine.rates(5, 1, None, None)[0] == pytest.approx(0.05)
    cosine.length = 20
    assert cosine.rates(10, 1, None, None)[0] == pytest.approx(0.05)
    cosine.length = 0
    with pytest.raises(ValueError, match="expected length as a whole number of at least 1, got 0"):
        cosine.rates(0, 1, None, None)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda s: pickle.loads(pickle.dumps(s))])
def test_copies_of_a_schedule_have_its_state_and_then_their_own(copied: Any) -> None:
    schedule = lm.WarmUp(lm.ReduceOnPlateau(1.0, factor=0.5, patience=0), steps=1)
    for loss in (1.0, 2.0):
        schedule.note_epoch({"loss": loss})
    twin = copied(schedule)
    assert twin.get_state() == schedule.get_state() == schedule.after.get_state()
    twin.note_epoch({"loss": 3.0})
    assert (twin.rates(1, 1, None, None)[0], schedule.rates(1, 1, None, None)[0]) == (0.25, 0.5)


def test_a_state_that_is_none_is_refused_and_nothing_changes() -> None:
    schedule = lm.ReduceOnPlateau(1.0)
    before = schedule.get_state()
    for state in ({}, {"rate": "fast"}, {**before, "bad": 0.5}, 3):
        with pytest.raises(ValueError, match="ReduceOnPlateau: expected a state that get_state"):
            schedule.set_state(state)  # type: ignore[arg-type]
    assert schedule.get_state() == before


def test_steps_that_are_none_are_refused() -> None:
    schedule = lm.CosineSchedule(0.1)
    with pytest.raises(TypeError, match="rates: expected first as a whole number, got '0'"):
        schedule.rates("0", 1, None, 10)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="rates: expected count of at least 0, got -1"):
        schedule.rates(0, -1, None, 10)
