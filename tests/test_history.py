"""History: the figures of a fit, epoch by epoch."""

import numpy as np

import lamina as lm
from networks import class_data, classifier


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
