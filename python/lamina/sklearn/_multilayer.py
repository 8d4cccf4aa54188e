"""What the two multi-layer perceptrons share: parameters, weights, and the course of a fit."""

import warnings
from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar, Self

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight

from lamina import _core
from lamina._checks.sparse import SparseRows, as_rows
from lamina._checks.types import NDArray
from lamina._network.examples import Examples
from lamina._optimizers.weight_average import WeightAverage
from lamina._sequential import Sequential
from lamina.sklearn._conversion import network_of, take_over
from lamina.sklearn._full_batch import minimise
from lamina.sklearn._linked_network import (
    LinkedNetwork,
    first_weights,
)
from lamina.sklearn._losses import ReportedLoss
from lamina.sklearn._parameters import (
    AUTO_BATCH,
    CONSTRAINTS,
    STOCHASTIC,
    activations_of,
    check_together,
    hidden_layers,
    plan_of,
)
from lamina.sklearn._rows import validate_rows
from lamina.sklearn._stochastic import (
    EpochOrder,
    Run,
    make_optimizer,
    split,
    train,
)
from lamina.sklearn._tasks import CallbackSupportMixin, FitTasks

Array = NDArray[Any]


class MultilayerPerceptron(CallbackSupportMixin, BaseEstimator):
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
    n_features_in_: int
    _linked: LinkedNetwork
    _optimizer: Any
    _average: WeightAverage | None
    _best: dict[str, Array] | None

    _parameter_constraints: ClassVar[dict[str, Any]] = CONSTRAINTS

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def __getstate__(self) -> dict[str, Any]:
        """The weights as the network's own bytes, with a checksum, where it has them."""
        state: dict[str, Any] = dict(super().__getstate__())
        if "coefs_" not in state or not hasattr(self, "_linked"):
            return state
        if self._linked.trains:
            # A copy that a callback makes has the weights of now.
            state["coefs_"], state["intercepts_"] = self._linked.give()
            del state["_linked"]
            return {**state, "_optimizer": None, "_average": None}
        self._link()
        del state["coefs_"], state["intercepts_"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if not hasattr(self, "coefs_") and hasattr(self, "_linked"):
            self.coefs_, self.intercepts_ = self._linked.give()

    @classmethod
    def from_sklearn(cls, fitted: Any) -> Self:
        """An estimator with the parameters and weights of scikit-learn's fitted one.

        Predictions are the same up to rounding. `partial_fit` goes on from the weights; what an
        optimizer remembers begins anew.

        Raises:
            TypeError: not scikit-learn's estimator of the same name, or it is not fitted.
        """
        own: Self = take_over(cls, fitted)
        return own

    def to_sequential(self) -> Sequential:
        """A copy of the trained network, for all that `lamina.Sequential` can do.

        With loss="poisson", "gamma" or "tweedie" its outputs are the predictions' logarithms.
        """
        return network_of(self)

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

    def _calibrate(self, X: Any, y: Array, weights: Array | None) -> None:
        """Take from rows held back what makes probabilities or intervals right."""
        raise NotImplementedError

    def _uncalibrate(self) -> None:
        """Forget what `_calibrate` found; also where there is no network yet."""
        raise NotImplementedError

    # The course of a fit

    def _fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        *,
        incremental: bool = False,
        validation_data: tuple[Any, ...] | None = None,
    ) -> Self:
        hidden = hidden_layers(self)
        check_together(self, incremental=incremental, validates=validation_data is not None)
        first = not hasattr(self, "coefs_") or (not self.warm_start and not incremental)
        X, y = self._checked_data(X, y, first=first, incremental=incremental)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X)
        given = None if validation_data is None else self._checked_validation(validation_data)
        self.n_outputs_ = self._count_outputs(y)
        self._random_state = check_random_state(self.random_state)
        widths = [X.shape[1], *hidden, self.n_outputs_]
        if first:
            self._begin(widths, X.dtype)
        self._check_widths(widths)
        metadata = {} if sample_weight is None else {"sample_weight": sample_weight}
        self._uncalibrate()
        tasks = [] if incremental else FitTasks.of(self, X, y, metadata)
        calibrating = None
        if self.calibration_fraction:
            share = self.calibration_fraction
            (X, y, sample_weight), calibrating = split(self, X, y, sample_weight, share)
        with self._link().training():
            if self.solver in STOCHASTIC:
                self._fit_batches(X, y, sample_weight, incremental, given, tasks)
            else:
                data, loss = self._examples(X, y, sample_weight), self._reported_loss(y)
                minimise(self, self._linked.net, data, loss, tasks)
        self.coefs_, self.intercepts_ = self._linked.give()
        self._check_finite()
        if calibrating is not None:
            self._calibrate(*calibrating)
        for task in tasks:
            task.finish()
        return self

    def _checked_validation(self, data: Any) -> tuple[Any, Array, Array | None]:
        """Rows of the user's to validate on, as `split` gives them."""
        if not isinstance(data, tuple | list) or not 2 <= len(data) <= 3:
            raise ValueError("fit: expected validation_data as (X, y) or (X, y, sample_weight)")
        X, y = self._checked_data(data[0], data[1], first=False, incremental=True)
        weights = None
        if len(data) == 3 and data[2] is not None:
            weights = _check_sample_weight(data[2], X)
        return X, y, weights

    def _count_outputs(self, y: Array) -> int:
        return 1 if y.ndim == 1 else y.shape[1]

    def _begin(self, widths: Sequence[int], dtype: Any) -> None:
        """Draw first weights, and forget earlier fits."""
        self._set_unfitted()
        self.n_layers_ = len(widths)
        self.out_activation_ = self._last_activation()
        hidden = activations_of(self)
        last = hidden[-1] if hidden else self.activation
        self.coefs_, self.intercepts_ = first_weights(
            widths, [*hidden, last], self._random_state, dtype
        )
        # Drawn only where it is used, so that other models keep scikit-learn's numbers.
        if np.any(self.dropout):
            self._seed = int(self._random_state.randint(1 << 31))

    def _set_unfitted(self) -> None:
        """Set what a fit counts and keeps to where it begins."""
        self.n_iter_ = self.t_ = 0
        self.__dict__.pop("_linked", None)
        self._optimizer = self._average = self._best = None
        self._seed = 0
        self._uncalibrate()
        if self.solver not in STOCHASTIC:
            return
        self.loss_curve_ = []
        self._no_improvement_count = 0
        stops_early = self.early_stopping
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

    def _fit_batches(
        self,
        X: Any,
        y: Any,
        weights: Array | None,
        incremental: bool,
        given: tuple[Any, Array, Array | None] | None,
        tasks: list[FitTasks],
    ) -> None:
        if not incremental or getattr(self, "_optimizer", None) is None:
            self._optimizer = make_optimizer(self)
            self._average = None if self.average is None else WeightAverage(self.average)
        validate = None
        if self.early_stopping:
            if given is None:
                share = self.validation_fraction
                (X, y, weights), given = split(self, X, y, weights, share)
            validate = partial(self._held_back_score, *given)
            if getattr(self, "_best", None) is None:
                self._best = self._linked.net.parameters()
        rows = X.shape[0]
        run = Run(
            self._examples(X, y, weights),
            self._reported_loss(y),
            self._rows_of_batch(rows),
            validate,
            EpochOrder(rows, self._random_state) if self.shuffle else None,
            incremental,
            [*tasks, *self.callbacks],
        )
        train(self, self._linked.net, run)
        if self.early_stopping:
            assert self._best is not None
            self._linked.put_back(self._best)

    def _examples(self, X: Any, y: Array, weights: Array | None) -> Examples:
        """Checked rows as the core takes them."""
        x = self._rows(X)
        if weights is not None:
            where = f"{type(self).__name__}.fit"
            weights = _core.read_weights(np.asarray(weights, np.float64), "float64", where)
        return Examples(x, *self._targets(y), weights)

    def _rows(self, X: Any) -> Array | SparseRows:
        """Checked rows as the core reads them: sparse ones are not made dense."""
        sparse = issparse(X)
        if self._linked.net.dtype == "float32" and X.dtype == np.float64:
            values = X.data if sparse else X
            if values.size and np.abs(values).max() > np.finfo(np.float32).max:
                raise ValueError(
                    f"{type(self).__name__}: expected values within float32's range, since "
                    "fit was given float32"
                )
        return as_rows(X) if sparse else np.ascontiguousarray(X)

    def _rows_of_batch(self, rows: int) -> int:
        if self.batch_size == "auto":
            return min(AUTO_BATCH, rows)
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
        plan = plan_of(self)
        linked: LinkedNetwork | None = getattr(self, "_linked", None)
        if linked is None or not linked.fits(plan, self.coefs_, self.intercepts_):
            before, linked = linked, LinkedNetwork(plan, self.coefs_, self.intercepts_)
            optimizer = getattr(self, "_optimizer", None)
            if before is not None:
                linked.adopt(before)
                if optimizer is not None:
                    optimizer.set_state(linked.net, optimizer.get_state())
            self._linked = linked
        linked.take(self.coefs_, self.intercepts_)
        return linked

    def _outputs(self, X: Any) -> Array:
        """What the last layer gives for rows X [rows, features]: [rows, outputs]."""
        X = validate_rows(self, X, dtype=(np.float64, np.float32), reset=False)
        self._link()
        return self._activated(X)

    def _activated(self, X: Any) -> Array:
        """What the network gives for checked rows, after the last activation."""
        outputs = self._linked.outputs(self._rows(X))
        return np.exp(outputs) if self.out_activation_ == "exp" else outputs
