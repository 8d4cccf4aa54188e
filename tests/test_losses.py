"""Losses against their formulas; their options and aliases."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import lamina as lm
from lamina import _core
from lamina._losses import core_loss

Array = npt.NDArray[Any]
ROWS = 23


def outputs_of(last: str, outputs: int = 4) -> tuple[lm.Sequential, Array, Array]:
    """A network in float64, inputs, and what it gives for them."""
    net = lm.Sequential([lm.Dense(outputs, last)], inputs=5, dtype="float64", seed=1)
    x = np.random.default_rng(0).normal(size=(ROWS, 5)) * 2.0
    return net, x, net.predict(x)


def log_loss(targets: Array, outputs: Array) -> Array:
    return -(targets * np.log(outputs)).sum(axis=1)


def binary_log_loss(targets: Array, outputs: Array) -> Array:
    return -(targets * np.log(outputs) + (1.0 - targets) * np.log1p(-outputs)).mean(axis=1)


@pytest.mark.parametrize("weighted", [False, True])
def test_errors_of_values_are_those_of_the_formulas(weighted: bool) -> None:
    net, x, outputs = outputs_of("identity")
    random = np.random.default_rng(1)
    y = random.normal(size=(ROWS, 4))
    weight = random.uniform(0.0, 2.0, ROWS) if weighted else None
    for name, rows in (
        ("mean_squared_error", ((outputs - y) ** 2).mean(axis=1)),
        ("mean_absolute_error", np.abs(outputs - y).mean(axis=1)),
    ):
        got = net.evaluate(x, y, loss=name, sample_weight=weight)["loss"]
        assert got == pytest.approx(np.average(rows, weights=weight), rel=1e-13)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
def test_cross_entropy_is_that_of_smoothed_targets(smoothing: float) -> None:
    net, x, outputs = outputs_of("softmax")
    y = np.random.default_rng(1).integers(0, 4, ROWS)
    smoothed = np.eye(4)[y] * (1.0 - smoothing) + smoothing / 4
    loss = lm.CrossEntropy(label_smoothing=smoothing)
    expected = pytest.approx(log_loss(smoothed, outputs).mean(), rel=1e-12)
    assert net.evaluate(x, y, loss=loss)["loss"] == expected
    assert net.evaluate(x, np.eye(4)[y], loss=loss)["loss"] == expected


def test_cross_entropy_takes_probabilities() -> None:
    net, x, outputs = outputs_of("softmax")
    y = np.random.default_rng(1).dirichlet(np.ones(4), ROWS)
    got = net.evaluate(x, y, loss="cross_entropy")["loss"]
    assert got == pytest.approx(log_loss(y, outputs).mean(), rel=1e-12)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_binary_cross_entropy_is_that_of_smoothed_targets(smoothing: float) -> None:
    net, x, outputs = outputs_of("sigmoid")
    y = np.random.default_rng(1).uniform(size=(ROWS, 4))
    smoothed = y * (1.0 - smoothing) + smoothing / 2
    loss = lm.BinaryCrossEntropy(label_smoothing=smoothing)
    got = net.evaluate(x, y, loss=loss)["loss"]
    assert got == pytest.approx(binary_log_loss(smoothed, outputs).mean(), rel=1e-12)


@pytest.mark.parametrize(("last", "loss"), [("softmax", "cross_entropy"), ("sigmoid", "bce")])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_losses_stay_finite_where_probabilities_round_to_0(
    last: str, loss: str, dtype: Any
) -> None:
    net = lm.Sequential([lm.Dense(2, last, bias=False)], inputs=2, dtype=dtype)
    net.set_parameters({"layers.0.weight": np.eye(2)})
    x = np.array([[2000.0, -2000.0]])
    y = np.array([[0.0, 1.0]])
    # -log p of the wrong answer is the difference of the two scores, or each score's own part.
    expected = 4000.0 if last == "softmax" else 2000.0
    value, gradients = net.value_and_grad(x, y, loss=loss)
    assert value == expected
    assert all(np.isfinite(gradient).all() for gradient in gradients.values())


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("mse", "mean_squared_error"),
        ("mae", "mean_absolute_error"),
        ("bce", "binary_cross_entropy"),
    ],
)
def test_short_names_mean_the_long_ones(alias: str, name: str) -> None:
    assert core_loss(alias).name == name


def test_every_loss_of_the_core_has_a_class_of_its_name() -> None:
    kinds = {kind.kind for kind in lm.Loss.__subclasses__()}
    assert kinds == set(_core.catalogue()["losses"])


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (lm.CrossEntropy(label_smoothing=1.5), "'label_smoothing' between 0 and 1, got 1.5"),
        (lm.MeanSquaredError(reduction="max"), "'reduction' to be mean or sum, got 'max'"),
        (lm.CrossEntropy(label_smoothing=float("nan")), "expected finite numbers"),
    ],
    ids=["smoothing", "reduction", "nan"],
)
def test_options_out_of_range_are_refused(loss: lm.Loss, message: str) -> None:
    net, x, _ = outputs_of("softmax")
    with pytest.raises(ValueError, match=message):
        net.evaluate(x, np.zeros(ROWS, int), loss=loss)


def test_cross_entropy_of_a_single_output_is_refused_with_the_way_out() -> None:
    net = lm.Sequential([lm.Dense(1, "softmax")], inputs=5)
    with pytest.raises(ValueError, match="use 'sigmoid' and binary_cross_entropy"):
        net.evaluate(np.zeros((3, 5)), np.zeros(3))
