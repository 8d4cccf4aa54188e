"""Class weights, and rows held back for validation."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from lamina import _core
from lamina._checks.arrays import Dtype, weights_in_range
from lamina._checks.types import NDArray
from lamina._losses.losses import CustomLoss
from lamina._network.examples import Examples

Array = NDArray[Any]
# Losses of two classes an output; the latter's targets are -1 and 1.
_BINARY = ("binary_cross_entropy", "binary_focal", "hinge", "squared_hinge")
_SIGNED = ("hinge", "squared_hinge")


def with_class_weights(
    class_weight: Mapping[int, float] | str | None,
    data: Examples,
    loss: _core.Loss | CustomLoss,
    outputs: int,
    dtype: Dtype,
) -> Array | None:
    """Row weights times the weight of each row's class, or the mean weight by its probabilities."""
    weights, targets = data.weights, data.targets
    if class_weight is None:
        return weights
    if not isinstance(loss, _core.Loss):
        raise ValueError(
            "fit: expected no class_weight with a loss of your own; apply the weights in it"
        )
    classes = _class_count(targets, loss, outputs)
    if loss.name in _SIGNED:
        targets = (targets + 1.0) / 2.0
    if isinstance(class_weight, str):
        if class_weight != "balanced":
            raise ValueError(
                f"fit: expected class_weight as a dictionary or 'balanced', got {class_weight!r}"
            )
        sizes = _class_sizes(targets, classes)
        shares = np.where(sizes > 0, np.count_nonzero(sizes) * sizes, np.inf)
        factors = len(targets) / shares
    else:
        factors = _class_factors(class_weight, classes, signed=loss.name in _SIGNED)
    rows = _rows_by_class(targets, factors)
    absolute: Dtype | None = None if loss.mean_over_rows else dtype
    if absolute is None and rows.any():
        rows = weights_in_range(rows, "fit")
    result = rows if weights is None else rows * weights
    if not result.any():
        raise ValueError("fit: class_weight and sample_weight leave every row with weight 0")
    return weights_in_range(result, "fit", absolute)


def _class_count(targets: Array, loss: _core.Loss, outputs: int) -> int:
    """How many classes the targets tell apart; ValueError where they are no classes."""
    if loss.takes_classes:
        return outputs
    if loss.name in _BINARY and outputs == 1:
        return 2
    if loss.name in _BINARY:
        raise ValueError(
            f"fit: expected one class a row beside class_weight, got {outputs} outputs of "
            f"{loss.name} with classes of their own; weigh rows by sample_weight, or take "
            "BinaryCrossEntropy(positive_weight=...)"
        )
    raise ValueError(
        f"fit: class_weight expects a loss of classes, such as cross_entropy, got {loss.name}; "
        "weigh rows by sample_weight"
    )


def _class_sizes(targets: Array, classes: int) -> Array:
    if targets.dtype.kind == "i":
        return np.bincount(targets, minlength=classes)
    sums: Array = targets.sum(axis=0, dtype=np.float64)
    return sums if len(sums) == classes else np.array([len(targets) - sums[0], sums[0]])


def _rows_by_class(targets: Array, factors: Array) -> Array:
    """The factor of each row's class; for probabilities the mean of the factors by them."""
    if targets.dtype.kind == "i":
        return factors[targets]
    if targets.shape[1] == 1:
        targets = np.hstack([1.0 - targets, targets])
    by_row: Array = targets @ factors
    return by_row


def _class_factors(class_weight: Mapping[int, float], classes: int, *, signed: bool) -> Array:
    try:
        table = {float(label): float(weight) for label, weight in class_weight.items()}
    except (AttributeError, TypeError, ValueError):
        raise TypeError(
            "fit: expected class_weight as a dictionary from class index to weight, "
            f"got {class_weight!r}"
        ) from None
    if any(not v >= 0 or np.isinf(v) for v in table.values()):
        raise ValueError(f"fit: expected finite class weights of at least 0, got {class_weight}")
    if signed and -1.0 in table:
        table[0.0] = table.pop(-1.0)
    if wrong := set(table) - set(range(classes)):
        raise ValueError(
            f"fit: expected classes from 0 to {classes - 1} in class_weight, got {min(wrong):g}"
        )
    return np.array([table.get(label, 1.0) for label in range(classes)])


def class_targets(data: Examples, loss: _core.Loss | CustomLoss) -> Array | None:
    """The class of each row [rows], if they have one: indices, or one output of a binary loss."""
    if data.classes is not None:
        return data.classes
    binary = isinstance(loss, _core.Loss) and loss.name in _BINARY and data.targets.shape[1] == 1
    if not binary or not np.isin(data.targets, (-1, 0, 1)).all():
        return None
    return data.targets[:, 0]


def held_back_rows(classes: Array | None, rows: int, fraction: float, seed: int) -> Array:
    """Mask [rows] of a random share of the rows, by the seed; of each class the same share.

    The rows left over by rounding come from the classes that miss most. Each class keeps a row.
    """
    generator = np.random.default_rng(seed)
    if classes is None:
        order, sizes = np.zeros(rows, dtype=np.int64), np.array([rows])
    else:
        _, order, sizes = np.unique(classes, return_inverse=True, return_counts=True)
    members = np.split(np.argsort(order, kind="stable"), np.cumsum(sizes)[:-1])
    shuffled = [generator.permutation(group) for group in members]
    counts = _counts_by_class(sizes, fraction, generator)
    chosen = np.zeros(rows, dtype=bool)
    for group, count in zip(shuffled, counts, strict=True):
        chosen[group[:count]] = True
    return chosen


def _counts_by_class(sizes: Array, fraction: float, generator: np.random.Generator) -> Array:
    """How many rows of each class are held back: by largest remainders, all but one at most."""
    exact = fraction * sizes
    counts = np.minimum(np.floor(exact).astype(np.int64), sizes - 1)
    free = counts < sizes - 1
    missing = min(round(fraction * int(sizes.sum())) - int(counts.sum()), np.count_nonzero(free))
    # Equal remainders fall by lot, or the first classes would always be held back.
    order = generator.permutation(len(sizes))
    remainders = np.where(free, exact - counts, -1.0)[order]
    counts[order[np.argsort(-remainders, kind="stable")[: max(missing, 0)]]] += 1
    result: Array = counts
    return result
