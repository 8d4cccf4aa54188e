"""Columns that name rows rather than describe them: saved indices, running numbers and ids."""

import re

import numpy as np

from lamina.tabular._columns import CodedText, Column, Floats

# What pandas and R call the index of a frame that they write, and readers a column without a name.
_SAVED_INDEX = re.compile(r"__index_level_\d+__|Unnamed: \d+(_level_\d+)?")
_LIKE_INDEX = re.compile(r"index|level_\d+|row_?(names?|number|index)|column_1|\.\.\.1", re.I)
_ID = re.compile(r"(^|[^a-zA-Z])(?i:ids?|uuid|guid|rowid)$|[a-z](Id|ID)$")
_KEY = re.compile(r"(^|[^a-zA-Z])(?i:index|key)$")

_FEW_DISTINCT = 20
_MOSTLY_DISTINCT = 0.5
_EXACT_INTEGERS = 2.0**53
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


def key_note(name: str, column: Column, present: Floats) -> tuple[str, str]:
    """Kind ("ignored", "category", or "" for a number) and note of a column of whole numbers.

    Args:
        present: the numbers that are not missing.
    """
    if not (present == np.floor(present)).all():
        return "", ""
    values = np.unique(present)
    distinct = _exact_distinct(column, values)
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
    if great:
        return "", "numbers beyond 2^53 lose their last digits"
    return "", ""


def _exact_distinct(column: Column, values: Floats) -> int:
    """Different values; whole numbers beyond 2^53 count exactly, though floats join some."""
    if float(np.abs(values[[0, -1]]).max(initial=0.0)) <= _EXACT_INTEGERS:
        return len(values)
    return len(column.counts()) if isinstance(column, CodedText) else len(np.unique(column))


def are_day_numbers(present: Floats) -> bool:
    """Whether whole numbers, such as 20241231, all write a day of the years 1900 to 2100."""
    if not present.size or present.min() < 19000101 or present.max() > 21001231:
        return False
    month, day = present // 100 % 100, present % 100
    good = (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31) & (present == np.floor(present))
    return bool(good.all())
