"""Table models as scikit-learn estimators: `TabularClassifier` and `TabularRegressor`."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    _check_sample_weight,
    assert_all_finite,
    check_is_fitted,
    column_or_1d,
)

from lamina.tabular._columns import Column, Floats, row_count
from lamina.tabular._estimator_tables import TableReader, unused_name
from lamina.tabular._options import TrainOptions
from lamina.tabular._table_model import TableModel
from lamina.tabular._target import ClassTarget
from lamina.tabular._training import TableTraining

# Options of a training that an estimator has of its own, or that `fit` takes as arguments.
_OWN = frozenset(["target", "task", "weight_column", "class_weight", "seed", "split"])


class _TabularEstimator(BaseEstimator):
    """What the two estimators share: their options, and the fit of a `TableModel`."""

    _task: Literal["classification", "regression"]

    def __init__(
        self,
        *,
        numeric: Sequence[str] = (),
        categorical: Sequence[str] = (),
        numbers: Literal["piecewise", "standard", "robust"] = "piecewise",
        bins: int = 48,
        hidden: Sequence[int] = (256, 128),
        activation: str = "relu",
        dropout: float = 0.0,
        optimizer: Literal["adam", "adamw", "sgd"] = "adamw",
        learning_rate: float | None = None,
        weight_decay: float | None = None,
        batch_size: int | None = None,
        epochs: int | None = None,
        patience: int | None = None,
        average: float = 0.99,
        monitor: str = "loss",
        validation_fraction: float = 0.2,
        n_members: int = 5,
        time_limit: float | None = None,
        random_state: Any = None,
        verbose: bool = False,
    ) -> None:
        self.numeric = numeric
        self.categorical = categorical
        self.numbers = numbers
        self.bins = bins
        self.hidden = hidden
        self.activation = activation
        self.dropout = dropout
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.epochs = epochs
        self.patience = patience
        self.average = average
        self.monitor = monitor
        self.validation_fraction = validation_fraction
        self.n_members = n_members
        self.time_limit = time_limit
        self.random_state = random_state
        self.verbose = verbose
