"""Features of a table against their formulas in float64, and what training did not see."""

import warnings
from pathlib import Path

import numpy as np
import pytest

import lamina as lm
from lamina.tabular import (
    ClassTarget,
    ColumnIssue,
    Preprocessor,
    TableError,
    TableModel,
    TableWarning,
    describe_issues,
)
from lamina.tabular._encoders import CategoryEncoder, NumberEncoder
from lamina.tabular._networks import Networks
from tables import features, text

DAY = np.timedelta64(86_400, "s")


def mixed_table(rows=3000, seed=0):
    """Numbers of several shapes, categories and dates with missing values."""
    rng = np.random.default_rng(seed)
    gains = np.where(rng.random(rows) < 0.9, 0.0, np.round(rng.lognormal(8.0, 2.0, rows)))
    stamps = 1.6e9 + rng.integers(0, 10**8, rows)
    height = rng.normal(170.0, 12.0, rows)
    height[rng.random(rows) < 0.05] = np.nan
    joined = np.datetime64("2019-03-01", "s") + rng.integers(0, 10**8, rows).astype("m8[s]")
    joined[rng.random(rows) < 0.03] = np.datetime64("NaT", "D")
    town = np.array(["Rome", "Oslo", "Bonn", None, "Linz"], object)
    return {
        "gain": gains,
        "stamp": stamps.astype(float),
        "height": height,
        "town": text(*town[rng.choice(5, rows, p=[0.5, 0.3, 0.1, 0.099, 0.001])]),
        "joined": joined,
    }


def bend(z, limit):
    return z / np.hypot(1.0, z / limit) if limit else z


def formulas(encoder, column):
    """Features [rows, n] of one column in float64, straight from its values."""
    if isinstance(encoder, CategoryEncoder):
        codes = [*encoder.categories, *(["\0"] if encoder.other else [])]
        values = [
            None if v is None else v if v in encoder.categories else "\0" for v in column.tolist()
        ]
        hot = [[v == code for code in codes] for v in values]
        missing = np.array([v is None for v in values])
        parts, indicator = [np.array(hot, float)], encoder.missing
    else:
        x = column
        if not isinstance(encoder, NumberEncoder):
            x = (column - np.datetime64(0, "s")) / DAY
        missing, indicator, scaling = np.isnan(x), encoder.indicator, encoder.scaling
        x = np.where(missing, scaling.fill, x)
        parts = [bend((x - scaling.center) / scaling.scale, scaling.limit)[:, None]]
        if isinstance(encoder, NumberEncoder):
            low, width = encoder.edges[:-1], np.diff(encoder.edges)
            parts.append(np.clip((x[:, None] - low) / width, 0.0, 1.0))
        else:
            for period in (365.2425, 7.0, 1.0):
                angle = 2.0 * np.pi * np.remainder(x, period) / period
                parts.append(np.column_stack([np.sin(angle), np.cos(angle)]))
    return np.hstack([*parts, missing[:, None].astype(float)] if indicator else parts)


@pytest.mark.parametrize("numbers", ["piecewise", "standard", "robust"])
def test_features_of_a_table_are_those_of_the_formulas_to_the_rounding_of_float32(numbers):
    table = mixed_table()
    preprocessor = Preprocessor(numbers=numbers).fit(table)
    later = {**mixed_table(seed=1), "gain": np.linspace(-1e6, 1e7, 3000)}
    for rows in (table, later):
        found, begin = features(preprocessor, rows), 0
        assert found.shape == (3000, len(preprocessor.feature_names)) == (3000, preprocessor.width)
        for encoder in preprocessor.encoders:
            end = begin + len(encoder.feature_names)
            expected = formulas(encoder, rows[encoder.name])
            # A place of 48 in float32 is right to 2e-6; far outside, the scaled value's own size.
            np.testing.assert_allclose(found[:, begin:end], expected, rtol=2e-6, atol=4e-6)
            begin = end


def test_the_compact_matrix_has_a_number_a_column_and_two_a_date():
    preprocessor = Preprocessor().fit(mixed_table())
    matrix = preprocessor.transform(mixed_table())
    assert matrix.shape == (3000, 6)
    assert matrix.dtype == np.float32
    assert np.isnan(matrix).any(axis=0).tolist() == [False, False, True, True, True, True]


def test_some_rows_are_encoded_in_the_order_asked_for():
    table = mixed_table()
    preprocessor = Preprocessor().fit(table)
    rows = np.array([7, 3, 2999])
    some, _ = preprocessor.encode(table, rows=rows)
    np.testing.assert_array_equal(some, preprocessor.transform(table)[rows])
    released = dict(table)
    whole, _ = preprocessor.encode(released, release=True)
    np.testing.assert_array_equal(whole, preprocessor.transform(table))
    assert released == {}


def test_encoders_learn_from_the_rows_given_and_errors_name_the_tables_row():
    x = np.concatenate([np.arange(50.0) / 2.0, np.full(50, 1e6)])
    preprocessor = Preprocessor().fit({"x": x}, rows=np.arange(50))
    assert preprocessor.encoders[0].bounds == (0.0, 24.5)
    with pytest.raises(TableError, match="row 3: expected a number, got 'two'"):
        preprocessor.encode({"x": text("0", "1", "two")}, rows=np.array([0, 2]))


# What training did not see.


def issues(preprocessor, **table):
    return [(i.column, i.kind, i.rows, i.example) for i in preprocessor.check(table)]


def test_unseen_categories_are_counted_and_rare_ones_of_training_are_not():
    preprocessor = Preprocessor().fit({"c": text(*["a"] * 20, *["b"] * 20, "rare")})
    seen = text("a", "b", "rare", "new", "new", "newer", None)
    assert issues(preprocessor, c=seen) == [
        ("c", "unseen", 3, "'new'"),
        ("c", "missing", 1, ""),
    ]
    assert issues(preprocessor, c=text("rare", "A")) == [("c", "unseen", 1, "'A'")]
    assert issues(preprocessor, c=text("a", " b")) == []


def test_a_category_in_another_writers_spelling_is_not_unseen():
    preprocessor = Preprocessor(kinds={"c": "category"}).fit({"c": text(*["1", "2"] * 20, "3")})
    assert issues(preprocessor, c=np.array([1.0, 2.0, 3.0])) == []


def test_values_beyond_the_training_range_by_more_than_half_of_it_are_counted():
    preprocessor = Preprocessor().fit({"x": np.linspace(10.0, 30.0, 100)})
    assert issues(preprocessor, x=np.array([0.0, 40.0, 10.0, 30.0])) == []
    outside = np.array([-0.1, 40.1, 1e9, 20.0, -5.0])
    assert issues(preprocessor, x=outside) == [("x", "outside", 4, "1e+09")]


def test_dates_far_outside_are_counted_and_shown_as_dates():
    days = np.datetime64("2024-01-01") + np.arange(100)
    preprocessor = Preprocessor().fit({"d": days})
    later = np.array(["2024-04-20", "2024-05-20", "2031-07-09", "NaT"], "M8[s]")
    assert issues(preprocessor, d=later[:1]) == []
    assert issues(preprocessor, d=later[1:]) == [
        ("d", "outside", 1, "2031-07-09"),
        ("d", "missing", 1, ""),
    ]


def test_missing_values_count_only_where_training_had_none():
    table = {"x": np.array([1.0, 2.0, 3.0, np.nan]), "y": np.array([1.0, 5.0, 3.0, 2.0])}
    preprocessor = Preprocessor().fit(table)
    gone = np.array([np.nan, np.nan, 1.0])
    assert issues(preprocessor, x=gone, y=gone) == [("y", "missing", 2, "")]


def test_nothing_is_found_in_the_training_rows_and_findings_survive_a_file():
    table = mixed_table()
    preprocessor = Preprocessor().fit(table)
    assert preprocessor.check(table) == []
    stored = Preprocessor.from_record(*preprocessor.to_record())
    strange = {**mixed_table(seed=1), "town": text(*["Kiel"] * 3000)}
    assert stored.check(strange) == preprocessor.check(strange) != []


def test_a_line_names_the_columns_with_most_findings_first():
    preprocessor = Preprocessor().fit(
        {"age": 17.5 + np.arange(73.0) / 2.0, "town": text(*["Rome", "Oslo"] * 36, "Rome")}
    )
    found = preprocessor.check(
        {"age": np.array([999.0, np.nan, 20.0]), "town": text("Kiel", "Kiel", "Rome")}
    )
    assert describe_issues(found, 3) == (
        "the table (3 rows) holds what the training rows did not: 'town' 2 rows of unseen "
        "categories (such as 'Kiel'); 'age' 1 value far outside the training range (999); 'age' 1 "
        "missing value, where training had none"
    )
    assert describe_issues([], 3) == ""
    line = describe_issues([ColumnIssue(f"c{i}", "missing", 1) for i in range(7)], 1)
    assert line.startswith("the table (1 row) holds what the training rows did not: 'c0' 1 missing")
    assert line.endswith("'c4' 1 missing value, where training had none; and 2 more")


def small_model():
    table = {"x": np.linspace(0.0, 1.0, 60), "c": text(*["a", "b"] * 30)}
    preprocessor = Preprocessor().fit(table)
    layers = [preprocessor.layer(), lm.Dense(4, "relu"), lm.Dense(1, "sigmoid")]
    network = lm.Sequential(layers, inputs=preprocessor.inputs)
    network.set_parameters({})  # its first weights are meant
    return TableModel(preprocessor, ClassTarget("y", ("no", "yes"), np.array([0.5, 0.5])), network)


def test_a_model_warns_once_of_each_column_and_kind():
    model = small_model()
    with pytest.warns(TableWarning, match=r"'c' 1 unseen category \('z'\)") as caught:
        model.predict({"x": 0.5, "c": "z"})
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.predict({"x": 0.5, "c": "another"})
        model.predict({"x": 0.5, "c": "a"})
    with pytest.warns(TableWarning, match="'x' 1 value far outside"):
        model.predict_probabilities({"x": 99.0, "c": "z"})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(model.check({"x": [99.0], "c": ["z"]})) == 2


def test_evaluation_warns_about_the_rows_that_have_a_target():
    table = {"x": [0.1, 0.9, 50.0], "c": ["a", "q", "b"], "y": ["no", "yes", None]}
    with pytest.warns(TableWarning) as caught:
        small_model().evaluate(table)
    assert str(caught[0].message) == (
        "the table (2 rows) holds what the training rows did not: 'c' 1 unseen category ('q')"
    )


def test_a_network_without_the_preprocessors_layer_is_refused(tmp_path: Path):
    model = small_model()
    plain = lm.Sequential([lm.Dense(1, "sigmoid")], inputs=2)
    message = r"whose first layer is the preprocessor's layer\(\), got one that begins with Dense"
    with pytest.raises(TableError, match=message):
        TableModel(model.preprocessor, model.target, plain)
    model._networks = Networks([plain])  # by hand, past the check
    model.save(tmp_path / "model.lamina")
    with pytest.raises(TableError, match=r"model\.lamina: expected a network whose"):
        TableModel.load(tmp_path / "model.lamina")
