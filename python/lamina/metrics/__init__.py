"""Figures that say how good predictions are: functions of true values, outputs and row weights.

`metric(y_true, y_pred, sample_weight=None, ...)` takes arrays, lists or columns of data frames;
y_pred is what a network's `predict` gives. In `fit` and `evaluate` the metrics go by their names,
and the loss and the last activation say how outputs are to be read. Called directly:

- Outputs [rows] or [rows, 1] are of two classes: scores of class 1, chosen above 0.5 (`threshold`).
  y_true has 0 and 1 (or probabilities of class 1); or -1 and 1, as for hinge losses, then chosen
  above 0.
- Outputs [rows, classes] beside class indices [rows] are of several classes, one a row; so are
  one-hot y_true beside outputs that sum to 1, and y_true of probabilities, whose largest counts.
- Outputs [rows, labels] beside any other y_true [rows, labels] of 0 and 1 are many labels at once,
  each chosen by itself ("multilabel-indicator" to scikit-learn's `type_of_target`): accuracy is by
  row (all labels right), `label_accuracy` by label, averages are over labels.
- y_pred [rows] of whole numbers, booleans or texts holds classes that were chosen already.
- `task="binary"`, `"multiclass"` or `"multilabel"` says it outright.

Rows of weight k count like k rows. Functions raise TypeError or ValueError for arrays that do not
go together, or are not finite.
"""

from lamina.metrics._classification import (
    accuracy,
    balanced_accuracy,
    confusion_matrix,
    f1,
    label_accuracy,
    matthews_correlation,
    precision,
    recall,
)
from lamina.metrics._metric import Metric
from lamina.metrics._probabilities import brier_score, expected_calibration_error, log_loss
from lamina.metrics._ranking import average_precision, roc_auc, top_k_accuracy
from lamina.metrics._regression import (
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    median_absolute_error,
    pinball,
    r2,
    root_mean_squared_error,
)

__all__ = [
    "Metric",
    "accuracy",
    "average_precision",
    "balanced_accuracy",
    "brier_score",
    "confusion_matrix",
    "expected_calibration_error",
    "f1",
    "label_accuracy",
    "log_loss",
    "matthews_correlation",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "median_absolute_error",
    "pinball",
    "precision",
    "r2",
    "recall",
    "roc_auc",
    "root_mean_squared_error",
    "top_k_accuracy",
]
