"""Layers that exporters of ONNX spell in many ways are read as the layers that they are."""

from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx", reason="needs the extra onnx")
pytest.importorskip("onnxruntime", reason="needs the extra test")

import onnx
from onnx import TensorProto

import lamina as lm
from onnx_graphs import graph_of, steps
from onnx_runs import assert_close, run_both

RANDOM = np.random.default_rng(3)
W, B, ROW = RANDOM.normal(size=(4, 3)), RANDOM.normal(size=3), RANDOM.uniform(0.5, 2, 4)
HALF, ONE, ROOT2 = np.array(0.5), np.array(1.0), np.array(np.sqrt(2.0))
GELU = [
    ("Div", ["x", "root2"], "a", {}),
    ("Erf", ["a"], "b", {}),
    ("Add", ["b", "one"], "c", {}),
    ("Mul", ["x", "c"], "d", {}),
    ("Mul", ["d", "half"], "y", {}),
]
CUBIC = [
    ("Pow", ["x", "three"], "a", {}),
    ("Mul", ["a", "small"], "b", {}),
    ("Add", ["x", "b"], "c", {}),
    ("Mul", ["c", "root"], "d", {}),
    ("Tanh", ["d"], "e", {}),
    ("Add", ["e", "one"], "f", {}),
    ("Mul", ["x", "f"], "g", {}),
    ("Mul", ["half", "g"], "y", {}),
]
LAYER_NORM = [
    ("ReduceMean", ["x"], "mean", {"axes": [-1]}),
    ("Sub", ["x", "mean"], "d", {}),
    ("Pow", ["d", "two"], "s", {}),
    ("ReduceMean", ["s"], "v", {"axes": [-1]}),
    ("Add", ["v", "epsilon"], "w", {}),
    ("Sqrt", ["w"], "r", {}),
    ("Div", ["d", "r"], "n", {}),
    ("Mul", ["n", "row"], "m", {}),
    ("Add", ["m", "shift"], "y", {}),
]
SOFT_SUM = [
    ("ReduceMax", ["x"], "m", {"axes": [1]}),
    ("Sub", ["x", "m"], "d", {}),
    ("Exp", ["d"], "e", {}),
    ("ReduceSum", ["e", "axis"], "s", {}),
    ("Div", ["e", "s"], "y", {}),
]
CONSTANTS = {
    "half": HALF, "one": ONE, "root2": ROOT2, "three": np.array(3.0), "small": np.array(0.044715),
    "root": np.array(np.sqrt(2 / np.pi)), "two": np.array(2.0), "epsilon": np.array(1e-3),
    "row": ROW, "shift": -ROW, "axis": np.array([1]), "six": np.array(6.0), "zero": np.array(0.0),
    "far": np.array(2.0**24),
}  # fmt: skip
# Spellings of layers, as exporters have them, and the layer.
SPELLINGS: dict[str, tuple[list[Any], lm.Layer]] = {
    "gelu by erf": (GELU, lm.Activation("gelu")),
    "gelu by tanh": (CUBIC, lm.Activation("gelu_tanh")),
    "swish": (
        [("Sigmoid", ["x"], "s", {}), ("Mul", ["s", "x"], "y", {})],
        lm.Activation("silu"),
    ),
    "mish": (
        [("Softplus", ["x"], "s", {}), ("Tanh", ["s"], "t", {}), ("Mul", ["x", "t"], "y", {})],
        lm.Activation("mish"),
    ),
    "softplus": (
        steps(("Exp", ["@"], {}), ("Add", ["@", "one"], {}), ("Log", ["@"], {})),
        lm.Activation("softplus"),
    ),
    "hard swish": (
        [
            ("Add", ["x", "three"], "a", {}),
            ("Clip", ["a", "zero", "six"], "b", {}),
            ("Mul", ["x", "b"], "c", {}),
            ("Div", ["c", "six"], "y", {}),
        ],
        lm.Activation("hard_swish"),
    ),
    "softsign": (
        [("Abs", ["x"], "a", {}), ("Add", ["a", "one"], "b", {}), ("Div", ["x", "b"], "y", {})],
        lm.Activation("softsign"),
    ),
    "leaky relu": (
        [("Mul", ["x", "half"], "a", {}), ("Max", ["x", "a"], "y", {})],
        lm.Activation({"kind": "leaky_relu", "negative_slope": 0.5}),
    ),
    "sine": (
        steps(("Mul", ["@", "three"], {}), ("Sin", ["@"], {})),
        lm.Activation({"kind": "sin", "frequency": 3.0}),
    ),
    "gaussian": (
        steps(("Pow", ["@", "two"], {}), ("Neg", ["@"], {}), ("Exp", ["@"], {})),
        lm.Activation("gaussian"),
    ),
    "step": (
        steps(("Greater", ["@", "zero"], {}), ("Cast", ["@"], {"to": TensorProto.FLOAT})),
        lm.Activation("step"),
    ),
    "relu as a clip": (steps(("Clip", ["@", "zero"], {})), lm.Activation("relu")),
    "clip far away": (steps(("Clip", ["@", "zero", "far"], {})), lm.Clip(0.0, 2.0**24)),
    "limit far away": (steps(("Min", ["@", "far"], {})), lm.Clip(high=2.0**24)),
    "clip": (steps(("Clip", ["@", "half", "six"], {})), lm.Clip(0.5, 6.0)),
    "clip below": (steps(("Max", ["@", "half"], {})), lm.Clip(low=0.5)),
    "softmax": (SOFT_SUM, lm.Activation("softmax")),
    "log of softmax": (
        steps(("Softmax", ["@"], {"axis": 1}), ("Log", ["@"], {})),
        lm.Activation("log_softmax"),
    ),
    "layer norm": (LAYER_NORM, lm.LayerNorm(1e-3)),
    "scaling": (steps(("Mul", ["@", "row"], {})), lm.Affine(ROW.astype(np.float32))),
    "nothing": (steps(("Identity", ["@"], {})), lm.Affine()),
}


def check(model: onnx.ModelProto, net: lm.Sequential, columns: int = 4) -> None:
    rows = np.random.default_rng(5).normal(size=(30, columns)).astype(np.float32) * 3
    for outputs in run_both(model, {"x": rows.astype(net.dtype)}):
        assert_close(net.predict(rows), outputs["y"])


@pytest.mark.parametrize("name", SPELLINGS)
def test_a_layer_is_known_however_it_is_spelled(name: str) -> None:
    nodes, layer = SPELLINGS[name]
    used = {name for _, inputs, _, _ in nodes for name in inputs}
    model = graph_of(nodes, {name: CONSTANTS[name] for name in used & CONSTANTS.keys()})
    net = lm.import_onnx(model)
    assert net.layers == (layer,)
    check(model, net)


@pytest.mark.parametrize("frequency", [0.01, 1.0, 2000.0, 1.0 / 3.0])
def test_waves_of_any_frequency_are_known(frequency: float) -> None:
    nodes = steps(("Mul", ["@", "rate"], {}), ("Sin", ["@"], {}))
    net = lm.import_onnx(graph_of(nodes, {"rate": np.array(frequency)}, kind=TensorProto.DOUBLE))
    (layer,) = net.layers
    assert layer.activation["kind"] == "sin"  # type: ignore[attr-defined]
    assert layer.activation["frequency"] == pytest.approx(frequency, rel=1e-9)  # type: ignore[attr-defined]


PRODUCTS: dict[str, tuple[list[Any], dict[str, Any]]] = {
    "matmul and add": (
        steps(("MatMul", ["@", "W"], {}), ("Add", ["b", "@"], {})), {"W": W, "b": B}),
    "gemm": (steps(("Gemm", ["@", "W", "b"], {"alpha": 0.5, "beta": 2.0})), {"W": W, "b": B}),
    "gemm turned": (steps(("Gemm", ["@", "V"], {"transB": 1})), {"V": W.T.copy()}),
    "from the other side": (
        steps(("Transpose", ["@"], {}), ("MatMul", ["V", "@"], {}), ("Transpose", ["@"], {})),
        {"V": W.T.copy()}),
    "of a turned constant": (
        [("Transpose", ["V"], "W", {}), ("MatMul", ["x", "W"], "y", {})], {"V": W.T.copy()}),
    "scaled": (
        steps(("MatMul", ["@", "W"], {}), ("Mul", ["@", "s"], {}), ("Sub", ["@", "b"], {})),
        {"W": W, "b": B, "s": B + 3}),
}  # fmt: skip


@pytest.mark.parametrize("kind", [TensorProto.FLOAT, TensorProto.DOUBLE])
@pytest.mark.parametrize("name", PRODUCTS)
def test_a_product_is_a_dense_layer_on_either_side_and_turned(name: str, kind: int) -> None:
    nodes, constants = PRODUCTS[name]
    model = graph_of(nodes, constants, kind=kind)
    net = lm.import_onnx(model)
    assert [type(layer) for layer in net.layers] == [lm.Dense]
    assert net.dtype == ("float64" if kind == TensorProto.DOUBLE else "float32")
    check(model, net)


def test_scalings_before_the_first_product_are_a_normalization_that_keeps_digits() -> None:
    mean = np.array([1.7e9, 0.0, -3.0, 5.0])
    nodes = steps(("Sub", ["@", "mean"], {}), ("Div", ["@", "row"], {}), ("MatMul", ["@", "W"], {}))
    net = lm.import_onnx(
        graph_of(nodes, {"mean": mean, "row": ROW, "W": W}, kind=TensorProto.DOUBLE)
    )
    assert net.layers == (lm.Normalization(), lm.Dense(3, bias=False))
    rows = mean + np.random.default_rng(0).normal(size=(9, 4))
    expected = (rows - mean) / ROW @ W
    np.testing.assert_allclose(net.predict(rows), expected, rtol=1e-6, atol=1e-6)


def test_images_are_flattened_and_batch_normalisation_by_numbers_is_folded() -> None:
    nodes = [
        ("Transpose", ["x"], "kept", {"perm": [0, 1, 2]}),
        ("Reshape", ["kept", "rows"], "flat", {}),
        ("MatMul", ["flat", "W"], "a", {}),
        ("Mul", ["a", "s"], "b", {}),
        ("Add", ["b", "t"], "c", {}),
        ("Relu", ["c"], "y", {}),
    ]
    constants = {"rows": np.array([-1, 4]), "W": W, "s": B + 3, "t": B}
    model = graph_of(nodes, constants, shape=("rows", 2, 2))
    net = lm.import_onnx(model)
    assert net.layers == (lm.Dense(3, "relu"),)
    rows = np.random.default_rng(0).normal(size=(9, 2, 2)).astype(np.float32)
    assert_close(net.predict(rows.reshape(9, 4)), run_both(model, {"x": rows})[1]["y"])


@pytest.mark.parametrize("opset", [7, 9, 13, 14, 15, 21])
def test_batch_normalisation_of_every_version_is_that_of_prediction(opset: int) -> None:
    constants = {"W": W, "b": B, "scale": B + 3, "mean": -B, "variance": B**2 + 0.1}
    model = graph_of(
        steps(
            ("Gemm", ["@", "W", "b"], {}),
            ("BatchNormalization", ["@", "scale", "b", "mean", "variance"], {"epsilon": 1e-3}),
            ("Relu", ["@"], {}),
        ),
        constants,
        opset=opset,
    )
    net = lm.import_onnx(model)
    assert net.layers[1] == lm.BatchNorm(0.1, 1e-3)
    rows = np.random.default_rng(1).normal(size=(9, 4)).astype(np.float32)
    hidden = rows @ W + B
    expected = (hidden + B) / np.sqrt(B**2 + 0.1 + 1e-3) * (B + 3) + B
    np.testing.assert_allclose(net.predict(rows), np.maximum(expected, 0), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("labels", [1, 3])
def test_complements_beside_sigmoids_are_one_layer(labels: int) -> None:
    model = graph_of(
        [
            ("Gemm", ["x", "W", "b"], "z", {}),
            ("Sigmoid", ["z"], "p", {}),
            ("Sub", ["one", "p"], "q", {}),
            ("Concat", ["q", "p"], "y", {"axis": 1}),
        ],
        {"W": W[:, :labels], "b": B[:labels], "one": ONE},
    )
    net = lm.import_onnx(model)
    assert net.layers == (lm.Dense(2 * labels, "softmax" if labels == 1 else "sigmoid"),)
    check(model, net)
