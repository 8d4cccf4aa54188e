"""Training on batches of one row, whose gradient is an outer product that nobody writes down."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import lamina as lm
from networks import bits, class_data, same_for_any_threads

pytestmark = pytest.mark.kernels

Array = npt.NDArray[Any]
OPTIONS: dict[str, Any] = {"batch_size": 1, "shuffle": False, "verbose": False}
OPTIMIZERS = {
    "sgd": lambda: lm.SGD(0.01),
    "decayed": lambda: lm.SGD(0.01, weight_decay=0.01, clip_norm=1.0),
    "nesterov": lambda: lm.SGD(0.01, momentum=0.9, nesterov=True),
    "adam": lambda: lm.Adam(0.01),
    "muon": lambda: lm.Muon(0.01),
}


def network(width: int = 21, dtype: str = "float32") -> lm.Sequential:
    """Layers of every kind that a single row can train, padded and narrow ones among them."""
    block = lm.Residual([lm.Dense(width, "gelu", l2=0.01), lm.Dense(width)])
    hidden = [lm.Dense(width, "relu"), block, lm.LayerNorm(), lm.Dense(3, "tanh")]
    return lm.Sequential([*hidden, lm.Dense(3, "softmax")], inputs=7, seed=1, dtype=dtype)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_fit_has_the_bits_of_steps_by_hand(optimizer: str, dtype: str) -> None:
    x, y = class_data(rows=70)
    fitted, stepped = network(dtype=dtype), network(dtype=dtype)
    fitted.fit(x, y, optimizer=OPTIMIZERS[optimizer](), epochs=1, **OPTIONS)
    rule = OPTIMIZERS[optimizer]()
    for row in range(len(x)):
        stepped.value_and_grad(x[row : row + 1], y[row : row + 1])
        rule.step(stepped)
    assert bits(fitted) == bits(stepped)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_row_alone_has_the_gradient_that_two_equal_rows_have(optimizer: str) -> None:
    # The sums of the way back have an order of their own: float64 leaves some roundings of 1e-16.
    x, y = class_data(rows=40)
    alone, doubled = network(dtype="float64"), network(dtype="float64")
    alone.fit(x, y, optimizer=OPTIMIZERS[optimizer](), epochs=1, **OPTIONS)
    twice = {**OPTIONS, "batch_size": 2}
    doubled.fit(
        x.repeat(2, axis=0), y.repeat(2), optimizer=OPTIMIZERS[optimizer](), epochs=1, **twice
    )
    for name, values in alone.parameters().items():
        np.testing.assert_allclose(values, doubled.parameters()[name], rtol=0, atol=1e-9)


def test_batches_of_one_and_of_many_rows_may_follow_one_another() -> None:
    x, y = class_data(rows=40)
    mixed, stepped = network(), network()
    rule, other = lm.Adam(0.01), lm.Adam(0.01)
    for first, last in ((0, 1), (1, 20), (20, 21), (21, 22), (22, 40)):
        options = {**OPTIONS, "batch_size": last - first}
        mixed.fit(x[first:last], y[first:last], optimizer=rule, epochs=1, **options)
        stepped.train_step(x[first:last], y[first:last], optimizer=other)
    assert bits(mixed) == bits(stepped)
    _, gradient = mixed.value_and_grad(x, y)
    fresh = mixed.copy()
    assert bits(gradient.values()) == bits(fresh.value_and_grad(x, y)[1].values())


def test_any_number_of_threads_has_the_same_bits() -> None:
    x, y = class_data(rows=60)

    def run() -> bytes:
        net = network(width=300)
        net.fit(x, y, optimizer=lm.SGD(0.01), epochs=1, **OPTIONS)
        return bits(net)

    assert same_for_any_threads(run)


@pytest.mark.parametrize("options", [{"l2": 1e-4}, {"l1": 1e-4, "max_norm": 2.0}, {}])
def test_wide_inputs_learn_from_single_rows_alike_on_any_number_of_threads(
    options: dict[str, float],
) -> None:
    """One thread takes a thousand inputs at once, others 24 to 96."""
    x = np.random.default_rng(0).standard_normal((40, 1100)).astype(np.float32)

    def run() -> bytes:
        layers = [lm.Dense(64, "tanh", **options), lm.Dense(3)]
        net = lm.Sequential(layers, inputs=1100, seed=1)
        net.fit(x, x[:, :3], optimizer=lm.Adam(0.001), batch_size=1, epochs=1, verbose=False)
        return bits(net)

    assert same_for_any_threads(run)
