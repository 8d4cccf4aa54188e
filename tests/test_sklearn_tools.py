"""lamina.sklearn within scikit-learn: searches, pipelines, ensembles, displays, copies."""

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import joblib
import matplotlib as mpl
import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV, CalibrationDisplay
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.datasets import make_classification, make_regression
from sklearn.ensemble import AdaBoostClassifier, BaggingRegressor, VotingClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.inspection import (
    DecisionBoundaryDisplay,
    PartialDependenceDisplay,
    permutation_importance,
)
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    ConfusionMatrixDisplay,
    DetCurveDisplay,
    PrecisionRecallDisplay,
    PredictionErrorDisplay,
    RocCurveDisplay,
)
from sklearn.model_selection import (
    GridSearchCV,
    HalvingRandomSearchCV,
    LearningCurveDisplay,
    TunedThresholdClassifierCV,
    ValidationCurveDisplay,
    cross_val_score,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from lamina.sklearn import MLPClassifier, MLPRegressor, Perceptron

mpl.use("Agg")

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

Array = npt.NDArray[Any]
X, Y = make_classification(120, 6, n_informative=4, class_sep=2.0, flip_y=0.0, random_state=1)
VALUES_X, VALUES = make_regression(100, 4, noise=1.0, random_state=0)
VALUES = VALUES / VALUES.std()


def classifier(**options: Any) -> MLPClassifier:
    return MLPClassifier(
        **{
            "hidden_layer_sizes": (12,),
            "max_iter": 60,
            "learning_rate_init": 0.02,
            "random_state": 0,
            **options,
        }
    )


def regressor(**options: Any) -> MLPRegressor:
    return MLPRegressor(
        hidden_layer_sizes=(12,), max_iter=100, learning_rate_init=0.05, random_state=0, **options
    )


def test_grid_search_finds_the_better_options() -> None:
    search = GridSearchCV(classifier(), {"max_iter": [1, 60], "activation": ["relu", "tanh"]}, cv=3)
    search.fit(X, Y)
    assert search.best_params_["max_iter"] == 60
    assert search.best_score_ > 0.8


def test_halving_random_search_runs() -> None:
    search = HalvingRandomSearchCV(
        classifier(), {"alpha": [1e-4, 1e-2, 1.0]}, n_candidates=3, random_state=0, cv=2
    )
    assert search.fit(X, Y).score(X, Y) > 0.8


@pytest.mark.parametrize("estimator", [classifier(), Perceptron()], ids=["mlp", "perceptron"])
def test_cross_validation_in_processes_gives_the_same_scores(estimator: Any) -> None:
    alone = cross_val_score(estimator, X, Y, cv=4)
    together = cross_val_score(estimator, X, Y, cv=4, n_jobs=2)
    np.testing.assert_array_equal(alone, together)


def test_pipelines_and_column_transformers_take_frames() -> None:
    frame = pd.DataFrame(X[:, :3], columns=["a", "b", "c"])
    frame["kind"] = np.where(X[:, 3] > 0, "left", "right")
    columns = ColumnTransformer(
        [("numbers", StandardScaler(), ["a", "b", "c"]), ("kinds", OneHotEncoder(), ["kind"])]
    ).set_output(transform="pandas")
    columns.set_params(kinds__sparse_output=False)
    model = make_pipeline(columns, classifier()).fit(frame, Y)
    assert model.score(frame, Y) > 0.7
    names = list(model[-1].feature_names_in_)
    assert names[0] == "numbers__a"
    assert model[-1].n_features_in_ == len(names) == 5


def test_names_of_columns_are_checked() -> None:
    frame = pd.DataFrame(X).add_prefix("x")
    model = classifier().fit(frame, Y)
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(frame.rename(columns={"x0": "z"}))
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        model.predict(X)


def test_probabilities_are_calibrated() -> None:
    model = CalibratedClassifierCV(classifier(), cv=3).fit(X, Y)
    assert model.predict_proba(X).shape == (120, 2)
    assert CalibratedClassifierCV(Perceptron(), cv=3).fit(X, Y).score(X, Y) > 0.7


def test_thresholds_are_tuned() -> None:
    model = TunedThresholdClassifierCV(classifier(), scoring="balanced_accuracy", cv=3).fit(X, Y)
    assert 0.0 <= model.best_threshold_ <= 1.0


def test_several_estimators_vote() -> None:
    model = VotingClassifier(
        [("mlp", classifier()), ("linear", LogisticRegression())], voting="soft"
    )
    assert model.fit(X, Y).score(X, Y) > 0.8


def test_boosting_gives_weights_to_rows() -> None:
    model = AdaBoostClassifier(classifier(max_iter=20), n_estimators=3, random_state=0)
    assert model.fit(X, Y).score(X, Y) > 0.8
    assert AdaBoostClassifier(Perceptron(), n_estimators=3).fit(X, Y).score(X, Y) > 0.7


def test_bagging_and_reductions_take_the_estimators() -> None:
    assert (
        BaggingRegressor(regressor(), 3, random_state=0)
        .fit(VALUES_X, VALUES)
        .score(VALUES_X, VALUES)
        > 0.9
    )
    both = np.column_stack([VALUES, -VALUES])
    assert MultiOutputRegressor(regressor()).fit(VALUES_X, both).score(VALUES_X, both) > 0.9
    assert OneVsRestClassifier(classifier()).fit(X, Y).score(X, Y) > 0.8


def test_targets_are_transformed() -> None:
    model = TransformedTargetRegressor(regressor(), transformer=StandardScaler())
    assert model.fit(VALUES_X, 1000 * VALUES).score(VALUES_X, 1000 * VALUES) > 0.9


def test_the_importance_of_features_is_measured() -> None:
    found = permutation_importance(regressor().fit(VALUES_X, VALUES), VALUES_X, VALUES)
    assert found.importances_mean.max() > 0.1


def test_the_displays_draw() -> None:
    model, numbers = classifier().fit(X, Y), regressor().fit(VALUES_X, VALUES)
    for display in (RocCurveDisplay, DetCurveDisplay, PrecisionRecallDisplay, CalibrationDisplay):
        display.from_estimator(model, X, Y)
    ConfusionMatrixDisplay.from_estimator(model, X, Y)
    PartialDependenceDisplay.from_estimator(model, X, [0, (1, 2)], grid_resolution=5)
    flat = classifier().fit(X[:, :2], Y)
    DecisionBoundaryDisplay.from_estimator(flat, X[:, :2], grid_resolution=10)
    PredictionErrorDisplay.from_estimator(numbers, VALUES_X, VALUES)
    LearningCurveDisplay.from_estimator(classifier(max_iter=5), X, Y, train_sizes=[0.5, 1.0], cv=2)
    ValidationCurveDisplay.from_estimator(
        classifier(max_iter=5), X, Y, param_name="alpha", param_range=[0.1, 1.0], cv=2
    )
    mpl.pyplot.close("all")


def test_a_clone_has_the_parameters_and_nothing_else() -> None:
    model = classifier(alpha=0.5).fit(X, Y)
    twin = clone(model)
    assert twin.get_params() == model.get_params()
    assert not hasattr(twin, "coefs_")
    np.testing.assert_array_equal(twin.fit(X, Y).coefs_[0], model.coefs_[0])


@pytest.mark.parametrize("estimator", [classifier(), Perceptron()], ids=["mlp", "perceptron"])
def test_joblib_and_pickle_bring_back_equal_estimators(estimator: Any, tmp_path: Path) -> None:
    model = clone(estimator).fit(X, Y)
    joblib.dump(model, tmp_path / "model.joblib")
    for twin in (joblib.load(tmp_path / "model.joblib"), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(twin.predict(X), model.predict(X))
        model_again = pickle.loads(pickle.dumps(model))
        # Training goes on as if there had been no copy, with the optimizer's state.
        twin.partial_fit(X, Y)
        model_again.partial_fit(X, Y)
        name = "coef_" if isinstance(estimator, Perceptron) else "coefs_"
        for own, expected in zip(getattr(twin, name), getattr(model_again, name), strict=True):
            np.testing.assert_array_equal(own, expected)


def test_changed_bytes_of_a_pickle_are_noticed() -> None:
    model = classifier().fit(X, Y)
    data = bytearray(pickle.dumps(model))
    weights = model.coefs_[0].T.tobytes()
    data[data.index(weights) + 40] ^= 1
    with pytest.raises(ValueError, match="checksum"):
        pickle.loads(bytes(data))


def test_weights_that_a_user_sets_are_those_that_predict_and_train() -> None:
    model, other = classifier().fit(X, Y), classifier(random_state=1).fit(X, Y)
    model.coefs_, model.intercepts_ = other.coefs_, other.intercepts_
    np.testing.assert_array_equal(model.predict_proba(X), other.predict_proba(X))
    model.coefs_[0][:] = 0.0
    model.intercepts_[1][:] = 0.0
    model.coefs_[1][:] = 0.0
    np.testing.assert_array_equal(model.predict_proba(X), np.full((120, 2), 0.5))
    model.partial_fit(X, Y)
    # One step of Adam, from the weights that were set.
    assert 0.0 < np.abs(model.coefs_[0]).max() < 2 * model.learning_rate_init


def test_weights_of_rows_are_asked_for_by_metadata_routing() -> None:
    weights = np.random.RandomState(0).uniform(0.5, 2, len(Y))
    with sklearn.config_context(enable_metadata_routing=True):
        model = make_pipeline(
            StandardScaler().set_fit_request(sample_weight=False),
            classifier().set_fit_request(sample_weight=True),
        )
        routed = model.fit(X, Y, sample_weight=weights)[-1].coefs_[0]
    scaled = StandardScaler().fit_transform(X)
    expected = classifier().fit(scaled, Y, sample_weight=weights).coefs_[0]
    np.testing.assert_array_equal(routed, expected)


def test_without_scikit_learn_the_import_names_the_extra() -> None:
    code = (
        "import sys; sys.modules['sklearn'] = None\n"
        "try:\n    import lamina.sklearn\nexcept ImportError as error:\n    print(error)"
    )
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "pip install lamina[sklearn]" in run.stdout


def test_importing_lamina_reads_no_scikit_learn() -> None:
    code = "import sys, lamina; lamina.Sequential; print('sklearn' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert run.stdout.strip() == "False"
