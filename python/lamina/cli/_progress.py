"""The progress of a training, on a terminal and in files."""

import os
import stat
import sys
import time
from collections.abc import Mapping
from typing import Any, TextIO

from rich.console import Console

from lamina._threads import set_num_threads
from lamina._training.progress import ProgressLine, duration, shows_lines_redrawn
from lamina.cli._report import say
from lamina.tabular import LOSS, TableTraining

_PROGRESS = {"loss": "loss", "val_loss": "validation loss", "val_accuracy": "accuracy"}


def set_threads(threads: int | None) -> None:
    """Use that many threads; None leaves the choice to the library."""
    if threads is not None:
        set_num_threads(threads)


def progress_callbacks(
    console: Console, training: TableTraining, *, lines: bool = True
) -> list[Any]:
    """What shows the progress of a training; `lines`: also where no line can be redrawn."""
    line, wanted = progress_kinds(console)
    lines = lines and wanted
    callbacks: list[Any] = []
    if line:
        callbacks.append(ProgressLine(training.stopping, sys.stderr, tell_reason=False))
    if lines:
        callbacks.append(ProgressLines(console, training))
    return callbacks


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
    """Callback: a line now and then, where no terminal shows the one that keeps changing.

    Of several networks each has a line at its end, and long ones some before.
    """

    _EPOCHS = 20
    _SECONDS = 30.0

    def __init__(self, console: Console, training: TableTraining) -> None:
        self._console = console
        self._epochs = training.recipe.epochs
        self._every = min(training.recipe.patience or self._EPOCHS, self._EPOCHS)
        self._stopping = training.stopping
        self._members = training.n_members
        self._member = 0
        monitor = training.recipe.monitor
        self._titles = _PROGRESS | ({} if monitor == LOSS else {f"val_{monitor}": monitor})
        self._begin = self._told = time.monotonic()

    def on_fit_begin(self, fit: Any) -> None:
        """A network begins."""
        self._member += 1
        self._epochs = fit.epochs
        self._begin = self._told = time.monotonic()

    def on_epoch_end(self, epoch: int, record: Mapping[str, float]) -> None:
        """Tell the losses of the epoch that ended; epochs count from 0."""
        now = time.monotonic()
        due = (epoch + 1) % self._every == 0 or epoch == 0
        if not (due and self._members == 1) and now - self._told < self._SECONDS:
            return
        self._told = now
        figures = "  ".join(
            f"{title} {record[name]:.4g}" for name, title in self._titles.items() if name in record
        )
        which = f"{self._network()}  " if self._members > 1 else ""
        best = self._stopping.best_epoch + 1
        left = (now - self._begin) * (self._epochs / (epoch + 1) - 1.0)
        say(
            self._console,
            f"{which}epoch {epoch + 1}/{self._epochs}  {figures}  best epoch {best or '-'}  "
            f"{duration(now - self._begin)}, up to {duration(left)} left",
        )

    def on_fit_end(self, fit: Any) -> None:
        """Tell what became of one network of several."""
        best = self._stopping.best_epoch + 1
        if self._members > 1 and best > 0:
            seconds = duration(time.monotonic() - self._begin)
            figure = f"{self._stopping.best:.4g}"
            say(self._console, f"{self._network()}  best epoch {best}, {figure}  {seconds}")

    def _network(self) -> str:
        return f"network {self._member}/{self._members}"
