"""What a cell means: one value is one class however it is written, and missing texts are found."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from lamina.tabular import MISSING_VALUES, Preprocessor, TableError, as_columns, fit_target
from lamina.tabular._columns import code_text, read_dates, read_numbers
from lamina.tabular._texts import find_places, parse_date, same_value
from tables import repeat, text

# One value, one class.


@pytest.mark.parametrize(
    "spellings",
    [
        ["1", "1.0", "1.00", "+1", "1.", "1e0", " 1 ", 1, 1.0, np.float32(1)],
        ["-0.5", "-.5", "-0.50", "-5e-1", -0.5, np.float32(-0.5)],
        ["true", "True", "TRUE", True, np.True_],
        ["9007199254740993", "9007199254740993.0", "+9007199254740993", 9007199254740993],
        ["0", "-0", "0.0", "-0.0", 0, -0.0],
    ],
)
def test_spellings_of_one_value_are_one_category_and_one_class(spellings):
    column = np.array([*spellings, "other"] * 5, dtype=object)
    assert list(code_text(as_columns({"c": column})["c"], ()).counts().values()) == [
        5 * len(spellings),
        5,
    ]
    target = fit_target("c", column, (), "classification")
    assert len(target.classes) == 2
    for spelling in spellings:
        assert (
            target.encode([spelling, "other"], ()).tolist()
            == target.encode([spellings[0], "other"], ()).tolist()
        )


@pytest.mark.parametrize(
    ("a", "b"),
    [("01", "1"), ("00", "0"), ("t", "true"), ("yes", "true"), ("1_0", "10"), ("1", "1.5")],
)
def test_other_texts_stay_apart(a, b):
    assert same_value(a) != same_value(b)


def test_a_class_is_named_as_most_rows_write_it():
    target = fit_target("y", text(*["TRUE"] * 5, *["True"] * 9, *["FALSE"] * 4), ())
    assert target.classes == ("FALSE", "True")
    assert fit_target("y", text(*["1.0"] * 5, *["2.00"] * 5), ()).classes == ("1", "2")


@pytest.mark.parametrize(
    ("learned", "asked"),
    [
        ([True, False], [1, 0]),
        ([True, False], [1.0, 0.0]),
        (["TRUE", "FALSE"], ["1", "0"]),
        ([1, 0], [True, False]),
        (["1", "0"], ["True", "False"]),
        ([1.0, 0.0], ["true", "false"]),
        ([True, False, None], [1, 0, None]),
    ],
)
def test_truth_values_may_be_asked_as_0_and_1_and_the_other_way_round(learned, asked):
    column = [*learned] * 20
    target = fit_target("y", column, MISSING_VALUES)
    assert target.task == "classification"
    expected = target.encode(learned, MISSING_VALUES).tolist()
    assert target.encode(asked, MISSING_VALUES).tolist() == expected
    for kind in ("category", "number"):
        preprocessor = Preprocessor(kinds={"c": kind}).fit({"c": column})
        expected = preprocessor.transform({"c": learned})
        assert len(np.unique(expected, axis=0)) == len(learned)
        np.testing.assert_array_equal(preprocessor.transform({"c": asked}), expected)


def test_two_is_no_truth_value():
    assert find_places(["true", "false"], ["1", "2", "0", None]).tolist() == [0, -1, 1, -1]
    assert find_places(["0", "1", "2"], ["true", "1"]).tolist() == [-1, 1]


def test_words_beside_truth_values_are_no_numbers():
    with pytest.raises(TableError, match="row 2: expected a number, got 'true'"):
        read_numbers("x", as_columns({"x": ["3", "true"]})["x"], ())


# Missing values.


@pytest.mark.parametrize("given", ["-999", "-999.0", "-999.00", "-9.99e2"])
@pytest.mark.parametrize(
    "column",
    [
        text("-999", "1", "2"),
        text("-999.0", "1", "2"),
        text("-999.00", "1", "2"),
        np.array([-999, 1, 2]),
        np.array([-999, 1, 2], dtype=np.int16),
        np.array([-999, 1, 2], dtype=np.float32),
        np.array([-999.0, 1, 2]),
    ],
    ids=["whole text", "text", "more zeros", "int64", "int16", "float32", "float64"],
)
def test_a_number_for_missing_values_matches_however_it_is_written(given, column):
    column = as_columns({"x": column})["x"]
    numbers = read_numbers("x", column, [given])
    np.testing.assert_array_equal(numbers, [np.nan, 1.0, 2.0])
    assert code_text(column, [given]).missing().tolist() == [True, False, False]
    target = fit_target("y", np.tile(column.tolist(), 20), [given], "regression")
    assert target.mean == pytest.approx(1.5)


def test_a_fraction_for_missing_values_matches_in_the_precision_of_the_column():
    column = np.array([-99.9, 1.0], dtype=np.float32)
    assert np.isnan(read_numbers("x", column, ["-99.9"])).tolist() == [True, False]


def test_the_greatest_number_of_64_bits_for_missing_values_is_compared_exactly():
    column = np.array([2**63 - 1, 2**63 - 2, 5])
    assert code_text(column, [str(2**63 - 1)]).missing().tolist() == [True, False, False]
    assert np.isnan(read_numbers("x", column, [str(2**63 - 1)])).tolist() == [True, False, False]
    assert np.isnan(read_numbers("x", np.array([255, 1], np.uint8), ["-1"])).tolist() == [False] * 2


def test_a_date_for_missing_values_matches_in_text_and_in_arrays():
    for column in (["1900-01-01", "2024-05-06"], np.array(["1900-01-01", "2024-05-06"], "M8[D]")):
        dates = read_dates("d", as_columns({"d": column})["d"], ["1900-01-01"])
        assert np.isnat(dates).tolist() == [True, False]


def test_what_is_counted_as_missing_can_be_replaced():
    column = repeat(["None", "NA", ""], 30)
    assert code_text(as_columns({"c": column})["c"], MISSING_VALUES).counts() == {}
    kept = code_text(as_columns({"c": column})["c"], [""])
    assert kept.counts() == {"None": 10, "NA": 10}


# Dates.


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2024-03-31", "2024-03-31T00:00:00"),
        ("2024-03-31 12:30", "2024-03-31T12:30:00"),
        ("2024-03-31T12:30:15.25", "2024-03-31T12:30:15"),
        ("2024-03-31T12:30:15Z", "2024-03-31T12:30:15"),
        ("2024-03-31T12:30+02:00", "2024-03-31T10:30:00"),
        ("2024-03-31T00:30:00+0530", "2024-03-30T19:00:00"),
        ("2024-12-31 23:00:00-07", "2025-01-01T06:00:00"),
        ("2024-03-31 12:30:00 +02:00", "2024-03-31T10:30:00"),
    ],
)
def test_dates_with_offsets_are_told_in_utc(written, moment):
    assert str(parse_date(written)) == moment


@pytest.mark.parametrize(
    "written", ["2024-02-30", "2024-3-1", "2024-03-31T25:00", "31.12.2024", ""]
)
def test_what_is_no_date_is_none(written):
    assert parse_date(written) is None


# A reader may deliver a column of numbers as numbers or as their texts.

SPELLINGS = (str, "{:.3f}".format, "+{:.2f}".format, "{:e}".format, "{:.1f}".format)


@given(
    st.lists(
        st.sampled_from([None, 0, 1, 2, 3, 5, 7, 0.5, 2.25, 1e6, 99.0]), min_size=4, max_size=60
    ),
    st.integers(0, 2**32 - 1),
    st.sampled_from(["number", "category", None]),
    st.sampled_from([(), ("2",), ("0.50", "99")]),
)
@settings(max_examples=60, deadline=None)
def test_texts_of_plain_numbers_mean_what_the_numbers_mean(numbers, seed, kind, missing):
    rng = np.random.default_rng(seed)

    def write(number):
        spelled = SPELLINGS[rng.integers(len(SPELLINGS))](abs(number))
        return spelled if float(spelled) == number and not spelled.startswith("+0") else str(number)

    texts = [None if number is None else write(number) for number in numbers]
    floats = np.array([np.nan if number is None else number for number in numbers], dtype=float)
    kinds = {"x": kind} if kind else None
    outcomes = []
    for column in (floats, np.array(texts, dtype=object)):
        table = {"x": column, "z": np.arange(len(numbers)) / 3}
        preprocessor = Preprocessor(kinds=kinds, missing_values=missing).fit(table)
        summaries = [vars(s) for s in preprocessor.inspect(table)]
        try:
            target = fit_target("y", column, missing)
            learned = target.task, target.encode(column, missing).tolist()
        except TableError as error:
            learned = str(error)
        outcomes.append((summaries, preprocessor.transform(table).tolist(), learned))
    np.testing.assert_equal(outcomes[1], outcomes[0])
