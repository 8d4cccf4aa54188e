"""Dense (fully connected) neural networks for CPUs."""

from lamina._callbacks import Callback, EarlyStopping
from lamina._core import (
    NotFiniteError,
    Predictor,
    __version__,
    build_info,
    get_num_threads,
    set_num_threads,
)
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
    "SGD",
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
    "Sequential",
    "__version__",
    "build_info",
    "get_num_threads",
    "load",
    "set_num_threads",
]
