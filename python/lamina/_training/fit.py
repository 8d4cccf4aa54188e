"""The epoch loop of `Sequential.fit`: data, validation, callbacks and the record of each epoch."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

import numpy as np

from lamina import _core
from lamina._checks.numbers import check_whole, is_number
from lamina._losses.losses import CustomLoss
from lamina._losses.scoring import Scorer, output_kind
from lamina._network.adapt import adapt_ends
from lamina._network.examples import Array, Examples
from lamina._network.stack import Stack
from lamina._optimizers.full_batch import FullBatchOptimizer
from lamina._optimizers.optimizer import Optimizer
from lamina._optimizers.weight_average import WeightAverage
from lamina._training.callbacks import (
    EarlyStopping,
    Record,
    TargetLoss,
    call_all,
    checked_callbacks,
)
from lamina._training.fit_data import (
    class_targets,
    held_back_rows,
    with_class_weights,
)
from lamina._training.history import History
from lamina._training.progress import EpochLines, ProgressLine, shows_progress_line
from lamina._training.training_warnings import LossCheck
from lamina.metrics._metric import Mode
from lamina.metrics._monitor import Figures

Verbose = Literal["auto"] | bool | int
Progress = Callable[[int], bool]


@dataclass(frozen=True)
class FitOptions:
    """Checked options of a fit."""

    epochs: int = 10
    batch_size: int = 32
    shuffle: bool = True
    accumulate: int = 1
    average: WeightAverage | None = None
    early_stopping: int | EarlyStopping | None = None
    target_loss: float | None = None
    verbose: Verbose = "auto"

    @classmethod
    def of(
        cls,
        batches: dict[str, Any],
        early_stopping: int | EarlyStopping | None,
        target_loss: float | None,
        verbose: Verbose,
    ) -> Self:
        """Options of batches where they are given (not None), and the others."""
        given = {name: value for name, value in batches.items() if value is not None}
        return cls(**given, early_stopping=early_stopping, target_loss=target_loss, verbose=verbose)

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
        if not isinstance(self.shuffle, bool | np.bool_):
            raise TypeError(f"fit: expected shuffle as True or False, got {self.shuffle!r}")
        if not isinstance(self.average, WeightAverage | None):
            raise TypeError(f"fit: expected average as WeightAverage(), got {self.average!r}")
        if self.verbose != "auto" and not isinstance(self.verbose, int):
            raise ValueError(f"fit: expected verbose 'auto', True or False, got {self.verbose!r}")


class Fit:
    """One call of fit, as callbacks see it.

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
        self._callbacks = _with_standard_callbacks(checked_callbacks(callbacks), options)
        self._train: Examples
        self._last_step = 0
        self._validation: Examples | None = None

    @property
    def stop_reason(self) -> str:
        """Why training stops early; empty while it goes on."""
        return self.history.stop_reason

    def stop(self, reason: str) -> None:
        """End training after this epoch."""
        self.history.stop_reason = reason

    def set_data(self, train: Examples, validation: Examples | None = None) -> None:
        """The rows to train on, and those to validate on."""
        self._train, self._validation = train, validation
        self._sample_weights = train.weights

    def hold_back(self, fraction: float) -> None:
        """Move a random share of the training rows to validation."""
        rows = len(self._train.x)
        if not 0.0 < fraction < 1.0:
            raise ValueError(
                f"fit: expected validation_fraction of at least 0 and below 1, got {fraction}"
            )
        chosen = held_back_rows(
            class_targets(self._train, self._loss), rows, fraction, self.net.seed
        )
        if not 0 < chosen.sum() < rows:
            raise ValueError(
                f"fit: validation_fraction {fraction} of {rows} rows leaves no row on one side"
            )
        held, rest = (self._train.take(np.flatnonzero(part)) for part in (chosen, ~chosen))
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
        outputs = int(self.net._core_network().outputs)
        weights = with_class_weights(class_weight, self._train, self._loss, outputs, self.net.dtype)
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
        figures = self.figures()
        for callback in self._callbacks:
            if isinstance(callback, EarlyStopping):
                callback.watch(figures, complete=complete)
        if self.optimizer.schedule is not None:
            self.optimizer.schedule.watch(figures)

    def figures(self) -> Figures:
        """What the record of an epoch will hold, and which way each is better where known."""
        names: dict[str, Mode | None] = {"loss": "min", **self._scorer.modes}
        if self._validation is not None:
            names |= {"val_" + name: mode for name, mode in names.items()}
        return names | dict.fromkeys(self.optimizer.figures)

    def run(self) -> History:
        """Train; returns the history."""
        self._callbacks.append(LossCheck(self._loss, self._train))
        core = self.net._core_network()
        core.begin_fit()
        self.net.history = self.history
        try:
            call_all(self._callbacks, "on_fit_begin", self)
            self._train_all(core)
        except BaseException as error:
            self.stop(_reason(error))
            if isinstance(error, _core.NotFiniteError):
                # The average has seen the weights that led there; those of the network are good.
                self._drop_average(core)
            raise
        finally:
            try:
                self._end_average(core)
                call_all(self._callbacks, "on_fit_end", self)
            finally:
                core.end_fit()
        return self.history

    def _train_all(self, core: Any) -> None:
        self._last_step = self.optimizer.steps + self.epochs * self.steps_per_epoch()
        average = self._options.average
        if average is not None:
            # Predictions see the old average until the first epoch's end: it is followed before the
            # weights change.
            core.follow_average(average.handle_for(self.net))
            average.resume(self.net)
        for epoch in range(self.epochs):
            self._run_epoch(core, self.optimizer.handle_for(self.net), epoch)
            if self.stop_reason:
                break

    def _end_average(self, core: Any) -> None:
        if self._options.average is not None:
            self._options.average.apply(self.net)
            core.follow_average(None)

    def _drop_average(self, core: Any) -> None:
        if self._options.average is not None:
            core.follow_average(None)
            self._options.average.reset()

    def _run_epoch(self, core: Any, handle: Any, epoch: int) -> None:
        started = time.perf_counter()
        call_all(self._callbacks, "on_epoch_begin", epoch)
        train = self._train
        outputs = np.empty((len(train.x), core.outputs), self.net.dtype) if self._scorer else None
        steps = self.steps_per_epoch()

        def progress(done: int) -> bool:
            call_all(self._callbacks, "on_progress", epoch, done / steps)
            return False

        watched = any(hasattr(callback, "on_progress") for callback in self._callbacks)
        loss = self._train_epoch(core, handle, steps, outputs, progress if watched else None)
        if self._options.average is not None and self._average_of_steps() is None:
            self._options.average.update(self.net)
            core.end_epoch()  # publishes it
        rate = {"learning_rate": float(handle.learning_rate)}
        self._finish_epoch(core, epoch, started, loss, outputs, rate)

    def _average_of_steps(self) -> WeightAverage | None:
        average = self._options.average
        return average if average is not None and average.per == "step" else None

    def _train_epoch(
        self, core: Any, handle: Any, steps: int, outputs: Array | None, progress: Progress | None
    ) -> float:
        """All rows once, in that many steps; returns their loss, and fills in their outputs."""
        train, average = self._train, self._average_of_steps()
        loss, _, _ = core.run_epoch(
            self._loss,
            handle,
            None if average is None else average.handle_for(self.net),
            train,
            epoch=self.net.epochs_trained + 1,
            batch_size=self._options.batch_size,
            accumulate=self._options.accumulate,
            shuffle=self._options.shuffle,
            seed=self.net.seed,
            learning_rates=self.optimizer.rates_of_epoch(steps, self._last_step),
            outputs=outputs,
            progress=progress,
        )
        return float(loss)

    def _finish_epoch(
        self,
        core: Any,
        epoch: int,
        started: float,
        loss: float,
        outputs: Array | None,
        figures: Record,
    ) -> None:
        """Record an epoch of this loss and these outputs for the rows of training."""
        self.net.epochs_trained += 1
        train = self._train
        record: Record = {"loss": loss}
        if outputs is not None:
            record |= self._scorer.score(train.targets, outputs, self._sample_weights)
        if self._validation is not None:
            record |= self._validate(core, self._validation)
        record |= figures
        if self.optimizer.schedule is not None:
            self.optimizer.schedule.note_epoch(record)
        self.history.append(record, time.perf_counter() - started)
        call_all(self._callbacks, "on_epoch_end", epoch, record)

    def steps_per_epoch(self) -> int:
        """Updates that an epoch makes."""
        core, options = self.net._core_network(), self._options
        rows = len(self._train.x)
        return int(core.steps_per_epoch(rows, options.batch_size, options.accumulate))

    def _validate(self, core: Any, data: Examples) -> Record:
        outputs = np.empty((len(data.x), core.outputs), self.net.dtype) if self._scorer else None
        record: Record = {"val_loss": self._validation_loss(core, data, outputs)}
        if outputs is not None:
            figures = self._scorer.score(data.targets, outputs, data.weights)
            record |= {"val_" + name: value for name, value in figures.items()}
        return record

    def _validation_loss(self, core: Any, data: Examples, outputs: Array | None) -> float:
        value: float = core.evaluate(self._loss, data, outputs)
        return value


def _reason(error: BaseException) -> str:
    """Why an exception ended training, for the history."""
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    text = str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def check_validation(data: Any, fraction: Any) -> None:
    """Refuse validation rows in forms that are none, and in both forms at once."""
    if data is not None and not isinstance(data, tuple | list):
        raise TypeError(
            "fit: expected validation_data as (X, y) or (X, y, sample_weight), got "
            f"{type(data).__name__}"
        )
    if fraction is not None and not is_number(fraction):
        raise TypeError(
            "fit: expected validation_fraction as a number of at least 0 and below 1, got "
            f"{fraction!r}"
        )
    if data is not None and fraction:
        raise ValueError("fit: expected validation_data or validation_fraction, got both")


def _with_standard_callbacks(callbacks: list[Any], options: FitOptions) -> list[Any]:
    """The callbacks given, and behind them those that options of fit ask for."""
    callbacks = list(callbacks)
    if isinstance(options.early_stopping, EarlyStopping):
        callbacks.append(options.early_stopping)
    elif options.early_stopping is not None:
        callbacks.append(EarlyStopping(patience=options.early_stopping))
    if options.target_loss is not None:
        callbacks.append(TargetLoss(options.target_loss))
    if options.verbose == "auto":
        if shows_progress_line():
            stopping = (c for c in callbacks if isinstance(c, EarlyStopping))
            callbacks.append(ProgressLine(next(stopping, None)))
    elif options.verbose:
        callbacks.append(EpochLines())
    return callbacks
