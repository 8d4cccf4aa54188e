"""Gradient accumulation: several batches make one update."""

from typing import Any

import numpy as np
import pytest

import lamina as lm
from networks import bits, class_data, classifier, regressor, same_for_any_threads, value_data

pytestmark = pytest.mark.kernels


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_the_update_is_that_of_the_joined_batch(reduction: Any) -> None:
    x, y = class_data()
    weights = np.random.default_rng(1).uniform(0.0, 2.0, len(x))
    weights[8:16] = 0.0  # a whole batch without weight
    options: dict[str, Any] = {
        "loss": lm.CrossEntropy(reduction=reduction),
        "sample_weight": weights,
        "epochs": 3,
        "verbose": False,
    }
    joined, split = classifier(dtype="float64"), classifier(dtype="float64")
    first = joined.fit(x, y, optimizer=lm.Adam(0.01), batch_size=40, **options)
    second = split.fit(x, y, optimizer=lm.Adam(0.01), batch_size=8, accumulate=5, **options)
    for name, array in split.parameters().items():
        # Adam divides by roots of means of squares, down to 1e-8.
        np.testing.assert_allclose(array, joined.parameters()[name], rtol=1e-9, atol=1e-11)
    if reduction == "mean":
        np.testing.assert_allclose(first["loss"], second["loss"], rtol=1e-12)


def test_an_update_counts_once_and_a_schedule_moves_by_updates() -> None:
    x, y = class_data(rows=100)
    optimizer = lm.SGD(lambda t: 0.1 / (1 + t))
    net = classifier()
    history = net.fit(
        x, y, optimizer=optimizer, batch_size=8, accumulate=4, epochs=2, verbose=False
    )
    assert optimizer.steps == 2 * 4
    np.testing.assert_allclose(history["learning_rate"], [0.1 / 4, 0.1 / 8])


def test_by_hand_gives_the_bits_of_fit() -> None:
    x, y = value_data(rows=96)
    fitted, by_hand = regressor(), regressor()
    fitted.fit(
        x,
        y,
        optimizer=lm.Adam(clip_norm=1.0),
        batch_size=16,
        accumulate=3,
        epochs=1,
        shuffle=False,
        verbose=False,
    )
    optimizer = lm.Adam(clip_norm=1.0)
    for first in range(0, 96, 48):
        for part in range(first, first + 48, 16):
            rows = slice(part, part + 16)
            by_hand.value_and_grad(x[rows], y[rows], accumulate=part > first)
        optimizer.step(by_hand)
    assert bits(by_hand) == bits(fitted)


def test_by_hand_gives_the_masks_of_fit() -> None:
    x, y = class_data(rows=60)
    fitted, by_hand, optimizer = classifier(dropout=0.5), classifier(dropout=0.5), lm.SGD(0.1)
    fitted.fit(
        x,
        y,
        optimizer=lm.SGD(0.1),
        batch_size=10,
        accumulate=3,
        shuffle=False,
        epochs=1,
        verbose=False,
    )
    for batch in range(6):
        rows, number = slice(10 * batch, 10 * batch + 10), batch % 3
        step = 3 * optimizer.steps + number
        by_hand.value_and_grad(x[rows], y[rows], step=step, accumulate=number > 0)
        if number == 2:
            optimizer.step(by_hand)
    assert bits(by_hand) == bits(fitted)


def test_backward_adds_to_the_gradients_where_told() -> None:
    x, _ = value_data(rows=10)
    net = regressor(dtype="float64")
    output_gradient = np.ones((10, 2))
    net.forward(x)
    net.backward(output_gradient)
    once = net.gradients()
    net.backward(2.0 * output_gradient, accumulate=True)
    for name, array in net.gradients().items():
        np.testing.assert_allclose(array, 3.0 * once[name], rtol=1e-13, atol=1e-15)


def test_own_losses_add_up() -> None:
    x, y = value_data(rows=10)

    def loss(outputs: Any, targets: Any) -> Any:
        return float(((outputs - targets) ** 2).sum()), 2.0 * (outputs - targets)

    net = regressor(dtype="float64")
    _, all_rows = net.value_and_grad(x, y, loss=loss)
    net.value_and_grad(x[:4], y[:4], loss=loss)
    _, added = net.value_and_grad(x[4:], y[4:], loss=loss, accumulate=True)
    for name, array in added.items():
        np.testing.assert_allclose(array, all_rows[name], rtol=1e-12, atol=1e-14)


def test_a_mean_cannot_join_what_backward_left() -> None:
    x, y = value_data(rows=10)
    net = regressor()
    net.forward(x)
    net.backward(np.ones((10, 2)))
    before = net.gradients()
    with pytest.raises(RuntimeError, match="accumulate=False after backward"):
        net.value_and_grad(x, y, accumulate=True)
    assert bits(net.gradients().values()) == bits(before.values())


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_any_number_of_threads_gives_the_same_bits(reduction: Any) -> None:
    x, y = class_data(rows=600)
    loss = lm.CrossEntropy(reduction=reduction)

    def trained() -> bytes:
        # Wide enough to deserve threads.
        layers = [lm.Dense(500, "relu"), lm.Dropout(0.2), lm.Dense(3, "softmax")]
        net = lm.Sequential(layers, inputs=7)
        net.fit(x, y, loss=loss, batch_size=90, accumulate=3, epochs=2, verbose=False)
        return bits(net)

    assert same_for_any_threads(trained)


def test_an_interrupt_amid_the_batches_of_an_update_leaves_whole_updates() -> None:
    x, y = class_data(rows=40_000)

    class Interrupt:
        def on_progress(self, epoch: int, share: float) -> None:
            raise KeyboardInterrupt

    def made() -> lm.Sequential:
        layers = [lm.Dense(300, "relu"), lm.Dense(300, "relu"), lm.Dense(3, "softmax")]
        return lm.Sequential(layers, inputs=7)

    options: dict[str, Any] = {"batch_size": 5000, "accumulate": 4, "shuffle": False}
    net, twin, optimizer = made(), made(), lm.Adam()
    with pytest.raises(KeyboardInterrupt):
        net.fit(x, y, optimizer=optimizer, epochs=99, callbacks=[Interrupt()], **options)
    whole_epochs, rest = divmod(optimizer.steps, 2)
    again = lm.Adam()
    if whole_epochs:
        twin.fit(x, y, optimizer=again, epochs=whole_epochs, verbose=False, **options)
    if rest:
        twin.fit(x[:20_000], y[:20_000], optimizer=again, epochs=1, verbose=False, **options)
    assert bits(net) == bits(twin)


def test_batches_of_an_update_have_masks_of_their_own() -> None:
    x, y = value_data(rows=1)
    rows = np.repeat(x, 64, axis=0)
    targets = np.repeat(y, 64, axis=0)
    nets = []
    for batch_size, accumulate in ((64, 1), (32, 2)):
        net = lm.Sequential([lm.Dropout(0.5), lm.Dense(2)], inputs=7, dtype="float64")
        net.fit(
            rows,
            targets,
            optimizer=lm.SGD(0.1),
            batch_size=batch_size,
            accumulate=accumulate,
            epochs=1,
            shuffle=False,
            verbose=False,
        )
        nets.append(net.parameters()["layers.1.weight"])
    # With the first batch's masks again, the mean would be that of 32 masks alone.
    net = lm.Sequential([lm.Dropout(0.5), lm.Dense(2)], inputs=7, dtype="float64")
    net.fit(rows[:32], targets[:32], optimizer=lm.SGD(0.1), epochs=1, shuffle=False, verbose=False)
    assert np.abs(net.parameters()["layers.1.weight"] - nets[1]).max() > 1e-6


@pytest.mark.parametrize("wrong", [0, -1, 1.5, True])
def test_wrong_counts_are_refused(wrong: Any) -> None:
    x, y = value_data(rows=10)
    with pytest.raises((TypeError, ValueError), match="expected accumulate"):
        regressor().fit(x, y, accumulate=wrong, verbose=False)
