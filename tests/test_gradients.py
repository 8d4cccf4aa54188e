"""Every layer, activation and loss of the catalogue against central differences in float64."""

import itertools
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import lamina as lm
from lamina import _core

pytestmark = pytest.mark.kernels

Array = npt.NDArray[Any]
NAMES: dict[str, list[str]] = _core.catalogue()
# All but the step function, through which nothing can be learned.
TRAINABLE = [name for name in NAMES["activations"] if name != "step"]
INPUTS, OUTPUTS = 5, 4
# Row tails of the kernels' tiles (1, 3, 17 rows) are cheap; every case runs on all of them.
BATCHES = (1, 3, 17)
# A central difference over h errs by h^2 f'''/6 + u |f| / h. Two of them, over h and h/2, combine
# so that the first error becomes h^4: with h = 2^-9 both stay near 1e-12 of the values met here.
STEP = 2.0**-9
TOLERANCE = 1e-7


def difference_quotient(function: Any, values: Array) -> Array:
    """d function / d values by Richardson's combination of central differences; [*out, *values]."""

    def central(index: tuple[int, ...], step: float) -> Array:
        sides = []
        for sign in (1.0, -1.0):
            moved = values.copy()
            moved[index] += sign * step
            sides.append(np.asarray(function(moved)))
        return (sides[0] - sides[1]) / (2.0 * step)

    slopes = [
        (4.0 * central(index, STEP / 2) - central(index, STEP)) / 3.0
        for index in np.ndindex(values.shape)
    ]
    return np.stack(slopes, axis=-1).reshape(*slopes[0].shape, *values.shape)


def relative_error(got: Array, expected: Array) -> float:
    """Largest difference, relative to the largest element of the array."""
    return float(np.abs(got - expected).max() / max(np.abs(expected).max(), 1e-3))


def data(rows: int, seed: int) -> Array:
    return np.random.default_rng(seed).uniform(-1.0, 1.0, (rows, INPUTS))


def targets_of(loss: str, rows: int, seed: int) -> list[Array]:
    """Targets of every kind that the loss takes."""
    random = np.random.default_rng(seed)
    if loss in ("cross_entropy", "focal", "kl_divergence"):
        shares = random.uniform(0.1, 1.0, (rows, OUTPUTS))
        return [random.integers(0, OUTPUTS, rows), shares / shares.sum(axis=1, keepdims=True)]
    if loss in ("hinge", "squared_hinge"):
        return [random.choice([-1.0, 1.0], (rows, OUTPUTS))]
    if loss in ("poisson", "gamma", "tweedie"):
        return [random.uniform(0.5, 3.0, (rows, OUTPUTS))]
    if loss == "gaussian_negative_log_likelihood":
        return [random.normal(size=(rows, OUTPUTS // 2))]
    if loss == "cosine_similarity":
        return [random.normal(size=(rows, OUTPUTS))]
    if loss in ("binary_cross_entropy", "binary_focal"):
        return [random.uniform(0.0, 1.0, (rows, OUTPUTS))]
    # Away from any output met here, so that absolute values have no kink near.
    return [random.choice([-1.0, 1.0], (rows, OUTPUTS)) * random.uniform(40.0, 50.0)]


def fitting_outputs(loss: str) -> list[str]:
    """Last activations that the loss takes, as it says itself."""
    fitting = []
    for name in TRAINABLE:
        net = lm.Sequential([lm.Dense(OUTPUTS, name)], inputs=INPUTS)
        target = targets_of(loss, 1, 0)[0]
        try:
            net.evaluate(data(1, 0), target, loss=loss)
        except ValueError:
            continue
        fitting.append(name)
    return fitting


def is_far_from_kinks(net: lm.Sequential, x: Array) -> bool:
    """No value crosses a kink of its activation when an input or a parameter moves by a step.

    Piecewise activations have their kinks at multiples of one half, 0 above all: every dense sum
    and what goes into a PReLU or Clip must lie well away from those.
    """
    values = x
    for index, layer in enumerate(net.layers):
        part = lm.Sequential(net.layers[: index + 1], inputs=INPUTS, dtype="float64")
        weights = {k: v for k, v in net.parameters().items() if int(k.split(".")[1]) <= index}
        linear = values
        if isinstance(layer, lm.Dense):
            linear = values @ weights[f"layers.{index}.weight"].T
            linear = linear + weights.get(f"layers.{index}.bias", 0.0)
        near = np.abs(linear - np.round(2.0 * linear) / 2.0).min() < 8 * STEP
        if near and isinstance(layer, lm.Dense | lm.PReLU | lm.Clip):
            return False
        part.set_parameters(weights)
        values = part.predict(x)
    return True


def smooth_case(layers: list[lm.Layer], rows: int) -> tuple[lm.Sequential, Array]:
    """The network and inputs of the first seed that lies away from all kinks."""
    for seed in range(2000):
        net = lm.Sequential(layers, inputs=INPUTS, seed=seed, dtype="float64")
        biases = {
            name: np.random.default_rng(seed).uniform(-0.5, 0.5, array.shape)
            for name, array in net.parameters().items()
            if name.endswith("bias")
        }
        net.set_parameters(biases)
        x = data(rows, seed)
        if is_far_from_kinks(net, x):
            return net, x
    raise AssertionError("no smooth point found")


def loss_of(net: lm.Sequential, x: Array, y: Array, **options: Any) -> float:
    return net.evaluate(x, y, **options)["loss"]


def check_parameters(net: lm.Sequential, gradients: dict[str, Array], loss: Any) -> None:
    """`gradients` against differences of `loss()` by every parameter, which stay as they were."""
    for name in gradients:
        value = net.parameters()[name]
        if ".running_" in name:  # No gradient moves these.
            assert not gradients[name].any()
            continue

        def at(moved: Array, name: str = name) -> float:
            net.set_parameters({name: moved})
            return loss()

        expected = difference_quotient(at, value)
        net.set_parameters({name: value})
        assert relative_error(gradients[name], expected) <= TOLERANCE, name


LOSS_CASES = [(loss, output) for loss in NAMES["losses"] for output in fitting_outputs(loss)]


@pytest.mark.parametrize(("loss", "output"), LOSS_CASES)
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_value_and_grad_of_every_loss_and_last_activation(
    loss: str, output: str, weighted: bool
) -> None:
    for rows in BATCHES:
        net, x = smooth_case([lm.Dense(OUTPUTS, output)], rows)
        weight = np.random.default_rng(1).uniform(0.2, 2.0, rows) if weighted else None
        for y in targets_of(loss, rows, seed=rows):
            options: dict[str, Any] = {"loss": loss, "sample_weight": weight}
            value, gradients = net.value_and_grad(x, y, **options)
            assert value == pytest.approx(net.evaluate(x, y, **options)["loss"], rel=1e-14)
            check_parameters(net, gradients, partial(loss_of, net, x, y, **options))


def stacks(activation: str) -> dict[str, list[lm.Layer]]:
    """Networks in which the activation stands in every place where a layer can put it."""
    return {
        "dense": [lm.Dense(6, activation), lm.Dense(3)],
        "dense without bias": [lm.Dense(3, activation, bias=False), lm.Dense(3, bias=False)],
        "layer of its own": [lm.Dense(6), lm.Activation(activation), lm.Dense(3)],
        "after dropout": [lm.Dense(6, activation), lm.Dropout(0.0), lm.Dense(3)],
        "last": [lm.Dense(6, "tanh"), lm.Dense(3, activation)],
        "before batch norm": [lm.Dense(6, activation), lm.BatchNorm(), lm.Dense(3)],
        "after batch norm": [lm.BatchNorm(), lm.Dense(6, activation), lm.Dense(3)],
        "before a block": [
            lm.Dense(4, activation),
            lm.Residual([lm.Dense(4, "tanh")]),
            lm.Dense(3),
        ],
        "after a block": [lm.Residual([lm.Dense(4, "tanh")]), lm.Dense(4, activation), lm.Dense(3)],
        "twice": [lm.Dense(4, activation), lm.Dense(5, activation), lm.Dense(3)],
    }


@pytest.mark.parametrize("activation", TRAINABLE)
@pytest.mark.parametrize("stack", list(stacks("relu")))
def test_backward_of_every_activation_in_every_place(activation: str, stack: str) -> None:
    for rows in BATCHES[:2]:
        net, x = smooth_case(stacks(activation)[stack], rows)
        direction = np.random.default_rng(2).uniform(-1.0, 1.0, (rows, 3))
        net.forward(x)
        input_gradient = net.backward(direction)
        gradients = net.gradients()

        def loss(x: Array = x, net: lm.Sequential = net, direction: Array = direction) -> float:
            return float((net.predict(x) * direction).sum())

        assert relative_error(input_gradient, difference_quotient(loss, x)) <= TOLERANCE
        check_parameters(net, gradients, loss)


@pytest.mark.parametrize("activation", TRAINABLE)
def test_the_jacobian_of_every_activation(activation: str) -> None:
    net, x = smooth_case([lm.Dense(6, activation), lm.Dense(3, activation)], rows=3)
    expected = difference_quotient(net.predict, x)  # [rows, outputs, rows, inputs]
    jacobian = net.jacobian(x)
    for row, other in itertools.product(range(3), repeat=2):
        if row == other:
            assert relative_error(jacobian[row], expected[row, :, row]) <= TOLERANCE
        else:
            assert not expected[row, :, other].any()


SMOOTH = ("tanh", "gelu", "softmax", "sin")  # f' from y, from z, over a row, with a parameter


@pytest.mark.parametrize("activation", SMOOTH)
@pytest.mark.parametrize("projection", [True, "auto"])
def test_backward_through_residual_blocks(activation: str, projection: Any) -> None:
    inner = lm.Residual([lm.Activation(activation), lm.Dense(5, activation)], projection)
    block = lm.Residual([lm.Dense(4, activation), inner, lm.Dense(INPUTS)], projection)
    net = lm.Sequential(
        [block, lm.Residual([lm.Dense(3, activation)])], inputs=INPUTS, dtype="float64"
    )
    x = data(17, seed=0)
    direction = np.random.default_rng(2).uniform(-1.0, 1.0, (17, 3))
    net.forward(x)
    input_gradient = net.backward(direction)

    def loss(x: Array = x) -> float:
        return float((net.predict(x) * direction).sum())

    assert relative_error(input_gradient, difference_quotient(loss, x)) <= TOLERANCE
    check_parameters(net, net.gradients(), loss)


def test_dropout_gives_the_gradient_of_the_mask_it_drew() -> None:
    layers = [lm.Dense(6, "tanh"), lm.Dropout(0.5), lm.Dense(3)]  # smooth everywhere
    net, x = lm.Sequential(layers, inputs=INPUTS, dtype="float64"), data(17, seed=0)
    direction = np.random.default_rng(2).uniform(-1.0, 1.0, (17, 3))
    hidden = lm.Sequential([lm.Dense(6, "tanh")], inputs=INPUTS, dtype="float64")
    weights = net.parameters()
    hidden.set_parameters({k: v for k, v in weights.items() if k.startswith("layers.0.")})
    outputs = net.forward(x, training=True)
    input_gradient = net.backward(direction)
    # The mask, read off the gradient of the last weights: a dropped unit feeds nothing on.
    last = weights["layers.2.weight"]
    kept = np.empty((17, 6), dtype=bool)
    for row in range(17):
        best = min(
            itertools.product([0.0, 2.0], repeat=6),
            key=lambda mask: np.abs(
                (hidden.predict(x[row : row + 1])[0] * mask) @ last.T
                + weights["layers.2.bias"]
                - outputs[row]
            ).max(),
        )
        kept[row] = np.array(best) > 0.0

    def loss(moved: Array) -> float:
        dropped = hidden.predict(moved) * kept * 2.0
        return float(((dropped @ last.T + weights["layers.2.bias"]) * direction).sum())

    assert 0 < kept.sum() < kept.size
    assert relative_error(input_gradient, difference_quotient(loss, x)) <= TOLERANCE


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_the_sum_over_rows_has_its_own_gradient(reduction: str) -> None:
    net, x = smooth_case([lm.Dense(OUTPUTS)], rows=3)
    y = targets_of("mean_squared_error", 3, seed=0)[0] / 40.0
    loss = lm.MeanSquaredError(reduction=reduction)
    value, gradients = net.value_and_grad(x, y, loss=loss)
    rows = ((net.predict(x) - y) ** 2).sum(axis=1)
    assert value == pytest.approx(rows.sum() if reduction == "sum" else rows.mean() / OUTPUTS)
    check_parameters(net, gradients, partial(loss_of, net, x, y, loss=loss))


@pytest.mark.parametrize(
    ("loss", "output"),
    [
        (lm.CrossEntropy(label_smoothing=0.1), "softmax"),
        (lm.BinaryCrossEntropy(label_smoothing=0.2), "sigmoid"),
        (lm.Huber(delta=45.0), "identity"),
        (lm.Quantile(0.2), "identity"),
        (lm.Poisson(log_input=False), "softplus"),
        (lm.Tweedie(power=1.2), "identity"),
        (lm.Focal(gamma=0.5), "softmax"),
        (lm.BinaryFocal(gamma=3.0), "sigmoid"),
    ],
    ids=lambda value: value.kind if isinstance(value, lm.Loss) else value,
)
def test_options_of_losses_have_the_gradient_of_their_loss(loss: lm.Loss, output: str) -> None:
    net, x = smooth_case([lm.Dense(OUTPUTS, output)], rows=3)
    for y in targets_of(loss.kind, 3, seed=0):
        _, gradients = net.value_and_grad(x, y, loss=loss)
        check_parameters(net, gradients, partial(loss_of, net, x, y, loss=loss))


def test_frozen_layers_pass_gradients_on_and_get_none() -> None:
    layers = [lm.Dense(6, "tanh"), lm.Dense(6, "tanh", trainable=False), lm.Dense(3)]
    free = [lm.Dense(6, "tanh"), lm.Dense(6, "tanh"), lm.Dense(3)]
    net = lm.Sequential(layers, inputs=INPUTS, dtype="float64")
    twin = lm.Sequential(free, inputs=INPUTS, dtype="float64")
    x, y = data(3, 0), np.ones((3, 3))
    _, gradients = net.value_and_grad(x, y)
    _, expected = twin.value_and_grad(x, y)
    for name, gradient in gradients.items():
        if name.startswith("layers.1."):
            assert not gradient.any()
        else:
            np.testing.assert_array_equal(gradient, expected[name])


def test_several_quantiles_of_one_target_have_their_gradient() -> None:
    net, x = smooth_case([lm.Dense(OUTPUTS)], rows=17)
    loss = lm.Quantile((0.1, 0.25, 0.5, 0.9))
    y = np.random.default_rng(0).choice([-1.0, 1.0], 17) * 40.0
    value, gradients = net.value_and_grad(x, y, loss=loss)
    error = y[:, np.newaxis] - net.predict(x)
    levels = np.array(loss.level)
    assert value == pytest.approx(np.maximum(levels * error, (levels - 1.0) * error).mean())
    check_parameters(net, gradients, partial(loss_of, net, x, y, loss=loss))


def test_quantiles_of_several_targets_have_their_gradient() -> None:
    net, x = smooth_case([lm.Dense(OUTPUTS)], rows=17)
    loss = lm.Quantile((0.1, 0.9))
    y = np.random.default_rng(0).choice([-1.0, 1.0], (17, OUTPUTS // 2)) * 40.0
    value, gradients = net.value_and_grad(x, y, loss=loss)
    error = np.repeat(y, 2, axis=1) - net.predict(x)
    levels = np.tile(loss.level, OUTPUTS // 2)
    assert value == pytest.approx(np.maximum(levels * error, (levels - 1.0) * error).mean())
    check_parameters(net, gradients, partial(loss_of, net, x, y, loss=loss))
    assert net.evaluate(x, y, loss=loss, metrics=["pinball"])["pinball"] == pytest.approx(value)
    expected = np.mean(
        [
            lm.metrics.pinball(y[:, k], net.predict(x)[:, 2 * k : 2 * k + 2], level=loss.level)
            for k in range(OUTPUTS // 2)
        ]
    )
    assert lm.metrics.pinball(y, net.predict(x), level=loss.level) == pytest.approx(expected)


@pytest.mark.parametrize("place", [0, 1])
def test_training_through_a_step_is_refused_with_the_way_out(place: int) -> None:
    layers = [lm.Dense(3, "step" if place == 0 else "tanh"), lm.Dense(2, "step")][: place + 1]
    net, x, y = lm.Sequential(layers, inputs=INPUTS), data(3, 0), np.zeros((3, 3 - place))
    assert set(np.unique(net.predict(x))) <= {0.0, 1.0}
    net.forward(x)
    message = f"layers.{place}: 'step' has no derivative.*use 'sigmoid'.*or Perceptron"
    for call in (
        lambda: net.fit(x, y, verbose=False),
        lambda: net.train_step(x, y, optimizer=lm.SGD()),
        lambda: net.value_and_grad(x, y),
        lambda: net.backward(np.ones_like(y)),
        lambda: net.jacobian(x),
    ):
        with pytest.raises(ValueError, match=message):
            call()
