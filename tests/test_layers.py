"""Layers: their options, first weights, and what they refuse."""

from dataclasses import fields
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import lamina as lm
from lamina import _core
from lamina._layers.layers import LAYERS
from networks import bits

pytestmark = pytest.mark.kernels

Array = npt.NDArray[Any]
INPUTS, UNITS = 300, 200


def first_weights(initializer: Any, inputs: int = INPUTS, units: int = UNITS) -> Array:
    layer = lm.Dense(units, initializer=initializer)
    net = lm.Sequential([layer], inputs=inputs, seed=1, dtype="float64")
    return net.parameters()["layers.0.weight"]


VARIANCES = {
    "glorot": 2 / (INPUTS + UNITS),
    "he": 2 / INPUTS,
    "lecun": 1 / INPUTS,
}


@pytest.mark.parametrize("method", VARIANCES)
@pytest.mark.parametrize("form", ["uniform", "normal"])
def test_first_weights_have_the_variance_of_their_method(method: str, form: str) -> None:
    weights = first_weights(f"{method}_{form}")
    variance = VARIANCES[method]
    # 60,000 draws: mean and variance are off by 0.4 % and 0.6 % of the deviation and variance.
    assert abs(weights.mean()) < 0.02 * np.sqrt(variance)
    assert weights.var() == pytest.approx(variance, rel=0.03)
    if form == "uniform":
        assert np.abs(weights).max() <= np.sqrt(3 * variance)
        assert np.abs(weights).max() > 0.999 * np.sqrt(3 * variance)
    else:
        # A normal's fourth moment is 3 variances squared, a uniform's 1.8.
        assert (weights**4).mean() == pytest.approx(3 * variance**2, rel=0.1)


@pytest.mark.parametrize(("inputs", "units"), [(30, 30), (30, 20), (20, 30), (1, 5)])
@pytest.mark.parametrize("gain", [1.0, 2.0])
def test_orthogonal_weights_are_orthogonal(inputs: int, units: int, gain: float) -> None:
    weights = first_weights({"kind": "orthogonal", "gain": gain}, inputs, units) / gain
    product = weights @ weights.T if units <= inputs else weights.T @ weights
    np.testing.assert_allclose(product, np.eye(len(product)), atol=1e-13)


def test_constant_and_zero_weights_are_what_they_say() -> None:
    assert (first_weights({"kind": "constant", "value": 0.25}) == 0.25).all()
    assert not first_weights("zeros").any()


@pytest.mark.parametrize(
    ("activation", "variance"),
    [("relu", "he"), ("gelu", "he"), ("silu", "he"), ("tanh", "glorot"), ("identity", "glorot")],
)
def test_the_default_initializer_goes_with_the_activation(activation: str, variance: str) -> None:
    net = lm.Sequential([lm.Dense(UNITS, activation)], inputs=INPUTS, dtype="float64")
    weights = net.parameters()["layers.0.weight"]
    assert weights.var() == pytest.approx(VARIANCES[variance], rel=0.03)


def test_biases_start_at_0_or_as_told() -> None:
    layers = [lm.Dense(3), lm.Dense(4, bias_initializer={"kind": "constant", "value": 0.5})]
    biases = lm.Sequential(layers, inputs=2).parameters()
    assert not biases["layers.0.bias"].any()
    assert (biases["layers.1.bias"] == 0.5).all()


def test_equal_layers_of_one_network_start_from_different_weights() -> None:
    weights = lm.Sequential([lm.Dense(4), lm.Dense(4)], inputs=4).parameters()
    assert bits([weights["layers.0.weight"]]) != bits([weights["layers.1.weight"]])


def test_a_dense_layer_without_bias_has_none() -> None:
    net = lm.Sequential([lm.Dense(3, bias=False)], inputs=2)
    assert list(net.parameters()) == ["layers.0.weight"]
    assert not net.predict(np.zeros((1, 2))).any()


@pytest.mark.parametrize("activation", _core.catalogue()["activations"])
def test_an_activation_layer_does_what_the_dense_layers_activation_does(activation: str) -> None:
    x = np.random.default_rng(0).normal(size=(33, 5)).astype(np.float32) * 3
    fused = lm.Sequential([lm.Dense(7, activation, initializer="he_normal")], inputs=5)
    apart = lm.Sequential(
        [lm.Dense(7, initializer="he_normal"), lm.Activation(activation)], inputs=5
    )
    assert bits([fused.predict(x)]) == bits([apart.predict(x)])


def test_softmax_rows_sum_to_1_for_any_scores() -> None:
    net = lm.Sequential([lm.Activation("softmax")], inputs=3, dtype="float64")
    x = np.array([[1e4, 0.0, -1e4], [1e300, 1e300, 0.0], [-1e300, -1e300, -1e300]])
    shares = net.predict(x)
    np.testing.assert_allclose(shares[:2], [[1.0, 0.0, 0.0], [0.5, 0.5, 0.0]])
    np.testing.assert_allclose(shares.sum(axis=1), 1.0)


def test_an_activations_parameter_is_taken_from_its_dictionary() -> None:
    leaky = {"kind": "leaky_relu", "negative_slope": 0.25}
    net = lm.Sequential([lm.Activation(leaky)], inputs=2)
    np.testing.assert_array_equal(net.predict([[-2.0, 2.0]]), [[-0.5, 2.0]])


def test_every_kind_of_layer_in_the_core_has_a_class() -> None:
    assert set(LAYERS) == set(_core.catalogue()["layers"])


LAYER_EXAMPLES: list[lm.Layer] = [
    lm.Dense(3, "relu"),
    lm.Dense(3, {"kind": "leaky_relu", "negative_slope": 0.5}, bias=False, trainable=False),
    lm.Dense(3, initializer={"kind": "orthogonal", "gain": 2.0}, bias_initializer="he_normal"),
    lm.Activation("gelu"),
    lm.Dropout(0.25),
    lm.BatchNorm(momentum=0.25, epsilon=0.001, scale=False),
    lm.Residual([lm.Dense(3, "tanh"), lm.Residual([lm.Dense(3)], projection=True)]),
    lm.Dense(3, l1=0.1, l2=0.2, max_norm=2.0, non_negative=True, rate_factor=2.0, decay_factor=0.0),
    lm.AlphaDropout(0.25),
    lm.GaussianNoise(0.5),
    lm.PReLU(0.1, shared=True, rate_factor=0.5),
    lm.Dense(3, parametrization="ntk", bias_rate_factor=0.1, bias_decay_factor=0.0),
    lm.Dense(3, initializer={"kind": "normal", "deviation": 0.5}, bias_initializer="normal"),
    lm.ParametricActivation("mish", 0.5, rate_factor=0.1),
    lm.LayerNorm(1e-3, shift=False, trainable=False),
    lm.RMSNorm(1e-3, scale=False, decay_factor=2.0),
    lm.Scale(0.1, shift=True, rate_factor=0.5),
    lm.Normalization(),
    lm.Affine([1.0, 2.0, 3.0, 4.0], 0.5),
    lm.Clip(low=-1.0),
]


@pytest.mark.parametrize("layer", LAYER_EXAMPLES, ids=lambda layer: layer.kind)
def test_a_network_can_be_built_from_its_description(layer: lm.Layer) -> None:
    net = lm.Sequential([layer, lm.Dense(2)], inputs=4, seed=3)
    twin = lm.Sequential.from_spec(net.to_spec(), seed=3)
    assert twin.to_spec() == net.to_spec()
    assert bits(twin) == bits(net)
    described = net.to_spec()["layers"][0]
    for field in fields(layer):
        given = layer.to_spec().get(field.name)
        if given != field.default and field.name != "layers":
            assert described[field.name] == (list(given) if isinstance(given, tuple) else given)


@pytest.mark.parametrize(
    ("layers", "sentence"),
    [
        (3, "network: expected a list of at least one layer, got 3"),
        ([3], "layer: expected an object of options, got 3"),
        ([{"units": 1}], "'kind', which is missing"),
        ([{"kind": "dens", "units": 1}], "layer: unknown kind 'dens'; expected one of dense"),
        ([{"kind": ["dense"]}], "layer: expected text for 'kind'"),
        ([{"kind": "residual"}], "'layers', which is missing"),
        (
            [{"kind": "residual", "layers": 1}],
            "Residual: expected a list of at least one layer, got 1",
        ),
        ([{"kind": "column_encoding", "columns": [{"kind": "x"}]}], "column 0: unknown kind 'x'"),
    ],
)
def test_a_wrong_description_is_refused_with_a_sentence(layers: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        lm.Sequential.from_spec({"inputs": 2, "layers": layers})


def test_numbers_may_be_numpys() -> None:
    layers = [lm.Dense(np.int64(3)), lm.Dropout(np.float32(0.5))]
    assert lm.Sequential(layers, inputs=np.int32(2), seed=np.uint64(2**63)).outputs == 3


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: lm.Dense(0), ValueError, "Dense: expected 'units' between 1 and 16777216, got 0"),
        (lambda: lm.Dense(2.5), ValueError, "Dense: expected a whole number for 'units', got 2.5"),
        (lambda: lm.Dense(1, 3), TypeError, "activation: expected a name or a dictionary, got 3"),
        (
            lambda: lm.Dense(1, {"kind": "relu", "x": 1}),
            ValueError,
            "activation relu: unknown option 'x'; there are none",
        ),
        (
            lambda: lm.Dense(1, {"kind": "leaky_relu", "negative_slope": 2}),
            ValueError,
            "between 0 and 1",
        ),
        (
            lambda: lm.Dense(1, initializer={"kind": "constant"}),
            ValueError,
            "'value', which is missing",
        ),
        (
            lambda: lm.Dense(1, initializer={"kind": "orthogonal", "gain": 2.0, "x": 1}),
            ValueError,
            "unknown option 'x'",
        ),
        (
            lambda: lm.Dense(1, initializer="he"),
            ValueError,
            "zeros, constant, normal, orthogonal, glorot_uniform, glorot_normal, he_uniform, "
            "he_normal, lecun_uniform, lecun_normal",
        ),
        (lambda: lm.Dropout(1.0), ValueError, "'rate' below 1, got 1: nothing would be kept"),
        (lambda: lm.Dropout(-0.1), ValueError, "'rate' between 0 and 1, got -0.1"),
        (
            lambda: lm.Dropout(float("nan")),
            ValueError,
            "a finite number for 'rate', got nan",
        ),
        (
            lambda: lm.Dense(np.ones(1)),
            TypeError,
            "dense: expected text, a number or true or false for 'units', got ndarray",
        ),
        (
            lambda: lm.Dense(1, {"kind": "elu", "alpha": 1j}),
            TypeError,
            "elu: expected text, a number or true or false for 'alpha', got complex",
        ),
        (
            lambda: lm.Dense(1, {("kind",): "elu"}),
            TypeError,
            r"dense: expected text, a number or true or false for \('kind',\), got tuple",
        ),
        (
            lambda: lm.Dense(1, l1=np.longdouble("1e4000")),
            ValueError,
            "dense: expected a finite number for 'l1'",
        ),
    ],
    ids=[
        *("0", "broken", "number", "option", "slope", "value", "gain", "he", "all", "minus", "nan"),
        *("array", "complex", "key", "beyond float64"),
    ],
)
def test_options_out_of_range_are_refused(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        lm.Sequential([make()], inputs=2)


def test_options_may_be_numbers_of_any_real_type_of_numpy() -> None:
    for kind in (np.float16, np.float32, np.longdouble):
        layer = lm.Dense(np.int8(1), l1=kind(0.5), bias=np.bool_(False))
        net = lm.Sequential([layer], inputs=2)
        assert net.to_spec() == lm.Sequential([lm.Dense(1, l1=0.5, bias=False)], inputs=2).to_spec()


def test_a_layer_in_place_of_a_list_is_refused() -> None:
    for make in (lm.Sequential, lm.Residual):
        with pytest.raises(TypeError, match=f"{make.__name__}: expected a list of layers, got De"):
            make(lm.Dense(1))
