"""Runs models of ONNX, and feeds the columns of tables to them, for tests."""

from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
from onnx import ModelProto
from onnx.reference import ReferenceEvaluator

Array = npt.NDArray[Any]


def run_both(model: ModelProto, feeds: dict[str, Array]) -> list[dict[str, Array]]:
    """The outputs by name, of the reference evaluator and of ONNX Runtime."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in model.graph.output]
    with np.errstate(all="ignore"):  # the reference computes both sides of a Where
        runs = [ReferenceEvaluator(model).run(None, feeds), session.run(None, feeds)]
    return [dict(zip(names, outputs, strict=True)) for outputs in runs]


def assert_close(got: Array, expected: Array, unit: float = 1.0) -> None:
    """The same shape and dtype, and within 1e-5 of each number, or of the unit where it is less."""
    assert (got.shape, got.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5 * unit)


def table_feeds(model: Any, table: dict[str, Any], dtype: str = "float64") -> dict[str, Array]:
    """The columns that a table model reads, as docs/onnx.md says."""
    return {
        encoder.name: _feed(encoder.kind, np.asarray(table[encoder.name]), dtype)[:, None]
        for encoder in model.preprocessor.encoders
    }


def _feed(kind: str, column: Array, dtype: str) -> Array:
    if kind == "number":
        return column.astype(dtype)
    if kind == "category":
        return np.array(["" if cell is None else str(cell) for cell in column], dtype=object)
    seconds = column.astype("datetime64[s]")
    return np.where(np.isnat(seconds), np.nan, seconds.astype(np.int64).astype(np.float64))
