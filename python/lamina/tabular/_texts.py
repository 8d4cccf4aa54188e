"""What a text means: a number, a truth value, a date, a missing value, or itself."""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MISSING_VALUES: tuple[str, ...] = (
    "", "?", "NA", "N/A", "n/a", "na", "#N/A", "NaN", "nan", "NAN", "null", "NULL", "Null", "None",
    "<NA>", "NaT",
)  # fmt: skip

TRUTH_VALUES = ("false", "true")

# Codes such as 00501 are names, not numbers: their zeros would be lost.
_CODE = re.compile(r"[+-]?0\d+")
_WHOLE = re.compile(r"([+-]?\d+)(\.0*)?", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_DATE = re.compile(
    r"(\d{4}-\d{2}-\d{2})([T ](\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)\s?(Z|[+-]\d{2}(?::?\d{2})?)?)?"
)
# With which a number or a truth value begins; most texts are told apart by it, and fast.
_FIRST = frozenset("0123456789+-.tTfF")
# Beyond it only floats hold whole numbers, not all of whose digits are theirs.
_MOST_DIGITS = 20


def parse_number(text: str) -> float | None:
    """The number that a text writes, or None; NaN and infinity count as they are written."""
    try:
        return None if "_" in text else float(text)
    except ValueError:
        return None


def parse_date(text: str) -> np.datetime64 | None:
    """The ISO 8601 date, or date and time in UTC, that a text writes, or None.

    A time without an offset such as +02:00 counts as UTC.
    """
    found = _DATE.fullmatch(text) if text[:1].isdigit() else None
    if found is None:
        return None
    date, _, clock, offset = found.groups()
    try:
        moment = np.datetime64(f"{date}T{clock or '00:00'}", "s")
    except ValueError:
        return None
    if offset is None or offset == "Z":
        return moment
    hours, minutes = int(offset[1:3]), int(offset[3:].lstrip(":") or 0)
    shift = np.timedelta64(60 * hours + minutes, "m")
    return moment + shift if offset[0] == "-" else moment - shift


def is_code(text: str) -> bool:
    """Whether a text of digits is a code with leading zeros, which no number may stand for."""
    return _CODE.fullmatch(text) is not None


def same_value(text: str) -> str:
    """One spelling for all texts of the same value.

    Numbers are equal however they are written (1, 1.0, +1, 1e0), and so are true, True and TRUE;
    codes with leading zeros and all else are equal as texts.
    """
    if text[:1] not in _FIRST:
        return text
    if _NUMBER.fullmatch(text):
        return _shortest(text)
    return text.lower() if is_truth(text) else text


def is_truth(text: str) -> bool:
    """Whether a text is true or false, in small letters or great ones."""
    return len(text) <= 5 and text.lower() in TRUTH_VALUES


def _shortest(text: str) -> str:
    whole = _WHOLE.fullmatch(text)
    if whole is not None:
        if is_code(whole[1]):
            return text
        if len(whole[1]) <= _MOST_DIGITS:
            return str(int(whole[1]))
    return write_number(float(text))


def write_number(number: float | np.floating[Any]) -> str:
    """The shortest text of a number: 2.0 is 2."""
    return str(int(number)) if float(number).is_integer() else str(number)


def find_places(names: Sequence[str], texts: Iterable[str | None]) -> NDArray[np.int64]:
    """The place among `names` of each text's value, -1 where none of them has that value.

    Where the names are truth values, 1 and 0 are too, and the other way round.
    """
    places = {same_value(name): place for place, name in enumerate(names)}
    others = (("0", "1"), TRUTH_VALUES)
    for ours, theirs in (others, others[::-1]):
        if places and places.keys() <= set(ours):
            places |= {b: places[a] for a, b in zip(ours, theirs, strict=True) if a in places}
            break
    found = [-1 if text is None else places.get(same_value(text), -1) for text in texts]
    return np.array(found, dtype=np.int64)


@dataclass(frozen=True)
class MissingTexts:
    """Which texts stand for a missing value; those that write numbers match as numbers."""

    texts: frozenset[str]
    values: frozenset[str]

    @staticmethod
    def of(texts: Collection[str]) -> "MissingTexts":
        """From the texts as they are given."""
        return MissingTexts(frozenset(texts), frozenset(map(same_value, texts)))

    def __contains__(self, text: str) -> bool:
        if text in self.texts:
            return True
        return text[:1] in _FIRST and same_value(text) in self.values

    def spell(self, texts: Sequence[str | None]) -> tuple[list[str | None], dict[str, list[int]]]:
        """The texts with numbers in their shortest spelling, and None for missing ones.

        Returns:
            The texts, and the places of those that are true and of those that are false.
        """
        spelled = [None if text in self.texts else text for text in texts]
        truths: dict[str, list[int]] = {}
        for place, text in enumerate(spelled):
            if text is None or text[:1] not in _FIRST:
                continue
            value = same_value(text)
            if value in self.values:
                spelled[place] = None
            elif value in TRUTH_VALUES:
                truths.setdefault(value, []).append(place)
            else:
                spelled[place] = value
        return spelled, truths

    def among_numbers(self, column: NDArray[Any]) -> NDArray[np.bool_]:
        """True [rows] where an array of numbers holds one of them, in its own precision."""
        if column.dtype.kind == "f":
            parsed = [parse_number(text) for text in self.values]
            numbers = [number for number in parsed if number is not None and number == number]
            return np.isin(column, np.array(numbers, dtype=column.dtype))
        limits = np.iinfo(column.dtype)
        whole = [int(text) for text in self.values if re.fullmatch(r"-?\d+", text)]
        held = [number for number in whole if limits.min <= number <= limits.max]
        return np.isin(column, np.array(held, dtype=column.dtype))

    def among_dates(self, column: NDArray[Any]) -> NDArray[np.bool_]:
        """True [rows] where an array of dates holds one of them."""
        dates = [date for date in map(parse_date, self.texts) if date is not None]
        return np.isin(column, np.array(dates, dtype=column.dtype))


def shorten(text: str | None, length: int = 40) -> str:
    """A value in quotes for a sentence, cut where it is long."""
    if text is None:
        return "a missing value"
    return f"'{text}'" if len(text) <= length else f"'{text[: length - 3]}...'"
