"""How long calls take to notice Ctrl-C: `python tests/interrupt_latency.py [tries]`.

Each call is interrupted at random times in its course, in this process; the worst time from the
signal to KeyboardInterrupt is printed by call.
"""

import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import lamina as lm

Call = Callable[[], Any]


def calls(size: float) -> Iterator[tuple[str, Call]]:
    """Calls that take seconds where `size` is 1."""
    r = np.random.default_rng(0)
    rows, width = int(300_000 * size), int(600 * size**0.5)
    x = r.standard_normal((rows, 32)).astype("f4")
    y = (x[:, 0] > 0).astype(int)

    def net(*more: lm.Layer, wide: int = width, **options: Any) -> lm.Sequential:
        last = [*more, lm.Dense(2, "softmax")]
        return lm.Sequential([lm.Dense(wide, "relu"), *last], inputs=32, **options)

    n, twin = net(), net(lm.Dense(width, "tanh"), dtype="float64")
    yield "fit", lambda: net().fit(x, y, epochs=20, verbose=False)
    yield "fit, a large batch", lambda: net().fit(x, y, batch_size=rows, verbose=False)
    yield (
        "fit, muon",
        lambda: net(lm.Dense(2 * width)).fit(
            x, y, optimizer=lm.Muon(), batch_size=4096, verbose=False
        ),
    )
    yield "train_step", lambda: n.train_step(x, y, optimizer=lm.Adam())
    yield "value_and_grad", lambda: n.value_and_grad(x, y)
    yield "forward", lambda: n.forward(x, training=True)
    n.forward(x[:1000])
    yield "predict", lambda: [twin.predict(x) for _ in range(3)]
    yield "evaluate", lambda: [twin.evaluate(x, y, metrics=["accuracy"]) for _ in range(3)]
    yield "predictor", lambda: [twin.compile_predictor()(x) for _ in range(3)]
    yield "jacobian", lambda: twin.jacobian(x)
    yield "parameter_jacobian", lambda: [n.parameter_jacobian(x[:2000]) for _ in range(5)]
    yield "sample_gradients", lambda: [n.sample_gradients(x[:2000], y[:2000]) for _ in range(5)]
    yield "sample_gradient_norms", lambda: twin.sample_gradient_norms(x, y)
    yield "hessian", lambda: n.hessian_vector_product(x, y, n.parameters())
    yield "find_learning_rate", lambda: lm.find_learning_rate(n, x, y, batch_size=2048)
    wide = lm.Sequential([lm.Normalization(), lm.Dense(1)], inputs=32)
    yield "adapt", lambda: [wide.adapt(x) for _ in range(5)]
    yield "perceptron", lambda: lm.Perceptron().fit(x, r.integers(0, 2, rows))
    count = int(200 * size**0.5)
    curve = x[:2000, :1] ** 2
    small = lm.Sequential([lm.Dense(count, "tanh"), lm.Dense(1)], inputs=32)
    yield (
        "levenberg_marquardt",
        lambda: small.copy().fit(
            x[:2000], curve, optimizer=lm.LevenbergMarquardt(100), verbose=False
        ),
    )
    yield "lbfgs", lambda: n.copy().fit(x, y, optimizer=lm.LBFGS(100), verbose=False)
    layers = [lm.Dense(int(4000 * size**0.5)), lm.Dense(int(4000 * size**0.5))]
    huge = lm.Sequential(layers, inputs=1000)
    yield "first weights", lambda: [lm.Sequential(layers, inputs=1000) for _ in range(5)]
    yield "reset", lambda: [huge.reset() for _ in range(5)]
    yield "copy", lambda: [huge.copy() for _ in range(5)]
    yield "average_networks", lambda: [lm.average_networks([huge, huge]) for _ in range(3)]
    yield "compile_predictor", lambda: [huge.compile_predictor() for _ in range(10)]
    yield "summary", lambda: [repr(huge) for _ in range(100)]


def latency(call: Call, delay: float) -> float | None:
    """Seconds from a signal after `delay` to KeyboardInterrupt; None where the call was faster."""
    sent: list[float] = []

    def send() -> None:
        sent.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(delay, send)
    try:
        timer.start()
        call()
        timer.cancel()
        timer.join()
        time.sleep(0.01)  # a signal may have come just now
    except KeyboardInterrupt:
        return time.monotonic() - sent[0]
    return None


def worst(call: Call, tries: int, generator: random.Random, longest: float = 2.0) -> float:
    """The longest of several latencies, at random times of the call; 0 where it is too fast."""
    started = time.monotonic()
    if latency(call, longest) is None:
        longest = time.monotonic() - started
    found = [latency(call, generator.uniform(0.0, longest)) for _ in range(tries)]
    return max((value for value in found if value is not None), default=0.0)


if __name__ == "__main__":
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    chance = random.Random(0)
    for name, one in calls(1.0):
        print(f"{name:<24}{worst(one, number, chance) * 1e3:8.0f} ms", flush=True)
