"""Networks from models of ONNX: those of PyTorch, Keras and scikit-learn, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx", reason="needs the extra onnx")
pytest.importorskip("onnxruntime", reason="needs the extra test")

import onnx
from onnx import helper

import lamina as lm
from lamina import _core
from onnx_graphs import graph_of
from onnx_runs import assert_close

FOLDER = Path(__file__).parent / "models" / "peers"
# What the recorded models of peers are read as; see tests/parity/record_onnx_peers.py.
SOFTMAX = lm.Dense(3, "softmax")
ACTIVATIONS: list[Any] = [
    *("gelu", "gelu_tanh", "silu", "mish", "hard_swish", {"kind": "elu", "alpha": 0.5}),
    *({"kind": "celu", "alpha": 0.5}, "selu", {"kind": "leaky_relu", "negative_slope": 0.2}),
    *("softplus", "log_sigmoid", "softsign", "hard_sigmoid", "hard_tanh", "relu6", "tanh"),
    *("sigmoid", "log_softmax"),
]
NORMS = [
    *(lm.LayerNorm(), lm.Dense(8, bias=False), lm.PReLU(shared=True), lm.Dense(8), lm.PReLU()),
    *(lm.BatchNorm(), lm.Dense(1)),
]
PATHS = [
    lm.Residual([lm.Dense(8, "relu"), lm.Dense(5)], projection=False),
    lm.Residual([lm.Activation("tanh"), lm.Dense(3)], projection=True),
]
PEERS: dict[str, list[lm.Layer]] = {
    "plain_script": [lm.Dense(8, "relu"), lm.BatchNorm(), SOFTMAX],
    "smooth_script": [lm.Dense(5, activation) for activation in ACTIVATIONS[:6]],
    "bent_script": [lm.Dense(5, activation) for activation in ACTIVATIONS[6:12]],
    "limited_script": [lm.Dense(5, activation) for activation in ACTIVATIONS[12:]],
    "norms_script": NORMS,
    "residual_script": PATHS,
    "root_dynamo": [lm.Dense(8), lm.RMSNorm(epsilon=1.1920929e-07), lm.Dense(2)],
    "half_script": [lm.Dense(8, "silu"), lm.Dense(2)],
    "double_script": [lm.Dense(8, "silu"), lm.Dense(2)],
    "images_keras": [lm.Normalization(), lm.Dense(5, "tanh"), lm.Dense(1, "sigmoid")],
    "classes_sklearn": [lm.Normalization(), lm.Dense(6, "tanh"), SOFTMAX],
    "two_sklearn": [lm.Normalization(), lm.Dense(6, "relu"), lm.Dense(2, "softmax")],
    "number_sklearn": [lm.Normalization(), lm.Dense(6, "sigmoid"), lm.Dense(1)],
    "logistic_two_sklearn": [lm.Dense(2, "softmax")],
    "logistic_sklearn": [lm.Normalization(), SOFTMAX],
    "linear_sklearn": [lm.Normalization(), lm.Dense(1)],
    "perceptron_sklearn": [lm.Dense(3)],
}
PEERS |= {
    f"{name}_dynamo": PEERS[f"{name}_script"]
    for name in ("plain", "smooth", "bent", "limited", "norms", "residual")
}


@pytest.mark.parametrize("name", [*PEERS, "functional_keras"])
def test_a_model_of_a_peer_gives_what_the_peer_gave(name: str) -> None:
    recorded = np.load(FOLDER / "peers.npz")
    net = lm.import_onnx(FOLDER / f"{name}.onnx")
    rows, outputs = recorded[f"{name}/rows"], recorded[f"{name}/outputs"]
    assert net.dtype == ("float64" if name.startswith("double") else "float32")
    np.testing.assert_allclose(net.predict(rows), outputs, rtol=1e-5, atol=1e-5)
    assert np.ptp(outputs, axis=0).min() > 1e-3
    if name in PEERS:
        assert net.layers == tuple(PEERS[name])


def test_all_recorded_models_are_tried() -> None:
    assert {path.stem for path in FOLDER.glob("*.onnx")} == {*PEERS, "functional_keras"}
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 200_000


def test_an_imported_network_learns_and_is_saved(tmp_path: Path) -> None:
    net = lm.import_onnx((FOLDER / "plain_script.onnx").read_bytes())
    rows = np.random.default_rng(0).normal(size=(60, 5))
    labels = (rows[:, 0] > 0).astype(int)
    history = net.fit(rows, labels, epochs=20, optimizer=lm.Adam(0.05), verbose=False)
    assert history["loss"][-1] < 0.5 * history["loss"][0]
    net.save(tmp_path / "net.lamina")
    np.testing.assert_array_equal(lm.load(tmp_path / "net.lamina").predict(rows), net.predict(rows))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", _core.catalogue()["activations"])
def test_what_lamina_exports_it_reads_again(activation: str, dtype: Any) -> None:
    block = lm.Residual([lm.LayerNorm(), lm.Dense(6, activation)])
    layers = [lm.Normalization(), lm.Dense(6, activation), block, lm.BatchNorm(), lm.Dense(2)]
    net = lm.Sequential(layers, inputs=4, dtype=dtype)
    rows = np.random.default_rng(0).normal(size=(50, 4)) * 2 + 1
    net.adapt(rows)
    again = lm.import_onnx(net.export_onnx())
    assert again.dtype == dtype
    assert_close(again.predict(rows), net.predict(rows))
    kinds = [type(layer) for layer in again.layers if not isinstance(layer, lm.Activation)]
    assert kinds == [lm.Normalization, lm.Dense, lm.Residual, lm.BatchNorm, lm.Dense]


def test_weights_in_a_file_beside_the_model_are_read(tmp_path: Path) -> None:
    net = lm.Sequential([lm.Dense(40, "relu"), lm.Dense(3)], inputs=20)
    path = tmp_path / "net.onnx"
    onnx.save(
        net.export_onnx(), path, save_as_external_data=True, location="net.data", size_threshold=0
    )
    rows = np.random.default_rng(0).normal(size=(9, 20))
    assert_close(lm.import_onnx(path).predict(rows), net.predict(rows))
    with pytest.raises(ValueError, match="are in another file, which a model in memory does not"):
        lm.import_onnx(path.read_bytes())
    whole = (tmp_path / "net.data").read_bytes()
    (tmp_path / "net.data").write_bytes(whole[:100])
    with pytest.raises(ValueError, match="import_onnx: "):
        lm.import_onnx(path)
    (tmp_path / "net.data").unlink()
    with pytest.raises(ValueError, match="import_onnx: the weights"):
        lm.import_onnx(path)


def test_one_of_several_outputs_is_named() -> None:
    nodes = [("Gemm", ["x", "W"], "a", {}), ("Relu", ["a"], "y", {})]
    model = graph_of(nodes, {"W": np.eye(4)[:, :3]}, outputs=("a", "y"))
    with pytest.raises(ValueError, match="expected one output of numbers, got 'a', 'y'; name it"):
        lm.import_onnx(model)
    assert lm.import_onnx(model, output="a").layers == (lm.Dense(3, bias=False),)
    assert lm.import_onnx(model, output="y").layers == (lm.Dense(3, "relu", False),)
    with pytest.raises(ValueError, match="expected output to be one of 'a', 'y', got 'z'"):
        lm.import_onnx(model, output="z")


def test_local_functions_are_read_as_what_they_hold() -> None:
    nodes = [helper.make_node("Sigmoid", ["a"], ["s"]), helper.make_node("Mul", ["a", "s"], ["b"])]
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("local", 1)]
    function = helper.make_function("local", "Swish", ["a"], ["b"], nodes, opsets[:1])
    model = graph_of([("Identity", ["x"], "y", {})])
    model.graph.node[0].CopyFrom(helper.make_node("Swish", ["x"], ["y"], domain="local"))
    del model.opset_import[:]
    model.opset_import.extend(opsets)
    model.functions.append(function)
    assert lm.import_onnx(model).layers == (lm.Activation("silu"),)
