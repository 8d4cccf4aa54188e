"""Computes nodes of a graph one by one, in float64, on rows made up to find out what they do."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from onnx import NodeProto, TensorProto, helper
from onnx.reference import ReferenceEvaluator

from lamina._checks.types import NDArray
from lamina._onnx.operators import shown
from lamina._onnx.reading import Source, fail, widened

Array = NDArray[Any]
# Elements of a tensor beside four times those of all weights: a small file could ask for all of
# the memory.
_SPARE_ELEMENTS = 2**23
# The reference normalises by the batch where a version before 14 tells what training needs.
_LATER = [helper.make_opsetid("", 15)]
_NARROW = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16)


class Evaluation:
    """The nodes of a source, and which tensors are the same whatever the input is.

    Attributes:
        constants: those tensors by name.
        varying: the nodes whose outputs follow from the input, in order.
    """

    def __init__(self, source: Source) -> None:
        self._opsets = [helper.make_opsetid(*pair) for pair in source.opsets.items()]
        self._evaluators: dict[str, ReferenceEvaluator] = {}
        self.constants: dict[str, Array] = dict(source.constants)
        self.varying: list[NodeProto] = []
        weights = sum(array.size for array in self.constants.values())
        self._most_elements = _SPARE_ELEMENTS + 4 * weights
        known = set(self.constants)
        for node in source.nodes:
            # A shape follows from the rows, though no number of theirs does.
            if all(name in known for name in node.input if name):
                self.constants |= self.run([node], {})
                known |= set(node.output)
            else:
                self.varying.append(node)

    def run(self, nodes: Sequence[NodeProto], given: Mapping[str, Array]) -> dict[str, Array]:
        """All outputs of nodes, by name.

        Raises:
            ValueError: a node cannot be computed, naming it.
        """
        values: dict[str, Array] = {}
        for node in nodes:
            inputs = {
                name: values[name]
                if name in values
                else given[name]
                if name in given
                else self.constants[name]
                for name in node.input
                if name
            }
            values |= self._run_node(node, inputs)
        return values

    def _run_node(self, node: NodeProto, inputs: dict[str, Array]) -> dict[str, Array]:
        if _size(node, list(inputs.values())) > self._most_elements:
            raise fail(
                f"{shown(node)} would make a tensor of more than {self._most_elements:,} numbers, "
                "far more than the model has weights"
            )
        names = [name for name in node.output if name]
        try:
            with np.errstate(all="ignore"):
                outputs = self._evaluator(node, inputs).run(None, inputs)
        except (MemoryError, KeyboardInterrupt):
            raise
        except Exception as error:
            shapes = ", ".join(str(array.shape) for array in inputs.values())
            line = (str(error).splitlines() or [""])[0]
            raise fail(
                f"{shown(node)} cannot be computed on tensors of the shapes {shapes}: "
                f"{line or type(error).__name__}"
            ) from None
        return {
            name: widened(np.asarray(array)) for name, array in zip(names, outputs, strict=True)
        }

    def _evaluator(self, node: NodeProto, inputs: Mapping[str, Array]) -> ReferenceEvaluator:
        key = node.output[0]
        if key not in self._evaluators:
            graph = helper.make_graph(
                [_wide(node)],
                "node",
                [
                    helper.make_tensor_value_info(
                        name, helper.np_dtype_to_tensor_dtype(array.dtype), None
                    )
                    for name, array in inputs.items()
                ],
                [helper.make_empty_tensor_value_info(name) for name in node.output if name],
            )
            opsets = _LATER if node.op_type == "BatchNormalization" else self._opsets
            model = helper.make_model(graph, opset_imports=opsets)
            self._evaluators[key] = ReferenceEvaluator(model)
        return self._evaluators[key]


def _wide(node: NodeProto) -> NodeProto:
    """The node with float64 in place of narrower numbers, and a normalisation as in prediction."""
    if node.op_type == "BatchNormalization":
        options = {each.name: each.f for each in node.attribute if each.name == "epsilon"}
        return helper.make_node(node.op_type, node.input, node.output[:1], node.name, **options)
    attributes = {attribute.name: attribute.i for attribute in node.attribute}
    if node.op_type != "Cast" or attributes.get("to") not in _NARROW:
        return node
    return helper.make_node("Cast", node.input, node.output, node.name, to=TensorProto.DOUBLE)


def _size(node: NodeProto, inputs: list[Array]) -> int:
    """How many elements an output has at most, or a little more."""
    sizes = [array.size for array in inputs]
    if node.op_type in ("MatMul", "Gemm", "Gather"):
        shortest = min((array.shape[0] for array in inputs if array.ndim), default=1)
        most = math.prod(sizes[:2]) // max(1, shortest)
    else:
        try:
            most = math.prod(np.broadcast_shapes(*(array.shape for array in inputs)))
        except ValueError:
            most = 0
    return max(most, sum(sizes))
