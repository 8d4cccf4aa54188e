"""The defaults of `lamina train`: lengths in updates of short epochs, and averaged weights."""

import json

import pytest

pytest.importorskip("polars")
pytest.importorskip("rich")

from commands import lamina, write
from lamina.cli._arguments import build_parser
from lamina.cli._train import train_options
from lamina.tabular import PRESETS
from lamina.tabular._recipe import Recipe


def recipe(rows, *options):
    parsed = build_parser("0").parse_args(["train", "t.csv", "--target", "y", *options])
    (plain,) = PRESETS["plain"].recipes_for(rows, "regression")
    return Recipe.of(plain, train_options(parsed, ["y"]), rows)


@pytest.mark.parametrize(
    ("rows", "batches", "epochs", "patience"),
    [(100, 4, 3500, 500), (2_001, 16, 875, 125), (26_049, 102, 200, 20), (300_000, 586, 200, 5)],
)
def test_epochs_and_patience_make_enough_updates_of_few_rows(rows, batches, epochs, patience):
    chosen = recipe(rows)
    assert -(-rows // chosen.batch_size) == batches
    assert (chosen.epochs, chosen.patience) == (epochs, patience)


def test_options_replace_each_default():
    chosen = recipe(100, "--epochs", "7", "--patience", "3", "--average", "0", "--batch-size", "10")
    assert (chosen.epochs, chosen.patience, chosen.average, chosen.batch_size) == (7, 3, 0.0, 10)


def test_the_limit_of_one_hot_codes_and_the_size_of_vectors_are_options():
    typed = ["train", "t.csv", "--target", "y", "--max-one-hot", "0", "--embedding-units", "5"]
    options = train_options(build_parser("0").parse_args(typed), ["y"])
    assert (options.max_one_hot, options.embedding_units) == (0, 5)
    assert recipe(100, *typed[4:]).embedding_units == 5


def test_the_average_of_the_weights_is_what_is_validated_and_saved(tmp_path):
    rows = "".join(f"{i % 53},{(i % 53) * 2 + i % 3}.5\n" for i in range(300))
    table = write(tmp_path / "t.csv", "x,y\n" + rows)
    histories = {}
    for average in ("0", "0.99"):
        code, out, _ = lamina(
            *("train", table, "--target", "y", "-o", tmp_path / "m", "--json"),
            *("--epochs", "8", "--hidden", "8", "--average", average),
        )
        assert code == 0
        training = json.loads(out)
        assert training["recipe"]["average"] == float(average)
        histories[average] = training["history"]
    assert histories["0"]["loss"] == histories["0.99"]["loss"]  # training goes the same way
    assert histories["0"]["val_loss"] != histories["0.99"]["val_loss"]
