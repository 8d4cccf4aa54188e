"""The layer that expands a table's columns: values, gradients, missing values, files, options."""

import json
import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import lamina as lm
from networks import bits

pytestmark = pytest.mark.kernels

Array = npt.NDArray[Any]
DTYPES = ["float32", "float64"]
each_dtype = pytest.mark.parametrize("dtype", DTYPES)
EDGES = (-1.5, -0.25, -0.25, 0.125, 3.0, 40.0)
COLUMNS = (
    lm.NumberEncoding(edges=EDGES, limit=3.0, fill=2.5, indicator=True),
    lm.CategoryEncoding(5),
    lm.NumberEncoding(edges=tuple(np.linspace(-2.0, 2.0, 50)), fill=7.0),
    lm.DateEncoding(center=19_000.0, scale=400.0, limit=3.0, fill=19_100.25, indicator=True),
    lm.NumberEncoding(limit=2.0, fill=-1.0),
    lm.CategoryEncoding(40, indicator=True),
    lm.NumberEncoding(),
)
INPUTS = sum(column.inputs for column in COLUMNS)
FEATURES = sum(column.features for column in COLUMNS)


def compact(rows: int = 200, seed: int = 0) -> Array:
    """Compact inputs with missing values, values beyond the edges, and codes that are none."""
    rng = np.random.default_rng(seed)
    x = np.column_stack(
        [
            rng.uniform(-3.0, 8.0, rows),
            rng.integers(-2, 8, rows),
            rng.uniform(-5.0, 55.0, rows),
            rng.integers(15_000, 25_000, rows),
            rng.integers(0, 86_400, rows) / 86_400,
            rng.normal(0.0, 5.0, rows),
            rng.integers(0, 40, rows),
            rng.normal(0.0, 1.0, rows),
        ]
    )
    x[rng.random(x.shape) < 0.1] = np.nan
    x[0, 0], x[1, 2] = 3.0, 49.0  # on an edge, and on the last one
    return x.astype(np.float32)


def bend(z: Array, limit: float) -> Array:
    return z / np.hypot(1.0, z / limit) if limit else z


def expanded(x: Array, columns: Any = COLUMNS) -> Array:
    """What the layer is to give, in float64, by the formulas of its documentation."""
    inputs = iter(np.asarray(x, np.float64).T)
    parts: list[Array] = []
    for column in columns:
        value = next(inputs)
        if isinstance(column, lm.CategoryEncoding):
            parts.append((value[:, None] == np.arange(column.count)).astype(float))
        elif isinstance(column, lm.NumberEncoding):
            p = np.where(np.isnan(value), column.fill, value)
            edges = np.asarray(column.edges)
            z = p
            if len(edges):
                k = np.clip(np.floor(p), 0, len(edges) - 2).astype(int)
                z = edges[k] + (p - k) * np.diff(edges)[k]
            steps = np.clip(p[:, None] - np.arange(max(len(edges) - 1, 0)), 0.0, 1.0)
            parts += [bend(z, column.limit)[:, None], steps]
        else:
            value = value + next(inputs)
            days = np.where(np.isnan(value), column.fill, value)
            parts.append(bend((days - column.center) / column.scale, column.limit)[:, None])
            for period in (365.2425, 7.0, 1.0):
                angle = 2.0 * np.pi * np.remainder(days, period) / period
                parts.append(np.column_stack([np.sin(angle), np.cos(angle)]))
        if column.indicator:
            parts.append(np.isnan(value)[:, None].astype(float))
    return np.hstack(parts)


def layer_alone(dtype: Any) -> lm.Sequential:
    return lm.Sequential([lm.ColumnEncoding(COLUMNS)], inputs=INPUTS, dtype=dtype)


def network(dtype: Any = "float32", **options: Any) -> lm.Sequential:
    layers = [lm.ColumnEncoding(COLUMNS), lm.Dense(24, "tanh"), lm.Dense(2)]
    return lm.Sequential(layers, inputs=INPUTS, seed=3, dtype=dtype, **options)


def targets(x: Array) -> Array:
    return np.column_stack([np.nan_to_num(x[:, 7]), np.isnan(x[:, 0])]).astype(float)


@each_dtype
def test_features_are_those_of_the_formulas(dtype: Any) -> None:
    x = compact()
    features = layer_alone(dtype).predict(x)
    assert features.shape == (len(x), FEATURES)
    # Steps of float32 at p = 48 are 4e-6, and edges apart by 37 units stretch them.
    bound = 1e-5 if dtype == "float32" else 1e-11
    np.testing.assert_allclose(features, expanded(x), rtol=bound, atol=bound)


@each_dtype
def test_a_row_alone_has_the_bits_of_a_row_among_others(dtype: Any) -> None:
    x, net = compact(), layer_alone(dtype)
    together = net.predict(x)
    predictor = net.compile_predictor()
    for row in range(len(x)):
        assert np.array_equal(net.predict(x[row : row + 1])[0], together[row])
        assert np.array_equal(predictor(x[row].astype(dtype)), together[row])
    assert np.array_equal(predictor(x.astype(dtype)), together)
    assert np.array_equal(net.predict(np.asfortranarray(x)), together)


def test_the_gradient_by_the_inputs_is_the_difference_quotient() -> None:
    x = compact(40).astype(np.float64)
    x[:2] += 0.3  # away from the edges, where there is no derivative
    net = network("float64")
    jacobian = net.jacobian(x)
    for column in range(INPUTS):
        step = np.zeros(INPUTS)
        step[column] = 1e-6
        quotient = (net.predict(x + step) - net.predict(x - step)) / 2e-6
        missing = np.isnan(x[:, column])
        codes = column in (1, 6)
        expected = np.zeros_like(quotient) if codes else np.where(missing[:, None], 0.0, quotient)
        if column in (3, 4):
            expected[np.isnan(x[:, 3:5]).any(axis=1)] = 0.0
        # Rounding of outputs of about 1 over 2e-6; the day's sine has a third derivative of 250.
        np.testing.assert_allclose(jacobian[:, :, column], expected, rtol=1e-5, atol=1e-8)


@each_dtype
def test_derivatives_are_those_of_the_expanded_rows(dtype: Any) -> None:
    x = compact(30)
    net = network(dtype)
    rest = lm.Sequential(net.layers[1:], inputs=FEATURES, seed=3, dtype="float64")
    rest.set_parameters({f"layers.{int(k[7]) - 1}{k[8:]}": v for k, v in net.parameters().items()})
    bound = 1e-4 if dtype == "float32" else 1e-10
    by_weights, expected = net.parameter_jacobian(x), rest.parameter_jacobian(expanded(x))
    np.testing.assert_allclose(by_weights, expected, rtol=bound, atol=bound)
    vectors = np.random.default_rng(1).normal(size=(30, 2))
    pulled = net.vector_jacobian_product(x, vectors)
    np.testing.assert_allclose(
        pulled, np.einsum("roi,ro->ri", net.jacobian(x), vectors), rtol=bound, atol=bound
    )
    move = np.random.default_rng(2).normal(size=x.shape)
    pushed = net.jacobian_vector_product(x, inputs=move)
    np.testing.assert_allclose(
        pushed, np.einsum("roi,ri->ro", net.jacobian(x), move), rtol=bound, atol=10 * bound
    )
    net.forward(x)
    by_hand = net.backward(vectors)
    np.testing.assert_allclose(by_hand, pulled, rtol=bound, atol=bound)


@each_dtype
def test_features_are_finite_whatever_the_inputs(dtype: Any) -> None:
    predictor = layer_alone(dtype).compile_predictor()  # which checks no values
    for value in (np.nan, np.inf, -np.inf, np.finfo(dtype).max, -np.finfo(dtype).max, 5e-324):
        assert np.isfinite(predictor(np.full(INPUTS, value, dtype))).all(), value
        assert np.isfinite(predictor(np.full((3, INPUTS), value, dtype))).all(), value


def test_outliers_keep_their_order_and_close_values_their_distance() -> None:
    edges = np.concatenate([np.linspace(0.0, 1.0, 40), [1e9]])
    net = lm.Sequential([lm.ColumnEncoding([lm.NumberEncoding(edges=edges, limit=3.0)])], inputs=1)
    places = np.array([[10.0], [10.001], [10.002], [40.0], [41.0], [1e9]])
    steps = net.predict(places)
    assert (np.diff(steps[:, 0]) >= 0.0).all()
    np.testing.assert_allclose(steps[:3, 11], [0.0, 1e-3, 2e-3], atol=1e-6)


@each_dtype
def test_training_takes_missing_values_and_follows_training_on_expanded_rows(dtype: Any) -> None:
    x = compact()
    features = layer_alone(dtype).predict(x)
    net = network(dtype)
    bound = 1e-4 if dtype == "float32" else 1e-12
    plain = lm.Sequential(net.layers[1:], inputs=FEATURES, seed=3, dtype=dtype)
    plain.set_parameters({f"layers.{int(k[7]) - 1}{k[8:]}": v for k, v in net.parameters().items()})
    for epochs in (1, 2):
        ours = net.fit(x, targets(x), epochs=epochs, batch_size=17, verbose=False)
        theirs = plain.fit(features, targets(x), epochs=epochs, batch_size=17, verbose=False)
        np.testing.assert_allclose(ours["loss"], theirs["loss"], rtol=bound)
    for name, array in plain.parameters().items():
        own = net.parameters()[f"layers.{int(name[7]) + 1}{name[8:]}"]
        np.testing.assert_allclose(own, array, rtol=bound, atol=bound)


def test_the_bits_do_not_depend_on_threads() -> None:
    x = compact(1000)
    found = set()
    for count in (1, 2, 3, 4):
        lm.set_num_threads(count, exact=True)
        layers = [lm.ColumnEncoding(COLUMNS), lm.Dense(600, "relu"), lm.Dense(2)]
        net = lm.Sequential(layers, inputs=INPUTS, seed=3)
        for batch_size in (7, 256):  # shared by columns, and by rows
            net.fit(x, targets(x), batch_size=batch_size, epochs=1, verbose=False)
        found.add(bits(net) + net.predict(x).tobytes())
    assert len(found) == 1


@each_dtype
def test_files_copies_pickles_and_predictors_keep_the_layer(dtype: Any, tmp_path: Path) -> None:
    x, net = compact(), network(dtype)
    net.save(tmp_path / "net.lamina")
    copies = (
        lm.load(tmp_path / "net.lamina"),
        net.copy(),
        pickle.loads(pickle.dumps(net)),
        lm.Sequential.from_spec(json.loads(json.dumps(net.to_spec())), seed=3, dtype=dtype),
    )
    for twin in copies:
        assert twin.layers[0] == net.layers[0]
        assert twin.to_spec() == net.to_spec()
        assert twin.predict(x).tobytes() == net.predict(x).tobytes()
    rows = net.compile_predictor()(x.astype(dtype))
    assert np.array_equal(rows, net.predict(x))


def test_the_summary_names_the_layer_and_its_features() -> None:
    lines = repr(network()).splitlines()
    assert lines[1].split() == ["ColumnEncoding(7", "columns)", str(FEATURES), "0"]
    assert lines[-1].startswith(f"{INPUTS} inputs")


def test_the_layer_may_stand_behind_others() -> None:
    x = np.nan_to_num(compact())
    late = lm.Sequential([lm.Affine(1.0), lm.ColumnEncoding(COLUMNS)], inputs=INPUTS)
    assert np.array_equal(late.predict(x), layer_alone("float32").predict(x))
    with pytest.raises(ValueError, match="expected finite numbers in X, got nan in row"):
        late.predict(compact())


def test_infinity_is_refused_and_nan_alone_is_legal() -> None:
    x = compact()
    for place, value in (((3, 2), np.inf), ((190, 7), -np.inf)):
        broken = x.copy()
        broken[place] = value
        message = f"predict: expected finite numbers in X, got {value} in row {place[0]}, column"
        with pytest.raises(ValueError, match=message):
            network().predict(broken)
    far = x.astype(np.float64)
    far[5, 5] = 1e39
    with pytest.raises(ValueError, match="X holds values beyond float32's range"):
        network().predict(far)


def test_another_number_of_inputs_is_refused_in_one_sentence() -> None:
    message = (
        f"ColumnEncoding: expected {INPUTS} inputs \\(one for each number or category, two for a "
        "date\\), got 3"
    )
    with pytest.raises(ValueError, match=message):
        lm.Sequential([lm.ColumnEncoding(COLUMNS)], inputs=3)
    with pytest.raises(ValueError, match=message):
        lm.Sequential([lm.ColumnEncoding(COLUMNS)]).predict(np.zeros((1, 3)))
    with pytest.raises(ValueError, match=f"predict: expected {INPUTS} input features, got 3"):
        network().predict(np.zeros((1, 3)))


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (lm.NumberEncoding(edges=[1.0]), "expected no 'edges', or at least two, got one"),
        (lm.NumberEncoding(edges=[1.0, 2.0, 1.5]), "expected rising 'edges', got 1.5 after 2.0"),
        (lm.NumberEncoding(edges=[0.0, 1e16]), "expected numbers between -1e15 and 1e15"),
        (lm.NumberEncoding(limit=1e-4), "expected 'limit' to be 0 or at least 0.001, got 0.0001"),
        (lm.NumberEncoding(limit=-1.0), "expected 'limit' between 0 and 1000000, got -1.0"),
        (lm.NumberEncoding(fill=1e16), "expected 'fill' between"),
        (lm.CategoryEncoding(0), "expected 'count' between 1 and 16777216, got 0"),
        (lm.CategoryEncoding(2**25), "expected 'count' between 1 and 16777216"),
        (lm.CategoryEncoding(2.0), "expected a whole number for 'count', got 2.0"),
        (lm.CategoryEncoding(2, indicator=1), "expected true or false for 'indicator', got 1"),
        (lm.DateEncoding(scale=0.0), "expected 'scale' between"),
        (lm.DateEncoding(fill=float("nan")), "expected a finite number for 'fill', got nan"),
    ],
    ids=str,
)
def test_options_out_of_range_are_refused(column: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        lm.ColumnEncoding([lm.CategoryEncoding(3), column])


def test_all_columns_together_have_a_greatest_width() -> None:
    with pytest.raises(ValueError, match="column 1: the columns up to here make more than"):
        lm.ColumnEncoding([lm.CategoryEncoding(2**24), lm.CategoryEncoding(1)])


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ((), "expected a list of at least one column"),
        (lm.NumberEncoding(), "expected a list of encodings, got NumberEncoding"),
        (
            ["age"],
            "expected NumberEncoding, CategoryEncoding, CodeEncoding, DateEncoding, got 'age'",
        ),
        ([lm.NumberEncoding], "got the class NumberEncoding; write NumberEncoding()"),
    ],
    ids=str,
)
def test_what_is_no_list_of_encodings_is_refused(columns: Any, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=re.escape(message)):
        lm.ColumnEncoding(columns)


def test_edges_may_be_an_array_and_layers_with_equal_columns_are_equal() -> None:
    one = lm.ColumnEncoding([lm.NumberEncoding(edges=np.array([0.0, 1.0]))])
    other = lm.ColumnEncoding((lm.NumberEncoding(edges=[0, 1]),))
    assert one == other
    assert hash(one) == hash(other)
    with pytest.raises(ValueError, match="expected edges as a list, got 2 axes"):
        lm.NumberEncoding(edges=np.zeros((2, 2)))
    with pytest.raises(TypeError, match="expected edges as a list of numbers, got 'ab'"):
        lm.NumberEncoding(edges="ab")


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            [{"kind": "image"}],
            "column 0: unknown kind 'image'; expected one of number, category, code, date",
        ),
        ([{"kind": "code", "count": 0}], "column 0: expected 'count'"),
        ([{"kind": "number", "edge": []}], "column 0: unknown option 'edge'; expected some of"),
        ([{"kind": "number", "edges": 3}], "column 0: expected a list of numbers for 'edges', got"),
        ([{"kind": "number", "edges": [0, None]}], "expected numbers between .* got null"),
        ([{"kind": "category"}], "column 0: expected 'count', which is missing"),
        ([[]], "column 0: expected an object of options"),
        ([], "expected a list of at least one column, got \\[\\]"),
        ({}, "expected a list of at least one column, got {}"),
        (None, "expected 'columns', which is missing"),
    ],
    ids=str,
)
def test_damaged_descriptions_are_refused(columns: Any, message: str) -> None:
    from lamina import _core

    with pytest.raises(ValueError, match=message):
        _core.check_layer(json.dumps({"kind": "column_encoding", "columns": columns}))
