"""Applies what a preprocessor has learned: the core encodes the columns and rows of tables."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina import _core
from lamina._layers.column_encoding import ColumnEncoding
from lamina.tabular._checks import ColumnIssue
from lamina.tabular._column_formats import ColumnFormats
from lamina.tabular._columns import (
    CodedText,
    Column,
    Floats,
    Indices,
    coded,
    read_numbers,
    rows_taken,
    taken,
)
from lamina.tabular._encoders import Encoder, Outputs, Record

Encoded = tuple[Outputs, list[ColumnIssue]]


class AppliedTarget:
    """A target in the core, which decodes outputs of networks.

    Args:
        record, tensors: as a target's `to_record` gives them.
    """

    def __init__(self, record: Record, tensors: dict[str, Floats]) -> None:
        vectors = {name: np.ascontiguousarray(vector) for name, vector in tensors.items()}
        self._core = _core.make_table_target(json.dumps(record), vectors)

    def check_threshold(self, threshold: float | None) -> None:
        """Refuse a threshold without two classes, and one that is no probability."""
        self._core.check_threshold(threshold)

    def decode(self, outputs: NDArray[Any], threshold: float | None) -> NDArray[Any]:
        """Indices of classes, or numbers, [rows] from outputs [rows, outputs].

        Of several numbers [rows, targets].
        """
        decoded: NDArray[Any] = self._core.decode(np.asarray(outputs), threshold)
        return decoded

    def probabilities(self, outputs: NDArray[Any]) -> Floats:
        """Probabilities [rows, classes] from outputs [rows, outputs]."""
        return self._core.probabilities(np.asarray(outputs))

    def calibrate(self, outputs: NDArray[Any]) -> Floats:
        """Outputs [rows, outputs] by the temperature."""
        return self._core.calibrate(np.asarray(outputs))

    def quantiles(self, outputs: NDArray[Any]) -> Floats:
        """Quantiles [rows, levels of all targets] from outputs [rows, outputs]."""
        return self._core.quantiles(np.asarray(outputs))

    def intervals(self, outputs: NDArray[Any]) -> Floats:
        """Intervals [rows, 2 ends of all targets] from outputs [rows, outputs]."""
        return self._core.intervals(np.asarray(outputs))


class AppliedEncoders:
    """A preprocessor's encoders and formats in the core.

    Args:
        record, tensors: as `Preprocessor.to_record` gives them.
    """

    def __init__(
        self,
        record: Record,
        tensors: dict[str, Floats],
        encoders: Sequence[Encoder],
        missing_values: Sequence[str],
    ) -> None:
        self._encoders, self._missing_values = tuple(encoders), missing_values
        self._inputs = sum(encoder.inputs for encoder in encoders)
        # The core knows no format with %U and the like: those columns are read by strptime.
        dates = record["formats"]["dates"]
        others = {name: f for name, f in dates.items() if not _core.reads_date_format(f)}
        self._formats = ColumnFormats(dates=others)
        self._dates = frozenset(dates)
        known = {name: f for name, f in dates.items() if name not in others}
        record = record | {"formats": record["formats"] | {"dates": known}}
        vectors = {name: np.ascontiguousarray(vector) for name, vector in tensors.items()}
        self._core = _core.make_table_encoder(json.dumps(record), vectors)

    def layer(self) -> ColumnEncoding:
        """The network's first layer."""
        return ColumnEncoding.from_options(json.loads(self._core.layer))

    def encode_row(self, row: Any) -> Encoded | None:
        """A row as a dict of plain values, a list of one such, or a list of the columns' values.

        None where it is anything else, or holds values of other types.
        """
        if self._formats:
            return None
        encoded = self._core.encode_row(row)
        if encoded is None:
            return None
        matrix, issues = encoded
        return matrix, _issues(issues)

    def encode_columns(
        self, columns: dict[str, Column], count: int, rows: Indices | None, *, one_by_one: bool
    ) -> Encoded:
        """`count` rows of the columns, which are taken out of the dictionary.

        Args:
            rows: the rows wanted, by number from 0; None: all.
            one_by_one: let each column go once it is encoded.
        """
        matrix = np.empty((count, self._inputs), dtype=np.float32)
        issues: list[ColumnIssue] = []
        places = range(len(self._encoders))
        groups = [[place] for place in places] if one_by_one or rows is not None else [places]
        for group in groups:
            with rows_taken(rows):
                sources = [self._source(place, columns, rows) for place in group]
                issues += _issues(self._core.encode_columns(sources, matrix))
        return matrix, issues

    def _source(
        self, place: int, columns: dict[str, Column], rows: Indices | None
    ) -> tuple[Any, ...]:
        """A column as the core reads it: its place, and an array, or codes and texts."""
        encoder = self._encoders[place]
        column = taken(columns.pop(encoder.name), rows)
        if self._formats.kind(encoder.name):
            column = self._formats.read(encoder.name, column, self._missing_values)
        as_read = not isinstance(column, CodedText) and (
            column.dtype.kind == "M" or encoder.name not in self._dates
        )
        if not isinstance(column, CodedText):
            column = _native(encoder, column, self._missing_values)
        if isinstance(column, CodedText):
            return place, column.codes, column.distinct, as_read
        return place, column


def _issues(found: Sequence[Any]) -> list[ColumnIssue]:
    return [ColumnIssue(*issue) for issue in found]


def _native(encoder: Encoder, column: NDArray[Any], missing_values: Sequence[str]) -> Column:
    """An array of a type that the core reads, or text."""
    kind = column.dtype.kind
    if kind == "M":
        return coded(column) if encoder.kind == "category" else column.astype("datetime64[s]")
    native = column.dtype.isnative and not (kind == "f" and column.dtype.itemsize not in (4, 8))
    if native:
        return column
    if kind in "iu":
        return column.astype(column.dtype.newbyteorder("="))
    if encoder.kind == "number":
        return read_numbers(encoder.name, column, missing_values)
    return coded(column)
