"""What a fit reads: rows with targets and weights, class weights, rows held back, metrics."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lamina._metrics import METRICS
from lamina._types import NDArray

Array = NDArray[Any]
MetricLike = str | Callable[..., float]
Metrics = Mapping[str, Callable[..., float]]
# Rows on which metrics are tried before training.
_TRIED_ROWS = 1000


@dataclass(frozen=True)
class Examples:
    """Rows with targets and weights, as the core takes them."""

    x: Array
    classes: Array | None
    values: Array | None
    weights: Array | None

    @property
    def targets(self) -> Array:
        """The targets as metrics take them."""
        target = self.values if self.classes is None else self.classes
        assert target is not None
        return target

    def take(self, rows: Array | slice) -> "Examples":
        """Some rows: copies by indices, views by a slice."""
        return Examples(
            self.x[rows],
            *(
                None if part is None else part[rows]
                for part in (self.classes, self.values, self.weights)
            ),
        )


def named_metrics(metrics: Sequence[MetricLike]) -> dict[str, Callable[..., float]]:
    """Metric functions by name; ValueError for unknown names."""
    if isinstance(metrics, str):
        raise TypeError(f"metrics: expected a list, got the text {metrics!r}; write [{metrics!r}]")
    named: dict[str, Callable[..., float]] = {}
    for metric in metrics:
        if callable(metric):
            named[getattr(metric, "__name__", type(metric).__name__)] = metric
        elif metric in METRICS:
            named[metric] = METRICS[metric]
        elif metric != "loss":
            known = ", ".join(METRICS)
            raise ValueError(f"metrics: unknown name {metric!r}; expected some of {known}")
    return named


def check_metrics(metrics: Metrics, data: Examples, outputs: int, dtype: str) -> None:
    """Let lamina's own metrics see some targets; ValueError where they cannot judge them."""
    targets = data.targets[:_TRIED_ROWS]
    for metric in metrics.values():
        if metric in METRICS.values():
            metric(targets, np.zeros((len(targets), outputs), dtype), None)


def weighted(
    metric: Callable[..., float], y: Any, outputs: Array | None, weights: Array | None
) -> float:
    """A metric's value; lamina's own take weights, a user's function takes (y, outputs)."""
    if metric in METRICS.values():
        return float(metric(y, outputs, weights))
    return float(metric(y, outputs))


def with_class_weights(
    class_weight: Mapping[int, float] | str | None,
    weights: Array | None,
    classes: Array | None,
    values: Array | None,
    outputs: int,
    dtype: str,
) -> Array | None:
    """Row weights times the weight of each row's class, of `outputs` classes (2 if that is 1)."""
    if class_weight is None:
        return weights
    labels = classes
    if labels is None and values is not None and values.shape[1] == 1:
        labels = values[:, 0].astype(np.int64)
        if (labels != values[:, 0]).any():
            labels = None
    if labels is None:
        raise ValueError("fit: class_weight expects class indices in y, got values")
    present, counts = np.unique(labels, return_counts=True)
    if isinstance(class_weight, str):
        if class_weight != "balanced":
            raise ValueError(
                f"fit: expected class_weight as a dictionary or 'balanced', got {class_weight!r}"
            )
        table = dict(zip(present.tolist(), len(labels) / (len(present) * counts), strict=True))
    else:
        table = _class_table(class_weight)
        possible = {*range(max(outputs, 2)), *present.tolist()}
        if unknown := [label for label in table if label not in possible]:
            raise ValueError(
                f"fit: class_weight expected class indices from 0 to {max(outputs, 2) - 1}, got "
                f"{unknown[0]}"
            )
        if any(not v >= 0 or np.isinf(v) for v in table.values()):
            raise ValueError(f"fit: expected finite class weights of at least 0, got {table}")
    factors = np.array([table.get(int(label), 1.0) for label in present])
    rows = factors[np.searchsorted(present, labels)]
    result = (rows if weights is None else rows * weights).astype(dtype)
    if not result.any():
        raise ValueError("fit: class_weight and sample_weight leave every row with weight 0")
    return result


def _class_table(class_weight: Mapping[int, float]) -> dict[int, float]:
    try:
        return {int(label): float(weight) for label, weight in class_weight.items()}
    except (AttributeError, TypeError, ValueError):
        raise TypeError(
            "fit: expected class_weight as a dictionary from class index to weight, "
            f"got {class_weight!r}"
        ) from None


def held_back_rows(classes: Array | None, rows: int, fraction: float, seed: int) -> Array:
    """Mask [rows] of a random share of the rows, by the seed; of each class the same share."""
    chosen = np.zeros(rows, dtype=bool)
    generator = np.random.default_rng(seed)
    groups = (
        [np.arange(rows)]
        if classes is None
        else [np.flatnonzero(classes == label) for label in np.unique(classes)]
    )
    for group in groups:
        count = round(fraction * len(group))
        chosen[generator.permutation(group)[:count]] = True
    return chosen
