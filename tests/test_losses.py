"""Losses against their formulas; their options and aliases."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import lamina as lm
from lamina import _core
from lamina._losses.losses import core_loss

pytestmark = pytest.mark.kernels

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


@pytest.mark.parametrize("outputs", [1, 4])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_positive_targets_of_binary_cross_entropy_may_weigh_more(
    outputs: int, smoothing: float
) -> None:
    net, x, p = outputs_of("sigmoid", outputs)
    y = np.random.default_rng(1).uniform(size=p.shape).round(1)
    q = y * (1.0 - smoothing) + smoothing / 2
    expected = -(3.0 * q * np.log(p) + (1.0 - q) * np.log1p(-p)).mean()
    loss = lm.BinaryCrossEntropy(smoothing, positive_weight=3.0)
    assert net.evaluate(x, y, loss=loss)["loss"] == pytest.approx(expected, rel=1e-12)


def test_a_target_of_0_has_no_second_part_in_tweedies_loss() -> None:
    # exp(y / 2), and exp(-y / 2) beside it, which overflows in float32.
    net = lm.Sequential([lm.Dense(1, bias=False)], inputs=1)
    net.set_parameters({"layers.0.weight": [[-300.0]]})
    value, gradients = net.value_and_grad([[1.0]], [0.0], loss=lm.Tweedie(1.5))
    assert value == pytest.approx(0.0, abs=1e-30)
    assert gradients["layers.0.weight"] == pytest.approx(0.0, abs=1e-30)


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


@pytest.mark.parametrize("name", _core.catalogue()["losses"])
def test_the_core_refuses_options_that_a_loss_does_not_have(name: str) -> None:
    with pytest.raises(ValueError, match=f"loss {name}: unknown option 'x'"):
        _core.make_loss(f'{{"kind": "{name}", "x": 1}}')


def test_every_loss_of_the_core_has_a_class_of_its_name() -> None:
    kinds = {kind.kind for kind in lm.Loss.__subclasses__()}
    assert kinds == set(_core.catalogue()["losses"])


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (lm.CrossEntropy(label_smoothing=1.5), "'label_smoothing' between 0 and 1, got 1.5"),
        (lm.MeanSquaredError(reduction="max"), "'reduction' to be mean or sum, got 'max'"),
        (
            lm.CrossEntropy(label_smoothing=float("nan")),
            "finite number for 'label_smoothing', got nan",
        ),
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


@pytest.mark.parametrize(
    ("loss", "last", "message"),
    [
        ("cross_entropy", "relu", "expected 'softmax' as the last activation, got 'relu'"),
        ("focal", "sigmoid", "expected 'softmax' as the last activation, got 'sigmoid'"),
        ("binary_focal", "identity", "expected 'sigmoid' as the last activation, got 'identity'"),
        ("hinge", "sigmoid", "expected 'identity' or 'tanh' as the last activation"),
        ("gamma", "softplus", "expected 'identity' as the last activation, got 'softplus'"),
        (lm.Poisson(log_input=False), "identity", "expected 'softplus' or 'relu' as the last"),
        (lm.Poisson(), "softplus", "got 'softplus'; with log_input=False it is 'softplus' or"),
        (lm.Quantile((0.1, 0.5, 0.9)), "identity", "one output for each of the 3 levels of each"),
    ],
    ids=str,
)
def test_losses_that_do_not_fit_say_what_would(loss: Any, last: str, message: str) -> None:
    net, x, outputs = outputs_of(last)
    with pytest.raises(ValueError, match=message):
        net.evaluate(x, np.ones_like(outputs), loss=loss)


@pytest.mark.parametrize(
    ("outputs", "loss", "message"),
    [
        (3, "gaussian_nll", "expected an even number of outputs"),
        (1, "cosine", "expected at least 2 outputs"),
        (4, "gaussian_nll", r"expected y of shape \[23, 2\]"),
        (4, lm.Quantile((0.1, 0.2, 0.3, 0.4)), r"expected y of shape \[23, 1\]"),
    ],
    ids=str,
)
def test_numbers_of_outputs_that_do_not_fit_are_refused(
    outputs: int, loss: Any, message: str
) -> None:
    net, x, _ = outputs_of("identity", outputs)
    with pytest.raises(ValueError, match=message):
        net.evaluate(x, np.ones((ROWS, outputs)), loss=loss)


@pytest.mark.parametrize(
    ("loss", "last", "value", "message"),
    [
        ("gamma", "identity", 0.0, "expected targets above 0 for gamma, got 0.0 in row 3; tweedie"),
        ("poisson", "identity", -1.0, "expected targets of at least 0 for poisson, got -1.0"),
        ("tweedie", "identity", -0.5, "expected targets of at least 0 for tweedie, got -0.5"),
        ("hinge", "identity", 0.5, "expected targets of -1 and 1, or of 0 and 1, for hinge"),
        ("binary_focal", "sigmoid", 2.0, "expected targets between 0 and 1 for binary_focal"),
        ("kl_divergence", "softmax", 0.9, "of each row to sum to 1 for kl_divergence, got"),
    ],
)
def test_targets_out_of_range_are_refused(loss: str, last: str, value: float, message: str) -> None:
    net, x, outputs = outputs_of(last)
    y = np.ones_like(outputs)
    y[3, 2] = value
    if loss == "kl_divergence":
        y /= 4.0
    with pytest.raises(ValueError, match=message):
        net.evaluate(x, y, loss=loss)


@pytest.mark.parametrize("loss", ["hinge", "squared_hinge"])
def test_hinge_losses_take_0_and_1_for_minus_1_and_1(loss: str) -> None:
    net, x, outputs = outputs_of("tanh")
    signs = np.random.default_rng(1).choice([-1.0, 1.0], outputs.shape)
    rows = np.maximum(0.0, 1.0 - signs * outputs) ** (1 if loss == "hinge" else 2)
    for y in (signs, (signs + 1.0) / 2.0, signs > 0.0):
        assert net.evaluate(x, y, loss=loss)["loss"] == pytest.approx(rows.mean(), rel=1e-12)


def squared_error(outputs: Array, y: Array) -> tuple[float, Array]:
    return float(((outputs - y) ** 2).mean()), 2.0 * (outputs - y) / y.size


def test_a_loss_of_ones_own_trains_as_the_built_in_one() -> None:
    net, x, outputs = outputs_of("identity")
    twin, y = net.copy(), np.zeros_like(outputs)
    own, built_in = lm.Adam(0.1), lm.Adam(0.1)
    for _ in range(5):
        value = net.train_step(x, y, loss=squared_error, optimizer=own)
        assert value == pytest.approx(twin.train_step(x, y, loss="mse", optimizer=built_in))
    _, gradients = net.value_and_grad(x, y, loss=squared_error)
    _, expected = twin.value_and_grad(x, y, loss="mse")
    for name, gradient in gradients.items():
        np.testing.assert_allclose(gradient, expected[name], rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize(
    ("loss", "error", "message"),
    [
        (lambda outputs, y: 1.0, TypeError, r"return \(value, gradient\), got float"),
        (lambda outputs, y: (1.0, y[:2]), ValueError, r"gradient of shape \(23, 4\)"),
        (lambda outputs, y: (1.0, y * np.nan), lm.NotFiniteError, "a gradient that is not finite"),
        (lambda outputs, y: (np.nan, y), lm.NotFiniteError, "your function gave nan"),
    ],
    ids=["no gradient", "shape", "gradient", "value"],
)
def test_what_a_loss_of_ones_own_gives_is_checked(
    loss: Any, error: type[Exception], message: str
) -> None:
    net, x, outputs = outputs_of("identity")
    before = net.parameters()
    with pytest.raises(error, match=message):
        net.train_step(x, np.ones_like(outputs), loss=loss, optimizer=lm.SGD())
    for name, array in net.parameters().items():
        np.testing.assert_array_equal(array, before[name])


def test_sample_weights_do_not_go_with_a_loss_of_ones_own() -> None:
    net, x, outputs = outputs_of("identity")
    with pytest.raises(ValueError, match="expected no sample_weight"):
        net.value_and_grad(x, outputs, loss=squared_error, sample_weight=np.ones(ROWS))
