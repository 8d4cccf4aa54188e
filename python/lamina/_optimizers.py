"""Optimizers: how gradients change weights. An object keeps its state across calls for one network.

Below, w is a weight, g its gradient and t the step, from 1; squares, roots and quotients are by
element.
"""

from collections.abc import Callable
from typing import ClassVar

from lamina._optimizer import Optimizer
from lamina._schedule import LearningRate


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum (Sutskever et al. 2013) where asked for.

    v = momentum * v + g; w -= learning_rate * v, or with nesterov w -= learning_rate *
    (g + momentum * v).

    Args:
        learning_rate: step size, at least 0, or a schedule.
        momentum: share of the last step that is kept, in [0, 1).
        nesterov: look ahead along the momentum.
        decoupled: weight decay shrinks the weights by learning_rate * weight_decay instead of
            entering the gradient.
    """

    kind: ClassVar[str] = "sgd"

    def __init__(
        self,
        learning_rate: LearningRate = 0.01,
        *,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
        decoupled: bool = False,
        decay_biases: bool = False,
        clip_norm: float = 0.0,
        clip_value: float = 0.0,
    ) -> None:
        options = {k: v for k, v in locals().items() if k not in ("self", "__class__")}
        super().__init__(**options)


class Adam(Optimizer):
    """Adam (Kingma & Ba 2015): steps scaled by running means of gradients and their squares.

    m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2;
    w -= learning_rate * m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + epsilon).

    Args:
        learning_rate: step size, at least 0, or a schedule.
        beta1, beta2: memory of the two running means, in [0, 1).
        epsilon: added to the root of the second mean, at least 0.
        amsgrad: the largest v so far in place of v (Reddi et al. 2018).
        decoupled: weight decay as AdamW has it.
    """

    kind: ClassVar[str] = "adam"

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        *,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        amsgrad: bool = False,
        weight_decay: float = 0.0,
        decoupled: bool = False,
        decay_biases: bool = False,
        clip_norm: float = 0.0,
        clip_value: float = 0.0,
    ) -> None:
        options = {k: v for k, v in locals().items() if k not in ("self", "__class__")}
        if options.pop("amsgrad"):
            options["kind"] = "amsgrad"
        super().__init__(**options)


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019): w *= 1 - learning_rate * decay.

    Arguments as for `Adam`; `weight_decay` is 0.01 unless given.
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        *,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        amsgrad: bool = False,
        weight_decay: float = 0.01,
        decay_biases: bool = False,
        clip_norm: float = 0.0,
        clip_value: float = 0.0,
    ) -> None:
        options = {k: v for k, v in locals().items() if k not in ("self", "__class__")}
        super().__init__(**options, decoupled=True)


class Adamax(Optimizer):
    """Adamax (Kingma & Ba 2015): Adam with the largest gradient of late in place of a mean square.

    m = beta1 m + (1 - beta1) g; u = max(beta2 u, |g| + epsilon);
    w -= learning_rate / (1 - beta1^t) * m / u. Arguments as for `Adam`.
    """

    kind: ClassVar[str] = "adamax"

    def __init__(
        self,
        learning_rate: LearningRate = 0.002,
        *,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
        decoupled: bool = False,
        decay_biases: bool = False,
        clip_norm: float = 0.0,
        clip_value: float = 0.0,
    ) -> None:
        options = {k: v for k, v in locals().items() if k not in ("self", "__class__")}
        super().__init__(**options)


class NAdam(Optimizer):
    """NAdam (Dozat 2016): Adam with Nesterov's momentum.

    mu_t = beta1 (1 - 0.96^(t momentum_decay) / 2), P_t = mu_1 ... mu_t; with m and v as in `Adam`,
    w -= learning_rate * ((1 - mu_t) / (1 - P_t) g + mu_{t+1} / (1 - P_{t+1}) m)
    / (sqrt(v / (1 - beta2^t)) + epsilon).

    Args:
        learning_rate, beta1, beta2, epsilon: as for `Adam`.
        momentum_decay: how fast the momentum reaches beta1, at least 0.
        decoupled: weight decay shrinks the weights by learning_rate * weight_decay instead of
            entering the gradient.
    """

    kind: ClassVar[str] = "nadam"

    def __init__(
        self,
        learning_rate: LearningRate = 0.002,
        *,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        momentum_decay: float = 0.004,
        weight_decay: float = 0.0,
        decoupled: bool = False,
        decay_biases: bool = False,
        clip_norm: float = 0.0,
        clip_value: float = 0.0,
    ) -> None:
        options = {k: v for k, v in locals().items() if k not in ("self", "__class__")}
        super().__init__(**options)


class RAdam(Optimizer):
    """RAdam (Liu et al. 2020): Adam whose first steps are plain momentum, till v can be trusted.

    With r_t the paper's rectification, w -= learning_rate * r_t m / (1 - beta1^t) /
    (sqrt(v / (1 - beta2^t)) + epsilon); while it is not defined, w -= learning_rate * m /
    (1 - beta1^t). As PyTorch has it, epsilon is added before the division by 1 - beta2^t.

    Arguments as for `Adam`.
    """

    kind: ClassVar[str] = "radam"

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        *,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
        decoupled: bool = False,
        decay_biases: bool = False,
        clip_norm: float = 0.0,
        clip_value: float = 0.0,
    ) -> None:
        options = {k: v for k, v in locals().items() if k not in ("self", "__class__")}
        super().__init__(**options)


class Lion(Optimizer):
    """Lion (Chen et al. 2023): steps of one size in the direction of the momentum's sign.

    w -= learning_rate * sign(beta1 m + (1 - beta1) g); m = beta2 m + (1 - beta2) g. Rates a third
    to a tenth of Adam's, and decays as much larger, are the paper's advice.

    Args:
        learning_rate: size of each step, at least 0, or a schedule.
        beta1, beta2: share of the momentum in the step, and its memory, in [0, 1).
        decoupled: weight decay as AdamW has it.
    """

    kind: ClassVar[str] = "lion"

    def __init__(
        self,
        learning_rate: LearningRate = 0.0001,
        *,
        beta1: float = 0.9,
        beta2: float = 0.99,
        weight_decay: float = 0.0,
        decoupled: bool = True,
        decay_biases: bool = False,
        clip_norm: float = 0.0,
        clip_value: float = 0.0,
    ) -> None:
        options = {k: v for k, v in locals().items() if k not in ("self", "__class__")}
        super().__init__(**options)


class Adagrad(Optimizer):
    """Adagrad (Duchi et al. 2011): each weight's rate falls with the sum of its squared gradients.

    s += g^2; w -= learning_rate / (1 + (t - 1) rate_decay) * g / (sqrt(s) + epsilon).

    Args:
        learning_rate: step size, at least 0, or a schedule.
        rate_decay: at least 0. initial_accumulator: the first s, at least 0.
        epsilon: at least 0.
        decoupled: weight decay shrinks the weights by learning_rate * weight_decay instead of
            entering the gradient.
    """

    kind: ClassVar[str] = "adagrad"

    def __init__(
        self,
        learning_rate: LearningRate = 0.01,
        *,
        rate_decay: float = 0.0,
        initial_accumulator: float = 0.0,
        epsilon: float = 1e-10,
        weight_decay: float = 0.0,
        decoupled: bool = False,
        decay_biases: bool = False,
        clip_norm: float = 0.0,
        clip_value: float = 0.0,
    ) -> None:
        options = {k: v for k, v in locals().items() if k not in ("self", "__class__")}
        super().__init__(**options)


class Adadelta(Optimizer):
    """Adadelta (Zeiler 2012): steps in units of the steps before.

    s = rho s + (1 - rho) g^2; d = sqrt(a + epsilon) / sqrt(s + epsilon) g;
    a = rho a + (1 - rho) d^2; w -= learning_rate * d.

    Args:
        learning_rate: factor of each step, at least 0, or a schedule.
        rho: memory of the means, in [0, 1). epsilon: at least 0.
        decoupled: weight decay shrinks the weights by learning_rate * weight_decay instead of
            entering the gradient.
    """

    kind: ClassVar[str] = "adadelta"

    def __init__(
        self,
        learning_rate: LearningRate = 1.0,
        *,
        rho: float = 0.9,
        epsilon: float = 1e-6,
        weight_decay: float = 0.0,
        decoupled: bool = False,
        decay_biases: bool = False,
        clip_norm: float = 0.0,
        clip_value: float = 0.0,
    ) -> None:
        options = {k: v for k, v in locals().items() if k not in ("self", "__class__")}
        super().__init__(**options)


class RMSprop(Optimizer):
    """RMSprop (Tieleman & Hinton 2012): gradients divided by the root of their mean square.

    s = rho s + (1 - rho) g^2; d = g / (sqrt(s) + epsilon); w -= learning_rate * d.

    Args:
        learning_rate: step size, at least 0, or a schedule.
        rho: memory of the mean square, in [0, 1). epsilon: at least 0.
        momentum: b = momentum * b + d takes the place of d, in [0, 1).
        centered: the mean gradient's square is taken off s (Graves 2013).
        decoupled: weight decay shrinks the weights by learning_rate * weight_decay instead of
            entering the gradient.
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
        weight_decay: float = 0.0,
        decoupled: bool = False,
        decay_biases: bool = False,
        clip_norm: float = 0.0,
        clip_value: float = 0.0,
    ) -> None:
        options = {k: v for k, v in locals().items() if k not in ("self", "__class__")}
        super().__init__(**options)


class Rprop(Optimizer):
    """Rprop (Riedmiller & Braun 1993): a step size for each weight, by the gradient's sign alone.

    The step grows by `grow` while the sign stays and shrinks by `shrink` where it turns, when no
    step is made. For whole data sets as one batch: signs of small batches mislead it.

    Args:
        learning_rate: the first step size, at least 0.
        shrink: in (0, 1). grow: at least 1.
        smallest_step, largest_step: limits of the step sizes, at least 0.
        decoupled: weight decay shrinks the weights by learning_rate * weight_decay instead of
            entering the gradient.
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
        weight_decay: float = 0.0,
        decoupled: bool = False,
        decay_biases: bool = False,
        clip_norm: float = 0.0,
        clip_value: float = 0.0,
    ) -> None:
        options = {k: v for k, v in locals().items() if k not in ("self", "__class__")}
        super().__init__(**options)


_BY_NAME: dict[str, Callable[[], Optimizer]] = {
    "sgd": SGD,
    "adam": Adam,
    "adamw": AdamW,
    "amsgrad": lambda: Adam(amsgrad=True),
    "adamax": Adamax,
    "nadam": NAdam,
    "radam": RAdam,
    "lion": Lion,
    "adagrad": Adagrad,
    "adadelta": Adadelta,
    "rmsprop": RMSprop,
    "rprop": Rprop,
}


def make_optimizer(optimizer: "str | Optimizer") -> Optimizer:
    """A fresh optimizer for a name; an object as it is."""
    if isinstance(optimizer, Optimizer):
        return optimizer
    if not isinstance(optimizer, str):
        raise TypeError(
            f"optimizer: expected a name or a lamina optimizer, got {type(optimizer).__name__}"
        )
    if optimizer not in _BY_NAME:
        raise ValueError(
            f"optimizer: unknown name {optimizer!r}; expected one of {', '.join(_BY_NAME)}"
        )
    return _BY_NAME[optimizer]()
