"""A model of ONNX read, checked and reduced to what computes one output from one input."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, numpy_helper
from onnx.inliner import inline_local_functions

from lamina._checks.arrays import Dtype
from lamina._checks.spec import what
from lamina._checks.types import NDArray
from lamina._onnx.operators import refuse_node

Array = NDArray[Any]
_FLOATS = (TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BFLOAT16)
# Operators behind the scores of classes, which a network has not.
_HEADS = ("ZipMap", "ArgMax", "ArrayFeatureExtractor", "Identity", "Cast")


@dataclass(frozen=True)
class Source:
    """What an import reads of a model.

    Attributes:
        nodes: those that the output needs, each behind those that it needs itself.
        constants: initializers by name; numbers are float64.
        input, output: names of tensors. shape: of the input, None where an axis has any length.
        opsets: versions of the operators by domain. dtype: of the network.
    """

    nodes: Sequence[NodeProto]
    constants: dict[str, Array]
    input: str
    shape: tuple[int | None, ...]
    output: str
    opsets: dict[str, int]
    dtype: Dtype


def fail(sentence: str) -> ValueError:
    """An error of the import."""
    return ValueError(f"import_onnx: {sentence}")


def read_source(model: Any, output: str | None) -> Source:
    """Read a path, bytes or a model.

    Raises:
        TypeError, ValueError, OSError: as `lamina.import_onnx` says.
    """
    proto = _load(model)
    _check(proto)
    if proto.functions:
        proto = inline_local_functions(proto)
    graph = proto.graph
    stored = {tensor.name for tensor in graph.initializer}
    (given,) = _one_input([value for value in graph.input if value.name not in stored])
    chosen = _chosen_output(graph, output)
    nodes = _needed(graph.node, chosen)
    for node in nodes:
        refuse_node(node)
    used = {name for node in nodes for name in node.input} | {chosen}
    tensors = [tensor for tensor in graph.initializer if tensor.name in used]
    return Source(
        nodes,
        {tensor.name: _wide_array(tensor) for tensor in tensors},
        given.name,
        _shape(given),
        chosen,
        {opset.domain: opset.version for opset in proto.opset_import},
        "float64" if given.type.tensor_type.elem_type == TensorProto.DOUBLE else "float32",
    )


def _load(model: Any) -> ModelProto:
    if isinstance(model, ModelProto):
        return model
    try:
        if isinstance(model, bytes | bytearray | memoryview):
            return onnx.load_model_from_string(bytes(model))
        if isinstance(model, str | os.PathLike):
            return onnx.load(os.fspath(model))
    except DecodeError:
        where = f" in {os.fspath(model)!r}" if isinstance(model, str | os.PathLike) else ""
        raise fail(f"expected a model of ONNX{where}, got other or damaged bytes") from None
    except (onnx.checker.ValidationError, ValueError, KeyError) as error:
        raise fail(f"the weights beside the file cannot be read: {_line(error)}") from None
    except FileNotFoundError as error:
        if os.path.exists(os.fspath(model)):
            raise fail(
                f"the weights that belong beside the file are not there: {_line(error)}"
            ) from None
        raise
    raise TypeError(f"import_onnx: expected a path, bytes or an onnx.ModelProto, got {what(model)}")


def _check(model: ModelProto) -> None:
    if not model.graph.node:
        raise fail("expected a graph with nodes, got none (an empty or damaged file?)")
    for tensor in model.graph.initializer:
        if tensor.data_location == TensorProto.EXTERNAL:
            raise fail(
                f"the weights '{tensor.name}' are in another file, which a model in memory does "
                "not find; give the path of the model's file"
            )
    try:
        onnx.checker.check_model(model)
    except (onnx.checker.ValidationError, ValueError, RuntimeError) as error:
        raise fail(f"the graph is not valid: {_line(error)}") from None


def _one_input(values: list[ValueInfoProto]) -> list[ValueInfoProto]:
    if len(values) != 1:
        names = ", ".join(f"'{value.name}'" for value in values) or "none"
        raise fail(f"expected one input, as a network has, got {names}")
    return values


def _shape(value: ValueInfoProto) -> tuple[int | None, ...]:
    tensor = value.type.tensor_type
    if not tensor.HasField("shape") or len(tensor.shape.dim) < 2:
        raise fail(f"expected an input of rows and columns, '{value.name}' is none")
    return tuple(axis.dim_value or None for axis in tensor.shape.dim)


def _chosen_output(graph: GraphProto, wanted: str | None) -> str:
    """The tensor that becomes the network's output: numbers of rows, not names of classes."""
    outputs = {value.name: value for value in graph.output}
    shown = ", ".join(f"'{name}'" for name in outputs)
    if wanted is not None:
        if wanted not in outputs:
            raise fail(f"expected output to be one of {shown}, got {wanted!r}")
        found = [wanted]
    elif len(outputs) == 1:
        found = list(outputs)
    else:
        found = [name for name, value in outputs.items() if _holds_numbers(value)]
    if len(found) != 1:
        raise fail(f"expected one output of numbers, got {shown}; name it by output=")
    return _behind_heads(graph, found[0])


def _holds_numbers(value: ValueInfoProto) -> bool:
    if value.type.HasField("sequence_type"):
        return True
    return value.type.tensor_type.elem_type in _FLOATS


def _behind_heads(graph: GraphProto, name: str) -> str:
    """The scores that a label, or a dictionary of scores, is made of."""
    makers = {output: node for node in graph.node for output in node.output}
    at, last = name, name
    while at in makers and makers[at].op_type in (*_HEADS, "Reshape"):
        node = makers[at]
        at = node.input[1 if node.op_type == "ArrayFeatureExtractor" else 0]
        if node.op_type in ("ZipMap", "ArgMax"):
            last = at
    return last


def _needed(nodes: Iterable[NodeProto], output: str) -> list[NodeProto]:
    needed, wanted = [], {output}
    for node in reversed(list(nodes)):
        if wanted & set(node.output):
            needed.append(node)
            wanted |= set(node.input)
    return needed[::-1]


def _wide_array(tensor: TensorProto) -> Array:
    """The tensor's array, numbers as float64."""
    try:
        array: Array = numpy_helper.to_array(tensor)
    except (ValueError, TypeError, KeyError) as error:
        raise fail(f"the weights '{tensor.name}' cannot be read: {_line(error)}") from None
    return widened(array)


def widened(array: Array) -> Array:
    """Numbers as float64, anything else as it is."""
    wide = array.dtype.kind == "f" or array.dtype.name == "bfloat16"
    return array.astype(np.float64) if wide else array


def _line(error: Exception) -> str:
    """The first line of what went wrong."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
