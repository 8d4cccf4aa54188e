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
from lamina.tabular import ClassTarget, TableError, TableModel


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
    columns: dict[str, Any] = {
        f"predicted_{model.target.name}": model.target.decode(outputs, arguments.threshold).tolist()
    }
    if arguments.probabilities:
        assert isinstance(model.target, ClassTarget)
        each = model.target.probabilities(outputs)
        for index, name in enumerate(model.target.classes):
            columns[f"probability_{name}"] = each[:, index].tolist()
    predicted = pl.DataFrame(columns, strict=False)
    for name in table.kept.columns:
        if name in columns:
            raise TableError(f"--keep: the predictions have a column '{name}' too; rename it")
    return pl.DataFrame([*table.kept, *predicted])
