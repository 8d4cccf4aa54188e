"""Layers that do not learn, or learn slower: batch normalisation, projections, Rprop's steps."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import lamina as lm
from lamina import _core
from networks import bits, value_data
from test_gradients import TOLERANCE, difference_quotient, relative_error

pytestmark = pytest.mark.kernels

Array = npt.NDArray[Any]
OF_NETWORK = "layers.1."
OPTIMIZERS = _core.catalogue()["optimizers"]
FRONTS: dict[str, list[lm.Layer]] = {
    "normalization": [lm.Normalization()],
    "affine": [lm.Affine(1 / 255)],
    "dense": [lm.Normalization(), lm.Dense(40, "tanh", trainable=False)],
    "residual": [
        lm.Residual([lm.Dense(33, "gelu", trainable=False), lm.Dense(70, trainable=False)],
                    trainable=False)
    ],
    "learned beside it": [lm.Residual([lm.Dense(70, "tanh", trainable=False)])],
    "learned in it": [lm.Residual([lm.Dense(70, "tanh")], trainable=False)],
}  # fmt: skip


def with_batch_norm(**options: Any) -> lm.Sequential:
    """A network whose batch normalisation has seen data, and then got these options."""
    x, y = value_data()
    layers = [lm.Dense(9), lm.BatchNorm(), lm.Activation("relu"), lm.Dense(2)]
    trained = lm.Sequential(layers, inputs=7, dtype="float64")
    trained.fit(x, y, epochs=2, verbose=False)
    layers[1] = lm.BatchNorm(**options)
    net = lm.Sequential(layers, inputs=7, dtype="float64")
    net.set_parameters(trained.parameters())
    return net


def own(net: lm.Sequential) -> dict[str, Array]:
    return {k: v for k, v in net.parameters().items() if k.startswith(OF_NETWORK)}


@pytest.mark.parametrize("way", ["fit", "train_step", "step"])
def test_a_frozen_batch_norm_keeps_weight_bias_and_running_statistics(way: str) -> None:
    x, y = value_data()
    net, optimizer = with_batch_norm(trainable=False), lm.Adam(0.01)
    before, dense = own(net), net.parameters()["layers.0.weight"]
    if way == "fit":
        net.fit(x, y, epochs=2, optimizer=optimizer, verbose=False)
    elif way == "train_step":
        net.train_step(x, y, optimizer=optimizer)
    else:
        net.value_and_grad(x, y)
        optimizer.step(net)
    assert bits(own(net).values()) == bits(before.values())
    assert (net.parameters()["layers.0.weight"] != dense).any()


def test_a_frozen_batch_norm_trains_by_the_statistics_of_prediction() -> None:
    x, y = value_data()
    net = with_batch_norm(trainable=False)
    np.testing.assert_array_equal(net.forward(x, training=True), net.predict(x))
    # Rows are independent, so one is a batch.
    assert net.train_step(x[:1], y[:1], optimizer=lm.SGD(0.0)) == pytest.approx(
        net.evaluate(x[:1], y[:1])["loss"]
    )


def test_gradients_through_a_frozen_batch_norm_are_those_of_the_loss() -> None:
    x, y = value_data(rows=11)
    net = with_batch_norm(trainable=False)
    _, gradients = net.value_and_grad(x, y)
    name = "layers.0.weight"
    twin = net.copy()

    def loss(weight: Array) -> float:
        twin.set_parameters({name: weight})
        return twin.evaluate(x, y)["loss"]

    expected = difference_quotient(loss, net.parameters()[name])
    assert relative_error(gradients[name], expected) <= TOLERANCE
    assert not any(gradients[key].any() for key in own(net))


def test_a_frozen_batch_norm_is_saved_and_folded(tmp_path: Path) -> None:
    x, _ = value_data()
    net = with_batch_norm(trainable=False)
    net.save(tmp_path / "net.lamina")
    loaded = lm.load(tmp_path / "net.lamina")
    assert loaded.to_spec() == net.to_spec()
    assert bits([loaded.predict(x)]) == bits([net.predict(x)])
    for rows in (x, x[0]):
        got = net.compile_predictor()(rows)
        np.testing.assert_allclose(got, net.predict(np.atleast_2d(rows)).reshape(got.shape))


def test_lbfgs_trains_around_a_frozen_batch_norm() -> None:
    x, y = value_data()
    net = with_batch_norm(trainable=False)
    before, loss = own(net), net.evaluate(x, y)["loss"]
    net.fit(x, y, optimizer=lm.LBFGS(20), verbose=False)
    assert net.evaluate(x, y)["loss"] < loss
    assert bits(own(net).values()) == bits(before.values())


def test_a_batch_norm_may_learn_slower_and_decay_more() -> None:
    x, y = value_data()
    moved = {}
    for name, options in {"free": {}, "slow": {"rate_factor": 0.25}}.items():
        net = with_batch_norm(**options)
        before = own(net)
        net.train_step(x, y, optimizer=lm.SGD(0.1))
        moved[name] = {k: v - before[k] for k, v in own(net).items()}
    for key in ("weight", "bias"):
        slow, free = moved["slow"][OF_NETWORK + key], moved["free"][OF_NETWORK + key]
        np.testing.assert_allclose(slow, free / 4.0, rtol=1e-9, atol=1e-15)
    net = with_batch_norm(decay_factor=3.0, rate_factor=1.0)
    before = own(net)
    options = {"weight_decay": 0.1, "decoupled": True, "decay_biases": True}
    net.set_parameters({"layers.3.weight": np.zeros((2, 9))})  # no gradient reaches the layer
    net.train_step(x, y, optimizer=lm.SGD(0.1, **options))
    key = OF_NETWORK + "weight"
    np.testing.assert_allclose(own(net)[key], before[key] * (1.0 - 0.1 * 0.1 * 3.0), rtol=1e-13)


def test_a_projection_may_be_frozen_or_learn_slower() -> None:
    x, y = value_data()
    moved = {}
    cases: dict[str, dict[str, Any]] = {
        "free": {},
        "slow": {"rate_factor": 0.5},
        "frozen": {"trainable": False},
    }
    for name, options in cases.items():
        block = lm.Residual([lm.Dense(2, "tanh")], **options)
        net = lm.Sequential([block], inputs=7, dtype="float64")
        assert lm.Sequential.from_spec(net.to_spec()).to_spec() == net.to_spec()
        before = net.parameters()
        net.train_step(x, y, optimizer=lm.SGD(0.1))
        moved[name] = {k: v - before[k] for k, v in net.parameters().items()}
    key = "layers.0.projection.weight"
    np.testing.assert_allclose(moved["slow"][key], moved["free"][key] / 2.0, rtol=1e-9)
    assert not moved["frozen"][key].any()
    assert moved["frozen"]["layers.0.layers.0.weight"].any()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_layers_stay_where_frozen_or_of_rate_0_with_every_optimizer(name: str, dtype: Any) -> None:
    x, y = value_data()
    still: list[lm.Layer] = [lm.Dense(5, "tanh", trainable=False), lm.Dense(4, rate_factor=0.0)]
    layers = [lm.Dense(6, "tanh"), lm.Dense(6, "tanh"), *still, lm.Dense(2)]
    net = lm.Sequential(layers, inputs=7, dtype=dtype)
    before = net.parameters()
    net.fit(x, y, optimizer=name, epochs=3, verbose=False)
    for key, value in net.parameters().items():
        stays = key.startswith(("layers.2.", "layers.3."))
        assert (bits([value]) == bits([before[key]])) == stays, key


def test_rprop_scales_a_layers_steps_by_its_rate_factor() -> None:
    x, y = value_data()
    net = lm.Sequential([lm.Dense(2, rate_factor=0.5)], inputs=7, dtype="float64")
    before = net.parameters()["layers.0.weight"]
    net.train_step(x, y, optimizer=lm.Rprop(0.01))
    moved = np.abs(net.parameters()["layers.0.weight"] - before)
    np.testing.assert_allclose(moved, 0.005, rtol=1e-12)


def in_front(name: str) -> lm.Sequential:
    layers = [*FRONTS[name], lm.Dense(64, "tanh"), lm.Dense(2)]
    net = lm.Sequential(layers, inputs=7, dtype="float64")
    if any(isinstance(layer, lm.Normalization) for layer in layers):
        net.adapt(value_data()[0])
    return net


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", ["normalization", "affine", "dense", "residual"])
def test_what_does_not_learn_in_front_is_like_a_step_before(name: str, threads: int) -> None:
    x, y = value_data(rows=96)
    lm.set_num_threads(threads, exact=True)
    net, width = in_front(name), len(FRONTS[name])
    front = lm.Sequential(FRONTS[name], inputs=7, dtype="float64")
    front.set_parameters({k: v for k, v in net.parameters().items() if k in front.parameters()})
    passed = front.predict(x)
    rest = lm.Sequential(net.layers[width:], inputs=passed.shape[1], dtype="float64")
    keys = list(rest.parameters())
    learned = [f"layers.{int(key.split('.')[1]) + width}.{key.split('.')[2]}" for key in keys]
    rest.set_parameters(
        {key: net.parameters()[own] for key, own in zip(keys, learned, strict=True)}
    )
    for each, rows in ((net, x), (rest, passed)):
        each.fit(rows, y, epochs=3, batch_size=32, optimizer=lm.Adam(0.01), verbose=False)
    assert bits(net.parameters()[own] for own in learned) == bits(rest.parameters().values())
    assert bits(front.parameters().values()) == bits(
        net.parameters()[key] for key in front.parameters()
    )


@pytest.mark.parametrize("name", FRONTS)
def test_the_delta_of_the_input_is_there_when_asked_for(name: str) -> None:
    x, y = (a.astype(np.float64) for a in value_data(rows=20))
    net = in_front(name)
    net.fit(x, y, epochs=2, verbose=False)
    # The copy has made all its transposed weights anew.
    np.testing.assert_array_equal(net.jacobian(x), net.copy().jacobian(x))
    vectors = np.ones((len(x), 2))
    got = net.vector_jacobian_product(x, vectors)
    expected = difference_quotient(lambda rows: float(net.predict(rows).sum()), x)
    assert relative_error(got, expected) <= TOLERANCE
    _, gradients = net.value_and_grad(x, y)
    for key, gradient in gradients.items():
        frozen = not gradient.any()
        assert frozen == bool((net.parameters()[key] == in_front(name).parameters()[key]).all()), (
            key
        )
