"""Perceptron: scikit-learn's, trained by lamina."""

import warnings
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from scipy.sparse import csr_matrix, issparse
from sklearn.base import BaseEstimator, ClassifierMixin, _fit_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import StratifiedShuffleSplit
from sklearn.utils import check_random_state, compute_class_weight
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.extmath import safe_sparse_dot
from sklearn.utils.multiclass import _check_partial_fit_first_call, check_classification_targets
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from lamina import _core
from lamina._checks.types import NDArray
from lamina.sklearn._rows import validate_rows

Array = NDArray[Any]
_SEEDS = np.iinfo(np.int32).max
# Rows with few stored values move the bias too often: by less, where rows are sparse.
_SPARSE_BIAS_SHARE = 0.01


class Perceptron(ClassifierMixin, BaseEstimator):
    """Linear units trained row by row, each on one class against the others; two classes have one.

    A row that is on the wrong side of a unit's plane moves the plane (Rosenblatt 1958). Parameters,
    attributes and weights are those of `sklearn.linear_model.Perceptron`, for the same
    `random_state`; `lamina.Perceptron` is the textbook's, with a margin and averaged weights.

    Args:
        penalty: on the weights, "l2", "l1" or "elasticnet"; None: none.
        alpha: its strength. l1_ratio: share of "l1" in "elasticnet", in [0, 1].
        fit_intercept: learn the planes' distances from 0.
        max_iter: passes over the rows at most. tol, n_iter_no_change: training ends after
            so many passes whose mean loss (or validation score) is not better by `tol`; tol=None:
            never. The loss includes the penalty, as in scikit-learn since 1.8.
        shuffle: another order of rows in each pass. random_state: of that.
        verbose: above 0: a printed line a pass.
        eta0: factor of each move.
        n_jobs: classes trained at the same time, by threads.
        early_stopping: hold back `validation_fraction` of the rows, and watch their accuracy.
        class_weight: factors of the moves by class, {label: factor} or "balanced".
        warm_start: go on from the weights of the last fit.

    Attributes:
        classes_: labels in order [classes]. coef_, intercept_: [1 or classes, features] and
            [1 or classes].
        n_iter_: passes made, the most of any unit. t_: 1 + passes * rows.
        n_features_in_, feature_names_in_: number and names of the features in fit.

    Example:
        >>> from lamina.sklearn import Perceptron
        >>> X, both = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 0, 0, 1]
        >>> Perceptron().fit(X, both).predict(X).tolist()
        [0, 0, 0, 1]
    """

    classes_: Array
    coef_: Any
    intercept_: Array
    n_iter_: int
    t_: float

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "penalty": [StrOptions({"l2", "l1", "elasticnet"}), None],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "l1_ratio": [Interval(Real, 0, 1, closed="both")],
        "fit_intercept": ["boolean"],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left"), None],
        "shuffle": ["boolean"],
        "verbose": ["verbose"],
        "eta0": [Interval(Real, 0, None, closed="neither")],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "class_weight": [StrOptions({"balanced"}), dict, None],
        "warm_start": ["boolean"],
    }

    def __init__(
        self,
        *,
        penalty: str | None = None,
        alpha: float = 0.0001,
        l1_ratio: float = 0.15,
        fit_intercept: bool = True,
        max_iter: int = 1000,
        tol: float | None = 1e-3,
        shuffle: bool = True,
        verbose: int = 0,
        eta0: float = 1.0,
        n_jobs: int | None = None,
        random_state: Any = 0,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 5,
        class_weight: Any = None,
        warm_start: bool = False,
    ) -> None:
        self.penalty = penalty
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol
        self.shuffle = shuffle
        self.verbose = verbose
        self.eta0 = eta0
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.class_weight = class_weight
        self.warm_start = warm_start

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: Any,
        y: Any,
        coef_init: Any = None,
        intercept_init: Any = None,
        sample_weight: Any = None,
    ) -> Self:
        """Train on rows X [rows, features], dense or sparse, with labels y [rows].

        Args:
            coef_init, intercept_init: weights to begin with, in the shapes of `coef_` and
                `intercept_`; None: zeros, or with warm_start those of the last fit.
            sample_weight: factor of each row's moves [rows]; None: 1.

        Raises:
            ValueError: data or parameters do not fit, or a weight overflowed.

        Warns:
            ConvergenceWarning: `max_iter` passes did not do.
        """
        if self.warm_start and hasattr(self, "coef_"):
            self.densify()
            coef_init = self.coef_ if coef_init is None else coef_init
            intercept_init = self.intercept_ if intercept_init is None else intercept_init
        X, y = self._checked_data(X, y, first=True)
        self.classes_ = np.unique(y)
        self.t_ = 1.0
        self._begin(X, coef_init, intercept_init)
        self._train(X, y, sample_weight, self.max_iter)
        if self.tol is not None and self.n_iter_ == self.max_iter:
            warnings.warn(
                f"Training ended after max_iter={self.max_iter} passes, before the "
                f"{'validation score' if self.early_stopping else 'loss'} had settled; more "
                "passes may improve the model",
                ConvergenceWarning,
                stacklevel=2,
            )
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Go on training for one pass over rows X [rows, features] with labels y [rows].

        Args:
            classes: all labels that any call will have; needed at the first call.
            sample_weight: factor of each row's moves [rows]; None: 1.

        Raises:
            ValueError: data or parameters do not fit, or a weight overflowed.
        """
        first = not hasattr(self, "classes_")
        if first and self.early_stopping:
            raise ValueError("partial_fit: expected early_stopping=False, got True")
        if first and self.class_weight == "balanced":
            raise ValueError(
                "class_weight 'balanced' is not supported for partial_fit, which does not see all "
                "rows; give a dictionary, for example from "
                "sklearn.utils.class_weight.compute_class_weight"
            )
        X, y = self._checked_data(X, y, first=first)
        _check_partial_fit_first_call(self, classes)
        if first or getattr(self, "coef_", None) is None:
            self.t_ = 1.0
            self._begin(X, None, None)
        self.densify()
        self._train(X, y, sample_weight, 1)
        return self

    def decision_function(self, X: Any) -> Array:
        """Distances from the planes, not normalised: [rows] for two classes, else [rows, classes].

        Of two classes the second one is where it is above 0.
        """
        check_is_fitted(self)
        X = validate_rows(self, X, reset=False)
        sums: Array = safe_sparse_dot(X, self.coef_.T, dense_output=True) + self.intercept_
        return sums.ravel() if sums.shape[1] == 1 else sums

    def predict(self, X: Any) -> Array:
        """Labels [rows] of rows X [rows, features]."""
        sums = self.decision_function(X)
        chosen = (sums > 0).astype(np.intp) if sums.ndim == 1 else sums.argmax(axis=1)
        labels: Array = self.classes_[chosen]
        return labels

    def sparsify(self) -> Self:
        """Keep `coef_` as a sparse matrix, which is smaller where most weights are 0."""
        check_is_fitted(self)
        self.coef_ = csr_matrix(self.coef_)
        return self

    def densify(self) -> Self:
        """Keep `coef_` as an array, as it is after training."""
        check_is_fitted(self)
        if issparse(self.coef_):
            self.coef_ = self.coef_.toarray()
        return self

    def _checked_data(self, X: Any, y: Any, *, first: bool) -> tuple[Any, Array]:
        X, y = validate_rows(
            self,
            X,
            y,
            dtype=[np.float64, np.float32],
            order="C",
            accept_large_sparse=False,
            reset=first,
        )
        check_classification_targets(y)
        return X, y

    def _begin(self, X: Any, coef: Any, intercept: Any) -> None:
        """Set the weights that training begins with."""
        if len(self.classes_) < 2:
            raise ValueError(
                f"The number of classes has to be greater than one; got {len(self.classes_)} class"
            )
        units = 1 if len(self.classes_) == 2 else len(self.classes_)
        shape = units, X.shape[1]
        self.coef_ = _first(coef, shape, X.dtype, "coef_init")
        self.intercept_ = _first(intercept, shape[:1], X.dtype, "intercept_init")

    def _train(self, X: Any, y: Array, sample_weight: Any, max_iter: int) -> None:
        by_class = compute_class_weight(self.class_weight, classes=self.classes_, y=y)
        weights = _check_sample_weight(sample_weight, X, dtype=X.dtype)
        held_back = np.zeros(len(y), bool)
        random_state = check_random_state(self.random_state)
        if len(self.classes_) == 2:
            random_state.randint(1, _SEEDS)  # scikit-learn draws one that it does not use
            signs = _signs(y, self.classes_[1], X.dtype)
            if self.early_stopping:
                held_back = self._held_back(signs, weights)
            jobs = [(0, signs, by_class[1], by_class[0], random_state.randint(_SEEDS))]
        else:
            if self.early_stopping:
                held_back = self._held_back(y, weights)
            jobs = []
            for unit, seed in enumerate(random_state.randint(_SEEDS, size=len(self.classes_))):
                own = np.random.RandomState(seed)
                own.randint(1, _SEEDS)
                signs = _signs(y, self.classes_[unit], X.dtype)
                jobs.append((unit, signs, by_class[unit], 1.0, own.randint(_SEEDS)))
        results = Parallel(n_jobs=self.n_jobs, verbose=self.verbose, require="sharedmem")(
            delayed(self._train_unit)(X, weights, held_back, max_iter, *job) for job in jobs
        )
        if len(results) == 1:
            self.intercept_ = self.intercept_.astype(np.float64)
        for unit, (coef, intercept, _) in enumerate(results):
            self.coef_[unit], self.intercept_[unit] = coef, intercept
        self.n_iter_ = max(epochs for _, _, epochs in results)
        self.t_ += self.n_iter_ * X.shape[0]

    def _train_unit(
        self,
        X: Any,
        weights: Array,
        held_back: Array,
        max_iter: int,
        unit: int,
        signs: Array,
        positive_weight: float,
        negative_weight: float,
        seed: int,
    ) -> tuple[Array, float, int]:
        sparse = issparse(X)
        l1_ratio = {None: 0.0, "l2": 0.0, "l1": 1.0, "elasticnet": self.l1_ratio}[self.penalty]
        options = {
            "rate": self.eta0,
            "decays": self.penalty in ("l2", "elasticnet"),
            "truncates": self.penalty in ("l1", "elasticnet"),
            "alpha": self.alpha,
            "l1_ratio": l1_ratio,
            "fit_bias": self.fit_intercept,
            "bias_share": _SPARSE_BIAS_SHARE if sparse else 1.0,
            "positive_weight": positive_weight,
            "negative_weight": negative_weight,
            "shuffle": self.shuffle,
            "seed": seed,
            "max_epochs": max_iter,
            "validates": self.early_stopping,
            "stops": self.tol is not None,
            "tolerance": 0.0 if self.tol is None else self.tol,
            "patience": self.n_iter_no_change,
        }
        try:
            result: tuple[Array, float, int] = _core.train_linear_unit(
                X.dtype == np.float32,
                X.data if sparse else X.ravel(),
                X.indices if sparse else None,
                X.indptr if sparse else None,
                X.shape[0],
                X.shape[1],
                signs,
                weights,
                held_back,
                self.coef_[unit],
                float(self.intercept_[unit]),
                options,
                _print_epoch if self.verbose > 0 else None,
            )
        except _core.NotFiniteError as error:
            raise ValueError(
                f"Perceptron.fit: {error}; scale the inputs, for example by StandardScaler"
            ) from error
        return result

    def _held_back(self, y: Array, weights: Array) -> Array:
        """A mask [rows] of the rows that validate, the same share of each class."""
        splitter = StratifiedShuffleSplit(
            test_size=self.validation_fraction, random_state=self.random_state
        )
        _, rows = next(splitter.split(np.zeros((len(y), 1)), y))
        if not weights[rows].any():
            raise ValueError(
                "The sample weights for validation set are all zero, consider using a different "
                "random state."
            )
        mask = np.zeros(len(y), bool)
        mask[rows] = True
        return mask


def _first(given: Any, shape: tuple[int, ...], dtype: Any, name: str) -> Array:
    """First weights of that shape: zeros, or a copy of what is given."""
    if given is None:
        return np.zeros(shape, dtype)
    array = np.array(given, dtype)
    if array.size != np.prod(shape) or array.ndim > len(shape):
        raise ValueError(f"Perceptron.fit: expected {name} of shape {shape}, got {array.shape}")
    return array.reshape(shape)


def _signs(y: Array, label: Any, dtype: Any) -> Array:
    """1 for rows of that class and -1 for others [rows]."""
    return np.where(y == label, 1, -1).astype(dtype)


def _print_epoch(
    epoch: int, loss: float, objective: float, score: float, norm: float, bias: float, seen: int
) -> None:
    print(
        f"Epoch {epoch}: loss {loss:.6f}, with penalty {objective:.6f}, validation score "
        f"{score:.6f}, norm of the weights {norm:.2f}, bias {bias:.6f}, {seen} rows seen"
    )
