"""The task that a target column's values suggest, and the target that is learned of them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lamina.tabular._as_columns import as_column
from lamina.tabular._columns import (
    CodedText,
    Floats,
    TableError,
    code_text,
    kind_of,
    read_numbers,
)
from lamina.tabular._keys import find_stray_value, lose_digits
from lamina.tabular._target import ClassTarget, NumberTarget
from lamina.tabular._text_kind import kind_of_texts
from lamina.tabular._texts import (
    TRUTH_VALUES,
    MissingTexts,
    find_places,
    parse_number,
    shorten,
)

TASKS = ("auto", "classification", "regression")

_MOST_CLASSES = 1000
_FEW_WHOLE_NUMBERS = 20
_ROWS_PER_CLASS = 10


class TargetError(TableError):
    """A target column that holds too little to learn from."""


@dataclass(frozen=True)
class TaskChoice:
    """The task that a target column's values suggest, why ("it holds text"), and another one."""

    task: str
    reason: str
    possible: str = ""


def choose_task(name: str, column: Any, missing_values: Collection[str]) -> TaskChoice:
    """Work out the task of a target column.

    Text and truth values make classes, and so do two whole numbers, codes with leading zeros, and
    whole numbers with at most 20 different values that come 10 times each on average; other
    numbers make a regression.

    Raises:
        TableError: dates, or numbers with a few texts among them or written with marks.
    """
    column = as_column(name, column)
    if kind_of(column) == "M":
        raise TableError(f"target '{name}': expected classes or numbers, got dates")
    if kind_of(column) in "Tb":
        coded = code_text(column, missing_values)
        kind, note, remedy = kind_of_texts(name, coded)
        if kind == "date":
            raise TableError(f"target '{name}': expected classes or numbers, got dates")
        if kind == "category":
            return _choose_classes(coded.counts(), note if remedy == "number" else "")
    if lose_digits(column):
        return TaskChoice("classification", "it holds whole numbers beyond 2^53")
    numbers = read_numbers(name, column, missing_values)
    return _choose_by_numbers(numbers[~np.isnan(numbers)])


def _choose_classes(counts: Mapping[str, int], note: str) -> TaskChoice:
    truths = find_places(TRUTH_VALUES, counts)
    holds = "truth values" if counts and (truths >= 0).all() else "text"
    return TaskChoice("classification", f"it holds {note or holds}")


def _choose_by_numbers(numbers: Floats) -> TaskChoice:
    if not (numbers == np.floor(numbers)).all():
        return TaskChoice("regression", "it holds numbers with fractions")
    distinct, rows = len(np.unique(numbers)), len(numbers)
    found = f"it holds {distinct:,} different whole numbers"
    possible = "" if _too_many(distinct, rows) else "classification"
    if distinct > _FEW_WHOLE_NUMBERS:
        reason = f"{found}, more than {_FEW_WHOLE_NUMBERS}"
        return TaskChoice("regression", reason, possible)
    if distinct <= 2 or rows >= _ROWS_PER_CLASS * distinct:
        reason = found if distinct > 1 else "it holds one value"
        return TaskChoice("classification", reason, "regression" if distinct > 1 else "")
    reason = f"{found}, in fewer than {_ROWS_PER_CLASS} rows each on average"
    return TaskChoice("regression", reason, possible)


def _too_many(classes: int, rows: int) -> bool:
    """Whether there are too many classes to learn."""
    return classes > _MOST_CLASSES or 2 * classes > max(rows, 8)


def fit_target(
    name: str, column: Any, missing_values: Collection[str], task: str = "auto"
) -> ClassTarget | NumberTarget:
    """Learn the target's classes or scale; the task is worked out by `choose_task` where "auto".

    Raises:
        TableError: nothing to learn from: no values, one class, one value, or about as many
            classes as rows; also as `choose_task`.
    """
    if task not in TASKS:
        raise ValueError(f"expected task to be one of {', '.join(TASKS)}, got {task!r}")
    column = as_column(name, column)
    if kind_of(column) == "M":
        raise TableError(f"target '{name}': expected classes or numbers, got dates")
    if task == "auto":
        task = choose_task(name, column, missing_values).task
    if task == "regression":
        numbers = read_numbers(name, column, missing_values)
        return _fit_numbers(name, numbers[~np.isnan(numbers)])
    return _fit_classes(name, code_text(column, missing_values).counts())


def stray_value(name: str, column: Any, missing_values: Collection[str]) -> str:
    """A number such as -999 that may stand for a missing target, far from all others; or ""."""
    numbers = read_numbers(name, as_column(name, column), missing_values)
    return find_stray_value(numbers[~np.isnan(numbers)])


def missing_texts(name: str, column: Any, missing_values: Collection[str]) -> dict[str, int]:
    """Rows of each text, not of empty cells, that counts as missing in a column."""
    column = as_column(name, column)
    if not isinstance(column, CodedText):
        return {}
    missing = MissingTexts.of(missing_values)
    return {text: n for text, n in column.counts().items() if text and text in missing}


def _fit_classes(name: str, counts: dict[str, int]) -> ClassTarget:
    rows = sum(counts.values())
    if len(counts) < 2:
        found = f"only the class {shorten(next(iter(counts)))}" if counts else "no value"
        raise TargetError(f"target '{name}': expected at least two classes, found {found}")
    if _too_many(len(counts), rows):
        raise TableError(
            f"target '{name}': {len(counts)} classes in {rows} rows are too many to learn; "
            "is it a number (then the task is regression), or another column?"
        )
    names = sorted(counts, key=_class_order)
    shares = np.array([counts[text] for text in names], dtype=np.float64) / rows
    return ClassTarget(name, tuple(names), shares)


def _fit_numbers(name: str, numbers: Floats) -> NumberTarget:
    scale = float(numbers.std()) if numbers.size else 0.0
    if scale <= 0.0:
        found = f"only the value {numbers[0]:g}" if numbers.size else "no value"
        raise TableError(f"target '{name}': expected numbers that differ, found {found}")
    return NumberTarget(name, float(numbers.mean()), scale)


def _class_order(text: str) -> tuple[int, float, str]:
    """Numbers by size, then words by letter."""
    number = parse_number(text)
    return (0, number, text) if number is not None else (1, 0.0, text)
