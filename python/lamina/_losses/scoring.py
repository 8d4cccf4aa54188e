"""Metrics in `fit` and `evaluate`: the loss and the last activation say what the outputs mean."""

import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from lamina import _core
from lamina._checks.stack_level import stack_level
from lamina._checks.types import NDArray
from lamina._losses.losses import CustomLoss
from lamina.metrics._arguments import core_numbers, number_array
from lamina.metrics._metric import Metric, Mode, as_number, known_metric

Array = NDArray[Any]
MetricLike = str | Callable[..., Any]


class OutputKind(NamedTuple):
    """What says how a network's outputs are meant.

    Attributes:
        loss: None: a function of the user's. last: activation of the last layer.
    """

    loss: _core.Loss | None
    last: str
    outputs: int


def output_kind(loss: "_core.Loss | CustomLoss", last: str, outputs: int) -> OutputKind:
    """What `outputs` outputs of a last activation mean to a loss."""
    return OutputKind(loss if isinstance(loss, _core.Loss) else None, last, outputs)


class Scorer:
    """The metrics of a fit or an evaluation.

    lamina's own get the row weights, and outputs as the loss means them. A user's function gets y
    as the loss has it (class indices [rows], or values [rows, columns]) and outputs
    [rows, outputs], whatever shape y had; with a parameter `sample_weight` also the row weights.

    Args:
        arrays: metrics may give arrays, as the confusion matrix does.
    """

    def __init__(self, metrics: Sequence[MetricLike], *, arrays: bool = False) -> None:
        self._arrays = arrays
        found = _checked_metrics(metrics)
        self._known = next((metric.name for metric in found if metric.known is not None), None)
        self._core = _core.make_scorer([_for_core(metric) for metric in found])
        self._several_outputs = False

    def __bool__(self) -> bool:
        return bool(self.modes)

    @property
    def modes(self) -> dict[str, Mode | None]:
        """The figures' names, and which way each is better where that is known."""
        modes: dict[str, Any] = self._core.modes
        return modes

    def prepare(self, kind: OutputKind, *targets: Array) -> None:
        """Refuse metrics that cannot judge such outputs and targets, of training rows first.

        Raises:
            TypeError, ValueError: a metric does not go with the loss, the outputs or the targets.
        """
        self._several_outputs = kind.outputs > 1
        given = [] if self._known is None else [self._numbers(part) for part in targets]
        _tell(self._core.prepare(kind.loss, kind.last, kind.outputs, given, self._arrays))

    def score(self, targets: Array, outputs: Array, weights: Array | None) -> dict[str, Any]:
        """Each metric by its name; lamina's own are NaN where outputs are not finite.

        Raises:
            TypeError: a user's function gave no number.
        """
        numbers = None if self._known is None else self._numbers(targets)
        figures: dict[str, Any]
        figures, warned = self._core.score(targets, numbers, outputs, weights)
        _tell(warned)
        return figures

    def _numbers(self, targets: Array) -> Array:
        """Targets as the core reads them; those of a user's loss may be of any type."""
        array = number_array(self._known or "metrics", "y_true", targets)
        if array.ndim == 1 and self._several_outputs:
            # One class a row, whatever the type of the indices.
            with np.errstate(invalid="ignore"):
                indices = array.astype(np.int32)
            if (indices == array).all():
                return indices
        return core_numbers(array)


def _for_core(
    metric: Metric,
) -> tuple[str, str | None, dict[str, Any], Mode | None, Callable[..., float] | None]:
    if metric.known is not None:
        return metric.name, metric.known.function.__name__, metric.options, metric.mode, None

    def call(y: Array, outputs: Array, weights: Array | None) -> float:
        return as_number(metric.name, metric(y, outputs, weights))

    return metric.name, None, {}, metric.mode, call


def _tell(warned: list[str]) -> None:
    for sentence in warned:
        warnings.warn(sentence, stacklevel=stack_level())


def _checked_metrics(metrics: Sequence[MetricLike]) -> list[Metric]:
    if isinstance(metrics, str):
        raise TypeError(f"metrics: expected a list, got the text {metrics!r}; write [{metrics!r}]")
    if callable(metrics) or not isinstance(metrics, Iterable):
        raise TypeError(f"metrics: expected a list of names and functions, got {metrics!r}")
    found: list[Metric] = []
    for given in metrics:
        if given == "loss":
            continue
        if not isinstance(given, str) and not callable(given):
            raise TypeError(f"metrics: expected names or functions, got {given!r}")
        metric = given if isinstance(given, Metric) else _metric_of(given)
        if metric not in found:
            found.append(metric)
    return found


def _metric_of(given: MetricLike) -> Metric:
    return known_metric(given) if isinstance(given, str) else Metric(given)
