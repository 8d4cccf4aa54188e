"""Tables for networks: what columns hold, their encoding as numbers, and whole table models."""

from importlib import import_module
from typing import Any

from lamina.tabular._as_columns import TableLike, as_columns
from lamina.tabular._checks import FAR_OUTSIDE, ColumnIssue, TableWarning, describe_issues
from lamina.tabular._class_report import ClassReport
from lamina.tabular._columns import (
    CellError,
    CodedText,
    Column,
    Columns,
    TableError,
    row_count,
    rows_taken,
    take_rows,
    taken,
)
from lamina.tabular._cross_validation import CrossValidation, Fold, cross_validate, run_folds
from lamina.tabular._findings import giveaway_sentence, stray_sentence
from lamina.tabular._formats import is_marked_number, measure_unit, read_formatted_dates
from lamina.tabular._giveaway import Giveaway, find_giveaways
from lamina.tabular._importance import ColumnImportance, Importance
from lamina.tabular._inspect import ColumnSummary, NoColumnError, closest
from lamina.tabular._options import (
    LOSS,
    MONITORS,
    OPTIMIZERS,
    SPLITS,
    TrainOptions,
    missing_values,
)
from lamina.tabular._plan import column_options
from lamina.tabular._preprocessor import NUMBER_ENCODINGS, Preprocessor
from lamina.tabular._presets import DEFAULT_PRESET, PRESETS
from lamina.tabular._recipe import describe_recipes
from lamina.tabular._record import finite
from lamina.tabular._remedies import remedy_option, table_named
from lamina.tabular._rows import check_target, count_rows
from lamina.tabular._scores import score_outputs
from lamina.tabular._split import hold_back, hold_back_latest, holds_dates, read_times
from lamina.tabular._table_model import TableModel
from lamina.tabular._target import (
    DEFAULT_THRESHOLD,
    ClassTarget,
    NumberTarget,
    NumberTargets,
    Spread,
    Target,
    names_of,
)
from lamina.tabular._target_record import target_from_record
from lamina.tabular._task import (
    TASKS,
    TargetError,
    TaskChoice,
    choose_task,
    fit_target,
    missing_texts,
    stray_value,
)
from lamina.tabular._texts import MISSING_VALUES
from lamina.tabular._trained import Trained
from lamina.tabular._training import TableTraining

_ESTIMATORS = ("TableEncoder", "TabularClassifier", "TabularRegressor")


def __getattr__(name: str) -> Any:
    """The scikit-learn estimators, which need scikit-learn and are loaded when asked for."""
    if name in _ESTIMATORS:
        return getattr(import_module("lamina._table_estimators"), name)
    raise AttributeError(f"module 'lamina.tabular' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_ESTIMATORS})


__all__ = [
    "FAR_OUTSIDE",
    "DEFAULT_THRESHOLD",
    "LOSS",
    "MONITORS",
    "MISSING_VALUES",
    "NUMBER_ENCODINGS",
    "DEFAULT_PRESET",
    "OPTIMIZERS",
    "PRESETS",
    "SPLITS",
    "TASKS",
    "CellError",
    "ClassReport",
    "ClassTarget",
    "CodedText",
    "Column",
    "ColumnImportance",
    "ColumnIssue",
    "ColumnSummary",
    "Columns",
    "CrossValidation",
    "Fold",
    "Giveaway",
    "Importance",
    "NoColumnError",
    "NumberTarget",
    "NumberTargets",
    "Preprocessor",
    "Spread",
    "TableError",
    "TableLike",
    "TableModel",
    "TableTraining",
    "TableWarning",
    "Target",
    "TargetError",
    "TaskChoice",
    "TrainOptions",
    "Trained",
    "as_columns",
    "check_target",
    "choose_task",
    "closest",
    "column_options",
    "count_rows",
    "cross_validate",
    "describe_issues",
    "describe_recipes",
    "find_giveaways",
    "finite",
    "fit_target",
    "giveaway_sentence",
    "hold_back",
    "hold_back_latest",
    "holds_dates",
    "is_marked_number",
    "measure_unit",
    "missing_texts",
    "missing_values",
    "names_of",
    "read_formatted_dates",
    "read_times",
    "remedy_option",
    "row_count",
    "rows_taken",
    "run_folds",
    "score_outputs",
    "stray_sentence",
    "stray_value",
    "table_named",
    "take_rows",
    "taken",
    "target_from_record",
]
