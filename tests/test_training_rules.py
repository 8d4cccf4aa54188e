"""Rules of training that another library may have: orders of rows, scaled losses and penalties."""

import warnings
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.neural_network import MLPClassifier, MLPRegressor

import lamina as lm
from networks import bits, class_data, classifier, regressor, value_data

pytestmark = pytest.mark.kernels

Array = npt.NDArray[Any]
OPTIONS: dict[str, Any] = {"batch_size": 16, "verbose": False}


# Orders of rows


def test_a_function_gives_the_rows_of_each_epoch() -> None:
    x, y = class_data(rows=50)
    orders = [np.random.default_rng(seed).permutation(50) for seed in range(3)]
    asked = []

    def order(epoch: int) -> Array:
        asked.append(epoch)
        return orders[epoch]

    net, twin = classifier(), classifier()
    optimizer = lm.Adam()
    history = net.fit(x, y, shuffle=order, epochs=3, validation_data=(x, y), **OPTIONS)
    assert asked == [0, 1, 2]
    for rows in orders:
        twin.fit(x[rows], y[rows], shuffle=False, optimizer=optimizer, epochs=1, **OPTIONS)
    assert bits(twin) == bits(net)
    # The next call counts from 0 again, over the rows that are left for training.
    net.fit(
        x, y, shuffle=lambda epoch: range(40 - epoch), validation_fraction=0.2, epochs=1, **OPTIONS
    )
    assert len(history["loss"]) == 3


def test_a_custom_loss_takes_the_same_order() -> None:
    x, y = value_data(rows=50)

    def squared(outputs: Array, targets: Array) -> tuple[float, Array]:
        return float(((outputs - targets) ** 2).mean()), 2 * (outputs - targets) / targets.size

    nets = [regressor(dtype="float64"), regressor(dtype="float64")]
    for net, loss in zip(nets, (squared, "mse"), strict=True):
        net.fit(
            x, y, loss=loss, epochs=2, shuffle=lambda epoch: np.roll(range(50), epoch), **OPTIONS
        )
    for name, array in nets[0].parameters().items():
        np.testing.assert_allclose(array, nets[1].parameters()[name], rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("loss", ["mse", lambda outputs, y: (0.0, 0 * outputs)])
@pytest.mark.parametrize(
    ("order", "error", "message"),
    [
        (np.arange(49), ValueError, "each of the 50 rows once.* got 49 row numbers"),
        (np.arange(0), ValueError, "each of the 50 rows once.* got 0 row numbers"),
        (np.arange(50) + 1, ValueError, "once, by numbers from 0, got row number 50"),
        (np.arange(50) - 1, ValueError, "once, by numbers from 0, got row number -1"),
        (np.arange(50, dtype=np.uint64) + 2**63, ValueError, "got row number 9223372036854775807"),
        (np.maximum(1, np.arange(50)), ValueError, "got row 1 twice"),
        (np.arange(50.0), TypeError, r"whole row numbers \[50\], got float64 of shape \[50\]"),
        (np.arange(50)[None], TypeError, r"got int64 of shape \[1, 50\]"),
        (None, TypeError, "got object of shape"),
    ],
    ids=str,
)
def test_an_order_that_is_none_is_refused(
    loss: Any, order: Any, error: type[Exception], message: str
) -> None:
    x, y = value_data(rows=50)
    net = regressor()
    before = bits(net)
    with pytest.raises(error, match=message):
        net.fit(x, y, loss=loss, shuffle=lambda epoch: order, epochs=1, **OPTIONS)
    assert bits(net) == before


def test_an_error_of_the_function_reaches_the_caller() -> None:
    x, y = value_data(rows=50)
    with pytest.raises(ZeroDivisionError):
        regressor().fit(x, y, shuffle=lambda epoch: range(1 // 0), epochs=1, **OPTIONS)


# Losses and penalties


def penalised(l2: float = 0.01, l1: float = 0.0) -> lm.Sequential:
    layers = [lm.Dense(8, "tanh", l1=l1, l2=l2), lm.Dense(2, l2=l2)]
    return lm.Sequential(layers, inputs=7, seed=1, dtype="float64")


def penalty_of(net: lm.Sequential, l2: float, l1: float) -> float:
    first, second = (net.parameters()[f"layers.{i}.weight"] for i in (0, 1))
    squares = float((first**2).sum() + (second**2).sum())
    return l2 * squares + l1 * float(np.abs(first).sum())


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_a_scale_is_a_factor_of_loss_and_gradient_but_not_of_penalties(reduction: Any) -> None:
    x, y = value_data()
    plain, scaled = lm.Huber(reduction=reduction), lm.Huber(reduction=reduction, scale=3.0)
    for l2 in (0.0, 0.01):
        net = penalised(l2)
        value, gradients = net.value_and_grad(x, y, loss=plain)
        larger, steeper = net.value_and_grad(x, y, loss=scaled)
        penalty = penalty_of(net, l2, 0.0)
        np.testing.assert_allclose(larger, 3 * (value - penalty) + penalty, rtol=1e-12)
        for name, array in net.parameters().items():
            part = 2 * l2 * array if name.endswith("weight") else 0.0
            np.testing.assert_allclose(
                steeper[name], 3 * (gradients[name] - part) + part, rtol=1e-9, atol=1e-12
            )
    assert net.evaluate(x, y, loss=scaled)["loss"] == pytest.approx(
        3 * net.evaluate(x, y, loss=plain)["loss"], rel=1e-12
    )
    np.testing.assert_allclose(
        net.sample_gradients(x, y, loss=scaled)["layers.0.weight"],
        3 * net.sample_gradients(x, y, loss=plain)["layers.0.weight"],
        rtol=1e-9,
        atol=1e-12,
    )


@pytest.mark.parametrize("weights", [None, "given"])
def test_a_divided_penalty_counts_like_one_row_of_the_batch(weights: str | None) -> None:
    x, y = value_data(rows=41)
    weight = np.random.default_rng(0).uniform(0.5, 2.0, 41)
    given = weight if weights else None
    total = weight.sum() if weights else 41.0
    loss = lm.MeanSquaredError(divide_penalty=True)
    net, free = penalised(l1=0.02), penalised(0.0)
    value, gradients = net.value_and_grad(x, y, loss=loss, sample_weight=given)
    without, plain = free.value_and_grad(x, y, sample_weight=given)
    np.testing.assert_allclose(value, without + penalty_of(net, 0.01, 0.02) / total, rtol=1e-12)
    for name, array in net.parameters().items():
        part = 0.02 * array * name.endswith("weight")
        if name == "layers.0.weight":
            part = part + 0.02 * np.sign(array)
        np.testing.assert_allclose(gradients[name], plain[name] + part / total, atol=1e-13)


@pytest.mark.parametrize("clip_norm", [0.0, 1.0])
def test_batches_joined_to_one_update_divide_penalties_by_all_their_rows(clip_norm: float) -> None:
    x, y = value_data(rows=100)
    weight = np.random.default_rng(0).uniform(0.5, 2.0, 100)
    options: dict[str, Any] = {
        "loss": lm.MeanSquaredError(divide_penalty=True),
        "sample_weight": weight,
        "epochs": 3,
        "verbose": False,
    }
    joined, split = penalised(0.3), penalised(0.3)
    one = joined.fit(x, y, optimizer=lm.SGD(0.1, clip_norm=clip_norm), batch_size=40, **options)
    two = split.fit(
        x, y, optimizer=lm.SGD(0.1, clip_norm=clip_norm), batch_size=8, accumulate=5, **options
    )
    np.testing.assert_allclose(one["loss"], two["loss"], rtol=1e-12)
    np.testing.assert_allclose(one["penalty"], two["penalty"], rtol=1e-12)
    by_hand = penalised(0.3)
    by_hand.value_and_grad(x[:60], y[:60], loss=options["loss"], sample_weight=weight[:60])
    _, gradients = by_hand.value_and_grad(
        x[60:], y[60:], loss=options["loss"], sample_weight=weight[60:], accumulate=True
    )
    _, whole = by_hand.value_and_grad(x, y, loss=options["loss"], sample_weight=weight)
    for name, array in whole.items():
        np.testing.assert_allclose(gradients[name], array, atol=1e-13)


def test_full_batch_methods_minimise_the_same_objective() -> None:
    x, y = value_data(rows=700)
    loss = lm.MeanSquaredError(scale=2.0, divide_penalty=True)
    net = penalised(0.3)
    history = net.fit(x, y, loss=loss, optimizer=lm.LBFGS(max_iterations=3), verbose=False)
    value, gradients = net.value_and_grad(x, y, loss=loss)
    assert history["loss"][-1] == pytest.approx(value, rel=1e-12)
    assert history["penalty"][-1] == pytest.approx(penalty_of(net, 0.3, 0.0) / 700, rel=1e-12)
    assert max(np.abs(array).max() for array in gradients.values()) < 2.0
    direction = {name: np.ones_like(array) for name, array in net.parameters().items()}
    product = net.hessian_vector_product(x, y, direction, loss=loss)
    moved = net.copy()
    moved.set_parameters({n: a + 1e-5 * direction[n] for n, a in net.parameters().items()})
    _, further = moved.value_and_grad(x, y, loss=loss)
    for name in gradients:
        slope = (further[name] - gradients[name]) / 1e-5
        np.testing.assert_allclose(product[name], slope, rtol=1e-2, atol=1e-3)


def test_the_history_has_the_penalties_part_of_the_loss() -> None:
    x, y = value_data(rows=90)
    seen: list[tuple[float, float]] = []

    class Steps:
        def on_fit_begin(self, fit: Any) -> None:
            self.fit = fit

        def on_step_end(self, epoch: int, step: int, loss: float) -> None:
            seen.append((loss, self.fit.step_penalty))

    net = penalised()
    history = net.fit(x, y, epochs=2, batch_size=30, callbacks=[Steps()], verbose=False)
    losses, penalties = np.array(seen).reshape(2, 3, 2).mean(axis=1).T
    np.testing.assert_allclose(history["loss"], losses, rtol=1e-12)
    np.testing.assert_allclose(history["penalty"], penalties, rtol=1e-12)
    assert seen[0][1] == pytest.approx(penalty_of(penalised(), 0.01, 0.0), rel=1e-12)
    assert "penalty" not in regressor().fit(x, y, epochs=1, verbose=False)


def test_the_loss_of_a_custom_function_has_its_penalty_beside_it() -> None:
    x, y = value_data(rows=90)

    def squared(outputs: Array, targets: Array) -> tuple[float, Array]:
        return float(((outputs - targets) ** 2).mean()), 2 * (outputs - targets) / targets.size

    first, second = (
        penalised().fit(x, y, loss=loss, epochs=2, batch_size=30, verbose=False)
        for loss in (squared, "mse")
    )
    for name in ("loss", "penalty"):
        np.testing.assert_allclose(first[name], second[name], rtol=1e-9)


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (lm.MeanSquaredError(scale=0.0), "expected 'scale' between 1e-12 and 1000000000000"),
        (lm.MeanSquaredError(scale=-1.0), "expected 'scale' between 1e-12 and 1000000000000"),
        (lm.Huber(scale=1e13), "expected 'scale' between 1e-12 and 1000000000000"),
        (lm.Huber(reduction="sum", divide_penalty=True), "'mean' with divide_penalty, got 'sum'"),
    ],
    ids=str,
)
def test_scales_and_reductions_that_do_not_go_together_are_refused(
    loss: lm.Loss, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        regressor().evaluate(*value_data(), loss=loss)


def test_the_text_of_a_loss_shows_its_own_options_and_what_is_not_as_usual() -> None:
    assert repr(lm.Huber(2.0)) == "Huber(delta=2.0, reduction='mean')"
    scaled = repr(lm.MeanSquaredError(scale=0.5, divide_penalty=True))
    assert scaled == "MeanSquaredError(reduction='mean', scale=0.5, divide_penalty=True)"


# Steps of optimizers


def gradient_of(net: lm.Sequential, x: Array, y: Array) -> Array:
    return net.value_and_grad(x, y)[1]["layers.0.weight"]


@pytest.mark.parametrize(
    "make", [lm.Adam, lm.NAdam, lambda *a, **k: lm.Adam(*a, amsgrad=True, **k)]
)
def test_epsilon_hat_is_added_before_the_correction_of_the_second_moment(
    make: Callable[..., lm.Optimizer],
) -> None:
    x, y = value_data()
    epsilon = 0.01
    hat, plain = regressor(dtype="float64"), regressor(dtype="float64")
    first = hat.parameters()["layers.0.weight"]
    hat.train_step(x, y, optimizer=make(0.1, epsilon=epsilon, epsilon_hat=True))
    # At the first step the correction is known.
    plain.train_step(x, y, optimizer=make(0.1, epsilon=epsilon / np.sqrt(1 - 0.999)))
    step = hat.parameters()["layers.0.weight"] - first
    np.testing.assert_allclose(
        step, plain.parameters()["layers.0.weight"] - first, rtol=1e-9, atol=1e-15
    )
    assert np.abs(step).max() < 0.09


@pytest.mark.parametrize("nesterov", [False, True])
def test_a_velocity_with_the_rate_keeps_the_rates_of_the_steps_before(nesterov: bool) -> None:
    x, y = value_data()
    rates = [0.1, 0.02, 0.0, 0.05]
    optimizer = lm.SGD(
        lambda step: rates[step], momentum=0.9, nesterov=nesterov, rate_in_velocity=True
    )
    net = regressor(dtype="float64")
    velocity: Array = np.zeros((19, 7))
    for rate in rates:
        before, gradient = net.parameters()["layers.0.weight"], gradient_of(net, x, y)
        net.train_step(x, y, optimizer=optimizer)
        velocity = 0.9 * velocity - rate * gradient
        step = 0.9 * velocity - rate * gradient if nesterov else velocity
        np.testing.assert_allclose(
            net.parameters()["layers.0.weight"] - before, step, atol=1e-15, rtol=1e-12
        )


def test_a_velocity_without_momentum_is_the_plain_step() -> None:
    x, y = value_data()
    nets = [regressor(), regressor()]
    for net, inside in zip(nets, (False, True), strict=True):
        net.fit(x, y, optimizer=lm.SGD(0.1, rate_in_velocity=inside), epochs=2, verbose=False)
    assert bits(nets[0]) == bits(nets[1])


# All of it: scikit-learn's training


def first_weights(sizes: list[int], seed: int) -> dict[str, Array]:
    """The weights that scikit-learn begins with, but after "logistic"."""
    random, weights = np.random.RandomState(seed), {}
    for i, (inputs, outputs) in enumerate(pairwise(sizes)):
        bound = np.sqrt(6.0 / (inputs + outputs))
        weights[f"layers.{i}.weight"] = random.uniform(-bound, bound, (inputs, outputs)).T
        weights[f"layers.{i}.bias"] = random.uniform(-bound, bound, outputs)
    return weights


SOLVERS: dict[str, tuple[dict[str, Any], Callable[[], lm.Optimizer]]] = {
    "adam": (
        {"solver": "adam", "learning_rate_init": 0.01, "epsilon": 1e-3},
        lambda: lm.Adam(0.01, epsilon=1e-3, epsilon_hat=True),
    ),
    "sgd": (
        {"solver": "sgd", "learning_rate_init": 0.01, "learning_rate": "invscaling"},
        lambda: lm.SGD(
            lambda step: 0.01 / (step // 4 * 50 + 1) ** 0.5,
            momentum=0.9,
            nesterov=True,
            rate_in_velocity=True,
        ),
    ),
}


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("kind", ["classes", "labels", "values"])
def test_losses_are_those_of_scikit_learn(solver: str, kind: str) -> None:
    theirs, optimizer = SOLVERS[solver]
    x, y = value_data(rows=50, outputs=3)
    x, weight = x.astype(np.float64), np.random.default_rng(2).uniform(0.5, 2.0, 50)
    common = {"hidden_layer_sizes": 9, "activation": "tanh", "alpha": 0.3, "batch_size": 16}
    common |= {"max_iter": 5, "shuffle": False, "random_state": 3, "n_iter_no_change": 99}
    if kind == "values":
        peer, last, loss = MLPRegressor(**common, **theirs), "identity", lm.MeanSquaredError
        targets, scale = y, 0.5 * 3
    elif kind == "labels":
        peer, last, loss = MLPClassifier(**common, **theirs), "sigmoid", lm.BinaryCrossEntropy
        targets, scale = (y > 0).astype(int), 3
    else:
        peer, last, loss = MLPClassifier(**common, **theirs), "softmax", lm.CrossEntropy
        targets, scale = y.argmax(axis=1), 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peer.fit(x, targets, sample_weight=weight)
    net = lm.Sequential(
        [lm.Dense(9, "tanh", l2=0.15), lm.Dense(3, last, l2=0.15)], inputs=7, dtype="float64"
    )
    net.set_parameters(first_weights([7, 9, 3], 3))
    steps: list[list[float]] = []

    class Steps:
        def on_fit_begin(self, fit: Any) -> None:
            self.fit = fit

        def on_step_end(self, epoch: int, step: int, loss: float) -> None:
            steps.append([loss, self.fit.step_penalty])

    net.fit(
        x,
        targets,
        loss=loss(scale=scale, divide_penalty=True),
        optimizer=optimizer(),
        sample_weight=weight,
        shuffle=lambda epoch: range(50),
        callbacks=[Steps()],
        epochs=5,
        batch_size=16,
        verbose=False,
    )
    # They report the mean over rows, whatever their weights, and over values.
    parts = np.array(steps).reshape(5, 4, 2)
    reported = 3.0 if kind == "values" else 1.0
    losses = (parts[:, :, 0] - parts[:, :, 1]) / reported + parts[:, :, 1]
    np.testing.assert_allclose(losses @ [16, 16, 16, 2] / 50, peer.loss_curve_, rtol=1e-9)
    for i in (0, 1):
        np.testing.assert_allclose(
            net.parameters()[f"layers.{i}.weight"].T, peer.coefs_[i], rtol=1e-7, atol=1e-9
        )
