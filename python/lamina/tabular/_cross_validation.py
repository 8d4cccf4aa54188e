"""Cross-validation: figures of rows that models of the same options did not learn from."""

import warnings
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina._checks.numbers import check_whole
from lamina._checks.stack_level import stack_level
from lamina._training.callbacks import Callback
from lamina._training.fit import Verbose
from lamina.tabular._as_columns import TableLike, as_columns
from lamina.tabular._checks import TableWarning
from lamina.tabular._columns import Floats, Indices, row_count
from lamina.tabular._findings import findings
from lamina.tabular._folds import Folds, choose_folds
from lamina.tabular._inspect import closest
from lamina.tabular._networks import Networks
from lamina.tabular._options import TrainOptions
from lamina.tabular._remedies import Spell, options_named, python_option
from lamina.tabular._rows import Table
from lamina.tabular._scores import Figures, Scores
from lamina.tabular._target import ClassTarget, Target
from lamina.tabular._trained import Trained
from lamina.tabular._training import TableTraining

_WHERE = "cross_validate"
# What runs a training: it, and the number of its fold from 0.
Runner = Callable[[TableTraining, int], Trained]


@dataclass(frozen=True, eq=False)
class Fold:
    """One fold: a model that did not learn from the rows on which it is tested.

    Attributes:
        rows: those tested, by their place in the table. target: how its outputs are read.
        outputs: of these rows [rows, outputs]. scores: figures of the model and of the baseline.
        trained: rows that it learned from. best_epoch: of the (first) network.
    """

    rows: Indices
    target: Target
    outputs: Floats
    scores: Scores
    trained: int
    best_epoch: int


@dataclass(frozen=True, eq=False)
class CrossValidation:
    """What a cross-validation found.

    Attributes:
        folds: in their order. split: how the rows were divided, for records.
        table_rows: rows of the table, also those that no fold tests.
    """

    folds: tuple[Fold, ...]
    split: Folds
    table_rows: int

    @property
    def mean(self) -> Figures:
        """The figures of the models, as means over the folds."""
        return self._over_folds(np.mean, "model")

    @property
    def deviation(self) -> Figures:
        """Their standard deviations over the folds, as of a sample (divided by folds - 1)."""
        return self._over_folds(lambda values: np.std(values, ddof=1), "model")

    @property
    def baseline(self) -> Figures:
        """The figures of the baselines, as means over the folds."""
        return self._over_folds(np.mean, "baseline")

    @property
    def fold(self) -> Indices:
        """The fold that tests each row of the table, from 0 [rows]; -1: none."""
        found = np.full(self.table_rows, -1, dtype=np.int64)
        for number, fold in enumerate(self.folds):
            found[fold.rows] = number
        return found

    @property
    def predictions(self) -> NDArray[Any]:
        """What the fold of each row predicts for it, as `TableModel.predict`.

        Classes are None, and numbers NaN, in rows that no fold tests.
        """
        return self.joined(lambda fold: fold.target.decode(fold.outputs))

    @property
    def probabilities(self) -> Floats:
        """Probabilities [rows, classes], NaN in rows that no fold tests."""

        def of_fold(fold: Fold) -> Floats:
            if not isinstance(fold.target, ClassTarget):
                raise TypeError(f"{_WHERE}: numbers have no probabilities")
            return fold.target.probabilities(fold.outputs)

        return self.joined(of_fold)

    def joined(self, values: Callable[[Fold], NDArray[Any]]) -> NDArray[Any]:
        """Values of each fold's rows, in the order of the table."""
        every = [values(fold) for fold in self.folds]
        shape = (self.table_rows, *every[0].shape[1:])
        missing = None if every[0].dtype == object else np.nan
        found = np.full(shape, missing, dtype=every[0].dtype)
        for fold, own in zip(self.folds, every, strict=True):
            found[fold.rows] = own
        return found

    def _over_folds(self, join: Callable[[list[float]], Any], who: str) -> Figures:
        every = [fold.scores[who] for fold in self.folds]
        return {name: float(join([figures[name] for figures in every])) for name in every[0]}

    def to_record(self) -> dict[str, Any]:
        """As JSON: `split`, `mean`, `deviation`, `baseline`, and `folds` with their figures."""
        return {
            "split": self.split.record,
            "mean": self.mean,
            "deviation": self.deviation,
            "baseline": self.baseline,
            "folds": [
                {
                    "trained": fold.trained,
                    "tested": len(fold.rows),
                    "best_epoch": fold.best_epoch,
                    **fold.scores,
                }
                for fold in self.folds
            ],
        }


def cross_validate(
    table: TableLike,
    *,
    target: str | Sequence[str],
    folds: int = 5,
    callbacks: Sequence[Callback | Any] = (),
    verbose: Verbose = False,
    **options: Any,
) -> CrossValidation:
    """Train a model on all folds but one, for each fold, and measure it on that one.

    Folds follow the options of the split: at random, of classes the same share of each; whole
    groups with `group_column`; by time, each fold later than all that its model learns from. Each
    model holds back some of its own rows, by the same rule, to end its training.

    Args:
        table, target: as in `TableModel.fit`. folds: at least 2.
        callbacks, verbose: as in `Sequential.fit`, for each training.
        options: those of `TableModel.fit`, but for `validation`; `time_limit` is of each fold.

    Raises:
        TableError, TypeError, ValueError: as `TableModel.fit`; too few rows for so many folds.

    Warns:
        TableWarning: as `TableModel.fit`, once for all folds.

    Example:
        >>> import lamina as lm
        >>> table = {"x": [n % 7 for n in range(60)], "y": [n % 7 + n % 2.5 for n in range(60)]}
        >>> found = lm.tabular.cross_validate(table, target="y", folds=3, epochs=5, hidden=[8])
        >>> len(found.folds), sorted(found.mean), found.predictions.shape
        (3, ['mae', 'median_absolute_error', 'r2', 'rmse'], (60,))
    """
    known = [field.name for field in fields(TrainOptions) if field.name != "target"]
    for name in options:
        if name not in known:
            raise TypeError(f"{_WHERE}: unknown option '{name}'{closest(name, known)}")

    def run(training: TableTraining, number: int) -> Trained:
        if number == 0:
            for sentence in findings(training):
                warnings.warn(sentence, TableWarning, stacklevel=stack_level())
        trained = training.run(callbacks, verbose)
        if trained.error is not None:
            raise trained.error
        return trained

    return run_folds(as_columns(table), TrainOptions(target=target, **options), folds, run)


def run_folds(
    table: Table,
    options: TrainOptions,
    folds: int,
    run: Runner,
    *,
    name: str = "",
    index_columns: Collection[str] = (),
    spell: Spell = python_option,
) -> CrossValidation:
    """As `cross_validate`, of columns; the other arguments are those of `TableTraining`."""
    check_whole(folds, "folds", _WHERE, least=2)

    def prepared() -> TableTraining:
        return TableTraining(
            dict(table), options, name=name, index_columns=index_columns, spell=spell
        )

    whole = prepared()
    with options_named(options.targets, spell), whole.everything.named():
        chosen = choose_folds(options, whole.split_table(), int(folds), spell)
    found = [
        _run_fold(prepared() if number else whole, number, rest, test, run)
        for number, (rest, test) in enumerate(chosen.parts)
    ]
    return CrossValidation(tuple(found), chosen, row_count(table))


def _run_fold(
    training: TableTraining, number: int, rest: Indices, test: Indices, run: Runner
) -> Fold:
    training.set_apart(rest, test)
    training.hold_back()
    training.encode()
    trained = run(training, number)
    target, networks = training.plan.target, Networks(trained.networks, trained.shares)

    def outputs_of(inputs: NDArray[np.float32]) -> Floats:
        return target.calibrated(networks.outputs(inputs, target.outputs))

    return Fold(
        training.measured["test"].numbers,
        target,
        training.outputs("test", outputs_of),
        training.scores("test", outputs_of),
        len(training.train.target),
        trained.members[0].best_epoch,
    )
