"""Graphs of ONNX written by hand, for tests of what an import reads."""

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


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
