"""Networks from fitted estimators of scikit-learn give what the estimators give."""

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

pytest.importorskip("sklearn", reason="needs the extra sklearn")

from sklearn import linear_model, svm
from sklearn.compose import TransformedTargetRegressor
from sklearn.decomposition import PCA
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    PolynomialFeatures,
    RobustScaler,
    StandardScaler,
)

import lamina as lm
import lamina.sklearn

Array = npt.NDArray[Any]
X = np.random.default_rng(0).normal(size=(150, 4)) * 3 + 1
THREE = (X[:, 0] > 1).astype(int) + (X[:, 1] > 1)
TWO, LABELS = THREE > 0, np.stack([THREE > 0, THREE > 1], axis=1).astype(int)
NUMBER = X @ [1.0, 2.0, 3.0, 4.0] + 5
SMALL: dict[str, Any] = {"max_iter": 15, "hidden_layer_sizes": (6, 5), "random_state": 0}


def fitted(estimator: Any, y: Array, x: Array = X) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return estimator.fit(x, y)


def answers(estimator: Any, outputs: int, x: Array = X) -> Array:
    """What the estimator says, as the network's outputs are meant."""
    if hasattr(estimator, "predict_proba"):
        chances: Array = estimator.predict_proba(x)
        return chances[:, 1:] if outputs == 1 else chances
    method = getattr(estimator, "decision_function", None) or estimator.predict
    return np.asarray(method(x)).reshape(len(x), -1)


def check(estimator: Any, x: Array = X, bound: float = 1e-9) -> lm.Sequential:
    net = lm.from_sklearn(estimator)
    got = net.predict(x)
    np.testing.assert_allclose(got, answers(estimator, got.shape[1], x), rtol=bound, atol=bound)
    return net


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
def test_multi_layer_perceptrons_keep_their_layers(activation: str) -> None:
    net = check(fitted(MLPClassifier(activation=activation, **SMALL), THREE))
    name = "sigmoid" if activation == "logistic" else activation
    assert net.layers == (lm.Dense(6, name), lm.Dense(5, name), lm.Dense(3, "softmax"))
    check(fitted(MLPRegressor(activation=activation, **SMALL), NUMBER))


def test_two_classes_labels_and_several_numbers_are_outputs() -> None:
    assert check(fitted(MLPClassifier(**SMALL), TWO)).layers[-1] == lm.Dense(1, "sigmoid")
    assert check(fitted(MLPClassifier(**SMALL), LABELS)).layers[-1] == lm.Dense(2, "sigmoid")
    both = np.stack([NUMBER, -NUMBER], axis=1)
    assert check(fitted(MLPRegressor(**SMALL), both)).layers[-1] == lm.Dense(2)
    assert check(fitted(linear_model.LinearRegression(), both)).layers == (lm.Dense(2),)


def test_float32_stays_float32_and_poisson_is_its_logarithm() -> None:
    narrow = X.astype(np.float32)
    net = check(fitted(MLPRegressor(**SMALL), NUMBER.astype(np.float32), narrow), narrow, 1e-4)
    assert net.dtype == "float32"
    if "loss" in MLPRegressor().get_params():
        estimator = fitted(MLPRegressor(**SMALL).set_params(loss="poisson"), np.abs(NUMBER))
        got = lm.from_sklearn(estimator).predict(X)[:, 0]
        np.testing.assert_allclose(np.exp(got), estimator.predict(X), rtol=1e-9)


SCALERS = [
    *(StandardScaler(), StandardScaler(with_mean=False), StandardScaler(with_std=False)),
    *(MinMaxScaler(), MinMaxScaler((-1, 3), clip=True), MaxAbsScaler(), RobustScaler()),
    *(RobustScaler(with_centering=False), PCA(2), PCA(3, whiten=True), "passthrough"),
]


@pytest.mark.parametrize("scaler", SCALERS, ids=str)
def test_scalers_of_a_pipeline_are_layers_before_the_network(scaler: Any) -> None:
    pipeline = fitted(make_pipeline(scaler, linear_model.LogisticRegression()), THREE)
    net = check(pipeline)
    far = np.concatenate([X * 100, -X])
    np.testing.assert_allclose(net.predict(far), pipeline.predict_proba(far), rtol=1e-9, atol=1e-9)
    if isinstance(scaler, StandardScaler):
        assert isinstance(net.layers[0], lm.Normalization)
        assert net.parameters()["layers.0.rows"].tolist() == [150.0]


def test_scaled_targets_are_a_last_layer() -> None:
    inner = MLPRegressor(**SMALL)
    around = TransformedTargetRegressor(inner, transformer=StandardScaler())
    net = check(fitted(make_pipeline(StandardScaler(), around), NUMBER))
    assert [type(layer) for layer in net.layers[-2:]] == [lm.Dense, lm.TargetScaling]
    check(fitted(TransformedTargetRegressor(inner, transformer=MinMaxScaler()), NUMBER))
    logarithm = TransformedTargetRegressor(inner, func=np.log, inverse_func=np.exp)
    with pytest.raises(ValueError, match="expected targets scaled by StandardScaler"):
        lm.from_sklearn(fitted(logarithm, np.abs(NUMBER) + 1))


REGRESSORS = ["LinearRegression", "Ridge", "Lasso", "ElasticNet", "SGDRegressor", "BayesianRidge"]
CLASSIFIERS = ["Perceptron", "SGDClassifier", "RidgeClassifier"]


@pytest.mark.parametrize("name", REGRESSORS)
def test_linear_regressors_are_one_layer(name: str) -> None:
    assert check(fitted(getattr(linear_model, name)(), NUMBER)).layers == (lm.Dense(1),)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_linear_classifiers_are_one_layer_of_distances(name: str) -> None:
    for y, units in ((TWO, 1), (THREE, 3)):
        estimator = fitted(getattr(linear_model, name)(), y)
        assert check(estimator).layers == (lm.Dense(units),)
        if hasattr(estimator, "sparsify"):
            check(estimator.sparsify())


def test_other_linear_models_and_own_estimators_are_read() -> None:
    check(fitted(svm.LinearSVC(), THREE))
    check(fitted(svm.LinearSVR(), NUMBER))
    check(fitted(linear_model.LinearRegression(fit_intercept=False), NUMBER))
    assert check(fitted(linear_model.LogisticRegression(), TWO)).layers == (lm.Dense(1, "sigmoid"),)
    check(fitted(lamina.sklearn.MLPClassifier(**SMALL), THREE))
    check(fitted(lamina.sklearn.Perceptron(), THREE))


def test_names_of_features_are_kept_and_the_network_learns_on() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=["a", "b", "c", "d"])
    net = lm.from_sklearn(
        fitted(make_pipeline(StandardScaler(), MLPRegressor(**SMALL)), NUMBER, frame)
    )
    assert net.feature_names == ("a", "b", "c", "d")
    before = net.evaluate(frame, NUMBER)["loss"]
    net.fit(frame, NUMBER, epochs=5, verbose=False)
    assert net.evaluate(frame, NUMBER)["loss"] < before


def test_what_is_no_network_is_refused() -> None:
    polynomial = make_pipeline(PolynomialFeatures(), linear_model.LinearRegression())
    one_by_one = linear_model.LogisticRegression(solver="liblinear")
    wrong: list[tuple[Any, str]] = [
        (3, "expected a multi-layer perceptron or a linear model .*, got 3"),
        (MLPClassifier, "got the class MLPClassifier; write"),
        (MLPClassifier(), "the MLPClassifier is not fitted; call fit first"),
        (StandardScaler(), "expected an estimator, or a Pipeline that ends in one, got Standard"),
        (OneHotEncoder(), "got OneHotEncoder"),
        (fitted(linear_model.PoissonRegressor(), np.abs(NUMBER)), "got PoissonRegressor"),
        (fitted(polynomial, NUMBER), "step 'polynomialfeatures' of the Pipeline is Polynomial"),
        (
            make_pipeline(StandardScaler(), MLPClassifier()),
            "step 'standardscaler' .* is not fitted",
        ),
    ]
    for estimator, sentence in wrong:
        with pytest.raises((TypeError, ValueError), match=f"from_sklearn: .*{sentence}"):
            lm.from_sklearn(estimator)
    try:
        fitted(one_by_one, THREE)
    except ValueError:
        return  # newer versions of scikit-learn refuse it themselves
    with pytest.raises(ValueError, match="has a model for each class against the others"):
        lm.from_sklearn(one_by_one)
