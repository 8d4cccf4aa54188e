"""The options of a training on a table: `TableModel.fit` and `lamina train` have them by name."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from lamina import _core
from lamina._checks.numbers import check_whole, checked_seed, is_number
from lamina._checks.spec import to_json
from lamina.metrics._metric import METRICS
from lamina.tabular._columns import TableError
from lamina.tabular._preprocessor import NUMBER_ENCODINGS
from lamina.tabular._presets import DEFAULT_PRESET, PRESETS
from lamina.tabular._task import TASKS
from lamina.tabular._texts import MISSING_VALUES

LOSS = "loss"
# Metrics that may stop a training: those that have a better direction.
MONITORS = tuple(name for name, metric in METRICS.items() if metric.mode is not None)
OPTIMIZERS = ("adam", "adamw", "sgd")
SPLITS = ("random", "time", "last", "group")

_WHERE = "TableModel.fit"
_CHOICES = {
    "task": TASKS,
    "split": (None, *SPLITS),
    "preset": tuple(PRESETS),
    "numbers": (None, *NUMBER_ENCODINGS),
    "decimal": (".", ","),
    "optimizer": (None, *OPTIMIZERS),
}
_NAMES = ("numeric", "categorical", "ignore", "parse_numbers", "missing", "only_missing")


@dataclass(frozen=True)
class TrainOptions:
    """Checked options; see `TableModel.fit`.

    Raises:
        TypeError, ValueError: an option is of another kind, or out of range.
    """

    target: str | Sequence[str]
    validation_fraction: float = 0.2
    split: str | None = None
    time_column: str | None = None
    group_column: str | None = None
    weight_column: str | None = None
    class_weight: Mapping[Any, float] | str | None = None
    monitor: str = "loss"
    quantiles: Sequence[float] = ()
    interval: float | None = None
    calibrate: bool = False
    task: str = "auto"
    numeric: Sequence[str] = ()
    categorical: Sequence[str] = ()
    ignore: Sequence[str] = ()
    parse_numbers: Sequence[str] = ()
    date_format: Mapping[str, str] | None = None
    missing: Sequence[str | float] = ()
    only_missing: Sequence[str | float] | None = None
    preset: str = DEFAULT_PRESET
    numbers: str | None = None
    bins: int = 48
    max_one_hot: int | None = None
    embedding_units: int | None = None
    decimal: str = "."
    hidden: Sequence[int] | None = None
    activation: str | None = None
    dropout: float | None = None
    optimizer: str | None = None
    learning_rate: float | None = None
    weight_decay: float | None = None
    batch_size: int | None = None
    epochs: int | None = None
    patience: int | None = None
    average: float | None = None
    n_members: int | None = None
    time_limit: float | None = None
    seed: int = 0

    @staticmethod
    def among(values: Mapping[str, Any]) -> "TrainOptions":
        """The options among values by name, such as the arguments of a function."""
        return TrainOptions(**{field.name: values[field.name] for field in fields(TrainOptions)})

    def __post_init__(self) -> None:
        self._take_target()
        for name in ("time_column", "group_column", "weight_column"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, str(getattr(self, name)))
        for name, choices in _CHOICES.items():
            value = getattr(self, name)
            if not isinstance(value, str | None) or value not in choices:
                listed = ", ".join(repr(choice) for choice in choices if choice is not None)
                raise ValueError(f"{_WHERE}: expected {name} to be one of {listed}, got {value!r}")
        for name in _NAMES:
            if name != "only_missing" or self.only_missing is not None:
                kind = "texts" if "missing" in name else "names of columns"
                self._take_list(name, kind)
        if self.hidden is not None:
            self._take_list("hidden", "numbers of units")
        formats: Any = {} if self.date_format is None else self.date_format
        if not isinstance(formats, Mapping) or not all(
            isinstance(f, str) for f in formats.values()
        ):
            raise TypeError(
                f"{_WHERE}: expected date_format as a dictionary such as {{'day': '%d.%m.%Y'}}, "
                f"got {formats!r}"
            )
        self._check_split()
        self._check_numbers()
        self._check_layers()
        self._check_class_weight()
        self._check_quantiles()
        self._check_monitor()

    def _check_split(self) -> None:
        columns = {"time": self.time_column, "group": self.group_column}
        for kind, column in columns.items():
            if column is not None and self.split not in (None, kind):
                raise ValueError(
                    f"{_WHERE}: {kind}_column goes with split={kind!r}, not with "
                    f"split={self.split!r}"
                )
        if self.split == "group" and self.group_column is None:
            raise ValueError(f"{_WHERE}: expected group_column beside split='group'")
        if None not in columns.values():
            raise ValueError(f"{_WHERE}: expected time_column or group_column, got both")

    @property
    def targets(self) -> tuple[str, ...]:
        """The columns to predict."""
        return (self.target,) if isinstance(self.target, str) else tuple(self.target)

    def _take_target(self) -> None:
        """Keep one name as a text, several as a tuple."""
        if not isinstance(self.target, list | tuple):
            object.__setattr__(self, "target", str(self.target))
            return
        names = tuple(map(str, self.target))
        if not names:
            raise ValueError(f"{_WHERE}: expected target as at least one column, got none")
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"{_WHERE}: expected each target once, got '{twice}' twice")
        object.__setattr__(self, "target", names if len(names) > 1 else names[0])

    @property
    def missing_values(self) -> list[str]:
        """The texts that stand for missing values."""
        return missing_values(self.missing, self.only_missing)

    def _take_list(self, name: str, kind: str) -> None:
        """Keep an option as a tuple; TypeError where it is no list."""
        value = getattr(self, name)
        if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
            raise TypeError(f"{_WHERE}: expected {name} as a list of {kind}, got {value!r}")
        object.__setattr__(self, name, tuple(value))

    def _check_numbers(self) -> None:
        counts = ("bins", "batch_size", "epochs", "patience", "n_members", "embedding_units")
        for name in (*counts, "max_one_hot"):
            value = getattr(self, name)
            if value is not None or name == "bins":
                check_whole(value, name, _WHERE, least={"bins": 2, "max_one_hot": 0}.get(name, 1))
        checked_seed(self.seed)
        for name, takes_0, below in (
            ("validation_fraction", False, 1.0),
            ("dropout", True, 1.0),
            ("average", True, 1.0),
            ("learning_rate", False, math.inf),
            ("weight_decay", True, math.inf),
            ("time_limit", False, math.inf),
        ):
            value = getattr(self, name)
            if value is None and name != "validation_fraction":
                continue
            if is_number(value) and 0.0 <= value < below and (takes_0 or value > 0.0):
                continue
            low = "of at least 0" if takes_0 else "above 0"
            high = "" if below == math.inf else f" and below {below:g}"
            raise ValueError(f"{_WHERE}: expected {name} as a number {low}{high}, got {value!r}")

    def _check_layers(self) -> None:
        for units in self.hidden or ():
            check_whole(units, "units of hidden", _WHERE)
        if self.activation is not None and not (
            isinstance(self.activation, str) and _core.is_trainable(to_json(self.activation))
        ):
            raise ValueError(
                f"{_WHERE}: expected activation as the name of one that a network can train with, "
                f"got {self.activation!r}"
            )

    def _check_class_weight(self) -> None:
        given: Any = self.class_weight
        if given is None or given == "balanced":
            return
        if not isinstance(given, Mapping):
            raise TypeError(
                f"{_WHERE}: expected class_weight as 'balanced' or a dictionary from class to "
                f"weight, got {given!r}"
            )
        for name, weight in given.items():
            if not is_number(weight) or not 0.0 <= weight <= _core.GREATEST_NUMBER:
                raise ValueError(
                    f"{_WHERE}: expected class_weight as numbers from 0 to "
                    f"{_core.GREATEST_NUMBER:g}, got {weight!r} for {name!r}"
                )

    def _check_quantiles(self) -> None:
        self._take_list("quantiles", "numbers")
        least = 1e-6  # the loss takes no level nearer to 0 or 1
        for level in self.quantiles:
            if not is_number(level) or not least <= level <= 1.0 - least:
                raise ValueError(
                    f"{_WHERE}: expected quantiles as numbers between 0 and 1, got {level!r}"
                )
        if self.interval is not None and (
            not is_number(self.interval) or not 0.0 < self.interval <= 1.0 - 2.0 * least
        ):
            raise ValueError(
                f"{_WHERE}: expected interval as a share of the rows between 0 and 1, got "
                f"{self.interval!r}"
            )
        if not isinstance(self.calibrate, bool):
            raise TypeError(
                f"{_WHERE}: expected calibrate as True or False, got {self.calibrate!r}"
            )

    @property
    def levels(self) -> tuple[float, ...]:
        """The levels of quantiles that the network learns, rising; none: it learns the mean.

        The median is among them, which is the prediction, and the ends of the interval.
        """
        if not self.quantiles and self.interval is None:
            return ()
        outside = [] if self.interval is None else [(1.0 - self.interval) / 2.0]
        ends = [level for low in outside for level in (low, 1.0 - low)]
        return tuple(sorted({round(float(level), 12) for level in (0.5, *self.quantiles, *ends)}))

    def _check_monitor(self) -> None:
        if self.monitor != LOSS and self.monitor not in MONITORS:
            raise ValueError(
                f"{_WHERE}: expected monitor to be '{LOSS}' or one of {', '.join(MONITORS)}, got "
                f"{self.monitor!r}"
            )


def check_validation(options: TrainOptions) -> None:
    """Refuse options on rows to hold back where a validation table is given."""
    for name in ("split", "time_column", "group_column"):
        if getattr(options, name) is not None:
            raise TableError(
                f"{_WHERE}: expected no {name} beside validation, which gives the rows to "
                "validate on"
            )


def missing_values(further: Sequence[str | float], only: Sequence[str | float] | None) -> list[str]:
    """The texts that stand for missing values: `further` ones, beside the usual ones or `only`."""
    texts = (*(MISSING_VALUES if only is None else only), *further)
    return [str(text).strip() for text in texts]
