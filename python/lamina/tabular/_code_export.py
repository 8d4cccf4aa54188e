"""Models of tables as source code; methods of `TablePredictor`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from lamina._export.options import CodeOptions, Exported
from lamina._export.sources import Row, TableSource
from lamina._network.code_export import exported_network
from lamina._sequential import Sequential
from lamina.tabular._as_columns import TableLike
from lamina.tabular._columns import Floats
from lamina.tabular._preprocessor import Preprocessor
from lamina.tabular._target import ClassTarget, Target

Dtype = Literal["float32", "float64", "int8"]


class Exportable(Protocol):
    """What exports read of a model."""

    preprocessor: Preprocessor
    target: Target
    networks: tuple[Sequential, ...]
    shares: Floats

    def outputs_of(self, inputs: NDArray[np.float32]) -> Floats:
        """The outputs [rows, outputs] of encoded rows."""


def export_c(
    model: Exportable,
    path: str | Path,
    *,
    prefix: str = "model",
    dtype: Dtype | None = None,
    math: Literal["own", "libm"] = "own",
    gradient: bool = False,
    calibration: TableLike | None = None,
) -> Exported:
    """Write the model, with its preprocessing, as one header of C99; see docs/export.md.

    A row of the table is a struct, `PREFIX_row`, with a field for each column: numbers as double,
    NaN where one is missing; categories as text, NULL where one is missing; dates as seconds since
    1970-01-01 in UTC. `PREFIX_predict_row(&row, y)` gives the probabilities of the classes, whose
    names are `PREFIX_class_names`, or the numbers; `PREFIX_predict_quantiles` and
    `PREFIX_predict_interval` what their names say. Each gives 0, or the number of the column whose
    value is too great; then y is as before.

    Args:
        path: of the file, such as "model.h".
        calibration: a table for dtype "int8", whose columns are those of training.
        prefix, dtype, math: as in `Sequential.export_c`. gradient: refused, as rows have texts.

    Returns:
        The file's path, and the bytes of constants and of stack that a prediction takes.

    Raises:
        ValueError: options that do not go together. OSError: the file cannot be written.
        TableError: `calibration` lacks a column, or holds what the model cannot read.
    """
    options = CodeOptions("c", prefix, dtype, math, gradient)
    return _export(model, path, options, calibration)


def export_python(
    model: Exportable,
    path: str | Path,
    *,
    dtype: Dtype | None = None,
    gradient: bool = False,
    calibration: TableLike | None = None,
) -> Exported:
    """Write the model as one Python module that needs the standard library alone.

    `predict_row(row)` gives the answer of a row, a dictionary by column; see `export_c`.
    """
    options = CodeOptions("python", dtype=dtype, gradient=gradient)
    return _export(model, path, options, calibration)


def export_javascript(
    model: Exportable,
    path: str | Path,
    *,
    prefix: str = "model",
    dtype: Dtype | None = None,
    gradient: bool = False,
    calibration: TableLike | None = None,
) -> Exported:
    """Write the model as one JavaScript file; `predictRow(row)` gives the answer of an object.

    Args:
        path, prefix: as in `Sequential.export_javascript`. dtype, calibration: as in `export_c`.
    """
    options = CodeOptions("js", prefix, dtype, gradient=gradient)
    return _export(model, path, options, calibration)


def _export(
    model: Exportable, path: str | Path, options: CodeOptions, calibration: TableLike | None
) -> Exported:
    from lamina._export.exports import export_table

    options.check(has_calibration=calibration is not None)
    networks = [exported_network(net) for net in model.networks]
    preprocessor, target = model.preprocessor.to_record(), model.target.to_record()
    source = TableSource(preprocessor, target, networks, model.shares.tolist())
    rows = None if calibration is None else model.preprocessor.transform(calibration)

    def answers(rows: Sequence[Row]) -> Floats:
        inputs = model.preprocessor.transform(_columns(model.preprocessor, rows))
        outputs = model.outputs_of(inputs)
        if isinstance(model.target, ClassTarget):
            return model.target.probabilities(outputs)
        return np.asarray(model.target.decode(outputs)).reshape(len(rows), -1)

    return export_table(path, source, answers, options, calibration=rows)


def _columns(preprocessor: Preprocessor, rows: Sequence[Row]) -> dict[str, NDArray[Any]]:
    """Rows with dates as seconds as columns."""
    columns: dict[str, NDArray[Any]] = {}
    for encoder in preprocessor.encoders:
        values = [row[encoder.name] for row in rows]
        if encoder.kind == "number":
            columns[encoder.name] = np.array([np.nan if v is None else v for v in values])
        elif encoder.kind == "date":
            dates = [
                np.datetime64("NaT", "s") if v is None else np.datetime64(int(v), "s")
                for v in values
            ]
            columns[encoder.name] = np.array(dates, dtype="datetime64[s]")
        else:
            columns[encoder.name] = np.array(values, dtype=object)
    return columns
