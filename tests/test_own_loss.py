"""Losses of one's own in fit and evaluate, against lamina's."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import lamina as lm
from networks import bits, value_data

pytestmark = pytest.mark.kernels

Array = npt.NDArray[Any]
X, Y = value_data()
OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "in order": {"shuffle": False},
    "held back": {"validation_fraction": 0.2, "metrics": ["rmse"], "early_stopping": 2},
    "accumulated": {"accumulate": 3, "metrics": ["rmse"]},
    "average of steps": {"average": 0.9, "validation_data": (X[:50], Y[:50])},
    "average of epochs": {"average": (0.5, "epoch"), "validation_data": (X[:50], Y[:50])},
    "schedule": {"rate": lm.CosineSchedule(0.01)},
    "one batch": {"batch_size": 1000},
}


def squared_error(outputs: Array, y: Array) -> tuple[float, Array]:
    difference = outputs - y
    return float((difference**2).mean()), 2.0 * difference / difference.size


def network(*, dropout: float = 0.2) -> lm.Sequential:
    layers = [lm.Dense(20, "tanh"), lm.BatchNorm(), lm.Dropout(dropout), lm.Dense(2, l2=1e-3)]
    return lm.Sequential(layers, inputs=7, seed=1, dtype="float64")


def trained(loss: Any, rate: Any = 0.01, **options: Any) -> tuple[lm.Sequential, lm.History]:
    net = network()
    given = options.pop("average", None)
    if given is not None:
        decay, per = given if isinstance(given, tuple) else (given, "step")
        options["average"] = lm.WeightAverage(decay, per=per)
    options = {"epochs": 4, "batch_size": 32, "verbose": False, **options}
    return net, net.fit(X, Y, loss=loss, optimizer=lm.Adam(rate), **options)


@pytest.mark.parametrize("name", OPTIONS)
def test_a_function_trains_as_the_loss_it_computes(name: str) -> None:
    net, history = trained(squared_error, **OPTIONS[name])
    twin, expected = trained("mean_squared_error", **OPTIONS[name])
    assert history.keys() == expected.keys()
    for key in expected:
        # The function sums its float64 in another order.
        np.testing.assert_allclose(history[key], expected[key], rtol=1e-12, err_msg=key)
    for key, value in twin.parameters().items():
        np.testing.assert_allclose(net.parameters()[key], value, rtol=1e-9, atol=1e-12)
    assert net.evaluate(X, Y, loss=squared_error, metrics=["rmse"]) == pytest.approx(
        twin.evaluate(X, Y, metrics=["rmse"])
    )


def test_y_may_be_anything_with_a_row_for_each_of_x() -> None:
    texts = np.where(Y[:, 0] > 0, "up", "down")

    def toward(outputs: Array, y: Array) -> tuple[float, Array]:
        return squared_error(outputs, np.where(y == "up", 1.0, -1.0)[:, None])

    net = network(dropout=0.0)
    losses = net.fit(X, texts, loss=toward, epochs=5, verbose=False)["loss"]
    assert losses[-1] < losses[0]
    with pytest.raises(ValueError, match="expected y for 203 rows as X has, got shape"):
        net.fit(X, texts[1:], loss=toward, verbose=False)
    with pytest.raises(ValueError, match="expected y as an array, got rows of unequal lengths"):
        net.fit(X, [[1], [1, 2]], loss=toward, verbose=False)


def test_predictions_of_callbacks_see_the_epoch_that_ended() -> None:
    class Watch(lm.Callback):
        def on_epoch_end(self, epoch: int, record: Any) -> None:
            seen.append((net.evaluate(X, Y, loss=squared_error)["loss"], record["val_loss"]))

    seen: list[tuple[float, float]] = []
    net = network()
    data = (X, Y)
    net.fit(X, Y, loss=squared_error, validation_data=data, callbacks=[Watch()], verbose=False)
    assert len(seen) == 10
    assert all(a == b for a, b in seen)
    assert len({a for a, _ in seen}) == 10


def test_a_loss_that_is_not_finite_ends_training_with_the_weights_of_the_step_before() -> None:
    calls = []

    def breaks(outputs: Array, y: Array) -> tuple[float, Array]:
        calls.append(len(y))
        value, gradient = squared_error(outputs, y)
        return (np.nan if len(calls) == 10 else value), gradient

    net, twin = network(), network()
    with pytest.raises(lm.NotFiniteError, match="fit, epoch 2, step 3: loss: your function gave"):
        net.fit(X, Y, loss=breaks, optimizer=lm.Adam(), verbose=False, batch_size=32)
    optimizer = lm.Adam()
    for epoch in (1, 2):
        for step, rows in enumerate(lm.batches(len(X), 32, seed=1, epoch=epoch)):
            if (epoch, step) < (2, 2):
                twin.train_step(X[rows], Y[rows], loss=squared_error, optimizer=optimizer)
    assert bits(net) == bits(twin)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            {"optimizer": lm.LBFGS(), "epochs": None},
            TypeError,
            "one of lamina's losses with LBFGS, got a function",
        ),
        ({"class_weight": "balanced"}, ValueError, "no class_weight with a loss of your own"),
        ({"sample_weight": np.ones(203)}, ValueError, "no sample_weight with a custom loss"),
        (
            {"validation_data": (X, Y, np.ones(203))},
            ValueError,
            "fit, validation_data: expected no sample_weight with a custom loss",
        ),
        ({"loss": lambda o, _: 3.0}, TypeError, r"to return \(value, gradient\), got float"),
        ({"loss": lambda o, _: ("low", o)}, TypeError, "your function's value as a number, got 'l"),
        (
            {"loss": lambda o, _: (3.0, np.full(o.shape, "a"))},
            TypeError,
            "loss: expected numbers in your function's gradient, got",
        ),
        ({"loss": lambda o, _: (3.0, o[:1])}, ValueError, "gradient of shape .* got"),
        ({"loss": lm.MeanSquaredError}, TypeError, r"got the class .* write MeanSquaredError\(\)"),
    ],
)
def test_what_does_not_go_with_a_function_is_refused(
    options: dict[str, Any], error: type[Exception], message: str
) -> None:
    net = network()
    before = bits(net)
    with pytest.raises(error, match=message):
        net.fit(X, Y, **{"loss": squared_error, "epochs": 1, "verbose": False, **options})
    assert bits(net) == before
