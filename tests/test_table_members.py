"""Table models of several networks: rows held back in turn, means, files, and limits of time."""

import copy
import json
import pickle
import time

import numpy as np
import pytest

from lamina.tabular import TableError, TableModel

ROWS = 300
QUICK = {"preset": "plain", "hidden": [8], "epochs": 4, "verbose": False}
RNG = np.random.default_rng(0)
TABLE = {"x": RNG.normal(size=ROWS), "kind": RNG.choice(["a", "b", "c"], ROWS)}
TABLE["y"] = np.where(TABLE["x"] + (TABLE["kind"] == "a") > 0.5, "yes", "no")
TABLE["z"] = TABLE["x"] ** 2 + (TABLE["kind"] == "b") + 0.1 * RNG.normal(size=ROWS)


def fitted(target="y", **options):
    return TableModel.fit(TABLE, target=target, **QUICK | options)


@pytest.fixture(scope="module")
def five():
    """A model of five networks."""
    return fitted(n_members=5)


def test_the_outputs_are_the_mean_of_those_of_the_networks(five):
    assert len(five.networks) == len(five.training["members"]) == 5
    inputs = five.preprocessor.transform(TABLE)
    each = [net.predict(inputs).astype(np.float64) for net in five.networks]
    assert np.allclose(five.outputs(TABLE), np.mean(each, axis=0), rtol=0, atol=1e-12)
    assert not np.array_equal(each[0], each[1])
    assert five.predict_proba(TABLE).shape == (ROWS, 2)
    with pytest.raises(TableError, match="mean of 5 networks"):
        _ = five.network


def test_five_networks_learn_from_every_row_and_are_measured_on_each_by_one_that_did_not(five):
    assert five.training["rows"] == {"training": ROWS, "validation": ROWS}
    figures = five.training["results"]["validation"]["model"]
    assert 0.5 < figures["accuracy"] <= 1.0
    # Two networks of five shares of the rows hold back two of them.
    two = fitted(n_members=2)
    assert two.training["rows"] == {"training": ROWS, "validation": 120}


def test_one_network_is_the_same_with_and_without_the_option():
    assert np.array_equal(fitted().outputs(TABLE), fitted(n_members=1).outputs(TABLE))


def test_the_same_seed_gives_the_same_networks(five):
    assert np.array_equal(fitted(n_members=5).outputs(TABLE), five.outputs(TABLE))
    assert not np.array_equal(fitted(n_members=5, seed=1).outputs(TABLE), five.outputs(TABLE))


@pytest.mark.parametrize("options", [{"split": "last"}, {"validation": TABLE}])
def test_networks_that_share_their_validation_rows_differ_by_their_seeds(options):
    model = fitted("z", n_members=2, **options)
    inputs = model.preprocessor.transform(TABLE)
    one, other = (net.predict(inputs) for net in model.networks)
    assert not np.array_equal(one, other)
    assert np.array_equal(fitted("z", **options).network.predict(inputs), one)


def test_more_networks_than_shares_cut_the_rows_anew():
    model = fitted(n_members=3, validation_fraction=0.5)
    assert len(model.networks) == 3
    assert model.training["rows"]["validation"] == ROWS


@pytest.mark.parametrize(
    "twin", [copy.copy, copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))]
)
def test_all_networks_are_saved_copied_and_pickled(tmp_path, five, twin):
    five.save(tmp_path / "m.lamina")
    expected = five.outputs(TABLE)
    for other in (TableModel.load(tmp_path / "m.lamina"), twin(five)):
        assert np.array_equal(other.outputs(TABLE), expected)
        assert json.dumps(other.training) == json.dumps(five.training)


def test_shares_weight_the_mean(tmp_path, five):
    shares = [0.5, 0.25, 0.25]
    networks = five.networks[:3]
    model = TableModel(five.preprocessor, five.target, networks, shares=[4, 2, 2])
    assert model.shares.tolist() == shares
    inputs = model.preprocessor.transform(TABLE)
    each = [net.predict(inputs).astype(np.float64) for net in networks]
    assert np.allclose(model.outputs(TABLE), np.average(each, axis=0, weights=shares))
    model.save(tmp_path / "m.lamina")
    loaded = TableModel.load(tmp_path / "m.lamina")
    assert np.array_equal(loaded.outputs(TABLE), model.outputs(TABLE))
    for wrong in ([1, 1], [1, 1, 0], [1, 1, np.inf], [[1], [1], [1]]):
        with pytest.raises(TableError, match="expected 3 shares above 0"):
            TableModel(five.preprocessor, five.target, networks, shares=wrong)
    with pytest.raises(TableError, match="at least one"):
        TableModel(five.preprocessor, five.target, [])


def test_a_limit_of_time_leaves_at_least_one_network():
    model = fitted(n_members=3, epochs=10**6, patience=10**6, time_limit=1e-6)
    assert len(model.networks) == 1
    assert model.training["epochs"] < 10**4


def test_networks_are_trained_while_time_is_left_and_none_is_cut_short():
    class Slow:
        def on_epoch_end(self, epoch, record):
            time.sleep(0.05)

    model = fitted(n_members=100, time_limit=1.0, callbacks=[Slow()])
    assert len(model.networks) <= 5  # of 0.2 s each
    assert all(member["epochs"] == 4 for member in model.training["members"])


def test_an_interrupt_keeps_the_networks_that_were_trained():
    class Interrupt:
        fits = 0

        def on_fit_begin(self, fit):
            self.fits += 1

        def on_epoch_end(self, epoch, record):
            if self.fits == 3 and epoch == 1:
                raise KeyboardInterrupt

    with pytest.warns(UserWarning, match=r"network 3 of 5; the model has the 2 networks before"):
        model = fitted(n_members=5, callbacks=[Interrupt()])
    assert len(model.networks) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_members": 0}, "n_members"),
        ({"n_members": 1.5}, "n_members"),
        ({"time_limit": 0}, "time_limit as a number above 0"),
        ({"time_limit": float("nan")}, "time_limit"),
    ],
)
def test_wrong_options_are_refused(options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        fitted(**options)


def test_a_class_of_one_row_never_validates():
    table = {"x": np.arange(40.0) % 7, "y": ["a"] * 20 + ["b"] * 19 + ["c"]}
    model = TableModel.fit(table, target="y", n_members=5, **QUICK)
    assert model.predict_proba(table).shape == (40, 3)
    assert model.training["rows"] == {"training": 40, "validation": 39}
