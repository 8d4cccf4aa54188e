"""From a table and the options to its target, its encoding, and the rows that have a target."""

from collections.abc import Collection, Iterator, Mapping
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
from lamina.cli._report import count_rows
from lamina.tabular import (
    MISSING_VALUES,
    ClassTarget,
    Column,
    Preprocessor,
    TableError,
    Target,
    TargetError,
    TaskChoice,
    choose_task,
    closest,
    fit_target,
    missing_texts,
    row_count,
    rows_taken,
    stray_value,
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
        stray: a value of a target of numbers that may stand for a missing one, or "".
    """

    target: Target
    preprocessor: Preprocessor
    choice: TaskChoice
    missing: dict[str, int]
    ignored_dates: dict[str, str]
    stray: str


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


def missing_values(arguments: Arguments) -> list[str]:
    """The texts that stand for missing values, by the options."""
    only = arguments.only_missing
    texts = (*(MISSING_VALUES if only is None else only), *arguments.missing)
    return [text.strip() for text in texts]


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


@dataclass(frozen=True)
class ColumnOptions:
    """What the options say of single columns, each of which is there.

    Attributes:
        kinds: by column, where an option forces it. parsed: columns of marked numbers.
        date_formats: of columns that the network reads. ignored_dates: of those that it does not.
    """

    kinds: dict[str, str]
    parsed: list[str]
    date_formats: dict[str, str]
    ignored_dates: dict[str, str]

    @staticmethod
    def of(arguments: Arguments, names: Collection[str]) -> "ColumnOptions":
        """The options for a training table with columns of these names.

        Raises:
            TableError: an option names no column, or one that another option names.
        """
        target = arguments.target
        if target not in names:
            at = f"{arguments.table}: there is no column '{target}'"
            raise TableError(f"{at}{closest(target, names)}")
        kinds = _forced_kinds(arguments, names)
        parsed = find_columns("--parse-numbers", arguments.parse_numbers, names)
        formats = find_date_formats(arguments.date_format, names)
        ignored = {name: form for name, form in formats.items() if kinds.get(name) == "ignored"}
        formats = {name: form for name, form in formats.items() if name not in ignored}
        for option, columns in (("--parse-numbers", parsed), ("--date-format", formats)):
            for twice in kinds.keys() & columns:
                if option == "--parse-numbers" and kinds[twice] == "number":
                    continue
                raise TableError(f"{option}: column '{twice}' is named by two options")
        if target in formats:
            raise TableError(f"--date-format: '{target}' is the target; dates cannot be predicted")
        time = arguments.time_column
        if time == target:
            raise TableError(f"--time-column: '{time}' is the target")
        if time and time not in names:
            raise TableError(f"--time-column: there is no column '{time}'{closest(time, names)}")
        return ColumnOptions(kinds, parsed, formats, ignored)


def make_plan(arguments: Arguments, table: Table) -> Plan:
    """Choose target and encoding for a training table.

    Raises:
        TableError: an option names no column, or the target cannot be learnt.
    """
    name = arguments.target
    options = ColumnOptions.of(arguments, table)
    try:
        preprocessor = Preprocessor(
            numbers=arguments.numbers,
            bins=arguments.bins,
            kinds=options.kinds,
            missing_values=missing_values(arguments),
            parse_numbers=options.parsed,
            date_formats=options.date_formats,
            decimal=arguments.decimal,
            index_columns=index_columns(arguments.table),
        )
    except ValueError as error:
        raise TableError(str(error)) from None
    found = missing_texts(name, table[name], preprocessor.missing_values)
    with options_named(name), file_named(arguments.table), _missing_named(found):
        preprocessor.formats.learn(table, preprocessor.missing_values)
        column = preprocessor.read(name, table[name])
        choice = TaskChoice(arguments.task, "")
        if arguments.task == "auto":
            choice = choose_task(name, column, preprocessor.missing_values)
        target = fit_target(name, column, preprocessor.missing_values, choice.task)
        stray = ""
        if not isinstance(target, ClassTarget):
            stray = stray_value(name, column, preprocessor.missing_values)
    return Plan(target, preprocessor, choice, found, options.ignored_dates, stray)


@contextmanager
def _missing_named(found: dict[str, int]) -> Iterator[None]:
    """Within it a target of too few classes tells which texts of it count as missing."""
    try:
        yield
    except TargetError as error:
        if not found:
            raise
        texts = ", ".join(f"'{text}' ({count_rows(rows)})" for text, rows in found.items())
        raise TableError(
            f"{error}; {texts} {'counts' if len(found) == 1 else 'count'} as missing: "
            "--only-missing '' keeps them as classes"
        ) from None


def _forced_kinds(arguments: Arguments, names: Collection[str]) -> dict[str, str]:
    kinds: dict[str, str] = {}
    for option, kind in _KINDS.items():
        for name in find_columns(option, getattr(arguments, option[2:]), names):
            if name in kinds:
                raise TableError(f"{option}: column '{name}' is named by two options")
            if name == arguments.target:
                raise TableError(f"{option}: '{name}' is the target; use --task to say its kind")
            kinds[name] = kind
    return kinds


def check_target(path: Path, target: str, names: Collection[str]) -> None:
    """Refuse a table without the target's column."""
    if target not in names:
        raise TableError(f"{path}: there is no target column '{target}'{closest(target, names)}")


def take_target(path: Path, table: Table, target: Target, preprocessor: Preprocessor) -> Rows:
    """The rows of a table that have a target; the table loses its target column.

    Raises:
        TableError: no target column, none with a value, or a class that the model does not know.
    """
    check_target(path, target.name, table)
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
