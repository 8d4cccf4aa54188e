"""Layers that work on each row alone: values, gradients, training, files, predictors, options."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import lamina as lm
from lamina._checks.spec import to_json
from networks import bits, value_data

pytestmark = pytest.mark.kernels

Array = npt.NDArray[Any]
DTYPES = ["float32", "float64"]
LAYERS: dict[str, lm.Layer] = {
    "prelu": lm.PReLU(),
    "prelu shared": lm.PReLU(0.1, shared=True),
    "parametric relu": lm.ParametricActivation("relu"),
    "parametric mish": lm.ParametricActivation("mish", 0.7),
    "layer_norm": lm.LayerNorm(),
    "layer_norm plain": lm.LayerNorm(1e-3, scale=False, shift=False),
    "rms_norm": lm.RMSNorm(),
    "scale": lm.Scale(0.5),
    "scale shift": lm.Scale(shift=True),
    "normalization": lm.Normalization(),
    "affine": lm.Affine(2.0, -0.5),
    "clip": lm.Clip(-0.6, 0.7),
    "alpha_dropout": lm.AlphaDropout(0.25),
    "gaussian_noise": lm.GaussianNoise(0.3),
}
each_layer = pytest.mark.parametrize("name", list(LAYERS))
each_noise = pytest.mark.parametrize(
    "layer", [lm.AlphaDropout(0.4), lm.GaussianNoise(0.5)], ids=["alpha", "noise"]
)
each_dtype = pytest.mark.parametrize("dtype", DTYPES)


def network(name: str, dtype: Any = "float32", inputs: int = 7, width: int = 19) -> lm.Sequential:
    """The layer in every place: first, after an activation, last."""
    layer = LAYERS[name]
    layers = [layer, lm.Dense(width, "tanh"), layer, lm.Dense(2), layer]
    return lm.Sequential(layers, inputs=inputs, seed=3, dtype=dtype)


def trained(name: str, dtype: Any = "float32") -> lm.Sequential:
    net, (x, y) = network(name, dtype), value_data()
    net.fit(x, y, epochs=2, verbose=False)
    return net


@each_layer
@each_dtype
def test_training_lowers_the_loss(name: str, dtype: Any) -> None:
    net, (x, y) = network(name, dtype), value_data()
    before = net.evaluate(x, y)["loss"]
    net.fit(x, y, epochs=20, verbose=False)
    assert net.evaluate(x, y)["loss"] < before


@each_layer
def test_the_bits_do_not_depend_on_threads(name: str) -> None:
    x, y = value_data(rows=1000)
    found = set()
    for count in (1, 2, 3, 4):
        lm.set_num_threads(count, exact=True)
        # Wide enough to deserve threads, and for several gradient tasks of the layer.
        net = network(name, width=600)
        net.fit(x, y, batch_size=256, epochs=1, verbose=False)
        found.add(bits(net) + net.predict(x).tobytes())
    assert len(found) == 1


@each_layer
@each_dtype
def test_steps_by_hand_have_the_bits_of_fused_steps(name: str, dtype: Any) -> None:
    x, y = value_data(rows=50)
    fused, by_hand = network(name, dtype), network(name, dtype)
    first, second = lm.Adam(), lm.Adam()
    for step in range(3):
        fused.train_step(x, y, optimizer=first)
        by_hand.value_and_grad(x, y, step=step)
        second.step(by_hand)
    assert bits(fused) == bits(by_hand)


@each_layer
@each_dtype
def test_files_copies_and_pickles_keep_the_layer(name: str, dtype: Any, tmp_path: Path) -> None:
    net, x = trained(name, dtype), value_data()[0]
    net.save(tmp_path / "net.lamina")
    for twin in (lm.load(tmp_path / "net.lamina"), net.copy(), pickle.loads(pickle.dumps(net))):
        assert twin.to_spec() == net.to_spec()
        assert bits(twin) == bits(net)
        assert twin.predict(x).tobytes() == net.predict(x).tobytes()


@each_layer
@each_dtype
def test_predictors_have_the_networks_outputs(name: str, dtype: Any) -> None:
    net, x = trained(name, dtype), value_data()[0].astype(dtype)
    predictor, expected = net.compile_predictor(), net.predict(x)
    assert np.array_equal(predictor(x), expected)
    # A single row adds in another order; normalising two columns divides by their distance.
    bound = 5000 * float(np.finfo(dtype).eps)
    np.testing.assert_allclose([predictor(row) for row in x], expected, rtol=bound, atol=bound)


@each_layer
def test_a_rows_outputs_do_not_depend_on_the_others(name: str) -> None:
    net, x = trained(name), value_data()[0]
    outputs = net.predict(x)
    for row in (0, 100, 202):
        assert np.array_equal(net.predict(x[row : row + 1])[0], outputs[row])
    assert np.array_equal(net.predict(np.asfortranarray(x)), outputs)


@each_layer
def test_the_summary_names_the_layer(name: str) -> None:
    assert repr(network(name)).count(type(LAYERS[name]).__name__) == 3


@each_dtype
def test_normalised_rows_have_mean_0_and_square_1(dtype: Any) -> None:
    x = np.random.default_rng(0).normal(3.0, 2.0, (40, 33))
    whole = lm.Sequential([lm.LayerNorm(1e-12)], inputs=33, dtype=dtype).predict(x)
    root = lm.Sequential([lm.RMSNorm(1e-12)], inputs=33, dtype=dtype).predict(x)
    bound = 1e-6 if dtype == "float32" else 1e-12
    np.testing.assert_allclose(whole.mean(axis=1), 0.0, atol=bound)
    np.testing.assert_allclose((whole**2).mean(axis=1), 1.0, rtol=10 * bound)
    np.testing.assert_allclose((root**2).mean(axis=1), 1.0, rtol=10 * bound)


@each_dtype
def test_a_constant_row_is_normalised_to_its_shift(dtype: Any) -> None:
    net = lm.Sequential([lm.LayerNorm()], inputs=5, dtype=dtype)
    net.set_parameters({"layers.0.bias": np.arange(5.0)})
    outputs = net.predict(np.full((2, 5), 8.25))
    np.testing.assert_array_equal(outputs, [np.arange(5.0)] * 2)
    assert not lm.Sequential([lm.RMSNorm()], inputs=5, dtype=dtype).predict(np.zeros((1, 5))).any()


@pytest.mark.parametrize("columns", [600, 1030])
def test_wide_layers_sum_every_columns_gradient(columns: int) -> None:
    """More columns than one gradient task takes."""
    random = np.random.default_rng(0)
    x, up = random.normal(size=(9, columns)), random.normal(size=(9, columns))
    normal = (x - x.mean(axis=1, keepdims=True)) / np.sqrt(x.var(axis=1, keepdims=True) + 1e-5)
    expected = {
        lm.LayerNorm(): {"weight": (up * normal).sum(0), "bias": up.sum(0)},
        lm.Scale(shift=True): {"weight": (up * x).sum(0), "bias": up.sum(0)},
        lm.PReLU(): {"weight": (up * np.minimum(x, 0.0)).sum(0)},
        lm.PReLU(shared=True): {"weight": (up * np.minimum(x, 0.0)).sum(keepdims=True)[0]},
    }
    for layer, gradients in expected.items():
        net = lm.Sequential([layer], inputs=columns, dtype="float64")
        net.forward(x)
        net.backward(up)
        for key, value in gradients.items():
            got = net.gradients()[f"layers.0.{key}"]
            np.testing.assert_allclose(got, value, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("decay_biases", [False, True])
def test_weight_decay_spares_scales_shifts_and_slopes(decay_biases: bool) -> None:
    x, y = np.zeros((4, 5)), np.zeros((4, 5))
    layers = [lm.Scale(3.0), lm.PReLU(0.5), lm.LayerNorm()]
    net = lm.Sequential(layers, inputs=5, dtype="float64")
    before = net.parameters()
    optimizer = lm.SGD(0.1, weight_decay=0.5, decay_biases=decay_biases)
    net.train_step(x, y, optimizer=optimizer)  # all gradients are 0
    for key, value in net.parameters().items():
        factor = 0.95 if decay_biases else 1.0
        np.testing.assert_allclose(value, before[key] * factor, rtol=1e-14)


@pytest.mark.parametrize("kind", [lm.PReLU, lm.LayerNorm, lm.RMSNorm, lm.Scale])
def test_learned_rows_may_be_frozen_or_learn_slower(kind: Any) -> None:
    x, y = value_data()
    steps: dict[str, Array] = {}
    slow, frozen = {"rate_factor": 0.25}, {"trainable": False}
    cases: dict[str, Any] = {"free": {}, "slow": slow, "frozen": frozen}
    for name, options in cases.items():
        net = lm.Sequential([kind(**options), lm.Dense(2)], inputs=7, dtype="float64")
        before = net.parameters()
        net.train_step(x, y, optimizer=lm.SGD(0.1))
        moved = [net.parameters()[k] - before[k] for k in before if k.startswith("layers.0.")]
        steps[name] = np.concatenate(moved)
    assert np.abs(steps["free"]).max() > 1e-5
    np.testing.assert_allclose(steps["slow"], steps["free"] / 4.0, rtol=1e-9, atol=1e-16)
    assert not steps["frozen"].any()


def test_a_slope_may_be_negative_or_above_1() -> None:
    net = lm.Sequential([lm.PReLU()], inputs=3, dtype="float64")
    net.set_parameters({"layers.0.weight": [-0.5, 2.0, 1.0]})
    assert net.forward([[-2.0, -2.0, -2.0]]).tolist() == [[1.0, -4.0, -2.0]]
    assert np.array_equal(net.backward(np.ones((1, 3))), [[-0.5, 2.0, 1.0]])


@pytest.mark.parametrize("columns", [255, 256, 257, 1000])
def test_affine_scales_every_column(columns: int) -> None:
    x, factors = np.ones((3, columns)), np.arange(float(columns))
    plain = lm.Sequential([lm.Affine(2.0, 1.0)], inputs=columns, dtype="float64")
    assert (plain.forward(x) == 3.0).all()
    assert (plain.backward(x) == 2.0).all()
    each = lm.Sequential([lm.Affine(factors, 1.0)], inputs=columns, dtype="float64")
    assert (each.forward(x) == factors + 1.0).all()
    assert (each.backward(x) == factors).all()


def test_affine_takes_outputs_to_the_targets_units() -> None:
    x, y = value_data()
    y = y * np.array([100.0, 0.01]) + np.array([1e3, -1.0])
    layers = [lm.Dense(19, "tanh"), lm.Dense(2), lm.Affine(y.std(axis=0), y.mean(axis=0))]
    net = lm.Sequential(layers, inputs=7, dtype="float64")
    net.fit(x, y, epochs=200, optimizer=lm.Adam(0.01), verbose=False)
    error = np.abs(net.predict(x) - y).mean(axis=0)
    assert error[0] < 30.0  # of a deviation of 70


# Noise


def replay(net: lm.Sequential, x: Array) -> Array:
    """The training forward of one and the same step."""
    return net.forward(x, training=True, step=5)


@each_dtype
def test_alpha_dropout_keeps_mean_and_variance(dtype: Any) -> None:
    x = np.random.default_rng(0).normal(size=(600, 500))
    for rate in (0.05, 0.3, 0.7):
        net = lm.Sequential([lm.AlphaDropout(rate)], inputs=500, dtype=dtype)
        outputs = net.forward(x, training=True)
        # 300,000 draws: five deviations of the mean are 0.01, of the variance about 0.02.
        assert abs(outputs.mean()) < 0.01
        assert outputs.var() == pytest.approx(1.0, abs=0.03)
        keep = np.floor((1.0 - rate) * 65536 + 0.5) / 65536
        limit = -1.7580993408473766
        scale = (keep + limit**2 * keep * (1 - keep)) ** -0.5
        offset = -scale * (1 - keep) * limit
        kept = np.abs(outputs - (scale * x + offset)) < 1e-4
        assert kept.mean() == pytest.approx(keep, abs=0.01)
        np.testing.assert_allclose(outputs[~kept], scale * limit + offset, rtol=1e-5)


@each_noise
def test_noise_vanishes_in_prediction(layer: lm.Layer) -> None:
    net, x = lm.Sequential([layer], inputs=7), value_data()[0]
    assert np.array_equal(net.predict(x), x)
    assert np.array_equal(net.forward(x), x)
    assert not np.array_equal(net.forward(x, training=True), x)


@each_noise
def test_noise_hangs_on_seed_step_layer_and_place_alone(layer: lm.Layer) -> None:
    x = np.random.default_rng(0).normal(size=(200, 40))
    draws = {
        "again": replay(lm.Sequential([layer], inputs=40, seed=1, dtype="float64"), x),
        "first rows": replay(lm.Sequential([layer], inputs=40, seed=1, dtype="float64"), x[:70]),
        "seed": replay(lm.Sequential([layer], inputs=40, seed=2, dtype="float64"), x),
    }
    net = lm.Sequential([layer], inputs=40, seed=1, dtype="float64")
    base = replay(net, x)
    assert np.array_equal(draws["again"], base)
    assert np.array_equal(draws["first rows"], base[:70])
    assert not np.array_equal(draws["seed"], base)
    assert not np.array_equal(net.forward(x, training=True), base)  # the next step
    later = lm.Sequential([lm.Affine(), layer], inputs=40, seed=1, dtype="float64")
    assert not np.array_equal(replay(later, x), base)


def test_noise_is_normal_with_its_deviation() -> None:
    net = lm.Sequential([lm.GaussianNoise(0.5)], inputs=300, dtype="float64")
    noise = net.forward(np.zeros((1000, 300)), training=True)
    # 300,000 draws: five deviations.
    assert abs(noise.mean()) < 0.005
    assert noise.std() == pytest.approx(0.5, rel=0.01)
    assert (noise**4).mean() == pytest.approx(3 * 0.5**4, rel=0.05)
    for shift in (1, 16, 32, 64, 300):  # columns and rows draw apart
        flat = noise.ravel()
        assert abs(np.corrcoef(flat[shift:], flat[:-shift])[0, 1]) < 0.01
    assert np.abs(noise).max() < 0.5 * 6.7


# Options


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: lm.PReLU(float("nan")), "expected a finite number"),
        (lambda: lm.PReLU(shared=3), "PReLU: expected true or false for 'shared', got 3"),
        (
            lambda: lm.PReLU(rate_factor=-1.0),
            "PReLU: expected 'rate_factor' of at least 0, got -1.0",
        ),
        (lambda: lm.LayerNorm(0.0), "LayerNorm: expected 'epsilon' between .*, got 0.0"),
        (
            lambda: lm.LayerNorm("small"),
            "LayerNorm: expected a number for 'epsilon', got \"small\"",
        ),
        (lambda: lm.RMSNorm(2.0), "RMSNorm: expected 'epsilon' between .* and 1, got 2.0"),
        (lambda: lm.Scale(1e9), "Scale: expected 'initial_scale' between -1000000 and 1000000"),
        (lambda: lm.Affine(1e31), "Affine: expected 'scale' between -1e30 and 1e30, got 1e\\+31"),
        (
            lambda: lm.Affine([1.0, 2.0]),
            "expected one 'scale', or one for each of 3 columns, got 2",
        ),
        (
            lambda: lm.Affine(offset=[]),
            "Affine: expected at least one number for 'offset', got none",
        ),
        (lambda: lm.Clip(), "Clip: expected 'low' or 'high' or both, got neither"),
        (lambda: lm.Clip(1.0, 1.0), "Clip: expected 'low' below 'high', got 1.0 and 1.0"),
        (lambda: lm.Clip("low"), "Clip: expected a number for 'low', got \"low\""),
        (lambda: lm.AlphaDropout(1.0), "AlphaDropout: expected a 'rate' below 1, got 1.0"),
        (lambda: lm.AlphaDropout(1.5), "AlphaDropout: expected 'rate' between 0 and 1, got 1.5"),
        (
            lambda: lm.GaussianNoise(-1.0),
            "GaussianNoise: expected 'deviation' between 0 and 1000000",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_options_out_of_range_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        lm.Sequential([make()], inputs=3)


@pytest.mark.parametrize(
    ("scale", "error", "message"),
    [
        ("big", TypeError, "Affine: expected scale as a number or a list of numbers, got 'big'"),
        ([[1.0]], ValueError, "Affine: expected scale as one number a column, got 2 axes"),
    ],
)
def test_affine_refuses_what_is_no_row(scale: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        lm.Affine(scale)


def test_affine_takes_arrays_and_compares_by_value() -> None:
    assert lm.Affine(np.array([1.0, 2.0]), np.float32(0.5)) == lm.Affine([1.0, 2.0], 0.5)
    assert hash(lm.Affine([1.0, 2.0])) == hash(lm.Affine((1.0, 2.0)))


@pytest.mark.parametrize("make", [lambda: lm.Dense(3, "prelu"), lambda: lm.Activation("prelu")])
def test_the_name_prelu_points_to_its_layer(make: Any) -> None:
    with pytest.raises(ValueError, match=r"layer of its own; put lamina.PReLU\(\) after"):
        lm.Sequential([make()], inputs=3)


def test_unknown_options_in_a_description_are_refused() -> None:
    for kind in ("prelu", "layer_norm", "rms_norm", "scale", "normalization", "affine"):
        spec = {"inputs": 3, "layers": [{"kind": kind, "colour": "red"}]}
        with pytest.raises(ValueError, match="unknown option 'colour'"):
            lm._core.make_network(to_json(spec), "float32", 0)


def test_a_description_of_wide_layers_takes_no_memory() -> None:
    """A model file's sizes are checked before memory is taken: these would be 5 GB."""
    resource = pytest.importorskip("resource")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    spec = {"inputs": 2**24, "layers": [{"kind": "affine", "scale": 2.0}] * 40}
    assert lm._core.parameter_shapes(to_json(spec)) == []
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000


def test_a_network_without_parameters_has_no_gradients_but_an_input_gradient() -> None:
    net = lm.Sequential([lm.Clip(-1.0, 1.0)], inputs=2)
    net.forward([[0.5, 2.0]])
    assert np.array_equal(net.backward([[3.0, 4.0]]), [[3.0, 0.0]])
    assert net.gradients() == {}
