"""Batch normalisation: what it computes, gradients, running statistics, threads, interrupts."""

import os
import signal
import threading
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import lamina as lm
from networks import bits, same_for_any_threads, value_data
from test_gradients import TOLERANCE, difference_quotient, relative_error

pytestmark = pytest.mark.kernels

Array = npt.NDArray[Any]

# In every place: first, last, before and after dense layers and activations, twice, in blocks.
LAYERS: list[lm.Layer] = [
    lm.BatchNorm(scale=False),
    lm.Dense(40, bias=False),
    lm.BatchNorm(momentum=0.3),
    lm.Activation("relu"),
    lm.Dropout(0.1),
    lm.Residual([lm.BatchNorm(), lm.Activation("tanh"), lm.Dense(70), lm.BatchNorm(shift=False)]),
    lm.Dense(2),
    lm.BatchNorm(),
]


def network(**options: Any) -> lm.Sequential:
    return lm.Sequential(LAYERS, inputs=7, **options)


def running(net: lm.Sequential) -> list[Array]:
    return [array for name, array in net.parameters().items() if ".running_" in name]


def without_dropout(**options: Any) -> lm.Sequential:
    layers = [layer for layer in LAYERS if not isinstance(layer, lm.Dropout)]
    return lm.Sequential(layers, inputs=7, **options)


# What it computes


def test_training_normalises_by_the_batch_and_prediction_by_the_running_statistics() -> None:
    x, _ = value_data(rows=50)
    net = lm.Sequential([lm.BatchNorm(epsilon=0.01)], inputs=7, dtype="float64")
    weight, bias = np.linspace(0.5, 2.0, 7), np.linspace(-1.0, 1.0, 7)
    mean, variance = np.linspace(-0.2, 0.2, 7), np.linspace(0.1, 3.0, 7)
    named = {"weight": weight, "bias": bias, "running_mean": mean, "running_var": variance}
    net.set_parameters({f"layers.0.{name}": array for name, array in named.items()})
    x = x.astype(np.float64)

    def expected(mean: Array, variance: Array) -> Array:
        normalised: Array = (x - mean) / np.sqrt(variance + 0.01)
        return weight * normalised + bias

    of_batch = expected(x.mean(axis=0), x.var(axis=0))
    np.testing.assert_allclose(net.forward(x, training=True), of_batch, rtol=1e-12)
    np.testing.assert_allclose(net.predict(x), expected(mean, variance), rtol=1e-12)
    np.testing.assert_allclose(net.forward(x), net.predict(x), rtol=1e-14)


@pytest.mark.parametrize("momentum", [0.0, 0.1, 1.0])
def test_running_statistics_follow_the_batch_by_momentum(momentum: float) -> None:
    x, y = value_data(rows=50, outputs=7)
    net = lm.Sequential([lm.BatchNorm(momentum)], inputs=7, dtype="float64")
    net.train_step(x, y, optimizer=lm.SGD())
    x = x.astype(np.float64)
    mean, variance = running(net)
    np.testing.assert_allclose(mean, momentum * x.mean(axis=0), rtol=1e-12, atol=1e-15)
    expected = (1 - momentum) + momentum * x.var(axis=0, ddof=1)
    np.testing.assert_allclose(variance, expected, rtol=1e-12)


def test_a_large_mean_costs_the_variance_no_digits() -> None:
    x = np.random.default_rng(0).normal(size=(20_000, 3)).astype(np.float32) + np.float32(1000)
    net = lm.Sequential([lm.BatchNorm(momentum=1.0)], inputs=3)
    net.train_step(x, x, optimizer=lm.SGD(0.0))
    mean, variance = running(net)
    # Inputs are rounded to 3e-5; the statistics of what is left are right to float32's digits.
    np.testing.assert_allclose(mean, x.mean(axis=0, dtype=np.float64), rtol=2e-7)
    np.testing.assert_allclose(variance, x.var(axis=0, dtype=np.float64), rtol=1e-4)


def test_sample_weights_do_not_count_in_the_statistics() -> None:
    x, y = value_data(rows=50)
    net, twin = network(), network()
    net.train_step(x, y, optimizer=lm.SGD())
    twin.train_step(x, y, optimizer=lm.SGD(), sample_weight=np.linspace(0.0, 2.0, 50))
    # Those of the first layer, which sees the same inputs.
    assert bits(running(net)[:2]) == bits(running(twin)[:2])


def test_a_constant_column_stays_finite() -> None:
    x, y = value_data(rows=50)
    x[:, 3] = 5.0
    net = network()
    net.fit(x, y, epochs=3, verbose=False)
    assert np.isfinite(net.predict(x)).all()


# Gradients


@pytest.mark.parametrize("rows", [2, 3, 17])
@pytest.mark.parametrize("training", [True, False])
def test_gradients_of_a_batch_are_those_of_its_loss(rows: int, training: bool) -> None:
    # Smooth everywhere; epsilon keeps the curvature of two nearly equal rows in bounds.
    norm = partial(lm.BatchNorm, epsilon=0.1)
    layers = [
        norm(scale=False),
        lm.Dense(6, "tanh"),
        norm(),
        lm.Residual([norm(shift=False), lm.Activation("silu"), lm.Dense(4), norm()]),
        lm.Dense(3),
    ]
    net = lm.Sequential(layers, inputs=5, dtype="float64")
    random = np.random.default_rng(rows)
    net.set_parameters({k: random.uniform(0.3, 1.5, v.shape) for k, v in net.parameters().items()})
    x, direction = random.normal(size=(rows, 5)), random.uniform(-1.0, 1.0, (rows, 3))
    net.forward(x, training=training)
    input_gradient = net.backward(direction)
    gradients = net.gradients()

    def loss(x: Array = x) -> float:
        return float((net.forward(x, training=training) * direction).sum())

    assert relative_error(input_gradient, difference_quotient(loss, x)) <= TOLERANCE
    for name, value in net.parameters().items():
        if ".running_" in name:
            assert not gradients[name].any()
            continue

        def at(moved: Array, name: str = name) -> float:
            net.set_parameters({name: moved})
            return loss()

        expected = difference_quotient(at, value)
        net.set_parameters({name: value})
        assert relative_error(gradients[name], expected) <= TOLERANCE, name


def test_the_jacobian_is_that_of_prediction() -> None:
    net = without_dropout(dtype="float64")
    x, y = value_data(rows=20)
    net.fit(x, y, verbose=False)
    # Away from the relu's kink nothing is piecewise; a step of 1e-6 crosses none here.
    jacobian = net.jacobian(x)
    step = 1e-6 * np.eye(7)
    for j in range(7):
        slope = (net.predict(x + step[j]) - net.predict(x - step[j])) / 2e-6
        np.testing.assert_allclose(jacobian[:, :, j], slope, rtol=1e-5, atol=1e-7)


def test_gradients_of_single_rows_add_up_to_that_of_the_batch_in_prediction() -> None:
    x, y = value_data(rows=30)
    net = without_dropout(dtype="float64")
    net.fit(x, y, epochs=2, verbose=False)
    outputs = net.forward(x)
    net.backward(2.0 * (outputs - y) / outputs.shape[1])
    rows, norms = net.sample_gradients(x, y), net.sample_gradient_norms(x, y)
    for name, gradient in net.gradients().items():
        np.testing.assert_allclose(rows[name].sum(axis=0), gradient, rtol=1e-10, atol=1e-12)
    squares = sum((part.reshape(30, -1) ** 2).sum(axis=1) for part in rows.values())
    np.testing.assert_allclose(norms, np.sqrt(squares), rtol=1e-10)


def test_activations_of_layers_are_those_of_prediction() -> None:
    x, y = value_data(rows=30)
    net = network()
    net.fit(x, y, epochs=1, verbose=False)
    activations = list(net.activations(x).values())
    assert [part.shape[1] for part in activations] == [7, 40, 40, 40, 40, 70, 2, 2]
    assert bits(activations[-1:]) == bits([net.predict(x)])


# Training


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("clip", [0.0, 0.1])
def test_any_number_of_threads_gives_the_same_bits(dtype: Any, clip: float) -> None:
    x, y = value_data(rows=501)

    def trained() -> Any:
        net, optimizer = network(dtype=dtype), lm.Adam(0.01, clip_norm=clip)
        history = net.fit(x, y, optimizer=optimizer, epochs=2, batch_size=125, verbose=False)
        outputs = net.forward(x, training=True)
        gradient = net.backward(outputs)
        assert gradient is not None
        parts = [*net.parameters().values(), *net.gradients().values(), outputs, gradient]
        return bits(parts), history["loss"]

    assert same_for_any_threads(trained)


def test_a_fit_is_its_train_steps() -> None:
    x, y = value_data(rows=60)
    net, twin = network(), network()
    optimizer, other = lm.Adam(0.01), lm.Adam(0.01)
    net.fit(x, y, optimizer=optimizer, epochs=1, batch_size=20, shuffle=False, verbose=False)
    for first in range(0, 60, 20):
        twin.train_step(x[first : first + 20], y[first : first + 20], optimizer=other)
    assert bits(twin) == bits(net)


@pytest.mark.parametrize("way", ["value_and_grad", "forward", "own loss"])
def test_a_fit_is_its_steps_by_hand(way: str) -> None:
    x, y = value_data(rows=60)
    net, twin = without_dropout(), without_dropout()
    optimizer, other = lm.Adam(0.01), lm.Adam(0.01)
    net.fit(x, y, optimizer=optimizer, epochs=1, batch_size=20, shuffle=False, verbose=False)

    def own(outputs: Array, targets: Any) -> tuple[float, Array]:
        error = outputs - targets
        return float((error**2).mean()), error * np.float32(2.0 / error.size)

    for first in range(0, 60, 20):
        rows = slice(first, first + 20)
        if way == "value_and_grad":
            twin.value_and_grad(x[rows], y[rows])
        elif way == "forward":
            twin.backward(own(twin.forward(x[rows], training=True), y[rows])[1])
        else:
            twin.value_and_grad(x[rows], y[rows], loss=own)
        other.step(twin)
    if way == "value_and_grad":
        assert bits(twin) == bits(net)
    else:  # The loss's gradient is computed outside.
        for got, expected in zip(running(twin), running(net), strict=True):
            np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)


def test_looking_at_a_batch_does_not_change_the_running_statistics() -> None:
    x, y = value_data(rows=60)
    net = network()
    before = bits(net)
    net.value_and_grad(x, y)
    net.forward(x, training=True)
    net.predict(x)
    net.evaluate(x, y)
    net.jacobian(x)
    assert bits(net) == before


def test_a_step_applies_the_statistics_of_the_last_training_batch_once() -> None:
    x, y = value_data(rows=60)
    net, twin = without_dropout(), without_dropout()
    for each in (net, twin):
        each.value_and_grad(x[:30] + 5.0, y[:30])
        each.value_and_grad(x[30:], y[30:])
    twin.jacobian(x)  # In inference mode, between gradient and step.
    twin.value_and_grad(x[30:], y[30:])
    optimizers = lm.SGD(0.1), lm.SGD(0.1)
    for each, optimizer in zip((net, twin), optimizers, strict=True):
        optimizer.step(each)
    assert bits(twin) == bits(net)
    after = bits(running(net))
    optimizers[0].step(net)
    assert bits(running(net)) == after


@pytest.mark.parametrize(("rows", "steps"), [(41, 2), (21, 1), (40, 2), (42, 3), (20, 1)])
def test_a_last_batch_of_one_row_joins_the_one_before(rows: int, steps: int) -> None:
    x, y = value_data(rows=rows)
    net, twin = network(), network()
    optimizer, other = lm.Adam(lm.CosineSchedule(0.01)), lm.Adam(0.01)
    net.fit(x, y, optimizer=optimizer, epochs=1, batch_size=20, shuffle=False, verbose=False)
    assert optimizer.steps == steps
    optimizer = lm.Adam(0.01)
    net = network()
    net.fit(x, y, optimizer=optimizer, epochs=1, batch_size=20, shuffle=False, verbose=False)
    starts = [20 * step for step in range(steps)]
    for first, last in zip(starts, [*starts[1:], rows], strict=True):
        twin.train_step(x[first:last], y[first:last], optimizer=other)
    assert bits(twin) == bits(net)


def test_fits_of_several_epochs_take_the_batches_of_batches() -> None:
    x, y = value_data(rows=41)
    net, twin = network(), network()
    optimizer, other = lm.Adam(0.01), lm.Adam(0.01)
    net.fit(x, y, optimizer=optimizer, epochs=2, batch_size=20, verbose=False)
    for epoch in (1, 2):
        for rows in lm.batches(41, 20, epoch=epoch, smallest=2):
            twin.train_step(x[rows], y[rows], optimizer=other)
    assert bits(twin) == bits(net)


def test_a_learning_rate_is_found_with_a_last_batch_of_one_row() -> None:
    x, y = value_data(rows=41)
    net = network()
    before = bits(net)
    found = lm.find_learning_rate(net, x, y, batch_size=20, steps=10)
    assert np.isfinite(found.losses).all()
    assert bits(net) == before


def test_one_row_is_refused_in_training_with_the_reason() -> None:
    x, y = value_data(rows=5)
    net = network()
    before = bits(net)
    message = "expected batches of at least 2 rows, since layers.0 takes mean and variance"
    calls: dict[str, Any] = {
        "fit": lambda: net.fit(x, y, batch_size=1, verbose=False),
        "fit:": lambda: net.fit(x[:1], y[:1], verbose=False),
        "train_step": lambda: net.train_step(x[:1], y[:1], optimizer=lm.SGD()),
        "value_and_grad": lambda: net.value_and_grad(x[:1], y[:1]),
        "forward": lambda: net.forward(x[:1], training=True),
    }
    for where, call in calls.items():
        with pytest.raises(ValueError, match=where.rstrip(":") + ": " + message):
            call()
    assert bits(net) == before
    assert net.forward(x[:1]).shape == net.predict(x[:1]).shape == (1, 2)


def test_gradients_in_inference_do_not_depend_on_those_of_a_training_batch_before() -> None:
    x, y = value_data(rows=8)
    net, fresh = network(), network()
    upstream = np.ones((8, y.shape[1]))
    net.forward(x, training=True)
    net.backward(np.full_like(upstream, 3e38))  # sums of columns overflow
    found = []
    for each in (net, fresh):
        each.forward(x)
        found.append((each.backward(upstream), each.gradients()))
    assert np.isfinite(found[0][0]).all()
    assert bits([found[0][0], *found[0][1].values()]) == bits([found[1][0], *found[1][1].values()])


def test_weights_and_statistics_of_the_last_finite_loss_are_kept() -> None:
    x, y = value_data(rows=64)
    layers = [lm.BatchNorm(), lm.Dense(9, "relu"), lm.BatchNorm(), lm.Dense(2)]
    options: dict[str, Any] = {"batch_size": 8, "shuffle": False, "verbose": False}
    net = lm.Sequential(layers, inputs=7)
    with pytest.raises(lm.NotFiniteError) as caught:
        net.fit(x, y, optimizer=lm.SGD(3e3), epochs=50, **options)
    message = str(caught.value)
    epoch, step = (int(part.split()[-1]) for part in message.split(":")[0].split(",")[1:])
    done = (epoch - 1) * 8 + step - (1 if "weights after the update" in message else 2)
    twin, optimizer = lm.Sequential(layers, inputs=7), lm.SGD(3e3)
    for index in range(done):
        rows = slice(index % 8 * 8, index % 8 * 8 + 8)
        twin.train_step(x[rows], y[rows], optimizer=optimizer)
    assert done > 0
    assert bits(net) == bits(twin)


def test_a_step_by_hand_that_is_not_finite_leaves_the_statistics() -> None:
    x, y = value_data(rows=8)
    net = network()
    net.value_and_grad(x, y * 1e15)
    before = bits(net)
    with pytest.raises(lm.NotFiniteError):
        lm.SGD(3e38).step(net)
    assert bits(net) == before
    lm.SGD(1e-20).step(net)
    assert bits(running(net)) != bits(running(network()))


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_ctrl_c_leaves_weights_and_statistics_of_a_whole_step(threads: int) -> None:
    x, y = value_data(rows=3000)
    layers = [lm.Dense(150), lm.BatchNorm(), lm.Activation("relu"), lm.BatchNorm(), lm.Dense(2)]
    lm.set_num_threads(threads, exact=True)
    net, optimizer = lm.Sequential(layers, inputs=7), lm.SGD(0.01)
    timer = threading.Timer(0.15, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    options: dict[str, Any] = {"batch_size": 1500, "shuffle": False, "verbose": False}
    with pytest.raises(KeyboardInterrupt):
        net.fit(x, y, optimizer=optimizer, epochs=10**7, **options)
    timer.join()
    twin, other = lm.Sequential(layers, inputs=7), lm.SGD(0.01)
    for index in range(optimizer.steps):
        rows = slice(index % 2 * 1500, index % 2 * 1500 + 1500)
        twin.train_step(x[rows], y[rows], optimizer=other)
    assert bits(twin) == bits(net)


def test_an_error_is_found_in_the_row_that_joined_the_last_batch() -> None:
    x = np.random.default_rng(0).standard_normal((9, 4)).astype(np.float32)
    x[8] = 3e38
    net = lm.Sequential([lm.Dense(5), lm.BatchNorm(), lm.Dense(2)], inputs=4, seed=0)
    with pytest.raises(lm.NotFiniteError, match=r"output of layers\.0 \(dense\)"):
        net.fit(x, x[:, :2], batch_size=4, shuffle=False, epochs=1, verbose=False)
