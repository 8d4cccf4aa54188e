"""A network together with what turns a table into its inputs and its outputs into answers."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina._checks.stack_level import stack_level
from lamina._network.model_file import load_model, save_model
from lamina._sequential import Sequential
from lamina.tabular._as_columns import TableLike, as_columns
from lamina.tabular._checks import ColumnIssue, TableWarning, describe_issues
from lamina.tabular._columns import Column, Floats, TableError
from lamina.tabular._encoders import Record
from lamina.tabular._inspect import closest
from lamina.tabular._preprocessor import Preprocessor
from lamina.tabular._record import Fields, finite
from lamina.tabular._scores import Scores, score_outputs
from lamina.tabular._target import ClassTarget, Target, target_from_record

SCHEMA = "lamina.tabular.model"
VERSION = 2  # 1 had no layer for the columns


@dataclass(frozen=True)
class Measured:
    """Rows of a table whose target is there: targets as encoded [rows], outputs [rows, outputs]."""

    target: NDArray[Any]
    outputs: Floats
    issues: list[ColumnIssue]


@dataclass
class TableModel:
    """Predicts a column of a table from its other columns; saved as one file.

    `predict`, `predict_probabilities`, `outputs` and `evaluate` warn (`TableWarning`) where the
    table holds what training did not see: once for each column and kind of finding in the life of
    a model, so that a service is not flooded. `check` counts them at every call.

    Attributes:
        preprocessor: from columns to network inputs.
        target: from network outputs to class names or numbers.
        network: a network that begins with `preprocessor.layer()` and has softmax, sigmoid or
            identity outputs.
        training: JSON record of how it was trained.

    Raises:
        TableError: the network does not begin with the preprocessor's layer.
    """

    preprocessor: Preprocessor
    target: Target
    network: Sequential
    training: Record = field(default_factory=dict)
    _told: set[tuple[str, str]] = field(default_factory=set, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.network.layers[0] != self.preprocessor.layer():
            raise TableError(
                "expected a network whose first layer is the preprocessor's layer(), got one that "
                f"begins with {self.network.layers[0].title()}"
            )

    def outputs(self, table: TableLike) -> Floats:
        """The network's outputs [rows, outputs] as float64."""
        inputs, issues = self.preprocessor.encode(table)
        self._warn(issues, len(inputs))
        return self.outputs_of(inputs)

    def outputs_of(self, inputs: NDArray[np.float32]) -> Floats:
        """As `outputs`, of rows that the preprocessor has encoded [rows, inputs]."""
        outputs = np.asarray(self.network.predict(inputs))
        return outputs.reshape(len(outputs), self.target.outputs).astype(np.float64)

    def check(self, table: TableLike) -> list[ColumnIssue]:
        """What the table holds that training did not see, counted by column: see `ColumnIssue`.

        Raises:
            TableError: as in `predict`.
        """
        return self.preprocessor.check(table)

    def predict(self, table: TableLike, *, threshold: float | None = None) -> NDArray[Any]:
        """Class names or numbers [rows].

        Args:
            table: see `lamina.tabular.as_columns`.
            threshold: of two classes the second is predicted where its probability is above
                this; None: 0.5.

        Raises:
            TableError: a column is missing, a value is not of its column's kind, or there is a
                threshold without two classes.
        """
        self.target.check_threshold(threshold)
        return self.target.decode(self.outputs(table), threshold)

    def predict_probabilities(self, table: TableLike) -> Floats:
        """Probabilities [rows, classes], in the order of `target.classes`."""
        if not isinstance(self.target, ClassTarget):
            raise TableError("a regression model gives no probabilities")
        return self.target.probabilities(self.outputs(table))

    def evaluate(self, table: TableLike, *, threshold: float | None = None) -> Scores:
        """Figures of the model and of the baseline, over the rows whose target is there.

        Gives {"model": {...}, "baseline": {...}}. For classes: accuracy, balanced_accuracy, f1 (of
        two classes that of the second, else the mean), matthews_correlation, log_loss, brier_score,
        expected_calibration_error, roc_auc and average_precision. For numbers: rmse, mae and
        median_absolute_error in the target's own units, and r2. NaN where the rows have no such
        figure. The baseline guesses the training rows' class shares as probabilities, or their
        mean.

        Args:
            table: as in `predict`, with the target's column.
            threshold: as in `predict`.

        Raises:
            TableError: no target column, or no row with a target; also as in `predict`.
        """
        self.target.check_threshold(threshold)
        measured = self.measure(table)
        self._warn(measured.issues, len(measured.target))
        return score_outputs(self.target, measured.target, measured.outputs, threshold)

    def measure(self, table: TableLike) -> Measured:
        """Outputs and encoded targets of the rows whose target is there, and what `check` finds.

        Raises:
            TableError: as in `evaluate`.
        """
        columns = as_columns(table)
        column = self.preprocessor.read(self.target.name, self._target_column(columns))
        encoded = self.target.encode(column, self.missing_values)
        there = encoded >= 0 if isinstance(self.target, ClassTarget) else ~np.isnan(encoded)
        if not there.any():
            raise TableError(f"no row has a value in the target column '{self.target.name}'")
        inputs, issues = self.preprocessor.encode(columns, rows=np.flatnonzero(there))
        return Measured(encoded[there], self.outputs_of(inputs), issues)

    def save(self, path: str | Path) -> None:
        """Write preprocessing, network, class names and training record to one file.

        Beside the network the file holds the object `schema` ("lamina.tabular.model"), `version`
        (2), `preprocessor`, `target` and `training`, and the tensors of the former two under
        `preprocessor.` and `target.`. Numbers in `training` that are not finite become null.
        """
        preprocessor, own = self.preprocessor.to_record()
        target, vectors = self.target.to_record()
        record = {
            "schema": SCHEMA,
            "version": VERSION,
            "preprocessor": preprocessor,
            "target": target,
            "training": finite(self.training),
        }
        tensors = {f"preprocessor.{name}": values for name, values in own.items()}
        tensors |= {f"target.{name}": values for name, values in vectors.items()}
        save_model(path, self.network, record=record, tensors=tensors)

    @staticmethod
    def load(path: str | Path) -> "TableModel":
        """Read what `save` wrote; everything is checked against everything else.

        Raises:
            TableError: no table model, another version, or parts that do not fit each other.
            OSError: the file cannot be read.
        """
        network, record, tensors = load_model(path, Sequential)
        if not record:
            raise TableError(
                f"{path}: expected a model of tables, got a network alone; lamina.load reads it"
            )
        fields = Fields(str(path), record)
        fields.take_version(SCHEMA, VERSION, oldest=VERSION)
        parts = _split_tensors(str(path), tensors)
        preprocessor = Preprocessor.from_record(
            fields.take("preprocessor", dict), parts["preprocessor"]
        )
        target = target_from_record(fields.take("target", dict), parts["target"])
        training = fields.take("training", dict)
        fields.done()
        try:
            model = TableModel(preprocessor, target, network, training)
            model._check_network()
        except ValueError as error:
            raise TableError(f"{path}: {error}") from None
        return model

    @property
    def missing_values(self) -> tuple[str, ...]:
        """Texts that stand for a missing value."""
        return self.preprocessor.missing_values

    def _target_column(self, columns: Mapping[str, Column]) -> Column:
        if self.target.name not in columns:
            rest = [name for name in columns if name not in self.preprocessor.column_names]
            raise TableError(
                f"the table has no target column '{self.target.name}'"
                f"{closest(self.target.name, rest)}"
            )
        return columns[self.target.name]

    def _check_network(self) -> None:
        """One row must go through: the network fits the preprocessing and the target."""
        row = np.zeros((1, self.preprocessor.inputs), dtype=np.float32)
        outputs = np.asarray(self.network.predict(row)).size
        if outputs != self.target.outputs:
            raise TableError(
                f"the target needs {self.target.outputs} network outputs, but there are {outputs}"
            )

    def _warn(self, issues: Sequence[ColumnIssue], rows: int) -> None:
        new = [issue for issue in issues if (issue.column, issue.kind) not in self._told]
        if new:
            self._told.update((issue.column, issue.kind) for issue in new)
            level = stack_level()
            warnings.warn(describe_issues(new, rows), TableWarning, stacklevel=level)


def _split_tensors(where: str, tensors: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    parts: dict[str, dict[str, Any]] = {"preprocessor": {}, "target": {}}
    for name, values in tensors.items():
        part, _, rest = name.partition(".")
        if part not in parts:
            raise TableError(f"{where}: unknown tensor '{name}'")
        parts[part][rest] = values
    return parts
