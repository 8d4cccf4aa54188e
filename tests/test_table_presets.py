"""Presets of table models: each trains on tables of all kinds, with weights and missing values."""

import warnings

import numpy as np
import pytest

import lamina as lm
from lamina.tabular import PRESETS, TableModel, TableWarning
from lamina.tabular._presets import Preset

ROWS = 160
RNG = np.random.default_rng(0)
X = RNG.normal(size=ROWS)
KIND = RNG.choice(["a", "b", "c"], ROWS)
TABLE = {
    "x": np.where(np.arange(ROWS) % 9 == 0, np.nan, X),
    "z": RNG.normal(size=ROWS),
    "kind": np.where(np.arange(ROWS) % 7 == 0, None, KIND),
    "day": np.datetime64("2024-01-01") + RNG.integers(0, 300, ROWS),
    "weight": RNG.uniform(0.5, 2.0, ROWS),
}
TABLE["number"] = X + 2.0 * (KIND == "a")
TABLE["two"] = np.where(TABLE["number"] > 0.5, "yes", "no")
TABLE["three"] = np.array(["low", "mid", "top"])[np.digitize(TABLE["number"], [-0.3, 1.2])]
TARGETS = ["number", "two", "three"]


def fit(target, **options):
    table = {name: TABLE[name] for name in ("x", "z", "kind", "day", "weight", target)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TableWarning)  # rows with dates are held back at random
        return TableModel.fit(table, target=target, verbose=False, seed=1, **options)


@pytest.mark.parametrize("preset", list(PRESETS))
@pytest.mark.parametrize("target", TARGETS)
def test_a_preset_learns_from_a_mixed_table_with_weights(tmp_path, preset, target):
    small = {"hidden": [32]} if preset == "tabm-mini" else {}  # 32 members are slow
    model = fit(target, preset=preset, epochs=40, weight_column="weight", **small)
    figures, guess = model.evaluate(TABLE).values()
    name = "rmse" if target == "number" else "log_loss"
    assert figures[name] < guess[name]
    assert model.training["preset"] == preset
    model.save(tmp_path / "m.lamina")
    assert np.array_equal(
        TableModel.load(tmp_path / "m.lamina").outputs(TABLE), model.outputs(TABLE)
    )


@pytest.mark.parametrize("preset", list(PRESETS))
def test_a_preset_gives_the_same_bits_again(preset):
    one, other = (fit("two", preset=preset, epochs=2, hidden=[8]) for _ in range(2))
    assert np.array_equal(one.outputs(TABLE), other.outputs(TABLE))


def test_options_replace_the_parts_of_a_preset():
    given = {"hidden": [8], "activation": "tanh", "dropout": 0.25, "learning_rate": 0.02}
    given |= {"batch_size": 50, "epochs": 2, "patience": 1, "average": 0.5, "weight_decay": 0.5}
    for recipe in fit("number", n_members=2, **given).training["recipes"]:
        assert {name: recipe[name] for name in given} == given | {"hidden": (8,)}
    (recipe,) = fit("number", preset="realmlp-td-s", optimizer="sgd", epochs=1).training["recipes"]
    assert (recipe["optimizer"], recipe["learning_rate"]) == ("sgd", 0.01)


@pytest.mark.parametrize(
    ("target", "activation", "end"),
    [("three", "selu", []), ("number", "mish", [lm.TargetScaling(clip=True)])],
)
def test_realmlp_td_s_has_the_layers_that_are_compared_with_the_published_program(
    target, activation, end
):
    model = fit(target, preset="realmlp-td-s", epochs=1)
    ntk = {"parametrization": "ntk", "bias_rate_factor": 0.1}
    hidden = [lm.Dense(256, activation, bias_initializer="normal", **ntk) for _ in range(3)]
    outputs = (3, "softmax") if target == "three" else (1, "identity")
    last = lm.Dense(*outputs, initializer="zeros", **ntk)
    expected = [model.preprocessor.layer(), lm.Scale(rate_factor=6.0), *hidden, last, *end]
    assert list(model.network.layers) == expected
    recipe = model.training["recipe"]
    assert (recipe["optimizer"], recipe["beta2"], recipe["schedule"]) == (
        "adam",
        0.95,
        "cosine_log",
    )
    assert recipe["learning_rate"] == (0.04 if target == "three" else 0.07)
    assert (recipe["label_smoothing"], recipe["weight_decay"]) == (0.1, 0.0)


def test_recipes_count_as_rows_that_they_held_back_say():
    model = fit("number", epochs=15, n_members=10)
    members = model.training["members"]
    assert [member["recipe"] for member in members] == [0, 1] * 5
    assert np.isclose(sum(member["share"] for member in members), 1.0)
    assert np.allclose(model.shares, [member["share"] for member in members])
    # A network that learns nothing counts for next to nothing beside one that does.
    poor = fit("number", n_members=10, epochs=15, learning_rate=1e-9, average=0)
    assert poor.training["results"]["validation"]["model"]["r2"] < 0.1
    assert model.training["results"]["validation"]["model"]["r2"] > 0.3


def test_recipes_of_several_targets_with_intervals_are_weighed_too():
    table = {name: TABLE[name] for name in ("x", "kind", "number")} | {"twice": X * 2.0}
    targets = ["number", "twice"]
    model = TableModel.fit(table, target=targets, interval=0.8, n_members=2, epochs=3, seed=1)
    assert len(model.training["recipes"]) == len(set(model.shares)) == 2
    assert model.predict_interval(table).shape == (ROWS, 2, 2)


def test_the_number_of_networks_follows_from_the_rows():
    preset = Preset((), members=((100, 10), (200, 4)))
    assert [preset.members_for(rows) for rows in (100, 101, 200, 201)] == [10, 4, 4, 1]


def test_an_unknown_preset_is_refused():
    with pytest.raises(ValueError, match="expected preset to be one of 'ensemble', 'plain'"):
        fit("number", preset="best")
