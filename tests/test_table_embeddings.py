"""Categories of a table as learned vectors: columns of many categories are codes."""

import runpy
import warnings

import numpy as np
import pytest

import lamina as lm
from lamina.tabular import Preprocessor, TableError, TableModel, TableWarning
from lamina.tabular._feature_layers import embedding_units

ROWS = 1200
RNG = np.random.default_rng(0)
TOWN = RNG.integers(0, 30, ROWS)
EFFECT = RNG.normal(size=30)
TABLE = {
    "x": RNG.normal(size=ROWS),
    "town": np.array([f"town {k}" for k in range(30)])[TOWN],
    "kind": np.array(["a", "b", "c"])[RNG.integers(0, 3, ROWS)],
}
TABLE["y"] = EFFECT[TOWN] + 0.1 * TABLE["x"]
INPUTS = {name: TABLE[name] for name in ("x", "town", "kind")}


def fit(**options):
    return TableModel.fit(TABLE, target="y", verbose=False, seed=1, **options)


def layers_of(network, kind):
    return [layer for layer in network.layers if isinstance(layer, kind)]


@pytest.fixture(scope="module")
def model():
    return fit(preset="plain", max_one_hot=8, epochs=40)


def test_columns_of_more_categories_than_the_limit_become_codes():
    preprocessor = Preprocessor(numbers="standard", max_one_hot=8).fit(INPUTS)
    assert preprocessor.feature_names == ["x", "town", "kind=a", "kind=b", "kind=c"]
    assert preprocessor.embedded == {1: 30}
    assert preprocessor.layer().columns[1] == lm.CodeEncoding(30)
    layers = [preprocessor.layer(), lm.Embedding(preprocessor.embedded, units=2)]
    network = lm.Sequential(layers, inputs=3)
    vectors = network.predict(preprocessor.transform(INPUTS))
    table = network.parameters()["layers.1.weight"]
    codes = [sorted(set(TABLE["town"])).index(town) for town in TABLE["town"]]
    assert np.array_equal(vectors[:, 1:3], table[codes])


def test_exactly_so_many_categories_stay_one_hot():
    assert Preprocessor(max_one_hot=30).fit(INPUTS).embedded == {}
    assert Preprocessor(max_one_hot=29).fit(INPUTS).embedded != {}
    assert len(Preprocessor(max_one_hot=0, numbers="standard").fit(INPUTS).embedded) == 2
    assert Preprocessor().fit(INPUTS).embedded == {}


def test_no_category_with_enough_rows_is_put_together_with_others():
    many = {"c": np.array([f"c{k}" for k in range(250)] * 12)}
    assert Preprocessor().fit(many).width == 101
    assert Preprocessor(max_one_hot=8).fit(many).embedded == {0: 250}


def test_rare_categories_share_a_code_with_unseen_ones():
    rare = {"c": np.array(["a"] * 50 + ["b"] * 50 + ["rare"])}
    preprocessor = Preprocessor(max_one_hot=1).fit(rare)
    assert preprocessor.embedded == {0: 3}
    found = preprocessor.transform({"c": np.array(["a", "b", "rare", "new"])})
    assert found.ravel().tolist() == [0.0, 1.0, 2.0, 2.0]
    assert [issue.column for issue in preprocessor.check({"c": np.array(["new"])})] == ["c"]


def test_the_model_learns_from_its_vectors(model):
    assert model.evaluate(TABLE)["model"]["r2"] > 0.9
    (layer,) = layers_of(model.network, lm.Embedding)
    assert dict(layer.columns) == {model.preprocessor.feature_names.index("town"): 30}


def test_unseen_and_missing_categories_are_legal_and_counted(model):
    rows = {"x": [0.5, 0.5], "town": ["elsewhere", None], "kind": ["a", "a"]}
    with pytest.warns(TableWarning, match="'town' 1 unseen category"):
        outputs = model.outputs(rows)
    assert np.isfinite(outputs).all()
    assert outputs[0] == outputs[1]  # both have the last row of the table
    assert {issue.column for issue in model.check(rows)} == {"town"}


def test_missing_categories_of_the_training_rows_have_a_feature_of_their_own():
    town = TABLE["town"].astype(object)
    town[::5] = None
    preprocessor = Preprocessor(numbers="standard", max_one_hot=8).fit(INPUTS | {"town": town})
    assert preprocessor.feature_names[1:3] == ["town", "town is missing"]
    network = lm.Sequential([preprocessor.layer()], inputs=3)
    rows = {"x": [0.0, 0.0], "town": [None, "elsewhere"], "kind": ["a", "a"]}
    features = network.predict(preprocessor.transform(rows))
    assert features[:, 1:3].tolist() == [[30.0, 1.0], [30.0, 0.0]]


def test_a_saved_model_gives_the_same_bits(model, tmp_path):
    model.save(tmp_path / "m.lamina")
    read = TableModel.load(tmp_path / "m.lamina")
    assert read.preprocessor.embedded == model.preprocessor.embedded
    assert np.array_equal(read.outputs(INPUTS), model.outputs(INPUTS))


def test_an_exported_program_gives_the_same_answers(model, tmp_path):
    model.export_python(tmp_path / "model.py")
    program = runpy.run_path(str(tmp_path / "model.py"))
    towns = ["town 3", "elsewhere", None]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TableWarning)
        for row in ({"x": 0.5, "town": town, "kind": "b"} for town in towns):
            assert program["predict_row"](row) == np.ravel(model.predict(row)).tolist()


def test_the_estimators_take_the_options():
    pytest.importorskip("sklearn")
    options = {"max_one_hot": 8, "embedding_units": 4, "preset": "plain", "epochs": 1}
    regressor = lm.tabular.TabularRegressor(**options, random_state=0).fit(INPUTS, TABLE["y"])
    (layer,) = layers_of(regressor.model_.network, lm.Embedding)
    assert layer.units == 4


def test_a_record_has_the_version_before_where_no_category_is_a_code():
    record, tensors = Preprocessor().fit(INPUTS).to_record()
    assert record["version"] == 2
    assert not any("embedded" in column for column in record["columns"])
    assert Preprocessor.from_record(record, tensors).to_record()[0] == record
    record, tensors = Preprocessor(max_one_hot=8).fit(INPUTS).to_record()
    assert record["version"] == 3
    said = {column["name"]: column.get("embedded") for column in record["columns"]}
    assert said == {"x": None, "town": True, "kind": False}
    assert Preprocessor.from_record(record, tensors).to_record()[0] == record


@pytest.mark.parametrize(
    ("value", "problem"), [(1, "'embedded' to be bool"), (None, "'embedded'")], ids=str
)
def test_a_record_without_a_true_or_false_for_codes_is_refused(value, problem):
    record, tensors = Preprocessor(max_one_hot=8).fit(INPUTS).to_record()
    column = next(c for c in record["columns"] if c["name"] == "town")
    column["embedded"] = value
    if value is None:
        del column["embedded"]
    with pytest.raises(TableError, match=problem):
        Preprocessor.from_record(record, tensors)


def test_realmlp_td_embeds_more_than_8_categories_in_8_units():
    network = fit(preset="realmlp-td", epochs=1).network
    (layer,) = layers_of(network, lm.Embedding)
    assert (layer.units, list(dict(layer.columns).values())) == (8, [30])
    # Its periodic embedding of the number and its scale see the vectors as they are.
    assert network.layers[2] == lm.Periodic([0], rate_factor=0.1)
    assert isinstance(network.layers[3], lm.Scale)
    assert network.parameters()["layers.3.weight"].shape == (4 + 8 + 3,)


def test_tabm_mini_has_one_hot_codes_up_to_100_categories():
    assert not layers_of(fit(preset="tabm-mini", hidden=[4], epochs=1).network, lm.Embedding)
    network = fit(preset="tabm-mini", hidden=[4], epochs=1, max_one_hot=29).network
    (layer,) = layers_of(network, lm.Embedding)
    assert layer.units == embedding_units(30)
    # A member has one scale for all units of a category, and one for those of a number.
    (ensemble,) = layers_of(network, lm.Ensemble)
    assert list(ensemble.chunks) == [16, layer.units, 1, 1, 1]


@pytest.mark.parametrize("preset", ["ensemble", "plain", "realmlp-td-s"])
def test_any_preset_takes_the_option(preset):
    model = fit(preset=preset, max_one_hot=0, embedding_units=3, epochs=2, hidden=[8])
    for network in model.networks:
        (layer,) = layers_of(network, lm.Embedding)
        assert (layer.units, sorted(dict(layer.columns).values())) == (3, [3, 30])
    assert np.isfinite(model.outputs(INPUTS)).all()
    assert model.training["recipe"]["embedding_units"] == 3


def test_codes_are_embedded_before_features_are_scaled():
    model = fit(preset="ensemble", n_members=2, max_one_hot=8, epochs=1, hidden=[8])
    smooth = model.networks[1]
    embedding, mask, scale = smooth.layers[1:4]
    assert isinstance(embedding, lm.Embedding)
    assert isinstance(mask, lm.Affine)
    assert isinstance(scale, lm.Scale)
    steps = model.preprocessor.width - 5  # of the number's places among edges
    kept = 1 + embedding_units(30) + 3
    assert np.array_equal(mask.scale, [1.0] + [0.0] * steps + [1.0] * (kept - 1))
    factor = np.sqrt((kept + steps) / kept)
    assert scale.initial_scale == pytest.approx(factor)
    assert scale.rate_factor == pytest.approx(6.0 * factor)


def test_sizes_follow_fastais_rule():
    assert [embedding_units(n) for n in (2, 10, 100, 1000, 100_000)] == [2, 6, 21, 77, 600]


@pytest.mark.parametrize(
    ("options", "error", "problem"),
    [
        ({"max_one_hot": -1}, ValueError, "expected max_one_hot of at least 0, got -1"),
        ({"max_one_hot": 2.5}, TypeError, "expected max_one_hot as a whole number, got 2.5"),
        ({"embedding_units": 0}, ValueError, "expected embedding_units of at least 1, got 0"),
        ({"embedding_units": 3}, TableError, "embedding_units: .* give max_one_hot too"),
    ],
)
def test_other_limits_and_sizes_are_refused(options, error, problem):
    with pytest.raises(error, match=problem):
        fit(**options)
