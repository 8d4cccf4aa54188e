"""What `fit` shows while it trains: a line that keeps changing, or a plain line an epoch."""

import os
import sys
import time
import warnings
from typing import Any, TextIO

from lamina._training.callbacks import Callback, EarlyStopping, Record, RunningFit

# Columns from which on there is room for a long bar and for what a narrow line leaves out.
_WIDE = 110
_NOTEBOOK_COLUMNS = 120


class ProgressLine(Callback):
    """One line that keeps changing, for terminals and notebooks.

    It shows the epoch, the time that has passed and is left, the last figures and the best epoch
    so far. It needs no more of a terminal than the carriage return.

    Args:
        stopping: the early stopping whose best epoch is shown; None: the best "val_loss" is.
        stream: where to write; None: standard error, in a notebook standard output.
        tell_reason: say at the end why training stopped early.
    """

    def __init__(
        self,
        stopping: EarlyStopping | None = None,
        stream: TextIO | None = None,
        *,
        tell_reason: bool = True,
    ) -> None:
        self._tell_reason = tell_reason
        self._stopping = stopping
        self._stream = stream
        self._epochs = 0
        self._record: Record = {}
        self._best: tuple[float, int] | None = None
        self._started = self._written = 0.0
        self._length = 0
        self._show_warning = self._hook = warnings.showwarning

    def on_fit_begin(self, fit: RunningFit) -> None:
        """Start the clock; warnings get lines of their own until the end."""
        self._show_warning = warnings.showwarning
        self._hook = warnings.showwarning = self._show_warning_below
        self._epochs = fit.epochs
        self._record, self._best, self._length = {}, None, 0
        self._started = time.monotonic()

    def on_progress(self, epoch: int, share: float) -> None:
        """Redraw, at most ten times a second."""
        if time.monotonic() - self._written >= 0.1:
            self._draw(epoch, share)

    def on_epoch_end(self, epoch: int, record: Record) -> None:
        """Show the figures of the epoch."""
        self._record = dict(record)
        loss = record.get("val_loss")
        if loss is not None and (self._best is None or loss < self._best[0]):
            self._best = loss, epoch
        if time.monotonic() - self._written >= 0.1 or epoch + 1 == self._epochs:
            self._draw(epoch, 1.0)

    def on_fit_end(self, fit: RunningFit) -> None:
        """Leave the line, and say why training stopped early."""
        if warnings.showwarning is self._hook:
            warnings.showwarning = self._show_warning
        if fit.history.epochs:
            self._draw(fit.history.epochs - 1, 1.0, ended=True)
        if self._length:
            reason = fit.stop_reason if self._tell_reason else ""
            self._write(f"\n{reason}\n" if reason else "\n")

    def _draw(self, epoch: int, share: float, *, ended: bool = False) -> None:
        self._written = time.monotonic()
        stream = self._stream or _default_stream()
        # A wrapped line could not be drawn over.
        room = _columns(stream) - 1
        wide = room >= _WIDE
        done = (epoch + share) / self._epochs
        width = 20 if wide else 8
        full, empty = "█░" if draws_unicode(stream) else "#-"
        filled = int(done * width)
        line = f"{full * filled}{empty * (width - filled)} epoch {epoch + 1}/{self._epochs}"
        seconds = self._written - self._started
        clock = duration(seconds) if ended else self._clock(seconds, done, wide)
        for part in [clock, *self._figures(wide)]:
            if len(line) + 2 + len(part) > room:
                break
            line += f"  {part}"
        line = line[:room]
        # Blanks over the rest of the line before: clearing it first would flicker.
        self._write(f"\r{line}{' ' * (min(self._length, room) - len(line))}")
        self._length = len(line)

    def _clock(self, seconds: float, done: float, wide: bool) -> str:
        """The time so far, `3.2 s`, and the time left by the pace so far; narrow: the latter."""
        if done >= 1.0 or done <= 0.0 or seconds < 1.0:
            return duration(seconds)
        left = duration(seconds * (1.0 - done) / done)
        left = f"{'up to ' if self._stopping else ''}{left} left"
        return f"{duration(seconds)}, {left}" if wide else left

    def _figures(self, wide: bool) -> list[str]:
        """The validation loss and the best so far, the loss, and then the rest."""
        figures = {
            name: f"{name} {_number(self._record[name])}"
            for name in sorted(self._record, key=_rank)
        }
        value, epoch = self._best or (0.0, -1)
        if self._stopping is not None:
            value, epoch = self._stopping.best, self._stopping.best_epoch
        best = f"best {_number(value)}" + (f" in epoch {epoch + 1}" if wide else "")
        first = [figures.pop("val_loss")] if "val_loss" in figures else []
        return [*first, *([best] if epoch >= 0 else []), *figures.values()]

    def _show_warning_below(self, *arguments: Any, **options: Any) -> None:
        if self._length:
            self._write("\n")
            self._length = 0
        self._show_warning(*arguments, **options)

    def _write(self, text: str) -> None:
        try:
            stream = self._stream or _default_stream()
            stream.write(text)
            stream.flush()
        except (OSError, ValueError):
            # A terminal that was closed is no reason to end a training.
            self._length = 0


class EpochLines(Callback):
    """One plain line an epoch on standard output."""

    def on_fit_begin(self, fit: RunningFit) -> None:
        """Remember how many epochs there will be."""
        self._epochs = fit.epochs

    def on_epoch_end(self, epoch: int, record: Record) -> None:
        """Print the figures of the epoch."""
        figures = "  ".join(f"{name} {value:.6g}" for name, value in record.items())
        print(f"epoch {epoch + 1}/{self._epochs}  {figures}", flush=True)


def shows_progress_line() -> bool:
    """Whether a line that keeps changing can be seen: on a terminal or in a notebook."""
    return in_notebook() or shows_lines_redrawn(sys.stderr)


def shows_lines_redrawn(stream: TextIO | None) -> bool:
    """Whether the stream is a terminal whose cursor goes back to the line's beginning."""
    try:
        terminal = stream is not None and stream.isatty()
    except ValueError:  # a closed stream
        return False
    return terminal and os.environ.get("TERM") not in ("dumb", "unknown")


def in_notebook() -> bool:
    """Whether a Jupyter kernel runs this program; IPython is not imported to find out."""
    get_shell = getattr(sys.modules.get("IPython"), "get_ipython", None)
    return get_shell is not None and getattr(get_shell(), "kernel", None) is not None


def draws_unicode(stream: TextIO) -> bool:
    """Whether blocks and lines can be written: not to streams, or in locales, of ASCII alone."""
    try:
        "█░─".encode(getattr(stream, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return sys.platform == "win32" or in_notebook() or not _is_plain_locale()


def duration(seconds: float) -> str:
    """A time as people say it: `3.2 s`, `45 s`, `5 min 02 s`, `1 h 12 min`."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def _is_plain_locale() -> bool:
    """Whether the locale is C; Python writes UTF-8 then, and sets LC_CTYPE itself (PEP 538)."""
    if os.environ.get("PYTHONIOENCODING") or os.environ.get("PYTHONUTF8") == "1":
        return False
    names = [os.environ.get(name, "") for name in ("LC_ALL", "LC_CTYPE", "LANG")]
    if names[1] == "C.UTF-8":
        names[1] = ""
    return next((name for name in names if name), "C") in ("C", "POSIX")


def _default_stream() -> TextIO:
    # Standard error has a red ground in notebooks.
    return sys.stdout if in_notebook() else sys.stderr


def _number(value: float) -> str:
    """Four digits, as wide for 0.3 as for 0.3123, so that the line stands still."""
    return f"{value:#.4g}".rstrip(".")


def _rank(name: str) -> int:
    """Which figures a narrow terminal shows first."""
    if name == "learning_rate":
        return 3
    return 0 if name in ("loss", "val_loss") else 1 if name.startswith("val_") else 2


def _columns(stream: TextIO) -> int:
    try:
        # Terminals that do not know their width say 0.
        return os.get_terminal_size(stream.fileno()).columns or 80
    except (OSError, ValueError):
        return _NOTEBOOK_COLUMNS if in_notebook() else 80
