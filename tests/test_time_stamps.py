"""Columns that float32 cannot hold apart: kept by a first Normalization, or warned of."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import lamina as lm
from networks import bits

pytestmark = pytest.mark.kernels

Array = npt.NDArray[Any]
START = 1_700_000_000


def seconds(rows: int = 600) -> Array:
    """Time stamps of ten minutes, in s, and an ordinary column."""
    rng = np.random.default_rng(0)
    return np.column_stack([START + np.sort(rng.uniform(0, 600, rows)), rng.normal(size=rows)])


def network(dtype: Any = "float32", **options: Any) -> lm.Sequential:
    layers = [lm.Normalization(), lm.Dense(16, "tanh"), lm.Dense(1)]
    return lm.Sequential(layers, dtype=dtype, seed=1, **options)


def adapted(x: Array, dtype: Any = "float32") -> lm.Sequential:
    net = network(dtype, inputs=x.shape[1])
    net.adapt(x)
    net.set_parameters({})  # its weights are meant
    return net


def exact(net: lm.Sequential, x: Array) -> Array:
    """Outputs in numpy and float64, from the numbers as they are."""
    p = {name: value.astype(np.float64) for name, value in net.parameters().items()}
    mean = p["layers.0.mean"] + p["layers.0.mean_low"]
    z = (x.astype(np.float64) - mean) / p["layers.0.deviation"]
    hidden = np.tanh(z @ p["layers.1.weight"].T + p["layers.1.bias"])
    result: Array = hidden @ p["layers.2.weight"].T + p["layers.2.bias"]
    return result


KINDS = {
    "seconds in float64": seconds(),
    "nanoseconds in int64": (seconds() * 1e9).astype(np.int64),
    "microseconds in uint64": (np.abs(seconds()) * 1e6).astype(np.uint64),
    "metres in float64": seconds() * [0.0, 1.0] + [5e6, 0.0] + seconds() % 100.0,
    "columns one after another": np.asfortranarray(seconds()),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_first_normalization_sees_the_numbers_as_they_are(kind: str, dtype: Any) -> None:
    x = KINDS[kind]
    net = adapted(x, dtype)
    # Rounding of some operations on numbers of about 1.
    bound = 5e-6 if dtype == "float32" else 1e-9
    np.testing.assert_allclose(net.predict(x), exact(net, x), atol=bound)
    assert len(np.unique(net.activations(x)["layers.0"][:, 0])) > 0.99 * len(np.unique(x[:, 0]))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_single_rows_batches_predictors_and_steps_by_hand_agree(dtype: Any) -> None:
    x = seconds()
    net = adapted(x, dtype)
    whole = net.predict(x)
    bound = 5e-6 if dtype == "float32" else 1e-12
    assert net.predict(x[7:8]) == whole[7]
    assert bits([net.forward(x)]) == bits([whole])
    predictor = net.compile_predictor()
    np.testing.assert_allclose(predictor(x), whole, atol=bound)
    for row in (x[7], x[7].tolist(), tuple(x[7].tolist()), x[7:8]):
        np.testing.assert_allclose(np.ravel(predictor(row)), whole[7], atol=bound)
    rounded = x.astype(np.float32)
    np.testing.assert_allclose(predictor(rounded[0]), net.predict(rounded[:1])[0], atol=bound)
    core = net._core_network()
    assert core.predict(x).tobytes() == whole.tobytes()


def test_losses_gradients_and_derivatives_see_them_too() -> None:
    x, net = seconds(), adapted(seconds())
    y = exact(net, x)
    # The square of float32's rounding, where rounded time stamps would give 1e-2.
    assert net.evaluate(x, y)["loss"] < 1e-11
    assert net.value_and_grad(x, y)[0] < 1e-11
    assert net.sample_gradient_norms(x, y).max() < 1e-4
    step = 1e-3
    move = np.array([step, 0.0])
    slope = (exact(net, x + move) - exact(net, x - move)) / (2 * step)
    np.testing.assert_allclose(net.jacobian(x)[:, 0, :1], slope, atol=1e-6)


def test_a_network_learns_from_time_stamps() -> None:
    x = seconds()[:, :1]
    y = np.sin((x[:, 0] - START) / 60.0)
    net = network()
    net.fit(x, y, epochs=300, optimizer=lm.Adam(0.02), verbose=False)
    assert net.evaluate(x, y)["loss"] < 0.05  # 0.5 is the constant guess's


def test_the_same_bits_for_any_number_of_threads() -> None:
    x = np.tile(seconds(), (40, 1))
    y = np.sin(x[:, 0])
    results = []
    before = lm.get_num_threads()
    try:
        for threads in (1, 2, 3):
            lm.set_num_threads(threads, exact=True)
            net = network()
            net.fit(x, y, epochs=1, batch_size=512, loss="mse", verbose=False)
            results.append((bits(net), net.predict(x).tobytes()))
    finally:
        lm.set_num_threads(before)
    assert results[0] == results[1] == results[2]


def test_the_mean_survives_files_copies_and_changes_of_dtype(tmp_path: Path) -> None:
    x, net = seconds(), adapted(seconds())
    net.save(tmp_path / "net.safetensors")
    assert bits(lm.load(tmp_path / "net.safetensors")) == bits(net) == bits(net.copy())
    wide = network("float64", inputs=2)
    wide.set_parameters(net.parameters())
    np.testing.assert_allclose(wide.predict(x), net.predict(x), atol=5e-6)
    narrow = network(inputs=2)
    narrow.set_parameters(wide.parameters())
    assert bits(narrow) == bits(net)


def test_a_mean_given_in_float64_is_kept() -> None:
    net = lm.Sequential([lm.Normalization()], inputs=1)
    net.set_parameters({"layers.0.mean": np.array([START + 0.25])})
    assert net.predict([[START + 0.75]]) == 0.5
    net.set_parameters({"layers.0.mean": np.array([1.0])})
    assert net.predict([[1.5]]) == 0.5


def test_models_of_one_part_means_load(tmp_path: Path) -> None:
    from lamina import _core
    from lamina._network.model_file import Extras, _contents

    net = adapted(np.random.default_rng(0).normal(3.0, 1.0, (50, 2)))
    text, tensors = _contents(net, Extras())
    del tensors["layers.0.mean_low"]
    _core.write_model_file(tmp_path / "old.safetensors", text, tensors)
    loaded = lm.load(tmp_path / "old.safetensors")
    assert loaded.parameters()["layers.0.mean_low"].tolist() == [0.0, 0.0]
    np.testing.assert_allclose(loaded.predict([[1.0, 2.0]]), net.predict([[1.0, 2.0]]), atol=1e-6)


def test_second_derivatives_do_not_depend_on_where_inputs_lie() -> None:
    x = seconds(50)
    near = x - [START, 0.0]
    y = np.sin(near[:, 0] / 60.0)
    products = []
    for rows in (x, near):
        net = adapted(rows, "float64")
        vector = {name: np.ones_like(value) for name, value in net.parameters().items()}
        products.append(net.hessian_vector_product(rows, y, vector)["layers.1.weight"])
    np.testing.assert_allclose(products[0], products[1], rtol=1e-4)


CLOSE = {
    "time stamps": seconds()[:, 0],
    "shuffled time stamps": np.random.default_rng(1).permutation(seconds()[:, 0]),
    "an hour a second": START + np.arange(3600.0) + 0.5,
    "coordinates": 5e6 + np.random.default_rng(2).uniform(0, 100, 5000),
    "two rows": np.array([START + 0.25, START + 0.75]),
    "below 0": -START - np.random.default_rng(3).uniform(0, 600, 500),
}


@pytest.mark.parametrize("kind", CLOSE)
def test_values_too_close_for_float32_warn_once_a_call(kind: str) -> None:
    x = np.column_stack([np.arange(len(CLOSE[kind])) / 100.0, CLOSE[kind], CLOSE[kind]])
    y = np.sin(x[:, 0])
    net = lm.Sequential([lm.Dense(1)], inputs=3)
    net.set_parameters({})
    for where, call in {
        "fit": lambda: net.fit(x, y, epochs=1, optimizer=lm.SGD(1e-30), verbose=False),
        "predict": lambda: net.predict(x),
        "evaluate": lambda: net.evaluate(x, y),
    }.items():
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            call()
        found = [warning for warning in caught if "close together" in str(warning.message)]
        assert len(found) == 1
        assert str(found[0].message).startswith(f"{where}: column 1 of X holds values")
        assert "Normalization() as the first layer" in str(found[0].message)
        assert found[0].filename == __file__


ORDINARY = {
    "years": np.arange(1900.0, 2030.0).repeat(10),
    "normal": np.random.default_rng(0).normal(size=5000),
    "a constant": np.full(500, 0.1),
    "around a thousand": np.random.default_rng(0).normal(1000.0, 1.0, 8192),
    "nearly one value": np.where(np.arange(5000) % 100 == 0, 0.1 + 1e-3, 0.1),
    "prices": np.round(np.random.default_rng(0).uniform(1e5, 1e5 + 500, 3000), 1),
    "zeros": np.zeros(100),
    "one row": np.array([START + 0.3]),
}


@pytest.mark.parametrize("kind", ORDINARY)
def test_ordinary_columns_do_not_warn(kind: str) -> None:
    net = lm.Sequential([lm.Dense(1)], inputs=1)
    net.set_parameters({})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        net.predict(ORDINARY[kind][:, None])
        net.predict(ORDINARY[kind].astype(np.float32)[:, None])


@pytest.mark.parametrize("first", [lm.Affine(1e-9), lm.BatchNorm(), lm.Dense(1)])
def test_other_first_layers_warn(first: lm.Layer) -> None:
    net = lm.Sequential([first, lm.Dense(1)], inputs=2)
    net.set_parameters({})
    with pytest.warns(UserWarning, match="float32 makes many of them one"):
        net.predict(seconds())


def test_float64_networks_and_first_normalizations_do_not_warn() -> None:
    x = seconds()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        adapted(x).predict(x)
        adapted(x, "float64").predict(x)
        adapted((x * 1e9).astype(np.int64)).predict((x * 1e9).astype(np.int64))
        wide = lm.Sequential([lm.Dense(1)], inputs=2, dtype="float64")
        wide.set_parameters({})
        wide.predict(x)


def test_whole_numbers_that_float64_joins_warn_before_a_normalization_too() -> None:
    x = 10**18 + np.arange(500)[:, None]  # nanoseconds of half a microsecond
    net = lm.Sequential([lm.Normalization()], inputs=1)
    with pytest.warns(UserWarning, match="column 0 of X .*float64's exact range"):
        net.predict(x)


def test_targets_too_close_for_float32_warn() -> None:
    y = seconds()[:, 0]
    net = lm.Sequential([lm.Dense(1)], inputs=1)
    with pytest.warns(UserWarning, match="column 0 of y .*dtype='float64'"):
        net.evaluate(np.arange(600.0)[:, None], y)
