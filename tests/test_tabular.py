"""Tables to network inputs: kinds of columns and their encodings."""

import doctest

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import example, given, settings

from lamina.tabular import (
    Preprocessor,
    TableError,
    _preprocessor,
    fit_target,
)
from lamina.tabular._scaling import choose_edges
from tables import features, repeat, text


@pytest.fixture
def table():
    """Forty rows with every kind of column."""
    rng = np.random.default_rng(0)
    ages = [str(v) for v in rng.integers(18, 90, 40)]
    ages[3] = "?"
    colours = ["red", "blue", "green", None] * 10
    return {
        "age": text(*ages),
        "colour": text(*colours),
        "height": rng.normal(1.7, 0.1, 40),
        "joined": text(*(f"2024-{1 + i % 12:02d}-15" for i in range(40))),
    }


def kinds(table, **options):
    return {s.name: s.kind for s in Preprocessor(**options).inspect(table)}


def feature(preprocessor, table, name):
    return features(preprocessor, table)[:, preprocessor.feature_names.index(name)]


# What columns hold.


def test_kinds_follow_from_the_values(table):
    assert kinds(table) == {
        "age": "number",
        "colour": "category",
        "height": "number",
        "joined": "date",
    }


def test_codes_with_leading_zeros_are_categories():
    assert kinds({"zip": repeat(["00501", "10001", "94103"], 30)}) == {"zip": "category"}


def test_a_text_that_differs_in_almost_every_row_is_left_out():
    table = {"name": text(*(f"person {i}" for i in range(50))), "x": np.arange(50.0) ** 2}
    assert kinds(table) == {"name": "ignored", "x": "number"}


@pytest.mark.parametrize("name", ["row", "customer_id", "orderId"])
def test_a_running_number_is_left_out_as_a_key(name):
    assert kinds({name: text(*(str(i) for i in range(100, 150)))}) == {name: "ignored"}


def test_distinct_whole_numbers_that_do_not_run_on_are_numbers():
    assert kinds({"price": np.arange(50.0) * 7.0}) == {"price": "number"}


@pytest.mark.parametrize(
    ("values", "note"), [(["?", "", "NA"], "holds no value"), (["a"], "holds one value only")]
)
def test_a_column_that_tells_nothing_is_left_out_with_the_reason(values, note):
    preprocessor = Preprocessor().fit({"x": repeat(values, 9), "y": np.arange(9.0) ** 2})
    assert preprocessor.ignored == {"x": note}
    assert preprocessor.column_names == ["y"]


def test_a_few_words_among_numbers_are_reported_with_their_row():
    values = text(*(str(i * i) for i in range(50)), "abc")
    with pytest.raises(TableError, match=r"'n', row 51: 'abc' is text.*as 1 of its 51 values"):
        Preprocessor().inspect({"n": values})


@pytest.mark.parametrize("form", ["${}.50", "{},5", "{}%", "1,{:03}", "1.{:03},50 €"])
def test_numbers_written_with_marks_are_reported_and_not_taken_for_names(form):
    values = text(*(form.format(i) for i in range(100)))
    with pytest.raises(TableError, match=r"'n', row 1: '.*' is a number with marks in it"):
        Preprocessor().inspect({"n": values})


@pytest.mark.parametrize("form", ["192.168.0.{}", "2024.01.{:02}", "555 123 4{:03}", "v1.0.{}"])
def test_texts_with_digits_are_no_numbers_with_marks(form):
    summary = Preprocessor().inspect({"n": text(*(form.format(i) for i in range(100)))})[0]
    assert summary.kind == "ignored"
    assert f"such as '{form.format(0)}'" in summary.note


def test_a_kind_can_be_forced(table):
    table["code"] = repeat(["1", "2", "3"], 40)
    assert kinds(table, kinds={"code": "category", "age": "ignored"})["code"] == "category"
    assert kinds(table, kinds={"code": "category", "age": "ignored"})["age"] == "ignored"


@pytest.mark.parametrize("kind", ["number", "category"])
def test_a_key_is_not_left_out_when_its_kind_is_forced(kind):
    table = {"user_id": text(*(str(i) for i in range(50)))}
    assert kinds(table, kinds={"user_id": kind}) == {"user_id": kind}


def test_a_forced_kind_for_a_column_that_is_not_there_offers_the_close_name(table):
    with pytest.raises(TableError, match="no column 'colur'; did you mean 'colour'"):
        Preprocessor(kinds={"colur": "category"}).fit(table)


@pytest.mark.parametrize("options", [{"parse_numbers": ["agee"]}, {"date_formats": {"agee": "%Y"}}])
def test_a_format_of_a_column_that_is_not_there_offers_the_close_name(table, options):
    with pytest.raises(TableError, match="no column 'agee'; did you mean 'age'"):
        Preprocessor(**options).fit(table)


def test_numbers_with_marks_survive_storing_and_mean_the_same_as_plain_ones():
    learned = {"p": text("$1,000", "$2,500", "$3"), "q": np.arange(3.0)}
    preprocessor = Preprocessor(parse_numbers=["p"]).fit(learned)
    twin = Preprocessor.from_record(*preprocessor.to_record())
    expected = preprocessor.transform({"p": text("$2,500"), "q": np.ones(1)}).tolist()
    assert twin.transform({"p": text("$2,500"), "q": np.ones(1)}).tolist() == expected
    assert twin.transform({"p": np.array([2500]), "q": np.ones(1)}).tolist() == expected


def test_texts_for_missing_values_can_be_chosen():
    table = {"x": text("1.5", "nothing", "3.5", "4")}
    preprocessor = Preprocessor(missing_values=["nothing"]).fit(table)
    assert feature(preprocessor, table, "x is missing").tolist() == [0, 1, 0, 0]


# Numbers.


def test_standard_numbers_have_mean_0_and_deviation_1(table):
    x = feature(Preprocessor(numbers="standard").fit(table), table, "height")
    assert x.mean() == pytest.approx(0.0, abs=1e-6)
    assert x.std() == pytest.approx(1.0, abs=1e-6)


def test_a_missing_number_counts_as_the_median_and_says_that_it_was_missing():
    table = {"x": np.array([1.0, np.nan, 2.0, 9.0])}
    preprocessor = Preprocessor().fit(table)
    assert feature(preprocessor, table, "x is missing").tolist() == [0, 1, 0, 0]
    values = feature(preprocessor, {"x": np.array([np.nan, 2.0])}, "x")
    assert values[0] == values[1]


def test_a_number_may_be_missing_later_although_it_never_was():
    preprocessor = Preprocessor().fit({"x": np.array([1.0, 4.0, 2.0])})
    assert np.isfinite(features(preprocessor, {"x": np.array([np.nan])})).all()


def test_piecewise_steps_fill_up_from_the_left():
    x = np.arange(5.0)
    preprocessor = Preprocessor().fit({"x": x})
    steps = features(preprocessor, {"x": np.array([-9.0, 0.5, 3.0, 99.0])})[:, 1:]
    assert steps.tolist() == [[0, 0, 0, 0], [0.5, 0, 0, 0], [1, 1, 1, 0], [1, 1, 1, 1]]


@given(
    st.lists(st.integers(0, 30).map(float) | st.floats(-1e6, 1e6), min_size=1, max_size=400),
    st.integers(2, 40),
)
@example(values=[0.0, 1.0, 2.0, 5e-324], bins=2)
@settings(max_examples=150, deadline=None)
def test_edges_rise_are_few_and_reach_from_the_least_to_the_greatest_value(values, bins):
    x = np.array(values)
    edges = choose_edges(x, bins)
    whole = (x == np.round(x)).all() and np.abs(x).max() <= 30.0
    assert len(edges) <= (bins + 2 if whole else len(x))  # more beside outliers alone
    assert (np.diff(edges) > 0).all()
    if edges.size:
        assert edges[0] == x.min()
        # Values that differ by less than rounding share an edge.
        assert edges[-1] == pytest.approx(x.max(), abs=1e-9)
    else:
        assert len(np.unique(x.round(3))) <= 2


def test_a_spike_does_not_take_the_edges_of_the_other_values():
    gains = np.concatenate([np.zeros(10_000), np.arange(1.0, 801.0)])
    assert len(choose_edges(gains, 48)) >= 40


@pytest.mark.parametrize("outliers", [[1e9], [1e9, 1e15], [-1e9, 1e6, 1e12, 1e18]])
def test_values_beside_outliers_are_told_apart(outliers):
    x = np.concatenate([np.random.default_rng(0).random(2000), outliers])
    preprocessor = Preprocessor().fit({"x": x})
    inside = np.linspace(0.01, 0.99, 500)
    encoded = features(preprocessor, {"x": inside})
    # Half a thousandth of a unit apart in one step or another, of 40 steps to a unit.
    assert np.abs(np.diff(encoded, axis=0)).max(axis=1).min() > 0.01


@pytest.mark.parametrize("shift", [0.0, 1e9, -3e14])
def test_close_values_far_from_0_are_told_apart(shift):
    x = shift + np.random.default_rng(0).integers(0, 1000, 3000).astype(float)
    encoded = features(Preprocessor().fit({"x": x}), {"x": shift + np.arange(1.0, 999.0)})
    assert np.abs(np.diff(encoded, axis=0)).max(axis=1).min() > 0.01


@pytest.mark.parametrize("numbers", ["piecewise", "robust"])
@given(st.floats(-1e100, 1e100), st.floats(-1e100, 1e100))
@settings(max_examples=100, deadline=None)
def test_the_bend_keeps_the_order_and_stays_within_its_limit(numbers, a, b):
    preprocessor = Preprocessor(numbers=numbers).fit({"x": np.arange(100.0) ** 2})
    z = features(preprocessor, {"x": np.array([min(a, b), max(a, b)])})[:, 0]
    assert -3.0 <= z.min() <= z.max() <= 3.0
    assert z[0] <= z[1] + 5e-7  # the bend's own rounding in float32, two steps at 3


@given(st.floats(-1e100, 1e100))
@settings(max_examples=100, deadline=None)
def test_scaled_numbers_without_a_bend_stay_finite(x):
    preprocessor = Preprocessor(numbers="standard").fit({"x": np.arange(10.0)})
    assert np.isfinite(features(preprocessor, {"x": np.array([x])})).all()


def test_text_in_a_column_of_numbers_is_named_with_its_row(table):
    preprocessor = Preprocessor().fit(table)
    table["age"][7] = "old"
    with pytest.raises(TableError, match="column 'age', row 8: expected a number, got 'old'"):
        preprocessor.transform(table)


def test_infinity_is_refused(table):
    table["height"][2] = np.inf
    with pytest.raises(
        TableError, match=r"column 'height', row 3: expected a number of at most 1e.100, got inf"
    ):
        Preprocessor().fit(table)


# Categories.


def test_a_category_is_one_1_among_0s(table):
    preprocessor = Preprocessor(kinds=dict.fromkeys(["age", "height", "joined"], "ignored"))
    matrix = features(preprocessor.fit(table), table)
    assert preprocessor.feature_names == [
        "colour=blue",
        "colour=green",
        "colour=red",
        "colour is missing",
    ]
    assert matrix[:4].tolist() == [[0, 0, 1, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]]


@pytest.mark.parametrize(
    ("learned", "written"),
    [
        (["True", "False"], np.array([True, False])),
        ([True, False], np.array(["TRUE", "False"], dtype=object)),
        (["1", "2"], np.array(["1.0", "2.0"], dtype=object)),
        (["1.0", "2.0"], np.array([1, 2])),
        (["-3", "1.0"], np.array([-3.0, 1.0])),
    ],
)
def test_a_category_is_known_under_other_writers_spellings(learned, written):
    column = np.array(repeat(learned, 20), dtype=object)
    preprocessor = Preprocessor(kinds={"c": "category"}).fit({"c": column})
    expected = features(preprocessor, {"c": np.array(learned, dtype=object)})
    assert features(preprocessor, {"c": written}).tolist() == expected.tolist()
    assert expected.sum() == 2
    target = fit_target("c", column, (), task="classification")
    assert sorted(target.encode(written, ())) == [0, 1]


def test_codes_with_leading_zeros_keep_their_spelling():
    table = {"c": text(*repeat(["01", "1", "02"], 20))}
    encoded = features(Preprocessor(kinds={"c": "category"}).fit(table), table)
    assert len(np.unique(encoded, axis=0)) == 3


def test_an_unseen_category_is_all_0_where_training_had_no_rare_ones():
    preprocessor = Preprocessor().fit({"c": repeat(["a", "b"], 20)})
    assert features(preprocessor, {"c": text("new", None)}).tolist() == [[0, 0], [0, 0]]


def test_rare_and_unseen_categories_share_a_feature():
    preprocessor = Preprocessor().fit({"c": text(*["a"] * 20, *["b"] * 20, "rare")})
    assert preprocessor.feature_names == ["c=a", "c=b", "c is another"]
    assert features(preprocessor, {"c": text("rare", "new")}).tolist() == [[0, 0, 1], [0, 0, 1]]


def test_blanks_around_a_category_do_not_matter():
    preprocessor = Preprocessor().fit({"c": repeat(["a", "b"], 20)})
    assert features(preprocessor, {"c": text(" a ")}).tolist() == [[1, 0]]


def test_whole_floats_integers_and_their_texts_are_the_same_category():
    kinds = {"c": "category"}
    preprocessor = Preprocessor(kinds=kinds).fit({"c": repeat(["1", "2"], 20)})
    for column in (np.array([2.0]), np.array([2]), text("2")):
        assert features(preprocessor, {"c": column}).tolist() == [[0, 1]]


def test_only_the_most_frequent_categories_get_a_feature():
    values = [f"v{i % 30}" for i in range(300)] + ["v3"] * 9 + ["v7"] * 9
    preprocessor = Preprocessor(max_categories=2).fit({"c": text(*values)})
    assert preprocessor.feature_names == ["c=v3", "c=v7", "c is another"]


# Dates.


def test_dates_of_the_same_weekday_share_the_place_in_the_week(table):
    preprocessor = Preprocessor().fit(table)
    later = {**{k: v[:2] for k, v in table.items()}, "joined": text("2024-01-01", "2024-01-08")}
    sine = feature(preprocessor, later, "joined sine of week")
    assert sine[0] == pytest.approx(sine[1], abs=1e-6)
    days = feature(preprocessor, later, "joined")
    assert days[0] < days[1]


def test_dates_as_text_and_as_numpy_dates_are_the_same(table):
    preprocessor = Preprocessor().fit(table)
    typed = {**table, "joined": np.array(table["joined"], dtype="datetime64[D]")}
    assert (features(preprocessor, typed) == features(preprocessor, table)).all()


def test_a_text_that_is_no_date_is_named_with_its_row(table):
    preprocessor = Preprocessor().fit(table)
    table["joined"][1] = "2024-02-31"
    with pytest.raises(TableError, match="column 'joined', row 2: expected a date"):
        preprocessor.transform(table)


# Whole tables.


def test_other_orders_and_further_columns_give_the_same_matrix(table):
    preprocessor = Preprocessor().fit(table)
    shuffled = {"more": np.zeros(40), **dict(reversed(list(table.items())))}
    assert (features(preprocessor, shuffled) == features(preprocessor, table)).all()


def test_a_column_that_is_not_there_is_named_with_the_closest_one(table):
    preprocessor = Preprocessor().fit(table)
    table["Colour "] = table.pop("colour")
    with pytest.raises(TableError, match=r"no column 'colour'.*did you mean 'Colour '"):
        preprocessor.transform(table)


def test_one_row_is_encoded_as_it_is_among_others(table):
    preprocessor = Preprocessor().fit(table)
    row = features(preprocessor, {name: column[5:6] for name, column in table.items()})
    assert (row[0] == features(preprocessor, table)[5]).all()


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        ({}, "no columns"),
        ({"x": np.zeros(0)}, "no rows"),
        ({"x": np.zeros(3), "y": np.zeros(4)}, "one length, got lengths 'x' 3, 'y' 4"),
        ({"x": np.zeros((3, 2))}, r"one dimension, got shape \(3, 2\)"),
        ({"x": np.zeros(3, complex)}, "got complex128"),
        ({"x": np.ones(3)}, "no column that could tell its rows apart"),
    ],
)
def test_a_table_to_learn_nothing_from_is_refused(broken, sentence):
    with pytest.raises(TableError, match=sentence):
        Preprocessor().fit(broken)


@pytest.mark.parametrize(
    "options", [{"numbers": "log"}, {"bins": 1}, {"max_categories": 0}, {"kinds": {"x": "text"}}]
)
def test_a_wrong_option_is_refused(options):
    with pytest.raises(ValueError, match="Preprocessor: expected"):
        Preprocessor(**options)


def test_the_example_of_the_documentation_runs():
    assert doctest.testmod(_preprocessor).attempted > 0
    assert doctest.testmod(_preprocessor).failed == 0
