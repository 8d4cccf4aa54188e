"""Optimizers that give each weight a rate of its own, without Adam's first moment.

Notation and common options as in `lamina._optimizers.momentum`.
"""

from typing import ClassVar, Unpack

from lamina._optimizers.optimizer import CommonOptions, Optimizer
from lamina._optimizers.schedule import LearningRate


class Adagrad(Optimizer):
    """Adagrad (Duchi et al. 2011): each weight's rate falls with the sum of its squared gradients.

    s += g^2; w -= learning_rate / (1 + (t - 1) rate_decay) * g / (sqrt(s) + epsilon).

    Args:
        learning_rate: step size, at least 0, or a schedule.
        rate_decay: at least 0. initial_accumulator: the first s, at least 0.
        epsilon: at least 0.
        common: weight_decay, decoupled, clipping and so on; see `Optimizer`.
    """

    kind: ClassVar[str] = "adagrad"

    def __init__(
        self,
        learning_rate: LearningRate = 0.01,
        *,
        rate_decay: float = 0.0,
        initial_accumulator: float = 0.0,
        epsilon: float = 1e-10,
        **common: Unpack[CommonOptions],
    ) -> None:
        super().__init__(
            learning_rate,
            rate_decay=rate_decay,
            initial_accumulator=initial_accumulator,
            epsilon=epsilon,
            **common,
        )


class Adadelta(Optimizer):
    """Adadelta (Zeiler 2012): steps in units of the steps before.

    s = rho s + (1 - rho) g^2; d = sqrt(a + epsilon) / sqrt(s + epsilon) g;
    a = rho a + (1 - rho) d^2; w -= learning_rate * d.

    Args:
        learning_rate: factor of each step, at least 0, or a schedule.
        rho: memory of the means, in [0, 1). epsilon: at least 0.
        common: weight_decay, decoupled, clipping and so on; see `Optimizer`.
    """

    kind: ClassVar[str] = "adadelta"

    def __init__(
        self,
        learning_rate: LearningRate = 1.0,
        *,
        rho: float = 0.9,
        epsilon: float = 1e-6,
        **common: Unpack[CommonOptions],
    ) -> None:
        super().__init__(learning_rate, rho=rho, epsilon=epsilon, **common)


class RMSprop(Optimizer):
    """RMSprop (Tieleman & Hinton 2012): gradients divided by the root of their mean square.

    s = rho s + (1 - rho) g^2; d = g / (sqrt(s) + epsilon); w -= learning_rate * d.

    Args:
        learning_rate: step size, at least 0, or a schedule.
        rho: memory of the mean square, in [0, 1). epsilon: at least 0.
        momentum: b = momentum * b + d takes the place of d, in [0, 1).
        centered: the mean gradient's square is taken off s (Graves 2013).
        common: weight_decay, decoupled, clipping and so on; see `Optimizer`.
    """

    kind: ClassVar[str] = "rmsprop"

    def __init__(
        self,
        learning_rate: LearningRate = 0.01,
        *,
        rho: float = 0.99,
        epsilon: float = 1e-8,
        momentum: float = 0.0,
        centered: bool = False,
        **common: Unpack[CommonOptions],
    ) -> None:
        super().__init__(
            learning_rate, rho=rho, epsilon=epsilon, momentum=momentum, centered=centered, **common
        )


class Rprop(Optimizer):
    """Rprop (Riedmiller & Braun 1993): a step size for each weight, by the gradient's sign alone.

    The step grows by `grow` while the sign stays and shrinks by `shrink` where it turns, when no
    step is made. For whole data sets as one batch: signs of small batches mislead it. A layer's
    `rate_factor` scales its steps.

    Args:
        learning_rate: the first step size, at least 0.
        shrink: in (0, 1). grow: at least 1.
        smallest_step, largest_step: limits of the step sizes, at least 0.
        common: weight_decay, decoupled, clipping and so on; see `Optimizer`.
    """

    kind: ClassVar[str] = "rprop"

    def __init__(
        self,
        learning_rate: LearningRate = 0.01,
        *,
        shrink: float = 0.5,
        grow: float = 1.2,
        smallest_step: float = 1e-6,
        largest_step: float = 50.0,
        **common: Unpack[CommonOptions],
    ) -> None:
        super().__init__(
            learning_rate,
            shrink=shrink,
            grow=grow,
            smallest_step=smallest_step,
            largest_step=largest_step,
            **common,
        )
