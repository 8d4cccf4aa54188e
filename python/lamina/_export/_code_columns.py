"""Columns of a table as features, and embeddings of categories and numbers."""

from lamina._export._code_formulas import TWO_PI, cosine, sine
from lamina._export._words import (
    Double,
    Int,
    Real,
    Reals,
    double,
    floor,
    fma,
    integer,
    real,
    root,
)

# Values beyond count as this, so that every feature is finite.
FARTHEST = 1e15
YEAR, WEEK = 365.2425, 7.0


def clipped(x: Real, limit: Real) -> Real:
    """x within -limit and limit."""
    above = x if x > -limit else -limit
    return above if above < limit else limit


def bend(z: Real, limit: Real) -> Real:
    """z / sqrt(1 + (z / limit)^2), which stays within the limit; z itself for a limit of 0."""
    if limit == 0:
        return z
    share = z / limit
    return clipped(z * (1 / root(1 + share * share)), limit)


def place_of_code(x: Real, count: Int) -> Int:
    """The code 0, 1, ..., count - 1 that a number is; count for whatever is none of them."""
    if not (x >= 0 and x < real(count)):
        return count
    return integer(x) if real(integer(x)) == x else count


def encode_number(
    p: Real, steps: Int, edges: Reals, edge: Int, limit: Real, fill: Real, y: Reals, to: Int
) -> None:
    """A number as its scaled value, and as its share of the way through each step of the edges.

    p is the scaled value, or with edges the place among them.
    """
    place = clipped(fill if p != p else p, FARTHEST)
    z = place
    if steps > 0:
        k = 0 if place < 0 else integer(place) if place < real(steps) else steps - 1
        k = steps - 1 if k > steps - 1 else k
        slope = edges[edge + k + 1] - edges[edge + k]
        z = clipped(edges[edge + k] + (place - real(k)) * slope, FARTHEST)
    y[to] = bend(z, limit)
    for i in range(steps):
        share = place - real(i)
        y[to + 1 + i] = real(0) if share < 0 else real(1) if share > 1 else share


def encode_category(code: Real, count: Int, y: Reals, to: Int) -> None:
    """A category as one 1 among 0s."""
    for i in range(count):
        y[to + i] = 0
    place = place_of_code(code, count)
    if place < count:
        y[to + place] = 1


def encode_code(code: Real, count: Int, y: Reals, to: Int) -> None:
    """A category as its code; `count` for another one."""
    y[to] = real(place_of_code(code, count))


def angle_of(turns: Double) -> Real:
    """A number of turns as an angle within one."""
    whole = -floor(-turns) if turns < 0 else floor(turns)
    return real(TWO_PI * (turns - whole))


def encode_wave(turns: Double, y: Reals, to: Int) -> None:
    """Sine and cosine of a number of turns."""
    angle = angle_of(turns)
    y[to] = sine(angle)
    y[to + 1] = cosine(angle)


def encode_date(
    day: Real,
    time: Real,
    center: Double,
    unit: Double,
    limit: Real,
    fill: Double,
    y: Reals,
    to: Int,
) -> None:
    """A date as scaled days, and as its place in the year, the week and the day."""
    x = double(day) + double(time)
    x = clipped(fill if x != x else x, FARTHEST)
    y[to] = bend(real(clipped((x - center) / unit, FARTHEST)), limit)
    encode_wave(x / YEAR, y, to + 1)
    encode_wave(x / WEEK, y, to + 3)
    encode_wave(x, y, to + 5)


def encode_missing(x: Real, y: Reals, to: Int) -> None:
    """1 where the value is missing, else 0."""
    y[to] = real(1) if x != x else real(0)


def embed(x: Real, count: Int, units: Int, table: Reals, first: Int, y: Reals, to: Int) -> None:
    """The row of a table for a category's code; the last one for others."""
    row = first + place_of_code(x, count)
    for u in range(units):
        y[to + u] = table[row * units + u]


def bin_of(x: Real, bins: Int, edges: Reals, edge: Int) -> Int:
    """The bin between two edges that holds a number; the first or the last one beyond the ends."""
    k = 0
    while k < bins - 1 and edges[edge + k + 1] <= x:
        k = k + 1
    return k


def share_of_bin(x: Real, k: Int, edges: Reals, edge: Int) -> Real:
    """How much of the way through bin k a number is."""
    low = edges[edge + k]
    width = edges[edge + k + 1] - low
    return (x - low) / width if width > 0 else real(0) if x < low else real(1)


def embed_piecewise(
    x: Real,
    bins: Int,
    units: Int,
    edges: Reals,
    edge: Int,
    weight: Reals,
    first: Int,
    bias: Reals,
    column: Int,
    y: Reals,
    to: Int,
) -> None:
    """The bias, the weights of all bins below a number, and its share of its own bin's."""
    if x != x:
        for u in range(units):
            y[to + u] = 0
        return
    k = bin_of(x, bins, edges, edge)
    share = share_of_bin(x, k, edges, edge)
    for u in range(units):
        total = bias[column * units + u]
        for i in range(k):
            total = total + weight[(first + i) * units + u]
        y[to + u] = fma(share, weight[(first + k) * units + u], total)


def add_slope(x: Real, units: Int, slope: Reals, column: Int, y: Reals, to: Int) -> None:
    """Adds a number times the slope of each unit."""
    if x == x:
        for u in range(units):
            y[to + u] = fma(x, slope[column * units + u], y[to + u])


def relu_part(count: Int, y: Reals, to: Int) -> None:
    """max(y, 0) of a part."""
    for i in range(count):
        y[to + i] = real(0) if y[to + i] < 0 else y[to + i]


def embed_periodic(
    x: Real,
    waves: Int,
    frequencies: Reals,
    phases: Reals,
    column: Int,
    only_cosines: Int,
    units: Int,
    weight: Reals,
    bias: Reals,
    map_number: Int,
    y: Reals,
    to: Int,
) -> None:
    """Waves of a number, mapped to its units; all 0 where it is missing."""
    for u in range(units):
        y[to + u] = bias[map_number * units + u]
    rows = waves if only_cosines != 0 else 2 * waves
    for i in range(rows):
        k = column * waves + i % waves
        phase = phases[k] if only_cosines != 0 else real(0)
        angle = fma(frequencies[k] * TWO_PI, x, phase)
        wave = cosine(angle) if i < waves else sine(angle)
        for u in range(units):
            y[to + u] = fma(wave, weight[(map_number * rows + i) * units + u], y[to + u])


def present(x: Real) -> Real:
    """The number; 0 where it is missing."""
    return real(0) if x != x else x


def clear_if_missing(x: Real, count: Int, y: Reals, to: Int) -> None:
    """Sets units to 0 where their number is missing."""
    if x != x:
        for i in range(count):
            y[to + i] = 0
