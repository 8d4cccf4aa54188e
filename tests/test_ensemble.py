"""Ensemble: what its members compute, its derivatives, and what is refused."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import lamina as lm
from networks import class_data, value_data
from test_gradients import difference_quotient, relative_error

pytestmark = pytest.mark.kernels

Array = npt.NDArray[Any]
K = 3
HIDDEN: dict[str, list[lm.Layer]] = {
    "dense": [lm.Dense(6, "tanh"), lm.Dense(5, "silu")],
    "head alone": [],
    "norms": [lm.LayerNorm(), lm.Dense(6, bias=False), lm.RMSNorm(), lm.Activation("gelu")],
    "batch norm": [lm.Dense(6), lm.BatchNorm(), lm.Activation("mish"), lm.Dense(5, "softplus")],
    "residual": [lm.Dense(6, "tanh"), lm.Residual([lm.Dense(4, "silu"), lm.Dense(6)]), lm.Scale()],
    "dropout": [lm.Dropout(0.3), lm.Dense(8, "tanh"), lm.Dropout(0.2), lm.GaussianNoise(0.1)],
}
ADAPTERS = ("first", "all")


def ensemble(
    hidden: str | list[lm.Layer] = "dense",
    outputs: int = 2,
    last: str = "identity",
    *,
    inputs: int = 7,
    before: tuple[lm.Layer, ...] = (),
    after: tuple[lm.Layer, ...] = (),
    net: dict[str, Any] | None = None,
    **options: Any,
) -> lm.Sequential:
    layers = HIDDEN[hidden] if isinstance(hidden, str) else hidden
    block = lm.Ensemble([*layers, lm.Dense(outputs, last)], **{"k": K, **options})
    made = lm.Sequential([*before, block, *after], inputs=inputs, seed=2, **(net or {}))
    random = np.random.default_rng(0)
    made.set_parameters(
        {
            k: v + 0.2 * random.normal(size=v.shape)
            for k, v in made.parameters().items()
            if "running" not in k
        }
    )
    return made


def double(*args: Any, **options: Any) -> lm.Sequential:
    return ensemble(*args, net={"dtype": "float64"}, **options)


def softmax(z: Array) -> Array:
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def members_of(net: lm.Sequential, x: Array) -> Array:
    """The linear outputs of each member of a "dense" ensemble, [k, rows, outputs]."""
    p, found = net.parameters(), []
    for j in range(K):
        h = x * p["layers.0.input_scales"][j]
        for i, f in enumerate((np.tanh, lambda z: z / (1 + np.exp(-z)))):
            layer = f"layers.0.layers.{i}"
            bias = p[f"{layer}.bias"]
            if f"{layer}.input_scales" in p:
                h = h * p[f"{layer}.input_scales"][j]
            h = h @ p[f"{layer}.weight"].T
            if f"{layer}.output_scales" in p:
                h, bias = h * p[f"{layer}.output_scales"][j], bias[j]
            h = f(h + bias)
        head = "layers.0.layers.2"
        found.append(h @ p[f"{head}.weight"][j].T + p[f"{head}.bias"][j])
    return np.array(found)


@pytest.mark.parametrize("adapters", ADAPTERS)
def test_predictions_are_the_mean_and_losses_in_training_those_of_each_member(
    adapters: str,
) -> None:
    x, y = value_data()
    net = double(adapters=adapters)
    members = members_of(net, x)
    np.testing.assert_allclose(net.predict(x), members.mean(axis=0), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(
        net.forward(x, training=True), members.transpose(1, 0, 2), rtol=1e-12, atol=1e-12
    )
    assert net.value_and_grad(x, y)[0] == pytest.approx(((members - y) ** 2).mean(), rel=1e-12)
    of_mean = ((members.mean(axis=0) - y) ** 2).mean()
    assert net.evaluate(x, y)["loss"] == pytest.approx(of_mean, rel=1e-12)
    assert of_mean < ((members - y) ** 2).mean()


def test_probabilities_are_averaged_not_logits() -> None:
    x, y = class_data()
    net = double(outputs=3, last="softmax")
    shares = softmax(members_of(net, x))
    np.testing.assert_allclose(net.predict(x), shares.mean(axis=0), rtol=1e-12)
    rows = np.arange(len(y))
    expected = -np.log(shares[:, rows, y]).mean()
    assert net.value_and_grad(x, y)[0] == pytest.approx(expected, rel=1e-12)
    mean = shares.mean(axis=0)
    found = net.evaluate(x, y, metrics=["accuracy"])
    assert found["loss"] == pytest.approx(-np.log(mean[rows, y]).mean(), rel=1e-12)
    assert found["accuracy"] == pytest.approx((mean.argmax(axis=1) == y).mean())
    smoothed = lm.CrossEntropy(label_smoothing=0.2)
    targets = 0.8 * np.eye(3)[y] + 0.2 / 3
    expected = -(targets * np.log(mean)).sum(axis=1).mean()
    assert net.evaluate(x, y, loss=smoothed)["loss"] == pytest.approx(expected, rel=1e-12)


def test_the_loss_of_probabilities_near_0_and_1_keeps_its_digits() -> None:
    net = lm.Sequential([lm.Ensemble([lm.Dense(1, "sigmoid")], k=2)], inputs=1)
    parameters = {k: np.zeros_like(v) for k, v in net.parameters().items()}
    parameters["layers.0.layers.0.bias"][:] = [[80.0], [85.0]]
    net.set_parameters(parameters)
    loss = net.evaluate(np.zeros((1, 1)), np.zeros((1, 1)), loss="bce")["loss"]
    assert loss == pytest.approx(-np.log((np.exp(-80.0) + np.exp(-85.0)) / 2), rel=1e-6)


@pytest.mark.parametrize("adapters", ADAPTERS)
@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("last", ["identity", "softmax"])
def test_gradients_equal_differences_of_the_loss(hidden: str, adapters: str, last: str) -> None:
    random = np.random.default_rng(1)
    x, weight = random.normal(size=(5, 4)), random.uniform(0.5, 2.0, 5)
    y: Array = random.normal(size=(5, 2)) if last == "identity" else random.integers(0, 2, 5)
    net = double(hidden, last=last, adapters=adapters, inputs=4, before=(lm.Dense(4, "tanh"),))
    gradients = net.value_and_grad(x, y, sample_weight=weight, step=3)[1]

    for name, first in net.parameters().items():
        if "running" in name:
            continue

        def loss(values: Array, name: str = name) -> float:
            net.set_parameters({name: values})
            return net.value_and_grad(x, y, sample_weight=weight, step=3)[0]

        assert relative_error(gradients[name], difference_quotient(loss, first)) < 1e-6, name
        net.set_parameters({name: first})


@pytest.mark.parametrize("adapters", ADAPTERS)
def test_derivatives_are_those_of_the_mean_and_of_the_training_loss(adapters: str) -> None:
    x, y = value_data(rows=6)
    net = double(adapters=adapters)
    jacobian = net.jacobian(x)
    expected = np.stack([difference_quotient(lambda r: net.predict(r[None])[0], row) for row in x])
    assert relative_error(jacobian, expected) < 1e-8
    change = np.random.default_rng(3).normal(size=x.shape)
    product = net.jacobian_vector_product(x, inputs=change)
    np.testing.assert_allclose(product, np.einsum("roi,ri->ro", jacobian, change), rtol=1e-10)
    gradients = net.value_and_grad(x, y)[1]
    for name, rows in net.sample_gradients(x, y).items():
        np.testing.assert_allclose(rows.mean(axis=0), gradients[name], rtol=1e-9, atol=1e-12)
    net.forward(x)
    back = net.backward(np.ones((6, 2)))
    np.testing.assert_allclose(back, jacobian.sum(axis=1), rtol=1e-10, atol=1e-12)


def test_second_derivatives_are_those_of_the_training_loss() -> None:
    x, y = value_data(rows=6)
    net = double()
    random, first = np.random.default_rng(4), net.parameters()
    direction = {name: random.normal(size=p.shape) for name, p in first.items()}
    product = net.hessian_vector_product(x, y, direction)

    def gradient(step: float) -> dict[str, Array]:
        net.set_parameters({k: v + step * direction[k] for k, v in first.items()})
        return net.value_and_grad(x, y)[1]

    high, low = gradient(1e-5), gradient(-1e-5)
    for name, found in product.items():
        np.testing.assert_allclose(found, (high[name] - low[name]) / 2e-5, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("adapters", ADAPTERS)
@pytest.mark.parametrize("hidden", HIDDEN)
def test_a_predictor_and_single_rows_have_the_networks_outputs(
    hidden: str, adapters: str, dtype: str
) -> None:
    x, _ = value_data(rows=50)
    net = ensemble(hidden, outputs=3, last="softmax", adapters=adapters, k=5, net={"dtype": dtype})
    expected = net.predict(x)
    np.testing.assert_array_equal(net.predict(x[7:8]), expected[7:8])
    predictor, tolerance = net.compile_predictor(), 1e-5 if dtype == "float32" else 1e-12
    np.testing.assert_allclose(predictor(x), expected, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(predictor(x[7]), expected[7], rtol=tolerance, atol=tolerance)
    np.testing.assert_array_equal(predictor(x[7]), predictor(x)[7])


DENSE = lm.Dense(2)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: lm.Ensemble([]), r"Ensemble: expected a list of at least one layer, got \[\]"),
        (lambda: lm.Ensemble(DENSE), "Ensemble: expected a list of layers, got Dense"),  # type: ignore[arg-type]
        (lambda: lm.Ensemble([DENSE], k=0), "Ensemble: expected 'k' between 1 and 1024, got 0"),
        (
            lambda: lm.Ensemble([DENSE, lm.Dropout(0.1)]),
            "expected a Dense layer, with its activation, as the last of its layers, got Dropout",
        ),
        (
            lambda: lm.Ensemble([lm.Dense(2, "log_softmax")]),
            "Ensemble: expected 'softmax' as the last activation, got 'log_softmax'",
        ),
        (
            lambda: lm.Ensemble([DENSE], adapters="every"),  # type: ignore[arg-type]
            "Ensemble: expected 'adapters' to be 'first' or 'all', got 'every'",
        ),
        (
            lambda: lm.Ensemble([DENSE], first_scales="ones"),  # type: ignore[arg-type]
            "Ensemble: expected 'first_scales' to be 'signs' or 'normal', got 'ones'",
        ),
        (
            lambda: lm.Ensemble([DENSE], chunks=[0, 2]),
            "Ensemble: expected 'chunks' between 1 and 16777216, got 0",
        ),
        (
            lambda: lm.Sequential([lm.Ensemble([DENSE], chunks=[1, 2])], inputs=4),
            "Ensemble: expected 'chunks' to cover its 4 inputs, got widths that add up to 3",
        ),
        (
            lambda: lm.Sequential([lm.Ensemble([DENSE]), lm.Activation("softmax")], inputs=4),
            "Ensemble: expected as the last layer of the network, got layers.0 before a Activation",
        ),
        (
            lambda: lm.Sequential([lm.Ensemble([lm.Ensemble([DENSE]), DENSE])], inputs=4),
            "expected as the last layer of the network, got it within a block as layers.0.layers.0",
        ),
        (
            lambda: lm.Sequential([lm.Residual([lm.Ensemble([DENSE])])], inputs=4),
            "expected as the last layer of the network, got it within a block as layers.0.layers.0",
        ),
    ],
)
def test_what_cannot_be_built_is_refused(make: Any, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        make()


def test_gradients_of_another_shape_are_refused() -> None:
    x, _ = value_data(rows=5)
    net = ensemble()
    net.forward(x, training=True)
    with pytest.raises(ValueError, match=r"expected a gradient of shape \[5, 3, 2\], as forward"):
        net.backward(np.ones((5, 2)))
    net.forward(x)
    with pytest.raises(ValueError, match=r"expected a gradient of shape \[5, 2\], as forward"):
        net.backward(np.ones((5, 3, 2)))


def test_pytorch_has_no_module_for_it() -> None:
    with pytest.raises(ValueError, match=r"is a Ensemble, which torch\.nn has no module for"):
        ensemble().to_torch_state_dict(as_numpy=True)
