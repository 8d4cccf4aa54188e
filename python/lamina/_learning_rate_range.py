"""Finding the learning rate: the range test."""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from lamina import _core
from lamina._checks.frames import plain_array
from lamina._checks.numbers import is_number, is_whole
from lamina._checks.types import ArrayLike, NDArray
from lamina._losses.losses import CustomLoss, Loss
from lamina._network.adapt import adapt_ends
from lamina._network.checked_data import checked_examples, checked_inputs
from lamina._optimizers.by_name import make_optimizer
from lamina._optimizers.optimizer import Optimizer
from lamina._plots import plot_learning_rates
from lamina._sequential import Sequential
from lamina._training.batches import batches

# How far above the least one a smoothed loss shows that training has diverged, as a multiple of the
# larger of its size and what it fell by: losses may be negative, or pass through 0.
_DIVERGED = 3.0


@dataclass(frozen=True)
class LearningRateRange:
    """What `find_learning_rate` saw.

    Attributes:
        rates: learning rates in the order of the steps, [steps].
        losses: loss of each step's batch before its update, [steps].
        smoothed: their running mean, [steps].
        suggestion: a rate to train with.
        diverged: True where the losses blew up before the highest rate.
    """

    rates: NDArray[np.float64]
    losses: NDArray[np.float64]
    smoothed: NDArray[np.float64]
    suggestion: float
    diverged: bool

    def plot(self, axes: Any = None) -> Any:
        """Draw losses over rates on matplotlib's `axes` or new ones, which are returned.

        Raises:
            ImportError: matplotlib is not installed.
        """
        return plot_learning_rates(self.rates, self.losses, self.smoothed, self.suggestion, axes)


def find_learning_rate(
    net: Sequential,
    X: ArrayLike,
    y: ArrayLike,
    *,
    loss: str | Loss | CustomLoss | None = None,
    optimizer: str | Optimizer = "adam",
    batch_size: int = 32,
    lowest: float = 1e-6,
    highest: float = 10.0,
    steps: int = 100,
    smoothing: float = 0.9,
    sample_weight: ArrayLike | None = None,
) -> LearningRateRange:
    """Train a copy of `net` with rates from low to high, and see where the loss falls (Smith 2017).

    The rate grows by the same factor each step. The suggestion lies in the tenth of the steps in
    which the smoothed loss falls most, and at most at a tenth of the rate of the least loss.
    The network and the optimizer stay as they are, to the last bit.

    Args:
        X, y, loss, sample_weight: as in `Sequential.fit`; batches in the order of its epochs.
        optimizer: a name or object; of an object the options are used, its state and schedule not.
        batch_size: rows of a step, at least 1; take that of the training to come.
        lowest, highest: the range, above 0.
        steps: of the test, at least 10; the rows are gone through as often as that needs.
        smoothing: share of the running mean that each step keeps, in [0, 1).

    Raises:
        TypeError, ValueError: data or options do not fit.

    Example:
        >>> import lamina as lm
        >>> import numpy as np
        >>> X = np.linspace(-1, 1, 64).reshape(-1, 1)
        >>> net = lm.Sequential([lm.Dense(16, "tanh"), lm.Dense(1)], inputs=1)
        >>> found = lm.find_learning_rate(net, X, X**2)
        >>> 1e-6 < found.suggestion < 1.0
        True
    """
    if not isinstance(net, Sequential):
        raise TypeError(f"find_learning_rate: expected a network, got {type(net).__name__}")
    rates = _rates(lowest, highest, steps)
    if not is_number(smoothing) or not 0.0 <= smoothing < 1.0:
        raise ValueError(
            f"find_learning_rate: expected smoothing of at least 0 and below 1, got {smoothing!r}"
        )
    twin, trainer = net.copy(), _fresh(optimizer)
    x = checked_inputs(twin, X, "find_learning_rate")
    targets = np.asarray(plain_array(y, "find_learning_rate, y"))
    # All rows are checked, not those of the first batches alone.
    data, chosen = checked_examples(
        twin, x, y, loss, sample_weight, "find_learning_rate", custom=True
    )
    adapt_ends(twin, data, chosen)  # as fit does
    losses: list[float] = []
    smoothed: list[float] = []
    mean, diverged = 0.0, False
    weights = data.weights
    taken = _batches(twin, len(x), batch_size, weights)
    for step, rate in enumerate(rates, start=1):
        rows = next(taken)
        trainer.learning_rate = float(rate)
        weight = None if weights is None else weights[rows]
        try:
            value = twin.train_step(
                x[rows], targets[rows], optimizer=trainer, loss=loss, sample_weight=weight
            )
        except _core.NotFiniteError:
            diverged = True
            break
        losses.append(value)
        mean = smoothing * mean + (1.0 - smoothing) * value
        smoothed.append(mean / (1.0 - smoothing**step))
        least = min(smoothed)
        if smoothed[-1] - least > _DIVERGED * max(abs(least), smoothed[0] - least):
            diverged = True
            break
    if len(losses) < 3:
        raise ValueError(
            f"find_learning_rate: training diverged at step {len(losses) + 1}, with a rate of "
            f"{rates[len(losses)]:.3g}; expected a lower lowest, or scaled inputs and targets"
        )
    seen, curve = rates[: len(losses)], np.array(smoothed)
    return LearningRateRange(seen, np.array(losses), curve, _suggestion(seen, curve), diverged)


def _rates(lowest: float, highest: float, steps: int) -> NDArray[np.float64]:
    for name, value in (("lowest", lowest), ("highest", highest)):
        if not is_number(value) or not math.isfinite(value) or value <= 0.0:
            raise ValueError(f"find_learning_rate: expected {name} above 0, got {value!r}")
    if highest <= lowest:
        raise ValueError(
            f"find_learning_rate: expected highest above lowest, got {highest} and {lowest}"
        )
    if not is_whole(steps) or steps < 10:
        raise ValueError(f"find_learning_rate: expected steps of at least 10, got {steps!r}")
    return np.geomspace(lowest, highest, int(steps))


def _fresh(optimizer: str | Optimizer) -> Optimizer:
    """An optimizer of the same options, without state and schedule."""
    made = make_optimizer(optimizer)
    if not isinstance(made, Optimizer):
        raise ValueError(
            f"find_learning_rate: {type(made).__name__} has no learning rate to look for"
        )
    return made.fresh()


def _batches(
    net: Sequential, rows: int, batch_size: int, weights: NDArray[Any] | None
) -> Iterator[NDArray[np.int64]]:
    """Batches of one epoch after the other, but for those whose weights are all 0."""
    smallest = net._core_network().smallest_batch
    for epoch in itertools.count(net.epochs_trained + 1):
        for batch in batches(rows, batch_size, seed=net.seed, epoch=epoch, smallest=smallest):
            if weights is None or weights[batch].any():
                yield batch


def _suggestion(rates: NDArray[np.float64], losses: NDArray[np.float64]) -> float:
    # The first running means are single batches, low or high by chance.
    first = len(losses) // 10
    least = first + int(losses[first:].argmin())
    if least < first + 2:  # it only rose
        return float(rates[0])
    # Over a tenth of the steps: a single one shows how its batch differs from the one before.
    width = min(max(1, len(losses) // 10), least - first)
    falls = losses[first : least + 1 - width] - losses[first + width : least + 1]
    steepest = rates[first + int(falls.argmax()) + width // 2]
    return float(max(rates[0], min(steepest, rates[least] / 10.0)))
