"""The activations, as the core computes them.

Its formulas are in cpp/src/kernels/elementwise/activation_functors.inl.
"""

from lamina._export._code_formulas import (
    EXP_LOW,
    EXPM1_LOW,
    exp_nonpositive,
    exp_of_sum,
    exp_of_sum_lost,
    expm1_nonpositive,
    expm1_rest,
    log1p_unit,
    nearest_power,
    sine,
)
from lamina._export._words import (
    Real,
    by_type,
    fma,
    fnma,
    integer,
    magnitude,
    polynomial,
    power_of_two,
    real,
    upper_half,
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
SOFTSIGN_LIMIT = by_type(33554432.0, 18014398509481984.0)
GELU_LINEAR = 1.59576912160573071175978423974
GELU_CUBIC = 0.0713548162726002487763387522799
GELU_LINEAR_LOW = by_type(-4.534068e-08, -9.969308809110674e-17)
GELU_CUBIC_LOW = by_type(2.3988325e-09, -6.175149918154951e-19)
SELU_SCALE = 1.0507009873554804934
SELU_SCALED_ALPHA = 1.7580993408473768600


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
