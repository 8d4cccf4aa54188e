"""The forward and the backward pass; methods of `Sequential`."""

from lamina._checks import arrays
from lamina._checks.numbers import check_flag
from lamina._checks.types import ArrayLike
from lamina._network.checked_data import checked_inputs
from lamina._network.stack import Array, Stack


def forward(net: Stack, X: ArrayLike, *, training: bool = False, step: int | None = None) -> Array:
    """Outputs [rows, outputs] for one batch X [rows, inputs], remembered for `backward`.

    Args:
        training: True applies dropout, with another mask at every call, and batch
            normalisation by the batch's own statistics.
        step: number of that mask, at least 0; None: the next one. `fit` takes
            `optimizer.steps`.

    Returns:
        With `training`, a network that ends in an `Ensemble` gives [rows, k, outputs], those of
        each member, for a loss that is the mean of theirs.
    """
    core = net._core
    if core is not None and training is False:
        outputs: Array | None = core.try_forward(X, False, net.seed, net._forward_steps)
        if outputs is not None:
            return outputs
    check_flag(training, "training", "forward")
    x = checked_inputs(net, X, "forward")
    number = net._random_step(step) if training else net._forward_steps
    result: Array = net._core_network().forward(
        x, training=bool(training), seed=net.seed, step=number
    )
    return result


def backward(
    net: Stack,
    output_gradient: ArrayLike,
    *,
    gradients: bool = True,
    input_gradient: bool = True,
    accumulate: bool = False,
) -> Array | None:
    """Back-propagate dL/doutputs, of the outputs' shape, through the last `forward`.

    Args:
        gradients: compute those of the weights; see `gradients()`.
        input_gradient: compute and return dL/dX [rows, inputs]; else None is returned.
        accumulate: add to the gradients of the calls before.

    Raises:
        RuntimeError: `forward` was not called before. ValueError: wrong shape.
    """
    flags = {
        "gradients": gradients,
        "input_gradient": input_gradient,
        "accumulate": accumulate,
    }
    for name, flag in flags.items():
        check_flag(flag, name, "backward")
    array = arrays.contiguous(
        output_gradient, dtype=net.dtype, where="backward", name="output_gradient"
    )
    result: Array | None = net._core_network().backward(
        array,
        gradients_wanted=bool(gradients),
        accumulate=bool(accumulate),
        input_gradient_wanted=bool(input_gradient),
    )
    return result


def gradients(net: Stack) -> dict[str, Array]:
    """Gradients of the last `backward` or `value_and_grad`, named as in `parameters()`."""
    found: dict[str, Array] | None = net._core_network().gradients()
    if found is None:
        raise RuntimeError("gradients: expected a call of backward or value_and_grad before it")
    return found
