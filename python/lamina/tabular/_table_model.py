"""A network together with what turns a table into its inputs and its outputs into answers."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from lamina._checks.stack_level import stack_level
from lamina._core import __version__
from lamina._sequential import Sequential
from lamina._training.callbacks import Callback
from lamina._training.fit import Verbose
from lamina._training.training_warnings import TrainingWarning
from lamina.tabular._as_columns import TableLike, as_columns
from lamina.tabular._checks import ColumnIssue, TableWarning, describe_issues
from lamina.tabular._columns import Floats, TableError
from lamina.tabular._encoders import Record
from lamina.tabular._findings import findings
from lamina.tabular._networks import Networks
from lamina.tabular._options import TrainOptions, check_validation
from lamina.tabular._preprocessor import Preprocessor
from lamina.tabular._remedies import table_named
from lamina.tabular._rows import read_target
from lamina.tabular._scores import Scores, score_outputs
from lamina.tabular._table_file import (
    TableParts,
    read_table_model,
    table_model_bytes,
    table_model_from_bytes,
    write_table_model,
)
from lamina.tabular._target import ClassTarget, Target
from lamina.tabular._trained import Trained
from lamina.tabular._training import TableTraining


@dataclass(frozen=True)
class Measured:
    """Rows of a table whose target is there.

    Attributes:
        target: as encoded [rows]. outputs: the network's [rows, outputs].
        weights: how much each row counts [rows]; None: all the same.
    """

    target: NDArray[Any]
    outputs: Floats
    issues: list[ColumnIssue]
    weights: Floats | None


class TableModel:
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

    @classmethod
    def fit(
        cls,
        table: TableLike,
        *,
        target: str,
        validation: TableLike | None = None,
        validation_fraction: float = 0.2,
        split: Literal["random", "time", "last"] | None = None,
        time_column: str | None = None,
        weight_column: str | None = None,
        class_weight: Mapping[Any, float] | Literal["balanced"] | None = None,
        monitor: str = "loss",
        task: Literal["auto", "classification", "regression"] = "auto",
        numeric: Sequence[str] = (),
        categorical: Sequence[str] = (),
        ignore: Sequence[str] = (),
        parse_numbers: Sequence[str] = (),
        date_format: Mapping[str, str] | None = None,
        missing: Sequence[str | float] = (),
        only_missing: Sequence[str | float] | None = None,
        numbers: Literal["piecewise", "standard", "robust"] = "piecewise",
        bins: int = 48,
        decimal: Literal[".", ","] = ".",
        hidden: Sequence[int] = (256, 128),
        activation: str = "relu",
        dropout: float = 0.0,
        optimizer: Literal["adam", "adamw", "sgd"] = "adamw",
        learning_rate: float | None = None,
        weight_decay: float | None = None,
        batch_size: int | None = None,
        epochs: int | None = None,
        patience: int | None = None,
        average: float = 0.99,
        n_members: int = 1,
        time_limit: float | None = None,
        seed: int = 0,
        callbacks: Sequence[Callback | Any] = (),
        verbose: Verbose = "auto",
    ) -> Self:
        """Learn to predict one column of a table from the others, as `lamina train` does.

        The kind of each column and the task follow from the values. Rows without a target are left
        out, and so are columns that tell nothing of other rows (keys, constants; see
        `preprocessor.ignored`). A share of the rows is held back, of classes the same share of
        each; training stops when their loss has not improved for `patience` epochs, and the best
        weights are kept. The same table, options and seed give the same model to the last bit.

        Args:
            table: see `lamina.tabular.as_columns`. target: name of the column to predict.
            validation: a table of rows to validate on; None: `validation_fraction` of `table`.
            split: which rows are held back: "random" (also None), those "last" in the table, or
                the latest by "time", which is `time_column` or else the only column of dates.
            weight_column: how much each row counts: numbers of at least 0, no input of the
                network. Training, validation and all figures take them.
            class_weight: how much the rows of a class count in training and in the validation
                loss, by class and 1 where left out; "balanced": so that all classes weigh the same.
            monitor: what ends the training, and says which weights are the best: the validation
                "loss", or a metric of the validation rows by its name in `lamina.metrics`.
            task: "auto": text, truth values and few whole numbers are classes.
            numeric, categorical, ignore: columns of numbers or categories, and columns to leave
                out, where the kind that is worked out would be wrong.
            parse_numbers: columns of numbers with marks, such as $1,234.50, 40% or <0.5.
            date_format: column name to how its dates are written, as of `datetime.strptime`.
            missing: further texts or numbers that stand for missing values.
            only_missing: those in place of the usual ones (NA, None, ?, ...); []: empty cells only.
            numbers, bins, decimal: as in `Preprocessor`.
            hidden: units of the hidden layers. activation: theirs. dropout: share of their units
                dropped while training, in [0, 1).
            optimizer: "adam", "adamw" or "sgd" (with momentum 0.9).
            learning_rate: None: 0.001, of "sgd" 0.01. weight_decay: None: 0.01, of "adam" 0.
            batch_size, epochs, patience: None: by the number of rows: batches of 32 to 1,024; at
                least 200 epochs and 14,000 batches; at least 2,000 batches without improvement.
            average: decay of the `WeightAverage` that is validated and kept, in [0, 1); 0: none.
            n_members: networks whose outputs are averaged (probabilities, or numbers). Where rows
                are held back at random, each holds back another share of them (k-fold), so that
                every row is learnt from; elsewhere they differ by their seeds.
            time_limit: seconds for all of it; further networks are trained while time is left,
                and there is always one. None: no limit.
            seed: of the rows held back, the first weights and the order of rows.
            callbacks, verbose: as in `Sequential.fit`.

        Returns:
            The trained model. `training` records all of it: "recipe", "columns", "giveaways",
            "history" (also `history`), "best_epoch", "stop_reason" (of the first network),
            "members" (of each), and "results" of the validation rows, by networks that did not
            learn from them.

        Raises:
            TableError: a column is missing or cannot be read, or the target cannot be learnt.
            TypeError, ValueError: an option is of another kind, or out of range.
            KeyboardInterrupt: Ctrl-C before the end of the first epoch.

        Warns:
            TrainingWarning: Ctrl-C ended the training; the model has the best weights so far.
            TableWarning: a column gives the target away, a value of the target may stand for a
                missing one, rows have no target, or rows held back at random have dates.

        Example:
            >>> import lamina as lm
            >>> passed = ["no", "no", "yes", "yes"] * 9 + ["yes", "no", "yes", "no"]
            >>> table = {"hours": [1, 2, 7, 8] * 10, "passed": passed}
            >>> model = lm.tabular.TableModel.fit(table, target="passed", hidden=[8])
            >>> model.predict({"hours": [1, 8]}).tolist()
            ['no', 'yes']
        """
        options = TrainOptions.among(locals())
        return cls._fit(table, validation, options, callbacks, verbose)

    @classmethod
    def _fit(
        cls,
        table: TableLike,
        validation: TableLike | None,
        options: TrainOptions,
        callbacks: Sequence[Callback | Any],
        verbose: Verbose,
    ) -> Self:
        training = TableTraining(as_columns(table), options)
        if validation is None:
            training.hold_back()
        else:
            check_validation(options)
            with table_named("validation"):
                columns = as_columns(validation)
            training.validate_on(columns, "validation", {"kind": "table"})
        training.encode()
        for sentence in findings(training):
            warnings.warn(sentence, TableWarning, stacklevel=stack_level())
        trained = training.run(callbacks, verbose)
        if isinstance(trained.error, KeyboardInterrupt):
            warnings.warn(trained.interrupted(), TrainingWarning, stacklevel=stack_level())
        elif trained.error is not None:
            raise trained.error
        model = cls.trained(training, trained, type(table).__name__)
        results = {"validation": training.scores("validation", model.outputs_of)}
        model.training |= {"results": results, "seconds": training.seconds}
        return model

    @classmethod
    def trained(cls, training: TableTraining, trained: Trained, table: str) -> Self:
        """The model of a training on a table of that name."""
        record = {"lamina": __version__, "table": table, **training.record(trained)}
        return cls(training.preprocessor, training.plan.target, trained.networks, record)

    @property
    def history(self) -> dict[str, list[float]]:
        """Losses and metrics of the (first) network's training by name, one value an epoch."""
        return dict(self.training.get("history", {}))

    def outputs(self, table: TableLike) -> Floats:
        """The outputs of the network, or their mean [rows, outputs], as float64."""
        inputs, issues = self.preprocessor.encode(table)
        self._warn(issues, len(inputs))
        return self.outputs_of(inputs)

    def outputs_of(self, inputs: NDArray[np.float32]) -> Floats:
        """As `outputs`, of rows that the preprocessor has encoded [rows, inputs]."""
        return self._networks.outputs(inputs, self.target.outputs)

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
        median_absolute_error in the target's own units, and r2. NaN where the rows have no such
        figure. The baseline guesses the training rows' class shares as probabilities, or their
        mean.

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
        return Measured(rows.target, self.outputs_of(inputs), issues, rows.weights)

    def save(self, path: str | Path) -> None:
        """Write preprocessing, network, class names and training record to one file.

        Beside the first network the file holds the object `schema` ("lamina.tabular.model"),
        `version` (3), `preprocessor`, `target`, `networks` (the further ones) and `training`, and
        the tensors of these, such as `networks.1.layers.1.weight`. Numbers in `training` that are
        not finite become null.
        """
        write_table_model(path, self._parts())

    @staticmethod
    def load(path: str | Path) -> "TableModel":
        """Read what `save` wrote; everything is checked against everything else.

        Raises:
            TableError: no table model, another version, or parts that do not fit each other.
            OSError: the file cannot be read.
        """
        return TableModel._of_parts(read_table_model(path))

    def __getstate__(self) -> bytes:
        return table_model_bytes(self._parts())

    def __setstate__(self, data: bytes) -> None:
        self.__dict__.update(vars(TableModel._of_parts(table_model_from_bytes(data))))

    def _parts(self) -> TableParts:
        return TableParts(self.preprocessor, self.target, self._networks, self.training)

    @staticmethod
    def _of_parts(parts: TableParts) -> "TableModel":
        each, shares = parts.networks.each, parts.networks.shares.tolist()
        return TableModel(parts.preprocessor, parts.target, each, parts.training, shares=shares)

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
