"""A dense layer behind a ColumnEncoding sums rows of weights: as the product with all features."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lamina as lm
from lamina._network.code_export import exported_network
from networks import bits, same_for_any_threads
from test_column_encoding import COLUMNS, FEATURES, INPUTS, Array, compact, each_dtype, targets

pytestmark = pytest.mark.kernels

# More steps than are summed at once, and codes that none of the rows has.
WIDE = (
    lm.NumberEncoding(edges=tuple(np.linspace(-9.0, 9.0, 200)), limit=3.0, indicator=True),
    lm.CategoryEncoding(300),
    lm.NumberEncoding(edges=(0.0, 1.0), fill=0.5),
)


def wide_rows(rows: int = 90) -> Array:
    random = np.random.default_rng(4)
    x = np.column_stack(
        [
            random.uniform(-20.0, 220.0, rows),
            random.integers(-1, 9, rows),
            random.uniform(-1, 2, rows),
        ]
    )
    x[random.random(x.shape) < 0.1] = np.nan
    x[:4, 0] = 0.0, 64.0, 128.0, 199.0
    return x.astype(np.float32)


def features_of(x: Array, columns: Any, dtype: Any) -> Array:
    net = lm.Sequential([lm.ColumnEncoding(columns)], inputs=x.shape[1], dtype=dtype)
    return np.asarray(net.predict(x))


def both(
    *layers: lm.Layer, dtype: Any = "float64", columns: Any = COLUMNS
) -> tuple[lm.Sequential, lm.Sequential]:
    """A network behind an encoding, and one with its weights for features as they are."""
    encoding = lm.ColumnEncoding(columns)
    inputs = sum(column.inputs for column in columns)
    net = lm.Sequential([encoding, *layers], inputs=inputs, seed=3, dtype=dtype)
    width = sum(column.features for column in columns)
    twin = lm.Sequential(list(layers), inputs=width, seed=3, dtype=dtype)
    twin.set_parameters({without_first(name): v for name, v in net.parameters().items()})
    return net, twin


def without_first(name: str) -> str:
    _, place, rest = name.split(".", 2)
    return f"layers.{int(place) - 1}.{rest}"


def draw_scales(*nets: lm.Sequential) -> None:
    """Factors of all sizes, signs and 0 for their scales."""
    for net in nets:
        for place, layer in enumerate(net.layers):
            if isinstance(layer, lm.Scale):
                name = f"layers.{place}.weight"
                scale = np.random.default_rng(5).normal(1.0, 0.7, net.parameters()[name].shape)
                scale[::7] = 0.0
                net.set_parameters({name: scale})


def mask_of(columns: Any) -> Array:
    """0 for the steps of numbers and for one category, and 1 for all other features."""
    parts = [
        [1.0, *[0.0] * (max(len(c.edges), 1) - 1), *[1.0] * c.indicator]
        if isinstance(c, lm.NumberEncoding)
        else [float(getattr(c, "count", 0) != 5)] * c.features
        for c in columns
    ]
    return np.concatenate(parts)


FRONTS = ("", "scaled", "frozen", "masked", "masked and scaled")


def front(name: str, columns: Any = COLUMNS) -> list[lm.Layer]:
    """Layers between the encoding and the first dense one."""
    layers: list[lm.Layer] = []
    if "masked" in name:
        layers.append(lm.Affine(mask_of(columns)))
    if "scaled" in name:
        layers.append(lm.Scale(rate_factor=3.0, decay_factor=2.0))
    if name == "frozen":
        layers.append(lm.Scale(0.5, trainable=False))
    return layers


def sums_codes(net: lm.Sequential) -> bool:
    """Whether the dense layer reads codes: else the comparison is of the same product twice."""
    return exported_network(net).sums_codes


def check_alike(net: lm.Sequential, twin: lm.Sequential, bound: float) -> None:
    expected = twin.parameters()
    for name, array in net.parameters().items():
        np.testing.assert_allclose(array, expected[without_first(name)], rtol=bound, atol=bound)


@pytest.mark.parametrize("name", FRONTS)
@pytest.mark.parametrize("units", [16, 17, 64, 150])
@pytest.mark.parametrize("columns", [COLUMNS, WIDE], ids=["all kinds", "wide"])
@each_dtype
def test_outputs_are_those_of_the_product_in_double(
    dtype: Any, columns: Any, units: int, name: str
) -> None:
    x = compact() if columns is COLUMNS else wide_rows()
    net, _ = both(*front(name, columns), lm.Dense(units), dtype=dtype, columns=columns)
    draw_scales(net)
    assert sums_codes(net)
    *scales, weight, bias = net.parameters().values()
    features = features_of(x, columns, dtype).astype(np.float64)
    weight = weight.astype(np.float64)
    for factors in (*scales, *[mask_of(columns)] * ("masked" in name)):
        weight = weight * factors
    size = np.abs(features) @ np.abs(weight).T
    error = np.abs(net.predict(x) - features @ weight.T - bias)
    assert (error <= 20 * np.finfo(dtype).eps * (size + 1.0)).all()


@pytest.mark.parametrize("name", FRONTS)
@pytest.mark.parametrize("columns", [COLUMNS, WIDE], ids=["all kinds", "wide"])
@pytest.mark.parametrize("units", [16, 150])
def test_gradients_are_those_of_the_product(columns: Any, units: int, name: str) -> None:
    x = compact() if columns is COLUMNS else wide_rows()
    y = np.random.default_rng(0).normal(size=(len(x), 2))
    first = front(name, columns)
    net, twin = both(*first, lm.Dense(units, "tanh"), lm.Dense(2), columns=columns)
    draw_scales(net, twin)
    assert sums_codes(net)
    value, gradients = net.value_and_grad(x, y)
    expected, others = twin.value_and_grad(features_of(x, columns, "float64"), y)
    assert value == pytest.approx(expected, rel=1e-12)
    for name, array in gradients.items():
        np.testing.assert_allclose(array, others[without_first(name)], rtol=1e-10, atol=1e-13)
    norms = net.sample_gradient_norms(x[:9], y[:9])
    rows = net.sample_gradients(x[:9], y[:9])
    squares = sum((array.reshape(9, -1) ** 2).sum(axis=1) for array in rows.values())
    np.testing.assert_allclose(norms, np.sqrt(squares), rtol=1e-10)


TRAININGS: dict[
    str, tuple[Callable[[], lm.Optimizer], dict[str, Any], Callable[[], dict[str, Any]]]
] = {
    "sgd": (lambda: lm.SGD(0.05), {}, dict),
    "momentum and decay": (lambda: lm.SGD(0.02, momentum=0.9, weight_decay=0.01), {}, dict),
    "adamw, averaged": (lambda: lm.AdamW(0.01), {}, lambda: {"average": lm.WeightAverage(0.9)}),
    "clipped": (lambda: lm.Adam(0.01, clip_norm=0.1), {}, dict),
    "accumulated": (lambda: lm.Adam(0.01), {}, lambda: {"accumulate": 3}),
    "muon": (lambda: lm.Muon(0.01, first_and_last=True), {}, dict),
    "penalties": (lambda: lm.Adam(0.01), {"l1": 1e-3, "l2": 1e-3}, dict),
    "constraints": (lambda: lm.Adam(0.01), {"max_norm": 0.7, "non_negative": True}, dict),
    "ntk": (lambda: lm.Adam(0.01), {"parametrization": "ntk"}, dict),
    "no bias": (lambda: lm.Adam(0.01), {"bias": False}, dict),
    "frozen": (lambda: lm.Adam(0.01), {"trainable": False}, dict),
    "rows one by one": (lambda: lm.SGD(0.01), {}, lambda: {"batch_size": 1}),
}


@pytest.mark.parametrize("before", FRONTS)
@pytest.mark.parametrize("name", TRAININGS)
def test_training_follows_that_on_features(name: str, before: str) -> None:
    make, options, how = TRAININGS[name]
    x = compact()
    net, twin = both(*front(before), lm.Dense(24, "softplus", **options), lm.Dense(2))
    draw_scales(net, twin)
    assert sums_codes(net)
    common = {"epochs": 3, "batch_size": 17, "verbose": False}
    mine = net.fit(x, targets(x), optimizer=make(), **(common | how()))
    rows = features_of(x, COLUMNS, "float64")
    other = twin.fit(rows, targets(x), optimizer=make(), **(common | how()))
    np.testing.assert_allclose(mine["loss"], other["loss"], rtol=1e-8)
    # Adam divides by the square root of sums that may be nearly 0.
    check_alike(net, twin, 1e-5)


@pytest.mark.parametrize(
    "layers",
    [
        [lm.BatchNorm(), lm.Dense(24, "relu"), lm.Dense(2)],
        [lm.Residual([lm.Dense(24, "relu")]), lm.Dense(2)],
        [lm.Ensemble([lm.Dense(24, "relu"), lm.Dense(2)], 3)],
        [lm.Dense(3, "relu"), lm.Dense(2)],
        [lm.Scale(0.5, shift=True), lm.Dense(24, "relu"), lm.Dense(2)],
        [lm.Scale(0.5), lm.Scale(2.0), lm.Dense(24, "relu"), lm.Dense(2)],
        [lm.Scale(0.5), lm.Ensemble([lm.Dense(24, "relu"), lm.Dense(2)], 3)],
        [lm.Scale(0.5), lm.Residual([lm.Dense(24, "relu")]), lm.Dense(2)],
        [lm.Scale(0.5), lm.Dense(3, "relu"), lm.Dense(2)],
        [lm.Affine(2.0), lm.Dense(24, "relu"), lm.Dense(2)],
        [lm.Affine(np.arange(FEATURES) % 2.0), lm.Dense(24, "relu"), lm.Dense(2)],
        [lm.Affine(np.zeros(FEATURES)), lm.Scale(), lm.Dense(24, "relu"), lm.Dense(2)],
        [lm.Affine(mask_of(COLUMNS), 1.0), lm.Scale(0.5), lm.Dense(24, "relu"), lm.Dense(2)],
    ],
    ids=[
        *("batch norm", "residual", "ensemble", "few units"),
        *("shift", "two scales", "scaled ensemble", "scaled residual", "scaled few units"),
        *("fixed scale", "mask that cuts steps", "mask of all", "mask with an offset"),
    ],
)
@each_dtype
def test_other_readers_have_the_bits_of_features(dtype: Any, layers: Any) -> None:
    x = compact()
    net, twin = both(*layers, dtype=dtype)
    assert not sums_codes(net)
    net.fit(x, targets(x), epochs=1, verbose=False)
    twin.fit(features_of(x, COLUMNS, dtype), targets(x), epochs=1, verbose=False)
    for name, array in net.parameters().items():
        assert array.tobytes() == twin.parameters()[without_first(name)].tobytes(), name


def test_layers_behind_the_coded_one_train_as_on_features() -> None:
    x = compact()
    layers = [
        lm.Dense(24),
        lm.BatchNorm(),
        lm.Activation("relu"),
        lm.Residual([lm.Dense(24, "tanh")]),
        lm.Ensemble([lm.Dense(16, "relu"), lm.Dense(2)], 3),
    ]
    net, twin = both(*layers)
    net.fit(x, targets(x), epochs=2, verbose=False)
    twin.fit(features_of(x, COLUMNS, "float64"), targets(x), epochs=2, verbose=False)
    check_alike(net, twin, 1e-6)


@pytest.mark.parametrize("before", FRONTS)
@pytest.mark.parametrize("batch_size", [1, 5, 200])
def test_the_bits_do_not_depend_on_threads(batch_size: int, before: str) -> None:
    x = compact(400)
    hidden = [*front(before), lm.Dense(150, "relu"), lm.Dense(64, "relu")]

    def train() -> Any:
        net, _ = both(*hidden, lm.Dense(2), dtype="float32")
        net.fit(x, targets(x), epochs=1, batch_size=batch_size, verbose=False)
        return bits(net), net.predict(x).tobytes()

    assert same_for_any_threads(train)


@pytest.mark.parametrize("before", FRONTS)
@each_dtype
def test_rows_and_batches_of_a_predictor_have_the_bits_of_the_network(
    dtype: Any, before: str
) -> None:
    x = compact(70)
    net, _ = both(*front(before), lm.Dense(40, "softmax"), dtype=dtype)
    draw_scales(net)
    together = net.predict(x)
    predictor = net.compile_predictor()
    assert np.array_equal(predictor(x.astype(dtype)), together)
    for row in range(len(x)):
        assert np.array_equal(predictor(x[row].astype(dtype)), together[row])
        assert np.array_equal(net.predict(x[row : row + 1])[0], together[row])
    assert predictor(np.full(INPUTS, np.inf, dtype)).sum() == pytest.approx(1.0)


def test_the_outputs_of_the_encoding_are_its_features() -> None:
    x = compact(50)
    net, _ = both(lm.Dense(24, "tanh"), lm.Dense(2))
    outputs = list(net.activations(x).values())
    assert outputs[0].shape == (50, FEATURES)
    np.testing.assert_array_equal(outputs[0], features_of(x, COLUMNS, "float64"))
    np.testing.assert_array_equal(outputs[-1], net.predict(x))


def test_the_outputs_of_a_mask_and_of_a_scale_are_features() -> None:
    x = compact(50)
    net, _ = both(*front("masked and scaled"), lm.Dense(24, "tanh"), lm.Dense(2))
    draw_scales(net)
    outputs = list(net.activations(x).values())
    features = features_of(x, COLUMNS, "float64")
    np.testing.assert_array_equal(outputs[0], features)
    kept = features * mask_of(COLUMNS)
    np.testing.assert_array_equal(outputs[1], kept)
    np.testing.assert_array_equal(outputs[2], kept * net.parameters()["layers.2.weight"])
    np.testing.assert_array_equal(outputs[-1], net.predict(x))


def test_derivatives_pass_mask_and_scale_to_the_inputs() -> None:
    x = np.nan_to_num(compact(20))
    net, twin = both(*front("masked and scaled"), lm.Dense(24, "tanh"), lm.Dense(2))
    draw_scales(net, twin)
    vectors = np.random.default_rng(1).normal(size=(20, 2))
    encoding = lm.Sequential([lm.ColumnEncoding(COLUMNS)], inputs=INPUTS, dtype="float64")
    by_features = twin.vector_jacobian_product(features_of(x, COLUMNS, "float64"), vectors)
    expected = encoding.vector_jacobian_product(x, by_features)
    np.testing.assert_allclose(net.vector_jacobian_product(x, vectors), expected, rtol=1e-11)


def test_gradients_of_a_scale_are_differences_of_the_loss() -> None:
    x = compact(40)
    y = np.random.default_rng(0).normal(size=(40, 2))
    net, _ = both(lm.Scale(), lm.Dense(24, "tanh"), lm.Dense(2))
    draw_scales(net)
    gradient = net.value_and_grad(x, y)[1]["layers.1.weight"]
    scale = net.parameters()["layers.1.weight"]
    for place in (0, 1, 5, 63, 64, 65, len(scale) - 1):
        values = []
        for step in (1e-6, -1e-6):
            net.set_parameters({"layers.1.weight": scale + step * (np.arange(len(scale)) == place)})
            values.append(net.value_and_grad(x, y)[0])
        assert (values[0] - values[1]) / 2e-6 == pytest.approx(gradient[place], rel=1e-6, abs=1e-9)


def test_first_weights_from_data_are_those_from_features() -> None:
    x = compact()
    net, twin = both(*front("masked and scaled"), lm.Dense(24, "tanh"), lm.Dense(2))
    draw_scales(net, twin)
    net.adapt_weights(x, bias_rows=0)
    twin.adapt_weights(features_of(x, COLUMNS, "float64"), bias_rows=0)
    check_alike(net, twin, 1e-9)
