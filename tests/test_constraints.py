"""Penalties, limits and factors of Dense layers."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import lamina as lm
from networks import bits, value_data

pytestmark = pytest.mark.kernels

Array = npt.NDArray[Any]
DTYPES = ["float32", "float64"]
OPTIONS: dict[str, dict[str, Any]] = {
    "l1": {"l1": 0.003},
    "l2": {"l2": 0.02},
    "max_norm": {"max_norm": 0.7},
    "non_negative": {"non_negative": True},
    "all": {"l1": 1e-3, "l2": 1e-2, "max_norm": 0.7, "non_negative": True, "rate_factor": 0.5},
}
each_option = pytest.mark.parametrize("name", list(OPTIONS))
each_dtype = pytest.mark.parametrize("dtype", DTYPES)


def network(name: str, dtype: Any = "float32", width: int = 19) -> lm.Sequential:
    options = OPTIONS[name]
    layers = [lm.Dense(width, "tanh", **options), lm.Dense(width, "relu", **options), lm.Dense(2)]
    return lm.Sequential(layers, inputs=7, seed=3, dtype=dtype)


def penalty(net: lm.Sequential) -> float:
    total = 0.0
    for index, layer in enumerate(net.layers):
        if isinstance(layer, lm.Dense) and layer.trainable:
            weight = net.parameters()[f"layers.{index}.weight"].astype(np.float64)
            total += layer.l1 * np.abs(weight).sum() + layer.l2 * (weight**2).sum()
    return float(total)


def check_limits(net: lm.Sequential) -> None:
    eps = float(np.finfo(net.dtype).eps)
    for index, layer in enumerate(net.layers):
        if not isinstance(layer, lm.Dense):
            continue
        weight = net.parameters()[f"layers.{index}.weight"]
        if layer.max_norm is not None:
            assert np.linalg.norm(weight, axis=1).max() <= layer.max_norm * (1 + 20 * eps)
        if layer.non_negative:
            assert weight.min() >= 0.0


@each_dtype
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_training_reports_the_loss_with_the_penalty_and_evaluate_without(
    dtype: Any, reduction: Any
) -> None:
    x, y = value_data()
    net, loss = network("all", dtype), lm.MeanSquaredError(reduction=reduction)
    data, own = net.evaluate(x, y, loss=loss)["loss"], penalty(net)
    bound = 1e-5 if dtype == "float32" else 1e-12
    assert own > 0.01
    assert net.value_and_grad(x, y, loss=loss)[0] == pytest.approx(data + own, rel=bound)
    step = net.copy().train_step(x, y, loss=loss, optimizer=lm.SGD(0.0))
    assert step == pytest.approx(data + own, rel=bound)


def test_the_penalty_counts_once_an_epoch_and_val_loss_has_none() -> None:
    x, y = value_data()
    free = lm.Sequential([lm.Dense(2, l1=0.01, l2=0.1)], inputs=7, dtype="float64")
    data, own = free.evaluate(x, y)["loss"], penalty(free)
    history = free.fit(
        x, y, batch_size=32, epochs=1, optimizer=lm.SGD(0.0), validation_data=(x, y), verbose=False
    )
    assert history["loss"][0] == pytest.approx(data + own, rel=1e-12)
    assert history["val_loss"][0] == pytest.approx(data, rel=1e-12)


def test_a_loss_of_ones_own_gets_the_penalty_too() -> None:
    x, y = value_data()
    net = network("l2", "float64")

    def own(outputs: Array, targets: Any) -> tuple[float, Array]:
        error = outputs - targets
        return float((error**2).mean()), 2.0 * error / error.size

    value, gradients = net.value_and_grad(x, y, loss=own)
    expected, right = net.value_and_grad(x, y)
    assert value == pytest.approx(expected, rel=1e-12)
    for key, gradient in gradients.items():
        np.testing.assert_allclose(gradient, right[key], rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("name", ["l1", "l2", "all"])
def test_the_gradient_is_that_of_the_loss_with_the_penalty(name: str) -> None:
    x, y = value_data(rows=11)
    net = network(name, "float64", width=5)
    _, gradients = net.value_and_grad(x, y)
    for key, value in net.parameters().items():
        if not key.endswith("weight"):
            continue
        expected = np.empty_like(value)
        for index in np.ndindex(value.shape):
            if abs(value[index]) < 1e-3:  # |w| has a kink at 0
                expected[index] = gradients[key][index]
                continue
            sides = []
            for step in (1e-5, -1e-5):
                moved = value.copy()
                moved[index] += step
                net.set_parameters({key: moved})
                sides.append(net.evaluate(x, y)["loss"] + penalty(net))
            expected[index] = (sides[0] - sides[1]) / 2e-5
        net.set_parameters({key: value})
        error = np.abs(gradients[key] - expected).max() / np.abs(expected).max()
        # Central differences over 1e-5: their own error is some 1e-9.
        assert error <= 1e-7


@each_option
@each_dtype
@pytest.mark.parametrize("clip", [0.0, 0.05])
def test_steps_by_hand_have_the_bits_of_fit(name: str, dtype: Any, clip: float) -> None:
    x, y = value_data(rows=96)
    fitted, by_hand = network(name, dtype), network(name, dtype)
    first = lm.Adam(0.02, weight_decay=0.01, clip_norm=clip)
    second = lm.Adam(0.02, weight_decay=0.01, clip_norm=clip)
    fitted.fit(x, y, batch_size=32, epochs=2, optimizer=first, shuffle=False, verbose=False)
    for step in range(6):
        rows = slice(step % 3 * 32, step % 3 * 32 + 32)
        by_hand.value_and_grad(x[rows], y[rows])
        second.step(by_hand)
    assert bits(fitted) == bits(by_hand)


@each_option
def test_bits_and_losses_do_not_depend_on_threads(name: str) -> None:
    x, y = value_data(rows=600)
    found = set()
    for count in (1, 2, 3, 4):
        lm.set_num_threads(count, exact=True)
        net = network(name, width=200)
        history = net.fit(x, y, batch_size=200, epochs=2, verbose=False)
        found.add((bits(net), tuple(history["loss"])))
    assert len(found) == 1


@pytest.mark.parametrize("name", ["max_norm", "non_negative", "all"])
@each_dtype
@pytest.mark.parametrize("width", [3, 150])
def test_limits_hold_after_every_step(name: str, dtype: Any, width: int) -> None:
    x, y = value_data()
    net, optimizer = network(name, dtype, width), lm.Adam(0.05)
    layers = [lm.Dense(width, "tanh"), lm.Dense(width, "relu"), lm.Dense(2)]
    free = lm.Sequential(layers, inputs=7, seed=3, dtype=dtype)
    for _ in range(5):
        net.train_step(x, y, optimizer=optimizer)
        check_limits(net)
    net.fit(x, y, epochs=2, optimizer=optimizer, verbose=False)
    check_limits(net)
    net.value_and_grad(x, y)
    optimizer.step(net)
    check_limits(net)
    free.fit(x, y, epochs=2, optimizer=lm.Adam(0.05), verbose=False)
    norms = np.linalg.norm(free.parameters()["layers.1.weight"], axis=1)
    assert norms.max() > 0.7  # the limit is one


@pytest.mark.parametrize("name", ["max_norm", "non_negative", "all"])
def test_gradients_go_back_through_the_limited_weights(name: str) -> None:
    x, y = value_data()
    net = network(name, "float64")
    optimizer = lm.Adam(0.05)
    for _ in range(3):
        net.train_step(x, y, optimizer=optimizer)
    twin = net.copy()  # whose transposed weights are made anew
    direction = np.ones((len(x), 2))
    net.forward(x)
    twin.forward(x)
    assert np.array_equal(net.backward(direction), twin.backward(direction))
    for step in (lambda: net.value_and_grad(x, y), lambda: twin.value_and_grad(x, y)):
        step()
    assert bits(net.gradients().values()) == bits(twin.gradients().values())


def test_clipping_sees_the_gradient_of_the_penalty() -> None:
    net = lm.Sequential([lm.Dense(4, l2=0.5, bias=False)], inputs=5, dtype="float64")
    before = net.parameters()["layers.0.weight"]
    x, y = np.zeros((3, 5)), np.zeros((3, 4))  # the data have no gradient
    net.train_step(x, y, optimizer=lm.SGD(1.0, clip_norm=0.01))
    step = net.parameters()["layers.0.weight"] - before
    assert np.linalg.norm(step) == pytest.approx(0.01, rel=1e-12)
    np.testing.assert_allclose(step / 0.01, -before / np.linalg.norm(before), rtol=1e-9)


def test_a_frozen_layer_has_no_penalty_and_no_limit() -> None:
    x, y = value_data()
    layers = [lm.Dense(5, l1=0.1, l2=0.1, max_norm=0.01, non_negative=True, trainable=False)]
    net = lm.Sequential([*layers, lm.Dense(2)], inputs=7, dtype="float64")
    before = net.parameters()["layers.0.weight"]
    value, gradients = net.value_and_grad(x, y)
    assert value == pytest.approx(net.evaluate(x, y)["loss"], rel=1e-13)
    assert not gradients["layers.0.weight"].any()
    net.train_step(x, y, optimizer=lm.SGD(0.1))
    assert np.array_equal(net.parameters()["layers.0.weight"], before)


@pytest.mark.parametrize("factor", [0.0, 0.25, 3.0])
def test_the_learning_rate_of_a_layer_is_scaled_by_its_factor(factor: float) -> None:
    x, y = value_data()
    layers = [lm.Dense(5, "tanh", rate_factor=factor), lm.Dense(2)]
    net = lm.Sequential(layers, inputs=7, dtype="float64")
    before, (_, gradients) = net.parameters(), net.value_and_grad(x, y)
    net.train_step(x, y, optimizer=lm.SGD(0.1))
    for key, value in net.parameters().items():
        rate = 0.1 * factor if key.startswith("layers.0.") else 0.1
        expected = before[key] - rate * gradients[key]
        np.testing.assert_allclose(value, expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("factor", [0.0, 2.0])
def test_the_decay_of_a_layer_is_scaled_by_its_factor(factor: float) -> None:
    net = lm.Sequential([lm.Dense(4, bias=False, decay_factor=factor)], inputs=5, dtype="float64")
    before = net.parameters()["layers.0.weight"]
    optimizer = lm.SGD(0.1, weight_decay=0.5)
    net.train_step(np.zeros((3, 5)), np.zeros((3, 4)), optimizer=optimizer)
    expected = before * (1.0 - 0.1 * 0.5 * factor)
    np.testing.assert_allclose(net.parameters()["layers.0.weight"], expected, rtol=1e-12)


def test_l1_drives_weights_to_0() -> None:
    x, y = value_data()
    norms = {}
    for l1 in (0.0, 0.05):
        net = lm.Sequential([lm.Dense(2, l1=l1)], inputs=7)
        net.fit(x, y, epochs=60, verbose=False)
        norms[l1] = np.abs(net.parameters()["layers.0.weight"]).sum()
    assert norms[0.05] < 0.85 * norms[0.0]


@each_option
def test_the_options_are_saved(name: str, tmp_path: Path) -> None:
    net = network(name)
    net.save(tmp_path / "net.lamina")
    twin = lm.load(tmp_path / "net.lamina")
    assert twin.to_spec() == net.to_spec()
    for key, value in OPTIONS[name].items():
        assert net.to_spec()["layers"][0][key] == value
    x, y = value_data()
    for part in (net, twin):
        part.train_step(x, y, optimizer=lm.SGD(0.1))
    assert bits(net) == bits(twin)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"l1": -0.1}, "Dense: expected 'l1' of at least 0, got -0.1"),
        ({"l2": "much"}, "Dense: expected a number for 'l2', got \"much\""),
        ({"max_norm": 0.0}, "Dense: expected 'max_norm' above 0, got 0.0"),
        ({"max_norm": -1.0}, "Dense: expected 'max_norm' of at least 0, got -1.0"),
        ({"non_negative": 1}, "Dense: expected true or false for 'non_negative', got 1"),
        ({"rate_factor": -1.0}, "Dense: expected 'rate_factor' of at least 0, got -1.0"),
        ({"decay_factor": float("inf")}, "expected a finite number"),
    ],
    ids=str,
)
def test_options_out_of_range_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        lm.Sequential([lm.Dense(2, **options)], inputs=3)


def test_the_hessian_has_the_penalty_and_gradients_of_rows_have_none() -> None:
    x, y = value_data()
    net = lm.Sequential([lm.Dense(2, l2=0.5)], inputs=7, dtype="float64")
    plain = lm.Sequential([lm.Dense(2)], inputs=7, dtype="float64")
    plain.set_parameters(net.parameters())
    v = {k: np.ones_like(p) for k, p in net.parameters().items()}
    for loss in (lm.MeanSquaredError(), lm.MeanSquaredError(reduction="sum")):
        big = (np.tile(x, (41, 1)), np.tile(y, (41, 1)))  # more rows than one part takes
        got = net.hessian_vector_product(*big, v, loss=loss)
        expected = plain.hessian_vector_product(*big, v, loss=loss)
        difference = got["layers.0.weight"] - expected["layers.0.weight"]
        size = np.abs(expected["layers.0.weight"]).max()
        np.testing.assert_allclose(difference, 1.0, atol=1e-9 * size + 1e-7)
    rows, right = net.sample_gradients(x, y), plain.sample_gradients(x, y)
    assert bits(rows.values()) == bits(right.values())
