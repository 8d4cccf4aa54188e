"""MLPClassifier: scikit-learn's, trained by lamina."""

from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import (
    _check_partial_fit_first_call,
    type_of_target,
    unique_labels,
)
from sklearn.utils.validation import check_is_fitted, column_or_1d

from lamina._checks.types import NDArray
from lamina._network.examples import Examples
from lamina._sequential import Sequential
from lamina.sklearn._calibration import best_temperature, tempered
from lamina.sklearn._conversion import binarizer_of, estimator_of
from lamina.sklearn._losses import ReportedLoss, log_loss
from lamina.sklearn._multilayer import MultilayerPerceptron
from lamina.sklearn._parameters import is_stochastic
from lamina.sklearn._rows import validate_rows

Array = NDArray[Any]


class MLPClassifier(ClassifierMixin, MultilayerPerceptron):
    """Multi-layer perceptron for classes, or for several labels a row, by its cross-entropy.

    Takes the place of `sklearn.neural_network.MLPClassifier`: the same parameters, attributes and,
    for the same random_state, the same model up to rounding, in a fraction of the time. float32
    data train in float32, others in float64.

    Args:
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
        early_stopping: hold back validation_fraction of the rows, watch their accuracy in place
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
        calibration_fraction: share of the rows that training does not see, by which the
            probabilities' `temperature_` is chosen (Guo et al. 2017).
        callbacks: see `lamina.Callback`.
        n_threads: at most so many threads; None: `lamina.get_num_threads()`, but one where a batch
            is little work.
        class_weight: factors of the rows' weights in training, {label: factor} or "balanced".
        label_smoothing: targets become t (1 - s) + s / classes (Szegedy et al. 2016).

    Attributes:
        coefs_, intercepts_: weights [inputs, units] and biases [units] of each layer. They may be
            set or changed: predictions and further training use what they hold.
        loss_, loss_curve_: loss of the last epoch, and of each. best_loss_: the lowest; None
            with early_stopping. validation_scores_, best_validation_score_: with it, else None.
        n_iter_, t_: epochs of the last fit, and rows seen in all.
        n_layers_, n_outputs_, out_activation_: layers with that of the inputs; outputs; their
            activation.
        n_features_in_, feature_names_in_: number and names of the features in fit.
        classes_: labels in order; of several labels a row their numbers.
        temperature_: what logits are divided by; 1 without calibration_fraction.

    Example:
        >>> from sklearn.datasets import load_iris
        >>> from lamina.sklearn import MLPClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> model = MLPClassifier((20,), solver="lbfgs", random_state=0).fit(X, y)
        >>> model.score(X, y) > 0.95
        True
    """

    classes_: Array
    temperature_: float
    _label_binarizer: Any

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **MultilayerPerceptron._parameter_constraints,
        "class_weight": [StrOptions({"balanced"}), dict, None],
        "label_smoothing": [Interval(Real, 0, 1, closed="both")],
    }

    def __init__(
        self,
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
        class_weight: Any = None,
        label_smoothing: float = 0.0,
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
        self.class_weight = class_weight
        self.label_smoothing = label_smoothing

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, *, validation_data: Any = None
    ) -> Self:
        """Train on rows X [rows, features], dense or sparse, with labels y.

        Args:
            y: labels [rows] of any type, or indicators [rows, labels] of several labels a row.
            sample_weight: weight of each row [rows], at least 0; None: all alike.
            validation_data: (X, y) or (X, y, sample_weight) that early stopping watches, in place
                of rows held back.

        Raises:
            ValueError: data or parameters do not fit, or training diverged.
        """
        return self._fit(X, y, sample_weight, validation_data=validation_data)

    @available_if(is_stochastic)
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Self:
        """Go on training for one epoch on rows X [rows, features] with labels y [rows].

        Args:
            sample_weight: weight of each row [rows], at least 0; None: all alike.
            classes: all labels that any call will have; needed at the first call.

        Raises:
            ValueError: data or parameters do not fit, or training diverged.
        """
        if self.class_weight == "balanced":
            raise ValueError(
                "class_weight 'balanced' is not supported for partial_fit, which does not see all "
                "rows; give a dictionary"
            )
        if _check_partial_fit_first_call(self, classes):
            several = type_of_target(y).startswith("multilabel")
            self._label_binarizer = LabelBinarizer().fit(y if several else classes)
        return self._fit(X, y, sample_weight, incremental=True)

    def predict(self, X: Any) -> Any:
        """Labels [rows] of rows X [rows, features], or indicators [rows, labels]."""
        check_is_fitted(self)
        outputs = self._outputs(X)
        return self._label_binarizer.inverse_transform(
            outputs.ravel() if self.n_outputs_ == 1 else outputs
        )

    def predict_proba(self, X: Any) -> Array:
        """Probabilities [rows, classes] of rows X [rows, features], in the order of `classes_`.

        With several labels a row the probability of each, whose sum may be anything.
        """
        check_is_fitted(self)
        outputs = self._outputs(X)
        temperature = getattr(self, "temperature_", 1.0)
        if temperature != 1.0:
            softmax = self.out_activation_ == "softmax"
            outputs = tempered(outputs, temperature, softmax=softmax)
        if self.n_outputs_ > 1:
            return outputs
        return np.hstack([1 - outputs, outputs])

    def predict_log_proba(self, X: Any) -> Array:
        """Logarithms [rows, classes] of `predict_proba`; -inf where a probability is 0."""
        probabilities = self.predict_proba(X)
        return np.log(probabilities, out=probabilities)

    @classmethod
    def from_sequential(cls, net: Sequential, classes: Any, **options: Any) -> Self:
        """An estimator with the weights of a network of `Dense` layers.

        Args:
            classes: labels in ascending order, one an output, or two of a single "sigmoid".
            options: further parameters of the estimator.

        Raises:
            TypeError, ValueError: the network has other layers, or the classes do not fit.
        """
        own: Self = estimator_of(cls, net, classes, options)
        return own

    # What depends on the targets

    def _checked_data(self, X: Any, y: Any, *, first: bool, incremental: bool) -> tuple[Any, Any]:
        X, y = validate_rows(
            self,
            X,
            y,
            multi_output=True,
            dtype=(np.float64, np.float32),
            reset=first,
        )
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if not hasattr(self, "classes_") or (not self.warm_start and not incremental):
            self._label_binarizer = LabelBinarizer().fit(y)
            self.classes_ = self._label_binarizer.classes_
        else:
            self._check_classes(unique_labels(y), all_of_them=self.warm_start and not incremental)
        if self._has_one_class_a_row():
            return X, np.searchsorted(self.classes_, y).astype(np.int32)
        return X, self._label_binarizer.transform(y).astype(bool)

    def _check_classes(self, found: Array, *, all_of_them: bool) -> None:
        """Refuse labels that the earlier fits did not have, and where asked a part of them."""
        if all_of_them and set(found) != set(self.classes_):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the previous "
                f"call to fit. Previously got {self.classes_}, `y` has {found}"
            )
        if len(np.setdiff1d(found, self.classes_, assume_unique=True)):
            raise ValueError(
                f"`y` has classes not in `self.classes_`: expected some of {self.classes_}, got "
                f"{found}"
            )

    def _has_one_class_a_row(self) -> bool:
        return bool(self._label_binarizer.y_type_ == "multiclass")

    def _count_outputs(self, y: Array) -> int:
        return len(self.classes_) if y.ndim == 1 else y.shape[1]

    def _strata(self, y: Array) -> Array | None:
        return y if self.n_outputs_ == 1 else None

    def _last_activation(self) -> str:
        return "softmax" if self._has_one_class_a_row() else "logistic"

    def _targets(self, y: Array) -> tuple[Array | None, Array | None]:
        if y.ndim == 1:
            return y, None
        return None, y.astype(self._linked.net.dtype)

    def _reported_loss(self, y: Array) -> ReportedLoss:
        smoothing = self.label_smoothing
        return log_loss(self.n_outputs_, one_class_a_row=y.ndim == 1, smoothing=smoothing)

    def _examples(self, X: Any, y: Array, weights: Array | None) -> Examples:
        if self.class_weight is not None:
            if y.ndim == 2 and y.shape[1] > 1:
                raise ValueError(
                    "class_weight: expected one class a row, got several labels; give sample_weight"
                )
            labels = self.classes_[y.astype(int).reshape(-1)]
            factors = compute_sample_weight(self.class_weight, labels)
            weights = factors if weights is None else factors * weights
        return super()._examples(X, y, weights)

    def _uncalibrate(self) -> None:
        self.temperature_ = 1.0

    def _take_classes(self, classes: Any) -> None:
        """Set the labels of a network's outputs."""
        if self.out_activation_ == "identity":
            raise ValueError(
                "from_sequential: expected a last activation of softmax or sigmoid, got 'identity'"
            )
        self._label_binarizer = binarizer_of(classes, self.n_outputs_, self.out_activation_)
        self.classes_ = self._label_binarizer.classes_

    def _calibrate(self, X: Any, y: Array, weights: Array | None) -> None:
        softmax = self.out_activation_ == "softmax"
        self._link()
        self.temperature_ = best_temperature(self._activated(X), y, weights, softmax=softmax)

    def _held_back_score(self, X: Any, y: Array, weights: Array | None) -> float:
        outputs = self._activated(X)
        if y.ndim == 1:
            right = outputs.argmax(axis=1) == y
        else:
            right = ((outputs > 0.5) == y).all(axis=1)
        return float(np.average(right, weights=weights))
