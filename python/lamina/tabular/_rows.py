"""Rows of a table with their targets, without copies of its columns."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lamina.tabular._columns import (
    Column,
    Columns,
    Floats,
    Indices,
    TableError,
    row_count,
    rows_taken,
    taken,
)
from lamina.tabular._inspect import closest
from lamina.tabular._preprocessor import Preprocessor
from lamina.tabular._remedies import table_named
from lamina.tabular._target import Target, encode_target, names_of
from lamina.tabular._weights import check_weights, read_weights

Table = dict[str, Column]


@dataclass(frozen=True)
class Rows:
    """Some rows of a table without its target column, which are not copied.

    Attributes:
        columns: the table's columns, with all of its rows.
        target: the target as the network learns it [rows].
        table: the table's name for errors; "" where there is one table alone.
        numbers: the rows' places in the columns, rising [rows].
        weights: how much each row counts [rows]; None: all the same.
        without_target: rows of the table left out for want of a target.
    """

    columns: Table
    target: NDArray[Any]
    table: str
    numbers: Indices
    without_target: int = 0
    weights: Floats | None = None

    @property
    def places(self) -> Indices | None:
        """The rows' places in the columns, or None where these are all of them."""
        return None if len(self.numbers) == row_count(self.columns) else self.numbers

    def column(self, name: str) -> Column:
        """The values of these rows in a column."""
        return taken(self.columns[name], self.places)

    def take(self, rows: Indices) -> "Rows":
        """Some of the rows."""
        numbers = self.numbers[rows]
        weights = None if self.weights is None else self.weights[rows]
        return replace(self, target=self.target[rows], numbers=numbers, weights=weights)

    @contextmanager
    def named(self) -> Iterator[None]:
        """Within it an error names the table, and the row as it is numbered there."""
        with table_named(self.table), rows_taken(self.numbers):
            yield


class RowsTaken(Mapping[str, Column]):
    """The columns of `Rows` with these rows alone, taken when a column is asked for."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def __getitem__(self, name: str) -> Column:
        return self._rows.column(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows.columns)

    def __len__(self) -> int:
        return len(self._rows.columns)


def check_target(targets: Iterable[str], names: Collection[str]) -> None:
    """Refuse a table without the target's columns."""
    for target in targets:
        if target not in names:
            raise TableError(f"there is no target column '{target}'{closest(target, names)}")


class TargetRows(NamedTuple):
    """The rows of a table that have a target: their places, targets and weights [rows]."""

    numbers: Indices
    target: NDArray[Any]
    weights: Floats | None


def read_target(
    table: Columns, target: Target, preprocessor: Preprocessor, weight_column: str | None = None
) -> TargetRows:
    """Read the columns of target and weights.

    Raises:
        TableError: no such column, no row with a target, a class that the model does not know, or
            a weight that is none.
    """
    check_target(target.names, table)
    missing = preprocessor.missing_values
    encoded, there = encode_target(target, lambda n: preprocessor.read(n, table[n]), missing)
    if not there.any():
        columns = "column" if len(target.names) == 1 else "columns"
        raise TableError(f"no row has a value in the target {columns} {names_of(target)}")
    numbers = np.flatnonzero(there)
    weights = None
    if weight_column is not None:
        if weight_column not in table:
            raise TableError(
                f"there is no column of weights '{weight_column}'{closest(weight_column, table)}"
            )
        column = preprocessor.read(weight_column, table[weight_column])
        with rows_taken(numbers):
            weights = read_weights(weight_column, taken(column, numbers), missing)
        check_weights(weights, "with a target")
    return TargetRows(numbers, encoded[numbers], weights)


def take_target(
    name: str,
    table: Table,
    target: Target,
    preprocessor: Preprocessor,
    weight_column: str | None = None,
) -> Rows:
    """The rows of a table that have a target; the table loses its columns of target and weights.

    Raises:
        TableError: as `read_target`.
    """
    with table_named(name):
        found = read_target(table, target, preprocessor, weight_column)
        count = row_count(table)
        for used in target.names:
            del table[used]
        if weight_column is not None:
            del table[weight_column]
        if not table:
            only = "is the only column" if len(target.names) == 1 else "are the only columns"
            raise TableError(f"the target {names_of(target)} {only}")
        for other in table:
            table[other] = preprocessor.read(other, table[other])
    without = count - len(found.numbers)
    return Rows(table, found.target, name, found.numbers, without, found.weights)


def count_rows(count: int) -> str:
    """A number of rows as it is said: `1 row`, `1,234 rows`."""
    return f"{count:,} {'row' if count == 1 else 'rows'}"
