"""From a table and the options to its target, its encoding, and the rows that have a target."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina.cli._arguments import Arguments
from lamina.cli._errors import file_named, options_named
from lamina.cli._names import find_columns, find_date_formats
from lamina.cli._read import index_columns
from lamina.tabular import (
    MISSING_VALUES,
    ClassTarget,
    Column,
    Preprocessor,
    TableError,
    Target,
    TaskChoice,
    choose_task,
    closest,
    fit_target,
    missing_texts,
    row_count,
    rows_taken,
    taken,
)

Table = dict[str, Column]
Indices = NDArray[np.int64]

_KINDS = {"--numeric": "number", "--categorical": "category", "--ignore": "ignored"}


@dataclass(frozen=True)
class Plan:
    """What the options and the whole table make of a training.

    Attributes:
        target, preprocessor: the latter is not yet fitted.
        choice: the task and why it was chosen; no reason where an option gives it.
        missing: rows of each text that counts as missing in the target column.
        ignored_dates: formats of columns of dates that only order the rows.
    """

    target: Target
    preprocessor: Preprocessor
    choice: TaskChoice
    missing: dict[str, int]
    ignored_dates: dict[str, str]


@dataclass(frozen=True)
class Rows:
    """Some rows of a table without its target column, which are not copied.

    Attributes:
        columns: the table's columns, with all of its rows.
        target: the target as the network learns it [rows].
        path: where the table is from.
        numbers: the rows' places in the columns, rising [rows].
        without_target: rows of the table left out for want of a target.
    """

    columns: Table
    target: NDArray[Any]
    path: Path
    numbers: Indices
    without_target: int = 0

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
        return Rows(self.columns, self.target[rows], self.path, numbers, self.without_target)

    @contextmanager
    def named(self) -> Iterator[None]:
        """Within it an error names the file, and the row as it is numbered there."""
        with file_named(self.path), rows_taken(self.numbers):
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


def make_plan(arguments: Arguments, table: Table) -> Plan:
    """Choose target and encoding for a training table.

    Raises:
        TableError: an option names no column, or the target cannot be learnt.
    """
    name = arguments.target
    if name not in table:
        raise TableError(f"{arguments.table}: there is no column '{name}'{closest(name, table)}")
    only = arguments.only_missing
    missing = (*(MISSING_VALUES if only is None else only), *arguments.missing)
    kinds = _forced_kinds(arguments, table)
    parsed = find_columns("--parse-numbers", arguments.parse_numbers, table)
    formats = find_date_formats(arguments.date_format, table)
    ignored = {column: form for column, form in formats.items() if kinds.get(column) == "ignored"}
    formats = {column: form for column, form in formats.items() if column not in ignored}
    for option, names in (("--parse-numbers", parsed), ("--date-format", formats)):
        for twice in kinds.keys() & names:
            raise TableError(f"{option}: column '{twice}' is named by two options")
    if name in formats:
        raise TableError(f"--date-format: '{name}' is the target; dates cannot be predicted")
    try:
        preprocessor = Preprocessor(
            numbers=arguments.numbers,
            bins=arguments.bins,
            kinds=kinds,
            missing_values=[text.strip() for text in missing],
            parse_numbers=parsed,
            date_formats=formats,
            decimal=arguments.decimal,
            index_columns=index_columns(arguments.table),
        )
    except ValueError as error:
        raise TableError(str(error)) from None
    with options_named(name), file_named(arguments.table):
        preprocessor.formats.learn(table)
        column = preprocessor.read(name, table[name])
        choice = TaskChoice(arguments.task, "")
        if arguments.task == "auto":
            choice = choose_task(name, column, preprocessor.missing_values)
        target = fit_target(name, column, preprocessor.missing_values, choice.task)
    found = missing_texts(name, table[name], preprocessor.missing_values)
    return Plan(target, preprocessor, choice, found, ignored)


def _forced_kinds(arguments: Arguments, table: Table) -> dict[str, str]:
    kinds: dict[str, str] = {}
    for option, kind in _KINDS.items():
        for name in find_columns(option, getattr(arguments, option[2:]), table):
            if name in kinds:
                raise TableError(f"{option}: column '{name}' is named by two options")
            if name == arguments.target:
                raise TableError(f"{option}: '{name}' is the target; use --task to say its kind")
            kinds[name] = kind
    return kinds


def take_target(path: Path, table: Table, target: Target, preprocessor: Preprocessor) -> Rows:
    """The rows of a table that have a target; the table loses its target column.

    Raises:
        TableError: no target column, none with a value, or a class that the model does not know.
    """
    if target.name not in table:
        raise TableError(
            f"{path}: there is no target column '{target.name}'{closest(target.name, table)}"
        )
    with file_named(path):
        column = preprocessor.read(target.name, table.pop(target.name))
        encoded = target.encode(column, preprocessor.missing_values)
        for name in table:
            table[name] = preprocessor.read(name, table[name])
    there = encoded >= 0 if isinstance(target, ClassTarget) else ~np.isnan(encoded)
    if not there.any():
        raise TableError(f"{path}: no row has a value in the target column '{target.name}'")
    if not table:
        raise TableError(f"{path}: the target '{target.name}' is the only column")
    rows = Rows(table, encoded, path, np.arange(len(encoded)), int((~there).sum()))
    return rows.take(np.flatnonzero(there))
