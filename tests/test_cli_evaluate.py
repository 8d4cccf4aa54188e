"""`lamina evaluate`: figures, confusions and thresholds, equal to scikit-learn's."""

import io
import json

import numpy as np
import pytest

pl = pytest.importorskip("polars")
pytest.importorskip("rich")
sklearn_metrics = pytest.importorskip("sklearn.metrics")

from rich.console import Console  # noqa: E402

from commands import QUICK, fails, lamina, write  # noqa: E402
from lamina.cli._class_tables import print_class_figures, print_confusions  # noqa: E402
from lamina.tabular import ClassReport, ClassTarget, TableModel  # noqa: E402


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Noisy tables of two classes, of three, and of numbers, with a model of each."""
    folder = tmp_path_factory.mktemp("evaluate")
    rng = np.random.default_rng(0)
    x = rng.normal(size=600).round(3)
    noisy = x + 0.8 * rng.normal(size=600)
    pl.DataFrame(
        {
            "x": x,
            "two": np.where(noisy > 0.7, "sick", "healthy"),
            "three": np.select([noisy > 0.7, noisy < -0.3], ["high", "low"], "middle"),
            "number": (3.0 * noisy).round(3),
        }
    ).write_csv(folder / "t.csv")
    for target in ("two", "three", "number"):
        others = ",".join({"two", "three", "number"} - {target})
        options = ["--target", target, "--ignore", others, "-o", folder / target, *QUICK]
        assert lamina("train", folder / "t.csv", *options)[0] == 0
    return folder


def evaluated(folder, target, *options):
    code, out, err = lamina("evaluate", folder / target, folder / "t.csv", "--json", *options)
    assert (code, err) == (0, "")
    return json.loads(out)


def predicted(folder, target, *options):
    """The column predicted and the probabilities by class."""
    more = [] if target == "number" else ["--probabilities"]
    out = lamina("predict", folder / target, folder / "t.csv", *more, *options)[1]
    frame = pl.read_csv(io.StringIO(out))
    return frame[:, 0].to_numpy(), frame[:, 1:].to_numpy()


@pytest.mark.parametrize("threshold", [None, 0.2, 0.9])
def test_two_classes_are_judged_as_scikit_learn_judges_them(folder, threshold):
    options = [] if threshold is None else ["--threshold", threshold]
    shown = evaluated(folder, "two", *options)
    chosen, probabilities = predicted(folder, "two", *options)
    truth = pl.read_csv(folder / "t.csv")["two"].to_numpy()
    sick = truth == "sick"
    p = probabilities[:, 1]
    assert (
        chosen == np.where(p > (0.5 if threshold is None else threshold), "sick", "healthy")
    ).all()
    assert (shown["positive"], shown["threshold"]) == ("sick", threshold or 0.5)
    assert shown["rows"] == 600
    m = sklearn_metrics
    assert shown["classes"] == ["healthy", "sick"]
    assert shown["confusion_matrix"] == m.confusion_matrix(truth, chosen).tolist()
    assert shown["model"] == pytest.approx(
        {
            "accuracy": m.accuracy_score(truth, chosen),
            "balanced_accuracy": m.balanced_accuracy_score(truth, chosen),
            "f1": m.f1_score(truth, chosen, pos_label="sick"),
            "matthews_correlation": m.matthews_corrcoef(truth, chosen),
            "log_loss": m.log_loss(sick, p),
            "brier_score": m.brier_score_loss(sick, p),
            "expected_calibration_error": shown["model"]["expected_calibration_error"],
            "roc_auc": m.roc_auc_score(sick, p),
            "average_precision": m.average_precision_score(sick, p),
        }
    )
    by_class = m.classification_report(truth, chosen, output_dict=True, zero_division=np.nan)
    for name in shown["classes"]:
        expected = by_class[name]
        assert shown["by_class"][name] == pytest.approx(
            {
                "rows": expected["support"],
                "precision": expected["precision"],
                "recall": expected["recall"],
                "f1": expected["f1-score"],
            }
        )


def test_three_classes_and_numbers_are_judged_as_scikit_learn_judges_them(folder):
    m = sklearn_metrics
    table = pl.read_csv(folder / "t.csv")
    truth, (chosen, probabilities) = table["three"].to_numpy(), predicted(folder, "three")
    shown = evaluated(folder, "three")
    assert shown["confusion_matrix"] == m.confusion_matrix(truth, chosen).tolist()
    figures = shown["model"]
    assert figures["f1"] == pytest.approx(m.f1_score(truth, chosen, average="macro"))
    # They were written in float32; scikit-learn warns of sums that are off by its rounding.
    probabilities = probabilities / probabilities.sum(axis=1, keepdims=True)
    assert figures["log_loss"] == pytest.approx(m.log_loss(truth, probabilities))
    auc = m.roc_auc_score(truth, probabilities, multi_class="ovr")
    assert figures["roc_auc"] == pytest.approx(auc)
    assert "threshold" not in shown

    truth, (numbers, _) = table["number"].to_numpy(), predicted(folder, "number")
    assert evaluated(folder, "number")["model"] == pytest.approx(
        {
            "rmse": m.root_mean_squared_error(truth, numbers),
            "mae": m.mean_absolute_error(truth, numbers),
            "median_absolute_error": m.median_absolute_error(truth, numbers),
            "r2": m.r2_score(truth, numbers),
        }
    )


def test_the_command_shows_confusions_figures_and_which_class_is_positive(folder):
    code, out, _ = lamina("evaluate", folder / "two", folder / "t.csv", "--threshold", "0.25")
    shown = evaluated(folder, "two", "--threshold", "0.25")
    assert code == 0
    assert "'sick' is predicted where its probability is above 0.25 (--threshold)" in out
    lines = [line.split() for line in out.splitlines()]
    for name, row in zip(shown["classes"], shown["confusion_matrix"], strict=True):
        assert [name, *map(str, row)] in lines
        figures = shown["by_class"][name]
        cells = [f"{figures[key]:.4f}" for key in ("precision", "recall", "f1")]
        assert [name, str(figures["rows"]), *cells] in lines
    assert "means over the classes" in lamina("evaluate", folder / "three", folder / "t.csv")[1]


@pytest.mark.parametrize("command", ["evaluate", "predict"])
def test_a_threshold_needs_two_classes_and_a_probability(folder, command):
    for target, sentence in (("three", "but 'three' has 3"), ("number", "'number' is a number")):
        arguments = [command, folder / target, "nothing.csv", "--threshold", "0.3"]
        assert f"a threshold decides between two classes, {sentence}" in (
            fails(*arguments).replace("but 'number'", "'number'")
        )
    code, _, err = lamina(command, folder / "two", "t.csv", "--threshold", "30")
    assert code == 2
    assert "--threshold: expected a number from 0 to 1, got '30'" in err


def test_predict_says_which_class_the_threshold_is_of(folder):
    arguments = ["predict", folder / "two", folder / "t.csv"]
    assert lamina(*arguments)[2] == ""
    sentence = "lamina: 'sick' is predicted where its probability is above 0.3\n"
    assert lamina(*arguments, "--threshold", "0.3")[2] == sentence


def test_python_takes_the_threshold_too(folder):
    model = TableModel.load(folder / "two")
    table = pl.read_csv(folder / "t.csv")
    p = model.predict_probabilities(table)[:, 1]
    assert (model.predict(table, threshold=0.2) == np.where(p > 0.2, "sick", "healthy")).all()
    scores = model.evaluate(table, threshold=0.2)
    assert scores["model"] == evaluated(folder, "two", "--threshold", "0.2")["model"]
    with pytest.raises(ValueError, match="expected a threshold from 0 to 1, got 2"):
        model.predict(table, threshold=2)


def test_rows_of_one_class_have_dashes_and_nulls_where_there_is_no_figure(folder):
    rows = [line for line in (folder / "t.csv").read_text().splitlines() if "healthy" in line]
    one = write(folder / "one.csv", "x,two,three,number\n" + "\n".join(rows))
    arguments = ["evaluate", folder / "two", one, "--threshold", "1"]
    code, out, err = lamina(*arguments, "--json")
    assert (code, err) == (0, "")
    shown = json.loads(out)
    assert shown["confusion_matrix"] == [[len(rows), 0], [0, 0]]
    assert shown["by_class"]["sick"] == {"rows": 0, "precision": None, "recall": None, "f1": None}
    assert shown["by_class"]["healthy"]["recall"] == 1.0
    assert shown["model"]["roc_auc"] is None
    assert shown["model"]["average_precision"] is None
    lines = [line.split() for line in lamina(*arguments)[1].splitlines()]
    assert ["sick", "0", "-", "-", "-"] in lines


# Many classes.


def report_of(matrix):
    """A report on rows that are confused as the matrix says."""
    count = len(matrix)
    true, chosen = np.indices(matrix.shape).reshape(2, -1)
    repeats = matrix.reshape(-1)
    names = tuple(f"class {i}" for i in range(count))
    target = ClassTarget("y", names, np.full(count, 1.0 / count))
    outputs = np.eye(count)[np.repeat(chosen, repeats)]
    return ClassReport.of(target, np.repeat(true, repeats), outputs)


def text_of(show, report, width=100):
    console = Console(file=io.StringIO(), width=width)
    show(console, report)
    return console.file.getvalue()


def test_the_largest_confusions_of_many_classes_are_listed():
    matrix = np.diag(np.full(15, 20))
    matrix[3, 7], matrix[14, 0], matrix[0, 1] = 5, 30, 1
    report = report_of(matrix)
    assert (report.matrix == matrix).all()
    assert report.confusions() == [
        ("class 14", "class 0", 30),
        ("class 3", "class 7", 5),
        ("class 0", "class 1", 1),
    ]
    lines = text_of(print_confusions, report).splitlines()
    assert any(line.split()[-2:] == ["30", "60.0%"] for line in lines)
    assert text_of(print_confusions, report_of(np.diag(np.full(15, 20)))) == ""


def test_of_very_many_classes_those_with_the_lowest_f1_are_shown():
    matrix = np.diag(np.full(30, 20))
    matrix[27, 27], matrix[27, 28] = 1, 19
    text = text_of(print_class_figures, report_of(matrix))
    assert text.splitlines()[3].startswith(" class 27")
    assert "the 20 classes of the lowest F1; 10 more in --json" in text


def test_a_matrix_whose_names_do_not_fit_has_numbered_columns():
    report = report_of(np.diag(np.arange(1, 13) * 1000))
    texts = {width: text_of(print_confusions, report, width) for width in (200, 130, 80)}
    assert "class 11" in texts[200].splitlines()[1]
    heading = texts[130].splitlines()[1].split()
    assert heading[3:] == [f"({i})" for i in range(1, 13)]
    assert any(line.split()[:3] == ["(12)", "class", "11"] for line in texts[130].splitlines())
    assert "12,000" in texts[130]
    assert max(map(len, texts[130].splitlines())) <= 130
    assert texts[80] == ""  # no confusions to list
    confused = np.diag(np.arange(1, 13) * 1000)
    confused[2, 3] = 7
    assert "largest confusions" in text_of(print_confusions, report_of(confused), 80)
    small = report_of(np.array([[5, 1], [2, 7]]))
    assert text_of(print_confusions, small, 40).splitlines()[1].split()[-4:] == [
        "class",
        "0",
        "class",
        "1",
    ]
