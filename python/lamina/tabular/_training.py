"""A training on a table, step by step: what `TableModel.fit` and `lamina train` do."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lamina._optimizers.weight_average import WeightAverage
from lamina._sequential import Sequential
from lamina._training.callbacks import EarlyStopping, checked_callbacks
from lamina.tabular._columns import Floats
from lamina.tabular._giveaway import Giveaway, find_giveaways
from lamina.tabular._monitor import Monitor
from lamina.tabular._options import TrainOptions
from lamina.tabular._plan import make_plan
from lamina.tabular._preprocessor import Preprocessor
from lamina.tabular._recipe import Recipe, loss_of
from lamina.tabular._remedies import Spell, options_named, python_option, table_named
from lamina.tabular._rows import Rows, RowsTaken, Table, take_target
from lamina.tabular._scores import Scores, score_outputs
from lamina.tabular._target import ClassTarget
from lamina.tabular._validation_rows import Split, SplitTable, split_rows
from lamina.tabular._weights import ClassWeights, check_weights, product


class Encoded(NamedTuple):
    """Rows as a network takes them: inputs [rows, inputs], targets [rows], weights [rows]."""

    inputs: NDArray[np.float32]
    target: NDArray[Any]
    weights: Floats | None


@dataclass(frozen=True)
class Trained:
    """A network with its best weights, and how it got there.

    Attributes:
        network: the weights of the best epoch, or of the last where no epoch has a finite loss.
        history: figures by name, one an epoch that ended.
        best_epoch: from 1; the last where that is the one whose weights were kept.
        stop_reason: why training ended before its last epoch; empty where it did not.
        error: an interrupt or an error that ended it.
    """

    network: Sequential
    history: dict[str, list[float]]
    best_epoch: int
    stop_reason: str
    error: BaseException | None

    @property
    def epochs(self) -> int:
        """Epochs that ended."""
        return len(self.history["loss"])

    def interrupted(self) -> str:
        """What an interrupt has left, in a sentence."""
        which = "" if self.best_epoch == self.epochs else ", the best so far"
        return (
            f"TableModel.fit: interrupted in epoch {self.epochs + 1}; the model has the weights of "
            f"epoch {self.best_epoch}{which}"
        )

    def record(self) -> dict[str, Any]:
        """What a model file tells of it."""
        return {
            "epochs": self.epochs,
            "best_epoch": self.best_epoch,
            "stop_reason": self.stop_reason,
            "history": self.history,
        }


class TableTraining:
    """A table on its way to a model.

    One of `hold_back` and `validate_on` follows the constructor, then perhaps `measure_on`, then
    `encode`, then `run`.

    Args:
        table: the columns, which the training takes over: it lets them go once they are encoded.
        name: the table's name for errors; "" where there is one table alone.
        index_columns: columns that are known as the saved index of a frame.
        spell: how errors write an option.

    Attributes:
        plan: task, target and encoding. summaries: what each column holds.
        everything: all rows that have a target. train: those to learn from.
        measured: rows by the part that is measured after training, "validation" first.
        split: which rows validate. giveaways: columns that alone give the target away.

    Raises:
        TableError: a column or the target cannot be read, or an option names none.
    """

    train: Rows
    split: Split
    giveaways: list[Giveaway]
    _encoded: dict[str, Encoded]

    def __init__(
        self,
        table: Table,
        options: TrainOptions,
        *,
        name: str = "",
        index_columns: Collection[str] = (),
        spell: Spell = python_option,
    ) -> None:
        self.options, self.spell = options, spell
        self.plan = make_plan(options, table, name, index_columns, spell)
        self.everything = self._take(name, table)
        self._weigh_target()
        target = self.plan.target
        self._class_weights = ClassWeights(options.class_weight, target, spell)
        self._monitor = Monitor(options.monitor, target, spell)
        self.measured: dict[str, Rows] = {}
        with options_named(options.target, spell), table_named(name):
            self.summaries = self.preprocessor.inspect(
                self.everything.columns, rows=self.everything.places
            )

    @property
    def preprocessor(self) -> Preprocessor:
        """How the columns are encoded."""
        return self.plan.preprocessor

    @cached_property
    def recipe(self) -> Recipe:
        """How the network is built and trained, by the number of training rows."""
        return Recipe.choose(self.options, rows=len(self.train.target))

    @cached_property
    def stopping(self) -> EarlyStopping:
        """What ends the training, and knows its best epoch meanwhile."""
        figure, mode = self._monitor.figure, self._monitor.mode
        return EarlyStopping(monitor=figure, mode=mode, patience=self.recipe.patience)

    @property
    def class_rows(self) -> list[int]:
        """Rows of each class; empty for a number."""
        if not isinstance(self.plan.target, ClassTarget):
            return []
        rows: list[int] = np.bincount(self.everything.target).tolist()
        return rows

    @property
    def class_weights(self) -> dict[str, float]:
        """How much a row of each class counts; empty where no class counts more than another."""
        found = self._class_weights.of_classes(self.train.target, self.train.weights)
        if found is None or not isinstance(self.plan.target, ClassTarget):
            return {}
        return dict(zip(self.plan.target.classes, found.tolist(), strict=True))

    @property
    def without_target(self) -> dict[str, int]:
        """Rows left out for want of a target, by the table that they are in."""
        tables = {"training": self.everything}
        tables |= {part: r for part, r in self.measured.items() if r.columns is not self._columns}
        return {part: rows.without_target for part, rows in tables.items()}

    @property
    def _columns(self) -> Table:
        return self.everything.columns

    def _take(self, name: str, table: Table) -> Rows:
        target, weights = self.plan.target, self.options.weight_column
        return take_target(name, table, target, self.preprocessor, weights)

    def _weigh_target(self) -> None:
        """Take the target's shares, or mean and scale, by the weights of rows."""
        rows, target = self.everything, self.plan.target
        if rows.weights is None:
            return
        with rows.named():
            weighted, encoded = target.weighted(rows.target, rows.weights)
        self.plan = replace(self.plan, target=weighted)
        self.everything = replace(rows, target=encoded)

    def _fit_weights(self) -> dict[str, Floats | None]:
        """Weights of rows times those of their classes, of each part that the fit takes.

        A metric that stops the training is that of the rows, and not of weighted classes.
        """
        train = self.train
        by_class = self._class_weights.of_classes(train.target, train.weights)
        validation = self.measured["validation"]
        return {
            "train": product(train.weights, by_class, train.target),
            "validation": validation.weights
            if self._monitor.metric is not None
            else product(validation.weights, by_class, validation.target),
        }

    def hold_back(self) -> None:
        """Validate on rows of the training table, as the options say."""
        rows, target = self.everything, self.plan.target
        table = SplitTable(
            rows.column,
            self.summaries,
            self.preprocessor.missing_values,
            len(rows.target),
            rows.target if isinstance(target, ClassTarget) else None,
            self.plan.ignored_dates,
        )
        with options_named(target.name, self.spell), rows.named():
            self.split = split_rows(self.options, table, self.spell)
        self.train = rows.take(self.split.train)
        self.measured = {"validation": rows.take(self.split.validation)}
        with rows.named():
            check_weights(self.train.weights, "left for training")
            check_weights(self.measured["validation"].weights, "held back for validation")

    def validate_on(self, table: Table, name: str, record: dict[str, Any]) -> None:
        """Validate on another table of that name; `record` tells of it in the model."""
        self.measure_on("validation", table, name)
        self.train, every = self.everything, np.arange(len(self.everything.target))
        self.split = Split(every, np.empty(0, dtype=np.int64), "", record)

    def measure_on(self, part: str, table: Table, name: str) -> None:
        """Measure on another table of that name after training."""
        self.measured[part] = self._take(name, table)

    def encode(self) -> None:
        """Learn the encoding of the training rows, and encode all rows."""
        with table_named(self.everything.table), options_named(self.options.target, self.spell):
            self.preprocessor.fit(self.train.columns, self.summaries, rows=self.train.numbers)
        self.giveaways = find_giveaways(
            RowsTaken(self.everything),
            self.summaries,
            self.everything.target,
            self.preprocessor.missing_values,
        )
        parts = {"train": self.train} | self.measured
        inputs = _encode(parts, self.preprocessor)
        self._encoded = {
            name: Encoded(inputs[name], rows.target, rows.weights) for name, rows in parts.items()
        }

    def run(
        self,
        callbacks: Sequence[Any] = (),
        verbose: Literal["auto"] | bool | int = False,
    ) -> Trained:
        """Train until the validation loss stops falling.

        An interrupt or an error after the first epoch ends the training, and the best weights so
        far are kept with it in `Trained.error`; before it nothing is worth keeping, and it is
        raised.
        """
        recipe, target = self.recipe, self.plan.target
        network = recipe.build_network(target, self.preprocessor)
        error: BaseException | None = None
        try:
            train, validation = self._encoded["train"], self._encoded["validation"]
            weights = self._fit_weights()
            held: tuple[Any, ...] = (validation.inputs, validation.target, weights["validation"])
            network.fit(
                train.inputs,
                train.target,
                sample_weight=weights["train"],
                loss=loss_of(target),
                optimizer=recipe.make_optimizer(),
                epochs=recipe.epochs,
                batch_size=recipe.batch_size,
                validation_data=held,
                metrics=self._monitor.metrics,
                callbacks=[self.stopping, *checked_callbacks(callbacks)],
                average=WeightAverage(recipe.average) if recipe.average else None,
                verbose=verbose,
            )
        except (Exception, KeyboardInterrupt) as ended:
            if network.history is None or not network.history.epochs:
                raise
            error = ended
        return _trained(network, error)

    def record(self, trained: Trained) -> dict[str, Any]:
        """What a model file tells of the training; its results and seconds are added later."""
        plan = self.plan
        return {
            "rows": {
                "training": len(self.train.target),
                "validation": len(self.measured["validation"].target),
            },
            "split": self.split.record,
            "weight_column": self.options.weight_column,
            "class_weights": self.class_weights,
            "task": {"kind": plan.target.task, "reason": plan.choice.reason},
            "rows_without_target": self.without_target,
            "missing_target_texts": plan.missing,
            "columns": [asdict(summary) for summary in self.summaries],
            "giveaways": [asdict(giveaway) for giveaway in self.giveaways],
            "network": self.recipe.describe(plan.target, self.preprocessor.width),
            "recipe": asdict(self.recipe),
            **trained.record(),
            "results": {},
        }

    def scores(self, part: str, outputs_of: Callable[[NDArray[np.float32]], Floats]) -> Scores:
        """Figures of the outputs for the rows of a part that is measured, and of the baseline."""
        inputs, target, weights = self._encoded[part]
        return score_outputs(self.plan.target, target, outputs_of(inputs), weights=weights)


def _trained(network: Sequential, error: BaseException | None) -> Trained:
    history = network.history
    assert history is not None
    epochs = history.epochs
    return Trained(
        network,
        # An interrupt may come between the figures of an epoch.
        {name: values[:epochs] for name, values in history.to_dict().items()},
        epochs if history.best_epoch is None else history.best_epoch + 1,
        history.stop_reason,
        error,
    )


def _encode(
    parts: Mapping[str, Rows], preprocessor: Preprocessor
) -> dict[str, NDArray[np.float32]]:
    """The compact matrices of parts of tables, views of one where parts share a table.

    A table's columns are let go one by one, so that its values are not held twice.
    """
    inputs: dict[str, NDArray[np.float32]] = {}
    for columns in {id(part.columns): part.columns for part in parts.values()}.values():
        sharing = {name: part for name, part in parts.items() if part.columns is columns}
        rows = np.concatenate([part.numbers for part in sharing.values()])
        with table_named(next(iter(sharing.values())).table):
            matrix, _ = preprocessor.encode(columns, rows=rows, release=True)
        ends = np.cumsum([len(part.numbers) for part in sharing.values()])
        inputs |= dict(zip(sharing, np.split(matrix, ends[:-1]), strict=True))
    return inputs
