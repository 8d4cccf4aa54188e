"""`lamina train`: from a table to a model file, with a summary before and results after."""

import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from lamina import __version__
from lamina._progress import duration
from lamina.cli._arguments import Arguments
from lamina.cli._errors import file_named, options_named
from lamina.cli._finish import Finish
from lamina.cli._interrupt import termination_raised
from lamina.cli._network import Recipe, Trained, describe_network, set_threads, train_network
from lamina.cli._read import TextFormat, read_table, text_format
from lamina.cli._report import (
    BASELINES,
    check_console,
    columns_of_a_screen,
    describe_epochs,
    make_console,
    print_columns,
    print_json,
    print_results,
    say,
)
from lamina.cli._split import Split, SplitTable, split_rows
from lamina.cli._write import check_output
from lamina.tabular import (
    MISSING_VALUES,
    ClassTarget,
    Column,
    ColumnSummary,
    Preprocessor,
    TableError,
    TableModel,
    Target,
    closest,
    fit_target,
    rows_taken,
    take_rows,
)

Table = dict[str, Column]
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Rows:
    """Columns without the target [rows], the target as the network learns it [rows], and whence."""

    columns: Table
    target: NDArray[Any]
    path: Path
    numbers: Indices

    def column(self, name: str) -> Column:
        """The values of these rows in a column."""
        return self.columns[name]

    def take(self, rows: Indices) -> "Rows":
        """Some of the rows."""
        columns = take_rows(self.columns, rows)
        return Rows(columns, self.target[rows], self.path, self.numbers[rows])

    @contextmanager
    def named(self) -> Iterator[None]:
        """Within it an error names the file, and the row as it is numbered there."""
        with file_named(self.path), rows_taken(self.numbers):
            yield


def run(arguments: Arguments) -> None:
    """Read, look, train, save, measure, report."""
    with termination_raised():
        _train(arguments)


def _train(arguments: Arguments) -> None:
    begin = time.perf_counter()
    set_threads(arguments.threads)
    check_output(arguments.output)
    console = make_console(quiet=arguments.json)
    layout = text_format(arguments)
    table = read_table(
        arguments.table, layout, _missing_values(arguments), lambda note: say(console, note)
    )
    target, preprocessor = _plan(arguments, table)
    everything = _rows(arguments.table, table, target, preprocessor)
    with options_named(target.name), everything.named():
        summaries = preprocessor.inspect(everything.columns)
    train, validation, split = _divide(
        arguments, everything, target, preprocessor, summaries, layout
    )
    test = _read_rows(arguments.test, target, preprocessor, layout) if arguments.test else None
    preprocessor.fit(train.columns, summaries)
    # All are encoded before the training, so that it is not in vain where one cannot be.
    features = {"train": preprocessor.transform(train.columns)}
    measured = {"validation": validation} | ({"test": test} if test else {})
    features |= {name: _features(rows, preprocessor) for name, rows in measured.items()}
    _print_data(console, arguments, summaries, train, validation, target, preprocessor)
    if split.sentence:
        say(console, split.sentence)

    recipe = Recipe.choose(arguments, rows=len(train.target))
    parts = {name: (features[name], rows.target) for name, rows in measured.items()}
    trained = train_network(
        recipe, target, (features["train"], train.target), parts["validation"], console
    )
    record = {
        "lamina": __version__,
        "table": arguments.table.name,
        "rows": {"training": len(train.target), "validation": len(validation.target)},
        "split": split.record,
        "columns": [asdict(summary) for summary in summaries],
        "network": describe_network(recipe, target, preprocessor.width),
        "recipe": asdict(recipe),
        **trained.training_record(),
        "results": {},
    }
    model = TableModel(preprocessor, target, trained.network, record)
    finish = Finish(model, arguments.output, trained)
    finish.run(parts, begin)
    if arguments.json:
        print_json({"model": str(finish.place)} | model.training)
    else:
        _print_end(console, target, trained, finish, time.perf_counter() - begin)
    finish.raise_problems()
    check_console(console)


def _print_end(
    console: Console, target: Target, trained: Trained, finish: Finish, seconds: float
) -> None:
    say(console, f"{describe_epochs(trained.training_record())}, {duration(seconds)} in all")
    if finish.results:
        print_results(console, finish.results)
        say(console, f"baseline: {BASELINES[target.task]}")
    say(console, f"model saved to {finish.place}; use it with")
    say(console, f"  lamina predict {shlex.quote(str(finish.place))} TABLE")


def _plan(arguments: Arguments, table: Table) -> tuple[Target, Preprocessor]:
    """Target and (not yet fitted) preprocessor, from the options and the whole table."""
    if arguments.target not in table:
        raise TableError(
            f"{arguments.table}: there is no column '{arguments.target}'"
            f"{closest(arguments.target, table)}"
        )
    kinds: dict[str, str] = {}
    for kind in ("numeric", "categorical", "ignore"):
        for name in getattr(arguments, kind):
            if name not in table:
                raise TableError(f"--{kind}: there is no column '{name}'{closest(name, table)}")
            if name in kinds:
                raise TableError(f"--{kind}: column '{name}' is named by two options")
            if name == arguments.target:
                raise TableError(f"--{kind}: '{name}' is the target; use --task to say its kind")
            kinds[name] = {"numeric": "number", "categorical": "category", "ignore": "ignored"}[
                kind
            ]
    preprocessor = Preprocessor(
        numbers=arguments.numbers,
        bins=arguments.bins,
        kinds=kinds,
        missing_values=_missing_values(arguments),
    )
    with options_named(arguments.target), file_named(arguments.table):
        target = fit_target(
            arguments.target, table[arguments.target], preprocessor.missing_values, arguments.task
        )
    return target, preprocessor


def _missing_values(arguments: Arguments) -> tuple[str, ...]:
    return (*MISSING_VALUES, *(text.strip() for text in arguments.missing))


def _rows(path: Path, table: Table, target: Target, preprocessor: Preprocessor) -> Rows:
    """The rows that have a target."""
    if target.name not in table:
        raise TableError(
            f"{path}: there is no target column '{target.name}'{closest(target.name, table)}"
        )
    with file_named(path):
        encoded = target.encode(table[target.name], preprocessor.missing_values)
    there = encoded >= 0 if isinstance(target, ClassTarget) else ~np.isnan(encoded)
    if not there.any():
        raise TableError(f"{path}: no row has a value in the target column '{target.name}'")
    columns = {name: column for name, column in table.items() if name != target.name}
    if not columns:
        raise TableError(f"{path}: the target '{target.name}' is the only column")
    return Rows(columns, encoded, path, np.arange(len(encoded))).take(np.flatnonzero(there))


def _read_rows(path: Path, target: Target, preprocessor: Preprocessor, layout: TextFormat) -> Rows:
    table = read_table(path, layout, preprocessor.missing_values)
    return _rows(path, table, target, preprocessor)


def _divide(
    arguments: Arguments,
    rows: Rows,
    target: Target,
    preprocessor: Preprocessor,
    summaries: list[ColumnSummary],
    layout: TextFormat,
) -> tuple[Rows, Rows, Split]:
    """Training and validation rows: another file, or a part held back."""
    if arguments.validation:
        validation = _read_rows(arguments.validation, target, preprocessor, layout)
        every = np.arange(len(rows.target))
        record = {"kind": "file", "table": arguments.validation.name}
        return rows, validation, Split(every, np.empty(0, dtype=np.int64), "", record)
    table = SplitTable(
        rows.column,
        summaries,
        preprocessor.missing_values,
        target.name,
        len(rows.target),
        rows.target if isinstance(target, ClassTarget) else None,
    )
    with rows.named():
        split = split_rows(arguments, table)
    return rows.take(split.train), rows.take(split.validation), split


def _features(rows: Rows, preprocessor: Preprocessor) -> NDArray[np.float32]:
    with rows.named():
        return preprocessor.transform(rows.columns)


def _print_data(
    console: Console,
    arguments: Arguments,
    summaries: list[ColumnSummary],
    train: Rows,
    validation: Rows,
    target: Target,
    preprocessor: Preprocessor,
) -> None:
    say(
        console,
        f"{arguments.table}: {target.task} of '{target.name}', {len(train.target):,} rows to "
        f"train, {len(validation.target):,} to validate",
    )
    if isinstance(target, ClassTarget):
        shares = [f"'{c}' {p:.1%}" for c, p in zip(target.classes, target.shares, strict=True)]
        say(console, f"classes: {', '.join(shares[:10])}{', ...' if len(shares) > 10 else ''}")
    print_columns(console, summaries, columns_of_a_screen(console))
    say(console, f"{len(preprocessor.encoders)} columns become {preprocessor.width} features")
