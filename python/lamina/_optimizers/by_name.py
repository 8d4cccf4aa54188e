"""Optimizers by their names, as `fit(optimizer="adam")` has them."""

from collections.abc import Callable
from typing import Any

from lamina._checks.spec import what
from lamina._optimizers.adaptive import Adadelta, Adagrad, RMSprop, Rprop
from lamina._optimizers.full_batch import LBFGS, FullBatchOptimizer, LevenbergMarquardt
from lamina._optimizers.momentum import SGD, Adam, Adamax, AdamW, Lion, Muon, NAdam, RAdam
from lamina._optimizers.optimizer import Optimizer

_BY_NAME: dict[str, Callable[[], Optimizer | FullBatchOptimizer]] = {
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
    "muon": Muon,
    "lbfgs": LBFGS,
    "levenberg_marquardt": LevenbergMarquardt,
}


def make_optimizer(
    optimizer: str | Optimizer | FullBatchOptimizer,
) -> Optimizer | FullBatchOptimizer:
    """A new optimizer for a name; an object is returned unchanged."""
    if isinstance(optimizer, Optimizer | FullBatchOptimizer):
        return optimizer
    if not isinstance(optimizer, str):
        raise TypeError(f"optimizer: expected a name or a lamina optimizer, got {what(optimizer)}")
    if optimizer not in _BY_NAME:
        raise ValueError(
            f"optimizer: unknown name {optimizer!r}; expected one of {', '.join(_BY_NAME)}"
        )
    return _BY_NAME[optimizer]()


def checked_optimizer(optimizer: Any, where: str) -> Any:
    """The optimizer of a single step; TypeError for a name, whose state would be lost."""
    if isinstance(optimizer, Optimizer | FullBatchOptimizer):
        return optimizer
    raise TypeError(
        f"{where}: expected an optimizer such as lm.Adam(), which keeps its state from step to "
        f"step, got {what(optimizer)}"
    )
