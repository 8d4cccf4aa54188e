"""Small data sets and networks that several tests share."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

import lamina as lm

Array = npt.NDArray[Any]


def class_data(
    rows: int = 203, inputs: int = 7, classes: int = 3, seed: int = 0
) -> tuple[Array, Array]:
    """Normal inputs [rows, inputs] in float32, and classes [rows] that depend on them."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(rows, inputs)).astype(np.float32)
    scores = np.tanh(x @ random.normal(size=(inputs, 8))) @ random.normal(size=(8, classes))
    return x, scores.argmax(axis=1)


def value_data(
    rows: int = 203, inputs: int = 7, outputs: int = 2, seed: int = 0
) -> tuple[Array, Array]:
    """Normal inputs [rows, inputs] in float32, and values [rows, outputs] that depend on them."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(rows, inputs)).astype(np.float32)
    return x, np.sin(x @ random.normal(size=(inputs, outputs))).astype(np.float32)


def label_data(rows: int = 120) -> tuple[Array, Array, Array]:
    """Normal inputs [rows, 3], labels of 0 and 1 [rows, 3] that depend on them, and classes [rows].

    The classes, 0 to 2, are how many labels hold, modulo 3.
    """
    x = np.random.default_rng(0).normal(size=(rows, 3))
    labels = (np.random.default_rng(1).normal(size=(rows, 3)) + x > 0).astype(int)
    return x, labels, labels.sum(axis=1) % 3


def one_layer(outputs: int, last: str = "identity", **options: Any) -> lm.Sequential:
    """Three inputs and a layer."""
    return lm.Sequential([lm.Dense(outputs, last)], inputs=3, **{"seed": 3, **options})


def classifier(
    inputs: int | None = 7, classes: int = 3, *, dropout: float = 0.0, **options: Any
) -> lm.Sequential:
    """A small network of two hidden layers that ends in a softmax."""
    hidden: list[lm.Layer] = [lm.Dense(19, "relu"), lm.Dense(12, "tanh")]
    if dropout:
        hidden.insert(1, lm.Dropout(dropout))
    return lm.Sequential([*hidden, lm.Dense(classes, "softmax")], inputs=inputs, **options)


def regressor(inputs: int | None = 7, outputs: int = 2, **options: Any) -> lm.Sequential:
    """A small network of one hidden layer that ends in plain sums."""
    return lm.Sequential([lm.Dense(19, "tanh"), lm.Dense(outputs)], inputs=inputs, **options)


def bits(net: lm.Sequential | Iterable[Array]) -> bytes:
    """All weights of a network (or the arrays) as bytes, for comparisons to the last bit."""
    arrays = net.parameters().values() if isinstance(net, lm.Sequential) else net
    return b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)


def same_for_any_threads(result: Callable[[], Any]) -> bool:
    """True where `result()` is the same with one to four threads."""
    results = []
    for threads in (1, 2, 3, 4):
        lm.set_num_threads(threads, exact=True)
        results.append(result())
    return results == results[:1] * 4
