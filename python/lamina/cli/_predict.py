"""`lamina predict`: the target of each row of a table, written as a table."""

import sys
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lamina.cli._arguments import Arguments
from lamina.cli._errors import check_columns, file_named
from lamina.cli._progress import set_threads
from lamina.cli._read import Kept, read_kept_table, text_format
from lamina.cli._report import print_issues, print_json
from lamina.cli._streams import write_utf8
from lamina.cli._write import check_table_output, write_table
from lamina.tabular import (
    ClassTarget,
    NumberTarget,
    NumberTargets,
    TableError,
    TableModel,
    Target,
)


def run(arguments: Arguments) -> None:
    """Read model and table, predict, write."""
    if arguments.output:
        check_table_output(arguments.output, arguments.table)
    set_threads(arguments.threads)
    model = TableModel.load(arguments.model)
    if arguments.probabilities and not isinstance(model.target, ClassTarget):
        raise TableError("--probabilities: this model predicts numbers, not classes")
    model.target.check_threshold(arguments.threshold)
    table = read_kept_table(
        arguments.table,
        text_format(arguments, model.preprocessor.formats.numbers),
        model.preprocessor.missing_values,
        arguments.keep,
        check=partial(check_columns, arguments.table, model),
        tell=lambda note: print(f"lamina: {note}", file=sys.stderr),
    )
    with file_named(arguments.table):
        inputs, issues = model.preprocessor.encode(table.columns)
        frame = _predictions(model, inputs, table, arguments)
    found = {"not_in_training": [asdict(issue) for issue in issues]}
    if arguments.output:
        write_table(frame, arguments.output)
        if arguments.json:
            print_json({"output": str(arguments.output), "rows": frame.height} | found)
    elif arguments.json:
        print_json(found | frame.to_dict(as_series=False))
    else:
        write_utf8(frame.write_csv())
    print_issues(issues, len(inputs))
    if arguments.threshold is not None:
        assert isinstance(model.target, ClassTarget)
        print(
            f"lamina: '{model.target.positive}' is predicted where its probability is above "
            f"{arguments.threshold:g}",
            file=sys.stderr,
        )


def _predictions(
    model: TableModel, inputs: NDArray[np.float32], table: Kept, arguments: Arguments
) -> pl.DataFrame:
    """Kept columns as they are, the prediction, and the probabilities where they are asked for."""
    outputs = model.outputs_of(inputs)
    columns = prediction_columns(
        model.target, outputs, arguments.threshold, probabilities=arguments.probabilities
    )
    predicted = pl.DataFrame(columns, strict=False)
    for name in table.kept.columns:
        if name in columns:
            raise TableError(f"--keep: the predictions have a column '{name}' too; rename it")
    return pl.DataFrame([*table.kept, *predicted])


def prediction_columns(
    target: Target,
    outputs: NDArray[np.float64],
    threshold: float | None = None,
    *,
    probabilities: bool = False,
) -> dict[str, Any]:
    """What is predicted for outputs [rows, outputs], as lists by the names of columns.

    Args:
        probabilities: also those of classes.
    """
    decoded = target.decode(outputs, threshold)
    of_each = decoded.reshape(len(decoded), len(target.names)).T
    columns: dict[str, Any] = {
        f"predicted_{name}": values.tolist()
        for name, values in zip(target.names, of_each, strict=True)
    }
    if not isinstance(target, ClassTarget):
        return columns | _spread_columns(target, outputs)
    if probabilities:
        each = target.probabilities(outputs)
        for index, name in enumerate(target.classes):
            columns[f"probability_{name}"] = each[:, index].tolist()
    return columns


def _spread_columns(
    target: NumberTarget | NumberTargets, outputs: NDArray[np.float64]
) -> dict[str, Any]:
    """Quantiles, then the interval, of each number that has them."""
    spread, rows = target.spread, len(outputs)
    if spread is None:
        return {}
    columns: dict[str, Any] = {}
    quantiles = target.quantiles(outputs).reshape(rows, len(target.names), -1)
    ends = target.intervals(outputs) if spread.coverage is not None else np.empty((rows, 0))
    both = ends.reshape(rows, len(target.names), -1)
    for place, name in enumerate(target.names):
        for level, values in zip(spread.levels, quantiles[:, place].T, strict=True):
            columns[f"quantile_{level:g}_{name}"] = values.tolist()
        for end, values in zip(("lower", "upper"), both[:, place].T, strict=False):
            columns[f"{end}_{name}"] = values.tolist()
    return columns
