"""What the two multi-layer perceptrons share: parameters, weights, and the course of a fit."""

import warnings
from collections.abc import Sequence
from functools import partial
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, Options, StrOptions
from sklearn.utils.validation import _check_sample_weight, validate_data

from lamina import _core
from lamina._checks.types import NDArray
from lamina._network.examples import Examples
from lamina.sklearn._full_batch import minimise
from lamina.sklearn._linked_network import LinkedNetwork, Plan, first_weights
from lamina.sklearn._losses import ReportedLoss
from lamina.sklearn._stochastic import (
    EpochOrder,
    Run,
    make_optimizer,
    split,
    train,
)

Array = NDArray[Any]
STOCHASTIC = ("sgd", "adam")
_AUTO_BATCH = 200


def is_stochastic(estimator: Any) -> bool:
    """True for solvers that work on batches; AttributeError for the other."""
    if estimator.solver not in STOCHASTIC:
        raise AttributeError(
            "partial_fit: expected a solver that works on batches, sgd or adam, got "
            f"{estimator.solver!r}"
        )
    return True


class MultilayerPerceptron(BaseEstimator):
    """Base of `MLPClassifier` and `MLPRegressor`, with what does not depend on the targets."""

    coefs_: list[Array]
    intercepts_: list[Array]
    loss_: float
    loss_curve_: list[float]
    best_loss_: float | None
    validation_scores_: list[float] | None
    best_validation_score_: float | None
    n_iter_: int
    t_: int
    n_layers_: int
    n_outputs_: int
    out_activation_: str
    _linked: LinkedNetwork
    _optimizer: Any

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
        "activation": [StrOptions({"identity", "logistic", "tanh", "relu"})],
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
    }

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def __getstate__(self) -> dict[str, Any]:
        """The weights as the network's own bytes, with a checksum, where it has them."""
        state: dict[str, Any] = dict(super().__getstate__())
        if "coefs_" in state and hasattr(self, "_linked"):
            self._link()
            del state["coefs_"], state["intercepts_"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if not hasattr(self, "coefs_") and hasattr(self, "_linked"):
            self.coefs_, self.intercepts_ = self._linked.give()

    # What depends on the targets

    def _checked_data(self, X: Any, y: Any, *, first: bool, incremental: bool) -> tuple[Any, Any]:
        """X, and y as `_examples` takes it: [rows] or [rows, outputs]."""
        raise NotImplementedError

    def _targets(self, y: Array) -> tuple[Array | None, Array | None]:
        """Checked y as the core takes it: class indices [rows], or values [rows, outputs]."""
        raise NotImplementedError

    def _strata(self, y: Array) -> Array | None:
        """Classes of which the rows held back get their share; None: of none."""
        return None

    def _last_activation(self) -> str:
        """Name of the output activation."""
        raise NotImplementedError

    def _reported_loss(self, y: Array) -> ReportedLoss:
        """What training lowers."""
        raise NotImplementedError

    def _held_back_score(self, X: Any, y: Array, weights: Array | None) -> float:
        """The figure that early stopping watches."""
        raise NotImplementedError

    # The course of a fit

    def _fit(self, X: Any, y: Any, sample_weight: Any, *, incremental: bool) -> Self:
        hidden = self._hidden_layers()
        first = not hasattr(self, "coefs_") or (not self.warm_start and not incremental)
        X, y = self._checked_data(X, y, first=first, incremental=incremental)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X)
        if incremental and self.early_stopping and self.solver in STOCHASTIC:
            raise ValueError("partial_fit does not support early_stopping=True")
        self.n_outputs_ = self._count_outputs(y)
        self._random_state = check_random_state(self.random_state)
        if first:
            self._begin([X.shape[1], *hidden, self.n_outputs_], X.dtype)
        self._check_widths([X.shape[1], *hidden, self.n_outputs_])
        self._link().forget()
        if self.solver in STOCHASTIC:
            self._fit_batches(X, y, sample_weight, incremental=incremental)
        else:
            net = self._linked.net
            minimise(self, net, self._examples(X, y, sample_weight), self._reported_loss(y))
            self.coefs_, self.intercepts_ = self._linked.give()
        self._check_finite()
        return self

    def _hidden_layers(self) -> list[int]:
        sizes = self.hidden_layer_sizes
        hidden = list(sizes) if hasattr(sizes, "__iter__") else [sizes]
        if any(size <= 0 for size in hidden):
            raise ValueError(f"hidden_layer_sizes must be > 0, got {hidden}.")
        return [int(size) for size in hidden]

    def _count_outputs(self, y: Array) -> int:
        return 1 if y.ndim == 1 else y.shape[1]

    def _begin(self, widths: Sequence[int], dtype: Any) -> None:
        """Draw first weights, and set what a fit counts to where it begins."""
        self.n_iter_ = self.t_ = 0
        self.n_layers_ = len(widths)
        self.out_activation_ = self._last_activation()
        self.coefs_, self.intercepts_ = first_weights(
            widths, self.activation, self._random_state, dtype
        )
        self._optimizer = None
        if self.solver not in STOCHASTIC:
            return
        self.loss_curve_ = []
        self._no_improvement_count = 0
        stops_early = self.early_stopping
        self._best_coefs = [coef.copy() for coef in self.coefs_]
        self._best_intercepts = [intercept.copy() for intercept in self.intercepts_]
        self.validation_scores_ = [] if stops_early else None
        self.best_validation_score_ = -np.inf if stops_early else None
        self.best_loss_ = None if stops_early else np.inf

    def _check_widths(self, widths: Sequence[int]) -> None:
        """Refuse to go on from weights of other layers than the parameters and the data have."""
        found = [np.shape(self.coefs_[0])[0], *(np.shape(coef)[1] for coef in self.coefs_)]
        if found != list(widths):
            raise ValueError(
                f"{type(self).__name__}: expected to go on training layers of widths {found}, got "
                f"{list(widths)} from hidden_layer_sizes and the data; fit anew with "
                "warm_start=False"
            )

    def _fit_batches(self, X: Any, y: Any, weights: Array | None, *, incremental: bool) -> None:
        optimizer = getattr(self, "_optimizer", None)
        if not incremental or optimizer is None:
            self._optimizer = make_optimizer(self)
        validate = None
        if self.early_stopping:
            (X, y, weights), held_back = split(self, X, y, weights)
            validate = partial(self._held_back_score, *held_back)
        rows = X.shape[0]
        run = Run(
            self._examples(X, y, weights),
            self._reported_loss(y),
            self._rows_of_batch(rows),
            validate,
            EpochOrder(rows, self._random_state) if self.shuffle else None,
            incremental,
        )
        train(self, self._linked.net, run)
        if self.early_stopping:
            self.coefs_, self.intercepts_ = self._best_coefs, self._best_intercepts
        else:
            self.coefs_, self.intercepts_ = self._linked.give()

    def _examples(self, X: Any, y: Array, weights: Array | None) -> Examples:
        """Checked rows as the core takes them."""
        x = X.toarray() if issparse(X) else np.ascontiguousarray(X)
        if weights is not None:
            where = f"{type(self).__name__}.fit"
            weights = _core.read_weights(np.asarray(weights, np.float64), "float64", where)
        return Examples(x, *self._targets(y), weights)

    def _rows_of_batch(self, rows: int) -> int:
        if self.batch_size == "auto":
            return min(_AUTO_BATCH, rows)
        if self.batch_size > rows:
            warnings.warn(
                f"batch_size={self.batch_size} is larger than the {rows} rows to train on, which "
                "then are the batch",
                stacklevel=2,
            )
        return min(int(self.batch_size), rows)

    def _check_finite(self) -> None:
        if not all(np.isfinite(array).all() for array in (*self.coefs_, *self.intercepts_)):
            raise ValueError(
                "Solver produced non-finite parameter weights. The input data may contain large "
                "values and need to be preprocessed."
            )

    # The network behind the weights

    def _link(self) -> LinkedNetwork:
        """The network with the weights that `coefs_` and `intercepts_` have now."""
        plan = Plan(
            self.activation,
            self.out_activation_,
            float(self.alpha),
            None,
            _AUTO_BATCH if self.batch_size == "auto" else int(self.batch_size),
        )
        linked: LinkedNetwork | None = getattr(self, "_linked", None)
        if linked is None or not linked.fits(plan, self.coefs_, self.intercepts_):
            before, linked = linked, LinkedNetwork(plan, self.coefs_, self.intercepts_)
            optimizer = getattr(self, "_optimizer", None)
            if before is not None and optimizer is not None:
                optimizer.set_state(linked.net, optimizer.get_state())
            self._linked = linked
        linked.take(self.coefs_, self.intercepts_)
        return linked

    def _outputs(self, X: Any, *, checked: bool = False) -> Array:
        """What the last layer gives for rows X [rows, features]: [rows, outputs]."""
        if not checked:
            X = validate_data(
                self, X, accept_sparse=["csr", "csc"], dtype=(np.float64, np.float32), reset=False
            )
        if issparse(X):
            X = X.toarray()
        outputs = self._link().outputs(X)
        return np.exp(outputs) if self.out_activation_ == "exp" else outputs
