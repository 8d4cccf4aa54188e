"""A training on a table, step by step: what `TableModel.fit` and `lamina train` do."""

import math
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lamina._optimizers.weight_average import WeightAverage
from lamina._sequential import Sequential
from lamina._training.callbacks import EarlyStopping, checked_callbacks
from lamina.tabular._columns import Floats
from lamina.tabular._giveaway import Giveaway, find_giveaways
from lamina.tabular._networks import Networks
from lamina.tabular._options import TrainOptions
from lamina.tabular._plan import make_plan
from lamina.tabular._preprocessor import Preprocessor
from lamina.tabular._recipe import Recipe, loss_of
from lamina.tabular._remedies import Spell, options_named, python_option, table_named
from lamina.tabular._rows import Rows, RowsTaken, Table, take_target
from lamina.tabular._scores import Scores, score_outputs
from lamina.tabular._split import member_seed
from lamina.tabular._target import ClassTarget
from lamina.tabular._trained import HeldBackOutputs, Member, Trained
from lamina.tabular._validation_rows import Split, SplitTable, split_rows

# A time limit that is over leaves the first network this much, and so one epoch.
_LEAST_SECONDS = 1e-3

Encoded = tuple[NDArray[np.float32], NDArray[Any]]


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
    _held_back: HeldBackOutputs
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
        self._begin = time.perf_counter()
        self.options, self.spell = options, spell
        self.plan = make_plan(options, table, name, index_columns, spell)
        self.everything = take_target(name, table, self.plan.target, self.plan.preprocessor)
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
        return Recipe.choose(self.options, rows=len(self.split.parts[0][0]))

    @cached_property
    def stopping(self) -> EarlyStopping:
        """What ends the training, and knows its best epoch meanwhile."""
        return EarlyStopping(monitor="val_loss", patience=self.recipe.patience)

    @property
    def class_rows(self) -> list[int]:
        """Rows of each class; empty for a number."""
        if not isinstance(self.plan.target, ClassTarget):
            return []
        rows: list[int] = np.bincount(self.everything.target).tolist()
        return rows

    @property
    def without_target(self) -> dict[str, int]:
        """Rows left out for want of a target, by the table that they are in."""
        tables = {"training": self.everything}
        tables |= {part: r for part, r in self.measured.items() if r.columns is not self._columns}
        return {part: rows.without_target for part, rows in tables.items()}

    @property
    def _columns(self) -> Table:
        return self.everything.columns

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

    def validate_on(self, table: Table, name: str, record: dict[str, Any]) -> None:
        """Validate on another table of that name; `record` tells of it in the model."""
        self.measure_on("validation", table, name)
        self.train, every = self.everything, np.arange(len(self.everything.target))
        self.split = Split([(every, np.empty(0, dtype=np.int64))], "", record)

    def measure_on(self, part: str, table: Table, name: str) -> None:
        """Measure on another table of that name after training."""
        self.measured[part] = take_target(name, table, self.plan.target, self.preprocessor)

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
        if self._folded:  # the validation rows are among those to learn from
            del parts["validation"]
        inputs = _encode(parts, self.preprocessor)
        self._encoded = {name: (inputs[name], rows.target) for name, rows in parts.items()}

    def run(
        self,
        callbacks: Sequence[Any] = (),
        verbose: Literal["auto"] | bool | int = False,
    ) -> Trained:
        """Train each network until its validation loss stops falling.

        An interrupt or an error ends the training, and what is worth keeping is kept with it in
        `Trained.error`: the networks that were trained before, or else the best weights of the
        first one. Before the end of its first epoch it is raised.
        """
        count, members = self.options.n_members, list[Member]()
        error, in_first = None, True
        self._held_back = HeldBackOutputs(len(self.train.target), self.plan.target.outputs)
        while len(members) < count and error is None and self._time_is_left(members):
            begin, in_first = time.perf_counter(), not members
            network, error = self._fit_network(len(members), callbacks, verbose)
            started = network.history is not None and network.history.epochs > 0
            if in_first and error is not None and not started:
                raise error
            if not in_first and (error is not None or self._time_left() <= 0.0):
                break  # it has not learnt all that it would have
            members.append(Member.of(network, time.perf_counter() - begin))
            if self._folded:
                self._hold_back_outputs(len(members) - 1, network)
        return Trained(tuple(members), count, error, in_first)

    @property
    def seconds(self) -> float:
        """Time since the training began to read the table."""
        return time.perf_counter() - self._begin

    @property
    def _folded(self) -> bool:
        return len(self.split.parts) > 1

    def _time_left(self) -> float:
        limit = self.options.time_limit
        return math.inf if limit is None else limit - self.seconds

    def _time_is_left(self, members: Sequence[Member]) -> bool:
        """Whether a further network can be expected to end in time; the first is trained always."""
        if not members:
            return True
        return self._time_left() > sum(member.seconds for member in members) / len(members)

    def _fit_network(
        self, member: int, callbacks: Sequence[Any], verbose: Literal["auto"] | bool | int
    ) -> tuple[Sequential, BaseException | None]:
        """A network of several, and what ended its training early."""
        recipe, target = self.recipe, self.plan.target
        seed = member_seed(recipe.seed, member)
        network = recipe.build_network(target, self.preprocessor, seed)
        train, validation = self._examples(member)
        limit = self._time_left()
        try:
            network.fit(
                *train,
                loss=loss_of(target),
                optimizer=recipe.make_optimizer(),
                epochs=recipe.epochs,
                batch_size=recipe.batch_size,
                validation_data=validation,
                metrics=["accuracy"] if isinstance(target, ClassTarget) else [],
                callbacks=[self.stopping, *checked_callbacks(callbacks)],
                average=WeightAverage(recipe.average) if recipe.average else None,
                time_limit=None if limit == math.inf else max(limit, _LEAST_SECONDS),
                verbose=verbose,
            )
        except (Exception, KeyboardInterrupt) as ended:
            return network, ended
        return network, None

    def _examples(self, member: int) -> tuple[Encoded, Encoded]:
        """What a network learns from, and what validates it."""
        if not self._folded:
            return self._encoded["train"], self._encoded["validation"]
        inputs, target = self._encoded["train"]
        train, validation = self.split.parts[member]
        return (inputs[train], target[train]), (inputs[validation], target[validation])

    def _hold_back_outputs(self, member: int, network: Sequential) -> None:
        _, rows = self.split.parts[member]
        outputs = Networks([network]).outputs(
            self._encoded["train"][0][rows], self.plan.target.outputs
        )
        self._held_back.add(rows, outputs)

    def record(self, trained: Trained) -> dict[str, Any]:
        """What a model file tells of the training; its results and seconds are added later."""
        plan = self.plan
        return {
            "rows": {
                "training": len(self.train.target),
                "validation": len(self.measured["validation"].target),
            },
            "split": self.split.record,
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
        if part == "validation" and self._folded:
            rows, outputs = self._held_back.means()
            return score_outputs(self.plan.target, self.train.target[rows], outputs)
        inputs, target = self._encoded[part]
        return score_outputs(self.plan.target, target, outputs_of(inputs))


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
