"""Networks from fitted estimators of scikit-learn."""

from collections.abc import Callable
from typing import Any

import numpy as np

from lamina._checks.arrays import Dtype
from lamina._checks.spec import what
from lamina._checks.types import NDArray
from lamina._layers.layers import Dense
from lamina._layers.part import Part
from lamina._layers.row_layers import Clip, Normalization, TargetScaling
from lamina._network.assemble import assemble
from lamina._sequential import Sequential

Array = NDArray[Any]
_HIDDEN = {"identity": "identity", "logistic": "sigmoid", "tanh": "tanh", "relu": "relu"}
# "exp" is that of losses with a logarithm for their link, which lamina's losses take.
_LAST = {"identity": "identity", "logistic": "sigmoid", "softmax": "softmax", "exp": "identity"}
# Estimators whose answers are one product: predictions, or the distances from planes.
_LINEAR = frozenset(
    (
        *("ARDRegression", "BayesianRidge", "ElasticNet", "ElasticNetCV", "HuberRegressor"),
        *("Lars", "LarsCV", "Lasso", "LassoCV", "LassoLars", "LassoLarsCV", "LassoLarsIC"),
        *("LinearRegression", "LinearSVC", "LinearSVR", "MultiTaskElasticNet"),
        *("MultiTaskElasticNetCV", "MultiTaskLasso", "MultiTaskLassoCV"),
        *("OrthogonalMatchingPursuit", "OrthogonalMatchingPursuitCV"),
        *("PassiveAggressiveClassifier", "PassiveAggressiveRegressor", "Perceptron"),
        *("QuantileRegressor", "Ridge", "RidgeCV", "RidgeClassifier", "RidgeClassifierCV"),
        *("SGDClassifier", "SGDRegressor", "TheilSenRegressor"),
    )
)


def from_sklearn(estimator: Any) -> Sequential:
    """A network with the weights of a fitted estimator of scikit-learn.

    - `MLPClassifier`, `MLPRegressor`: the same layers. Outputs are `predict_proba`, of two classes
      its second column; or `predict`, of losses with a logarithm for their link its logarithm.
    - `LogisticRegression`: one `Dense` layer with sigmoid or softmax, likewise.
    - `LinearRegression`, `Ridge`, `Lasso` and the other linear regressors: one `Dense` layer.
    - `Perceptron`, `SGDClassifier`, `RidgeClassifier`, `LinearSVC`: one `Dense` layer, whose
      outputs are `decision_function`.
    - A `Pipeline` that ends in one of them, with `StandardScaler`, `MinMaxScaler`, `MaxAbsScaler`,
      `RobustScaler` and `PCA` before it; a `TransformedTargetRegressor` around it with such a
      scaler of targets.

    Estimators of `lamina.sklearn` give their networks. Names of features are kept.

    Args:
        estimator: the fitted estimator.

    Returns:
        A network in the dtype of the estimator's weights, with outputs [rows, outputs].

    Raises:
        TypeError: no estimator that a network can stand for, by its name. ValueError: it is not
            fitted, or a step before it is no scaling.

    Example:
        >>> import lamina as lm
        >>> from sklearn.linear_model import LinearRegression
        >>> fitted = LinearRegression().fit([[0.0], [1.0]], [1.0, 3.0])
        >>> lm.from_sklearn(fitted).predict([[2.0]]).round(6).tolist()
        [[5.0]]
    """
    if _name(estimator) in ("MLPClassifier", "MLPRegressor") and hasattr(
        estimator, "to_sequential"
    ):
        net: Sequential = estimator.to_sequential()
        return net
    parts = _parts(estimator)
    first = parts[0].values
    inputs = len(first["mean"]) if "mean" in first else first["weight"].shape[1]
    net = assemble(Sequential, parts, inputs, _dtype(parts))
    names = getattr(estimator, "feature_names_in_", None)
    if names is not None:
        net._feature_names = tuple(names)
    return net


def _name(estimator: Any) -> str:
    """The name of scikit-learn's (or lamina's) class that an object is of; "" of no such one."""
    kind = type(estimator)
    ours = kind.__module__.startswith(("sklearn.", "lamina.sklearn"))
    return kind.__name__ if ours else ""


def _parts(estimator: Any) -> list[Part]:
    name = _name(estimator)
    if name == "Pipeline":
        return _pipeline(estimator)
    if name == "TransformedTargetRegressor":
        return _scaled_target(_fitted(estimator, "regressor_"))
    if name in ("MLPClassifier", "MLPRegressor"):
        return _multilayer(_fitted(estimator, "coefs_"))
    if name in ("LogisticRegression", "LogisticRegressionCV"):
        return _logistic(_fitted(estimator, "coef_"))
    if name in _LINEAR:
        return [_plane(_fitted(estimator, "coef_"), "identity")]
    if name in _SCALERS:
        raise TypeError(
            f"from_sklearn: expected an estimator, or a Pipeline that ends in one, got {name}"
        )
    raise TypeError(
        "from_sklearn: expected a multi-layer perceptron or a linear model of scikit-learn, or a "
        f"Pipeline of scalers that ends in one, got {name or what(estimator)}"
    )


def _fitted(estimator: Any, attribute: str) -> Any:
    if not hasattr(estimator, attribute):
        raise ValueError(f"from_sklearn: the {_name(estimator)} is not fitted; call fit first")
    return estimator


def _pipeline(pipeline: Any) -> list[Part]:
    *before, (_, last) = pipeline.steps
    parts: list[Part] = []
    for name, step in before:
        if step is None or step == "passthrough":
            continue
        read = _SCALERS.get(_name(step))
        if read is None:
            raise ValueError(
                f"from_sklearn: step '{name}' of the Pipeline is {_name(step) or what(step)}, "
                f"which is no scaling of columns; expected {', '.join(_SCALERS)}"
            )
        if not hasattr(step, "n_features_in_"):
            raise ValueError(f"from_sklearn: step '{name}' of the Pipeline is not fitted")
        parts += read(step)
    return parts + _parts(last)


def _multilayer(estimator: Any) -> list[Part]:
    units = list(zip(estimator.coefs_, estimator.intercepts_, strict=True))
    hidden = _HIDDEN[estimator.activation]
    activations = [*[hidden] * (len(units) - 1), _LAST[estimator.out_activation_]]
    return [
        Part(Dense(len(bias), activation), {"weight": np.asarray(weight).T, "bias": bias})
        for (weight, bias), activation in zip(units, activations, strict=True)
    ]


def _logistic(estimator: Any) -> list[Part]:
    if len(estimator.classes_) == 2:
        return [_plane(estimator, "sigmoid")]
    one_by_one = getattr(estimator, "multi_class", "") == "ovr" or estimator.solver == "liblinear"
    if one_by_one:
        raise ValueError(
            "from_sklearn: the LogisticRegression has a model for each class against the others "
            "(multi_class='ovr'), whose shares are no softmax; fit it as one model"
        )
    return [_plane(estimator, "softmax")]


def _plane(estimator: Any, activation: str) -> Part:
    weight = estimator.coef_
    weight = np.atleast_2d(weight.toarray() if hasattr(weight, "toarray") else np.asarray(weight))
    bias = np.broadcast_to(np.asarray(estimator.intercept_, weight.dtype).ravel(), len(weight))
    return Part(Dense(len(weight), activation), {"weight": weight, "bias": bias.copy()})


def _scaled_target(estimator: Any) -> list[Part]:
    parts = _parts(estimator.regressor_)
    scaler = estimator.transformer_
    read = {"StandardScaler": _standard, "MinMaxScaler": _min_max, "RobustScaler": _robust,
            "MaxAbsScaler": _max_abs}.get(_name(scaler))  # fmt: skip
    steps = [] if read is None else read(scaler)
    if len(steps) != 1 or not isinstance(steps[0].layer, Normalization):
        raise ValueError(
            "from_sklearn: expected targets scaled by StandardScaler, MinMaxScaler, MaxAbsScaler "
            f"or RobustScaler, got {_name(scaler) or what(scaler)}"
        )
    own = steps[0].values
    values = {"scale": own["deviation"], "shift": own["mean"], "rows": own["rows"]}
    return [*parts, Part(TargetScaling(), values)]


def _normalization(scaler: Any, mean: Any, deviation: Any) -> list[Part]:
    columns = scaler.n_features_in_
    values = {
        "mean": np.broadcast_to(np.asarray(mean, np.float64), columns),
        "deviation": np.broadcast_to(np.asarray(deviation, np.float64), columns),
        "rows": np.full(1, np.max(getattr(scaler, "n_samples_seen_", 1)), np.float64),
    }
    return [Part(Normalization(), values)]


def _standard(scaler: Any) -> list[Part]:
    mean = scaler.mean_ if scaler.with_mean else 0.0
    return _normalization(scaler, mean, scaler.scale_ if scaler.with_std else 1.0)


def _min_max(scaler: Any) -> list[Part]:
    part = _normalization(scaler, -scaler.min_ / scaler.scale_, 1.0 / scaler.scale_)
    return [*part, Part(Clip(*map(float, scaler.feature_range)))] if scaler.clip else part


def _max_abs(scaler: Any) -> list[Part]:
    part = _normalization(scaler, 0.0, scaler.scale_)
    return [*part, Part(Clip(-1.0, 1.0))] if getattr(scaler, "clip", False) else part


def _robust(scaler: Any) -> list[Part]:
    centre = scaler.center_ if scaler.with_centering else 0.0
    return _normalization(scaler, centre, scaler.scale_ if scaler.with_scaling else 1.0)


def _principal(step: Any) -> list[Part]:
    """Centred rows in the directions of the components."""
    weight = step.components_
    if step.whiten:
        weight = weight / np.sqrt(step.explained_variance_)[:, None]
    bias = np.zeros(len(weight)) if step.mean_ is None else -weight @ step.mean_
    return [Part(Dense(len(weight), trainable=False), {"weight": weight, "bias": bias})]


_SCALERS: dict[str, Callable[[Any], list[Part]]] = {
    "StandardScaler": _standard,
    "MinMaxScaler": _min_max,
    "MaxAbsScaler": _max_abs,
    "RobustScaler": _robust,
    "PCA": _principal,
}


def _dtype(parts: list[Part]) -> Dtype:
    """The dtype of the weights; figures of scalers are float64 whatever the data were."""
    dense = [part.values["weight"] for part in parts if isinstance(part.layer, Dense)]
    return "float64" if any(array.dtype == np.float64 for array in dense) else "float32"
