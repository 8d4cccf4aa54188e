"""Columns that alone give the target away, as `alive` does beside `survived`."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lamina.tabular._columns import (
    CodedText,
    Column,
    Columns,
    Floats,
    code_text,
    read_dates,
    read_numbers,
)
from lamina.tabular._inspect import ColumnSummary

# The share that the best guess from the column explains of what the best constant leaves open.
_NEARLY_ALL = 0.999
# An agreement that chance would bring once in so many columns (e^-25) is none.
_LEAST_EVIDENCE = 25.0
_LEAST_RANK_SHARE = 0.99
_LEAST_ROWS = 30
# More rows than these tell no more.
_MOST_ROWS = 100_000


@dataclass(frozen=True)
class Giveaway:
    """A column that alone explains a target, and the share of it that it explains."""

    column: str
    explains: float


def find_giveaways(
    columns: Columns,
    summaries: Sequence[ColumnSummary],
    target: NDArray[np.generic],
    missing_values: Sequence[str],
) -> list[Giveaway]:
    """The columns, among those that are not ignored, that alone give the target away.

    Of a class, each value (or for numbers each of a few intervals) goes with one class; of a
    number, the means of the values, a line, or the neighbours in order explain 99.9 % of its
    variance. What a value a row, or few rows, would bring by chance does not count.

    Args:
        target: class indices [rows], or numbers [rows] or [rows, targets]; nowhere missing. A
            column that gives several away is told once.
    """
    if target.ndim == 2:
        each = [find_giveaways(columns, summaries, one, missing_values) for one in target.T]
        return list({giveaway.column: giveaway for found in each for giveaway in found}.values())
    step = max(1, len(target) // _MOST_ROWS)
    target = target[::step]
    if len(target) < _LEAST_ROWS:
        return []
    found: list[Giveaway] = []
    for summary in summaries:
        if summary.kind == "ignored":
            continue
        values, ordered = _values(summary, columns[summary.name][::step], missing_values)
        if target.dtype.kind == "f":
            share = _share_of_number(values, ordered, np.asarray(target, dtype=np.float64))
        else:
            share = _share_of_classes(values, ordered, np.asarray(target, dtype=np.int64))
        if share >= _NEARLY_ALL:
            found.append(Giveaway(summary.name, share))
    return found


def _values(
    summary: ColumnSummary, column: Column, missing_values: Sequence[str]
) -> tuple[Floats, bool]:
    """The column as numbers [rows], NaN where it is missing, and whether their order counts."""
    if summary.kind == "category":
        coded: CodedText = code_text(column, missing_values)
        return np.where(coded.missing(), np.nan, coded.codes), False
    if summary.kind == "number":
        return read_numbers(summary.name, column, missing_values), True
    dates = read_dates(summary.name, column, missing_values)
    seconds = dates.astype(np.int64).astype(np.float64)
    return np.where(np.isnat(dates), np.nan, seconds), True


def _share_of_classes(values: Floats, ordered: bool, classes: NDArray[np.int64]) -> float:
    """The share of the rows outside the greatest class that one class a value gets right."""
    counts = np.bincount(classes)
    counts = counts[counts > 0]
    open_rows = len(classes) - int(counts.max())
    groups = np.unique(values, return_inverse=True)[1]
    # That a value is missing may tell all, as the day of death does of those who live.
    for divided in (groups, np.isnan(values).astype(np.int64)):
        share, kinds = _purity(divided, classes, open_rows)
        evidence = _log_arrangements(counts) - _log_arrangements(kinds)
        if share >= _NEARLY_ALL and evidence > _LEAST_EVIDENCE:
            return share
    if not ordered or len(np.unique(groups)) <= len(counts):
        return 0.0
    cuts = _intervals(values, classes)
    return 1.0 if cuts == len(counts) - 1 and _log_arrangements(counts) > _LEAST_EVIDENCE else 0.0


def _purity(
    groups: NDArray[np.int64], classes: NDArray[np.int64], open_rows: int
) -> tuple[float, NDArray[np.int64]]:
    """How much the greatest class of each group explains, and how many groups each class has."""
    width = int(classes.max()) + 1
    cells, rows = np.unique(groups * width + classes, return_counts=True)
    order = np.lexsort((rows, cells // width))
    last = np.append(np.diff(cells[order] // width) > 0, True)
    right = int(rows[order][last].sum())
    kinds = np.bincount(cells[order][last] % width)
    return 1.0 - (len(classes) - right) / max(open_rows, 1), kinds[kinds > 0]


def _intervals(values: Floats, classes: NDArray[np.int64]) -> int:
    """Changes of class along the values; many where a value has several classes."""
    there = ~np.isnan(values)
    if not there.all():
        return len(values)
    order = np.lexsort((classes, values))
    x, y = values[order], classes[order]
    changed = np.diff(y) != 0
    return len(values) if (changed & (np.diff(x) == 0)).any() else int(changed.sum())


def _log_arrangements(counts: NDArray[np.int64]) -> float:
    """Logarithm of the number of orders of rows with so many of each class."""
    return math.lgamma(counts.sum() + 1.0) - sum(math.lgamma(count + 1.0) for count in counts)


def _share_of_number(values: Floats, ordered: bool, target: Floats) -> float:
    """The share of the target's variance that the column explains, for its ranks nearly too.

    The ranks see to it that it is not one extreme row that is explained.
    """
    there = ~np.isnan(values)
    if not ordered:
        values, there = np.nan_to_num(values, nan=-1.0), np.ones(len(values), dtype=bool)
    # A target whose rows are sorted must not look explained where values repeat.
    rows = np.random.default_rng(0).permutation(np.flatnonzero(there))
    x, y = values[rows], target[rows]
    if len(x) < max(_LEAST_ROWS, 0.9 * len(target)) or y.std() == 0.0:
        return 0.0
    ranks = np.unique(y, return_inverse=True)[1].astype(np.float64)
    explain = [_by_means] + ([_by_neighbours, _by_line] if ordered else [])
    shares = [(f(x, y), f(x if f is not _by_line else _ranked(x), ranks)) for f in explain]
    good = [share for share, of_ranks in shares if of_ranks >= _LEAST_RANK_SHARE]
    return max(good, default=0.0)


def _by_means(x: Floats, y: Floats) -> float:
    """1 - the variance within equal values over all variance, both without bias."""
    groups = np.unique(x, return_inverse=True)[1]
    counts = np.bincount(groups)
    left = len(y) - len(counts)
    if left < 0.5 * len(y):
        return 0.0
    means = np.bincount(groups, y) / counts
    within = float(((y - means[groups]) ** 2).sum()) / left
    return 1.0 - within / float(y.var(ddof=1))


def _by_neighbours(x: Floats, y: Floats) -> float:
    """1 - half the mean square of steps between neighbours in x over the variance."""
    steps = np.diff(y[np.argsort(x, kind="stable")])
    return 1.0 - 0.5 * float((steps**2).mean()) / float(y.var())


def _by_line(x: Floats, y: Floats) -> float:
    """The square of the correlation."""
    if x.std() == 0.0 or y.std() == 0.0:
        return 0.0
    return float(np.corrcoef(x, y)[0, 1] ** 2)


def _ranked(x: Floats) -> Floats:
    return np.unique(x, return_inverse=True)[1].astype(np.float64)
