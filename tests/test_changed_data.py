"""Arrays that change, or whose memory would go, while the core reads them."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lamina as lm
from lamina._losses.losses import core_loss
from lamina._network.examples import Examples

ROWS = 300_000
OUT_OF_RANGE = "expected class indices from 0 to 2 in y for 3 outputs, got 2000000000 in row"


def classifier(dtype: Any = "float32", width: int = 8) -> lm.Sequential:
    return lm.Sequential(
        [lm.Dense(width, "relu"), lm.Dense(3, "softmax")], inputs=4, seed=0, dtype=dtype
    )


def ones(rows: int) -> Any:
    return np.ones((rows, 4), np.float32)


def examples(x: Any, classes: Any) -> Examples:
    return Examples(x, classes, None, None)


class AfterEpoch(lm.Callback):
    def __init__(self, change: Callable[[], Any]) -> None:
        self.change = change

    def on_epoch_end(self, *_: Any) -> None:
        self.change()


# 4 rows go through in columns, 300 in tiles; 2 batches to an update wait for the whole gradient.
@pytest.mark.parametrize(("rows", "batch", "accumulate"), [(4, 4, 1), (300, 32, 1), (300, 16, 2)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_classes_that_a_callback_changes_are_refused_by_row(
    dtype: Any, rows: int, batch: int, accumulate: int
) -> None:
    net, y = classifier(dtype), np.zeros(rows, np.int32)
    net.fit(ones(rows), y, epochs=1, verbose=False, batch_size=batch, accumulate=accumulate)
    once = net.parameters()

    def change() -> None:
        y[-1] = 2_000_000_000

    net = classifier(dtype)
    with pytest.raises(ValueError, match=f"fit: {OUT_OF_RANGE} {rows - 1}$"):
        net.fit(
            ones(rows),
            y,
            epochs=2,
            verbose=False,
            batch_size=batch,
            accumulate=accumulate,
            callbacks=[AfterEpoch(change)],
            shuffle=False,
        )
    assert net.epochs_trained == 1
    if rows == batch:  # the step that met the class changed nothing
        for name, value in net.parameters().items():
            assert np.array_equal(value, once[name])


def test_training_goes_on_after_a_class_was_refused() -> None:
    net, twin, y = classifier(), classifier(), np.zeros(64, np.int32)
    optimizer, other = lm.Adam(), lm.Adam()
    for pair in ((net, optimizer), (twin, other)):
        pair[0].train_step(ones(64), y, optimizer=pair[1])
    core = net._core_network()
    loss = core_loss("cross_entropy")
    wrong = np.full(64, 2_000_000_000, np.int32)
    with pytest.raises(ValueError, match="train_step: " + OUT_OF_RANGE):
        core.train_step(loss, optimizer.handle_for(net), examples(ones(64), wrong), 0)
    for pair in ((net, optimizer), (twin, other)):
        pair[0].train_step(ones(64), y, optimizer=pair[1])
    for name, value in net.parameters().items():
        assert np.array_equal(value, twin.parameters()[name])


def test_every_call_of_the_core_checks_classes_itself() -> None:
    net, wrong, x = classifier("float64"), np.array([0, 2_000_000_000], np.int32), ones(2)
    core, loss = net._core_network(), core_loss("cross_entropy")
    direction, data = list(net.parameters().values()), examples(x, wrong)
    calls: dict[str, Callable[[], Any]] = {
        "evaluate": lambda: core.evaluate(loss, data),
        "value_and_grad": lambda: core.value_and_gradient(
            loss, data, seed=0, step=0, accumulate=False
        ),
        "sample_gradients": lambda: lm._core.sample_gradients(core, loss, data),
        "hessian_vector_product": lambda: lm._core.hessian_vector_product(
            core, loss, data, direction
        ),
    }
    for name, call in calls.items():
        with pytest.raises(ValueError, match=f"{name}: {OUT_OF_RANGE} 1$"):
            call()


@pytest.mark.parametrize("wrong", [2_000_000_000, -1, 3])
def test_another_thread_that_changes_classes_cannot_crash_fit(wrong: int) -> None:
    y, net = np.zeros(ROWS, np.int32), classifier()

    def change() -> None:
        time.sleep(0.02)
        y[:] = wrong

    thread = threading.Thread(target=change)

    class Begun(lm.Callback):
        def on_fit_begin(self, fit: Any) -> None:
            thread.start()  # behind the checks before training, however slow they were

    with pytest.raises(ValueError, match=f"got {wrong} in row"):
        net.fit(ones(ROWS), y, epochs=1000, callbacks=[Begun()], verbose=False)
    thread.join()
    assert np.isfinite(net.predict(ones(3))).all()


class Meanwhile:
    """Tries to take memory away while a call of the core runs, and remembers what happened."""

    def __init__(self, take: Callable[[], Any]) -> None:
        self.refused: list[Exception] = []
        self.taken = False
        self._take, self._stop = take, threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._stop.is_set() and not self.taken:
            time.sleep(0.002)
            try:
                self._take()
                self.taken = not self._stop.is_set()
            except (ValueError, BufferError) as error:
                self.refused.append(error)

    def __enter__(self) -> "Meanwhile":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def long_epoch(x: Any, y: Any, calls: list[Any]) -> None:
    """One call of the core; `calls` has an entry while it runs."""

    class Begun(lm.Callback):
        def on_progress(self, *_: Any) -> None:
            calls.append(True)

        def on_epoch_end(self, *_: Any) -> None:
            calls.clear()

    classifier(width=512).fit(x, y, epochs=1, verbose=False, callbacks=[Begun()], batch_size=64)


def test_an_array_in_use_cannot_be_resized() -> None:
    x, y, begun = ones(ROWS), np.zeros(ROWS, np.int32), []
    whole = x.copy()
    view = whole[:, :]

    def resize() -> None:
        if not begun:
            raise ValueError("too early")
        whole.resize((1, 4), refcheck=False)

    with Meanwhile(resize) as attempt:
        long_epoch(view, y, begun)
        begun.clear()
    assert any("cannot resize" in str(error) for error in attempt.refused)
    assert not attempt.taken
    assert np.array_equal(whole, x)


def test_a_memory_map_in_use_cannot_be_closed(tmp_path: Path) -> None:
    y, begun = np.zeros(ROWS, np.int32), []
    ones(ROWS).tofile(tmp_path / "x.bin")
    x = np.memmap(tmp_path / "x.bin", np.float32, "r", shape=(ROWS, 4))

    def close() -> None:
        if not begun:
            raise ValueError("too early")
        x._mmap.close()

    with Meanwhile(close) as attempt:
        long_epoch(x, y, begun)
        begun.clear()
    assert any("exported pointers" in str(error) for error in attempt.refused)
    assert not attempt.taken


def test_sample_weights_are_copied() -> None:
    x, y, weight = ones(8), np.arange(8) % 3, np.ones(8)

    def change() -> None:
        weight[:] = np.nan

    history = classifier().fit(
        x, y, epochs=3, sample_weight=weight, callbacks=[AfterEpoch(change)], verbose=False
    )
    assert history["loss"] == classifier().fit(x, y, epochs=3, verbose=False)["loss"]
