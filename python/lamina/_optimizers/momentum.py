"""Optimizers with momentum. An object keeps its state for one network.

Below, w is a weight, g its gradient and t the step, from 1; squares, roots and quotients are by
element. Each takes the common options of `Optimizer` too: weight_decay, decoupled, decay_biases,
clip_value, clip_parameter_norm, clip_norm.
"""

from typing import ClassVar, Unpack

from lamina._optimizers.optimizer import CommonOptions, Optimizer
from lamina._optimizers.schedule import LearningRate


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum (Sutskever et al. 2013) where asked for.

    v = momentum * v + g; w -= learning_rate * v, or with nesterov w -= learning_rate *
    (g + momentum * v).

    Args:
        learning_rate: step size, at least 0, or a schedule.
        momentum: share of the last step that is kept, in [0, 1).
        nesterov: look ahead along the momentum.
        rate_in_velocity: v = momentum * v - learning_rate * g; w += v, or with nesterov w +=
            momentum * v - learning_rate * g, as in Keras and scikit-learn. It differs where the
            learning rate changes: the steps that are kept have the rates that they were made with.
        common: weight_decay, decoupled, clipping and so on; see `Optimizer`.
    """

    kind: ClassVar[str] = "sgd"

    def __init__(
        self,
        learning_rate: LearningRate = 0.01,
        *,
        momentum: float = 0.0,
        nesterov: bool = False,
        rate_in_velocity: bool = False,
        **common: Unpack[CommonOptions],
    ) -> None:
        super().__init__(
            learning_rate,
            momentum=momentum,
            nesterov=nesterov,
            rate_in_velocity=rate_in_velocity,
            **common,
        )


class Adam(Optimizer):
    """Adam (Kingma & Ba 2015): steps scaled by running means of gradients and their squares.

    m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2;
    w -= learning_rate * m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + epsilon).

    Args:
        learning_rate: step size, at least 0, or a schedule.
        beta1, beta2: memory of the two running means, in [0, 1).
        epsilon: added to the root of the second mean, at least 0.
        amsgrad: the largest v so far in place of v (Reddi et al. 2018).
        epsilon_hat: epsilon is added to sqrt(v), and the correction by 1 - beta2^t follows: the
            paper's "epsilon hat", as in Keras and scikit-learn.
        common: weight_decay, decoupled, clipping and so on; see `Optimizer`.
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
        epsilon_hat: bool = False,
        **common: Unpack[CommonOptions],
    ) -> None:
        super().__init__(
            learning_rate,
            beta1=beta1,
            beta2=beta2,
            epsilon=epsilon,
            epsilon_hat=epsilon_hat,
            kind="amsgrad" if amsgrad else None,
            **common,
        )


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019): w *= 1 - learning_rate * decay.

    Arguments as for `Adam`; `weight_decay` is 0.01 unless given.
    """

    defaults: ClassVar[CommonOptions] = {"weight_decay": 0.01, "decoupled": True}


class Adamax(Optimizer):
    """Adamax (Kingma & Ba 2015): Adam with the largest recent gradient in place of a mean square.

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
        **common: Unpack[CommonOptions],
    ) -> None:
        super().__init__(learning_rate, beta1=beta1, beta2=beta2, epsilon=epsilon, **common)


class NAdam(Optimizer):
    """NAdam (Dozat 2016): Adam with Nesterov's momentum.

    mu_t = beta1 (1 - 0.96^(t momentum_decay) / 2), P_t = mu_1 ... mu_t; with m and v as in `Adam`,
    w -= learning_rate * ((1 - mu_t) / (1 - P_t) g + mu_{t+1} / (1 - P_{t+1}) m)
    / (sqrt(v / (1 - beta2^t)) + epsilon).

    Args:
        learning_rate, beta1, beta2, epsilon, epsilon_hat: as for `Adam`.
        momentum_decay: how fast the momentum reaches beta1, at least 0.
        common: weight_decay, decoupled, clipping and so on; see `Optimizer`.
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
        epsilon_hat: bool = False,
        **common: Unpack[CommonOptions],
    ) -> None:
        super().__init__(
            learning_rate,
            beta1=beta1,
            beta2=beta2,
            epsilon=epsilon,
            momentum_decay=momentum_decay,
            epsilon_hat=epsilon_hat,
            **common,
        )


class RAdam(Optimizer):
    """RAdam (Liu et al. 2020): Adam with plain momentum steps until v can be trusted.

    With r_t the paper's rectification, w -= learning_rate * r_t m / (1 - beta1^t) /
    (sqrt(v / (1 - beta2^t)) + epsilon); while it is not defined, w -= learning_rate * m /
    (1 - beta1^t). As in PyTorch, epsilon is added before the division by 1 - beta2^t.

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
        **common: Unpack[CommonOptions],
    ) -> None:
        super().__init__(learning_rate, beta1=beta1, beta2=beta2, epsilon=epsilon, **common)


class Lion(Optimizer):
    """Lion (Chen et al. 2023): steps of one size in the direction of the momentum's sign.

    w -= learning_rate * sign(beta1 m + (1 - beta1) g); m = beta2 m + (1 - beta2) g. Rates a third
    to a tenth of Adam's, and decays as much larger, are the paper's advice.

    Args:
        learning_rate: size of each step, at least 0, or a schedule.
        beta1, beta2: share of the momentum in the step, and its memory, in [0, 1).
        common: weight_decay, decoupled (True unless given) and so on; see `Optimizer`.
    """

    kind: ClassVar[str] = "lion"

    def __init__(
        self,
        learning_rate: LearningRate = 0.0001,
        *,
        beta1: float = 0.9,
        beta2: float = 0.99,
        **common: Unpack[CommonOptions],
    ) -> None:
        super().__init__(learning_rate, beta1=beta1, beta2=beta2, **common)


class Muon(Optimizer):
    """Muon (Jordan et al. 2024) for weights between hidden layers: orthogonalised momentum.

    m = momentum m + (1 - momentum) g; with nesterov, d = momentum m + (1 - momentum) g, else d = m;
    w -= learning_rate * scale * orthogonal(d), where five Newton-Schulz iterations bring all
    singular values of d, a whole weight matrix [out, in], near 1. Weight decay is decoupled:
    w *= 1 - learning_rate * weight_decay. The first and the last layer's weights and all biases
    are updated by AdamW, as the author advises.

    Args:
        learning_rate: of Muon, at least 0, or a schedule, which AdamW's rate follows.
        momentum: memory of m, in [0, 1).
        nesterov: look ahead along the momentum.
        iterations: Newton-Schulz iterations, 1 to 100.
        adamw_rate_factor: AdamW's learning rate as a share of learning_rate, at least 0.
        beta1, beta2, epsilon: AdamW's, see `Adam`.
        match_adamw: False: scale = sqrt(max(1, out / in)), as in Jordan's; True:
            0.2 sqrt(max(out, in)), which makes steps as long as Adam's, so that Adam's learning
            rates and decays can be used (Liu et al. 2025).
        first_and_last: take the first and the last layer's weights too.
        common: weight_decay, clipping and so on, but not decoupled; see `Optimizer`.

    Raises:
        ValueError: also at the first step, if no weights are left for it: fewer than three
            `Dense` layers.
    """

    kind: ClassVar[str] = "muon"

    def __init__(
        self,
        learning_rate: LearningRate = 0.02,
        *,
        momentum: float = 0.95,
        nesterov: bool = True,
        iterations: int = 5,
        adamw_rate_factor: float = 0.05,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        match_adamw: bool = False,
        first_and_last: bool = False,
        **common: Unpack[CommonOptions],
    ) -> None:
        super().__init__(
            learning_rate,
            momentum=momentum,
            nesterov=nesterov,
            iterations=iterations,
            adamw_rate_factor=adamw_rate_factor,
            beta1=beta1,
            beta2=beta2,
            epsilon=epsilon,
            match_adamw=match_adamw,
            first_and_last=first_and_last,
            **common,
        )
