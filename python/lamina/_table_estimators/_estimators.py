"""Table models as scikit-learn estimators: `TabularClassifier` and `TabularRegressor`."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
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

from lamina._table_estimators._tables import (
    Columns,
    check_rows,
    numeric_names,
    read_columns,
    unused_name,
)
from lamina.tabular._columns import Floats, row_count
from lamina.tabular._options import TrainOptions
from lamina.tabular._presets import DEFAULT_PRESET
from lamina.tabular._table_model import TableModel
from lamina.tabular._target import ClassTarget
from lamina.tabular._training import TableTraining

_GREATEST_SEED = 2**31 - 1


class _TabularEstimator(BaseEstimator):
    """What the two estimators share: their options, and the fit of a `TableModel`."""

    _task: Literal["classification", "regression"]

    def __init__(
        self,
        *,
        preset: str = DEFAULT_PRESET,
        n_members: int | None = None,
        time_limit: float | None = None,
        categorical: Sequence[str] = (),
        numbers: str | None = None,
        bins: int = 48,
        max_one_hot: int | None = None,
        embedding_units: int | None = None,
        hidden: Sequence[int] | None = None,
        activation: str | None = None,
        dropout: float | None = None,
        optimizer: str | None = None,
        learning_rate: float | None = None,
        weight_decay: float | None = None,
        batch_size: int | None = None,
        epochs: int | None = None,
        patience: int | None = None,
        average: float | None = None,
        monitor: str = "loss",
        validation_fraction: float = 0.2,
        random_state: Any = None,
        verbose: bool = False,
    ) -> None:
        self.preset = preset
        self.n_members = n_members
        self.time_limit = time_limit
        self.categorical = categorical
        self.numbers = numbers
        self.bins = bins
        self.max_one_hot = max_one_hot
        self.embedding_units = embedding_units
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
        self.random_state = random_state
        self.verbose = verbose

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        tags.non_deterministic = False
        return tags

    def save(self, path: str | Path) -> None:
        """Write the fitted model to one file, which `TableModel.load` and the command read."""
        check_is_fitted(self)
        self.model_.save(path)

    def _fit(
        self,
        columns: Columns,
        y: NDArray[Any],
        name: str,
        sample_weight: Any,
        class_weight: Any = None,
    ) -> Self:
        """Fit on targets that are numbers, or the codes of classes."""
        rows = row_count(columns)
        check_rows(self, rows, 2)
        if rows != len(y):
            raise ValueError(
                f"Found input variables with inconsistent numbers of samples: [{rows}, {len(y)}]"
            )
        target = unused_name(name, columns)
        weight_column = None
        table: Columns = dict(columns)
        if sample_weight is not None:
            weights = _check_sample_weight(
                sample_weight, np.empty((rows, 1)), dtype=np.float64, ensure_non_negative=True
            )
            weight_column = unused_name("sample_weight", [*columns, target])
            table[weight_column] = weights
        table[target] = y
        options = TrainOptions(
            target=target,
            task=self._task,
            weight_column=weight_column,
            class_weight=class_weight,
            numeric=[n for n in numeric_names(columns) if n not in set(self.categorical)],
            seed=int(check_random_state(self.random_state).randint(_GREATEST_SEED)),
            **{name: getattr(self, name) for name in _SHARED},
        )
        training = TableTraining(table, options)
        training.hold_back()
        training.encode()
        trained = training.run(verbose=self.verbose)
        if trained.error is not None:
            raise trained.error
        self.model_ = TableModel.trained(training, trained, type(self).__name__)
        results = {"validation": training.scores("validation", self.model_.outputs_of)}
        self.model_.training |= {"results": results, "seconds": training.seconds}
        self.validation_scores_ = results["validation"]["model"]
        return self

    def _outputs(self, X: Any) -> Floats:
        """Outputs [rows, outputs]; what training did not see is legal, and `model_.check` tells."""
        check_is_fitted(self)
        inputs, _ = self.model_.preprocessor.encode(read_columns(self, X, reset=False))
        return self.model_.outputs_of(inputs)


# Parameters of the estimators that are options of the training by the same names.
_SHARED = (
    *("preset", "n_members", "time_limit", "categorical", "numbers", "bins", "max_one_hot"),
    *("embedding_units", "hidden", "activation", "dropout", "optimizer", "learning_rate"),
    *("weight_decay", "batch_size", "epochs", "patience", "average", "monitor"),
    "validation_fraction",
)


class TabularClassifier(ClassifierMixin, _TabularEstimator):
    """Predicts classes from a table: numbers, categories, truth values, dates, and missing ones.

    X is a frame of pandas, polars or pyarrow, a dictionary of columns, or an array. Columns of
    numbers are read as numbers, text as categories or dates. Missing values and categories that
    training did not see are legal; `model_.check(X)` counts the latter. A part of the rows is held
    back to end the training, by each network of `n_members` another part.

    Args:
        preset, n_members, time_limit, categorical, numbers, bins, max_one_hot, embedding_units,
            hidden, activation, dropout, optimizer, learning_rate, weight_decay, batch_size,
            epochs, patience, average, monitor, validation_fraction: as in `TableModel.fit`.
        class_weight: weight of each class by label, or "balanced".
        random_state: None, a seed, or a `numpy.random.RandomState`.
        verbose: show the progress of the training.

    Attributes:
        classes_: labels of the classes, in the order of `predict_proba`.
        model_: the fitted `TableModel`. validation_scores_: its figures for the rows held back.
        n_features_in_, feature_names_in_: columns of X, and their names where X has names.

    Example:
        >>> from lamina.tabular import TabularClassifier
        >>> X = {"hours": [1, 2, 7, 8] * 10, "place": ["home", "school"] * 20}
        >>> y = ["no", "no", "yes", "yes"] * 10
        >>> model = TabularClassifier(hidden=[8], random_state=0).fit(X, y)
        >>> model.predict({"hours": [1, 8], "place": ["home", "abroad"]}).tolist()
        ['no', 'yes']
    """

    _task = "classification"

    def __init__(
        self,
        *,
        preset: str = DEFAULT_PRESET,
        n_members: int | None = None,
        time_limit: float | None = None,
        class_weight: Mapping[Any, float] | Literal["balanced"] | None = None,
        categorical: Sequence[str] = (),
        numbers: str | None = None,
        bins: int = 48,
        max_one_hot: int | None = None,
        embedding_units: int | None = None,
        hidden: Sequence[int] | None = None,
        activation: str | None = None,
        dropout: float | None = None,
        optimizer: str | None = None,
        learning_rate: float | None = None,
        weight_decay: float | None = None,
        batch_size: int | None = None,
        epochs: int | None = None,
        patience: int | None = None,
        average: float | None = None,
        monitor: str = "loss",
        validation_fraction: float = 0.2,
        random_state: Any = None,
        verbose: bool = False,
    ) -> None:
        super().__init__(
            preset=preset,
            n_members=n_members,
            time_limit=time_limit,
            categorical=categorical,
            numbers=numbers,
            bins=bins,
            max_one_hot=max_one_hot,
            embedding_units=embedding_units,
            hidden=hidden,
            activation=activation,
            dropout=dropout,
            optimizer=optimizer,
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            batch_size=batch_size,
            epochs=epochs,
            patience=patience,
            average=average,
            monitor=monitor,
            validation_fraction=validation_fraction,
            random_state=random_state,
            verbose=verbose,
        )
        self.class_weight = class_weight

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Learn from rows X and their labels y [rows].

        Args:
            sample_weight: how much each row counts [rows], at least 0; None: all the same.

        Raises:
            ValueError, TypeError: data or an option that cannot be used.
        """
        columns, name = read_columns(self, X, reset=True), _name_of(y)
        y = column_or_1d(y, warn=True)
        if y.dtype.kind == "f":
            assert_all_finite(y, input_name="y")
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                f"{type(self).__name__}: expected at least two classes, got 1 class: "
                f"{self.classes_.tolist()[0]!r}"
            )
        self._fit(columns, codes.astype(np.int64), name, sample_weight, self._weights_by_code())
        names = tuple(map(str, self.classes_.tolist()))
        target = self.model_.target
        assert isinstance(target, ClassTarget)
        self.model_.target = replace(target, classes=names)
        return self

    def predict_proba(self, X: Any) -> Floats:
        """Probabilities [rows, classes], in the order of `classes_`."""
        outputs = self._outputs(X)
        target = self.model_.target
        assert isinstance(target, ClassTarget)
        return target.probabilities(outputs)

    def predict_log_proba(self, X: Any) -> Floats:
        """Logarithms of the probabilities [rows, classes]."""
        with np.errstate(divide="ignore"):
            logs: Floats = np.log(self.predict_proba(X))
        return logs

    def predict(self, X: Any) -> NDArray[Any]:
        """The label of the most probable class of each row [rows]."""
        probabilities = self.predict_proba(X)
        labels: NDArray[Any] = self.classes_[probabilities.argmax(axis=1)]
        return labels

    def _weights_by_code(self) -> Mapping[Any, float] | Literal["balanced"] | None:
        given = self.class_weight
        if given is None or isinstance(given, str):
            return given
        codes = {label: str(code) for code, label in enumerate(self.classes_.tolist())}
        unknown = [label for label in given if label not in codes]
        if unknown:
            raise ValueError(
                f"{type(self).__name__}: expected class_weight of labels that y holds, "
                f"got {unknown[0]!r}"
            )
        return {codes[label]: float(weight) for label, weight in given.items()}


class TabularRegressor(RegressorMixin, _TabularEstimator):
    """Predicts a number from a table: numbers, categories, truth values, dates, and missing ones.

    All else is as in `TabularClassifier`.

    Attributes:
        model_: the fitted `TableModel`. validation_scores_: its figures for the rows held back.
        n_features_in_, feature_names_in_: columns of X, and their names where X has names.

    Example:
        >>> from lamina.tabular import TabularRegressor
        >>> X = {"size": list(range(20, 120)), "town": ["Bern", "Lund"] * 50}
        >>> y = [9.0 * size for size in X["size"]]
        >>> model = TabularRegressor(hidden=[8], random_state=0).fit(X, y)
        >>> model.score(X, y) > 0.9
        True
    """

    _task = "regression"

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Learn from rows X and their numbers y [rows]; see `TabularClassifier.fit`."""
        columns, name = read_columns(self, X, reset=True), _name_of(y)
        y = column_or_1d(y, dtype=np.float64, warn=True)
        assert_all_finite(y, input_name="y")
        return self._fit(columns, y, name, sample_weight)

    def predict(self, X: Any) -> Floats:
        """The number of each row [rows]."""
        outputs = self._outputs(X)
        numbers: Floats = self.model_.target.decode(outputs)
        return numbers


def _name_of(y: Any) -> str:
    """The name of a series, for the file of the model."""
    name = getattr(y, "name", None)
    return name if isinstance(name, str) and name else "target"
