"""Metrics in `fit` and `evaluate`: the loss and the last activation say what the outputs mean."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np

from lamina import _core
from lamina._checks.types import NDArray
from lamina._losses.losses import CustomLoss
from lamina.metrics._arguments import Task
from lamina.metrics._metric import Metric, Mode, as_number, better, known_metric

Array = NDArray[Any]
MetricLike = str | Callable[..., Any]
Scale = Literal[
    "probabilities", "margins", "scores", "values", "logarithms", "means", "quantiles", "unknown"
]
# What else stands in the record of an epoch.
_RESERVED = ("loss", "learning_rate", "damping")
_CLASSES = ("cross_entropy", "focal", "kl_divergence")
_BINARY = ("binary_cross_entropy", "binary_focal")
_SIGNED = ("hinge", "squared_hinge")
# Rows on which metrics are tried before training.
_TRIED_ROWS = 1000


@dataclass(frozen=True)
class OutputKind:
    """What a network's outputs mean.

    Attributes:
        loss: its name, for errors. outputs: how many. last: activation of the last layer.
        task: how classes are told from them, if they are; None: not by the loss.
        scale: "margins" are chosen above 0; "scores" of one output may tell two classes;
            "logarithms" are of means; "means" come before log variances.
        levels: of the quantiles. checked: the loss has seen that targets are classes.
    """

    loss: str
    outputs: int
    last: str
    task: Task | None
    scale: Scale
    levels: tuple[float, ...] = ()
    checked: bool = False

    @property
    def what(self) -> str:
        """The outputs in words, for errors."""
        words = {
            "margins": "margins",
            "scores": "plain values",
            "values": "plain values",
            "logarithms": "logarithms of means",
            "means": "means and log variances",
            "quantiles": "quantiles",
            "unknown": "outputs",
        }
        return f"the {words.get(self.scale, self.scale)} that {self.loss} gives after {self.last}"


def output_kind(loss: "_core.Loss | CustomLoss", last: str, outputs: int) -> OutputKind:
    """What `outputs` outputs of a last activation mean to a loss."""
    several: Task = "binary" if outputs == 1 else "multilabel"
    own = not isinstance(loss, _core.Loss)
    name = loss.name if isinstance(loss, _core.Loss) else "your loss"
    spec = json.loads(loss.spec()) if isinstance(loss, _core.Loss) else {}
    kind = partial(OutputKind, name, outputs, last)
    if name in _SIGNED:
        return kind(several, "margins", checked=True)
    if last == "softmax":
        return kind("multiclass", "probabilities", checked=name in _CLASSES)
    if last == "sigmoid":
        return kind(several, "probabilities", checked=name in _BINARY)
    if own:
        return kind(None, "unknown")
    if name == "gaussian_negative_log_likelihood":
        return kind(None, "means")
    if name in ("gamma", "tweedie") or (name == "poisson" and spec.get("log_input", True)):
        return kind(None, "logarithms")
    if name == "quantile":
        levels = tuple(np.atleast_1d(spec.get("level", 0.5)).tolist())
        return kind(None, "quantiles", levels)
    return kind("binary", "scores") if outputs == 1 else kind(None, "values")


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
        self._metrics = _checked_metrics(metrics)
        self._kind: OutputKind
        self._threshold: float | None = None

    def __bool__(self) -> bool:
        return bool(self._metrics)

    @property
    def modes(self) -> dict[str, Mode | None]:
        """The figures' names, and which way each is better where that is known."""
        return {metric.name: metric.mode or better(metric.name) for metric in self._metrics}

    def prepare(self, kind: OutputKind, *targets: Array) -> None:
        """Refuse metrics that cannot judge such outputs and targets, of training rows first.

        Raises:
            TypeError, ValueError: a metric does not go with the loss, the outputs or the targets.
        """
        self._kind = kind
        for metric in self._metrics:
            if metric.known is None:
                continue
            _check_fit(metric, kind)
            decides = metric.known.reads in ("decisions", "scores")
            if (
                decides
                and kind.scale in ("margins", "scores")
                and "threshold" not in metric.options
            ):
                self._threshold = _threshold(metric.name, kind, targets)
            for truth, outputs in _trials(kind, metric, targets):
                value = self._of_known(metric, truth, outputs, None)
                if not self._arrays:
                    _check_figure(metric, value)

    def score(self, targets: Array, outputs: Array, weights: Array | None) -> dict[str, Any]:
        """Each metric by its name; lamina's own are NaN where outputs are not finite.

        Raises:
            TypeError: a user's function gave no number.
        """
        figures: dict[str, Any] = {}
        for metric in self._metrics:
            if metric.known is None:
                value = metric(targets, outputs, weights)
                figures[metric.name] = as_number(metric.name, value)
            else:
                value = self._of_known(metric, targets, outputs, weights)
                figures[metric.name] = value if np.ndim(value) else float(value)
        return figures

    def _of_known(
        self, metric: Metric, targets: Array, outputs: Array, weights: Array | None
    ) -> Any:
        assert metric.known is not None
        kind, reads, options = self._kind, metric.known.reads, dict[str, Any]()
        if reads in ("values", "quantiles"):
            outputs = _in_target_units(metric.name, kind, targets, outputs)
            if reads == "quantiles" and kind.levels:
                options["level"] = kind.levels if len(kind.levels) > 1 else kind.levels[0]
        else:
            # Class indices are of one class a row, also where a loss of one's own takes them.
            one_of_many = targets.ndim == 1 and outputs.shape[1] > 1
            options["task"] = "multiclass" if one_of_many else kind.task
            task = metric.options.get("task", options["task"])
            if reads == "decisions" and task != "multiclass":
                options["threshold"] = self._threshold
        if not np.isfinite(outputs).all():
            return float("nan")
        return metric(targets, outputs, weights, **options)


def _checked_metrics(metrics: Sequence[MetricLike]) -> list[Metric]:
    if isinstance(metrics, str):
        raise TypeError(f"metrics: expected a list, got the text {metrics!r}; write [{metrics!r}]")
    if callable(metrics) or not isinstance(metrics, Iterable):
        raise TypeError(f"metrics: expected a list of names and functions, got {metrics!r}")
    found: dict[str, Metric] = {}
    for given in metrics:
        if given == "loss":
            continue
        if not isinstance(given, str) and not callable(given):
            raise TypeError(f"metrics: expected names or functions, got {given!r}")
        metric = given if isinstance(given, Metric) else _metric_of(given)
        if metric.name in _RESERVED or metric.name.startswith("val_"):
            raise ValueError(
                f"metrics: {metric.name!r} is a figure of lamina's own; give yours another name: "
                f"lamina.metrics.Metric(..., name='...')"
            )
        if metric.name in found and metric is not found[metric.name]:
            raise ValueError(
                f"metrics: two are named {metric.name!r}; give one another name: "
                f"lamina.metrics.Metric(..., name='...')"
            )
        found[metric.name] = metric
    return list(found.values())


def _metric_of(given: MetricLike) -> Metric:
    return known_metric(given) if isinstance(given, str) else Metric(given)


def _check_fit(metric: Metric, kind: OutputKind) -> None:
    """ValueError where a metric reads what these outputs are not."""
    assert metric.known is not None
    name, reads, scale = metric.name, metric.known.reads, kind.scale
    expected, hint = "", ""
    if reads == "probabilities" and scale != "probabilities":
        expected = "probabilities, after softmax or sigmoid"
    elif reads in ("decisions", "scores") and scale in ("logarithms", "means", "quantiles"):
        expected = "outputs that tell classes"
    elif reads in ("decisions", "scores") and scale == "values" and "task" not in metric.options:
        expected = "outputs that tell classes"
        hint = (
            f"; write lamina.metrics.Metric({name!r}, task='multiclass') where the largest output "
            "does, or task='multilabel' where each does above 0.5"
        )
    elif reads in ("values", "quantiles") and scale == "margins":
        expected = "predictions in the target's units"
    elif reads == "values" and len(kind.levels) > 1:
        expected, hint = "one prediction in the target's units", "; take pinball"
    elif reads not in ("values", "quantiles") and kind.task == "multiclass" and kind.outputs == 1:
        expected = "at least two classes"
    if expected:
        raise ValueError(f"{name}: expected {expected}, got {kind.what}{hint}")


def _check_figure(metric: Metric, value: Any) -> None:
    if np.ndim(value) > 0:
        function = metric.function.__name__
        raise ValueError(
            f"metrics: {metric.name!r} gives an array, which is no figure to follow in fit; call "
            f"lamina.metrics.{function}(y, net.predict(X)), or take it in evaluate"
        )


def _threshold(name: str, kind: OutputKind, targets: tuple[Array, ...]) -> float:
    """Above which an output stands for class 1: 0 for margins and targets of -1 and 1."""
    if kind.scale == "margins":
        return 0.0
    signed = bool((targets[0] < 0).any())
    for given in targets:
        if signed:
            wrong = given[~np.isin(given, (-1, 1))]
        else:
            wrong = given[(given < 0) | (given > 1)]
        if wrong.size:
            raise ValueError(
                f"{name}: expected class indices 0 and 1 (or -1 and 1) in y for one output, got "
                f"{wrong.flat[0]:.6g}"
            )
    return 0.0 if signed else 0.5


def _trials(
    kind: OutputKind, metric: Metric, targets: tuple[Array, ...]
) -> list[tuple[Array, Array]]:
    """Targets and outputs on which a metric shows whether it can judge such."""
    assert metric.known is not None
    of_classes = metric.known.reads not in ("values", "quantiles")
    if of_classes and kind.checked and metric.options.get("task", kind.task) == kind.task:
        # Every class once, so that none is found missing.
        several = np.repeat([[0.0], [1.0]], kind.outputs, axis=1)
        tried = [np.arange(kind.outputs) if kind.task == "multiclass" else several]
    elif of_classes:
        tried = list(targets)
    else:
        tried = [given[:_TRIED_ROWS] for given in targets]
    return [(given, np.full((len(given), kind.outputs), 1.0 / kind.outputs)) for given in tried]


def _in_target_units(name: str, kind: OutputKind, targets: Array, outputs: Array) -> Array:
    """Outputs as predictions of the targets."""
    if kind.scale == "logarithms":
        with np.errstate(over="ignore"):
            return np.exp(outputs.astype(np.float64))
    if kind.scale == "means":
        return outputs[:, : outputs.shape[1] // 2]
    if targets.ndim == 1 and outputs.shape[1] > 1:
        raise ValueError(
            f"{name}: expected values for {outputs.shape[1]} outputs, got class indices; take "
            "accuracy or log_loss, or one-hot y"
        )
    return outputs
