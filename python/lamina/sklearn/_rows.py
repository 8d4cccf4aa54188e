"""Rows that users give, checked as scikit-learn checks them."""

from typing import Any

from scipy.sparse import issparse
from sklearn.utils.validation import validate_data

from lamina._checks.sparse import check_columns, checked_sparse


def validate_rows(estimator: Any, X: Any, *y: Any, **options: Any) -> Any:
    """What `validate_data` gives for X, sparse in any format or not, and perhaps y.

    scikit-learn and scipy follow the arrays of a sparse matrix unchecked, so they are checked
    first. Sparse rows come back in CSR format.

    Raises:
        ValueError, TypeError: as `validate_data`, or arrays that do not make a matrix.
    """
    if issparse(X) and len(X.shape) == 2:
        where = type(estimator).__name__
        X = checked_sparse(X, where)
        if X.format == "csr":
            check_columns(X, where)
    return validate_data(estimator, X, *y, accept_sparse="csr", **options)
