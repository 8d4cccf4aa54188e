"""Models of ONNX that are no network, or damaged, are refused with a sentence."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx", reason="needs the extra onnx")
pytest.importorskip("onnxruntime", reason="needs the extra test")

import onnx
from onnx import TensorProto, helper, numpy_helper

import lamina as lm
from onnx_graphs import graph_of, steps

FOLDER = Path(__file__).parent / "models" / "peers"


def no_initializer() -> onnx.ModelProto:
    model = graph_of(steps(("Gemm", ["@", "W"], {})), {"W": np.ones((4, 3))})
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
    "quantised": (
        lambda: graph_of(
            steps(("QuantizeLinear", ["@", "s"], {}), ("DequantizeLinear", ["@", "s"], {})),
            {"s": np.array(0.1)}),
        r"operator QuantizeLinear \(node 'QuantizeLinear_t0'\) is of a quantised model",
    ),
    "outputs under one another": (
        lambda: graph_of(
            steps(("MatMul", ["@", "W"], {}), ("Reshape", ["@", "to"], {})),
            {"W": np.ones((4, 3)), "to": np.array([-1, 1])}),
        r"operator Reshape \(node 'Reshape_y'\) makes a tensor of shape \(21, 1\) of 7 rows",
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
        lambda: graph_of(steps(("MatMul", ["@", "V"], {})), {"V": np.ones((3, 4))}),
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
    "too many numbers": (many_numbers, r"would make a tensor of more than 8,3\d\d,\d\d\d numbers"),
    "too many columns": (
        lambda: graph_of(steps(("Relu", ["@"], {})), shape=("rows", 2**40)),
        r"expected an input of at most 16,777,216 numbers, 'x' has 7 rows of 1099511627776",
    ),
    "weights that are not finite": (
        lambda: graph_of(steps(("MatMul", ["@", "W"], {})), {"W": np.full((4, 3), np.nan)}),
        r"layers\.0\.weight expected finite numbers",
    ),
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
            assert str(error).startswith("import_onnx: "), error  # noqa: PT017
            refused += 1
    assert refused >= 30


def test_without_the_package_a_sentence_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in [name for name in sys.modules if name.startswith(("lamina._onnx", "onnx"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(
        ImportError, match=r"import_onnx: expected the package onnx, .*lamina\[onnx\]"
    ):
        lm.import_onnx(b"")
