"""A graph as pieces one after the other, between the tensors that all paths go through."""

from collections import Counter
from collections.abc import Sequence

from onnx import NodeProto

# The nodes between two tensors, and the second of them.
Piece = tuple[list[NodeProto], str]


def pieces(nodes: Sequence[NodeProto], start: str, end: str) -> list[Piece]:
    """The pieces from one tensor to another.

    Args:
        nodes: those between, each behind those that it needs; constants are no matter.
    """
    made = {name for node in nodes for name in node.output} | {start}
    left = Counter(name for node in nodes for name in node.input if name in made)
    left[end] += 1
    live = {start}
    found: list[Piece] = []
    gathered: list[NodeProto] = []
    for node in nodes:
        gathered.append(node)
        for name in node.input:
            if name in made:
                left[name] -= 1
                if not left[name]:
                    live.discard(name)
        live |= {name for name in node.output if left[name]}
        if len(live) == 1:
            found.append((gathered, next(iter(live))))
            gathered = []
    return found


def between(nodes: Sequence[NodeProto], start: str, end: str) -> list[NodeProto]:
    """Those of the nodes that one tensor needs, back to another."""
    needed: list[NodeProto] = []
    wanted = {end} - {start}
    for node in reversed(nodes):
        if wanted & set(node.output):
            needed.append(node)
            wanted |= set(node.input) - {start}
    return needed[::-1]
