"""Dense (fully connected) neural networks for CPUs."""

import os
from importlib import import_module
from threading import RLock
from typing import TYPE_CHECKING, Any

from lamina._core import (
    NotFiniteError,
    Predictor,
    __version__,
    build_info,
    get_num_threads,
)
from lamina._threads import set_num_threads

if TYPE_CHECKING:
    from lamina import metrics, tabular
    from lamina._activate import activate, activation_vjp
    from lamina._average_networks import average_networks
    from lamina._config import get_cmake_dir, get_include, get_library_dir, get_pkgconfig_dir
    from lamina._from_sklearn import from_sklearn
    from lamina._from_torch import from_torch
    from lamina._import_onnx import import_onnx
    from lamina._layers.column_encoding import (
        CategoryEncoding,
        CodeEncoding,
        ColumnEncoding,
        DateEncoding,
        NumberEncoding,
    )
    from lamina._layers.column_layers import Embedding, Periodic, PiecewiseLinear
    from lamina._layers.layer import Layer
    from lamina._layers.layers import Activation, BatchNorm, Dense, Dropout, Ensemble, Residual
    from lamina._layers.row_layers import (
        Affine,
        AlphaDropout,
        Clip,
        GaussianNoise,
        LayerNorm,
        Normalization,
        ParametricActivation,
        PReLU,
        RMSNorm,
        Scale,
        TargetScaling,
    )
    from lamina._learning_rate_range import LearningRateRange, find_learning_rate
    from lamina._load import load
    from lamina._losses.losses import (
        BinaryCrossEntropy,
        BinaryFocal,
        CosineSimilarity,
        CrossEntropy,
        Focal,
        Gamma,
        GaussianNegativeLogLikelihood,
        Hinge,
        Huber,
        KLDivergence,
        LogCosh,
        Loss,
        MeanAbsoluteError,
        MeanSquaredError,
        Poisson,
        Quantile,
        SquaredHinge,
        Tweedie,
    )
    from lamina._optimizers.adaptive import Adadelta, Adagrad, RMSprop, Rprop
    from lamina._optimizers.full_batch import LBFGS, LevenbergMarquardt
    from lamina._optimizers.momentum import SGD, Adam, Adamax, AdamW, Lion, Muon, NAdam, RAdam
    from lamina._optimizers.optimizer import Optimizer
    from lamina._optimizers.schedule import (
        ConstantSchedule,
        FunctionSchedule,
        ReduceOnPlateau,
        Schedule,
        WarmUp,
    )
    from lamina._optimizers.schedules import (
        CosineLogSchedule,
        CosineRestartsSchedule,
        CosineSchedule,
        ExponentialSchedule,
        FlatCosineSchedule,
        InverseScalingSchedule,
        MultiStepSchedule,
        OneCycleSchedule,
        PolynomialSchedule,
        StepSchedule,
    )
    from lamina._optimizers.weight_average import WeightAverage
    from lamina._perceptron import Perceptron
    from lamina._sequential import Sequential
    from lamina._training.batches import batches
    from lamina._training.callbacks import Callback, EarlyStopping
    from lamina._training.history import History
    from lamina._training.training_warnings import TrainingWarning

__all__ = [
    "Activation",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Affine",
    "AlphaDropout",
    "BatchNorm",
    "BinaryCrossEntropy",
    "BinaryFocal",
    "Callback",
    "CategoryEncoding",
    "Clip",
    "CodeEncoding",
    "ColumnEncoding",
    "ConstantSchedule",
    "CosineLogSchedule",
    "CosineRestartsSchedule",
    "CosineSchedule",
    "CosineSimilarity",
    "CrossEntropy",
    "DateEncoding",
    "Dense",
    "Dropout",
    "EarlyStopping",
    "Embedding",
    "Ensemble",
    "ExponentialSchedule",
    "FlatCosineSchedule",
    "Focal",
    "FunctionSchedule",
    "Gamma",
    "GaussianNegativeLogLikelihood",
    "GaussianNoise",
    "Hinge",
    "History",
    "Huber",
    "InverseScalingSchedule",
    "KLDivergence",
    "LBFGS",
    "Layer",
    "LayerNorm",
    "LearningRateRange",
    "LevenbergMarquardt",
    "Lion",
    "LogCosh",
    "Loss",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "MultiStepSchedule",
    "Muon",
    "NAdam",
    "Normalization",
    "NotFiniteError",
    "NumberEncoding",
    "OneCycleSchedule",
    "Optimizer",
    "PReLU",
    "ParametricActivation",
    "Perceptron",
    "Periodic",
    "PiecewiseLinear",
    "Poisson",
    "PolynomialSchedule",
    "Predictor",
    "Quantile",
    "RAdam",
    "RMSNorm",
    "RMSprop",
    "ReduceOnPlateau",
    "Residual",
    "Rprop",
    "SGD",
    "Scale",
    "Schedule",
    "Sequential",
    "SquaredHinge",
    "StepSchedule",
    "TargetScaling",
    "TrainingWarning",
    "Tweedie",
    "WarmUp",
    "WeightAverage",
    "__version__",
    "activate",
    "activation_vjp",
    "average_networks",
    "batches",
    "build_info",
    "find_learning_rate",
    "from_sklearn",
    "from_torch",
    "get_cmake_dir",
    "get_include",
    "get_library_dir",
    "get_num_threads",
    "get_pkgconfig_dir",
    "import_onnx",
    "load",
    "metrics",
    "set_num_threads",
    "tabular",
]

# Read at their first use, so that importing lamina stays fast however many names there are.
_HOMES = {
    "lamina._activate": (
        "activate",
        "activation_vjp",
    ),
    "lamina._optimizers.adaptive": (
        "Adadelta",
        "Adagrad",
        "RMSprop",
        "Rprop",
    ),
    "lamina._average_networks": ("average_networks",),
    "lamina._config": (
        "get_cmake_dir",
        "get_include",
        "get_library_dir",
        "get_pkgconfig_dir",
    ),
    "lamina._from_sklearn": ("from_sklearn",),
    "lamina._from_torch": ("from_torch",),
    "lamina._import_onnx": ("import_onnx",),
    "lamina._training.batches": ("batches",),
    "lamina._training.callbacks": (
        "Callback",
        "EarlyStopping",
    ),
    "lamina._layers.column_encoding": (
        "CategoryEncoding",
        "CodeEncoding",
        "ColumnEncoding",
        "DateEncoding",
        "NumberEncoding",
    ),
    "lamina._layers.column_layers": (
        "Embedding",
        "Periodic",
        "PiecewiseLinear",
    ),
    "lamina._optimizers.full_batch": (
        "LBFGS",
        "LevenbergMarquardt",
    ),
    "lamina._training.history": ("History",),
    "lamina._layers.layer": ("Layer",),
    "lamina._layers.layers": (
        "Activation",
        "BatchNorm",
        "Dense",
        "Dropout",
        "Ensemble",
        "Residual",
    ),
    "lamina._learning_rate_range": ("LearningRateRange", "find_learning_rate"),
    "lamina._losses.losses": (
        "BinaryCrossEntropy",
        "BinaryFocal",
        "CosineSimilarity",
        "CrossEntropy",
        "Focal",
        "Gamma",
        "GaussianNegativeLogLikelihood",
        "Hinge",
        "Huber",
        "KLDivergence",
        "LogCosh",
        "Loss",
        "MeanAbsoluteError",
        "MeanSquaredError",
        "Poisson",
        "Quantile",
        "SquaredHinge",
        "Tweedie",
    ),
    "lamina._load": ("load",),
    "lamina._sequential": ("Sequential",),
    "lamina._optimizers.optimizer": ("Optimizer",),
    "lamina._optimizers.momentum": (
        "Adam",
        "AdamW",
        "Adamax",
        "Lion",
        "Muon",
        "NAdam",
        "RAdam",
        "SGD",
    ),
    "lamina._perceptron": ("Perceptron",),
    "lamina._layers.row_layers": (
        "Affine",
        "AlphaDropout",
        "Clip",
        "GaussianNoise",
        "LayerNorm",
        "Normalization",
        "ParametricActivation",
        "PReLU",
        "RMSNorm",
        "Scale",
        "TargetScaling",
    ),
    "lamina._optimizers.schedule": (
        "ConstantSchedule",
        "FunctionSchedule",
        "ReduceOnPlateau",
        "Schedule",
        "WarmUp",
    ),
    "lamina._optimizers.schedules": (
        "CosineLogSchedule",
        "CosineRestartsSchedule",
        "CosineSchedule",
        "ExponentialSchedule",
        "FlatCosineSchedule",
        "InverseScalingSchedule",
        "MultiStepSchedule",
        "OneCycleSchedule",
        "PolynomialSchedule",
        "StepSchedule",
    ),
    "lamina._training.training_warnings": ("TrainingWarning",),
    "lamina._optimizers.weight_average": ("WeightAverage",),
}
# A fork waits for a first use in another thread: its child could not finish a half read module.
_READING = RLock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_READING.acquire,
        after_in_parent=_READING.release,
        after_in_child=_READING.release,
    )
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF and name not in ("metrics", "tabular"):
        raise AttributeError(f"module 'lamina' has no attribute {name!r}")
    with _READING:
        module = import_module(_HOME_OF.get(name, f"lamina.{name}"))
        value = getattr(module, name) if name in _HOME_OF else module
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    dunders = {name for name in globals() if name.startswith("__")}
    return sorted({*__all__, *dunders})
