"""Sparse matrices that lamina's estimators refuse."""

from typing import Any

import pytest
from scipy.sparse import csc_matrix, csr_matrix
from sklearn.base import clone
from sklearn.datasets import load_wine

from lamina.sklearn import MLPClassifier, Perceptron

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = load_wine(return_X_y=True)


@pytest.mark.parametrize("kind", [csr_matrix, csc_matrix])
@pytest.mark.parametrize("estimator", [MLPClassifier(max_iter=3), Perceptron()])
def test_arrays_that_make_no_matrix_are_refused(estimator: Any, kind: Any) -> None:
    model = clone(estimator).fit(kind(X), Y)
    for array, wrong in (("indptr", 10**6), ("indices", 10**6), ("indices", -3)):
        broken = kind(X)
        getattr(broken, array)[2] = wrong
        for call in (model.predict, lambda rows: clone(estimator).fit(rows, Y)):
            with pytest.raises(ValueError, match=r": expected a sparse matrix (with|whose)"):
                call(broken)
