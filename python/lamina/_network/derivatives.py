"""Derivatives of outputs and losses, and outputs of inner layers; methods of `Sequential`.

The network works as in prediction: without dropout. Penalties of layers (`Dense(l1=..., l2=...)`)
are not part of outputs and of rows' losses; the Hessian is that of the training objective, which
includes them.

"Parameters in a row" stand in the order of `parameters()`, each array flattened as `array.ravel()`
does; those of frozen layers have derivatives of 0. No function changes what `gradients()` returns.
All raise RuntimeError while another thread trains the network.
"""

import math
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from lamina import _core
from lamina._checks import arrays
from lamina._checks.types import ArrayLike
from lamina._losses.losses import Loss
from lamina._network.checked_data import checked_examples, checked_inputs
from lamina._network.stack import Array, Stack


def activations(net: Stack, X: ArrayLike) -> dict[str, Array]:
    """Outputs of each layer for rows X [rows, inputs], in the layers' order.

    Returns:
        Arrays [rows, width] by layer: "layers.0", "layers.1", ...
    """
    x = checked_inputs(net, X, "activations")
    outputs = _core.activations(net._core_network(), x)
    return {f"layers.{i}": array for i, array in enumerate(outputs)}


def jacobian(net: Stack, X: ArrayLike) -> Array:
    """Derivative of each output with respect to each input, [rows, outputs, inputs]."""
    core = net._core
    small: Array | None = None if core is None else core.try_jacobian(X)
    if small is not None:
        return small
    x = checked_inputs(net, X, "jacobian")
    result: Array = _core.jacobian(net._core_network(), x, False)
    return result


def parameter_jacobian(net: Stack, X: ArrayLike) -> Array:
    """Derivative of each output with respect to each parameter.

    [rows, outputs, parameters in a row].

    Example:
        >>> import lamina as lm
        >>> net = lm.Sequential([lm.Dense(1)], inputs=2)
        >>> net.parameter_jacobian([[3.0, 4.0]])  # by both weights and the bias
        array([[[3., 4., 1.]]], dtype=float32)
    """
    x = checked_inputs(net, X, "parameter_jacobian")
    result: Array = _core.jacobian(net._core_network(), x, True)
    return result


def jacobian_vector_product(
    net: Stack,
    X: ArrayLike,
    *,
    inputs: ArrayLike | None = None,
    parameters: Mapping[str, ArrayLike] | None = None,
) -> Array:
    """How the outputs change, [rows, outputs], when X and the parameters move along a vector.

    Exact. A chain of Dense, Activation and Dropout layers needs one pass forward; other
    networks, and those with log_softmax, a backward pass for each output.

    Args:
        inputs: direction of X, [rows, inputs]; None: X stays.
        parameters: direction of the named parameters, in their shapes; others stay.

    Raises:
        ValueError: neither is given, or a name or shape is wrong.
    """
    where = "jacobian_vector_product"
    if inputs is None and parameters is None:
        raise ValueError(f"{where}: expected a direction as inputs=, parameters= or both")
    x = checked_inputs(net, X, where)
    core = net._core_network()
    change = None
    if inputs is not None:
        change = arrays.contiguous(inputs, dtype=net.dtype, where=where, name="inputs")
    moves = None if parameters is None else _direction(net, parameters, net.dtype, where)
    result: Array = _core.jacobian_vector_product(core, x, change, moves)
    return result


def vector_jacobian_product(
    net: Stack,
    X: ArrayLike,
    vectors: ArrayLike,
    *,
    by: Literal["inputs", "parameters"] = "inputs",
) -> Any:
    """Gradient of `sum(vectors * outputs)`, for `vectors` [rows, outputs].

    Args:
        by: "inputs": with respect to X, an array [rows, inputs]; "parameters": with respect to
            them, summed over the rows, a dictionary like `parameters()`.
    """
    where = "vector_jacobian_product"
    if by not in ("inputs", "parameters"):
        raise ValueError(f"{where}: expected by='inputs' or 'parameters', got {by!r}")
    x = checked_inputs(net, X, where)
    core = net._core_network()
    array = arrays.contiguous(vectors, dtype=net.dtype, where=where, name="vectors")
    gradient, by_name = _core.vector_jacobian_product(core, x, array, by == "inputs")
    return gradient if by == "inputs" else dict(zip(core.parameter_names, by_name, strict=True))


def sample_gradients(
    net: Stack,
    X: ArrayLike,
    y: ArrayLike,
    *,
    loss: str | Loss | None = None,
    sample_weight: ArrayLike | None = None,
) -> dict[str, Array]:
    """Gradient of each row's own loss, by parameter name: [rows, *shape of the parameter].

    Their mean (with weights: sum / sum of weights) is the gradient of a mean loss without
    dropout.

    Args:
        loss: as in `fit`. sample_weight: factor of each row's loss [rows].
    """
    data, chosen = checked_examples(net, X, y, loss, sample_weight, "sample_gradients")
    flat = _core.sample_gradients(net._core_network(), chosen, data)
    return _by_name(net, flat)


def sample_gradient_norms(
    net: Stack,
    X: ArrayLike,
    y: ArrayLike,
    *,
    loss: str | Loss | None = None,
    sample_weight: ArrayLike | None = None,
) -> Array:
    """Euclidean norm of each row's gradient, [rows] in float64; arguments as before.

    That of a dense layer comes from |dz| sqrt(|x|^2 + 1), without the gradient itself
    (Goodfellow 2015), so this needs little more time and memory than a training step.
    """
    data, chosen = checked_examples(net, X, y, loss, sample_weight, "sample_gradient_norms")
    result: Array = _core.sample_gradient_norms(net._core_network(), chosen, data)
    return result


def hessian_vector_product(
    net: Stack,
    X: ArrayLike,
    y: ArrayLike,
    vector: Mapping[str, ArrayLike],
    *,
    loss: str | Loss | None = None,
    sample_weight: ArrayLike | None = None,
) -> dict[str, Array]:
    """Hessian of the loss of all rows with respect to the parameters, times `vector`.

    By central differences of gradients, of fourth order, computed in float64 whatever the
    network's dtype: right to about 1e-10 of the largest element with smooth activations. Where
    a kink (of relu, say) lies within 2e-5 of the weights' norm along the vector, it counts.

    Args:
        vector: direction by parameter name; names left out count as 0. The rest as in
            `value_and_grad`.

    Returns:
        Arrays like `parameters()`.
    """
    where = "hessian_vector_product"
    checked_inputs(net, X, where)
    twin = Stack._from_spec(net.to_spec(), seed=net.seed, dtype="float64")
    twin.set_parameters(net.parameters())
    data, chosen = checked_examples(twin, X, y, loss, sample_weight, where)
    core = twin._core_network()
    moves = _direction(net, vector, "float64", where)
    products = _core.hessian_vector_product(core, chosen, data, moves)
    return {
        name: array.astype(net.dtype)
        for name, array in zip(core.parameter_names, products, strict=True)
    }


def _direction(
    net: Stack, vector: Mapping[str, ArrayLike], dtype: arrays.Dtype, where: str
) -> list[Array]:
    core = net._core_network()
    names, shapes = core.parameter_names, core.parameter_shapes
    if not isinstance(vector, Mapping):
        raise TypeError(f"{where}: expected arrays by parameter name, got {type(vector).__name__}")
    moves = dict(zip(names, (np.zeros(shape, dtype) for shape in shapes), strict=True))
    for name, value in vector.items():
        if name not in names:
            raise ValueError(f"{where}: unknown name {name!r}; there are {', '.join(names)}")
        moves[name] = arrays.contiguous(value, dtype=dtype, where=where, name=name)
        if not np.isfinite(moves[name]).all():
            raise ValueError(f"{where}: {name} expected finite numbers")
    return list(moves.values())


def _by_name(net: Stack, flat: Array) -> dict[str, Array]:
    core = net._core_network()
    parts: dict[str, Array] = {}
    first = 0
    for name, shape in zip(core.parameter_names, core.parameter_shapes, strict=True):
        size = math.prod(shape)
        parts[name] = flat[:, first : first + size].reshape(len(flat), *shape)
        first += size
    return parts
