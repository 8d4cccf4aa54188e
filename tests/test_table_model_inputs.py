"""A table model takes tables of every kind, and is copied and pickled."""

import copy
import pickle

import numpy as np
import pytest

pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")
pa = pytest.importorskip("pyarrow")
pytest.importorskip("rich")

from commands import QUICK, lamina  # noqa: E402
from lamina.tabular import Preprocessor, TableError, TableModel  # noqa: E402

ROWS = 90
RNG = np.random.default_rng(5)
COLUMNS = {
    "colour": [None if i % 11 == 0 else ("red", "blue", "green")[i % 3] for i in range(ROWS)],
    "ok": [None if i % 13 == 0 else bool(i % 2) for i in range(ROWS)],
    "count": [None if i % 7 == 0 else int(v) for i, v in enumerate(RNG.integers(0, 30, ROWS))],
    "size": RNG.normal(size=ROWS).round(3).tolist(),
    "paid": [("yes", "no")[int(v > 0.2)] for v in RNG.normal(size=ROWS)],
}


def frame():
    """The columns as a pandas frame whose missing cells are those of pandas."""
    return pd.DataFrame(COLUMNS)


TABLES = {
    "lists": lambda: COLUMNS,
    "pandas": frame,
    "pandas nullable": lambda: frame().convert_dtypes(),
    "pandas Arrow": lambda: frame().convert_dtypes(dtype_backend="pyarrow"),
    "pandas objects with pandas.NA": lambda: frame().astype(object).fillna(pd.NA),
    "pandas categories": lambda: frame().astype({"colour": "category", "paid": "category"}),
    "polars": lambda: pl.DataFrame(COLUMNS),
    "polars enums": lambda: pl.DataFrame(COLUMNS).cast(
        {"colour": pl.Enum(["green", "blue", "red"]), "paid": pl.Categorical}
    ),
    "pyarrow": lambda: pa.table(COLUMNS),
    "columns in another order, and one more": lambda: pl.DataFrame(COLUMNS).select(
        pl.lit(0).alias("more"), *reversed(COLUMNS)
    ),
    "rows": lambda: [{name: COLUMNS[name][i] for name in COLUMNS} for i in range(ROWS)],
    "rows without what is missing": lambda: [
        {name: COLUMNS[name][i] for name in COLUMNS if COLUMNS[name][i] is not None}
        for i in range(ROWS)
    ],
}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    pl.DataFrame(COLUMNS).write_parquet(folder / "t.parquet")
    arguments = ["train", folder / "t.parquet", "--target", "paid", "-o", folder / "m", *QUICK]
    assert lamina(*arguments)[0] == 0
    return TableModel.load(folder / "m")


@pytest.mark.parametrize("kind", TABLES)
def test_tables_of_every_kind_predict_alike(model, kind):
    table = TABLES[kind]()
    expected = model.predict_probabilities(COLUMNS)
    assert model.predict_probabilities(table).tolist() == expected.tolist()
    assert model.predict(table).tolist() == model.predict(COLUMNS).tolist()
    assert model.evaluate(table) == model.evaluate(COLUMNS)


@pytest.mark.parametrize("kind", TABLES)
def test_tables_of_every_kind_are_learnt_alike(kind):
    def encoded(table, name):
        kinds = {other: "ignored" for other in COLUMNS if other != name}
        return Preprocessor(kinds=kinds).fit(table).transform(COLUMNS)

    for name in COLUMNS:
        expected = encoded(COLUMNS, name)
        np.testing.assert_array_equal(encoded(TABLES[kind](), name), expected)


def test_one_row_may_be_scalars(model):
    whole = model.predict_probabilities(COLUMNS)
    for i in (0, 5, 12, 13):
        row = {name: COLUMNS[name][i] for name in COLUMNS}
        np.testing.assert_allclose(model.predict_probabilities(row), whole[i : i + 1], atol=1e-6)
        assert model.predict(row).shape == (1,)
        numpy_row = dict(zip(COLUMNS, frame().iloc[i], strict=True))
        assert model.predict(numpy_row).tolist() == model.predict(row).tolist()


def test_a_column_that_no_row_has_is_named(model):
    with pytest.raises(TableError, match="no column 'size', which the model reads"):
        model.predict([{"colour": "red", "ok": True, "count": 1}])


def test_a_series_is_refused_with_what_to_give(model):
    with pytest.raises(TableError, match="expected a table, got a series"):
        model.predict(frame().iloc[0])


@pytest.mark.parametrize(
    "twin", [copy.copy, copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))]
)
def test_copies_predict_the_same_bits(model, twin):
    other = twin(model)
    assert other.predict_probabilities(COLUMNS).tolist() == (
        model.predict_probabilities(COLUMNS).tolist()
    )
    assert other.training == model.training
