"""Rows held back for validation: at random with the classes in proportion, or the latest."""

from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina import _core
from lamina.tabular._columns import (
    CellError,
    CodedText,
    Column,
    Indices,
    TableError,
    code_text,
    read_dates,
    read_numbers,
)
from lamina.tabular._formats import guess_date_formats, read_formatted_dates
from lamina.tabular._text_kind import refuse_almost_dates
from lamina.tabular._texts import parse_date, parse_number, shorten

# Seeds of neighbouring fits and of their networks stay apart: 2^63 / golden ratio.
_GOLDEN = 5_700_357_409_661_599_241
_ADVICE = "give more rows, or a validation table"
# Texts that are looked at before all are: most columns that hold no dates show it there.
_FIRST_TEXTS = 20


def hold_back(
    rows: int, fraction: float, seed: int, classes: Indices | None = None
) -> tuple[Indices, Indices]:
    """Training and validation rows, each in rising order; together all of them.

    Args:
        rows: rows of the table.
        fraction: share to hold back, above 0 and below 1.
        seed: same seed, same rows.
        classes: class index of each row [rows]; each class then gives that share of its own
            rows, and keeps at least one for training. Rows left over by rounding come from the
            classes that miss most.

    Raises:
        TableError: too few rows to leave one on each side.
    """
    labels = None if classes is None else np.asarray(classes, dtype=np.int64)
    try:
        return _core.hold_out(rows, fraction, seed, labels, "hold_back")
    except ValueError:
        raise TableError(
            f"cannot hold back {fraction:g} of {rows} rows for validation; {_ADVICE}"
        ) from None


def cut_in_folds(
    rows: int, folds: int, seed: int, classes: Indices | None = None
) -> list[tuple[Indices, Indices]]:
    """Training and validation rows of each fold, in rising order; each row validates once.

    The only row of a class validates never, so that every network learns of the class.

    Args:
        rows, seed, classes: as in `hold_back`; each fold has its share of every class.
        folds: parts of nearly one size, at most as many as there are rows.

    Raises:
        TableError: fewer rows than two.
    """
    if rows < 2:
        raise TableError(f"cannot cut {rows} rows into folds for validation; {_ADVICE}")
    # RandomState gives the same order with every version of numpy.
    order = np.random.RandomState(seed % 2**32).permutation(rows)
    alone = np.zeros(rows, dtype=bool)
    if classes is not None:
        labels = np.asarray(classes, dtype=np.int64)
        order = order[np.argsort(labels[order], kind="stable")]
        alone = (np.bincount(labels) == 1)[labels]
    count = min(folds, rows)
    fold_of = np.empty(rows, dtype=np.int64)
    fold_of[order] = np.arange(rows) % count
    fold_of[alone] = -1
    parts = [(np.flatnonzero(fold_of != f), np.flatnonzero(fold_of == f)) for f in range(count)]
    return [(train, validation) for train, validation in parts if len(validation)]


def member_seed(seed: int, member: int) -> int:
    """The seed of a network among several: that of the first is `seed` itself."""
    return (seed + member * _GOLDEN) % 2**63


def hold_back_latest(times: NDArray[Any], fraction: float) -> tuple[Indices, Indices]:
    """Training and validation rows, the latter the latest; each in the order of the table.

    Rows of one time stay together: the cut is between two times, where the share held back comes
    nearest to `fraction`. Rows whose time is missing are in neither part, because they may be
    later than the cut.

    Args:
        times: a number or datetime64 for each row [rows]; NaN or NaT is missing. To hold back
            the last rows of a table, give their numbers.
        fraction: share of the rows with a time to hold back, above 0 and below 1.

    Raises:
        TableError: fewer than two times.
    """
    there = np.flatnonzero(times == times)
    order = there[np.argsort(times[there], kind="stable")]
    risen = times[order]
    rows = len(order)
    cuts = np.flatnonzero(risen[1:] != risen[:-1]) + 1
    if not cuts.size:
        what = f"are all of one time, {risen[0]}" if rows else "have no time"
        raise TableError(f"cannot hold back the latest of {rows} rows, which {what}; {_ADVICE}")
    cut = int(cuts[np.argmin(np.abs(cuts - (1.0 - fraction) * rows))])
    return np.sort(order[:cut]), np.sort(order[cut:])


def read_times(name: str, column: Column, missing_values: Collection[str]) -> NDArray[Any]:
    """The dates (datetime64) or numbers of a column [rows], by which rows follow one another.

    Raises:
        CellError: a value that is neither, or dates that do not tell their day from their month.
    """
    if not isinstance(column, CodedText):
        dated = column.dtype.kind == "M"
        return (read_dates if dated else read_numbers)(name, column, missing_values)
    coded = code_text(column, missing_values)
    counts = coded.counts()
    if counts and all(parse_date(text) is not None for text in counts):
        return read_dates(name, column, missing_values)
    formats, _ = guess_date_formats(counts, 1.0)
    if len(formats) == 1:
        return read_formatted_dates(name, column, formats[0], missing_values)
    if formats:
        refuse_almost_dates(name, coded, counts)
    numbers = [text is None or parse_number(text) is not None for text in coded.distinct]
    wrong = coded.first_row(~np.array(numbers))
    if wrong is not None:
        got = shorten(coded.text(wrong))
        problem = f"expected dates such as 2024-03-31, or numbers, to order rows by, got {got}"
        raise CellError(name, wrong, problem)
    return read_numbers(name, column, missing_values)


def holds_dates(column: Column, missing_values: Collection[str]) -> bool:
    """Whether the values that are not missing are dates, at least one, in any usual format."""
    if not isinstance(column, CodedText):
        return column.dtype.kind == "M"
    for texts in (column[:_FIRST_TEXTS], column):
        counts = code_text(texts, missing_values).counts()
        iso = all(parse_date(text) is not None for text in counts)
        if counts and not iso and not guess_date_formats(counts, 1.0)[0]:
            return False
    return bool(counts)
