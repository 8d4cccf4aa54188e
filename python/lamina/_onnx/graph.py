"""An ONNX graph that is built node by node."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

from lamina._core import __version__

# 17 is the first version with LayerNormalization, and what every runtime since 2022 reads.
OPSET, ML_OPSET, IR_VERSION = 17, 3, 8
ML = "ai.onnx.ml"
# One message of protocol buffers has 2 GiB, of which the nodes take some.
_MOST_BYTES = 2**31 - 2**24
_SMALL_BYTES = 4096
_TYPES = {
    "float32": TensorProto.FLOAT,
    "float64": TensorProto.DOUBLE,
    "int64": TensorProto.INT64,
    "bool": TensorProto.BOOL,
    "text": TensorProto.STRING,
}


class Graph:
    """Nodes, constants, inputs and outputs; a tensor is known by its name.

    Args:
        dtype: "float32" or "float64", of the network's arithmetic.
        names: of its inputs and outputs, which no tensor between them takes.
    """

    def __init__(self, dtype: str, names: Iterable[str]) -> None:
        self.dtype = dtype
        self._nodes: list[NodeProto] = []
        self._constants: dict[str, TensorProto] = {}
        self._bytes = 0
        self._known: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        self._inputs: list[ValueInfoProto] = []
        self._outputs: list[ValueInfoProto] = []
        self._names = set(names)
        self._counts: dict[str, int] = {}

    def add_input(self, name: str, dtype: str, columns: int, about: str) -> str:
        """An input [rows, columns] under exactly this name."""
        if not name or name in (value.name for value in self._inputs):
            what = f"{name!r} twice" if name else "an empty one"
            raise ValueError(f"export_onnx: expected different names of inputs, got {what}")
        self._inputs.append(_value_info(name, dtype, ["rows", columns], about))
        return name

    def add_output(
        self, tensor: str, name: str, dtype: str, shape: Sequence[int], about: str
    ) -> None:
        """A tensor [rows, *shape] as an output, by this name or a longer one where it is taken."""
        taken = any(name == value.name for value in self._inputs)
        chosen = self._new_name(name) if taken else name
        self._nodes.append(helper.make_node("Identity", [tensor], [chosen], name=chosen))
        self._outputs.append(_value_info(chosen, dtype, ["rows", *shape], about))

    def node(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """A node with one output, whose name it gives."""
        return self.nodes(operator, inputs, 1, **attributes)[0]

    def nodes(
        self, operator: str, inputs: Sequence[str], outputs: int, **attributes: Any
    ) -> list[str]:
        """A node with several outputs, whose names it gives."""
        names = [self._new_name(operator) for _ in range(outputs)]
        self._nodes.append(
            helper.make_node(operator, list(inputs), names, name=names[0], **attributes)
        )
        return names

    def constant(self, value: Any, name: str = "constant") -> str:
        """An array as it is, texts as text; small equal ones are stored once."""
        array = np.asarray(value)
        if array.dtype.kind in "UO":
            texts = np.array([str(text).encode() for text in array.ravel().tolist()], dtype=object)
            tensor = helper.make_tensor("", TensorProto.STRING, array.shape, texts)
            key = ("text", array.shape, repr(texts.tolist()).encode())
        else:
            array = np.ascontiguousarray(array).reshape(array.shape)
            tensor = numpy_helper.from_array(array)
            small = array.nbytes <= _SMALL_BYTES
            key = (array.dtype.name, array.shape, array.tobytes() if small else b"")
            self._bytes += array.nbytes
            if not small:
                return self._store(tensor, name)
        if key not in self._known:
            self._known[key] = self._store(tensor, name)
        return self._known[key]

    def _store(self, tensor: TensorProto, name: str) -> str:
        tensor.name = self._new_name(name)
        self._constants[tensor.name] = tensor
        return tensor.name

    def numbers(self, value: Any, name: str = "constant") -> str:
        """A number, or an array of them, in the network's dtype."""
        return self.constant(np.asarray(value, dtype=self.dtype), name)

    def cast(self, tensor: str, dtype: str) -> str:
        """The tensor in another dtype: "float32", "float64", "int64" or "bool"."""
        return self.node("Cast", tensor, to=_TYPES[dtype])

    def clip(self, tensor: str, low: float | None, high: float | None) -> str:
        """min(max(tensor, low), high), in the network's dtype; None: no limit on that side.

        ONNX Runtime does not load a Clip of float64 behind a Relu, which it would join.
        """
        limits = ["" if limit is None else self.numbers(limit) for limit in (low, high)]
        if self.dtype == "float32":
            return self.node("Clip", tensor, *limits)
        for operator, limit in zip(("Max", "Min"), limits, strict=True):
            tensor = self.node(operator, tensor, limit) if limit else tensor
        return tensor

    def concat(self, tensors: Sequence[str]) -> str:
        """Columns beside each other."""
        return tensors[0] if len(tensors) == 1 else self.node("Concat", *tensors, axis=-1)

    def split(self, tensor: str, widths: Sequence[int]) -> list[str]:
        """Columns apart, in pieces of these widths."""
        if len(widths) == 1:
            return [tensor]
        sizes = self.constant(np.array(widths, dtype=np.int64), "widths")
        return self.nodes("Split", [tensor, sizes], len(widths), axis=-1)

    def model(self, name: str, about: Mapping[str, str]) -> ModelProto:
        """The whole, with what is told of it as metadata.

        Raises:
            ValueError: it is larger than a file of ONNX can be.
        """
        if self._bytes > _MOST_BYTES:
            raise ValueError(
                f"export_onnx: the weights take {self._bytes:,} bytes, and a file of ONNX holds "
                f"{_MOST_BYTES:,} at most"
            )
        used = {tensor for node in self._nodes for tensor in node.input}
        graph = helper.make_graph(
            self._nodes,
            name,
            self._inputs,
            self._outputs,
            [tensor for key, tensor in self._constants.items() if key in used],
        )
        domains = {node.domain for node in self._nodes}
        opsets = [helper.make_opsetid("", OPSET)]
        opsets += [helper.make_opsetid(ML, ML_OPSET)] if ML in domains else []
        model = helper.make_model(
            graph,
            opset_imports=opsets,
            ir_version=IR_VERSION,
            producer_name="lamina",
            producer_version=__version__,
        )
        helper.set_model_props(model, {"lamina_version": __version__, **about})
        return model

    def _new_name(self, name: str) -> str:
        chosen = name
        while chosen in self._names:
            self._counts[name] = self._counts.get(name, 0) + 1
            chosen = f"{name}_{self._counts[name]}"
        self._names.add(chosen)
        return chosen


def _value_info(name: str, dtype: str, shape: list[Any], about: str) -> ValueInfoProto:
    return helper.make_tensor_value_info(name, _TYPES[dtype], shape, about)
