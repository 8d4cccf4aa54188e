"""Dense (fully connected) neural networks for CPUs."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from lamina._core import (
    NotFiniteError,
    Predictor,
    __version__,
    build_info,
    get_num_threads,
    set_num_threads,
)

if TYPE_CHECKING:
    from lamina._callbacks import Callback, EarlyStopping
    from lamina._history import History
    from lamina._layers import Activation, Dense, Dropout, Layer
    from lamina._losses import (
        BinaryCrossEntropy,
        CrossEntropy,
        Loss,
        MeanAbsoluteError,
        MeanSquaredError,
    )
    from lamina._model_file import load
    from lamina._network import Sequential
    from lamina._optimizers import SGD, Adam, AdamW, Optimizer

__all__ = [
    "Activation",
    "Adam",
    "AdamW",
    "BinaryCrossEntropy",
    "Callback",
    "CrossEntropy",
    "Dense",
    "Dropout",
    "EarlyStopping",
    "History",
    "Layer",
    "Loss",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "NotFiniteError",
    "Optimizer",
    "Predictor",
    "SGD",
    "Sequential",
    "__version__",
    "build_info",
    "get_num_threads",
    "load",
    "set_num_threads",
]

# Read at their first use, so that importing lamina stays fast however many names there are.
_HOMES = {
    "lamina._callbacks": (
        "Callback",
        "EarlyStopping",
    ),
    "lamina._history": ("History",),
    "lamina._layers": (
        "Activation",
        "Dense",
        "Dropout",
        "Layer",
    ),
    "lamina._losses": (
        "BinaryCrossEntropy",
        "CrossEntropy",
        "Loss",
        "MeanAbsoluteError",
        "MeanSquaredError",
    ),
    "lamina._model_file": ("load",),
    "lamina._network": ("Sequential",),
    "lamina._optimizers": (
        "Adam",
        "AdamW",
        "Optimizer",
        "SGD",
    ),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'lamina' has no attribute {name!r}")
    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
