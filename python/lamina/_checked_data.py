"""Losses, targets and validation data as users give them, checked against a network."""

from typing import TYPE_CHECKING

from lamina import _arrays, _core
from lamina._fit_data import Array, Examples
from lamina._losses import Loss, OwnLoss, core_loss, default_loss
from lamina._own_loss import is_own_loss, own_targets
from lamina._types import ArrayLike

if TYPE_CHECKING:
    from lamina._network import Sequential


def checked_loss(net: "Sequential", loss: str | Loss | OwnLoss | None) -> _core.Loss:
    """The core's loss; None: the one that goes with the last activation."""
    last = net._core_network().output_activation()
    return core_loss(default_loss(last) if loss is None else loss)


def checked_targets(
    net: "Sequential", y: ArrayLike, loss: _core.Loss | OwnLoss, rows: int, where: str
) -> tuple[Array | None, Array | None]:
    """Class indices [rows] or values [rows, columns], the other None; as a loss has them."""
    if not isinstance(loss, _core.Loss):
        return None, own_targets(y, rows, where)
    columns = net._core_network().target_columns(loss)
    return _arrays.targets(y, loss=loss, rows=rows, columns=columns, dtype=net.dtype, where=where)


def checked_validation(
    net: "Sequential", data: tuple[ArrayLike, ...], loss: _core.Loss | OwnLoss
) -> Examples:
    """What `fit` was given as validation_data."""
    if not 2 <= len(data) <= 3:
        raise ValueError(
            "fit: expected validation_data as (X, y) or (X, y, sample_weight), "
            f"got {len(data)} parts"
        )
    where = "fit, validation_data"
    x = net._inputs(data[0], where)
    classes, values = checked_targets(net, data[1], loss, len(x), where)
    given = data[2] if len(data) == 3 else None
    is_own_loss(loss, given, where)
    weights = checked_weights(net, given, loss, len(x), where)
    return Examples(x, classes, values, weights)


def checked_weights(
    net: "Sequential", weight: ArrayLike | None, loss: _core.Loss | OwnLoss, rows: int, where: str
) -> Array | None:
    """Sample weights; those of a mean count relative to each other alone."""
    absolute: _arrays.Dtype | None = "float64" if where == "value_and_grad" else None
    by_row = where in ("sample_gradients", "sample_gradient_norms")
    if by_row or (isinstance(loss, _core.Loss) and not loss.mean_over_rows):
        absolute = net.dtype
    return _arrays.sample_weights(weight, rows=rows, where=where, absolute=absolute)
