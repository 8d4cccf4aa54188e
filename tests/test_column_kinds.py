"""What columns are taken for: numbers with marks, other dates, keys and saved indices."""

import numpy as np
import pytest

from lamina.tabular import MISSING_VALUES, Preprocessor, as_columns, choose_task
from lamina.tabular._columns import CellError, TableError
from lamina.tabular._formats import NumberFormat, read_formatted_dates
from tables import repeat, text

RNG = np.random.default_rng(11)


def summary(name, column):
    return Preprocessor().inspect({name: column})[0]


def refused(column):
    with pytest.raises(CellError) as caught:
        summary("x", column)
    return caught.value


# Numbers in text.


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("1,234.5", 1234.5),
        ("1.234,5", 1234.5),
        ("1 234", 1234),
        ("1\u00a0234\u00a0567,5", 1234567.5),
        ("1'234.50", 1234.5),
        ("1,23,456", 123456),
        ("11,300", 11300),
        ("$1,234.50", 1234.5),
        ("-$5", -5),
        ("€ 5", 5),
        ("12,50 €", 12.5),
        ("USD 7", 7),
        ("7 kr", 7),
        ("40%", 40),
        ("40.5 %", 40.5),
        ("<0.5", 0.5),
        (">= 10", 10),
        ("~3", 3),
        ("(1,234)", -1234),
        ("\u22125", -5),
        ("1.5", 1.5),
        ("12e3", 12000),
        ("170 cm", 170),
        ("3.5kWh", 3.5),
        ("-20 \u00b0C", -20),
        ("1,234 km/h", 1234),
    ],
)
def test_a_number_with_marks_is_read_as_people_read_it(written, number):
    column = as_columns({"x": [written]})["x"]
    form = NumberFormat.of("x", column)
    assert form.read("x", column, ()).tolist() == [number]


@pytest.mark.parametrize(
    "written",
    ["192.168.0.1", "1,2,3", "12 kg", "555 123 4567", "1.2.3", "12/5", "(5", "--5", "5-7", ""],
)
def test_what_is_no_number_is_none(written):
    assert NumberFormat().parse(written) is None


def test_the_decimal_mark_is_that_of_the_whole_column():
    column = as_columns({"x": ["1.234", "2,5", "1.000"]})["x"]
    assert NumberFormat.of("x", column).read("x", column, ()).tolist() == [1234, 2.5, 1000]
    column = as_columns({"x": ["1,234", "2.5"]})["x"]
    assert NumberFormat.of("x", column).read("x", column, ()).tolist() == [1234, 2.5]


@pytest.mark.parametrize(
    ("cells", "sentence"),
    [
        (["1,234.5", "3,5"], "'1,234.5' has a decimal point, but '3,5' a decimal comma"),
        (["40%", "0.4"], "'40%' and '0.4' are in different units"),
        (["$5", "€5"], "'\\$5' and '€5' are in different units"),
    ],
)
def test_marks_that_contradict_each_other_are_refused(cells, sentence):
    with pytest.raises(TableError, match=sentence):
        NumberFormat.of("x", as_columns({"x": cells})["x"])


def test_another_unit_at_prediction_is_refused():
    form = NumberFormat.of("x", as_columns({"x": ["$5", "$6"]})["x"])
    with pytest.raises(TableError, match=r"expected numbers in \$, got numbers in €"):
        form.read("x", as_columns({"x": ["€5"]})["x"], ())
    form = NumberFormat.of("x", as_columns({"x": ["170 cm", "160 cm"]})["x"])
    with pytest.raises(CellError, match=r"row 1: expected a number, got '1.7 m'"):
        form.read("x", as_columns({"x": ["1.7 m"]})["x"], ())


def test_numbers_with_one_unit_of_measure_are_refused_with_what_they_would_become():
    error = refused(text("unknown", *(f"{150 + i} cm" for i in range(50))))
    assert "'150 cm' is a number with marks in it" in str(error)
    assert error.offers[0] == ("parse", "unknown")


def test_multiples_are_no_units():
    assert summary("x", text(*(f"{i}k" for i in range(50)))).kind == "ignored"
    assert summary("x", text(*(f"{i}.5 Mio" for i in range(50)))).kind == "ignored"


@pytest.mark.parametrize("form", ["12{:02}A", "{} Main Street", "{} Elm{}", "A{}"])
def test_codes_and_addresses_are_no_numbers_with_a_unit(form):
    assert summary("x", text(*(form.format(i, i) for i in range(50)))).kind == "ignored"


@pytest.mark.parametrize("share", [0.02, 0.12, 0.3, 0.8])
def test_numbers_below_a_limit_are_refused_with_what_they_would_become(share):
    rows = 400
    column = text(*("<0.5" if i < share * rows else f"{i}.25" for i in range(rows)))
    error = refused(column)
    assert f"'<0.5' is a number with marks in it, as {int(share * rows)} of its 400" in str(error)
    assert "as a number it is 0.5" in str(error)
    assert ("parse",) in error.offers


@pytest.mark.parametrize("share", [0.02, 0.3, 0.49])
def test_a_word_in_a_column_of_numbers_is_counted_whatever_its_share(share):
    count = int(share * 400)
    error = refused(text(*("n.d." if i < count else f"{i}.25" for i in range(400))))
    assert f"'n.d.' is text in a column of numbers, as {count} of its 400 values are" in str(error)
    assert error.offers[0] == ("missing", "n.d.")


def test_numbers_with_marks_and_words_offer_both():
    error = refused(text(*(["sold"] * 3 + [f"${i}" for i in range(100)])))
    assert "'sold' is text, as 3 values are" in str(error)
    assert error.offers[0] == ("parse", "sold")


def test_a_few_different_numbers_beside_a_word_are_categories_and_the_word_is_told():
    found = summary("x", repeat(["1", "2", "3", "refused"], 80))
    assert (found.kind, found.note) == (
        "category",
        "60 of 80 values are numbers, but 'refused' is not",
    )


def test_a_column_left_out_as_text_tells_how_many_of_its_values_are_numbers():
    tickets = text(*(f"{i * 7919 % 99991}" if i % 4 else f"PC {i}" for i in range(400)))
    found = summary("ticket", tickets)
    assert found.kind == "ignored"
    assert "300 of 400 values are numbers, but 'PC" in found.note


# Dates.


@pytest.mark.parametrize(
    ("form", "offers"),
    [
        ("{day:02}.{month:02}.2024", ["%d.%m.%Y"]),
        ("{month}/{day}/2024", ["%m/%d/%Y"]),
        ("2024/{month:02}/{day:02}", ["%Y/%m/%d"]),
        ("{day:02}-{month:02}-2024 12:30", ["%d-%m-%Y %H:%M"]),
        ("2024-{month}-{day}", ["%Y-%m-%d"]),
        ("2024-{month:02}-{day:02} 9:05 PM", ["%Y-%m-%d %I:%M %p"]),
        ("{month}:{day:02}", ["%H:%M"]),
    ],
)
def test_dates_in_another_format_offer_it(form, offers):
    days = [form.format(day=1 + i % 28, month=1 + i % 12) for i in range(60)]
    error = refused(text(*days))
    assert "looks like a date or time, but is not written as 2024-03-31 is" in str(error)
    assert [offer[1] for offer in error.offers if offer[0] == "date"] == offers


def test_days_that_could_be_months_offer_both_formats():
    error = refused(repeat(["01/02/2024", "03/04/2024", "05/06/2024"], 30))
    assert [o[1] for o in error.offers if o[0] == "date"] == ["%m/%d/%Y", "%d/%m/%Y"]
    assert "does not tell its day from its month" in str(error)


def test_a_word_among_dates_is_told():
    error = refused(text("unknown", *(f"2024-01-{1 + i % 28:02}" for i in range(50))))
    assert "'unknown' is text in a column of dates, as 1 of its 51 values are" in str(error)
    assert error.offers[0] == ("missing", "unknown")
    error = refused(text("unknown", *(f"{1 + i % 28}.1.2024" for i in range(50))))
    assert error.offers[0] == ("date", "%d.%m.%Y", "unknown")


def test_dates_are_read_in_a_given_format():
    def read(values, form):
        column = as_columns({"d": values})["d"]
        return read_formatted_dates("d", column, form, ["-"]).astype(str).tolist()

    assert read(["31.12.2024", "-", "1.1.2025"], "%d.%m.%Y") == [
        "2024-12-31T00:00:00",
        "NaT",
        "2025-01-01T00:00:00",
    ]
    assert read([20241231, 20250101], "%Y%m%d")[0] == "2024-12-31T00:00:00"
    assert read(["12/31/24 23:00 +0200"], "%m/%d/%y %H:%M %z") == ["2024-12-31T21:00:00"]
    with pytest.raises(CellError, match=r"row 2: expected a date written as %d.%m.%Y, got '2024'"):
        read(["31.12.2024", "2024"], "%d.%m.%Y")


def test_whole_numbers_that_write_days_are_told():
    found = summary("day", np.array([20240101 + i for i in range(28)] * 2))
    assert (found.kind, found.remedy) == ("number", "date:%Y%m%d")


def test_months_are_categories_that_may_be_dates():
    found = summary("month", repeat(["2024-01", "2024-02", "2024-12"], 30))
    assert (found.kind, found.remedy) == ("category", "date:%Y-%m")
    assert summary("season", repeat(["2001-02", "2018-19"], 30)).note == ""


def test_an_error_that_leaves_the_kind_open_names_the_arguments_in_python():
    error = refused(text(*(f"${i}" for i in range(50))))
    assert "(parse_numbers=['x'] or kinds={'x': 'category'} or kinds={'x': 'ignored'})" in str(
        error
    )
    error = refused(text("n.d.", *(str(i) for i in range(50))))
    assert "missing_values=[*MISSING_VALUES, 'n.d.']" in str(error)
    error = refused(text(*(f"{1 + i % 28}.1.2024" for i in range(50))))
    assert "date_formats={'x': '%d.%m.%Y'}" in str(error)


def test_numbers_may_be_given_as_missing_values():
    table = {"x": np.array([-999, 1, 2] * 9)}
    assert Preprocessor(missing_values=[-999]).inspect(table)[0].missing == 9
    assert Preprocessor(missing_values=[-999.0]).inspect(table)[0].missing == 9


# Keys and saved indices.


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("__index_level_0__", [3, 1, 4, 1] * 10),
        ("Unnamed: 0", list(range(20)) * 2),
        ("index", list(range(40))),
        ("t", list(range(1, 41))),
        ("t", [float(i) for i in range(1, 41)]),
        ("t", [(i * 37) % 101 + 500 for i in range(90)]),
        ("PassengerId", [i * i + 7 for i in range(40)]),
        ("user_id", [(i * i) % 997 for i in range(600)]),
        ("hash", [2**60 + i * i * 7919 for i in range(40)]),
        ("hash", [str(2**60 + i * i * 7919) for i in range(40)]),
    ],
)
def test_a_column_that_only_names_its_rows_is_left_out(name, values):
    found = summary(name, np.array(values, dtype=object))
    assert found.kind == "ignored"
    assert found.note
    assert found.remedy == "number"
    kept = Preprocessor(kinds={name: "number"}).inspect({name: values})[0]
    assert kept.kind == "number"


def test_whole_numbers_that_floats_join_are_categories():
    for values in (2**60 + np.arange(300) % 50, [str(2**60 + i % 50) for i in range(300)]):
        found = summary("account", np.array(values))
        assert (found.kind, found.distinct, found.remedy) == ("category", 50, "number")
        assert "last digits" in found.note


@pytest.mark.parametrize("stray", ["-999", "999", "-9", "99999"])
def test_a_value_that_may_stand_for_a_missing_one_is_told(stray):
    values = np.append(RNG.uniform(0.0, 4.0, 60), [float(stray)] * 5)
    found = summary("x", values)
    assert found.remedy == f"missing:{stray}"
    assert found.note == f"{stray} in 5 rows, far from the others"
    assert Preprocessor(missing_values=[stray]).inspect({"x": values})[0].note == ""


@pytest.mark.parametrize(
    "values",
    [
        np.append(np.arange(2000.0) / 2, [999.0] * 5),
        np.append(RNG.uniform(0.0, 4.0, 60), -999.0),
        np.append(RNG.uniform(0.0, 4.0, 60), [-998.0] * 5),
        np.array([0.0, 1.0, 99.0] * 20),
    ],
    ids=["among others", "one row", "no such number", "few values"],
)
def test_other_extreme_values_are_left_alone(values):
    assert summary("x", values).note == ""


def test_infinity_may_be_counted_as_missing():
    for values in ([*(str(v) for v in range(40)), "inf"], [*range(40), np.inf]):
        table = {"x": np.array(values, dtype=object)}
        with pytest.raises(CellError, match="got inf"):
            Preprocessor().inspect(table)
        assert Preprocessor(missing_values=["inf"]).inspect(table)[0].missing == 1


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("price", [i * 7 for i in range(50)]),
        ("index", [i / 3 for i in range(50)]),
        ("consumer_price_index", [100 + i % 30 for i in range(90)]),
        ("paid", [i * i for i in range(60)]),
        ("humid", [i % 40 for i in range(90)]),
        ("time", [i / 10 for i in range(90)]),
        ("age", [18 + i % 60 for i in range(200)]),
    ],
)
def test_a_quantity_is_no_key(name, values):
    assert summary(name, np.array(values)).kind == "number"


def test_an_id_that_repeats_is_a_category():
    found = summary("store_id", np.array([i % 7 for i in range(90)]))
    assert (found.kind, found.remedy) == ("category", "number")
    assert found.note == "an id is a name, not a quantity"


def test_an_index_named_by_its_file_is_left_out_unless_it_repeats():
    table = {"customer": [f"c{i % 9}" for i in range(40)], "x": [i / 7 for i in range(40)]}
    found = Preprocessor(index_columns=["customer", "x"]).inspect(table)
    assert [s.kind for s in found] == ["category", "ignored"]


def test_an_index_of_dates_is_taken_by_its_format():
    name, days = "__index_level_0__", np.arange("2024-01-01", "2024-03-01", dtype="M8[D]")
    found = summary(name, days)
    assert (found.kind, found.remedy) == ("ignored", "date:%Y-%m-%d")
    taken = Preprocessor(date_formats={name: "%Y-%m-%d"}).inspect({name: days})[0]
    assert taken.kind == "date"


def test_codes_with_leading_zeros_are_no_quantities():
    found = summary("zip", repeat(["00501", "10001", "94103"], 30))
    assert (found.kind, found.remedy) == ("category", "number")
    assert "leading zeros, such as '00501'" in found.note


def test_without_any_column_left_the_error_names_each_and_why():
    table = {"t": np.arange(40), "name": text(*(f"p{i}" for i in range(40))), "one": np.ones(40)}
    with pytest.raises(TableError) as caught:
        Preprocessor().fit(table)
    for part in ("'t' (a running number", "'name' (another text", "'one' (holds one value only"):
        assert part in str(caught.value)


# The task.


@pytest.mark.parametrize(
    ("column", "task", "reason"),
    [
        (np.arange(260) % 26 + 1, "regression", "26 different whole numbers, more than 20"),
        (np.arange(120) % 6 + 3, "classification", "6 different whole numbers"),
        (np.arange(30) % 15, "regression", "15 different whole numbers, in fewer than 10 rows"),
        (2**60 + np.arange(40) % 2, "classification", "whole numbers beyond 2^53"),
        (np.arange(30) / 7, "regression", "numbers with fractions"),
        (repeat(["a", "b"], 30), "classification", "it holds text"),
        (repeat(["1", "2", "other"], 30), "classification", "it holds text"),
        (repeat(["2024-01", "2024-02"], 30), "classification", "it holds text"),
        (np.arange(30) % 2 == 0, "classification", "truth values"),
        (text(*(f"{i % 40:03}" for i in range(80))), "classification", "codes with leading zeros"),
    ],
)
def test_the_task_is_chosen_with_a_reason(column, task, reason):
    choice = choose_task("y", column, MISSING_VALUES)
    assert choice.task == task
    assert reason in choice.reason


def test_dates_are_no_target():
    for column in (repeat(["2024-01-01", "2024-01-02"], 30), np.array(["2024"] * 9, "M8[D]")):
        with pytest.raises(TableError, match="expected classes or numbers, got dates"):
            choose_task("y", column, MISSING_VALUES)
