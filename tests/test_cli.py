"""The command `lamina`: reading of files, training, results, and one sentence for each mistake."""

import io
import json
import subprocess
import sys
import warnings

import numpy as np
import pytest

pl = pytest.importorskip("polars")
pytest.importorskip("rich")

import lamina as lm  # noqa: E402
from commands import QUICK, fails, lamina, write  # noqa: E402
from lamina.cli._read import TextFormat, read_table  # noqa: E402
from lamina.tabular import TableModel  # noqa: E402


def make_table(rows, seed):
    """Income-like rows: `grade` and `hours` decide `paid`; `amount` is a number to predict."""
    rng = np.random.default_rng(seed)
    grade = rng.choice(["low", "middle", "high"], rows)
    hours = rng.uniform(0, 60, rows).round(1)
    score = (grade == "high") * 2.0 - (grade == "low") * 2.0 + (hours - 30) / 10
    return pl.DataFrame(
        {
            "grade": np.where(rng.random(rows) < 0.05, "?", grade),
            "hours": hours,
            "noise": rng.normal(size=rows).round(3),
            "paid": np.where(score + 0.3 * rng.normal(size=rows) > 0, "yes", "no"),
            "amount": (1000 + 50 * score).round(2),
        }
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Tables, and a model of each kind trained by the command."""
    folder = tmp_path_factory.mktemp("cli")
    make_table(600, 0).write_csv(folder / "train.csv")
    make_table(300, 1).write_csv(folder / "test.csv")
    for target, other in (("paid", "amount"), ("amount", "paid")):
        arguments = [folder / "train.csv", "--target", target, "--ignore", other, "--json"]
        output = ["-o", folder / f"{target}.lamina", "--test", folder / "test.csv"]
        code, out, _ = lamina("train", *arguments, *output, *QUICK)
        assert code == 0
        (folder / f"{target}.json").write_text(out)
    return folder


# Training.


@pytest.mark.parametrize(
    ("target", "figure", "better"),
    [
        ("paid", "accuracy", 1),
        ("paid", "log_loss", -1),
        ("amount", "rmse", -1),
        ("amount", "r2", 1),
    ],
)
def test_training_beats_the_baseline_by_far(folder, target, figure, better):
    test = json.loads((folder / f"{target}.json").read_text())["results"]["test"]
    model, baseline = test["model"][figure], test["baseline"][figure]
    assert better * (model - baseline) > 0.3 * max(abs(model), abs(baseline), 0.5)


def test_training_prints_summary_progress_and_results(folder, tmp_path):
    arguments = [
        folder / "train.csv",
        "--target",
        "paid",
        "-o",
        tmp_path / "m",
        "--ignore",
        "amount",
    ]
    code, out, err = lamina("train", *arguments, *QUICK)
    assert (code, err) == (0, "")
    for part in (
        "classification of 'paid', 480 rows to train, 120 to validate",
        "left out on request",
        "epoch 1/30  loss ",
        "baseline",
        "accuracy",
        "ROC AUC",
        "model saved to",
    ):
        assert part in out


def test_the_same_seed_gives_the_same_predictions(folder, tmp_path):
    arguments = ["train", folder / "train.csv", "--target", "paid", "--ignore", "amount", *QUICK]
    tables = []
    for name, threads in (("a", 1), ("b", 2)):
        assert lamina(*arguments, "-o", tmp_path / name, "--threads", threads)[0] == 0
        tables.append(lamina("predict", tmp_path / name, folder / "test.csv", "--probabilities")[1])
    assert tables[0] == tables[1]


def test_a_validation_file_takes_the_place_of_rows_held_back(folder, tmp_path):
    arguments = [folder / "train.csv", "--target", "paid", "--ignore", "amount", *QUICK]
    more = ["--validation", folder / "test.csv", "-o", tmp_path / "m", "--json"]
    _, out, _ = lamina("train", *arguments, *more)
    assert json.loads(out)["rows"] == {"training": 600, "validation": 300}


def test_rows_without_a_target_are_left_out(tmp_path):
    lines = [f"{i % 7},{'a' if i % 7 > 3 else 'b'}" for i in range(100)] + ["3,?"] * 10
    path = write(tmp_path / "t.csv", "x,y\n" + "\n".join(lines))
    _, out, _ = lamina("train", path, "--target", "y", "-o", tmp_path / "m", "--json", *QUICK)
    assert sum(json.loads(out)["rows"].values()) == 100


def test_three_classes_get_three_probabilities_that_add_up_to_one(folder, tmp_path):
    arguments = ["train", folder / "train.csv", "--target", "grade", "-o", tmp_path / "m"]
    assert lamina(*arguments, *QUICK, "--missing", "?")[0] == 0
    code, out, _ = lamina("predict", tmp_path / "m", folder / "test.csv", "--probabilities")
    assert code == 0
    frame = pl.read_csv(io.StringIO(out))
    assert frame.columns[1:] == ["probability_high", "probability_low", "probability_middle"]
    # float32 softmax: three terms, each rounded to 2^-24.
    assert frame[:, 1:].sum_horizontal().to_numpy() == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--target", "payd"], "there is no column 'payd'; did you mean 'paid'?"),
        (["--target", "paid", "--ignore", "nois"], "no column 'nois'; did you mean 'noise'"),
        (["--target", "paid", "--numeric", "paid"], "'paid' is the target"),
        (["--target", "paid", "--numeric", "hours", "--ignore", "hours"], "named by two options"),
        (["--target", "paid", "--numeric", "grade"], "column 'grade', row"),
        (["--target", "paid", "--task", "regression"], "row 1: expected a number"),
        (["--target", "amount", "--task", "classification"], "are too many to learn"),
        (["--target", "paid", "-o", "nowhere/m.lamina"], "there is no folder nowhere"),
        (["--target", "paid", "-o", "."], "is a folder"),
        (["--target", "paid", "--test", "nothing.csv"], "nothing.csv: No such file or directory"),
        (["--target", "paid", "--columns", "a,b"], "expected 2 columns as --columns names them"),
    ],
)
def test_a_wrong_option_of_train_gives_one_sentence(folder, options, sentence):
    assert sentence in fails("train", folder / "train.csv", *options)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("x,y\n" + "1,a\n2,a\n" * 9, "found only the class 'a'"),
        ("x,y\n" + "1,\n2,?\n" * 9, "found no value"),
        ("x,y\n" + ",a\n?,b\n" * 9, "no column that could tell its rows apart"),
        ("y\n" + "a\nb\n" * 9, "the target 'y' is the only column"),
        ("x,y\n1,a\n2,b\n3,a\n", "for validation"),
    ],
    ids=["one class", "no target", "nothing to learn from", "only the target", "too few rows"],
)
def test_a_table_that_cannot_teach_gives_one_sentence(tmp_path, text, sentence):
    path = write(tmp_path / "t.csv", text)
    options = ["--validation-fraction", "0.1"]
    assert sentence in fails("train", path, "--target", "y", "-o", tmp_path / "m", *options)
    assert not (tmp_path / "m").exists()


# Models.


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
    code, out, _ = lamina("predict", folder / "paid.lamina", path)
    assert code == 0
    assert out.split()[0] == "predicted_paid"
    # A row of missing values is a row; an empty line is none.
    assert len(out.split()) == 4


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
    written = read_table(tmp_path / name, TextFormat())["predicted_amount"].tolist()
    printed = json.loads(lamina(*arguments, "--json")[1])["predicted_amount"]
    assert [float(number) for number in written] == printed


def test_info_tells_columns_classes_and_results(folder):
    code, out, _ = lamina("info", folder / "paid.lamina")
    assert code == 0
    for part in ("classes: 'no', 'yes'", "grade", "category", "best epoch", "test"):
        assert part in out
    described = json.loads(lamina("info", folder / "paid.lamina", "--json")[1])
    assert described["reads"] == ["grade", "hours", "noise"]
    assert described["ignores"] == {"amount": "left out on request"}


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
    assert "expected a name that ends in .csv" in fails(*arguments, "-o", "p.xlsx")
    assert "there is no folder nowhere" in fails(*arguments, "-o", "nowhere/p.csv")


def test_a_file_that_is_no_model_gives_one_sentence(folder, tmp_path):
    for data in (b"", b"hello", (folder / "paid.lamina").read_bytes()[:-100]):
        fails("info", write(tmp_path / "m", data))
    fails("info", tmp_path / "missing")


# The program itself.


def test_an_interrupt_gives_code_130_and_no_traceback(folder, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("lamina.cli._evaluate.read_table", interrupt)
    arguments = ["evaluate", folder / "paid.lamina", folder / "test.csv"]
    assert lamina(*arguments) == (130, "", "lamina: interrupted\n")


def test_an_interrupt_while_modules_are_read_gives_no_traceback(monkeypatch):
    class Interrupted:
        def find_spec(self, name, *_):
            if name == "lamina.cli._train":
                raise KeyboardInterrupt

    monkeypatch.delitem(sys.modules, "lamina.cli._train", raising=False)
    monkeypatch.delattr("lamina.cli._train", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Interrupted(), *sys.meta_path])
    assert lamina("info", "nothing") == (130, "", "lamina: interrupted\n")


def test_a_warning_is_one_sentence_on_the_standard_error(folder, monkeypatch):
    predict = TableModel.outputs

    def warn(self, table):
        warnings.warn("these rows\nare odd", stacklevel=1)
        return predict(self, table)

    monkeypatch.setattr(TableModel, "outputs", warn)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        code, _, err = lamina("predict", folder / "paid.lamina", folder / "test.csv")
    assert (code, err) == (0, "lamina: warning: these rows are odd\n")


def test_the_traceback_is_shown_on_request_only(tmp_path):
    assert "Traceback" not in lamina("info", tmp_path / "nothing")[2]
    assert "Traceback" in lamina("info", tmp_path / "nothing", "--traceback")[2]
