"""Networks from layers with their weights."""

from collections.abc import Sequence
from typing import TypeVar

from lamina._checks.arrays import DtypeLike
from lamina._layers.part import Part, named_values
from lamina._network.stack import Stack

S = TypeVar("S", bound=Stack)


def assemble(kind: type[S], parts: Sequence[Part], inputs: int, dtype: DtypeLike) -> S:
    """A network of a kind from its layers and their weights.

    Raises:
        ValueError: widths that do not fit each other, or weights that are not finite.
    """
    net = kind([part.layer for part in parts], inputs=inputs, dtype=dtype)
    net.set_parameters(named_values(parts))
    return net
