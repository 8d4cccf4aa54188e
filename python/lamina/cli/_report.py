"""What the commands print: tables of columns and of results, and the progress of training."""

import json
import math
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import IO, Any, cast

from rich import box
from rich.console import Console
from rich.table import Table

from lamina._training.progress import draws_unicode
from lamina.cli._streams import SteadyOutput, write_utf8
from lamina.tabular import (
    ClassTarget,
    ColumnIssue,
    ColumnSummary,
    Target,
    describe_issues,
    finite,
)

# As rich's SIMPLE_HEAD, for terminals of ASCII alone.
_ASCII_HEAD = box.Box(
    "    \n    \n -- \n    \n    \n    \n    \n    \n",
    ascii=True,
)
_MOST_COLUMNS = 40
_FEWEST_COLUMNS = 10
# Of the summary, besides those of its table of columns.
_OTHER_LINES = 14
_WIDTH_OF_FILES = 100
_IN_UNITS = (
    *("rmse", "root_mean_squared_error", "mae", "mean_absolute_error", "median_absolute_error"),
    *("mse", "mean_squared_error", "pinball", "interval_width"),
)
_TITLES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "f1": "F1",
    "matthews_correlation": "Matthews correlation",
    "log_loss": "log loss",
    "brier_score": "Brier score",
    "expected_calibration_error": "calibration error",
    "roc_auc": "ROC AUC",
    "average_precision": "average precision",
    "rmse": "RMSE",
    "mae": "MAE",
    "median_absolute_error": "median absolute error",
    "r2": "R2",
    "pinball": "pinball loss",
    "coverage": "coverage of the interval",
    "interval_width": "width of the interval",
}
_SHARE_BELOW = "share_below_"
# What training shows; `lamina evaluate` shows all.
MAIN_FIGURES = (
    *("accuracy", "log_loss", "roc_auc", "rmse", "mae", "r2"),
    *("pinball", "coverage", "interval_width"),
)


def make_console(quiet: bool) -> Console:
    """Console on the standard output, plain where that is no terminal."""
    width = None if sys.stdout.isatty() else _WIDTH_OF_FILES
    output = cast(IO[str], SteadyOutput())
    return Console(
        file=output, quiet=quiet, width=width, highlight=False, emoji=False, markup=False
    )


def check_console(console: Console) -> None:
    """Raise what kept the console from printing; a reader that had enough is no error."""
    error = getattr(console.file, "error", None)
    if error is not None and not isinstance(error, BrokenPipeError):
        raise OSError(error.errno, error.strerror, "standard output")


def say(console: Console, line: str) -> None:
    """Print a line; a terminal gets it broken between words, a file as it is."""
    console.print(line, soft_wrap=not console.is_terminal)


def print_json(record: Mapping[str, Any]) -> None:
    """One JSON object; what is not finite becomes null, and dates and the like become text."""
    write_utf8(json.dumps(finite(record), ensure_ascii=False, allow_nan=False, default=str) + "\n")


def print_columns(
    console: Console, summaries: Sequence[ColumnSummary], most: int | None = None
) -> None:
    """Table of what each column holds; of more than `most` those with notes, and then the first."""
    table = new_table()
    for title in ("column", "kind"):
        table.add_column(title, overflow="fold")
    for title in ("missing", "distinct"):
        table.add_column(title, justify="right")
    shown = list(summaries)
    if most is not None and len(shown) > most:
        places = sorted(range(len(shown)), key=lambda place: not shown[place].note)[:most]
        shown = [shown[place] for place in sorted(places)]
    notes = any(s.note for s in shown)
    if notes:
        table.add_column("note", overflow="fold")
    for s in shown:
        missing = f"{s.missing:,}" if s.missing else ""
        distinct = f"{s.distinct:,}" if s.distinct else ""
        table.add_row(s.name, s.kind, missing, distinct, *([s.note] if notes else []))
    console.print(table)
    if len(shown) < len(summaries):
        kinds = Counter(s.kind for s in summaries)
        kinds.subtract(s.kind for s in shown)
        left = {kind: count for kind, count in kinds.items() if count}
        counted = ", ".join(f"{count:,} {kind}" for kind, count in left.items())
        counted = counted if len(left) > 1 else next(iter(left))
        say(console, f"and {len(summaries) - len(shown):,} more columns ({counted})")


def columns_of_a_screen(console: Console) -> int:
    """How many columns a summary of about one screen may tell; a file takes more."""
    if not console.is_terminal:
        return _MOST_COLUMNS
    return max(console.height - _OTHER_LINES, _FEWEST_COLUMNS)


def print_results(
    console: Console,
    results: Mapping[str, Mapping[str, Mapping[str, Any]]],
    *,
    main: bool = False,
    monitor: str = "",
) -> None:
    """Table of figures; `results` holds, by part of the data, the model's and the baseline's.

    Args:
        main: only the main ones, and the one that ended the training, `monitor`.
    """
    parts = list(results)
    table = new_table()
    table.add_column("mean" if "by_target" in results[parts[0]] else "")
    for part in parts:
        table.add_column(part, justify="right")
        table.add_column("baseline", justify="right")
    for name, title in _titles(results[parts[0]]["model"]).items():
        if main and name not in (*MAIN_FIGURES, monitor):
            continue
        cells = [
            format_figure(name, results[part][who][name])
            for part in parts
            for who in ("model", "baseline")
        ]
        table.add_row(title, *cells)
    console.print(table)
    for part in parts:
        if "by_target" in results[part]:
            _print_by_target(console, part if len(parts) > 1 else "", results[part])


def baseline_words(target: Target) -> str:
    """What the baseline guesses."""
    if isinstance(target, ClassTarget):
        return "guesses the shares of the classes, whatever the row"
    guess = "mean" if target.spread is None else "median and the quantiles"
    return f"guesses the {guess}, whatever the row"


def _titles(figures: Mapping[str, Any]) -> dict[str, str]:
    """The titles of the figures that are there, in the order in which they are shown."""
    below = {
        name: f"share below quantile {name.removeprefix(_SHARE_BELOW)}"
        for name in figures
        if name.startswith(_SHARE_BELOW)
    }
    return {name: title for name, title in (_TITLES | below).items() if name in figures}


def _print_by_target(console: Console, part: str, scores: Mapping[str, Any]) -> None:
    """Table of the main figures of each target, below that of their means."""
    table = new_table()
    table.add_column(f"target ({part})" if part else "target", overflow="fold")
    titles = {n: t for n, t in _titles(scores["model"]).items() if n in MAIN_FIGURES}
    for title in titles.values():
        table.add_column(title, justify="right")
        table.add_column("baseline", justify="right")
    for name, own in scores["by_target"].items():
        cells = [
            format_figure(figure, own[who][figure])
            for figure in titles
            for who in ("model", "baseline")
        ]
        table.add_row(name, *cells)
    console.print(table)


def print_issues(issues: Sequence[ColumnIssue], rows: int) -> None:
    """A line on the standard error about what a table holds that training did not see, if any."""
    if issues:
        print(f"lamina: {describe_issues(issues, rows)}", file=sys.stderr)


def describe_epochs(training: Mapping[str, Any]) -> str:
    """Which epoch's weights were kept, and why training ended, in a few words."""
    members = training.get("members", [])
    if len(members) > 1:
        best = [member["best_epoch"] for member in members]
        return f"{len(members)} networks, best epochs {min(best)} to {max(best)}"
    best, epochs = training["best_epoch"], training["epochs"]
    reason = training.get("stop_reason", "")
    if "not improved" in reason:
        reason = f"then {epochs - best} without improvement"
    return f"best epoch {best} of {epochs}{f' ({reason})' if reason else ''}"


def short_titles(figures: Mapping[str, Any]) -> dict[str, str]:
    """As `_titles`, short enough for a column each."""
    short = {"coverage": "coverage", "interval_width": "width", "pinball": "pinball"}
    return _titles(figures) | {name: title for name, title in short.items() if name in figures}


def figure_title(name: str) -> str:
    """What a figure is called."""
    return _TITLES.get(name, name.replace("_", " "))


def format_figure(name: str, value: float | None) -> str:
    """Four decimals, or five digits in the target's own units; a dash where there is none."""
    if value is None or not math.isfinite(value):
        return "-"
    if name not in _IN_UNITS:
        return f"{round(value, 4) + 0.0:.4f}"  # no minus before zeros
    return f"{value:,.0f}" if 1e4 <= abs(value) < 1e15 else f"{value:.5g}"


def new_table() -> Table:
    """A table with a line below its head, of ASCII where the terminal has no more."""
    head = box.SIMPLE_HEAD if draws_unicode(sys.stdout) else _ASCII_HEAD
    return Table(box=head, pad_edge=False)
