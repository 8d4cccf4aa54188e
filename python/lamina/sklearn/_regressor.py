"""MLPRegressor: scikit-learn's, trained by lamina."""

from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import RegressorMixin, _fit_context
from sklearn.metrics import r2_score
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data

from lamina._checks.types import NDArray
from lamina.sklearn._losses import ReportedLoss, poisson_deviance, squared_error
from lamina.sklearn._multilayer import MultilayerPerceptron, is_stochastic

Array = NDArray[Any]


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
        "loss": [StrOptions({"squared_error", "poisson"})],
    }

    def __init__(
        self,
        loss: str = "squared_error",
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

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train on rows X [rows, features], dense or sparse, with values y.

        Args:
            y: [rows] or [rows, outputs]; for loss="poisson" at least 0.
            sample_weight: weight of each row [rows], at least 0; None: all alike.

        Raises:
            ValueError: data or parameters do not fit, or training diverged.
        """
        return self._fit(X, y, sample_weight, incremental=False)

    @available_if(is_stochastic)
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Go on training for one epoch on rows X [rows, features] with values y; see `fit`."""
        return self._fit(X, y, sample_weight, incremental=True)

    def predict(self, X: Any) -> Array:
        """Values [rows], or [rows, outputs], of rows X [rows, features]."""
        check_is_fitted(self)
        outputs = self._outputs(X)
        return outputs.ravel() if outputs.shape[1] == 1 else outputs

    # What depends on the targets

    def _checked_data(self, X: Any, y: Any, *, first: bool, incremental: bool) -> tuple[Any, Any]:
        X, y = validate_data(
            self,
            X,
            y,
            accept_sparse=["csr", "csc"],
            multi_output=True,
            y_numeric=True,
            dtype=(np.float64, np.float32),
            reset=first,
        )
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return X, y if y.ndim == 2 else y.reshape(-1, 1)

    def _last_activation(self) -> str:
        return "exp" if self.loss == "poisson" else "identity"

    def _targets(self, y: Array) -> tuple[Array | None, Array | None]:
        return None, np.ascontiguousarray(y, dtype=self._linked.net.dtype)

    def _reported_loss(self, y: Array) -> ReportedLoss:
        return poisson_deviance(y) if self.loss == "poisson" else squared_error(self.n_outputs_)

    def _held_back_score(self, X: Any, y: Array, weights: Array | None) -> float:
        outputs = self._linked.outputs(X)
        if self.loss == "poisson":
            outputs = np.exp(outputs)
        if not np.isfinite(outputs).all():
            return float("nan")
        return float(r2_score(y, outputs, sample_weight=weights))
