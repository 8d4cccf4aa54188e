"""The table of the catalogue: every entry in both dtypes: forward, backward, PyTorch, saved."""

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
from parity import test_torch_layers as layer_parity
from parity import test_torch_optimizers as optimizer_parity
from parity import test_torch_trace as trace_parity

Array = npt.NDArray[Any]
NAMES: dict[str, list[str]] = _core.catalogue()
DTYPES = ("float32", "float64")
COLUMNS = ("forward", "backward", "PyTorch", "saved")
# PyTorch has no such entry, or draws other random numbers; compared with their formulas.
WITHOUT_PYTORCH = {"step", "lion", "dropout", "alpha_dropout", "gaussian_noise"} | {
    "normalization",
    "affine",
    "column_encoding",
    "target_scaling",
}
X = np.random.default_rng(0).normal(size=(9, 5))
Check = Callable[[str, Any], None]


def network(activation: str, dtype: Any) -> lm.Sequential:
    return lm.Sequential([lm.Dense(6, activation), lm.Dense(4)], inputs=5, dtype=dtype)


def activation_forward(name: str, dtype: Any) -> None:
    net = network(name, dtype)
    outputs = net.predict(X)
    assert outputs.dtype == dtype
    assert np.isfinite(outputs).all()
    assert outputs.std() > 0
    # Other rows, other tiles, the same bits.
    np.testing.assert_array_equal(net.predict(X[4:5]), outputs[4:5])


def activation_backward(name: str, dtype: Any) -> None:
    net, exact = network(name, dtype), network(name, "float64")
    exact.set_parameters(net.parameters())
    for part in (net, exact):
        part.forward(X.astype(np.float32))
        part.backward(np.ones((9, 4)))
    for key, expected in exact.gradients().items():
        np.testing.assert_allclose(net.gradients()[key], expected, rtol=2e-4, atol=1e-5)


def activation_pytorch(name: str, dtype: Any) -> None:
    if name in ("softmax", "log_softmax"):
        parity.test_softmax_over_rows_equals_pytorch(name, dtype)
    else:
        parity.test_every_activation_equals_pytorch(name, dtype)


def activation_saved(name: str, dtype: Any, folder: Path) -> None:
    net = network(name, dtype)
    net.save(folder / "net.lamina")
    loaded = lm.load(folder / "net.lamina")
    assert loaded.to_spec() == net.to_spec()
    assert loaded.predict(X).tobytes() == net.predict(X).tobytes()


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


def loss_forward(name: str, dtype: Any) -> None:
    loss, last, outputs, targets = loss_case(name)
    net = parity.identity_network(outputs, last, dtype)
    rows = np.eye(len(outputs))
    weights = np.linspace(0.5, 1.5, len(rows))
    each = [net.evaluate(rows[i : i + 1], targets[i : i + 1], loss=loss)["loss"] for i in range(11)]
    mean = net.evaluate(rows, targets, loss=loss, sample_weight=weights)["loss"]
    assert mean == pytest.approx(np.average(each, weights=weights), rel=1e-5)


def loss_backward(name: str, dtype: Any) -> None:
    loss, last, outputs, targets = loss_case(name)
    rows = np.eye(len(outputs))
    weights = np.linspace(0.5, 1.5, len(rows))
    net = parity.identity_network(outputs, last, dtype)
    _, plain = net.value_and_grad(rows, targets, loss=loss)
    _, weighted = net.value_and_grad(rows, targets, loss=loss, sample_weight=weights)
    expected = plain["layers.0.weight"] * (weights / weights.mean())
    np.testing.assert_allclose(weighted["layers.0.weight"], expected, rtol=1e-5, atol=1e-8)


def loss_pytorch(name: str, dtype: Any) -> None:
    for record, (loss, _) in parity.LOSSES.items():
        if loss.kind == name:
            for reduction in ("mean", "sum"):
                parity.test_every_loss_equals_pytorch(record, reduction, dtype)


def loss_saved(name: str, dtype: Any, folder: Path) -> None:
    loss = loss_case(name)[0]
    text = core_loss(loss).spec()
    assert _core.make_loss(text).spec() == text
    assert text.count(name) == 1


def make(name: str) -> lm.Optimizer:
    return lm.Adam(amsgrad=True) if name == "amsgrad" else OPTIMIZERS[name]()


OPTIMIZERS: dict[str, Callable[[], lm.Optimizer]] = {
    kind.kind: kind for kind in lm.Optimizer.__subclasses__()
}


def optimizer_forward(name: str, dtype: Any) -> None:
    x, y = class_data()
    net, optimizer = classifier(dtype=dtype), make(name)
    before = net.evaluate(x, y)["loss"]
    for _ in range(30):
        net.train_step(x, y, optimizer=optimizer)
    assert net.evaluate(x, y)["loss"] < before


def optimizer_backward(name: str, dtype: Any) -> None:
    """Steps from gradients that stand give the bits of fused steps."""
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


def optimizer_pytorch(name: str, dtype: Any) -> None:
    if name in ("sgd", "adam"):
        trace_parity.test_twenty_steps_equal_pytorch(("tanh_cross_entropy", name, dtype))
        return
    found = [
        t for t in traces.trace_names("torch_optimizers.npz") if t[1] == name and t[2] == dtype
    ]
    assert found
    for trace in found:
        optimizer_parity.test_twenty_steps_equal_pytorch(trace)


def optimizer_saved(name: str, dtype: Any, folder: Path) -> None:
    x, y = class_data()
    net, optimizer, resumed = classifier(dtype=dtype), make(name), make(name)
    for _ in range(7):
        net.train_step(x, y, optimizer=optimizer)
    net.save(folder / "net.lamina")
    twin = lm.load(folder / "net.lamina")
    resumed.set_state(twin, optimizer.get_state())
    for _ in range(7):
        net.train_step(x, y, optimizer=optimizer)
        twin.train_step(x, y, optimizer=resumed)
    assert bits(twin) == bits(net)


# Layers by their names in the recording.
LAYER_TESTS = {
    "dense": "penalties",
    "prelu": "prelu",
    "layer_norm": "layer_norm",
    "rms_norm": "rms_norm",
    "scale": "scale_and_shift",
    "clip": "clip",
}


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
        "clip": (-1.0, 1.0),
    }
    options |= {"residual": ([lm.Dense(5)],)}
    number, plain = lm.NumberEncoding([-1.0, 0.0, 2.0], limit=3.0), lm.NumberEncoding(limit=3.0)
    columns = [number, lm.CategoryEncoding(2), plain, lm.DateEncoding(scale=2.0)]
    options |= {"column_encoding": (columns,)}
    layer = LAYERS[name](*options.get(name, ()))
    if name == "target_scaling":
        net = lm.Sequential([lm.Dense(4), layer], inputs=5, dtype=dtype)
        net.adapt(X, 3.0 * X[:, :4] - 2.0)
        return net
    net = lm.Sequential([layer, lm.Dense(4)], inputs=5, dtype=dtype)
    if name == "normalization":
        net.adapt(X)
    return net


def layer_forward(name: str, dtype: Any) -> None:
    net = layer_network(name, dtype)
    outputs = net.forward(X, training=True)
    assert outputs.dtype == dtype
    assert np.isfinite(outputs).all()
    np.testing.assert_array_equal(net.predict(X[4:5]), net.predict(X)[4:5])


def layer_backward(name: str, dtype: Any) -> None:
    nets = [layer_network(name, dtype), layer_network(name, "float64")]
    nets[1].set_parameters(nets[0].parameters())
    inputs = []
    for net in nets:
        net.forward(X.astype(np.float32), training=name not in ("dropout", "alpha_dropout"))
        inputs.append(net.backward(np.ones((9, 4))))
    # Noise of float32 is that of float64 but for its rounding.
    np.testing.assert_allclose(inputs[0], inputs[1], rtol=2e-4, atol=1e-5)
    for key, expected in nets[1].gradients().items():
        np.testing.assert_allclose(nets[0].gradients()[key], expected, rtol=2e-4, atol=1e-5)


def layer_pytorch(name: str, dtype: Any) -> None:
    if name in block_parity.ABOUT["cases"]:
        block_parity.test_ten_steps_equal_pytorch(name, dtype)
    elif name == "activation":
        activation_pytorch("tanh", dtype)
    elif name == "dense":
        layer_parity.test_penalties_equal_pytorch(dtype)
    else:
        layer_parity.test_every_row_layer_equals_pytorch(LAYER_TESTS[name], dtype)


def layer_saved(name: str, dtype: Any, folder: Path) -> None:
    net = layer_network(name, dtype)
    net.save(folder / "net.lamina")
    loaded = lm.load(folder / "net.lamina")
    assert loaded.to_spec() == net.to_spec()
    assert loaded.predict(X).tobytes() == net.predict(X).tobytes()


KINDS: dict[str, tuple[Check, Check, Check, Callable[[str, Any, Path], None]]] = {
    "layers": (layer_forward, layer_backward, layer_pytorch, layer_saved),
    "activations": (activation_forward, activation_backward, activation_pytorch, activation_saved),
    "losses": (loss_forward, loss_backward, loss_pytorch, loss_saved),
    "optimizers": (optimizer_forward, optimizer_backward, optimizer_pytorch, optimizer_saved),
}


def answers(kind: str, name: str, dtype: str, folder: Path) -> str:
    """One row of the table; raises where an answer would be no."""
    forward, backward, pytorch, saved = KINDS[kind]
    row = []
    forward(name, dtype)
    row.append("yes")
    if name == "step":
        row.append("none")
    else:
        backward(name, dtype)
        row.append("yes")
    if name in WITHOUT_PYTORCH:
        row.append("formula")
    else:
        pytorch(name, dtype)
        row.append("yes")
    saved(name, dtype, folder)
    row.append("yes")
    return f"| {name} | {dtype} | " + " | ".join(row) + " |"


CASES = [(kind, name, dtype) for kind in KINDS for name in NAMES[kind] for dtype in DTYPES]


@pytest.mark.parametrize(("kind", "name", "dtype"), CASES)
def test_every_entry_answers_yes(kind: str, name: str, dtype: str, tmp_path: Path) -> None:
    row = answers(kind, name, dtype, tmp_path)
    table = Path(__file__).with_name("catalogue_table.md").read_text(encoding="utf-8")
    assert row in table.splitlines()


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


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as scratch:
        head = ["| entry | dtype | " + " | ".join(COLUMNS) + " |", "|" + "---|" * 6]
        lines = head + [answers(*case, Path(scratch)) for case in CASES]
    Path(__file__).with_name("catalogue_table.md").write_text("\n".join(lines) + "\n", "utf-8")
