"""Activations over arrays, without a network."""

from collections.abc import Callable
from typing import Any

import numpy as np

from lamina import _core
from lamina._checks.spec import Spec, name_or_spec, to_json
from lamina._checks.types import ArrayLike, NDArray

Array = NDArray[Any]
Pullback = Callable[[ArrayLike], Array]
_ALIGNMENT = 64
# From here on the memory of results that were dropped is used again, 64 MiB of it at most.
_SPARE_BYTES = 1 << 20


def activate(x: ArrayLike, activation: str | Spec) -> Array:
    """The activation of every element of x, or of every row for softmax and log_softmax.

    Args:
        x: numbers of any shape; float64 stays float64, all else is computed in float32. softmax and
            log_softmax run along the last axis.
        activation: name or dictionary, as in `Activation`.

    Returns:
        An array of x's shape.

    Raises:
        ValueError: unknown name or a parameter out of range. TypeError: x is not numbers.

    Example:
        >>> import lamina as lm
        >>> lm.activate(np.array([-1.0, 2.0]), "relu")
        array([0., 2.])
    """
    array = _floats(x, "activate", "x")
    y = _aligned_like(array)
    _core.activate(_text(activation), array, y, None)
    return y


def activation_vjp(x: ArrayLike, activation: str | Spec) -> tuple[Array, Pullback]:
    """y = activate(x, activation), and the function from dL/dy to dL/dx.

    Args:
        x: as in `activate`.
        activation: name or dictionary, as in `Activation`.

    Returns:
        (y, pullback): `pullback(dy)` takes an array of y's shape and returns dL/dx, of the same
        shape. It reads x or y, so both must stay as they are until then.

    Raises:
        ValueError, TypeError: as in `activate`; also for "step", which has no derivative; the
            pullback where dy does not have y's shape.

    Example:
        >>> import lamina as lm
        >>> y, pullback = lm.activation_vjp(np.array([-1.0, 2.0]), "relu")
        >>> pullback(np.array([5.0, 5.0]))
        array([0., 5.])
    """
    array = _floats(x, "activation_vjp", "x")
    name = _text(activation)
    if not _core.is_trainable(name):
        raise ValueError(
            "activation_vjp: 'step' has no derivative to train through; use 'sigmoid' in its place"
        )
    y = _aligned_like(array)
    source = _core.gradient_source(name)
    derivative = _aligned_like(array) if source == "derivative" else None
    _core.activate(name, array, y, derivative)
    saved = derivative if derivative is not None else array if source == "input" else y

    def pullback(dy: ArrayLike) -> Array:
        gradient = np.asarray(_floats(dy, "activation_vjp", "dy"), saved.dtype)
        if gradient.shape != saved.shape:
            raise ValueError(
                f"activation_vjp: expected dy of shape {saved.shape}, got {gradient.shape}"
            )
        dx = _aligned_like(saved)
        _core.activation_gradient(name, saved, gradient, dx)
        return dx

    return y, pullback


def _text(activation: str | Spec) -> str:
    return to_json(name_or_spec(activation, "activation"))


def _floats(values: ArrayLike, where: str, name: str) -> Array:
    array = np.asarray(values)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{where}: expected {name} of real numbers, got dtype {array.dtype}")
    wanted = np.float64 if array.dtype == np.float64 else np.float32
    return np.asarray(array, wanted, order="C")


def _aligned_like(array: Array) -> Array:
    """Uninitialised; on 64 bytes, where the kernels work in place."""
    if array.nbytes >= _SPARE_BYTES:
        spare: Array = _core.spare_like(array)
        return spare
    memory = np.empty(array.nbytes + _ALIGNMENT, np.uint8)
    skip = -memory.ctypes.data % _ALIGNMENT
    return memory[skip : skip + array.nbytes].view(array.dtype).reshape(array.shape)
