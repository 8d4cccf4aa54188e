"""A column that alone gives the target away is found, and no other."""

import numpy as np
import pytest

from lamina.tabular import MISSING_VALUES, Preprocessor, as_columns
from lamina.tabular._giveaway import find_giveaways

RNG = np.random.default_rng(7)
ROWS = 400
CLASSES = (RNG.random(ROWS) < 0.4).astype(np.int64)
NUMBERS = RNG.normal(size=ROWS)


def giveaways(target, **columns):
    table = as_columns(columns)
    summaries = Preprocessor(kinds={}).inspect(table)
    return [g.column for g in find_giveaways(table, summaries, target, MISSING_VALUES)]


def one_row_wrong(values):
    values = values.copy()
    values[3] = 1 - values[3]
    return values


@pytest.mark.parametrize(
    "column",
    [
        np.where(CLASSES == 1, "yes", "no"),
        CLASSES,
        CLASSES == 1,
        CLASSES * 2 + RNG.integers(0, 2, ROWS),
        np.where(CLASSES == 1, 0.5, -0.5) + 0.4 * RNG.random(ROWS),
        np.char.add(np.where(CLASSES == 1, "a", "b"), RNG.integers(0, 9, ROWS).astype(str)),
    ],
    ids=["text", "0 and 1", "truth values", "four values", "a threshold", "eighteen values"],
)
def test_a_column_whose_values_go_with_one_class_each_is_found(column):
    assert giveaways(CLASSES, alive=column, noise=NUMBERS) == ["alive"]


def test_three_classes_are_given_away_too():
    classes = RNG.integers(0, 3, ROWS)
    assert giveaways(classes, grade=np.array(["low", "middle", "high"])[classes]) == ["grade"]


@pytest.mark.parametrize(
    "column",
    [
        one_row_wrong(CLASSES),
        np.arange(ROWS) * 1.5,
        RNG.integers(0, 5, ROWS),
        np.array([f"v{i // 2}" for i in range(ROWS)]),
        NUMBERS,
        np.where(RNG.random(ROWS) < 0.3, CLASSES, 0),
    ],
    ids=["one row wrong", "a value a row", "noise", "two rows a value", "normal", "one side only"],
)
def test_a_column_that_does_not_is_not_found(column):
    assert giveaways(CLASSES, x=column) == []


@pytest.mark.parametrize("values", [NUMBERS, np.array([f"boat {i}" for i in range(ROWS)])])
def test_a_column_that_is_missing_for_one_class_alone_is_found(values):
    boat = [None if c else v for c, v in zip(CLASSES, values.tolist(), strict=True)]
    table = as_columns({"boat": boat})
    summaries = Preprocessor(kinds={"boat": "number" if values is NUMBERS else "category"})
    found = find_giveaways(table, summaries.inspect(table), CLASSES, MISSING_VALUES)
    assert [g.column for g in found] == ["boat"]


def test_few_rows_prove_nothing():
    classes = np.array([0, 1] * 6)
    assert giveaways(classes, x=classes) == []
    assert giveaways(np.arange(12.0), x=np.arange(12.0) * 1.5) == []


def test_a_rare_class_that_a_greatest_value_happens_to_hold_proves_nothing():
    classes = np.zeros(ROWS, dtype=np.int64)
    classes[:2] = 1
    values = RNG.random(ROWS)
    values[:2] = 2.0 + RNG.random(2)
    assert giveaways(classes, x=values) == []


@pytest.mark.parametrize(
    "column",
    [
        NUMBERS * 3 + 7,
        np.exp(NUMBERS),
        NUMBERS + 0.01 * RNG.normal(size=ROWS),
        -(NUMBERS**3),
    ],
    ids=["a line", "a curve", "a little noise", "a cube"],
)
def test_a_column_that_explains_a_quantity_is_found(column):
    assert giveaways(NUMBERS, copy=column, other=RNG.normal(size=ROWS)) == ["copy"]


def test_a_category_that_explains_a_quantity_is_found():
    fares = np.array([7.25, 13.0, 26.55, 80.0])
    place = RNG.integers(0, 4, ROWS)
    assert giveaways(fares[place], tariff=np.array(["a", "b", "c", "d"])[place]) == ["tariff"]


@pytest.mark.parametrize(
    "column",
    [
        NUMBERS + 0.2 * RNG.normal(size=ROWS),
        np.abs(NUMBERS),
        np.arange(ROWS) * 1.5,
        RNG.integers(0, 3, ROWS),
        np.array([f"v{i}" for i in range(ROWS)]),
    ],
    ids=["much noise", "without its sign", "order", "three values", "a text a row"],
)
def test_a_column_that_explains_less_is_not_found(column):
    assert giveaways(NUMBERS, x=column) == []


def test_one_extreme_row_explains_nothing():
    target, column = NUMBERS.copy(), RNG.normal(size=ROWS)
    target[5] = column[5] = 1e9
    assert giveaways(target, x=column) == []


def test_a_sorted_target_is_not_explained_by_repeated_values():
    assert giveaways(np.sort(NUMBERS), x=np.arange(ROWS) // 40 % 2) == []
