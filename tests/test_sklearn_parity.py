"""lamina.sklearn beside scikit-learn: the same seed gives the same model."""

import tracemalloc
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import sklearn
from scipy.sparse import csc_matrix, csr_matrix, random_array
from sklearn import linear_model, neural_network
from sklearn.datasets import make_classification, make_multilabel_classification
from sklearn.exceptions import ConvergenceWarning

import lamina.sklearn

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

Array = npt.NDArray[Any]
Data = tuple[Array, Array]


def classes(number: int) -> Data:
    return make_classification(
        230, 8, n_informative=5, n_classes=number, flip_y=0.1, random_state=number
    )


def labels() -> Data:
    X, y = make_multilabel_classification(150, 10, n_classes=4, random_state=1)
    return X, y


def values(outputs: int) -> Data:
    random = np.random.RandomState(outputs)
    X = random.normal(size=(210, 5))
    y = np.sin(X @ random.normal(size=(5, outputs))) + 0.1 * random.normal(size=(210, outputs))
    return X, y if outputs > 1 else y[:, 0]


def counts(outputs: int) -> Data:
    X, _ = values(outputs)
    rates = np.exp(X[:, :outputs] * 0.5 + 1)
    y = np.random.RandomState(0).poisson(rates)
    return X, y if outputs > 1 else y[:, 0]


def pair(name: str, **options: Any) -> tuple[Any, Any]:
    """scikit-learn's estimator and lamina's."""
    theirs = linear_model if name == "Perceptron" else neural_network
    return getattr(theirs, name)(**options), getattr(lamina.sklearn, name)(**options)


def fit_both(name: str, data: Data, *, weighted: bool = False, **options: Any) -> tuple[Any, Any]:
    theirs, own = pair(name, **{"random_state": 3, **options})
    weights = np.random.RandomState(9).uniform(0.2, 3, len(data[0])) if weighted else None
    for estimator in (theirs, own):
        estimator.fit(*data, sample_weight=weights)
    return theirs, own


def assert_same(theirs: Any, own: Any, X: Array) -> None:
    """Attributes and predictions agree up to rounding."""
    assert own.n_iter_ == theirs.n_iter_
    assert own.t_ == theirs.t_
    for name in ("n_layers_", "n_outputs_", "out_activation_", "n_features_in_"):
        assert getattr(own, name) == getattr(theirs, name)
    for name in ("loss_", "loss_curve_", "best_loss_", "validation_scores_"):
        if hasattr(theirs, name):
            assert_close(getattr(own, name), getattr(theirs, name), name)
    assert getattr(own, "best_validation_score_", 0) == pytest.approx(
        getattr(theirs, "best_validation_score_", 0)
    )
    for name in ("coefs_", "intercepts_"):
        for mine, expected in zip(getattr(own, name), getattr(theirs, name), strict=True):
            assert mine.dtype == expected.dtype
            assert_close(mine, expected, name)
    if hasattr(theirs, "predict_proba"):
        assert_close(own.predict_proba(X), theirs.predict_proba(X), "predict_proba")
        np.testing.assert_array_equal(own.predict(X), theirs.predict(X))
        np.testing.assert_array_equal(own.classes_, theirs.classes_)
    else:
        assert_close(own.predict(X), theirs.predict(X), "predict")


def assert_close(own: Any, expected: Any, name: str) -> None:
    if expected is None:
        assert own is None
    else:
        np.testing.assert_allclose(own, expected, rtol=1e-6, atol=1e-6, err_msg=name)


SGD: dict[str, Any] = {"solver": "sgd", "learning_rate_init": 0.05, "max_iter": 40}
OPTIONS: dict[str, dict[str, Any]] = {
    "adam": {"max_iter": 40, "learning_rate_init": 0.01},
    "adam, options": {"max_iter": 20, "beta_1": 0.8, "beta_2": 0.99, "epsilon": 1e-3, "alpha": 0.3},
    "sgd": SGD,
    "sgd, plain": {**SGD, "momentum": 0.0, "alpha": 0.1},
    "sgd, no nesterov": {**SGD, "nesterovs_momentum": False, "alpha": 1.0, "batch_size": 32},
    "sgd, invscaling": {**SGD, "learning_rate": "invscaling", "power_t": 0.3, "batch_size": 50},
    "sgd, adaptive": {**SGD, "learning_rate": "adaptive", "n_iter_no_change": 1, "tol": 0.02},
    "lbfgs": {"solver": "lbfgs", "max_iter": 15, "alpha": 0.1},
    "no shuffle": {"shuffle": False, "max_iter": 10, "batch_size": 64},
    "early stopping": {"early_stopping": True, "learning_rate_init": 0.02, "max_iter": 60},
    "early, adaptive": {
        **SGD,
        "early_stopping": True,
        "learning_rate": "adaptive",
        "n_iter_no_change": 2,
        "validation_fraction": 0.25,
    },
    "deep tanh": {"hidden_layer_sizes": (12, 9, 7), "activation": "tanh", "max_iter": 15},
    "logistic": {"hidden_layer_sizes": 15, "activation": "logistic", "max_iter": 15},
    "linear": {"hidden_layer_sizes": (), "activation": "identity", "max_iter": 15},
    "batches of one": {"batch_size": 1, "max_iter": 2, "hidden_layer_sizes": (5,)},
}
TARGETS: dict[str, tuple[str, Callable[[], Data], dict[str, Any]]] = {
    "two classes": ("MLPClassifier", lambda: classes(2), {}),
    "three classes": ("MLPClassifier", lambda: classes(3), {}),
    "labels": ("MLPClassifier", labels, {}),
    "values": ("MLPRegressor", lambda: values(1), {}),
    "several values": ("MLPRegressor", lambda: values(3), {}),
    "counts": ("MLPRegressor", lambda: counts(1), {"loss": "poisson"}),
    "several counts": ("MLPRegressor", lambda: counts(2), {"loss": "poisson"}),
}


WEIGHTED = ("adam", "sgd, no nesterov", "lbfgs", "early stopping")


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(
    ("options", "weighted"),
    [*((name, False) for name in OPTIONS), *((name, True) for name in WEIGHTED)],
)
def test_the_same_seed_gives_the_same_model(target: str, weighted: bool, options: str) -> None:
    name, data, own_options = TARGETS[target]
    X, y = data()
    theirs, own = fit_both(
        name,
        (X, y),
        weighted=weighted,
        **{"hidden_layer_sizes": (16,), **own_options, **OPTIONS[options]},
    )
    assert_same(theirs, own, X)


@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize("target", ["three classes", "labels", "values"])
def test_partial_fit_goes_on_as_scikit_learns_does(target: str, solver: str) -> None:
    name, data, _ = TARGETS[target]
    X, y = data()
    theirs, own = pair(name, solver=solver, random_state=1, learning_rate_init=0.01)
    known = {"classes": range(4 if y.ndim > 1 else 3)} if name == "MLPClassifier" else {}
    for part in (slice(0, 70), slice(70, 150), slice(20, 90)):
        for estimator in (theirs, own):
            estimator.partial_fit(X[part], y[part], **known)
    assert_same(theirs, own, X)


def test_a_generator_of_random_numbers_is_drawn_from_as_scikit_learn_draws() -> None:
    data = classes(3)
    states = [np.random.RandomState(5) for _ in range(2)]
    theirs, own = (
        made(random_state=state, early_stopping=True, max_iter=12).fit(*data)
        for made, state in zip(
            (neural_network.MLPClassifier, lamina.sklearn.MLPClassifier), states, strict=True
        )
    )
    assert_same(theirs, own, data[0])
    assert states[0].randint(1 << 30) == states[1].randint(1 << 30)


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_warm_start_goes_on_as_scikit_learns_does(solver: str) -> None:
    X, y = classes(3)
    theirs, own = pair("MLPClassifier", solver=solver, warm_start=True, max_iter=5, random_state=0)
    for rows in (slice(0, 150), slice(50, 230), slice(0, 230)):
        for estimator in (theirs, own):
            estimator.fit(X[rows], y[rows])
        assert_same(theirs, own, X)


@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_float32_stays_float32_and_agrees_within_its_rounding(solver: str) -> None:
    X, y = classes(3)
    X = X.astype(np.float32)
    theirs, own = pair("MLPClassifier", solver=solver, max_iter=20, random_state=0)
    for estimator in (theirs, own):
        estimator.fit(X, y)
    assert all(array.dtype == np.float32 for array in (*own.coefs_, *own.intercepts_))
    assert own.predict_proba(X).dtype == theirs.predict_proba(X).dtype == np.float32
    np.testing.assert_allclose(own.loss_curve_, theirs.loss_curve_, rtol=1e-4)


@pytest.mark.parametrize("kind", [csr_matrix, csc_matrix])
@pytest.mark.parametrize("options", ["adam", "sgd", "lbfgs", "early stopping", "no shuffle"])
def test_sparse_rows_give_the_same_model(options: str, kind: Any) -> None:
    X, y = labels()
    sparse = kind(np.where(X > 4, X, 0.0))
    theirs, own = fit_both("MLPClassifier", (sparse, y), **OPTIONS[options])
    assert_same(theirs, own, sparse)


def test_sparse_rows_are_not_made_dense() -> None:
    stored = random_array((400, 20_000), density=0.001, format="csr", rng=0)
    y = np.asarray(stored.sum(axis=1) > 10).astype(int)
    model = lamina.sklearn.MLPClassifier((2,), max_iter=2, solver="sgd", random_state=0)
    tracemalloc.start()
    model.fit(stored, y).predict(stored)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < stored.shape[0] * stored.shape[1] * 8 / 10


def test_labels_of_text_and_column_vectors_are_taken() -> None:
    X, y = classes(3)
    names = np.array(["red", "green", "blue"], dtype=object)[y]
    theirs, own = fit_both("MLPClassifier", (X, names), max_iter=8)
    assert_same(theirs, own, X)
    with pytest.warns(UserWarning, match="column-vector"):
        lamina.sklearn.MLPRegressor(max_iter=2).fit(X, y.reshape(-1, 1))


def test_the_lines_of_verbose_are_scikit_learns(capsys: pytest.CaptureFixture[str]) -> None:
    data = classes(2)
    printed = []
    for estimator in pair(
        "MLPClassifier",
        solver="sgd",
        learning_rate="adaptive",
        verbose=True,
        random_state=0,
        early_stopping=True,
        n_iter_no_change=2,
        max_iter=200,
    ):
        estimator.fit(*data)
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]


PERCEPTRONS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "l2": {"penalty": "l2", "alpha": 1e-3},
    "l1": {"penalty": "l1"},
    "elasticnet": {"penalty": "elasticnet", "l1_ratio": 0.4, "alpha": 1e-3},
    "early stopping": {"early_stopping": True, "random_state": 4},
    "class weights": {"class_weight": "balanced", "eta0": 0.3},
    "no stop": {"tol": None, "max_iter": 5, "shuffle": False},
    "no bias": {"fit_intercept": False, "n_jobs": 2, "random_state": 1},
}


@pytest.mark.parametrize("options", PERCEPTRONS)
@pytest.mark.parametrize("number", [2, 4])
@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "sparse"])
@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
def test_the_perceptron_has_the_same_weights_to_the_last_digits(
    options: str, number: int, sparse: bool, weighted: bool
) -> None:
    if sklearn.__version__ < "1.8" and "penalty" in PERCEPTRONS[options]:
        pytest.skip("training ends by another rule in scikit-learn 1.7")
    X, y = classes(number)
    rows = csr_matrix(np.where(np.abs(X) > 0.5, X, 0.0)) if sparse else X
    weights = np.random.RandomState(2).uniform(0, 2, len(y)) if weighted else None
    theirs, own = pair("Perceptron", **{"random_state": 0, **PERCEPTRONS[options]})
    for estimator in (theirs, own):
        estimator.fit(rows, y, sample_weight=weights)
    np.testing.assert_allclose(own.coef_, theirs.coef_, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(own.intercept_, theirs.intercept_, rtol=1e-12, atol=1e-13)
    assert (own.n_iter_, own.t_) == (theirs.n_iter_, theirs.t_)
    np.testing.assert_array_equal(own.predict(rows), theirs.predict(rows))
    np.testing.assert_allclose(own.decision_function(rows), theirs.decision_function(rows))


def test_the_perceptron_goes_on_in_partial_fit_and_warm_start() -> None:
    X, y = classes(3)
    theirs, own = pair("Perceptron", warm_start=True, random_state=0)
    for estimator in (theirs, own):
        estimator.fit(X[:120], y[:120]).fit(X, y).sparsify()
        assert estimator.predict(X).shape == (230,)
        estimator.densify().partial_fit(X[:60], y[:60])
    np.testing.assert_allclose(own.coef_, theirs.coef_, rtol=1e-12)
    assert (own.n_iter_, own.t_) == (theirs.n_iter_, theirs.t_)


def test_warnings_of_convergence_are_given_where_scikit_learn_gives_them() -> None:
    data = classes(2)
    for options in ({"max_iter": 3}, {"max_iter": 3, "solver": "lbfgs"}, {"tol": 1e3}):
        found = []
        for estimator in pair("MLPClassifier", random_state=0, **options):
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                estimator.fit(*data)
            found.append([w.category for w in caught])
        assert found[0] == found[1], options
        assert found[1] in ([], [ConvergenceWarning])
