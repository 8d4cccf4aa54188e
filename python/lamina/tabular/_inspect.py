"""What a column holds: numbers, categories or dates, or nothing that can teach a network."""

import difflib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from lamina.tabular._columns import (
    Column,
    TableError,
    code_text,
    kind_of,
    read_dates,
    read_numbers,
)
from lamina.tabular._keys import (
    are_day_numbers,
    find_stray_value,
    key_note,
    lose_digits,
    name_note,
)
from lamina.tabular._text_kind import kind_of_texts
from lamina.tabular._texts import shorten

_SHOWN_NAMES = 8
KINDS = ("number", "category", "date", "ignored")

# A column of texts is a name or a free text, not a category, when most rows differ.
_FEW_DISTINCT = 20
_MOSTLY_DISTINCT = 0.5


@dataclass(frozen=True)
class ColumnSummary:
    """What was found in a column.

    Attributes:
        kind: one of "number", "category", "date" and "ignored".
        rows, missing, distinct: counts of rows, of missing ones, and of different values.
        note: why the column is ignored, or what to know about it.
        remedy: the kind to force where the note is wrong, "parsed" for numbers with marks,
            "date:" and the format of dates, or "missing:" and a text that may stand for it.
    """

    name: str
    kind: str
    rows: int
    missing: int
    distinct: int
    note: str = ""
    remedy: str = ""


class NoColumnError(TableError):
    """A table without any column to learn from; `columns` are the summaries of those left out."""

    def __init__(self, columns: Sequence[ColumnSummary]) -> None:
        self.columns = tuple(columns)
        super().__init__(self.sentence({s.name: s.note for s in columns}))

    @staticmethod
    def sentence(notes: Mapping[str, str]) -> str:
        """What is wrong, with what to say about each column."""
        shown = [f"'{name}' ({note})" for name, note in islice(notes.items(), _SHOWN_NAMES)]
        more = len(notes) - len(shown)
        rest = f" and {more} more" if more else ""
        return f"the table has no column that could tell its rows apart: {', '.join(shown)}{rest}"


def inspect_column(
    name: str,
    column: Column,
    missing_values: Collection[str],
    kind: str | None = None,
    *,
    saved_index: bool = False,
) -> ColumnSummary:
    """Work out the kind of a column; `kind` (one of `KINDS`) forces it.

    Args:
        saved_index: whether the column is known as the saved index of a frame.

    Raises:
        CellError: a column of numbers or dates with a few texts among them or written with marks,
            or values that do not fit the forced kind.
    """
    if kind == "ignored":
        return ColumnSummary(name, kind, len(column), 0, 0, "left out on request")
    if kind is not None:
        return _inspect(name, column, missing_values, kind)
    note, remedy = "", ""
    if kind_of(column) in "Tb":
        kind, note, remedy = kind_of_texts(name, code_text(column, missing_values))
    else:
        kind = "date" if kind_of(column) == "M" else "number"
    if kind == "number" and lose_digits(column):
        kind, remedy = "category", "number"
        note = "whole numbers beyond 2^53, whose last digits a float64 would lose"
    summary = _inspect(name, column, missing_values, kind)
    if summary.kind == "ignored":
        return summary
    summary = replace(summary, note=note, remedy=remedy)
    return _leave_out_key(summary, column, missing_values, saved_index)


def _inspect(
    name: str, column: Column, missing_values: Collection[str], kind: str
) -> ColumnSummary:
    """The counts of a column of a known kind; it is ignored where it tells nothing."""
    rows = len(column)
    if kind == "category":
        coded = code_text(column, missing_values)
        present, distinct = rows - int(coded.missing().sum()), coded.distinct_count()
    elif kind == "date":
        dates = read_dates(name, column, missing_values)
        there = dates[~np.isnat(dates)]
        present, distinct = len(there), len(np.unique(there))
    else:
        numbers = read_numbers(name, column, missing_values)
        there = numbers[~np.isnan(numbers)]
        present, distinct = len(there), len(np.unique(there))
    summary = ColumnSummary(name, kind, rows, rows - present, distinct)
    if present == 0:
        return replace(summary, kind="ignored", note="holds no value")
    if distinct == 1 and present == rows:
        return replace(summary, kind="ignored", note="holds one value only")
    return summary


def _leave_out_key(
    summary: ColumnSummary, column: Column, missing_values: Collection[str], saved_index: bool
) -> ColumnSummary:
    """The summary, ignored where the column tells its rows apart by number or by name alone."""
    rows = summary.rows - summary.missing
    present = np.empty(0)
    if summary.kind == "number":
        present = read_numbers(summary.name, column, missing_values)
        present = present[~np.isnan(present)]
    whole = summary.kind == "category" or bool((present == np.floor(present)).all())
    each = summary.distinct == rows and summary.kind != "date"
    note = name_note(summary.name, each, whole, saved_index)
    if note:
        remedy = "date:%Y-%m-%d" if summary.kind == "date" else summary.kind
        return replace(summary, kind="ignored", note=note, remedy=remedy)
    if summary.kind == "number" and are_day_numbers(present):
        note = f"looks like days written as {present[0]:.0f} is"
        return replace(summary, note=note, remedy="date:%Y%m%d")
    if summary.kind == "number":
        kind, note = key_note(summary.name, present)
        if kind:
            return replace(summary, kind=kind, note=note, remedy="number")
        stray = find_stray_value(present)
        if stray:
            note = f"{stray} in {int((present == float(stray)).sum()):,} rows, far from the others"
            return replace(summary, note=note, remedy=f"missing:{stray}")
    if summary.kind == "category" and summary.distinct > max(
        _FEW_DISTINCT, _MOSTLY_DISTINCT * rows
    ):
        coded = code_text(column, missing_values)
        text = shorten(coded.distinct[int(coded.codes[np.argmin(coded.missing())])])
        note = f"another text in almost every row, such as {text}"
        if summary.note:
            note += f"; {summary.note}"
        return replace(summary, kind="ignored", note=note, remedy="category")
    return summary


def closest(name: str, names: Iterable[str]) -> str:
    """A sentence's end that offers the names most like this one, or the first of all names."""
    by_lower = {candidate.lower().strip(): candidate for candidate in names}
    found = difflib.get_close_matches(name.lower().strip(), list(by_lower), n=3, cutoff=0.6)
    offers = " or ".join(f"'{by_lower[key]}'" for key in found)
    if offers:
        return f"; did you mean {offers}?"
    first = [f"'{candidate}'" for candidate in islice(by_lower.values(), _SHOWN_NAMES + 1)]
    if len(first) > _SHOWN_NAMES:
        first[-1] = "..."
    return f"; there are {', '.join(first)}" if first else ""
