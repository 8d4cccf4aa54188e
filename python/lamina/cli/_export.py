"""`lamina export`: a model as source code, or as a file of ONNX."""

import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina._export.options import NAMES, Exported
from lamina._network.model_file import load_model
from lamina._sequential import Sequential
from lamina.cli._arguments import Arguments
from lamina.cli._errors import check_columns, file_named
from lamina.cli._progress import set_threads
from lamina.cli._read import read_table, text_format
from lamina.cli._report import make_console, print_json, say
from lamina.cli._write import check_output
from lamina.tabular import TableError, TableModel
from lamina.tabular._columns import read_numbers

_ENDINGS = {"c": ".h", "python": ".py", "js": ".js", "onnx": ".onnx"}


def run(arguments: Arguments) -> None:
    """Read the model, write it, and print what it takes."""
    output = arguments.output or Path(f"{arguments.prefix}{_ENDINGS[arguments.to]}")
    _check(arguments)
    check_output(output, arguments.model, arguments.calibration)
    set_threads(arguments.threads)
    network, record, _ = load_model(arguments.model, Sequential)
    model = TableModel.load(arguments.model) if record else network
    console = make_console(quiet=arguments.json)
    if arguments.to == "onnx":
        model.export_onnx(output)
        found: dict[str, Any] = {"output": str(output)}
    else:
        exported = _export(model, arguments, output)
        found = {"output": exported.path, "flash": exported.constants, "ram": exported.stack}
    if arguments.json:
        print_json(found)
        return
    say(console, f"{NAMES.get(arguments.to, 'ONNX')} written to {output}")
    if arguments.to == "c":
        say(console, f"flash: {found['flash']:,} bytes of constants, and the code")
        say(console, f"RAM: {found['ram']:,} bytes of stack in a prediction")


def _check(arguments: Arguments) -> None:
    """Refuse options that the target does not have."""
    of_code = {
        "--dtype": arguments.dtype is not None,
        "--gradient": arguments.gradient,
        "--math": arguments.math is not None,
        "--calibration": arguments.calibration is not None,
    }
    for option, is_given in of_code.items():
        if is_given and arguments.to == "onnx":
            raise TableError(f"{option}: --to onnx has no such option; c, python and js have it")
    if arguments.math is not None and arguments.to != "c":
        raise TableError(f"--math: --to {arguments.to} has no such option; c has it")
    if (arguments.dtype == "int8") != (arguments.calibration is not None):
        raise TableError(
            "--dtype int8 and --calibration TABLE go together: the ranges of the integers follow "
            "from the table's rows"
        )


def _export(model: Any, arguments: Arguments, output: Path) -> Exported:
    options: dict[str, Any] = {"dtype": arguments.dtype, "gradient": arguments.gradient}
    if arguments.calibration is not None:
        read = _table_rows if isinstance(model, TableModel) else _network_rows
        options["calibration"] = read(model, arguments)
    export: Any = {
        "c": partial(model.export_c, math=arguments.math or "own"),
        "python": model.export_python,
        "js": model.export_javascript,
    }[arguments.to]
    if arguments.to != "python":
        options["prefix"] = arguments.prefix
    exported: Exported = export(output, **options)
    return exported


def _table_rows(model: TableModel, arguments: Arguments) -> Any:
    return read_table(
        arguments.calibration,
        text_format(arguments, model.preprocessor.formats.numbers),
        model.preprocessor.missing_values,
        check=partial(check_columns, arguments.calibration, model),
        tell=_tell,
    )


def _network_rows(net: Sequential, arguments: Arguments) -> NDArray[np.float64]:
    """All columns of the table as numbers, in their order."""
    table = read_table(arguments.calibration, text_format(arguments), tell=_tell)
    with file_named(arguments.calibration):
        return np.column_stack([read_numbers(name, column, ()) for name, column in table.items()])


def _tell(note: str) -> None:
    print(f"lamina: {note}", file=sys.stderr)
