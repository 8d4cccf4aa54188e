"""Table models as scikit-learn estimators; `lamina.tabular` has their names."""

try:
    import sklearn as _sklearn  # noqa: F401
except ImportError as error:
    raise ImportError(
        "lamina.tabular: its estimators need scikit-learn of at least 1.7, which is not installed; "
        "run pip install lamina[sklearn], or use TableModel, which needs none"
    ) from error

from lamina._table_estimators._encoder import TableEncoder
from lamina._table_estimators._estimators import TabularClassifier, TabularRegressor

__all__ = ["TableEncoder", "TabularClassifier", "TabularRegressor"]
