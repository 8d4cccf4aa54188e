"""Fit and print the polynomial coefficients in cpp/src/kernels/simd/math.inl (needs mpmath).

Run: `python tools/fit_polynomials.py [NAME ...]`. Remez exchange; every coefficient is rounded to
the scalar type in turn, lowest power first, and the others are fitted again where the interval
leaves out 0 (there x, x^2, ... have no alternation theorem otherwise). The printed error is that
of the rounded polynomial in exact arithmetic.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import mpmath as mp
import numpy as np

mp.mp.dps = 60
GRID = 1200
Number = mp.mpf
Function = Callable[[Number], Number]


@dataclass(frozen=True)
class Fit:
    """One polynomial: `target` on [low, high], error weighed by `weight`, coefficient counts.

    The first `corrections` coefficients are followed by small ones for the same powers, which put
    right what rounding did to all of them.
    """

    target: Function
    weight: Function
    low: Number
    high: Number
    float32_terms: int
    float64_terms: int
    corrections: int = 0


def remez(
    values: Sequence[Number], weights: Sequence[Number], x: Sequence[Number], powers: Sequence[int]
) -> list[Number]:
    """Minimax coefficients of `powers` for `values` on the grid `x`, error times `weights`."""
    count = len(powers) + 1
    chosen = [round(i * (len(x) - 1) / (count - 1)) for i in range(count)]
    coefficients: list[Number] = []
    for _ in range(40):
        matrix = mp.matrix(count, count)
        right = mp.matrix(count, 1)
        for row, i in enumerate(chosen):
            for column, power in enumerate(powers):
                matrix[row, column] = x[i] ** power
            matrix[row, count - 1] = (-1) ** row / weights[i]
            right[row] = values[i]
        solution = mp.lu_solve(matrix, right)
        coefficients = [solution[k] for k in range(count - 1)]
        level = abs(solution[count - 1])
        errors = [
            weights[i] * (evaluate(coefficients, powers, x[i]) - values[i]) for i in range(len(x))
        ]
        extremes = alternation(errors, count)
        if extremes is None:
            break
        chosen = extremes
        if max(abs(e) for e in errors) <= level * mp.mpf("1.001"):
            break
    return coefficients


def alternation(errors: Sequence[Number], count: int) -> list[int] | None:
    """Indices of `count` alternating extremes of `errors`, or None if there are fewer."""
    extremes: list[int] = []
    for i, error in enumerate(errors):
        if extremes and (errors[extremes[-1]] > 0) == (error > 0):
            if abs(error) > abs(errors[extremes[-1]]):
                extremes[-1] = i
        else:
            extremes.append(i)
    while len(extremes) > count:
        ends = (abs(errors[extremes[0]]), abs(errors[extremes[-1]]))
        extremes.pop(0 if ends[0] < ends[1] else -1)
    return extremes if len(extremes) == count else None


def evaluate(coefficients: Sequence[Number], powers: Sequence[int], x: Number) -> Number:
    """The polynomial's value at x."""
    return mp.fsum(c * x**p for c, p in zip(coefficients, powers, strict=True))


def rounded(value: Number, dtype: type) -> Number:
    """`value` rounded to the nearest number of `dtype`."""
    if dtype is np.float64:
        return mp.mpf(float(value))
    return mp.mpf(float(np.float32(float(value))))


def fit(item: Fit, terms: int, dtype: type) -> tuple[list[Number], Number]:
    """Coefficients (rounded to dtype, lowest power first) and the largest weighted error."""
    half, middle = (item.high - item.low) / 2, (item.high + item.low) / 2
    x = [middle - half * mp.cos(mp.pi * i / (GRID - 1)) for i in range(GRID)]
    x = [v if v != 0 else half * mp.mpf(10) ** -12 for v in x]
    values = [item.target(v) for v in x]
    weights = [item.weight(v) for v in x]
    fixed: list[Number] = []
    rest = list(values)
    best: list[Number] = []
    for power in range(terms):
        if power == 0 or item.low > 0:
            best = remez(rest, weights, x, list(range(power, terms)))
        else:
            best = best[1:]
        fixed.append(rounded(best[0], dtype))
        rest = [r - fixed[-1] * v**power for r, v in zip(rest, x, strict=True)]
    if item.corrections:
        powers = list(range(item.corrections))
        small = [rounded(c, dtype) for c in remez(rest, weights, x, powers)]
        rest = [r - evaluate(small, powers, v) for r, v in zip(rest, x, strict=True)]
        fixed += small
    return fixed, max(abs(w * r) for w, r in zip(weights, rest, strict=True))


def log_remainder(z: Number) -> Number:
    """R(z) / z of log(1 + f) = 2 s + s R(s^2), s = f / (2 + f), z = s^2."""
    s = mp.sqrt(z)
    return (2 * mp.atanh(s) / s - 2) / z


def normal_tail(u: Number) -> Number:
    """Phi(-a) exp(a^2 / 2) (a + k) with u = (a - k) / (a + k)."""
    a = TAIL_CENTRE * (1 + u) / (1 - u)
    return mp.erfc(a / mp.sqrt(2)) * mp.exp(a * a / 2) / 2 * (a + TAIL_CENTRE)


HALF_LN2 = mp.log(2) / 2 * mp.mpf("1.0001")
QUARTER_PI = mp.pi / 4 * mp.mpf("1.0001")
TAIL_CENTRE = mp.mpf(4)
TAIL_END = mp.mpf(39)
LOG_S = (mp.sqrt(2) - 1) / (mp.sqrt(2) + 1)
SMALL = mp.mpf(10) ** -8

FITS = {
    # exp(r) = 1 + r + r^2 P(r), also for expm1
    "exp": Fit(
        lambda r: (mp.expm1(r) - r) / r**2,
        lambda r: r**2 / abs(mp.expm1(r)),
        -HALF_LN2,
        HALF_LN2,
        5,
        11,
    ),
    # tanh(x) = x + x^3 P(x^2) for |x| < 0.625
    "tanh": Fit(
        lambda u: (mp.tanh(mp.sqrt(u)) / mp.sqrt(u) - 1) / u,
        lambda u: u * mp.sqrt(u) / mp.tanh(mp.sqrt(u)),
        SMALL,
        mp.mpf("0.3907"),
        5,
        11,
    ),
    # log(m), m in [sqrt(1/2), sqrt(2)]
    "log": Fit(log_remainder, lambda z: z, SMALL, LOG_S**2 * mp.mpf("1.001"), 3, 7),
    # log(1 + e), e in [0, 1]
    "log1p": Fit(log_remainder, lambda z: z, SMALL, mp.mpf(1) / 9, 4, 10),
    # Phi(-a) exp(a^2 / 2) = P((a - k) / (a + k)) / (a + k), a in [0, 39], k = 4
    "tail": Fit(
        normal_tail,
        lambda u: 1 / normal_tail(u),
        mp.mpf(-1),
        (TAIL_END - TAIL_CENTRE) / (TAIL_END + TAIL_CENTRE),
        10,
        23,
        corrections=2,
    ),
    # sin(r) = r + r^3 P(r^2), cos(r) = 1 - r^2 / 2 + r^4 P(r^2) for |r| <= pi / 4
    "sin": Fit(
        lambda u: (mp.sin(mp.sqrt(u)) / mp.sqrt(u) - 1) / u,
        lambda u: u * mp.sqrt(u) / mp.sin(mp.sqrt(u)),
        SMALL,
        QUARTER_PI**2,
        3,
        6,
    ),
    "cos": Fit(
        lambda u: (mp.cos(mp.sqrt(u)) - 1 + u / 2) / u**2,
        lambda u: u**2 / mp.cos(mp.sqrt(u)),
        SMALL,
        QUARTER_PI**2,
        3,
        6,
    ),
}


def main() -> None:
    """Print the coefficients of every polynomial, or of those named on the command line."""
    for name in sys.argv[1:] or FITS:
        item = FITS[name]
        for dtype, terms in ((np.float32, item.float32_terms), (np.float64, item.float64_terms)):
            coefficients, error = fit(item, terms, dtype)
            print(
                f"{name} {dtype.__name__}: error {mp.nstr(error, 3)} "
                f"= 2^{mp.nstr(mp.log(error, 2), 4)}"
            )
            digits = 9 if dtype is np.float32 else 17
            print("  " + ", ".join(f"{float(c):.{digits}g}" for c in coefficients), flush=True)


if __name__ == "__main__":
    main()
