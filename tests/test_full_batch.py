"""L-BFGS and Levenberg-Marquardt in fit: what they reach, what they record, what they refuse."""

import sys
from typing import Any

import numpy as np
import pytest

import lamina as lm
from lamina._losses.losses import core_loss
from lamina._network.examples import Examples
from lamina._optimizers.objective import Objective
from networks import bits, class_data, classifier, regressor, same_for_any_threads, value_data

pytestmark = pytest.mark.kernels


def curve(rows: int = 60) -> tuple[Any, Any]:
    x = np.linspace(-3.0, 3.0, rows)[:, None]
    return x, np.sin(x) * np.exp(-0.1 * x**2)


def curve_network(dtype: Any = "float64") -> lm.Sequential:
    return lm.Sequential([lm.Dense(8, "tanh"), lm.Dense(1)], inputs=1, dtype=dtype)


def objective_of(net: lm.Sequential, loss: lm.Loss, *, weights: Any = None, **options: Any) -> Any:
    x, y = value_data()
    classes, values = None, y.astype(net.dtype)
    defaults = {"weight_decay": 0.0, "decay_biases": False, "title": "test"}
    data = Examples(x, classes, values, weights)
    return Objective(net, core_loss(loss), data, **{**defaults, **options})


def test_levenberg_marquardt_beats_adam_by_orders_of_magnitude_on_a_curve_fit() -> None:
    x, y = curve()
    second, first = curve_network(), curve_network()
    history = second.fit(x, y, optimizer=lm.LevenbergMarquardt(1000), verbose=False)
    adam = first.fit(x, y, optimizer=lm.Adam(0.01), epochs=5000, batch_size=60, verbose=False)
    assert history["loss"][-1] < 1e-5 * min(adam["loss"])
    assert second.evaluate(x, y)["loss"] == pytest.approx(history["loss"][-1], rel=1e-3)
    assert len(history["damping"]) == history.epochs


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_lbfgs_reaches_a_lower_loss_than_adam_in_fewer_passes(dtype: Any) -> None:
    x, y = class_data()
    second, first = classifier(dtype=dtype), classifier(dtype=dtype)
    history = second.fit(x, y, optimizer=lm.LBFGS(60), metrics=["accuracy"], verbose=False)
    adam = first.fit(x, y, epochs=100, batch_size=203, optimizer=lm.Adam(0.01), verbose=False)
    assert history["loss"][-1] < 0.1 * adam["loss"][-1]
    assert np.all(np.diff(history["loss"]) <= 0.0)
    assert history["accuracy"][-1] == 1.0
    assert history.epochs == second.epochs_trained <= 60
    # Weights rounded to float32 move a loss of 1e-6 in its third figure.
    assert second.evaluate(x, y)["loss"] == pytest.approx(history["loss"][-1], rel=1e-2)


@pytest.mark.parametrize("optimizer", [lm.LBFGS(200), lm.LevenbergMarquardt(50)])
def test_both_find_the_least_squares_solution_with_weights_and_decay(optimizer: Any) -> None:
    x, y = value_data()
    weights = np.random.default_rng(3).uniform(0.0, 2.0, len(x))
    optimizer.weight_decay = 0.05
    net = lm.Sequential([lm.Dense(2)], inputs=7, dtype="float64")
    net.fit(x, y, optimizer=optimizer, sample_weight=weights, verbose=False)
    # d/dw of sum(weights (x w + b - y)^2) / (sum(weights) 2) + 0.05 / 2 w^2 is 0 there.
    ones = np.hstack([x, np.ones((len(x), 1))]).astype(np.float64)
    left = ones.T @ (weights[:, None] * ones) / weights.sum() + 0.05 * np.diag([1.0] * 7 + [0.0])
    solution = np.linalg.solve(left, ones.T @ (weights[:, None] * y) / weights.sum())
    found = net.parameters()
    np.testing.assert_allclose(found["layers.0.weight"], solution[:7].T, atol=2e-5)
    np.testing.assert_allclose(found["layers.0.bias"], solution[7], atol=2e-5)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_the_objective_is_the_loss_and_its_gradient(reduction: Any) -> None:
    x, y = value_data()
    weights = np.random.default_rng(3).uniform(0.0, 2.0, len(x))
    net, loss = regressor(dtype="float64"), lm.MeanSquaredError(reduction=reduction)
    expected, gradients = net.value_and_grad(x, y, loss=loss, sample_weight=weights)
    flat = np.concatenate([array.ravel() for array in gradients.values()])
    objective = objective_of(net, loss, weights=weights)
    value, gradient = objective.value_and_gradient(objective.start)
    assert value == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(gradient, flat, rtol=1e-10, atol=1e-12)
    squared, moment, product = objective.normal_equations(objective.start)
    assert squared == pytest.approx(expected, rel=1e-12)
    assert objective.squared_loss(objective.start) == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(2.0 * moment, flat, rtol=1e-10, atol=1e-12)
    np.testing.assert_array_equal(product, product.T)


def test_pieces_of_the_data_give_the_loss_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    net = regressor(dtype="float64")
    whole = objective_of(net, lm.MeanSquaredError(), weight_decay=0.1, decay_biases=True)
    value, gradient = whole.value_and_gradient(whole.start)
    equations = whole.normal_equations(whole.start)
    monkeypatch.setattr("lamina._optimizers.objective._ROWS", 64)
    monkeypatch.setattr("lamina._optimizers.objective._MULTIPLY_ADDS", 1.0)
    monkeypatch.setattr("lamina._optimizers.objective._JACOBIAN_BYTES", 10000)
    pieces = whole.value_and_gradient(whole.start)
    assert pieces[0] == pytest.approx(value, rel=1e-13)
    np.testing.assert_allclose(pieces[1], gradient, rtol=1e-10, atol=1e-13)
    for part, all_rows in zip(whole.normal_equations(whole.start), equations, strict=True):
        np.testing.assert_allclose(part, all_rows, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("make", [lm.LBFGS, lm.LevenbergMarquardt])
def test_any_number_of_threads_gives_the_same_bits(make: Any) -> None:
    x, y = value_data()

    def trained() -> bytes:
        net = regressor()
        net.fit(x, y, optimizer=make(4), verbose=False)
        return bits(net)

    assert same_for_any_threads(trained)


@pytest.mark.parametrize("make", [lm.LBFGS, lm.LevenbergMarquardt])
def test_target_loss_validation_and_early_stopping_work(make: Any) -> None:
    x, y = curve()
    net = curve_network("float32")
    history = net.fit(x, y, optimizer=make(), target_loss=1e-3, verbose=False)
    assert "reached the target" in history.stop_reason
    assert history["loss"][-1] <= 1e-3 < history["loss"][-2]
    noisy = y + np.random.default_rng(0).normal(0.0, 0.2, y.shape)
    net = lm.Sequential([lm.Dense(12, "tanh"), lm.Dense(1)], inputs=1)
    history = net.fit(
        x,
        noisy,
        optimizer=make(300),
        validation_data=(x[::2] + 0.05, y[::2]),
        metrics=["r2"],
        early_stopping=5,
        verbose=False,
    )
    assert "val_loss has not improved" in history.stop_reason
    best = net.evaluate(x[::2] + 0.05, y[::2])["loss"]
    assert best == pytest.approx(min(history["val_loss"]), rel=1e-6)
    assert len(history["val_r2"]) == history.epochs


@pytest.mark.parametrize("make", [lm.LBFGS, lm.LevenbergMarquardt])
def test_an_interrupt_keeps_the_weights_of_the_last_iteration(make: Any) -> None:
    x, y = curve()
    seen: list[bytes] = []

    class Interrupt:
        def on_fit_begin(self, fit: Any) -> None:
            self.net = fit.net

        def on_epoch_end(self, epoch: int, record: dict[str, float]) -> None:
            seen.append(bits(self.net))
            if epoch == 2:
                raise KeyboardInterrupt

    net = curve_network()
    with pytest.raises(KeyboardInterrupt):
        net.fit(x, y, optimizer=make(), callbacks=[Interrupt()], verbose=False)
    assert bits(net) == seen[2] != seen[1]
    net.fit(x, y, optimizer=make(2), verbose=False)


def test_a_loss_that_is_not_finite_keeps_the_weights() -> None:
    x, y = value_data()
    net = regressor()
    net.set_parameters({"layers.1.bias": np.full(2, 1e30)})
    before = bits(net)
    with pytest.raises(lm.NotFiniteError, match="not finite"):
        net.fit(x, np.abs(y), loss=lm.Poisson(), optimizer="lbfgs", verbose=False)
    assert bits(net) == before
    net = lm.Sequential([lm.Dense(4, "relu"), lm.Dense(2)], inputs=7, dtype="float64")
    net.set_parameters(
        {"layers.0.bias": np.full(4, 1e300), "layers.1.weight": np.full((2, 4), 1e9)}
    )
    before = bits(net)
    with pytest.raises(lm.NotFiniteError, match="an output of the network is not finite"):
        net.fit(x, y, optimizer=lm.LevenbergMarquardt(), verbose=False)
    assert bits(net) == before


@pytest.mark.parametrize("loss", [lm.Poisson(), lm.Tweedie(), lm.Gamma()], ids=str)
def test_a_line_search_of_lbfgs_that_goes_too_far_turns_back(loss: lm.Loss) -> None:
    x, y = value_data()
    rates = np.random.default_rng(0).gamma(0.5, 50.0, y.shape) + 1e-6
    net = lm.Sequential([lm.Dense(2, initializer="zeros")], inputs=7)
    # Steep enough that the first trial's exponentials overflow.
    before = net.evaluate(x * 1e3, rates, loss=loss)["loss"]
    net.fit(x * 1e3, rates, loss=loss, optimizer=lm.LBFGS(50), verbose=False)
    assert net.evaluate(x * 1e3, rates, loss=loss)["loss"] < before


def test_a_start_at_the_minimum_is_recorded_once() -> None:
    x, y = value_data()
    for make in (lm.LBFGS, lm.LevenbergMarquardt):
        net = lm.Sequential([lm.Dense(2)], inputs=7)
        net.set_parameters({name: np.zeros_like(a) for name, a in net.parameters().items()})
        history = net.fit(x, np.zeros_like(y), optimizer=make(), verbose=False)
        assert (history.epochs, history["loss"]) == (1, [0.0])
        assert "within the tolerance" in history.stop_reason


@pytest.mark.parametrize("name", ["lbfgs", "levenberg_marquardt"])
def test_they_can_be_named(name: str) -> None:
    x, y = curve()
    history = curve_network().fit(x, y, optimizer=name, verbose=False)
    assert history["loss"][-1] < 1e-4


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("epochs", 5),
        ("batch_size", 32),
        ("shuffle", True),
        ("accumulate", 2),
        ("average", lm.WeightAverage()),
    ],
)
def test_options_of_batches_are_refused(option: str, value: Any) -> None:
    x, y = curve()
    net = lm.Sequential([lm.Dense(1)])
    with pytest.raises(ValueError, match=f"fit: {option} cannot be used with LBFGS"):
        net.fit(x, y, optimizer=lm.LBFGS(), **{option: value})
    assert net.inputs is None


@pytest.mark.parametrize("make", [lm.LBFGS, lm.LevenbergMarquardt])
def test_dropout_is_refused(make: Any) -> None:
    x, y = value_data()
    net = lm.Sequential([lm.Dropout(0.5), lm.Dense(2)])
    with pytest.raises(ValueError, match=f"{make.__name__}: expected a network .*leave out 'drop"):
        net.fit(x, y, optimizer=make(), verbose=False)
    assert net.inputs is None


def test_levenberg_marquardt_refuses_other_losses_and_large_problems() -> None:
    x, y = class_data()
    with pytest.raises(ValueError, match="the loss 'mean_squared_error', got 'cross_entropy'"):
        classifier().fit(x, y, optimizer=lm.LevenbergMarquardt(), verbose=False)
    x, y = curve()
    net = lm.Sequential([lm.Dense(9999, "tanh"), lm.Dense(1)], inputs=1)
    with pytest.raises(ValueError, match=r"29,998 weights take about 29\.0 GB, above memory_limit"):
        net.fit(x, y, optimizer=lm.LevenbergMarquardt(), verbose=False)


@pytest.mark.parametrize("make", [lm.LBFGS, lm.LevenbergMarquardt])
def test_single_steps_are_refused(make: Any) -> None:
    x, y = value_data()
    net = regressor()
    with pytest.raises(TypeError, match="expected to be used in fit"):
        net.train_step(x, y, optimizer=make())
    net.value_and_grad(x, y)
    with pytest.raises(TypeError, match="expected to be used in fit"):
        make().step(net)


def test_without_scipy_a_sentence_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    x, y = curve()
    with pytest.raises(ImportError, match=r"not installed; run pip install lamina\[scipy\]"):
        curve_network().fit(x, y, optimizer="lbfgs", verbose=False)


@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (lm.LBFGS, {"max_iterations": 0}, "max_iterations as a whole number of at least 1, got 0"),
        (lm.LBFGS, {"tolerance": -1.0}, "tolerance as a finite number of at least 0, got -1.0"),
        (lm.LBFGS, {"memory": 1.5}, "memory as a whole number"),
        (lm.LBFGS, {"decay_biases": 2}, "decay_biases as True or False, got 2"),
        (lm.LevenbergMarquardt, {"damping": 0.0}, "a damping above 0, got 0.0"),
        (lm.LevenbergMarquardt, {"weight_decay": np.nan}, "weight_decay as a finite number"),
    ],
)
def test_wrong_options_are_refused(make: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"{make.__name__}: expected {message}"):
        make(**options)


def test_repr_shows_the_options() -> None:
    assert repr(lm.LBFGS(7)).startswith("LBFGS(max_iterations=7, tolerance=1e-05")
