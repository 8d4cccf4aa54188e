"""Columns of a table as numpy arrays: text is coded once, then read as numbers or dates."""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lamina import _core
from lamina.tabular._texts import (
    MissingTexts,
    is_truth,
    parse_date,
    parse_number,
    shorten,
    write_number,
)

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
Codes = NDArray[np.int32]


class TableError(ValueError):
    """A table, a column or a value that cannot be used, said in one sentence."""


class CellError(TableError):
    """A value that is not of its column's kind; rows count from 1.

    Attributes:
        column: the column's name.
        offers: what the user may say about the column, each a word and what it concerns:
            ("missing", texts...), ("parse", texts that are missing...), ("decimal",), ("date",
            format, texts that are missing...), ("category",), ("ignored",), or ("unread", text).
        sentence: the message without what `Preprocessor` takes for the offers.
    """

    def __init__(
        self,
        column: str,
        row: int,
        problem: str,
        *,
        offers: Sequence[tuple[str, ...]] = (),
        where: str = "",
    ) -> None:
        self.sentence = f"{where}column '{column}', row {row}: {problem}"
        self.column, self.offers = column, tuple(offers)
        hints = [hint for hint in map(self._hint, self.offers) if hint]
        super().__init__(self.sentence + (f" ({' or '.join(hints)})" if hints else ""))
        self._row, self._problem = row, problem

    def _hint(self, offer: tuple[str, ...]) -> str:
        """The arguments of `Preprocessor` that an offer stands for."""
        kind, *texts = offer
        missing = texts[1:] if kind == "date" else texts
        typed = {
            "parse": [f"parse_numbers=['{self.column}']"],
            "date": [f"date_formats={{'{self.column}': '{(texts or [''])[0]}'}}"],
            "category": [f"kinds={{'{self.column}': 'category'}}"],
            "ignored": [f"kinds={{'{self.column}': 'ignored'}}"],
        }.get(kind, [])
        added = [f"missing_values=[*MISSING_VALUES, {', '.join(map(repr, missing))}]"]
        return " and ".join(typed + (added if missing else []))

    def among(self, rows: NDArray[np.int64]) -> "CellError":
        """The same error as seen in the table from which these `rows` (from 0) were taken."""
        row = int(rows[self._row - 1]) + 1
        return CellError(self.column, row, self._problem, offers=self.offers)

    def within(self, table: str) -> "CellError":
        """The same error, saying which table it is in."""
        return CellError(
            self.column, self._row, self._problem, offers=self.offers, where=f"{table}, "
        )


def _table_error(
    sentence: str, column: str | None, row: int, problem: str, unread: str | None
) -> TableError:
    """The error of the package for one of the core's; without a column it is of no cell."""
    if column is None:
        return TableError(sentence)
    return CellError(column, row, problem, offers=() if unread is None else [("unread", unread)])


_core.set_table_error(_table_error)


@contextmanager
def rows_taken(rows: NDArray[np.int64] | None) -> Iterator[None]:
    """Within it a `CellError` names the row of the table from which `rows` (None: all) are."""
    try:
        yield
    except CellError as error:
        if rows is None:
            raise
        raise error.among(rows) from None


@dataclass(frozen=True, eq=False)
class CodedText:
    """A text column as codes: row i holds `distinct[codes[i]]`, None where it is missing.

    The texts are stripped of blanks, and none is there twice.
    """

    codes: Codes
    distinct: list[str | None]

    @staticmethod
    def of(codes: NDArray[Any], texts: Sequence[str | None]) -> "CodedText":
        """Strip the texts [distinct] to which the codes [rows] point, and join equal ones."""
        return CodedText.joined(codes, [None if text is None else text.strip() for text in texts])

    @staticmethod
    def joined(codes: NDArray[Any], texts: list[str | None]) -> "CodedText":
        """Join equal texts [distinct] to which the codes [rows] point."""
        places = dict.fromkeys(texts)
        if len(places) < len(texts):
            numbered = {text: place for place, text in enumerate(places)}
            codes = np.array([numbered[text] for text in texts], dtype=np.int32)[codes]
            texts = list(places)
        return CodedText(codes.astype(np.int32, copy=False), texts)

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, rows: slice | NDArray[Any]) -> "CodedText":
        """The given rows (a slice, indices or a mask); the distinct texts are shared."""
        return CodedText(self.codes[rows], self.distinct)

    def tolist(self) -> list[str | None]:
        """The text of each row."""
        return [self.distinct[code] for code in self.codes.tolist()]

    def counts(self) -> dict[str, int]:
        """Rows of each value that is there and not missing, in the order of `distinct`."""
        rows = np.bincount(self.codes, minlength=len(self.distinct))
        held = np.flatnonzero(rows)
        pairs = zip(held.tolist(), rows[held].tolist(), strict=True)
        found = ((self.distinct[code], count) for code, count in pairs)
        return {text: count for text, count in found if text is not None}

    def distinct_count(self) -> int:
        """How many values are there and not missing."""
        held = np.flatnonzero(np.bincount(self.codes, minlength=len(self.distinct)))
        return len(held) - bool(self.missing().any())

    def first_row(self, chosen: Sequence[bool] | NDArray[np.bool_]) -> int | None:
        """The first row, from 1, that holds a text chosen [distinct]; None where no row does."""
        rows = np.asarray(chosen, dtype=bool)[self.codes] if np.any(chosen) else np.empty(0, bool)
        return int(np.argmax(rows)) + 1 if rows.any() else None

    def text(self, row: int) -> str | None:
        """The text of a row, which counts from 1."""
        return self.distinct[int(self.codes[row - 1])]

    def missing(self) -> NDArray[np.bool_]:
        """True [rows] where the value is missing."""
        flags = np.array([value is None for value in self.distinct], dtype=bool)
        return np.asarray(flags[self.codes], dtype=np.bool_)


# Numbers and truth values (NaN is missing), datetime64 (NaT is missing), or text.
Column: TypeAlias = NDArray[Any] | CodedText
Columns: TypeAlias = Mapping[str, Column]


def kind_of(column: Column) -> str:
    """The kind of an array's numpy type (b, i, u, f or M), or "T" for text."""
    return "T" if isinstance(column, CodedText) else column.dtype.kind


def row_count(columns: Columns) -> int:
    """Rows of a table that `as_columns` made."""
    return len(next(iter(columns.values())))


def take_rows(columns: Columns, rows: NDArray[Any]) -> dict[str, Column]:
    """The given rows (indices or a mask) of each column."""
    return {name: column[rows] for name, column in columns.items()}


def taken(column: Column, rows: NDArray[Any] | None) -> Column:
    """The given rows of a column; None: all of them."""
    return column if rows is None else column[rows]


def coded(column: Column) -> CodedText:
    """A column of any type as text; the values of an array are in rising order."""
    if isinstance(column, CodedText):
        return column
    values, codes = np.unique(column, return_inverse=True)
    return CodedText.of(codes, [_text(value) for value in values])


def code_text(column: Column, missing_values: Collection[str]) -> CodedText:
    """A column of any type as text, in which missing values are None and each value is once.

    Numbers take their shortest spelling, and truth values the one that most rows have.
    """
    column = coded(column)
    missing = MissingTexts.of(missing_values)
    spelled, truths = missing.spell(column.distinct)
    if truths:
        rows = np.bincount(column.codes, minlength=len(spelled))
        for places in truths.values():
            frequent = column.distinct[max(places, key=rows.__getitem__)]
            for place in places:
                spelled[place] = frequent
    return column if spelled == column.distinct else CodedText.joined(column.codes, spelled)


def read_numbers(name: str, column: Column, missing_values: Collection[str]) -> Floats:
    """The column as float64 [rows] with NaN where it is missing; true is 1 and false 0.

    Raises:
        CellError: a value that is no number, or one beyond 1e100, naming its row (from 1).
    """
    if isinstance(column, CodedText):
        numbers = _numbers_of_text(name, column, MissingTexts.of(missing_values))
    elif column.dtype.kind == "M":
        raise TableError(f"column '{name}': expected numbers, got dates")
    else:
        numbers = column.astype(np.float64)
        if column.dtype.kind != "b":
            missing = MissingTexts.of(missing_values).among_numbers(column)
            numbers[missing] = np.nan
    beyond = np.abs(numbers) > _core.GREATEST_NUMBER
    if beyond.any():
        row = int(np.argmax(beyond)) + 1
        raise CellError(
            name,
            row,
            f"expected a number of at most {_core.GREATEST_NUMBER:g}, got {numbers[row - 1]:g}",
            offers=[("unread", f"{numbers[row - 1]:g}")],
        )
    return numbers


def _numbers_of_text(name: str, column: CodedText, missing: MissingTexts) -> Floats:
    parsed = [
        math.nan if text is None or text in missing else parse_number(text)
        for text in column.distinct
    ]
    words = [text for text, number in zip(column.distinct, parsed, strict=True) if number is None]
    if words and all(number is None or number != number or number in (0, 1) for number in parsed):
        truths = {text: float(text.lower() == "true") for text in words if text and is_truth(text)}
        parsed = [
            truths.get(text or "") if number is None else number
            for text, number in zip(column.distinct, parsed, strict=True)
        ]
    wrong = column.first_row([number is None for number in parsed]) if words else None
    if wrong is not None:
        text = column.text(wrong) or ""
        offers = [("unread", text)]
        raise CellError(name, wrong, f"expected a number, got {shorten(text)}", offers=offers)
    return np.array(parsed, dtype=np.float64)[column.codes]


def read_dates(name: str, column: Column, missing_values: Collection[str]) -> NDArray[Any]:
    """The column as datetime64[s] [rows] with NaT where it is missing.

    Raises:
        CellError: a value that is no ISO 8601 date or date and time, naming its row (from 1).
    """
    if not isinstance(column, CodedText) and column.dtype.kind == "M":
        dates = column.astype("datetime64[s]")
        dates[MissingTexts.of(missing_values).among_dates(dates)] = np.datetime64("NaT", "s")
        return dates
    coded = code_text(column, missing_values)
    parsed = [np.datetime64("NaT", "s") if t is None else parse_date(t) for t in coded.distinct]
    wrong = coded.first_row([date is None for date in parsed])
    if wrong is not None:
        problem = f"expected a date such as 2024-03-31, got {shorten(coded.text(wrong))}"
        raise CellError(name, wrong, problem)
    return np.array(parsed, dtype="datetime64[s]")[coded.codes]


def _text(value: np.generic) -> str | None:
    """How a value of an array is written as text; None where it is missing."""
    if value != value:
        return None
    if isinstance(value, np.bool_):
        return "true" if value else "false"
    return write_number(value) if isinstance(value, np.floating) else str(value)
