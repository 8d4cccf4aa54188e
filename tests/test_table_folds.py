"""Splits by group, and cross-validation: at random, of groups, by time, and from the command."""

import json
import math
import warnings
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("polars")
pytest.importorskip("rich")

import polars as pl

from commands import QUICK, fails, lamina
from lamina import metrics
from lamina.tabular import (
    TableError,
    TableModel,
    TableWarning,
    as_columns,
    cross_validate,
)
from lamina.tabular._groups import cut_groups_in_folds, group_numbers, hold_back_groups

OPTIONS = {"preset": "plain", "hidden": [16], "epochs": 6, "learning_rate": 0.01}


def make(rows=400, seed=0):
    """Rows of 30 shops of very different sizes, some without a shop, over 200 days."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=rows)
    shop = rng.zipf(1.5, rows) % 30
    y = 3 * x + rng.normal(size=rows)
    return {
        "x": x,
        "shop": np.array([f"shop {s}" for s in shop], dtype=object),
        "day": np.datetime64("2024-01-01") + rng.integers(0, 200, rows),
        "y": y,
        "kind": np.select([y > 4, y < -3], ["high", "low"], "middle"),
    }


@pytest.fixture(scope="module")
def table():
    return make()


def quiet(call, *arguments, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TableWarning)
        return call(*arguments, **options)


def validated(table, target="y", **options):
    other = "kind" if target == "y" else "y"
    found = OPTIONS | {"ignore": [other], **options}
    return quiet(cross_validate, table, target=target, **found)


# Groups.

GROUPS = st.lists(st.integers(-1, 12), min_size=4, max_size=120).filter(
    lambda groups: len({g for g in groups if g >= 0}) >= 4
)


def numbered(groups):
    return group_numbers(np.where(np.array(groups) < 0, np.nan, groups), ())


@given(GROUPS, st.floats(0.05, 0.95), st.integers(0, 2**62))
@settings(max_examples=80, deadline=None)
def test_no_group_is_on_both_sides_and_neither_side_is_empty(groups, fraction, seed):
    numbers = numbered(groups)
    classes = np.arange(len(groups)) % 3
    for labels in (None, classes):
        train, back = hold_back_groups("g", numbers, fraction, seed, labels)
        assert len(train) > 0 < len(back)
        assert not set(numbers[train]) & set(numbers[back])
        assert sorted([*train, *back]) == np.flatnonzero(numbers >= 0).tolist()
        again = hold_back_groups("g", numbers, fraction, seed, labels)
        assert np.array_equal(again[1], back)


@given(GROUPS, st.integers(2, 4), st.integers(0, 2**62))
@settings(max_examples=80, deadline=None)
def test_every_group_is_tested_once_and_no_fold_is_empty(groups, folds, seed):
    numbers = numbered(groups)
    parts = cut_groups_in_folds("g", numbers, folds, seed, np.arange(len(groups)) % 2)
    assert len(parts) == folds
    tested = np.concatenate([test for _, test in parts])
    assert sorted(tested) == np.flatnonzero(numbers >= 0).tolist()
    for train, test in parts:
        assert len(test) > 0 < len(train)
        assert not set(numbers[train]) & set(numbers[test])


def test_small_groups_are_held_back_near_to_the_share_with_the_classes_in_proportion():
    rng = np.random.default_rng(0)
    groups, classes = rng.integers(0, 200, 4000), (rng.random(4000) < 0.2).astype(int)
    _, back = hold_back_groups("g", groups, 0.2, 0, classes)
    assert len(back) == pytest.approx(800, abs=25)
    assert classes[back].sum() == pytest.approx(0.2 * classes.sum(), rel=0.05)
    sizes = [len(test) for _, test in cut_groups_in_folds("g", groups, 5, 0, classes)]
    assert max(sizes) - min(sizes) < 30
    _, other = hold_back_groups("g", groups, 0.2, 1, classes)
    assert not np.array_equal(back, other)


def test_groups_of_texts_numbers_and_truth_values_are_numbered_and_gaps_are_none():
    texts = as_columns({"g": ["b", "a", None, "b", "", "c"]})["g"]
    numbers = group_numbers(texts, ("",))
    assert (numbers < 0).tolist() == [False, False, True, False, True, False]
    assert numbers[0] == numbers[3]
    assert sorted(set(numbers[numbers >= 0])) == [0, 1, 2]
    assert group_numbers(np.array([2.5, np.nan, 2.5]), ()).tolist() == [0, -1, 0]
    truths = group_numbers(np.array([True, False, True]), ())
    assert truths[0] == truths[2] != truths[1]


def test_a_model_validates_on_whole_groups_which_are_no_input(table):
    gaps = table | {"shop": np.where(np.arange(400) < 10, None, table["shop"])}
    model = quiet(
        TableModel.fit,
        gaps,
        target="y",
        ignore=["kind"],
        group_column="shop",
        verbose=False,
        **OPTIONS,
    )
    assert "shop" not in model.preprocessor.column_names
    assert "keeps rows together (group_column)" in model.preprocessor.ignored["shop"]
    assert model.training["split"]["left_out"] == 10
    assert sum(model.training["rows"].values()) == 390
    asked = quiet(
        TableModel.fit,
        table,
        target="y",
        ignore=["kind"],
        group_column="shop",
        categorical=["shop"],
        verbose=False,
        **OPTIONS,
    )
    assert "shop" in asked.preprocessor.column_names


def test_each_of_several_networks_holds_back_other_groups(table):
    model = quiet(
        TableModel.fit,
        table,
        target="kind",
        ignore=["y"],
        group_column="shop",
        n_members=5,
        verbose=False,
        **OPTIONS,
    )
    assert len(model.networks) == 5
    assert model.training["rows"] == {"training": 400, "validation": 400}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"group_column": "shops"},
            "group_column: there is no column 'shops'; did you mean",
        ),
        ({"group_column": "y"}, "group_column: 'y' is the target"),
        ({"split": "group"}, "expected group_column beside split='group'"),
        ({"group_column": "shop", "split": "time"}, "group_column goes with split='group', not"),
        ({"group_column": "shop", "time_column": "day"}, "time_column or group_column, got both"),
        ({"group_column": "one"}, "column 'one': expected at least 2 groups to divide, got 1"),
        ({"group_column": "x", "weight_column": "x"}, "column 'x' is named by two options"),
        ({"group_column": "shop", "validation": {}}, "expected no group_column beside validation"),
    ],
)
def test_wrong_options_of_groups_are_refused(table, options, sentence):
    with pytest.raises((TableError, ValueError)) as error:
        quiet(TableModel.fit, table | {"one": np.ones(400)}, target="y", verbose=False, **options)
    assert sentence in str(error.value)


# Cross-validation.


def test_each_row_is_tested_once_by_a_model_that_did_not_see_it(table):
    found = validated(table, "kind", folds=4)
    assert np.bincount(found.fold).tolist() == [100] * 4
    for fold in found.folds:
        shares = Counter(table["kind"][fold.rows].tolist())
        whole = Counter(table["kind"].tolist())
        assert all(abs(shares[name] - whole[name] / 4) <= 1 for name in whole)
        truth = np.array([fold.target.classes.index(name) for name in table["kind"][fold.rows]])
        assert fold.scores["model"]["log_loss"] == metrics.log_loss(truth, fold.outputs)
    figures = [fold.scores["model"]["accuracy"] for fold in found.folds]
    assert found.mean["accuracy"] == pytest.approx(np.mean(figures))
    assert found.deviation["accuracy"] == pytest.approx(np.std(figures, ddof=1))
    right = (found.predictions == table["kind"]).mean()
    assert right == pytest.approx(found.mean["accuracy"])
    assert found.probabilities.sum(axis=1) == pytest.approx(np.ones(400))


def test_a_fold_knows_nothing_of_the_rows_that_it_tests(table):
    """Its scale, its baseline and its network are those of a table without these rows."""
    found = validated(table, folds=4, numbers="standard")
    changed = {name: values.copy() for name, values in table.items()}
    tested = found.folds[2].rows
    changed["y"][tested] += 1000.0
    other = validated(changed, folds=4, numbers="standard")
    first, second = found.folds[2], other.folds[2]
    assert np.array_equal(first.rows, second.rows)
    assert first.target.mean == pytest.approx(second.target.mean, rel=1e-9)
    assert first.outputs == pytest.approx(second.outputs, abs=1e-4)
    assert second.scores["model"]["mae"] > 900.0
    rest = np.setdiff1d(np.arange(400), tested)
    assert first.target.mean == pytest.approx(table["y"][rest].mean())


def test_folds_of_groups_keep_them_whole_and_folds_by_time_learn_from_the_past(table):
    found = validated(table, folds=5, group_column="shop")
    of_shop = {shop: set(found.fold[table["shop"] == shop].tolist()) for shop in table["shop"]}
    assert all(len(folds) == 1 for folds in of_shop.values())
    found = validated(table, folds=3, split="time")
    assert found.split.record == {
        "kind": "time",
        "column": "day",
        "folds": 3,
        "untested": int((found.fold < 0).sum()),
    }
    assert 80 <= (found.fold < 0).sum() <= 120
    for number, fold in enumerate(found.folds):
        later, before = table["day"][fold.rows], table["day"][found.fold < number]
        assert before.max() < later.min()
    assert np.isnan(found.predictions[found.fold < 0]).all()
    assert not np.isnan(found.predictions[found.fold >= 0]).any()
    last = validated(table, folds=3, split="last")
    assert (np.diff(last.fold) >= 0).all()


def test_weights_intervals_members_and_several_targets_go_with_folds(table):
    weighted = table | {"w": np.random.default_rng(1).uniform(0.1, 2, 400)}
    options = {"weight_column": "w", "interval": 0.8, "n_members": 2, "monitor": "mae"}
    found = validated(weighted, folds=2, **options)
    fold = found.folds[1]
    truth, predicted = table["y"][fold.rows], found.predictions[fold.rows]
    expected = metrics.mean_absolute_error(truth, predicted, weighted["w"][fold.rows])
    assert fold.scores["model"]["mae"] == pytest.approx(expected)
    assert 0.5 < found.mean["coverage"] <= 1.0
    ends = found.joined(lambda f: f.target.intervals(f.outputs))
    assert (ends[:, 0] <= ends[:, 1]).all()
    several = quiet(cross_validate, table, target=["y", "x"], ignore=["kind"], folds=2, **OPTIONS)
    assert several.predictions.shape == (400, 2)


def test_rows_without_a_target_are_never_tested(table):
    gaps = table | {"y": np.where(np.arange(400) % 10 == 0, np.nan, table["y"])}
    found = validated(gaps, folds=3)
    assert (found.fold[::10] == -1).all()
    assert (np.delete(found.fold, np.arange(0, 400, 10)) >= 0).all()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"folds": 1}, "cross_validate: expected folds of at least 2, got 1"),
        ({"folds": 2.5}, "cross_validate: expected folds as a whole number"),
        ({"folds": 500}, "500 folds need at least as many rows, got 400"),
        ({"group_column": "shop", "folds": 40}, "column 'shop': expected at least 40 groups"),
        ({"time_column": "kind"}, "column 'kind', row 1: expected dates such as"),
        ({"split": "time", "folds": 300}, "column 'day': 300 folds need 301 times, got "),
        ({"epoch": 3}, "cross_validate: unknown option 'epoch'; did you mean 'epochs'?"),
        ({"validation": {}}, "cross_validate: unknown option 'validation'"),
    ],
)
def test_folds_that_cannot_be_are_refused(table, options, sentence):
    with pytest.raises((TypeError, ValueError)) as error:
        validated(table, **options)
    assert sentence in str(error.value)


def test_the_command_prints_folds_and_writes_what_they_predict(table, tmp_path):
    path, model, written = tmp_path / "t.csv", tmp_path / "m", tmp_path / "folds.csv"
    pl.DataFrame(table).write_csv(path)
    train = ["train", path, "--target", "y", "--ignore", "kind", *QUICK, "--folds", "3"]
    code, out, _ = lamina(*train, "--group", "shop", "--predictions", written)
    assert code == 0
    assert "regression of 'y', 400 rows, 3 folds\n" in out
    assert "3 folds of whole groups by 'shop'\n" in out
    assert [w for line in out.splitlines() for w in line.split()[:1] if w in ("mean", "deviation")]
    assert all(len(line) <= 100 for line in out.splitlines() if line.startswith(" "))
    assert not model.exists()
    assert not (tmp_path / "model.lamina").exists()
    frame = pl.read_csv(written)
    assert frame.columns == ["fold", "predicted_y"]
    assert frame["fold"].unique().sort().to_list() == [1, 2, 3]
    code, out, _ = lamina(*train, "--group", "shop", "--json", "-o", model)
    shown = json.loads(out)["cross_validation"]
    rmse = math.sqrt(np.mean((frame["predicted_y"].to_numpy() - table["y"]) ** 2))
    assert shown["mean"]["rmse"] == pytest.approx(rmse, rel=0.1)
    assert len(shown["folds"]) == 3
    assert TableModel.load(model).training["cross_validation"]["mean"] == shown["mean"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--folds", "1"], "--folds: expected a whole number of at least 2, got '1'"),
        (["--folds", "3", "--validation", "v.csv"], "--folds: expected no --validation beside it"),
        (["--predictions", "p.csv"], "--predictions: expected --folds beside it"),
        (["--folds", "3", "--test", "t.csv"], "--test: with --folds, expected --output too"),
        (["--folds", "3", "--importance"], "--importance: with --folds, expected --output too"),
        (["--split", "group"], "--split group: expected --group COLUMN beside it"),
        (["--group", "g", "--split", "last"], "--group goes with --split group, not with --spl"),
        (["--group", "g", "--time-column", "d"], "--group: expected --group or --time-column"),
        (["--group", "g", "--validation", "v"], "--group: no rows are held back where --valid"),
    ],
)
def test_wrong_usage_of_folds_and_groups_is_told(options, sentence):
    code, _, error = lamina("train", "none.csv", "--target", "y", *options)
    assert code == 2
    assert sentence in error


def test_a_place_for_the_predictions_is_checked_before_the_training(table, tmp_path):
    path = tmp_path / "t.csv"
    pl.DataFrame(table).write_csv(path)
    train = ["train", path, "--target", "y", "--folds", "2"]
    error = fails(*train, "--predictions", tmp_path / "p.txt")
    assert "p.txt: expected a name that ends in .csv, .tsv, .parquet" in error
    assert "--predictions" in fails(*train, "--predictions", path)
