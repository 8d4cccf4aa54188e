"""Large symmetric products and solutions in pieces, between which Python notices Ctrl-C."""

import numpy as np

from lamina._checks.types import NDArray

Floats = NDArray[np.float64]
# Equations that numpy solves in some 50 ms at most, in one call that nothing interrupts.
_SOLVED_AT_ONCE = 1024
_BLOCK, _ROWS = 256, 128
# Floating-point operations of one product.
_OPERATIONS = 5e8


def diagonal(values: Floats) -> Floats:
    """A matrix [n, n] with `values` on its diagonal; the system gives its memory piece by piece."""
    n = len(values)
    matrix = np.empty((n, n))
    for first in range(0, n, _ROWS):
        matrix[first : first + _ROWS] = 0.0
    matrix.reshape(-1)[:: n + 1] = values
    return matrix


def add_products(rows: Floats, product: Floats) -> None:
    """Add rows' rows to `product` [n, n] for rows [count, n]; of a large one to its lower half."""
    count, n = rows.shape
    if n <= _SOLVED_AT_ONCE:
        product += rows.T @ rows
        return
    step = max(16, int(_OPERATIONS / (2 * max(count, 1) * n)))
    for first in range(0, n, step):
        product[first:, first : first + step] += rows[:, first:].T @ rows[:, first : first + step]


def solve_damped(product: Floats, damping: float, right: Floats) -> Floats | None:
    """x of (product + damping I) x = right [n], None where that cannot be solved.

    Of a large `product` the lower half is read, by a Cholesky factorisation (Golub & Van Loan 2013,
    4.2.9).
    """
    n = len(right)
    matrix = np.empty_like(product)
    for first in range(0, n, _ROWS):
        matrix[first : first + _ROWS] = product[first : first + _ROWS]
    matrix.reshape(-1)[:: n + 1] += damping
    try:
        if n <= _SOLVED_AT_ONCE:
            solution = np.asarray(np.linalg.solve(matrix, right), np.float64)
        else:
            _factorise(matrix)
            solution = _substitute(matrix, right)
    except np.linalg.LinAlgError:
        return None
    return solution if np.isfinite(solution).all() else None


def _factorise(matrix: Floats) -> None:
    """Make the lower half of `matrix` its Cholesky factor L, but blocks on the diagonal inverted.

    Raises:
        LinAlgError: the matrix is not positive definite.
    """
    n = len(matrix)
    for first in range(0, n, _BLOCK):
        last = min(first + _BLOCK, n)
        done = matrix[first:last, :first]
        matrix[first:last, first:last] -= done @ done.T
        inverse = np.linalg.inv(np.linalg.cholesky(matrix[first:last, first:last]))
        matrix[first:last, first:last] = inverse
        step = max(_ROWS, int(_OPERATIONS / (2 * _BLOCK * last)))
        for row in range(last, n, step):
            below = matrix[row : row + step]
            below[:, first:last] -= below[:, :first] @ done.T
            below[:, first:last] = below[:, first:last] @ inverse.T


def _substitute(factor: Floats, right: Floats) -> Floats:
    """x of L L' x = right, for what `_factorise` made of L."""
    x, blocks = right.copy(), range(0, len(right), _BLOCK)
    for first in blocks:
        own = slice(first, first + _BLOCK)
        x[own] = factor[own, own] @ (x[own] - factor[own, :first] @ x[:first])
    for first in reversed(blocks):
        own, after = slice(first, first + _BLOCK), slice(first + _BLOCK, None)
        x[own] = factor[own, own].T @ (x[own] - factor[after, own].T @ x[after])
    return x
