"""Which rows of the training table validate, as `--split` has it, and what to say about it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lamina.cli._arguments import Arguments
from lamina.tabular import (
    Column,
    ColumnSummary,
    TableError,
    hold_back,
    hold_back_latest,
    holds_dates,
    read_formatted_dates,
    read_times,
)
from lamina.tabular._columns import Indices


@dataclass(frozen=True)
class Split:
    """Rows to train on and rows to validate on; `sentence` is for the summary, or empty."""

    train: Indices
    validation: Indices
    sentence: str
    record: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class SplitTable:
    """What a split reads of a table: columns by name [rows], what they hold, its classes."""

    column: Callable[[str], Column]
    summaries: Sequence[ColumnSummary]
    missing_values: Collection[str]
    rows: int
    classes: Indices | None
    date_formats: Mapping[str, str] = field(default_factory=dict)

    def date_columns(self) -> list[str]:
        """Columns of dates, also those that the network does not read."""
        return [
            s.name
            for s in self.summaries
            if s.kind == "date"
            or (s.kind == "ignored" and holds_dates(self.column(s.name), self.missing_values))
        ]

    def times(self, name: str) -> np.ndarray[Any, Any]:
        """The times of the rows; `date_formats` are those of columns that nothing else reads."""
        if name in self.date_formats:
            form = self.date_formats[name]
            return read_formatted_dates(name, self.column(name), form, self.missing_values)
        return read_times(name, self.column(name), self.missing_values)


def split_rows(arguments: Arguments, table: SplitTable) -> Split:
    """Hold back rows at random, the latest by a column of times, or the last of the table."""
    fraction = arguments.validation_fraction
    if arguments.split == "last":
        parts = hold_back_latest(np.arange(table.rows), fraction)
        return Split(*parts, "validation: the last rows of the table", {"kind": "last"})
    if arguments.split == "time" or arguments.time_column:
        return _split_by_time(_time_column(arguments, table), fraction, table)
    parts = hold_back(table.rows, fraction, arguments.seed, table.classes)
    return Split(*parts, _warning(table), {"kind": "random"})


def _split_by_time(name: str, fraction: float, table: SplitTable) -> Split:
    times = table.times(name)
    train, validation = hold_back_latest(times, fraction)
    if table.classes is not None and len(np.unique(table.classes[train])) < 2:
        raise TableError(
            f"--split time: the rows before {_written(times[validation].min())} in '{name}' hold "
            "one class only; a network needs rows of two to learn from"
        )
    begin, end = _written(times[validation].min()), _written(times[train].max())
    sentence = f"validation: the latest rows by '{name}', from {begin} on; training: up to {end}"
    left_out = table.rows - len(train) - len(validation)
    if left_out:
        sentence += f"; {left_out:,} {'row' if left_out == 1 else 'rows'} without a time left out"
    record = {"kind": "time", "column": name, "validation_from": begin, "left_out": left_out}
    return Split(train, validation, sentence, record)


def _time_column(arguments: Arguments, table: SplitTable) -> str:
    if arguments.time_column:
        return str(arguments.time_column)
    dated = table.date_columns()
    if len(dated) == 1:
        return dated[0]
    if dated:
        raise TableError(
            f"--split time: the columns {', '.join(map(repr, dated))} hold dates; name the one "
            "that orders the rows with --time-column"
        )
    raise TableError(
        "--split time: no column holds dates; name one that orders the rows with --time-column, "
        "or take the order of the table with --split last"
    )


def _warning(table: SplitTable) -> str:
    """What a random split hides where rows follow one another in time; empty elsewhere."""
    dated = table.date_columns()
    if not dated:
        return ""
    times = table.times(dated[0])
    present = times[times == times]
    each = ", a row each" if len(np.unique(present)) == len(present) else ""
    return (
        f"'{dated[0]}' holds dates{each}: if later rows are to be predicted, validation rows drawn "
        "at random flatter the figures; --split time takes the latest"
    )


def _written(time: Any) -> str:
    """A date without the zeros of midnight, or a number."""
    if isinstance(time, np.datetime64):
        return str(time).replace("T00:00:00", "")
    return f"{time:.15g}"
