"""Twenty training steps give the losses, gradients and weights that PyTorch gives."""

from typing import Any

import numpy as np
import pytest

import lamina as lm
from parity import read_traces as traces

pytestmark = pytest.mark.kernels

NAMES = traces.trace_names()
# float64 differs by the order of sums alone, about 1e-15 a step; float32 by 1e-7 a step, which
# Adam's division by small roots enlarges. Both bounds are the promised ones.
TOLERANCES = {"float64": 1e-10, "float32": 1e-4}
OUTPUT = {"cross_entropy": "softmax", "binary_cross_entropy": "sigmoid"}


def build(trace: Any) -> lm.Sequential:
    """The trace's network with its first weights."""
    hidden = [lm.Dense(n, trace.activation) for n in trace.widths[1:-1]]
    last = lm.Dense(trace.widths[-1], OUTPUT.get(trace.loss, "identity"))
    net = lm.Sequential([*hidden, last], inputs=trace.widths[0], dtype=trace.dtype)
    net.set_parameters(trace.named(trace.initial))
    return net


def optimizer_of(trace: Any) -> lm.Optimizer:
    """The trace's optimizer, by the name that both libraries use."""
    settings = dict(trace.optimizer_settings)
    return getattr(lm, trace.optimizer_name)(learning_rate=settings.pop("lr"), **settings)


def weight_of(trace: Any, step: int) -> Any:
    return None if trace.sample_weight is None else trace.sample_weight[step]


def assert_close(got: dict[str, Any], expected: dict[str, Any], tolerance: float) -> None:
    """Relative to each array's largest element: a single one may be a difference near 0."""
    assert got.keys() == expected.keys()
    for name, array in expected.items():
        difference = np.abs(got[name] - array).max() / np.abs(array).max()
        assert difference <= tolerance, f"{name}: {difference}"


@pytest.mark.parametrize("name", NAMES, ids="-".join)
def test_twenty_steps_equal_pytorch(name: tuple[str, str, str]) -> None:
    trace = traces.read_trace(*name)
    net, optimizer, tolerance = build(trace), optimizer_of(trace), TOLERANCES[trace.dtype]
    losses = []
    for step, (x, y) in enumerate(zip(trace.inputs, trace.targets, strict=True)):
        weight = weight_of(trace, step)
        recorded = step + 1 in trace.recorded_steps
        if recorded:
            place = trace.recorded_steps.index(step + 1)
            _, gradients = net.value_and_grad(x, y, loss=trace.loss, sample_weight=weight)
            assert_close(gradients, trace.named(trace.gradients[place]), tolerance)
        losses.append(
            net.train_step(x, y, loss=trace.loss, optimizer=optimizer, sample_weight=weight)
        )
        if recorded:
            assert_close(net.parameters(), trace.named(trace.weights[place]), tolerance)
    np.testing.assert_allclose(losses, trace.losses, rtol=tolerance)


def bits(net: lm.Sequential) -> bytes:
    return b"".join(array.tobytes() for array in net.parameters().values())


def trained_by_steps(trace: Any) -> bytes:
    net, optimizer = build(trace), optimizer_of(trace)
    for step, (x, y) in enumerate(zip(trace.inputs, trace.targets, strict=True)):
        weight = weight_of(trace, step)
        net.train_step(x, y, loss=trace.loss, optimizer=optimizer, sample_weight=weight)
    return bits(net)


def trained_by_fit(trace: Any) -> bytes:
    net = build(trace)
    weight = None if trace.sample_weight is None else trace.sample_weight.reshape(-1)
    net.fit(
        trace.inputs.reshape(-1, trace.widths[0]),
        trace.targets.reshape(-1, *trace.targets.shape[2:]),
        loss=trace.loss,
        optimizer=optimizer_of(trace),
        epochs=1,
        batch_size=trace.inputs.shape[1],
        shuffle=False,
        sample_weight=weight,
        verbose=False,
    )
    return bits(net)


def trained_by_gradients(trace: Any) -> bytes:
    net, optimizer = build(trace), optimizer_of(trace)
    for step, (x, y) in enumerate(zip(trace.inputs, trace.targets, strict=True)):
        net.value_and_grad(x, y, loss=trace.loss, sample_weight=weight_of(trace, step))
        optimizer.step(net)
    return bits(net)


@pytest.mark.parametrize("name", NAMES, ids="-".join)
def test_fit_and_loops_written_by_hand_give_the_same_bits(name: tuple[str, str, str]) -> None:
    trace = traces.read_trace(*name)
    expected = trained_by_steps(trace)
    assert trained_by_fit(trace) == expected
    assert trained_by_gradients(trace) == expected


@pytest.mark.parametrize("rule", ["sgd", "sgd_momentum", "sgd_nesterov", "adam", "adamw"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_forward_backward_and_step_equal_pytorch(rule: str, dtype: str) -> None:
    trace = traces.read_trace("relu_mean_squared_error", rule, dtype)
    net, optimizer = build(trace), optimizer_of(trace)
    losses = []
    for x, y in zip(trace.inputs, trace.targets, strict=True):
        outputs = net.forward(x, training=True)
        losses.append(((outputs - y) ** 2).mean())
        net.backward(2.0 * (outputs - y) / y.size)
        optimizer.step(net)
    np.testing.assert_allclose(losses, trace.losses, rtol=TOLERANCES[dtype])
    assert_close(net.parameters(), trace.named(trace.weights[-1]), TOLERANCES[dtype])


def test_backward_by_hand_gives_the_bits_of_the_fused_loss() -> None:
    trace = traces.read_trace("relu_mean_squared_error", "sgd_momentum", "float64")
    net, optimizer = build(trace), optimizer_of(trace)
    for x, y in zip(trace.inputs, trace.targets, strict=True):
        outputs = net.forward(x, training=True)
        # The loss multiplies the difference by one rounded factor 2 / (rows * outputs).
        net.backward((outputs - y) * (2.0 * (1.0 / y.size)))
        optimizer.step(net)
    assert bits(net) == trained_by_steps(trace)
