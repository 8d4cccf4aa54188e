"""Class weights as `fit` takes them."""

from collections.abc import Mapping
from typing import Any

from lamina import _core
from lamina._checks.types import NDArray
from lamina._losses.losses import CustomLoss
from lamina._network.examples import Examples

Array = NDArray[Any]


def with_class_weights(
    class_weight: Mapping[int, float] | str | None,
    data: Examples,
    loss: _core.Loss | CustomLoss,
    core: _core.Network,
) -> Array | None:
    """Row weights times the weight of each row's class, or the mean weight by its probabilities."""
    if class_weight is None:
        return data.weights
    if not isinstance(loss, _core.Loss):
        raise ValueError(
            "fit: expected no class_weight with a loss of your own; apply the weights in it"
        )
    if isinstance(class_weight, str) and class_weight != "balanced":
        raise ValueError(
            f"fit: expected class_weight as a dictionary or 'balanced', got {class_weight!r}"
        )
    table = None if isinstance(class_weight, str) else _table(class_weight)
    return _core.weigh_classes(core, data, loss, table, "fit")


def _table(class_weight: Mapping[int, float]) -> list[tuple[float, float]]:
    try:
        return [(float(label), float(weight)) for label, weight in class_weight.items()]
    except (AttributeError, TypeError, ValueError):
        raise TypeError(
            "fit: expected class_weight as a dictionary from class index to weight, "
            f"got {class_weight!r}"
        ) from None
