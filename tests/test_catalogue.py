"""Every entry of the catalogue: outputs, gradients, files, and what it is compared with."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import lamina as lm
from lamina import _core
from lamina._layers.layers import LAYERS
from lamina._losses.losses import core_loss
from networks import bits, class_data, classifier
from parity import read_traces as traces
from parity import test_torch_blocks as block_parity
from parity import test_torch_catalogue as parity
from parity import test_torch_columns as column_parity
from parity import test_torch_layers as layer_parity

Array = npt.NDArray[Any]
NAMES: dict[str, list[str]] = _core.catalogue()
DTYPES = ("float32", "float64")
# PyTorch has no such entry, or draws other random numbers; compared with their formulas.
WITHOUT_PYTORCH = {"step", "lion", "dropout", "alpha_dropout", "gaussian_noise"} | {
    "normalization",
    "affine",
    "column_encoding",
    "target_scaling",
}
X = np.random.default_rng(0).normal(size=(9, 5))


def network(activation: str, dtype: Any) -> lm.Sequential:
    return lm.Sequential([lm.Dense(6, activation), lm.Dense(4)], inputs=5, dtype=dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NAMES["activations"])
def test_a_rows_outputs_after_every_activation_do_not_depend_on_the_others(
    name: str, dtype: Any
) -> None:
    net = network(name, dtype)
    outputs = net.predict(X)
    assert outputs.dtype == dtype
    assert np.isfinite(outputs).all()
    assert outputs.std() > 0
    # Other rows, other tiles, the same bits.
    np.testing.assert_array_equal(net.predict(X[4:5]), outputs[4:5])


@pytest.mark.parametrize("name", [name for name in NAMES["activations"] if name != "step"])
def test_gradients_of_every_activation_in_float32_are_those_in_float64(name: str) -> None:
    net, exact = network(name, "float32"), network(name, "float64")
    exact.set_parameters(net.parameters())
    for part in (net, exact):
        part.forward(X.astype(np.float32))
        part.backward(np.ones((9, 4)))
    for key, expected in exact.gradients().items():
        np.testing.assert_allclose(net.gradients()[key], expected, rtol=2e-4, atol=1e-5)


def loss_case(name: str) -> tuple[lm.Loss, str, Array, Array]:
    record, (loss, last) = next(
        (record, case) for record, case in parity.LOSSES.items() if case[0].kind == name
    )
    return (
        loss,
        last,
        parity.arrays[f"loss/{record}/outputs"],
        parity.arrays[f"loss/{record}/targets"],
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NAMES["losses"])
def test_every_loss_is_the_weighted_mean_of_its_rows(name: str, dtype: Any) -> None:
    loss, last, outputs, targets = loss_case(name)
    net = parity.identity_network(outputs, last, dtype)
    rows = np.eye(len(outputs))
    weights = np.linspace(0.5, 1.5, len(rows))
    each = [net.evaluate(rows[i : i + 1], targets[i : i + 1], loss=loss)["loss"] for i in range(11)]
    mean = net.evaluate(rows, targets, loss=loss, sample_weight=weights)["loss"]
    assert mean == pytest.approx(np.average(each, weights=weights), rel=1e-5)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NAMES["losses"])
def test_every_losss_gradient_counts_rows_by_their_weights(name: str, dtype: Any) -> None:
    loss, last, outputs, targets = loss_case(name)
    rows = np.eye(len(outputs))
    weights = np.linspace(0.5, 1.5, len(rows))
    net = parity.identity_network(outputs, last, dtype)
    _, plain = net.value_and_grad(rows, targets, loss=loss)
    _, weighted = net.value_and_grad(rows, targets, loss=loss, sample_weight=weights)
    expected = plain["layers.0.weight"] * (weights / weights.mean())
    np.testing.assert_allclose(weighted["layers.0.weight"], expected, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("name", NAMES["losses"])
def test_every_loss_can_be_made_from_its_description(name: str) -> None:
    loss = loss_case(name)[0]
    text = core_loss(loss).spec()
    assert _core.make_loss(text).spec() == text
    assert text.count(name) == 1


def make(name: str) -> lm.Optimizer:
    return lm.Adam(amsgrad=True) if name == "amsgrad" else OPTIMIZERS[name]()


OPTIMIZERS: dict[str, Callable[[], lm.Optimizer]] = {
    kind.kind: kind for kind in lm.Optimizer.__subclasses__()
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NAMES["optimizers"])
def test_every_optimizers_steps_by_hand_have_the_bits_of_train_step(name: str, dtype: Any) -> None:
    x, y = class_data()
    fused, by_hand, first, second = (
        classifier(dtype=dtype),
        classifier(dtype=dtype),
        make(name),
        make(name),
    )
    for _ in range(3):
        fused.train_step(x, y, optimizer=first)
        by_hand.value_and_grad(x, y)
        second.step(by_hand)
    assert bits(fused) == bits(by_hand)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NAMES["optimizers"])
def test_every_optimizer_goes_on_from_its_state_beside_a_saved_network(
    name: str, dtype: Any, tmp_path: Path
) -> None:
    x, y = class_data()
    net, optimizer, resumed = classifier(dtype=dtype), make(name), make(name)
    for _ in range(7):
        net.train_step(x, y, optimizer=optimizer)
    net.save(tmp_path / "net.lamina")
    twin = lm.load(tmp_path / "net.lamina")
    resumed.set_state(twin, optimizer.get_state())
    for _ in range(7):
        net.train_step(x, y, optimizer=optimizer)
        twin.train_step(x, y, optimizer=resumed)
    assert bits(twin) == bits(net)


def layer_network(name: str, dtype: Any) -> lm.Sequential:
    options: dict[str, tuple[Any, ...]] = {
        "dense": (4,),
        "activation": ("tanh",),
        "dropout": (0.25,),
    }
    options |= {
        "alpha_dropout": (0.25,),
        "gaussian_noise": (0.1,),
        "affine": (2.0, 0.5),
        "parametric_activation": ("gelu", 0.7),
        "clip": (-1.0, 1.0),
    }
    options |= {"residual": ([lm.Dense(5)],), "ensemble": ([lm.Dense(5, "tanh"), lm.Dense(4)], 3)}
    number, plain = lm.NumberEncoding([-1.0, 0.0, 2.0], limit=3.0), lm.NumberEncoding(limit=3.0)
    columns = [number, lm.CategoryEncoding(2), plain, lm.DateEncoding(scale=2.0)]
    options |= {"column_encoding": (columns,), "embedding": ({1: 3, 4: 2}, 3)}
    options |= {"piecewise_linear": ({0: [-1.0, 0.0, 1.0], 3: [0.0, 1.0]}, 3)}
    options |= {"periodic": ([1, 4], "plr", 3, 6, 0.3)}
    layer = LAYERS[name](*options.get(name, ()))
    if name == "target_scaling":
        net = lm.Sequential([lm.Dense(4), layer], inputs=5, dtype=dtype)
        net.adapt(X, 3.0 * X[:, :4] - 2.0)
        return net
    if name == "ensemble":
        return lm.Sequential([lm.Dense(5), layer], inputs=5, dtype=dtype)
    net = lm.Sequential([layer, lm.Dense(4)], inputs=5, dtype=dtype)
    if name == "normalization":
        net.adapt(X)
    return net


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NAMES["layers"])
def test_a_rows_outputs_after_every_layer_do_not_depend_on_the_others(
    name: str, dtype: Any
) -> None:
    net = layer_network(name, dtype)
    outputs = net.forward(X, training=True)
    assert outputs.dtype == dtype
    assert np.isfinite(outputs).all()
    np.testing.assert_array_equal(net.predict(X[4:5]), net.predict(X)[4:5])


@pytest.mark.parametrize("name", NAMES["layers"])
def test_gradients_of_every_layer_in_float32_are_those_in_float64(name: str) -> None:
    nets = [layer_network(name, "float32"), layer_network(name, "float64")]
    nets[1].set_parameters(nets[0].parameters())
    inputs = []
    # With other masks in each, or outputs of each member.
    apart = ("dropout", "alpha_dropout", "ensemble")
    for net in nets:
        net.forward(X.astype(np.float32), training=name not in apart)
        inputs.append(net.backward(np.ones((9, 4))))
    # Noise of float32 is that of float64 but for its rounding.
    np.testing.assert_allclose(inputs[0], inputs[1], rtol=2e-4, atol=1e-5)
    for key, expected in nets[1].gradients().items():
        np.testing.assert_allclose(nets[0].gradients()[key], expected, rtol=2e-4, atol=1e-5)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NAMES["layers"])
def test_every_layer_comes_back_from_a_file(name: str, dtype: Any, tmp_path: Path) -> None:
    net = layer_network(name, dtype)
    net.save(tmp_path / "net.lamina")
    loaded = lm.load(tmp_path / "net.lamina")
    assert loaded.to_spec() == net.to_spec()
    assert loaded.predict(X).tobytes() == net.predict(X).tobytes()


def test_every_entry_is_compared_with_pytorch_or_has_no_counterpart_there() -> None:
    """A new entry needs a recording, or a test of its formula and a place in the exceptions."""
    # Activations below; the others have tests of their own there.
    beside = {"activation", "dense", "ensemble", "parametric_activation"}
    compared = {
        "layers": {
            *block_parity.ABOUT["cases"],
            *layer_parity.LAYERS,
            *column_parity.LAYERS,
            *beside,
        },
        "activations": {*parity.ACTIVATIONS, "softmax", "log_softmax"},
        "losses": {loss.kind for loss, _ in parity.LOSSES.values()},
        "optimizers": {
            optimizer
            for file in ("torch_trace.npz", "torch_optimizers.npz")
            for _, optimizer, _ in traces.trace_names(file)
        },
    }
    missing = {
        name for kind, names in NAMES.items() if kind in compared for name in names
    } - set().union(*compared.values())
    assert missing == WITHOUT_PYTORCH


def test_the_step_function_is_1_above_0() -> None:
    net = lm.Sequential([lm.Activation("step")], inputs=4)
    np.testing.assert_array_equal(net.predict([[-1.0, 0.0, 1e-30, 2.0]]), [[0.0, 0.0, 1.0, 1.0]])


def test_lion_steps_by_the_sign_of_its_momentum() -> None:
    x, y = class_data()
    net, optimizer = classifier(dtype="float64"), lm.Lion(0.01, weight_decay=0.1)
    weight, momentum = "layers.1.weight", 0.0
    for _ in range(3):
        before, gradient = net.parameters()[weight], net.value_and_grad(x, y)[1][weight]
        net.train_step(x, y, optimizer=optimizer)
        step = 0.01 * np.sign(0.9 * momentum + 0.1 * gradient)
        momentum = 0.99 * momentum + 0.01 * gradient
        expected = before * (1.0 - 0.01 * 0.1) - step
        np.testing.assert_allclose(net.parameters()[weight], expected, rtol=1e-13, atol=1e-15)
