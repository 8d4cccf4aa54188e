"""The network that a table gets: its recipe, its layers, and its training with progress."""

import os
import stat
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TextIO

from numpy.typing import NDArray
from rich.console import Console

import lamina as lm
from lamina._training.progress import ProgressLine, duration, shows_lines_redrawn
from lamina.cli._arguments import Arguments
from lamina.cli._report import say
from lamina.tabular import ClassTarget, Preprocessor, Target

Examples = tuple[NDArray[Any], NDArray[Any]]

# (most rows, batch size, patience): small tables need many steps and have a noisy validation
# loss, large ones want wide products.
_BY_ROWS = ((2_000, 32, 20), (10_000, 128, 20), (200_000, 256, 10), (1_000_000, 512, 5))
_FOR_MORE_ROWS = (1024, 5)
# Small tables have few batches an epoch: there the limits count updates.
_LEAST_EPOCHS, _LEAST_UPDATES = 200, 14_000
_LEAST_PATIENT_UPDATES = 2_000
_PROGRESS = {"loss": "loss", "val_loss": "validation loss", "val_accuracy": "accuracy"}
_LEARNING_RATES = {"adam": 1e-3, "adamw": 1e-3, "sgd": 1e-2}
_WEIGHT_DECAYS = {"adam": 0.0, "adamw": 0.01, "sgd": 0.01}


@dataclass(frozen=True)
class Recipe:
    """Everything that decides how a network is built and trained."""

    hidden: tuple[int, ...]
    activation: str
    dropout: float
    optimizer: str
    learning_rate: float
    weight_decay: float
    batch_size: int
    epochs: int
    patience: int
    average: float
    seed: int

    @staticmethod
    def choose(arguments: Arguments, rows: int) -> "Recipe":
        """The options, with defaults that fit the number of training rows."""
        batch_size, patience = next(
            (choice for most, *choice in _BY_ROWS if rows <= most), _FOR_MORE_ROWS
        )
        batch_size = min(arguments.batch_size or batch_size, rows)
        updates = -(-rows // batch_size)
        decay = arguments.weight_decay
        if decay is None:
            decay = _WEIGHT_DECAYS[arguments.optimizer]
        return Recipe(
            hidden=tuple(arguments.hidden),
            activation=arguments.activation,
            dropout=arguments.dropout,
            optimizer=arguments.optimizer,
            learning_rate=arguments.learning_rate or _LEARNING_RATES[arguments.optimizer],
            weight_decay=decay,
            batch_size=batch_size,
            epochs=arguments.epochs or max(_LEAST_EPOCHS, -(-_LEAST_UPDATES // updates)),
            patience=arguments.patience or max(patience, -(-_LEAST_PATIENT_UPDATES // updates)),
            average=arguments.average,
            seed=arguments.seed,
        )


def set_threads(threads: int | None) -> None:
    """Use that many threads; None leaves the choice to the library."""
    if threads is not None:
        lm.set_num_threads(threads)


def describe_network(recipe: Recipe, target: Target, width: int) -> str:
    """Sizes from input to output, and the activations: `362-256-128-1, relu, sigmoid`."""
    sizes = "-".join(str(size) for size in (width, *recipe.hidden, target.outputs))
    return f"{sizes}, {recipe.activation}, {_output_activation(target)}"


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

    network: lm.Sequential
    history: dict[str, list[float]]
    best_epoch: int
    stop_reason: str
    error: BaseException | None

    @property
    def epochs(self) -> int:
        """Epochs that ended."""
        return len(self.history["loss"])

    def training_record(self) -> dict[str, Any]:
        """What a model file tells of it."""
        return {
            "epochs": self.epochs,
            "best_epoch": self.best_epoch,
            "stop_reason": self.stop_reason,
            "history": self.history,
        }


def train_network(
    recipe: Recipe,
    target: Target,
    preprocessor: Preprocessor,
    train: Examples,
    validation: Examples,
    console: Console,
) -> Trained:
    """Train until the validation loss stops falling.

    An interrupt or an error after the first epoch ends the training, and the best weights so far
    are kept; before it nothing is worth keeping.
    """
    network = build_network(recipe, target, preprocessor)
    say(console, f"network: {describe_network(recipe, target, preprocessor.width)}")
    stopping = lm.EarlyStopping(monitor="val_loss", patience=recipe.patience)
    callbacks: list[Any] = [stopping]
    line, lines = progress_kinds(console)
    if line:
        callbacks.append(ProgressLine(stopping, sys.stderr, tell_reason=False))
    if lines:
        callbacks.append(ProgressLines(console, recipe, stopping))
    error: BaseException | None = None
    try:
        network.fit(
            *train,
            loss=_loss(target),
            optimizer=_optimizer(recipe),
            epochs=recipe.epochs,
            batch_size=recipe.batch_size,
            validation_data=validation,
            metrics=["accuracy"] if isinstance(target, ClassTarget) else [],
            callbacks=callbacks,
            average=lm.WeightAverage(recipe.average) if recipe.average else None,
            verbose=False,
        )
    except (Exception, KeyboardInterrupt) as ended:
        if not _epochs(network):
            if isinstance(ended, KeyboardInterrupt):
                before = " before the end of the first epoch; nothing is saved"
                raise type(ended)(before) from None
            raise
        error = ended
    return _trained(network, error)


def _epochs(network: lm.Sequential) -> int:
    return network.history.epochs if network.history is not None else 0


def _trained(network: lm.Sequential, error: BaseException | None) -> Trained:
    history, epochs = network.history, _epochs(network)
    assert history is not None
    return Trained(
        network,
        # An interrupt may come between the figures of an epoch.
        {name: values[:epochs] for name, values in history.to_dict().items()},
        epochs if history.best_epoch is None else history.best_epoch + 1,
        history.stop_reason,
        error,
    )


def build_network(recipe: Recipe, target: Target, preprocessor: Preprocessor) -> lm.Sequential:
    """A network without weights yet."""
    layers: list[lm.Layer] = [preprocessor.layer()]
    for size in recipe.hidden:
        layers.append(lm.Dense(size, recipe.activation))
        if recipe.dropout > 0.0:
            layers.append(lm.Dropout(recipe.dropout))
    layers.append(lm.Dense(target.outputs, _output_activation(target)))
    return lm.Sequential(layers, seed=recipe.seed)


def progress_kinds(console: Console) -> tuple[bool, bool]:
    """Whether to show the line that keeps changing, and whether plain lines.

    Never both on one terminal. What reads a pipe, such as tee, may write to the terminal too.
    """
    line = shows_lines_redrawn(sys.stderr)
    if console.quiet:
        return line, False
    if shows_lines_redrawn(sys.stdout):
        return line, not line
    return line and not _goes_to_a_program(sys.stdout), True


def _goes_to_a_program(stream: TextIO) -> bool:
    try:
        mode = os.fstat(stream.fileno()).st_mode
    except (OSError, ValueError):  # in memory
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


class ProgressLines:
    """Callback: a line now and then, where no terminal shows the one that keeps changing."""

    _EPOCHS = 20
    _SECONDS = 30.0

    def __init__(self, console: Console, recipe: Recipe, stopping: lm.EarlyStopping) -> None:
        self._console = console
        self._epochs = recipe.epochs
        self._every = min(recipe.patience, self._EPOCHS)
        self._stopping = stopping
        self._begin = self._told = time.monotonic()

    def on_epoch_end(self, epoch: int, record: Mapping[str, float]) -> None:
        """Tell the losses of the epoch that ended; epochs count from 0."""
        now = time.monotonic()
        due = (epoch + 1) % self._every == 0 or now - self._told >= self._SECONDS
        if epoch > 0 and not due:
            return
        self._told = now
        figures = "  ".join(
            f"{title} {record[name]:.4g}" for name, title in _PROGRESS.items() if name in record
        )
        best = self._stopping.best_epoch + 1
        left = (now - self._begin) * (self._epochs / (epoch + 1) - 1.0)
        say(
            self._console,
            f"epoch {epoch + 1}/{self._epochs}  {figures}  best epoch {best or '-'}  "
            f"{duration(now - self._begin)}, up to {duration(left)} left",
        )


def _output_activation(target: Target) -> str:
    if not isinstance(target, ClassTarget):
        return "identity"
    return "sigmoid" if target.outputs == 1 else "softmax"


def _loss(target: Target) -> str:
    if not isinstance(target, ClassTarget):
        return "mean_squared_error"
    return "binary_cross_entropy" if target.outputs == 1 else "cross_entropy"


def _optimizer(recipe: Recipe) -> lm.Optimizer:
    rate, decay = recipe.learning_rate, recipe.weight_decay
    if recipe.optimizer == "sgd":
        return lm.SGD(rate, momentum=0.9, weight_decay=decay)
    make = lm.Adam if recipe.optimizer == "adam" else lm.AdamW
    return make(rate, weight_decay=decay)
