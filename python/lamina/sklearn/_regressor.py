"""MLPRegressor: scikit-learn's, trained by lamina."""

from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import RegressorMixin, _fit_context
from sklearn.metrics import r2_score
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, column_or_1d

from lamina._checks.types import NDArray
from lamina._losses.losses import (
    Gamma,
    Huber,
    LogCosh,
    Loss,
    MeanAbsoluteError,
    MeanSquaredError,
    Poisson,
    Tweedie,
)
from lamina._sequential import Sequential
from lamina.sklearn._calibration import conformal_width
from lamina.sklearn._conversion import estimator_of
from lamina.sklearn._losses import (
    ReportedLoss,
    lamina_loss,
    poisson_deviance,
    quantile_loss,
    squared_error,
)
from lamina.sklearn._multilayer import MultilayerPerceptron
from lamina.sklearn._parameters import is_stochastic
from lamina.sklearn._rows import validate_rows

Array = NDArray[Any]


def _has_quantiles(estimator: Any) -> bool:
    """True where levels are given; AttributeError elsewhere."""
    if estimator.quantiles is None:
        raise AttributeError("predict_quantiles: expected quantiles=..., such as (0.1, 0.5, 0.9)")
    return True


def _is_calibrated(estimator: Any) -> bool:
    """True where rows were held back to calibrate by; AttributeError elsewhere."""
    if not hasattr(estimator, "_scores"):
        raise AttributeError(
            "predict_interval: expected an estimator that was fitted with calibration_fraction > 0"
        )
    return True


# Losses beyond scikit-learn's; the first of them by what these are called in that library.
_LOSSES: dict[str, Loss] = {
    "absolute_error": MeanAbsoluteError(),
    "huber": Huber(),
    "log_cosh": LogCosh(),
    "gamma": Gamma(),
    "tweedie": Tweedie(),
}
_OF_VALUES = (MeanAbsoluteError, MeanSquaredError, Huber, LogCosh, Gamma, Tweedie, Poisson)
# Losses whose outputs are logarithms of means.
_OF_LOGARITHMS = (Gamma, Tweedie, Poisson)


class MLPRegressor(RegressorMixin, MultilayerPerceptron):
    """Multi-layer perceptron for values, one or several a row.

    Takes the place of `sklearn.neural_network.MLPRegressor`: the same parameters, attributes and,
    for the same random_state, the same model up to rounding, in a fraction of the time. float32
    data train in float32, others in float64.

    Args:
        loss: "squared_error", half of it; or "poisson", half of Poisson's deviance, for counts: the
            last activation is then the exponential function.
        hidden_layer_sizes: units of each hidden layer.
        activation: of the hidden layers: "identity", "logistic", "tanh" or "relu".
        solver: "adam" and "sgd" work on batches, "lbfgs" on all rows at once.
        alpha: strength of the penalty alpha / 2 * (sum of squared weights), which is divided by the
            rows of a batch, or by their weight.
        batch_size: rows of a batch; "auto": 200, or all where there are fewer.
        learning_rate: of sgd: "constant"; "invscaling": learning_rate_init / (t_ + 1)^power_t,
            anew after each epoch; "adaptive": divided by 5 where it would else end, down to 1e-6.
        learning_rate_init: step size of adam and sgd.
        max_iter: epochs (lbfgs: iterations) at most. max_fun: of lbfgs, calls of the loss at most.
        shuffle: another order of rows in each epoch.
        random_state: of first weights, orders, and rows held back; as scikit-learn draws them.
        tol, n_iter_no_change: training ends after more than so many epochs in a row that were not
            better by `tol`; lbfgs where no element of the gradient is larger than `tol`.
        verbose: a printed line an epoch.
        warm_start: `fit` goes on from the weights of the last one.
        momentum, nesterovs_momentum: of sgd.
        early_stopping: hold back validation_fraction of the rows, watch their R^2 in place
            of the loss, and keep the best weights.
        beta_1, beta_2, epsilon: of adam.

    Args beyond scikit-learn's, whose defaults leave everything as it is there:
        activation: any of `lamina.Activation`, or a sequence with one for each hidden layer.
        optimizer: one of lamina's for batches, by name or as an object with its own learning rate,
            schedule and weight decay, in place of what `solver`, `learning_rate` and so on say.
        clip_norm: the gradient is scaled to at most this norm (Pascanu et al. 2013).
        dropout: share of each hidden layer's values left out in training, or one for each layer.
        normalization: "batch", "layer" or "rms", before each hidden activation.
        residual: True: each hidden layer of as many units as the one before adds its inputs to what
            it gives (He et al. 2016).
        average: decay of an average of the weights, which validates and predicts; see
            `lamina.WeightAverage`.
        calibration_fraction: share of the rows that training does not see, by which
            `predict_interval` is calibrated (Vovk et al. 2005; Romano et al. 2019).
        callbacks: see `lamina.Callback`.
        n_threads: at most so many threads; None: `lamina.get_num_threads()`, but one where a batch
            is little work.
        loss: also "absolute_error", "huber", "log_cosh", "gamma" or "tweedie", or a loss of
            lamina's for values, such as `lamina.Huber(0.5)`. "gamma" and "tweedie" predict means,
            as "poisson" does.
        quantiles: levels in (0, 1), ascending, in place of `loss`: the network gives these
            quantiles of one value. `predict` gives the one nearest the median.

    Attributes:
        coefs_, intercepts_: weights [inputs, units] and biases [units] of each layer. They may be
            set or changed: predictions and further training use what they hold.
        loss_, loss_curve_: loss of the last epoch, and of each. best_loss_: the lowest; None
            with early_stopping. validation_scores_, best_validation_score_: with it, else None.
        n_iter_, t_: epochs of the last fit, and rows seen in all.
        n_layers_, n_outputs_, out_activation_: layers with that of the inputs; outputs; their
            activation.
        n_features_in_, feature_names_in_: number and names of the features in fit.

    Example:
        >>> import numpy as np
        >>> from lamina.sklearn import MLPRegressor
        >>> X = np.linspace(-2, 2, 200).reshape(-1, 1)
        >>> model = MLPRegressor("squared_error", (20,), "tanh", solver="lbfgs", random_state=0)
        >>> model.fit(X, np.sin(2 * X[:, 0])).score(X, np.sin(2 * X[:, 0])) > 0.99
        True
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **MultilayerPerceptron._parameter_constraints,
        "loss": [StrOptions({"squared_error", "poisson", *_LOSSES}), *_OF_VALUES],
        "quantiles": ["array-like", None],
    }

    def __init__(
        self,
        loss: str | Loss = "squared_error",
        hidden_layer_sizes: Any = (100,),
        activation: str = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool | int = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        quantiles: Any = None,
        optimizer: Any = None,
        clip_norm: float | None = None,
        dropout: Any = 0.0,
        normalization: str | None = None,
        residual: bool = False,
        average: float | None = None,
        calibration_fraction: float = 0.0,
        callbacks: Any = (),
        n_threads: int | None = None,
    ) -> None:
        self.loss = loss
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.optimizer = optimizer
        self.clip_norm = clip_norm
        self.dropout = dropout
        self.normalization = normalization
        self.residual = residual
        self.average = average
        self.calibration_fraction = calibration_fraction
        self.callbacks = callbacks
        self.n_threads = n_threads
        self.quantiles = quantiles

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, *, validation_data: Any = None
    ) -> Self:
        """Train on rows X [rows, features], dense or sparse, with values y.

        Args:
            y: [rows] or [rows, outputs]; for loss="poisson" at least 0.
            sample_weight: weight of each row [rows], at least 0; None: all alike.
            validation_data: (X, y) or (X, y, sample_weight) that early stopping watches, in place
                of rows held back.

        Raises:
            ValueError: data or parameters do not fit, or training diverged.
        """
        return self._fit(X, y, sample_weight, validation_data=validation_data)

    @available_if(is_stochastic)
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Go on training for one epoch on rows X [rows, features] with values y; see `fit`."""
        return self._fit(X, y, sample_weight, incremental=True)

    def predict(self, X: Any) -> Array:
        """Values [rows], or [rows, outputs], of rows X [rows, features]."""
        check_is_fitted(self)
        outputs = self._predicted(self._outputs(X))
        return outputs.ravel() if outputs.shape[1] == 1 else outputs

    @available_if(_has_quantiles)
    def predict_quantiles(self, X: Any) -> Array:
        """The quantiles [rows, levels] of rows X [rows, features], in ascending order."""
        check_is_fitted(self)
        # Nothing keeps the outputs from crossing (Chernozhukov et al. 2010).
        return np.sort(self._outputs(X), axis=1)

    @available_if(_is_calibrated)
    def predict_interval(self, X: Any, coverage: float = 0.9) -> Array:
        """Intervals that hold new values with at least this probability, [rows, 2].

        With several outputs [rows, outputs, 2], each by itself. They are as wide as errors on the
        calibration_fraction of the rows say (Vovk et al. 2005): the same width everywhere, or with
        `quantiles` the lowest and the highest of them, widened or narrowed (Romano et al. 2019).
        New rows must come from where those came from.

        Args:
            coverage: in (0, 1).

        Raises:
            ValueError: the rows held back are too few for such a coverage.
        """
        check_is_fitted(self)
        if not 0.0 < coverage < 1.0:
            raise ValueError(f"predict_interval: expected coverage in (0, 1), got {coverage!r}")
        width = conformal_width(self._scores, coverage)
        outputs = self._outputs(X)
        if self.quantiles is not None:
            outputs = np.sort(outputs, axis=1)
            return np.column_stack([outputs[:, 0] - width[0], outputs[:, -1] + width[0]])
        both = np.stack([outputs - width, outputs + width], axis=-1)
        return both[:, 0] if outputs.shape[1] == 1 else both

    @classmethod
    def from_sequential(cls, net: Sequential, **options: Any) -> Self:
        """An estimator with the weights of a network of `Dense` layers, the last one "identity".

        Args:
            options: further parameters of the estimator.

        Raises:
            TypeError, ValueError: the network has other layers.
        """
        own: Self = estimator_of(cls, net, None, options)
        return own

    # What depends on the targets

    def _take_classes(self, classes: Any) -> None:
        """Refuse a network of classes; logarithms of means are what the loss says."""
        if self.out_activation_ != "identity":
            raise ValueError(
                "from_sequential: expected a last activation of identity, got "
                f"{self.out_activation_!r}"
            )
        self.out_activation_ = self._last_activation()

    def _checked_data(self, X: Any, y: Any, *, first: bool, incremental: bool) -> tuple[Any, Any]:
        X, y = validate_rows(
            self,
            X,
            y,
            multi_output=True,
            y_numeric=True,
            dtype=(np.float64, np.float32),
            reset=first,
        )
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return X, y if y.ndim == 2 else y.reshape(-1, 1)

    def _last_activation(self) -> str:
        loss = _LOSSES.get(self.loss, self.loss) if isinstance(self.loss, str) else self.loss
        logarithms = loss == "poisson" or isinstance(loss, _OF_LOGARITHMS)
        return "exp" if logarithms and self.quantiles is None else "identity"

    def _count_outputs(self, y: Array) -> int:
        if self.quantiles is None:
            return int(y.shape[1])
        levels = [float(level) for level in self.quantiles]
        if not levels or sorted(set(levels)) != levels or not 0.0 < levels[0] <= levels[-1] < 1.0:
            raise ValueError(
                "quantiles: expected different levels in (0, 1) in ascending order, got "
                f"{self.quantiles!r}"
            )
        if y.shape[1] != 1:
            raise ValueError(
                f"quantiles: expected one value a row, got {y.shape[1]}; take an estimator for "
                "each, such as sklearn.multioutput.MultiOutputRegressor"
            )
        return len(levels)

    def _predicted(self, outputs: Array) -> Array:
        """The columns that `predict` gives."""
        if self.quantiles is None:
            return outputs
        middle = int(np.abs(np.asarray(self.quantiles, float) - 0.5).argmin())
        return np.sort(outputs, axis=1)[:, [middle]]

    def _targets(self, y: Array) -> tuple[Array | None, Array | None]:
        return None, np.ascontiguousarray(y, dtype=self._linked.net.dtype)

    def _reported_loss(self, y: Array) -> ReportedLoss:
        if self.quantiles is not None:
            return quantile_loss([float(level) for level in self.quantiles])
        if self.loss == "squared_error":
            return squared_error(self.n_outputs_)
        if self.loss == "poisson":
            return poisson_deviance(y)
        if isinstance(self.loss, Poisson) and not self.loss.log_input:
            raise ValueError(
                "loss: expected Poisson(log_input=True), with logarithms as outputs, got "
                f"{self.loss!r}"
            )
        return lamina_loss(_LOSSES[self.loss] if isinstance(self.loss, str) else self.loss)

    def _held_back_score(self, X: Any, y: Array, weights: Array | None) -> float:
        outputs = self._predicted(self._activated(X))
        if not np.isfinite(outputs).all():
            return float("nan")
        return float(r2_score(y, outputs, sample_weight=weights))

    def _uncalibrate(self) -> None:
        self.__dict__.pop("_scores", None)

    def _calibrate(self, X: Any, y: Array, weights: Array | None) -> None:
        self._link()
        outputs = self._activated(X)
        if self.quantiles is None:
            scores = np.abs(y - outputs)
        else:
            outputs = np.sort(outputs, axis=1)
            scores = np.maximum(outputs[:, :1] - y, y - outputs[:, -1:])
        self._scores: Array = np.sort(scores, axis=0)
