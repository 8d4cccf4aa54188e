"""scikit-learn's checks of estimators, over many configurations of lamina's."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sklearn.base import BaseEstimator
from sklearn.utils.estimator_checks import parametrize_with_checks

from lamina.sklearn import MLPClassifier, MLPRegressor, Perceptron

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:batch_size=:UserWarning"),
]

ESTIMATORS = [
    MLPClassifier(max_iter=50),
    MLPRegressor(max_iter=100),
    Perceptron(),
]
MORE_ESTIMATORS = [
    MLPClassifier((8, 6), "tanh", solver="sgd", learning_rate="adaptive", max_iter=60),
    MLPClassifier((), "identity", max_iter=100, learning_rate_init=0.1),
    MLPClassifier(30, "logistic", learning_rate_init=0.05, max_iter=60),
    MLPClassifier(solver="sgd", nesterovs_momentum=False, learning_rate_init=0.05, max_iter=60),
    MLPClassifier(solver="sgd", learning_rate="invscaling", learning_rate_init=0.5, max_iter=60),
    MLPClassifier(batch_size=8, max_iter=30),
    MLPClassifier(shuffle=False, alpha=0.1, max_iter=50),
    MLPClassifier(warm_start=True, max_iter=50),
    MLPClassifier((10,), solver="lbfgs", max_iter=50),
    MLPRegressor(
        hidden_layer_sizes=(8, 6), activation="tanh", learning_rate_init=0.02, max_iter=100
    ),
    MLPRegressor(solver="sgd", learning_rate_init=0.01, momentum=0.0, max_iter=100),
    MLPRegressor(batch_size=10, max_iter=50),
    MLPRegressor(alpha=1.0, shuffle=False, max_iter=100),
    MLPRegressor(hidden_layer_sizes=(10,), solver="lbfgs", max_iter=100),
    MLPRegressor(warm_start=True, max_iter=100),
    Perceptron(penalty="l2"),
    Perceptron(penalty="elasticnet", shuffle=False),
    Perceptron(class_weight="balanced", eta0=0.5),
    Perceptron(fit_intercept=False, penalty="l1", warm_start=True),
]


def expected_failures(estimator: BaseEstimator) -> dict[str, str]:
    """What cannot hold for methods that draw their batches, as scikit-learn declares it."""
    by_rows = isinstance(estimator, Perceptron)
    in_batches = not by_rows and estimator.solver != "lbfgs" and estimator.batch_size != "auto"
    if not by_rows and not in_batches:
        return {}
    reason = "rows that are left out or doubled change which rows follow one another"
    return {
        "check_sample_weight_equivalence_on_dense_data": reason,
        "check_sample_weight_equivalence_on_sparse_data": reason,
    }


@parametrize_with_checks(ESTIMATORS, expected_failed_checks=expected_failures)
def test_the_checks_pass(estimator: BaseEstimator, check: Callable[[Any], None]) -> None:
    check(estimator)


@pytest.mark.long
@parametrize_with_checks(MORE_ESTIMATORS, expected_failed_checks=expected_failures)
def test_the_checks_pass_for_all_options(
    estimator: BaseEstimator, check: Callable[[Any], None]
) -> None:
    check(estimator)


@pytest.mark.long
def test_scikit_learns_own_tests_pass(repository: Path) -> None:
    script = repository / "tests" / "parity" / "sklearn_own_tests.py"
    run = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-3000:]
