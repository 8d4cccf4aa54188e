"""Quantiles, conformal intervals and calibrated probabilities of table models."""

import io
import json
import math

import numpy as np
import pytest

pytest.importorskip("polars")
pytest.importorskip("rich")

import polars as pl

from commands import QUICK, lamina
from lamina import metrics
from lamina.tabular import (
    ClassTarget,
    TableError,
    TableModel,
)
from lamina.tabular._calibration import (
    find_temperature,
    interval_margin,
    least_rows,
    weighted_quantiles,
)
from tables import fit, make


@pytest.fixture(scope="module")
def table():
    return make(1000)


# Quantiles and intervals.


def test_quantiles_rise_and_hold_their_shares(table):
    model = fit(table, "a", quantiles=[0.9, 0.1], epochs=60)
    assert model.target.spread.levels == (0.1, 0.5, 0.9)
    new = make(4000, seed=1)
    quantiles = model.predict_quantiles(new)
    assert quantiles.shape == (4000, 3)
    assert (np.diff(quantiles, axis=1) >= 0.0).all()
    assert np.array_equal(quantiles[:, 1], model.predict(new))
    shares = (new["a"][:, None] <= quantiles).mean(axis=0)
    assert shares == pytest.approx([0.1, 0.5, 0.9], abs=0.06)
    shown = model.evaluate(new)
    pinball = metrics.pinball(new["a"], quantiles, level=(0.1, 0.5, 0.9))
    assert shown["model"]["pinball"] == pinball < 0.6 * shown["baseline"]["pinball"]
    assert shown["model"]["share_below_0.9"] == shares[2]
    assert "coverage" not in shown["model"]
    with pytest.raises(TableError, match="the model was trained without an interval"):
        model.predict_interval(new)


def test_an_interval_holds_its_share_of_new_rows_and_follows_the_noise(table):
    model = fit(make(3000), "a", interval=0.9, epochs=30)
    new = make(5000, seed=1)
    lower, upper = model.predict_interval(new).T
    inside = (lower <= new["a"]) & (new["a"] <= upper)
    assert inside.mean() == pytest.approx(0.9, abs=0.03)
    shown = model.evaluate(new)["model"]
    assert shown["coverage"] == inside.mean()
    assert shown["interval_width"] == pytest.approx((upper - lower).mean())
    quiet, noisy = new["x"] < -0.8, new["x"] > 0.8
    assert 2.0 * (upper - lower)[quiet].mean() < (upper - lower)[noisy].mean()


def test_the_margin_widens_networks_that_are_too_sure(table):
    """After one epoch the quantiles are far from right, and the interval holds nevertheless."""
    model = fit(make(3000), "b", interval=0.8, epochs=1)
    new = make(5000, seed=1)
    quantiles, ends = model.predict_quantiles(new), model.predict_interval(new)
    raw = (quantiles[:, 0] <= new["b"]) & (new["b"] <= quantiles[:, 2])
    inside = (ends[:, 0] <= new["b"]) & (new["b"] <= ends[:, 1])
    assert abs(inside.mean() - 0.8) < 0.03 < abs(raw.mean() - 0.8)
    assert model.target.spread.margin != 0.0


@pytest.mark.parametrize("rows", [9, 10, 57])
def test_the_margin_is_the_order_statistic_of_the_paper(rows):
    """Romano et al. 2019: the ceil((n + 1) (1 - alpha))-th smallest of the scores."""
    rng = np.random.default_rng(rows)
    y, lower, upper = rng.normal(size=rows), rng.normal(-1, 0.2, rows), rng.normal(1, 0.2, rows)
    scores = np.sort(np.maximum(lower - y, y - upper))
    expected = scores[math.ceil((rows + 1) * 0.9 - 1e-12) - 1]
    assert interval_margin(y, lower, upper, 0.9, None) == expected
    assert interval_margin(y, lower, upper, 0.9, np.full(rows, 3.0)) == expected
    order = rng.permutation(rows)
    shuffled = (y[order], lower[order], upper[order])
    assert interval_margin(*shuffled, 0.9, None) == expected


def test_a_row_of_weight_0_does_not_move_the_margin():
    rng = np.random.default_rng(0)
    y = rng.normal(size=60)
    lower, upper = np.full(60, -1.0), np.full(60, 1.0)
    far = np.append(y, [50.0] * 5), np.append(lower, [-1.0] * 5), np.append(upper, [1.0] * 5)
    weights = np.append(np.ones(60), np.zeros(5))
    assert interval_margin(*far, 0.8, weights) < 2.0
    assert interval_margin(*far, 0.8, None) > interval_margin(*far, 0.8, weights)


@pytest.mark.parametrize(("coverage", "rows"), [(0.9, 9), (0.5, 1), (0.95, 19), (0.99, 99)])
def test_an_interval_needs_rows_enough_for_its_order_statistic(table, coverage, rows):
    assert least_rows(coverage) == rows
    assert math.ceil((rows + 1) * coverage - 1e-9) <= rows
    if rows > 9:
        few = {name: values[: 2 * rows] for name, values in table.items()}
        held = {name: values[: rows - 1] for name, values in table.items()}
        sentence = rf"interval={coverage}: expected at least {rows} rows .*, got {rows - 1}"
        with pytest.raises(TableError, match=sentence):
            fit(few, "a", interval=coverage, validation=held)


def test_quantiles_of_weights_are_those_of_repeated_rows():
    rng = np.random.default_rng(0)
    values, counts = rng.normal(size=50), rng.integers(0, 4, 50)
    levels = (0.05, 0.25, 0.5, 0.9)
    repeated = np.repeat(values, counts)
    weighted = weighted_quantiles(values, levels, counts.astype(float))
    assert np.array_equal(weighted, weighted_quantiles(repeated, levels))
    assert np.array_equal(weighted, np.quantile(repeated, levels, method="inverted_cdf"))


def test_a_metric_of_the_median_may_stop_a_model_of_quantiles(table):
    for monitor in ("mae", "pinball"):
        model = fit(table, "a", quantiles=[0.1], interval=0.8, monitor=monitor)
        assert model.target.spread.levels == (0.1, 0.5, 0.9)
        shown = model.training["results"]["validation"]["model"][monitor]
        assert min(model.history[f"val_{monitor}"]) == pytest.approx(shown, rel=1e-5)


@pytest.mark.parametrize(
    ("target", "options", "sentence"),
    [
        ("a", {"quantiles": [0.0]}, "expected quantiles as numbers between 0 and 1, got 0.0"),
        ("a", {"quantiles": 0.5}, "expected quantiles as a list of numbers, got 0.5"),
        ("a", {"quantiles": ["half"]}, "expected quantiles as numbers between 0 and 1, got 'half'"),
        ("a", {"interval": 1.0}, "expected interval as a share of the rows between 0 and 1, got 1"),
        ("a", {"interval": 90}, "expected interval as a share of the rows between 0 and 1, got 90"),
        ("a", {"calibrate": True}, "calibrate: 'a' is a number, which has no probabilities"),
        ("a", {"calibrate": "temperature"}, "expected calibrate as True or False, got 'temper"),
        ("kind", {"interval": 0.9}, "interval: 'kind' is a class, which has no quantiles"),
        ("kind", {"quantiles": [0.9]}, "quantiles: 'kind' is a class, which has no quantiles"),
    ],
)
def test_options_that_do_not_go_with_the_target_are_refused(table, target, options, sentence):
    with pytest.raises((TypeError, ValueError)) as error:
        fit(table, target, **options)
    assert sentence in str(error.value)


# Calibrated probabilities.


def outputs_of(probabilities, power, two):
    """Outputs of a network whose logits are `power` times too large."""
    sharp = probabilities**power
    sharp = sharp / sharp.sum(axis=1, keepdims=True)
    return sharp[:, 1:] if two else sharp


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("power", [0.4, 1.0, 2.5])
def test_the_temperature_lowers_the_log_loss_most(classes, power):
    rng = np.random.default_rng(0)
    true = rng.dirichlet(np.ones(classes), 4000)
    drawn = (true.cumsum(axis=1) < rng.random((4000, 1))).sum(axis=1)
    outputs = outputs_of(true, power, two=classes == 2)
    temperature = find_temperature(drawn, outputs, None)
    assert temperature == pytest.approx(power, rel=0.1)
    names = tuple("abcd"[:classes])
    losses = [
        metrics.log_loss(
            drawn, ClassTarget("y", names, np.full(classes, 0.25), t).calibrated(outputs)
        )
        for t in temperature * np.array([0.97, 1.0, 1.03])
    ]
    assert losses[1] == min(losses)


def test_the_temperature_takes_the_weights_of_rows():
    rng = np.random.default_rng(0)
    outputs = rng.uniform(0.01, 0.99, (200, 1))
    classes, counts = (rng.random(200) < 0.5).astype(int), rng.integers(0, 3, 200)
    repeated = find_temperature(np.repeat(classes, counts), np.repeat(outputs, counts, 0), None)
    assert find_temperature(classes, outputs, counts.astype(float)) == pytest.approx(repeated)


@pytest.mark.parametrize(("target", "two"), [("kind", False), ("rich", True)])
def test_calibration_changes_probabilities_and_no_decision(table, tmp_path, target, two):
    data = make(400) | ({"rich": make(400)["a"] > 11} if two else {})
    given = {"ignore": [n for n in data if n not in ("x", target)], "epochs": 100, "patience": 100}
    plain, model = (fit(data, target, calibrate=c, **given) for c in (False, True))
    assert plain.target.temperature == 1.0 != model.target.temperature
    assert np.array_equal(plain.predict(data), model.predict(data))
    p, q = plain.predict_probabilities(data), model.predict_probabilities(data)
    power = p ** (1.0 / model.target.temperature)
    assert q == pytest.approx(power / power.sum(axis=1, keepdims=True), rel=1e-12)
    results = [m.training["results"]["validation"]["model"]["log_loss"] for m in (plain, model)]
    assert results[1] < results[0]
    model.save(tmp_path / "m")
    assert np.array_equal(TableModel.load(tmp_path / "m").predict_probabilities(data), q)


# The command.


def test_the_command_writes_quantiles_and_intervals(table, tmp_path):
    path, model = tmp_path / "t.csv", tmp_path / "m"
    pl.DataFrame(table).write_csv(path)
    options = ["--target", "a", "--ignore", "b,kind", "--interval", "0.8", "--quantiles", "0.25"]
    code, out, _ = lamina("train", path, *options, *QUICK, "-o", model)
    assert code == 0
    assert "quantiles: 0.1, 0.25, 0.5, 0.9; the prediction is the median\n" in out
    assert "coverage of the interval" in out
    assert "baseline: guesses the median and the quantiles, whatever the row" in out
    code, out, _ = lamina("predict", model, path)
    frame = pl.read_csv(io.StringIO(out))
    names = [*(f"quantile_{level}_a" for level in (0.1, 0.25, 0.5, 0.9)), "lower_a", "upper_a"]
    assert frame.columns == ["predicted_a", *names]
    loaded = TableModel.load(model)
    assert np.array_equal(frame["upper_a"].to_numpy(), loaded.predict_interval(table)[:, 1])
    shown = json.loads(lamina("evaluate", model, path, "--json")[1])
    lower, upper = (frame[name].to_numpy() for name in ("lower_a", "upper_a"))
    inside = (lower <= table["a"]) & (table["a"] <= upper)
    assert shown["model"]["coverage"] == pytest.approx(inside.mean())
    assert "interval: holds 0.8 of the rows\n" in lamina("info", model)[1]
    assert json.loads(lamina("info", model, "--json")[1])["target"]["interval"] == 0.8


def test_several_targets_have_quantiles_and_intervals_each(table, tmp_path):
    model = fit(
        make(2000), ["a", "b"], interval=0.8, quantiles=[0.25], monitor="pinball", epochs=30
    )
    new = make(3000, seed=1)
    quantiles, ends = model.predict_quantiles(new), model.predict_interval(new)
    assert quantiles.shape == (3000, 2, 4)
    assert ends.shape == (3000, 2, 2)
    assert (np.diff(quantiles, axis=2) >= 0.0).all()
    assert np.array_equal(quantiles[:, :, 2], model.predict(new))
    shown = model.evaluate(new)
    for place, name in enumerate(("a", "b")):
        lower, upper = ends[:, place].T
        inside = (lower <= new[name]) & (new[name] <= upper)
        assert inside.mean() == pytest.approx(0.8, abs=0.05)
        assert shown["by_target"][name]["model"]["coverage"] == inside.mean()
        pinball = metrics.pinball(new[name], quantiles[:, place], level=(0.1, 0.25, 0.5, 0.9))
        assert shown["by_target"][name]["model"]["pinball"] == pinball
    held = model.training["results"]["validation"]["model"]["pinball"]
    assert min(model.history["val_pinball"]) == pytest.approx(held, rel=1e-5)
    model.save(tmp_path / "m")
    assert np.array_equal(TableModel.load(tmp_path / "m").predict_interval(new), ends)
    path = tmp_path / "t.csv"
    pl.DataFrame(table).write_csv(path)
    frame = pl.read_csv(io.StringIO(lamina("predict", tmp_path / "m", path)[1]))
    assert frame.columns[:2] == ["predicted_a", "predicted_b"]
    assert [name for name in frame.columns if name.startswith(("lower", "upper"))] == [
        *("lower_a", "upper_a", "lower_b", "upper_b")
    ]


def test_a_preset_that_clips_takes_quantiles_of_one_target(table):
    assert fit(table, "a", preset="realmlp-td-s", interval=0.8, epochs=2).target.spread.margin
    with pytest.raises(TableError, match="preset='realmlp-td-s': its networks clip the quantiles"):
        fit(table, ["a", "b"], preset="realmlp-td-s", interval=0.8)
