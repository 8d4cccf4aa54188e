"""NTK parametrisation, factors of biases, parametric activations: what no list of layers shows."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import lamina as lm
from networks import bits, same_for_any_threads, value_data

pytestmark = pytest.mark.kernels

Array = npt.NDArray[Any]
DTYPES = ("float32", "float64")
each_dtype = pytest.mark.parametrize("dtype", DTYPES)


def ntk(units: int, activation: str = "identity", **options: Any) -> lm.Dense:
    return lm.Dense(units, activation, parametrization="ntk", **options)


def plain_twin(net: lm.Sequential) -> lm.Sequential:
    """The network whose weights have the factor of NTK parametrisation in them."""
    layers = []
    parameters = {name: array.astype(np.float64) for name, array in net.parameters().items()}
    for index, layer in enumerate(net.layers):
        spec = layer.to_spec()
        if spec.pop("parametrization", "standard") == "ntk":
            name = f"layers.{index}.weight"
            parameters[name] /= np.sqrt(parameters[name].shape[1])
        layers.append(type(layer).from_options({k: v for k, v in spec.items() if k != "kind"}))
    twin = lm.Sequential(layers, inputs=net.inputs, dtype=net.dtype, seed=net.seed)
    twin.set_parameters(parameters)
    return twin


def ntk_network(dtype: Any = "float64", **options: Any) -> lm.Sequential:
    layers = [ntk(70, "gelu"), ntk(33, "relu", bias=False), lm.Dense(9, "tanh"), ntk(4, "softmax")]
    return lm.Sequential(layers, inputs=7, seed=5, dtype=dtype, **options)


@each_dtype
def test_an_ntk_layer_is_a_plain_layer_of_smaller_weights(dtype: Any) -> None:
    net, (x, _) = ntk_network(dtype), value_data(rows=300)
    bound = 50 * float(np.finfo(dtype).eps)
    np.testing.assert_allclose(net.predict(x), plain_twin(net).predict(x), rtol=0, atol=bound)


def test_first_weights_of_ntk_layers_have_deviation_1_and_keep_the_variance() -> None:
    net = lm.Sequential([ntk(400, bias_initializer="normal"), ntk(300)], inputs=500, seed=1)
    parameters = net.parameters()
    for name in ("layers.0.weight", "layers.1.weight", "layers.0.bias"):
        assert parameters[name].std() == pytest.approx(1.0, abs=0.1 if "bias" in name else 0.01)
    x = np.random.default_rng(0).normal(size=(1000, 500))
    # The product has variance 1, the biases bring another 1.
    assert net.activations(x)["layers.0"].std() == pytest.approx(np.sqrt(2.0), rel=0.05)


@each_dtype
def test_predictors_fold_the_factor_into_the_weights(dtype: Any) -> None:
    net, x = ntk_network(dtype), value_data(rows=50)[0].astype(dtype)
    block = lm.Residual([ntk(7, "relu"), lm.BatchNorm(), ntk(7), lm.BatchNorm(), ntk(7)])
    deep = lm.Sequential([block, ntk(3)], inputs=7, seed=2, dtype=dtype)
    bound = 200 * float(np.finfo(dtype).eps)
    for each in (net, deep):
        predictor, expected = each.compile_predictor(), each.predict(x)
        np.testing.assert_allclose(predictor(x), expected, rtol=bound, atol=bound)
        rows = np.array([predictor(row) for row in x])
        np.testing.assert_allclose(rows, expected, rtol=bound, atol=bound)


@pytest.mark.parametrize("batch_size", [1, 16, 203])
def test_ntk_layers_train_alike_on_any_number_of_threads(batch_size: int) -> None:
    x, y = value_data(rows=203, outputs=3)

    def trained() -> bytes:
        layers = [ntk(600, "mish"), lm.ParametricActivation("selu"), ntk(520, "relu"), ntk(3)]
        net = lm.Sequential(layers, inputs=7, seed=3)
        net.fit(x[: 3 * batch_size], y[: 3 * batch_size], batch_size=batch_size, epochs=1)
        return bits(net)

    assert same_for_any_threads(trained)


@each_dtype
def test_batches_of_one_row_have_the_gradients_of_larger_ones(dtype: Any) -> None:
    net, x = ntk_network(dtype), value_data(rows=3)[0].astype(dtype)
    y = np.eye(4)[[0, 2, 3]]
    parts = [net.value_and_grad(x[i : i + 1], y[i : i + 1], loss="cross_entropy") for i in range(3)]
    value, gradients = net.value_and_grad(x, y, loss="cross_entropy")
    bound = 50 * float(np.finfo(dtype).eps)
    assert value == pytest.approx(np.mean([part[0] for part in parts]), rel=bound)
    for name, gradient in gradients.items():
        mean = np.mean([part[1][name] for part in parts], axis=0)
        np.testing.assert_allclose(gradient, mean, rtol=bound, atol=bound)


def test_norms_of_row_gradients_know_the_factor() -> None:
    net, x = ntk_network(), value_data(rows=20)[0]
    y = np.eye(4)[np.arange(20) % 4]
    rows = net.sample_gradients(x, y, loss="cross_entropy")
    squares = sum((g.reshape(20, -1) ** 2).sum(axis=1) for g in rows.values())
    norms = net.sample_gradient_norms(x, y, loss="cross_entropy")
    np.testing.assert_allclose(norms, np.sqrt(squares), rtol=1e-12)


def test_penalties_and_limits_see_the_weights_without_the_factor() -> None:
    x, y = value_data(rows=64)
    plain, penalised = (
        lm.Sequential([ntk(2, l2=l2, max_norm=limit)], inputs=7, dtype="float64", seed=4)
        for l2, limit in ((0.0, None), (0.5, 2.0))
    )
    weight = plain.parameters()["layers.0.weight"]
    value, gradients = plain.value_and_grad(x, y)
    with_penalty, more = penalised.value_and_grad(x, y)
    assert with_penalty - value == pytest.approx(0.5 * (weight**2).sum())
    change = more["layers.0.weight"] - gradients["layers.0.weight"]
    np.testing.assert_allclose(change, weight, rtol=1e-9)
    penalised.train_step(x, y, optimizer=lm.SGD(1e-6))
    norms = np.linalg.norm(penalised.parameters()["layers.0.weight"], axis=1)
    np.testing.assert_allclose(norms, np.minimum(np.linalg.norm(weight, axis=1), 2.0), rtol=1e-4)


def test_biases_have_factors_of_their_own() -> None:
    x, y = value_data(rows=64)
    rates = {"rate_factor": 2.0, "decay_factor": 3.0}
    own = {"bias_rate_factor": 0.25, "bias_decay_factor": 0.5}
    dense = lm.Dense(2, bias_initializer="normal", **rates, **own)
    net = lm.Sequential([dense], inputs=7, dtype="float64", seed=4)
    before = net.parameters()
    _, gradients = net.value_and_grad(x, y)
    optimizer = lm.SGD(0.1, weight_decay=0.01, decoupled=True, decay_biases=True)
    net.train_step(x, y, optimizer=optimizer)
    for name, rate, decay in (("weight", 0.2, 0.03), ("bias", 0.05, 0.015)):
        old, gradient = before[f"layers.0.{name}"], gradients[f"layers.0.{name}"]
        expected = old * (1.0 - rate * decay) - rate * gradient
        np.testing.assert_allclose(net.parameters()[f"layers.0.{name}"], expected, rtol=1e-12)


def test_files_keep_parametrisation_and_factors(tmp_path: Path) -> None:
    net = lm.Sequential([ntk(5, bias_rate_factor=0.1), lm.ParametricActivation("mish")], inputs=3)
    net.save(tmp_path / "net.lamina")
    loaded = lm.load(tmp_path / "net.lamina")
    assert loaded.to_spec() == net.to_spec()
    assert loaded.layers[0] == ntk(5, bias_rate_factor=0.1, initializer="normal")
    x = value_data(inputs=3)[0]
    assert loaded.predict(x).tobytes() == net.predict(x).tobytes()


def test_a_weight_of_1_is_the_activation_and_0_the_identity() -> None:
    x = value_data()[0].astype(np.float64)
    for name in ("selu", "mish", "sin"):
        plain = lm.Sequential([lm.Activation(name)], inputs=7, dtype="float64").predict(x)
        for weight, expected in ((1.0, plain), (0.0, x)):
            layer = lm.ParametricActivation(name, weight)
            net = lm.Sequential([layer], inputs=7, dtype="float64")
            np.testing.assert_allclose(net.predict(x), expected, rtol=0, atol=1e-15)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: lm.ParametricActivation("softmax"), "elementwise activation .*, got 'softmax'"),
        (lambda: lm.ParametricActivation("step"), "that has a derivative, got 'step'"),
        (lambda: lm.ParametricActivation("selu", 1e7), "'initial_weight' between"),
        (lambda: lm.Dense(2, parametrization="mup"), "'standard' or 'ntk', got 'mup'"),
        (lambda: lm.Dense(2, bias_rate_factor=-1.0), "'bias_rate_factor'"),
        (lambda: lm.Dense(2, initializer={"kind": "normal", "deviation": -1}), "'deviation'"),
        (lambda: lm.Dense(2, initializer={"kind": "normal", "gain": 1}), "gain"),
    ],
)
def test_options_that_cannot_be_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_pytorchs_names_are_refused_where_torch_has_no_such_module() -> None:
    for layer in (lm.ParametricActivation("selu"), ntk(4)):
        net = lm.Sequential([lm.Dense(4), layer], inputs=3)
        with pytest.raises(ValueError, match=r"to_torch_state_dict: layers\.1 is a"):
            net.to_torch_state_dict(as_numpy=True)
