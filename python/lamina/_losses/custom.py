"""Custom losses: a Python function of the user's in place of one of lamina's."""

from typing import Any, TypeGuard

import numpy as np

from lamina import _core
from lamina._checks import arrays
from lamina._checks.types import ArrayLike, NDArray
from lamina._losses.losses import CustomLoss, Loss

Array = NDArray[Any]


def is_custom_loss(
    loss: "str | Loss | CustomLoss | _core.Loss | None", sample_weight: ArrayLike | None, where: str
) -> TypeGuard[CustomLoss]:
    """True for a user's function; ValueError where sample weights come with one."""
    own = callable(loss) and not isinstance(loss, str | Loss | type)
    if own and sample_weight is not None:
        raise ValueError(
            f"{where}: expected no sample_weight with a custom loss; apply the weights in it"
        )
    return own


def custom_targets(y: ArrayLike, rows: int, where: str) -> Array:
    """y as an array of anything, a row of it for each of X."""
    try:
        array = np.asarray(y)
    except ValueError as error:
        raise ValueError(f"{where}: expected y as an array, got rows of unequal lengths") from error
    if array.shape[:1] != (rows,):
        raise ValueError(f"{where}: expected y for {rows} rows as X has, got shape {array.shape}")
    return array


def custom_value(loss: CustomLoss, outputs: Array, y: Any) -> tuple[float, Array]:
    """What the function gives: the value, and its gradient with respect to the outputs.

    Raises:
        TypeError: it did not return (value, gradient), or the value is no number.
    """
    result = loss(outputs, y)
    if not isinstance(result, tuple) or len(result) != 2:
        raise TypeError(
            f"loss: expected your function to return (value, gradient), got {type(result).__name__}"
        )
    try:
        value = float(result[0])
    except (TypeError, ValueError):
        raise TypeError(
            f"loss: expected your function's value as a number, got {result[0]!r}"
        ) from None
    return value, np.asarray(result[1])


def value_and_gradient(
    loss: CustomLoss, outputs: Array, y: Any, members: int
) -> tuple[float, Array | None]:
    """What the function gives for outputs [rows * members, outputs] and y [rows].

    Args:
        members: of an ensemble, whose outputs are rows of their own: the mean over rows is that of
            its losses.

    Returns:
        The value, and where it is finite the gradient in the outputs' shape and type.

    Raises:
        TypeError: it did not return (value, gradient) of numbers. ValueError: the gradient has
            another shape than the outputs.
    """
    if members > 1:
        y = np.repeat(y, members, axis=0)
    value, gradient = custom_value(loss, outputs, y)
    if not np.isfinite(value):
        return value, None
    if gradient.shape != outputs.shape:
        raise ValueError(
            f"loss: expected your function's gradient of shape {outputs.shape} as the outputs "
            f"have, got {gradient.shape}"
        )
    dtype: arrays.Dtype = "float64" if outputs.dtype == np.float64 else "float32"
    return value, arrays.contiguous(
        gradient, dtype=dtype, where="loss", name="your function's gradient"
    )
