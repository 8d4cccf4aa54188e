"""One network used by many threads and processes at once."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lamina as lm
from networks import bits, class_data, classifier, regressor, value_data

pytestmark = pytest.mark.kernels


class Background:
    """Runs `work` again and again in a thread until the block ends; a failure is raised there."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self._work = work
        self._stop = threading.Event()
        self._error: BaseException | None = None
        self.count = 0

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self._work()
                self.count += 1
        except BaseException as error:
            self._error = error

    def __enter__(self) -> "Background":
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        while self.count == 0 and self._error is None:
            time.sleep(0.001)
        return self

    def __exit__(self, *_: Any) -> None:
        self._stop.set()
        self._thread.join(timeout=60)
        assert not self._thread.is_alive()
        if self._error is not None:
            raise self._error


class Open(lm.Callback):
    """Keeps a fit open after its first epoch until it is told to go on."""

    def __init__(self) -> None:
        self.waiting, self.go_on = threading.Event(), threading.Event()

    def on_epoch_end(self, epoch: int, record: Any) -> None:
        self.waiting.set()
        assert self.go_on.wait(60)


def test_a_second_thread_that_trains_is_refused_and_may_predict() -> None:
    x, y = class_data()
    net, hold = classifier(), Open()
    options: dict[str, Any] = {"epochs": 1, "callbacks": [hold], "verbose": False}
    thread = threading.Thread(target=net.fit, args=(x, y), kwargs=options)
    thread.start()
    assert hold.waiting.wait(60)
    uses: list[Callable[[], Any]] = [
        lambda: net.fit(x, y, verbose=False),
        lambda: net.train_step(x, y, optimizer=lm.SGD()),
        lambda: net.value_and_grad(x, y),
        lambda: net.forward(x),
        lambda: net.set_parameters(net.parameters()),
        net.reset,
    ]
    for use in uses:
        with pytest.raises(RuntimeError, match="another thread is training it"):
            use()
    assert np.isfinite(net.predict(x)).all()
    assert np.isfinite(net.evaluate(x, y)["loss"])
    hold.go_on.set()
    thread.join()
    net.fit(x, y, epochs=1, verbose=False)


def own_squares(outputs: Any, y: Any) -> tuple[float, Any]:
    """Half the mean of squared errors by row, and its gradient."""
    error = outputs - y
    return 0.5 * float((error**2).sum()) / len(y), error / len(y)


@pytest.mark.parametrize("loss", ["mean_squared_error", own_squares])
def test_each_of_two_threads_gets_the_gradients_of_its_own_rows(loss: Any) -> None:
    layers = [lm.Dense(300, "tanh"), lm.Dense(200, "tanh"), lm.Dense(2)]
    net = lm.Sequential(layers, inputs=40)
    parts = [value_data(rows=100, inputs=40, seed=seed) for seed in (0, 1)]
    alone = [bits(net.value_and_grad(*part, loss=loss)[1].values()) for part in parts]
    found: list[list[bytes]] = [[], []]

    def compute(index: int) -> None:
        while len(found[index]) < 40:
            try:
                _, gradients = net.value_and_grad(*parts[index], loss=loss)
            except RuntimeError as error:
                if "another thread is training it" not in str(error):
                    raise
            else:
                found[index].append(bits(gradients.values()))

    threads = [threading.Thread(target=compute, args=(index,)) for index in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [[gradients] * 40 for gradients in alone]


def test_a_step_by_a_custom_loss_is_one_piece_for_other_threads() -> None:
    x, y = value_data()
    net, twin = regressor(), regressor()
    entered, go_on = threading.Event(), threading.Event()

    def waiting(outputs: Any, targets: Any) -> tuple[float, Any]:
        entered.set()
        assert go_on.wait(60)
        return own_squares(outputs, targets)

    options: dict[str, Any] = {"optimizer": lm.SGD(), "loss": waiting}
    thread = threading.Thread(target=net.train_step, args=(x, y), kwargs=options)
    thread.start()
    assert entered.wait(60)
    for use in (lambda: net.forward(-x), lambda: net.value_and_grad(-x, y), net.gradients):
        with pytest.raises(RuntimeError, match="another thread is training it"):
            use()
    go_on.set()
    thread.join()
    twin.train_step(x, y, optimizer=lm.SGD(), loss=own_squares)
    assert bits(net) == bits(twin)
    assert bits(net.gradients().values()) == bits(twin.gradients().values())


def test_predictions_during_a_fit_come_from_published_weights_alone() -> None:
    x, y = class_data(rows=2000, inputs=30)
    layers = [lm.Dense(100, "relu"), lm.Dense(3, "softmax")]
    net = lm.Sequential(layers, inputs=30)
    part = x[:50]
    published = {bits([net.predict(part)])}

    class Keep(lm.Callback):
        def on_fit_begin(self, fit: Any) -> None:
            self.fit = fit

        def on_epoch_end(self, epoch: int, record: Any) -> None:
            twin = lm.Sequential(layers, inputs=30)
            twin.set_parameters(net.parameters())
            published.add(bits([twin.predict(part)]))
            # Both: 200 predictions may fit into one epoch.
            if reader.count > 200 and len(seen) > 1:
                self.fit.stop("predictions enough")

    seen: set[bytes] = set()
    with Background(lambda: seen.add(bits([net.predict(part)]))) as reader:
        history = net.fit(x, y, epochs=5000, batch_size=16, callbacks=[Keep()], verbose=False)
    assert history.stop_reason
    assert len(published) == history.epochs + 1
    # Within an epoch there are 125 states of the weights; none of those may be seen.
    assert len(seen) > 1
    assert seen <= published


def test_predictions_between_steps_by_hand_see_whole_steps() -> None:
    x, y = class_data(rows=64)
    net, optimizer = classifier(), lm.SGD(0.1)
    states, seen = {bits([net.predict(x)])}, set()
    with Background(lambda: seen.add(bits([net.predict(x)]))):
        for _ in range(200):
            net.train_step(x, y, optimizer=optimizer)
            states.add(bits([net.predict(x)]))
    assert seen <= states


def test_weights_set_together_are_seen_together() -> None:
    """Layers of 1 and of -1 in turn: their product is 1 unless someone sees a half of both."""
    net = lm.Sequential([lm.Dense(200, bias=False), lm.Dense(1, bias=False)], inputs=1)
    signs = [
        {"layers.0.weight": np.full((200, 1), s), "layers.1.weight": np.full((1, 200), s / 200)}
        for s in (1.0, -1.0)
    ]
    net.set_parameters(signs[0])
    predicted: set[float] = set()
    products: set[bool] = set()

    def look() -> None:
        predicted.update(np.round(net.predict([[1.0]]).ravel(), 3).tolist())
        first, second = net.parameters().values()
        products.add(bool(first[0, 0] * second[0, 0] > 0.0))

    with Background(look):
        for turn in range(2000):
            net.set_parameters(signs[turn % 2])
    assert predicted == {1.0}
    assert products == {True}


def test_steps_by_hand_are_not_starved_by_those_who_predict() -> None:
    x, y = class_data(rows=20_000, inputs=100)
    net = lm.Sequential([lm.Dense(200, "relu"), lm.Dense(3, "softmax")], inputs=100)
    optimizer = lm.SGD(0.1)

    def predict() -> None:
        net.predict(x)

    with Background(predict), Background(predict), Background(predict):
        started = time.perf_counter()
        for _ in range(5):
            net.train_step(x[:32], y[:32], optimizer=optimizer)
            net.set_parameters(net.parameters())
        # Each waits for predictions under way, of some 50 ms; not for a moment when none is.
        assert time.perf_counter() - started < 30.0


def test_different_networks_train_at_once_to_the_same_bits() -> None:
    x, y = class_data(rows=1000, inputs=50)
    layers = [lm.Dense(150, "relu"), lm.Dense(3, "softmax")]

    def trained(seed: int) -> bytes:
        net = lm.Sequential(layers, inputs=50, seed=seed)
        net.fit(x, y, epochs=3, verbose=False)
        return bits(net)

    expected = [trained(seed) for seed in range(4)]
    got: list[bytes] = [b""] * 4

    def train(seed: int) -> None:
        got[seed] = trained(seed)

    threads = [threading.Thread(target=train, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == expected


def test_other_threads_run_while_a_network_trains() -> None:
    x, y = class_data(rows=20_000, inputs=100)
    net = lm.Sequential([lm.Dense(200, "relu"), lm.Dense(3, "softmax")], inputs=100)
    with Background(lambda: time.sleep(0.001)) as counter:
        before = counter.count
        started = time.perf_counter()
        net.fit(x, y, epochs=1, verbose=False)
        seconds = time.perf_counter() - started
        turns = counter.count - before
    # With the interpreter's lock held, turns would come only at polls, every 20 ms or so.
    assert turns > 60.0 * seconds


# Processes

FORKED = """
import os, signal, sys
import numpy as np
import lamina as lm

def trained():
    random = np.random.default_rng(0)
    x = random.normal(size=(500, 50)).astype(np.float32)
    net = lm.Sequential([lm.Dense(150, "relu"), lm.Dense(3, "softmax")], inputs=50)
    net.fit(x, random.integers(0, 3, 500), epochs=2, batch_size=100, verbose=False)
    return b"".join(a.tobytes() for a in [*net.parameters().values(), net.predict(x)])

lm.set_num_threads(2, exact=True)
expected = trained()
for _ in range(20):
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        os._exit(0 if trained() == expected else 3)
    _, status = os.waitpid(child, 0)
    assert status == 0, status
    assert trained() == expected
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="fork() is a POSIX thing")
def test_a_child_of_a_process_that_has_trained_trains_too() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FORKED], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr


FORKED_DURING_FIT = """
import os, signal, threading, time
import numpy as np
import lamina as lm

random = np.random.default_rng(0)
x = random.normal(size=(5000, 50)).astype(np.float32)
y = random.integers(0, 3, 5000)
layers = [lm.Dense(150, "relu"), lm.Dense(3, "softmax")]
lm.set_num_threads(2, exact=True)
stop = threading.Event()

def train():
    net = lm.Sequential(layers, inputs=50)
    while not stop.is_set():
        net.fit(x, y, epochs=1, batch_size=100, verbose=False)

thread = threading.Thread(target=train, daemon=True)
thread.start()
for _ in range(20):
    time.sleep(0.005)
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        net = lm.Sequential(layers, inputs=50)
        net.fit(x[:500], y[:500], epochs=1, batch_size=100, verbose=False)
        os._exit(0 if np.isfinite(net.predict(x)).all() else 3)
    _, status = os.waitpid(child, 0)
    assert status == 0, status
stop.set()
thread.join()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="fork() is a POSIX thing")
def test_a_child_forked_while_another_thread_trains_can_train() -> None:
    command = [sys.executable, "-W", "ignore", "-c", FORKED_DURING_FIT]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, (done.stderr, signal.strsignal(-done.returncode))
