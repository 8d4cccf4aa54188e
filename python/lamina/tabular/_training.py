"""A training on a table, step by step: what `TableModel.fit` and `lamina train` do."""

import math
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina._training.callbacks import EarlyStopping, checked_callbacks
from lamina._training.fit import Verbose
from lamina.tabular._calibration import find_temperature, least_rows
from lamina.tabular._columns import Floats, Indices, TableError
from lamina.tabular._encoded_parts import encode_parts
from lamina.tabular._giveaway import Giveaway, find_giveaways
from lamina.tabular._importance import Importance, permutation_importance
from lamina.tabular._monitor import Monitor, default_figure, find_figure
from lamina.tabular._network_fits import Encoded, NetworkFits
from lamina.tabular._networks import Networks
from lamina.tabular._options import TrainOptions
from lamina.tabular._plan import make_plan
from lamina.tabular._preprocessor import Preprocessor
from lamina.tabular._presets import PRESETS
from lamina.tabular._recipe import Recipe
from lamina.tabular._recipe_shares import weigh_recipes
from lamina.tabular._remedies import Spell, options_named, python_option, table_named
from lamina.tabular._rows import Rows, RowsTaken, Table, count_rows, take_target
from lamina.tabular._scores import Scores, score_outputs
from lamina.tabular._target import ClassTarget
from lamina.tabular._trained import HeldBackOutputs, Trained
from lamina.tabular._validation_rows import Split, SplitTable, split_rows
from lamina.tabular._weights import ClassWeights, check_weights


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
    _held_back: HeldBackOutputs

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
        self.everything = self._take(name, table)
        self._adapt_target()
        target = self.plan.target
        self._class_weights = ClassWeights(options.class_weight, target, spell)
        self.measured: dict[str, Rows] = {}
        with options_named(options.targets, spell), table_named(name):
            self.summaries = self.preprocessor.inspect(
                self.everything.columns, rows=self.everything.places
            )
        if options.group_column is not None:
            self._note_groups(options.group_column)

    @property
    def preprocessor(self) -> Preprocessor:
        """How the columns are encoded."""
        return self.plan.preprocessor

    @cached_property
    def recipes(self) -> tuple[Recipe, ...]:
        """How networks are built and trained, by the number of training rows."""
        rows = len(self.split.parts[0][0])
        return tuple(Recipe.of(own, self.options, rows) for own in self._preset_recipes)

    @property
    def _preset_recipes(self) -> list[Mapping[str, Any]]:
        rows, task = len(self.everything.target), self.plan.target.task
        return PRESETS[self.options.preset].recipes_for(rows, task)

    @property
    def recipe(self) -> Recipe:
        """That of the first network."""
        return self.recipes[0]

    @property
    def n_members(self) -> int:
        """How many networks are to be trained."""
        by_rows = PRESETS[self.options.preset].members_for(len(self.everything.target))
        return self.options.n_members or by_rows

    @cached_property
    def stopping(self) -> EarlyStopping:
        """What ends the training, and knows its best epoch meanwhile."""
        figure, patience = self._monitor.figure, self.recipe.patience or self.recipe.epochs
        return EarlyStopping(monitor=figure, mode=self._monitor.mode, patience=patience)

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

    def _note_groups(self, name: str) -> None:
        """Say of the column of groups, where it is no input, what it is for."""
        note = f"keeps rows together ({self.spell('group_column', None)})"
        self.summaries = [
            replace(s, note=note) if s.name == name and s.kind == "ignored" else s
            for s in self.summaries
        ]

    def _take(self, name: str, table: Table) -> Rows:
        target, weights = self.plan.target, self.options.weight_column
        return take_target(name, table, target, self.preprocessor, weights)

    def _adapt_target(self, weights: Floats | None = None) -> None:
        """Take shares, or mean and scale, by the weights of rows, and the quantiles asked for.

        Args:
            weights: where the rows have none; None: shares, mean and scale stay.
        """
        rows, target = self.everything, self.plan.target
        encoded, levels = rows.target, self.options.levels
        weights = weights if rows.weights is None else rows.weights
        if weights is not None:
            with rows.named():
                target, encoded = target.weighted(encoded, weights)
        if levels and not isinstance(target, ClassTarget):
            target = target.with_levels(encoded, levels, self.options.interval, rows.weights)
        self.plan = replace(self.plan, target=target)
        self.everything = replace(rows, target=encoded)
        monitor = self.options.monitor
        self._monitor = Monitor(monitor, target, self.spell("monitor", monitor))

    def _check_held_back(self) -> None:
        """Refuse, before the training, rows that an interval or the monitor cannot do with."""
        held = [self.everything.take(rows) for _, rows in self.split.parts if len(rows)]
        for part in held or [self.measured["validation"]]:
            self._monitor.check(part.target, part.weights)
        coverage, rows = self.options.interval, len(self.measured["validation"].target)
        least = 0 if coverage is None else least_rows(coverage)
        if rows < least:
            raise TableError(
                f"{self.spell('interval', str(coverage))}: expected at least {count_rows(least)} "
                f"to validate on, got {rows}; give more, or a smaller share"
            )

    def _calibrate(self) -> None:
        """Take the interval's margin, or the temperature, from the rows that were held back."""
        if not self.options.calibrate and self.options.interval is None:
            return
        target = self.plan.target
        (_, truth, weights), outputs = self._held_back_examples()
        if isinstance(target, ClassTarget):
            temperature = find_temperature(truth, outputs, weights)
            self.plan = replace(self.plan, target=replace(target, temperature=temperature))
        else:
            self.plan = replace(self.plan, target=target.conformed(truth, outputs, weights))

    def split_table(self) -> SplitTable:
        """What decides which rows are held back."""
        rows, target = self.everything, self.plan.target
        return SplitTable(
            rows.column,
            self.summaries,
            self.preprocessor.missing_values,
            len(rows.target),
            rows.target if isinstance(target, ClassTarget) else None,
            self.plan.ignored_dates,
        )

    def set_apart(self, rest: Indices, test: Indices) -> None:
        """Learn from the `rest` of the rows alone, also shares and scales, and measure on `test`.

        It comes before `hold_back`.
        """
        whole = self.everything
        self.everything, tested = whole.take(rest), whole.take(test)
        known = self.plan.target
        self._adapt_target(np.ones(len(rest)))
        if not isinstance(known, ClassTarget) and not isinstance(self.plan.target, ClassTarget):
            own = known.in_own_units(tested.target)
            tested = replace(tested, target=self.plan.target.in_standard_units(own))
        check_weights(tested.weights, "of a fold")
        self.measured["test"] = tested

    def hold_back(self) -> None:
        """Validate on rows of the training table, as the options say."""
        rows, target, table = self.everything, self.plan.target, self.split_table()
        with options_named(target.names, self.spell), rows.named():
            parts = -(-self.n_members // len(self._preset_recipes))
            self.split = split_rows(self.options, parts, table, self.spell)
        self.train = rows.take(self.split.train)
        self.measured = {"validation": rows.take(self.split.validation)} | self.measured
        with rows.named():
            for train, validation in self.split.parts:
                check_weights(rows.take(train).weights, "left for training")
                check_weights(rows.take(validation).weights, "held back for validation")

    def validate_on(self, table: Table, name: str, record: dict[str, Any]) -> None:
        """Validate on another table of that name; `record` tells of it in the model."""
        self.measure_on("validation", table, name)
        self.train, every = self.everything, np.arange(len(self.everything.target))
        self.split = Split([(every, np.empty(0, dtype=np.int64))], "", record)

    def measure_on(self, part: str, table: Table, name: str) -> None:
        """Measure on another table of that name after training."""
        self.measured[part] = self._take(name, table)

    def encode(self) -> None:
        """Learn the encoding of the training rows, and encode all rows."""
        with table_named(self.everything.table), options_named(self.options.targets, self.spell):
            self.preprocessor.fit(self.train.columns, self.summaries, rows=self.train.numbers)
        self.giveaways = find_giveaways(
            RowsTaken(self.everything),
            self.summaries,
            self.everything.target,
            self.preprocessor.missing_values,
        )
        self._check_held_back()
        parts = {"train": self.train} | self.measured
        if self._folded:
            del parts["validation"]
        inputs = encode_parts(parts, self.preprocessor)
        self._encoded = {
            name: Encoded(inputs[name], rows.target, rows.weights) for name, rows in parts.items()
        }

    def run(self, callbacks: Sequence[Any] = (), verbose: Verbose = False) -> Trained:
        """Train each network until its validation loss stops falling.

        An interrupt or an error ends the training, and what is worth keeping is kept with it in
        `Trained.error`: the networks that were trained before, or else the best weights of the
        first one. Before the end of its first epoch it is raised.
        """
        fits = NetworkFits(
            self.recipes,
            self.plan.target,
            self.preprocessor,
            self._monitor.metrics,
            self._examples,
            len(self.split.parts),
            self._time_left,
        )
        trained = fits.run(self.n_members, self.stopping, checked_callbacks(callbacks), verbose)
        trained, self._held_back = weigh_recipes(trained, self.plan.target, self._held_back_rows)
        self._calibrate()
        return trained

    @property
    def seconds(self) -> float:
        """Time since the training began to read the table."""
        return time.perf_counter() - self._begin

    @property
    def _folded(self) -> bool:
        """Whether networks hold back different rows; all are then in the part "train"."""
        return len(self.split.parts) > 1

    def _time_left(self) -> float:
        limit = self.options.time_limit
        return math.inf if limit is None else limit - self.seconds

    def _held_back_rows(self, part: int) -> tuple[Indices, Encoded]:
        """What validates a network: places among all such rows, and the rows."""
        if not self._folded:
            validation = self._encoded["validation"]
            return np.arange(len(validation.target)), validation
        rows = np.searchsorted(self.split.train, self.split.parts[part][1])
        return rows, self._encoded["train"].take(rows)

    def _held_back_examples(self) -> tuple[Encoded, Floats]:
        """The rows that some network held back, and the mean outputs of those that did."""
        rows, outputs = self._held_back.means()
        return self._encoded["train" if self._folded else "validation"].take(rows), outputs

    def _examples(self, part: int) -> tuple[Encoded, Encoded]:
        """What a network learns from, and what validates it, with the weights of its fit.

        A metric that stops the training is that of the rows, and not of weighted classes.
        """
        if self._folded:
            train = self._encoded["train"].take(
                np.searchsorted(self.split.train, self.split.parts[part][0])
            )
            _, validation = self._held_back_rows(part)
        else:
            train, validation = self._encoded["train"], self._encoded["validation"]
        by_class = self._class_weights.of_classes(self.train.target, self.train.weights)
        train = train.weighted(by_class)
        if self._monitor.metric is None:
            validation = validation.weighted(by_class)
        return train, validation

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
            "preset": self.options.preset,
            "network": self.recipe.describe(plan.target, self.preprocessor.width),
            "recipe": asdict(self.recipe),
            "recipes": [asdict(recipe) for recipe in self.recipes],
            **trained.record(),
            "results": {},
        }

    def outputs(self, part: str, outputs_of: Callable[[NDArray[np.float32]], Floats]) -> Floats:
        """The outputs for the rows of a part that is measured [rows, outputs]."""
        return outputs_of(self._encoded[part].inputs)

    def scores(self, part: str, outputs_of: Callable[[NDArray[np.float32]], Floats]) -> Scores:
        """Figures of the outputs for the rows of a part that is measured, and of the baseline."""
        if part == "validation" and self._folded:
            (_, target, weights), outputs = self._held_back_examples()
            outputs = self.plan.target.calibrated(outputs)
            return score_outputs(self.plan.target, target, outputs, weights=weights)
        inputs, target, weights = self._encoded[part]
        return score_outputs(self.plan.target, target, outputs_of(inputs), weights=weights)

    def importance(
        self, trained: Trained, outputs_of: Callable[[NDArray[np.float32]], Floats]
    ) -> Importance:
        """Permutation importance of each column, over the validation rows."""
        target, encoders = self.plan.target, self.preprocessor.encoders
        if self._folded:
            rows, _ = self._held_back.means()
            inputs, truth, weights = self._encoded["train"].take(rows)

            def outputs_of(inputs: NDArray[np.float32]) -> Floats:
                held = HeldBackOutputs(len(rows), target.outputs)
                for member, share in zip(trained.members, trained.shares, strict=True):
                    places = np.searchsorted(rows, self._held_back_rows(member.part)[0])
                    outputs = Networks([member.network]).outputs(inputs[places], target.outputs)
                    held.add(places, outputs, share)
                return target.calibrated(held.means()[1])
        else:
            inputs, truth, weights = self._encoded["validation"]
        figure = find_figure(default_figure(target), target, "importance")
        return permutation_importance(encoders, inputs, truth, weights, outputs_of, figure)
