"""What a table holds that a model's training rows did not: counted by column, told in a line."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from lamina import _core

# A value is far outside when it lies beyond the training rows' least or greatest one by more than
# this share of their range.
FAR_OUTSIDE: float = _core.FAR_OUTSIDE

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
    """One line about all issues of a table with `rows` rows; empty without issues."""
    if not issues:
        return ""
    shown = sorted(issues, key=lambda issue: -issue.rows)[:_SHOWN_COLUMNS]
    parts = "; ".join(str(issue) for issue in shown)
    more = f"; and {len(issues) - len(shown)} more" if len(issues) > len(shown) else ""
    size = f"{rows:,} row{'' if rows == 1 else 's'}"
    return f"the table ({size}) holds what the training rows did not: {parts}{more}"
