"""What preprocessing and targets store and read back, the task, and rows held back."""

import copy
import json
import time

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from lamina.tabular import (
    MISSING_VALUES,
    ClassTarget,
    NumberTarget,
    Preprocessor,
    TableError,
    fit_target,
    hold_back,
    target_from_record,
)
from tables import repeat, text


@pytest.fixture
def table():
    """A column of numbers with a missing one, and one of categories."""
    rng = np.random.default_rng(0)
    ages = [str(v) for v in rng.integers(18, 90, 40)]
    ages[3] = "?"
    return {"age": text(*ages), "colour": text(*["red", "blue", "green", None] * 10)}


# Records.


cells = st.none() | st.sampled_from(["a", "b", "é x", "1", "2.5", "-3", "?"])


@given(st.lists(st.tuples(cells, st.floats(-1e100, 1e100) | st.just(np.nan)), min_size=3))
@settings(max_examples=100, deadline=None)
def test_a_stored_preprocessor_encodes_to_the_same_bits(rows):
    table = {
        "c": text(*(c for c, _ in rows)),
        "x": np.array([x for _, x in rows]),
        "sure": np.arange(float(len(rows))) ** 2,
    }
    preprocessor = Preprocessor(kinds={"c": "category"}).fit(table)
    record, tensors = preprocessor.to_record()
    stored = Preprocessor.from_record(json.loads(json.dumps(record)), tensors)
    assert stored.transform(table).tobytes() == preprocessor.transform(table).tobytes()
    assert stored.layer() == preprocessor.layer()
    assert stored.feature_names == preprocessor.feature_names


def set_in(record, tensors, *, path, value):
    place = record
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        (["version"], 4, "version 4 is newer"),
        (["version"], 1, r"version 1 is older than this lamina reads \(2 to 3\); train the model"),
        (["version"], True, "'version' to be int, got bool"),
        (["schema"], "other", "expected schema 'lamina.tabular.preprocessor', got 'other'"),
        (["more"], 1, "unknown field 'more'"),
        (["width"], 7, "expected width"),
        (["columns"], [], "unknown tensor '0.scaling'"),
        (["columns"], {}, "'columns' to be list, got dict"),
        (["columns", 0], 3, "column 0: expected a JSON object, got int"),
        (["columns", 0, "kind"], "image", "column 0: expected kind to be one of number"),
        (["columns", 0, "edges"], 3, r"expected tensor 'edges' to be float64 of shape \(3,\)"),
        (["columns", 0, "edges"], -1, "expected tensor 'edges'"),
        (["columns", 0, "indicator"], 1, "'indicator' to be bool, got int"),
        (["columns", 1, "categories"], ["a", "a"], "holds a text twice"),
        (["columns", 1, "categories"], ["a", 2], "texts only"),
        (["columns", 1, "name"], "age", "none twice"),
        (["missing_values"], "?", "'missing_values' to be list, got str"),
    ],
)
def test_a_damaged_record_is_refused(table, path, value, sentence):
    record, tensors = copy.deepcopy(Preprocessor().fit(table).to_record())
    set_in(record, tensors, path=path, value=value)
    with pytest.raises(TableError, match=sentence):
        Preprocessor.from_record(record, tensors)


@pytest.mark.parametrize(
    ("name", "values", "sentence"),
    [
        ("0.scaling", None, "tensor 'scaling' is missing"),
        ("0.more", np.zeros(1), "unknown tensor 'more'"),
        ("9.scaling", np.ones(4), "unknown tensor '9.scaling'"),
        ("0.scaling", np.ones(4, np.float32), "to be float64"),
        ("0.scaling", np.ones((2, 2)), r"got float64 of shape \(2, 2\)"),
        ("0.scaling", np.array([0.0, 0.0, 0.0, 3.0]), "scale above 0"),
        ("0.scaling", np.array([np.nan, 1.0, 0.0, 3.0]), "not finite"),
    ],
)
def test_damaged_tensors_are_refused(table, name, values, sentence):
    record, tensors = Preprocessor().fit(table).to_record()
    tensors.pop(name, None)
    if values is not None:
        tensors[name] = values
    with pytest.raises(TableError, match=sentence):
        Preprocessor.from_record(record, tensors)


def test_falling_edges_are_refused(table):
    record, tensors = Preprocessor().fit(table).to_record()
    tensors["0.edges"] = tensors["0.edges"][::-1]
    with pytest.raises(TableError, match="rising edges"):
        Preprocessor.from_record(record, tensors)


# Targets.


@pytest.mark.parametrize(
    ("column", "task"),
    [
        (repeat(["no", "yes"], 20), "classification"),
        (repeat(["0", "1", "2"], 60), "classification"),
        (np.arange(60) % 3, "classification"),
        (np.arange(60) % 2 == 0, "classification"),
        (np.arange(60), "regression"),
        (np.linspace(0.0, 1.0, 60), "regression"),
        (repeat(["0.5", "1.5"], 60), "regression"),
    ],
)
def test_the_task_follows_from_the_target(column, task):
    assert fit_target("y", column, MISSING_VALUES).task == task


def test_the_task_can_be_chosen():
    assert fit_target("y", np.arange(60) % 3, MISSING_VALUES, "regression").task == "regression"


def test_classes_that_are_numbers_are_sorted_as_numbers():
    target = fit_target("y", repeat(["10", "9", "1"], 60), MISSING_VALUES)
    assert target.classes == ("1", "9", "10")
    assert target.encode(text("9", None, "10"), MISSING_VALUES).tolist() == [1, -1, 2]


def test_the_baseline_of_classes_is_their_shares():
    target = fit_target("y", text("a", "a", "a", "b"), MISSING_VALUES)
    assert target.baseline(2).tolist() == [[0.25], [0.25]]
    assert target.decode(target.baseline(1)).tolist() == ["a"]


def test_numbers_go_to_standard_units_and_back():
    y = np.array([10.0, 20.0, 60.0])
    target = fit_target("y", y, MISSING_VALUES, "regression")
    encoded = target.encode(y, MISSING_VALUES)
    assert encoded.mean() == pytest.approx(0.0)
    assert encoded.std() == pytest.approx(1.0)
    assert target.decode(encoded[:, None]) == pytest.approx(y)


@pytest.mark.parametrize(
    ("column", "task", "sentence"),
    [
        (repeat(["a"], 9), "auto", "found only the class 'a'"),
        (repeat(["", "?"], 9), "classification", "found no value"),
        (np.full(9, np.nan), "regression", "found no value"),
        (np.full(9, 3.0), "regression", "found only the value 3"),
        (text(*(f"p{i}" for i in range(50))), "auto", "50 classes in 50 rows are too many"),
        (repeat(["a", "b"], 9), "regression", "row 1: expected a number, got 'a'"),
        (np.zeros(9, "datetime64[D]"), "auto", "expected classes or numbers, got dates"),
    ],
)
def test_a_target_to_learn_nothing_from_is_refused(column, task, sentence):
    with pytest.raises(TableError, match=sentence):
        fit_target("y", column, MISSING_VALUES, task)


def test_a_class_that_training_did_not_see_is_named():
    target = fit_target("y", repeat(["no", "yes"], 20), MISSING_VALUES)
    with pytest.raises(TableError, match=r"class 'maybe' is not among .*\('no', 'yes'\)"):
        target.encode(text("no", "maybe"), MISSING_VALUES)


@pytest.mark.parametrize(
    "target",
    [
        ClassTarget("y", ("a", "b", "c"), np.array([0.5, 0.25, 0.25])),
        NumberTarget("y", 3.0, 2.0),
    ],
)
def test_a_stored_target_decodes_alike(target):
    record, tensors = target.to_record()
    stored = target_from_record(json.loads(json.dumps(record)), tensors)
    outputs = np.random.default_rng(0).random((5, target.outputs))
    assert (stored.decode(outputs) == target.decode(outputs)).all()
    assert stored.name == "y"


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        (["task"], "ranking", "expected task classification or regression"),
        (["classes"], ["a"], r"of shape \(1,\)"),
        (["version"], 0, "expected a version from 1"),
        (["name"], None, "'name' to be str, got NoneType"),
    ],
)
def test_a_damaged_target_is_refused(path, value, sentence):
    record, tensors = ClassTarget("y", ("a", "b"), np.array([0.5, 0.5])).to_record()
    set_in(record, tensors, path=path, value=value)
    with pytest.raises(TableError, match=sentence):
        target_from_record(record, tensors)


def test_targets_by_the_thousand_are_read_in_time_proportional_to_their_number():
    record, stored = NumberTarget("t", 3.0, 2.0).to_record()
    count = 8000
    records = [record["targets"][0] | {"name": f"t{i}"} for i in range(count)]
    tensors = {
        f"{i}.{name.removeprefix('0.')}": vector
        for i in range(count)
        for name, vector in stored.items()
    }
    start = time.process_time()
    target = target_from_record(record | {"targets": records}, tensors)
    # 0.3 s; looking through all tensors for each target would take ten.
    assert time.process_time() - start < 3.0
    assert target.outputs == count


# Holding rows back.


@given(st.integers(2, 300), st.floats(0.05, 0.95), st.integers(0, 1000))
@settings(max_examples=60, deadline=None)
def test_rows_are_held_back_once_each_and_alike_for_a_seed(rows, fraction, seed):
    try:
        train, back = hold_back(rows, fraction, seed)
    except TableError:
        assert round(fraction * rows) in (0, rows)
        return
    assert sorted([*train, *back]) == list(range(rows))
    assert len(back) == min(round(fraction * rows), rows - 1)
    again = hold_back(rows, fraction, seed)
    assert (again[1] == back).all()


def test_classes_are_held_back_in_proportion_and_a_single_row_is_kept_for_training():
    classes = np.array([0] * 80 + [1] * 20 + [2])
    train, back = hold_back(101, 0.25, 0, classes)
    assert np.bincount(classes[back], minlength=3).tolist() == [20, 5, 0]
    assert 100 in train


def test_too_few_rows_to_hold_any_back_are_refused():
    with pytest.raises(TableError, match=r"cannot hold back 0\.2 of 2 rows"):
        hold_back(2, 0.2, 0)
