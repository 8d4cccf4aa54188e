"""Weights of rows and of classes, and the metric that ends a training, on tables."""

import json
import warnings

import numpy as np
import pytest

pytest.importorskip("polars")
pytest.importorskip("rich")

from commands import QUICK, fails, lamina, write
from lamina import metrics
from lamina.tabular import TableError, TableModel, TableWarning

OPTIONS = {"preset": "plain", "hidden": [16], "epochs": 12, "learning_rate": 0.01, "verbose": False}


def make(rows, seed=0):
    """Rows whose noisy number `x` tells a rare class, three classes and a number."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=rows)
    noisy = x + 0.8 * rng.normal(size=rows)
    return {
        "x": x,
        "rare": np.where(noisy > 1.4, "yes", "no"),
        "number": 50.0 + 20.0 * noisy,
        "weight": rng.choice([0.0, 0.5, 1.0, 3.0], rows),
    }


def fit(table, target, **options):
    ignore = sorted({"rare", "number"} - {target})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TableWarning)
        return TableModel.fit(table, target=target, **{"ignore": ignore} | OPTIONS | options)


@pytest.fixture(scope="module")
def table():
    return make(800)


@pytest.mark.parametrize("target", ["rare", "number"])
def test_figures_count_rows_by_their_weights(table, target):
    model = fit(table, target, weight_column="weight")
    assert "weight" not in model.preprocessor.column_names
    shown = model.evaluate(table)["model"]
    outputs, weights = model.outputs(table), table["weight"]
    if target == "rare":
        truth = (table["rare"] == "yes").astype(int)
        expected = metrics.roc_auc(truth, outputs, sample_weight=weights)
        assert shown["roc_auc"] == expected != metrics.roc_auc(truth, outputs)
    else:
        predicted = model.predict(table)
        truth = table["number"]
        expected = metrics.mean_absolute_error(truth, predicted, sample_weight=weights)
        assert shown["mae"] == expected
    alike = model.evaluate({k: v for k, v in table.items() if k != "weight"})
    assert alike["model"] != shown
    assert model.evaluate(table, weight_column="weight")["model"] == shown


def test_baseline_and_scale_come_from_the_weighted_rows(table):
    weights = table["weight"]
    model = fit(table, "number", weight_column="weight")
    mean = np.average(table["number"], weights=weights)
    assert model.target.mean == pytest.approx(mean, rel=1e-12)
    variance = np.average((table["number"] - mean) ** 2, weights=weights)
    assert model.target.scale == pytest.approx(np.sqrt(variance), rel=1e-12)
    classes = fit(table, "rare", weight_column="weight")
    share = weights[table["rare"] == "yes"].sum() / weights.sum()
    assert classes.target.shares[1] == pytest.approx(share, rel=1e-12)


def test_rows_of_weight_0_teach_nothing(table):
    """Their targets are wrong, and the model is the same as with right ones."""
    wrong = table | {"rare": np.where(table["weight"] == 0.0, "no", table["rare"])}
    held = {"validation": table, "weight_column": "weight", "numbers": "standard"}
    first, second = (fit(t, "rare", **held) for t in (table, wrong))
    assert np.array_equal(first.outputs(table), second.outputs(table))
    assert not np.array_equal(first.outputs(table), fit(table, "rare").outputs(table))


def test_balanced_classes_weigh_the_same_in_sum(table):
    model = fit(table, "rare", class_weight="balanced")
    rows = model.training["rows"]["training"]
    weights = model.training["class_weights"]
    assert weights["no"] < 1.0 < weights["yes"]
    of_yes, of_no = (rows / 2.0 / weights[name] for name in ("yes", "no"))
    assert of_yes == pytest.approx(round(of_yes)), "as many as there are rows of the class"
    assert of_yes + of_no == pytest.approx(rows)
    plain = fit(table, "rare")
    yes = table["rare"] == "yes"
    assert (model.predict(table)[yes] == "yes").mean() > (plain.predict(table)[yes] == "yes").mean()


def test_weights_by_class_equal_the_same_weights_by_row(table):
    by_row = table | {"weight": np.where(table["rare"] == "yes", 3.0, 1.0)}
    held = {"validation": by_row, "numbers": "standard"}
    rows = fit(by_row, "rare", weight_column="weight", **held)
    without = {k: v for k, v in table.items() if k != "weight"}
    classes = fit(without, "rare", class_weight={"yes": 3}, validation=without, numbers="standard")
    assert classes.training["class_weights"] == {"no": 1.0, "yes": 3.0}
    assert classes.history["loss"] == pytest.approx(rows.history["loss"], rel=1e-5)
    assert classes.history["val_loss"] == pytest.approx(rows.history["val_loss"], rel=1e-5)


def test_class_weights_find_classes_that_are_numbers_or_truth_values():
    rng = np.random.default_rng(0)
    x = rng.normal(size=300)
    model = fit({"x": x, "y": x > 1.0}, "y", ignore=[], class_weight={True: 2})
    assert list(model.training["class_weights"].values()) == [1.0, 2.0]
    model = fit({"x": x, "y": np.digitize(x, [-1, 1])}, "y", ignore=[], class_weight={0: 2, 2: 4})
    assert model.training["class_weights"] == {"0": 2.0, "1": 1.0, "2": 4.0}


@pytest.mark.parametrize(
    ("name", "target", "best"),
    [("roc_auc", "rare", max), ("log_loss", "rare", min), ("mape", "number", min)],
)
def test_the_metric_that_is_asked_for_chooses_the_best_epoch(table, name, target, best):
    model = fit(table, target, monitor=name, patience=12)
    values = model.history[f"val_{name}"]
    assert model.training["best_epoch"] - 1 == values.index(best(values))
    assert model.training["recipe"]["monitor"] == name


def test_a_metric_of_numbers_is_in_the_targets_own_units(table):
    model = fit(table, "number", monitor="rmse")
    shown = model.training["results"]["validation"]["model"]["rmse"]
    assert min(model.history["val_rmse"]) == pytest.approx(shown, rel=1e-5)
    assert shown > 5.0


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"weight_column": "wieght"}, "weight_column: there is no column 'wieght'; did you mean"),
        ({"weight_column": "rare"}, "weight_column: 'rare' is the target"),
        ({"weight_column": "x", "categorical": ["x"]}, "'x' is named by two options"),
        ({"weight_column": "x"}, "column 'x', row 2: expected a weight of at least 0, got -"),
        ({"class_weight": {"maybe": 2}}, "class_weight: 'rare' has no class 'maybe'"),
        ({"class_weight": {"yes": -1}}, "expected class_weight as numbers from 0 to 1e+100, got"),
        ({"class_weight": "equal"}, "expected class_weight as 'balanced' or a dictionary"),
        ({"monitor": "rocauc"}, "expected monitor to be 'loss' or one of accuracy"),
        ({"monitor": "rmse"}, "monitor='rmse': 'rare' is a class; expected one of accuracy, acc"),
    ],
)
def test_wrong_options_of_weights_and_monitor_are_refused(table, options, sentence):
    with pytest.raises((TableError, TypeError, ValueError)) as error:
        fit(table, "rare", **options)
    assert sentence in str(error.value)


def test_classes_of_a_number_cannot_be_weighted(table):
    with pytest.raises(TableError, match="class_weight: 'number' is a number, which has no class"):
        fit(table, "number", class_weight="balanced")


@pytest.mark.parametrize(
    ("weight", "sentence"),
    [
        ("", "row 3: expected a weight of at least 0, got none"),
        ("NA", "row 3: expected a weight of at least 0, got none"),
        ("-1", "row 3: expected a weight of at least 0, got -1"),
        ("much", "row 3: expected a weight of at least 0, got 'much'"),
        ("1e200", "row 3: expected a weight of at least 0 and at most 1e+100, got 1e+200"),
    ],
)
def test_a_weight_that_is_none_is_told_with_its_row(tmp_path, weight, sentence):
    rows = [f"{i % 7},{i % 2},1" for i in range(40)]
    rows[1] = "3,,"  # no target: its weight does not matter
    rows[2] = f"3,1,{weight}"
    table = write(tmp_path / "t.csv", "x,y,w\n" + "\n".join(rows) + "\n")
    error = fails("train", table, "--target", "y", "--weight", "w", "-o", tmp_path / "m", "--json")
    assert f"t.csv, column 'w', {sentence}" in error


def test_weights_that_are_all_0_are_refused(table):
    with pytest.raises(TableError, match="expected a weight above 0 among the rows with a target"):
        fit(table | {"weight": np.zeros(800)}, "rare", weight_column="weight")
    late = table | {"weight": (np.arange(800) < 600).astype(float)}
    with pytest.raises(TableError, match="expected a weight above 0 among the rows held back"):
        fit(late, "rare", weight_column="weight", split="last")


def test_the_command_weighs_rows_and_classes_and_says_so(tmp_path):
    import polars as pl

    table, model = tmp_path / "t.csv", tmp_path / "m"
    pl.DataFrame(make(600)).write_csv(table)
    options = ["--target", "rare", "--ignore", "number", "--weight", "weight", *QUICK]
    code, out, _ = lamina(
        "train", table, *options, "--class-weight", "yes=2", "--monitor", "f1", "-o", model
    )
    assert code == 0
    assert "rows count by 'weight', from 0 to 3; " in out
    assert "class weights: 'no' 1, 'yes' 2\n" in out
    code, out, _ = lamina("evaluate", model, table, "--json")
    shown = json.loads(out)
    assert (code, shown["weight_column"]) == (0, "weight")
    weights = pl.read_csv(table)["weight"].to_numpy()
    assert np.sum(shown["confusion_matrix"]) == pytest.approx(weights.sum())
    code, out, _ = lamina("evaluate", model, table)
    assert "rows count by 'weight'\n" in out
    bare = tmp_path / "bare.csv"
    pl.read_csv(table).drop("weight").write_csv(bare)
    assert "rows count alike: no column 'weight' of weights" in lamina("evaluate", model, bare)[1]
    assert "--weight: there is no column 'w'" in fails("evaluate", model, bare, "--weight", "w")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--class-weight", "yes"], "expected balanced, or a class and its weight such as yes=3"),
        (["--class-weight", "yes=x"], "--class-weight: expected a number of at least 0, got 'x'"),
        (["--class-weight", "balanced", "--class-weight", "a=1"], "expected balanced alone"),
        (["--class-weight", "a=2", "--class-weight", "a=1"], "class 'a' is named twice"),
        (["--monitor", "roc_acu"], "--monitor: unknown value 'roc_acu'; did you mean 'roc_auc'"),
    ],
)
def test_wrong_usage_of_weights_and_monitor_is_told(options, sentence):
    code, _, error = lamina("train", "none.csv", "--target", "y", *options)
    assert code == 2
    assert sentence in error


def test_a_metric_that_the_validation_rows_do_not_have_is_refused_before_the_training(table):
    one = {name: values[table["rare"] == "no"] for name, values in table.items()}
    sentence = "monitor='roc_auc': the rows to validate on, which are of one class, have no such"
    with pytest.raises(TableError, match=sentence):
        fit(table, "rare", monitor="roc_auc", validation=one)
    with pytest.raises(TableError, match="monitor='label_accuracy': label_accuracy: expected"):
        fit(table | {"rare": np.tile(["a", "b", "c", "d"], 200)}, "rare", monitor="label_accuracy")
