"""Columns that name rows rather than describe them: saved indices, running numbers and ids."""

import re

import numpy as np

from lamina.tabular._columns import CodedText, Column, Floats
from lamina.tabular._texts import write_number

# What pandas and R call the index of a frame that they write, and readers a column without a name.
_SAVED_INDEX = re.compile(r"__index_level_\d+__|Unnamed: \d+(_level_\d+)?")
_LIKE_INDEX = re.compile(r"index|level_\d+|row_?(names?|number|index)|\.\.\.1", re.I)
_ID = re.compile(r"(^|[^a-zA-Z])(?i:ids?|uuid|guid|rowid)$|[a-z](Id|ID)$")
_KEY = re.compile(r"(^|[^a-zA-Z])(?i:index|key)$")

_FEW_DISTINCT = 20
_MOSTLY_DISTINCT = 0.5
_EXACT_INTEGERS = 2.0**53
_EXACT_DIGITS = 15
# What is written for missing numbers: -9, -99, ..., -99999999 and the same without sign.
_STRAYS = frozenset(sign * (10.0**digits - 1.0) for digits in range(1, 9) for sign in (1, -1))
# Numbers that came by chance would repeat but for a probability of e^-20, two in a milliard.
_SURELY_REPEATED = 20.0


def name_note(name: str, every_row: bool, whole: bool, saved_index: bool) -> str:
    """Why a column is no feature by its name, or by what its file says; "" where it may be one.

    Args:
        every_row: whether each row has another value, and no date.
        whole: whether it holds text, or whole numbers alone.
        saved_index: whether the file says that the column is a frame's index.
    """
    if _SAVED_INDEX.fullmatch(name) or (saved_index and every_row):
        return "the saved index of a table, which numbers or names its rows"
    if every_row and whole and _LIKE_INDEX.fullmatch(name):
        return "another value in each row, like the saved index of a table"
    return ""


def key_note(name: str, present: Floats) -> tuple[str, str]:
    """Kind ("ignored", "category", or "" for a number) and note of a column of numbers.

    Args:
        present: the numbers that are not missing.
    """
    if not (present == np.floor(present)).all():
        return "", ""
    values = np.unique(present)
    distinct = len(values)
    if distinct <= _FEW_DISTINCT:
        if _ID.search(name) and distinct > 2:
            return "category", "an id is a name, not a quantity"
        return "", ""
    spread = float(values[-1] - values[0]) + 1.0
    great = float(np.abs(values[[0, -1]]).max()) > _EXACT_INTEGERS
    if distinct == len(present):
        if spread == distinct:
            return "ignored", "a running number, another one in each row"
        chance = distinct * (distinct - 1.0) / (2.0 * spread)
        if great or _ID.search(name) or _KEY.search(name) or chance > _SURELY_REPEATED:
            return "ignored", "another whole number in each row, like a key"
    if _ID.search(name):
        if distinct > _MOSTLY_DISTINCT * len(present):
            return "ignored", "an id, another one in almost every row"
        return "category", "an id is a name, not a quantity"
    return "", ""


def lose_digits(column: Column) -> bool:
    """Whether whole numbers of a column that differ are equal as float64."""
    if isinstance(column, CodedText):
        texts = [text for text in column.distinct if text and len(text) > _EXACT_DIGITS]
        whole = {int(text) for text in texts if re.fullmatch(r"[+-]?\d{1,99}", text)}
        return len({float(number) for number in whole}) < len(whole)
    if column.dtype.kind not in "iu" or column.dtype.itemsize < 8:
        return False
    great = column[np.abs(column.astype(np.float64)) > _EXACT_INTEGERS]
    return len(np.unique(great)) > len(np.unique(great.astype(np.float64)))


def find_stray_value(present: Floats) -> str:
    """A value such as -999 that may stand for a missing one, being far from all others; or ""."""
    values = np.unique(present)
    if len(values) < _FEW_DISTINCT:
        return ""
    for end, rest in ((values[0], values[1:]), (values[-1], values[:-1])):
        gap = min(abs(end - rest[0]), abs(end - rest[-1]))
        if float(end) in _STRAYS and gap > rest[-1] - rest[0] and (present == end).sum() > 1:
            return write_number(float(end))
    return ""


def are_day_numbers(present: Floats) -> bool:
    """Whether whole numbers, such as 20241231, all write a day of the years 1900 to 2100."""
    if not present.size or present.min() < 19000101 or present.max() > 21001231:
        return False
    month, day = present // 100 % 100, present % 100
    good = (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31) & (present == np.floor(present))
    return bool(good.all())
