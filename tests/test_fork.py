"""A child of fork() can use what other threads were using in its parent."""

import gc
import multiprocessing
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lamina as lm

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork()"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning"),
]

X = np.random.default_rng(0).standard_normal((2000, 16)).astype("f4")
Y = (X[:, 0] > 0).astype(int)


def network() -> lm.Sequential:
    return lm.Sequential([lm.Dense(64, "relu"), lm.Dense(2, "softmax")], inputs=16, seed=0)


def in_child(call: Callable[[], Any]) -> None:
    """Fork, and let the child make the call; fails where it raises, dies or takes 20 s."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            gc.disable()
            call()
            code = 0
        except BaseException:
            os.write(write, traceback.format_exc().encode()[-3000:])
        os._exit(code)
    os.close(write)
    end = time.monotonic() + 20.0
    done, status = os.waitpid(pid, os.WNOHANG)
    while not done and time.monotonic() < end:
        time.sleep(0.005)
        done, status = os.waitpid(pid, os.WNOHANG)
    if not done:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
    with os.fdopen(read, "rb") as file:
        said = file.read().decode()
    assert done, "the child hangs"
    assert status == 0, f"the child ended with status {status}: {said}"


@contextmanager
def meanwhile(body: Callable[[], Any]) -> Iterator[None]:
    """Calls body again and again in another thread."""
    stop, begun, failed = threading.Event(), threading.Event(), []

    def run() -> None:
        try:
            while not stop.is_set():
                body()
                begun.set()
        except BaseException as error:
            failed.append(error)
            begun.set()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        begun.wait(20.0)
        yield
    finally:
        stop.set()
        thread.join()
    assert not failed, failed


class Stop(Exception):
    """Ends a fit from a callback."""


class Watch(lm.Callback):
    """Keeps the weights that predictions may see, and ends a fit when it is told to."""

    def __init__(self, net: lm.Sequential) -> None:
        self.net, self.stop, self.begun = net, threading.Event(), threading.Event()

    def on_epoch_end(self, epoch: int, record: Any) -> None:
        self.begun.set()
        if self.stop.is_set():
            raise Stop


@pytest.mark.parametrize("average", [None, lm.WeightAverage(0.9)])
def test_a_child_trains_the_network_that_another_thread_trains(average: Any) -> None:
    net = network()
    watch = Watch(net)

    def train() -> None:
        with pytest.raises(Stop):
            net.fit(X, Y, epochs=10**6, callbacks=[watch], average=average, verbose=False)

    thread = threading.Thread(target=train)
    thread.start()
    watch.begun.wait(20.0)
    try:
        for _ in range(3):

            def child() -> None:
                before = net.parameters()
                assert np.array_equal(net.copy().predict(X[:9]), net.predict(X[:9]))
                net.set_parameters(before)
                first = net.predict(X[:9])
                net.value_and_grad(X[:50], Y[:50])
                lm.Adam().step(net)
                assert not np.array_equal(net.predict(X[:9]), first)
                history = net.fit(X[:200], Y[:200], epochs=2, verbose=False)
                assert np.isfinite(history["loss"]).all()
                net.reset()

            in_child(child)
    finally:
        watch.stop.set()
        thread.join()


def test_a_child_sees_the_weights_of_the_last_epoch() -> None:
    net, seen = network(), {}

    class Look(lm.Callback):
        def on_fit_begin(self, fit: Any) -> None:
            self.fit = fit

        def on_epoch_end(self, epoch: int, record: Any) -> None:
            seen["weights"] = net.predict(X[:9])
            if "forked" in seen:
                self.fit.stop("it has forked")

        def on_progress(self, epoch: int, share: float) -> None:
            if epoch > 0 and "forked" not in seen:
                seen["forked"] = True

                def child() -> None:
                    assert np.array_equal(net.predict(X[:9]), seen["weights"])

                forking = threading.Thread(target=lambda: in_child(child))
                forking.start()
                forking.join()

    # Single rows, so many that progress is told within an epoch however fast the machine is.
    big = np.repeat(X, 200, axis=0)
    net.fit(big, np.repeat(Y, 200), epochs=9, callbacks=[Look()], verbose=False, batch_size=1)
    assert "forked" in seen


def test_forks_beside_other_uses_of_a_network(tmp_path: Path) -> None:
    net, optimizer = network(), lm.Adam()
    predictor = net.compile_predictor()
    uses: dict[str, Callable[[], Any]] = {
        "predict": lambda: net.predict(X),
        "predictor": lambda: predictor(X),
        "save": lambda: net.save(tmp_path / "net.lamina"),
        "train_step": lambda: net.train_step(X, Y, optimizer=optimizer),
        "step": lambda: (net.value_and_grad(X, Y), optimizer.step(net)),
        "set_parameters": lambda: net.set_parameters(net.parameters()),
    }

    def child() -> None:
        assert np.isfinite(net.predict(X[:9])).all()
        assert np.isfinite(predictor(X[:9])).all()
        net.save(tmp_path / f"child{os.getpid()}.lamina")
        net.train_step(X, Y, optimizer=optimizer)
        net.fit(X[:100], Y[:100], optimizer=optimizer, epochs=1, verbose=False)

    for use in uses.values():
        with meanwhile(use):
            for _ in range(4):
                in_child(child)


def test_weights_in_a_child_are_whole_while_another_thread_sets_them() -> None:
    net = network()
    both = [{k: np.full_like(v, c) for k, v in net.parameters().items()} for c in (1.0, 2.0)]

    def swap() -> None:
        for parameters in both:
            net.set_parameters(parameters)

    def child() -> None:
        values = np.concatenate([value.ravel() for value in net.parameters().values()])
        assert len(np.unique(values)) == 1

    with meanwhile(swap):
        for _ in range(20):
            in_child(child)


def test_a_callback_that_forks_can_go_on_training_in_both_processes() -> None:
    net, codes = network(), []

    class Fork(lm.Callback):
        def on_epoch_end(self, epoch: int, record: Any) -> None:
            if epoch == 0:
                codes.append(os.fork())

    history = net.fit(X, Y, epochs=3, callbacks=[Fork()], verbose=False)
    if codes[0] == 0:
        os._exit(0 if len(history["loss"]) == 3 else 1)
    assert os.waitpid(codes[0], 0)[1] == 0
    assert len(history["loss"]) == 3


def _score(seed: int) -> float:
    net = lm.Sequential([lm.Dense(4, "relu"), lm.Dense(2, "softmax")], inputs=16, seed=seed)
    return float(net.fit(X[:200], Y[:200], epochs=2, verbose=False)["loss"][-1])


@pytest.mark.skipif(sys.platform != "linux", reason="needs the start method fork")
def test_a_pool_of_forked_workers_trains_beside_a_thread_that_trains() -> None:
    net = network()
    right = [_score(seed) for seed in range(4)]
    with (
        meanwhile(lambda: net.fit(X, Y, epochs=1, verbose=False)),
        multiprocessing.get_context("fork").Pool(2) as pool,
    ):
        assert pool.map_async(_score, range(4)).get(timeout=60) == right
