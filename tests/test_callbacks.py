"""Callbacks: when they are called, what they may do, and the ones that come with lamina."""

from typing import Any

import numpy as np
import pytest

import lamina as lm
from networks import bits, class_data, classifier, regressor, value_data


class Recorder:
    """Notes every call; no subclass of anything."""

    def __init__(self) -> None:
        self.calls: list[Any] = []

    def on_fit_begin(self, fit: Any) -> None:
        self.calls.append("fit begin")

    def on_epoch_begin(self, epoch: int) -> None:
        self.calls.append(("begin", epoch))

    def on_epoch_end(self, epoch: int, record: dict[str, float]) -> None:
        self.calls.append(("end", epoch, sorted(record)))

    def on_fit_end(self, fit: Any) -> None:
        self.calls.append(("fit end", fit.history.epochs))


class Raising(lm.Callback):
    """Raises in one of its methods."""

    def __init__(self, method: str) -> None:
        def fail(*arguments: Any) -> None:
            raise ZeroDivisionError(method)

        setattr(self, method, fail)


def fit(net: lm.Sequential, *callbacks: Any, **options: Any) -> lm.History:
    x, y = class_data()
    return net.fit(x, y, **{"epochs": 3, "callbacks": callbacks, "verbose": False, **options})


def test_any_object_with_some_of_the_methods_is_called_in_order() -> None:
    recorder = Recorder()
    fit(classifier(), recorder, epochs=2, validation_fraction=0.2)
    figures = ["learning_rate", "loss", "val_loss"]
    assert recorder.calls == [
        "fit begin",
        *[("begin", 0), ("end", 0, figures)],
        *[("begin", 1), ("end", 1, figures)],
        ("fit end", 2),
    ]


@pytest.mark.parametrize("method", ["on_fit_begin", "on_epoch_begin", "on_epoch_end", "on_fit_end"])
def test_an_exception_in_a_callback_reaches_the_caller_and_the_others_are_told(method: str) -> None:
    net, recorder = classifier(), Recorder()
    with pytest.raises(ZeroDivisionError, match=method):
        fit(net, recorder, Raising(method))
    assert recorder.calls[-1][0] == "fit end"
    fit(net)
    assert np.isfinite(net.predict(class_data()[0])).all()


def test_an_exception_within_an_epoch_keeps_the_weights_of_the_last_whole_step() -> None:
    x, y = class_data(rows=100_000, inputs=50)
    net = lm.Sequential([lm.Dense(200, "relu"), lm.Dense(3, "softmax")], inputs=50)
    optimizer = lm.SGD(0.01)
    with pytest.raises(ZeroDivisionError, match="on_progress"):
        net.fit(x, y, optimizer=optimizer, shuffle=False, callbacks=[Raising("on_progress")])
    steps = optimizer.steps
    assert 0 < steps < 3125
    twin = lm.Sequential([lm.Dense(200, "relu"), lm.Dense(3, "softmax")], inputs=50)
    rows = 32 * steps
    twin.fit(x[:rows], y[:rows], optimizer=lm.SGD(0.01), epochs=1, shuffle=False, verbose=False)
    assert bits(twin) == bits(net)


def test_progress_within_an_epoch_is_told_and_never_falls() -> None:
    x, y = class_data(rows=200_000, inputs=50)
    shares: list[float] = []

    class Watch:
        def on_progress(self, epoch: int, share: float) -> None:
            shares.append(share)

    net = lm.Sequential([lm.Dense(200, "relu"), lm.Dense(3, "softmax")], inputs=50)
    net.fit(x, y, epochs=1, callbacks=[Watch()], verbose=False)
    assert len(shares) > 2
    assert shares == sorted(shares)
    assert shares[0] >= 0.0
    assert shares[-1] <= 1.0


def test_a_callback_can_stop_training() -> None:
    class Stop(lm.Callback):
        def on_fit_begin(self, fit: Any) -> None:
            self.fit = fit

        def on_epoch_end(self, epoch: int, record: Any) -> None:
            if epoch == 1:
                self.fit.stop("enough")

    history = fit(classifier(), Stop(), epochs=9)
    assert (history.epochs, history.stop_reason) == (2, "enough")


def test_a_callback_sees_the_weights_of_its_epoch_and_may_change_them() -> None:
    x, _ = class_data()
    seen: list[bytes] = []

    class Change(lm.Callback):
        def on_epoch_end(self, epoch: int, record: Any) -> None:
            seen.append(bits([net.predict(x)]))
            net.set_parameters({"layers.0.bias": np.zeros(19)})
            assert not net.parameters()["layers.0.bias"].any()
            seen.append(bits([net.predict(x)]))

    net = classifier()
    fit(net, Change(), epochs=2)
    assert len(set(seen)) == 4
    assert bits([net.predict(x)]) == seen[-1]


@pytest.mark.parametrize("use", ["set", "step", "fit"])
def test_a_callback_cannot_train_or_change_weights_within_an_epoch(use: str) -> None:
    x, y = class_data(rows=100_000, inputs=50)
    net = lm.Sequential([lm.Dense(200, "relu"), lm.Dense(3, "softmax")], inputs=50)
    uses: dict[str, Any] = {
        "set": lambda: net.set_parameters({"layers.0.bias": np.zeros(200)}),
        "step": lambda: net.train_step(x[:9], y[:9], optimizer=lm.SGD()),
        "fit": lambda: net.fit(x[:9], y[:9], epochs=1, verbose=False),
    }

    class Meddle:
        def on_progress(self, epoch: int, share: float) -> None:
            net.predict(x[:9])
            uses[use]()

    with pytest.raises(RuntimeError, match="an epoch is running"):
        net.fit(x, y, epochs=1, callbacks=[Meddle()], verbose=False)
    net.fit(x[:99], y[:99], epochs=1, verbose=False)


def test_a_fit_within_a_fit_of_the_same_network_is_refused() -> None:
    net = classifier()

    class Nest(lm.Callback):
        def on_epoch_end(self, epoch: int, record: Any) -> None:
            fit(net, epochs=1)

    with pytest.raises(RuntimeError, match="in a fit already"):
        fit(net, Nest())
    fit(net)


# Early stopping and the loss to reach


def figures(values: list[float]) -> Any:
    """A metric that gives these values on the validation data, and 0 on the training data."""
    left = iter(values)

    def figure(y: Any, outputs: Any) -> float:
        return next(left) if len(y) == 50 else 0.0

    return figure


def stopped(values: list[float], callback: lm.EarlyStopping) -> tuple[lm.History, list[bytes]]:
    """The history of a fit whose val_figure takes these values, and the weights epoch by epoch."""
    x, y = class_data()
    weights: list[bytes] = []

    class Keep(lm.Callback):
        def on_epoch_end(self, epoch: int, record: Any) -> None:
            weights.append(bits(net))

    net = classifier()
    history = net.fit(
        x[:150],
        y[:150],
        validation_data=(x[150:200], y[150:200]),
        metrics=[figures(values)],
        epochs=len(values),
        callbacks=[Keep(), callback],
        verbose=False,
    )
    return history, [*weights, bits(net)]


def test_early_stopping_waits_for_its_patience_and_restores_the_best_weights() -> None:
    early = lm.EarlyStopping("val_figure", patience=2, mode="min")
    history, weights = stopped([5.0, 3.0, 4.0, 2.0, 2.5, 2.1, 1.0, 0.0], early)
    assert history.epochs == 6
    assert "val_figure has not improved for 2 epochs (best 2 in epoch 4)" in history.stop_reason
    assert (early.best, early.best_epoch) == (2.0, 3)
    assert weights[-1] == weights[3]


def test_a_figure_that_is_not_a_number_is_never_the_best() -> None:
    nan = float("nan")
    early = lm.EarlyStopping("val_figure", patience=3, mode="min")
    history, weights = stopped([nan, nan, 3.0, nan, 2.0, nan, nan, nan, 1.0], early)
    assert (early.best, early.best_epoch, history.epochs) == (2.0, 4, 8)
    assert weights[-1] == weights[4]


def test_early_stopping_puts_the_best_weights_back_after_an_interrupt() -> None:
    class Interrupt(lm.Callback):
        def on_epoch_end(self, epoch: int, record: Any) -> None:
            if epoch == 1:
                best.append(bits(net))
            elif epoch == 4:
                raise KeyboardInterrupt

    net, best = classifier(), []
    rising = figures([2.0, 1.0, 3.0, 4.0, 5.0])
    x, y = class_data()
    with pytest.raises(KeyboardInterrupt):
        net.fit(
            x[:150],
            y[:150],
            validation_data=(x[150:200], y[150:200]),
            metrics=[rising],
            callbacks=[Interrupt(), lm.EarlyStopping("val_figure", mode="min")],
            verbose=False,
        )
    assert bits(net) == best[0]


def test_early_stopping_keeps_the_last_weights_where_no_loss_is_finite() -> None:
    x, y = value_data()
    far = x, np.full_like(y, 1e30)  # its square is beyond float32
    stopped, last = regressor(), regressor()
    history = stopped.fit(x, y, epochs=9, validation_data=far, early_stopping=3, verbose=False)
    assert history["val_loss"] == [np.inf] * 3
    assert history.stop_reason == "val_loss was not finite in any of 3 epochs"
    last.fit(x, y, epochs=3, verbose=False)
    assert bits(stopped) == bits(last)


def test_early_stopping_can_leave_the_last_weights() -> None:
    early = lm.EarlyStopping("val_figure", patience=1, mode="min", restore_best_weights=False)
    history, weights = stopped([1.0, 2.0, 0.0], early)
    assert history.epochs == 2
    assert weights[-1] == weights[1] != weights[0]


def test_best_weights_are_restored_also_where_training_ran_to_its_end() -> None:
    history, weights = stopped(
        [1.0, 2.0, 3.0], lm.EarlyStopping("val_figure", patience=9, mode="min")
    )
    assert (history.epochs, history.stop_reason) == (3, "")
    assert weights[-1] == weights[0]


@pytest.mark.parametrize(
    ("options", "epochs"),
    [({"mode": "max"}, 5), ({"mode": "min"}, 2), ({"mode": "max", "min_delta": 0.5}, 3)],
    ids=["max", "min", "min_delta"],
)
def test_early_stopping_knows_what_improvement_is(options: Any, epochs: int) -> None:
    early = lm.EarlyStopping("val_figure", patience=1, **options)
    assert stopped([1.0, 2.0, 2.4, 2.6, 2.6, 9.0], early)[0].epochs == epochs


def test_accuracy_is_better_the_larger_it_is() -> None:
    early = lm.EarlyStopping("accuracy", patience=100)
    history = fit(classifier(), early, epochs=20, metrics=["accuracy"])
    assert early.best == max(history["accuracy"])


def test_the_option_early_stopping_watches_the_validation_loss() -> None:
    x, y = value_data(rows=60)
    random = np.random.default_rng(0).normal(size=(60, 2))
    net = regressor()
    history = net.fit(
        *(x[:30], y[:30]),
        validation_data=(x[30:], random[30:]),
        optimizer=lm.Adam(0.01),
        epochs=500,
        early_stopping=5,
        verbose=False,
    )
    best = int(np.argmin(history["val_loss"]))
    assert history.epochs == best + 6 < 500
    assert net.evaluate(x[30:], random[30:])["loss"] == history["val_loss"][best]


@pytest.mark.parametrize("plateau", [False, True], ids=["EarlyStopping", "ReduceOnPlateau"])
def test_a_figure_that_is_not_there_is_refused_before_training(plateau: bool) -> None:
    net = classifier()
    before = bits(net)
    for monitor, metrics, there in (
        ("val_loss", [], "loss, learning_rate"),
        ("val_accuracy", ["accuracy"], "loss, accuracy, learning_rate"),
    ):
        with pytest.raises(ValueError, match=f"no figure named '{monitor}'; there are {there}$"):
            fit(net, **watching(plateau, monitor, "auto"), metrics=metrics)
    assert (bits(net), net.epochs_trained, net.history) == (before, 0, None)


def watching(plateau: bool, monitor: str, mode: Any) -> dict[str, Any]:
    """Options of fit that watch a figure."""
    if plateau:
        rate = lm.ReduceOnPlateau(0.1, monitor=monitor, mode=mode, patience=0)
        return {"optimizer": lm.SGD(lm.WarmUp(rate, 1))}
    return {"early_stopping": lm.EarlyStopping(monitor, mode=mode)}


@pytest.mark.parametrize("plateau", [False, True], ids=["EarlyStopping", "ReduceOnPlateau"])
def test_which_way_a_figure_is_better_is_known_or_asked_for_before_training(plateau: bool) -> None:
    def my_accuracy(y: Any, outputs: Any) -> float:
        return float((outputs.argmax(axis=1) == y).mean())

    net = classifier()
    for monitor in ("my_accuracy", "val_my_accuracy", "learning_rate"):
        with pytest.raises(ValueError, match=f"mode='min' or mode='max' for '{monitor}'"):
            fit(
                net,
                **watching(plateau, monitor, "auto"),
                metrics=[my_accuracy],
                validation_fraction=0.2,
            )
    assert net.history is None
    fit(net, **watching(plateau, "my_accuracy", "max"), metrics=[my_accuracy])
    named = lm.metrics.Metric(my_accuracy, mode="max")
    fit(net, **watching(plateau, "my_accuracy", "auto"), metrics=[named])


@pytest.mark.parametrize(
    ("name", "larger"),
    [("accuracy", True), ("f1", True), ("roc_auc", True), ("log_loss", False), ("ece", False)],
)
def test_lamina_s_metrics_are_known_to_be_better_one_way(name: str, larger: bool) -> None:
    x, y = class_data()
    early = lm.EarlyStopping("val_" + name, patience=100)
    history = fit(classifier(), early, metrics=[name], epochs=8, validation_data=(x[:99], y[:99]))
    values = history["val_" + name]
    assert early.best == (max if larger else min)(values)
    assert history.best_epoch == early.best_epoch == values.index(early.best)


def test_a_figure_that_callbacks_add_can_be_watched() -> None:
    class Add(lm.Callback):
        def on_epoch_end(self, epoch: int, record: Any) -> None:
            record["added"] = [3.0, 1.0, 2.0, 2.5, 0.0][epoch]

    early = lm.EarlyStopping("added", patience=2, mode="min")
    history = fit(classifier(), Add(), early, epochs=5)
    assert (history.epochs, early.best_epoch) == (4, 1)
    with pytest.raises(ValueError, match="mode='min' or mode='max' for 'added'"):
        fit(classifier(), Add(), lm.EarlyStopping("added"))
    with pytest.raises(ValueError, match="no figure named 'never'; there are loss"):
        fit(classifier(), Add(), lm.EarlyStopping("never", mode="min"))


def test_training_stops_when_the_target_loss_is_reached() -> None:
    x, y = value_data()
    history = regressor().fit(x, y, target_loss=0.3, epochs=500, verbose=False)
    assert history["loss"][-1] <= 0.3 < history["loss"][-2]
    assert "reached the target 0.3" in history.stop_reason


@pytest.mark.parametrize(
    "options", [{"patience": 0}, {"min_delta": -1.0}, {"min_delta": np.nan}, {"mode": "best"}]
)
def test_early_stopping_refuses_options_out_of_range(options: Any) -> None:
    with pytest.raises(ValueError, match="EarlyStopping: expected"):
        lm.EarlyStopping(**options)


# What is shown


def test_verbose_prints_a_line_an_epoch(capsys: pytest.CaptureFixture[str]) -> None:
    history = fit(classifier(), epochs=2, verbose=True)
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == f"epoch 2/2  loss {history['loss'][1]:.6g}  learning_rate 0.001"
    assert len(lines) == 2


def test_nothing_is_shown_where_there_is_no_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    fit(classifier(), epochs=2, verbose="auto")
    assert capfd.readouterr() == ("", "")


def test_a_terminal_shows_one_line_that_ends_with_the_last_epoch(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    fit(classifier(), epochs=3, verbose="auto")
    shown = capsys.readouterr().err
    assert "epoch 3/3" in shown.split("\r")[-1]
    assert shown.count("\n") == 1
