"""A weight is relative: weights of any one size train as weights of 1 do."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lamina as lm

pytestmark = pytest.mark.kernels

X = np.random.default_rng(0).standard_normal((64, 4))
Y = np.arange(64) % 3
SIZES = [5e-324, 1e-308, 1e-300, 1e-45, 1e-39, 1e-30, 1e30, 1e37, 3e38, 1e300, 1.7e308]
# Weights of one size give the arithmetic of weights of 1 up to their own rounding.
CLOSE = {"float32": 1e-5, "float64": 1e-12}


def classifier(dtype: Any = "float32") -> lm.Sequential:
    return lm.Sequential(
        [lm.Dense(8, "tanh"), lm.Dense(3, "softmax")], inputs=4, seed=0, dtype=dtype
    )


def trained(weight: Any, dtype: Any, **options: Any) -> Any:
    """Losses of some epochs, and the weights after them."""
    net = classifier(dtype)
    history = net.fit(X, Y, sample_weight=weight, epochs=3, verbose=False, **options)
    return [*history["loss"], *np.concatenate([v.ravel() for v in net.parameters().values()])]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("options", [{}, {"accumulate": 2}, {"optimizer": "sgd"}])
def test_uniform_weights_of_any_size_train_as_weights_of_1(dtype: Any, options: Any) -> None:
    right = trained(np.ones(64), dtype, batch_size=16, **options)
    for size in SIZES:
        found = trained(np.full(64, size), dtype, batch_size=16, **options)
        assert np.allclose(found, right, rtol=CLOSE[dtype], atol=CLOSE[dtype]), size


def test_weights_times_a_power_of_two_give_the_same_bits() -> None:
    weight = np.random.default_rng(1).random(64)
    right = trained(weight, "float32")
    for exponent in (-1000, -140, -40, 40, 126, 1000):
        assert trained(np.ldexp(weight, exponent), "float32") == right


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_batch_of_small_weights_beside_ordinary_ones_trains_by_their_ratios(dtype: Any) -> None:
    weight = np.random.default_rng(1).random(64)
    weight[32:] *= 1e-42  # two batches of their own
    small = classifier(dtype)
    small.fit(X, Y, sample_weight=weight, batch_size=32, shuffle=False, epochs=1, verbose=False)
    twin, optimizer = classifier(dtype), lm.Adam()
    for rows, factor in ((slice(0, 32), 1.0), (slice(32, 64), 1e42)):
        twin.train_step(X[rows], Y[rows], optimizer=optimizer, sample_weight=weight[rows] * factor)
    for name, value in small.parameters().items():
        assert np.allclose(value, twin.parameters()[name], rtol=CLOSE[dtype], atol=CLOSE[dtype])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_evaluate_find_learning_rate_and_adapt_take_weights_of_any_size(dtype: Any) -> None:
    net = classifier(dtype)
    weight = np.random.default_rng(1).random(64) + 0.5
    calls: list[Callable[[Any], Any]] = [
        lambda w: net.evaluate(X, Y, sample_weight=w, metrics=["accuracy"])["loss"],
        lambda w: net.evaluate(X, Y, sample_weight=w, metrics=["accuracy"])["accuracy"],
        lambda w: lm.find_learning_rate(net, X, Y, steps=12, sample_weight=w).losses,
        lambda w: net.hessian_vector_product(X, Y, net.parameters(), sample_weight=w)[
            "layers.0.weight"
        ],
        lambda w: adapted_means(w, dtype),
    ]
    for call in calls:
        right = call(weight)
        for size in (1e-300, 1e-39, 1e37, 1e300):
            assert np.allclose(call(weight * size), right, rtol=1e-4, atol=1e-5), size


def adapted_means(weight: Any, dtype: Any) -> Any:
    net = lm.Sequential([lm.Normalization(), lm.Dense(1)], inputs=4, dtype=dtype)
    net.adapt(X, sample_weight=weight)
    return net.parameters()["layers.0.mean"]


@pytest.mark.parametrize("size", [1e-300, 1e-39, 1e300])
def test_class_weights_are_relative_too(size: float) -> None:
    right = trained(None, "float32", class_weight={0: 1.0, 1: 2.0, 2: 4.0})
    found = trained(None, "float32", class_weight={0: size, 1: 2.0 * size, 2: 4.0 * size})
    assert np.allclose(found, right, rtol=1e-5, atol=1e-5)
    both = trained(
        np.full(64, size), "float32", class_weight={0: size, 1: 2.0 * size, 2: 4.0 * size}
    )
    assert np.allclose(both, right, rtol=1e-5, atol=1e-5)


def test_accumulated_gradients_count_batches_by_their_weights() -> None:
    net, weight = classifier("float64"), np.random.default_rng(1).random(64)
    _, right = net.value_and_grad(X, Y, sample_weight=weight)
    for size in (1e-200, 1e200):
        scaled = weight * size
        for rows, joined in ((slice(0, 20), False), (slice(20, 64), True)):
            _, found = net.value_and_grad(
                X[rows], Y[rows], sample_weight=scaled[rows], accumulate=joined
            )
        for name, value in found.items():
            assert np.allclose(value, right[name], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("call", ["sum", "sample_gradients"])
@pytest.mark.parametrize("size", [1e-40, 1e39])
def test_where_the_size_of_weights_counts_those_beyond_the_range_are_refused(
    call: str, size: float
) -> None:
    net, weight, loss = classifier(), np.full(64, size), lm.CrossEntropy(reduction="sum")
    calls: dict[str, Callable[[], Any]] = {
        "sum": lambda: net.fit(X, Y, loss=loss, sample_weight=weight, verbose=False),
        "sample_gradients": lambda: net.sample_gradients(X, Y, sample_weight=weight),
    }
    with pytest.raises(ValueError, match="expected the largest sample_weight between"):
        calls[call]()


def test_a_loss_that_sums_keeps_the_size_of_weights() -> None:
    net, loss = classifier(), lm.CrossEntropy(reduction="sum")
    once = net.evaluate(X, Y, loss=loss)["loss"]
    for size in (1e-30, 3.0, 1e30):
        found = net.evaluate(X, Y, loss=loss, sample_weight=np.full(64, size))["loss"]
        assert np.isclose(found, size * once, rtol=1e-6)
