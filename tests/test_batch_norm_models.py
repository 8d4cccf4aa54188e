"""Batch normalisation in files, copies and predictors; its options."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lamina as lm
from networks import bits, value_data
from test_batch_norm import network

pytestmark = pytest.mark.kernels


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_files_pickles_and_copies_keep_the_statistics(tmp_path: Path, dtype: Any) -> None:
    x, y = value_data()
    net = network(dtype=dtype, seed=4)
    net.fit(x, y, epochs=1, verbose=False)
    net.save(tmp_path / "m")
    for twin in (lm.load(tmp_path / "m"), pickle.loads(pickle.dumps(net)), net.copy()):
        assert twin.to_spec() == net.to_spec()
        assert bits(twin) == bits(net)
        assert bits([twin.predict(x)]) == bits([net.predict(x)])


def test_a_reset_network_has_forgotten_its_statistics() -> None:
    x, y = value_data()
    net = network(seed=4)
    net.fit(x, y, epochs=1, verbose=False)
    net.reset()
    assert bits(net) == bits(network(seed=4))


def test_variances_below_0_are_refused() -> None:
    with pytest.raises(ValueError, match=r"layers\.0\.running_var expected variances of at least"):
        network().set_parameters({"layers.0.running_var": np.full(7, -1.0)})


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_predictor_with_folded_layers_gives_the_networks_outputs(dtype: Any) -> None:
    x, y = value_data()
    net = network(dtype=dtype)
    net.fit(x, y, epochs=3, verbose=False)
    predictor, expected = net.compile_predictor(), net.predict(x)
    tolerance = 1e-5 if dtype == "float32" else 1e-13
    np.testing.assert_allclose(predictor(x), expected, rtol=tolerance, atol=tolerance)
    for row, outputs in zip(x, expected, strict=True):
        np.testing.assert_allclose(predictor(row), outputs, rtol=tolerance, atol=tolerance)


def test_rows_read_in_place_and_rows_converted_predict_the_same() -> None:
    net = network()
    x, y = value_data()
    net.fit(x, y, epochs=1, verbose=False)
    wide = np.full((len(x), 11), np.nan, np.float32)
    wide[:, 2:9] = x
    expected = net.predict(x.astype(np.float64))
    for same in (x, np.asfortranarray(x), wide[:, 2:9]):
        assert bits([net.predict(same)]) == bits([expected])
    # A row does not depend on the others.
    assert bits([net.predict(x[5:6])]) == bits([expected[5:6]])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: lm.BatchNorm(momentum=1.5),
            "BatchNorm: expected 'momentum' between 0 and 1, got 1.5",
        ),
        (
            lambda: lm.BatchNorm(epsilon=0.0),
            "BatchNorm: expected 'epsilon' of at least 1e-12, got 0.0",
        ),
        (lambda: lm.BatchNorm(scale=2), "BatchNorm: expected true or false for 'scale', got 2"),  # type: ignore[arg-type]
    ],
    ids=["momentum", "epsilon", "scale"],
)
def test_options_out_of_range_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        lm.Sequential([make()], inputs=2)


def test_learned_parameters_are_there_only_where_asked() -> None:
    for scale in (False, True):
        for shift in (False, True):
            net = lm.Sequential([lm.BatchNorm(scale=scale, shift=shift)], inputs=3)
            learned = [name.split(".")[-1] for name in net.parameters()][:-2]
            assert learned == ["weight"] * scale + ["bias"] * shift
