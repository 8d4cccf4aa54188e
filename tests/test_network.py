"""Sequential: structure, weights, prediction, and training by hand."""

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import lamina as lm
from networks import bits, class_data, classifier, regressor, value_data

pytestmark = pytest.mark.kernels


def test_outputs_are_those_of_the_formula() -> None:
    x, _ = class_data()
    net = classifier(dtype="float64")
    w = net.parameters()
    hidden = np.maximum(x @ w["layers.0.weight"].T + w["layers.0.bias"], 0.0)
    hidden = np.tanh(hidden @ w["layers.1.weight"].T + w["layers.1.bias"])
    scores = hidden @ w["layers.2.weight"].T + w["layers.2.bias"]
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    expected = shares / shares.sum(axis=1, keepdims=True)
    # Sums of up to 19 products in another order, then exp: some units of rounding.
    np.testing.assert_allclose(net.predict(x), expected, rtol=1e-13)


def test_weights_have_pytorchs_names_and_shapes() -> None:
    shapes = {name: array.shape for name, array in classifier().parameters().items()}
    assert shapes == {
        "layers.0.weight": (19, 7),
        "layers.0.bias": (19,),
        "layers.1.weight": (12, 19),
        "layers.1.bias": (12,),
        "layers.2.weight": (3, 12),
        "layers.2.bias": (3,),
    }


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_weights_come_back_as_they_were_set(dtype: Any) -> None:
    net = classifier(dtype=dtype)
    random = np.random.default_rng(0)
    wanted = {k: random.normal(size=v.shape).astype(dtype) for k, v in net.parameters().items()}
    net.set_parameters(wanted)
    assert bits(net) == bits(wanted.values())


def test_weights_handed_out_are_copies() -> None:
    net = classifier()
    before = bits(net)
    net.parameters()["layers.0.weight"][:] = 0.0
    assert bits(net) == before


def test_the_same_seed_gives_the_same_first_weights_and_another_seed_others() -> None:
    assert bits(classifier(seed=3)) == bits(classifier(seed=3))
    assert bits(classifier(seed=3)) != bits(classifier(seed=4))


def test_both_dtypes_start_from_the_same_weights() -> None:
    single, double = classifier(dtype="float32"), classifier(dtype="float64")
    for name, array in double.parameters().items():
        np.testing.assert_array_equal(single.parameters()[name], array.astype(np.float32))


def test_reset_draws_the_first_weights_anew() -> None:
    net, first = classifier(seed=3), bits(classifier(seed=3))
    net.fit(*class_data(), epochs=1, verbose=False)
    net.reset()
    assert (bits(net), net.epochs_trained) == (first, 0)
    net.reset(seed=4)
    assert bits(net) == bits(classifier(seed=4))


def test_the_number_of_inputs_is_taken_from_the_first_batch() -> None:
    net = classifier(inputs=None)
    assert net.inputs is None
    net.predict(np.zeros((2, 9)))
    assert (net.inputs, net.outputs) == (9, 3)


def test_a_width_that_came_with_refused_data_is_forgotten() -> None:
    x, y = class_data()
    net = classifier(inputs=None)
    with pytest.raises(ValueError, match="expected y for 203 rows"):
        net.fit(x[:, :4], y[:5])
    with pytest.raises(ValueError, match="expected y for 203 rows"):
        net.train_step(x[:, :4], y[:5], optimizer=lm.SGD())
    assert net.inputs is None
    net.fit(x, y, epochs=1, verbose=False)


@pytest.mark.parametrize("copied", [lm.Sequential.copy, copy.deepcopy])
def test_a_copy_has_equal_weights_of_its_own(copied: Any) -> None:
    net = classifier()
    net.fit(*class_data(), epochs=1, verbose=False)
    twin = copied(net)
    assert bits(twin) == bits(net)
    before = bits(net)
    twin.fit(*class_data(), epochs=1, verbose=False)
    assert bits(net) == before


def test_a_copy_goes_on_as_the_original_would() -> None:
    net = classifier(dropout=0.2)
    net.fit(*class_data(), epochs=1, verbose=False)
    twin = net.copy()
    for each in (net, twin):
        each.fit(*class_data(), epochs=1, verbose=False)
    assert bits(twin) == bits(net)


@pytest.mark.parametrize("inputs", [7, None], ids=["built", "not built yet"])
def test_pickle_keeps_everything_that_training_depends_on(inputs: int | None) -> None:
    net = classifier(inputs=inputs, seed=5, dropout=0.2)
    if inputs is not None:
        net.fit(*class_data(), epochs=2, verbose=False)
    twin = pickle.loads(pickle.dumps(net))
    for each in (net, twin):
        each.fit(*class_data(), epochs=1, verbose=False)
    assert bits(twin) == bits(net)


def test_summary_tells_layers_widths_and_parameters(capsys: pytest.CaptureFixture[str]) -> None:
    classifier(dropout=0.5).summary()
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["Dense(19,", "relu)", "19", "152"]
    assert lines[2].split() == ["Dropout(0.5)", "19", "0"]
    assert lines[-1] == "7 inputs, 431 parameters, float32"


# Prediction


def test_a_row_gets_the_same_bits_in_whatever_company() -> None:
    x, _ = class_data(rows=1003)
    net = classifier()
    whole = net.predict(x)
    for first, last in [(0, 1), (1, 2), (5, 22), (100, 1003), (47, 49), (959, 1003), (0, 1002)]:
        assert bits([net.predict(x[first:last])]) == bits([whole[first:last]])
    order = np.random.default_rng(0).permutation(1003)
    assert bits([net.predict(x[order])]) == bits([whole[order]])


def test_forward_gives_the_bits_of_predict() -> None:
    x, _ = class_data()
    net = classifier(dropout=0.5)
    assert bits([net.forward(x)]) == bits([net.predict(x)])


def test_dropout_acts_in_training_alone_and_keeps_the_mean() -> None:
    x = np.ones((4000, 10), np.float32)
    net = lm.Sequential([lm.Dropout(0.25)], inputs=10)
    np.testing.assert_array_equal(net.predict(x), x)
    dropped = net.forward(x, training=True)
    assert set(np.unique(dropped)) == {np.float32(0.0), np.float32(1 / 0.75)}
    # 40,000 draws: the share's deviation is 0.0022.
    assert abs((dropped == 0.0).mean() - 0.25) < 0.01
    assert bits([net.forward(x, training=True)]) != bits([dropped])


def test_evaluate_gives_the_loss_of_the_formula() -> None:
    x, y = class_data()
    net = classifier(dtype="float64")
    weight = np.random.default_rng(0).uniform(0.0, 2.0, len(x))
    losses = -np.log(net.predict(x)[np.arange(len(x)), y])
    assert net.evaluate(x, y)["loss"] == pytest.approx(losses.mean(), rel=1e-12)
    weighted = net.evaluate(x, y, sample_weight=weight)["loss"]
    assert weighted == pytest.approx(np.average(losses, weights=weight), rel=1e-12)


def test_evaluate_gives_named_and_own_metrics() -> None:
    x, y = class_data()
    net = classifier()

    def rows(y: Any, outputs: Any) -> float:
        assert outputs.shape == (203, 3)
        return float(len(y))

    figures = net.evaluate(x, y, metrics=["accuracy", rows])
    assert figures["accuracy"] == (net.predict(x).argmax(axis=1) == y).mean()
    assert figures["rows"] == 203.0


def test_the_default_loss_goes_with_the_last_activation() -> None:
    x, y = class_data(classes=2)
    for last, units, loss in [
        ("softmax", 2, "cross_entropy"),
        ("sigmoid", 1, "binary_cross_entropy"),
        ("identity", 1, "mse"),
    ]:
        net = lm.Sequential([lm.Dense(units, last)], inputs=7)
        assert net.evaluate(x, y) == net.evaluate(x, y, loss=loss)


def test_the_jacobian_of_a_linear_network_is_its_weights() -> None:
    net = lm.Sequential([lm.Dense(3)], inputs=7, dtype="float64")
    jacobian = net.jacobian(np.zeros((5, 7)))
    expected = np.broadcast_to(net.parameters()["layers.0.weight"], (5, 3, 7))
    np.testing.assert_array_equal(jacobian, expected)


# Training by hand


def test_backward_needs_a_forward_before_it() -> None:
    with pytest.raises(RuntimeError, match="expected a call of forward before"):
        classifier().backward(np.zeros((1, 3)))


def test_backward_refuses_a_gradient_of_another_shape() -> None:
    net = classifier()
    net.forward(np.zeros((4, 7)))
    with pytest.raises(ValueError, match=r"expected a gradient of shape \[4, 3\].* got \[3, 3\]"):
        net.backward(np.zeros((3, 3)))


def test_backward_computes_only_what_is_asked_for() -> None:
    x, _ = class_data()
    net = classifier()
    net.forward(x)
    assert net.backward(np.ones((203, 3)), input_gradient=False) is None
    before = bits(net.gradients().values())
    net.backward(np.zeros((203, 3)), gradients=False)
    assert bits(net.gradients().values()) == before


def test_a_step_without_gradients_is_refused() -> None:
    with pytest.raises(RuntimeError, match="expected a call of backward or value_and_grad"):
        lm.SGD().step(classifier())
    with pytest.raises(RuntimeError, match="expected a call of backward or value_and_grad"):
        classifier().gradients()


def test_batches_of_different_sizes_may_follow_each_other() -> None:
    x, y = value_data()
    net, twin = regressor(), regressor()
    optimizer, other = lm.Adam(), lm.Adam()
    for rows in (3, 203, 1, 50, 17, 203):
        net.train_step(x[:rows], y[:rows], optimizer=optimizer)
        twin.value_and_grad(x[:rows], y[:rows])
        other.step(twin)
    assert bits(twin) == bits(net)


def test_frozen_layers_keep_their_weights() -> None:
    x, y = class_data()
    layers = [lm.Dense(9, "relu", trainable=False), lm.Dense(3, "softmax")]
    net = lm.Sequential(layers, inputs=7)
    before = net.parameters()
    net.fit(x, y, optimizer=lm.AdamW(weight_decay=0.1, decay_biases=True), epochs=2, verbose=False)
    after = net.parameters()
    for name, array in before.items():
        assert (bits([after[name]]) == bits([array])) == name.startswith("layers.0.")


# Refusals: one sentence, and nothing has changed


@pytest.mark.parametrize(
    ("weights", "error", "message"),
    [
        ({"layers.9.bias": [0.0]}, ValueError, "unknown name 'layers.9.bias'; there are layers.0"),
        ({"layers.0.bias": np.zeros(3)}, ValueError, r"expected shape \(19,\), got \(3,\)"),
        ({"layers.0.bias": np.full(19, np.nan)}, ValueError, "expected finite numbers"),
        ({"layers.0.bias": ["a"] * 19}, TypeError, "expected numbers in layers.0.bias, got text"),
        ({"layers.0.bias": np.ones(19) * 1j}, TypeError, "got complex numbers"),
    ],
    ids=["name", "shape", "nan", "text", "complex"],
)
def test_wrong_weights_are_refused_and_none_is_set(
    weights: Any, error: type[Exception], message: str
) -> None:
    net = classifier()
    before = bits(net)
    with pytest.raises(error, match=message):
        net.set_parameters({"layers.2.bias": np.ones(3), **weights})
    assert bits(net) == before


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"layers": []}, ValueError, "expected at least one layer"),
        ({"layers": [3]}, TypeError, "expected layers, got 3"),
        ({"layers": [lm.Dense]}, TypeError, r"got the class Dense; write Dense\(\)"),
        ({"layers": lm.Dense(1)}, TypeError, "expected a list of layers, got Dense"),
        ({"inputs": 0}, ValueError, "'inputs' between 1 and 16777216, got 0"),
        ({"inputs": 2.5}, ValueError, "expected a whole number for 'inputs', got 2.5"),
        ({"seed": -1}, ValueError, "expected a number from 0 to"),
        ({"seed": 1.5}, TypeError, "expected a whole number, got 1.5"),
        ({"dtype": "float16"}, ValueError, "expected dtype float32 or float64, got 'float16'"),
    ],
    ids=[
        "no layers",
        "no layer",
        "a class",
        "no list",
        "no inputs",
        "broken inputs",
        "minus",
        "broken seed",
        "dtype",
    ],
)
def test_networks_that_cannot_be_are_refused(
    options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        lm.Sequential(**{"layers": [lm.Dense(1)], "inputs": 2, **options})


def test_a_network_beyond_memory_raises_a_memory_error() -> None:
    with pytest.raises(MemoryError, match="could not get"):
        lm.Sequential([lm.Dense(2**24)], inputs=2**24)


def test_a_refused_seed_leaves_the_network_as_it_was() -> None:
    net = classifier(seed=3)
    before = bits(net)
    with pytest.raises(ValueError, match="expected a number from 0"):
        net.reset(seed=-1)
    assert (net.seed, bits(net)) == (3, before)


def test_unknown_names_list_what_there_is() -> None:
    x, y = class_data()
    net = classifier()
    with pytest.raises(ValueError, match=r"loss: unknown name 'x'; expected one of .*cross_ent"):
        net.fit(x, y, loss="x")
    with pytest.raises(ValueError, match="optimizer: unknown name 'x'; expected one of sgd, adam"):
        net.fit(x, y, optimizer="x")
    with pytest.raises(ValueError, match="metrics: unknown name 'x'; expected some of accuracy"):
        net.fit(x, y, metrics=["x"])
    with pytest.raises(ValueError, match="activation: unknown name 'x'; expected one of identity"):
        lm.Sequential([lm.Dense(1, "x")], inputs=1)
    with pytest.raises(ValueError, match="initializer: unknown name 'x'; expected one of zeros"):
        lm.Sequential([lm.Dense(1, initializer="x")], inputs=1)


def test_more_weights_than_memory_can_hold_are_refused() -> None:
    # So many that their number, 2^64, would wrap around to 0.
    layers = [lm.Dense(2**24, bias=False)] * 2**16
    with pytest.raises(MemoryError, match="weights"):
        lm.Sequential(layers, inputs=2**24)
