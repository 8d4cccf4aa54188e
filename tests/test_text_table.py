"""The core's reader of text tables beside the standard library's, on random tables."""

import csv
import io
import math
import re

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import lamina as lm
from lamina import _core

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_WHOLE = re.compile(r"[+-]?(\d+)", re.ASCII)
MISSING = ["NA", "-"]

cells = st.one_of(
    st.sampled_from(["", "NA", "-", "nan", "007", "0", "-0", "1.", ".5", "x", "é", "日本", "'a'"]),
    st.integers(-(10**19), 10**19).map(str),
    st.floats().map(str),
    st.text(alphabet=" \t\"',;a1.e+-#é\u00a0\u3000\n", max_size=6),
    st.text(
        alphabet=st.characters(exclude_characters="\0\r", exclude_categories=["Cs"]), max_size=5
    ),
)


@st.composite
def tables(draw):
    """Cells [rows, columns], the separator, and the text of the table."""
    width = draw(st.integers(1, 4))
    rows = draw(st.lists(st.lists(cells, min_size=width, max_size=width), min_size=1, max_size=12))
    separator = draw(st.sampled_from(",;\t|"))
    line_end = draw(st.sampled_from(["\n", "\r\n"]))
    quoted = draw(st.booleans())

    def write(cell):
        must = re.search(r'[",;\t|\n]', cell) or cell != cell.strip() or (width == 1 and not cell)
        return '"' + cell.replace('"', '""') + '"' if must or quoted else cell

    text = line_end.join(separator.join(map(write, row)) for row in rows)
    return separator, text + draw(st.sampled_from(["", line_end])), width


def read(text, separator, width, step, bytes_per_thread=1):
    """The columns of the table, given in blocks of so many bytes, each first as numbers."""
    data = text.encode()

    def parse(kinds):
        table = _core.make_text_table(
            separator=separator,
            quote='"',
            comment="",
            decimal_comma=False,
            kinds=kinds,
            missing=MISSING,
            first_line=1,
            bytes_per_thread=bytes_per_thread,
        )
        for place in range(0, len(data), step):
            table.add(data[place : place + step])
        table.finish()
        return table

    first = parse("m" * width)
    late = [first.is_late(i) for i in range(width)]
    second = parse("".join("t" if is_late else "-" for is_late in late))
    columns = []
    for i in range(width):
        if late[i]:
            texts, codes = second.texts(i), second.take_codes(i)
            assert len(set(texts)) == len(texts)
            columns.append([texts[code] for code in codes.tolist()])
        else:
            columns.append(first.take_numbers(i).tolist())
    return columns


def parse_plainly(cell):
    """The number of a cell, NaN where it is missing, None where it is text; by Python alone."""
    if cell in ("", *MISSING) or cell.lower() in ("nan", "+nan", "-nan"):
        return math.nan
    if re.fullmatch("[+-]?(inf|infinity)", cell, re.I):
        return float(cell)
    whole = _WHOLE.fullmatch(cell)
    if whole and ((len(whole[1]) > 1 and whole[1][0] == "0") or int(whole[1]) > 2**53):
        return None
    return float(cell) if _NUMBER.fullmatch(cell) else None


@settings(max_examples=400, deadline=None)
@given(tables(), st.integers(1, 40))
@example((",", '"a\n""b",1\n"\n",2', 2), 3)
def test_any_table_reads_as_the_standard_library_reads_it(table, step):
    separator, text, width = table
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    expected = [[cell.strip() for cell in column] for column in zip(*rows, strict=True)]
    threads = lm.get_num_threads()
    lm.set_num_threads(3)
    try:
        columns = read(text, separator, width, step)
    finally:
        lm.set_num_threads(threads)
    for column, texts in zip(columns, expected, strict=True):
        numbers = [parse_plainly(text) for text in texts]
        if None in numbers:
            assert column == [text or None for text in texts]
        else:
            assert column == pytest.approx(numbers, rel=0, abs=0, nan_ok=True)
            assert np.signbit(column).tolist() == np.signbit(numbers).tolist()


@settings(max_examples=400, deadline=None)
@given(
    st.one_of(
        st.floats(allow_nan=False, allow_infinity=False).map(repr),
        st.from_regex(_NUMBER, fullmatch=True),
        st.builds("{}e{}".format, st.integers(0, 10**25), st.integers(-400, 400)),
    )
)
@example("1e400")
@example("-1e-400")
@example("4.9e-324")
@example("9007199254740993.0")
@example("0." + "0" * 400 + "1e401")
def test_numbers_are_rounded_as_python_rounds_them(text):
    expected = parse_plainly(text)
    [[value]] = read(text, ",", 1, 1000)
    assert value == (text if expected is None else expected)


def test_a_table_of_no_more_use_says_so_and_wrong_settings_are_refused():
    table = _core.make_text_table(",", '"', "", False, "nn", [], 1)
    for _ in range(2):
        with pytest.raises(ValueError, match="line 1: expected 2 cells, got 1"):
            table.add(b"1\n2\n")
    with pytest.raises(ValueError, match="expected kinds n, m, t, w or -, got 'nx'"):
        _core.make_text_table(",", '"', "", False, "nx", [], 1)
    with pytest.raises(IndexError):
        table.is_late(2)
