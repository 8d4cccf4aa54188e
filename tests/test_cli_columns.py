"""What `lamina train` infers from a table, says about it, and takes instead on request."""

import io
import json

import numpy as np
import pytest

pl = pytest.importorskip("polars")
pd = pytest.importorskip("pandas")
pytest.importorskip("pyarrow")
pytest.importorskip("rich")

import lamina as lm  # noqa: E402
from commands import fails, lamina, write  # noqa: E402
from lamina.tabular import TableError, TableModel  # noqa: E402

ROWS = 120
SMALL = ["--hidden", "4", "--epochs", "2", "--threads", "1"]
RNG = np.random.default_rng(3)
X = RNG.normal(size=ROWS).round(3)


def table(path, **columns):
    """A CSV, or by the name a Parquet file, of columns."""
    frame = pd.DataFrame(columns)
    if path.suffix == ".parquet":
        frame.to_parquet(path)
    else:
        frame.to_csv(path, index=False)
    return path


def train(path, target, *options):
    """The output of a training, with breaks of lines as blanks."""
    code, out, err = lamina("train", path, "--target", target, "-o", f"{path}.m", *SMALL, *options)
    assert (code, err) == (0, "")
    return " ".join(out.split())


def trained(path, target, *options):
    """The record of a training."""
    return json.loads(train(path, target, "--json", *options))


def columns_of(record):
    return {column["name"]: column for column in record["columns"]}


def predicted(model, path, *options):
    code, out, err = lamina("predict", model, path, *options)
    assert (code, err) == (0, "")
    return out.split()[1:]


# Missing values.


def test_rows_without_a_target_are_counted(tmp_path):
    y = [None if i < 7 else "ab"[i % 2] for i in range(ROWS)]
    path = table(tmp_path / "t.csv", x=X, y=y)
    test = table(tmp_path / "test.csv", x=X[:9], y=["a", None, "b"] * 3)
    said = train(path, "y", "--test", test)
    assert "left out for want of a target: 7 rows " in said
    assert "left out for want of a target: 3 rows of the test table" in said
    record = trained(path, "y", "--test", test)
    assert record["rows_without_target"] == {"training": 7, "test": 3}
    assert "left out for want of a target: 3 rows" in lamina("evaluate", f"{path}.m", test)[1]
    _, out, _ = lamina("evaluate", f"{path}.m", test, "--json")
    assert json.loads(out)["rows_without_target"] == 3


@pytest.mark.parametrize("word", ["None", "NA", "null", "?"])
def test_a_class_that_counts_as_missing_is_told_and_kept_on_request(tmp_path, word):
    y = [word if i < 30 else "ab"[i % 2] for i in range(ROWS)]
    path = table(tmp_path / "t.csv", x=X, y=y)
    said = train(path, "y")
    assert f"target values that count as missing: '{word}' (30)" in said
    assert "--only-missing '' keeps them as classes" in said
    said = train(path, "y", "--only-missing", "")
    assert f"'{word}' 25.0%" in said
    assert "count as missing" not in said
    said = train(path, "y", "--only-missing", "nothing", "--missing", "b")
    assert f"'{word}' 40.0%" in said
    assert "target values that count as missing: 'b' (45)" in said


def test_a_target_left_with_one_class_tells_which_texts_count_as_missing(tmp_path):
    y = ["None" if i % 3 else "Insomnia" for i in range(ROWS)]
    path = table(tmp_path / "t.csv", x=X, y=y)
    sentence = fails("train", path, "--target", "y", "-o", tmp_path / "m")
    assert "found only the class 'Insomnia'; 'None' (80 rows) counts as missing" in sentence
    assert "--only-missing '' keeps them as classes" in sentence
    assert "'None' 66.7%" in train(path, "y", "--only-missing", "")


def test_an_only_missing_text_leaves_empty_cells_missing(tmp_path):
    path = write(tmp_path / "t.csv", "x,y\n" + "NA,1.5\n,2.5\nb,3.5\nb,\n" * 20)
    record = trained(path, "y", "--only-missing", "")
    assert columns_of(record)["x"] | {"missing": 20, "distinct": 2} == columns_of(record)["x"]
    assert record["rows_without_target"] == {"training": 20}


@pytest.mark.parametrize("given", ["-999", "-999.0"])
@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
@pytest.mark.parametrize("dtype", [np.int64, np.float32, np.float64])
def test_a_number_given_as_missing_counts_in_every_file_and_in_the_target(
    tmp_path, given, name, dtype
):
    i = np.where(np.arange(ROWS) % 4 == 0, -999, np.arange(ROWS) % 23).astype(dtype)
    y = np.where(np.arange(ROWS) % 5 == 0, -999, np.arange(ROWS) * 2).astype(dtype)
    record = trained(table(tmp_path / name, i=i, y=y), "y", f"--missing={given}")
    assert columns_of(record)["i"]["missing"] == 24
    assert record["rows_without_target"] == {"training": 24}


def test_a_target_with_a_value_far_from_all_others_is_told(tmp_path):
    y = [-999.0 if i % 10 == 0 else v for i, v in enumerate(X)]
    path = table(tmp_path / "t.csv", x=np.where(X > 2, -99, X), y=y)
    assert "target value far from all others: -999; --missing=-999 counts it" in train(path, "y")
    assert "far from all others" not in train(path, "y", "--missing=-999")


# Numbers and dates in text.


@pytest.mark.parametrize(
    ("form", "asked", "options"),
    [
        ("{:,.2f}", "1,234.50", []),
        ("${:,.2f}", "$1,234.50", []),
        ("{:.2f} %", "1234.5 %", []),
        ("<{:.2f}", "<1234.5", []),
        ("{:.2f}", "1234.50", []),
    ],
)
def test_numbers_with_marks_are_learnt_and_predicted_alike(tmp_path, form, asked, options):
    numbers = np.arange(ROWS) * 31.25
    path = table(tmp_path / "t.csv", x=[form.format(v) for v in numbers], y=numbers)
    plain = table(tmp_path / "plain.csv", x=numbers, y=numbers)
    record = trained(path, "y", "--parse-numbers", "x", *options)
    assert columns_of(record)["x"]["kind"] == "number"
    train(plain, "y")
    one = write(tmp_path / "one.csv", f'x\n"{asked}"\n')
    other = write(tmp_path / "other.csv", "x\n1234.5\n")
    assert predicted(f"{path}.m", one) == predicted(f"{plain}.m", other)


@pytest.mark.parametrize("options", [[], ["--decimal", ","]])
def test_decimal_commas_with_a_currency_keep_their_size_in_files_of_one_row(tmp_path, options):
    numbers = np.arange(ROWS) * 31.25
    euros = [f"{v:,.2f} €".translate(str.maketrans(",.", ".,")) for v in numbers]
    path = table(tmp_path / "t.csv", x=euros, z=[f"{v:.2f}" for v in X.round(2)], y=numbers)
    plain = table(tmp_path / "plain.csv", x=numbers, z=X.round(2), y=numbers)
    train(path, "y", "--parse-numbers", "x", *options)
    train(plain, "y")
    for cell, number in (("1.234", 1234), ("1.234,5 €", 1234.5), ("12,5", 12.5)):
        one = write(tmp_path / "one.csv", f'x,z\n"{cell}",0\n')
        other = write(tmp_path / "other.csv", f"x,z\n{number},0\n")
        assert predicted(f"{path}.m", one, *options) == predicted(f"{plain}.m", other)


def test_a_cell_that_a_forced_kind_cannot_read_names_the_options(tmp_path):
    x = ["<0.5", *(str(v) for v in X[1:])]
    path = table(tmp_path / "t.csv", x=x, y=X * 2)
    sentence = fails("train", path, "--target", "y", "-o", tmp_path / "m", "--numeric", "x")
    assert (
        "row 1: expected a number, got '<0.5' (--parse-numbers x or --missing='<0.5')" in sentence
    )
    said = train(path, "y", "--numeric", "x", "--parse-numbers", "x")
    assert "'<0.5' is read as 0.5" in said


def test_a_target_of_prices_is_learnt_as_numbers(tmp_path):
    numbers = np.arange(ROWS) * 700 + 500
    path = table(tmp_path / "t.csv", x=X, y=[f"{v:,}" for v in numbers])
    sentence = fails("train", path, "--target", "y", "-o", tmp_path / "m")
    assert "is a number with marks in it, as 119 of its 120 values are" in sentence
    assert "as a number it is 1200 (--parse-numbers y or --task classification)" in sentence
    record = trained(path, "y", "--parse-numbers", "y")
    assert record["task"]["kind"] == "regression"
    _, out, _ = lamina("evaluate", f"{path}.m", path, "--json")
    assert json.loads(out)["baseline"]["rmse"] == pytest.approx(numbers.std(), rel=0.05)
    assert 20_000 < np.mean([float(v) for v in predicted(f"{path}.m", path)]) < 70_000


def test_dates_in_another_format_are_offered_and_read(tmp_path):
    days = pd.date_range("2024-01-01", periods=ROWS)
    y = np.where(days.month > 2, "late", "early")
    path = table(tmp_path / "t.csv", day=days.strftime("%d.%m.%Y"), y=y)
    sentence = fails("train", path, "--target", "y", "-o", tmp_path / "m")
    assert "(--date-format day=%d.%m.%Y or --categorical day or --ignore day)" in sentence
    record = trained(path, "y", "--date-format", "day=%d.%m.%Y")
    assert columns_of(record)["day"]["kind"] == "date"
    iso = table(tmp_path / "iso.csv", day=days.strftime("%Y-%m-%d"), y=y)
    train(iso, "y")
    assert predicted(f"{path}.m", path, "--probabilities") == predicted(
        f"{iso}.m", iso, "--probabilities"
    )
    last = ["--split", "time", "--json"]
    assert trained(path, "y", "--date-format", "day=%d.%m.%Y", *last[:2])["split"]["kind"] == "time"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--date-format", "x"], "expected COLUMN=FORMAT such as day=%d.%m.%Y, got 'x'"),
        (["--date-format", "w=%Y"], "--date-format: there is no column 'w'"),
        (["--date-format", "x=%Q"], "column 'x': expected the format of a date"),
        (["--date-format", "y=%Y"], "'y' is the target; dates cannot be predicted"),
        (["--date-format", "x=%Y", "--categorical", "x"], "column 'x' is named by two options"),
        (["--parse-numbers", "x", "--categorical", "x"], "column 'x' is named by two options"),
        (["--parse-numbers", "x", "--date-format", "x=%Y"], "named for numbers and for dates"),
        (["--parse-numbers", "xx"], "--parse-numbers: there is no column 'xx'; did you mean 'x'?"),
        (["--ignore", "x,,"], "expected names between commas, got 'x,,'"),
        (["--date-format", "z=%d.%m.%Y"], "column 'z', row 3: expected a date written as %d.%m.%Y"),
    ],
)
def test_options_that_contradict_the_table_give_one_sentence(tmp_path, options, sentence):
    z = ["1.1.2024", None, "later", *["2.1.2024"] * (ROWS - 3)]
    path = table(tmp_path / "t.csv", x=X, y=np.arange(ROWS) % 2, z=z)
    assert sentence in fails("train", path, "--target", "y", "-o", tmp_path / "m", *options)


# Names of columns.


def test_names_with_commas_may_stand_in_every_option(tmp_path):
    names = {"distance, km": X, "speed, m/s": np.arange(ROWS) % 3, "y": np.arange(ROWS) % 2}
    path = table(tmp_path / "t.csv", **names)
    record = trained(path, "y", "--ignore", "distance, km", "--categorical", "speed, m/s")
    kinds = {name: column["kind"] for name, column in columns_of(record).items()}
    assert kinds == {"distance, km": "ignored", "speed, m/s": "category"}
    out = lamina("predict", f"{path}.m", path, "--keep", "distance, km", "--keep", "y")[1]
    assert pl.read_csv(io.StringIO(out)).columns == ["distance, km", "y", "predicted_y"]
    record = trained(path, "y", "--numeric", '"distance, km","speed, m/s"')
    assert columns_of(record)["speed, m/s"]["kind"] == "number"


def test_names_of_all_columns_may_have_commas(tmp_path):
    lines = [f"{x},{'ab'[i % 2]}" for i, x in enumerate(X)]
    path = write(tmp_path / "t.csv", "\n".join(lines))
    for options in (["--columns", "d, km", "--columns", "y"], ["--columns", '"d, km",y']):
        assert list(columns_of(trained(path, "y", "--no-header", *options))) == ["d, km"]


# Leaks.


def test_the_index_of_a_pandas_frame_is_no_feature(tmp_path):
    frame = pd.DataFrame({"x": X, "y": np.repeat(["a", "b", "c"], ROWS // 3)})
    frame.sample(frac=0.7, random_state=0).to_parquet(tmp_path / "t.parquet")
    said = train(tmp_path / "t.parquet", "y")
    assert "the saved index of a table, which numbers or names its rows" in said
    assert "--numeric __index_level_0__ takes it" in said
    frame.to_parquet(tmp_path / "e.parquet", index=False)
    assert lamina("evaluate", tmp_path / "t.parquet.m", tmp_path / "e.parquet")[0] == 0
    record = trained(tmp_path / "t.parquet", "y", "--numeric", "__index_level_0__")
    assert columns_of(record)["__index_level_0__"]["kind"] == "number"


def test_an_index_with_a_name_is_known_from_the_files_metadata(tmp_path):
    frame = pd.DataFrame({"x": X, "y": X * 2}, index=pd.Index(X + 0.5, name="reading"))
    frame = frame[~frame.index.duplicated()]
    frame.to_parquet(tmp_path / "t.parquet")
    record = trained(tmp_path / "t.parquet", "y")
    assert columns_of(record)["reading"]["kind"] == "ignored"
    days = pd.date_range("2024-01-01", periods=ROWS, name="day")
    pd.DataFrame({"x": X, "y": X * 2}, index=days).to_parquet(tmp_path / "d.parquet")
    assert columns_of(trained(tmp_path / "d.parquet", "y"))["day"]["kind"] == "date"


@pytest.mark.parametrize("header", ["", "Unnamed: 0", '""'])
def test_a_saved_index_in_a_csv_is_no_feature(tmp_path, header):
    lines = [f"{i + 1},{x},{'ab'[i * 2 // ROWS]}" for i, x in enumerate(X)]
    path = write(tmp_path / "t.csv", "\n".join([f"{header},x,y", *lines]))
    column = next(iter(columns_of(trained(path, "y")).values()))
    assert column["kind"] == "ignored"
    assert "index" in column["note"]


def test_a_first_column_without_a_header_may_be_a_quantity(tmp_path):
    lines = [f"{i * i + 700},{x},{'ab'[i % 2]}" for i, x in enumerate(X)]
    path = write(tmp_path / "t.csv", "\n".join(lines))
    record = trained(path, "3", "--no-header")
    assert columns_of(record)["1"]["kind"] == "number"


def test_an_only_column_that_is_a_counter_names_itself_and_the_option(tmp_path):
    path = table(tmp_path / "t.csv", t=np.arange(1, ROWS + 1), y=np.sin(np.arange(ROWS) / 10))
    sentence = fails("train", path, "--target", "y", "-o", tmp_path / "m")
    assert "'t' (a running number, another one in each row) (--numeric t takes it)" in sentence
    assert columns_of(trained(path, "y", "--numeric", "t"))["t"]["kind"] == "number"


def test_a_column_that_gives_the_target_away_is_said_and_not_dropped(tmp_path):
    survived = (X > 0.2).astype(int)
    alive = np.where(survived == 1, "yes", "no")
    path = table(tmp_path / "t.csv", x=RNG.normal(size=ROWS), alive=alive, survived=survived)
    said = train(path, "survived")
    assert "'alive' alone explains 100.0% of the target's class" in said
    assert "--ignore alive" in said
    record = trained(path, "survived")
    assert record["giveaways"] == [{"column": "alive", "explains": 1.0}]
    assert columns_of(record)["alive"]["kind"] == "category"
    assert trained(path, "survived", "--ignore", "alive")["giveaways"] == []


# What is inferred.


def test_the_task_is_said_with_its_reason_and_the_option_that_changes_it(tmp_path):
    path = table(
        tmp_path / "t.csv", x=X, score=np.arange(ROWS) % 6 + 3, letter=np.arange(ROWS) % 26
    )
    assert (
        "task: classification, because the target holds 6 different whole numbers; "
        "--task regression changes it"
    ) in train(path, "score", "--ignore", "letter")
    assert (
        "task: regression, because the target holds 26 different whole numbers, more than 20; "
        "--task classification changes it"
    ) in train(path, "letter", "--ignore", "score")
    assert "because" not in train(path, "letter", "--ignore", "score", "--task", "regression")
    record = trained(path, "score", "--ignore", "letter")
    assert record["task"] == {
        "kind": "classification",
        "reason": "it holds 6 different whole numbers",
    }


def test_small_classes_are_counted(tmp_path):
    y = ["rare" if i % 200 == 0 else "often" for i in range(1000)]
    path = table(tmp_path / "t.csv", x=np.arange(1000) / 7, y=y)
    assert "classes: 'often' 99.5%, 'rare' 5 rows" in train(path, "y")


def test_one_value_is_one_class_at_training_and_at_prediction(tmp_path):
    y = [f"{int(x > 0)}{'.0' if i > 60 else ''}" for i, x in enumerate(X)]
    flag = [("True", "TRUE", "true")[i % 3] if x > 0 else "False" for i, x in enumerate(X)]
    path = table(tmp_path / "t.csv", flag=flag, y=y)
    assert "classes: '0' " in train(path, "y", "--categorical", "flag")
    whole = {"y": (X > 0).astype(int), "flag": X > 0}
    typed = table(tmp_path / "t.parquet", **whole)
    counted = table(tmp_path / "u.parquet", y=X > 0, flag=(X > 0).astype(np.int8))
    figures = [lamina("evaluate", f"{path}.m", p, "--json")[1] for p in (path, typed, counted)]
    assert figures[0] == figures[1] == figures[2]


# Loading.


def test_a_table_model_is_not_loaded_as_a_network_nor_the_other_way_round(tmp_path):
    path = table(tmp_path / "t.csv", x=X, y=X * 2)
    train(path, "y")
    with pytest.raises(ValueError, match=r"holds a table model.*lamina.tabular.TableModel.load"):
        lm.load(f"{path}.m")
    lm.Sequential([lm.Dense(1)], inputs=2).save(tmp_path / "n")
    with pytest.raises(TableError, match=r"got a network alone; lamina.load reads it"):
        TableModel.load(tmp_path / "n")
