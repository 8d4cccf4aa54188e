"""The trainer: losses that are not finite, and interrupts."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import lamina as lm
from networks import bits, regressor, value_data

pytestmark = pytest.mark.kernels

Array = npt.NDArray[Any]


def diverging() -> tuple[lm.Sequential, Array, Array, dict[str, Any]]:
    """A network, its data, and options under which its loss overflows after some steps."""
    x, y = value_data(rows=64)
    net = lm.Sequential([lm.Dense(9, "relu"), lm.Dense(2)], inputs=7)
    options = {"optimizer": lm.SGD(30.0), "batch_size": 8, "shuffle": False, "verbose": False}
    return net, x, y, options


def replayed_weights(epoch: int, step: int) -> bytes:
    """The weights with which step `step` (from 1) of epoch `epoch` computed its loss."""
    net, x, y, _ = diverging()
    optimizer = lm.SGD(30.0)
    batches = [slice(first, first + 8) for first in range(0, 64, 8)]
    for index in range((epoch - 1) * 8 + step - 1):
        batch = batches[index % 8]
        net.train_step(x[batch], y[batch], optimizer=optimizer)
    return bits(net)


def test_a_loss_that_is_not_finite_names_epoch_step_and_layer_and_what_to_try() -> None:
    net, x, y, options = diverging()
    with pytest.raises(lm.NotFiniteError) as caught:
        net.fit(x, y, epochs=50, **options)
    message = str(caught.value)
    assert message.startswith("fit, epoch 1, step ")
    assert "layers." in message or "weights after the update" in message
    assert "Try a lower learning_rate (now 30.0)" in message
    assert isinstance(caught.value, FloatingPointError)


def test_the_weights_of_the_last_finite_loss_are_kept() -> None:
    net, x, y, options = diverging()
    with pytest.raises(lm.NotFiniteError) as caught:
        net.fit(x, y, epochs=50, **options)
    epoch, step = (int(part.split()[-1]) for part in str(caught.value).split(":")[0].split(",")[1:])
    in_update = "weights after the update" in str(caught.value)
    kept = bits(net)
    # A loss that is not finite at a step condemns the weights it was computed with: those before
    # are kept. An update that is not finite leaves the weights it started from.
    assert kept == replayed_weights(epoch, step if in_update else step - 1)
    assert all(np.isfinite(array).all() for array in net.parameters().values())
    assert np.isfinite(net.evaluate(x, y)["loss"])


def test_the_first_step_of_an_epoch_can_fall_back_into_the_epoch_before() -> None:
    x, y = value_data(rows=8)
    net, twin = regressor(), regressor()
    net.fit(x, y, optimizer=lm.SGD(0.1), batch_size=8, epochs=1, verbose=False)
    optimizer = lm.SGD(3e38)
    with pytest.raises(lm.NotFiniteError, match=r"fit, epoch [23], step 1"):
        net.fit(x, y, optimizer=optimizer, batch_size=8, epochs=3, verbose=False)
    assert np.isfinite(net.evaluate(x, y)["loss"])
    twin.fit(x, y, optimizer=lm.SGD(0.1), batch_size=8, epochs=1, verbose=False)
    assert bits(twin) == bits(net)


def test_steps_by_hand_count_as_good_weights() -> None:
    """A fit that fails at its first step must not fall back behind them."""
    x, y = value_data(rows=8)
    net = regressor()
    net.fit(x, y, batch_size=8, epochs=2, verbose=False)
    optimizer = lm.SGD(0.1)
    for _ in range(3):
        net.value_and_grad(x, y)
        optimizer.step(net)
    before = bits(net)
    with pytest.raises(lm.NotFiniteError):
        net.fit(np.full((8, 7), 3e38), np.full((8, 2), 3e38), batch_size=8, verbose=False)
    assert bits(net) == before


def test_training_goes_on_with_a_lower_rate_and_the_same_optimizer() -> None:
    x, y = value_data(rows=64)
    net = lm.Sequential([lm.Dense(9, "relu"), lm.Dense(2)], inputs=7)
    optimizer = lm.SGD(3e38, momentum=0.9)
    with pytest.raises(lm.NotFiniteError):
        net.fit(x, y, optimizer=optimizer, epochs=5, verbose=False)
    optimizer.learning_rate = 0.01
    history = net.fit(x, y, optimizer=optimizer, epochs=5, verbose=False)
    assert np.isfinite(history["loss"]).all()


def test_a_step_by_hand_that_is_not_finite_changes_nothing() -> None:
    x, y = value_data(rows=8)
    net = regressor()
    before = bits(net)
    net.value_and_grad(x, y * 1e15)
    refused = r"optimizer.step: a weight or a running mean would not be finite"
    with pytest.raises(lm.NotFiniteError, match=refused):
        lm.SGD(1e30).step(net)
    assert bits(net) == before
    with pytest.raises(lm.NotFiniteError, match="train_step 1: not a finite number"):
        net.train_step(x, y * 1e15, optimizer=lm.SGD(1e30))
    assert bits(net) == before


@pytest.mark.parametrize("layer", [0, 1, 2])
def test_the_first_layer_that_overflows_is_named(layer: int) -> None:
    net = lm.Sequential([lm.Dense(2), lm.Dense(2), lm.Dense(2)], inputs=2)
    weights = {f"layers.{i}.weight": np.eye(2) for i in range(3)}
    weights[f"layers.{layer}.weight"] = np.full((2, 2), 3e38)
    net.set_parameters(weights)
    x, y = np.full((4, 2), 100.0), np.zeros((4, 2))
    place = rf"first seen in the output of layers\.{layer} \(dense\)"
    with pytest.raises(lm.NotFiniteError, match=rf"fit, epoch 1, step 1: .*{place}"):
        net.fit(x, y, verbose=False)
    with pytest.raises(lm.NotFiniteError, match=rf"value_and_grad: .*{place}"):
        net.value_and_grad(x, y)


def test_a_loss_alone_that_overflows_is_named() -> None:
    net = lm.Sequential([lm.Dense(1, "identity", initializer="zeros")], inputs=1)
    with pytest.raises(lm.NotFiniteError, match=r"the loss itself \(mean_squared_error\)"):
        net.fit(np.ones((4, 1)), np.full((4, 1), 1e38), verbose=False)


@pytest.mark.parametrize("threads", [2, 4])
def test_any_number_of_threads_fails_at_the_same_step_with_the_same_weights(threads: int) -> None:
    x, y = value_data(rows=300, inputs=40)
    results = []
    for count in (1, threads):
        lm.set_num_threads(count, exact=True)
        net = lm.Sequential([lm.Dense(200, "relu"), lm.Dense(2)], inputs=40)
        with pytest.raises(lm.NotFiniteError) as caught:
            net.fit(x, y, optimizer=lm.SGD(30.0), batch_size=100, epochs=50, verbose=False)
        results.append((str(caught.value), bits(net)))
    assert results[0] == results[1]


# Ctrl-C

INTERRUPTED = """
import json, signal, sys, threading, time
import numpy as np
import lamina as lm

use, rows, width, batch = sys.argv[1], *map(int, sys.argv[2:])
random = np.random.default_rng(0)
x = random.normal(size=(rows, 100)).astype(np.float32)
y = random.integers(0, 3, rows)
net = lm.Sequential([lm.Dense(width, "relu"), lm.Dense(3, "softmax")], inputs=100)
optimizer = lm.SGD(0.01)
uses = {
    "fit": lambda: net.fit(x, y, optimizer=optimizer, batch_size=batch, epochs=10**6,
                           shuffle=False, verbose=False),
    "predict": lambda: [net.predict(x) for _ in range(10**6)],
    "evaluate": lambda: [net.evaluate(x, y) for _ in range(10**6)],
}
sent = []

def interrupt():
    time.sleep(0.3)
    sent.append(time.perf_counter())
    signal.raise_signal(signal.SIGINT)

threading.Thread(target=interrupt).start()
try:
    uses[use]()
except KeyboardInterrupt:
    seconds = time.perf_counter() - sent[0]
# The same whole steps once more: epochs, and those of the last one by hand.
twin = lm.Sequential([lm.Dense(width, "relu"), lm.Dense(3, "softmax")], inputs=100)
other = lm.SGD(0.01)
epochs, last = divmod(optimizer.steps, -(-rows // batch))
if epochs:
    twin.fit(x, y, optimizer=other, batch_size=batch, epochs=epochs, shuffle=False, verbose=False)
for first in range(0, last * batch, batch):
    twin.train_step(x[first : first + batch], y[first : first + batch], optimizer=other)
same = all(np.array_equal(a, twin.parameters()[k]) for k, a in net.parameters().items())
net.fit(x[:100], y[:100], epochs=1, verbose=False)
print(json.dumps({"seconds": seconds, "steps": optimizer.steps, "same": same,
                  "finite": bool(np.isfinite(net.predict(x[:9])).all())}))
"""


def interrupted(use: str, *sizes: int) -> dict[str, Any]:
    """What a child process reports that gets a SIGINT while it is busy."""
    command = [sys.executable, "-c", textwrap.dedent(INTERRUPTED), use, *map(str, sizes)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


# Steps of some microseconds, of about a millisecond, and calls longer than an interrupt may take.
SIZES = {"short": (2000, 8, 1), "middle": (20_000, 200, 128), "long": (60_000, 1200, 60_000)}
USES = [("fit", "short"), ("fit", "middle"), ("fit", "long"), ("predict", "long")]


@pytest.mark.parametrize(("use", "size"), [*USES, ("evaluate", "long")])
def test_ctrl_c_is_seen_at_once_and_leaves_weights_of_the_last_whole_step(
    use: str, size: str
) -> None:
    best = {"seconds": np.inf}
    for _ in range(3):  # a busy machine may be late once
        result = interrupted(use, *SIZES[size])
        assert result["same"]
        assert result["finite"]
        assert size != "short" or result["steps"] > 100
        best = min(best, result, key=lambda result: result["seconds"])
        if best["seconds"] <= 0.1:
            break
    assert best["seconds"] <= 0.1


def test_ctrl_c_in_fit_is_raised_to_the_caller_who_may_go_on() -> None:
    x, y = value_data()
    net = regressor()
    timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        net.fit(x, y, epochs=10**7, verbose=False)
    timer.join()
    assert net.epochs_trained > 0
    before = net.epochs_trained
    net.fit(x, y, epochs=1, verbose=False)
    assert net.epochs_trained == before + 1
