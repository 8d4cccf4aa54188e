"""Permutation importance of a model's columns, from Python and from the command."""

import json
import warnings

import numpy as np
import pytest

pytest.importorskip("polars")
pytest.importorskip("rich")

import polars as pl

from commands import QUICK, fails, lamina
from lamina import metrics
from lamina.tabular import TableError, TableModel, TableWarning


def make(rows, seed=0):
    """A number that `strong` and the category `word` tell, `weak` a little, and `noise` not."""
    rng = np.random.default_rng(seed)
    columns = {
        "noise": rng.normal(size=rows),
        "weak": rng.normal(size=rows),
        "strong": rng.normal(size=rows),
        "word": rng.choice(["red", "green"], rows),
        "day": np.datetime64("2024-01-01") + rng.integers(0, 300, rows),
    }
    y = 5 * columns["strong"] + columns["weak"] + 4 * (columns["word"] == "red")
    y = y + 0.3 * rng.normal(size=rows)
    return columns | {"y": y, "kind": np.where(y > 2, "high", "low")}


def fit(table, target, **options):
    given = {"preset": "plain", "hidden": [32], "epochs": 25, "learning_rate": 0.01}
    given |= {"verbose": False} | options
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TableWarning)
        return TableModel.fit(table, target=target, ignore=list({"y", "kind"} - {target}), **given)


@pytest.fixture(scope="module")
def table():
    return make(800)


@pytest.fixture(scope="module")
def model(table):
    return fit(table, "y")


def test_columns_rank_by_what_the_target_owes_them(model):
    found = model.importance(make(500, seed=1))
    assert (found.metric, found.mode, found.rows) == ("rmse", "min", 500)
    names = [column.column for column in found.columns]
    assert names[:3] == ["strong", "word", "weak"]
    by_name = {column.column: column for column in found.columns}
    assert by_name["strong"].mean > 3.0 > 5.0 * abs(by_name["noise"].mean)
    # Shuffling a column adds the variance of two independent draws of its share.
    assert by_name["strong"].mean == pytest.approx(np.sqrt(2 * 25), rel=0.25)
    for column in found.columns:
        assert len(column.losses) == 5
        assert column.mean == pytest.approx(np.mean(column.losses))
        assert column.deviation == pytest.approx(np.std(column.losses))


def test_a_shuffle_is_that_of_the_tables_column(model):
    """The first loss of a column is what predict gives for the table with its cells shuffled."""
    table = make(300, seed=2)
    found = model.importance(table, metric="mae", repeats=1, seed=7)
    place = model.preprocessor.column_names.index("day")
    order = np.random.RandomState([7, 0, place]).permutation(300)
    shuffled = table | {"day": table["day"][order]}
    whole, worse = (
        metrics.mean_absolute_error(table["y"], model.predict(t)) for t in (table, shuffled)
    )
    day = next(column for column in found.columns if column.column == "day")
    assert day.mean == pytest.approx(worse - whole, rel=1e-9)
    assert found.figure == pytest.approx(whole)
    assert day.deviation == 0.0


def test_figures_that_rise_count_as_lost_where_they_fall(table):
    model = fit(table, "kind")
    found = model.importance(make(400, seed=1), metric="roc_auc", repeats=3)
    assert found.mode == "max"
    assert found.columns[0].column == "strong"
    assert 0.1 < found.columns[0].mean < found.figure <= 1.0
    assert model.importance(table).metric == "log_loss"


def test_the_same_seed_gives_the_same_shuffles(model, table):
    first, again, other = (model.importance(table, repeats=2, seed=s) for s in (3, 3, 4))
    assert first == again != other


def test_rows_count_by_their_weights(model, table):
    """Rows of weight 0 are shuffled too, but no figure counts them."""
    weights = np.repeat([1.0, 0.0], 400)
    found = model.importance(table | {"w": weights}, weight_column="w", repeats=1)
    half = {name: values[:400] for name, values in table.items()}
    rmse = metrics.root_mean_squared_error(half["y"], model.predict(half))
    assert found.figure == pytest.approx(rmse)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"metric": "accuracy"}, "metric: 'y' is a number; expected one of mean_squared_error"),
        ({"metric": "speed"}, "metric: 'y' is a number; expected one of"),
        ({"repeats": 0}, "importance: expected repeats of at least 1, got 0"),
        ({"repeats": 2.5}, "importance: expected repeats as a whole number"),
        ({"seed": -1}, "seed"),
    ],
)
def test_wrong_options_are_refused(model, table, options, sentence):
    with pytest.raises((TypeError, ValueError)) as error:
        model.importance(table, **options)
    assert sentence in str(error.value)


def test_a_figure_that_the_rows_do_not_have_is_refused(table):
    model = fit(table, "kind")
    one = {name: values[table["kind"] == "low"] for name, values in table.items()}
    with pytest.raises(TableError, match="roc_auc"):
        model.importance(one, metric="roc_auc")


def test_the_mean_of_several_networks_is_measured_on_rows_that_each_held_back(table):
    rows = {name: values[:300] for name, values in table.items()}
    model = fit(rows, "y", n_members=3)
    assert model.importance(make(300, seed=5), repeats=1).columns[0].column == "strong"


def test_the_command_prints_ranks_and_writes_a_table(table, tmp_path):
    path, model, written = tmp_path / "t.csv", tmp_path / "m", tmp_path / "importance.csv"
    pl.DataFrame(table).write_csv(path)
    train = ["train", path, "--target", "y", "--ignore", "kind", *QUICK, "-o", model]
    code, out, _ = lamina(*train, "--importance", "--n-members", "2")
    assert code == 0
    line = next(line for line in out.splitlines() if line.startswith("importance: "))
    assert line.endswith("of 320 rows) rises where a column is shuffled, 5 times")
    assert json.loads(lamina("info", model, "--json")[1])["training"]["importance"]["rows"] == 320
    code, out, _ = lamina("importance", model, path, "-o", written, "--repeats", "2")
    assert code == 0
    ranked = [word for text in out.splitlines() for word in text.split()[:1] if word in table]
    assert ranked[:2] == ["strong", "word"]
    assert all(len(text) <= 100 for text in out.splitlines())
    frame = pl.read_csv(written)
    assert frame.columns == ["column", "rmse_loss", "deviation"]
    shown = json.loads(lamina("importance", model, path, "--repeats", "2", "--json")[1])
    assert shown["importance"]["strong"]["mean"] == frame["rmse_loss"][0]
    assert list(shown["importance"]) == frame["column"].to_list()
    expected = TableModel.load(model).importance(table, repeats=2)
    assert shown["importance"]["weak"]["losses"] == list(expected.columns[2].losses)


def test_the_command_refuses_what_does_not_fit(table, tmp_path):
    path, model = tmp_path / "t.csv", tmp_path / "m"
    pl.DataFrame(table).write_csv(path)
    assert lamina("train", path, "--target", "y", "--ignore", "kind", *QUICK, "-o", model)[0] == 0
    error = fails("importance", model, path, "--metric", "f1")
    assert "--metric: 'y' is a number; expected one of mean_squared_error" in error
    assert "expected a name that ends in .csv" in fails("importance", model, path, "-o", "x.txt")
