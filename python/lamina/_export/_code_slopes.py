"""Derivatives of the activations by their input z."""

from lamina._export._code_activations import (
    GELU_CUBIC,
    GELU_LINEAR,
    SELU_SCALE,
    SELU_SCALED_ALPHA,
    TAIL_FIRST,
    TAIL_LIMIT,
    TAIL_SLOPE,
    gaussian,
    sigmoid,
    softsign,
    tanh,
)
from lamina._export._code_formulas import (
    EXP_LOW,
    cosine,
    exp_nonpositive,
    exp_of_sum,
    expm1_nonpositive,
)
from lamina._export._words import Real, fma, fnma, magnitude, polynomial, real, upper_half

INVERSE_ROOT_TWO_PI = 0.39894228040143267794


def slope_of_relu(z: Real) -> Real:
    """1 above 0, else 0."""
    return real(1) if z > 0 else real(0)


def slope_of_leaky_relu(z: Real, slope: Real) -> Real:
    """1 above 0, else the slope."""
    return real(1) if z > 0 else slope


def slope_of_sigmoid(z: Real) -> Real:
    """y (1 - y)."""
    y = sigmoid(z)
    return fnma(y, y, y)


def slope_of_tanh(z: Real) -> Real:
    """1 - y^2."""
    y = tanh(z)
    return fnma(y, y, 1)


def slope_of_softplus(z: Real) -> Real:
    """The sigmoid."""
    return sigmoid(z)


def slope_of_log_sigmoid(z: Real) -> Real:
    """The sigmoid of -z."""
    return sigmoid(-z)


def normal_share(z: Real) -> Real:
    """The normal distribution's function."""
    a = TAIL_LIMIT if magnitude(z) > TAIL_LIMIT else magnitude(z)
    t = 1 / (a + 4)
    slope = polynomial(TAIL_SLOPE, 1 - 8 * t)
    high = upper_half(a)
    e = exp_of_sum(high * high * -0.5, (a - high) * (a + high) * -0.5)
    below = fma(slope, 1 - 8 * t, TAIL_FIRST) * t * e
    return below if z < 0 else 1 - below


def slope_of_gelu(z: Real) -> Real:
    """Phi(z) + z phi(z)."""
    a = TAIL_LIMIT if magnitude(z) > TAIL_LIMIT else magnitude(z)
    density = exp_nonpositive(a * a * -0.5) * INVERSE_ROOT_TWO_PI
    return normal_share(z) + (-a if z < 0 else a) * density


def slope_of_gelu_tanh(z: Real) -> Real:
    """s + z s (1 - s) u', s being the sigmoid of 2u."""
    c = real(-24) if z < -24 else real(24) if z > 24 else z
    square = c * c
    s = sigmoid(c * fma(square, GELU_CUBIC, GELU_LINEAR))
    slope = c * fma(square, 3 * GELU_CUBIC, GELU_LINEAR)
    return fma(slope * s, 1 - s, s)


def slope_of_silu(z: Real) -> Real:
    """s + z s (1 - s), s being the sigmoid."""
    c = EXP_LOW if z < EXP_LOW else -EXP_LOW if z > -EXP_LOW else z
    s = sigmoid(c)
    return fma(c * s, sigmoid(-c), s)


def slope_of_elu(z: Real, alpha: Real) -> Real:
    """1 above 0, else alpha exp(z)."""
    return real(1) if z > 0 else fma(alpha, expm1_nonpositive(z), alpha)


def slope_of_selu(z: Real) -> Real:
    """That of elu with the constants of selu."""
    return SELU_SCALE if z > 0 else SELU_SCALED_ALPHA * exp_nonpositive(z)


def slope_of_celu(z: Real, alpha: Real) -> Real:
    """1 above 0, else exp(z / alpha)."""
    return real(1) if z > 0 else exp_nonpositive(z / alpha)


def slope_of_mish(z: Real) -> Real:
    """t + z (1 - t^2) s, t = tanh(softplus(z)) and s the sigmoid."""
    c = EXP_LOW if z < EXP_LOW else -EXP_LOW if z > -EXP_LOW else z
    e = exp_nonpositive(-magnitude(c))
    n = e * (e + 2) if c < 0 else fma(2, e, 1)
    rest = real(2) if c < 0 else 2 * (e * e)
    d = n + rest
    return fma(c * (rest / d * ((d + n) / d)), sigmoid(c), n / d)


def slope_of_softsign(z: Real) -> Real:
    """(1 - |y|)^2."""
    rest = 1 - magnitude(softsign(z))
    return rest * rest


def slope_of_hard_sigmoid(z: Real) -> Real:
    """1 / 6 between -3 and 3."""
    return real(1) / 6 if magnitude(z) < 3 else real(0)


def slope_of_hard_tanh(z: Real) -> Real:
    """1 between -1 and 1."""
    return real(1) if magnitude(z) < 1 else real(0)


def slope_of_hard_swish(z: Real) -> Real:
    """(2 z + 3) / 6 between -3 and 3, beyond it 0 and 1."""
    return (z + z + 3) / 6 if magnitude(z) < 3 else slope_of_relu(z)


def slope_of_relu6(z: Real) -> Real:
    """1 between 0 and 6."""
    return slope_of_relu(z) if z < 6 else real(0)


def slope_of_sin(z: Real, frequency: Real) -> Real:
    """frequency cos(frequency z)."""
    return frequency * cosine(frequency * z)


def slope_of_gaussian(z: Real) -> Real:
    """-2 z exp(-z^2)."""
    c = TAIL_LIMIT if z > TAIL_LIMIT else -TAIL_LIMIT if z < -TAIL_LIMIT else z
    return -2 * c * gaussian(z)
