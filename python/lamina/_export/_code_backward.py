"""The layers backwards: each function adds to dx what reaches the layer's input from dy."""

from lamina._export._code_columns import (
    FARTHEST,
    WEEK,
    YEAR,
    angle_of,
    bin_of,
    clipped,
)
from lamina._export._code_formulas import TWO_PI, cosine, exp_nonpositive, sine
from lamina._export._code_layers import inverse_deviation, mean_of_row
from lamina._export._words import (
    Double,
    Int,
    Real,
    Reals,
    double,
    fma,
    integer,
    magnitude,
    real,
    root,
)


def back_add(count: Int, dy: Reals, dx: Reals) -> None:
    """Of a copy."""
    for i in range(count):
        dx[i] = dx[i] + dy[i]


def back_copy_part(count: Int, dy: Reals, to: Int, dx: Reals, first: Int) -> None:
    """Of a part that was copied."""
    for i in range(count):
        dx[first + i] = dx[first + i] + dy[to + i]


def back_product(rows: Int, inputs: Int, outputs: Int, dy: Reals, weight: Reals, dx: Reals) -> None:
    """Of a product with weight[inputs, outputs]."""
    for r in range(rows):
        for i in range(inputs):
            total = dx[r * inputs + i]
            for o in range(outputs):
                total = fma(dy[r * outputs + o], weight[i * outputs + o], total)
            dx[r * inputs + i] = total


def back_products_of_members(
    rows: Int, inputs: Int, outputs: Int, dy: Reals, weight: Reals, dx: Reals
) -> None:
    """Of each row's product with its own weights."""
    for r in range(rows):
        for i in range(inputs):
            total = dx[r * inputs + i]
            for o in range(outputs):
                total = fma(dy[r * outputs + o], weight[(r * inputs + i) * outputs + o], total)
            dx[r * inputs + i] = total


def back_scale(count: Int, factor: Real, dy: Reals, dx: Reals) -> None:
    """Of one factor."""
    for i in range(count):
        dx[i] = fma(dy[i], factor, dx[i])


def back_scale_columns(rows: Int, columns: Int, factors: Reals, dy: Reals, dx: Reals) -> None:
    """Of a factor for each column."""
    for r in range(rows):
        for c in range(columns):
            dx[r * columns + c] = fma(dy[r * columns + c], factors[c], dx[r * columns + c])


def back_clip(count: Int, low: Real, high: Real, x: Reals, dy: Reals, dx: Reals) -> None:
    """Of limits: nothing passes beyond them."""
    for i in range(count):
        if x[i] >= low and x[i] <= high:
            dx[i] = dx[i] + dy[i]


def back_clip_columns(
    columns: Int, low: Reals, high: Reals, x: Reals, dy: Reals, dx: Reals
) -> None:
    """Of limits of each column."""
    for c in range(columns):
        if x[c] > low[c] and x[c] < high[c]:
            dx[c] = dx[c] + dy[c]


def back_prelu(rows: Int, columns: Int, slopes: Reals, x: Reals, dy: Reals, dx: Reals) -> None:
    """Of learned slopes."""
    for r in range(rows):
        for c in range(columns):
            slope = real(1) if x[r * columns + c] > 0 else slopes[c]
            dx[r * columns + c] = fma(dy[r * columns + c], slope, dx[r * columns + c])


def back_normalize_rows(
    rows: Int, columns: Int, centered: Int, epsilon: Real, x: Reals, dy: Reals, dx: Reals
) -> None:
    """Of the normalisation of rows."""
    for r in range(rows):
        mean = mean_of_row(r, columns, x) if centered != 0 else real(0)
        inverse = inverse_deviation(r, columns, mean, epsilon, x)
        total: Double = 0.0
        along: Double = 0.0
        for c in range(columns):
            delta = double(dy[r * columns + c])
            total += delta
            along += delta * double((x[r * columns + c] - mean) * inverse)
        middle = real(total / double(columns)) if centered != 0 else real(0)
        slope = real(along / double(columns))
        for c in range(columns):
            value = (x[r * columns + c] - mean) * inverse
            change = (dy[r * columns + c] - middle - value * slope) * inverse
            dx[r * columns + c] = dx[r * columns + c] + change


def back_softmax(rows: Int, columns: Int, y: Reals, dy: Reals, dx: Reals) -> None:
    """Of softmax, given its outputs."""
    for r in range(rows):
        total: Double = 0.0
        for c in range(columns):
            total += double(dy[r * columns + c] * y[r * columns + c])
        for c in range(columns):
            change = y[r * columns + c] * (dy[r * columns + c] - real(total))
            dx[r * columns + c] = dx[r * columns + c] + change


def back_log_softmax(rows: Int, columns: Int, y: Reals, dy: Reals, dx: Reals) -> None:
    """Of its logarithm, given its outputs."""
    for r in range(rows):
        total: Double = 0.0
        for c in range(columns):
            total += double(dy[r * columns + c])
        for c in range(columns):
            change = dy[r * columns + c] - exp_nonpositive(y[r * columns + c]) * real(total)
            dx[r * columns + c] = dx[r * columns + c] + change


def back_expand(rows: Int, columns: Int, factors: Reals, dy: Reals, dx: Reals) -> None:
    """Of the rows of members that were one."""
    for r in range(rows):
        for c in range(columns):
            dx[c] = fma(dy[r * columns + c], factors[r * columns + c], dx[c])


def back_mean_of_rows(rows: Int, columns: Int, dy: Reals, dx: Reals) -> None:
    """Of the mean over rows."""
    share = 1 / real(rows)
    for r in range(rows):
        for c in range(columns):
            dx[r * columns + c] = fma(dy[c], share, dx[r * columns + c])


def slope_of_bend(z: Real, limit: Real) -> Real:
    """The derivative of z / sqrt(1 + (z / limit)^2)."""
    if limit == 0:
        return real(1)
    share = z / limit
    factor = 1 / root(1 + share * share)
    return factor * factor * factor


def back_encode_number(
    p: Real, steps: Int, edges: Reals, edge: Int, limit: Real, dy: Reals, to: Int
) -> Real:
    """What reaches a number from its features; 0 where it is missing."""
    if not magnitude(p) <= FARTHEST:
        return real(0)
    z = p
    rise = real(1)
    k = 0
    if steps > 0:
        k = 0 if p < 0 else integer(p) if p < real(steps) else steps - 1
        k = steps - 1 if k > steps - 1 else k
        rise = edges[edge + k + 1] - edges[edge + k]
        z = clipped(edges[edge + k] + (p - real(k)) * rise, FARTHEST)
    total = dy[to] * slope_of_bend(z, limit) * rise
    if steps > 0 and p >= 0 and p <= real(steps):
        total = total + dy[to + 1 + k]
    return total


def back_wave(turns: Double, period: Double, dy: Reals, to: Int) -> Real:
    """What reaches a date from the sine and the cosine of one period."""
    angle = angle_of(turns)
    turn = dy[to] * cosine(angle) - dy[to + 1] * sine(angle)
    return turn * real(TWO_PI / period)


def back_encode_date(
    day: Real, time: Real, center: Double, unit: Double, limit: Real, dy: Reals, to: Int
) -> Real:
    """What reaches a date from its features; 0 where it is missing."""
    x = double(day) + double(time)
    if not magnitude(x) <= FARTHEST:
        return real(0)
    z = real(clipped((x - center) / unit, FARTHEST))
    total = dy[to] * slope_of_bend(z, limit) / real(unit)
    total = total + back_wave(x / YEAR, YEAR, dy, to + 1)
    total = total + back_wave(x / WEEK, WEEK, dy, to + 3)
    return total + back_wave(x, 1.0, dy, to + 5)


def back_embed_piecewise(
    x: Real,
    bins: Int,
    units: Int,
    edges: Reals,
    edge: Int,
    weight: Reals,
    first: Int,
    dy: Reals,
    to: Int,
) -> Real:
    """What reaches a number from its piecewise linear embedding."""
    if x != x:
        return real(0)
    k = bin_of(x, bins, edges, edge)
    width = edges[edge + k + 1] - edges[edge + k]
    total = real(0)
    for u in range(units):
        total = fma(dy[to + u], weight[(first + k) * units + u], total)
    return total / width if width > 0 else real(0)


def back_add_slope(x: Real, units: Int, slope: Reals, column: Int, dy: Reals, to: Int) -> Real:
    """What reaches a number from the slopes of its units."""
    total = real(0)
    if x == x:
        for u in range(units):
            total = fma(dy[to + u], slope[column * units + u], total)
    return total


def back_relu_part(count: Int, y: Reals, dy: Reals, to: Int) -> None:
    """Stops what does not pass max(y, 0), given its outputs."""
    for i in range(count):
        if not y[to + i] > 0:
            dy[to + i] = 0


def back_embed_periodic(
    x: Real,
    waves: Int,
    frequencies: Reals,
    phases: Reals,
    column: Int,
    only_cosines: Int,
    units: Int,
    weight: Reals,
    map_number: Int,
    dy: Reals,
    to: Int,
) -> Real:
    """What reaches a number from its waves."""
    total = real(0)
    if x != x:
        return total
    rows = waves if only_cosines != 0 else 2 * waves
    for i in range(rows):
        k = column * waves + i % waves
        phase = phases[k] if only_cosines != 0 else real(0)
        rate = frequencies[k] * TWO_PI
        angle = fma(rate, x, phase)
        slope = -sine(angle) if i < waves else cosine(angle)
        delta = real(0)
        for u in range(units):
            delta = fma(dy[to + u], weight[(map_number * rows + i) * units + u], delta)
        total = fma(rate * slope, delta, total)
    return total


def add_to(x: Real, dx: Reals, to: Int) -> None:
    """Adds a number to a place."""
    dx[to] = dx[to] + x
