"""The command `lamina`: reading of files, training, results, and one sentence for each mistake."""

import io
import json
import sys
import warnings

import pytest

pl = pytest.importorskip("polars")
pytest.importorskip("rich")

from commands import QUICK, fails, lamina, train_models, write  # noqa: E402
from lamina.tabular import TableModel  # noqa: E402


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Tables, and a model of each kind trained by the command."""
    return train_models(tmp_path_factory.mktemp("cli"))


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


# The program itself.


def test_an_interrupt_gives_code_130_and_no_traceback(folder, monkeypatch):
    def interrupt(*_, **__):
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
    predict = TableModel.outputs_of

    def warn(self, inputs):
        warnings.warn("these rows\nare odd", stacklevel=1)
        return predict(self, inputs)

    monkeypatch.setattr(TableModel, "outputs_of", warn)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        code, _, err = lamina("predict", folder / "paid.lamina", folder / "test.csv")
    assert (code, err) == (0, "lamina: warning: these rows are odd\n")


def test_the_traceback_is_shown_on_request_only(tmp_path):
    assert "Traceback" not in lamina("info", tmp_path / "nothing")[2]
    assert "Traceback" in lamina("info", tmp_path / "nothing", "--traceback")[2]
