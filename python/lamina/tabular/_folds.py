"""Which rows of a table each fold of a cross-validation tests, by the same rules as a split."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina.tabular._columns import Indices, TableError
from lamina.tabular._groups import cut_groups_in_folds
from lamina.tabular._options import TrainOptions
from lamina.tabular._remedies import Spell
from lamina.tabular._rows import count_rows
from lamina.tabular._split import cut_in_folds
from lamina.tabular._validation_rows import SplitTable, time_column


@dataclass(frozen=True)
class Folds:
    """Rows to learn from and rows to test on, fold by fold.

    Attributes:
        parts: both in rising order; no row is tested twice.
        sentence: how they were chosen. record: the same for the training record.
    """

    parts: Sequence[tuple[Indices, Indices]]
    sentence: str
    record: dict[str, Any]


def choose_folds(options: TrainOptions, table: SplitTable, folds: int, spell: Spell) -> Folds:
    """Folds at random with the classes in proportion, of whole groups, or one later than the other.

    By time, and in the order of the table, fold k learns from all rows before those that it
    tests, so that the first of folds + 1 parts is never tested.

    Raises:
        TableError: too few rows, groups or times for so many folds.
    """
    if options.group_column is not None:
        name = options.group_column
        groups = table.groups(name)
        parts = cut_groups_in_folds(name, groups, folds, options.seed, table.classes)
        sentence = f"{folds} folds of whole groups by '{name}'"
        return _folds(parts, sentence, {"kind": "group", "column": name}, table.rows)
    if options.split == "last":
        parts = _later_folds(np.arange(table.rows), folds, "the table")
        sentence = f"{folds} folds, each tested on rows after those that it learns from"
        return _folds(parts, sentence, {"kind": "last"}, table.rows)
    if options.split == "time" or options.time_column is not None:
        name = time_column(options, table, spell)
        parts = _later_folds(table.times(name), folds, f"column '{name}'")
        sentence = f"{folds} folds by '{name}', each tested on later rows than it learns from"
        return _folds(parts, sentence, {"kind": "time", "column": name}, table.rows)
    parts = cut_in_folds(table.rows, folds, options.seed, table.classes)
    if len(parts) < folds or any(not len(test) for _, test in parts):
        raise TableError(f"{folds} folds need at least as many rows, got {table.rows}")
    stratified = "" if table.classes is None else ", each with its share of every class"
    return _folds(parts, f"{folds} random folds{stratified}", {"kind": "random"}, table.rows)


def _folds(
    parts: Sequence[tuple[Indices, Indices]], sentence: str, record: dict[str, Any], rows: int
) -> Folds:
    untested = rows - sum(len(test) for _, test in parts)
    if untested:
        sentence += f"; {count_rows(untested)} never tested"
    return Folds(parts, sentence, {**record, "folds": len(parts), "untested": untested})


def _later_folds(times: NDArray[Any], folds: int, where: str) -> list[tuple[Indices, Indices]]:
    """Parts of nearly one size in the order of times; rows of one time stay together."""
    there = np.flatnonzero(times == times)
    order = there[np.argsort(times[there], kind="stable")]
    risen = times[order]
    cuts = np.flatnonzero(risen[1:] != risen[:-1]) + 1
    if len(cuts) < folds:
        raise TableError(f"{where}: {folds} folds need {folds + 1} times, got {len(cuts) + 1}")
    places: list[int] = []
    for part in range(1, folds + 1):
        # The cut nearest to the part's end, with one left for each of the parts that follow.
        first = int(np.searchsorted(cuts, places[-1], side="right")) if places else 0
        last = len(cuts) - (folds - part)
        wanted = part * len(order) / (folds + 1)
        nearest = int(np.argmin(np.abs(cuts[first:last] - wanted)))
        places.append(int(cuts[first + nearest]))
    ends = [*places[1:], len(order)]
    return [
        (np.sort(order[:begin]), np.sort(order[begin:end]))
        for begin, end in zip(places, ends, strict=True)
    ]
