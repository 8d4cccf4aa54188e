"""Ensembles in fit, with every kind of loss and optimizer, and how they are kept."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import lamina as lm
from networks import bits, class_data, same_for_any_threads, value_data
from test_ensemble import ADAPTERS, double, ensemble, members_of

pytestmark = pytest.mark.kernels

Array = npt.NDArray[Any]
FITS: dict[str, dict[str, Any]] = {
    "adam": {"optimizer": lm.AdamW(0.01, weight_decay=0.1)},
    "muon": {"optimizer": lm.Muon(0.01)},
    "clipped": {"optimizer": lm.SGD(0.1, momentum=0.9, clip_norm=0.5)},
    "accumulated": {"optimizer": lm.Adam(0.01), "accumulate": 3, "batch_size": 13},
    "average": {"optimizer": lm.Adam(0.01), "average": lm.WeightAverage(0.9)},
    "single rows": {"optimizer": lm.SGD(0.01), "batch_size": 1},
    "schedule": {"optimizer": lm.Adam(lm.CosineSchedule(0.02)), "early_stopping": 2},
}


@pytest.mark.parametrize("name", FITS)
def test_fits_of_any_kind_lower_the_loss_with_the_same_bits_for_any_threads(name: str) -> None:
    x, y = class_data(rows=101)
    weights = np.random.default_rng(5).uniform(0.5, 2.0, len(x))
    options = FITS[name]
    adapters = ADAPTERS[list(FITS).index(name) % 2]

    def run() -> tuple[bytes, list[float]]:
        hidden: list[lm.Layer] = [lm.Dense(20, "relu"), lm.Dropout(0.1), lm.Dense(18, "tanh")]
        net = ensemble(hidden, outputs=3, last="softmax", adapters=adapters, k=4)
        history = net.fit(
            x,
            y,
            sample_weight=weights,
            class_weight={0: 2.0},
            validation_fraction=0.2,
            metrics=["accuracy"],
            verbose=0,
            **{"batch_size": 32, "epochs": 3, **pickle.loads(pickle.dumps(options))},
        )
        return bits(net), list(history["loss"])

    losses = run()[1]
    assert losses[-1] < losses[0]
    assert same_for_any_threads(run)


def test_training_metrics_are_those_of_the_mean_prediction() -> None:
    x, y = class_data()
    for last, outputs, targets, metric in (
        ("softmax", 3, y, "accuracy"),
        ("identity", 1, y * 1.0, "rmse"),
    ):
        net = ensemble(outputs=outputs, last=last)
        expected = net.evaluate(x, targets, metrics=[metric])[metric]
        history = net.fit(
            x, targets, optimizer=lm.SGD(0.0), epochs=1, metrics=[metric], verbose=0, batch_size=32
        )
        assert history[metric][0] == pytest.approx(expected, rel=1e-5)


def test_scaled_targets_are_compared_with_members_in_their_own_units() -> None:
    x, y = value_data()
    y = 1000.0 * y + 5000.0
    net = double(after=(lm.TargetScaling(),))
    net.adapt(x, y)
    scale, shift = (net.parameters()[f"layers.1.{name}"] for name in ("scale", "shift"))
    members = members_of(net, x)
    np.testing.assert_allclose(net.predict(x), members.mean(axis=0) * scale + shift, rtol=1e-10)
    expected = ((members - (y - shift) / scale) ** 2).mean()
    assert net.value_and_grad(x, y)[0] == pytest.approx(expected, rel=1e-10)
    found = net.forward(x, training=True)
    np.testing.assert_allclose(found, members.transpose(1, 0, 2) * scale + shift, rtol=1e-10)
    net.backward(2.0 * (found - y[:, None]) / scale**2 / found.size)
    by_hand = net.gradients()
    for name, gradient in net.value_and_grad(x, y)[1].items():
        np.testing.assert_allclose(by_hand[name], gradient, rtol=1e-8, atol=1e-12)
    history = net.fit(x, y, epochs=3, verbose=0, optimizer=lm.Adam(0.01), metrics=["rmse"])
    assert history["rmse"][-1] < history["rmse"][0]


def test_a_custom_loss_meets_each_members_outputs() -> None:
    x, y = value_data()

    def squared_error(outputs: Array, targets: Array) -> tuple[float, Array]:
        difference = outputs - targets
        return float((difference**2).mean()), 2.0 * difference / difference.size

    nets = [double(), double()]
    for net, loss in zip(nets, (squared_error, "mse"), strict=True):
        net.fit(
            x, y, loss=loss, epochs=2, verbose=0, optimizer=lm.SGD(0.05), validation_data=(x, y)
        )
    for name, expected in nets[1].parameters().items():
        np.testing.assert_allclose(nets[0].parameters()[name], expected, rtol=1e-9, atol=1e-12)


def test_full_batch_methods_lower_the_training_loss_or_say_why_not() -> None:
    x, y = value_data()
    net = double()
    before = net.value_and_grad(x, y)[0]
    net.fit(x, y, optimizer=lm.LBFGS(20), verbose=0)
    assert net.value_and_grad(x, y)[0] < 0.5 * before
    with pytest.raises(
        ValueError, match="LevenbergMarquardt: expected a network whose outputs are"
    ):
        net.fit(x, y, optimizer=lm.LevenbergMarquardt(2), verbose=0)


def test_frozen_parts_stay_and_the_rest_learns() -> None:
    x, y = value_data()
    for options, frozen in (
        ({"trainable": False}, "scales"),
        ({"adapters": "all", "trainable": False}, "scales"),
    ):
        net = ensemble(**options)
        before = net.parameters()
        net.fit(x, y, epochs=1, verbose=0)
        for name, value in net.parameters().items():
            assert (value == before[name]).all() == (frozen in name), name
    net = ensemble([lm.Dense(5, "tanh", trainable=False)], adapters="all")
    before = net.parameters()
    net.fit(x, y, epochs=1, verbose=0)
    stayed = {name for name, value in net.parameters().items() if (value == before[name]).all()}
    assert stayed == {"layers.0.layers.0.weight", "layers.0.layers.0.bias"}


def test_first_factors_are_signs_or_normal_and_shared_within_chunks() -> None:
    def scales(**options: Any) -> Array:
        block = lm.Ensemble([lm.Dense(1)], k=64, **options)
        return lm.Sequential([block], inputs=50, seed=1).parameters()["layers.0.input_scales"]

    signs = scales()
    assert set(np.unique(signs)) == {-1.0, 1.0}
    assert abs(signs.mean()) < 0.1
    normal = scales(first_scales="normal")
    assert abs(normal.mean()) < 0.1
    assert abs(normal.std() - 1.0) < 0.05
    chunked = scales(first_scales="normal", chunks=[20, 1, 29])
    assert (chunked[:, :20] == chunked[:, :1]).all()
    assert (chunked[:, 21:] == chunked[:, 21:22]).all()
    assert len(np.unique(chunked)) == 3 * 64


def test_members_start_with_heads_of_their_own_and_in_tabm_with_one_bias() -> None:
    layers = [lm.Dense(6, "relu", bias_initializer="lecun_normal"), lm.Dense(2)]
    net = lm.Sequential([lm.Ensemble(layers, k=4, adapters="all")], inputs=5)
    p = net.parameters()
    assert (p["layers.0.layers.0.output_scales"] == 1.0).all()
    assert (p["layers.0.layers.0.bias"] == p["layers.0.layers.0.bias"][0]).all()
    assert p["layers.0.layers.0.bias"].std() > 0.0
    heads = p["layers.0.layers.1.weight"]
    assert heads.shape == (4, 2, 6)
    assert len({head.tobytes() for head in heads}) == 4


@pytest.mark.parametrize("adapters", ADAPTERS)
def test_an_ensemble_comes_back_from_files_copies_and_pickles(
    adapters: str, tmp_path: Path
) -> None:
    x, y = class_data()
    net = ensemble(outputs=3, last="softmax", adapters=adapters, chunks=[3, 4])
    net.fit(x, y, epochs=1, verbose=0)
    net.save(tmp_path / "net.lamina")
    for other in (
        lm.load(tmp_path / "net.lamina"),
        net.copy(),
        pickle.loads(pickle.dumps(net)),
        lm.Sequential.from_spec(net.to_spec()),
    ):
        assert other.to_spec() == net.to_spec()
        other.set_parameters(net.parameters())
        assert other.predict(x).tobytes() == net.predict(x).tobytes()
    assert repr(net.layers[0]).startswith("Ensemble(layers=(Dense(units=6")


@pytest.mark.parametrize("adapters", ADAPTERS)
def test_first_weights_from_data_see_the_rows_of_all_members(adapters: str) -> None:
    x, _ = value_data(rows=300)
    net = double(adapters=adapters, k=4)
    net.adapt_weights(x)
    p = net.parameters()
    rows = (x[:, None] * p["layers.0.input_scales"]).reshape(-1, 7)
    products = rows @ p["layers.0.layers.0.weight"].T
    np.testing.assert_allclose(products.std(axis=0), 1.0, rtol=1e-10)


def test_long_tables_are_predicted_in_tiles() -> None:
    x, _ = value_data(rows=20_001)
    net = ensemble([lm.Dense(40, "relu")], k=16)
    expected = np.concatenate([net.predict(part) for part in np.array_split(x, 3)])
    np.testing.assert_array_equal(net.predict(x), expected)
