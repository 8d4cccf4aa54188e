"""Exponentials and their kind by the C library: they replace those of `_code_formulas.py`."""

from lamina._export._words import (
    Real,
    math_cos,
    math_erfc,
    math_exp,
    math_expm1,
    math_log,
    math_log1p,
    math_sin,
    math_tanh,
)

ROOT_HALF = 0.70710678118654752440


def exp_nonpositive(x: Real) -> Real:
    """exp(x)."""
    return math_exp(x)


def exp_of_sum(x: Real, low: Real) -> Real:
    """exp(x + low)."""
    return math_exp(x + low)


def expm1_nonpositive(x: Real) -> Real:
    """exp(x) - 1."""
    return math_expm1(x)


def log(x: Real) -> Real:
    """The natural logarithm."""
    return math_log(x)


def log1p_unit(e: Real) -> Real:
    """log(1 + e)."""
    return math_log1p(e)


def sine(x: Real) -> Real:
    """The sine of an angle."""
    return math_sin(x)


def cosine(x: Real) -> Real:
    """The cosine of an angle."""
    return math_cos(x)


def tanh(z: Real) -> Real:
    """The hyperbolic tangent."""
    return math_tanh(z)


def normal_share(z: Real) -> Real:
    """The normal distribution's function."""
    return 0.5 * math_erfc(-z * ROOT_HALF)


def gelu(z: Real) -> Real:
    """z Phi(z)."""
    return z * normal_share(z)
