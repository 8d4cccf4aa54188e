"""Exponentials, logarithms, waves and activations, as the core computes them.

The same polynomials and the same order of operations as in cpp/src/kernels/simd/math.inl and
cpp/src/kernels/elementwise/activation_functors.inl, so that the generated code gives the same bits
where the machine rounds each operation by itself. Comments on why are there.
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
    upper_half,
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
TAIL_SLOPE = by_type(
    [
        *(-0.607896507, 0.387137622, -0.186525419, 0.0603950359, -0.00751718553, -0.00347606116),
        *(0.00157045526, 0.000129639098, -0.0001600299),
    ],
    [
        *(-0.60789664197189208, 0.38713740074221947, -0.18652185795966542, 0.060396574890666271),
        *(-0.0075401889664351374, -0.0034796923616069006, 0.001630818453279252),
        *(0.00013334424852433761, -0.00023109490371064841, -1.9078439757854847e-06),
        *(3.5144569644699406e-05, 7.1497552618614458e-07, -5.9200111899000258e-06),
        *(-6.2522842845977463e-07, 1.0218570731438774e-06, 2.641545168245589e-07),
        *(-1.5659196271099964e-07, -7.721035463693176e-08, 1.6069165713086677e-08),
        *(1.4618970113438855e-08, -3.3902165486945023e-10, -1.1965236559918348e-09),
    ],
)
TAIL_FIRST = by_type(0.755285144, 0.75528513041575152)
TAIL_LOST_FIRST = by_type(-1.68935976e-08, -3.7204304549520173e-17)
TAIL_LOST_SLOPE = by_type(1.26065469e-08, 3.4466118673631138e-17)
TAIL_LIMIT = by_type(14.6, 38.7)  # beyond, exp(-a^2 / 2) is 0
LOG2_E = 1.44269504088896340736
TWO_OVER_PI = 0.63661977236758134308
INVERSE_ROOT_TWO_PI = 0.39894228040143267794
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
EXP_LOW = by_type(-88.0, -709.0)
EXPM1_LOW = by_type(-18.0, -38.0)
SOFTSIGN_LIMIT = by_type(33554432.0, 18014398509481984.0)
GELU_LINEAR = 1.59576912160573071175978423974
GELU_CUBIC = 0.0713548162726002487763387522799
GELU_LINEAR_LOW = by_type(-4.534068e-08, -9.969308809110674e-17)
GELU_CUBIC_LOW = by_type(2.3988325e-09, -6.175149918154951e-19)
SELU_SCALE = 1.0507009873554804934
SELU_SCALED_ALPHA = 1.7580993408473768600


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
    """A large angle within one turn, as far as its digits tell."""
    return x - floor(x / TWO_PI) * TWO_PI


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
    if not wide > 0:
        return x
    half = exponent(wide)
    guess: Double = power_of_two((half + 2048) // 2 - 1024)
    for turn in range(7):
        guess = (guess + wide / guess) * 0.5
    return real(fma(fnma(guess, guess, wide), 0.5 / guess, guess))


def sigmoid_from(x: Real, e: Real) -> Real:
    """1 / (1 + exp(-x)), given e = exp(-|x|)."""
    total = 1 + e
    lost = e - (total - 1)
    ratio = (e if x < 0 else real(1)) / total
    return fnma(ratio, lost, ratio)


def sigmoid(z: Real) -> Real:
    """1 / (1 + exp(-z))."""
    return sigmoid_from(z, exp_nonpositive(-magnitude(z)))


def tanh(z: Real) -> Real:
    """The hyperbolic tangent."""
    doubled = -magnitude(z + z)
    limited = EXPM1_LOW if doubled < EXPM1_LOW else doubled
    power = power_of_two(integer(nearest_power(limited)))
    s = expm1_rest(limited)
    low = power - 1
    q = low + s
    lost = s - (q - low)
    inverse = 1 / ((power + 1) + s)
    quotient = q * inverse
    residual = fnma(quotient, s, fnma(quotient, power, q - quotient)) + lost
    value = fma(residual, inverse, quotient)
    return -value if z > 0 else value


def softplus(z: Real) -> Real:
    """log(1 + exp(z))."""
    return (z if z > 0 else real(0)) + log1p_unit(exp_nonpositive(-magnitude(z)))


def log_sigmoid(z: Real) -> Real:
    """log(1 / (1 + exp(-z)))."""
    return (z if z < 0 else real(0)) - log1p_unit(exp_nonpositive(-magnitude(z)))


def relu(z: Real) -> Real:
    """max(z, 0)."""
    return real(0) if z < 0 else z


def leaky_relu(z: Real, slope: Real) -> Real:
    """z, or slope z below 0."""
    return z if z > 0 else z * slope


def elu(z: Real, alpha: Real) -> Real:
    """z, or alpha (exp(z) - 1) below 0."""
    return alpha * expm1_nonpositive(z) if z < 0 else z


def selu(z: Real) -> Real:
    """elu with the constants that keep mean and variance."""
    return SELU_SCALED_ALPHA * expm1_nonpositive(z) if z < 0 else SELU_SCALE * z


def celu(z: Real, alpha: Real) -> Real:
    """z, or alpha (exp(z / alpha) - 1) below 0."""
    return alpha * expm1_nonpositive(z / alpha) if z < 0 else z


def relu6(z: Real) -> Real:
    """min(max(z, 0), 6)."""
    return real(6) if z > 6 else relu(z)


def hard_tanh(z: Real) -> Real:
    """min(max(z, -1), 1)."""
    return real(-1) if z < -1 else real(1) if z > 1 else z


def hard_sigmoid(z: Real) -> Real:
    """min(max(z + 3, 0), 6) / 6."""
    part = relu6(z + 3)
    sixth = real(1) / 6
    quotient = part * sixth
    return fma(fnma(quotient, 6, part), sixth, quotient)


def hard_swish(z: Real) -> Real:
    """z min(max(z + 3, 0), 6) / 6."""
    above = real(-3) if z < -3 else z
    return z if z >= 3 else above * relu6(z + 3) / 6


def softsign(z: Real) -> Real:
    """z / (1 + |z|)."""
    limited = -SOFTSIGN_LIMIT if z < -SOFTSIGN_LIMIT else z
    limited = SOFTSIGN_LIMIT if limited > SOFTSIGN_LIMIT else limited
    return limited / (1 + magnitude(limited))


def sin(z: Real, frequency: Real) -> Real:
    """sin(frequency z)."""
    return sine(frequency * z)


def gaussian(z: Real) -> Real:
    """exp(-z^2)."""
    c = -TAIL_LIMIT if z < -TAIL_LIMIT else z
    c = TAIL_LIMIT if c > TAIL_LIMIT else c
    high = upper_half(c)
    return exp_of_sum(-(high * high), (high - c) * (high + c))


def step(z: Real) -> Real:
    """1 above 0, else 0."""
    return real(1) if z > 0 else real(0) if z <= 0 else z


def times_sigmoid(c: Real, e: Real) -> Real:
    """c s, s being the sigmoid of a number x with the sign of c, given e = exp(-|x|)."""
    total = 1 + e
    q = 1 / total
    numerator = e if c < 0 else real(1)
    product = c * numerator
    quotient = product * q
    lost = fnma(quotient, e - (total - 1), fma(c, numerator, -product))
    return fma(fnma(quotient, total, product) + lost, q, quotient)


def silu(z: Real) -> Real:
    """z / (1 + exp(-z))."""
    if z > -EXP_LOW:
        return z
    c = EXP_LOW if z < EXP_LOW else z
    return times_sigmoid(c, exp_nonpositive(-magnitude(c)))


def gelu_tanh(z: Real) -> Real:
    """z (1 + tanh(sqrt(2 / pi) (z + 0.044715 z^3))) / 2."""
    if z > 24:
        return z
    c = real(-24) if z < -24 else z
    a = -magnitude(c)
    square = c * c
    term = square * GELU_CUBIC
    factor = term + GELU_LINEAR
    shift = factor - GELU_LINEAR
    lost = (GELU_LINEAR - (factor - shift)) + (term - shift)
    constants = fma(square, GELU_CUBIC_LOW, GELU_LINEAR_LOW)
    products = fma(fma(c, c, -square), GELU_CUBIC, fma(square, GELU_CUBIC, -term))
    whole = a * factor
    low = fma(a, lost + (constants + products), fma(a, factor, -whole))
    return times_sigmoid(c, exp_of_sum(whole, low))


def mish(z: Real) -> Real:
    """z tanh(log(1 + exp(z)))."""
    if z > -EXP_LOW:
        return z
    c = EXP_LOW if z < EXP_LOW else z
    e = exp_nonpositive(-magnitude(c))
    factor = e if c < 0 else real(2)
    first = e + e if c < 0 else real(1)
    n = fma(factor, e, first)
    rest = real(2) if c < 0 else 2 * (e * e)
    d = n + rest
    inverse = 1 / d
    lost_n = fma(factor, e, first - n)
    lost_d = lost_n + (n - (d - rest) if c < 0 else rest - (d - n))
    product = c * n
    quotient = product * inverse
    lost = fnma(quotient, lost_d, fma(c, lost_n, fma(c, n, -product)))
    residual = fnma(quotient, d, product) + lost
    return fma(residual, inverse, quotient)


def gelu(z: Real) -> Real:
    """z Phi(z), Phi being the normal distribution's function."""
    if z > TAIL_LIMIT:
        return z
    a = TAIL_LIMIT if magnitude(z) > TAIL_LIMIT else magnitude(z)
    total = a + 4
    t = 1 / total
    residual = fnma(a - (total - 4), t, fnma(total, t, 1))
    u = fnma(8 * t, residual, 1 - 8 * t)
    slope = polynomial(TAIL_SLOPE, u)
    value = fma(slope, u, TAIL_FIRST)
    value_lost = fma(slope, u, TAIL_FIRST - value) + fma(TAIL_LOST_SLOPE, u, TAIL_LOST_FIRST)
    ratio = value * t
    ratio_lost = fma(value_lost, t, fma(ratio, residual, fma(value, t, -ratio)))
    high = upper_half(a)
    square = high * high * -0.5
    rest = (a - high) * (a + high) * -0.5
    e = exp_of_sum(square, rest)
    e_lost = exp_of_sum_lost(square, rest)
    factor = a * ratio
    factor_lost = fma(a, ratio_lost, fma(a, ratio, -factor))
    tail = factor * e
    tail_lost = fma(factor, e_lost, fma(factor_lost, e, fma(factor, e, -tail)))
    positive = relu(z)
    difference = positive - tail
    lost = (positive - difference) - tail
    return difference + (lost - tail_lost)


def power_of_share(share: Double, power: Double) -> Double:
    """share^power of a probability, for the temperature of classes."""
    return exp_nonpositive(power * log(share)) if share > 0 else share
