"""Which rows of a training table validate, and what to say about it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lamina.tabular._columns import Column, Indices, TableError
from lamina.tabular._formats import read_formatted_dates
from lamina.tabular._groups import cut_groups_in_folds, group_numbers, hold_back_groups
from lamina.tabular._inspect import ColumnSummary
from lamina.tabular._options import TrainOptions
from lamina.tabular._remedies import Spell
from lamina.tabular._rows import count_rows
from lamina.tabular._split import (
    cut_in_folds,
    hold_back,
    hold_back_latest,
    holds_dates,
    member_seed,
    read_times,
)

Part = tuple[Indices, Indices]


@dataclass(frozen=True)
class Split:
    """Rows to train on and rows to validate on, by network.

    Attributes:
        parts: training and validation rows of one network after the other; further networks begin
            with the first again.
        sentence: how they were chosen where that needs saying, or what is risky in it (`warns`).
        record: the same for the training record.
    """

    parts: Sequence[Part]
    sentence: str
    record: dict[str, Any] = field(default_factory=dict)
    warns: bool = False

    @property
    def train(self) -> Indices:
        """The rows that a network learns from, in rising order."""
        return _joined([train for train, _ in self.parts])

    @property
    def validation(self) -> Indices:
        """The rows that validate a network, in rising order."""
        return _joined([validation for _, validation in self.parts])


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

    def groups(self, name: str) -> Indices:
        """The numbers of the rows' groups, -1 where a row has none."""
        return group_numbers(self.column(name), self.missing_values)

    def times(self, name: str) -> np.ndarray[Any, Any]:
        """The times of the rows; `date_formats` are those of columns that nothing else reads."""
        if name in self.date_formats:
            form = self.date_formats[name]
            return read_formatted_dates(name, self.column(name), form, self.missing_values)
        return read_times(name, self.column(name), self.missing_values)


def split_rows(options: TrainOptions, count: int, table: SplitTable, spell: Spell) -> Split:
    """Hold back rows at random, whole groups, the latest by a column of times, or the last."""
    fraction = options.validation_fraction
    if options.group_column is not None:
        return _split_by_group(options, options.group_column, count, table)
    if options.split == "last":
        last = hold_back_latest(np.arange(table.rows), fraction)
        return Split([last], "validation: the last rows of the table", {"kind": "last"})
    if options.split == "time" or options.time_column is not None:
        return _split_by_time(time_column(options, table, spell), fraction, table, spell)
    drawn = _random_parts(options, count, table)
    return Split(drawn, _warning(table, spell), {"kind": "random"}, warns=True)


def _random_parts(options: TrainOptions, count: int, table: SplitTable) -> list[Part]:
    """Each network holds back another share, until every row was held back once; then anew."""
    rows, fraction, seed = table.rows, options.validation_fraction, options.seed
    if count == 1:
        return [hold_back(rows, fraction, seed, table.classes)]
    folds = max(2, round(1.0 / fraction))
    parts: list[Part] = []
    while len(parts) < count:
        parts += cut_in_folds(rows, folds, member_seed(seed, len(parts)), table.classes)
    return parts[:count]


def _split_by_group(options: TrainOptions, name: str, count: int, table: SplitTable) -> Split:
    groups = table.groups(name)
    fraction, seed = options.validation_fraction, options.seed
    if count == 1:
        parts = [hold_back_groups(name, groups, fraction, seed, table.classes)]
    else:
        folds = min(max(2, round(1.0 / fraction)), int(groups.max()) + 1)
        parts = []
        while len(parts) < count:
            member = member_seed(seed, len(parts))
            parts += cut_groups_in_folds(name, groups, max(2, folds), member, table.classes)
    for train, _ in parts[:count]:
        if table.classes is not None and len(np.unique(table.classes[train])) < 2:
            raise TableError(
                f"the groups of '{name}' that are left for training hold one class only; a "
                "network needs rows of two to learn from"
            )
    back = len(np.unique(groups[parts[0][1]]))
    every = int(groups.max()) + 1
    sentence = f"validation: {back:,} of {every:,} groups by '{name}'"
    if count > 1:
        sentence = f"each network validates on other groups of the {every:,} by '{name}'"
    left_out = int((groups < 0).sum())
    if left_out:
        sentence += f"; {count_rows(left_out)} without a group left out"
    record = {"kind": "group", "column": name, "groups": every, "left_out": left_out}
    return Split(parts[:count], sentence, record)


def _joined(rows: Sequence[Indices]) -> Indices:
    return rows[0] if len(rows) == 1 else np.unique(np.concatenate(rows))


def _split_by_time(name: str, fraction: float, table: SplitTable, spell: Spell) -> Split:
    times = table.times(name)
    train, validation = hold_back_latest(times, fraction)
    if table.classes is not None and len(np.unique(table.classes[train])) < 2:
        raise TableError(
            f"{spell('split', 'time')}: the rows before {_written(times[validation].min())} in "
            f"'{name}' hold one class only; a network needs rows of two to learn from"
        )
    begin, end = _written(times[validation].min()), _written(times[train].max())
    sentence = f"validation: the latest rows by '{name}', from {begin} on; training: up to {end}"
    left_out = table.rows - len(train) - len(validation)
    if left_out:
        sentence += f"; {count_rows(left_out)} without a time left out"
    record = {"kind": "time", "column": name, "validation_from": begin, "left_out": left_out}
    return Split([(train, validation)], sentence, record)


def time_column(options: TrainOptions, table: SplitTable, spell: Spell) -> str:
    """The column by which rows follow one another.

    Raises:
        TableError: none is named, and there is not one column of dates alone.
    """
    if options.time_column is not None:
        return options.time_column
    dated = table.date_columns()
    if len(dated) == 1:
        return dated[0]
    by_time, named = spell("split", "time"), spell("time_column", None)
    if dated:
        raise TableError(
            f"{by_time}: the columns {', '.join(map(repr, dated))} hold dates; name the one "
            f"that orders the rows with {named}"
        )
    raise TableError(
        f"{by_time}: no column holds dates; name one that orders the rows with {named}, "
        f"or take the order of the table with {spell('split', 'last')}"
    )


def _warning(table: SplitTable, spell: Spell) -> str:
    """What a random split hides where rows follow one another in time; empty elsewhere."""
    dated = table.date_columns()
    if not dated:
        return ""
    times = table.times(dated[0])
    present = times[times == times]
    each = ", a row each" if len(np.unique(present)) == len(present) else ""
    return (
        f"'{dated[0]}' holds dates{each}: if later rows are to be predicted, validation rows drawn "
        f"at random flatter the figures; {spell('split', 'time')} takes the latest"
    )


def _written(time: Any) -> str:
    """A date without the zeros of midnight, or a number."""
    if isinstance(time, np.datetime64):
        return str(time).replace("T00:00:00", "")
    return f"{time:.15g}"
