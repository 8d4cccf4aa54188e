"""Losses: what training makes small. A name stands for the loss with its defaults."""

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, Literal

from lamina import _core
from lamina._spec import Spec, to_json

Reduction = Literal["mean", "sum"]


@dataclass(frozen=True)
class Loss:
    """Base of all losses. `reduction` "mean" averages over rows by their weights, "sum" adds."""

    kind: ClassVar[str]

    def to_spec(self) -> Spec:
        """The description as the core has it."""
        return {"kind": self.kind, **vars(self)}


@dataclass(frozen=True)
class MeanSquaredError(Loss):
    """Mean over rows and outputs of (output - target)^2. Alias "mse"."""

    kind: ClassVar[str] = "mean_squared_error"
    reduction: Reduction = "mean"


@dataclass(frozen=True)
class MeanAbsoluteError(Loss):
    """Mean over rows and outputs of |output - target|; the gradient at 0 is 0. Alias "mae"."""

    kind: ClassVar[str] = "mean_absolute_error"
    reduction: Reduction = "mean"


@dataclass(frozen=True)
class BinaryCrossEntropy(Loss):
    """Mean of -t log(p) - (1 - t) log(1 - p) over rows and outputs, after a last "sigmoid".

    Computed from the values before the sigmoid, so it stays finite. Targets are 0 and 1, or
    probabilities, [rows] or [rows, outputs]. Alias "bce".

    Args:
        label_smoothing: targets become t (1 - s) + s / 2 (Szegedy et al. 2016), in [0, 1].
    """

    kind: ClassVar[str] = "binary_cross_entropy"
    label_smoothing: float = 0.0
    reduction: Reduction = "mean"


@dataclass(frozen=True)
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


def core_loss(loss: "str | Loss") -> _core.Loss:
    """The core's loss; ValueError for unknown names and values out of range."""
    if isinstance(loss, str):
        return _parse(to_json(loss))
    if isinstance(loss, Loss):
        return _parse(to_json(loss.to_spec()))
    raise TypeError(f"loss: expected a name or a lamina loss, got {type(loss).__name__}")


@lru_cache(maxsize=256)
def _parse(text: str) -> _core.Loss:
    return _core.Loss(text)


def default_loss(output_activation: str) -> str:
    """The loss that goes with a last activation."""
    fitting = {"softmax": "cross_entropy", "sigmoid": "binary_cross_entropy"}
    return fitting.get(output_activation, "mean_squared_error")
