"""How much each row counts: a column of weights, and the weights of classes."""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from lamina import _core
from lamina.tabular._as_columns import as_column
from lamina.tabular._columns import (
    CellError,
    CodedText,
    Column,
    Floats,
    Indices,
    TableError,
    code_text,
)
from lamina.tabular._inspect import closest
from lamina.tabular._remedies import Spell
from lamina.tabular._target import ClassTarget, Target, names_of
from lamina.tabular._texts import MissingTexts, find_places, parse_number, shorten

_EXPECTED = "expected a weight of at least 0"


def read_weights(name: str, column: Column, missing_values: Collection[str]) -> Floats:
    """The weights of rows [rows], float64.

    Raises:
        CellError: a weight that is missing, negative, infinite, or no number, naming its row.
    """
    if isinstance(column, CodedText):
        missing = MissingTexts.of(missing_values)
        parsed = [
            np.nan if text is None or text in missing else parse_number(text)
            for text in column.distinct
        ]
        wrong = column.first_row([number is None for number in parsed])
        if wrong is not None:
            raise CellError(name, wrong, f"{_EXPECTED}, got {shorten(column.text(wrong))}")
        weights = np.array(parsed, dtype=np.float64)[column.codes]
    elif column.dtype.kind == "M":
        raise TableError(f"column '{name}': expected weights, got dates")
    else:
        weights = column.astype(np.float64)
        if column.dtype.kind != "b":
            weights[MissingTexts.of(missing_values).among_numbers(column)] = np.nan
    unusable = ~((weights >= 0.0) & (weights <= _core.GREATEST_NUMBER))
    if unusable.any():
        row = int(np.argmax(unusable))
        most = f" and at most {_core.GREATEST_NUMBER:g}" if weights[row] > 0.0 else ""
        got = "none" if np.isnan(weights[row]) else f"{weights[row]:g}"
        raise CellError(name, row + 1, f"{_EXPECTED}{most}, got {got}")
    return weights


def check_weights(weights: Floats | None, rows: str) -> None:
    """Refuse weights that are all 0; `rows` says which rows they are of."""
    if weights is not None and not weights.any():
        raise TableError(f"expected a weight above 0 among the rows {rows}, got only zeros")


class ClassWeights:
    """The option `class_weight` of a training: "balanced", or a weight by class.

    Args:
        given: the option; None: no class counts more than another.

    Raises:
        TableError: the target is a number, or has no class of a name.
    """

    def __init__(
        self, given: Mapping[Any, float] | str | None, target: Target, spell: Spell
    ) -> None:
        self._balanced = given == "balanced"
        self._named: Floats | None = None
        if given is None:
            return
        if not isinstance(target, ClassTarget):
            raise TableError(
                f"{spell('class_weight', None)}: {names_of(target)} is a number, which has no "
                "classes"
            )
        self._named = np.ones(len(target.classes))
        if isinstance(given, Mapping):
            names = code_text(as_column("class_weight", list(given)), ()).tolist()
            places = find_places(target.classes, names)
            for name, place, weight in zip(names, places.tolist(), given.values(), strict=True):
                if place < 0:
                    raise TableError(
                        f"{spell('class_weight', None)}: '{target.name}' has no class "
                        f"{shorten(name)}{closest(name or '', target.classes)}"
                    )
                self._named[place] = weight

    def of_classes(self, classes: Indices, weights: Floats | None) -> Floats | None:
        """The weight of each class [classes], None without the option.

        Balanced classes weigh the same in sum over the training rows (King & Zeng 2001).

        Args:
            classes: of each training row [rows]. weights: of the rows themselves.
        """
        if self._named is None or not self._balanced:
            return self._named
        sums = np.bincount(classes, weights, minlength=len(self._named))
        present = np.count_nonzero(sums)
        shares = np.where(sums > 0.0, sums, np.inf) * present
        return np.where(sums > 0.0, sums.sum() / shares, 1.0)


def product(rows: Floats | None, of_classes: Floats | None, classes: Indices) -> Floats | None:
    """The weights of rows [rows] times those of their classes; None where all are 1."""
    if of_classes is None:
        return rows
    each = of_classes[classes]
    return each if rows is None else rows * each
