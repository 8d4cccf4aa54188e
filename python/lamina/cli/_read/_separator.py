"""The separator of a text table, by how evenly each candidate divides its first lines."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from lamina import _core
from lamina.cli._read._format import BLANKS

_CANDIDATES = (",", "\t", ";", "|")
_ROWS = 200
_MOST = 0.9
_HALF = 0.5
_SOME_NUMBERS = 0.3
# 1234.5 and 1.234,5 and -5e-3, with either decimal mark.
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d{3})*|\d*)([.,]\d*)?([eE][+-]?\d+)?")


@dataclass(frozen=True)
class _Division:
    """How a candidate divides the lines: cells of most of them, and how much speaks for it."""

    separator: str
    width: int
    share: float
    header_width: int
    numbers: float

    def rank(self) -> tuple[bool, int, float, int]:
        # A header without a name for the first column is rare.
        header = 2 * (self.header_width == self.width) + (self.header_width == self.width - 1)
        return self.share >= _MOST, header, self.numbers, self.width


def looks_like_number(cell: str) -> bool:
    """Whether a cell writes a number with a decimal point or comma."""
    return any(map(str.isdigit, cell)) and _NUMBER.fullmatch(cell) is not None


def find_separator(text: bytes, whole: bool, quote: str, comment: str) -> str:
    """The candidate that divides most lines into as many cells.

    Among those that do, the one whose cells are numbers more often, then the one with more cells.
    Blanks divide any text, so only numbers between them speak for them. Where nothing
    does, the first line decides: the candidate that it holds most often, else a comma.
    """
    divisions = [_divide(text, whole, separator, quote, comment) for separator in _CANDIDATES]
    good = [d for d in divisions if d and d.width > 1 and d.share >= _HALF]
    best = max(good, key=_Division.rank, default=None)
    blanks = _divide(text, whole, BLANKS, quote, comment)
    if blanks and blanks.width > 1 and blanks.share >= _MOST:
        if best is None and blanks.numbers >= _SOME_NUMBERS:
            return BLANKS
        if best and blanks.numbers >= _MOST and best.numbers < _MOST:
            return BLANKS
    if best:
        return best.separator
    first_line = re.split(rb"[\r\n]", text.lstrip(), maxsplit=1)[0]
    return max(_CANDIDATES, key=lambda separator: first_line.count(separator.encode()))


def _divide(text: bytes, whole: bool, separator: str, quote: str, comment: str) -> _Division | None:
    found = _core.first_rows(text, separator, quote, comment, _ROWS, whole)
    rows: list[list[str]] = [cells for cells, _, _ in found]
    if not rows:
        return None
    below: Sequence[list[str]] = rows[1:] or rows
    width, count = Counter(map(len, below)).most_common(1)[0]
    cells = [cell for row in below if len(row) == width for cell in row if cell]
    numbers = sum(map(looks_like_number, cells)) / len(cells) if cells else 0.0
    return _Division(separator, width, count / len(below), len(rows[0]), numbers)
