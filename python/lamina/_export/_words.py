"""The words of the language in which generated code is written once, as Python has them.

Files that begin with `_code_` hold functions in this language: Python's own syntax, read by
`_language.py` and printed as C, JavaScript and Python. The definitions here let Python's tools
check those files; a printer has its own spelling of each word.
"""

import math
from collections.abc import MutableSequence, Sequence
from typing import Any, TypeVar

T = TypeVar("T")

# Kinds of values: the network's own number type, float64 always, and others.
Real = float
Double = float
Int = int
Bool = bool
Text = str | None
Row = Any
# Arrays; a function that only reads one may be given a constant.
Reals = MutableSequence[float]
Doubles = MutableSequence[float]
Ints = MutableSequence[int]
Bytes = MutableSequence[int]  # of -128 to 127
Texts = Sequence[str]
Rows = Sequence[Any]


def by_type(single: T, double: T) -> T:
    """A constant that is another one in float32 and in float64."""
    return single if single is double else double


def fma(a: float, b: float, c: float) -> float:
    """A * b + c with one rounding."""
    return a * b + c


def fnma(a: float, b: float, c: float) -> float:
    """C - a * b with one rounding."""
    return c - a * b


def polynomial(coefficients: Sequence[float], x: float) -> float:
    """C[0] + c[1] x + c[2] x^2 + ..., by fma from the last one; the whole right side of `=`."""
    total = coefficients[-1]
    for coefficient in coefficients[-2::-1]:
        total = fma(total, x, coefficient)
    return total


def root(x: float) -> float:
    """The square root."""
    return math.sqrt(x)


def floor(x: float) -> float:
    """The greatest whole number that is not above."""
    return float(math.floor(x))


def magnitude(x: float) -> float:
    """The absolute value."""
    return abs(x)


def power_of_two(n: int) -> float:
    """2^n of a normal number; 0 below the smallest one."""
    return math.ldexp(1.0, n)


def exponent(x: float) -> int:
    """N with 2^n <= x < 2^(n + 1), of a normal number."""
    return math.frexp(x)[1] - 1


def upper_half(x: float) -> float:
    """The number without the lower half of its fraction, so that its square is exact."""
    return x


def real(x: float) -> float:
    """A number in the network's type."""
    return float(x)


def double(x: float) -> float:
    """A number in float64."""
    return float(x)


def integer(x: float) -> int:
    """The number without its fraction; 0 of NaN."""
    return int(x)


def byte(x: int) -> int:
    """An integer of -128 to 127 to be stored."""
    return x


def missing() -> float:
    """NaN in float64."""
    return math.nan


def is_absent(text: Text) -> bool:
    """Whether there is no text."""
    return text is None


def character(text: Text, place: int) -> int:
    """The code of a character; 0 behind the last one."""
    return ord(text[place]) if text and place < len(text) else 0


def trimmed(text: Text) -> Text:
    """A text without the blanks before it, and where it costs nothing without those behind it."""
    return None if text is None else text.strip()


def behind_blanks(text: Text, place: int) -> int:
    """The place behind blanks at the end of a text, if `trimmed` left any."""
    return place


def same_texts(a: Text, b: Text) -> bool:
    """Whether two texts are the same in every character."""
    return a == b


def row_number(row: Row, column: str) -> float:
    """A number of a row of a table; NaN where it is missing."""
    return float(row[column])


def row_date(row: Row, column: str) -> float:
    """Seconds since 1970-01-01 of a date of a row; NaN where it is missing."""
    return float(row[column])


def row_text(row: Row, column: str) -> Text:
    """A text of a row, or that there is none."""
    text: Text = row[column]
    return text


def reals(count: int) -> Reals:
    """Room for numbers, within a function."""
    return [0.0] * count


def doubles(count: int) -> Doubles:
    """Room for numbers of float64."""
    return [0.0] * count


def integers(count: int) -> Ints:
    """Room for integers."""
    return [0] * count


def bytes_of(count: int) -> Bytes:
    """Room for integers of -128 to 127."""
    return [0] * count


math_exp, math_expm1, math_log, math_log1p = math.exp, math.expm1, math.log, math.log1p
math_tanh, math_sin, math_cos, math_erfc = math.tanh, math.sin, math.cos, math.erfc
