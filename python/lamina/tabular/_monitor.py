"""The figure of the validation rows that ends a training."""

from collections.abc import Callable
from typing import Any, Literal

from lamina.metrics import Metric
from lamina.metrics._metric import known_metric
from lamina.tabular._columns import TableError
from lamina.tabular._options import LOSS, MONITORS
from lamina.tabular._remedies import Spell
from lamina.tabular._target import ClassTarget, NumberTarget, Target

_OF_NUMBERS = ("values", "quantiles")


class Monitor:
    """The option `monitor` of a training: the validation loss, or a metric.

    Attributes:
        metric: its name; None: the loss.
        mode: whether "min" or "max" of it is better.
        metrics: those that the fit is given; of numbers in the target's own units.

    Raises:
        TableError: the metric does not go with the target.
    """

    def __init__(self, name: str, target: Target, spell: Spell) -> None:
        self.metric = None if name == LOSS else name
        self.mode: Literal["min", "max"] = "min"
        self.metrics: list[Any] = ["accuracy"] if isinstance(target, ClassTarget) else []
        if self.metric is None:
            return
        metric = known_metric(name)
        assert metric.known is not None
        of_classes = isinstance(target, ClassTarget)
        if (metric.known.reads in _OF_NUMBERS) == of_classes:
            fitting = [n for n in MONITORS if _reads_numbers(n) != of_classes]
            raise TableError(
                f"{spell('monitor', name)}: '{target.name}' is a {_kind(target)}; expected loss or "
                f"one of {', '.join(fitting)}"
            )
        self.mode = metric.known.mode or "min"
        if isinstance(target, NumberTarget):
            self.metrics = [Metric(_in_own_units(metric, target), name=name, mode=self.mode)]
        elif metric is not known_metric("accuracy"):
            self.metrics.append(Metric(metric, name=name))

    @property
    def figure(self) -> str:
        """Its name in the record of an epoch."""
        return f"val_{self.metric or LOSS}"


def _in_own_units(metric: Metric, target: NumberTarget) -> Callable[..., Any]:
    def figure(y: Any, outputs: Any, sample_weight: Any = None) -> Any:
        return metric(target.decode(y), target.decode(outputs), sample_weight)

    return figure


def _reads_numbers(name: str) -> bool:
    known = known_metric(name).known
    return known is not None and known.reads in _OF_NUMBERS


def _kind(target: Target) -> str:
    return "class" if isinstance(target, ClassTarget) else "number"
