"""Columns of Python objects: truth values, numbers or durations where all are, else text."""

import datetime as dt
import decimal
import math
import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina import _core
from lamina.tabular._columns import CodedText, Codes, Column
from lamina.tabular._texts import write_number

_ARRAYS: dict[type, type[np.generic]] = {int: np.int64, float: np.float64, bool: np.bool_}

# Whole numbers beyond it lose digits in float64.
EXACT_INTEGERS = 2**53


def column_of_objects(values: Sequence[Any] | NDArray[Any]) -> Column:
    """A column [rows] of the objects of a sequence or an array; see `column_of_codes`."""
    found = _core.code_texts(values)
    if found is not None:
        return CodedText.of(*found)
    if isinstance(values, np.ndarray):
        values = values.tolist()
    array = _array_of_one_type(values)
    if array is not None:
        return array
    try:
        distinct = dict.fromkeys(values)
    except TypeError:  # lists and the like cannot be looked up
        values = [value if value is None else str(value) for value in values]
        distinct = dict.fromkeys(values)
    places = {value: place for place, value in enumerate(distinct)}
    codes = np.fromiter(map(places.__getitem__, values), np.int32, len(values))
    return column_of_codes(codes, list(distinct))


def _array_of_one_type(values: Sequence[Any] | NDArray[Any]) -> NDArray[Any] | None:
    """The array of values that are all int, all float (not all NaN) or all bool; else None."""
    kinds = set(map(type, values))
    dtype = _ARRAYS.get(kinds.pop()) if len(kinds) == 1 else None
    try:
        array = None if dtype is None else np.array(values, dtype=dtype)
    except OverflowError:
        return None
    return None if array is None or (dtype is np.float64 and np.isnan(array).all()) else array


def column_of_codes(codes: Codes, distinct: Sequence[Any]) -> Column:
    """A column whose row i holds the object `distinct[codes[i]]`; None, NaN and the like miss.

    It is an array where all objects are truth values, numbers or durations (in seconds), unless
    numbers would lose digits; else it is text, as Python writes the objects.
    """
    if set(map(type, distinct)) <= {str, type(None)}:
        return CodedText.of(codes, distinct)
    missing = [is_missing(value) for value in distinct]
    present = [value for value, absent in zip(distinct, missing, strict=True) if not absent]
    truths = all(isinstance(value, bool | np.bool_) for value in present)
    if present and truths and not any(missing):
        return np.array(distinct, dtype=bool)[codes]
    seconds = [_seconds(value) for value in present]
    if present and not truths and all(second is not None for second in seconds):
        array = _numbers([0 if s is None else s for s in seconds], missing)
        if array is not None:
            return array[codes]
    texts = [
        None if absent else _text(value) for value, absent in zip(distinct, missing, strict=True)
    ]
    return CodedText.of(codes, texts)


def is_missing(value: Any) -> bool:
    """Whether an object stands for a missing value: None, NaN, NaT or pandas.NA."""
    if value is None:
        return True
    different = value != value
    # pandas.NA compares as itself, and so has no truth value.
    return bool(different) if isinstance(different, bool | np.bool_) else True


def _seconds(value: Any) -> float | int | None:
    """The number that an object is, or the seconds of a duration or a time of day."""
    if isinstance(value, bool | np.bool_):
        return int(value)
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real | decimal.Decimal):
        return float(value)
    if isinstance(value, dt.timedelta):
        return value.total_seconds()
    if isinstance(value, np.timedelta64):
        return float(value / np.timedelta64(1, "s"))
    if isinstance(value, dt.time):
        clock = dt.timedelta(hours=value.hour, minutes=value.minute, seconds=value.second)
        return clock.total_seconds() + value.microsecond / 1e6
    return None


def _numbers(present: list[float | int], missing: list[bool]) -> NDArray[Any] | None:
    """The numbers with NaN where they are missing; None where digits would be lost."""
    whole = all(isinstance(number, int) for number in present)
    if whole and not any(missing):
        least, greatest = min(present), max(present)
        if least >= -(2**63) and greatest < 2**63:
            return np.array(present, dtype=np.int64)
        return np.array(present, dtype=np.uint64) if least >= 0 and greatest < 2**64 else None
    if any(isinstance(number, int) and abs(number) > EXACT_INTEGERS for number in present):
        return None
    rest = iter(present)
    return np.array([math.nan if absent else next(rest) for absent in missing], dtype=np.float64)


def _text(value: Any) -> str:
    """How an object is written; bytes are UTF-8 text in files of older writers."""
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return str(value)
    return write_number(value) if isinstance(value, float | np.floating) else str(value)
