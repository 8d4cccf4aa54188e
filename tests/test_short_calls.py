"""Calls on few rows, which the core checks and runs at once where arrays need no conversion."""

import copy
import pickle
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import lamina as lm
from networks import bits

Array = npt.NDArray[Any]
Data = tuple[Array, Array]
LOSSES: dict[str, tuple[str, Any]] = {
    "mse": ("identity", "mse"),
    "huber": ("identity", lm.Huber(0.3)),
    "binary": ("sigmoid", None),
    "classes": ("softmax", "cross_entropy"),
    "poisson": ("identity", "poisson"),
    "hinge": ("identity", "hinge"),
}


def network(activation: str = "identity", dtype: Any = "float32", **options: Any) -> lm.Sequential:
    layers = [lm.Dense(6, "relu"), lm.Dropout(0.3), lm.Dense(3, activation)]
    return lm.Sequential(layers, inputs=5, seed=4, dtype=dtype, **options)


def data(case: str, dtype: Any = "float32", rows: int = 3) -> Data:
    random = np.random.default_rng(7)
    x = random.standard_normal((rows, 5)).astype(dtype)
    if case == "classes":
        return x, random.integers(0, 3, rows)
    y = random.standard_normal((rows, 3)).astype(dtype)
    if case in ("binary", "poisson", "hinge"):
        y = (y > 0).astype(dtype)
    return x, y


def needs_conversion(array: Array) -> Array:
    """The same values with gaps between them, which the core's short calls do not read."""
    wide = np.empty((len(array), 2 * array.shape[1]), array.dtype)
    wide[:, ::2] = array
    return wide[:, ::2]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", LOSSES)
@pytest.mark.parametrize("rows", [1, 3, 2000])
def test_steps_have_the_bits_of_arrays_that_are_converted(case: str, dtype: str, rows: int) -> None:
    activation, loss = LOSSES[case]
    plain, converted = network(activation, dtype), network(activation, dtype)
    optimizers = lm.Adam(0.01), lm.Adam(0.01)
    x, y = data(case, dtype, rows)
    for _ in range(4):
        values = (
            plain.train_step(x, y, loss=loss, optimizer=optimizers[0]),
            converted.train_step(needs_conversion(x), y, loss=loss, optimizer=optimizers[1]),
        )
        assert values[0] == values[1]
        gradients = (
            plain.value_and_grad(x, y, loss=loss),
            converted.value_and_grad(needs_conversion(x), y, loss=loss),
        )
        assert gradients[0][0] == gradients[1][0]
        assert list(gradients[0][1]) == list(plain.parameters())
        for name, gradient in gradients[0][1].items():
            assert gradient.dtype == dtype
            assert np.array_equal(gradient, gradients[1][1][name])
            assert np.array_equal(gradient, plain.gradients()[name])
    assert bits(plain) == bits(converted)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("given", ["float32", "float64"])
@pytest.mark.parametrize("call", ["predict", "forward", "jacobian"])
def test_outputs_have_the_bits_of_arrays_that_are_converted(
    call: str, dtype: str, given: str
) -> None:
    net = network("softmax", dtype)
    net.set_parameters(net.parameters())
    for rows in (1, 4, 3000):
        x, _ = data("mse", given, rows)
        found = getattr(net, call)(x)
        assert found.dtype == dtype
        assert np.array_equal(found, getattr(net, call)(needs_conversion(x)))
        assert np.array_equal(found, getattr(net, call)(x.tolist() if given == "float64" else x))


@pytest.mark.parametrize("case", ["mse", "huber", "binary", "classes"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_plain_arrays_take_the_short_way(case: str, dtype: str) -> None:
    activation, loss = LOSSES[case]
    net, optimizer = network(activation, dtype), lm.SGD(0.01)
    x, y = data(case, dtype)
    net.train_step(x, y, loss=loss, optimizer=optimizer)
    core, handle = net._core_network(), optimizer.handle_for(net)
    assert net._last_loss is not None
    assert core.try_train_step(x, y, net._last_loss[1], handle, 0) is not None
    assert core.try_value_and_gradient(x, y, net._last_loss[1], 0, 1, False) is not None
    for call in (core.try_predict, core.try_jacobian):
        assert call(x) is not None
        assert call(needs_conversion(x)) is None
    assert core.try_forward(x, False, 0, 0) is not None


def test_arrays_out_of_a_pickle_take_the_short_way() -> None:
    net = network()
    x, _ = pickle.loads(pickle.dumps(data("mse")))
    found = net._core_network().try_predict(x)
    assert found is not None
    assert np.array_equal(found, net.forward(x.copy()))
    assert net._core_network().try_predict(x.astype(">f4")) is None


X, Y = data("mse")


def changed(array: Array, value: Any, dtype: Any = "float32") -> Array:
    twin = array.astype(dtype)
    twin.flat[2] = value
    return twin


WRONG: dict[str, tuple[Any, Any, str]] = {
    "NaN": (changed(X, np.nan), Y, "expected finite numbers in X, got nan in row 0, column 2"),
    "infinite": (changed(X, -np.inf), Y, "expected finite numbers in X, got -inf"),
    "beyond float32": (changed(X[:1], 1e39, "float64"), Y[:1], "X holds values beyond float32"),
    "narrow": (X[:, :4].copy(), Y, "expected 5 input features, got 4"),
    "a vector": (X[0], Y, r"expected X of shape \[rows, features\]"),
    "no rows": (X[:0], Y[:0], "expected at least one row"),
    "complex": (X.astype(complex), Y, "expected numbers in X, got complex numbers"),
    "masked": (np.ma.masked_equal(X, X[0, 0]), Y, "expected numbers in X, got masked values"),
    "NaN in y": (X, changed(Y, np.nan), "expected finite numbers in y, got nan in row 0"),
    "y beyond float32": (X[:1], changed(Y[:1], 1e39, "float64"), "y holds values beyond float32"),
    "fewer y": (X, Y[:2], "expected y for 3 rows as X has"),
    "wide y": (X, np.ones((3, 4), np.float32), r"expected y of shape \[3, 3\]"),
}


@pytest.mark.parametrize("case", WRONG)
@pytest.mark.parametrize("call", ["train_step", "value_and_grad"])
def test_after_good_calls_bad_arrays_are_refused_as_before(case: str, call: str) -> None:
    x, y, sentence = WRONG[case]
    net, optimizer = network(), lm.SGD(0.01)
    options: dict[str, Any] = {"optimizer": optimizer} if call == "train_step" else {}
    for _ in range(2):
        getattr(net, call)(X, Y, loss="mse", **options)
    before, state = bits(net), net.get_state()
    with pytest.raises((ValueError, TypeError), match=f"{call}: .*{sentence}"):
        getattr(net, call)(x, y, loss="mse", **options)
    assert bits(net) == before
    assert net.get_state() == state


@pytest.mark.parametrize(
    ("case", "value", "sentence"),
    [
        ("classes", 3, "expected class indices from 0 to 2 in y for 3 outputs, got 3"),
        ("classes", -1, "expected class indices from 0 to 2 in y for 3 outputs, got -1"),
        ("binary", 1.5, "expected targets between 0 and 1 for binary_cross_entropy, got 1.5"),
        ("poisson", -1.0, "expected targets of at least 0 for poisson, got -1.0"),
    ],
)
def test_targets_that_a_loss_does_not_take_are_refused(
    case: str, value: float, sentence: str
) -> None:
    activation, loss = LOSSES[case]
    net, optimizer = network(activation), lm.SGD(0.01)
    x, y = data(case)
    net.train_step(x, y, loss=loss, optimizer=optimizer)
    wrong = changed(y, value, y.dtype)
    with pytest.raises(ValueError, match=sentence):
        net.train_step(x, wrong, loss=loss, optimizer=optimizer)


def test_a_loss_that_does_not_fit_is_refused_every_time() -> None:
    net, optimizer = network("relu"), lm.SGD(0.01)
    x, y = data("classes")
    for _ in range(3):
        with pytest.raises(ValueError, match="cross_entropy"):
            net.train_step(x, y, loss="cross_entropy", optimizer=optimizer)
    assert optimizer.steps == 0


def test_levels_of_a_loss_may_change_between_calls() -> None:
    levels = [0.1, 0.5, 0.9]
    loss, net, fresh = lm.Quantile(levels), network(), network()
    x, y = data("mse")
    before, _ = net.value_and_grad(x, y[:, :1], loss=loss)
    levels[:] = [0.2, 0.3, 0.4]
    after, _ = net.value_and_grad(x, y[:, :1], loss=loss)
    fresh.forward(x, training=True)  # one dropout mask further, as the other network is
    expected, _ = fresh.value_and_grad(x, y[:, :1], loss=lm.Quantile([0.2, 0.3, 0.4]))
    assert after == expected != before


def test_calls_with_another_loss_take_that_one() -> None:
    net, x, y = lm.Sequential([lm.Dense(3)], inputs=5, seed=1), *data("mse")
    for _ in range(2):
        squared, _ = net.value_and_grad(x, y, loss="mse")
        absolute, _ = net.value_and_grad(x, y, loss="mae")
        by_default, _ = net.value_and_grad(x, y)
        assert squared == by_default == pytest.approx(np.mean((net.predict(x) - y) ** 2))
        assert absolute == pytest.approx(np.mean(np.abs(net.predict(x) - y)))


def test_a_schedule_goes_on_through_short_steps() -> None:
    nets = network(), network()
    optimizers = [lm.SGD(lambda step: 0.1 / (1 + step)) for _ in nets]
    x, y = data("mse")
    for _ in range(5):
        nets[0].train_step(x, y, optimizer=optimizers[0])
        nets[1].train_step(needs_conversion(x), y, optimizer=optimizers[1])
        assert optimizers[0].learning_rate == optimizers[1].learning_rate
    assert optimizers[0].learning_rate == pytest.approx(0.1 / 5)
    assert bits(nets[0]) == bits(nets[1])


def test_an_optimizer_of_another_network_is_refused() -> None:
    net, other, optimizer = network(), network(), lm.SGD(0.01)
    x, y = data("mse")
    for _ in range(2):
        net.train_step(x, y, optimizer=optimizer)
    other.train_step(x, y, optimizer=lm.SGD(0.01))
    with pytest.raises(ValueError, match="state of another network"):
        other.train_step(x, y, optimizer=optimizer)


@pytest.mark.parametrize("make", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])
def test_a_copy_made_between_steps_goes_on_as_its_network(make: Callable[[Any], Any]) -> None:
    net, optimizer = network(), lm.Adam(0.01)
    x, y = data("mse")
    net.train_step(x, y, optimizer=optimizer, loss="mse")
    twin, rule = make(net), copy.deepcopy(optimizer)
    for _ in range(2):
        net.train_step(x, y, optimizer=optimizer, loss="mse")
        twin.train_step(x, y, optimizer=rule, loss="mse")
    assert bits(twin) == bits(net)


def test_predictions_after_a_reset_tell_of_random_weights() -> None:
    net, optimizer = network(), lm.SGD(0.01)
    x, y = data("mse")
    for _ in range(2):
        net.train_step(x, y, optimizer=optimizer)
    net.predict(x)
    net.reset()
    with pytest.warns(lm.TrainingWarning, match="first, random weights"):
        net.predict(x)


def test_short_steps_beside_long_predictions_neither_wait_for_ever_nor_tear() -> None:
    """A long prediction asks for the interpreter's lock while it holds the weights."""
    net, optimizer = lm.Sequential([lm.Dense(64, "relu"), lm.Dense(1)], inputs=8), lm.SGD(1e-3)
    x, y = np.ones((1, 8), np.float32), np.ones((1, 1), np.float32)
    many = np.ones((400_000, 8), np.float32)
    net.train_step(x, y, optimizer=optimizer)
    ends, equal = threading.Event(), []

    def predict() -> None:
        while not ends.is_set():
            outputs = net.predict(many)
            equal.append(bool((outputs == outputs[0]).all()))

    threads = [threading.Thread(target=predict, daemon=True) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in range(300):
        net.train_step(x, y, optimizer=optimizer)
        net.predict(x)
    ends.set()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert equal
    assert all(equal)
