"""scikit-learn's losses as the core minimises them, and the figures that are reported of them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import xlogy

from lamina import _core
from lamina._checks.spec import to_json
from lamina._checks.types import NDArray
from lamina._losses.losses import Loss, Quantile, core_loss

Array = NDArray[Any]


@dataclass(frozen=True)
class ReportedLoss:
    """A loss of the core's whose gradient is scikit-learn's, and what that library reports of it.

    scikit-learn divides gradients by the rows' weight alone, also where the loss it reports is the
    mean over outputs; penalties are divided by that weight too.

    Attributes:
        core: the loss that is minimised. share: the reported loss as a share of it.
        constants: added to the reported loss of each row [rows]; None: nothing.
    """

    core: _core.Loss
    share: float = 1.0
    constants: Array | None = None


def log_loss(outputs: int, *, one_class_a_row: bool, smoothing: float) -> ReportedLoss:
    """Cross-entropy of one class a row, or the sum of binary ones over the outputs."""
    options = {"label_smoothing": smoothing}
    if one_class_a_row:
        return ReportedLoss(_loss("cross_entropy", 1.0, **options))
    return ReportedLoss(_loss("binary_cross_entropy", outputs, **options))


def lamina_loss(loss: str | Loss) -> ReportedLoss:
    """A loss of lamina's as it is, but for its penalty, which is divided as scikit-learn's is."""
    spec = json.loads(core_loss(loss).spec())
    return ReportedLoss(_core.make_loss(to_json({**spec, "divide_penalty": True})))


def quantile_loss(levels: Sequence[float]) -> ReportedLoss:
    """The mean of the quantile losses of several levels, one an output."""
    return lamina_loss(Quantile(level=tuple(levels)))


def squared_error(outputs: int) -> ReportedLoss:
    """Half the squared error: its sum over outputs is minimised, its mean over them reported."""
    return ReportedLoss(_loss("mean_squared_error", outputs / 2.0), share=1.0 / outputs)


def poisson_deviance(y: Array) -> ReportedLoss:
    """Half of Poisson's deviance, summed over outputs, for counts y [rows, outputs]."""
    counts = np.asarray(y, np.float64)
    constants = (xlogy(counts, counts) - counts).sum(axis=1)
    return ReportedLoss(_loss("poisson", counts.shape[1]), constants=constants)


def _loss(kind: str, scale: float, **options: float) -> _core.Loss:
    spec = {"kind": kind, "scale": scale, "divide_penalty": True, **options}
    return _core.make_loss(to_json(spec))
