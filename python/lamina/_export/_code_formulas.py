"""Exponentials, logarithms and waves, as the core computes them.

The same polynomials and the same order of operations as in cpp/src/kernels/simd/math.inl, so that
generated code gives the same bits where the machine rounds each operation by itself. Comments on
why are there.
"""

from lamina._export._words import (
    Double,
    Int,
    Real,
    by_type,
    double,
    exponent,
    floor,
    fma,
    fnma,
    integer,
    magnitude,
    polynomial,
    power_of_two,
    real,
)

EXP = by_type(
    [0.49999997, 0.166665435, 0.0416672006, 0.00836652052, 0.00138825236],
    [
        *(0.5, 0.16666666666666677, 0.041666666666666512, 0.0083333333333216915),
        *(0.0013888888888962346, 0.00019841269885966062, 2.4801587172589378e-05),
        *(2.7557244373969067e-06, 2.7557402597993344e-07, 2.5108978978633375e-08),
        2.0875344142163064e-09,
    ],
)
LOG = by_type(
    [0.666667759, 0.399775684, 0.298714608],
    [
        *(0.66666666666667351, 0.39999999999409352, 0.28571428743686583, 0.22222198428963386),
        *(0.18183572355880287, 0.15313832134299521, 0.14798259175278564),
    ],
)
LOG1P = by_type(
    [0.666664124, 0.400217503, 0.27998212, 0.280294299],
    [
        *(0.66666666666666308, 0.40000000000156216, 0.28571428547957045, 0.22222223964352847),
        *(0.1818174408928655, 0.15386556815602437, 0.1330101040459517, 0.12105820049822845),
        *(0.083411753483743689, 0.17016722870961731),
    ],
)
SIN = by_type(
    [-0.166666552, 0.00833218917, -0.000195182845],
    [
        *(-0.1666666666666663, 0.0083333333333218407, -0.00019841269829358531),
        *(2.7557313538515619e-06, -2.5050734389480941e-08, 1.5895433300305981e-10),
    ],
)
COS = by_type(
    [0.0416666456, -0.00138873095, 2.44323273e-05],
    [
        *(0.041666666666666595, -0.0013888888888873338, 2.4801587288997509e-05),
        *(-2.7557314215316303e-07, 2.0875705118564481e-09, -1.1358733019547543e-11),
    ],
)
LOG2_E = 1.44269504088896340736
TWO_OVER_PI = 0.63661977236758134308
# Added to a number and taken away again, it rounds it to an integer.
ROUNDER = by_type(12582912.0, 6755399441055744.0)
LN2_HIGH = by_type(0.693145752, 6.93147180369123816490e-01)
LN2_LOW = by_type(1.42860677e-6, 1.90821492927058770002e-10)
HALF_PI_1 = by_type(1.5703125, 1.57079632673412561417e00)
HALF_PI_2 = by_type(4.83751297e-4, 6.07710050630396597660e-11)
HALF_PI_3 = by_type(7.54953362e-8, 2.02226624871116645580e-21)
HALF_PI_4 = by_type(2.56334407e-12, 8.47842766036889956997e-32)
WAVE_LIMIT = by_type(8192.0, 1048576.0)
TWO_PI = 6.283185307179586
# 2 pi in three parts, two of them of 26 bits, whose products with half of a number are exact.
TWO_PI_1 = 6.283185243606567
TWO_PI_2 = 6.357301884918343e-08
TWO_PI_3 = 2.4492935982947064e-16
HALF_OF_DIGITS = 134217728.0
FARTHEST_ANGLE = 5e16
EXP_LOW = by_type(-88.0, -709.0)
EXPM1_LOW = by_type(-18.0, -38.0)


def exp_slope(r: Real) -> Real:
    """(exp(r) - 1) / r for |r| <= ln(2) / 2."""
    slope = polynomial(EXP, r)
    return fma(slope, r, 1)


def without_multiples_of_ln2(x: Real, n: Real) -> Real:
    """x - n ln 2 with one rounding."""
    return fnma(n, LN2_LOW, fnma(n, LN2_HIGH, x))


def nearest_power(x: Real) -> Real:
    """The whole number nearest to x / ln 2."""
    return fma(x, LOG2_E, ROUNDER) - ROUNDER


def exp_nonpositive(x: Real) -> Real:
    """exp(x) for x <= 0."""
    limited = EXP_LOW if x < EXP_LOW else x
    n = nearest_power(limited)
    r = without_multiples_of_ln2(limited, n)
    return fma(exp_slope(r), r, 1) * power_of_two(integer(n))


def exp_of_sum(x: Real, low: Real) -> Real:
    """exp(x + low) for x <= 0 and |low| far below |x|."""
    limited = EXP_LOW if x < EXP_LOW else x
    n = nearest_power(limited)
    r = fnma(n, LN2_HIGH, limited) + fnma(n, LN2_LOW, low)
    return fma(exp_slope(r), r, 1) * power_of_two(integer(n))


def exp_of_sum_lost(x: Real, low: Real) -> Real:
    """What the last rounding took from `exp_of_sum`."""
    limited = EXP_LOW if x < EXP_LOW else x
    n = nearest_power(limited)
    r = fnma(n, LN2_HIGH, limited) + fnma(n, LN2_LOW, low)
    slope = exp_slope(r)
    value = fma(slope, r, 1)
    return fma(slope, r, 1 - value) * power_of_two(integer(n))


def expm1_rest(x: Real) -> Real:
    """exp(x) - 1 without (2^n - 1), n being `nearest_power` of the limited x."""
    n = nearest_power(x)
    r = without_multiples_of_ln2(x, n)
    curve = polynomial(EXP, r)
    return fma(curve, r * r, r) * power_of_two(integer(n))


def expm1_nonpositive(x: Real) -> Real:
    """exp(x) - 1 for x <= 0, accurate near 0."""
    limited = EXPM1_LOW if x < EXPM1_LOW else x
    power = power_of_two(integer(nearest_power(limited)))
    return expm1_rest(limited) + (power - 1)


def log(x: Real) -> Real:
    """The natural logarithm of a normal number above 0."""
    n = exponent(x)
    mantissa = x * power_of_two(-n)
    if mantissa > 1.4142135623730951:
        mantissa = mantissa * 0.5
        n = n + 1
    f = mantissa - 1
    s = f / (f + 2)
    z = s * s
    half_square = f * f * 0.5
    curve = polynomial(LOG, z)
    tail = half_square - fma(s, fma(curve, z, half_square), real(n) * LN2_LOW)
    return fma(real(n), LN2_HIGH, f - tail)


def log1p_unit(e: Real) -> Real:
    """log(1 + e) for e from 0 to 1."""
    s = e / (e + 2)
    z = s * s
    half_square = e * e * 0.5
    curve = polynomial(LOG1P, z)
    return e - fnma(s, fma(curve, z, half_square), half_square)


def quarter_turns(x: Real) -> Real:
    """The whole number nearest to x / (pi / 2)."""
    return fma(x, TWO_OVER_PI, ROUNDER) - ROUNDER


def quarter_wave(x: Real, n: Real, quadrant: Int) -> Real:
    """The sine of x + (quadrant - n) quarter turns."""
    r = fnma(n, HALF_PI_4, fnma(n, HALF_PI_3, fnma(n, HALF_PI_2, fnma(n, HALF_PI_1, x))))
    square = r * r
    value = r
    if quadrant % 2 == 0:
        curve = polynomial(SIN, square)
        value = fma(curve * square, r, r)
    else:
        curve = polynomial(COS, square)
        value = fma(curve * square, square, fnma(0.5, square, 1))
    return -value if quadrant >= 2 else value


def far_turn(x: Double) -> Double:
    """A large angle within one turn; 0 where its neighbours in float64 are turns away."""
    if magnitude(x) > FARTHEST_ANGLE:
        return x - x
    n = floor(x / TWO_PI + 0.5)
    high = floor(n / HALF_OF_DIGITS) * HALF_OF_DIGITS
    low = n - high
    rest = x - high * TWO_PI_1 - low * TWO_PI_1
    return rest - high * TWO_PI_2 - low * TWO_PI_2 - n * TWO_PI_3


def sine(x: Real) -> Real:
    """The sine of an angle."""
    angle = real(far_turn(double(x))) if magnitude(x) > WAVE_LIMIT else x
    n = quarter_turns(angle)
    return quarter_wave(angle, n, integer(n) & 3)


def cosine(x: Real) -> Real:
    """The cosine of an angle."""
    angle = real(far_turn(double(x))) if magnitude(x) > WAVE_LIMIT else x
    n = quarter_turns(angle)
    return quarter_wave(angle, n, (integer(n) + 1) & 3)


def square_root(x: Real) -> Real:
    """The square root of a number of at least 0, by Newton's method in float64."""
    wide = double(x)
    if not wide > 0 or wide - wide != 0:
        return x
    half = exponent(wide)
    guess: Double = power_of_two((half + 2048) // 2 - 1024)
    for _turn in range(7):
        guess = (guess + wide / guess) * 0.5
    return real(fma(fnma(guess, guess, wide), 0.5 / guess, guess))


def power_of_share(share: Double, power: Double) -> Double:
    """share^power of a probability, for the temperature of classes."""
    return exp_nonpositive(power * log(share)) if share > 0 else share
