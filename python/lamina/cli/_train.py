"""`lamina train`: from a table to a model file, with a summary before and results after."""

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
    check_console,
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
)

Table = dict[str, Column]
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Rows:
    """Some rows of a table without its target column; no copy of them.

    `numbers` [rows] are their places in the columns, `target` [rows] what the network learns.
    """

    columns: Table
    target: NDArray[Any]
    path: Path
    numbers: Indices

    def column(self, name: str) -> Column:
        """The values of these rows in a column."""
        return self.columns[name][self.numbers]

    def take(self, rows: Indices) -> "Rows":
        """Some of the rows."""
        return Rows(self.columns, self.target[rows], self.path, self.numbers[rows])

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
    table = read_table(arguments.table, layout)
    target, preprocessor = _plan(arguments, table)
    everything = _rows(arguments.table, table, target, preprocessor)
    with options_named(target.name), file_named(arguments.table):
        summaries = preprocessor.inspect(everything.columns, rows=everything.numbers)
    train, validation, split = _divide(
        arguments, everything, target, preprocessor, summaries, layout
    )
    test = _read_rows(arguments.test, target, preprocessor, layout) if arguments.test else None
    with file_named(arguments.table):
        preprocessor.fit(train.columns, summaries, rows=train.numbers)
    # All are encoded before the training, so that it is not in vain where one cannot be.
    measured = {"validation": validation} | ({"test": test} if test else {})
    inputs = _encode({"train": train} | measured, preprocessor)
    _print_data(console, arguments, summaries, train, validation, target, preprocessor)
    if split.sentence:
        say(console, split.sentence)

    recipe = Recipe.choose(arguments, rows=len(train.target))
    parts = {name: (inputs[name], rows.target) for name, rows in measured.items()}
    learned = (inputs["train"], train.target)
    trained = train_network(recipe, target, preprocessor, learned, parts["validation"], console)
    record = {
        "lamina": __version__,
        "table": arguments.table.name,
        "rows": {"training": len(train.target), "validation": len(validation.target)},
        "split": split.record,
        "columns": [asdict(summary) for summary in summaries],
        "network": describe_network(recipe, target, preprocessor.width),
        "recipe": asdict(recipe),
        "epochs": trained.epochs,
        "best_epoch": trained.best_epoch,
        "stop_reason": trained.stop_reason,
        "history": trained.history,
        "results": {},
    }
    model = TableModel(preprocessor, target, trained.network, record)
    finish = Finish(model, arguments.output, trained)
    finish.run(parts, begin)
    if arguments.json:
        print_json({"model": str(finish.place)} | model.training)
    else:
        _print_end(console, trained, finish, time.perf_counter() - begin)
    finish.raise_problems()
    check_console(console)


def _print_end(console: Console, trained: Trained, finish: Finish, seconds: float) -> None:
    why = f" ({trained.stop_reason})" if trained.stop_reason else ""
    say(
        console,
        f"best epoch {trained.best_epoch} of {trained.epochs}{why}, {duration(seconds)} in all",
    )
    if finish.results:
        print_results(console, finish.results)
    say(console, f"model saved to {finish.place}")


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
    missing = (*MISSING_VALUES, *(text.strip() for text in arguments.missing))
    preprocessor = Preprocessor(
        numbers=arguments.numbers, bins=arguments.bins, kinds=kinds, missing_values=missing
    )
    with options_named(arguments.target), file_named(arguments.table):
        target = fit_target(
            arguments.target, table[arguments.target], preprocessor.missing_values, arguments.task
        )
    return target, preprocessor


def _rows(path: Path, table: Table, target: Target, preprocessor: Preprocessor) -> Rows:
    """The rows that have a target; the table loses its target column."""
    if target.name not in table:
        raise TableError(
            f"{path}: there is no target column '{target.name}'{closest(target.name, table)}"
        )
    with file_named(path):
        encoded = target.encode(table.pop(target.name), preprocessor.missing_values)
    there = encoded >= 0 if isinstance(target, ClassTarget) else ~np.isnan(encoded)
    if not there.any():
        raise TableError(f"{path}: no row has a value in the target column '{target.name}'")
    if not table:
        raise TableError(f"{path}: the target '{target.name}' is the only column")
    return Rows(table, encoded, path, np.arange(len(encoded))).take(np.flatnonzero(there))


def _read_rows(path: Path, target: Target, preprocessor: Preprocessor, layout: TextFormat) -> Rows:
    return _rows(path, read_table(path, layout), target, preprocessor)


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
    print_columns(console, summaries)
    rows = len(train.target) + len(validation.target)
    say(
        console,
        f"{len(preprocessor.encoders)} columns, {preprocessor.width} features, encoded "
        f"{_size(4 * rows * preprocessor.inputs)}",
    )


def _size(count: int) -> str:
    """Bytes as people read them: `2.1 MB`."""
    for unit, size in (("GB", 1e9), ("MB", 1e6)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{max(count / 1e3, 0.1):.1f} kB"
