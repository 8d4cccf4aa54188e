"""Objects of the compiled core come from lamina alone: none is without its contents."""

import copy
import inspect
import pickle
from typing import Any

import pytest

import lamina as lm
from lamina._losses.losses import core_loss

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
