"""Embeddings of categories: which row a code has, what a step changes, and what is refused."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import lamina as lm
from lamina import _core
from networks import bits, same_for_any_threads
from test_gradients import TOLERANCE, check_parameters, difference_quotient, relative_error

pytestmark = pytest.mark.kernels

Array = npt.NDArray[Any]
each_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])
NAN, INFINITY = float("nan"), float("inf")
COLUMNS = {1: 300, 4: 5}
WEIGHT = "layers.0.weight"


def table_data(rows: int = 240) -> tuple[Array, Array]:
    """Five columns, of which 1 and 4 hold codes, some of them missing; and two targets."""
    random = np.random.default_rng(0)
    x = random.normal(size=(rows, 5)).astype(np.float32)
    for column, categories in COLUMNS.items():
        x[:, column] = random.integers(-1, categories, rows)
        x[x[:, column] < 0, column] = NAN
    return x, np.sin(np.nan_to_num(x) @ random.normal(size=(5, 2))).astype(np.float32)


def network(units: int = 3, dtype: Any = "float32", **options: Any) -> lm.Sequential:
    layers = [lm.Embedding(COLUMNS, units, **options), lm.Dense(19, "tanh"), lm.Dense(2)]
    return lm.Sequential(layers, inputs=5, seed=3, dtype=dtype)


@each_dtype
@pytest.mark.parametrize("units", [1, 3, 16, 37])
def test_units_stand_in_the_place_of_their_column(units: int, dtype: Any) -> None:
    x, _ = table_data()
    net = lm.Sequential([lm.Embedding(COLUMNS, units)], inputs=5, dtype=dtype)
    table = net.parameters()[WEIGHT]
    assert table.shape == (307, units)
    codes = [np.where(np.isnan(x[:, c]), n, x[:, c]).astype(int) for c, n in COLUMNS.items()]
    parts = [x[:, :1], table[codes[0]], x[:, 2:4], table[301 + codes[1]]]
    np.testing.assert_array_equal(net.predict(x), np.concatenate(parts, axis=1).astype(dtype))


@each_dtype
def test_the_last_row_serves_whatever_is_no_code(dtype: Any) -> None:
    net = lm.Sequential([lm.Embedding({0: 3}, 2)], inputs=1, dtype=dtype)
    table = net.parameters()[WEIGHT]
    strange = [NAN, -1.0, -1e30, 3.0, 2.5, 1e-30, 1e30, 2.0**24, 2.0**63, 3e38]
    np.testing.assert_array_equal(net.predict(np.reshape(strange, (-1, 1))), [table[3]] * 10)
    np.testing.assert_array_equal(net.predict([[0.0], [-0.0], [2.0]]), table[[0, 0, 2]])
    predictor = net.compile_predictor()
    for value in [*strange, INFINITY, -INFINITY]:
        np.testing.assert_array_equal(predictor(np.array([value], dtype)), table[3])


def test_first_weights_are_normal_with_their_deviation() -> None:
    for options, deviation in (({}, 1.0), ({"deviation": 0.01}, 0.01)):
        layer = lm.Embedding({0: 9999}, 20, **options)
        table = lm.Sequential([layer], inputs=1).parameters()[WEIGHT]
        # 200,000 draws: five deviations.
        assert abs(table.mean()) < 0.012 * deviation
        assert table.std() == pytest.approx(deviation, rel=0.01)
        assert (table**4).mean() == pytest.approx(3.0 * deviation**4, rel=0.05)
    assert (
        not lm.Sequential([lm.Embedding({0: 9}, 2, deviation=0.0)], inputs=1)
        .parameters()[WEIGHT]
        .any()
    )


@pytest.mark.parametrize("first", [[], [lm.Affine(1.0)], [lm.Residual([lm.Dense(5)])]])
def test_gradients_are_those_of_differences(first: list[lm.Layer]) -> None:
    random = np.random.default_rng(0)
    embedding = lm.Embedding({1: 4, 3: 2}, 3)
    layers = [*first, embedding, lm.Dense(4, "tanh"), lm.Dense(2)]
    net = lm.Sequential(layers, inputs=5, dtype="float64")
    x, direction = random.normal(size=(17, 5)), random.normal(size=(17, 2))
    if not first or first[0].kind == "affine":  # else codes would come out of the sum
        x[:, [1, 3]] = random.integers(-1, 4, (17, 2))
    net.forward(x)
    input_gradient, gradients = net.backward(direction), net.gradients()
    check_parameters(net, gradients, lambda: float((net.forward(x) * direction).sum()))

    def loss(x: Array) -> float:
        return float((net.forward(x) * direction).sum())

    others = [0, 2, 4] if not first or first[0].kind == "affine" else [0, 1, 2, 3, 4]
    expected = difference_quotient(loss, x)[:, others]
    assert relative_error(input_gradient[:, others], expected) <= TOLERANCE
    if len(others) == 3:
        assert not input_gradient[:, [1, 3]].any()


def test_the_gradients_of_single_rows_sum_to_that_of_all() -> None:
    x, y = table_data(20)
    net = network(dtype="float64")
    rows = net.sample_gradients(x, y)
    _, whole = net.value_and_grad(x, y)
    for name, gradient in whole.items():
        np.testing.assert_allclose(rows[name].mean(axis=0), gradient, rtol=1e-10, atol=1e-12)


OPTIMIZERS: dict[str, Callable[[], Any]] = {
    "sgd": lambda: lm.SGD(0.01),
    "adagrad": lambda: lm.Adagrad(0.1),
    "momentum": lambda: lm.SGD(0.1, momentum=0.9),
    "decay": lambda: lm.SGD(0.1, weight_decay=0.1),
    "adam": lambda: lm.Adam(0.01),
    "adamw": lambda: lm.AdamW(0.01),
    "clipped": lambda: lm.Adam(0.01, clip_norm=0.5),
    "muon": lambda: lm.Muon(0.01, first_and_last=True),
}


def moved_rows(net: lm.Sequential, before: Array) -> set[int]:
    return set(np.flatnonzero((net.parameters()[WEIGHT] != before).any(axis=1)).tolist())


@each_dtype
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_sparse_steps_move_the_rows_that_the_batch_names_and_no_others(
    name: str, dtype: Any
) -> None:
    x, y = table_data()
    net, optimizer = network(sparse=True, dtype=dtype), OPTIMIZERS[name]()
    for rows in (slice(0, 9), slice(9, 14), slice(20, 60)):
        named = {300 if np.isnan(code) else int(code) for code in x[rows, 1]}
        named |= {301 + (5 if np.isnan(code) else int(code)) for code in x[rows, 4]}
        before = net.parameters()[WEIGHT]
        net.train_step(x[rows], y[rows], optimizer=optimizer)
        assert moved_rows(net, before) == named


def test_adam_moves_every_row_that_it_has_seen_unless_sparse() -> None:
    x, y = table_data()
    net, optimizer = network(), lm.Adam()
    net.train_step(x[:60], y[:60], optimizer=optimizer)
    before = net.parameters()[WEIGHT]
    net.train_step(x[60:61], y[60:61], optimizer=optimizer)
    assert len(moved_rows(net, before)) > 30


@each_dtype
@pytest.mark.parametrize("name", ["sgd", "adagrad"])
def test_sparse_changes_nothing_where_unnamed_rows_rest_anyway(name: str, dtype: Any) -> None:
    x, y = table_data()
    found = []
    for options in ({}, {"sparse": True}):
        net = network(dtype=dtype, **options)
        net.fit(x, y, epochs=3, optimizer=OPTIMIZERS[name](), verbose=False)
        found.append(bits(net))
    # The same with every row updated, which a clipping that never clips asks for.
    kind = {"sgd": lm.SGD, "adagrad": lm.Adagrad}[name]
    net = network(dtype=dtype)
    net.fit(
        x,
        y,
        epochs=3,
        optimizer=kind({"sgd": 0.01, "adagrad": 0.1}[name], clip_norm=1e9),
        verbose=False,
    )
    assert found[0] == found[1] == bits(net)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_steps_by_hand_have_the_bits_of_fused_steps(name: str, sparse: bool) -> None:
    x, y = table_data(50)
    fused, by_hand = network(sparse=sparse), network(sparse=sparse)
    first, second = OPTIMIZERS[name](), OPTIMIZERS[name]()
    for step in range(3):
        fused.train_step(x, y, optimizer=first)
        by_hand.value_and_grad(x, y, step=step)
        second.step(by_hand)
    assert bits(fused) == bits(by_hand)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_the_bits_do_not_depend_on_threads(name: str, sparse: bool) -> None:
    random = np.random.default_rng(0)
    x = random.integers(0, 3000, (1000, 3)).astype(np.float32)
    x[:, 1] /= 3000.0
    y = random.normal(size=(1000, 2)).astype(np.float32)

    def train() -> bytes:
        embedding = lm.Embedding({0: 3000, 2: 70}, 24, sparse=sparse)
        net = lm.Sequential([embedding, lm.Dense(300, "relu"), lm.Dense(2)], inputs=3)
        net.fit(x, y, batch_size=256, epochs=1, optimizer=OPTIMIZERS[name](), verbose=False)
        return bits(net) + net.predict(x).tobytes()

    assert same_for_any_threads(train)


@each_dtype
def test_files_copies_and_pickles_keep_the_layer(dtype: Any, tmp_path: Path) -> None:
    x, y = table_data()
    net = network(dtype=dtype, sparse=True, rate_factor=0.5)
    net.fit(x, y, epochs=1, verbose=False)
    net.save(tmp_path / "net.lamina")
    for twin in (lm.load(tmp_path / "net.lamina"), net.copy(), pickle.loads(pickle.dumps(net))):
        assert twin.to_spec() == net.to_spec()
        assert twin.layers[0] == net.layers[0]
        assert bits(twin) == bits(net)
        assert twin.predict(x).tobytes() == net.predict(x).tobytes()


@each_dtype
def test_predictors_have_the_networks_outputs(dtype: Any) -> None:
    net, x = network(dtype=dtype), table_data()[0].astype(dtype)
    predictor, expected = net.compile_predictor(), net.predict(x)
    assert np.array_equal(predictor(x), expected)
    bound = 1000 * float(np.finfo(dtype).eps)
    np.testing.assert_allclose([predictor(row) for row in x], expected, rtol=bound, atol=bound)


def test_training_finds_what_each_category_is_worth() -> None:
    random = np.random.default_rng(0)
    worth = random.normal(size=200)
    codes = random.integers(0, 200, 4000)
    layers = [lm.Embedding({0: 200}, 8), lm.Dense(1)]
    net = lm.Sequential(layers, inputs=1)
    net.fit(codes[:, None], worth[codes], epochs=30, optimizer=lm.Adam(0.02), verbose=False)
    assert np.abs(net.predict(np.arange(200)[:, None])[:, 0] - worth).mean() < 0.05


def test_frozen_tables_rest_and_slower_ones_move_less() -> None:
    x, y = table_data()
    moved = {}
    for name, options in {
        "free": {},
        "slow": {"rate_factor": 0.25},
        "frozen": {"trainable": False},
    }.items():
        net = network(dtype="float64", **options)
        before = net.parameters()[WEIGHT]
        net.train_step(x, y, optimizer=lm.SGD(0.1))
        moved[name] = net.parameters()[WEIGHT] - before
    assert not moved["frozen"].any()
    np.testing.assert_allclose(moved["slow"], moved["free"] / 4.0, rtol=1e-9, atol=1e-16)


def test_missing_values_are_legal_in_embedded_columns_alone() -> None:
    x, y = table_data()
    net = network()
    for call in (lambda x: net.predict(x), lambda x: net.fit(x, y, epochs=1, verbose=False)):
        call(x)
        wrong = x.copy()
        wrong[7, 2] = NAN
        with pytest.raises(
            ValueError, match="columns that the first layer embeds, got nan in row 7"
        ):
            call(wrong)
        wrong[7, 2], wrong[7, 1] = 0.0, INFINITY
        with pytest.raises(ValueError, match="expected finite numbers in X, got inf in row 7"):
            call(wrong)


@each_dtype
def test_an_encoded_code_is_itself_or_the_number_of_categories(dtype: Any) -> None:
    columns = [lm.CodeEncoding(3), lm.NumberEncoding(), lm.CodeEncoding(2**24, indicator=True)]
    net = lm.Sequential([lm.ColumnEncoding(columns)], inputs=3, dtype=dtype)
    codes = np.array([0.0, 2.0, 3.0, 0.5, -1.0, NAN, 2.0**24 - 1.0, 3e38])
    x = np.stack([codes, np.arange(8.0), codes], axis=1)
    outputs = net.forward(x)
    most = 2.0**24
    expected = [
        [0.0, 2.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0],
        np.arange(8.0),
        [0.0, 2.0, 3.0, most, most, most, most - 1.0, most],
        np.isnan(codes),
    ]
    np.testing.assert_array_equal(outputs, np.transpose(expected))
    np.testing.assert_array_equal(net.backward(np.ones((8, 4))), [[0.0, 1.0, 0.0]] * 8)
    assert columns[0].features == 1
    assert columns[2].features == 2
    assert lm.Sequential.from_spec(net.to_spec()).to_spec() == net.to_spec()


def test_an_embedding_behind_encoded_columns_is_one_of_their_codes() -> None:
    x, y = table_data()
    codes = {column: lm.CodeEncoding(count) for column, count in COLUMNS.items()}
    columns = [codes.get(column, lm.NumberEncoding()) for column in range(5)]
    behind = [lm.ColumnEncoding(columns), lm.Embedding(COLUMNS, 3), lm.Dense(2)]
    first = [lm.Embedding(COLUMNS, 3), lm.Dense(2)]
    nets = [lm.Sequential(layers, inputs=5, seed=1) for layers in (behind, first)]
    nets[0].set_parameters(
        {f"layers.{int(name[7]) + 1}{name[8:]}": p for name, p in nets[1].parameters().items()}
    )
    for net in nets:
        net.fit(x, y, epochs=2, verbose=False)
    assert nets[0].predict(x).tobytes() == nets[1].predict(x).tobytes()


def test_a_summary_and_a_description_name_the_layer() -> None:
    layer = lm.Embedding({4: 5, 1: 300}, units=3)
    assert layer == lm.Embedding([(1, 300), (4, 5)], 3)
    assert hash(layer) == hash(lm.Embedding({1: 300, 4: 5}, 3))
    assert repr(layer) == "Embedding(columns=((1, 300), (4, 5)), units=3)"
    assert "Embedding(2 columns)" in repr(network())
    assert lm.Embedding({np.int64(1): np.int32(3)}, 2) == lm.Embedding({1: 3}, 2)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: lm.Embedding({}, 2), ValueError, "expected at least one column, got none"),
        (lambda: lm.Embedding(3, 2), TypeError, "Embedding: expected columns as a dictionary"),
        (lambda: lm.Embedding([1, 2], 2), TypeError, "from a column's number to its categories"),
        (lambda: lm.Embedding({"a": 1, 2: 3}, 2), TypeError, "expected columns as a dictionary"),
        (
            lambda: lm.Embedding({"a": 1}, 2),
            ValueError,
            "whole numbers between 0 and 16777215 for 'columns', got \"a\"",
        ),
        (lambda: lm.Embedding({-1: 3}, 2), ValueError, "for 'columns', got -1"),
        (lambda: lm.Embedding({0: 0}, 2), ValueError, "for 'categories', got 0"),
        (lambda: lm.Embedding({0: 2.5}, 2), ValueError, "for 'categories', got 2.5"),
        (lambda: lm.Embedding({0: 2**24 + 1}, 2), ValueError, "for 'categories', got 16777217"),
        (lambda: lm.Embedding([(1, 3), (1, 4)], 2), ValueError, "expected rising 'columns'"),
        (lambda: lm.Embedding({0: 3}, 0), ValueError, "expected 'units'"),
        (lambda: lm.Embedding({0: 3}, 2, sparse="yes"), ValueError, "expected true or false"),
        (lambda: lm.Embedding({0: 3}, 2, deviation=-1.0), ValueError, "expected 'deviation'"),
        (lambda: lm.Embedding({5: 3}, 2), ValueError, "expected columns below 5, .* got 5"),
        (
            lambda: lm.Embedding({0: 3}, 2**24),
            ValueError,
            "expected at most 16777216 outputs, got 16777220",
        ),
    ],
)
def test_wrong_options_are_refused(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        lm.Sequential([make()], inputs=5)


def test_wrong_descriptions_are_refused() -> None:
    for spec in (
        '{"kind": "embedding", "columns": [1, 2], "categories": [3], "units": 2}',
        '{"kind": "embedding", "columns": [2, 1], "categories": [3, 3], "units": 2}',
        '{"kind": "embedding", "columns": 1, "categories": [3], "units": 2}',
        '{"kind": "embedding", "units": 2}',
    ):
        with pytest.raises(ValueError, match="Embedding: "):
            _core.check_layer(spec)
