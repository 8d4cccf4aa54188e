"""The epoch loop of `Sequential.fit`: data, validation, callbacks and the record of each epoch."""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from lamina import _core
from lamina._adapt import adapt_first_layer
from lamina._callbacks import (
    EarlyStopping,
    EpochLines,
    ProgressLine,
    Record,
    TargetLoss,
    call_all,
    checked_callbacks,
)
from lamina._history import History
from lamina._metrics import METRICS
from lamina._types import NDArray

if TYPE_CHECKING:
    from lamina._network import Sequential
    from lamina._optimizer import Optimizer

Array = NDArray[Any]
Verbose = Literal["auto"] | bool | int


@dataclass(frozen=True)
class FitOptions:
    """Checked options of a fit."""

    epochs: int
    batch_size: int
    shuffle: bool
    early_stopping: int | None
    target_loss: float | None
    verbose: Verbose

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size"):
            value = getattr(self, name)
            if not isinstance(value, int | np.integer) or isinstance(value, bool):
                raise TypeError(f"fit: expected {name} as a whole number, got {value!r}")
            if value < 1:
                raise ValueError(f"fit: expected {name} of at least 1, got {value}")
        if not isinstance(self.shuffle, bool | np.bool_):
            raise TypeError(f"fit: expected shuffle as True or False, got {self.shuffle!r}")
        if self.verbose != "auto" and not isinstance(self.verbose, int):
            raise ValueError(f"fit: expected verbose 'auto', True or False, got {self.verbose!r}")


@dataclass(frozen=True)
class Examples:
    """Rows with targets and weights, as the core takes them."""

    x: Array
    classes: Array | None
    values: Array | None
    weights: Array | None

    @property
    def targets(self) -> Array:
        """The targets as metrics take them."""
        target = self.values if self.classes is None else self.classes
        assert target is not None
        return target

    def take(self, rows: Array) -> "Examples":
        """Copies of some rows."""
        return Examples(
            self.x[rows],
            *(
                None if part is None else part[rows]
                for part in (self.classes, self.values, self.weights)
            ),
        )


class Fit:
    """One call of fit, as callbacks see it.

    Attributes:
        net, optimizer: what is trained, and by what. epochs: most epochs to run.
        history: figures so far. stop_reason: why training stops early, or empty.
    """

    def __init__(
        self,
        net: "Sequential",
        loss: _core.Loss,
        optimizer: "Optimizer",
        options: FitOptions,
        metrics: dict[str, Callable[..., float]],
        callbacks: Sequence[Any],
    ) -> None:
        self.net = net
        self.optimizer = optimizer
        self.epochs = options.epochs
        self.history = History()
        self._loss = loss
        self._options = options
        self._metrics = metrics
        self._callbacks = [*checked_callbacks(callbacks), *_standard_callbacks(options)]
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

    def set_data(
        self, x: Array, classes: Array | None, values: Array | None, weights: Array | None
    ) -> None:
        """The rows to train on."""
        self._train = Examples(x, classes, values, weights)

    def set_validation(
        self, x: Array, classes: Array | None, values: Array | None, weights: Array | None
    ) -> None:
        """The rows to validate on."""
        self._validation = Examples(x, classes, values, weights)

    def hold_back(self, fraction: float) -> None:
        """Move a random share of the training rows to validation."""
        rows = len(self._train.x)
        if not 0.0 < fraction < 1.0:
            raise ValueError(
                f"fit: expected validation_fraction of at least 0 and below 1, got {fraction}"
            )
        chosen = _held_back_rows(self._train.classes, rows, fraction, self.net.seed)
        if not 0 < chosen.sum() < rows:
            raise ValueError(
                f"fit: validation_fraction {fraction} of {rows} rows leaves no row on one side"
            )
        self._validation = self._train.take(np.flatnonzero(chosen))
        self._train = self._train.take(np.flatnonzero(~chosen))

    def run(self) -> History:
        """Train; returns the history."""
        adapt_first_layer(self.net, self._train.x, self._train.weights)
        core, handle = self.net._core_network(), self.optimizer.handle_for(self.net)
        steps = self._steps_per_epoch()
        self._last_step = self.optimizer.steps + self.epochs * steps
        core.begin_fit()
        try:
            call_all(self._callbacks, "on_fit_begin", self)
            for epoch in range(self.epochs):
                self._run_epoch(core, handle, epoch)
                if self.stop_reason:
                    break
        finally:
            try:
                call_all(self._callbacks, "on_fit_end", self)
            finally:
                core.end_fit()
        return self.history

    def _run_epoch(self, core: Any, handle: Any, epoch: int) -> None:
        started = time.perf_counter()
        call_all(self._callbacks, "on_epoch_begin", epoch)
        train = self._train
        outputs = np.empty((len(train.x), core.outputs), self.net.dtype) if self._metrics else None
        steps = self._steps_per_epoch()

        def progress(done: int) -> bool:
            call_all(self._callbacks, "on_progress", epoch, done / steps)
            return False

        watched = any(hasattr(callback, "on_progress") for callback in self._callbacks)
        loss, _, _ = core.run_epoch(
            self._loss,
            handle,
            train.x,
            train.classes,
            train.values,
            train.weights,
            self.net.epochs_trained + 1,
            self._options.batch_size,
            self._options.shuffle,
            self.net.seed,
            self.optimizer.rates_of_epoch(steps, self._last_step),
            outputs,
            progress if watched else None,
        )
        self.net.epochs_trained += 1
        record: Record = {"loss": loss}
        for name, metric in self._metrics.items():
            record[name] = weighted(metric, train.targets, outputs, train.weights)
        if self._validation is not None:
            record |= self._validate(core, self._validation)
        if self.optimizer.schedule is not None:
            self.optimizer.schedule.note_epoch(record)
        self.history.append(record, time.perf_counter() - started)
        call_all(self._callbacks, "on_epoch_end", epoch, record)

    def _steps_per_epoch(self) -> int:
        core, batch_size = self.net._core_network(), self._options.batch_size
        return int(core.steps_per_epoch(len(self._train.x), batch_size))

    def _validate(self, core: Any, data: Examples) -> Record:
        outputs = np.empty((len(data.x), core.outputs), self.net.dtype) if self._metrics else None
        record: Record = {
            "val_loss": core.evaluate(
                self._loss, data.x, data.classes, data.values, data.weights, outputs, None
            )
        }
        for name, metric in self._metrics.items():
            record["val_" + name] = weighted(metric, data.targets, outputs, data.weights)
        return record


def weighted(
    metric: Callable[..., float], y: Any, outputs: Array | None, weights: Array | None
) -> float:
    """A metric's value; lamina's own take weights, a user's function takes (y, outputs)."""
    if metric in METRICS.values():
        return float(metric(y, outputs, weights))
    return float(metric(y, outputs))


def with_class_weights(
    class_weight: Mapping[int, float] | str | None,
    weights: Array | None,
    classes: Array | None,
    values: Array | None,
    dtype: str,
) -> Array | None:
    """Row weights times the weight of each row's class."""
    if class_weight is None:
        return weights
    labels = classes
    if labels is None and values is not None and values.shape[1] == 1:
        labels = values[:, 0].astype(np.int64)
        if (labels != values[:, 0]).any():
            labels = None
    if labels is None:
        raise ValueError("fit: class_weight expects class indices in y, got values")
    present, counts = np.unique(labels, return_counts=True)
    if isinstance(class_weight, str):
        if class_weight != "balanced":
            raise ValueError(
                f"fit: expected class_weight as a dictionary or 'balanced', got {class_weight!r}"
            )
        table = dict(zip(present.tolist(), len(labels) / (len(present) * counts), strict=True))
    else:
        table = _class_table(class_weight)
        if any(not v >= 0 or np.isinf(v) for v in table.values()):
            raise ValueError(f"fit: expected finite class weights of at least 0, got {table}")
    factors = np.array([table.get(int(label), 1.0) for label in present])
    rows = factors[np.searchsorted(present, labels)]
    result = (rows if weights is None else rows * weights).astype(dtype)
    if not result.any():
        raise ValueError("fit: class_weight and sample_weight leave every row with weight 0")
    return result


def _class_table(class_weight: Mapping[int, float]) -> dict[int, float]:
    try:
        return {int(label): float(weight) for label, weight in class_weight.items()}
    except (AttributeError, TypeError, ValueError):
        raise TypeError(
            "fit: expected class_weight as a dictionary from class index to weight, "
            f"got {class_weight!r}"
        ) from None


def _standard_callbacks(options: FitOptions) -> list[Any]:
    callbacks: list[Any] = []
    if options.early_stopping is not None:
        callbacks.append(EarlyStopping(patience=options.early_stopping))
    if options.target_loss is not None:
        callbacks.append(TargetLoss(options.target_loss))
    if options.verbose == "auto":
        if sys.stderr is not None and sys.stderr.isatty():
            callbacks.append(ProgressLine())
    elif options.verbose:
        callbacks.append(EpochLines())
    return callbacks


def _held_back_rows(classes: Array | None, rows: int, fraction: float, seed: int) -> Array:
    chosen = np.zeros(rows, dtype=bool)
    generator = np.random.default_rng(seed)
    groups = (
        [np.arange(rows)]
        if classes is None
        else [np.flatnonzero(classes == label) for label in np.unique(classes)]
    )
    for group in groups:
        count = round(fraction * len(group))
        chosen[generator.permutation(group)[:count]] = True
    return chosen
