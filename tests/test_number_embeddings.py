"""Piecewise linear and periodic embeddings of numbers: values, gradients, files, refusals."""

import pickle
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import lamina as lm
from networks import bits, same_for_any_threads, value_data
from test_gradients import TOLERANCE, check_parameters, difference_quotient, relative_error

pytestmark = pytest.mark.kernels

Array = npt.NDArray[Any]
DTYPES = ["float32", "float64"]
NAN = float("nan")
FINE = np.linspace(-2.0, 2.0, 40) ** 3
EDGES = {1: [-1.0, -0.2, 0.1, 0.9], 4: FINE, 5: [-0.5, 0.5]}
LAYERS: dict[str, lm.Layer] = {
    "piecewise A": lm.PiecewiseLinear(EDGES, 5, "A"),
    "piecewise A relu": lm.PiecewiseLinear(EDGES, 20, "A", "relu"),
    "piecewise B": lm.PiecewiseLinear(EDGES, 16),
    "plr": lm.Periodic([1, 4, 5], "plr", sigma=0.3),
    "plr lite": lm.Periodic([1, 4, 5], "plr", 7, 5, 0.3, shared=True),
    "plr identity": lm.Periodic([1, 4, 5], "plr", 17, 9, 0.3, activation="identity"),
    "pbld": lm.Periodic([1, 4, 5]),
    "pbld relu shared": lm.Periodic([1, 4, 5], "pbld", 2, 33, 0.5, True, "relu"),
}
each_layer = pytest.mark.parametrize("name", list(LAYERS))
each_dtype = pytest.mark.parametrize("dtype", DTYPES)


def network(name: str, dtype: Any = "float32", width: int = 19) -> lm.Sequential:
    """The layer, with parameters that are all in use, before two dense ones."""
    layers = [LAYERS[name], lm.Dense(width, "tanh"), lm.Dense(2)]
    net = lm.Sequential(layers, inputs=7, seed=3, dtype=dtype)
    random = np.random.default_rng(5)
    weight = net.parameters()["layers.0.weight"]
    net.set_parameters({"layers.0.weight": random.normal(0.0, 0.3, weight.shape)})
    return net


def rows_data(rows: int = 203) -> tuple[Array, Array]:
    """Numbers of about one, some of them beyond all edges, on edges, and missing."""
    x, y = value_data(rows)
    x[:, 1] *= 2.0
    x[::7, 4], x[1::7, 4], x[2::7, 4] = FINE[:1], FINE[-1:], FINE[13:14]
    x[3::7, 1], x[::11, 5] = NAN, NAN
    return x, y


def piecewise(x: Array, layer: lm.PiecewiseLinear, p: dict[str, Array]) -> Array:
    """The definition, in float64."""
    columns, first = [], 0
    for place, (column, edges) in enumerate(layer.edges):
        parts = [(x[:, column] - a) / (b - a) for a, b in pairwise(edges)]
        for k, part in enumerate(parts):
            low, high = (-np.inf, 0.0)[k > 0], (np.inf, 1.0)[k < len(parts) - 1]
            parts[k] = np.clip(part, low, high)
        value = np.stack(parts, 1) @ p["weight"][first : first + len(parts)] + p["bias"][place]
        first += len(parts)
        if "slope" in p:
            value = value + x[:, [column]] * p["slope"][place]
        columns.append(np.maximum(value, 0.0) if layer.activation == "relu" else value)
    return np.stack(columns, 1)


def periodic(x: Array, layer: lm.Periodic, p: dict[str, Array]) -> Array:
    columns = []
    for place, column in enumerate(layer.columns):
        angles = 2.0 * np.pi * p["frequencies"][place] * x[:, [column]]
        if layer.form == "plr":
            waves = np.concatenate([np.cos(angles), np.sin(angles)], axis=1)
        else:
            waves = np.cos(angles + p["phases"][place])
        own = slice(None) if layer.shared else place
        value = waves @ p["weight"][own] + p["bias"][own]
        if layer.activation == "relu" or (layer.activation is None and layer.form == "plr"):
            value = np.maximum(value, 0.0)
        columns.append(value if layer.form == "plr" else np.concatenate([x[:, [column]], value], 1))
    return np.stack(columns, 1)


@each_layer
@each_dtype
def test_values_are_those_of_the_definition(name: str, dtype: Any) -> None:
    x, _ = rows_data()
    net, layer = network(name, dtype), LAYERS[name]
    parameters = {k.removeprefix("layers.0."): v for k, v in net.parameters().items()}
    exact = {k: v.astype(np.float64) for k, v in parameters.items()}
    function = piecewise if isinstance(layer, lm.PiecewiseLinear) else periodic
    made: Any = function(x.astype(np.float64), layer, exact)  # type: ignore[operator]
    made[np.isnan(made).all(axis=2)] = 0.0
    made = np.nan_to_num(made, nan=0.0)
    parts = [x[:, :1], made[:, 0], x[:, 2:4], made[:, 1], made[:, 2], x[:, 6:]]
    alone = lm.Sequential([layer], inputs=7, dtype=dtype)
    alone.set_parameters({f"layers.0.{k}": v for k, v in parameters.items() if k in ALL_NAMES})
    bound = {"float32": 1e-4, "float64": 1e-12}[dtype]
    expected = np.concatenate(parts, axis=1)
    np.testing.assert_allclose(alone.predict(x), expected, rtol=bound, atol=bound)


ALL_NAMES = ("weight", "bias", "slope", "frequencies", "phases")


@each_layer
@pytest.mark.parametrize("place", ["first", "after a layer", "in a block"])
def test_gradients_are_those_of_differences(name: str, place: str) -> None:
    random = np.random.default_rng(4)
    layer, inner = LAYERS[name], lm.Dense(7)
    layers: list[lm.Layer] = [layer, lm.Dense(4, "tanh"), lm.Dense(2)]
    if place == "after a layer":
        layers = [inner, *layers]
    if place == "in a block":
        layers = [lm.Residual([layer, inner]), lm.Dense(2)]
    net = lm.Sequential(layers, inputs=7, dtype="float64", seed=9)
    for key, value in net.parameters().items():
        if key.endswith("layers.0.weight"):
            net.set_parameters({key: random.normal(0.0, 0.5, value.shape)})
    direction = random.normal(size=(70, 2))
    # Far from edges and corners, where there is no derivative.
    x = random.uniform(-1.0, 1.0, (70, 7))

    def loss(x: Array = x) -> float:
        return float((net.forward(x) * direction).sum())

    loss()
    input_gradient, gradients = net.backward(direction), net.gradients()
    smooth = not isinstance(layer, lm.PiecewiseLinear) and "relu" not in str(layer.activation)
    smooth = smooth and (layer.form != "plr" or layer.activation == "identity")  # type: ignore[attr-defined]
    if smooth:
        check_parameters(net, gradients, loss)
        assert relative_error(input_gradient, difference_quotient(loss, x)) <= TOLERANCE
        return
    # With corners, single steps along random directions that cross none of them.
    for step in (1e-7, -1e-7):
        before = loss()
        moved = random.normal(size=x.shape)
        slope = (loss(x + step * moved) - before) / step
        assert slope == pytest.approx(float((input_gradient * moved).sum()), rel=1e-4, abs=1e-4)
        for key, value in net.parameters().items():
            moved = random.normal(size=value.shape)
            net.set_parameters({key: value + step * moved})
            slope = (loss() - before) / step
            net.set_parameters({key: value})
            expected = float((gradients[key] * moved).sum())
            assert slope == pytest.approx(expected, rel=1e-4, abs=1e-4), key


@each_layer
def test_a_missing_number_is_all_0_and_moves_nothing(name: str) -> None:
    x, _ = value_data(40)
    x[:, [1, 4, 5]] = NAN
    net = lm.Sequential([LAYERS[name]], inputs=7, dtype="float64")
    outputs = net.forward(x)
    passed = np.isin(outputs[0], x[0, [0, 2, 3, 6]].astype(np.float64))
    assert passed.sum() == 4
    assert not outputs[:, ~passed].any()
    input_gradient = net.backward(np.ones_like(outputs))
    np.testing.assert_array_equal(input_gradient, np.ones((40, 1)) * [1, 0, 1, 1, 0, 0, 1])
    assert not any(gradient.any() for gradient in net.gradients().values())
    for column in (0, 3, 6):
        wrong = x.copy()
        wrong[5, column] = NAN
        with pytest.raises(
            ValueError, match="columns that the first layer embeds, got nan in row 5"
        ):
            net.predict(wrong)


@each_layer
@each_dtype
def test_training_lowers_the_loss(name: str, dtype: Any) -> None:
    net, (x, y) = network(name, dtype), rows_data()
    before = net.evaluate(x, y)["loss"]
    net.fit(x, y, epochs=20, verbose=False)
    assert net.evaluate(x, y)["loss"] < 0.8 * before


@each_layer
def test_the_bits_do_not_depend_on_threads(name: str) -> None:
    x, y = rows_data(700)

    def train() -> bytes:
        net = network(name, width=300)
        net.fit(x, y, batch_size=256, epochs=1, verbose=False)
        return bits(net) + net.predict(x).tobytes()

    assert same_for_any_threads(train)


@each_layer
@each_dtype
def test_steps_by_hand_have_the_bits_of_fused_steps(name: str, dtype: Any) -> None:
    x, y = rows_data(50)
    fused, by_hand = network(name, dtype), network(name, dtype)
    first, second = lm.Adam(), lm.Adam()
    for step in range(3):
        fused.train_step(x, y, optimizer=first)
        by_hand.value_and_grad(x, y, step=step)
        second.step(by_hand)
    assert bits(fused) == bits(by_hand)


@each_layer
def test_the_gradients_of_single_rows_sum_to_that_of_all(name: str) -> None:
    x, y = rows_data(90)
    net = network(name, "float64")
    rows, (_, whole) = net.sample_gradients(x, y), net.value_and_grad(x, y)
    for key, gradient in whole.items():
        np.testing.assert_allclose(rows[key].mean(axis=0), gradient, rtol=1e-9, atol=1e-12)


@each_layer
@each_dtype
def test_files_copies_and_pickles_keep_the_layer(name: str, dtype: Any, tmp_path: Path) -> None:
    net, (x, y) = network(name, dtype), rows_data()
    net.fit(x, y, epochs=1, verbose=False)
    net.save(tmp_path / "net.lamina")
    for twin in (lm.load(tmp_path / "net.lamina"), net.copy(), pickle.loads(pickle.dumps(net))):
        assert twin.to_spec() == net.to_spec()
        assert bits(twin) == bits(net)
        assert twin.predict(x).tobytes() == net.predict(x).tobytes()


@each_layer
@each_dtype
def test_predictors_have_the_networks_outputs(name: str, dtype: Any) -> None:
    net, x = network(name, dtype), rows_data()[0].astype(dtype)
    predictor, expected = net.compile_predictor(), net.predict(x)
    assert np.array_equal(predictor(x), expected)
    bound = 1000 * float(np.finfo(dtype).eps)
    np.testing.assert_allclose([predictor(row) for row in x], expected, rtol=bound, atol=bound)


@each_layer
def test_a_rows_outputs_do_not_depend_on_the_others(name: str) -> None:
    net, x = network(name), rows_data()[0]
    outputs = net.predict(x)
    for row in (0, 14, 15, 63, 64, 202):
        assert np.array_equal(net.predict(x[row : row + 1])[0], outputs[row])


@each_layer
def test_layers_may_be_frozen_or_learn_slower(name: str) -> None:
    x, y = rows_data()
    spec, moved = LAYERS[name].to_spec(), {}
    del spec["kind"]
    for case, options in {
        "free": {},
        "slow": {"rate_factor": 0.25},
        "frozen": {"trainable": False},
    }.items():
        layer = type(LAYERS[name]).from_options(spec | options)
        net = lm.Sequential([layer, lm.Dense(2)], inputs=7, dtype="float64")
        before = net.parameters()
        net.train_step(x, y, optimizer=lm.SGD(0.1))
        after = net.parameters()
        moved[case] = [after[k] - before[k] for k in before if k.startswith("layers.0.")]
    for free, slow, frozen in zip(*moved.values(), strict=True):
        assert np.abs(free).max() > 1e-6
        np.testing.assert_allclose(slow, free / 4.0, rtol=1e-9, atol=1e-16)
        assert not frozen.any()


def test_version_b_begins_as_a_linear_layer() -> None:
    x = np.random.default_rng(0).normal(size=(50, 1))
    net = lm.Sequential([lm.PiecewiseLinear({0: FINE}, 16)], inputs=1, dtype="float64")
    parameters = net.parameters()
    assert not parameters["layers.0.weight"].any()
    expected = x * parameters["layers.0.slope"] + parameters["layers.0.bias"]
    np.testing.assert_allclose(net.predict(x), expected, rtol=1e-14)
    for name in ("slope", "bias"):
        assert 0.15 < np.abs(parameters[f"layers.0.{name}"]).max() <= 0.25


def test_first_weights_are_those_of_the_papers() -> None:
    edges = {0: np.arange(101.0), 1: np.arange(26.0)}
    a = lm.Sequential([lm.PiecewiseLinear(edges, 40, "A")], inputs=2).parameters()
    weight = np.abs(a["layers.0.weight"])
    assert 0.099 < weight[:100].max() <= 0.1
    assert 0.195 < weight[100:].max() <= 0.2
    net = lm.Sequential([lm.Periodic(range(50), "plr", 24, 48, 0.02)], inputs=50)
    plr = net.parameters()
    frequencies = plr["layers.0.frequencies"]
    # 2,400 draws: five deviations.
    assert abs(frequencies.mean()) < 0.1 * 0.02
    assert frequencies.std() == pytest.approx(0.02, rel=0.08)
    for name in ("weight", "bias"):
        assert 0.1 < np.abs(plr[f"layers.0.{name}"]).max() <= 96**-0.5
    pbld = lm.Sequential([lm.Periodic(range(50))], inputs=50).parameters()
    assert 3.1 < np.abs(pbld["layers.0.phases"]).max() <= np.float32(np.pi)
    assert pbld["layers.0.weight"].shape == (50, 16, 3)


def test_many_bins_and_close_edges() -> None:
    x = np.linspace(-0.5, 1.5, 999)[:, None]
    edges = np.linspace(0.0, 1.0, 513)
    net = lm.Sequential([lm.PiecewiseLinear({0: edges}, 3, "A")], inputs=1, dtype="float64")
    p = {k.removeprefix("layers.0."): v for k, v in net.parameters().items()}
    layer: Any = net.layers[0]
    np.testing.assert_allclose(net.predict(x), piecewise(x, layer, p)[:, 0], rtol=1e-9, atol=1e-12)
    # Edges that float32 does not tell apart are one step.
    close = lm.PiecewiseLinear({0: [0.0, 1.0, 1.0 + 1e-12, 2.0]}, 2, "A")
    net = lm.Sequential([close], inputs=1)
    weight, bias = (net.parameters()[f"layers.0.{k}"] for k in ("weight", "bias"))
    expected = [bias[0] + weight[0] * 0.5, bias[0] + weight[:2].sum(axis=0)]
    np.testing.assert_allclose(net.predict([[0.5], [1.0]]), expected, rtol=1e-6)
    net.forward([[1.0], [0.5], [NAN], [3.0]])
    assert np.isfinite(net.backward(np.ones((4, 2)))).all()


def test_numbers_far_outside_stay_finite() -> None:
    x = np.array([[1e30], [-1e30], [1e15], [0.0]], np.float32)
    for layer in (
        lm.Periodic([0]),
        lm.Periodic([0], "plr"),
        lm.PiecewiseLinear({0: [0.0, 1.0]}, 3),
    ):
        net = lm.Sequential([layer], inputs=1)
        assert np.isfinite(net.predict(x)).all()


def test_layers_of_columns_follow_one_another() -> None:
    x, y = rows_data()
    x[:, 0] = np.arange(203) % 5
    columns = [lm.NumberEncoding()] * 6 + [lm.CategoryEncoding(3, indicator=True)]
    layers: list[lm.Layer] = [lm.ColumnEncoding(columns), lm.Periodic([4, 5])]
    layers += [lm.PiecewiseLinear({1: [-1.0, 0.0, 1.0]}, 8), lm.Embedding({0: 5}, 4)]
    net = lm.Sequential([*layers, lm.Dense(2)], inputs=7)
    net.fit(x, y, epochs=2, verbose=False)
    assert np.isfinite(net.predict(x)).all()
    assert len(lm.Sequential(layers, inputs=7).predict(x[:1])[0]) == 4 + 8 + 2 + 2 * 4 + 4


def test_descriptions_compare_and_print() -> None:
    layer = lm.PiecewiseLinear({1: np.array([0.0, 1.0])}, 3, "A", "relu")
    assert layer == lm.PiecewiseLinear([(1, (0.0, 1.0))], 3, "A", "relu")
    assert hash(layer) == hash(lm.PiecewiseLinear({1: [0, 1]}, 3, "A", "relu"))
    assert repr(lm.Periodic([2, 0])) == "Periodic(columns=(0, 2))"
    assert "Periodic(3 columns)" in repr(network("pbld"))
    assert "PiecewiseLinear(3 columns)" in repr(network("piecewise B"))
    spec = lm.Sequential([lm.Periodic([0], "plr")], inputs=1).to_spec()["layers"][0]
    expected = {"units": 24, "frequencies": 48, "sigma": 0.01, "activation": "relu"}
    assert expected.items() <= spec.items()
