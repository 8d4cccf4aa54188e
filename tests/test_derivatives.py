"""Derivatives for those who train by hand: Jacobians, products, single rows, second derivatives."""

import threading
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import lamina as lm
from lamina import _core
from lamina._losses.losses import core_loss
from lamina._network.examples import Examples
from networks import bits, class_data, classifier, regressor, same_for_any_threads, value_data

pytestmark = pytest.mark.kernels

Array = npt.NDArray[Any]
# Analytic derivatives in float64 agree but for the order of sums.
ROUNDING = 1e-12
# A central difference over h = 1e-5 errs by about h^2 + 1e-16 / h.
DIFFERENCE = 1e-7


def networks() -> dict[str, lm.Sequential]:
    """Networks of every kind of layer, in float64."""
    layers: dict[str, list[lm.Layer]] = {
        "dense": [lm.Dense(9, "tanh"), lm.Dense(3)],
        "no bias": [lm.Dense(9, "sigmoid", bias=False), lm.Dense(3, "softplus")],
        "softmax": [lm.Dense(70, "gelu"), lm.Dense(4, "softmax")],
        "inner softmax": [lm.Dense(9), lm.Activation("softmax"), lm.Dense(2, "tanh")],
        "log softmax": [lm.Dense(5, "silu"), lm.Dense(4, "log_softmax")],
        "own activation": [lm.Dense(6), lm.Activation("mish"), lm.Dense(2, "sin")],
        "dropout": [lm.Dense(8, "tanh"), lm.Dropout(0.5), lm.Dense(2)],
        "batch norm": [lm.Dense(6, "tanh"), lm.BatchNorm(), lm.Dense(2, "tanh")],
        "block": [lm.Residual([lm.Dense(7, "gelu"), lm.Dense(7)]), lm.Dense(2, "softplus")],
        "frozen": [lm.Dense(6, "tanh", trainable=False), lm.Dense(2)],
        "penalties": [lm.Dense(6, "tanh", l2=0.5), lm.Dense(2, l2=0.1)],
        "norms": [lm.LayerNorm(0.1), lm.Dense(6, "tanh"), lm.RMSNorm(0.1), lm.Dense(2)],
        "scales": [lm.Scale(shift=True), lm.Dense(2, "tanh"), lm.Affine(2.0), lm.Clip(-1.9, 1.9)],
        "ntk": [lm.Dense(9, "tanh", parametrization="ntk"), lm.Dense(3, parametrization="ntk")],
        "parametric": [
            *(lm.Dense(6), lm.ParametricActivation("selu", 0.5)),
            *(lm.Dense(6), lm.ParametricActivation("gelu", 0.5)),
            lm.Dense(2),
        ],
        "prelu": [lm.Dense(6), lm.PReLU(), lm.Dense(6), lm.PReLU(shared=True), lm.Dense(2)],
    }
    return {
        name: lm.Sequential(stack, inputs=7, seed=3, dtype="float64")
        for name, stack in layers.items()
    }


NETWORKS = networks()
X = value_data(rows=61)[0].astype(np.float64)


def flat(arrays: dict[str, Array]) -> Array:
    return np.concatenate([array.ravel() for array in arrays.values()])


def moved(net: lm.Sequential, direction: dict[str, Array], step: float) -> lm.Sequential:
    """A copy whose parameters have moved along a direction."""
    twin = net.copy()
    twin.set_parameters({k: v + step * direction[k] for k, v in net.parameters().items()})
    return twin


def random_direction(net: lm.Sequential, seed: int = 0) -> dict[str, Array]:
    random = np.random.default_rng(seed)
    return {name: random.normal(size=v.shape) for name, v in net.parameters().items()}


def trainable(net: lm.Sequential, direction: dict[str, Array]) -> dict[str, Array]:
    """The direction without frozen layers and running statistics."""
    frozen = [f"layers.{i}." for i, v in enumerate(net.layers) if not getattr(v, "trainable", True)]
    return {
        name: np.zeros_like(v) if "running" in name or name.startswith(tuple(frozen)) else v
        for name, v in direction.items()
    }


def close(got: Array, expected: Array, tolerance: float) -> None:
    np.testing.assert_allclose(got, expected, rtol=0, atol=tolerance * np.abs(expected).max())


@pytest.mark.parametrize("name", NETWORKS)
def test_the_parameter_jacobian_is_the_slope_of_the_outputs(name: str) -> None:
    net = NETWORKS[name]
    jacobian = net.parameter_jacobian(X)
    assert jacobian.shape == (61, net.outputs, sum(v.size for v in net.parameters().values()))
    h = 1e-5
    direction = trainable(net, random_direction(net))
    slope = (moved(net, direction, h).predict(X) - moved(net, direction, -h).predict(X)) / (2 * h)
    close(jacobian @ flat(direction), slope, DIFFERENCE)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_input_jacobian_is_the_slope_of_the_outputs(name: str) -> None:
    net = NETWORKS[name]
    direction = np.random.default_rng(1).normal(size=X.shape)
    slope = (net.predict(X + 1e-5 * direction) - net.predict(X - 1e-5 * direction)) / 2e-5
    close(np.einsum("rki,ri->rk", net.jacobian(X), direction), slope, DIFFERENCE)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_jacobian_vector_product_is_the_jacobian_times_the_vector(name: str) -> None:
    net = NETWORKS[name]
    inputs = np.random.default_rng(1).normal(size=X.shape)
    parameters = random_direction(net)
    by_inputs = np.einsum("rki,ri->rk", net.jacobian(X), inputs)
    by_parameters = net.parameter_jacobian(X) @ flat(parameters)
    close(net.jacobian_vector_product(X, inputs=inputs), by_inputs, ROUNDING)
    close(net.jacobian_vector_product(X, parameters=parameters), by_parameters, ROUNDING)
    both = net.jacobian_vector_product(X, inputs=inputs, parameters=parameters)
    close(both, by_inputs + by_parameters, ROUNDING)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_vector_jacobian_product_is_the_vector_times_the_jacobian(name: str) -> None:
    net = NETWORKS[name]
    vectors = np.random.default_rng(2).normal(size=(61, net.outputs or 0))
    by_inputs = np.einsum("rk,rki->ri", vectors, net.jacobian(X))
    close(net.vector_jacobian_product(X, vectors), by_inputs, ROUNDING)
    by_parameters = np.einsum("rk,rkp->p", vectors, net.parameter_jacobian(X))
    product = net.vector_jacobian_product(X, vectors, by="parameters")
    close(flat(product), by_parameters, ROUNDING)


def test_a_vector_jacobian_product_of_many_rows_is_summed_in_pieces() -> None:
    net, x = regressor(dtype="float64"), np.random.default_rng(0).normal(size=(20_001, 7))
    vectors = np.ones((20_001, 2))
    parts = [
        flat(net.vector_jacobian_product(x[i : i + 5000], vectors[i : i + 5000], by="parameters"))
        for i in range(0, 20_001, 5000)
    ]
    product = flat(net.vector_jacobian_product(x, vectors, by="parameters"))
    close(product, np.sum(parts, axis=0), 1e-10)  # sums of 20 000 terms in another order


def test_derivatives_of_named_parameters_leave_the_others_at_rest() -> None:
    net = NETWORKS["dense"]
    bias = {"layers.1.bias": np.array([1.0, 2.0, 3.0])}
    product = net.jacobian_vector_product(X, parameters=bias)
    np.testing.assert_array_equal(product, np.tile([1.0, 2.0, 3.0], (61, 1)))


# Single rows

WEIGHTS = np.random.default_rng(5).uniform(0.0, 2.0, 203)


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
def test_gradients_of_single_rows_sum_to_that_of_the_batch(weights: Array | None) -> None:
    x, y = class_data()
    net = classifier(dtype="float64")
    rows = net.sample_gradients(x, y, sample_weight=weights)
    _, batch = net.value_and_grad(x, y, sample_weight=weights)
    total = 203.0 if weights is None else weights.sum()
    for name, gradient in batch.items():
        assert rows[name].shape == (203, *gradient.shape)
        close(rows[name].sum(axis=0) / total, gradient, ROUNDING)


def test_the_gradient_of_a_single_row_is_that_of_its_own_loss() -> None:
    x, y = value_data()
    net = regressor(dtype="float64")
    rows = net.sample_gradients(x, y, loss="huber")
    for row in (0, 100, 202):
        _, own = net.value_and_grad(x[row : row + 1], y[row : row + 1], loss="huber")
        for name, gradient in own.items():
            close(rows[name][row], gradient, ROUNDING)


@pytest.mark.parametrize("name", NETWORKS)
def test_norms_of_single_rows_are_those_of_their_gradients(name: str) -> None:
    net = NETWORKS[name]
    y = np.random.default_rng(6).normal(size=(61, net.outputs or 0))
    rows = net.sample_gradients(X, y, loss="mean_squared_error")
    norms = np.sqrt(sum((v.reshape(61, -1) ** 2).sum(axis=1) for v in rows.values()))
    got = net.sample_gradient_norms(X, y, loss="mean_squared_error")
    close(got, norms, ROUNDING)


# Second derivatives


def exact_hessian_product(net: lm.Sequential, x: Array, y: Array, v: dict[str, Array]) -> Array:
    """H v of the squared error of a linear network with one output, written out."""
    augmented = np.hstack([x, np.ones((len(x), 1))])
    return np.asarray(2.0 / len(x) * augmented.T @ (augmented @ flat(v)))


@pytest.mark.parametrize("size", [0.0, 1.0, 1e8])
def test_a_hessian_vector_product_of_a_linear_network_is_the_written_out_one(size: float) -> None:
    """Whatever the weights' size, by which the distance of the difference goes."""
    x, y = value_data(outputs=1)
    net = lm.Sequential([lm.Dense(1)], inputs=7, dtype="float64")
    net.set_parameters({name: size * array for name, array in net.parameters().items()})
    v = random_direction(net)
    got = flat(net.hessian_vector_product(x, y, v))
    close(got, exact_hessian_product(net, x.astype(np.float64), y, v), 1e-9)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", ["tanh", "softplus", "gelu", "sin"])
def test_a_hessian_vector_product_is_the_slope_of_the_gradient(activation: str, dtype: Any) -> None:
    x, y = class_data()
    layers = [lm.Dense(12, activation), lm.Dense(3, "softmax")]
    net = lm.Sequential(layers, inputs=7, dtype=dtype)
    exact = lm.Sequential(layers, inputs=7, dtype="float64")
    exact.set_parameters(net.parameters())
    v = random_direction(net)
    h = 1e-4  # Richardson's combination: h^4, and 1e-16 / h
    slopes = []
    for step in (h, h / 2):
        ahead, behind = (moved(exact, v, sign * step).value_and_grad(x, y)[1] for sign in (1, -1))
        slopes.append((flat(ahead) - flat(behind)) / (2 * step))
    expected = (4 * slopes[1] - slopes[0]) / 3
    got = flat(net.hessian_vector_product(x, y, v))
    close(got, expected, 1e-9 if dtype == "float64" else 1e-6)  # float32: its last digit


@pytest.mark.parametrize("name", NETWORKS)
def test_the_hessian_is_symmetric(name: str) -> None:
    net, x = NETWORKS[name], X
    y = np.random.default_rng(6).normal(size=(61, net.outputs or 0))
    u, v = random_direction(net, 1), random_direction(net, 2)
    left = flat(trainable(net, u)) @ flat(
        net.hessian_vector_product(x, y, v, loss="mean_squared_error")
    )
    right = flat(trainable(net, v)) @ flat(
        net.hessian_vector_product(x, y, u, loss="mean_squared_error")
    )
    assert left == pytest.approx(right, rel=1e-8)


def test_a_hessian_vector_product_changes_nothing() -> None:
    x, y = class_data()
    net = classifier(dropout=0.3)
    before, state = bits(net), net.get_state()
    net.hessian_vector_product(x, y, random_direction(net))
    zero = net.hessian_vector_product(x, y, {})
    assert bits(net) == before
    assert net.get_state() == state
    assert not any(array.any() for array in zero.values())


# Inner layers


def test_activations_are_those_of_each_layer_in_prediction() -> None:
    x, _ = class_data()
    net = classifier(dropout=0.5)
    by_layer = net.activations(x)
    assert list(by_layer) == ["layers.0", "layers.1", "layers.2", "layers.3"]
    inner = list(by_layer.values())
    assert [array.shape for array in inner] == [(203, 19), (203, 19), (203, 12), (203, 3)]
    weights = net.parameters()
    first = np.maximum(x @ weights["layers.0.weight"].T + weights["layers.0.bias"], 0)
    np.testing.assert_allclose(inner[0], first, atol=1e-6)  # float32 sums of 7 terms
    np.testing.assert_array_equal(inner[1], inner[0])
    np.testing.assert_array_equal(inner[-1], net.predict(x))


def test_activations_of_a_step_unit_are_given_though_it_has_no_derivative() -> None:
    net = lm.Sequential([lm.Dense(4, "step"), lm.Dense(1)], inputs=2)
    assert set(np.unique(net.activations(np.eye(2))["layers.0"])) <= {0.0, 1.0}
    with pytest.raises(ValueError, match="'step' has no derivative to train through"):
        net.jacobian(np.eye(2))


# Promises


def all_calls(net: lm.Sequential, x: Array, y: Array) -> list[Array]:
    vectors = np.ones((len(x), 3), net.dtype)
    ones = {name: np.ones_like(v) for name, v in net.parameters().items()}
    return [
        *net.activations(x).values(),
        net.jacobian(x),
        net.parameter_jacobian(x),
        net.jacobian_vector_product(x, inputs=np.ones_like(x), parameters=ones),
        net.vector_jacobian_product(x, vectors),
        *net.vector_jacobian_product(x, vectors, by="parameters").values(),
        *net.sample_gradients(x, y).values(),
        net.sample_gradient_norms(x, y),
        *net.hessian_vector_product(x, y, ones).values(),
    ]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_any_number_of_threads_gives_the_same_bits(dtype: Any) -> None:
    x, y = class_data(rows=301, inputs=70)
    net = classifier(inputs=70, dtype=dtype)
    assert same_for_any_threads(lambda: bits(all_calls(net, x, y)))


def test_a_row_has_the_same_derivatives_in_any_batch() -> None:
    x, y = class_data()
    net = classifier()
    whole, part = net.parameter_jacobian(x), net.parameter_jacobian(x[150:160])
    assert bits([whole[150:160]]) == bits([part])
    norms = net.sample_gradient_norms(x, y)
    assert bits([norms[150:160]]) == bits([net.sample_gradient_norms(x[150:160], y[150:160])])


def test_derivatives_leave_the_gradients_of_the_last_backward() -> None:
    x, y = class_data()
    net = classifier(dropout=0.3)
    _, gradients = net.value_and_grad(x, y)
    all_calls(net, x, y)
    assert bits(net.gradients().values()) == bits(gradients.values())


def test_derivatives_wait_for_no_other_thread_but_say_that_it_trains() -> None:
    x, y = class_data()
    net = classifier()
    seen: list[str] = []

    def derive() -> None:
        try:
            net.jacobian(x)
        except RuntimeError as error:
            seen.append(str(error))

    class Other(lm.Callback):
        def on_epoch_end(self, epoch: int, record: Any) -> None:
            thread = threading.Thread(target=derive)
            thread.start()
            thread.join()

    net.fit(x, y, epochs=1, callbacks=[Other()], verbose=False)
    assert seen
    assert "another thread is training" in seen[0]


BAD = {
    "no direction": (lambda n: n.jacobian_vector_product(X), "expected a direction as inputs="),
    "width": (lambda n: n.jacobian(X[:, :3]), "expected 7 input features, got 3"),
    "input shape": (
        lambda n: n.jacobian_vector_product(X, inputs=X[:4]),
        r"expected shape \[61, 7\], got \[4, 7\]",
    ),
    "name": (
        lambda n: n.jacobian_vector_product(X, parameters={"weight": X}),
        "unknown name 'weight'; there are layers.0.weight",
    ),
    "parameter shape": (
        lambda n: n.jacobian_vector_product(X, parameters={"layers.1.bias": X}),
        "layers.1.bias has another shape",
    ),
    "vectors": (lambda n: n.vector_jacobian_product(X, X), r"expected shape \[61, 3\]"),
    "by": (lambda n: n.vector_jacobian_product(X, X, by="x"), "expected by='inputs' or 'param"),
    "loss": (lambda n: n.sample_gradients(X, X[:, :3], loss="cross_entropy"), "cross_entropy"),
    "y": (lambda n: n.sample_gradient_norms(X, X[:5]), "expected y for 61 rows"),
    "own loss": (
        lambda n: n.sample_gradients(X, X, loss=lambda o, y: (0.0, o)),
        "loss: expected",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_what_does_not_fit_is_refused_in_a_sentence(case: str) -> None:
    call, sentence = BAD[case]
    with pytest.raises((ValueError, TypeError), match=sentence):
        call(NETWORKS["dense"])


def test_the_core_refuses_a_loss_that_does_not_fit() -> None:
    x, y = (array.astype(np.float64) for array in value_data(rows=10))
    net = regressor(dtype="float64")
    direction = [np.ones_like(array) for array in net.parameters().values()]
    with pytest.raises(ValueError, match="softmax"):
        _core.hessian_vector_product(
            net._core_network(), core_loss("cross_entropy"), Examples(x, None, y, None), direction
        )


def test_the_core_puts_the_weights_back_where_the_loss_is_not_finite() -> None:
    x, y = (array.astype(np.float64) for array in value_data(rows=10))
    net = regressor(dtype="float64")
    core, before = net._core_network(), bits(net)
    direction = [np.ones_like(array) for array in net.parameters().values()]
    data = Examples(x, None, y + 1e200, None)
    with pytest.raises(lm.NotFiniteError):
        _core.hessian_vector_product(core, core_loss("mse"), data, direction)
    assert bits(net) == before
