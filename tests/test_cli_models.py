"""Models that the command `lamina` trained: predictions, figures, information, mistakes."""

import io
import json
import subprocess
import sys

import pytest

pl = pytest.importorskip("polars")
pytest.importorskip("rich")

import lamina as lm  # noqa: E402
from commands import QUICK, fails, lamina, train_models, write  # noqa: E402
from lamina.cli._read import TextFormat, read_table  # noqa: E402
from lamina.tabular import TableModel  # noqa: E402


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Tables, and a model of each kind trained by the command."""
    return train_models(tmp_path_factory.mktemp("cli"))


def test_predictions_reach_the_figures_that_training_reported(folder):
    _, out, _ = lamina("predict", folder / "paid.lamina", folder / "test.csv", "--keep", "paid")
    frame = pl.read_csv(io.StringIO(out))
    accuracy = (frame["paid"] == frame["predicted_paid"]).mean()
    recorded = json.loads((folder / "paid.json").read_text())["results"]["test"]["model"]
    assert accuracy == pytest.approx(recorded["accuracy"])


def test_evaluate_gives_the_figures_that_training_reported(folder):
    _, out, _ = lamina("evaluate", folder / "amount.lamina", folder / "test.csv", "--json")
    recorded = json.loads((folder / "amount.json").read_text())["results"]["test"]
    assert json.loads(out)["model"] == pytest.approx(recorded["model"])


def test_other_column_orders_and_types_of_file_predict_alike(folder, tmp_path):
    frame = pl.read_csv(folder / "test.csv")
    frame.select(reversed(frame.columns)).with_columns(more=0).write_parquet(tmp_path / "t.parquet")
    arguments = ["predict", folder / "paid.lamina"]
    expected = lamina(*arguments, folder / "test.csv", "--probabilities")
    assert lamina(*arguments, tmp_path / "t.parquet", "--probabilities") == expected


def test_unseen_and_missing_values_are_legal_at_prediction(folder, tmp_path):
    path = write(tmp_path / "t.csv", "grade,hours,noise\nunheard,30,0\n,,\n\nhigh,,\n")
    code, out, error = lamina("predict", folder / "paid.lamina", path)
    assert code == 0
    assert out.split()[0] == "predicted_paid"
    # A row of missing values is a row; an empty line is none.
    assert len(out.split()) == 4
    assert error == (
        "lamina: the table (3 rows) holds what the training rows did not: 'hours' 2 missing "
        "values, where training had none; 'noise' 2 missing values, where training had none; "
        "'grade' 1 unseen category ('unheard')\n"
    )
    _, out, error = lamina("predict", folder / "paid.lamina", path, "--json")
    assert json.loads(out)["not_in_training"] == [
        {"column": "grade", "kind": "unseen", "rows": 1, "example": "'unheard'"},
        {"column": "hours", "kind": "missing", "rows": 2, "example": ""},
        {"column": "noise", "kind": "missing", "rows": 2, "example": ""},
    ]
    assert error.startswith("lamina: the table (3 rows)")


def test_evaluation_tells_what_training_did_not_see(folder, tmp_path):
    path = write(tmp_path / "t.csv", "grade,hours,noise,paid\nhigh,1e6,0,yes\nlow,30,0,no\n,1,0,\n")
    code, out, error = lamina("evaluate", folder / "paid.lamina", path, "--json")
    assert code == 0
    found = {"column": "hours", "kind": "outside", "rows": 1, "example": "1e+06"}
    assert json.loads(out)["not_in_training"] == [found]
    assert error == (
        "lamina: the table (2 rows) holds what the training rows did not: 'hours' 1 value far "
        "outside the training range (1e+06)\n"
    )
    _, out, error = lamina("evaluate", folder / "paid.lamina", folder / "test.csv", "--json")
    assert json.loads(out)["not_in_training"] == []
    assert error == ""


def test_a_table_may_come_from_the_standard_input(folder):
    arguments = [sys.executable, "-m", "lamina.cli", "predict", folder / "paid.lamina"]
    text = (folder / "test.csv").read_bytes()
    piped = subprocess.run([*arguments, "-"], input=text, capture_output=True, check=True)
    expected = lamina("predict", folder / "paid.lamina", folder / "test.csv")[1]
    assert piped.stdout.decode() == expected


def test_kept_columns_are_copied_as_they_are(folder, tmp_path):
    frame = pl.read_csv(folder / "test.csv").head(2)
    more = {
        "key": [2**60 + 1, None],
        "day": pl.Series(["2024-01-02", None]).str.to_date(),
        "yes": [True, None],
        "price": pl.Series(["1.10", None]).cast(pl.Decimal(10, 2)),
    }
    frame = frame.hstack(pl.DataFrame(more))
    frame.write_parquet(tmp_path / "t.parquet")
    arguments = [
        "predict",
        folder / "paid.lamina",
        tmp_path / "t.parquet",
        "--keep",
        ",".join(more),
    ]
    _, out, _ = lamina(*arguments)
    assert out.split("\n")[1].startswith(f"{2**60 + 1},2024-01-02,true,1.10,")
    assert json.loads(lamina(*arguments, "--json")[1])["day"] == ["2024-01-02", None]
    assert lamina(*arguments, "-o", tmp_path / "p.parquet")[0] == 0
    assert pl.read_parquet(tmp_path / "p.parquet").select(*more).equals(frame.select(*more))


@pytest.mark.parametrize("name", ["p.csv", "p.tsv", "p.parquet"])
def test_predictions_are_written_in_the_kind_of_file_that_the_name_asks_for(folder, tmp_path, name):
    arguments = ["predict", folder / "amount.lamina", folder / "test.csv"]
    assert lamina(*arguments, "-o", tmp_path / name) == (0, "", "")
    code, out, err = lamina(*arguments, "-o", tmp_path / name, "--json")
    assert (code, err) == (0, "")
    shown = json.loads(out)
    assert (shown["output"], shown["rows"]) == (str(tmp_path / name), 300)
    written = read_table(tmp_path / name, TextFormat())["predicted_amount"].tolist()
    printed = json.loads(lamina(*arguments, "--json")[1])["predicted_amount"]
    assert [float(number) for number in written] == printed


def test_info_tells_columns_classes_and_results(folder):
    code, out, _ = lamina("info", folder / "paid.lamina")
    assert code == 0
    for part in (
        "classes: 'no', 'yes'",
        "'yes' where its probability is above 0.5",
        "grade",
        "category",
        "best epoch",
        "test",
    ):
        assert part in out
    described = json.loads(lamina("info", folder / "paid.lamina", "--json")[1])
    assert described["target"]["positive"] == "yes"
    assert described["reads"] == ["grade", "hours", "noise"]
    assert described["ignores"] == {"amount": "left out on request"}


def test_info_runs_the_self_test_of_a_file(tmp_path):
    net = lm.Sequential([lm.Dense(2)], inputs=3)
    net.save(tmp_path / "n")
    assert "no self-test" not in lamina("info", tmp_path / "n")[2]
    code, _, errors = lamina("info", tmp_path / "n", "--selftest")
    assert code != 0
    assert "expected a self-test in the file" in errors
    net.fit([[1, 2, 3]], [[0, 1]], epochs=1, verbose=False)
    net.save(tmp_path / "n", selftest=[[0.5, 1, 2]])
    code, out, _ = lamina("info", tmp_path / "n", "--selftest")
    assert code == 0
    assert "its self-test passes" in out


def test_info_tells_a_network_without_a_table_too(tmp_path):
    lm.Sequential([lm.Dense(3, "relu")], inputs=2).save(tmp_path / "n")
    code, out, _ = lamina("info", tmp_path / "n")
    assert code == 0
    assert "Dense(3, relu)" in out
    described = json.loads(lamina("info", tmp_path / "n", "--json")[1])
    assert described["network"]["inputs"] == 2
    assert "expected a model of tables, got a network" in fails("predict", tmp_path / "n", "t.csv")


def test_a_model_loads_in_python_and_predicts_arrays(folder):
    model = TableModel.load(folder / "paid.lamina")
    table = {"grade": ["high", "low"], "hours": [60, 0], "noise": [0.0, 0.0]}
    assert model.predict(table).tolist() == ["yes", "no"]
    assert model.predict_probabilities(table).shape == (2, 2)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("grade,noise\nlow,1\n", "no column 'hours', which the model reads"),
        ("grade,Hours,noise\nlow,1,1\n", "did you mean 'Hours'"),
        ("grade,hours,noise\nlow,1,0\nlow,long,0\n", "'hours', row 2: expected a number, got 'lo"),
    ],
)
def test_a_table_that_does_not_fit_the_model_gives_one_sentence(folder, tmp_path, text, sentence):
    path = write(tmp_path / "t.csv", text)
    assert sentence in fails("predict", folder / "paid.lamina", path)


def test_evaluating_without_the_target_or_with_an_unknown_class_gives_one_sentence(
    folder, tmp_path
):
    path = write(tmp_path / "t.csv", "grade,hours,noise\nlow,1,0\n")
    assert "no target column 'paid'" in fails("evaluate", folder / "paid.lamina", path)
    path = write(tmp_path / "t.csv", "grade,hours,noise,paid\nlow,1,0,perhaps\n")
    assert "class 'perhaps' is not among" in fails("evaluate", folder / "paid.lamina", path)


def test_wrong_choices_at_prediction_give_one_sentence(folder):
    arguments = ["predict", folder / "amount.lamina", folder / "test.csv"]
    assert "predicts numbers, not classes" in fails(*arguments, "--probabilities")
    assert "--keep: there is no column 'hour'; did you mean 'hours'" in fails(
        *arguments, "--keep", "hour"
    )
    table = write(folder / "twice.csv", "grade,hours,noise,predicted_amount\nlow,1,0,3\n")
    arguments[2] = table
    assert "--keep: the predictions have a column 'predicted_amount' too" in fails(
        *arguments, "--keep", "predicted_amount"
    )
    assert "expected a name that ends in .csv" in fails(*arguments, "-o", "p.xlsx")
    assert "there is no folder nowhere" in fails(*arguments, "-o", "nowhere/p.csv")


def test_files_are_checked_before_any_table_is_read(folder, tmp_path, monkeypatch):
    def read(*_, **__):
        raise AssertionError("a table is read")

    monkeypatch.setattr("lamina.cli._train.read_table", read)
    monkeypatch.setattr("lamina.cli._predict.read_kept_table", read)
    table = write(tmp_path / "t.csv", (folder / "train.csv").read_bytes())
    train = ["train", table, "--target", "paid"]
    for option in ("--test", "--validation"):
        assert "nothing.csv: No such file" in fails(*train, option, tmp_path / "nothing.csv")
        assert "would replace the table that is read" in fails(*train, option, table, "-o", table)
    assert "would replace the table that is read" in fails(*train, "-o", table)
    arguments = ["predict", folder / "paid.lamina", table, "-o", table]
    assert "would replace the table that is read" in fails(*arguments)
    assert "only one table can come from the standard input" in fails(
        "train", "-", "--target", "paid", "--test", "-"
    )
    assert table.read_bytes() == (folder / "train.csv").read_bytes()


def test_figures_of_the_training_table_itself_are_said_to_flatter(folder, tmp_path):
    link = tmp_path / "link.csv"
    link.symlink_to(folder / "train.csv")
    arguments = ["train", folder / "train.csv", "--target", "paid", "-o", tmp_path / "m", *QUICK]
    for option in ("--test", "--validation"):
        sentence = f"{option} is the training table itself: its figures flatter"
        assert sentence in lamina(*arguments, option, link)[1]
        assert sentence not in lamina(*arguments, option, folder / "test.csv")[1]


def test_a_file_that_is_no_model_gives_one_sentence(folder, tmp_path):
    for data in (b"", b"hello", (folder / "paid.lamina").read_bytes()[:-100]):
        fails("info", write(tmp_path / "m", data))
    fails("info", tmp_path / "missing")
