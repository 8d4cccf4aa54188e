"""`lamina train`: from a table to a model file, with a summary before and results after."""

import shlex
import time
from collections.abc import Collection
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from lamina._training.progress import duration
from lamina.cli._arguments import Arguments, text_options
from lamina.cli._cross_validation import cross_validate
from lamina.cli._errors import file_named, option
from lamina.cli._finish import Finish
from lamina.cli._importance import print_importance
from lamina.cli._interrupt import termination_raised
from lamina.cli._names import find_columns, find_date_formats, names_meant
from lamina.cli._progress import progress_callbacks, set_threads
from lamina.cli._read import index_columns, read_table, text_format
from lamina.cli._report import (
    baseline_words,
    check_console,
    describe_epochs,
    make_console,
    print_json,
    print_results,
    say,
)
from lamina.cli._summary import Summary
from lamina.cli._write import check_inputs, check_output, check_table_output, same_file
from lamina.tabular import (
    Column,
    TableModel,
    TableTraining,
    Target,
    Trained,
    TrainOptions,
    check_target,
    column_options,
    describe_recipes,
    missing_values,
)

_OUTPUT = Path("model.lamina")


def run(arguments: Arguments) -> None:
    """Read, look, train, save, measure, report."""
    with termination_raised():
        _train(arguments)


def _train(arguments: Arguments) -> None:
    begin = time.perf_counter()
    set_threads(arguments.threads)
    given = (arguments.table, arguments.validation, arguments.test)
    check_inputs(*given)
    output = arguments.output or (None if arguments.folds else _OUTPUT)
    if output is not None:
        check_output(output, *given)
    if arguments.predictions:
        check_table_output(arguments.predictions, *given, option="--predictions")
    console = make_console(quiet=arguments.json)
    table = _read(arguments, console)
    # A training takes its table over, which the folds need too.
    training = _prepare(arguments, dict(table) if arguments.folds else table)
    Summary(str(arguments.table), training, arguments.folds).print(console)
    found: dict[str, Any] = {}
    if arguments.folds:
        folds = cross_validate(arguments, table, training.options, console)
        found["cross_validation"] = folds.to_record()
        table.clear()
    if output is None:
        say(console, f"baseline: {baseline_words(training.plan.target)}")
        if arguments.json:
            print_json(found)
        check_console(console)
        return
    for part in ("validation", "test"):
        if same_file(arguments.table, getattr(arguments, part)):
            say(console, f"--{part} is the training table itself: its figures flatter")
    target, width = training.plan.target, training.preprocessor.width
    say(console, describe_recipes(training.recipes, training.n_members, target, width))
    trained = _run(training, console)
    model = TableModel.trained(training, trained, arguments.table.name)
    model.training |= found
    finish = Finish(model, output, training, trained, importance=arguments.importance)
    with finish.interrupts_told():
        finish.run(begin)
        if arguments.json:
            print_json({"model": str(finish.place)} | model.training)
        else:
            seconds = time.perf_counter() - begin
            _print_end(console, arguments, model.target, trained, finish, seconds)
        finish.raise_problems()
        check_console(console)


def _read(arguments: Arguments, console: Console) -> dict[str, Column]:
    """The training table."""
    return read_table(
        arguments.table,
        text_format(arguments, names_meant(arguments.parse_numbers)),
        missing_values(arguments.missing, arguments.only_missing),
        targets=arguments.target,
        tell=partial(say, console),
        check=partial(_check_columns, arguments),
    )


def _prepare(arguments: Arguments, table: dict[str, Column]) -> TableTraining:
    """Read the other tables, and encode all, so that no training is in vain."""
    layout = text_format(arguments, names_meant(arguments.parse_numbers))
    training = TableTraining(
        table,
        train_options(arguments, table),
        name=str(arguments.table),
        index_columns=index_columns(arguments.table),
        spell=option,
    )

    def read(path: Path) -> dict[str, Column]:
        return read_table(
            path,
            layout,
            training.preprocessor.missing_values,
            targets=arguments.target,
            check=partial(_check_target, path, arguments.target),
        )

    if arguments.validation:
        record = {"kind": "file", "table": arguments.validation.name}
        training.validate_on(read(arguments.validation), str(arguments.validation), record)
    else:
        training.hold_back()
    if arguments.test:
        training.measure_on("test", read(arguments.test), str(arguments.test))
    training.encode()
    return training


def train_options(arguments: Arguments, names: Collection[str]) -> TrainOptions:
    """What was typed, for a training table with columns of these names.

    Raises:
        TableError: an option names no column.
    """
    given = {field.name: getattr(arguments, field.name) for field in fields(TrainOptions)}
    for name in ("numeric", "categorical", "ignore", "parse_numbers"):
        given[name] = find_columns(option(name), given[name], names)
    weights = given["class_weight"]
    given["class_weight"] = "balanced" if "balanced" in weights else dict(weights) or None
    given["date_format"] = find_date_formats(arguments.date_format, names)
    return TrainOptions(**given)


def _check_columns(arguments: Arguments, names: Collection[str]) -> None:
    column_options(train_options(arguments, names), names, str(arguments.table), option)


def _check_target(path: Path, targets: Collection[str], names: Collection[str]) -> None:
    with file_named(path):
        check_target(targets, names)


def _run(training: TableTraining, console: Console) -> Trained:
    try:
        return training.run(progress_callbacks(console, training))
    except KeyboardInterrupt as interrupt:
        before = " before the end of the first epoch; nothing is saved"
        raise type(interrupt)(before) from None


def _print_end(
    console: Console,
    arguments: Arguments,
    target: Target,
    trained: Trained,
    finish: Finish,
    seconds: float,
) -> None:
    say(console, f"{describe_epochs(trained.record())}, {duration(seconds)} in all")
    if finish.results:
        print_results(console, finish.results, main=True, monitor=arguments.monitor)
        say(console, f"baseline: {baseline_words(target)}")
    if finish.importance is not None:
        print_importance(console, finish.importance)
    say(console, f"model saved to {finish.place}; use it with")
    options = "".join(f" {shlex.quote(text)}" for text in text_options(arguments))
    say(console, f"  lamina predict {shlex.quote(str(finish.place))} TABLE{options}")
