"""Training by a custom loss, a Python function of the user's."""

from collections.abc import Callable
from itertools import islice
from typing import Any, TypeVar

import numpy as np

from lamina import _core
from lamina._checks import arrays
from lamina._checks.sparse import SparseRows, as_dense
from lamina._checks.types import ArrayLike
from lamina._losses.custom import custom_value
from lamina._losses.losses import CustomLoss
from lamina._network.checked_data import checked_rows
from lamina._network.examples import Array
from lamina._network.stack import Stack
from lamina._training.batches import batches, cut
from lamina._training.fit import Fit, StepValues

Result = TypeVar("Result")


def run_custom_loss(
    net: Stack,
    loss: CustomLoss,
    x: Array | SparseRows,
    y: Any,
    step: int,
    *,
    share: float = 1.0,
    accumulate: bool = False,
    noise_factor: float = 1.0,
) -> tuple[float, Array]:
    """Forward, a custom loss, and backward; the gradients stand in the network after it.

    Args:
        x: checked rows; sparse ones are made dense. step: number of the random mask.
        share: factor of the gradient, for a part of a batch.
        noise_factor: of the rates of dropouts.

    Returns:
        The function's value, and the outputs [rows, outputs].

    Raises:
        TypeError: `loss` did not return (value, gradient) of numbers.
        ValueError: the gradient has another shape than the outputs, or is not finite.
        NotFiniteError: the value is not finite.
    """
    core = net._core_network()
    found: Array = core.forward(
        as_dense(x), training=True, seed=net.seed, step=step, noise_factor=noise_factor
    )
    # Of an ensemble each member's, as rows of their own: the mean over rows is that of its losses.
    outputs = found.reshape(-1, found.shape[-1])
    if found.ndim == 3:
        y = np.repeat(y, found.shape[1], axis=0)
    value, gradient = custom_value(loss, outputs, y)
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
    core.backward(
        gradient.reshape(found.shape),
        gradients_wanted=True,
        accumulate=accumulate,
        input_gradient_wanted=False,
    )
    return value, found.mean(axis=1) if found.ndim == 3 else found


def custom_value_and_grad(
    net: Stack,
    loss: CustomLoss,
    X: ArrayLike,
    y: ArrayLike,
    step: int | None,
    use: Callable[[], Result],
    *,
    accumulate: bool = False,
) -> tuple[float, Result]:
    """`run_custom_loss` of what the user gave, then `use()`, which finds its gradients.

    Other threads cannot train the network meanwhile.

    Returns:
        The function's value with the layers' penalties, and what `use` returned.
    """
    x, number = checked_rows(net, X, "forward"), net._random_step(step)
    core = net._core_network()

    def run() -> tuple[float, Result]:
        value, _ = run_custom_loss(net, loss, x, y, number, accumulate=accumulate)
        return value + float(core.penalty()), use()

    found: tuple[float, Result] = core.hold_training(run)
    return found


class CustomLossFit(Fit):
    """One call of fit with a custom loss, whose steps are taken in Python."""

    def _train_rows(self, values: StepValues, outputs: Array | None) -> tuple[float, float] | None:
        """All rows once, by the steps' values: the mean loss, and the penalties' part of it.

        None where the core breaks the epoch off.
        """
        core, options, rows = self.net._core_network(), self._options, len(self._train.x)
        rates, decays, factors = values
        handle: Any = self._optimizer_handle()
        average = options.average
        epoch, total, penalties = self.net.epochs_trained + 1, 0.0, 0.0
        if callable(options.shuffle):
            order = self._order(epoch - 1 - self._epochs_before)
            _core.check_each_row_once(order, rows, "fit")
            taken = cut(order, options.batch_size, core.smallest_batch)
        else:
            taken = batches(
                rows,
                options.batch_size,
                seed=self.net.seed,
                epoch=epoch,
                shuffle=options.shuffle,
                smallest=core.smallest_batch,
            )
        for step in range(self.steps_per_epoch()):
            if rates is not None:
                handle.learning_rate = float(rates[step])
            if decays is not None:
                handle.weight_decay = float(decays[step])
            factor = 1.0 if factors is None else float(factors[step])
            parts = list(islice(taken, options.accumulate))
            penalty, part_rows = float(core.penalty()), sum(map(len, parts))
            try:
                loss = self._sum_of_parts(handle, parts, outputs, factor)
                core.apply_gradients(handle)
            except _core.NotFiniteError as error:
                raise _core.NotFiniteError(
                    f"fit, epoch {epoch}, step {step + 1}: {error}"
                ) from None
            total += loss + penalty * part_rows
            penalties += penalty * part_rows
            if average is not None and average.per == "step":
                average.update(self.net)
            if self.loop.step_ended(step, (loss + penalty * part_rows) / part_rows, penalty):
                core.end_epoch()
                return None
        core.end_epoch()
        return total / rows, penalties / rows

    def _sum_of_parts(
        self, handle: Any, parts: list[Array], outputs: Array | None, noise_factor: float
    ) -> float:
        """Gradient of the mean over some batches; the loss, without penalties, times their rows."""
        train, rows, total = self._train, sum(map(len, parts)), 0.0
        for index, part in enumerate(parts):
            value, found = run_custom_loss(
                self.net,
                self._loss,
                train.x[part],
                train.targets[part],
                handle.steps * self._options.accumulate + index,
                share=len(part) / rows,
                accumulate=index > 0,
                noise_factor=noise_factor,
            )
            total += value * len(part)
            if outputs is not None:
                outputs[part] = found
        return total

    def _validation_loss(self, outputs: Array | None) -> float:
        data = self._validation
        assert data is not None
        found = self.net._core_network().predict(data.x)
        if outputs is not None:
            outputs[:] = found
        return custom_value(self._loss, found, data.targets)[0]
