"""Normalization: figures taken from data, by adapt or by fit, and kept with the network."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import lamina as lm
from networks import bits, value_data

pytestmark = pytest.mark.kernels

Array = npt.NDArray[Any]
DTYPES = ["float32", "float64"]
FIGURES = ("layers.0.mean", "layers.0.deviation", "layers.0.rows")


def skewed(rows: int = 203) -> tuple[Array, Array]:
    """Features of very different places and spreads."""
    x, y = value_data(rows=rows)
    return x * 10.0 ** np.arange(-3, 4) + np.arange(7) * 100.0, y


def network(**options: Any) -> lm.Sequential:
    layers = [lm.Normalization(), lm.Dense(19, "tanh"), lm.Dense(2)]
    return lm.Sequential(layers, inputs=options.pop("inputs", 7), **options)


def figures(net: lm.Sequential) -> dict[str, Array]:
    return {name: net.parameters()[name] for name in FIGURES}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("rows", [1, 2, 203, 20001])
def test_the_figures_are_mean_and_deviation_of_each_column(rows: int, dtype: Any) -> None:
    x, net = skewed(rows)[0], network(dtype=dtype)
    net.adapt(x)
    got = figures(net)
    bound = 1e-6 if dtype == "float32" else 1e-12
    np.testing.assert_allclose(got["layers.0.mean"], x.mean(axis=0), rtol=bound)
    np.testing.assert_allclose(got["layers.0.deviation"], x.std(axis=0), rtol=bound, atol=1e-14)
    assert got["layers.0.rows"] == rows


@pytest.mark.parametrize("dtype", DTYPES)
def test_adapted_inputs_have_mean_0_and_variance_1(dtype: Any) -> None:
    x = skewed()[0]
    net = lm.Sequential([lm.Normalization()], inputs=7, dtype=dtype)
    net.adapt(x)
    outputs = net.predict(x)
    # Means of 600 beside deviations of 0.001 leave few digits in float32; the first three columns.
    bound = 1e-2 if dtype == "float32" else 1e-9
    np.testing.assert_allclose(outputs.mean(axis=0), 0.0, atol=bound)
    np.testing.assert_allclose(outputs.std(axis=0), 1.0, rtol=bound)


def test_until_it_is_adapted_the_layer_changes_nothing() -> None:
    x, net = skewed()[0].astype(np.float32), lm.Sequential([lm.Normalization()], inputs=7)
    assert np.array_equal(net.predict(x), x)


@pytest.mark.parametrize("constant", [0.0, 0.1, -3.7e5])
def test_a_constant_feature_is_only_centred(constant: float) -> None:
    x = np.column_stack([np.full(10007, constant), np.arange(10007.0)])
    net = lm.Sequential([lm.Normalization()], inputs=2, dtype="float64")
    net.adapt(x)
    assert net.parameters()["layers.0.deviation"][0] == 0.0
    assert abs(net.predict([[constant + 2.0, 0.0]])[0, 0] - 2.0) < 1e-9
    jacobian = net.jacobian(x[:1])
    assert jacobian[0, 0, 0] == 1.0


def test_a_row_of_weight_k_counts_like_k_rows() -> None:
    x = skewed()[0]
    weight = np.random.default_rng(0).integers(0, 4, len(x))
    weighted, repeated = network(dtype="float64"), network(dtype="float64")
    weighted.adapt(x, sample_weight=weight)
    repeated.adapt(np.repeat(x, weight, axis=0))
    for name in FIGURES[:2]:
        np.testing.assert_allclose(figures(weighted)[name], figures(repeated)[name], rtol=1e-12)


@pytest.mark.parametrize("kind", [np.uint8, np.int64, bool])
def test_whole_numbers_are_taken(kind: Any) -> None:
    x = np.random.default_rng(0).integers(0, 2, (50, 3)).astype(kind)
    net = lm.Sequential([lm.Normalization()], inputs=3)
    net.adapt(x)
    np.testing.assert_allclose(net.parameters()["layers.0.mean"], x.mean(axis=0), rtol=1e-6)


def test_fit_adapts_a_first_layer_that_never_was() -> None:
    x, y = skewed()
    net, by_hand = network(inputs=None), network()
    net.fit(x, y, epochs=2, verbose=False)
    by_hand.adapt(x)
    by_hand.fit(x, y, epochs=2, verbose=False)
    assert bits(net) == bits(by_hand)
    assert figures(net)["layers.0.rows"] == len(x)


def test_fit_leaves_figures_alone_that_are_there() -> None:
    x, y = skewed()
    for prepare in ("adapt", "set", "fit"):
        net = network()
        if prepare == "adapt":
            net.adapt(x + 1.0)
        elif prepare == "set":
            net.set_parameters({"layers.0.mean": np.arange(7.0)})
        else:
            net.fit(x + 1.0, y, epochs=1, verbose=False)
        before = bits(figures(net).values())
        net.fit(x, y, epochs=2, verbose=False)
        assert bits(figures(net).values()) == before


def test_the_range_test_of_learning_rates_adapts_its_copy_alone() -> None:
    x, y = skewed()
    net, adapted = network(), network()
    adapted.adapt(x)
    before = bits(net)
    found = lm.find_learning_rate(net, x, y)
    assert found.losses.tolist() == lm.find_learning_rate(adapted, x, y).losses.tolist()
    assert bits(net) == before


def test_figures_of_0_and_1_from_data_are_figures_too() -> None:
    net = lm.Sequential([lm.Normalization(), lm.Dense(1)], inputs=1)
    net.adapt([[-1.0], [1.0]])
    net.fit([[5.0], [6.0]], [0.0, 1.0], epochs=1, verbose=False)
    assert net.parameters()["layers.0.mean"] == 0.0


def test_a_reset_network_is_adapted_anew() -> None:
    x, y = skewed()
    net = network()
    net.fit(x + 1.0, y, epochs=1, verbose=False)
    net.reset()
    net.fit(x, y, epochs=1, verbose=False)
    np.testing.assert_allclose(figures(net)["layers.0.mean"], x.mean(axis=0), rtol=1e-6)


def test_fit_adapts_to_the_rows_it_trains_on_and_their_weights() -> None:
    x, y = skewed()
    net, weight = network(dtype="float64"), np.ones(len(x))
    weight[:50] = 3.0
    net.fit(x, y, validation_fraction=0.5, sample_weight=weight, epochs=1, verbose=False)
    rows = int(figures(net)["layers.0.rows"][0])
    assert rows == len(x) - round(0.5 * len(x))
    assert not np.allclose(figures(net)["layers.0.mean"][-1], x[:, -1].mean(), rtol=1e-4)
    whole = network(dtype="float64")
    whole.fit(x, y, sample_weight=weight, epochs=1, verbose=False)
    expected = np.average(x, axis=0, weights=weight)
    np.testing.assert_allclose(figures(whole)["layers.0.mean"], expected, rtol=1e-12)


def test_a_refused_fit_leaves_the_layer_unadapted() -> None:
    x, y = skewed()
    net = network()
    with pytest.raises(ValueError, match="validation_data"):
        net.fit(x, y, validation_data=(x,), verbose=False)
    assert figures(net)["layers.0.rows"] == 0


def test_a_later_layer_sees_what_comes_out_before_it() -> None:
    x = skewed()[0]
    layers = [lm.Normalization(), lm.Dense(4, "tanh"), lm.Normalization(), lm.Dense(2)]
    net = lm.Sequential(layers, inputs=7, dtype="float64")
    net.adapt(x)
    hidden = lm.Sequential(layers[:2], inputs=7, dtype="float64")
    hidden.set_parameters({k: net.parameters()[k] for k in hidden.parameters()})
    expected = hidden.predict(x)
    np.testing.assert_allclose(net.parameters()["layers.2.mean"], expected.mean(axis=0), rtol=1e-9)
    np.testing.assert_allclose(
        net.parameters()["layers.2.deviation"], expected.std(axis=0), rtol=1e-9
    )


def test_the_figures_are_saved_with_the_network(tmp_path: Path) -> None:
    x = skewed()[0]
    net = network()
    net.adapt(x)
    net.save(tmp_path / "net.lamina")
    for twin in (lm.load(tmp_path / "net.lamina"), net.copy()):
        assert bits(twin) == bits(net)
        assert np.array_equal(twin.predict(x), net.predict(x))
        before = bits(figures(twin).values())
        twin.fit(x[:50], value_data()[1][:50], epochs=1, verbose=False)
        assert bits(figures(twin).values()) == before


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((3, 2)), "adapt: expected 7 input features, got 2"),
        (np.full((3, 7), np.nan), "adapt: expected finite numbers in X"),
        (np.full((3, 7), 1e300), "adapt: X holds values beyond float32's range"),
        (np.outer([1.0, -1.0], np.full(7, 3e38)), None),
    ],
)
def test_wrong_rows_are_refused_and_change_nothing(x: Array, message: str | None) -> None:
    net = network()
    before = bits(net)
    if message is None:
        net.adapt(x)
        assert np.isfinite(net.predict(x)).all()
        return
    with pytest.raises(ValueError, match=message):
        net.adapt(x)
    assert bits(net) == before


def test_a_spread_beyond_the_range_is_refused() -> None:
    net = lm.Sequential([lm.Normalization()], inputs=2, dtype="float64")
    with pytest.raises(ValueError, match="adapt: the deviation of column 1 is beyond float64's"):
        net.adapt([[0.0, 1e300], [1.0, -1e300]])
    assert net.parameters()["layers.0.rows"] == 0


def test_a_network_without_the_layer_says_so() -> None:
    net = lm.Sequential([lm.Dense(2)], inputs=7)
    with pytest.raises(ValueError, match="adapt: expected a Normalization layer in the network"):
        net.adapt(skewed()[0])


def test_a_fit_that_is_refused_adapts_nothing() -> None:
    x, y = skewed()
    net, average = network(), lm.WeightAverage()
    average.update(network())
    before = bits(net)
    with pytest.raises(ValueError, match="state of another network"):
        net.fit(x, y, average=average)
    with pytest.raises(ValueError, match="expected the loss"):
        net.fit(x, y, optimizer="levenberg_marquardt", loss="huber")
    assert bits(net) == before
