"""What a column holds: numbers, categories or dates, or nothing that can teach a network."""

import difflib
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice

import numpy as np

from lamina.tabular._columns import (
    CellError,
    CodedText,
    Column,
    Floats,
    code_text,
    kind_of,
    read_dates,
    read_numbers,
)
from lamina.tabular._texts import is_code, parse_date, parse_number, shorten

_SHOWN_NAMES = 8
KINDS = ("number", "category", "date", "ignored")

# A column of texts is a name or a free text, not a category, when most rows differ.
_FEW_DISTINCT = 20
_MOSTLY_DISTINCT = 0.5
_MOSTLY_NUMBERS = 0.9
# $1,234.50 and 1.234,50 € and 12,5 and 40% but not 192.168.0.1 or 555 123 4567.
_MARKED_NUMBER = re.compile(
    r"[+-]?[$€£¥]?\s?(\d+|\d{1,3}([,' ]\d{3})+|\d{1,3}(\.\d{3})+)([.,]\d+)?\s?[%$€£¥]?"
)
_IDENTIFIER = re.compile(r"(^|[^a-zA-Z])(id|ids|index|key|uuid|guid|rowid)$|Id$|ID$")


@dataclass(frozen=True)
class ColumnSummary:
    """What was found in a column; `note` says why it is ignored, or what to know about it."""

    name: str
    kind: str
    rows: int
    missing: int
    distinct: int
    note: str = ""


def inspect_column(
    name: str, column: Column, missing_values: Collection[str], kind: str | None = None
) -> ColumnSummary:
    """Work out the kind of a column; `kind` (one of `KINDS`) forces it.

    Raises:
        CellError: a column of numbers with a few texts among them or written with marks, or values
            that do not fit the forced kind.
    """
    if kind == "ignored":
        return ColumnSummary(name, kind, len(column), 0, 0, "left out on request")
    forced = kind is not None
    coded = None
    if kind_of(column) in "Tb" or kind == "category":
        coded = code_text(column, missing_values)
    if kind is None:
        dated = kind_of(column) == "M"
        kind = _text_kind(name, coded) if coded else "date" if dated else "number"
    if kind == "category" and coded is not None:
        return _inspect_category(name, coded, forced)
    if kind == "date":
        dates = read_dates(name, column, missing_values)
        present = dates[~np.isnat(dates)]
        return _summary(name, "date", len(dates), len(present), len(np.unique(present)))
    return _inspect_number(name, read_numbers(name, column, missing_values), forced)


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


def _text_kind(name: str, coded: CodedText) -> str:
    """Kind of a column of texts, by what all of its distinct values are."""
    counts = coded.counts()
    if not counts:
        return "category"
    if all(parse_date(text) is not None for text in counts):
        return "date"
    if all(parse_number(text) is not None for text in counts):
        return "category" if any(is_code(text) for text in counts) else "number"
    refuse_almost_numbers(name, coded, counts)
    return "category"


def refuse_almost_numbers(name: str, coded: CodedText, counts: Mapping[str, int]) -> None:
    """Refuse to guess what a column is whose many texts are numbers but for a few or for marks.

    Raises:
        CellError: which text keeps the column from being one of numbers.
    """
    if len(counts) <= _FEW_DISTINCT:
        return
    enough = _MOSTLY_NUMBERS * sum(counts.values())
    words = {text: n for text, n in counts.items() if parse_number(text) is None}
    marked = {text: n for text, n in words.items() if is_marked_number(text)}
    total, wordy = sum(counts.values()), sum(words.values())
    if total - wordy >= enough:
        word = max(words, key=lambda text: words[text])
        problem = (
            f"{shorten(word)} is text in a column of numbers, as {wordy} of its {total} values "
            "are; count that as missing, or make the column a category or leave it out"
        )
    elif total - wordy + sum(marked.values()) >= enough:
        word = max(marked, key=lambda text: marked[text])
        problem = (
            f"{shorten(word)} is a number with marks in it; write the column's numbers plainly, "
            "such as 1234.5, or make it a category or leave it out"
        )
    else:
        return
    row = coded.first_row([text == word for text in coded.distinct])
    raise CellError(name, row or 1, problem, doubtful=word)


def is_marked_number(text: str) -> bool:
    """Whether a text is a number with thousands, a currency, percent or a decimal comma."""
    return _MARKED_NUMBER.fullmatch(text) is not None


def _inspect_category(name: str, coded: CodedText, forced: bool) -> ColumnSummary:
    counts = coded.counts()
    present = sum(counts.values())
    summary = _summary(name, "category", len(coded.codes), present, len(counts))
    if not forced and len(counts) > max(_FEW_DISTINCT, _MOSTLY_DISTINCT * present):
        text = shorten(next(iter(counts)))
        return _ignored(summary, f"another text in almost every row, such as {text}")
    return summary


def _inspect_number(name: str, numbers: Floats, forced: bool) -> ColumnSummary:
    present = numbers[~np.isnan(numbers)]
    values = np.unique(present)
    summary = _summary(name, "number", len(numbers), len(present), len(values))
    if forced or len(values) <= _FEW_DISTINCT or len(values) < len(numbers):
        return summary
    whole = bool((values == np.floor(values)).all())
    consecutive = values[-1] - values[0] + 1 == len(values)
    if whole and (consecutive or _IDENTIFIER.search(name)):
        return _ignored(summary, "another whole number in each row, like a key")
    return summary


def _summary(name: str, kind: str, rows: int, present: int, distinct: int) -> ColumnSummary:
    summary = ColumnSummary(name, kind, rows, rows - present, distinct)
    if present == 0:
        return _ignored(summary, "holds no value")
    if distinct == 1 and present == rows:
        return _ignored(summary, "holds one value only")
    return summary


def _ignored(summary: ColumnSummary, note: str) -> ColumnSummary:
    return ColumnSummary(
        summary.name, "ignored", summary.rows, summary.missing, summary.distinct, note
    )
