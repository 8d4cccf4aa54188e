"""`lamina importance`: how much a model relies on each column of a table that holds the target."""

import sys
from dataclasses import asdict

import polars as pl
from rich.console import Console

from lamina._training.progress import draws_unicode
from lamina.cli._arguments import Arguments
from lamina.cli._errors import file_named
from lamina.cli._evaluate import read_measured
from lamina.cli._progress import set_threads
from lamina.cli._report import (
    check_console,
    figure_title,
    format_figure,
    make_console,
    new_table,
    print_issues,
    print_json,
    say,
)
from lamina.cli._write import check_table_output, write_table
from lamina.tabular import Importance, TableModel

_MOST_ROWS = 40
_BAR = 20


def run(arguments: Arguments) -> None:
    """Read model and table, shuffle, print."""
    if arguments.output:
        check_table_output(arguments.output, arguments.table)
    set_threads(arguments.threads)
    model = TableModel.load(arguments.model)
    figure = model.figure(arguments.metric, "--metric")
    console = make_console(quiet=arguments.json)
    table = read_measured(arguments, model, console)
    with file_named(arguments.table):
        measured = model.measure(table, arguments.weight)
        print_issues(measured.issues, len(measured.target))
        found = model.importance_of(
            measured, figure, repeats=arguments.repeats, seed=arguments.seed
        )
    if arguments.output:
        write_importance(found, arguments)
    if arguments.json:
        issues = [asdict(issue) for issue in measured.issues]
        print_json(found.to_record() | {"not_in_training": issues})
        return
    print_importance(console, found)
    check_console(console)


def write_importance(found: Importance, arguments: Arguments) -> None:
    """Write a table of a row a column."""
    columns = {
        "column": [column.column for column in found.columns],
        f"{found.metric}_loss": [column.mean for column in found.columns],
        "deviation": [column.deviation for column in found.columns],
    }
    write_table(pl.DataFrame(columns), arguments.output)


def print_importance(console: Console, found: Importance) -> None:
    """Table of the columns, the most important first, with a bar each."""
    repeats = len(found.columns[0].losses)
    changes = "rises" if found.mode == "min" else "falls"
    shuffles = "once" if repeats == 1 else f"{repeats} times"
    say(
        console,
        f"importance: how much the {figure_title(found.metric)} "
        f"({format_figure(found.metric, found.figure)} of {found.rows:,} rows) {changes} where a "
        f"column is shuffled, {shuffles}",
    )
    table = new_table()
    table.add_column("column", overflow="fold")
    for title in (changes, "deviation"):
        table.add_column(title, justify="right")
    table.add_column("", no_wrap=True)
    greatest = max(found.columns[0].mean, 0.0)
    mark = "█" if draws_unicode(sys.stdout) else "#"
    for column in found.columns[:_MOST_ROWS]:
        share = column.mean / greatest if greatest > 0.0 else 0.0
        table.add_row(
            column.column,
            format_figure(found.metric, column.mean),
            format_figure(found.metric, column.deviation) if repeats > 1 else "",
            mark * max(round(share * _BAR), 0),
        )
    console.print(table)
    if len(found.columns) > _MOST_ROWS:
        say(console, f"and {len(found.columns) - _MOST_ROWS:,} more columns (--json or --output)")
