"""Parameters of the multi-layer perceptrons: what each may be, and what goes together."""

import itertools
from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils._param_validation import Interval, Options, StrOptions

from lamina import _core
from lamina._optimizers.optimizer import Optimizer
from lamina.sklearn._linked_network import NORMALIZATIONS, Plan

STOCHASTIC = ("sgd", "adam")
# Rows of a batch where none are given.
AUTO_BATCH = 200
ACTIVATIONS = {"logistic", *_core.catalogue()["activations"]} - {"softmax", "log_softmax", "step"}

CONSTRAINTS: dict[str, Any] = {
    "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
    "activation": [StrOptions(ACTIVATIONS), dict, "array-like"],
    "solver": [StrOptions({"lbfgs", "sgd", "adam"})],
    "alpha": [Interval(Real, 0, None, closed="left")],
    "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
    "learning_rate": [StrOptions({"constant", "invscaling", "adaptive"})],
    "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
    "power_t": [Interval(Real, 0, None, closed="left")],
    "max_iter": [Interval(Integral, 1, None, closed="left")],
    "shuffle": ["boolean"],
    "random_state": ["random_state"],
    "tol": [Interval(Real, 0, None, closed="left")],
    "verbose": ["verbose"],
    "warm_start": ["boolean"],
    "momentum": [Interval(Real, 0, 1, closed="both")],
    "nesterovs_momentum": ["boolean"],
    "early_stopping": ["boolean"],
    "validation_fraction": [Interval(Real, 0, 1, closed="left")],
    "beta_1": [Interval(Real, 0, 1, closed="left")],
    "beta_2": [Interval(Real, 0, 1, closed="left")],
    "epsilon": [Interval(Real, 0, None, closed="neither")],
    "n_iter_no_change": [Interval(Integral, 1, None, closed="left"), Options(Real, {np.inf})],
    "max_fun": [Interval(Integral, 1, None, closed="left")],
    "optimizer": [str, Optimizer, None],
    "clip_norm": [Interval(Real, 0, None, closed="neither"), None],
    "dropout": [Interval(Real, 0, 1, closed="left"), "array-like"],
    "normalization": [StrOptions(set(NORMALIZATIONS)), None],
    "residual": ["boolean"],
    "average": [Interval(Real, 0, 1, closed="neither"), None],
    "calibration_fraction": [Interval(Real, 0, 1, closed="left")],
    "callbacks": [list, tuple],
    "n_threads": [Interval(Integral, 1, 1024, closed="both"), None],
}


def is_stochastic(estimator: Any) -> bool:
    """True for solvers that work on batches; AttributeError for the other."""
    if estimator.solver not in STOCHASTIC:
        raise AttributeError(
            "partial_fit: expected a solver that works on batches, sgd or adam, got "
            f"{estimator.solver!r}"
        )
    return True


def hidden_layers(estimator: Any) -> list[int]:
    """Units of each hidden layer."""
    sizes = estimator.hidden_layer_sizes
    hidden = list(sizes) if hasattr(sizes, "__iter__") else [sizes]
    if not all(isinstance(size, Integral) for size in hidden):
        raise ValueError(f"hidden_layer_sizes: expected whole numbers above 0, got {sizes!r}")
    if any(size <= 0 for size in hidden):
        raise ValueError(f"hidden_layer_sizes must be > 0, got {hidden}.")
    return [int(size) for size in hidden]


def activations_of(estimator: Any) -> tuple[Any, ...]:
    """One for each hidden layer."""
    layers = len(hidden_layers(estimator))
    single = isinstance(estimator.activation, str | Mapping)
    found = (estimator.activation,) * layers if single else tuple(estimator.activation)
    if len(found) != layers:
        raise ValueError(
            f"activation: expected one, or one for each of {layers} hidden layers, got {len(found)}"
        )
    return found


def dropout_of(estimator: Any) -> tuple[float, ...]:
    """The share that each hidden layer leaves out."""
    layers = len(hidden_layers(estimator))
    single = isinstance(estimator.dropout, Real)
    found = (float(estimator.dropout),) * layers if single else tuple(estimator.dropout)
    if len(found) != layers or not all(0.0 <= share < 1.0 for share in found):
        raise ValueError(
            f"dropout: expected a share in [0, 1), or one for each of {layers} hidden layers, "
            f"got {estimator.dropout!r}"
        )
    return found


def check_residual(estimator: Any) -> None:
    """Refuse residual=True where no hidden layer has as many units as the one before it."""
    hidden = hidden_layers(estimator)
    if estimator.residual and not any(a == b for a, b in itertools.pairwise(hidden)):
        raise ValueError(
            "residual: expected a hidden layer of as many units as the one before it, got "
            f"hidden_layer_sizes={estimator.hidden_layer_sizes!r}"
        )


def check_together(estimator: Any, *, incremental: bool, validates: bool) -> None:
    """Refuse parameters that do not go together."""
    check_residual(estimator)
    batches = estimator.solver in STOCHASTIC
    if incremental and estimator.early_stopping and batches:
        raise ValueError("partial_fit does not support early_stopping=True")
    if incremental and estimator.calibration_fraction:
        raise ValueError("partial_fit: expected calibration_fraction=0, got another")
    if validates and not (estimator.early_stopping and batches):
        raise ValueError(
            "fit: expected early_stopping=True and a solver that works on batches with "
            "validation_data, which nothing else looks at"
        )
    for name in ("optimizer", "clip_norm", "average", "callbacks"):
        if not batches and getattr(estimator, name):
            raise ValueError(f"{name}: expected solver 'adam' or 'sgd' with it, got 'lbfgs'")
    if estimator.optimizer is not None and estimator.clip_norm is not None:
        raise ValueError(
            "clip_norm: expected it as an option of the optimizer that is given, such as "
            "lamina.AdamW(clip_norm=1.0)"
        )


def plan_of(estimator: Any) -> Plan:
    """What the network of a fitted estimator is made of."""
    return Plan(
        activations=activations_of(estimator),
        last=estimator.out_activation_,
        alpha=float(estimator.alpha),
        normalization=estimator.normalization,
        dropout=dropout_of(estimator),
        residual=bool(estimator.residual),
        seed=getattr(estimator, "_seed", 0),
        threads=estimator.n_threads,
        batch_rows=AUTO_BATCH if estimator.batch_size == "auto" else int(estimator.batch_size),
    )
