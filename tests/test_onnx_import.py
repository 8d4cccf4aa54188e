"""Networks from models of ONNX: those of PyTorch, Keras and scikit-learn, and what is refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx", reason="needs the extra onnx")
pytest.importorskip("onnxruntime", reason="needs the extra test")

import lamina as lm
import onnx
from lamina import _core
from onnx import TensorProto, helper, numpy_helper
from onnx_runs import assert_close, run_both

FOLDER = Path(__file__).parent / "models" / "onnx"
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
    # Its weights alone are float16.
    bound = 2e-3 if name.startswith("half") else 1e-5
    np.testing.assert_allclose(net.predict(rows), outputs, rtol=bound, atol=bound)
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


# Graphs by hand

N = {"x": 4}


def graph_of(
    nodes: list[Any],
    constants: dict[str, Any] | None = None,
    *,
    shape: Any = ("rows", 4),
    kind: int = TensorProto.FLOAT,
    outputs: tuple[str, ...] = ("y",),
    opset: int = 17,
) -> onnx.ModelProto:
    """A model of nodes (operator, inputs, output, attributes) from "x" to "y"."""
    made = [
        helper.make_node(operator, inputs, [output], name=f"{operator}_{output}", **attributes)
        for operator, inputs, output, attributes in nodes
    ]
    dtype = helper.tensor_dtype_to_np_dtype(kind)
    stored = [
        numpy_helper.from_array(array if array.dtype.kind == "i" else array.astype(dtype), name)
        for name, array in ((name, np.asarray(value)) for name, value in (constants or {}).items())
    ]
    graph = helper.make_graph(
        made,
        "by hand",
        [helper.make_tensor_value_info("x", kind, shape)],
        [helper.make_tensor_value_info(name, kind, ["rows", "columns"]) for name in outputs],
        stored,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def steps(*operators: Any) -> list[Any]:
    """Nodes one after the other: (operator, further inputs, attributes); "@" is the last tensor."""
    nodes, at = [], "x"
    for place, (operator, inputs, attributes) in enumerate(operators):
        output = "y" if place == len(operators) - 1 else f"t{place}"
        names = [at if name == "@" else name for name in inputs]
        nodes.append((operator, names, output, attributes))
        at = output
    return nodes


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
    model = graph_of(nodes, {"W": W}, outputs=("a", "y"))
    with pytest.raises(ValueError, match="expected one output of numbers, got 'a', 'y'; name it"):
        lm.import_onnx(model)
    assert lm.import_onnx(model, output="a").layers == (lm.Dense(3, bias=False),)
    assert lm.import_onnx(model, output="y").layers == (lm.Dense(3, "relu", False),)
    with pytest.raises(ValueError, match="expected output to be one of 'a', 'y', got 'z'"):
        lm.import_onnx(model, output="z")


def no_initializer() -> onnx.ModelProto:
    model = graph_of(steps(("Gemm", ["@", "W"], {})), {"W": W})
    del model.graph.initializer[:]
    return model


def two_inputs() -> onnx.ModelProto:
    model = graph_of([("Add", ["x", "z"], "y", {})])
    model.graph.input.append(helper.make_tensor_value_info("z", TensorProto.FLOAT, ["rows", 4]))
    return model


def with_a_branch() -> onnx.ModelProto:
    inner = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["inner"])],
        "branch",
        [],
        [helper.make_tensor_value_info("inner", TensorProto.FLOAT, None)],
    )
    nodes = [("If", ["yes"], "y", {"then_branch": inner, "else_branch": inner})]
    model = graph_of(nodes)
    model.graph.initializer.append(numpy_helper.from_array(np.array(True), "yes"))
    return model


def circle() -> onnx.ModelProto:
    return graph_of([("Relu", ["b"], "a", {}), ("Add", ["a", "x"], "b", {}),
                     ("Relu", ["b"], "y", {})])  # fmt: skip


def many_numbers() -> onnx.ModelProto:
    """Doubles a tensor forty times."""
    nodes = [("Concat", [f"c{i}", f"c{i}"], f"c{i + 1}", {"axis": 0}) for i in range(40)]
    nodes += [("ReduceSum", ["c40"], "sum", {"keepdims": 0}), ("Add", ["x", "sum"], "y", {})]
    return graph_of(nodes, {"c0": np.ones(1024)})


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "loop": (with_a_branch, r"operator If \(node 'If_y'\) is none that a network"),
    "convolution": (
        lambda: graph_of(steps(("Conv", ["@", "K"], {})), {"K": np.ones((1, 1, 1, 1))}),
        r"operator Conv \(node 'Conv_y'\) is none",
    ),
    "unknown domain": (
        lambda: helper.make_model(
            helper.make_graph(
                [helper.make_node("FusedGemm", ["x"], ["y"], "fused", domain="com.microsoft")],
                "g",
                [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", 4])],
                [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["rows", 4])],
            ),
            opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)],
            ir_version=8,
        ),
        r"operator com\.microsoft\.FusedGemm \(node 'fused'\) is none",
    ),
    "circle": (circle, "the graph is not valid: "),
    "two inputs": (two_inputs, "expected one input, as a network has, got 'x', 'z'"),
    "no initializer": (no_initializer, "the graph is not valid: "),
    "unknown columns": (
        lambda: graph_of(steps(("Relu", ["@"], {})), shape=("rows", "columns")),
        r"expected an input of a known number of columns, 'x' has the shape \('any', 'any'\)",
    ),
    "one axis": (lambda: graph_of(steps(("Relu", ["@"], {})), shape=(4,)), "rows and columns"),
    "shapes that do not fit": (
        lambda: graph_of(steps(("MatMul", ["@", "V"], {})), {"V": W.T.copy()}),
        r"operator MatMul \(node 'MatMul_y'\) cannot be computed on tensors of the shapes \(7, 4\)",
    ),
    "an activation of no name": (
        lambda: graph_of(steps(("Cos", ["@"], {}))),
        r"operator Cos \(node 'Cos_y'\) is no layer",
    ),
    "sum over rows": (
        lambda: graph_of([("ReduceSum", ["x", "axis"], "s", {}), ("Div", ["x", "s"], "y", {})],
                         {"axis": np.array([0])}),
        r"operator Div \(node 'Div_y'\) and what leads to it \(ReduceSum, Div\) is no layer",
    ),
    "paths of several layers": (
        lambda: graph_of(
            [("MatMul", ["x", "S"], "a", {}), ("Relu", ["a"], "b", {}),
             ("MatMul", ["x", "S"], "c", {}), ("Tanh", ["c"], "d", {}),
             ("Add", ["b", "d"], "y", {})],
            {"S": np.eye(4) + 1}),
        r"operator Add \(node 'Add_y'\) adds two paths of several layers",
    ),
    "columns side by side": (
        lambda: graph_of([("Relu", ["x"], "a", {}), ("Concat", ["x", "a"], "y", {"axis": 1})]),
        r"operator Concat \(node 'Concat_y'\) and what leads to it",
    ),
    "columns of a constant": (
        lambda: graph_of([("Relu", ["c"], "y", {})], {"c": np.ones((3, 4))}),
        "the output 'y' does not depend on the input",
    ),
    "too many numbers": (many_numbers, r"would make a tensor of more than 16,7\d\d,\d\d\d numbers"),
    "empty": (lambda: b"", "expected a graph with nodes, got none"),
    "text": (lambda: b"no model at all", "expected a model of ONNX, got other or damaged bytes"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_graph_that_is_no_network_is_refused_by_operator_and_node(name: str) -> None:
    make, sentence = REFUSED[name]
    with pytest.raises(ValueError, match=f"import_onnx: .*{sentence}"):
        lm.import_onnx(make())


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"expected a path, bytes or an onnx\.ModelProto, got 3"):
        lm.import_onnx(3)
    with pytest.raises(FileNotFoundError):
        lm.import_onnx(tmp_path / "none.onnx")
    (tmp_path / "text.onnx").write_text("no model at all")
    with pytest.raises(ValueError, match=r"expected a model of ONNX in '.*text\.onnx'"):
        lm.import_onnx(tmp_path / "text.onnx")


def test_truncated_and_changed_files_give_a_sentence_or_a_network() -> None:
    whole = (FOLDER / "norms_script.onnx").read_bytes()
    random = np.random.default_rng(0)
    refused = 0
    for attempt in range(60):
        data = bytearray(whole)
        if attempt < 30:
            data = data[: random.integers(0, len(data))]
        else:
            data[random.integers(0, len(data))] ^= 1 << random.integers(0, 8)
        try:
            lm.import_onnx(bytes(data))
        except ValueError as error:
            assert str(error).startswith(("import_onnx: ", "set_parameters: ")), error  # noqa: PT017
            refused += 1
    assert refused >= 30
