"""Runs a program in this process, by the Python that is written of it."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina._export._integers import IntegerRange, ranges_of
from lamina._export._program import Program
from lamina._export._write_python import write_python

Array = NDArray[Any]
# Of more rows so many are taken, evenly spaced.
MOST_ROWS = 256


class Run:
    """The functions of a program.

    Args:
        program: must not be changed afterwards.
    """

    def __init__(self, program: Program) -> None:
        self._program = program
        self.names: dict[str, Any] = {}
        exec(compile(write_python(program, "model"), "<generated>", "exec"), self.names)

    def predict(self, rows: Array) -> Array:
        """Outputs [rows, outputs] of a network of numbers."""
        return np.array([self.names["predict"](row.tolist()) for row in rows])

    def answers(self, rows: Sequence[dict[str, Any]]) -> Array:
        """The main answer of each row of a table."""
        table = self._program.table
        assert table is not None
        function = self.names[table.answers[0].function]
        return np.array([function(row) for row in rows])

    def products_of(self, call: Callable[[], None]) -> list[Array]:
        """What the products read that a call comes to, in their order."""
        read: list[Array] = []
        usual = {name: self.names.get(name) for name in _PRODUCTS}
        for name in usual:
            self.names[name] = _watched(name, read)
        call()
        self.names |= {name: function for name, function in usual.items() if function}
        return read


_PRODUCTS = ("_add_product", "_add_products_of_members", "_add_coded_product")


def _watched(name: str, read: list[Array]) -> Callable[..., None]:
    """A product that keeps what it reads; not to the last bit, but fast."""

    def product(rows: int, inputs: int, outputs: int, x: Any, weight: Any, y: Any) -> None:
        # Values share arrays with larger ones.
        values = np.reshape(x[: rows * inputs], (rows, 1, inputs))
        read.append(values)
        matrices = np.reshape(weight, (-1, inputs, outputs))
        count = rows * outputs
        before = np.reshape(y[:count], (rows, outputs))
        y[:count] = (before + (values @ matrices)[:, 0]).ravel().tolist()

    def coded(inputs: int, outputs: int, x: Any, weight: Any, *more: Any) -> None:
        product(1, inputs, outputs, x, weight, more[-1])

    return coded if name == "_add_coded_product" else product


def input_ranges(calls: Sequence[Callable[[], None]], run: Run) -> list[IntegerRange]:
    """The range of what each product reads over all calls."""
    read = [run.products_of(call) for call in calls]
    return ranges_of([np.concatenate(each) for each in zip(*read, strict=True)])


def spread_rows(rows: Array) -> Array:
    """The rows, or of many so many that are evenly spaced."""
    if len(rows) <= MOST_ROWS:
        return rows
    return rows[np.linspace(0, len(rows) - 1, MOST_ROWS).astype(np.int64)]
