"""`lamina train --folds`: a model for each fold, its figures, and what it predicts for its rows."""

from functools import partial
from typing import Any

import numpy as np
import polars as pl
from rich.console import Console

from lamina.cli._arguments import Arguments
from lamina.cli._errors import option
from lamina.cli._predict import prediction_columns
from lamina.cli._progress import progress_callbacks
from lamina.cli._read import index_columns
from lamina.cli._report import (
    MAIN_FIGURES,
    describe_epochs,
    format_figure,
    new_table,
    say,
    short_titles,
)
from lamina.cli._write import write_table
from lamina.tabular import (
    Column,
    CrossValidation,
    Fold,
    TableTraining,
    Trained,
    TrainOptions,
    run_folds,
)

_MOST_FOLDS = 30


def cross_validate(
    arguments: Arguments, table: dict[str, Column], options: TrainOptions, console: Console
) -> CrossValidation:
    """Train and measure the folds, print their figures, and write what they predict."""
    found = run_folds(
        table,
        options,
        arguments.folds,
        partial(_run, arguments, console),
        name=str(arguments.table),
        index_columns=index_columns(arguments.table),
        spell=option,
    )
    say(console, found.split.sentence)
    _print_folds(console, found)
    if arguments.predictions:
        write_table(predictions_of(found), arguments.predictions)
        say(console, f"predictions of the folds written to {arguments.predictions}")
    return found


def _run(arguments: Arguments, console: Console, training: TableTraining, number: int) -> Trained:
    where = f"fold {number + 1}/{arguments.folds}"
    try:
        trained = training.run(progress_callbacks(console, training, lines=False))
    except KeyboardInterrupt as interrupt:
        raise type(interrupt)(f" in {where}; nothing is saved") from None
    if isinstance(trained.error, KeyboardInterrupt):
        raise type(trained.error)(f" in {where}; nothing is saved")
    if trained.error is not None:
        raise trained.error
    rows = [training.train, training.measured["validation"], training.measured["test"]]
    train, validation, test = (f"{len(part.target):,}" for part in rows)
    say(
        console,
        f"{where}: {train} to train, {validation} to validate, {test} to test; "
        f"{describe_epochs(trained.record()).partition(' (')[0]}",
    )
    return trained


def _print_folds(console: Console, found: CrossValidation) -> None:
    """Table of the main figures: a row a fold, their mean, deviation, and the baseline's mean."""
    titles = {n: t for n, t in short_titles(found.mean).items() if n in MAIN_FIGURES}
    table = new_table()
    table.add_column("fold")
    for title in titles.values():
        table.add_column(title, justify="right")
    shown = found.folds[:_MOST_FOLDS]
    last = len(shown) - 1
    for number, fold in enumerate(shown):
        figures = fold.scores["model"]
        table.add_row(
            str(number + 1),
            *(format_figure(name, figures[name]) for name in titles),
            end_section=number == last,
        )
    rows = {"mean": found.mean, "deviation": found.deviation, "baseline": found.baseline}
    for title, figures in rows.items():
        table.add_row(title, *(format_figure(name, figures[name]) for name in titles))
    console.print(table)
    if len(shown) < len(found.folds):
        say(console, f"and {len(found.folds) - len(shown):,} more folds (--json shows all)")


def predictions_of(found: CrossValidation) -> pl.DataFrame:
    """The fold of each row of the table, from 1, and what it predicts; null where there is none."""
    every = [
        prediction_columns(fold.target, fold.outputs, probabilities=True) for fold in found.folds
    ]
    folds = [None if number < 0 else number + 1 for number in found.fold.tolist()]
    columns: dict[str, Any] = {"fold": folds}
    by_fold = dict(zip(found.folds, every, strict=True))

    def values(name: str, fold: Fold) -> Any:
        return np.array(by_fold[fold][name], dtype=object)

    for name in every[0]:
        columns[name] = found.joined(partial(values, name)).tolist()
    return pl.DataFrame(columns, strict=False)
