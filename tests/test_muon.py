"""Muon: its directions against the formula, which weights it takes, threads, refusals."""

import json
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import lamina as lm
from lamina import _core
from networks import bits, class_data, regressor, same_for_any_threads, value_data

pytestmark = pytest.mark.kernels

Array = npt.NDArray[Any]


def deep(dtype: Any = "float64", widths: tuple[int, ...] = (21, 34, 13)) -> lm.Sequential:
    """Hidden weights that are wider than tall, and taller than wide, of no round size."""
    layers = [lm.Dense(width, "tanh") for width in widths]
    return lm.Sequential([*layers, lm.Dense(3, "softmax")], inputs=7, dtype=dtype)


def orthogonalised(matrix: Array, iterations: int = 5) -> Array:
    x = matrix / np.linalg.norm(matrix)
    for _ in range(iterations):
        gram = x @ x.T
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
    return x


@pytest.mark.parametrize("nesterov", [True, False])
def test_steps_follow_the_formula_for_tall_and_wide_matrices(nesterov: bool) -> None:
    x, y = class_data()
    net = deep()
    optimizer = lm.Muon(0.02, momentum=0.9, nesterov=nesterov, weight_decay=0.1)
    momentum = {"layers.1.weight": 0.0, "layers.2.weight": 0.0}
    for _ in range(3):
        before, gradients = net.parameters(), net.value_and_grad(x, y)[1]
        net.train_step(x, y, optimizer=optimizer)
        for name in momentum:
            gradient = gradients[name]
            momentum[name] = 0.9 * momentum[name] + 0.1 * gradient
            direction = 0.9 * momentum[name] + 0.1 * gradient if nesterov else momentum[name]
            scale = np.sqrt(max(1.0, gradient.shape[0] / gradient.shape[1]))
            step = 0.02 * scale * orthogonalised(np.asarray(direction))
            expected = before[name] * (1.0 - 0.02 * 0.1) - step
            # Fifteen products in another order of sums, each amplified threefold.
            np.testing.assert_allclose(net.parameters()[name], expected, rtol=1e-9, atol=1e-11)


def test_first_and_last_weights_and_biases_are_adamws() -> None:
    x, y = class_data()
    net, twin = deep(), deep()
    net.train_step(x, y, optimizer=lm.Muon(0.02, adamw_rate_factor=0.5, weight_decay=0.1))
    twin.train_step(x, y, optimizer=lm.AdamW(0.01, weight_decay=0.1))
    for name, array in net.parameters().items():
        same = np.array_equal(array, twin.parameters()[name])
        assert same == (name not in ("layers.1.weight", "layers.2.weight")), name


def test_first_and_last_weights_are_taken_where_told() -> None:
    x, y = value_data()
    net, twin = regressor(dtype="float64"), regressor(dtype="float64")
    net.train_step(x, y, optimizer=lm.Muon(0.02, first_and_last=True, adamw_rate_factor=0.0))
    for name, array in net.parameters().items():
        assert np.array_equal(array, twin.parameters()[name]) == name.endswith("bias")


def test_matching_adamw_scales_by_the_larger_side() -> None:
    x, y = class_data()
    plain, matched, start = deep(), deep(), deep().parameters()
    plain.train_step(x, y, optimizer=lm.Muon(0.02))
    matched.train_step(x, y, optimizer=lm.Muon(0.02, match_adamw=True))
    for name, shape in (("layers.1.weight", (34, 21)), ("layers.2.weight", (13, 34))):
        ratio = 0.2 * np.sqrt(max(shape)) / np.sqrt(max(1.0, shape[0] / shape[1]))
        step = matched.parameters()[name] - start[name]
        np.testing.assert_allclose(
            step, ratio * (plain.parameters()[name] - start[name]), atol=1e-14
        )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_any_number_of_threads_gives_the_same_bits(dtype: str) -> None:
    x, y = class_data(rows=600)

    def trained() -> bytes:
        net = deep(dtype, widths=(70, 131, 40))
        net.fit(x, y, optimizer=lm.Muon(clip_norm=0.5), epochs=2, batch_size=300, verbose=False)
        return bits(net)

    assert same_for_any_threads(trained)


def test_a_matrix_without_gradient_stays() -> None:
    x, y = class_data()
    net = deep()
    net.set_parameters({"layers.0.weight": np.zeros((21, 7)), "layers.3.weight": np.zeros((3, 13))})
    before = net.parameters()
    net.train_step(x, y, optimizer=lm.Muon())
    np.testing.assert_array_equal(net.parameters()["layers.1.weight"], before["layers.1.weight"])


def test_frozen_layers_stay_and_leave_muon_without_work() -> None:
    x, y = class_data()
    layers = [lm.Dense(9, "tanh"), lm.Dense(9, "tanh"), lm.Dense(3, "softmax")]
    net = lm.Sequential(layers, inputs=7)
    spec = net.to_spec()
    spec["layers"][1]["trainable"] = False
    with pytest.raises(ValueError, match="expected trainable weights between hidden layers"):
        _core.make_network(json.dumps(spec), "float32", 0).make_optimizer('{"kind": "muon"}')
    net.train_step(x, y, optimizer=lm.Muon())


def test_a_network_without_hidden_weights_is_refused_before_anything_changes() -> None:
    x, y = value_data()
    net = regressor(inputs=None)
    with pytest.raises(ValueError, match=r"at least three Dense layers.*use adamw"):
        net.fit(x, y, optimizer="muon", verbose=False)
    assert net.inputs is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"iterations": 0}, "'iterations' between 1 and 100, got 0"),
        ({"iterations": 2.5}, "a whole number for 'iterations'"),
        ({"momentum": 1.0}, "'momentum' of at least 0 and below 1"),
        ({"decoupled": True}, "unknown option 'decoupled'; expected some of learning_rate, mom"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        lm.Muon(**options)
