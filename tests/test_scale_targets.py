"""scale_targets: targets of any units train alike; all but the loss is in their units."""

import pickle
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import lamina as lm
from networks import bits, class_data, value_data

pytestmark = pytest.mark.kernels

Array = npt.NDArray[Any]
X, SMALL = value_data(rows=400, outputs=2)
UNITS, ORIGIN = np.array([4e4, 3e-3]), np.array([2e5, 0.5])
Y = SMALL.astype(np.float64) * UNITS + ORIGIN


def network(outputs: int = 2, scale_targets: bool = True, **options: Any) -> lm.Sequential:
    layers = [lm.Dense(24, "tanh"), lm.Dense(outputs)]
    return lm.Sequential(layers, scale_targets=scale_targets, seed=2, **options)


def figures(net: lm.Sequential) -> tuple[Array, Array]:
    last = f"layers.{len(net.layers) - 1}"
    return net.parameters()[f"{last}.scale"], net.parameters()[f"{last}.shift"]


def scaled(net: lm.Sequential, y: Array) -> Array:
    scale, shift = figures(net)
    result: Array = (y - shift.astype(float)) / scale.astype(float)
    return result


def by_hand(y: Array, loss: Any, **options: Any) -> tuple[lm.Sequential, lm.History]:
    """The same training with targets that are scaled beforehand."""
    z = (y - y.mean(axis=0)) / y.std(axis=0)
    net = network(scale_targets=False, dtype="float64")
    return net, net.fit(X, z, loss=loss, verbose=False, **options)


@pytest.mark.parametrize(
    "loss", ["mse", "mae", lm.Huber(0.3), "log_cosh", lm.Quantile(0.8), lm.MeanSquaredError("sum")]
)
def test_it_trains_as_on_targets_scaled_beforehand(loss: Any) -> None:
    net = network(dtype="float64")
    history = net.fit(X, Y, loss=loss, epochs=3, verbose=False)
    other, expected = by_hand(Y, loss, epochs=3)
    np.testing.assert_allclose(history["loss"], expected["loss"], rtol=1e-9)
    np.testing.assert_allclose(
        net.predict(X), other.predict(X) * Y.std(axis=0) + Y.mean(axis=0), rtol=1e-7
    )


def test_a_network_of_raw_targets_is_learned_where_it_was_not() -> None:
    scores = {}
    for scale_targets in (False, True):
        net = network(scale_targets=scale_targets)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            net.fit(X, Y, epochs=40, optimizer=lm.Adam(0.01), verbose=False)
        scores[scale_targets] = net.evaluate(X, Y, metrics=["r2"])["r2"]
    assert scores[True] > 0.8
    assert scores[False] < 0.0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_loss_is_of_scaled_targets_and_metrics_are_in_their_own_units(dtype: Any) -> None:
    net = network(dtype=dtype)
    history = net.fit(
        X, Y, epochs=2, metrics=["rmse"], validation_fraction=0.25, verbose=False, shuffle=False
    )
    outputs = net.predict(X).astype(float)
    found = net.evaluate(X, Y, metrics=["rmse"])
    bound = 1e-5 if dtype == "float32" else 1e-12
    expected = np.mean((scaled(net, outputs) - scaled(net, Y)) ** 2)
    np.testing.assert_allclose(found["loss"], expected, rtol=max(bound, 1e-5))
    np.testing.assert_allclose(found["rmse"], np.sqrt(np.mean((outputs - Y) ** 2)), rtol=bound)
    assert history["loss"][-1] < 3.0
    assert history["val_loss"][-1] < 3.0
    assert history["rmse"][-1] > 1e3
    assert history["val_rmse"][-1] > 1e3


def test_scale_and_shift_are_deviation_and_mean_of_the_weighted_training_rows() -> None:
    weight = np.random.default_rng(0).integers(0, 3, len(X)).astype(float)
    net = network(dtype="float64")
    net.fit(X, Y, epochs=1, sample_weight=weight, verbose=False)
    scale, shift = figures(net)
    rows = np.repeat(Y, weight.astype(int), axis=0)
    np.testing.assert_allclose(shift, rows.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(scale, rows.std(axis=0), rtol=1e-9)
    held = network(dtype="float64")
    held.fit(X, Y, epochs=1, validation_fraction=0.5, verbose=False)
    assert held.parameters()["layers.2.rows"] == len(X) // 2
    before = bits(figures(net))
    net.fit(X, Y * 7.0, epochs=1, verbose=False)
    assert bits(figures(net)) == before


def test_constant_targets_are_centred_and_one_column_may_be_flat() -> None:
    y = np.full(len(X), 1234.5)
    net = network(outputs=1)
    net.fit(X, y, epochs=30, optimizer=lm.Adam(0.01), verbose=False)
    assert figures(net)[0] == 1.0
    np.testing.assert_allclose(net.predict(X), 1234.5, atol=0.5)


@pytest.mark.parametrize("optimizer", [lm.LevenbergMarquardt(5), lm.LBFGS(5)])
def test_methods_of_all_rows_minimise_the_scaled_loss(optimizer: Any) -> None:
    net = network(dtype="float64")
    history = net.fit(X, Y, optimizer=optimizer, verbose=False)
    _, expected = by_hand(Y, None, optimizer=optimizer)
    np.testing.assert_allclose(history["loss"], expected["loss"], rtol=1e-6)
    np.testing.assert_allclose(net.evaluate(X, Y)["loss"], history["loss"][-1], rtol=1e-9)


def test_gaussian_likelihoods_have_means_and_log_variances_in_the_targets_units() -> None:
    y = Y[:, :1]
    loss = lm.GaussianNegativeLogLikelihood()
    net = network(dtype="float64")
    history = net.fit(X, y, loss=loss, epochs=3, verbose=False)
    other, expected = by_hand(y, loss, epochs=3)
    np.testing.assert_allclose(history["loss"], expected["loss"], rtol=1e-9)
    outputs, plain = net.predict(X), other.predict(X)
    np.testing.assert_allclose(outputs[:, 0], plain[:, 0] * y.std() + y.mean(), rtol=1e-8)
    np.testing.assert_allclose(outputs[:, 1], plain[:, 1] + 2 * np.log(y.std()), rtol=1e-8)


def test_several_quantiles_share_the_scale_of_their_target() -> None:
    net = network(outputs=3, dtype="float64")
    net.fit(X, Y[:, 0], loss=lm.Quantile([0.1, 0.5, 0.9]), epochs=30, verbose=False)
    assert len(set(figures(net)[0].tolist())) == 1
    below = (Y[:, :1] < net.predict(X)).mean(axis=0)
    assert below[0] < below[1] < below[2]


def test_quantiles_of_several_targets_are_refused_beside_scaled_targets() -> None:
    net = network(outputs=4, dtype="float64")
    with pytest.raises(ValueError, match="expected one target beside a network that scales it"):
        net.fit(X, Y[:, :2], loss=lm.Quantile([0.1, 0.9]), epochs=1, verbose=False)
    net.adapt(X, np.hstack([Y[:, :2], Y[:, :2]]))
    with pytest.raises(ValueError, match="expected one target beside a network that scales it"):
        net.train_step(X, Y[:, :2], loss=lm.Quantile([0.1, 0.9]), optimizer=lm.SGD(0.1))


def test_steps_and_gradients_by_hand_use_the_scaled_loss() -> None:
    net = network(dtype="float64")
    net.adapt(X, Y)
    np.testing.assert_allclose(figures(net)[1], Y.mean(axis=0), rtol=1e-12)
    value, gradients = net.value_and_grad(X, Y)
    assert value == pytest.approx(net.evaluate(X, Y)["loss"], rel=1e-12)
    weight = "layers.1.weight"
    for place in ((0, 3), (1, 5)):
        values = []
        for step in (1e-5, -1e-5):
            moved = net.parameters()
            moved[weight][place] += step
            twin = net.copy()
            twin.set_parameters(moved)
            values.append(twin.evaluate(X, Y)["loss"])
        slope = (values[0] - values[1]) / 2e-5
        assert gradients[weight][place] == pytest.approx(slope, rel=1e-6)
    rows = net.sample_gradients(X, Y)[weight].mean(axis=0)
    np.testing.assert_allclose(rows, gradients[weight], rtol=1e-9, atol=1e-14)
    direction = {weight: np.ones_like(gradients[weight])}
    product = net.hessian_vector_product(X, Y, direction)[weight]
    ends = []
    for step in (1e-4, -1e-4):
        twin = net.copy()
        twin.set_parameters({weight: net.parameters()[weight] + step})
        ends.append(twin.value_and_grad(X, Y)[1][weight])
    np.testing.assert_allclose(product, (ends[0] - ends[1]) / 2e-4, rtol=1e-6, atol=1e-9)
    optimizer = lm.Adam(0.01)
    losses = [net.train_step(X, Y, optimizer=optimizer) for _ in range(50)]
    assert losses[-1] < 0.5 * losses[0]


def test_outputs_and_their_derivatives_are_in_the_targets_units() -> None:
    net = network(dtype="float64")
    net.fit(X, Y, epochs=2, verbose=False)
    step = np.zeros(X.shape[1])
    step[2] = 1e-5
    x = X.astype(float)
    slope = (net.predict(x + step) - net.predict(x - step)) / 2e-5
    np.testing.assert_allclose(net.jacobian(x)[:, :, 2], slope, rtol=1e-5, atol=1e-7)
    assert bits([net.forward(x)]) == bits([net.predict(x)])
    given = net.backward(np.ones((len(x), 2)))
    np.testing.assert_allclose(given, net.jacobian(x).sum(axis=1), rtol=1e-9, atol=1e-12)
    activations = net.activations(x)
    np.testing.assert_allclose(activations["layers.1"], scaled(net, net.predict(x)), rtol=1e-6)


def test_a_loss_of_the_users_sees_the_targets_units() -> None:
    seen: list[float] = []

    def squared(outputs: Array, y: Array) -> tuple[float, Array]:
        seen.append(float(np.abs(outputs[:, 0]).max()))
        difference = outputs - y
        return float(np.mean(difference**2)), 2.0 * difference / difference.size

    net = network()
    net.fit(X, Y, loss=squared, epochs=1, verbose=False)
    assert min(seen) > 1e4
    assert net.evaluate(X, Y, loss=squared)["loss"] == pytest.approx(
        np.mean((net.predict(X) - Y) ** 2), rel=1e-5
    )
    with pytest.raises(ValueError, match=r"fit: expected targets .* of numbers to scale"):
        network().fit(X, np.full(len(X), "a"), loss=squared, verbose=False)


def test_saving_copies_predictors_and_early_stopping_keep_the_units(tmp_path: Path) -> None:
    net = network()
    history = net.fit(
        X, Y, epochs=200, optimizer=lm.Adam(0.05), early_stopping=2, validation_fraction=0.2,
        average=lm.WeightAverage(0.9), verbose=False,
    )  # fmt: skip
    assert history.epochs < 200
    expected = net.predict(X)
    net.save(tmp_path / "net.safetensors")
    loaded = lm.load(tmp_path / "net.safetensors")
    for twin in (loaded, net.copy(), pickle.loads(pickle.dumps(net))):
        assert bits([twin.predict(X)]) == bits([expected])
        assert isinstance(twin.layers[-1], lm.TargetScaling)
        assert len(twin.layers) == 3
    predictor = net.compile_predictor()
    np.testing.assert_allclose(predictor(X), expected, rtol=1e-5)
    np.testing.assert_allclose(predictor(X[3]), expected[3], rtol=1e-5)


def test_the_same_bits_for_any_number_of_threads() -> None:
    before, results = lm.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            lm.set_num_threads(threads, exact=True)
            net = network()
            net.fit(X, Y, epochs=2, batch_size=100, verbose=False)
            results.append((bits(net), net.evaluate(X, Y)["loss"]))
    finally:
        lm.set_num_threads(before)
    assert results[0] == results[1] == results[2]


def test_a_reset_network_takes_new_figures() -> None:
    net = network()
    net.fit(X, Y, epochs=1, verbose=False)
    net.reset()
    net.fit(X, 3.0 * Y, epochs=1, verbose=False)
    np.testing.assert_allclose(figures(net)[1], 3.0 * Y.mean(axis=0), rtol=1e-6)


def test_the_range_test_of_learning_rates_sees_scaled_losses() -> None:
    found = lm.find_learning_rate(network(), X, Y)
    assert found.losses[0] < 5.0


@pytest.mark.parametrize("activation", ["softmax", "sigmoid", "log_softmax"])
def test_networks_of_classes_are_refused(activation: str) -> None:
    for last in ([lm.Dense(2, activation)], [lm.Dense(2), lm.Activation(activation)]):
        with pytest.raises(
            ValueError, match="expected a last layer for quantities with scale_targets"
        ):
            lm.Sequential(last, scale_targets=True)


@pytest.mark.parametrize(
    "loss", ["poisson", "gamma", "tweedie", "hinge", "squared_hinge", "cosine"]
)
def test_losses_of_other_than_quantities_are_refused(loss: str) -> None:
    net = network()
    y = np.where(SMALL > 0, 1.0, 1.0 if loss in ("gamma", "poisson", "tweedie") else -1.0)
    for use in (
        lambda: net.fit(X, y, loss=loss, verbose=False),
        lambda: net.evaluate(X, y, loss=loss),
        lambda: net.train_step(X, y, loss=loss, optimizer=lm.Adam()),
    ):
        with pytest.raises(ValueError, match="a network that scales them"):
            use()


def test_the_layer_stands_last_alone() -> None:
    for layers in (
        [lm.TargetScaling(), lm.Dense(1)],
        [lm.Residual([lm.TargetScaling()]), lm.Dense(1)],
    ):
        with pytest.raises(ValueError, match="TargetScaling: expected as the last layer"):
            lm.Sequential(layers, inputs=1)
    with pytest.raises(ValueError, match="a layer before TargetScaling"):
        lm.Sequential([lm.TargetScaling()])
    with pytest.raises(TypeError, match="scale_targets as True or False"):
        lm.Sequential([lm.Dense(1)], scale_targets="yes")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="scale_targets=True for y"):
        lm.Sequential([lm.Normalization(), lm.Dense(1)]).adapt(X, Y[:, 0])


def test_class_weights_are_refused_as_for_other_quantities() -> None:
    x, y = class_data()
    with pytest.raises(ValueError, match="class_weight expects a loss of classes"):
        network(outputs=1).fit(x, y, class_weight="balanced", verbose=False)
