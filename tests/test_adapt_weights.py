"""First weights from data: what each unit's product with the rows becomes, and what stays."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import lamina as lm
from networks import bits, same_for_any_threads, value_data

pytestmark = pytest.mark.kernels

Array = npt.NDArray[Any]


def deep(dtype: str = "float64", seed: int = 3) -> lm.Sequential:
    ntk: dict[str, Any] = {"parametrization": "ntk"}
    layers = [
        lm.Scale(2.0),
        lm.Dense(40, **ntk),
        lm.ParametricActivation("selu"),
        lm.Dropout(0.5),
        lm.Dense(30, "mish", bias_initializer="normal"),
        lm.Residual([lm.Dense(30, "relu", **ntk), lm.Dense(30)]),
        lm.Dense(2, bias=False),
    ]
    return lm.Sequential(layers, inputs=7, dtype=dtype, seed=seed)


def products(net: lm.Sequential, x: Array, dense: str) -> Array:
    """What a Dense makes of the rows before bias and activation."""
    before = int(dense.split(".")[1])
    values = x if before == 0 else net.activations(x)[f"layers.{before - 1}"]
    weight = net.parameters()[f"{dense}.weight"]
    layer = net.layers[before]
    ntk = isinstance(layer, lm.Dense) and layer.parametrization == "ntk"
    return values @ weight.T / (np.sqrt(weight.shape[1]) if ntk else 1.0)


@pytest.mark.parametrize("rows", [2, 500])
def test_every_units_product_has_variance_1(rows: int) -> None:
    x = 30.0 * value_data(rows=rows)[0].astype(np.float64) + 5.0
    net = deep()
    net.adapt_weights(x)
    for dense in ("layers.1", "layers.4", "layers.6"):
        np.testing.assert_allclose(products(net, x, dense).std(axis=0), 1.0, rtol=1e-9)


def test_layers_of_a_block_are_adapted_too() -> None:
    x, net = value_data(rows=500)[0].astype(np.float64), deep()
    before = net.parameters()
    net.adapt_weights(x)
    for name in ("layers.5.layers.0.weight", "layers.5.layers.1.weight"):
        ratio = net.parameters()[name] / before[name]
        # One factor a unit.
        np.testing.assert_allclose(ratio, np.broadcast_to(ratio[:, :1], ratio.shape), rtol=1e-9)
        assert not np.allclose(ratio, 1.0)


def test_biases_put_each_unit_among_the_rows() -> None:
    x, net = value_data(rows=300)[0].astype(np.float64), deep()
    net.adapt_weights(x, bias_rows=5)
    for dense in ("layers.1", "layers.4"):
        z, bias = products(net, x, dense), net.parameters()[f"{dense}.bias"]
        assert (-bias > z.min(axis=0)).all()
        assert (-bias < z.max(axis=0)).all()
        # Means of five of them with uniform shares vary by sqrt(2 / 6) of a deviation.
        spread = ((-bias - z.mean(axis=0)) / z.std(axis=0)).std()
        assert 0.4 < spread < 0.8


def test_one_row_a_unit_is_a_row_itself() -> None:
    x = value_data(rows=50)[0].astype(np.float64)
    net = lm.Sequential([lm.Dense(20)], inputs=7, dtype="float64")
    net.adapt_weights(x, bias_rows=1)
    distance = np.abs(products(net, x, "layers.0") + net.parameters()["layers.0.bias"])
    assert distance.min(axis=0).max() < 1e-12
    assert len(set(distance.argmin(axis=0))) > 5


def test_each_part_can_be_left_out() -> None:
    x, plain = value_data(rows=100)[0].astype(np.float64), deep()
    scaled, placed, neither = deep(), deep(), deep()
    scaled.adapt_weights(x, bias_rows=0)
    placed.adapt_weights(x, scale=False)
    neither.adapt_weights(x, scale=False, bias_rows=0)
    first = plain.parameters()
    assert bits(neither) == bits(plain)
    assert scaled.parameters()["layers.4.bias"].tobytes() == first["layers.4.bias"].tobytes()
    assert not np.array_equal(scaled.parameters()["layers.4.weight"], first["layers.4.weight"])
    assert placed.parameters()["layers.4.weight"].tobytes() == first["layers.4.weight"].tobytes()
    assert not np.array_equal(placed.parameters()["layers.4.bias"], first["layers.4.bias"])


def test_units_without_spread_and_frozen_layers_stay() -> None:
    x = value_data(rows=100)[0].astype(np.float64)
    frozen = lm.Dense(5, "tanh", trainable=False)
    zeros = lm.Dense(3, initializer="zeros", bias_initializer="normal")
    net = lm.Sequential([frozen, lm.Dense(4, "relu"), zeros], inputs=7, dtype="float64", seed=1)
    before = net.parameters()
    net.adapt_weights(x)
    changed = [n for n, v in net.parameters().items() if not np.array_equal(v, before[n])]
    assert changed == ["layers.1.weight", "layers.1.bias"]
    constant = net.parameters()
    net.adapt_weights(np.ones((10, 7)))
    assert bits(net) == bits(constant.values())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_products_too_small_to_be_scaled_stay(dtype: str) -> None:
    tiny = float(np.finfo(dtype).tiny)
    net = lm.Sequential([lm.Dense(5)], inputs=7, dtype=dtype)
    before = bits(net)
    net.adapt_weights(tiny * np.random.default_rng(0).normal(size=(50, 7)) / 1e3)
    assert bits(net) == before


def test_the_seed_and_the_rows_alone_decide() -> None:
    x = value_data(rows=9000)[0].astype(np.float64)

    def adapted(seed: int = 3, rows: Array = x) -> bytes:
        net = deep(seed=seed)
        net.adapt_weights(rows)
        return bits(net)

    assert same_for_any_threads(adapted)
    assert adapted(seed=4) != adapted()
    assert adapted(rows=x[:8000]) != adapted()
    # Of many rows some thousands are taken: the deviation is near 1, not 1.
    net = deep()
    net.adapt_weights(x)
    deviation = products(net, x, "layers.1").std(axis=0)
    np.testing.assert_allclose(deviation, 1.0, atol=0.06)
    assert np.abs(deviation - 1.0).max() > 1e-6


def test_a_first_normalization_is_adapted_before() -> None:
    x = 1e6 + 100.0 * value_data(rows=200)[0].astype(np.float64)
    net = lm.Sequential([lm.Normalization(), lm.Dense(9)], inputs=7, dtype="float64")
    net.adapt_weights(x)
    np.testing.assert_allclose(products(net, x, "layers.1").std(axis=0), 1.0, rtol=1e-9)
    np.testing.assert_allclose(net.parameters()["layers.0.mean"], x.mean(axis=0), rtol=1e-12)


def test_training_goes_on_from_adapted_weights() -> None:
    x, y = value_data(rows=300)
    net = deep("float32")
    net.adapt_weights(x)
    before = net.evaluate(x, y)["loss"]
    net.fit(x, y, epochs=20, optimizer=lm.Adam(0.01))
    assert net.evaluate(x, y)["loss"] < 0.5 * before


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((np.ones((3, 5)),), {}, ValueError, "adapt_weights"),
        ((np.full((3, 7), np.nan),), {}, ValueError, "adapt_weights"),
        ((np.ones((0, 7)),), {}, ValueError, "at least"),
        ((np.ones((3, 7)),), {"bias_rows": -1}, ValueError, "bias_rows of at least 0"),
        ((np.ones((3, 7)),), {"bias_rows": 2.5}, TypeError, "bias_rows as a whole number"),
        ((np.ones((3, 7)),), {"scale": 1}, TypeError, "scale as True or False"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(
    arguments: Any, options: Any, error: type[Exception], message: str
) -> None:
    net = deep()
    before = bits(net)
    with pytest.raises(error, match=message):
        net.adapt_weights(*arguments, **options)
    assert bits(net) == before


def test_products_that_differ_by_their_rounding_alone_stay() -> None:
    # Time stamps that nobody has scaled: their float32 products vary in the last bits.
    x = 1.7e9 + np.random.default_rng(0).uniform(0.0, 1.0, size=(50, 7))
    net = lm.Sequential([lm.Dense(5)], inputs=7)
    before = bits(net)
    with pytest.warns(UserWarning, match="so close together"):
        net.adapt_weights(x)
    assert bits(net) == before
