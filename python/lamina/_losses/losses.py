"""Losses: what training minimises. A name stands for the loss with its defaults."""

from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass, field, fields
from functools import lru_cache
from typing import Any, ClassVar, Literal

import numpy as np

from lamina import _core
from lamina._checks.spec import Spec, to_json, what
from lamina._checks.types import ArrayLike, NDArray

Reduction = Literal["mean", "sum"]
# A custom loss: (outputs [rows, outputs], y) -> (value, gradient with respect to the outputs).
CustomLoss = Callable[[NDArray[Any], Any], tuple[float, ArrayLike]]


@dataclass(frozen=True)
class Loss:
    """Base of all losses. `reduction` "mean" averages over rows by their weights, "sum" adds.

    Common arguments:
        scale: factor of the loss, in [1e-12, 1e12], beside which the layers' penalties
            (`Dense(l1=..., l2=...)`) and weight decay stand as they are.
        divide_penalty: True: the penalties of a batch are divided by the sum of its rows' weights
            (its rows, where there are none), as scikit-learn's alpha is: they count like one row
            more. For reduction "mean".
    """

    kind: ClassVar[str]
    scale: float = field(default=1.0, kw_only=True)
    divide_penalty: bool = field(default=False, kw_only=True)

    def to_spec(self) -> Spec:
        """The description as the core has it."""
        return {"kind": self.kind, **vars(self)}

    def __repr__(self) -> str:
        common = ("scale", "divide_penalty")
        shown = [
            f"{part.name}={getattr(self, part.name)!r}"
            for part in sorted(fields(self), key=lambda part: part.name in common)
            if part.name not in common or getattr(self, part.name) != part.default
        ]
        return f"{type(self).__name__}({', '.join(shown)})"


@dataclass(frozen=True, repr=False)
class MeanSquaredError(Loss):
    """Mean over rows and outputs of (output - target)^2. Alias "mse"."""

    kind: ClassVar[str] = "mean_squared_error"
    reduction: Reduction = "mean"


@dataclass(frozen=True, repr=False)
class MeanAbsoluteError(Loss):
    """Mean over rows and outputs of |output - target|; the gradient at 0 is 0. Alias "mae"."""

    kind: ClassVar[str] = "mean_absolute_error"
    reduction: Reduction = "mean"


@dataclass(frozen=True, repr=False)
class Huber(Loss):
    """Mean of (y - t)^2 / 2 where |y - t| <= delta, else delta (|y - t| - delta / 2).

    Squared near the target and linear far away, so that outliers pull less (Huber 1964).

    Args:
        delta: where the one becomes the other, in units of the target, above 0.
    """

    kind: ClassVar[str] = "huber"
    delta: float = 1.0
    reduction: Reduction = "mean"


@dataclass(frozen=True, repr=False)
class LogCosh(Loss):
    """Mean of log(cosh(output - target)): like Huber's loss, with all derivatives smooth."""

    kind: ClassVar[str] = "log_cosh"
    reduction: Reduction = "mean"


@dataclass(frozen=True, repr=False)
class Quantile(Loss):
    """Mean of max(q (t - y), (q - 1) (t - y)); outputs become quantiles (Koenker & Bassett 1978).

    Alias "pinball".

    Args:
        level: q, in (0, 1): 0.5 gives medians, for targets as the outputs. Or a sequence of
            levels: outputs are then those of the first target, one after the other, then of the
            next [rows, targets * levels], and targets [rows] or [rows, targets].
    """

    kind: ClassVar[str] = "quantile"
    level: float | Sequence[float] = 0.5
    reduction: Reduction = "mean"

    def to_spec(self) -> Spec:
        """The description as the core has it."""
        level = self.level
        several = isinstance(level, tuple | list | np.ndarray)
        return {**super().to_spec(), "level": list(level) if several else level}  # type: ignore[arg-type]


@dataclass(frozen=True, repr=False)
class Poisson(Loss):
    """Mean of exp(y) - t y: Poisson's negative log-likelihood but for a constant, y = log(rate).

    Targets are counts, at least 0; the last activation is "identity", and `predict` gives the
    logarithms of the rates.

    Args:
        log_input: False: outputs are the rates themselves, after "softplus" or "relu", and the
            loss is y - t log(y + 1e-8).
    """

    kind: ClassVar[str] = "poisson"
    log_input: bool = True
    reduction: Reduction = "mean"


@dataclass(frozen=True, repr=False)
class Gamma(Loss):
    """Mean of t exp(-y) + y: gamma's negative log-likelihood but for constants, y = log(mean).

    For targets above 0 whose deviation grows with their mean (McCullagh & Nelder 1989, chapter 8).
    The last activation is "identity"; `predict` gives the logarithms of the means.
    """

    kind: ClassVar[str] = "gamma"
    reduction: Reduction = "mean"


@dataclass(frozen=True, repr=False)
class Tweedie(Loss):
    """Mean of exp((2 - p) y) / (2 - p) - t exp((1 - p) y) / (1 - p), with y = log(mean).

    Half of Tweedie's deviance but for constants (Jorgensen 1987), for targets that are 0 or
    above 0, such as insurance claims. The last activation is "identity"; `predict` gives the
    logarithms of the means.

    Args:
        power: p, between 1 (Poisson) and 2 (gamma), both left out.
    """

    kind: ClassVar[str] = "tweedie"
    power: float = 1.5
    reduction: Reduction = "mean"


@dataclass(frozen=True, repr=False)
class GaussianNegativeLogLikelihood(Loss):
    """Mean of (s + (m - t)^2 exp(-s)) / 2: the network predicts mean m and log variance s.

    Of 2 d outputs the first d are means and the others log variances; targets are [rows, d]
    (Nix & Weigend 1994). The last activation is "identity". Alias "gaussian_nll".
    """

    kind: ClassVar[str] = "gaussian_negative_log_likelihood"
    reduction: Reduction = "mean"


@dataclass(frozen=True, repr=False)
class BinaryCrossEntropy(Loss):
    """Mean of -t log(p) - (1 - t) log(1 - p) over rows and outputs, after a last "sigmoid".

    Computed from the values before the sigmoid, so it stays finite. Targets are 0 and 1, or
    probabilities, [rows] or [rows, outputs]. Alias "bce".

    Args:
        label_smoothing: targets become t (1 - s) + s / 2 (Szegedy et al. 2016), in [0, 1].
        positive_weight: w in -w t log(p) - (1 - t) log(1 - p), in [1e-6, 1e6]; above 1 for outputs
            whose targets are rarely 1.
    """

    kind: ClassVar[str] = "binary_cross_entropy"
    label_smoothing: float = 0.0
    reduction: Reduction = "mean"
    _: KW_ONLY
    positive_weight: float = 1.0


@dataclass(frozen=True, repr=False)
class CrossEntropy(Loss):
    """Mean over rows of -sum_k t_k log(p_k), after a last "softmax".

    Computed from the values before the softmax, so it stays finite. Targets are class indices
    [rows], or probabilities [rows, outputs].

    Args:
        label_smoothing: targets become t (1 - s) + s / classes (Szegedy et al. 2016), in [0, 1].
    """

    kind: ClassVar[str] = "cross_entropy"
    label_smoothing: float = 0.0
    reduction: Reduction = "mean"


@dataclass(frozen=True, repr=False)
class BinaryFocal(Loss):
    """Mean of (1 - exp(-b))^gamma b, where b is the binary cross-entropy, after a last "sigmoid".

    Rows that are right already count less (Lin et al. 2017). Targets as for `BinaryCrossEntropy`.

    Args:
        gamma: how much less, between 0 and 100; 0 is the binary cross-entropy. The paper's alpha
            is `fit(class_weight=...)`, for one output.
    """

    kind: ClassVar[str] = "binary_focal"
    gamma: float = 2.0
    reduction: Reduction = "mean"


@dataclass(frozen=True, repr=False)
class Focal(Loss):
    """Mean over rows of -sum_k t_k (1 - p_k)^gamma log(p_k), after a last "softmax".

    Rows that are right already count less (Lin et al. 2017). Targets as for `CrossEntropy`.

    Args:
        gamma: how much less, between 0 and 100; 0 is the cross-entropy. The paper's alpha is
            `fit(class_weight=...)`.
    """

    kind: ClassVar[str] = "focal"
    gamma: float = 2.0
    reduction: Reduction = "mean"


@dataclass(frozen=True, repr=False)
class Hinge(Loss):
    """Mean of max(0, 1 - t y), after "identity" or "tanh" (Cortes & Vapnik 1995).

    Targets are -1 and 1; where there is a 0 and no -1, 0 stands for -1.
    """

    kind: ClassVar[str] = "hinge"
    reduction: Reduction = "mean"


@dataclass(frozen=True, repr=False)
class SquaredHinge(Loss):
    """Mean of max(0, 1 - t y)^2, with targets and last activations as for `Hinge`."""

    kind: ClassVar[str] = "squared_hinge"
    reduction: Reduction = "mean"


@dataclass(frozen=True, repr=False)
class KLDivergence(Loss):
    """Mean over rows of sum_k t_k log(t_k / p_k), after a last "softmax" (Kullback & Leibler 1951).

    Its gradient is that of the cross-entropy; its value is 0 where outputs are the targets.
    Targets are probabilities [rows, outputs] or class indices [rows]. Alias "kl".
    """

    kind: ClassVar[str] = "kl_divergence"
    reduction: Reduction = "mean"


@dataclass(frozen=True, repr=False)
class CosineSimilarity(Loss):
    """Mean over rows of 1 - y.t / (|y| |t|), norms at least 1e-8; lengths do not count.

    Alias "cosine".
    """

    kind: ClassVar[str] = "cosine_similarity"
    reduction: Reduction = "mean"


def core_loss(loss: "str | Loss | CustomLoss") -> _core.Loss:
    """The core's loss; ValueError for unknown names and values out of range."""
    if isinstance(loss, str):
        return _parse(to_json(loss))
    if isinstance(loss, Loss):
        return _parse(to_json(loss.to_spec()))
    own = callable(loss) and not isinstance(loss, type)
    hint = "; a custom loss, a function, goes to fit, train_step or value_and_grad" if own else ""
    raise TypeError(f"loss: expected a name or a lamina loss, got {what(loss)}{hint}")


@lru_cache(maxsize=256)
def _parse(text: str) -> _core.Loss:
    return _core.make_loss(text)


def is_constant(loss: Any) -> bool:
    """Whether a loss stays what it is: one with a list of levels may change in place."""
    return all(isinstance(value, int | float | str) for value in vars(loss).values())


def default_loss(output_activation: str) -> str:
    """The loss that goes with a last activation."""
    return _core.default_loss(output_activation)
