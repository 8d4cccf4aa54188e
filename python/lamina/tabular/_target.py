"""The column to predict: classes to indices, or numbers to standard units, and back."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina import _core
from lamina.tabular._apply import AppliedTarget
from lamina.tabular._as_columns import as_column
from lamina.tabular._columns import (
    CodedText,
    Floats,
    Indices,
    TableError,
    code_text,
    kind_of,
    read_numbers,
)
from lamina.tabular._encoders import Record
from lamina.tabular._keys import find_stray_value, lose_digits
from lamina.tabular._record import Fields, Tensors
from lamina.tabular._text_kind import kind_of_texts
from lamina.tabular._texts import (
    TRUTH_VALUES,
    MissingTexts,
    find_places,
    parse_number,
    shorten,
)

SCHEMA = "lamina.tabular.target"
VERSION = 1
DEFAULT_THRESHOLD: float = _core.DEFAULT_THRESHOLD
TASKS = ("auto", "classification", "regression")

_MOST_CLASSES = 1000
_FEW_WHOLE_NUMBERS = 20
_ROWS_PER_CLASS = 10


class TargetError(TableError):
    """A target column that holds too little to learn from."""


@dataclass(frozen=True)
class ClassTarget:
    """Classes by name, and their shares of the training rows (the baseline's guess)."""

    name: str
    classes: tuple[str, ...]
    shares: Floats
    task = "classification"

    @property
    def outputs(self) -> int:
        """Outputs of the network: one for two classes (the second's probability), else each's."""
        return 1 if len(self.classes) == 2 else len(self.classes)

    def encode(self, column: Any, missing_values: Collection[str]) -> Indices:
        """Class indices [rows], -1 where the target is missing.

        Raises:
            TableError: a class that training did not see.
        """
        coded = code_text(as_column(self.name, column), missing_values)
        places = find_places(self.classes, coded.distinct)
        absent = [text is None for text in coded.distinct]
        wrong = coded.first_row((places < 0) & ~np.array(absent, dtype=bool))
        if wrong is not None:
            names = ", ".join(f"'{name}'" for name in self.classes[:10])
            more = ", ..." if len(self.classes) > 10 else ""
            raise TableError(
                f"target '{self.name}': class {shorten(coded.text(wrong))} is not among the "
                f"classes that the model knows ({names}{more})"
            )
        return places[coded.codes]

    def weighted(self, encoded: Indices, weights: Floats) -> tuple["ClassTarget", Indices]:
        """The target with shares by the weights of rows, and the rows' classes [rows]."""
        sums = np.bincount(encoded, weights, minlength=len(self.classes))
        return replace(self, shares=sums / sums.sum()), encoded

    def probabilities(self, outputs: NDArray[Any]) -> Floats:
        """Probabilities [rows, classes] from the network's outputs [rows, outputs]."""
        return self._decoder.probabilities(outputs)

    @property
    def positive(self) -> str | None:
        """The second of two classes, whose probability the network gives; None of more."""
        return self.classes[1] if self.outputs == 1 else None

    def decode(self, outputs: NDArray[Any], threshold: float | None = None) -> NDArray[Any]:
        """Names [rows] of the most probable classes.

        Of two classes the second (`positive`) is taken where its probability is above the
        threshold; None: 0.5.

        Raises:
            TableError: a threshold for more than two classes, or one outside 0 to 1.
        """
        chosen = self._decoder.decode(outputs, threshold)
        names: NDArray[Any] = np.array(self.classes, dtype=object)[chosen]
        return names

    def check_threshold(self, threshold: float | None) -> None:
        """Refuse a threshold for more than two classes, and one that is no probability."""
        self._decoder.check_threshold(threshold)

    def baseline(self, rows: int) -> Floats:
        """Outputs [rows, outputs] of a guess that knows the classes' shares alone."""
        guess = self.shares[1:] if self.outputs == 1 else self.shares
        return np.tile(guess, (rows, 1))

    @cached_property
    def _decoder(self) -> "AppliedTarget":
        return AppliedTarget(*self.to_record())

    def __getstate__(self) -> dict[str, Any]:
        """All but what the core holds, which is made again."""
        return {name: value for name, value in self.__dict__.items() if name != "_decoder"}

    def to_record(self) -> tuple[Record, dict[str, Floats]]:
        """`schema`, `version`, `task`, `name`, `classes`; tensor `shares` [classes]."""
        record = _head(self.task, self.name) | {"classes": list(self.classes)}
        return record, {"shares": self.shares}


@dataclass(frozen=True)
class NumberTarget:
    """A number in standard units: the network learns (y - mean) / scale."""

    name: str
    mean: float
    scale: float
    task = "regression"
    outputs = 1

    def encode(self, column: Any, missing_values: Collection[str]) -> Floats:
        """Standard units [rows], NaN where the target is missing."""
        numbers = read_numbers(self.name, as_column(self.name, column), missing_values)
        return (numbers - self.mean) / self.scale

    def weighted(self, encoded: Floats, weights: Floats) -> tuple["NumberTarget", Floats]:
        """The target with mean and scale by the weights of rows, and the rows in its units.

        Raises:
            TableError: the numbers of the rows whose weight is above 0 do not differ.
        """
        mean = float(np.average(encoded, weights=weights))
        scale = float(np.sqrt(np.average((encoded - mean) ** 2, weights=weights)))
        if len(np.unique(encoded[weights > 0.0])) < 2:
            raise TableError(
                f"target '{self.name}': expected numbers that differ among the rows of a weight "
                "above 0"
            )
        target = NumberTarget(self.name, self.mean + self.scale * mean, self.scale * scale)
        return target, (encoded - mean) / scale

    def decode(self, outputs: NDArray[Any], threshold: float | None = None) -> Floats:
        """The target's own units [rows] from the network's outputs [rows, 1]."""
        return self._decoder.decode(outputs, threshold)

    def check_threshold(self, threshold: float | None) -> None:
        """Refuse a threshold, which decides between classes."""
        self._decoder.check_threshold(threshold)

    def baseline(self, rows: int) -> Floats:
        """Outputs [rows, 1] of a guess that knows the mean alone."""
        return np.zeros((rows, 1))

    @cached_property
    def _decoder(self) -> "AppliedTarget":
        return AppliedTarget(*self.to_record())

    def __getstate__(self) -> dict[str, Any]:
        """All but what the core holds, which is made again."""
        return {name: value for name, value in self.__dict__.items() if name != "_decoder"}

    def to_record(self) -> tuple[Record, dict[str, Floats]]:
        """`schema`, `version`, `task`, `name`; tensor `scaling` [2]: mean and scale."""
        return _head(self.task, self.name), {"scaling": np.array([self.mean, self.scale])}


Target = ClassTarget | NumberTarget


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
) -> Target:
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


def target_from_record(record: Any, tensors: Mapping[str, Any]) -> Target:
    """Back from `to_record`; each field and tensor is checked.

    Raises:
        TableError: a newer version, or a field or tensor that is missing, unknown or wrong.
    """
    fields, vectors = Fields("target", record), Tensors("target", tensors)
    fields.take_version(SCHEMA, VERSION)
    task, name = fields.take("task", str), fields.take("name", str)
    target: Target
    if task == ClassTarget.task:
        classes = fields.take_texts("classes")
        target = ClassTarget(name, classes, vectors.take("shares", len(classes)))
        if len(classes) < 2 or (target.shares < 0.0).any():
            raise TableError("target: expected at least two classes, and shares of at least 0")
    elif task == NumberTarget.task:
        mean, scale = vectors.take("scaling", 2).tolist()
        if scale <= 0.0:
            raise TableError("target: expected a scale above 0")
        target = NumberTarget(name, mean, scale)
    else:
        raise TableError(f"target: expected task classification or regression, got '{task}'")
    fields.done()
    vectors.done()
    return target


def _head(task: str, name: str) -> Record:
    return {"schema": SCHEMA, "version": VERSION, "task": task, "name": name}


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
