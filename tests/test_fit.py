"""fit: what it learns, that it does so reproducibly, and how data, weights and options act."""

import sys
from typing import Any

import numpy as np
import pytest

import lamina as lm
from networks import bits, class_data, classifier, regressor, same_for_any_threads, value_data

pytestmark = pytest.mark.kernels

XOR_X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
XOR_Y = np.array([0, 1, 1, 0])


@pytest.mark.parametrize("seed", range(3))
def test_xor_is_learned(seed: int) -> None:
    net = lm.Sequential([lm.Dense(8, "tanh"), lm.Dense(1, "sigmoid")], inputs=2, seed=seed)
    net.fit(XOR_X, XOR_Y, optimizer=lm.Adam(0.05), epochs=200, batch_size=4, verbose=False)
    assert ((net.predict(XOR_X)[:, 0] > 0.5) == XOR_Y).all()
    assert net.evaluate(XOR_X, XOR_Y)["loss"] < 0.1


@pytest.mark.parametrize("seed", range(3))
def test_xor_is_beyond_a_network_without_activations(seed: int) -> None:
    """Layers without activations are one affine map, so the boundary between the classes is a line.

    No line has (0,1) and (1,0) on one side and (0,0) and (1,1) on the other: at most 3 of the 4
    are right, and the best guess is a half for each, with a loss of log 2.
    """
    net = lm.Sequential([lm.Dense(8), lm.Dense(1, "sigmoid")], inputs=2, seed=seed)
    net.fit(XOR_X, XOR_Y, optimizer=lm.Adam(0.05), epochs=500, batch_size=4, verbose=False)
    figures = net.evaluate(XOR_X, XOR_Y, metrics=["accuracy"])
    assert figures["accuracy"] <= 0.75
    assert figures["loss"] == pytest.approx(np.log(2.0), abs=1e-3)


def test_several_outputs_are_learned_at_once() -> None:
    x, y = value_data(rows=400, inputs=3, outputs=4)
    net = regressor(inputs=3, outputs=4)
    history = net.fit(x, y, optimizer=lm.Adam(0.01), epochs=150, metrics=["r2"], verbose=False)
    assert history["r2"][-1] > 0.9


def test_probabilities_as_targets_are_learned() -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(300, 4)).astype(np.float32)
    teacher = lm.Sequential([lm.Dense(3, "softmax")], inputs=4, seed=9)
    net = lm.Sequential([lm.Dense(3, "softmax")], inputs=4, seed=1)
    net.fit(x, teacher.predict(x), optimizer=lm.Adam(0.05), epochs=100, verbose=False)
    np.testing.assert_allclose(net.predict(x), teacher.predict(x), atol=0.01)


def test_class_indices_are_probabilities_of_one() -> None:
    x, y = class_data()
    net, twin = classifier(dtype="float64"), classifier(dtype="float64")
    net.fit(x, y, epochs=2, verbose=False)
    twin.fit(x, np.eye(3)[y], epochs=2, verbose=False)
    for name, array in net.parameters().items():
        # 0 log p and 1 log p are exact, but a sum over classes takes other roundings.
        np.testing.assert_allclose(twin.parameters()[name], array, rtol=1e-9, atol=1e-12)


# Reproducible


SHAPES: dict[str, list[lm.Layer]] = {
    "narrow": [lm.Dense(5, "relu"), lm.Dense(3, "softmax")],
    "wide": [lm.Dense(260, "relu"), lm.Dense(131, "gelu"), lm.Dense(3, "softmax")],
    # Widths that two, three or four threads share by columns.
    "shared": [
        lm.Dense(384, "relu"),
        lm.Dense(768, "tanh"),
        lm.Dense(256, "gelu"),
        lm.Dense(3, "softmax"),
    ],
    "shared block": [
        lm.Dense(512, "softmax"),
        lm.Residual([lm.Dense(512, "mish"), lm.Dropout(0.2), lm.Dense(512)]),
        lm.Activation("tanh"),
        lm.Dense(3, "softmax"),
    ],
    "deep": [*[lm.Dense(33, "tanh")] * 5, lm.Dense(3, "softmax")],
    "dropout": [lm.Dropout(0.1), lm.Dense(150, "silu"), lm.Dropout(0.5), lm.Dense(3, "softmax")],
}
OPTIMIZERS: dict[str, dict[str, Any]] = {
    "adam": {},
    "clipped": {"clip_norm": 0.5, "clip_value": 0.1, "weight_decay": 0.01},
}


def trained(layers: list[lm.Layer], options: Any, dtype: Any) -> bytes:
    x, y = class_data(rows=301, inputs=29)
    weight = np.random.default_rng(0).uniform(0.0, 2.0, len(x))
    net = lm.Sequential(layers, inputs=29, dtype=dtype)
    history = net.fit(
        x,
        y,
        optimizer=lm.Adam(**options),
        epochs=2,
        batch_size=128,
        sample_weight=weight,
        validation_fraction=0.2,
        metrics=["accuracy"],
        verbose=False,
    )
    net.forward(x, training=True)
    net.backward(np.ones((301, 3)))
    arrays = [*net.parameters().values(), *net.gradients().values(), net.predict(x)]
    return bits([*arrays, *map(np.array, history.values())])


@pytest.mark.parametrize("rows", [1, 2, 16])
@pytest.mark.parametrize("activation", ["tanh", "identity", "softmax"])
def test_wide_outputs_have_the_same_bits_with_any_number_of_threads(
    activation: str, rows: int
) -> None:
    x, y = value_data(rows=4 * rows, inputs=130, outputs=768)
    before, found = lm.get_num_threads(), set()
    for threads in (1, 2, 3, 4):
        lm.set_num_threads(threads, exact=True)
        net = lm.Sequential(
            [lm.Dense(768, "softplus"), lm.Dense(768, activation)], inputs=130, seed=0
        )
        loss = net.fit(x, y, loss="mse", epochs=3, batch_size=rows, verbose=False)["loss"]
        found.add(bits([*net.parameters().values(), np.array(loss)]))
    lm.set_num_threads(before)
    assert len(found) == 1


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("shape", SHAPES)
def test_any_number_of_threads_gives_the_same_bits(shape: str, optimizer: str, dtype: Any) -> None:
    assert same_for_any_threads(lambda: trained(SHAPES[shape], OPTIMIZERS[optimizer], dtype))


def test_two_fits_of_one_epoch_are_one_fit_of_two() -> None:
    x, y = class_data()
    net, twin = classifier(dropout=0.3), classifier(dropout=0.3)
    optimizer = lm.SGD(0.1, momentum=0.9)
    first = net.fit(x, y, optimizer=optimizer, epochs=1, verbose=False)
    second = net.fit(x, y, optimizer=optimizer, epochs=1, verbose=False)
    both = twin.fit(x, y, optimizer=lm.SGD(0.1, momentum=0.9), epochs=2, verbose=False)
    assert bits(twin) == bits(net)
    assert both["loss"] == first["loss"] + second["loss"]


def last_rows(seed: int, epochs: int, **options: Any) -> list[float]:
    """The row that each epoch met last.

    With inputs of 0 the output is the bias, and a step of rate 1/2 on (bias - y)^2 puts it on y.
    """
    net = lm.Sequential([lm.Dense(1)], inputs=1, seed=seed)
    rows: list[float] = []

    class Watch(lm.Callback):
        def on_epoch_end(self, epoch: int, record: Any) -> None:
            rows.append(float(net.parameters()["layers.0.bias"][0]))

    net.fit(
        np.zeros((64, 1)),
        np.arange(64),
        optimizer=lm.SGD(0.5),
        batch_size=1,
        epochs=epochs,
        callbacks=[Watch()],
        verbose=False,
        **options,
    )
    return rows


def test_shuffling_differs_by_epoch_and_seed_and_is_reproducible() -> None:
    rows = last_rows(seed=0, epochs=6)
    assert len(set(rows)) > 3
    assert last_rows(seed=0, epochs=6) == rows
    assert last_rows(seed=1, epochs=6) != rows


def test_without_shuffling_rows_come_as_they_stand() -> None:
    assert last_rows(seed=0, epochs=3, shuffle=False) == [63.0, 63.0, 63.0]


def test_every_row_is_met_once_an_epoch() -> None:
    # With rate r on sums, bias and losses are linear in y: the sum of all y reaches the bias.
    y = np.random.default_rng(0).normal(size=203)
    net = lm.Sequential([lm.Dense(1)], inputs=1, dtype="float64")
    rate = 1e-9
    loss = lm.MeanSquaredError(reduction="sum")
    net.fit(np.zeros((203, 1)), y, loss=loss, optimizer=lm.SGD(rate), batch_size=32, epochs=1)
    # The bias moves while it sums up: relative error of the order of 203 * rate.
    assert net.parameters()["layers.0.bias"][0] == pytest.approx(2 * rate * y.sum(), rel=1e-5)


# Batches, weights, validation


def test_the_last_short_batch_counts_by_its_rows() -> None:
    x, y = value_data(rows=10)
    net, twin = regressor(dtype="float64"), regressor(dtype="float64")
    history = net.fit(x, y, optimizer=lm.SGD(0.1), batch_size=4, epochs=1, shuffle=False)
    optimizer = lm.SGD(0.1)
    losses = [
        twin.train_step(x[first : first + 4], y[first : first + 4], optimizer=optimizer)
        for first in (0, 4, 8)
    ]
    assert bits(twin) == bits(net)
    mean = (4 * losses[0] + 4 * losses[1] + 2 * losses[2]) / 10
    assert history["loss"][0] == pytest.approx(mean, rel=1e-14)


@pytest.mark.parametrize("batch_size", [203, 1000])
def test_a_batch_as_large_as_the_data_is_one_step(batch_size: int) -> None:
    x, y = value_data()
    optimizer = lm.SGD(0.1)
    regressor().fit(x, y, optimizer=optimizer, batch_size=batch_size, epochs=3, verbose=False)
    assert optimizer.steps == 3


@pytest.mark.parametrize("kind", ["classes", "values"])
def test_a_row_of_weight_k_counts_like_k_rows(kind: str) -> None:
    x, y = class_data(rows=40) if kind == "classes" else value_data(rows=40)
    make = classifier if kind == "classes" else regressor
    count = np.random.default_rng(0).integers(0, 4, 40)
    net, twin = make(dtype="float64"), make(dtype="float64")
    options: dict[str, Any] = {"optimizer": "adam", "epochs": 20, "shuffle": False}
    net.fit(x, y, sample_weight=count, batch_size=40, verbose=False, **options)
    rows = np.repeat(np.arange(40), count)
    twin.fit(x[rows], y[rows], batch_size=len(rows), verbose=False, **options)
    for name, array in net.parameters().items():
        # k equal terms against one term times k: roundings of 1e-16, over 20 steps of Adam.
        np.testing.assert_allclose(twin.parameters()[name], array, rtol=1e-7, atol=1e-10)


def test_a_row_of_weight_0_changes_nothing() -> None:
    x, y = class_data(rows=40)
    weight = np.ones(40)
    weight[7] = 0.0
    net, twin = classifier(), classifier()
    other = x.copy()
    other[7] = 1000.0
    net.fit(x, y, sample_weight=weight, batch_size=8, epochs=2, verbose=False)
    twin.fit(other, y, sample_weight=weight, batch_size=8, epochs=2, verbose=False)
    for name, array in net.parameters().items():
        np.testing.assert_array_equal(twin.parameters()[name], array)


@pytest.mark.parametrize("form", ["table", "balanced"])
def test_class_weights_are_row_weights(form: str) -> None:
    x, y = class_data()
    counts = np.bincount(y)
    weights = len(y) / (3 * counts)
    net, twin = classifier(), classifier()
    wanted: Any = "balanced" if form == "balanced" else dict(enumerate(weights.tolist()))
    net.fit(x, y, class_weight=wanted, epochs=2, verbose=False)
    twin.fit(x, y, sample_weight=weights[y], epochs=2, verbose=False)
    assert bits(twin) == bits(net)


def test_class_weights_multiply_row_weights() -> None:
    x, y = class_data()
    weight = np.random.default_rng(0).uniform(0.5, 1.0, len(y)).astype(np.float32)
    net, twin = classifier(), classifier()
    net.fit(x, y, class_weight={1: 4.0}, sample_weight=weight, epochs=1, verbose=False)
    both = np.where(y == 1, 4.0, 1.0) * weight
    twin.fit(x, y, sample_weight=both, epochs=1, verbose=False)
    assert bits(twin) == bits(net)


def test_validation_data_are_evaluated_after_each_epoch() -> None:
    x, y = class_data()
    weight = np.arange(53.0)
    net = classifier()
    history = net.fit(
        x[:150],
        y[:150],
        validation_data=(x[150:], y[150:], weight),
        metrics=["accuracy"],
        epochs=2,
        verbose=False,
    )
    last = net.evaluate(x[150:], y[150:], sample_weight=weight, metrics=["accuracy"])
    assert history["val_loss"][-1] == last["loss"]
    assert history["val_accuracy"][-1] == last["accuracy"]


def test_a_validation_fraction_is_held_back_with_the_same_share_of_each_class() -> None:
    # The rows' weights tell apart who was trained on: training on no row of weight leaves its mark.
    x, y = class_data(rows=200, classes=2)
    seen: list[Any] = []

    def record(y: Any, outputs: Any) -> float:
        seen.append(y)
        return 0.0

    net = classifier(classes=2)
    net.fit(x, y, validation_fraction=0.25, metrics=[record], epochs=1, verbose=False)
    train, held = seen
    assert len(train) + len(held) == 200
    for label in (0, 1):
        assert (held == label).sum() == round(0.25 * (y == label).sum())


def test_validation_changes_nothing_in_training() -> None:
    x, y = class_data()
    net, twin = classifier(dropout=0.5), classifier(dropout=0.5)
    net.fit(x, y, epochs=2, validation_data=(x, y), metrics=["accuracy"], verbose=False)
    twin.fit(x, y, epochs=2, verbose=False)
    assert bits(twin) == bits(net)


# Refusals: one sentence, and nothing has changed


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"epochs": 0}, ValueError, "expected epochs of at least 1, got 0"),
        ({"epochs": 1.5}, TypeError, "expected epochs as a whole number, got 1.5"),
        ({"batch_size": 0}, ValueError, "expected batch_size of at least 1, got 0"),
        ({"batch_size": True}, TypeError, "expected batch_size as a whole number, got True"),
        ({"shuffle": "no"}, TypeError, "shuffle as True or False, or a function.* got 'no'"),
        ({"verbose": "loud"}, ValueError, "expected verbose 'auto', True or False, got 'loud'"),
        ({"metrics": "accuracy"}, TypeError, r"expected a list.*write \['accuracy'\]"),
        ({"loss": 3}, TypeError, "expected a name or a lamina loss, got 3"),
        ({"loss": "bce"}, ValueError, "expected 'sigmoid' as the last activation"),
        ({"loss": lm.Huber}, TypeError, r"got the class Huber; write Huber\(\)"),
        ({"optimizer": lm.Adam}, TypeError, r"got the class Adam; write Adam\(\)"),
        ({"optimizer": 3}, TypeError, "expected a name or a lamina optimizer, got 3"),
        ({"callbacks": [3]}, TypeError, "expected callbacks with some of on_fit_begin.*got 3"),
        ({"callbacks": 3}, TypeError, "expected callbacks as a list, got 3"),
        ({"early_stopping": 0}, ValueError, "patience of at least 1, got 0"),
        ({"early_stopping": "x"}, TypeError, r"early_stopping as a number of .* got 'x'"),
        ({"target_loss": "x"}, TypeError, "expected target_loss as a number, got 'x'"),
        ({"validation_fraction": 1.0}, ValueError, "at least 0 and below 1, got 1.0"),
        ({"validation_fraction": 1e-4}, ValueError, "leaves no row on one side"),
        ({"validation_data": (1,)}, ValueError, r"as \(X, y\) or .* got 1 parts"),
        ({"class_weight": "even"}, ValueError, "a dictionary or 'balanced', got 'even'"),
        ({"class_weight": [1, 2]}, TypeError, r"dictionary from class index.* got \[1, 2\]"),
        ({"class_weight": {0: -1}}, ValueError, "finite class weights of at least 0"),
        ({"class_weight": {3: 1}}, ValueError, "classes from 0 to 2 in class_weight, got 3"),
        ({"class_weight": {0.5: 1}}, ValueError, "classes from 0 to 2 in class_weight, got 0.5"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_wrong_options_are_refused_and_change_nothing(
    options: dict[str, Any], error: type[Exception], message: str
) -> None:
    x, y = class_data()
    net = classifier()
    before = bits(net)
    with pytest.raises(error, match=message):
        net.fit(x, y, **options)
    assert (bits(net), net.epochs_trained) == (before, 0)
    net.fit(x, y, epochs=1, verbose=False)


def test_a_loss_that_does_not_fit_the_last_activation_is_refused() -> None:
    x, y = class_data()
    net = lm.Sequential([lm.Dense(3, "relu")], inputs=7)
    with pytest.raises(ValueError, match="expected 'softmax' as the last activation, got 'relu'"):
        net.fit(x, y, loss="cross_entropy")


def test_a_metric_that_cannot_judge_the_targets_is_refused_before_training() -> None:
    x, y = value_data(outputs=1)
    net = regressor(inputs=None, outputs=1)
    with pytest.raises(ValueError, match="accuracy: expected class indices"):
        net.fit(x, y, metrics=["accuracy"], epochs=1, verbose=False)
    assert (net.inputs, net.epochs_trained) == (None, 0)
    net.fit(x, y, metrics=["r2", lambda y, outputs: 1.0], epochs=1, verbose=False)


@pytest.mark.parametrize("layers", [[lm.Dense(3)], [lm.BatchNorm(), lm.Dense(3)]], ids=["", "norm"])
def test_the_largest_batch_size_is_one_batch_of_all_rows(layers: Any) -> None:
    x, y = value_data(rows=50)
    nets = [lm.Sequential(layers, inputs=7) for _ in range(2)]
    for net, batch_size in zip(nets, (sys.maxsize, 50), strict=True):
        net.fit(x, y[:, :1] * np.ones(3), epochs=2, batch_size=batch_size, verbose=False)
    assert bits(nets[0]) == bits(nets[1]) != bits(lm.Sequential(layers, inputs=7))
