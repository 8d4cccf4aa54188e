"""History: the figures of a fit, epoch by epoch."""

import copy
import json
import pickle
from typing import Any

import numpy as np
import pytest

import lamina as lm
from networks import bits, class_data, classifier


def history_of_a_fit() -> lm.History:
    x, y = class_data()
    return classifier().fit(
        x, y, epochs=3, validation_fraction=0.2, metrics=["accuracy"], verbose=False
    )


def test_a_history_has_every_figure_for_every_epoch() -> None:
    history = history_of_a_fit()
    assert list(history) == ["loss", "accuracy", "val_loss", "val_accuracy", "learning_rate"]
    assert {len(values) for values in history.values()} == {3}
    assert history.epochs == len(history.seconds) == 3
    assert all(second > 0.0 for second in history.seconds)
    assert np.isfinite(list(history.values())).all()


def test_the_learning_rate_is_that_of_the_last_step_of_each_epoch() -> None:
    x, y = class_data(rows=64)
    rates = lm.ExponentialSchedule(0.1, factor=0.5)
    history = classifier().fit(
        x, y, optimizer=lm.SGD(rates), batch_size=32, epochs=2, verbose=False
    )
    assert history["learning_rate"] == [0.05, 0.0125]
    plateau = lm.ReduceOnPlateau(0.1, patience=0, factor=0.5, threshold=0.999)
    history = classifier().fit(x, y, optimizer=lm.SGD(plateau), epochs=4, verbose=False)
    assert history["learning_rate"] == [0.1, 0.1, 0.05, 0.025]


def test_a_history_is_a_mapping() -> None:
    history = history_of_a_fit()
    assert dict(history)["loss"] == history["loss"]
    assert len(history) == 5
    assert "val_r2" not in history


def test_repr_shows_the_last_figures() -> None:
    history = history_of_a_fit()
    assert f"3 epochs; loss {history['loss'][-1]:.6g}" in repr(history)


def test_the_loss_is_the_mean_over_the_rows_as_they_were_trained_on() -> None:
    x, y = class_data()
    net = classifier()
    start = net.evaluate(x, y)["loss"]
    history = net.fit(x, y, optimizer=lm.SGD(0.0), epochs=1, verbose=False)
    # Batches are summed one by one: another order of the same 203 terms, float32 exponentials.
    np.testing.assert_allclose(history["loss"], [start], rtol=1e-6)


def test_a_fit_that_ran_to_its_end_has_no_reason_to_have_stopped() -> None:
    assert history_of_a_fit().stop_reason == ""


def test_a_history_is_plain_lists_where_they_are_asked_for() -> None:
    history = history_of_a_fit()
    plain = history.to_dict()
    assert plain == dict(history)
    assert json.loads(json.dumps(plain)) == plain
    plain["loss"].clear()
    assert len(history["loss"]) == 3
    again = pickle.loads(pickle.dumps(history))
    assert (again.to_dict(), again.seconds) == (history.to_dict(), history.seconds)


def test_a_figure_that_some_epochs_lack_is_nan_there() -> None:
    history = lm.History()
    for record in ({"loss": 2.0}, {"loss": 1.0, "extra": 3.0}, {"loss": 0.5}):
        history.append(record, 0.1)
    assert history["extra"] == pytest.approx([np.nan, 3.0, np.nan], nan_ok=True)
    assert history.epochs == 3


def test_a_network_has_no_history_before_its_first_fit_and_the_last_one_after_it() -> None:
    x, y = class_data()
    net = classifier()
    assert net.history is None
    first = net.fit(x, y, epochs=2, verbose=False)
    assert net.history is first
    second = net.fit(x, y, epochs=1, verbose=False)
    assert net.history is second is not first
    with pytest.raises(ValueError, match="unknown name"):
        net.fit(x, y, metrics=["acuracy"])
    assert net.history is second


def test_copies_pickles_and_files_have_no_history(tmp_path: Any) -> None:
    x, y = class_data()
    net = classifier()
    net.fit(x, y, epochs=1, verbose=False)
    net.save(tmp_path / "net.safetensors")
    for twin in (
        net.copy(),
        copy.deepcopy(net),
        pickle.loads(pickle.dumps(net)),
        lm.load(tmp_path / "net.safetensors"),
    ):
        assert twin.history is None
        assert bits(twin) == bits(net)
    assert net.history is not None


class At(lm.Callback):
    """Does something at the end of epoch 2, the third."""

    def __init__(self, act: Any) -> None:
        self.act = act

    def on_epoch_end(self, epoch: int, record: Any) -> None:
        if epoch == 2:
            self.act()


def fail(error: BaseException) -> Any:
    def act() -> None:
        raise error

    return act


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (KeyboardInterrupt(), "interrupted"),
        (ZeroDivisionError("by 0"), "ZeroDivisionError: by 0"),
        (SystemExit(), "SystemExit"),
    ],
)
def test_a_fit_that_was_broken_off_keeps_its_history(error: BaseException, reason: str) -> None:
    x, y = class_data()
    net, twin = classifier(), classifier()
    with pytest.raises(type(error)):
        net.fit(x, y, epochs=9, callbacks=[At(fail(error))], metrics=["accuracy"], verbose=False)
    whole = twin.fit(x, y, epochs=3, metrics=["accuracy"], verbose=False)
    assert net.history is not None
    assert net.history.to_dict() == whole.to_dict()
    assert net.history.stop_reason == reason
    assert bits(net) == bits(twin)


@pytest.mark.parametrize("own", [False, True], ids=["", "own loss"])
def test_a_loss_that_diverged_keeps_the_history_up_to_it(own: bool) -> None:
    x = np.linspace(-1.0, 1.0, 64)[:, None]

    def squared(outputs: Any, y: Any) -> Any:
        return float(((outputs - y) ** 2).mean()), 2.0 * (outputs - y) / len(y)

    net = lm.Sequential([lm.Dense(1)], seed=0)
    with pytest.raises(lm.NotFiniteError), np.errstate(all="ignore"):
        net.fit(
            *(x, 3.0 * x),
            loss=squared if own else None,
            optimizer=lm.SGD(30.0),
            epochs=500,
            verbose=False,
        )
    assert net.history is not None
    assert 0 < net.history.epochs < 500
    assert net.history["loss"][-1] > net.history["loss"][0]
    assert net.history.stop_reason.startswith("NotFiniteError: ")


def test_a_running_fit_has_its_history_already() -> None:
    x, y = class_data()
    net, seen = classifier(), []

    class Watch(lm.Callback):
        def on_epoch_end(self, epoch: int, record: Any) -> None:
            assert net.history is not None
            seen.append(net.history.epochs)

    net.fit(x, y, epochs=3, callbacks=[Watch()], verbose=False)
    assert seen == [1, 2, 3]


@pytest.mark.parametrize("broken_off", [False, True])
def test_the_best_epoch_is_that_whose_weights_were_put_back(broken_off: bool) -> None:
    x, y = class_data()
    early = lm.EarlyStopping("val_loss", patience=50)
    net = classifier()
    options: dict[str, Any] = {
        "validation_data": (x[:50], (y[:50] + 1) % 3),
        "early_stopping": early,
        "epochs": 5,
        "verbose": False,
    }
    if broken_off:
        with pytest.raises(KeyboardInterrupt):
            net.fit(x, y, callbacks=[At(fail(KeyboardInterrupt()))], **options)
    else:
        net.fit(x, y, **options)
    history = net.history
    assert history is not None
    assert history.epochs == 3 if broken_off else 5
    assert history.best_epoch == early.best_epoch == int(np.argmin(history["val_loss"]))
    found = net.evaluate(x[:50], (y[:50] + 1) % 3)["loss"]
    assert found == history["val_loss"][history.best_epoch]
    left = lm.EarlyStopping(restore_best_weights=False)
    assert net.fit(x, y, epochs=2, early_stopping=left, verbose=False).best_epoch is None


def test_an_interrupt_within_an_epoch_s_record_leaves_whole_epochs() -> None:
    history = lm.History()
    history.append({"loss": 2.0, "accuracy": 0.5}, 0.1)

    class Torn(dict[str, float]):
        def get(self, name: str, default: Any = None) -> Any:
            if name == "accuracy":
                raise KeyboardInterrupt
            return super().get(name, default)

    with pytest.raises(KeyboardInterrupt):
        history.append(Torn(loss=1.0, accuracy=0.6), 0.1)
    assert history.to_dict() == {"loss": [2.0], "accuracy": [0.5]}
    history.append({"loss": 0.9, "accuracy": 0.7}, 0.1)
    assert history.to_dict() == {"loss": [2.0, 0.9], "accuracy": [0.5, 0.7]}
