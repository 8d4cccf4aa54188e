"""`lamina evaluate`: figures of a model on a table that holds the target."""

from collections.abc import Collection
from dataclasses import asdict
from functools import partial
from typing import Any

from rich.console import Console

from lamina.cli._arguments import Arguments
from lamina.cli._class_tables import print_class_figures, print_confusions
from lamina.cli._errors import check_columns, file_named
from lamina.cli._names import find_columns
from lamina.cli._progress import set_threads
from lamina.cli._read import read_table, text_format
from lamina.cli._report import (
    baseline_words,
    check_console,
    make_console,
    print_issues,
    print_json,
    print_results,
    say,
)
from lamina.tabular import (
    DEFAULT_THRESHOLD,
    ClassReport,
    ClassTarget,
    Column,
    TableModel,
    count_rows,
    names_of,
    row_count,
    score_outputs,
)


def run(arguments: Arguments) -> None:
    """Read model and table, measure, print."""
    set_threads(arguments.threads)
    model = TableModel.load(arguments.model)
    threshold = arguments.threshold
    model.target.check_threshold(threshold)
    console = make_console(quiet=arguments.json)
    table = read_measured(arguments, model, console)
    rows = row_count(table)
    with file_named(arguments.table):
        measured = model.measure(table, arguments.weight)
    target, encoded, outputs = model.target, measured.target, measured.outputs
    print_issues(measured.issues, len(encoded))
    scores = score_outputs(target, encoded, outputs, threshold, measured.weights)
    weighted = measured.weights is not None
    weighted_by = arguments.weight or model.weight_column if weighted else None
    record: dict[str, Any] = {"target": target.name, "task": target.task, "rows": len(encoded)}
    record |= {"rows_without_target": rows - len(encoded), "weight_column": weighted_by}
    report = None
    if isinstance(target, ClassTarget):
        report = ClassReport.of(target, encoded, outputs, threshold, measured.weights)
        if target.positive is not None:
            used = DEFAULT_THRESHOLD if threshold is None else threshold
            record |= {"positive": target.positive, "threshold": used}
        record |= report.to_record()
    if arguments.json:
        issues = [asdict(issue) for issue in measured.issues]
        print_json(record | scores | {"not_in_training": issues})
        return
    say(
        console,
        f"{target.task} of {names_of(target)} in {arguments.table}, {len(encoded):,} rows",
    )
    if len(encoded) < rows:
        say(console, f"left out for want of a target: {count_rows(rows - len(encoded))}")
    if weighted_by is not None:
        say(console, f"rows count by '{weighted_by}'")
    elif model.weight_column is not None:
        say(console, f"rows count alike: no column '{model.weight_column}' of weights")
    print_results(console, {"model": scores})
    say(console, f"baseline: {baseline_words(target)}")
    if report is not None:
        _print_report(console, record, report)
    check_console(console)


def read_measured(arguments: Arguments, model: TableModel, console: Console) -> dict[str, Column]:
    """The table that a model is measured on: what the model reads of it, targets and weights."""
    return read_table(
        arguments.table,
        text_format(arguments, model.preprocessor.formats.numbers),
        model.preprocessor.missing_values,
        targets=model.target.names,
        check=partial(_check_names, arguments, model),
        tell=lambda note: say(console, note),
    )


def _check_names(arguments: Arguments, model: TableModel, names: Collection[str]) -> None:
    """Refuse a table, by the names of its columns, that lacks what is read of it."""
    if arguments.weight:
        find_columns("--weight", [arguments.weight], names)
    check_columns(arguments.table, model, names)


def _print_report(console: Console, record: dict[str, Any], report: ClassReport) -> None:
    if "positive" in record:
        say(
            console,
            f"'{record['positive']}' is predicted where its probability is above "
            f"{record['threshold']:g} (--threshold); F1 and average precision are of it",
        )
    else:
        say(console, "F1 and average precision are means over the classes")
    print_confusions(console, report)
    print_class_figures(console, report)
