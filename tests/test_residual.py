"""Residual blocks: what they compute, their widths and names, and how they are kept."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import lamina as lm
from networks import bits, same_for_any_threads, value_data

pytestmark = pytest.mark.kernels

Array = npt.NDArray[Any]

NESTED: list[lm.Layer] = [
    lm.Residual([lm.Dense(7, "tanh"), lm.Dropout(0.2), lm.Dense(7)]),
    lm.Dense(9, "relu"),
    lm.Residual(
        [
            lm.Activation("silu"),
            lm.Residual([lm.Dense(9, "gelu")], projection=True),
            lm.Dropout(0.1),
            lm.Dense(70, "tanh"),
        ]
    ),
    lm.Dense(2),
]


def nested(**options: Any) -> lm.Sequential:
    return lm.Sequential(NESTED, inputs=7, **options)


def test_a_block_adds_its_input_to_what_its_layers_give() -> None:
    x, _ = value_data()
    net = lm.Sequential([lm.Residual([lm.Dense(5, "tanh"), lm.Dense(7)])], inputs=7)
    w = net.parameters()
    inner = np.tanh(x @ w["layers.0.layers.0.weight"].T + w["layers.0.layers.0.bias"])
    expected = x + inner @ w["layers.0.layers.1.weight"].T + w["layers.0.layers.1.bias"]
    np.testing.assert_allclose(net.predict(x), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("projection", ["auto", True])
def test_a_projection_joins_different_widths(projection: Any) -> None:
    x, _ = value_data()
    block = lm.Residual([lm.Dense(3, bias=False)], projection=projection)
    net = lm.Sequential([block], inputs=7)
    w = net.parameters()
    assert {k: v.shape for k, v in w.items()} == {
        "layers.0.layers.0.weight": (3, 7),
        "layers.0.projection.weight": (3, 7),
    }
    expected = x @ sum(w.values()).T
    np.testing.assert_allclose(net.predict(x), expected, rtol=1e-5, atol=1e-5)


def test_equal_widths_have_a_projection_only_when_asked() -> None:
    for projection, expected in (("auto", False), (False, False), (True, True)):
        block = lm.Residual([lm.Dense(7)], projection=projection)
        names = lm.Sequential([block], inputs=7).parameters()
        assert ("layers.0.projection.weight" in names) == expected


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: lm.Residual([lm.Dense(3)], projection=False),
            "Residual: expected as many outputs of the inner layers as inputs, 7, got 3",
        ),
        (lambda: lm.Residual([]), r"Residual: expected a list of at least one layer, got \[\]"),
        (
            lambda: lm.Residual([lm.Dense(7)], projection="yes"),  # type: ignore[arg-type]
            "Residual: expected projection 'auto', true or false, got \"yes\"",
        ),
        (lambda: lm.Residual([lm.Dense(0)]), "Dense: expected 'units' between 1"),
    ],
    ids=["widths", "empty", "projection", "inner"],
)
def test_blocks_that_do_not_fit_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        lm.Sequential([make()], inputs=7)


def test_what_is_no_layer_is_refused() -> None:
    with pytest.raises(TypeError, match="Residual: expected layers, got 'relu'"):
        lm.Residual(["relu"])  # type: ignore[list-item]


def test_blocks_nest_to_a_limit_that_is_told() -> None:
    layer: lm.Layer = lm.Dense(7, "tanh")
    for _ in range(16):
        layer = lm.Residual([layer])
    x = value_data()[0]
    assert np.isfinite(lm.Sequential([layer], inputs=7).predict(x)).all()
    with pytest.raises(ValueError, match="Residual: expected blocks nested at most 16 deep"):
        lm.Sequential([lm.Residual([layer])], inputs=7)


def test_layers_in_a_block_start_from_weights_and_masks_of_their_own() -> None:
    layers = [lm.Dense(7), lm.Residual([lm.Dense(7)]), lm.Residual([lm.Dense(7)])]
    weights = [v for k, v in lm.Sequential(layers, inputs=7).parameters().items() if "weight" in k]
    assert len({bits([weight]) for weight in weights}) == 3
    dropped = lm.Sequential([lm.Residual([lm.Dropout(0.5)]), lm.Dropout(0.5)], inputs=1000)
    values = dropped.forward(np.ones((1, 1000)), training=True)
    # (1 or 3) times (0 or 2): one mask for both would leave 0 and 6 alone.
    assert set(np.unique(values)) == {0.0, 2.0, 6.0}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_any_number_of_threads_gives_the_same_bits(dtype: Any) -> None:
    x, y = value_data(rows=500)

    def trained() -> Any:
        net = nested(dtype=dtype)
        history = net.fit(x, y, epochs=2, batch_size=120, verbose=False)
        return bits(net), history["loss"], bits([net.predict(x)])

    assert same_for_any_threads(trained)


def test_a_fit_is_its_steps_by_hand() -> None:
    x, y = value_data(rows=60)
    net, twin = nested(), nested()
    optimizer, other = lm.Adam(0.01), lm.Adam(0.01)
    net.fit(x, y, optimizer=optimizer, epochs=1, batch_size=20, shuffle=False, verbose=False)
    for first in range(0, 60, 20):
        twin.train_step(x[first : first + 20], y[first : first + 20], optimizer=other)
    assert bits(twin) == bits(net)


def test_frozen_layers_in_a_block_stay_and_pass_gradients_on() -> None:
    x, y = value_data(rows=60)
    frozen = lm.Residual([lm.Dense(7, "tanh", trainable=False), lm.Dense(7)])
    net = lm.Sequential([lm.Dense(7), frozen, lm.Dense(2)], inputs=7)
    before = net.parameters()
    net.fit(x, y, epochs=1, verbose=False)
    changed = {name for name, array in net.parameters().items() if (array != before[name]).any()}
    assert changed == {name for name in before if not name.startswith("layers.1.layers.0.")}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_files_pickles_and_copies_keep_blocks(tmp_path: Path, dtype: Any) -> None:
    x, y = value_data()
    net = nested(dtype=dtype, seed=4)
    net.fit(x, y, epochs=1, verbose=False)
    net.save(tmp_path / "m")
    for twin in (lm.load(tmp_path / "m"), pickle.loads(pickle.dumps(net)), net.copy()):
        assert twin.to_spec() == net.to_spec()
        assert bits(twin) == bits(net)
        assert bits([twin.predict(x)]) == bits([net.predict(x)])


def test_layers_of_a_loaded_network_equal_those_of_the_saved_one(tmp_path: Path) -> None:
    net = lm.Sequential([lm.Residual([lm.Dropout(0.25)], projection=True)], inputs=3)
    net.save(tmp_path / "m")
    assert lm.load(tmp_path / "m").layers == net.layers


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_predictor_gives_the_networks_outputs(dtype: Any) -> None:
    x, y = value_data()
    net = nested(dtype=dtype)
    net.fit(x, y, epochs=1, verbose=False)
    predictor, expected = net.compile_predictor(), net.predict(x)
    assert bits([predictor(x.astype(dtype))]) == bits([expected])
    # Sums run in another order in a row alone.
    tolerance = 1e-5 if dtype == "float32" else 1e-13
    for row, outputs in zip(x, expected, strict=True):
        np.testing.assert_allclose(predictor(row), outputs, rtol=tolerance, atol=tolerance)


def test_rows_read_in_place_and_rows_converted_predict_the_same() -> None:
    net = lm.Sequential([lm.Residual([lm.Residual([lm.Dense(7, "tanh")])])], inputs=7)
    x = value_data()[0]
    wide = np.full((len(x), 11), np.nan, np.float32)
    wide[:, 2:9] = x
    expected = net.predict(x.astype(np.float64))
    for same in (x, np.asfortranarray(x), wide[:, 2:9], x[::-1][::-1]):
        assert bits([net.predict(same)]) == bits([expected])


def test_the_place_of_a_number_that_is_not_finite_is_named_within_the_block() -> None:
    layers = [lm.Dense(2), lm.Residual([lm.Dense(2), lm.Dense(2)])]
    net = lm.Sequential(layers, inputs=2)
    weights = {name: np.eye(2) for name in net.parameters() if name.endswith("weight")}
    net.set_parameters(weights | {"layers.1.layers.1.weight": np.full((2, 2), 3e38)})
    place = r"first seen in the output of layers\.1\.layers\.1 \(dense\)"
    with pytest.raises(lm.NotFiniteError, match=place):
        net.value_and_grad(np.full((4, 2), 100.0), np.zeros((4, 2)))


def test_a_sum_that_is_not_finite_is_the_blocks_own() -> None:
    net = lm.Sequential([lm.Residual([lm.Activation("identity")])], inputs=1)
    with pytest.raises(lm.NotFiniteError, match=r"output of layers\.0 \(residual\)"):
        net.value_and_grad([[3e38]], [[0.0]])


def test_a_summary_has_a_line_for_a_block() -> None:
    text = repr(nested())
    assert "Residual(3 layers)" in text
    assert len(text.splitlines()) == 6
