"""Fits a function and its slope at once: `python examples/slope_in_the_loss.py [--epochs 2000]`.

As in physics, few points are known, but at each of them the slope too (a force beside an energy).
The loss is

    mean((u - f)^2) + mean((u' - f')^2),    u the network, u' = du/dx from `net.jacobian`.

Its gradient by the weights needs that of u' by the weights, a mixed second derivative. With r' =
u' - f' it is the gradient of sum(r' u'), and u' is, up to h^4, a sum of u at neighbouring points,

    u'(x) = (8 u(x + h) - 8 u(x - h) - u(x + 2h) + u(x - 2h)) / 12h.

So one backward pass over the rows x and their four neighbours gives the gradient of the whole loss.
In float64 with h = 1e-3 it is right to 1e-8 or better; the test compares it with PyTorch's double
backward.
"""

import argparse
from collections.abc import Sequence

import numpy as np

import lamina as lm

Array = np.ndarray
H = 1e-3
# Factors of u(x + k h) in the slope, by k.
NEIGHBOURS = {1: 8 / (12 * H), -1: -8 / (12 * H), 2: -1 / (12 * H), -2: 1 / (12 * H)}


def function(x: Array) -> tuple[Array, Array]:
    """What is to be learned, sin(3 x) + x^2 / 2, and its slope."""
    return np.sin(3.0 * x) + 0.5 * x * x, 3.0 * np.cos(3.0 * x) + x


def network(seed: int = 0) -> lm.Sequential:
    """1-32-32-1, smooth, in float64."""
    layers = [lm.Dense(32, "tanh"), lm.Dense(32, "tanh"), lm.Dense(1)]
    return lm.Sequential(layers, inputs=1, seed=seed, dtype="float64")


def loss_and_gradients(net: lm.Sequential, x: Array, f: Array, slope: Array) -> float:
    """The loss at points x [n, 1]; `net.gradients()` are then its gradients by the weights."""
    n = len(x)
    error = net.predict(x) - f
    slope_error = net.jacobian(x)[:, 0] - slope
    net.forward(np.concatenate([x, *(x + k * H for k in NEIGHBOURS)]))
    by_outputs = [error, *(factor * slope_error for factor in NEIGHBOURS.values())]
    net.backward(2.0 / n * np.concatenate(by_outputs), input_gradient=False)
    return float((error**2).mean() + (slope_error**2).mean())


def train(net: lm.Sequential, x: Array, f: Array, slope: Array, epochs: int) -> float:
    """Adam on all points at once; returns the last loss."""
    optimizer = lm.Adam(lm.CosineSchedule(0.01, length=epochs))
    loss = 0.0
    for _ in range(epochs):
        loss = loss_and_gradients(net, x, f, slope)
        optimizer.step(net)
    return loss


def main(arguments: Sequence[str] | None = None) -> tuple[float, float]:
    """The command line; returns the largest errors of the function and its slope in between."""
    parser = argparse.ArgumentParser(description="fit a function and its slope")
    parser.add_argument("--epochs", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    x = np.linspace(-2.0, 2.0, 20).reshape(-1, 1)
    net = network(options.seed)
    loss = train(net, x, *function(x), options.epochs)
    between = np.linspace(-2.0, 2.0, 401).reshape(-1, 1)
    f, slope = function(between)
    worst = float(np.abs(net.predict(between) - f).max())
    worst_slope = float(np.abs(net.jacobian(between)[:, 0] - slope).max())
    plain = network(options.seed)
    plain.fit(
        x, function(x)[0], batch_size=20, epochs=options.epochs,
        optimizer=lm.Adam(lm.CosineSchedule(0.01)), verbose=False,
    )  # fmt: skip
    without = float(np.abs(plain.predict(between) - f).max())
    print(
        f"loss {loss:.2e} at 20 points; largest error between them: {worst:.4f} of the function, "
    )
    print(
        f"{worst_slope:.4f} of the slope. Without slopes in the loss: {without:.4f} of the function"
    )
    return worst, worst_slope


if __name__ == "__main__":
    main()
