"""Networks together with what turns a table into their inputs and their outputs into answers."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from lamina._checks.stack_level import stack_level
from lamina._network.model_file import StoredDtype
from lamina._sequential import Sequential
from lamina.tabular import _code_export as code_export
from lamina.tabular._as_columns import TableLike, as_columns
from lamina.tabular._checks import ColumnIssue, TableWarning, describe_issues
from lamina.tabular._columns import Floats, TableError
from lamina.tabular._encoders import Record
from lamina.tabular._importance import Importance, permutation_importance
from lamina.tabular._monitor import Figure, default_figure, find_figure
from lamina.tabular._networks import Networks
from lamina.tabular._onnx_export import export_table
from lamina.tabular._preprocessor import Preprocessor
from lamina.tabular._rows import read_target
from lamina.tabular._scores import Scores, score_outputs
from lamina.tabular._table_file import (
    TableParts,
    read_table_model,
    table_model_bytes,
    table_model_from_bytes,
    write_table_model,
)
from lamina.tabular._target import ClassTarget, NumberTarget, NumberTargets, Target


@dataclass(frozen=True)
class Measured:
    """Rows of a table whose target is there.

    Attributes:
        inputs: as encoded [rows, inputs]. target: as encoded [rows]. outputs: the model's
            [rows, outputs].
        weights: how much each row counts [rows]; None: all the same.
    """

    inputs: NDArray[np.float32]
    target: NDArray[Any]
    outputs: Floats
    issues: list[ColumnIssue]
    weights: Floats | None


class TablePredictor:
    """Predicts a column of a table from its other columns; saved as one file.

    `predict`, `predict_probabilities`, `outputs` and `evaluate` warn (`TableWarning`) where the
    table holds what training did not see: once for each column and kind of finding in the life of
    a model, so that a service is not flooded. `check` counts them at every call.

    Args:
        preprocessor: from columns to network inputs.
        target: from network outputs to class names or numbers.
        network: a network that begins with `preprocessor.layer()` and has softmax, sigmoid or
            identity outputs; or several, whose outputs are averaged.
        training: JSON record of how it was trained.
        shares: how much each of several networks counts; None: all the same.

    Attributes:
        preprocessor, target, training: as given.
        networks: the networks. shares: how much each counts in the mean, with the sum 1.

    Raises:
        TableError: a network does not begin with the preprocessor's layer, or shares do not fit.
    """

    def __init__(
        self,
        preprocessor: Preprocessor,
        target: Target,
        network: Sequential | Sequence[Sequential],
        training: Record | None = None,
        *,
        shares: Sequence[float] | None = None,
    ) -> None:
        networks = [network] if isinstance(network, Sequential) else network
        self.preprocessor = preprocessor
        self.target = target
        self.training: Record = {} if training is None else training
        self._networks = Networks(networks, shares)
        self._networks.check_first_layers(preprocessor.layer())
        self.networks, self.shares = self._networks.each, self._networks.shares
        self._told: set[tuple[str, str]] = set()

    @property
    def network(self) -> Sequential:
        """The network of a model that has one.

        Raises:
            TableError: there are several, which `networks` has.
        """
        if len(self.networks) > 1:
            raise TableError(
                f"the model is the mean of {len(self.networks)} networks; expected a model of one: "
                "see networks"
            )
        return self.networks[0]

    def outputs(self, table: TableLike) -> Floats:
        """The outputs of the network, or their mean [rows, outputs], as float64."""
        inputs, issues = self.preprocessor.encode(table)
        self._warn(issues, len(inputs))
        return self.outputs_of(inputs)

    def outputs_of(self, inputs: NDArray[np.float32]) -> Floats:
        """As `outputs`, of rows that the preprocessor has encoded [rows, inputs]."""
        return self.target.calibrated(self._networks.outputs(inputs, self.target.outputs))

    def check(self, table: TableLike) -> list[ColumnIssue]:
        """What the table holds that training did not see, counted by column: see `ColumnIssue`.

        Raises:
            TableError: as in `predict`.
        """
        return self.preprocessor.check(table)

    def predict(self, table: TableLike, *, threshold: float | None = None) -> NDArray[Any]:
        """Class names or numbers [rows]; of several targets numbers [rows, targets].

        Of a model with quantiles or an interval the numbers are medians.

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

    def predict_quantiles(self, table: TableLike) -> Floats:
        """Quantiles [rows, levels], rising, of the levels `target.spread.levels`.

        Of several targets they are [rows, targets, levels].

        Raises:
            TableError: the model was trained without quantiles; also as in `predict`.
        """
        return self._numbers().quantiles(self.outputs(table))

    def predict_interval(self, table: TableLike) -> Floats:
        """Lower and upper ends [rows, 2] of the intervals that hold `target.spread.coverage`.

        Of several targets they are [rows, targets, 2], each held by itself.

        Raises:
            TableError: the model was trained without an interval; also as in `predict`.
        """
        return self._numbers().intervals(self.outputs(table))

    def _numbers(self) -> NumberTarget | NumberTargets:
        if isinstance(self.target, ClassTarget):
            raise TableError(f"'{self.target.name}' is a class, which has no quantiles")
        return self.target

    predict_proba = predict_probabilities  # scikit-learn's name

    def evaluate(
        self,
        table: TableLike,
        *,
        threshold: float | None = None,
        weight_column: str | None = None,
    ) -> Scores:
        """Figures of the model and of the baseline, over the rows whose target is there.

        Gives {"model": {...}, "baseline": {...}}. For classes: accuracy, balanced_accuracy, f1 (of
        two classes that of the second, else the mean), matthews_correlation, log_loss, brier_score,
        expected_calibration_error, roc_auc and average_precision. For numbers: rmse, mae and
        median_absolute_error in the target's own units, and r2; with quantiles also pinball, of
        each level share_below_0.05 and the like, and with an interval its coverage and
        interval_width. Of several targets these are means, and "by_target" holds the same by name.
        NaN where the rows have no such figure. The baseline guesses the training rows' class
        shares as probabilities, their mean, or their quantiles.

        Args:
            table: as in `predict`, with the target's column.
            threshold: as in `predict`.
            weight_column: how much each row counts in the figures; None: the column of weights
                that the model was trained with, where the table has it.

        Raises:
            TableError: no target column, or no row with a target; also as in `predict`.
        """
        self.target.check_threshold(threshold)
        found = self.measure(table, weight_column)
        self._warn(found.issues, len(found.target))
        return score_outputs(self.target, found.target, found.outputs, threshold, found.weights)

    def measure(self, table: TableLike, weight_column: str | None = None) -> Measured:
        """Outputs and encoded targets of the rows whose target is there, and what `check` finds.

        Raises:
            TableError: as in `evaluate`.
        """
        columns = as_columns(table)
        if weight_column is None and self.weight_column in columns:
            weight_column = self.weight_column
        rows = read_target(columns, self.target, self.preprocessor, weight_column)
        inputs, issues = self.preprocessor.encode(columns, rows=rows.numbers)
        return Measured(inputs, rows.target, self.outputs_of(inputs), issues, rows.weights)

    def importance(
        self,
        table: TableLike,
        *,
        metric: str | None = None,
        repeats: int = 5,
        seed: int = 0,
        weight_column: str | None = None,
    ) -> Importance:
        """What a figure loses where the values of a column are shuffled among the rows.

        This is permutation importance (Breiman 2001; Fisher et al. 2019), of rows that training
        did not learn from: a column that others can stand in for loses little.

        Args:
            table, weight_column: as in `evaluate`.
            metric: the figure, a name of `lamina.metrics`; None: "log_loss", "rmse", or "pinball"
                of quantiles.
            repeats: shuffles of each column, at least 1. seed: of the shuffles.

        Raises:
            TableError: a metric that does not go with the target, or that these rows do not have;
                also as in `evaluate`.
        """
        figure = self.figure(metric, "metric")
        measured = self.measure(table, weight_column)
        self._warn(measured.issues, len(measured.target))
        return self.importance_of(measured, figure, repeats=repeats, seed=seed)

    def importance_of(
        self, measured: Measured, figure: Figure, *, repeats: int = 5, seed: int = 0
    ) -> Importance:
        """As `importance`, of rows that `measure` has read."""
        return permutation_importance(
            self.preprocessor.encoders,
            measured.inputs,
            measured.target,
            measured.weights,
            self.outputs_of,
            figure,
            repeats=repeats,
            seed=seed,
        )

    def figure(self, metric: str | None, option: str) -> Figure:
        """A figure of the target by the name of a metric, None: the one that training lowers.

        Raises:
            TableError: it does not go with the target; `option` says what asked for it.
        """
        return find_figure(metric or default_figure(self.target), self.target, option)

    def save(
        self,
        path: str | Path,
        *,
        dtype: StoredDtype | None = None,
        selftest: TableLike | None = None,
    ) -> None:
        """Write preprocessing, network, class names and training record to one file.

        Beside the first network the file holds the object `schema` ("lamina.tabular.model"),
        `version` (3), `preprocessor`, `target`, `networks` (the further ones) and `training`, and
        the tensors of these, such as `networks.1.layers.1.weight`. Numbers in `training` that are
        not finite become null.

        Args:
            dtype: "float16" or "bfloat16": a file of half the size; see `lamina.Sequential.save`.
            selftest: a table whose rows are stored with the outputs that the file's model gives
                for them; `load(path, selftest=True)` compares.

        Raises:
            TableError: the rows are no table that the model reads. ValueError: a weight is beyond
                the greatest number of `dtype`. OSError: the file cannot be written.
        """
        write_table_model(path, self._parts(), dtype=dtype, selftest=selftest)

    export_c = code_export.export_c
    export_javascript = code_export.export_javascript
    export_python = code_export.export_python

    def export_onnx(
        self,
        path: str | Path | None = None,
        *,
        dtype: Literal["float64", "float32"] = "float64",
        threshold: float | None = None,
    ) -> Any:
        """Write the model, with its preprocessing, as a model of ONNX; see docs/onnx.md.

        The graph has an input [rows, 1] for each column: numbers as `dtype`, NaN where one is
        missing; categories as text, "" where one is missing; dates as float64 seconds since
        1970-01-01 UTC. Its outputs are "label" [rows] and "probabilities" [rows, classes]; of
        numbers "variable" [rows, targets], and "quantiles" and "interval", shaped as
        `predict_quantiles` and `predict_interval` give them. Needs the extra `onnx`.

        Args:
            path: of the file, which is replaced as a whole; None: only return the model.
            dtype: of the numbers that go in and come out, but for dates.
            threshold: as in `predict`, for "label".

        Returns:
            The model, an `onnx.ModelProto`.

        Raises:
            ImportError: the package onnx is not installed. OSError: the file cannot be written.
            TableError, ValueError: a threshold without two classes, or another dtype.
        """
        options: dict[str, Any] = {"dtype": dtype, "threshold": threshold}
        return export_table(self.preprocessor, self.target, self._networks, path, **options)

    @classmethod
    def load(cls, path: str | Path, *, mmap: bool = False, selftest: bool = False) -> Self:
        """Read what `save` wrote; everything is checked against everything else.

        Args:
            mmap, selftest: as in `lamina.load`.

        Raises:
            TableError: no table model, another version, or parts that do not fit each other.
            ValueError: not a lamina model or damaged; or the self-test fails, or there is none.
            OSError: the file cannot be read.
        """
        return cls._of_parts(read_table_model(path, mmap=mmap, selftest=selftest))

    def __getstate__(self) -> bytes:
        return table_model_bytes(self._parts())

    def __setstate__(self, data: bytes) -> None:
        self.__dict__.update(vars(self._of_parts(table_model_from_bytes(data))))

    def _parts(self) -> TableParts:
        return TableParts(self.preprocessor, self.target, self._networks, self.training)

    @classmethod
    def _of_parts(cls, parts: TableParts) -> Self:
        each, shares = parts.networks.each, parts.networks.shares.tolist()
        return cls(parts.preprocessor, parts.target, each, parts.training, shares=shares)

    @property
    def missing_values(self) -> tuple[str, ...]:
        """Texts that stand for a missing value."""
        return self.preprocessor.missing_values

    @property
    def weight_column(self) -> str | None:
        """The column of weights that the model was trained with."""
        name = self.training.get("weight_column")
        return name if isinstance(name, str) else None

    def _warn(self, issues: Sequence[ColumnIssue], rows: int) -> None:
        new = [issue for issue in issues if (issue.column, issue.kind) not in self._told]
        if new:
            self._told.update((issue.column, issue.kind) for issue in new)
            level = stack_level()
            warnings.warn(describe_issues(new, rows), TableWarning, stacklevel=level)
