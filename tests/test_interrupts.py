"""Ctrl-C is noticed within long calls of all kinds, and leaves everything usable."""

import random
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import interrupt_latency
import lamina as lm
from lamina._optimizers import normal_equations

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGINT to itself ends a process")
# Most on a free machine; a shared one may not run this process for a while.
MOST = 0.2


@pytest.mark.long
def test_every_long_call_notices_an_interrupt_within_200_ms() -> None:
    generator = random.Random(0)
    slow = {
        name: found
        for name, call in interrupt_latency.calls(1.0)
        if (found := interrupt_latency.worst(call, 5, generator)) > MOST
    }
    assert not slow


@pytest.mark.parametrize("call", ["train_step", "value_and_grad", "forward", "backward"])
def test_a_single_step_of_many_rows_is_interrupted(call: str) -> None:
    # Several times as long as the interrupt's delay on any machine.
    x = np.ones((20_000, 64), np.float32)
    net = lm.Sequential([*(lm.Dense(1024, "relu") for _ in range(3)), lm.Dense(1)], inputs=64)
    y, before = x[:, :1], net.parameters()
    net.value_and_grad(x[:4], y[:4])
    kept = net.gradients()
    steps: dict[str, Callable[[], Any]] = {
        "train_step": lambda: net.train_step(x, y, optimizer=lm.Adam()),
        "value_and_grad": lambda: net.value_and_grad(x, y, accumulate=True),
        "forward": lambda: net.forward(x, training=True),
        "backward": lambda: net.backward(np.ones((len(x), 1)), accumulate=True),
    }
    if call == "backward":
        net.forward(x)
    whole = interrupt_latency.latency(steps[call], 0.05)
    assert whole is not None, "the call should have taken longer"
    for name, value in net.parameters().items():
        assert np.array_equal(value, before[name])
    if call != "forward":
        for name, value in net.gradients().items():
            assert np.array_equal(value, kept[name])
    if call == "forward":
        with pytest.raises(RuntimeError, match="expected a call of forward"):
            net.backward(np.ones((len(x), 1)))
    assert np.isfinite(net.fit(x[:64], y[:64], epochs=1, verbose=False)["loss"]).all()


@pytest.mark.parametrize("initializer", ["he_normal", "glorot_uniform", "orthogonal"])
def test_drawing_first_weights_is_interrupted_and_leaves_those_there_were(initializer: Any) -> None:
    layers = [lm.Dense(500, initializer=initializer), lm.Dense(1500, initializer=initializer)]
    net = lm.Sequential(layers, inputs=2)
    net.set_parameters({"layers.0.bias": np.ones(500)})
    before = net.parameters()
    waited = interrupt_latency.latency(lambda: [net.reset(seed) for seed in range(1000)], 0.3)
    assert waited is not None, "the calls should have taken longer"
    # Whole weights: those there were, or of the last draw, which an interrupt may follow at once.
    draws = [lm.Sequential(layers, inputs=2, seed=net.seed + more).parameters() for more in (0, 1)]
    now = net.parameters()
    assert any(
        all(np.array_equal(now[name], whole[name]) for name in now) for whole in (before, *draws)
    )
    layers = [lm.Dense(2000, initializer=initializer) for _ in range(40)]
    waited = interrupt_latency.latency(lambda: lm.Sequential(layers, inputs=2000), 0.1)
    assert waited is not None, "the call should have taken longer"


def test_gradients_of_an_interrupted_call_are_not_shown() -> None:
    x = np.ones((40_000, 64), np.float32)
    net = lm.Sequential([lm.Dense(512, "relu"), lm.Dense(512, "relu"), lm.Dense(1)], inputs=64)
    assert interrupt_latency.latency(lambda: net.value_and_grad(x, x[:, :1]), 0.05) is not None
    with pytest.raises(RuntimeError, match="gradients: expected a call"):
        net.gradients()


def test_large_equations_are_solved_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(normal_equations, "_SOLVED_AT_ONCE", 20)
    monkeypatch.setattr(normal_equations, "_BLOCK", 16)
    monkeypatch.setattr(normal_equations, "_ROWS", 8)
    monkeypatch.setattr(normal_equations, "_OPERATIONS", 5000.0)
    generator = np.random.default_rng(0)
    for n in (21, 64, 99):
        rows, right = generator.standard_normal((40, n)), generator.standard_normal(n)
        product = normal_equations.diagonal(np.full(n, 0.5))
        normal_equations.add_products(rows[:25], product)
        normal_equations.add_products(rows[25:], product)
        whole = rows.T @ rows + 1.5 * np.eye(n)
        found = normal_equations.solve_damped(product, 1.0, right)
        assert found is not None
        assert np.abs(whole @ found - right).max() < 1e-10
        assert normal_equations.solve_damped(product, -1e3, right) is None


def test_levenberg_marquardt_takes_the_same_steps_in_pieces(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    x = np.linspace(-1.0, 1.0, 40).reshape(-1, 1)
    losses = []
    for at_once in (1024, 5):
        monkeypatch.setattr(normal_equations, "_SOLVED_AT_ONCE", at_once)
        net = lm.Sequential([lm.Dense(9, "tanh"), lm.Dense(1)], inputs=1, dtype="float64")
        optimizer = lm.LevenbergMarquardt(5)
        losses.append(net.fit(x, np.sin(3.0 * x), optimizer=optimizer, verbose=False)["loss"])
    assert np.allclose(losses[0], losses[1], rtol=1e-6)


def test_an_interrupt_within_levenberg_marquardt_comes_between_pieces() -> None:
    # 3,401 weights: a solution at once would take a good part of a second.
    x = np.random.default_rng(0).standard_normal((300, 32)).astype("f4")
    net = lm.Sequential([lm.Dense(100, "tanh"), lm.Dense(1)], inputs=32)

    def call() -> None:
        net.fit(x, x[:, :1] ** 2, optimizer=lm.LevenbergMarquardt(50), verbose=False)

    assert interrupt_latency.latency(call, 0.7) is not None
    assert np.isfinite(net.predict(x)).all()
