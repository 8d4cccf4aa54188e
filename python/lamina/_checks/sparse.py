"""Sparse matrices of scipy, which is not imported: compressed rows, as the core reads them."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from lamina import _core
from lamina._checks.types import NDArray

Array = NDArray[Any]
# Elements looked at together.
_CHUNK = 1 << 20


@dataclass(frozen=True)
class SparseRows:
    """Compressed sparse rows: a row's elements in ascending columns, each column at most once.

    Attributes:
        data: stored elements, of float32 or float64. indices: their columns.
        indptr: where each row begins, [rows + 1], of the type of `indices`.
        shape: rows and columns.
    """

    data: Array
    indices: Array
    indptr: Array
    shape: tuple[int, int]

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: "Array | slice") -> "SparseRows":
        """Some rows: copies by indices, views by a slice without steps."""
        if isinstance(rows, slice) and rows.step in (None, 1):
            first, last, _ = rows.indices(len(self))
            last = max(first, last)
            begin, end = int(self.indptr[first]), int(self.indptr[last])
            starts = self.indptr[first : last + 1] - self.indptr[first]
            part = slice(begin, end)
            shape = (last - first, self.shape[1])
            return SparseRows(self.data[part], self.indices[part], starts, shape)
        rows = np.arange(len(self))[rows]
        begins = self.indptr[rows]
        starts = np.zeros(len(rows) + 1, self.indptr.dtype)
        np.cumsum(self.indptr[rows + 1] - begins, out=starts[1:])
        places = np.arange(starts[-1], dtype=self.indptr.dtype)
        places += np.repeat(begins - starts[:-1], np.diff(starts))
        shape = (len(rows), self.shape[1])
        return SparseRows(self.data[places], self.indices[places], starts, shape)

    def toarray(self) -> Array:
        """All elements [rows, columns]."""
        dense = np.zeros(self.shape, self.data.dtype)
        dense[np.repeat(np.arange(len(self)), np.diff(self.indptr)), self.indices] = self.data
        return dense


def is_sparse(values: Any) -> bool:
    """Whether a value is a sparse matrix or array of scipy's."""
    return hasattr(values, "toarray") and hasattr(values, "nnz") and hasattr(values, "tocsr")


def as_dense(rows: "Array | SparseRows") -> Array:
    """Rows as an array; sparse ones are made dense."""
    return rows.toarray() if isinstance(rows, SparseRows) else rows


def sparse_rows(
    matrix: Any,
    *,
    columns: int | None,
    dtype: str,
    where: str,
    least_rows: int,
    nan_allowed: bool,
) -> SparseRows:
    """A scipy matrix as rows for the core; float32 and float64 in CSR format are not copied.

    Raises:
        TypeError: not numbers. ValueError: wrong shape, no rows, NaN, infinity, or a value beyond
            float32's range.
    """
    if len(matrix.shape) != 2:
        raise ValueError(f"{where}: expected X of shape [rows, features], got {matrix.shape}")
    if matrix.dtype.kind not in "fiub":
        raise TypeError(f"{where}: expected numbers in X, got a sparse matrix of {matrix.dtype}")
    if columns is not None and matrix.shape[1] != columns:
        raise ValueError(f"{where}: expected {columns} input features, got {matrix.shape[1]}")
    if matrix.shape[0] < least_rows or matrix.shape[1] == 0:
        raise ValueError(f"{where}: expected at least one row and one feature, got {matrix.shape}")
    found = as_rows(matrix, dtype, where)
    _check_values(found, dtype, where, nan_allowed)
    return found


def as_rows(matrix: Any, dtype: str = "float64", where: str = "X") -> SparseRows:
    """A scipy matrix of finite numbers as rows for the core, others than floats as `dtype`.

    Raises:
        ValueError: its arrays do not make a matrix.
    """
    csr = checked_sparse(matrix, where).tocsr()
    if not csr.has_canonical_format:
        csr = csr.copy()
        csr.sum_duplicates()
    data = np.ascontiguousarray(csr.data)
    if data.dtype not in (np.float32, np.float64) or not data.dtype.isnative:
        data = data.astype(np.float64 if data.dtype.itemsize > 4 else dtype)
    index = np.int32 if csr.indices.dtype == csr.indptr.dtype == np.int32 else np.int64
    return SparseRows(
        data,
        np.ascontiguousarray(csr.indices, dtype=index),
        np.ascontiguousarray(csr.indptr, dtype=index),
        (int(csr.shape[0]), int(csr.shape[1])),
    )


def checked_sparse(matrix: Any, where: str) -> Any:
    """The matrix, once its arrays are known to lead no function of scipy's out of its memory.

    Of compressed rows the columns are left to whoever reads them, as the core checks each.

    Raises:
        ValueError: the arrays do not fit the shape.
    """
    try:
        if matrix.format == "csr":
            ends = matrix.indptr
            stored = min(len(matrix.indices), len(matrix.data))
            if len(ends) != matrix.shape[0] + 1 or ends[0] != 0 or ends[-1] > stored:
                raise ValueError(
                    f"its {matrix.shape[0]} rows must start at 0 and end within the {stored} "
                    "stored elements"
                )
            if (ends[1:] < ends[:-1]).any():
                raise ValueError("rows must be those whose starts ascend")
        elif matrix.format in ("csc", "bsr"):
            matrix = matrix.copy()
            matrix.check_format(full_check=True)
        elif matrix.format == "coo":
            matrix = type(matrix)((matrix.data, (matrix.row, matrix.col)), shape=matrix.shape)
    except ValueError as error:
        raise ValueError(
            f"{where}: expected a sparse matrix whose arrays fit its shape, got one of format "
            f"{matrix.format!r} with others: {error}"
        ) from None
    return matrix


def check_columns(rows: Any, where: str) -> None:
    """Refuse compressed rows of scipy's that name a column which the matrix does not have.

    Raises:
        ValueError: they do.
    """
    stored = rows.indices[: rows.indptr[-1]]
    wrong = stored[(stored < 0) | (stored >= rows.shape[1])]
    if wrong.size:
        raise ValueError(
            f"{where}: expected a sparse matrix with columns below {rows.shape[1]}, got {wrong[0]}"
        )


def _check_values(rows: SparseRows, dtype: str, where: str, nan_allowed: bool) -> None:
    narrow = dtype == "float32" or rows.data.dtype == np.float32
    limit = float(np.finfo(np.float32 if narrow else np.float64).max)
    for first in range(0, len(rows.data), _CHUNK):
        chunk = rows.data[first : first + _CHUNK]
        if _core.values_within(chunk[None, :], limit, nan_allowed):
            continue
        finite = ~np.isinf(chunk) if nan_allowed else np.isfinite(chunk)
        if finite.all():
            raise ValueError(
                f"{where}: X holds values beyond float32's range (3.4e38); "
                "scale them, or use dtype='float64'"
            )
        place = first + int(np.argmin(finite))
        row = int(np.searchsorted(rows.indptr, place, side="right")) - 1
        raise ValueError(
            f"{where}: expected finite numbers in X, got {rows.data[place]} in row {row}, "
            f"column {rows.indices[place]}"
        )
