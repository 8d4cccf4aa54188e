"""Training by a custom loss, a Python function of the user's, which the core asks at each step."""

from collections.abc import Callable
from typing import Any, TypeVar

from lamina._checks.types import ArrayLike, NDArray
from lamina._losses.custom import custom_value, value_and_gradient
from lamina._losses.losses import CustomLoss
from lamina._network.checked_data import checked_rows
from lamina._network.examples import Array
from lamina._network.stack import Stack
from lamina._training.fit import Fit

Result = TypeVar("Result")


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
    """Forward, a custom loss of what the user gave, and backward; then `use()`, which finds the
    gradients.

    Other threads cannot train the network meanwhile.

    Returns:
        The function's value with the layers' penalties, and what `use` returned.

    Raises:
        TypeError: `loss` did not return (value, gradient) of numbers.
        ValueError: the gradient has another shape than the outputs.
        NotFiniteError: value or gradient are not finite.
    """
    x, number = checked_rows(net, X, "forward"), net._random_step(step)
    core = net._core_network()

    def ask(outputs: Array, rows: None, members: int, wanted: bool) -> tuple[float, Array | None]:
        return value_and_gradient(loss, outputs, y, members)

    def run() -> tuple[float, Result]:
        value = core.custom_value_and_gradient(
            x, ask, seed=net.seed, step=number, accumulate=accumulate
        )
        return value + float(core.penalty()), use()

    found: tuple[float, Result] = core.hold_training(run)
    return found


class CustomLossFit(Fit):
    """One call of fit with a custom loss."""

    def _custom_value(
        self, outputs: Array, rows: NDArray[Any] | None, members: int, wanted: bool
    ) -> tuple[float, Array | None]:
        """What the function gives for rows that are trained on, or for all that validate."""
        if wanted:
            return value_and_gradient(self._loss, outputs, self._train.targets[rows], members)
        assert self._validation is not None
        return custom_value(self._loss, outputs, self._validation.targets)[0], None
