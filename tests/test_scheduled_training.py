"""Schedules of weight decay and dropout, clipped predictions, the last of the best epochs."""

import copy
import math
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import lamina as lm
from networks import bits, classifier, same_for_any_threads, value_data

pytestmark = pytest.mark.kernels

Array = npt.NDArray[Any]


def small(*layers: lm.Layer, **options: Any) -> lm.Sequential:
    return lm.Sequential([*layers, lm.Dense(2)], inputs=7, **{"seed": 3, **options})


def linear_fall(t: int) -> float:
    return 0.3 * (1.0 - t / 20.0)


OPTIMIZERS: dict[str, Callable[..., lm.Optimizer]] = {
    "sgd": lambda **o: lm.SGD(0.05, **o),
    "momentum": lambda **o: lm.SGD(0.05, momentum=0.9, decoupled=True, **o),
    "adam": lambda **o: lm.Adam(0.01, decoupled=True, **o),
    "rmsprop": lambda **o: lm.RMSprop(0.01, **o),
    "muon": lambda **o: lm.Muon(0.01, first_and_last=True, **o),
}


@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_a_scheduled_decay_is_the_decay_of_each_step(name: str) -> None:
    x, y = value_data(rows=40)
    scheduled, by_hand = small(lm.Dense(9, "tanh")), small(lm.Dense(9, "tanh"))
    first = OPTIMIZERS[name](weight_decay=linear_fall)
    second = OPTIMIZERS[name](weight_decay=0.0)
    for step in range(8):
        scheduled.train_step(x, y, optimizer=first)
        second.handle_for(by_hand).weight_decay = linear_fall(step)
        by_hand.train_step(x, y, optimizer=second)
    assert bits(scheduled) == bits(by_hand)
    constant = small(lm.Dense(9, "tanh"))
    for _ in range(8):
        constant.train_step(x, y, optimizer=OPTIMIZERS[name](weight_decay=0.3))
    assert bits(scheduled) != bits(constant)


def test_fit_follows_the_decay_as_single_steps_do() -> None:
    x, y = value_data(rows=48)
    decay = lm.FlatCosineSchedule(0.3)
    fused, by_hand = small(), small()
    fused.fit(x, y, optimizer=lm.AdamW(0.01, weight_decay=decay), batch_size=16, epochs=4)
    optimizer = lm.AdamW(0.01, weight_decay=decay)
    optimizer.set_length(3, 4)
    rows = np.arange(48)
    shuffled = small()
    shuffled.fit(
        x, y, optimizer=lm.AdamW(0.01, weight_decay=decay), batch_size=16, epochs=4, shuffle=False
    )
    for _ in range(4):
        for part in np.split(rows, 3):
            by_hand.train_step(x[part], y[part], optimizer=optimizer)
    assert bits(shuffled) == bits(by_hand)
    assert bits(fused) != bits(by_hand)  # another order of rows


def test_the_last_step_of_a_flat_cosine_hardly_decays() -> None:
    x, y = np.zeros((10, 7)), np.zeros((10, 2))
    decay = lm.FlatCosineSchedule(0.5)
    net = lm.Sequential([lm.Dense(2, bias=False)], inputs=7, dtype="float64", seed=1)
    before = net.parameters()["layers.0.weight"]
    # Inputs of 0 give no gradient, so that nothing but the decay moves the weights.
    net.fit(x, y, optimizer=lm.SGD(0.1, weight_decay=decay), batch_size=10, epochs=8)
    factors = [
        1.0 - 0.1 * 0.5 * (1 if t < 4 else (1 + math.cos(math.pi * (t - 4) / 4)) / 2)
        for t in range(8)
    ]
    np.testing.assert_allclose(
        net.parameters()["layers.0.weight"], before * math.prod(factors), rtol=1e-14
    )


def test_the_state_of_a_scheduled_decay_goes_on_elsewhere() -> None:
    x, y = value_data(rows=64)
    plateau = lm.ReduceOnPlateau(0.5, patience=0, threshold=0.5, monitor="loss")
    make = lambda: lm.AdamW(0.01, weight_decay=plateau)  # noqa: E731
    net, optimizer = small(), make()
    net.fit(x, y, optimizer=optimizer, epochs=3)
    twin, resumed, pickled = net.copy(), make(), pickle.loads(pickle.dumps(optimizer))
    resumed.set_state(twin, copy.deepcopy(optimizer.get_state()))
    assert optimizer.decay_schedule is not None
    assert resumed.decay_schedule is not None
    state = optimizer.decay_schedule.get_state()
    assert resumed.decay_schedule.get_state() == state
    assert state["rate"] < 0.5
    other = net.copy()
    for each, by in ((net, optimizer), (twin, resumed), (other, pickled)):
        each.fit(x, y, optimizer=by, epochs=2, shuffle=False)
    assert bits(net) == bits(twin) == bits(other)


@pytest.mark.parametrize("layer", [lm.Dropout(0.5), lm.AlphaDropout(0.5), lm.GaussianNoise(0.5)])
def test_factors_of_0_draw_nothing_and_of_1_change_nothing(layer: lm.Layer) -> None:
    x, y = value_data(rows=100)
    with_noise, plain = [lm.Dense(9, "tanh"), layer], [lm.Dense(9, "tanh"), lm.Affine()]

    def trained(layers: list[lm.Layer], factor: float | None) -> bytes:
        net = small(*layers)
        schedule = None if factor is None else lm.ConstantSchedule(factor)
        net.fit(x, y, epochs=2, dropout_schedule=schedule)
        return bits(net)

    assert trained(with_noise, 1.0) == trained(with_noise, None)
    assert trained(with_noise, 0.0) == trained(plain, None)
    assert trained(with_noise, 0.5) not in (trained(with_noise, None), trained(plain, None))


def test_a_factor_is_that_of_the_rate() -> None:
    x, y = value_data(rows=100)
    halved, half = (
        small(lm.Dropout(0.5), lm.Dense(9, "tanh")),
        small(lm.Dropout(0.25), lm.Dense(9, "tanh")),
    )
    halved.fit(x, y, epochs=2, dropout_schedule=lm.ConstantSchedule(0.5))
    half.fit(x, y, epochs=2)
    assert bits(halved) == bits(half)


def test_scheduled_dropout_has_the_same_bits_on_any_number_of_threads() -> None:
    x, y = value_data(rows=400)

    def trained() -> bytes:
        net = small(lm.Dense(600, "relu"), lm.Dropout(0.3))
        net.fit(
            x,
            y,
            epochs=2,
            batch_size=128,
            accumulate=2,
            dropout_schedule=lm.FlatCosineSchedule(1.0),
        )
        return bits(net)

    assert same_for_any_threads(trained)


def test_custom_losses_follow_the_same_schedules() -> None:
    x, y = value_data(rows=90)

    def error(outputs: Array, targets: Array) -> tuple[float, Array]:
        difference = outputs - targets
        return float((difference**2).mean()), 2.0 * difference / difference.size

    nets = []
    for loss in ("mean_squared_error", error):
        net = small(lm.Dense(9, "tanh"), lm.Dropout(0.5), dtype="float64")
        optimizer = lm.AdamW(0.01, weight_decay=lm.FlatCosineSchedule(0.3))
        net.fit(
            x,
            y,
            loss=loss,
            optimizer=optimizer,
            epochs=3,
            dropout_schedule=lm.CosineSchedule(1.0),
        )
        nets.append(net)
    for name, expected in nets[0].parameters().items():
        np.testing.assert_allclose(nets[1].parameters()[name], expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"dropout_schedule": 0.5}, TypeError, "dropout_schedule as a schedule such as"),
        (
            {"dropout_schedule": lm.CosineSchedule(1.5)},
            ValueError,
            "factors .* from 0 to 1, got 1.5",
        ),
        ({"dropout_schedule": lambda t: 1.0 + t}, ValueError, "from 0 to 1, got 2.0 at step 2"),
        ({"dropout_schedule": lambda t: 0.5, "optimizer": lm.LBFGS()}, ValueError, "dropout_sch"),
        (
            {"optimizer": lm.AdamW(weight_decay=lambda t: math.inf if t else 0.0)},
            ValueError,
            "rate",
        ),
    ],
)
def test_schedules_that_cannot_be_are_refused(
    options: dict[str, Any], error: type[Exception], message: str
) -> None:
    x, y = value_data(rows=64)
    net = small(lm.Dropout(0.5))
    with pytest.raises(error, match=message):
        net.fit(x, y, **options)


def test_negative_decays_are_refused() -> None:
    with pytest.raises(ValueError, match="weight_decay"):
        lm.Adam(weight_decay=-1.0)
    with pytest.raises(ValueError, match="rate"):
        lm.Adam(weight_decay=lm.CosineSchedule(-1.0))


# Clipped predictions


def clipped(outputs: int = 2, dtype: str = "float64") -> lm.Sequential:
    layers = [lm.Dense(19, "tanh"), lm.Dense(outputs), lm.TargetScaling(clip=True)]
    return lm.Sequential(layers, inputs=7, dtype=dtype, seed=2)


def test_predictions_stay_within_the_training_targets(tmp_path: Path) -> None:
    x, y = value_data(rows=100)
    net = clipped()
    net.fit(x, 10.0 * y + 3.0, epochs=3)
    far = 100.0 * value_data(rows=500, seed=5)[0].astype(np.float64)
    targets = (10.0 * y + 3.0).astype(np.float64)
    outputs = net.predict(far)
    low, high = targets.min(axis=0), targets.max(axis=0)
    assert (outputs >= low).all()
    assert (outputs <= high).all()
    assert (outputs == low).any()
    assert (outputs == high).any()
    free = lm.Sequential([*net.layers[:-1], lm.TargetScaling()], inputs=7, dtype="float64")
    free.set_parameters({k: v for k, v in net.parameters().items() if k in free.parameters()})
    np.testing.assert_array_equal(outputs, np.clip(free.predict(far), low, high))
    net.save(tmp_path / "net.lamina")
    predictor = net.compile_predictor()
    assert lm.load(tmp_path / "net.lamina").predict(far).tobytes() == outputs.tobytes()
    np.testing.assert_allclose([predictor(row) for row in far[:20]], outputs[:20], rtol=1e-12)
    np.testing.assert_array_equal(predictor(far), outputs)


def test_clipping_leaves_training_and_its_losses_alone() -> None:
    x, y = value_data(rows=200)
    nets = []
    for clip in (True, False):
        layers = [lm.Dense(19, "tanh"), lm.Dense(2), lm.TargetScaling(clip=clip)]
        net = lm.Sequential(layers, inputs=7, seed=2)
        history = net.fit(
            x[:100],
            y[:100],
            validation_data=(3.0 * x[100:], 2.0 * y[100:]),
            epochs=3,
            metrics=["mean_absolute_error"],
        )
        nets.append((net, history))
    (limited, first), (free, second) = nets
    for name, value in free.parameters().items():
        assert limited.parameters()[name].tobytes() == value.tobytes()
    assert first["loss"] == second["loss"]
    assert first["val_loss"] == second["val_loss"]
    # Metrics are those of predictions.
    assert first["val_mean_absolute_error"] != second["val_mean_absolute_error"]


def test_the_gradient_of_a_clipped_prediction_is_0_and_of_a_training_output_not() -> None:
    x, y = value_data(rows=60)
    net = clipped(outputs=1)
    net.fit(x, y[:, :1], epochs=2)
    far = (100.0 * x[:20]).astype(np.float64)
    at_limit = np.isin(net.predict(far)[:, 0], [y[:, 0].min(), y[:, 0].max()])
    assert at_limit.any()
    assert not at_limit.all()
    jacobian = net.jacobian(far)[:, 0]
    assert (np.abs(jacobian).max(axis=1) == 0.0).tolist() == at_limit.tolist()
    trained = net.forward(far, training=True)
    assert (np.abs(trained) > np.abs(net.predict(far))).any()
    net.backward(np.ones((20, 1)))
    assert np.abs(net.gradients()["layers.1.bias"]).max() > 0


def test_rows_of_weight_0_do_not_widen_the_range() -> None:
    x, y = value_data(rows=60, outputs=1)
    y[0] = 1000.0
    weights = np.ones(60)
    weights[0] = 0.0
    net = clipped(outputs=1)
    net.fit(x, y, sample_weight=weights, epochs=1)
    assert net.parameters()["layers.2.high"][0] == pytest.approx(float(y[1:].max()))


def test_quantiles_share_the_range_and_log_variances_have_none() -> None:
    x, y = value_data(rows=60, outputs=1)
    net = clipped(outputs=3)
    net.fit(x, y, loss=lm.Quantile([0.1, 0.5, 0.9]), epochs=1)
    assert net.parameters()["layers.2.low"].tolist() == [float(y.min())] * 3
    gaussian = clipped(outputs=2)
    gaussian.fit(x, y, loss="gaussian_negative_log_likelihood", epochs=1)
    low, high = (gaussian.parameters()[f"layers.2.{name}"] for name in ("low", "high"))
    assert (low[0], high[0]) == (float(y.min()), float(y.max()))
    assert (low[1], high[1]) == (-np.finfo("float64").max / 2, np.finfo("float64").max / 2)
    mean = lm.average_networks([gaussian] * 3)
    assert mean.parameters()["layers.2.high"][0] == pytest.approx(float(y.max()))


def test_a_network_that_has_seen_no_targets_is_not_limited() -> None:
    net, x = clipped(), 1e6 * value_data()[0].astype(np.float64)
    free = lm.Sequential([*net.layers[:-1], lm.TargetScaling()], inputs=7, dtype="float64", seed=2)
    with pytest.warns(lm.TrainingWarning):
        np.testing.assert_array_equal(net.predict(x), free.predict(x))


# The last of equally good epochs


class Given(lm.Callback):
    """Adds a figure that the test chooses."""

    def __init__(self, values: list[float]) -> None:
        self.values = values

    def on_epoch_end(self, epoch: int, record: dict[str, float]) -> None:
        record["given"] = self.values[epoch]


@pytest.mark.parametrize(
    ("values", "keep_last", "best"),
    [
        ([3, 2, 2, 4, 2, 5], False, 1),
        ([3, 2, 2, 4, 2, 5], True, 4),
        ([3, 3, 3], True, 2),
        ([math.nan, 1, math.nan, 1], True, 3),
    ],
)
def test_the_last_of_equally_good_epochs_is_kept(
    values: list[float], keep_last: bool, best: int
) -> None:
    x, y = value_data(rows=64)
    net, twin = small(), small()
    stopping = lm.EarlyStopping("given", mode="min", patience=50, keep_last=keep_last)
    history = net.fit(x, y, epochs=len(values), callbacks=[Given(values)], early_stopping=stopping)
    twin.fit(x, y, epochs=best + 1)
    assert (history.best_epoch, stopping.best_epoch) == (best, best)
    assert bits(net) == bits(twin)


def test_patience_counts_from_the_first_of_equally_good_epochs() -> None:
    x, y = value_data(rows=64)
    net = small()
    stopping = lm.EarlyStopping("given", mode="min", patience=3, keep_last=True)
    history = net.fit(x, y, epochs=9, callbacks=[Given([2.0] * 9)], early_stopping=stopping)
    assert len(history["loss"]) == 4
    assert history.best_epoch == 3


def test_a_schedule_of_every_kind_can_be_a_decay() -> None:
    x, y = value_data(rows=64)
    for schedule in (lm.CosineLogSchedule(0.1), lm.WarmUp(0.1, 3), lm.StepSchedule(0.1, every=2)):
        net = classifier(classes=2)
        net.fit(x, y[:, 0] > 0, optimizer=lm.AdamW(weight_decay=schedule), epochs=2)
