"""The layers: each function works on `rows` rows, which are one, or the members of an ensemble.

Sums run over the inputs in their order, each step by fma, as in cpp/src/kernels/product.
"""

from lamina._export._code_formulas import exp_nonpositive, log
from lamina._export._words import (
    Double,
    Doubles,
    Int,
    Ints,
    Real,
    Reals,
    double,
    fma,
    real,
    root,
)


def clear(count: Int, y: Reals) -> None:
    """Sets all to 0."""
    for i in range(count):
        y[i] = 0


def copy(count: Int, x: Reals, y: Reals) -> None:
    """Copies x to y."""
    for i in range(count):
        y[i] = x[i]


def copy_part(count: Int, x: Reals, first: Int, y: Reals, to: Int) -> None:
    """Copies a part of x to a place in y."""
    for i in range(count):
        y[to + i] = x[first + i]


def add(count: Int, x: Reals, y: Reals) -> None:
    """Adds x to y."""
    for i in range(count):
        y[i] = y[i] + x[i]


def repeat_row(rows: Int, columns: Int, row: Reals, y: Reals) -> None:
    """Sets each row of y to the same one."""
    for r in range(rows):
        for c in range(columns):
            y[r * columns + c] = row[c]


def add_product(rows: Int, inputs: Int, outputs: Int, x: Reals, weight: Reals, y: Reals) -> None:
    """Adds x times weight[inputs, outputs] to y; inputs of 0, as of one-hot codes, cost nothing."""
    for r in range(rows):
        for i in range(inputs):
            value = x[r * inputs + i]
            if value != 0:
                for o in range(outputs):
                    place = r * outputs + o
                    y[place] = fma(value, weight[i * outputs + o], y[place])


def add_row(row: Int, outputs: Int, weight: Reals, y: Reals) -> None:
    """Adds a row of weights to y."""
    for o in range(outputs):
        y[o] = y[o] + weight[row * outputs + o]


def add_steps(
    first: Int, count: Int, outputs: Int, x: Reals, weight: Reals, sums: Reals, y: Reals
) -> None:
    """Adds the sum of the weights of whole steps, and a share of the next one's, 64 at a time."""
    begin = 0
    while begin < count and x[first + begin] > 0:
        end = begin + 64 if begin + 64 < count else count
        clear(outputs, sums)
        k = begin
        while k < end and x[first + k] >= 1:
            add_row(first + k, outputs, weight, sums)
            k = k + 1
        add(outputs, sums, y)
        if k < end:
            share = x[first + k]
            for o in range(outputs):
                y[o] = fma(share, weight[(first + k) * outputs + o], y[o])
        begin = end


def add_coded_product(
    inputs: Int,
    outputs: Int,
    x: Reals,
    weight: Reals,
    plain_count: Int,
    plain: Ints,
    run_count: Int,
    runs: Ints,
    sums: Reals,
    y: Reals,
) -> None:
    """Adds x times weight[inputs, outputs] to y in the order of the core for features of a table.

    Plain features are the first; then runs of first feature, count, and whether they are steps: a
    category's row of weights, a number's sum of steps.
    """
    for i in range(plain_count):
        value = x[plain[i]]
        if value != 0:
            for o in range(outputs):
                y[o] = fma(value, weight[plain[i] * outputs + o], y[o])
    for i in range(run_count):
        first = runs[3 * i]
        if runs[3 * i + 2] != 0:
            add_steps(first, runs[3 * i + 1], outputs, x, weight, sums, y)
        else:
            for k in range(runs[3 * i + 1]):
                if x[first + k] != 0:
                    add_row(first + k, outputs, weight, y)


def add_products_of_members(
    rows: Int, inputs: Int, outputs: Int, x: Reals, weight: Reals, y: Reals
) -> None:
    """Adds each row of x times its own weight[rows, inputs, outputs] to y."""
    for r in range(rows):
        for i in range(inputs):
            value = x[r * inputs + i]
            for o in range(outputs):
                place = r * outputs + o
                y[place] = fma(value, weight[(r * inputs + i) * outputs + o], y[place])


def scale(count: Int, factor: Real, y: Reals) -> None:
    """Multiplies all by one factor."""
    for i in range(count):
        y[i] = y[i] * factor


def scale_and_shift(count: Int, factor: Real, offset: Real, y: Reals) -> None:
    """y factor + offset."""
    for i in range(count):
        y[i] = fma(y[i], factor, offset)


def gain_and_shift(rows: Int, columns: Int, gain: Real, offsets: Reals, y: Reals) -> None:
    """y gain + offset, by column."""
    for r in range(rows):
        for c in range(columns):
            y[r * columns + c] = fma(y[r * columns + c], gain, offsets[c])


def scale_columns(rows: Int, columns: Int, factors: Reals, y: Reals) -> None:
    """Multiplies each column by its factor."""
    for r in range(rows):
        for c in range(columns):
            y[r * columns + c] = y[r * columns + c] * factors[c]


def scale_columns_and_shift(
    rows: Int, columns: Int, factors: Reals, offsets: Reals, y: Reals
) -> None:
    """y factor + offset, by column."""
    for r in range(rows):
        for c in range(columns):
            y[r * columns + c] = fma(y[r * columns + c], factors[c], offsets[c])


def shift_columns(rows: Int, columns: Int, offsets: Reals, y: Reals) -> None:
    """Adds to each column its offset."""
    for r in range(rows):
        for c in range(columns):
            y[r * columns + c] = y[r * columns + c] + offsets[c]


def subtract_columns(rows: Int, columns: Int, means: Reals, y: Reals) -> None:
    """Takes from each column its mean."""
    for r in range(rows):
        for c in range(columns):
            y[r * columns + c] = y[r * columns + c] - means[c]


def subtract_in_double(columns: Int, x: Reals, means: Doubles, y: Reals) -> None:
    """x - mean by column, worked out in float64, so that large numbers keep their differences."""
    for c in range(columns):
        y[c] = real(double(x[c]) - means[c])


def clip_below(count: Int, low: Real, y: Reals) -> None:
    """max(y, low)."""
    for i in range(count):
        y[i] = low if y[i] < low else y[i]


def clip_above(count: Int, high: Real, y: Reals) -> None:
    """min(y, high)."""
    for i in range(count):
        y[i] = high if y[i] > high else y[i]


def clip_columns(columns: Int, low: Reals, high: Reals, y: Reals) -> None:
    """min(max(y, low), high) by column."""
    for c in range(columns):
        value = low[c] if y[c] < low[c] else y[c]
        y[c] = high[c] if value > high[c] else value


def prelu(rows: Int, columns: Int, slopes: Reals, y: Reals) -> None:
    """y, or y times its column's slope below 0."""
    for r in range(rows):
        for c in range(columns):
            value = y[r * columns + c]
            y[r * columns + c] = value if value > 0 else value * slopes[c]


def mean_of_row(r: Int, columns: Int, x: Reals) -> Real:
    """The mean of a row."""
    total: Double = 0.0
    for c in range(columns):
        total += double(x[r * columns + c])
    return real(total / double(columns))


def inverse_deviation(r: Int, columns: Int, mean: Real, epsilon: Real, x: Reals) -> Real:
    """1 / sqrt(mean of (x - mean)^2 + epsilon) of a row."""
    total: Double = 0.0
    for c in range(columns):
        distance = x[r * columns + c] - mean
        total += double(distance * distance)
    return 1 / root(real(total / double(columns)) + epsilon)


def normalize_rows(rows: Int, columns: Int, centered: Int, epsilon: Real, y: Reals) -> None:
    """Each row to deviation 1, and where `centered` to mean 0."""
    for r in range(rows):
        mean = mean_of_row(r, columns, y) if centered != 0 else real(0)
        inverse = inverse_deviation(r, columns, mean, epsilon, y)
        for c in range(columns):
            y[r * columns + c] = (y[r * columns + c] - mean) * inverse


def greatest(r: Int, columns: Int, x: Reals) -> Real:
    """The greatest number of a row."""
    most = x[r * columns]
    for c in range(columns):
        most = x[r * columns + c] if x[r * columns + c] > most else most
    return most


def softmax(rows: Int, columns: Int, y: Reals) -> None:
    """exp(y) of each row, divided by their sum."""
    for r in range(rows):
        most = greatest(r, columns, y)
        total: Double = 0.0
        for c in range(columns):
            y[r * columns + c] = exp_nonpositive(y[r * columns + c] - most)
            total += double(y[r * columns + c])
        divisor = real(total)
        for c in range(columns):
            y[r * columns + c] = y[r * columns + c] / divisor


def log_softmax(rows: Int, columns: Int, y: Reals) -> None:
    """The logarithm of softmax."""
    for r in range(rows):
        most = greatest(r, columns, y)
        total: Double = 0.0
        for c in range(columns):
            total += double(exp_nonpositive(y[r * columns + c] - most))
        logarithm = log(real(total))
        for c in range(columns):
            y[r * columns + c] = (y[r * columns + c] - most) - logarithm


def expand(rows: Int, columns: Int, x: Reals, factors: Reals, y: Reals) -> None:
    """One row to one a member, each times the member's factors[rows, columns]."""
    for r in range(rows):
        for c in range(columns):
            y[r * columns + c] = x[c] * factors[r * columns + c]


def mean_of_rows(rows: Int, columns: Int, x: Reals, y: Reals) -> None:
    """The mean over the rows."""
    share = 1 / real(rows)
    for c in range(columns):
        total = x[c]
        for r in range(1, rows):
            total = total + x[r * columns + c]
        y[c] = total * share
