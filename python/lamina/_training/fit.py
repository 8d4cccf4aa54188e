"""`Sequential.fit`: options, data and callbacks for the core's loop, and what it asks of Python."""

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

import numpy as np

from lamina import _core
from lamina._checks.numbers import check_whole, is_number
from lamina._checks.types import ArrayLike, NDArray
from lamina._losses.losses import CustomLoss
from lamina._losses.scoring import Scorer, output_kind
from lamina._network.adapt import adapt_ends
from lamina._network.examples import Array, Examples
from lamina._network.stack import Stack
from lamina._optimizers.full_batch import FullBatchOptimizer
from lamina._optimizers.optimizer import Optimizer
from lamina._optimizers.schedule import Rates, Schedule, as_schedule
from lamina._optimizers.weight_average import WeightAverage
from lamina._training.batches import checked_order
from lamina._training.callbacks import EarlyStopping, Record, checked_callbacks, methods_of
from lamina._training.class_weights import with_class_weights
from lamina._training.history import History
from lamina._training.progress import EpochLines, ProgressLine, shows_progress_line
from lamina._training.training_warnings import LossCheck
from lamina.metrics._metric import Mode

Verbose = Literal["auto"] | bool | int
# Learning rates, weight decays and factors of dropout, of each step of an epoch.
StepValues = tuple[Rates | None, Rates | None, Rates | None]
# The row numbers of an epoch, from 0.
RowOrder = Callable[[int], ArrayLike]


@dataclass(frozen=True)
class FitOptions:
    """Checked options of a fit."""

    epochs: int = 10
    batch_size: int = 32
    shuffle: bool | RowOrder = True
    accumulate: int = 1
    average: WeightAverage | None = None
    dropout_schedule: Schedule | None = None
    early_stopping: int | EarlyStopping | None = None
    target_loss: float | None = None
    time_limit: float | None = None
    verbose: Verbose = "auto"

    @classmethod
    def of(cls, verbose: Verbose, **options: Any) -> Self:
        """The options that are given (not None)."""
        given = {name: value for name, value in options.items() if value is not None}
        return cls(verbose=verbose, **given)

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "accumulate"):
            value = getattr(self, name)
            check_whole(value, name, "fit")
            # The core counts in 64 bits; no data set has as many rows.
            object.__setattr__(self, name, min(int(value), 2**40))
        patience = self.early_stopping
        if isinstance(patience, bool) or not isinstance(
            patience, int | np.integer | EarlyStopping | None
        ):
            raise TypeError(
                "fit: expected early_stopping as a number of epochs or EarlyStopping(), "
                f"got {patience!r}"
            )
        for name in ("target_loss", "time_limit"):
            value = getattr(self, name)
            if value is not None and (not is_number(value) or math.isnan(value)):
                raise TypeError(f"fit: expected {name} as a number, got {value!r}")
        if self.time_limit is not None and self.time_limit <= 0:
            raise ValueError(f"fit: expected time_limit above 0 s, got {self.time_limit}")
        if not isinstance(self.shuffle, bool | np.bool_) and not callable(self.shuffle):
            raise TypeError(
                "fit: expected shuffle as True or False, or a function of the epoch, got "
                f"{self.shuffle!r}"
            )
        if not isinstance(self.average, WeightAverage | None):
            raise TypeError(f"fit: expected average as WeightAverage(), got {self.average!r}")
        object.__setattr__(self, "dropout_schedule", _checked_factors(self.dropout_schedule))
        if self.verbose != "auto" and not isinstance(self.verbose, int):
            raise ValueError(f"fit: expected verbose 'auto', True or False, got {self.verbose!r}")


def _checked_factors(schedule: Any) -> Schedule | None:
    """A copy of a schedule of factors up to 1: some keep the state of one training."""
    if schedule is None:
        return None
    if not isinstance(schedule, Schedule) and not callable(schedule):
        raise TypeError(
            f"fit: expected dropout_schedule as a schedule such as FlatCosineSchedule(1.0), got "
            f"{schedule!r}"
        )
    checked = as_schedule(copy.deepcopy(schedule))
    if checked.rate > 1.0:
        raise ValueError(
            "fit: expected dropout_schedule as factors of the layers' rates, from 0 to 1, got "
            f"{checked.rate}; write FlatCosineSchedule(1.0)"
        )
    return checked


class Fit:
    """One call of fit, as callbacks see it, and as the core's loop asks it.

    Attributes:
        net, optimizer: what is trained, and by what. epochs: most epochs to run.
        history: figures so far. stop_reason: why training stops early, or empty.
    """

    def __init__(
        self,
        net: Stack,
        loss: _core.Loss | CustomLoss,
        optimizer: Optimizer | FullBatchOptimizer,
        options: FitOptions,
        scorer: Scorer,
        callbacks: Sequence[Any],
    ) -> None:
        self.net: Any = net
        self.optimizer: Any = optimizer
        self.epochs = options.epochs
        self.history = History()
        self._loss: Any = loss
        self._options = options
        self._scorer = scorer
        self._callbacks = checked_callbacks(callbacks)
        if isinstance(options.early_stopping, EarlyStopping):
            self._callbacks.append(options.early_stopping)
        elif options.early_stopping is not None:
            self._callbacks.append(EarlyStopping(patience=options.early_stopping))
        self._train: Examples
        self._validation: Examples | None = None
        self._loop: _core.FitLoop | None = None
        self._epochs_before = 0

    @property
    def stop_reason(self) -> str:
        """Why training stops early; empty while it goes on."""
        return self.history.stop_reason if self._loop is None else self._loop.stop_reason

    @property
    def loop(self) -> _core.FitLoop:
        """The core's loop, while it runs."""
        if self._loop is None:
            raise RuntimeError("fit: expected a fit that is running")
        return self._loop

    def stop(self, reason: str) -> None:
        """End training after this epoch."""
        self.history.stop_reason = reason
        if self._loop is not None:
            self._loop.stop(reason)

    def set_data(self, train: Examples, validation: Examples | None = None) -> None:
        """The rows to train on, and those to validate on."""
        self._train, self._validation = train, validation
        self._sample_weights = train.weights

    def hold_back(self, fraction: float) -> None:
        """Move a random share of the training rows to validation."""
        classes = None
        if isinstance(self._loss, _core.Loss):
            classes = _core.class_labels(self.net._core_network(), self._train, self._loss)
        parts = _core.hold_out(
            len(self._train.x), fraction, self.net.seed, classes, "fit: validation_fraction"
        )
        rest, held = (self._train.take(rows) for rows in parts)
        for part, name in ((held, "held back"), (rest, "left for training")):
            if part.weights is not None and not part.weights.any():
                raise ValueError(
                    f"fit: validation_fraction {fraction}: expected a sample_weight above 0 among "
                    f"the {len(part.x)} rows {name}, got only zeros; leave rows of weight 0 out, "
                    "or give validation_data"
                )
        self.set_data(rest, held)

    def set_class_weights(self, class_weight: Mapping[int, float] | str | None) -> None:
        """Multiply them into the weights that training takes; metrics keep the sample weights."""
        core = self.net._core_network()
        weights = with_class_weights(class_weight, self._train, self._loss, core)
        self._train = replace(self._train, weights=weights)

    def prepare(self) -> None:
        """Check what goes together, and then adapt the first and the last layer."""
        self.check()
        self.optimizer.handle_for(self.net)
        if self._options.average is not None:
            self._options.average.handle_for(self.net)
        adapt_ends(self.net, self._train, self._loss)

    def check(self) -> None:
        """Refuse metrics that cannot judge the targets, and figures to watch that are not there."""
        core = self.net._core_network()
        kind = output_kind(self._loss, core.output_activation(), core.outputs)
        data = [part for part in (self._train, self._validation) if part is not None]
        self._scorer.prepare(kind, *(part.targets for part in data))
        # Callbacks of the user's may add figures to the record of an epoch.
        complete = all(type(call).__module__.startswith("lamina.") for call in self._callbacks)
        figures = self._new_loop(None).figures()
        for callback in self._callbacks:
            if isinstance(callback, EarlyStopping):
                callback.watch(figures, complete=complete)
        for schedule in self._schedules():
            schedule.watch(figures)

    def run(self) -> History:
        """Train; returns the history."""
        average, options = self._options.average, self._options
        loop = self._new_loop(None if average is None else average.handle_for(self.net))
        methods = methods_of(self._callbacks)
        methods["on_fit_begin"].insert(0, self._begin)
        methods["on_epoch_end"].insert(0, self._note_epoch)
        shown = methods_of(self._shown())
        self._epochs_before = self.net.epochs_trained
        self._loop = loop
        try:
            loop.run(methods, options.target_loss, options.time_limit, shown, self._minimiser())
        finally:
            self._loop = None
            self.net.epochs_trained = self._epochs_before + loop.epochs_trained
        return self.history

    @property
    def step_penalty(self) -> float:
        """What the layers' penalties added to the loss of the last step; for `on_step_end`."""
        return self.loop.step_penalty

    def steps_per_epoch(self) -> int:
        """Updates that an epoch makes."""
        return (self._loop or self._new_loop(None)).steps_per_epoch()

    def _new_loop(self, average: Any) -> _core.FitLoop:
        core, custom = self.net._core_network(), not isinstance(self._loss, _core.Loss)
        train, validation = self._train, self._validation
        if custom:  # of whose targets the core knows nothing
            train = Examples(train.x, None, None, None)
            validation = validation and Examples(validation.x, None, None, None)
        loss: Any = None if custom else self._loss
        return _core.make_fit(self, core, loss, train, validation, average)

    def _shown(self) -> list[Any]:
        """What tells the user of the training, after all callbacks."""
        return [*self._progress(), LossCheck(self._loss, self._train)]

    def _progress(self) -> list[Any]:
        """What shows the progress, as `verbose` has it."""
        if self._options.verbose == "auto":
            stopping = (c for c in self._callbacks if isinstance(c, EarlyStopping))
            return [ProgressLine(next(stopping, None))] if shows_progress_line() else []
        return [EpochLines()] if self._options.verbose else []

    def _begin(self, fit: "Fit") -> None:
        self.net.history = self.history

    def _note_epoch(self, epoch: int, record: Record) -> None:
        self.net.epochs_trained = self._epochs_before + self.loop.epochs_trained
        for schedule in self._schedules():
            schedule.note_epoch(record)
        self.history.append(record, self.loop.seconds)

    # What the core asks within an epoch.

    def _minimiser(self) -> Callable[[], str] | None:
        """For a method that runs its own iterations: runs them, and says why it ended early."""
        return None

    def _optimizer_handle(self) -> _core.Optimizer | None:
        handle: _core.Optimizer = self.optimizer.handle_for(self.net)
        return handle

    def _order(self, epoch: int) -> NDArray[np.int64]:
        """The row numbers of an epoch, as the user's function has them."""
        assert callable(self._options.shuffle)
        return checked_order(self._options.shuffle(epoch), len(self._train.x))

    def _step_values(self, steps: int, last: int) -> StepValues:
        """Learning rates, weight decays and factors of dropout [steps]; None: constant.

        Args:
            last: steps of the optimizer when training ends.
        """
        optimizer, dropout = self.optimizer, self._options.dropout_schedule
        schedules = (optimizer.schedule, optimizer.decay_schedule, dropout)
        rates, decays, factors = (
            None if schedule is None else schedule.rates(optimizer.steps, steps, steps, last)
            for schedule in schedules
        )
        return rates, decays, factors

    def _schedules(self) -> list[Schedule]:
        dropout = self._options.dropout_schedule
        return [*self.optimizer.schedules.values(), *([] if dropout is None else [dropout])]

    def _metric_modes(self) -> dict[str, Mode | None]:
        return self._scorer.modes

    def _score(self, validation: bool, outputs: Array) -> dict[str, float]:
        data, weights = self._train, self._sample_weights
        if validation:
            assert self._validation is not None
            data, weights = self._validation, self._validation.weights
        return self._scorer.score(data.targets, outputs, weights)


def check_validation(data: Any, fraction: Any) -> None:
    """Refuse validation rows in forms that are none, and in both forms at once."""
    if data is not None and not isinstance(data, tuple | list):
        raise TypeError(
            "fit: expected validation_data as (X, y) or (X, y, sample_weight), got "
            f"{type(data).__name__}"
        )
    expected = "fit: expected validation_fraction as a number of at least 0 and below 1"
    if fraction is not None and not is_number(fraction):
        raise TypeError(f"{expected}, got {fraction!r}")
    if fraction is not None and not 0.0 <= fraction < 1.0:
        raise ValueError(f"{expected}, got {fraction}")
    if data is not None and fraction:
        raise ValueError("fit: expected validation_data or validation_fraction, got both")
