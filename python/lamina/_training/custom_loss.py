"""A loss of the user's own: a Python function in place of one of lamina's."""

from itertools import islice
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np

from lamina import _core
from lamina._checks import arrays
from lamina._checks.types import ArrayLike
from lamina._losses.losses import Loss, OwnLoss
from lamina._training.batches import batches
from lamina._training.fit import Fit, Progress
from lamina._training.fit_data import Array, Examples

if TYPE_CHECKING:
    from lamina._sequential import Sequential


def is_own_loss(
    loss: "str | Loss | OwnLoss | _core.Loss | None", sample_weight: ArrayLike | None, where: str
) -> TypeGuard[OwnLoss]:
    """True for a user's function; ValueError where sample weights come with one."""
    own = callable(loss) and not isinstance(loss, str | Loss | type)
    if own and sample_weight is not None:
        raise ValueError(
            f"{where}: expected no sample_weight with a loss of your own; apply the weights in it"
        )
    return own


def own_targets(y: ArrayLike, rows: int, where: str) -> Array:
    """y as an array of anything, a row of it for each of X."""
    try:
        array = np.asarray(y)
    except ValueError as error:
        raise ValueError(f"{where}: expected y as an array, got rows of unequal lengths") from error
    if array.shape[:1] != (rows,):
        raise ValueError(f"{where}: expected y for {rows} rows as X has, got shape {array.shape}")
    return array


def own_value(loss: OwnLoss, outputs: Array, y: Any) -> tuple[float, Array]:
    """What the function gives: the value, and its gradient by the outputs.

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


def run_own_loss(
    net: "Sequential",
    loss: OwnLoss,
    X: ArrayLike,
    y: ArrayLike,
    step: int | None,
    *,
    share: float = 1.0,
    accumulate: bool = False,
) -> tuple[float, Array]:
    """Forward, a user's own loss, and backward; the gradients stand in the network after it.

    Args:
        share: factor of the gradient, for a part of a batch.

    Returns:
        The function's value, and the outputs [rows, outputs].

    Raises:
        TypeError: `loss` did not return (value, gradient) of numbers.
        ValueError: the gradient has another shape than the outputs, or is not finite.
        NotFiniteError: the value is not finite.
    """
    outputs = net.forward(X, training=True, step=step)
    value, gradient = own_value(loss, outputs, y)
    if not np.isfinite(value):
        raise _core.NotFiniteError(f"loss: your function gave {value}; the weights are unchanged")
    if gradient.shape != outputs.shape:
        raise ValueError(
            f"loss: expected your function's gradient of shape {outputs.shape} as the outputs "
            f"have, got {gradient.shape}"
        )
    gradient = arrays.contiguous(
        gradient, dtype=net.dtype, where="loss", name="your function's gradient"
    )
    if not np.isfinite(gradient).all():
        raise ValueError("loss: expected finite numbers in your function's gradient")
    if share != 1.0:
        gradient = gradient * share
    net.backward(gradient, input_gradient=False, accumulate=accumulate)
    return value, outputs


def own_value_and_grad(
    net: "Sequential",
    loss: OwnLoss,
    X: ArrayLike,
    y: ArrayLike,
    step: int | None,
    *,
    accumulate: bool = False,
) -> float:
    """`run_own_loss`; returns the value with the layers' penalties."""
    value, _ = run_own_loss(net, loss, X, y, step, accumulate=accumulate)
    return value + float(net._core_network().penalty())


class OwnLossFit(Fit):
    """One call of fit with a loss of the user's own; each step is taken by hand."""

    def _train_epoch(
        self, core: Any, handle: Any, steps: int, outputs: Array | None, progress: Progress | None
    ) -> float:
        train, options, average = self._train, self._options, self._average_of_steps()
        rates = self.optimizer.rates_of_epoch(steps, self._last_step)
        epoch, total = self.net.epochs_trained + 1, 0.0
        taken = batches(
            len(train.x),
            options.batch_size,
            seed=self.net.seed,
            epoch=epoch,
            shuffle=options.shuffle,
            smallest=core.smallest_batch,
        )
        for step in range(steps):
            if rates is not None:
                handle.learning_rate = float(rates[step])
            parts = list(islice(taken, options.accumulate))
            try:
                total += self._sum_of_parts(core, handle, parts, outputs)
                core.apply_gradients(handle)
            except _core.NotFiniteError as error:
                raise _core.NotFiniteError(
                    f"fit, epoch {epoch}, step {step + 1}: {error}"
                ) from None
            if average is not None:
                average.update(self.net)
            if progress is not None:
                progress(step + 1)
        core.end_epoch()
        return total / len(train.x)

    def _sum_of_parts(
        self, core: Any, handle: Any, parts: list[Array], outputs: Array | None
    ) -> float:
        """Gradient of the mean over some batches; returns the loss times their rows."""
        train, rows, total = self._train, sum(map(len, parts)), 0.0
        for index, part in enumerate(parts):
            value, found = run_own_loss(
                self.net,
                self._loss,
                train.x[part],
                train.targets[part],
                handle.steps * self._options.accumulate + index,
                share=len(part) / rows,
                accumulate=index > 0,
            )
            total += value * len(part)
            if outputs is not None:
                outputs[part] = found
        return total + float(core.penalty()) * rows

    def _validation_loss(self, core: Any, data: Examples, outputs: Array | None) -> float:
        found = core.predict(data.x, None)
        if outputs is not None:
            outputs[:] = found
        return own_value(self._loss, found, data.targets)[0]
