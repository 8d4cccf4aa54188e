"""What a model predicts: classes as indices, or numbers in standard units, and back."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina import _core
from lamina.tabular._apply import AppliedTarget
from lamina.tabular._as_columns import as_column
from lamina.tabular._calibration import interval_margin, weighted_quantiles
from lamina.tabular._columns import Column, Floats, Indices, TableError, code_text, read_numbers
from lamina.tabular._encoders import Record
from lamina.tabular._texts import find_places, shorten

SCHEMA = "lamina.tabular.target"
VERSION = 2  # 1 had one number, without quantiles, and no temperature
DEFAULT_THRESHOLD: float = _core.DEFAULT_THRESHOLD


class _Decoded:
    """A target whose outputs the core decodes, by the record that a file holds too."""

    def to_record(self) -> tuple[Record, dict[str, Floats]]:
        raise NotImplementedError

    def check_threshold(self, threshold: float | None) -> None:
        """Refuse a threshold without two classes, and one that is no probability."""
        self._decoder.check_threshold(threshold)

    @cached_property
    def _decoder(self) -> AppliedTarget:
        return AppliedTarget(*self.to_record())

    def __getstate__(self) -> dict[str, Any]:
        """All but what the core holds, which is made again."""
        return {name: value for name, value in self.__dict__.items() if name != "_decoder"}


@dataclass(frozen=True)
class ClassTarget(_Decoded):
    """Classes by name, and their shares of the training rows (the baseline's guess).

    The logits of the network's outputs are divided by `temperature` (Guo et al. 2017).
    """

    name: str
    classes: tuple[str, ...]
    shares: Floats
    temperature: float = 1.0
    task = "classification"

    @property
    def names(self) -> tuple[str, ...]:
        """The target's column."""
        return (self.name,)

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

    def calibrated(self, outputs: Floats) -> Floats:
        """The network's outputs [rows, outputs] by the temperature."""
        return outputs if self.temperature == 1.0 else self._decoder.calibrate(outputs)

    def probabilities(self, outputs: NDArray[Any]) -> Floats:
        """Probabilities [rows, classes] from outputs [rows, outputs]."""
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

    def baseline(self, rows: int) -> Floats:
        """Outputs [rows, outputs] of a guess that knows the classes' shares alone."""
        guess = self.shares[1:] if self.outputs == 1 else self.shares
        return np.tile(guess, (rows, 1))

    def to_record(self) -> tuple[Record, dict[str, Floats]]:
        """`schema`, `version`, `task`, `name`, `classes`; tensors `shares`, `temperature` [1]."""
        record = _head(self.task) | {"name": self.name, "classes": list(self.classes)}
        return record, {"shares": self.shares, "temperature": np.array([self.temperature])}


@dataclass(frozen=True)
class Spread:
    """The quantiles of a number that a network predicts, one an output.

    Attributes:
        levels: rising, between 0 and 1, and 0.5 among them.
        quantiles: those of the training rows, in standard units [levels]: the baseline's guess.
        coverage: share of the rows that the interval is to hold; None: no interval.
        margin: what the interval is widened by at both ends, in standard units.
    """

    levels: tuple[float, ...]
    quantiles: Floats
    coverage: float | None = None
    margin: float = 0.0

    @property
    def ends(self) -> tuple[int, int]:
        """The places of the levels between which the interval is."""
        outside = (1.0 - (self.coverage or 0.0)) / 2.0
        near = [np.abs(np.array(self.levels) - level) for level in (outside, 1.0 - outside)]
        return int(np.argmin(near[0])), int(np.argmin(near[1]))


class _Numbers(_Decoded):
    """What one number and several have in common; `each` are the numbers one by one."""

    each: tuple["NumberTarget", ...]
    task = "regression"

    @property
    def names(self) -> tuple[str, ...]:
        """The columns of the target."""
        return tuple(target.name for target in self.each)

    @property
    def outputs(self) -> int:
        """Outputs of the network: of each number one, or one a level."""
        return sum(1 if t.spread is None else len(t.spread.levels) for t in self.each)

    def calibrated(self, outputs: Floats) -> Floats:
        """The network's outputs [rows, outputs] as they are: numbers have no temperature."""
        return outputs

    def decode(self, outputs: NDArray[Any], threshold: float | None = None) -> Floats:
        """Numbers, or medians, from outputs [rows, outputs]: [rows], of several [rows, targets]."""
        return self._decoder.decode(outputs, threshold)

    def in_own_units(self, encoded: Floats) -> Floats:
        """Numbers in standard units, [rows] or [rows, targets], in their own."""
        columns = encoded.reshape(len(encoded), -1).T
        own = [t.scale * y + t.mean for t, y in zip(self.each, columns, strict=True)]
        return own[0] if encoded.ndim == 1 else np.column_stack(own)

    def in_standard_units(self, numbers: Floats) -> Floats:
        """The other way round."""
        columns = numbers.reshape(len(numbers), -1).T
        own = [(y - t.mean) / t.scale for t, y in zip(self.each, columns, strict=True)]
        return own[0] if numbers.ndim == 1 else np.column_stack(own)

    def quantiles(self, outputs: NDArray[Any]) -> Floats:
        """Rising quantiles from outputs: [rows, levels], of several [rows, targets, levels].

        Raises:
            TableError: the model was trained without quantiles.
        """
        return self._by_target(self._decoder.quantiles(outputs))

    def intervals(self, outputs: NDArray[Any]) -> Floats:
        """Lower and upper ends from outputs: [rows, 2], of several [rows, targets, 2].

        Raises:
            TableError: the model was trained without an interval.
        """
        return self._by_target(self._decoder.intervals(outputs))

    def _by_target(self, values: Floats) -> Floats:
        count = len(self.each)
        return values if count == 1 else values.reshape(len(values), count, -1)

    def baseline(self, rows: int) -> Floats:
        """Outputs [rows, outputs] of a guess that knows the means, or quantiles, alone."""
        guesses = [np.zeros(1) if t.spread is None else t.spread.quantiles for t in self.each]
        return np.tile(np.concatenate(guesses), (rows, 1))

    def to_record(self) -> tuple[Record, dict[str, Floats]]:
        """`schema`, `version`, `task`, and `targets`: of each `name`, `levels`, `interval`.

        `levels` is how many there are, `interval` whether there is one. Tensors of target i:
        `i.scaling` (mean, scale), `i.levels` and `i.quantiles` [levels], and `i.interval`
        (coverage, margin).
        """
        records: list[Record] = []
        tensors: dict[str, Floats] = {}
        for i, target in enumerate(self.each):
            spread = target.spread or Spread((), np.empty(0))
            tensors[f"{i}.scaling"] = np.array([target.mean, target.scale])
            tensors[f"{i}.levels"] = np.array(spread.levels, dtype=np.float64)
            tensors[f"{i}.quantiles"] = spread.quantiles
            if spread.coverage is not None:
                tensors[f"{i}.interval"] = np.array([spread.coverage, spread.margin])
            records.append(
                {
                    "name": target.name,
                    "levels": len(spread.levels),
                    "interval": spread.coverage is not None,
                }
            )
        return _head(self.task) | {"targets": records}, tensors


@dataclass(frozen=True)
class NumberTarget(_Numbers):
    """A number in standard units: the network learns (y - mean) / scale, or its quantiles."""

    name: str
    mean: float
    scale: float
    spread: Spread | None = None

    # The base class asks for a value, which this class works out.
    @property
    def each(self) -> tuple["NumberTarget", ...]:  # type: ignore[override]
        """The number itself."""
        return (self,)

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

    def with_levels(
        self,
        encoded: Floats,
        levels: tuple[float, ...],
        coverage: float | None,
        weights: Floats | None = None,
    ) -> "NumberTarget":
        """The target with quantiles of the rows in standard units [rows]."""
        quantiles = weighted_quantiles(encoded, levels, weights)
        return replace(self, spread=Spread(levels, quantiles, coverage))

    def conformed(self, encoded: Floats, outputs: Floats, weights: Floats | None) -> "NumberTarget":
        """The target with an interval that held its share of rows which were held back.

        Args:
            encoded: the rows in standard units [rows]. outputs: their quantiles [rows, levels].
        """
        spread = self.spread
        if spread is None or spread.coverage is None:
            return self
        lower, upper = np.sort(outputs, axis=1)[:, list(spread.ends)].T
        margin = interval_margin(encoded, lower, upper, spread.coverage, weights)
        return replace(self, spread=replace(spread, margin=margin))

    def without_margin(self) -> "NumberTarget":
        """The target with intervals that are not widened."""
        return self if self.spread is None else replace(self, spread=replace(self.spread, margin=0))


@dataclass(frozen=True)
class NumberTargets(_Numbers):
    """Several numbers that one network predicts."""

    each: tuple[NumberTarget, ...]

    @property
    def name(self) -> str:
        """The columns between commas."""
        return ", ".join(self.names)

    @property
    def spread(self) -> Spread | None:
        """The levels and the interval of the first number, which the others have too."""
        return self.each[0].spread

    def with_levels(
        self,
        encoded: Floats,
        levels: tuple[float, ...],
        coverage: float | None,
        weights: Floats | None = None,
    ) -> "NumberTargets":
        """As of one number, for each."""
        pairs = zip(self.each, encoded.T, strict=True)
        return NumberTargets(tuple(t.with_levels(y, levels, coverage, weights) for t, y in pairs))

    def encode(self, columns: Any, missing_values: Collection[str]) -> Floats:
        """Standard units [rows, targets] of the targets' columns, NaN where one is missing."""
        pairs = zip(self.each, columns, strict=True)
        return np.column_stack([target.encode(c, missing_values) for target, c in pairs])

    def weighted(self, encoded: Floats, weights: Floats) -> tuple["NumberTargets", Floats]:
        """As of one number, for each."""
        pairs = [t.weighted(y, weights) for t, y in zip(self.each, encoded.T, strict=True)]
        return NumberTargets(tuple(t for t, _ in pairs)), np.column_stack([y for _, y in pairs])

    def conformed(
        self, encoded: Floats, outputs: Floats, weights: Floats | None
    ) -> "NumberTargets":
        """As of one number, for each."""
        by_target = np.split(outputs, len(self.each), axis=1)
        triples = zip(self.each, encoded.T, by_target, strict=True)
        return NumberTargets(tuple(t.conformed(y, o, weights) for t, y, o in triples))


Target = ClassTarget | NumberTarget | NumberTargets


def encode_target(
    target: Target, column: Callable[[str], Column], missing_values: Collection[str]
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Encoded rows, and which of them have a target [rows].

    Args:
        column: gives a column by its name.
    """
    if isinstance(target, ClassTarget):
        classes = target.encode(column(target.name), missing_values)
        return classes, classes >= 0
    if isinstance(target, NumberTarget):
        numbers = target.encode(column(target.name), missing_values)
        return numbers, ~np.isnan(numbers)
    numbers = target.encode([column(name) for name in target.names], missing_values)
    there: NDArray[np.bool_] = np.all(~np.isnan(numbers), axis=1)
    return numbers, there


def names_of(target: Target) -> str:
    """The columns of a target as they are said: `'price'`, or `'a', 'b'`."""
    return ", ".join(f"'{name}'" for name in target.names)


def _head(task: str) -> Record:
    return {"schema": SCHEMA, "version": VERSION, "task": task}
