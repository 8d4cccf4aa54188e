"""Products of integers of 8 bits, for networks whose weights are stored as such."""

from lamina._export._words import (
    Bytes,
    Int,
    Ints,
    Real,
    Reals,
    byte,
    floor,
    integer,
    real,
)


def quantize(count: Int, inverse: Real, zero: Int, x: Reals, codes: Bytes) -> None:
    """Numbers as integers of -128 to 127: x * inverse + zero, rounded."""
    for i in range(count):
        value = floor(x[i] * inverse + 0.5) + real(zero)
        above = value if value > -128 else real(-128)
        codes[i] = byte(integer(above if above < 127 else real(127)))


def product_of_integers(
    rows: Int,
    inputs: Int,
    outputs: Int,
    codes: Bytes,
    weight: Bytes,
    first: Int,
    bias: Ints,
    scales: Reals,
    y: Reals,
) -> None:
    """Each output a sum of integers, then times its channel's scale; weight[outputs, inputs].

    With `first` 0 all rows share the weights; else each has its own, so many bytes apart.
    """
    for r in range(rows):
        for o in range(outputs):
            channel = o if first == 0 else r * outputs + o
            total = bias[channel]
            for i in range(inputs):
                total += weight[channel * inputs + i] * codes[r * inputs + i]
            y[r * outputs + o] = real(total) * scales[channel]
