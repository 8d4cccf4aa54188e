"""Rows that are mostly zeros, as one-hot categories make them: a fit gathers the other elements."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import lamina as lm
from networks import bits, same_for_any_threads

pytestmark = pytest.mark.kernels

Array = npt.NDArray[Any]
OPTIONS: dict[str, Any] = {"epochs": 3, "batch_size": 32, "shuffle": False, "verbose": False}


def network(dtype: Any = "float32", units: int = 70) -> lm.Sequential:
    layers = [lm.Dense(units, "gelu"), lm.Dense(3, "softmax")]
    return lm.Sequential(layers, seed=4, dtype=dtype)


OPTIMIZERS: dict[str, Callable[[], lm.Optimizer]] = {
    "adam": lambda: lm.Adam(0.01),
    "sgd": lambda: lm.SGD(0.1),
    "momentum": lambda: lm.SGD(0.1, momentum=0.9),
    "sgd with decay": lambda: lm.SGD(0.1, weight_decay=0.01),
    "clipped": lambda: lm.SGD(0.1, clip_norm=0.5),
}


def one_hot_data(rows: int = 131, dtype: Any = np.float32) -> tuple[Array, Array]:
    """Dense rows of six numbers and eight categories, a tenth of whose elements are not 0."""
    random = np.random.default_rng(3)
    widths = [9, 16, 7, 15, 6, 25, 20, 42]
    parts = [np.eye(width)[random.integers(0, width, rows)] for width in widths]
    x = np.concatenate([random.normal(size=(rows, 6)), *parts], axis=1).astype(dtype)
    return x, (x @ random.normal(size=(x.shape[1], 3))).argmax(axis=1)


def by_steps(net: lm.Sequential, x: Array, y: Array, optimizer: lm.Optimizer, epochs: int) -> None:
    """Train on rows as they lie in batches of 32, by single steps."""
    for _ in range(epochs):
        for first in range(0, len(x), 32):
            part = slice(first, first + 32)
            net.train_step(x[part], y[part], optimizer=optimizer)


# A fit gathers the elements of such rows that are not 0; single steps multiply all.
@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_fit_on_one_hot_rows_has_the_bits_of_all_products(name: str, dtype: Any) -> None:
    x, y = one_hot_data(dtype=dtype)
    net, twin = network(dtype), network(dtype)
    net.fit(x, y, optimizer=OPTIMIZERS[name](), **OPTIONS)
    by_steps(twin, x, y, OPTIMIZERS[name](), 3)
    assert bits(net) == bits(twin)


def test_one_hot_rows_have_the_same_bits_for_any_threads_and_type() -> None:
    x, y = one_hot_data()
    x = np.rint(x)

    def train(rows: Array) -> Any:
        net = network(units=128)
        net.fit(rows, y, optimizer="adam", **(OPTIONS | {"batch_size": 40, "shuffle": True}))
        return bits(net)

    assert same_for_any_threads(lambda: train(x))
    for kind in (np.int8, np.float64, np.float16):
        assert train(x.astype(kind)) == train(x)
    assert train(np.asfortranarray(x)) == train(x[:, ::-1].copy()[:, ::-1]) == train(x)


def test_one_hot_rows_that_a_callback_changes_are_read_anew() -> None:
    x, y = one_hot_data()
    other = np.random.default_rng(0).normal(size=x.shape).astype(np.float32)

    class Change(lm.Callback):
        def on_epoch_end(self, *_: Any) -> None:
            rows[:] = other

    rows, net, twin = x.copy(), network(), network()
    net.fit(rows, y, optimizer=lm.Adam(0.01), callbacks=[Change()], **(OPTIONS | {"epochs": 2}))
    optimizer = lm.Adam(0.01)
    by_steps(twin, x, y, optimizer, 1)
    by_steps(twin, other, y, optimizer, 1)
    assert bits(net) == bits(twin)
