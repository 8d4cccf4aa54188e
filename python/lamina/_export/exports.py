"""What a model exports: the program by its options, and its text in one of the languages."""

import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from lamina._checks.class_names import checked_class_names
from lamina._checks.files import checked_path, write_whole
from lamina._checks.types import PathLike
from lamina._core import __version__
from lamina._export._execute import Run, input_ranges, spread_rows
from lamina._export._network_program import network_program
from lamina._export._network_program import rows_of_selftest as network_rows
from lamina._export._program import Math, Program, Tested
from lamina._export._steps import TYPES
from lamina._export._table_program import rows_of_selftest as table_rows
from lamina._export._table_program import table_program
from lamina._export._write_c import write_c
from lamina._export._write_javascript import write_javascript
from lamina._export._write_python import write_python
from lamina._export.options import CodeOptions, Exported
from lamina._export.sources import Network, Row, TableSource

Array = NDArray[Any]


def export_network(
    path: PathLike,
    network: Network,
    predict: Callable[[Array], Array],
    options: CodeOptions,
    *,
    calibration: Array | None = None,
    class_names: Sequence[str] = (),
) -> Exported:
    """Write a network of numbers.

    Args:
        predict: its outputs [rows, outputs].
        calibration: rows [rows, inputs] for dtype "int8".
        class_names: of its outputs, or of two classes where it has one.
    """
    network = _in_dtype(network, options.dtype)
    names = checked_class_names(class_names, network.outputs, "export") if len(class_names) else []
    build = partial(network_program, network, math=cast(Math, options.math))
    build = partial(build, gradient=options.gradient, class_names=names)
    if options.dtype == "int8":
        rows = _calibration(calibration)
        run = Run(network_program(network))
        calls = [partial(run.names["predict"], row.tolist()) for row in rows]
        build = partial(build, ranges=input_ranges(calls, run))
        # C has no constant NaN for a missing value.
        tested = np.nan_to_num(rows[:8].astype(np.float32), nan=0.0)
    else:
        tested = network_rows(network.inputs)
    found = Run(build(math="own")).predict(tested)
    expected = found if options.dtype == "int8" else predict(tested)
    return _write(path, build(tested=_comparable(tested, expected, found, network.real)), options)


def export_table(
    path: PathLike,
    source: TableSource,
    answers: Callable[[list[Row]], Array],
    options: CodeOptions,
    *,
    calibration: Array | None = None,
) -> Exported:
    """Write a model of a table.

    Args:
        answers: the model's main answer of rows as dictionaries, [rows, numbers].
        calibration: encoded rows [rows, inputs] for dtype "int8".
    """
    if options.gradient:
        raise ValueError(
            "export: gradient is of networks of numbers; a row of a table has texts and missing "
            "values too. Export the model's network (TableModel.network), whose inputs are encoded "
            "rows (Preprocessor.transform)"
        )
    networks = [_in_dtype(network, options.dtype) for network in source.networks]
    source = source._replace(networks=networks)
    build = partial(table_program, source, math=cast(Math, options.math))
    rows = table_rows(source)
    if options.dtype == "int8":
        build = partial(build, ranges=_table_ranges(source, _calibration(calibration)))
    found = Run(build(math="own")).answers(rows)
    expected = found if options.dtype == "int8" else answers(rows)
    return _write(path, build(tested=Tested(rows, expected, found)), options)


def _comparable(rows: Array, expected: Array, found: Array, real: str) -> Tested:
    """What the self-test compares: no rows whose outputs are NaN or infinite."""
    with np.errstate(over="ignore"):
        finite = np.isfinite((np.abs(expected) + np.abs(found)).astype(TYPES[real])).all(axis=1)
    if not finite.any():
        raise ValueError(
            "export: the network's outputs are NaN or infinite for all rows of the self-test, "
            "whose inputs are of about 1; its weights are too large, or its training went wrong"
        )
    return Tested(rows[finite], expected[finite], found[finite])


def _in_dtype(network: Network, dtype: str | None) -> Network:
    if dtype in (None, network.dtype) or (dtype == "int8" and network.dtype == "float32"):
        return network
    if dtype == "float64":
        raise ValueError("export: dtype 'float64' needs a network of float64, got one of float32")
    with np.errstate(over="ignore"):
        parameters = {k: values.astype(np.float32) for k, values in network.parameters.items()}
    for name, values in parameters.items():
        if not np.isfinite(values).all():
            largest = np.abs(network.parameters[name]).max()
            raise ValueError(
                f"export: {name} has numbers of {largest:.3g}, which dtype 'float32' cannot hold; "
                "leave dtype out"
            )
    return network._replace(parameters=parameters, dtype="float32")


def _calibration(rows: Array | None) -> Array:
    if rows is None or not len(rows):
        raise ValueError(
            "export: dtype 'int8' needs calibration, rows like those of the training (some hundred "
            "are enough), from which the ranges of the integers follow"
        )
    return spread_rows(rows)


def _table_ranges(source: TableSource, rows: Array) -> list[Any]:
    run = Run(table_program(source))
    first = source.networks[0]
    width = sum(column.features for column in first.layers[0].columns)  # type: ignore[attr-defined]
    features = []
    for row in rows:
        features.append([0.0] * width)
        run.names["_features"](row.tolist(), features[-1])
    y = [0.0] * first.outputs
    ranges = []
    for number in range(len(source.networks)):
        function = run.names[f"_network_{number}"]
        ranges.append(input_ranges([partial(function, f, y) for f in features], run))
    return ranges


def _write(path: PathLike, program: Program, options: CodeOptions) -> Exported:
    program.version = __version__
    file = os.fsdecode(checked_path(path, "export"))
    if options.language == "c":
        text = write_c(program, options.prefix)
    elif options.language == "js":
        is_module = file.endswith(".mjs")
        text = write_javascript(program, options.prefix, is_module=is_module)
    else:
        text = write_python(program, options.prefix)
    write_whole(path, text.encode(), "export")
    return Exported(file, program.data_bytes, program.stack_bytes)
