"""What fit does, step by step with the same bits; batches, random numbers, averaged networks."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import lamina as lm
from networks import bits, class_data, classifier, regressor, value_data

pytestmark = pytest.mark.kernels

Array = npt.NDArray[Any]
WEIGHTS = np.random.default_rng(1).uniform(0.0, 2.0, 203)
EPOCHS, BATCH = 3, 32


def optimizer() -> lm.Optimizer:
    """Adam with a schedule, decay and both kinds of clipping."""
    rate = lm.WarmUp(lm.CosineSchedule(0.01, length=18), steps=5)
    return lm.Adam(rate, weight_decay=1e-3, clip_norm=0.05, clip_value=0.04)


def by_train_step(net: lm.Sequential, own: lm.Optimizer, x: Array, y: Array, w: Array) -> float:
    return net.train_step(x, y, optimizer=own, sample_weight=w)


def by_gradients(net: lm.Sequential, own: lm.Optimizer, x: Array, y: Array, w: Array) -> float:
    value, _ = net.value_and_grad(x, y, sample_weight=w, step=own.steps)
    own.step(net)
    return value


@pytest.mark.parametrize("step", [by_train_step, by_gradients])
def test_epochs_by_hand_give_the_bits_of_fit(step: Callable[..., float]) -> None:
    x, y = class_data()
    fitted, net = classifier(dropout=0.3, seed=7), classifier(dropout=0.3, seed=7)
    history = fitted.fit(
        x, y, optimizer=optimizer(), epochs=EPOCHS, batch_size=BATCH, sample_weight=WEIGHTS,
        verbose=False,
    )  # fmt: skip
    own = optimizer()
    for epoch in range(EPOCHS):
        summed = weight = 0.0
        for rows in lm.batches(203, BATCH, seed=net.seed, epoch=net.epochs_trained + 1):
            value = step(net, own, x[rows], y[rows], WEIGHTS[rows])
            summed += value * WEIGHTS[rows].sum()
            weight += WEIGHTS[rows].sum()
        net.epochs_trained += 1
        assert summed / weight == pytest.approx(history["loss"][epoch], rel=1e-6)
    assert bits(net) == bits(fitted)
    assert net.epochs_trained == fitted.epochs_trained


def test_a_loss_of_ones_own_sees_the_dropout_of_fit() -> None:
    x, y = value_data()
    net, twin = (
        lm.Sequential([lm.Dense(9, "tanh"), lm.Dropout(0.5), lm.Dense(2)], inputs=7)
        for _ in range(2)
    )
    own = lm.SGD(0.0)
    outputs: list[Array] = []

    def loss(o: Array, t: Any) -> tuple[float, Array]:
        outputs.append(o.copy())
        return 0.0, np.zeros_like(o)

    for _ in range(3):
        net.train_step(x, y, optimizer=own, loss=loss)
    for step in range(3):
        np.testing.assert_array_equal(twin.forward(x, training=True, step=step), outputs[step])


@pytest.mark.parametrize("coupled", [False, True], ids=["rows alone", "batch norm"])
def test_forward_and_backward_give_the_same_bits_for_any_number_of_threads(coupled: bool) -> None:
    x, _ = value_data(rows=501)
    norm: list[lm.Layer] = [lm.BatchNorm()] if coupled else []
    layers = [lm.Dense(70, "tanh"), *norm, lm.Dropout(0.2), lm.Dense(9, "gelu"), lm.Dense(2)]
    net = lm.Sequential(layers, inputs=7)
    output_gradient = np.random.default_rng(0).normal(size=(501, 2))
    before = lm.get_num_threads()
    results = []
    try:
        for threads in (1, 2, 3, 4):
            lm.set_num_threads(threads, exact=True)
            outputs = net.forward(x, training=True, step=1)
            by_input = net.backward(output_gradient)
            assert by_input is not None
            results.append(bits([outputs, by_input, *net.gradients().values()]))
    finally:
        lm.set_num_threads(before)
    assert results == results[:1] * 4


# Batches


def test_batches_hold_every_row_once_and_change_with_epoch_and_seed() -> None:
    first = list(lm.batches(203, BATCH, seed=1, epoch=1))
    assert [len(batch) for batch in first] == [32] * 6 + [11]
    np.testing.assert_array_equal(np.sort(np.concatenate(first)), np.arange(203))
    for other in ({"seed": 2, "epoch": 1}, {"seed": 1, "epoch": 2}):
        assert not np.array_equal(
            np.concatenate(list(lm.batches(203, BATCH, **other))), np.concatenate(first)
        )


@pytest.mark.parametrize(
    ("rows", "smallest", "lengths"),
    [(5, 1, [2, 2, 1]), (5, 2, [2, 3]), (4, 2, [2, 2]), (1, 2, [1]), (3, 2, [3])],
)
def test_a_last_batch_that_is_too_small_joins_the_one_before(
    rows: int, smallest: int, lengths: list[int]
) -> None:
    taken = list(lm.batches(rows, 2, smallest=smallest))
    assert [len(batch) for batch in taken] == lengths
    np.testing.assert_array_equal(np.sort(np.concatenate(taken)), np.arange(rows))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"rows": 0}, "expected rows of at least 1, got 0"),
        ({"rows": 5, "batch_size": -1}, "expected batch_size of at least 1, got -1"),
        ({"rows": 5, "epoch": 0}, "expected epoch of at least 1, got 0"),
        ({"rows": 5.0}, "expected rows as a whole number, got 5.0"),
        ({"rows": 5, "seed": -1}, "seed: expected a number from 0"),
    ],
)
def test_batches_that_make_no_sense_are_refused(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises((ValueError, TypeError), match=sentence):
        lm.batches(**options)


# Random numbers


def test_the_state_of_the_random_numbers_can_be_put_back() -> None:
    x, _ = class_data()
    net = classifier(dropout=0.5)
    net.forward(x, training=True)
    state = net.get_state()
    first = net.forward(x, training=True)
    second = net.forward(x, training=True)
    assert bits([first]) != bits([second])
    net.set_state(state)
    assert bits([net.forward(x, training=True)]) == bits([first])
    assert bits([net.forward(x, training=True)]) == bits([second])


def test_a_mask_can_be_asked_for_by_its_number() -> None:
    x, _ = class_data()
    net = classifier(dropout=0.5)
    third = net.forward(x, training=True, step=3)
    assert bits([net.forward(x, training=True, step=4)]) != bits([third])
    assert bits([net.forward(x, training=True, step=3)]) == bits([third])
    for _ in range(2):
        net.forward(x, training=True)
    assert bits([net.forward(x, training=True)]) == bits([third])
    with pytest.raises(ValueError, match="step: expected a whole number from 0"):
        net.forward(x, training=True, step=-1)


def test_a_copy_goes_on_with_the_same_random_numbers() -> None:
    x, _ = class_data()
    net = classifier(dropout=0.5)
    net.forward(x, training=True)
    twin = net.copy()
    assert bits([twin.forward(x, training=True)]) == bits([net.forward(x, training=True)])


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"random_step": -1}, "random_step: expected a whole number from 0"),
        ({"other": 1}, "expected seed, epochs_trained, random_step, got"),
        ({"seed": 2**64}, "seed: expected a number from 0"),
    ],
)
def test_a_state_that_does_not_fit_changes_nothing(change: dict[str, int], sentence: str) -> None:
    net = classifier()
    state = net.get_state()
    with pytest.raises(ValueError, match=sentence):
        net.set_state({**state, "epochs_trained": 5, **change})
    assert net.get_state() == state


# What does not fit

X = np.zeros((5, 7), np.float32)
Y = np.zeros(5, int)
BAD: dict[str, tuple[Callable[[lm.Sequential], Any], str]] = {
    "name": (lambda n: n.train_step(X, Y, optimizer="adam"), "expected an optimizer such as"),  # type: ignore[arg-type]
    "class": (lambda n: n.train_step(X, Y, optimizer=lm.Adam), "expected an optimizer such as"),  # type: ignore[arg-type]
    "own loss": (
        lambda n: n.train_step(X, Y, optimizer=None, loss=lambda o, y: (0.0, o)),  # type: ignore[arg-type]
        "train_step: expected an optimizer such as lm.Adam",
    ),
    "all rows": (lambda n: n.train_step(X, Y, optimizer=lm.LBFGS()), "to be used in fit"),  # type: ignore[arg-type]
    "step": (lambda n: lm.Adam().step("net"), "optimizer: expected a network, got str"),  # type: ignore[arg-type]
    "average": (lambda n: lm.WeightAverage().update(3), "expected a network, got int"),  # type: ignore[arg-type]
    "state": (lambda n: n.set_state(None), "expected seed, epochs_trained.*got None"),  # type: ignore[arg-type]
    "training": (lambda n: n.forward(X, training="yes"), "training as True or False, got 'yes'"),  # type: ignore[arg-type]
    "direction": (
        lambda n: n.hessian_vector_product(X, Y, {"layers.0.bias": np.full(19, np.nan)}),
        "hessian_vector_product: layers.0.bias expected finite numbers",
    ),
    "no names": (
        lambda n: n.jacobian_vector_product(X, parameters=[1.0]),  # type: ignore[arg-type]
        "expected arrays by parameter name, got list",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_what_does_not_fit_is_refused_in_a_sentence(case: str) -> None:
    call, sentence = BAD[case]
    net = classifier()
    before = bits(net)
    with pytest.raises((ValueError, TypeError), match=sentence):
        call(net)
    assert bits(net) == before


# Averaged networks


def test_averaged_networks_have_the_mean_of_their_weights() -> None:
    nets = [regressor(seed=seed) for seed in range(3)]
    mean = lm.average_networks(nets, weights=[1, 2, 5])
    for name, value in mean.parameters().items():
        parts = np.stack([net.parameters()[name].astype(np.float64) for net in nets])
        expected = np.average(parts, axis=0, weights=[1, 2, 5])
        np.testing.assert_allclose(value, expected, rtol=1e-6)  # the last digit of float32


def test_the_average_of_equal_networks_is_the_network_and_shares_nothing_with_it() -> None:
    net = regressor()
    mean = lm.average_networks([net, net.copy()])
    assert bits(mean) == bits(net)
    mean.reset(seed=9)
    assert bits(mean) != bits(net)


def test_the_average_of_late_epochs_predicts_at_least_as_well_as_their_mean_loss() -> None:
    x, y = value_data(rows=500)
    net, late = regressor(), []
    for _ in range(8):
        net.fit(x, y, optimizer=lm.SGD(0.2), epochs=1, verbose=False)
        late.append(net.copy())
    losses = [each.evaluate(x, y)["loss"] for each in late[-4:]]
    assert lm.average_networks(late[-4:]).evaluate(x, y)["loss"] <= np.mean(losses)


@pytest.mark.parametrize(
    ("nets", "weights", "sentence"),
    [
        ([], None, "expected at least one network, got none"),
        ([regressor(), regressor(outputs=3)], None, "network 1 has other layers"),
        ([regressor(), regressor(dtype="float64")], None, "or another dtype"),
        ([regressor()], [1, 2], "expected 1 weights, one a network"),
        ([regressor()], [0], "weights of at least 0 and not all 0"),
        ([regressor()], [np.nan], "expected finite weights"),
        ([3], None, "expected networks, got int"),
        (regressor(), None, "expected a list of networks, got Sequential"),
    ],
)
def test_networks_that_have_no_mean_are_refused(nets: Any, weights: Any, sentence: str) -> None:
    with pytest.raises((ValueError, TypeError), match=sentence):
        lm.average_networks(nets, weights)
