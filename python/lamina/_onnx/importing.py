"""A graph of ONNX as the layers of a network."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from onnx import NodeProto

from lamina._checks.arrays import Dtype
from lamina._checks.types import NDArray
from lamina._layers.joining import join, with_first_normalization
from lamina._layers.layers import Dense, Residual
from lamina._layers.part import Part, named_values
from lamina._layers.row_layers import Affine
from lamina._onnx.chain import between, pieces
from lamina._onnx.evaluation import Evaluation
from lamina._onnx.matching import match_elements, match_linear, match_rows
from lamina._onnx.operators import ELEMENTWISE, LINEAR, MOVES, ROWWISE, SCALING, SHAPES, shown
from lamina._onnx.reading import Source, fail, read_source
from lamina._onnx.single_nodes import READERS, with_complements

Array = NDArray[Any]
T = TypeVar("T")
# Rows that a graph of any number of rows is tried with; pieces that are matched together.
_ROWS, _MOST_PIECES = 7, 12
# Of the rows that it is tried with: as many columns as a network may have.
_MOST_NUMBERS = 2**24


@dataclass(frozen=True)
class Imported:
    """What a graph was found to be, and rows with the outputs that it gives for them."""

    parts: list[Part]
    inputs: int
    dtype: Dtype
    rows: Array
    outputs: Array


def read_network(model: Any, output: str | None) -> Imported:
    """The layers of a graph; see `lamina.import_onnx`."""
    source = read_source(model, output)
    evaluation = Evaluation(source)
    rows, columns = source.shape[0] or _ROWS, _columns(source, evaluation)
    if rows * columns > _MOST_NUMBERS:
        raise fail(
            f"expected an input of at most {_MOST_NUMBERS:,} numbers, '{source.input}' has {rows} "
            f"rows of {columns}"
        )
    random = np.random.default_rng(0)
    x = random.normal(size=(rows, columns)) * random.choice([0.3, 1.0, 3.0], size=(rows, 1))
    shape = (rows, *(axis or 1 for axis in source.shape[1:])) if len(source.shape) > 2 else x.shape
    given = {source.input: x.reshape(shape)}
    reading = _Reading(source, evaluation, given | evaluation.run(evaluation.varying, given))
    if source.output not in reading.values:
        raise fail(f"the output '{source.output}' does not depend on the input")
    parts = reading.read(evaluation.varying, source.input, source.output, columns)
    outputs = reading.values[source.output].reshape(rows, -1)
    if not parts:
        parts = [Part(Affine())]
    return Imported(with_first_normalization(parts), columns, source.dtype, x, outputs)


def _columns(source: Source, evaluation: Evaluation) -> int:
    """Numbers of a row, where the input does not say it those of the first weights."""
    axes = source.shape[1:]
    if len(axes) == 1 and axes[0] is None:
        for node in evaluation.varying:
            found = [evaluation.constants[n] for n in node.input if n in evaluation.constants]
            if node.op_type in ("Gemm", "MatMul") and found and found[0].ndim == 2:
                turned = any(a.name == "transB" and a.i for a in node.attribute)
                return int(found[0].shape[1 if turned else 0])
    if None in axes:
        raise fail(
            f"expected an input of a known number of columns, '{source.input}' has the shape "
            f"{tuple(axis if axis else 'any' for axis in source.shape)}"
        )
    return int(np.prod([axis or 1 for axis in axes]))


class _Reading:
    """Reads pieces of a graph one after the other.

    Attributes:
        values: every varying tensor, as computed from a few rows.
    """

    def __init__(self, source: Source, evaluation: Evaluation, values: dict[str, Array]) -> None:
        self.values, self._evaluation = values, evaluation
        self._rows = len(values[source.input])

    def read(self, nodes: Sequence[NodeProto], start: str, end: str, columns: int) -> list[Part]:
        """The layers between two tensors."""
        left = pieces(between(nodes, start, end), start, end)
        parts: list[Part] = []
        at = start
        while left:
            found, count = self._next(left, at, columns, parts)
            for part in found:
                join(parts, part)
            at = left[count - 1][1]
            columns = self._width(at, left[count - 1][0][-1])
            left = left[count:]
        return parts

    def _width(self, name: str, node: NodeProto) -> int:
        value = self.values[name]
        # An axis of one number may be gone, as in a column of predictions.
        if value.ndim == 0 or value.shape[0] != self._rows:
            raise fail(
                f"{shown(node)} makes a tensor of shape {value.shape} of {self._rows} rows; "
                "expected rows and columns"
            )
        return int(np.prod(value.shape[1:]))

    def _next(
        self, left: list[tuple[list[NodeProto], str]], at: str, columns: int, parts: list[Part]
    ) -> tuple[list[Part], int]:
        """The layers of the next pieces, and how many pieces these are."""
        nodes, end = left[0]
        if all(node.op_type in MOVES for node in nodes) and self._unchanged(at, end):
            return [], 1
        reader = READERS.get(nodes[0].op_type) if len(nodes) == 1 else None
        if reader is not None:
            found = reader(nodes[0], at, self._evaluation.constants, parts)
            if found is not None:
                return found, 1
        for match in (self._match, self._match_linear):
            for count in range(self._alike(left), 0, -1):
                window = [node for piece, _ in left[:count] for node in piece]
                matched = match(window, at, left[count - 1][1], columns)
                if matched is not None:
                    return matched, count
        block = self._block(nodes, at, end, columns)
        if block is None and nodes[-1].op_type == "Concat":
            block = with_complements(parts, self._function(nodes, at, end))
        if block is None:
            self._width(end, nodes[-1])  # which says what is wrong with the rows, if they are
            raise fail(f"{shown(nodes[-1])} {_of(nodes)}is no layer that lamina has")
        return block, 1

    def _unchanged(self, at: str, end: str) -> bool:
        before, after = self.values[at], self.values[end]
        return len(before) == len(after) and np.array_equal(before.ravel(), after.ravel())

    def _alike(self, left: list[tuple[list[NodeProto], str]]) -> int:
        """How many pieces may be one layer, by their operators."""
        known = ELEMENTWISE | ROWWISE | LINEAR | SHAPES
        count = 0
        for nodes, _ in left[:_MOST_PIECES]:
            if any(node.op_type not in known for node in nodes):
                break
            count += 1
        return count

    def _match(self, window: list[NodeProto], at: str, end: str, columns: int) -> list[Part] | None:
        """One layer that all nodes of a window are; None where there is none."""
        kinds = {node.op_type for node in window}
        function = self._function(window, at, end)
        if kinds <= ELEMENTWISE | SHAPES:
            return _tried(lambda: match_elements(function, columns))
        if kinds <= ELEMENTWISE | SHAPES | ROWWISE:
            constants = self._evaluation.constants
            return _tried(lambda: match_rows(function, window, constants, columns))
        return None

    def _match_linear(
        self, window: list[NodeProto], at: str, end: str, columns: int
    ) -> list[Part] | None:
        """A product however it is turned: of linear operators, each with constants beside."""
        if not all(self._is_linear(node) for node in window):
            return None
        function = self._function(window, at, end)
        linear = _tried(lambda: match_linear(function, columns))
        if linear is None:
            return None
        weight, bias = linear
        return [Part(Dense(len(bias)), {"weight": weight, "bias": bias})]

    def _is_linear(self, node: NodeProto) -> bool:
        varying = [name in self.values for name in node.input]
        alone = sum(varying) == 1 and (node.op_type != "Div" or varying[0])
        return alone and node.op_type in SCALING | SHAPES | LINEAR

    def _function(self, nodes: list[NodeProto], at: str, end: str) -> Any:
        """What nodes make of rows [rows, columns]."""
        shape = self.values[at].shape[1:]

        def function(x: Array) -> Array:
            rows = x.reshape(len(x), *shape)
            result = self._evaluation.run(nodes, {**self._outer(nodes, at), at: rows})[end]
            return result.reshape(len(result), -1) if result.ndim else result

        return function

    def _outer(self, nodes: list[NodeProto], at: str) -> dict[str, Array]:
        made = {name for node in nodes for name in node.output}
        used = {name for node in nodes for name in node.input}
        return {name: self.values[name] for name in used - made - {at} if name in self.values}

    def _block(self, nodes: list[NodeProto], at: str, end: str, columns: int) -> list[Part] | None:
        """A sum of two paths as a `Residual`."""
        last = nodes[-1]
        inputs = [name for name in last.input if name in self.values]
        if last.op_type not in ("Add", "Sum") or len(inputs) != 2:
            return None
        paths = [between(nodes[:-1], at, name) for name in inputs]
        if {id(node) for node in paths[0]} & {id(node) for node in paths[1]}:
            raise fail(f"{shown(last)} adds two paths that share a part, which no Residual has")
        both = [
            self.read(path, at, name, columns) for path, name in zip(paths, inputs, strict=True)
        ]
        for skip, inner in (both, both[::-1]):
            if inner and _is_skip(skip):
                return [_residual(skip, inner)]
        raise fail(
            f"{shown(last)} adds two paths of several layers; a Residual has one, and beside it "
            "the input itself or a product with it"
        )


def _is_skip(parts: list[Part]) -> bool:
    if not parts:
        return True
    layer = parts[0].layer
    return len(parts) == 1 and isinstance(layer, Dense) and layer.activation == "identity"


def _residual(skip: list[Part], inner: list[Part]) -> Part:
    values = named_values(inner)
    if not skip:
        return Part(Residual([part.layer for part in inner], projection=False), values)
    bias = skip[0].values.get("bias")
    if bias is not None and bias.any():
        inner = list(inner)
        join(inner, Part(Affine(1.0, bias.tolist())))
        values = named_values(inner)
    values["projection.weight"] = skip[0].values["weight"]
    return Part(Residual([part.layer for part in inner], projection=True), values)


def _tried(match: Callable[[], T]) -> T | None:
    """None where nodes do not take the rows that a match is tried with."""
    try:
        return match()
    except ValueError:
        return None


def _of(nodes: list[NodeProto]) -> str:
    if len(nodes) == 1:
        return ""
    names = ", ".join(dict.fromkeys(node.op_type for node in nodes))
    return f"and what leads to it ({names}) "
