"""Checked data: rows with their targets and weights."""

from dataclasses import dataclass
from typing import Any

from lamina._checks.sparse import SparseRows
from lamina._checks.types import NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class Examples:
    """Rows with targets and sample weights, as the core takes them."""

    x: Array | SparseRows
    classes: Array | None
    values: Array | None
    weights: Array | None

    @property
    def targets(self) -> Array:
        """The targets as metrics take them."""
        target = self.values if self.classes is None else self.classes
        assert target is not None
        return target

    def take(self, rows: Array | slice) -> "Examples":
        """Some rows: copies by indices, views by a slice."""
        return Examples(
            self.x[rows],
            *(
                None if part is None else part[rows]
                for part in (self.classes, self.values, self.weights)
            ),
        )
