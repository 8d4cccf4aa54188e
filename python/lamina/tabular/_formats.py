"""How the cells of a column are written: numbers with marks such as $1,234.50, and dates."""

import datetime as dt
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina.tabular._columns import CellError, CodedText, Column, Floats, TableError, code_text
from lamina.tabular._record import Fields
from lamina.tabular._texts import MissingTexts, parse_number, shorten

_CURRENCY = (
    r"[$€£¥₹₽₩₺₴₫฿₱₪₦¢]|USD|EUR|GBP|JPY|CHF|CNY|RMB|INR|CAD|AUD|NZD|SEK|NOK|DKK|PLN|CZK|HUF|RON|RUB|"
    r"TRY|UAH|KRW|BRL|MXN|ARS|CLP|COP|ZAR|SGD|HKD|THB|IDR|MYR|PHP|ILS|AED|SAR|US\$|R\$|kr|zł|Kč|Ft"
)
# Blanks that group digits: a blank, a no-break, a thin and a narrow no-break one.
_BLANKS = " \u00a0\u2009\u202f"
_GROUPING = rf"[.,'\u2019{_BLANKS}]"
_MARKED = re.compile(
    rf"(?P<about>[<>]=?|[≤≥~≈±])?\s*(?P<sign>[+-])?\s*(?P<before>{_CURRENCY})?\s*"
    rf"(?P<inner>[+-])?(?P<digits>\d(?:{_GROUPING}?\d)*|[.,]\d+)(?P<power>[eE][+-]?\d+)?\s*"
    rf"(?P<after>{_CURRENCY}|[%‰])?(?P<more>\+)?"
)
_GROUPED = re.compile(rf"\d{{1,3}}(?:({_GROUPING})\d{{2,3}}(?:\1\d{{2,3}})*(?<=\d{{3}}))?|\d+")

# A number and a unit of measure: 170 cm, 3.5kWh, 20 \u00b0C; but neither 12A nor 5e3.
_MEASURE = re.compile(r"(.*\d)(?:\s+([^\W\d_]|\u00b0)|([a-z\u00b5\u00b0]))([^\d\s]{0,11})")
# 3k and 2 Mio are multiples of what is written; 2 m are metres.
_MULTIPLES = re.compile(r".*\d([kmb]|\s*(k|K|M|B|T|bn|mn|[Mm]io|[Mm]rd|thousand|[mb]illion)\.?)")
_MOSTLY = 0.9

# In the order in which they are tried; the common ones of a kind come first.
_DAYS = (
    "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%Y/%m/%d", "%d-%m-%Y", "%m-%d-%Y", "%d.%m.%y",
    "%m/%d/%y", "%d/%m/%y", "%Y.%m.%d", "%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%b %d, %Y",
    "%d %B %Y", "%B %d, %Y", "%Y-%m-%d",
)  # fmt: skip
_CLOCKS = ("%H:%M", "%H:%M:%S", "%H:%M:%S.%f", "%I:%M %p", "%I:%M:%S %p", "%H:%M:%S %z")
_DATE_FORMATS = (
    *_DAYS,
    *(f"{day} {clock}" for clock in _CLOCKS for day in _DAYS),
    *_CLOCKS[:-1],
    "%d/%b/%Y:%H:%M:%S %z",
)
_DATED = re.compile(
    r"\d{1,4}[-./ ]\w{1,9}[-./ ]\d{1,4}\b.*|[A-Za-z]{3,9} \d{1,2}, \d{4}\b.*|\d{1,2}:\d{2}.*"
)
_TRIED = 200


@dataclass(frozen=True)
class NumberFormat:
    """How the numbers of a column are written.

    Attributes:
        decimal: the decimal mark, a point or a comma; the other one groups thousands.
        unit: currency, percent sign or unit of measure that the numbers bear, or "".
    """

    decimal: str = "."
    unit: str = ""

    @staticmethod
    def of(name: str, column: CodedText, decimal: str = ".") -> "NumberFormat":
        """The format in which all texts of a column are numbers; `decimal` where none shows it.

        Raises:
            TableError: decimal points beside commas, or two units.
        """
        counts = column.counts()
        unit = measure_unit(counts)
        votes: dict[str, str] = {}
        for text in counts:
            found = _match(text, unit)
            mark = _decimal_mark(found["digits"]) if found else ""
            if mark:
                votes.setdefault(mark, text)
        if len(votes) > 1:
            raise TableError(
                f"column '{name}': {shorten(votes['.'])} has a decimal point, but "
                f"{shorten(votes[','])} a decimal comma; write all alike"
            )
        return NumberFormat(next(iter(votes), decimal), unit or _common_unit(name, counts))

    def parse(self, text: str) -> float | None:
        """The number that a text writes, with or without marks; <0.5 is 0.5."""
        found = _match(text, self.unit)
        if found is None:
            return parse_number(text)
        digits = _plain_digits(found["digits"], self.decimal)
        if digits is None or (found["sign"] and found["inner"]):
            return None
        sign = found["sign"] or found["inner"] or ""
        return float(sign + digits + (found["power"] or ""))

    def read(self, name: str, column: CodedText, missing_values: Collection[str]) -> Floats:
        """The column's numbers [rows], NaN where they are missing.

        Raises:
            CellError: a text that is no number in this format. TableError: another unit.
        """
        unit = _common_unit(name, column.counts())
        if unit and unit != self.unit:
            raise TableError(
                f"column '{name}': expected numbers {'in ' + self.unit if self.unit else 'alone'}, "
                f"got numbers in {unit}"
            )
        coded = _as_written(column, missing_values)
        numbers = [np.nan if text is None else self.parse(text) for text in coded.distinct]
        wrong = coded.first_row([number is None for number in numbers])
        if wrong is not None:
            raise CellError(name, wrong, f"expected a number, got {shorten(coded.text(wrong))}")
        return np.array(numbers, dtype=np.float64)[coded.codes]

    def to_record(self) -> dict[str, Any]:
        """Its fields as a JSON object."""
        return {"decimal": self.decimal, "unit": self.unit}

    @staticmethod
    def from_record(where: str, record: Any) -> "NumberFormat":
        """Back from `to_record`, checked."""
        fields = Fields(where, record)
        decimal, unit = fields.take("decimal", str), fields.take("unit", str)
        fields.done()
        if decimal not in (".", ","):
            raise TableError(f"{where}: expected a decimal point or comma, got '{decimal}'")
        return NumberFormat(decimal, unit)


def _match(text: str, unit: str = "") -> re.Match[str] | None:
    """The parts of a number with marks, and perhaps a unit of measure after it.

    (1,234) in brackets is negative, as accountants write.
    """
    text = text.replace("\u2212", "-")
    measure = _MEASURE.fullmatch(text) if unit else None
    if measure and _unit(measure) == unit:
        text = measure[1]
    if text.startswith("(") and text.endswith(")"):
        text = "-" + text[1:-1].strip()
    return _MARKED.fullmatch(text)


def is_marked_number(text: str, unit: str = "") -> bool:
    """Whether a text is a number with thousands, a currency, percent, < or a unit of measure."""
    found = None if parse_number(text) is not None else _match(text, unit)
    if found is None:
        return False
    return NumberFormat(_decimal_mark(found["digits"]) or ".", unit).parse(text) is not None


def measure_unit(counts: Mapping[str, int]) -> str:
    """The unit of measure that nearly all of a column's cells bear after a number, or ""."""
    units: Counter[str] = Counter()
    for text, rows in counts.items():
        measure = _MEASURE.fullmatch(text)
        if measure is None or _MULTIPLES.fullmatch(text) or _match(text):
            continue
        if _match(measure[1]):
            units[_unit(measure)] += rows
    unit, rows = max(units.items(), key=lambda item: item[1], default=("", 0))
    return unit if rows >= _MOSTLY * sum(counts.values()) else ""


def _unit(measure: re.Match[str]) -> str:
    return (measure[2] or measure[3] or "") + measure[4]


def _decimal_mark(digits: str) -> str:
    """The decimal mark that digits show; "" where they may have one or none."""
    points, commas = digits.count("."), digits.count(",")
    if points and commas:
        return max(".,", key=digits.rfind)
    if points + commas != 1:
        return "" if points + commas == 0 else "," if points else "."
    mark = "." if points else ","
    whole, _, rest = digits.partition(mark)
    grouped = len(rest) == 3 and 1 <= len(whole) <= 3 and whole != "0"
    return "" if grouped else mark


def _plain_digits(digits: str, decimal: str) -> str | None:
    """Digits with a decimal point and without groups; None where they are written otherwise."""
    whole, _, rest = digits.partition(decimal)
    if (rest and not rest.isdigit()) or (whole and _GROUPED.fullmatch(whole) is None):
        return None
    return f"{re.sub(_GROUPING, '', whole) or '0'}.{rest or '0'}"


def _common_unit(name: str, counts: Iterable[str]) -> str:
    """The one currency or percent sign among a column's numbers, or "".

    Raises:
        TableError: two of them, or percents beside plain numbers.
    """
    units: dict[str, str] = {}
    for text in counts:
        found = _match(text)
        if found and float(_plain_digits(found["digits"], ".") or 1) != 0:
            units.setdefault(found["before"] or found["after"] or "", text)
    several = [text for unit, text in units.items() if unit or "%" in units]
    if len(several) > 1:
        raise TableError(
            f"column '{name}': {shorten(several[0])} and {shorten(several[1])} are in different "
            "units; give them one, or each a column"
        )
    return next((unit for unit in units if unit), "")


def _as_written(column: Column, missing_values: Collection[str]) -> CodedText:
    """A column as text without missing values, but with numbers as they are written."""
    if not isinstance(column, CodedText):
        return code_text(column, missing_values)
    missing = MissingTexts.of(missing_values)
    texts = [None if text is None or text in missing else text for text in column.distinct]
    return CodedText(column.codes, texts)


def read_formatted_dates(
    name: str, column: Column, form: str, missing_values: Collection[str]
) -> NDArray[Any]:
    """The dates [rows] of a column of texts or whole numbers, such as 20241231, in a format.

    Args:
        form: as of `datetime.strptime`; %z makes the dates UTC.

    Raises:
        CellError: a value that is not written so.
    """
    coded = _as_written(column, missing_values)
    dates = [None if text is None else _parse_date(text, form) for text in coded.distinct]
    wrong = coded.first_row(
        [
            date is None and text is not None
            for date, text in zip(dates, coded.distinct, strict=True)
        ]
    )
    if wrong is not None:
        problem = f"expected a date written as {form}, got {shorten(coded.text(wrong))}"
        raise CellError(name, wrong, problem)
    filled = [np.datetime64("NaT", "s") if date is None else date for date in dates]
    return np.array(filled, dtype="datetime64[s]")[coded.codes]


def looks_dated(text: str) -> bool:
    """Whether a text may be a date in one of the formats that `guess_date_formats` tries."""
    return _DATED.fullmatch(text) is not None


def guess_date_formats(counts: Mapping[str, int], share: float) -> tuple[list[str], list[str]]:
    """The formats, other than ISO 8601, in which that share of a column's cells are dates.

    Args:
        counts: rows of each text.

    Returns:
        Formats that read equally many cells (none: no dates), and the texts that they do not read.
    """
    dated = [text for text in counts if _DATED.fullmatch(text)]
    if not dated or sum(counts[text] for text in dated) < share * sum(counts.values()):
        return [], []
    few = dated[:: max(1, len(dated) // _TRIED)]
    found: dict[str, list[str]] = {}
    for form in _DATE_FORMATS:
        if sum(_parse_date(text, form) is not None for text in few) >= share * len(few):
            found[form] = [text for text in counts if _parse_date(text, form) is None]
    rows = {form: sum(counts[text] for text in words) for form, words in found.items()}
    least = min(rows.values(), default=0)
    if least > (1.0 - share) * sum(counts.values()):
        return [], []
    best = [form for form in found if rows[form] == least]
    return best, found[best[0]] if best else []


def _parse_date(text: str, form: str) -> np.datetime64 | None:
    try:
        date = dt.datetime.strptime(text, form)
    except ValueError:
        return None
    if date.tzinfo is not None:
        date = date.astimezone(dt.UTC).replace(tzinfo=None)
    return np.datetime64(date, "s")


def check_date_format(name: str, form: str) -> None:
    """Refuse a format that reads no date.

    Raises:
        ValueError: naming the column.
    """
    day = dt.datetime(2004, 3, 25, 13, 14, 15, tzinfo=dt.UTC)
    if "%" not in form or _parse_date(day.strftime(form), form) is None:
        raise ValueError(
            f"column '{name}': expected the format of a date such as %d.%m.%Y, got '{form}'"
        )
