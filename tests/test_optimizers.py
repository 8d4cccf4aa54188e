"""Optimizers against their formulas, their state, and their options."""

import copy
import pickle
import re
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import lamina as lm
from lamina import _core
from lamina._optimizers.by_name import make_optimizer
from networks import bits, class_data, classifier, regressor, value_data

pytestmark = pytest.mark.kernels

Array = npt.NDArray[Any]


def one_step(optimizer: lm.Optimizer, net: lm.Sequential) -> tuple[Array, Array]:
    """Gradient and change of the first layer's weights in one step on a fixed batch."""
    x, y = value_data()
    before = net.parameters()["layers.0.weight"]
    _, gradients = net.value_and_grad(x, y)
    net.train_step(x, y, optimizer=optimizer)
    return gradients["layers.0.weight"], net.parameters()["layers.0.weight"] - before


def test_sgd_steps_against_the_gradient() -> None:
    gradient, step = one_step(lm.SGD(0.1), regressor(dtype="float64"))
    # A difference of weights near 1 is off by their rounding.
    np.testing.assert_allclose(step, -0.1 * gradient, atol=1e-16, rtol=1e-13)


def test_momentum_adds_up_the_last_steps() -> None:
    net, optimizer = regressor(dtype="float64"), lm.SGD(0.1, momentum=0.9)
    velocity = np.zeros((19, 7))
    for _ in range(3):
        gradient, step = one_step(optimizer, net)
        velocity = 0.9 * velocity + gradient
        np.testing.assert_allclose(step, -0.1 * velocity, atol=1e-15)


def test_the_first_step_of_adam_is_the_learning_rate_wherever_there_is_a_gradient() -> None:
    gradient, step = one_step(lm.Adam(0.01, epsilon=0.0), regressor(dtype="float64"))
    np.testing.assert_allclose(step, -0.01 * np.sign(gradient), rtol=1e-12)


def test_adamw_shrinks_weights_and_not_biases_unless_told_to() -> None:
    x, y = value_data()
    for decay_biases in (False, True):
        net = lm.Sequential(
            [lm.Dense(2, bias_initializer={"kind": "constant", "value": 1.0})],
            inputs=7,
            dtype="float64",
        )
        plain = net.copy()
        before = net.parameters()
        net.train_step(x, y, optimizer=lm.AdamW(0.01, weight_decay=0.5, decay_biases=decay_biases))
        plain.train_step(x, y, optimizer=lm.Adam(0.01))
        for name, array in net.parameters().items():
            decays = decay_biases or name.endswith("weight")
            shrunk = 0.01 * 0.5 * before[name] if decays else 0.0
            np.testing.assert_allclose(array, plain.parameters()[name] - shrunk, atol=1e-15)


@pytest.mark.parametrize(("limit", "acts"), [(0.01, True), (1e6, False)])
def test_clip_norm_scales_the_whole_gradient(limit: float, acts: bool) -> None:
    x, y = value_data()
    net, twin = regressor(dtype="float64"), regressor(dtype="float64")
    _, gradients = net.value_and_grad(x, y)
    norm = np.sqrt(sum((g**2).sum() for g in gradients.values()))
    assert (norm > limit) == acts
    net.train_step(x, y, optimizer=lm.SGD(0.1, clip_norm=limit))
    for name, array in net.parameters().items():
        factor = limit / norm if acts else 1.0
        expected = twin.parameters()[name] - 0.1 * factor * gradients[name]
        np.testing.assert_allclose(array, expected, rtol=1e-12, atol=1e-15)


def test_clip_value_limits_each_element() -> None:
    x, y = value_data()
    net, twin = regressor(dtype="float64"), regressor(dtype="float64")
    _, gradients = net.value_and_grad(x, y)
    net.train_step(x, y, optimizer=lm.SGD(0.1, clip_value=0.01))
    for name, array in net.parameters().items():
        expected = twin.parameters()[name] - 0.1 * np.clip(gradients[name], -0.01, 0.01)
        np.testing.assert_allclose(array, expected, rtol=1e-12, atol=1e-15)


def test_clip_parameter_norm_scales_each_matrix_and_each_bias() -> None:
    x, y = value_data()
    net, twin = regressor(dtype="float64"), regressor(dtype="float64")
    _, gradients = net.value_and_grad(x, y)
    norms = {name: float(np.linalg.norm(g)) for name, g in gradients.items()}
    limit = float(np.median(list(norms.values())))
    net.train_step(x, y, optimizer=lm.SGD(0.1, clip_parameter_norm=limit))
    for name, array in net.parameters().items():
        factor = min(1.0, limit / norms[name])
        expected = twin.parameters()[name] - 0.1 * factor * gradients[name]
        np.testing.assert_allclose(array, expected, rtol=1e-12, atol=1e-15)


def test_the_three_clippings_follow_each_other() -> None:
    x, y = value_data()
    net, twin = regressor(dtype="float64"), regressor(dtype="float64")
    _, gradients = net.value_and_grad(x, y)
    clipped = {name: np.clip(g, -0.02, 0.02) for name, g in gradients.items()}
    clipped = {n: g * min(1.0, 0.05 / np.linalg.norm(g)) for n, g in clipped.items()}
    norm = np.sqrt(sum((g**2).sum() for g in clipped.values()))
    assert norm > 0.06
    options: dict[str, Any] = {"clip_value": 0.02, "clip_parameter_norm": 0.05, "clip_norm": 0.06}
    net.train_step(x, y, optimizer=lm.SGD(0.1, **options))
    for name, array in net.parameters().items():
        expected = twin.parameters()[name] - 0.1 * clipped[name] * 0.06 / norm
        np.testing.assert_allclose(array, expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("decoupled", [True, False])
@pytest.mark.parametrize("kind", [lm.SGD, lm.Adam, lm.NAdam, lm.RAdam, lm.RMSprop])
def test_weight_decay_is_coupled_or_decoupled_as_told(kind: Any, decoupled: bool) -> None:
    """Coupled decay is a gradient of the penalty; decoupled decay is beside the step."""
    x, y = value_data()
    net, twin = regressor(dtype="float64"), regressor(dtype="float64")
    before, name = net.parameters()["layers.0.weight"], "layers.0.weight"
    net.train_step(x, y, optimizer=kind(0.01, weight_decay=0.3, decoupled=decoupled))
    if decoupled:
        twin.train_step(x, y, optimizer=kind(0.01))
        expected = twin.parameters()[name] - 0.01 * 0.3 * before
    else:

        def loss(outputs: Array, targets: Array) -> tuple[float, Array]:
            difference = outputs - targets
            return float((difference**2).mean()), 2.0 * difference / difference.size

        gradient = twin.value_and_grad(x, y, loss=loss)[1][name] + 0.3 * before
        single = lm.Sequential([lm.Dense(19, bias=False)], inputs=7, dtype="float64")
        single.set_parameters({"layers.0.weight": before})
        single.forward(np.eye(7))
        single.backward(gradient.T)
        kind(0.01).step(single)
        expected = single.parameters()["layers.0.weight"]
    np.testing.assert_allclose(net.parameters()[name], expected, rtol=1e-9, atol=1e-12)


def test_step_clips_as_train_step_does() -> None:
    x, y = value_data()
    net, twin = regressor(), regressor()
    options: dict[str, Any] = {"clip_norm": 0.1, "clip_value": 0.02, "clip_parameter_norm": 0.08}
    net.train_step(x, y, optimizer=lm.Adam(**options))
    twin.value_and_grad(x, y)
    lm.Adam(**options).step(twin)
    assert bits(twin) == bits(net)


def test_the_learning_rate_may_change_between_steps() -> None:
    x, y = value_data()
    net = regressor()
    optimizer = lm.SGD(0.1)
    net.train_step(x, y, optimizer=optimizer)
    before = bits(net)
    optimizer.learning_rate = 0.0
    net.train_step(x, y, optimizer=optimizer)
    assert bits(net) == before
    assert (optimizer.learning_rate, optimizer.steps) == (0.0, 2)


def test_a_refused_learning_rate_leaves_the_old_one() -> None:
    optimizer = lm.Adam(0.1)
    for wrong in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match=r"learning_rate|finite"):
            optimizer.learning_rate = wrong
    assert optimizer.learning_rate == 0.1


@pytest.mark.parametrize("make", [lm.SGD, lm.Adam, lm.AdamW])
def test_training_goes_on_from_a_saved_state_to_the_same_bits(make: Any) -> None:
    x, y = value_data()
    options = {"momentum": 0.9} if make is lm.SGD else {}
    net, optimizer = regressor(), make(0.01, **options)
    net.fit(x, y, optimizer=optimizer, epochs=2, verbose=False)
    state, twin, other = optimizer.get_state(), net.copy(), make()
    other.set_state(twin, state)
    net.fit(x, y, optimizer=optimizer, epochs=1, verbose=False)
    twin.fit(x, y, optimizer=other, epochs=1, verbose=False)
    assert bits(twin) == bits(net)
    assert other.steps == optimizer.steps


@pytest.mark.parametrize("way", [copy.deepcopy, copy.copy, lambda o: pickle.loads(pickle.dumps(o))])
@pytest.mark.parametrize("name", _core.catalogue()["optimizers"])
def test_a_copy_goes_on_with_the_state_to_the_same_bits(name: str, way: Any) -> None:
    x, y = class_data()
    net = classifier()
    net.fit(x, y, optimizer=(optimizer := optimizer_named(name)), epochs=1, verbose=False)
    other, twin = way(optimizer), net.copy()
    assert other.steps == optimizer.steps == 7
    for trained, used in ((net, optimizer), (twin, other)):
        trained.fit(x, y, optimizer=used, epochs=1, verbose=False)
    assert bits(twin) == bits(net)
    assert other.get_state().keys() == optimizer.get_state().keys()


def optimizer_named(name: str) -> lm.Optimizer:
    made = make_optimizer(name)
    assert isinstance(made, lm.Optimizer)
    return made


def test_a_copy_of_a_copy_that_was_never_used_has_the_state() -> None:
    x, y = value_data()
    net, optimizer = regressor(), lm.Adam(lm.ReduceOnPlateau(0.1))
    net.train_step(x, y, optimizer=optimizer)
    twin, other = net.copy(), copy.deepcopy(copy.deepcopy(optimizer))
    net.train_step(x, y, optimizer=optimizer)
    twin.train_step(x, y, optimizer=other)
    assert bits(twin) == bits(net)


def test_a_state_can_be_kept_when_its_network_is_gone() -> None:
    x, y = value_data()
    net, optimizer = regressor(), lm.Adam()
    net.train_step(x, y, optimizer=optimizer)
    twin = net.copy()
    del net
    other = copy.deepcopy(optimizer)
    twin.train_step(x, y, optimizer=other)
    assert other.steps == 2


def test_a_copy_refuses_a_network_of_other_parameters() -> None:
    x, y = value_data()
    net, optimizer = regressor(), lm.Adam()
    net.train_step(x, y, optimizer=optimizer)
    other = copy.deepcopy(optimizer)
    with pytest.raises(ValueError, match=r"layers.0.weight has another shape"):
        regressor(inputs=6).train_step(x[:, :6], y, optimizer=other)
    with pytest.raises(ValueError, match=r"expected a state with arrays for layers.0.weight"):
        lm.Sequential([lm.Dense(2)], inputs=7).train_step(x, y, optimizer=other)


def test_a_state_that_does_not_fit_changes_nothing() -> None:
    x, y = value_data()
    net, optimizer = regressor(), lm.Adam(0.01)
    net.train_step(x, y, optimizer=optimizer)
    state, twin = optimizer.get_state(), net.copy()
    state["first_moment"]["layers.0.weight"] = np.zeros(3)
    other = lm.Adam(0.5)
    with pytest.raises(ValueError, match="has another shape"):
        other.set_state(twin, state)
    for wrong in ({}, {"spec": {"kind": "adam"}}, None):
        with pytest.raises(ValueError, match="expected a state that get_state gave"):
            other.set_state(twin, wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="steps of the state of at least 0, got -1"):
        other.set_state(twin, {**optimizer.get_state(), "steps": -1})
    with pytest.raises(ValueError, match="updates of the state of at least 0, got -1"):
        lm.WeightAverage().set_state(twin, {"updates": -1, "applied": False})
    assert (other.learning_rate, other.steps) == (0.5, 0)


def test_a_state_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="expected the state of 'adam', got 'sgd'"):
        lm.Adam().set_state(regressor(), lm.SGD().get_state())


def test_an_optimizer_serves_one_network() -> None:
    x, y = value_data()
    optimizer = lm.Adam()
    regressor().train_step(x, y, optimizer=optimizer)
    with pytest.raises(ValueError, match="holds the state of another network"):
        regressor().train_step(x, y, optimizer=optimizer)


def test_a_name_makes_a_fresh_optimizer_and_an_object_keeps_its_state() -> None:
    x, y = value_data()
    net, twin = regressor(), regressor()
    optimizer = lm.Adam()
    for _ in range(2):
        net.fit(x, y, optimizer="adam", epochs=1, verbose=False)
        twin.fit(x, y, optimizer=optimizer, epochs=1, verbose=False)
    assert bits(twin) != bits(net)


@pytest.mark.parametrize("name", _core.catalogue()["optimizers"])
def test_every_optimizer_of_the_core_can_be_named_and_makes_the_loss_small(name: str) -> None:
    x, y = class_data()
    history = classifier().fit(x, y, optimizer=name, epochs=30, verbose=False)
    assert history["loss"][-1] < 0.9 * history["loss"][0]


def test_repr_shows_the_options() -> None:
    shown = repr(lm.SGD(0.5, momentum=0.25))
    assert re.match(r"SGD\(.*learning_rate=0\.5, momentum=0\.25", shown)


@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (lm.Adam, {"learning_rate": -1}, "'learning_rate' of at least 0, got -1"),
        (lm.Adam, {"learning_rate": "x"}, "expected a number for 'learning_rate'"),
        (
            lm.Adam,
            {"learning_rate": float("nan")},
            "adam: expected a finite number for 'learning_rate'",
        ),
        (lm.Adam, {"beta1": 1.0}, "'beta1' of at least 0 and below 1, got 1.0"),
        (lm.SGD, {"momentum": 1.0}, "'momentum' of at least 0 and below 1, got 1.0"),
        (lm.SGD, {"nesterov": True}, "expected a 'momentum' above 0 with nesterov"),
        (lm.SGD, {"clip_norm": -1.0}, "'clip_norm' .*got -1.0"),
    ],
    ids=["minus", "text", "nan", "beta1", "momentum", "nesterov", "clip"],
)
def test_options_out_of_range_are_refused(make: Any, options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(**options)


def test_options_may_be_numpys_numbers() -> None:
    assert lm.Adam(np.float32(0.5)).learning_rate == 0.5
