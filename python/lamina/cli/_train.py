"""`lamina train`: from a table to a model file, with a summary before and results after."""

import shlex
import time
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from lamina._core import __version__
from lamina._training.progress import duration
from lamina.cli._arguments import Arguments, text_options
from lamina.cli._errors import file_named, options_named
from lamina.cli._finish import Finish
from lamina.cli._interrupt import termination_raised
from lamina.cli._names import names_meant
from lamina.cli._network import Recipe, Trained, describe_network, set_threads, train_network
from lamina.cli._plan import (
    ColumnOptions,
    Plan,
    Rows,
    RowsTaken,
    check_target,
    make_plan,
    missing_values,
    take_target,
)
from lamina.cli._read import TextFormat, read_table, text_format
from lamina.cli._report import (
    BASELINES,
    check_console,
    describe_epochs,
    make_console,
    print_json,
    print_results,
    say,
)
from lamina.cli._split import Split, SplitTable, split_rows
from lamina.cli._summary import Summary
from lamina.cli._write import check_inputs, check_output, same_file
from lamina.tabular import (
    ClassTarget,
    ColumnSummary,
    Preprocessor,
    TableModel,
    Target,
    find_giveaways,
)


def run(arguments: Arguments) -> None:
    """Read, look, train, save, measure, report."""
    with termination_raised():
        _train(arguments)


def _train(arguments: Arguments) -> None:
    begin = time.perf_counter()
    set_threads(arguments.threads)
    given = (arguments.table, arguments.validation, arguments.test)
    check_inputs(*given)
    check_output(arguments.output, *given)
    console = make_console(quiet=arguments.json)
    layout = text_format(arguments, names_meant(arguments.parse_numbers))
    missing, tell = missing_values(arguments), partial(say, console)
    check = partial(ColumnOptions.of, arguments)
    table = read_table(
        arguments.table, layout, missing, target=arguments.target, tell=tell, check=check
    )
    plan = make_plan(arguments, table)
    target, preprocessor = plan.target, plan.preprocessor
    everything = take_target(arguments.table, table, target, preprocessor)
    with options_named(target.name), file_named(arguments.table):
        summaries = preprocessor.inspect(everything.columns, rows=everything.places)
    train, validation, split = _divide(arguments, everything, plan, summaries, layout)
    test = _read_rows(arguments.test, target, preprocessor, layout) if arguments.test else None
    with file_named(arguments.table), options_named(target.name):
        preprocessor.fit(train.columns, summaries, rows=train.numbers)
    measured = {"validation": validation} | ({"test": test} if test else {})
    tables = {"training": everything} | ({"validation": validation} if arguments.validation else {})
    tables |= {"test": test} if test else {}
    summary = _summarise(arguments, plan, summaries, tables)
    # All are encoded before the training, so that it is not in vain where one cannot be.
    inputs = _encode({"train": train} | measured, preprocessor)
    summary.print(console, len(train.target), len(validation.target))
    if split.sentence:
        say(console, split.sentence)
    for option in ("validation", "test"):
        if same_file(arguments.table, getattr(arguments, option)):
            say(console, f"--{option} is the training table itself: its figures flatter")

    recipe = Recipe.choose(arguments, rows=len(train.target))
    parts = {name: (inputs[name], rows.target) for name, rows in measured.items()}
    learned = (inputs["train"], train.target)
    trained = train_network(recipe, target, preprocessor, learned, parts["validation"], console)
    record = {
        "lamina": __version__,
        "table": arguments.table.name,
        "rows": {"training": len(train.target), "validation": len(validation.target)},
        "split": split.record,
        **summary.record(),
        "network": describe_network(recipe, target, preprocessor.width),
        "recipe": asdict(recipe),
        **trained.training_record(),
        "results": {},
    }
    model = TableModel(preprocessor, target, trained.network, record)
    finish = Finish(model, arguments.output, trained)
    with finish.interrupts_told():
        finish.run(parts, begin)
        if arguments.json:
            print_json({"model": str(finish.place)} | model.training)
        else:
            _print_end(console, arguments, target, trained, finish, time.perf_counter() - begin)
        finish.raise_problems()
        check_console(console)


def _summarise(
    arguments: Arguments, plan: Plan, summaries: list[ColumnSummary], tables: dict[str, Rows]
) -> Summary:
    rows = tables["training"]
    missing_values = plan.preprocessor.missing_values
    giveaways = find_giveaways(RowsTaken(rows), summaries, rows.target, missing_values)
    classes = np.bincount(rows.target).tolist() if isinstance(plan.target, ClassTarget) else []
    without_target = {name: table.without_target for name, table in tables.items()}
    return Summary(arguments, plan, summaries, giveaways, classes, without_target)


def _print_end(
    console: Console,
    arguments: Arguments,
    target: Target,
    trained: Trained,
    finish: Finish,
    seconds: float,
) -> None:
    say(console, f"{describe_epochs(trained.training_record())}, {duration(seconds)} in all")
    if finish.results:
        print_results(console, finish.results, main=True)
        say(console, f"baseline: {BASELINES[target.task]}")
    say(console, f"model saved to {finish.place}; use it with")
    options = "".join(f" {shlex.quote(option)}" for option in text_options(arguments))
    say(console, f"  lamina predict {shlex.quote(str(finish.place))} TABLE{options}")


def _read_rows(path: Path, target: Target, preprocessor: Preprocessor, layout: TextFormat) -> Rows:
    table = read_table(
        path,
        layout,
        preprocessor.missing_values,
        target=target.name,
        check=partial(check_target, path, target.name),
    )
    return take_target(path, table, target, preprocessor)


def _divide(
    arguments: Arguments,
    rows: Rows,
    plan: Plan,
    summaries: list[ColumnSummary],
    layout: TextFormat,
) -> tuple[Rows, Rows, Split]:
    """Training and validation rows: another file, or a part held back."""
    target, preprocessor = plan.target, plan.preprocessor
    if arguments.validation:
        validation = _read_rows(arguments.validation, target, preprocessor, layout)
        every = np.arange(len(rows.target))
        record = {"kind": "file", "table": arguments.validation.name}
        return rows, validation, Split(every, np.empty(0, dtype=np.int64), "", record)
    table = SplitTable(
        rows.column,
        summaries,
        preprocessor.missing_values,
        len(rows.target),
        rows.target if isinstance(target, ClassTarget) else None,
        plan.ignored_dates,
    )
    with options_named(target.name), rows.named():
        split = split_rows(arguments, table)
    return rows.take(split.train), rows.take(split.validation), split


def _encode(parts: dict[str, Rows], preprocessor: Preprocessor) -> dict[str, NDArray[np.float32]]:
    """The compact matrices of parts of tables, views of one where parts share a table.

    A table's columns are let go one by one, so that its values are not held twice.
    """
    inputs: dict[str, NDArray[np.float32]] = {}
    for columns in {id(part.columns): part.columns for part in parts.values()}.values():
        sharing = {name: part for name, part in parts.items() if part.columns is columns}
        rows = np.concatenate([part.numbers for part in sharing.values()])
        with file_named(next(iter(sharing.values())).path):
            matrix, _ = preprocessor.encode(columns, rows=rows, release=True)
        ends = np.cumsum([len(part.numbers) for part in sharing.values()])
        inputs |= dict(zip(sharing, np.split(matrix, ends[:-1]), strict=True))
    return inputs
