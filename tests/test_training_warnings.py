"""Warnings of training: said where a user would want to know, and nowhere else."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import lamina as lm
from lamina._losses.losses import core_loss
from lamina._network.examples import Examples
from lamina._training.training_warnings import constant_loss
from networks import class_data, classifier, regressor, value_data

Array = npt.NDArray[Any]
X, Y = value_data(rows=800, outputs=1)
RNG = np.random.default_rng(0)


def messages(call: Any) -> list[str]:
    """What lamina has to say of a training."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    found = [w for w in caught if issubclass(w.category, lm.TrainingWarning)]
    assert all(w.filename == __file__ for w in found)
    return [str(w.message) for w in found]


def network(*hidden: lm.Layer, last: str = "identity", **options: Any) -> lm.Sequential:
    layers = hidden or (lm.Dense(32, "relu"), lm.Dense(32, "relu"))
    return lm.Sequential([*layers, lm.Dense(1, last)], seed=0, **options)


def fit(x: Array, y: Array, net: lm.Sequential | None = None, **options: Any) -> list[str]:
    chosen = network() if net is None else net
    return messages(lambda: chosen.fit(x, y, verbose=False, **options))


@pytest.mark.parametrize(
    ("y", "hint"),
    [
        (2e5 + 1e5 * Y, "scale_targets=True"),
        (1e5 * Y, "scale_targets=True"),
        (-500.0 + Y, "scale_targets=True"),
        (1e-4 * Y + 50.0, "scale_targets=True"),
    ],
)
@pytest.mark.parametrize("epochs", [2, 10])
def test_unscaled_targets_are_said_once_with_what_to_do(y: Array, hint: str, epochs: int) -> None:
    found = fit(X, y, epochs=epochs)
    assert len(found) == 1
    assert "above that of a constant guess" in found[0]
    assert hint in found[0]
    assert fit(X, y, network(scale_targets=True), epochs=epochs) == []


@pytest.mark.parametrize("loss", ["mae", "huber", "log_cosh", lm.Quantile(0.3)])
def test_other_losses_of_quantities_are_judged_too(loss: Any) -> None:
    found = fit(X, 2e5 + 1e4 * Y, loss=loss)
    assert len(found) == 1
    assert "scale_targets=True" in found[0]


def test_inputs_of_a_huge_scale_are_said() -> None:
    x, y = class_data(rows=800)
    layers = [lm.Dense(32, "relu"), lm.Dense(32, "relu"), lm.Dense(3, "softmax")]
    net = lm.Sequential(layers, seed=0)
    found = fit(x * 1e5, y, net)
    assert len(found) == 1
    assert "Normalization() as the first layer" in found[0]
    assert "scale_targets" not in found[0]
    normal = lm.Sequential([lm.Normalization(), *net.layers], seed=0)
    assert fit(x * 1e5, y, normal) == []


def test_a_learning_rate_too_high_or_too_low_is_said() -> None:
    assert "learning_rate" in fit(X, Y, optimizer=lm.Adam(3.0))[0]
    assert "another learning_rate" in fit(X, Y + 2.0, optimizer=lm.SGD(1e-5), epochs=20)[0]


ORDINARY: dict[str, dict[str, Any]] = {
    "plain": {},
    "one epoch": {"epochs": 1},
    "one step": {"epochs": 1, "batch_size": 800},
    "gradient descent": {"optimizer": lm.SGD(0.01)},
    "a low learning rate": {"optimizer": lm.Adam(1e-4), "epochs": 40},
    "warm-up": {"optimizer": lm.Adam(lm.WarmUp(lm.CosineSchedule(0.01), steps=150)), "epochs": 12},
    "large batches": {"batch_size": 512},
    "weights": {"sample_weight": RNG.random(800)},
    "early stopping": {"early_stopping": 3, "validation_fraction": 0.2, "epochs": 30},
    "all rows at once": {"optimizer": lm.LevenbergMarquardt(8)},
    "an average": {"average": lm.WeightAverage(0.99)},
    "a sum": {"loss": lm.MeanSquaredError("sum")},
    "absolute errors": {"loss": "mae"},
}


@pytest.mark.parametrize("kind", ORDINARY)
def test_ordinary_trainings_are_left_alone(kind: str) -> None:
    net = network(lm.Dense(8, "tanh")) if kind == "all rows at once" else network()
    assert fit(X, Y, net, **ORDINARY[kind]) == []


def test_dropout_noise_and_penalties_are_left_alone() -> None:
    half = [lm.Dense(32, "relu"), lm.Dropout(0.5), lm.Dense(32, "relu"), lm.Dropout(0.5)]
    assert fit(X, Y, network(*half)) == []
    assert fit(X, Y, network(lm.Dense(32, "relu", l2=0.05))) == []
    assert fit(X, RNG.permutation(Y), network(lm.Dense(16, "relu"))) == []
    assert fit(X, np.full(800, 3.0)) == []


def test_a_last_layer_that_reaches_the_targets_units_is_left_alone() -> None:
    y = 2e5 + 1e5 * Y
    for target in (y, RNG.permutation(y)):
        layers = [lm.Dense(16, "tanh"), lm.Dense(1), lm.Affine(y.std(), y.mean())]
        net = lm.Sequential(layers, seed=0)
        assert fit(X, target, net) == []


def test_rare_and_single_classes_are_left_alone() -> None:
    x, y = class_data(rows=800)
    rare = (RNG.random(800) < 0.02).astype(float)
    assert fit(x, rare, network(last="sigmoid")) == []
    assert fit(x, rare.astype(int), classifier(classes=2), class_weight="balanced") == []
    assert fit(x, np.zeros(800, int), classifier()) == []
    assert fit(x, y, classifier(), loss=lm.CrossEntropy(label_smoothing=0.3)) == []


def test_the_constant_guess_is_the_best_constant() -> None:
    x, classes = class_data(rows=500)
    weights = RNG.random(500).astype(np.float32)
    shares = np.bincount(classes, weights, minlength=3) / weights.sum()
    net = classifier()
    data = Examples(x, classes.astype(np.int32), None, weights)
    entropy = -float(shares @ np.log(shares))
    assert constant_loss(net, core_loss("cross_entropy"), data) == pytest.approx(entropy, rel=1e-5)
    values = value_data(rows=500, outputs=2)[1]
    two = regressor()
    data = Examples(x, None, values, None)
    assert constant_loss(two, core_loss("mse"), data) == pytest.approx(
        np.mean((values - values.mean(axis=0)) ** 2), rel=1e-5
    )
    assert constant_loss(two, core_loss("mae"), data) == pytest.approx(
        np.mean(np.abs(values - np.median(values, axis=0))), rel=1e-5
    )
    binary = Examples(x, None, (values[:, :1] > 0.3).astype(np.float32), None)
    share = float(binary.targets.mean())
    assert constant_loss(network(inputs=7, last="sigmoid"), core_loss("bce"), binary) == (
        pytest.approx(-share * np.log(share) - (1 - share) * np.log(1 - share), rel=1e-5)
    )
    counts = Examples(x, None, RNG.poisson(3.0, (500, 1)).astype(np.float32), None)
    mean = float(counts.targets.mean())
    for loss in (lm.Poisson(), lm.Poisson(log_input=False)):
        assert constant_loss(regressor(outputs=1), core_loss(loss), counts) == pytest.approx(
            mean - mean * np.log(mean), rel=1e-4
        )


LABELS: dict[str, Array] = {
    "whole numbers": (Y[:, 0] > 0).astype(int),
    "truth values": Y[:, 0] > 0,
    "floats": (Y > 0).astype(float),
}


@pytest.mark.parametrize("kind", LABELS)
@pytest.mark.parametrize("last", ["identity", "tanh", "relu"])
def test_labels_that_meet_a_squared_error_are_said(kind: str, last: str) -> None:
    found = fit(X, LABELS[kind], network(last=last), epochs=1)
    assert len(found) == 1
    assert f"goes with the last activation '{last}'" in found[0]
    assert "'sigmoid'" in found[0]


def test_labels_are_not_said_where_they_are_meant_or_none() -> None:
    y = LABELS["floats"]
    assert fit(X, y, network(last="sigmoid"), epochs=1) == []
    assert fit(X, y, loss="mse", epochs=1) == []
    assert fit(X, np.where(y > 0, 0.5, 1.0), epochs=1) == []
    assert fit(X[:4], [0.0, 1.0, 1.0, 0.0], epochs=1) == []  # type: ignore[arg-type]
    assert len(fit(X, np.hstack([y, 1 - y]), regressor(), epochs=1)) == 1


def test_predictions_of_first_weights_are_said_once_a_network() -> None:
    net = regressor()
    assert (
        "predict: the network has its first, random weights" in messages(lambda: net.predict(X))[0]
    )
    assert messages(lambda: net.predict(X)) == []
    net.reset()
    assert len(messages(lambda: net.predict(X))) == 1


def test_weights_that_somebody_chose_are_not_said(tmp_path: Path) -> None:
    y = value_data(rows=800)[1]
    regressor().save(tmp_path / "net.safetensors")
    given, stepped, by_hand, adapted = regressor(), regressor(), regressor(), network(inputs=7)
    given.set_parameters(given.parameters())
    stepped.train_step(X, y, optimizer=lm.Adam())
    by_hand.value_and_grad(X, y)
    lm.SGD().step(by_hand)
    plain = lm.Sequential([lm.Affine(2.0), lm.Activation("tanh")], inputs=7)
    fitted = regressor()
    fitted.fit(X, y, epochs=1, verbose=False)
    for net in (lm.load(tmp_path / "net.safetensors"), given, stepped, by_hand, plain, fitted):
        assert messages(lambda net=net: net.predict(X)) == []
        assert messages(lambda net=net: net.copy().predict(X)) == []
    first = regressor()
    for use in (
        lambda: first.compile_predictor()(X),
        lambda: first.evaluate(X, y),
        lambda: first.forward(X),
        lambda: first.activations(X),
    ):
        assert messages(use) == []
    assert len(messages(lambda: first.copy().predict(X))) == 1
    normal = lm.Sequential([lm.Normalization(), lm.Dense(1)], inputs=7)
    normal.adapt(X)
    assert len(messages(lambda: normal.predict(X))) == 1
    assert adapted.inputs == 7
