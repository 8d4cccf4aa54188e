"""Learning-rate schedules against their formulas, in fit and by hand, saved and resumed."""

import copy
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import lamina as lm
from networks import bits, regressor, value_data

Array = npt.NDArray[Any]
N = 20
HALF_WAVE = 0.5 * (1.0 + np.cos(np.pi * np.arange(N) / N))


def rates(schedule: lm.Schedule, count: int = N, epoch_steps: int = 5) -> Array:
    """The rates of a training of `count` steps."""
    return schedule.rates(0, count, epoch_steps, count)


T = np.arange(N)
CURVES: dict[str, tuple[lm.Schedule, Array]] = {
    "constant": (lm.ConstantSchedule(0.5), np.full(N, 0.5)),
    "step": (lm.StepSchedule(0.5, every=6), 0.5 * 0.1 ** (T // 6)),
    "multi-step": (
        lm.MultiStepSchedule(0.5, milestones=(3, 9), factor=0.5),
        0.5 ** (1.0 + (T >= 3) + (T >= 9)),
    ),
    "exponential": (lm.ExponentialSchedule(0.5, factor=0.9), 0.5 * 0.9**T),
    "polynomial": (lm.PolynomialSchedule(0.5, power=2.0), 0.5 * (1 - T / N) ** 2),
    "inverse scaling": (lm.InverseScalingSchedule(0.5, power=0.25), 0.5 / (1 + T) ** 0.25),
    "cosine": (lm.CosineSchedule(0.5), 0.5 * HALF_WAVE),
    "cosine to an end": (lm.CosineSchedule(0.5, end=0.1), 0.5 * (0.1 + 0.9 * HALF_WAVE)),
    "cosine of length 10": (
        lm.CosineSchedule(0.5, length=10),
        np.concatenate([0.5 * HALF_WAVE[::2], np.zeros(10)]),
    ),
    "restarts": (
        lm.CosineRestartsSchedule(0.5, period=5),
        0.25 * (1.0 + np.cos(np.pi * (T % 5) / 5)),
    ),
    "growing restarts": (
        lm.CosineRestartsSchedule(0.5, period=4, growth=2.0),
        0.25 * (1.0 + np.cos(np.pi * np.concatenate([T[:4] / 4, T[:8] / 8, T[:8] / 16]))),
    ),
    "coslog4": (
        lm.CosineLogSchedule(0.5),
        0.25 * (1.0 - np.cos(2 * np.pi * np.log2(1.0 + 15.0 * T / N))),
    ),
    "flat, then cosine": (
        lm.FlatCosineSchedule(0.5),
        np.concatenate([np.full(10, 0.5), 0.5 * HALF_WAVE[::2]]),
    ),
    "a function": (lm.FunctionSchedule(lambda t: 1.0 / (1 + t)), 1.0 / (1 + T)),
}


@pytest.mark.parametrize("name", list(CURVES))
def test_rates_are_those_of_the_formula(name: str) -> None:
    schedule, expected = CURVES[name]
    np.testing.assert_allclose(rates(schedule), expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", list(CURVES))
def test_rates_of_epochs_are_those_of_the_whole(name: str) -> None:
    schedule, _ = CURVES[name]
    parts = [schedule.rates(first, 5, 5, N) for first in range(0, N, 5)]
    np.testing.assert_array_equal(np.concatenate(parts), rates(schedule))


def test_one_cycle_rises_to_its_rate_and_falls_to_its_end() -> None:
    got = rates(lm.OneCycleSchedule(0.5, rise=0.3))
    # Pytorch's OneCycleLR: cosines from step 0 to 0.3 N - 1, and from there to N - 1.
    assert got[0] == pytest.approx(0.5 / 25)
    assert got[5] == pytest.approx(0.5)
    assert got[-1] == pytest.approx(0.5 / 25e4)
    assert (np.diff(got[:6]) > 0).all()
    assert (np.diff(got[5:]) < 0).all()


def test_a_warm_up_comes_before_the_schedule_and_shortens_it() -> None:
    got = rates(lm.WarmUp(lm.CosineSchedule(0.5), steps=4))
    np.testing.assert_allclose(got[:4], 0.5 * np.array([0.25, 0.5, 0.75, 1.0]))
    np.testing.assert_allclose(got[4:], 0.25 * (1.0 + np.cos(np.pi * np.arange(16) / 16)))


def test_a_warm_up_by_epoch_rises_from_epoch_to_epoch() -> None:
    warm = lm.WarmUp(lm.ExponentialSchedule(1.0, factor=0.5), steps=2, per="epoch")
    expected = [0.5] * 5 + [1.0] * 5 + [0.5**t for t in range(5)]
    np.testing.assert_allclose(rates(warm, 15), expected)
    both = lm.WarmUp(lm.StepSchedule(1.0, every=1, factor=0.5, per="epoch"), steps=1, per="epoch")
    np.testing.assert_allclose(rates(both, 15), [1.0] * 10 + [0.5] * 5)


def test_schedules_by_epoch_change_between_epochs_alone() -> None:
    got = rates(lm.ExponentialSchedule(0.5, factor=0.1, per="epoch"))
    np.testing.assert_allclose(got, 0.5 * 0.1 ** (T // 5))
    got = rates(lm.CosineSchedule(0.5, per="epoch"))
    np.testing.assert_allclose(got, 0.25 * (1.0 + np.cos(np.pi * (T // 5) / 4)))


def test_fit_follows_a_schedule_as_single_steps_do() -> None:
    x, y = value_data(rows=100)
    net, twin = regressor(), regressor()
    schedule = lm.CosineSchedule(0.05, length=12)
    net.fit(x, y, optimizer=lm.SGD(schedule), epochs=3, batch_size=25, shuffle=False, verbose=False)
    optimizer = lm.SGD(0.05)
    for step in range(12):
        part = slice(step % 4 * 25, step % 4 * 25 + 25)
        optimizer.learning_rate = float(0.025 * (1.0 + np.cos(np.pi * step / 12)))
        twin.train_step(x[part], y[part], optimizer=optimizer)
    assert bits(net) == bits(twin)


def test_train_step_follows_a_schedule() -> None:
    x, y = value_data(rows=30)
    net, twin = regressor(), regressor()
    optimizer = lm.SGD(lambda step: 0.1 / (1 + step))
    for step in range(4):
        net.train_step(x, y, optimizer=optimizer)
        assert optimizer.learning_rate == 0.1 / (1 + step)
        twin.train_step(x, y, optimizer=lm.SGD(0.1 / (1 + step)))
    assert bits(net) == bits(twin)


def test_a_schedule_goes_on_where_the_saved_state_was() -> None:
    x, y = value_data(rows=100)
    options: dict[str, Any] = {"batch_size": 20, "verbose": False}
    whole, first = regressor(), regressor()

    def optimizer() -> lm.Optimizer:
        return lm.Adam(lm.CosineSchedule(0.01, length=20))

    whole.fit(x, y, optimizer=optimizer(), epochs=4, **options)
    begun, resumed = optimizer(), optimizer()
    first.fit(x, y, optimizer=begun, epochs=2, **options)
    second = first.copy()
    resumed.set_state(second, begun.get_state())
    second.fit(x, y, optimizer=resumed, epochs=2, **options)
    assert bits(second) == bits(whole)


def test_a_plateau_lowers_the_rate_after_its_patience() -> None:
    schedule = lm.ReduceOnPlateau(0.5, factor=0.1, patience=2, minimum=0.01)
    got = []
    for loss in (1.0, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.4):
        schedule.note_epoch({"loss": loss})
        got.append(rates(schedule, 1)[0])
    np.testing.assert_allclose(got, [0.5] * 4 + [0.05] * 3 + [0.01] * 2)


def test_a_plateau_of_a_figure_that_should_grow() -> None:
    schedule = lm.ReduceOnPlateau(0.5, patience=0, monitor="val_accuracy")
    got = []
    for accuracy in (0.5, 0.6, 0.7, 0.7, 0.6):
        schedule.note_epoch({"loss": 1.0, "val_accuracy": accuracy})
        got.append(rates(schedule, 1)[0])
    np.testing.assert_allclose(got, [0.5] * 3 + [0.05, 0.005])


def test_a_plateau_in_fit_changes_the_next_epochs_rate() -> None:
    x, y = value_data(rows=50)
    optimizer = lm.SGD(lm.ReduceOnPlateau(1e-9, factor=0.5, patience=0, threshold=0.1))
    regressor().fit(x, y, optimizer=optimizer, epochs=4, verbose=False)
    # The first epoch sets the best loss; the next two halve the rate before the fourth.
    assert optimizer.learning_rate == pytest.approx(0.25e-9)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: lm.CosineSchedule(-1.0), "CosineSchedule: expected rate of at least 0, got -1.0"),
        (lambda: lm.CosineSchedule(0.1, length=0), "length as a whole number of at least 1, got 0"),
        (lambda: lm.StepSchedule(0.1, every=0), "every as a whole number of at least 1, got 0"),
        (lambda: lm.WarmUp(0.1, steps=2.5), "steps as a whole number of at least 1, got 2.5"),  # type: ignore[arg-type]
        (lambda: lm.CosineSchedule(0.1, per="row"), "per 'step' or 'epoch', got 'row'"),  # type: ignore[arg-type]
        (lambda: lm.MultiStepSchedule(0.1, milestones=(5, 3)), "ascending whole numbers, got .5"),
        (lambda: lm.MultiStepSchedule(0.1, milestones=5), "ascending whole numbers, got 5"),  # type: ignore[arg-type]
        (lambda: lm.FunctionSchedule(lambda t: -1.0), "from your function, got -1.0 at step 0"),
        (lambda: lm.FunctionSchedule(lambda t: None), "from your function, got None at step 0"),  # type: ignore[arg-type, return-value]
        (lambda: lm.ReduceOnPlateau(0.1, mode="best"), "mode auto, min or max, got 'best'"),  # type: ignore[arg-type]
    ],
)
def test_options_out_of_range_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        (lm.CosineSchedule(0.1), r"expected a length, or optimizer.set_length\(steps_per_epoch"),
        (lm.StepSchedule(0.1, every=2, per="epoch"), r"or optimizer.set_length\(steps_per_epoch"),
    ],
)
def test_what_only_fit_knows_is_asked_for_by_hand(schedule: lm.Schedule, message: str) -> None:
    x, y = value_data(rows=10)
    with pytest.raises(ValueError, match=message):
        regressor().train_step(x, y, optimizer=lm.SGD(schedule))


OF_A_FIT: dict[str, lm.Schedule] = {
    "by epoch": lm.ExponentialSchedule(0.05, factor=0.5, per="epoch"),
    "until the end": lm.CosineSchedule(0.05),
    "until the end, by epoch": lm.OneCycleSchedule(0.05, per="epoch"),
    "after a warm-up": lm.WarmUp(lm.CosineSchedule(0.05), steps=1, per="epoch"),
}


@pytest.mark.parametrize("name", OF_A_FIT)
def test_steps_by_hand_that_know_their_length_give_the_bits_of_fit(name: str) -> None:
    x, y = value_data(rows=90)
    fitted, net = regressor(), regressor()
    options: dict[str, Any] = {"batch_size": 25, "shuffle": False, "verbose": False}
    fitted.fit(x, y, optimizer=lm.Adam(OF_A_FIT[name]), epochs=3, **options)
    optimizer = lm.Adam(OF_A_FIT[name])
    optimizer.set_length(steps_per_epoch=4, epochs=3)
    for _ in range(3):
        for rows in lm.batches(90, 25, shuffle=False):
            net.train_step(x[rows], y[rows], optimizer=optimizer)
            optimizer = copy.deepcopy(optimizer)
            resumed = lm.Adam(OF_A_FIT[name])
            resumed.set_state(net, optimizer.get_state())
            optimizer = resumed
    assert bits(net) == bits(fitted)


def test_a_length_that_makes_no_sense_is_refused() -> None:
    optimizer = lm.Adam(lm.CosineSchedule(0.1))
    with pytest.raises(ValueError, match="steps_per_epoch as a whole number of at least 1, got 0"):
        optimizer.set_length(0)
    with pytest.raises(ValueError, match=r"epochs as a whole number of at least 1, got 2.5"):
        optimizer.set_length(4, 2.5)  # type: ignore[arg-type]
