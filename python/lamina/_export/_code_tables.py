"""Cells of a table as numbers, and outputs of networks as probabilities and numbers."""

from lamina._export._code_formulas import power_of_share
from lamina._export._words import (
    Bool,
    Double,
    Doubles,
    Int,
    Reals,
    Text,
    Texts,
    behind_blanks,
    character,
    double,
    floor,
    is_absent,
    missing,
    real,
    same_texts,
)

FARTHEST = 1e15
DAY = 86400.0
ZERO, NINE = 48, 57
MOST_DIGITS = 40
PLUS, MINUS, POINT = 43, 45, 46
SMALL = 32  # set in the code of a small letter
LETTER_E, LETTER_F, LETTER_T = 101, 102, 116


def unless_marked(x: Double, count: Int, marks: Doubles) -> Double:
    """The number, or NaN where it stands for a missing value."""
    for i in range(count):
        if x == marks[i]:
            return missing()
    return x


def within_reach(x: Double) -> Double:
    """x within -1e15 and 1e15."""
    return FARTHEST if x > FARTHEST else -FARTHEST if x < -FARTHEST else x


def place_among(x: Double, count: Int, edges: Doubles) -> Double:
    """k + the share of the way from edge k to edge k + 1, going on beyond both ends."""
    k = 0
    while k < count - 2 and not edges[k + 1] > x:
        k = k + 1
    return within_reach(double(k) + (x - edges[k]) / (edges[k + 1] - edges[k]))


def write_date(seconds: Double, x: Reals, to: Int) -> None:
    """Seconds since 1970-01-01 as whole days and the part of the day."""
    days = floor(seconds / DAY)
    x[to] = real(days)
    x[to + 1] = real((seconds - days * DAY) / DAY)


def is_digit(code: Int) -> Bool:
    """Whether a character is a digit."""
    return code >= ZERO and code <= NINE


def behind_sign(text: Text, place: Int) -> Int:
    """The place behind a sign, if there is one."""
    code = character(text, place)
    return place + 1 if code in (PLUS, MINUS) else place


def behind_digits(text: Text, place: Int) -> Int:
    """The place behind digits."""
    end = place
    while is_digit(character(text, end)):
        end = end + 1
    return end


def ends(text: Text, place: Int) -> Bool:
    """Whether blanks alone follow."""
    return character(text, behind_blanks(text, place)) == 0


def behind_fraction(text: Text) -> Int:
    """The place behind sign, digits and fraction of a number; 0 where there is no digit."""
    begin = behind_sign(text, 0)
    end = behind_digits(text, begin)
    digits = end - begin
    if character(text, end) == POINT:
        last = behind_digits(text, end + 1)
        digits = digits + last - end - 1
        end = last
    return end if digits > 0 else 0


def is_number(text: Text) -> Bool:
    """Whether a text writes a number."""
    end = behind_fraction(text)
    if end == 0:
        return False
    if (character(text, end) | SMALL) == LETTER_E:
        begin = behind_sign(text, end + 1)
        end = behind_digits(text, begin)
        if end == begin:
            return False
    return ends(text, end)


def is_code(text: Text) -> Bool:
    """Whether a number is a code such as 00501, whose zeros count."""
    begin = behind_sign(text, 0)
    end = behind_digits(text, begin)
    if character(text, begin) != ZERO or end - begin < 2:
        return False
    if character(text, end) == POINT:
        end = end + 1
        while character(text, end) == ZERO:
            end = end + 1
    return ends(text, end)


def power_behind(text: Text, place: Int) -> Int:
    """The exponent that a number has at a place; 0 without one."""
    if (character(text, place) | SMALL) != LETTER_E:
        return 0
    power = 0
    begin = behind_sign(text, place + 1)
    for i in range(begin, behind_digits(text, begin)):
        power = power * 10 + character(text, i) - ZERO if power < 10000 else power
    return -power if character(text, place + 1) == MINUS else power


def digit_of(text: Text, number: Int) -> Int:
    """A digit of a number, the first that is not 0 being number 0; 0 behind the last one."""
    end = behind_fraction(text)
    found = -1
    for i in range(behind_sign(text, 0), end):
        code = character(text, i)
        if is_digit(code) and (found >= 0 or code != ZERO):
            found = found + 1
            if found == number:
                return code - ZERO
    return 0


def power_of_number(text: Text) -> Int:
    """The power of ten of the first digit that is not 0."""
    end = behind_fraction(text)
    begin = behind_sign(text, 0)
    power = behind_digits(text, begin) - begin + power_behind(text, end)
    for i in range(begin, end):
        code = character(text, i)
        if is_digit(code):
            if code != ZERO:
                return power
            power = power - 1
    return power


def same_number(a: Text, b: Text) -> Bool:
    """Whether two texts write the same number, such as 1.0 and 1e0."""
    if not (is_number(a) and is_number(b)) or is_code(a) or is_code(b):
        return False
    if digit_of(a, 0) == 0 or digit_of(b, 0) == 0:
        return digit_of(a, 0) == digit_of(b, 0)
    if (character(a, 0) == MINUS) != (character(b, 0) == MINUS):
        return False
    if power_of_number(a) != power_of_number(b):
        return False
    i = 0
    while i < MOST_DIGITS and digit_of(a, i) == digit_of(b, i):
        i = i + 1
    return i == MOST_DIGITS


def spells(text: Text, word: Text) -> Bool:
    """Whether a text is a word of small letters but for capitals."""
    i = 0
    while character(word, i) != 0:
        if (character(text, i) | SMALL) != character(word, i):
            return False
        i = i + 1
    return ends(text, i)


def same_truth(a: Text, b: Text) -> Bool:
    """Whether two texts are both true, or both false, in small letters or great ones."""
    return (spells(a, "true") and spells(b, "true")) or (spells(a, "false") and spells(b, "false"))


def find_text(text: Text, count: Int, texts: Texts) -> Int:
    """The place among texts of one of the same value; -1 where there is none."""
    for i in range(count):
        if same_texts(text, texts[i]):
            return i
    first = character(text, 0)
    if is_digit(first) or first in (PLUS, MINUS, POINT):
        for i in range(count):
            if same_number(text, texts[i]):
                return i
    if (first | SMALL) == LETTER_T or (first | SMALL) == LETTER_F:
        for i in range(count):
            if same_truth(text, texts[i]):
                return i
    return -1


def is_missing(text: Text, count: Int, missing_texts: Texts) -> Bool:
    """Whether there is no text, or one that stands for a missing value."""
    return is_absent(text) or find_text(text, count, missing_texts) >= 0


def add_share(count: Int, share: Double, x: Reals, outputs: Doubles) -> None:
    """Adds a network's part to the mean."""
    for i in range(count):
        outputs[i] = outputs[i] + share * double(x[i])


def clear_outputs(count: Int, outputs: Doubles) -> None:
    """Sets all to 0."""
    for i in range(count):
        outputs[i] = 0


def cool_one(power: Double, outputs: Doubles) -> None:
    """Divides the logit of the second of two classes by a temperature of 1 / power."""
    second = power_of_share(outputs[0], power)
    first = power_of_share(1 - outputs[0], power)
    outputs[0] = second / (first + second)


def cool(count: Int, power: Double, outputs: Doubles) -> None:
    """Divides the logits of classes by a temperature of 1 / power."""
    total: Double = 0.0
    for i in range(count):
        outputs[i] = power_of_share(outputs[i], power)
        total += outputs[i]
    for i in range(count):
        outputs[i] = outputs[i] / total


def sort(first: Int, count: Int, values: Doubles) -> None:
    """Puts a part in rising order."""
    for i in range(first + 1, first + count):
        value = values[i]
        k = i
        while k > first and values[k - 1] > value:
            values[k] = values[k - 1]
            k = k - 1
        values[k] = value


def write_interval(
    lower: Double, upper: Double, scale: Double, mean: Double, ends_of: Doubles, to: Int
) -> None:
    """The ends of an interval in the target's units; it is never narrower than nothing."""
    low = lower
    high = upper
    if low > high:
        low = (low + high) / 2
        high = low
    ends_of[to] = low * scale + mean
    ends_of[to + 1] = high * scale + mean
