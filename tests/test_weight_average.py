"""Averages of weights along training, in fit and by hand."""

import copy
import pickle
import threading
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import lamina as lm
from networks import bits, class_data, classifier, regressor, same_for_any_threads, value_data

pytestmark = pytest.mark.kernels

Array = npt.NDArray[Any]


def path(steps: int) -> tuple[lm.Sequential, list[Array]]:
    """A network trained by hand, and its first weights after each step."""
    x, y = value_data(rows=40)
    net, optimizer, seen = regressor(dtype="float64"), lm.SGD(0.1), []
    for _ in range(steps):
        net.train_step(x, y, optimizer=optimizer)
        seen.append(net.parameters()["layers.0.weight"])
    return net, seen


def averaged(average: lm.WeightAverage, steps: int) -> Array:
    x, y = value_data(rows=40)
    net, optimizer = regressor(dtype="float64"), lm.SGD(0.1)
    for _ in range(steps):
        net.train_step(x, y, optimizer=optimizer)
        average.update(net)
    average.apply(net)
    return net.parameters()["layers.0.weight"]


def test_it_is_the_equal_average_at_first_and_exponential_later() -> None:
    _, seen = path(9)
    expected = np.zeros_like(seen[0])
    for k, weights in enumerate(seen, start=1):
        expected += max(0.25, 1.0 / k) * (weights - expected)
    np.testing.assert_allclose(averaged(lm.WeightAverage(0.75), 9), expected, rtol=1e-13)


def test_decay_1_is_the_mean_of_all_weights_from_the_start_on() -> None:
    _, seen = path(9)
    mean = np.mean(seen[4:], axis=0)
    np.testing.assert_allclose(averaged(lm.WeightAverage(1.0, start=4), 9), mean, rtol=1e-13)


def test_without_warm_up_it_is_pytorchs_exponential_average() -> None:
    _, seen = path(5)
    expected = seen[0]
    for weights in seen[1:]:
        expected = 0.9 * expected + 0.1 * weights
    average = lm.WeightAverage(0.9, warm_up=False)
    np.testing.assert_allclose(averaged(average, 5), expected, rtol=1e-13)


@pytest.mark.parametrize("per", ["step", "epoch"])
def test_by_hand_gives_the_bits_of_fit(per: Any) -> None:
    x, y = value_data(rows=96)
    options: dict[str, Any] = {"epochs": 3, "batch_size": 32, "shuffle": False, "verbose": False}
    fitted, by_hand = regressor(), regressor()
    fitted.fit(x, y, optimizer=lm.Adam(), average=lm.WeightAverage(0.5, per=per), **options)
    optimizer, average = lm.Adam(), lm.WeightAverage(0.5, per=per)
    for _ in range(3):
        for first in (0, 32, 64):
            rows = slice(first, first + 32)
            by_hand.train_step(x[rows], y[rows], optimizer=optimizer)
            if per == "step":
                average.update(by_hand)
        if per == "epoch":
            average.update(by_hand)
    average.apply(by_hand)
    assert bits(by_hand) == bits(fitted)


def test_validation_callbacks_and_the_end_see_the_average() -> None:
    x, y = class_data()
    seen: list[tuple[bytes, float]] = []

    class Look:
        def on_fit_begin(self, fit: Any) -> None:
            self.net = fit.net

        def on_epoch_end(self, epoch: int, record: dict[str, float]) -> None:
            assert record["val_loss"] == self.net.evaluate(x, y)["loss"]
            seen.append((bits(self.net), record["val_loss"]))

    net, plain = classifier(), classifier()
    options: dict[str, Any] = {"epochs": 3, "validation_data": (x, y), "verbose": False}
    history = net.fit(x, y, average=lm.WeightAverage(0.99), callbacks=[Look()], **options)
    other = plain.fit(x, y, **options)
    assert bits(net) == seen[-1][0] != bits(plain)
    assert history["loss"] == other["loss"]  # training goes on from its own weights
    assert history["val_loss"] != other["val_loss"]


def test_early_stopping_puts_back_the_best_average() -> None:
    x, y = class_data()
    net = classifier()
    history = net.fit(
        x,
        y,
        optimizer=lm.Adam(0.5),
        average=lm.WeightAverage(0.9),
        validation_data=(x, y),
        early_stopping=2,
        epochs=20,
        verbose=False,
    )
    assert net.evaluate(x, y)["loss"] == min(history["val_loss"])


def test_a_second_fit_goes_on_from_the_weights_before_averaging() -> None:
    x, y = class_data()
    whole, parts = classifier(), classifier()
    options: dict[str, Any] = {"batch_size": 20, "verbose": False}
    whole.fit(x, y, optimizer=lm.Adam(), average=lm.WeightAverage(), epochs=4, **options)
    optimizer, average = lm.Adam(), lm.WeightAverage()
    for _ in range(2):
        parts.fit(x, y, optimizer=optimizer, average=average, epochs=2, **options)
    assert bits(parts) == bits(whole)


def test_changed_weights_make_the_average_start_afresh() -> None:
    x, y = class_data()
    net, optimizer, average = classifier(), lm.Adam(), lm.WeightAverage()
    net.fit(x, y, optimizer=optimizer, average=average, epochs=1, verbose=False)
    fresh = classifier(seed=5)
    net.set_parameters(fresh.parameters())
    average.resume(net)
    assert (average.updates, bits(net)) == (0, bits(fresh))


def test_apply_and_resume_come_back_to_the_bits() -> None:
    x, y = value_data(rows=40)
    net, optimizer, average = regressor(), lm.SGD(0.1), lm.WeightAverage()
    for _ in range(3):
        net.train_step(x, y, optimizer=optimizer)
        average.update(net)
    before = bits(net)
    average.apply(net)
    average.apply(net)
    assert bits(net) != before
    average.resume(net)
    average.resume(net)
    assert bits(net) == before


@pytest.mark.parametrize("way", ["pickle", "copy", "state"])
def test_the_state_survives(way: str) -> None:
    x, y = class_data()
    net, optimizer, average = classifier(), lm.Adam(), lm.WeightAverage()
    net.fit(x, y, optimizer=optimizer, average=average, epochs=2, verbose=False)
    twin: lm.Sequential
    if way == "pickle":
        twin, optimizer2, average2 = pickle.loads(pickle.dumps((net, optimizer, average)))
    elif way == "copy":
        twin, optimizer2, average2 = copy.deepcopy((net, optimizer, average))
    else:
        twin, optimizer2, average2 = net.copy(), lm.Adam(), lm.WeightAverage()
        optimizer2.set_state(twin, optimizer.get_state())
        average2.set_state(twin, average.get_state())
    net.fit(x, y, optimizer=optimizer, average=average, epochs=1, verbose=False)
    twin.fit(x, y, optimizer=optimizer2, average=average2, epochs=1, verbose=False)
    assert bits(twin) == bits(net)
    assert average2.updates == average.updates == 21


def test_an_interrupt_leaves_the_average_in_the_network() -> None:
    x, y = class_data()

    class Interrupt:
        def on_epoch_end(self, epoch: int, record: dict[str, float]) -> None:
            if epoch == 1:
                raise KeyboardInterrupt

    net, twin, average = classifier(), classifier(), lm.WeightAverage()
    with pytest.raises(KeyboardInterrupt):
        net.fit(x, y, average=average, epochs=5, callbacks=[Interrupt()], verbose=False)
    twin.fit(x, y, average=lm.WeightAverage(), epochs=2, verbose=False)
    assert bits(net) == bits(twin)


def test_a_loss_that_is_not_finite_leaves_the_last_good_weights_and_no_average() -> None:
    x, y = value_data()
    net, twin, average = regressor(), regressor(), lm.WeightAverage()
    for trained, options in ((net, {"average": average}), (twin, {})):
        with pytest.raises(lm.NotFiniteError):
            trained.fit(x, y * 1e3, optimizer=lm.SGD(1e3), epochs=50, verbose=False, **options)
    assert bits(net) == bits(twin)
    assert average.updates == 0


def test_any_number_of_threads_gives_the_same_bits() -> None:
    x, y = class_data(rows=600)

    def trained() -> bytes:
        net = classifier()
        net.fit(x, y, batch_size=200, average=lm.WeightAverage(), epochs=2, verbose=False)
        return bits(net)

    assert same_for_any_threads(trained)


def test_an_average_serves_one_network() -> None:
    average = lm.WeightAverage()
    average.update(regressor())
    with pytest.raises(ValueError, match="holds the state of another network"):
        average.update(regressor())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"decay": 1.5}, "decay between 0 and 1, got 1.5"),
        ({"decay": "x"}, "decay between 0 and 1, got 'x'"),
        ({"start": -1}, "start as a whole number of at least 0, got -1"),
        ({"start": 0.5}, "start as a whole number"),
        ({"per": "batch"}, "per 'step' or 'epoch', got 'batch'"),
        ({"warm_up": 3}, "warm_up True or False, got 3"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        lm.WeightAverage(**options)


def test_fit_refuses_what_is_no_average() -> None:
    x, y = value_data(rows=10)
    with pytest.raises(TypeError, match=r"expected average as WeightAverage\(\), got 0.99"):
        regressor().fit(x, y, average=0.99, verbose=False)  # type: ignore[arg-type]


def own_squares(outputs: Array, y: Array) -> tuple[float, Array]:
    difference = outputs - y.reshape(outputs.shape)
    return float(np.mean(difference**2)), 2.0 * difference / len(difference)


@pytest.mark.parametrize("per", ["step", "epoch"])
@pytest.mark.parametrize("start", [0, 3])
@pytest.mark.parametrize("loss", [None, own_squares])
def test_a_prediction_within_fit_is_that_of_an_epochs_end(per: Any, start: int, loss: Any) -> None:
    x, y = value_data(rows=40)
    net, average = regressor(), lm.WeightAverage(0.9, per=per, start=start)
    seen: list[Array] = []

    class Look(lm.Callback):
        def __init__(self, ends: list[Array]) -> None:
            self.ends = ends

        def on_fit_begin(self, fit: Any) -> None:
            seen.append(net.predict(x))

        def on_epoch_begin(self, epoch: int) -> None:
            seen.append(net.predict(x))

        def on_step_end(self, epoch: int, step: int, loss: float) -> None:
            seen.append(net.predict(x))

        def on_epoch_end(self, epoch: int, record: Any) -> None:
            self.ends.append(net.predict(x))

        def on_fit_end(self, fit: Any) -> None:
            seen.append(net.predict(x))

    def watch(over: threading.Event) -> None:
        while not over.is_set():
            seen.append(net.predict(x))

    for _ in range(2):
        ends, over = [net.predict(x)], threading.Event()
        thread = threading.Thread(target=watch, args=(over,))
        thread.start()
        options: dict[str, Any] = {"epochs": 3, "average": average, "verbose": False}
        net.fit(x, y, loss=loss, callbacks=[Look(ends)], **options)
        over.set()
        thread.join()
        # The fit's begin and end, three epochs and their two steps each.
        assert len(seen) >= 11
        for outputs in seen:
            assert any(np.array_equal(outputs, end) for end in ends)
        assert np.array_equal(net.predict(x), ends[-1])
        seen.clear()


def test_a_failed_fit_shows_no_weights_between_its_last_epoch_and_its_end() -> None:
    x, y = value_data(rows=40)
    net, seen = regressor(), []

    class Look(lm.Callback):
        def on_epoch_end(self, epoch: int, record: Any) -> None:
            seen.append(net.predict(x))
            y[0] = np.inf

        def on_fit_end(self, fit: Any) -> None:
            seen.append(net.predict(x))

    y = np.ascontiguousarray(y, np.float32)
    average = lm.WeightAverage(0.5)
    with pytest.raises(lm.NotFiniteError):
        net.fit(x, y, epochs=3, average=average, callbacks=[Look()], verbose=False)
    assert np.array_equal(seen[0], seen[1])
