"""`lamina predict`: the target of each row of a table, written as a table."""

import sys
from pathlib import Path
from typing import Any

import polars as pl

from lamina.cli._arguments import Arguments
from lamina.cli._network import set_threads
from lamina.cli._read import read_table, text_format
from lamina.cli._report import print_json
from lamina.tabular import ClassTarget, TableError, TableModel, closest

_WRITERS = (".csv", ".tsv", ".parquet")


def run(arguments: Arguments) -> None:
    """Read model and table, predict, write."""
    if arguments.output and arguments.output.suffix not in _WRITERS:
        raise TableError(f"{arguments.output}: expected a name that ends in {', '.join(_WRITERS)}")
    set_threads(arguments.threads)
    model = TableModel.load(arguments.model)
    table = read_table(arguments.table, text_format(arguments))
    frame = pl.DataFrame(_columns(model, table, arguments), strict=False)
    if arguments.output:
        _write(frame, arguments.output)
    elif arguments.json:
        print_json(frame.to_dict(as_series=False))
    else:
        sys.stdout.write(frame.write_csv())


def _columns(model: TableModel, table: dict[str, Any], arguments: Arguments) -> dict[str, Any]:
    """Kept columns, the prediction, and the probabilities where they are asked for."""
    columns: dict[str, Any] = {}
    for name in arguments.keep:
        if name not in table:
            raise TableError(f"the table has no column '{name}' to keep{closest(name, table)}")
        columns[name] = table[name].tolist()
    outputs = model.outputs(table)
    columns[f"predicted_{model.target.name}"] = model.target.decode(outputs).tolist()
    if arguments.probabilities:
        if not isinstance(model.target, ClassTarget):
            raise TableError("--probabilities: this model predicts numbers, not classes")
        each = model.target.probabilities(outputs)
        for index, name in enumerate(model.target.classes):
            columns[f"probability_{name}"] = each[:, index].tolist()
    return columns


def _write(frame: pl.DataFrame, path: Path) -> None:
    if path.suffix == ".parquet":
        frame.write_parquet(path)
    else:
        frame.write_csv(path, separator="\t" if path.suffix == ".tsv" else ",")
