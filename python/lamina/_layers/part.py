"""A layer together with its weights, as networks from elsewhere are put together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lamina._checks.types import NDArray
from lamina._layers.layer import Layer

Array = NDArray[Any]


@dataclass(frozen=True)
class Part:
    """A layer, and values of its parameters by their names within it ("weight", "bias")."""

    layer: Layer
    values: Mapping[str, Array] = field(default_factory=dict)


def named_values(parts: Sequence[Part]) -> dict[str, Array]:
    """The values of a network's parameters by their names in the network, or in a block."""
    return {
        f"layers.{index}.{name}": array
        for index, part in enumerate(parts)
        for name, array in part.values.items()
    }
