"""Tables for networks: what columns hold, their encoding as numbers, and whole table models."""

from lamina.tabular._as_columns import TableLike, as_columns
from lamina.tabular._columns import (
    CellError,
    CodedText,
    Column,
    Columns,
    TableError,
    rows_taken,
    take_rows,
)
from lamina.tabular._inspect import ColumnSummary, closest
from lamina.tabular._preprocessor import NUMBER_ENCODINGS, Preprocessor
from lamina.tabular._split import hold_back
from lamina.tabular._table_model import TableModel, score_outputs
from lamina.tabular._target import (
    TASKS,
    ClassTarget,
    NumberTarget,
    Target,
    TaskChoice,
    choose_task,
    fit_target,
    missing_texts,
    target_from_record,
)
from lamina.tabular._texts import MISSING_VALUES

__all__ = [
    "MISSING_VALUES",
    "NUMBER_ENCODINGS",
    "TASKS",
    "CellError",
    "ClassTarget",
    "CodedText",
    "Column",
    "ColumnSummary",
    "Columns",
    "NumberTarget",
    "Preprocessor",
    "TableError",
    "TableLike",
    "TableModel",
    "Target",
    "TaskChoice",
    "as_columns",
    "choose_task",
    "closest",
    "fit_target",
    "hold_back",
    "missing_texts",
    "rows_taken",
    "score_outputs",
    "take_rows",
    "target_from_record",
]
