"""Figures of a target by the names of metrics: those that end a training, or rank columns."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lamina.metrics import Metric
from lamina.metrics._metric import known_metric
from lamina.tabular._columns import Floats, TableError
from lamina.tabular._options import LOSS, MONITORS
from lamina.tabular._target import ClassTarget, NumberTarget, NumberTargets, Target, names_of

_OF_NUMBERS = ("values", "quantiles")


@dataclass(frozen=True)
class Figure:
    """A metric of encoded targets and outputs; of numbers in the target's own units.

    Attributes:
        mode: whether "min" or "max" is better.
        of: gives it of targets [rows], outputs [rows, outputs] and weights [rows] or None.
    """

    name: str
    mode: Literal["min", "max"]
    of: Callable[[NDArray[Any], Floats, Floats | None], Any]


def find_figure(name: str, target: Target, option: str) -> Figure:
    """The figure of a target by the name of a metric; `option` is what asked for it.

    Raises:
        TableError: no such metric, or one that does not go with the target.
    """
    of_classes = isinstance(target, ClassTarget)
    fitting = [n for n in MONITORS if _reads_numbers(n) != of_classes]
    if name not in fitting:
        kind = "a class" if of_classes else "a number"
        raise TableError(
            f"{option}: {names_of(target)} is {kind}; expected one of {', '.join(fitting)}"
        )
    metric = known_metric(name)
    mode = metric.mode or "min"
    if isinstance(target, ClassTarget):
        return Figure(name, mode, metric)
    return Figure(name, mode, _in_own_units(metric, target))


def default_figure(target: Target) -> str:
    """The metric that training lowers."""
    if isinstance(target, ClassTarget):
        return "log_loss"
    return "rmse" if target.spread is None else "pinball"


class Monitor:
    """The option `monitor` of a training: the validation loss, or a metric.

    Attributes:
        metric: its name; None: the loss.
        mode: whether "min" or "max" of it is better.
        metrics: those that the fit is given.

    Raises:
        TableError: the metric does not go with the target.
    """

    def __init__(self, name: str, target: Target, option: str) -> None:
        self._option, self._target = option, target
        self._figure: Figure | None = None
        self.metric = None if name == LOSS else name
        self.mode: Literal["min", "max"] = "min"
        self.metrics: list[Any] = ["accuracy"] if isinstance(target, ClassTarget) else []
        if self.metric is None:
            return
        self._figure = figure = find_figure(name, target, option)
        self.mode = figure.mode
        if not isinstance(target, ClassTarget):
            self.metrics = [Metric(_with_sample_weight(figure), name=name, mode=figure.mode)]
        elif known_metric(name) is not known_metric("accuracy"):
            self.metrics.append(Metric(known_metric(name), name=name))

    @property
    def figure(self) -> str:
        """Its name in the record of an epoch."""
        return f"val_{self.metric or LOSS}"

    def check(self, truth: NDArray[Any], weights: Floats | None) -> None:
        """Refuse rows to validate on, by their encoded targets, that have no such figure.

        Raises:
            TableError: also where the metric does not go with the classes.
        """
        if self._figure is None:
            return
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")  # the fit will say it
                value = self._figure.of(truth, self._target.baseline(len(truth)), weights)
        except ValueError as error:
            raise TableError(f"{self._option}: {error}") from None
        if np.isnan(value):
            classes = isinstance(self._target, ClassTarget) and len(np.unique(truth)) == 1
            why = ", which are of one class," if classes else ""
            raise TableError(f"{self._option}: the rows to validate on{why} have no such figure")


def _with_sample_weight(figure: Figure) -> Callable[..., Any]:
    def measure(y: Any, outputs: Any, sample_weight: Any = None) -> Any:
        return figure.of(y, outputs, sample_weight)

    return measure


def _in_own_units(
    metric: Metric, target: NumberTarget | NumberTargets
) -> Callable[[NDArray[Any], Floats, Floats | None], Any]:
    by_level = metric.known is not None and metric.known.reads == "quantiles" and target.spread

    def figure(y: NDArray[Any], outputs: Floats, weights: Floats | None) -> Any:
        truth = target.in_own_units(np.asarray(y, dtype=np.float64))
        if by_level:
            quantiles = target.quantiles(outputs).reshape(len(outputs), -1)
            return metric(truth, quantiles, weights, level=by_level.levels)
        predicted = target.decode(outputs)
        return metric(truth.reshape(predicted.shape), predicted, weights)

    return figure


def _reads_numbers(name: str) -> bool:
    known = known_metric(name).known
    return known is not None and known.reads in _OF_NUMBERS
