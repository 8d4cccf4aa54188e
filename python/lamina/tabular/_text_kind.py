"""The kind of a column of texts, by what all of its different values are."""

import re
from collections.abc import Mapping, Sequence

from lamina.tabular._columns import CellError, CodedText, TableError
from lamina.tabular._formats import (
    NumberFormat,
    guess_date_formats,
    is_marked_number,
    looks_dated,
    measure_unit,
)
from lamina.tabular._texts import is_code, parse_date, parse_number, shorten, write_number

# Texts of so few different numbers may well be categories.
_FEW_NUMBERS = 20
_NEARLY_ALL = 0.9
_MOST = 0.5
_FEW_WORDS = 10
_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
# Rows that tell whether the others are worth a look, and the share below which they are not.
_SAMPLE = 4000
_FEW_WRITTEN = 0.4
_SHOWN_WORDS = 3

Counts = Mapping[str, int]


def kind_of_texts(name: str, coded: CodedText) -> tuple[str, str, str]:
    """Kind, note and remedy of a column of texts; see `ColumnSummary`.

    Raises:
        CellError: numbers or dates with a few texts among them, or written with marks: only the
            user can say what the column is.
    """
    counts = coded.counts()
    if not counts:
        return "category", "", ""
    if all(parse_date(text) is not None for text in counts):
        return "date", "", ""
    if all(parse_number(text) is not None for text in counts):
        codes = [text for text in counts if is_code(text)]
        if not codes:
            return "number", "", ""
        note = f"codes with leading zeros, such as {shorten(codes[0])}, are names"
        return "category", note, "number"
    if not _mostly_plain(coded):
        refuse_almost_dates(name, coded, counts)
        refuse_almost_numbers(name, coded, counts)
        return "category", *(_note_months(counts) or _note_numbers(counts))
    return "category", "", ""


def _note_months(counts: Counts) -> tuple[str, str] | None:
    """Note and remedy of a column of months such as 2024-03; seasons look so too."""
    if not all(_MONTH.fullmatch(text) for text in counts):
        return None
    return f"looks like months written as {next(iter(counts))} is", "date:%Y-%m"


def _mostly_plain(coded: CodedText) -> bool:
    """Whether a sample of a great column's rows holds few numbers and dates, and so it may."""
    if len(coded) <= _SAMPLE:
        return False
    sample = coded[:: len(coded) // _SAMPLE]
    texts = sample.counts()
    unit = measure_unit(texts)
    written = sum(
        rows
        for text, rows in texts.items()
        if parse_number(text) is not None
        or is_marked_number(text, unit)
        or parse_date(text) is not None
        or looks_dated(text)
    )
    return written < _FEW_WRITTEN * sum(texts.values())


def refuse_almost_dates(name: str, coded: CodedText, counts: Counts) -> None:
    """Refuse to guess what a column is whose texts are dates but for a few, or in another format.

    Raises:
        CellError: which text keeps the column from being one of dates.
    """
    enough = _NEARLY_ALL * sum(counts.values())
    dates = [text for text in counts if parse_date(text) is not None]
    if dates and sum(counts[text] for text in dates) >= enough:
        words = {text: n for text, n in counts.items() if parse_date(text) is None}
        word = max(words, key=words.__getitem__)
        problem = (
            f"{shorten(word)} is text in a column of dates, as {sum(words.values()):,} of its "
            f"{sum(counts.values()):,} values are"
        )
        shown = sorted(words, key=words.__getitem__, reverse=True)[:_SHOWN_WORDS]
        raise _doubt(name, coded, word, problem, [("missing", *shown), ("category",), ("ignored",)])
    formats, others = guess_date_formats(counts, _NEARLY_ALL)
    if not formats:
        return
    text = next(text for text in counts if text not in others)
    problem = f"{shorten(text)} looks like a date or time, but is not written as 2024-03-31 is"
    if len(formats) > 1:
        problem += ", and does not tell its day from its month"
    if others:
        rows = sum(counts[word] for word in others)
        problem += f"; {shorten(others[0])} is text, as {rows:,} of the values are"
    offers = [("date", form, *others[:_SHOWN_WORDS]) for form in formats]
    raise _doubt(name, coded, text, problem, [*offers, ("category",), ("ignored",)])


def refuse_almost_numbers(name: str, coded: CodedText, counts: Counts) -> None:
    """Refuse to guess what a column is whose many texts are numbers but for a few or for marks.

    Raises:
        CellError: which text keeps the column from being one of numbers.
    """
    others = {text: n for text, n in counts.items() if parse_number(text) is None}
    unit = measure_unit(others)
    marked = {text: n for text, n in others.items() if is_marked_number(text, unit)}
    words = {text: n for text, n in others.items() if text not in marked}
    if len(counts) - len(words) <= _FEW_NUMBERS:
        return
    total = sum(counts.values())
    numeric = total - sum(words.values())
    few = numeric >= _MOST * total and len(words) <= _FEW_WORDS
    if not few and numeric < _NEARLY_ALL * total:
        return
    if marked:
        raise _marked_doubt(name, coded, marked, words)
    word = max(words, key=words.__getitem__)
    problem = (
        f"{shorten(word)} is text in a column of numbers, as {sum(words.values()):,} of its "
        f"{total:,} values are"
    )
    if len(words) > 1:
        problem += f", in {len(words):,} spellings"
    how = ("missing", *sorted(words, key=words.__getitem__, reverse=True)[:_SHOWN_WORDS])
    raise _doubt(name, coded, word, problem, [how, ("category",), ("ignored",)])


def _marked_doubt(name: str, coded: CodedText, marked: Counts, words: Counts) -> CellError:
    word = max(marked, key=marked.__getitem__)
    problem = (
        f"{shorten(word)} is a number with marks in it, as {sum(marked.values()):,} of its "
        f"{sum(coded.counts().values()):,} values are"
    )
    offers: list[tuple[str, ...]] = [("category",), ("ignored",)]
    try:
        form = NumberFormat.of(name, coded)
        problem += f"; as a number it is {write_number(form.parse(word) or 0.0)}"
        if form.decimal == "," and not form.unit:
            offers.insert(0, ("decimal",))
        offers.insert(0, ("parse", *list(words)[:_SHOWN_WORDS]))
    except TableError as error:
        problem = str(error).split(": ", 1)[1]
    if words:
        rest = max(words, key=words.__getitem__)
        problem += f"; {shorten(rest)} is text, as {sum(words.values()):,} values are"
    return _doubt(name, coded, word, problem, offers)


def _note_numbers(counts: Counts) -> tuple[str, str]:
    """Note and remedy of a column of categories most of whose values are numbers."""
    total = sum(counts.values())
    words = {text: n for text, n in counts.items() if parse_number(text) is None}
    unit = measure_unit(words)
    marked = {text: n for text, n in words.items() if is_marked_number(text, unit)}
    word = max(words, key=words.__getitem__)
    if len(marked) == len(words):
        return f"numbers with marks, such as {shorten(word)}", "parsed"
    numeric = total - sum(words.values()) + sum(marked.values())
    if numeric < _MOST * total:
        return "", ""
    rest = max((text for text in words if text not in marked), key=words.__getitem__)
    return f"{numeric:,} of {total:,} values are numbers, but {shorten(rest)} is not", ""


def _doubt(
    name: str, coded: CodedText, text: str, problem: str, offers: Sequence[tuple[str, ...]]
) -> CellError:
    row = coded.first_row([other == text for other in coded.distinct])
    return CellError(name, row or 1, problem, offers=offers)
