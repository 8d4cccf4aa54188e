"""Several targets of one table model, and the records of targets in files."""

import io
import json

import numpy as np
import pytest

pytest.importorskip("polars")
pytest.importorskip("rich")

import polars as pl

from commands import QUICK, fails, lamina
from lamina import metrics
from lamina.tabular import (
    ClassTarget,
    NumberTarget,
    NumberTargets,
    Spread,
    TableError,
    TableModel,
    TableWarning,
    target_from_record,
)
from tables import OPTIONS, fit, make


@pytest.fixture(scope="module")
def table():
    return make(1000)


# Several targets.


def test_one_network_predicts_several_numbers_in_their_own_units(table, tmp_path):
    model = fit(table, ["a", "b"], epochs=40)
    assert model.target.names == ("a", "b")
    assert model.preprocessor.column_names == ["x"]
    predicted = model.predict(table)
    assert predicted.shape == (1000, 2)
    shown = model.evaluate(table)
    assert list(shown["by_target"]) == ["a", "b"]
    for column, name in enumerate(model.target.names):
        own = shown["by_target"][name]["model"]
        mae = metrics.mean_absolute_error(table[name], predicted[:, column])
        assert own["mae"] == pytest.approx(mae, rel=1e-13)  # targets went through standard units
        assert own["r2"] > 0.5
    means = np.mean([shown["by_target"][name]["model"]["rmse"] for name in ("a", "b")])
    assert shown["model"]["rmse"] == pytest.approx(means)
    model.save(tmp_path / "m")
    assert np.array_equal(TableModel.load(tmp_path / "m").predict(table), predicted)


def test_a_row_without_one_of_its_targets_is_left_out(table):
    gaps = {name: values.copy() for name, values in table.items()}
    gaps["a"][:100], gaps["b"][50:200] = np.nan, np.nan
    with pytest.warns(TableWarning, match="left out of the training table .*: 200 rows"):
        model = TableModel.fit(gaps, target=["a", "b"], ignore=["kind"], **OPTIONS)
    assert sum(model.training["rows"].values()) == 800


@pytest.mark.parametrize(
    ("targets", "options", "sentence"),
    [
        (["a", "kind"], {}, "several targets must be numbers, but 'kind' is a class, because it h"),
        (["a", "c"], {}, "there is no column 'c'"),
        (["a", "a"], {}, "expected each target once, got 'a' twice"),
        ([], {}, "expected target as at least one column, got none"),
        (["a", "b"], {"class_weight": "balanced"}, "'a', 'b' is a number, which has no classes"),
    ],
)
def test_targets_that_do_not_go_together_are_refused(table, targets, options, sentence):
    with pytest.raises((TypeError, ValueError)) as error:
        fit(table, targets, **options)
    assert sentence in str(error.value)


def test_weights_and_a_metric_go_with_several_targets(table):
    weighted = table | {"w": np.random.default_rng(1).uniform(0, 2, 1000)}
    model = fit(weighted, ["a", "b"], weight_column="w", monitor="r2")
    shown = model.evaluate(weighted)["by_target"]["b"]["model"]["mae"]
    predicted = model.predict(weighted)[:, 1]
    own = metrics.mean_absolute_error(table["b"], predicted, weighted["w"])
    assert shown == pytest.approx(own, rel=1e-13)  # its targets went through standard units
    assert model.training["best_epoch"] - 1 == np.argmax(model.history["val_r2"])


# Files.

SPREAD = Spread((0.1, 0.5, 0.9), np.array([-1.2, 0.1, 1.3]), 0.8, 0.25)


@pytest.mark.parametrize(
    "target",
    [
        ClassTarget("y", ("a", "b"), np.array([0.5, 0.5]), 1.7),
        NumberTarget("y", 3.0, 2.0, SPREAD),
        NumberTargets((NumberTarget("y", 3.0, 2.0), NumberTarget("z", 1.0, 5.0))),
        NumberTargets((NumberTarget("y", 3.0, 2.0, SPREAD), NumberTarget("z", 1.0, 5.0, SPREAD))),
    ],
)
def test_a_stored_target_decodes_alike(target):
    record, tensors = target.to_record()
    stored = target_from_record(json.loads(json.dumps(record)), tensors)
    outputs = np.random.default_rng(0).random((7, target.outputs))
    assert np.array_equal(stored.decode(outputs), target.decode(outputs))
    assert np.array_equal(stored.calibrated(outputs), target.calibrated(outputs))
    assert stored.names == target.names
    if not isinstance(target, ClassTarget) and target.spread is not None:
        assert np.array_equal(stored.intervals(outputs), target.intervals(outputs))
        assert np.array_equal(stored.quantiles(outputs), target.quantiles(outputs))


def test_records_of_the_first_version_are_read():
    head = {"schema": "lamina.tabular.target", "version": 1, "name": "y"}
    number = target_from_record(head | {"task": "regression"}, {"scaling": np.array([3.0, 2.0])})
    assert number == NumberTarget("y", 3.0, 2.0)
    record = head | {"task": "classification", "classes": ["a", "b"]}
    assert target_from_record(record, {"shares": np.array([0.5, 0.5])}).temperature == 1.0


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"targets": []}, "expected at least one number, and none twice"),
        ({"0.levels": [0.5, 0.1, 0.9]}, "target 0: expected rising levels between 0 and 1"),
        ({"0.levels": [0.1, 0.4, 0.9]}, "and 0.5 among them"),
        ({"0.scaling": [1.0, 0.0]}, "target 0: expected a scale above 0"),
        ({"0.interval": [1.5, 0.0]}, "target 0: expected an interval of levels, and a coverage"),
        ({"0.quantiles": [0.0]}, r"expected tensor 'quantiles' to be float64 of shape \(3,\)"),
        ({"targets": [{"name": "y", "levels": 1, "interval": True}]}, "no level, or at least 2"),
        ({"targets": [{"name": "y", "levels": 3, "interval": False}]}, "unknown tensor 'interval'"),
    ],
)
def test_a_damaged_record_of_numbers_is_refused(change, sentence):
    record, tensors = NumberTarget("y", 3.0, 2.0, SPREAD).to_record()
    for name, value in change.items():
        if name == "targets":
            record[name] = value
        else:
            tensors[name] = np.array(value)
    with pytest.raises(TableError, match=sentence):
        target_from_record(record, tensors)


# The command.


def test_the_command_predicts_several_targets(table, tmp_path):
    path, model = tmp_path / "t.csv", tmp_path / "m"
    pl.DataFrame(table).write_csv(path)
    options = ["--target", "a", "--target", "b", "--ignore", "kind", *QUICK, "-o", model]
    code, out, _ = lamina("train", path, *options)
    assert code == 0
    assert "regression of 'a', 'b', 800 rows to train, 200 to validate\n" in out
    assert [line.split()[0] for line in out.splitlines() if line.startswith((" a ", " b "))]
    frame = pl.read_csv(io.StringIO(lamina("predict", model, path)[1]))
    assert frame.columns == ["predicted_a", "predicted_b"]
    shown = json.loads(lamina("evaluate", model, path, "--json")[1])
    assert shown["by_target"]["b"]["model"]["r2"] == pytest.approx(
        metrics.r2(table["b"], frame["predicted_b"].to_numpy())
    )
    assert "--calibrate: 'a', 'b' is a number" in fails("train", path, *options, "--calibrate")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--quantiles", "0.5,1"], "--quantiles: expected a number between 0 and 1, got '1'"),
        (["--interval", "90"], "--interval: expected a number between 0 and 1, got '90'"),
        (["--target", "y"], "--target: column 'y' is named twice"),
    ],
)
def test_wrong_usage_of_targets_is_told(options, sentence):
    code, _, error = lamina("train", "none.csv", "--target", "y", *options)
    assert code == 2
    assert sentence in error
