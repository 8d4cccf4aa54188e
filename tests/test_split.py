"""Rows held back by time: the latest, with a sharp cut, and nothing later in training."""

import json
import re

import numpy as np
import pytest

pytest.importorskip("polars")
pytest.importorskip("rich")

from commands import QUICK, fails, lamina, write
from lamina.tabular import TableError, as_columns, hold_back_latest, holds_dates, read_times
from lamina.tabular._columns import CellError


@pytest.mark.parametrize("fraction", [0.1, 0.25, 0.5, 0.9])
def test_the_latest_share_of_the_rows_is_held_back_whatever_their_order(fraction):
    times = np.random.default_rng(0).permutation(1000)
    train, back = hold_back_latest(times, fraction)
    assert len(back) == round(fraction * 1000)
    assert times[train].max() < times[back].min()
    for rows in (train, back):
        assert (np.diff(rows) > 0).all()
    assert sorted([*train, *back]) == list(range(1000))


def test_rows_of_one_time_stay_together_and_the_cut_is_the_nearest():
    times = np.array([1, 1, 1, 2, 2, 2, 2, 2, 3, 3])
    # The cuts there are hold back 2 or 7 of the ten rows.
    assert hold_back_latest(times, 0.2)[1].tolist() == [8, 9]
    assert hold_back_latest(times, 0.6)[1].tolist() == [3, 4, 5, 6, 7, 8, 9]
    assert hold_back_latest(times, 0.01)[1].tolist() == [8, 9]
    assert hold_back_latest(times, 0.99)[0].tolist() == [0, 1, 2]


def test_rows_without_a_time_are_in_neither_part():
    for times in (
        np.array([3.0, np.nan, 1.0, 2.0, np.nan]),
        np.array(["2024-03-03", "NaT", "2024-03-01", "2024-03-02", "NaT"], dtype="datetime64[D]"),
    ):
        train, back = hold_back_latest(times, 0.3)
        assert (train.tolist(), back.tolist()) == ([2, 3], [0])


@pytest.mark.parametrize(
    ("times", "sentence"),
    [
        ([5.0, 5.0, 5.0], "3 rows, which are all of one time, 5.0"),
        ([np.nan, np.nan], "0 rows, which have no time"),
        ([1.0, np.nan], "1 rows, which are all of one time"),
    ],
)
def test_one_time_cannot_be_divided(times, sentence):
    with pytest.raises(TableError, match=re.escape(sentence)):
        hold_back_latest(np.array(times), 0.5)


def test_times_are_dates_or_numbers_and_nothing_else():
    columns = as_columns(
        {
            "date": ["2024-01-02", None, "2023-01-02"],
            "number": ["10", "9", "NA"],
            "code": ["010", "9", None],
            "word": ["1", "x", "2"],
            "german": ["31.12.2023", None, "01.02.2023"],
            "doubtful": ["02/03/2024", "01/02/2024", None],
        }
    )
    missing = ("NA",)
    assert read_times("date", columns["date"], missing).argsort().tolist() == [2, 0, 1]
    assert read_times("number", columns["number"], missing)[:2].tolist() == [10.0, 9.0]
    assert read_times("code", columns["code"], missing)[:2].tolist() == [10.0, 9.0]
    with pytest.raises(CellError, match=r"column 'word', row 2: expected dates .* got 'x'"):
        read_times("word", columns["word"], missing)
    german = read_times("german", columns["german"], missing)
    assert german[[0, 2]].astype(str).tolist() == ["2023-12-31T00:00:00", "2023-02-01T00:00:00"]
    with pytest.raises(CellError, match="does not tell its day from its month"):
        read_times("doubtful", columns["doubtful"], missing)
    found = [name for name, column in columns.items() if holds_dates(column, missing)]
    assert found == ["date", "german", "doubtful"]
    late = as_columns({"a": ["2024-01-01"] * 50 + ["x"], "b": [None] * 51})
    assert not holds_dates(late["a"], missing)
    assert not holds_dates(late["b"], missing)


# The command.


@pytest.fixture
def table(tmp_path):
    """A row a day for 200 days, in another order than the days'; y rises with time."""
    days = np.datetime64("2024-01-01") + np.random.default_rng(1).permutation(200)
    rows = [
        f"{day},{(day - np.datetime64('2024-01-01')).astype(int) % 7},{i},{'ab'[i % 2]}"
        for i, day in enumerate(days)
    ]
    return write(tmp_path / "t.csv", "day,x,n,y\n" + "\n".join(rows))


def trained(table, *options):
    arguments = ["train", table, "--target", "y", "-o", table.parent / "m", *QUICK, "--epochs", "2"]
    code, out, err = lamina(*arguments, *options)
    assert (code, err) == (0, "")
    return out


@pytest.mark.parametrize(
    "options", [["--split", "time"], ["--time-column", "day"], ["--split", "time", "--ignore=day"]]
)
def test_the_command_validates_on_the_latest_rows_where_asked(table, options):
    out = trained(table, *options)
    assert (
        "validation: the latest rows by 'day', from 2024-06-09 on; training: up to 2024-06-08"
        in (out)
    )
    assert "160 rows to train, 40 to validate" in out
    assert "flatter" not in out
    shown = json.loads(trained(table, *options, "--json"))
    assert shown["split"] == {
        "kind": "time",
        "column": "day",
        "validation_from": "2024-06-09",
        "left_out": 0,
    }


def test_the_summary_says_that_a_random_split_of_dates_flatters(table):
    sentence = "'day' holds dates, a row each: if later rows are to be predicted, validation rows"
    assert sentence in trained(table)
    assert sentence in trained(table, "--split", "random", "--ignore", "day")
    german = re.sub(r"(\d{4})-(\d\d)-(\d\d)", r"\3.\2.\1", table.read_text())
    write(table.parent / "german.csv", german)
    assert sentence in trained(table.parent / "german.csv", "--ignore", "day")
    assert "flatter" not in trained(table, "--split", "last")
    other = write(table.parent / "other.csv", table.read_bytes())
    assert "flatter" not in trained(table, "--validation", other)


def test_a_column_of_numbers_orders_the_rows_and_rows_without_one_are_left_out(table):
    cells = [line.split(",") for line in table.read_text().splitlines()]
    cells[1][2] = ""
    write(table, "\n".join(",".join(row) for row in cells))
    out = trained(table, "--time-column", "n")
    assert "from 160 on; training: up to 159; 1 row without a time left out" in out
    assert "159 rows to train, 40 to validate" in out


def test_the_last_rows_of_the_table_validate_where_asked(table):
    # The class of the last 40 rows is another one than x says: no network can know.
    rows = [f"{i % 9},{'ab'[(i % 9 > 4) ^ (i >= 160)]}" for i in range(200)]
    write(table, "x,y\n" + "\n".join(rows))
    out = trained(table, "--split", "last")
    assert "validation: the last rows of the table" in out
    assert "160 rows to train, 40 to validate" in out
    shown = json.loads(trained(table, "--split", "last", "--epochs", "30", "--json"))
    assert shown["split"] == {"kind": "last"}
    # Training rows alone teach the rule that fails on all the rest.
    assert min(shown["history"]["loss"]) < 0.3 < 0.6 < min(shown["history"]["val_loss"])


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--time-column", "dya"], "no column 'dya'; did you mean 'day'"),
        (["--time-column", "y"], "--time-column: 'y' is the target"),
    ],
)
def test_wrong_columns_of_times_give_one_sentence(table, options, sentence):
    arguments = ["train", table, "--target", "y", "-o", table.parent / "m", *QUICK]
    assert sentence in fails(*arguments, *options)


def test_the_column_of_dates_must_be_the_only_one_or_named(tmp_path):
    rows = [
        f"2024-01-{i % 28 + 1:02},2024-02-{i % 27 + 1:02},{i % 5},{'ab'[i % 2]}" for i in range(90)
    ]
    two = write(tmp_path / "t.csv", "from,to,x,y\n" + "\n".join(rows))
    arguments = ["--target", "y", "-o", tmp_path / "m", "--split", "time", *QUICK]
    assert "'from', 'to' hold dates; name the one" in fails("train", two, *arguments)
    none = write(tmp_path / "u.csv", "x,y\n" + "\n".join(row[22:] for row in rows))
    assert "no column holds dates; name one" in fails("train", none, *arguments)
    words = write(
        tmp_path / "w.csv", "x,w,y\n" + "\n".join(f"{i},w{i % 3},{'ab'[i % 2]}" for i in range(90))
    )
    assert "column 'w', row 1: expected dates such as" in fails(
        "train", words, *arguments, "--time-column", "w"
    )


def test_dates_in_another_format_order_the_rows_also_where_they_are_no_feature(tmp_path):
    rows = [f"{i % 12 + 1:02}/{i % 10 + 1:02}/{2000 + i},{i % 5},{'ab'[i % 2]}" for i in range(90)]
    path = write(tmp_path / "t.csv", "day,x,y\n" + "\n".join(rows))
    options = ["--ignore", "day", "--split", "time"]
    sentence = fails("train", path, "--target", "y", "-o", tmp_path / "m", *options)
    assert "does not tell its day from its month (--date-format day=%m/%d/%Y or" in sentence
    for form, first in (("%d/%m/%Y", "2072-03-01"), ("%m/%d/%Y", "2072-01-03")):
        out = trained(path, *options, "--date-format", f"day={form}")
        assert f"from {first} on" in out
        assert lamina("predict", tmp_path / "m", write(tmp_path / "p.csv", "x\n1\n"))[0] == 0


def test_training_rows_of_one_class_are_refused(tmp_path):
    rows = [f"2024-01-{i % 28 + 1:02},{i % 5},{'ab'[i % 28 > 24]}" for i in range(90)]
    path = write(tmp_path / "t.csv", "day,x,y\n" + "\n".join(rows))
    arguments = ["--target", "y", "-o", tmp_path / "m", "--split", "time", *QUICK]
    sentence = fails("train", path, *arguments, "--validation-fraction", "0.1")
    assert "before 2024-01-26 in 'day' hold one class only" in sentence


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--validation", "v.csv", "--split", "time"], "--split: no rows are held back where"),
        (["--validation", "v.csv", "--time-column", "d"], "--time-column: no rows are held back"),
        (["--split", "last", "--time-column", "d"], "--time-column goes with --split time, not"),
        (["--split", "random", "--time-column", "d"], "--time-column goes with --split time, not"),
        (["--split", "date"], "--split: unknown value 'date'"),
    ],
)
def test_options_of_the_split_that_contradict_each_other_are_wrong_usage(options, sentence):
    code, _, err = lamina("train", "t.csv", "--target", "y", *options)
    assert code == 2
    assert sentence in err
