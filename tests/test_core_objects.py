"""Objects of the compiled core come from lamina alone: none is without its contents."""

import copy
import inspect
import pickle
from typing import Any

import numpy as np
import pytest

import lamina as lm
from lamina._losses.losses import core_loss
from lamina._network.examples import Examples
from networks import bits

CLASSES = [
    value
    for _, value in inspect.getmembers(lm._core, inspect.isclass)
    if not issubclass(value, BaseException)
]


def objects() -> list[Any]:
    net = lm.Sequential([lm.Dense(2)], inputs=2)
    optimizer, average = lm.Adam(), lm.WeightAverage()
    wide = lm.Sequential([lm.Dense(2)], inputs=2, dtype="float64")
    return [
        net._core_network(),
        wide._core_network(),
        net.compile_predictor(),
        core_loss("cross_entropy"),
        optimizer.handle_for(net),
        lm.Adam().handle_for(wide),
        average.handle_for(net),
        lm.WeightAverage().handle_for(wide),
    ]


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: str(kind.__name__))
def test_a_class_of_the_core_makes_no_object_itself(kind: Any) -> None:
    ways = [
        kind,
        lambda: kind.__new__(kind),
        lambda: kind("{}"),
        lambda: object.__new__(kind),
        lambda: kind.__base__.__new__(kind),
        lambda: kind.__base__.__base__.__new__(kind),
        lambda: type("Sub", (kind,), {}),
    ]
    for way in ways:
        with pytest.raises(TypeError):
            way()
    with pytest.raises(TypeError, match="expected"):
        kind.__new__(kind)


def test_state_for_networks_of_another_type_is_refused() -> None:
    net = lm.Sequential([lm.Dense(2)], inputs=2)
    wide = lm.Sequential([lm.Dense(2)], inputs=2, dtype="float64")
    rule, average = lm.Adam().handle_for(wide), lm.WeightAverage().handle_for(wide)
    x, loss = np.ones((1, 2), np.float32), core_loss("mse")
    core, data = net._core_network(), Examples(x, None, x, None)
    core.value_and_gradient(loss, data, seed=0, step=0, accumulate=False)
    before = bits(net)
    for call in (
        lambda: core.train_step(loss, rule, data, 0),
        lambda: core.try_train_step(x, x, loss, rule, 0),
        lambda: core.apply_gradients(rule),
        lambda: core.update_average(average),
    ):
        with pytest.raises(TypeError, match="state of a network of float32, got one of another"):
            call()
    assert bits(net) == before


def test_short_calls_refuse_what_is_none_of_their_arguments() -> None:
    net = lm.Sequential([lm.Dense(2)], inputs=2)
    core, x = net._core_network(), np.ones((1, 2), np.float32)
    rule, loss = lm.Adam().handle_for(net), core_loss("mse")
    for call in (
        core.try_predict,
        lambda: core.try_train_step(x, x, loss, rule),
        lambda: core.try_train_step(x, x, rule, loss, 0),
        lambda: core.try_train_step(x, x, "mse", rule, 0),
        lambda: core.try_value_and_gradient(x, x, None, 0, 0, False),
        lambda: core.try_forward(x, False, "0", 0),
    ):
        with pytest.raises(TypeError):
            call()


@pytest.mark.parametrize("index", range(8))
def test_objects_of_the_core_are_not_copied_or_made_anew(index: int) -> None:
    value = objects()[index]
    shown = repr(value)
    for call in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="pickle"):
            call(value)
    with pytest.raises(TypeError):
        value.__init__("{}")
    assert repr(value) == shown


@pytest.mark.parametrize("loss", ["cross_entropy", "mean_squared_error"])
@pytest.mark.parametrize("given", ["none", "classes", "narrow"])
def test_targets_that_a_loss_does_not_take_are_refused(loss: str, given: str) -> None:
    net = lm.Sequential([lm.Dense(3, "softmax")], inputs=2)
    rows = np.ones((4, 2), np.float32)
    classes = np.zeros(4, np.int32) if given == "classes" else None
    values = np.ones((4, 2), np.float32) if given == "narrow" else None
    core, examples = net._core_network(), Examples(rows, classes, values, None)
    calls = [
        lambda: core.train_step(core_loss(loss), lm.Adam().handle_for(net), examples, 0),
        lambda: core.value_and_gradient(
            core_loss(loss), examples, seed=0, step=0, accumulate=False
        ),
        lambda: core.evaluate(core_loss(loss), examples),
        lambda: lm._core.sample_gradients(core, core_loss(loss), examples),
        lambda: lm._core.sample_gradient_norms(core, core_loss(loss), examples),
    ]
    if (loss, given) == ("cross_entropy", "classes"):
        for call in calls:
            call()
        return
    before = bits(net)
    for call in calls:
        with pytest.raises(ValueError, match="expected targets of 3 columns for"):
            call()
    assert bits(net) == before


@pytest.mark.parametrize("index", [-1, 2, 2**30])
def test_the_state_of_an_optimizer_is_asked_for_by_an_index_that_it_has(index: int) -> None:
    handle = lm.Adam().handle_for(lm.Sequential([lm.Dense(3)], inputs=2))
    with pytest.raises(IndexError, match=rf"index of one of its 2 states, got {index}"):
        handle.get_state(index)
    with pytest.raises(IndexError, match="one of its 2 states"):
        handle.set_state(index, handle.get_state(0))


def test_figures_of_no_column_and_of_other_weights_than_rows_are_refused() -> None:
    net = lm.Sequential([lm.Normalization(), lm.Dense(3)], inputs=2, scale_targets=True)
    core, rows = net._core_network(), np.ones((4, 2), np.float32)
    with pytest.raises(ValueError, match="expected 4 sample weights, got shape \\[3\\]"):
        lm._core.normalization_figures(core, "layers.0", rows, np.ones(3))
    with pytest.raises(ValueError, match="expected 4 sample weights"):
        lm._core.target_scaling_figures(core, np.ones((4, 3)), np.ones(5), False)
    with pytest.raises(ValueError, match="columns of targets to scale, one an output, got 0"):
        lm._core.target_scaling_figures(core, np.ones((4, 0)), None, True)


def test_memory_with_any_contents_is_given_as_numbers_alone() -> None:
    assert lm._core.spare_like(np.ones((3, 2), np.float32)).shape == (3, 2)
    with pytest.raises(TypeError, match="floating-point numbers, got one of object"):
        lm._core.spare_like(np.array([None, 1]))
