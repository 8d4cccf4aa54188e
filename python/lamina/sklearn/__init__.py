"""Estimators that take the place of scikit-learn's: the same parameters, attributes and answers."""

try:
    import sklearn as _sklearn  # noqa: F401
except ImportError as error:
    raise ImportError(
        "lamina.sklearn: expected scikit-learn of at least 1.7, which is not installed; run "
        "pip install lamina[sklearn]"
    ) from error

from lamina.sklearn._classifier import MLPClassifier
from lamina.sklearn._perceptron import Perceptron
from lamina.sklearn._regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor", "Perceptron"]
