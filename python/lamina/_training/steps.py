"""Single steps of a custom training loop; methods of `Sequential`."""

from lamina._checks.numbers import check_flag
from lamina._checks.types import ArrayLike
from lamina._losses.custom import is_custom_loss
from lamina._losses.losses import CustomLoss, Loss
from lamina._network.checked_data import checked_examples
from lamina._network.passes import gradients
from lamina._network.stack import Array, Stack
from lamina._optimizers.by_name import checked_optimizer
from lamina._optimizers.optimizer import Optimizer
from lamina._training.custom_loss import custom_value_and_grad


def value_and_grad(
    net: Stack,
    X: ArrayLike,
    y: ArrayLike,
    *,
    loss: str | Loss | CustomLoss | None = None,
    sample_weight: ArrayLike | None = None,
    step: int | None = None,
    accumulate: bool = False,
) -> tuple[float, dict[str, Array]]:
    """Loss of all rows as one batch (in training mode), and its gradients by parameter name.

    Args:
        loss: as in `fit`, or a custom function: (outputs [rows, outputs], y) ->
            (value, its gradient with respect to outputs [rows, outputs]). Penalties of the
            layers (`Dense(l1=..., l2=...)`) are added.
        step: as in `forward`; for k batches an update, `fit` takes `k * optimizer.steps` and so
            on.
        accumulate: the gradients become the mean, by rows and their weights, over this batch
            and those of the calls before (the sum, for losses that sum and functions of your
            own), as in `fit(accumulate=...)`; `optimizer.step(net)` then makes one update.

    Raises:
        RuntimeError: accumulate after `backward`.
    """
    core, last = net._core, net._last_loss
    plain = sample_weight is None and step is None and accumulate is False
    if plain and core is not None and last is not None and last[0] is loss:
        number = net._forward_steps + 1
        found = core.try_value_and_gradient(X, y, last[1], net.seed, number, False)
        if found is not None:
            net._forward_steps = number
            return found
    check_flag(accumulate, "accumulate", "value_and_grad")
    if is_custom_loss(loss, sample_weight, "value_and_grad"):
        return custom_value_and_grad(
            net, loss, X, y, step, lambda: gradients(net), accumulate=accumulate
        )
    data, chosen = checked_examples(net, X, y, loss, sample_weight, "value_and_grad")
    return net._core_network().value_and_gradient(
        chosen,
        data,
        seed=net.seed,
        step=net._random_step(step),
        accumulate=bool(accumulate),
    )


def train_step(
    net: Stack,
    X: ArrayLike,
    y: ArrayLike,
    *,
    optimizer: Optimizer,
    loss: str | Loss | CustomLoss | None = None,
    sample_weight: ArrayLike | None = None,
) -> float:
    """One update on all rows as one batch; returns the loss before it.

    Args:
        loss: as in `value_and_grad`.

    Raises:
        NotFiniteError: as in `fit`.
    """
    core, last = net._core, net._last_loss
    if core is not None and last is not None and last[0] is loss and sample_weight is None:
        handle = optimizer.handle_in_use(net) if isinstance(optimizer, Optimizer) else None
        if handle is not None:
            value = core.try_train_step(X, y, last[1], handle, net.seed)
            if value is not None:
                return value
    optimizer = checked_optimizer(optimizer, "train_step")
    if is_custom_loss(loss, sample_weight, "train_step"):
        value, _ = custom_value_and_grad(
            net, loss, X, y, optimizer.steps, lambda: optimizer.step(net)
        )
        return value
    data, chosen = checked_examples(net, X, y, loss, sample_weight, "train_step")
    handle = optimizer.handle_for_step(net)
    return net._core_network().train_step(chosen, handle, data, net.seed)
