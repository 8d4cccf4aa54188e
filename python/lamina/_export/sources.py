"""What exports read of a model: its layers, its numbers and its records."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from numpy.typing import NDArray

from lamina._checks.spec import Spec
from lamina._layers.layer import Layer

Array = NDArray[Any]
# A row of a table: numbers, texts and dates in seconds by column; None where one is missing.
Row = dict[str, Any]


class Network(NamedTuple):
    """A network as exports read it.

    Attributes:
        sums_codes: whether the core sums a table's features by their codes, in an order of its own.
    """

    layers: Sequence[Layer]
    parameters: Mapping[str, Array]
    inputs: int
    outputs: int
    dtype: str
    sums_codes: bool

    @property
    def real(self) -> str:
        """The type of its numbers in C."""
        return "float" if self.dtype == "float32" else "double"


class TableSource(NamedTuple):
    """A model of a table as exports read it.

    Attributes:
        preprocessor, target: records as a model file has them, and their tensors by name.
        networks: all begin with the layer of the preprocessor. shares: how much each counts.
    """

    preprocessor: tuple[Spec, Mapping[str, Array]]
    target: tuple[Spec, Mapping[str, Array]]
    networks: Sequence[Network]
    shares: Sequence[float]
