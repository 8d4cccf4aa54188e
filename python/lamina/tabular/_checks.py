"""What a table holds that a model's training rows did not: counted by column, told in a line."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lamina.tabular._columns import CodedText, Floats
from lamina.tabular._texts import shorten

# A value is far outside when it lies beyond the training rows' least or greatest one by more than
# this share of their range.
FAR_OUTSIDE = 0.5

_SHOWN_COLUMNS = 5


class TableWarning(UserWarning):
    """A table holds what the model's training rows did not; its predictions may be worth less."""


@dataclass(frozen=True)
class ColumnIssue:
    """Rows of a column that hold what its training rows did not.

    Attributes:
        column: the column's name.
        kind: "unseen" (a category that training did not see), "outside" (a number or date beyond
            the training rows' range by more than half of it), or "missing" (no value, in a column
            that was never without one).
        rows: how many rows.
        example: one of the values, as text: the most frequent category, the farthest number or
            date; empty for missing ones.
    """

    column: str
    kind: Literal["unseen", "outside", "missing"]
    rows: int
    example: str = ""

    def __str__(self) -> str:
        """`'age' 3 values far outside the training range (such as 999)`."""
        one = self.rows == 1
        such = f" (such as {self.example})" if self.example and not one else ""
        such = f" ({self.example})" if self.example and one else such
        phrase = {
            "unseen": "unseen category" if one else "rows of unseen categories",
            "outside": f"value{'' if one else 's'} far outside the training range",
            "missing": f"missing value{'' if one else 's'}, where training had none",
        }[self.kind]
        return f"'{self.column}' {self.rows:,} {phrase}{such}"


def describe_issues(issues: Sequence[ColumnIssue], rows: int) -> str:
    """One line about all issues of a table of so many rows; empty without issues."""
    if not issues:
        return ""
    shown = sorted(issues, key=lambda issue: -issue.rows)[:_SHOWN_COLUMNS]
    parts = "; ".join(str(issue) for issue in shown)
    more = f"; and {len(issues) - len(shown)} more" if len(issues) > len(shown) else ""
    size = f"{rows:,} row{'' if rows == 1 else 's'}"
    return f"the table ({size}) holds what the training rows did not: {parts}{more}"


def missing_issues(name: str, missing: NDArray[np.bool_], legal: bool) -> list[ColumnIssue]:
    """Missing values [rows] of a column, where training had none."""
    count = 0 if legal else int(np.count_nonzero(missing))
    return [ColumnIssue(name, "missing", count)] if count else []


def outside_issues(name: str, x: Floats, low: float, high: float) -> list[ColumnIssue]:
    """Values of x [rows] far outside [low, high]; NaN is none."""
    margin = FAR_OUTSIDE * (high - low)
    with np.errstate(invalid="ignore"):
        outside = (x < low - margin) | (x > high + margin)
    count = int(np.count_nonzero(outside))
    if count == 0:
        return []
    found = x[outside]
    farthest = found[np.argmax(np.abs(found - 0.5 * (low + high)))]
    return [ColumnIssue(name, "outside", count, f"{farthest:.6g}")]


def unseen_issues(name: str, coded: CodedText, known: NDArray[np.bool_]) -> list[ColumnIssue]:
    """Rows whose text is there but not known [distinct]."""
    counts = np.bincount(coded.codes, minlength=len(coded.distinct))
    unseen = np.array([text is not None for text in coded.distinct], dtype=bool) & ~known
    rows = int(counts[unseen].sum())
    if rows == 0:
        return []
    example = coded.distinct[int(np.argmax(np.where(unseen, counts, 0)))]
    return [ColumnIssue(name, "unseen", rows, shorten(example))]
