"""Callbacks after each step, a limit of time, and what a fit leaves behind."""

import copy
import gc
import pickle
import threading
import time
import weakref
from typing import Any

import numpy as np
import pytest

import lamina as lm
from networks import bits, class_data, classifier, regressor, value_data


class Steps:
    """Notes what it is told of each step."""

    def __init__(self) -> None:
        self.told: list[tuple[int, int, float]] = []

    def on_step_end(self, epoch: int, step: int, loss: float) -> None:
        self.told.append((epoch, step, loss))


def squared_error(outputs: Any, y: Any) -> tuple[float, Any]:
    return float(((outputs - y) ** 2).mean()), 2.0 * (outputs - y) / y.size


@pytest.mark.parametrize("loss", [None, squared_error], ids=["core", "custom"])
@pytest.mark.parametrize("accumulate", [1, 2])
def test_each_step_is_told_with_the_loss_that_it_began_with(loss: Any, accumulate: int) -> None:
    x, y = value_data(rows=64)
    net, twin, steps = regressor(), regressor(), Steps()
    optimizer = lm.SGD(0.1)
    options: dict[str, Any] = {"loss": loss, "epochs": 2, "batch_size": 8, "shuffle": False}
    net.fit(
        x,
        y,
        callbacks=[steps],
        accumulate=accumulate,
        optimizer=lm.SGD(0.1),
        verbose=False,
        **options,
    )
    expected = []
    rows = 8 * accumulate
    for epoch in range(2):
        for step in range(64 // rows):
            part = slice(step * rows, (step + 1) * rows)
            value = twin.train_step(x[part], y[part], loss=loss, optimizer=optimizer)
            expected.append((epoch, step, value))
    assert [told[:2] for told in steps.told] == [told[:2] for told in expected]
    found = [told[2] for told in steps.told]
    # Accumulated gradients round otherwise than those of one batch.
    np.testing.assert_allclose(found, [told[2] for told in expected], rtol=1e-5)


def test_steps_that_are_told_train_to_the_same_bits() -> None:
    x, y = class_data()
    net, twin = classifier(dropout=0.3), classifier(dropout=0.3)
    history = net.fit(x, y, epochs=3, callbacks=[Steps()], verbose=False)
    plain = twin.fit(x, y, epochs=3, verbose=False)
    assert bits(net) == bits(twin)
    assert history.to_dict() == plain.to_dict()


@pytest.mark.parametrize("loss", [None, squared_error], ids=["core", "custom"])
def test_an_exception_after_a_step_ends_the_fit_there(loss: Any) -> None:
    x, y = value_data(rows=64)
    net, optimizer = regressor(), lm.SGD(0.1)

    class Raise:
        def on_step_end(self, epoch: int, step: int, loss: float) -> None:
            if step == 2:
                raise ZeroDivisionError("third")

    with pytest.raises(ZeroDivisionError, match="third"):
        net.fit(
            *(x, y),
            loss=loss,
            optimizer=optimizer,
            batch_size=8,
            callbacks=[Raise()],
            verbose=False,
        )
    assert optimizer.steps == 3
    assert net.history is not None
    assert (net.history.epochs, net.history.stop_reason) == (0, "ZeroDivisionError: third")


def test_a_callback_may_predict_after_a_step_but_not_train() -> None:
    x, y = value_data(rows=64)
    net = regressor()

    class Meddle:
        def on_step_end(self, epoch: int, step: int, loss: float) -> None:
            net.predict(x)
            net.train_step(x, y, optimizer=lm.SGD())

    with pytest.raises(RuntimeError, match="an epoch is running"):
        net.fit(x, y, callbacks=[Meddle()], verbose=False)


def test_a_time_limit_ends_a_fit_of_short_epochs() -> None:
    x, y = value_data()
    net = regressor()
    history = net.fit(x, y, epochs=10**7, time_limit=0.05, verbose=False)
    assert history.stop_reason == "the time limit of 0.05 s was reached"
    assert net.epochs_trained == history.epochs > 0
    assert sum(history.seconds) < 10.0


@pytest.mark.parametrize("own", [False, True], ids=["core", "custom"])
def test_a_time_limit_breaks_off_a_long_epoch_without_a_record(own: bool) -> None:
    x, y = value_data(rows=200_000 if not own else 20_000)
    net, optimizer = regressor(), lm.Adam()
    history = net.fit(
        *(x, y),
        loss=squared_error if own else None,
        optimizer=optimizer,
        batch_size=1,
        time_limit=0.05,
        verbose=False,
    )
    assert (history.epochs, net.epochs_trained) == (0, 0)
    assert history.stop_reason == "the time limit of 0.05 s was reached"
    assert 0 < optimizer.steps < len(x)
    net.fit(x[:100], y[:100], epochs=1, verbose=False)


@pytest.mark.parametrize(
    ("limit", "error"),
    [(0.0, ValueError), (-1, ValueError), ("1 h", TypeError), (np.nan, TypeError)],
)
def test_a_time_limit_that_is_none_is_refused(limit: Any, error: type[Exception]) -> None:
    x, y = value_data()
    with pytest.raises(error, match="fit: expected time_limit"):
        regressor().fit(x, y, time_limit=limit, verbose=False)


def test_another_thread_may_stop_a_fit() -> None:
    x, y = value_data()
    running: list[Any] = []

    class Keep(lm.Callback):
        def on_fit_begin(self, fit: Any) -> None:
            running.append(fit)

    def stop() -> None:
        while not running:
            time.sleep(0.001)
        running[0].stop("by another thread")

    thread = threading.Thread(target=stop)
    thread.start()
    history = regressor().fit(x, y, epochs=10**7, callbacks=[Keep()], verbose=False)
    thread.join()
    assert history.stop_reason == "by another thread"
    assert running[0].stop_reason == "by another thread"


def test_nothing_of_a_fit_is_kept_when_it_has_ended() -> None:
    x, y = value_data()
    seen: list[Any] = []

    class Keep(lm.Callback):
        def on_fit_begin(self, fit: Any) -> None:
            self.fit = fit
            seen.append(weakref.ref(fit))

    regressor().fit(x, y, epochs=1, callbacks=[Keep()], early_stopping=3, verbose=False)
    gc.collect()
    assert [reference() for reference in seen] == [None]


def test_early_stopping_can_be_copied_and_used_again() -> None:
    x, y = class_data()
    early = lm.EarlyStopping(patience=2)
    net = classifier()
    net.fit(x, y, epochs=3, early_stopping=early, verbose=False)
    for twin in (copy.deepcopy(early), pickle.loads(pickle.dumps(early))):
        assert repr(twin) == repr(early)
        assert (twin.best, twin.best_epoch) == (early.best, early.best_epoch)
        assert classifier().fit(x, y, epochs=3, early_stopping=twin, verbose=False).epochs == 3


def test_every_callback_hears_of_the_end_where_one_of_them_raises_there() -> None:
    told: list[str] = []

    class Tell(lm.Callback):
        def on_fit_end(self, fit: Any) -> None:
            told.append("end")
            raise ZeroDivisionError(str(len(told)))

    x, y = value_data()
    net = regressor()
    with pytest.raises(ZeroDivisionError, match="1"):
        net.fit(x, y, epochs=1, callbacks=[Tell(), Tell()], verbose=False)
    assert told == ["end", "end"]
    net.fit(x, y, epochs=1, verbose=False)
