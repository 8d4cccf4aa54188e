"""Class weights of `fit`: soft labels, one output, and what they do not go with."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import lamina as lm
from networks import bits, class_data, classifier

Array = npt.NDArray[Any]
WEIGHTS = {0: 0.5, 1: 3.0, 2: 1.5}


def one_output(last: str) -> lm.Sequential:
    return lm.Sequential([lm.Dense(9, "tanh"), lm.Dense(1, last)], inputs=7)


def same_fits(
    net: lm.Sequential, y: Array, loss: Any, class_weight: Any, weight: Array, **options: Any
) -> bool:
    """Whether class weights train to the bits of these row weights."""
    x, _ = class_data()
    twin = net.copy()
    net.fit(x, y, loss=loss, class_weight=class_weight, epochs=2, verbose=False, **options)
    twin.fit(x, y, loss=loss, sample_weight=weight, epochs=2, verbose=False)
    return bits(net) == bits(twin)


@pytest.mark.parametrize(
    "loss", [lm.CrossEntropy(), lm.CrossEntropy(0.1), lm.Focal(), lm.KLDivergence()], ids=str
)
def test_a_row_of_probabilities_has_the_mean_weight_by_them(loss: lm.Loss) -> None:
    _, classes = class_data()
    soft = np.random.default_rng(0).dirichlet(np.ones(3), len(classes)).astype(np.float32)
    factors = np.array(list(WEIGHTS.values()))
    assert same_fits(classifier(), soft, loss, WEIGHTS, soft @ factors)
    assert same_fits(classifier(), np.eye(3)[classes], loss, WEIGHTS, factors[classes])
    sizes = soft.sum(axis=0, dtype=np.float64)
    balanced = soft @ (len(soft) / (3 * sizes))
    assert same_fits(classifier(), soft, loss, "balanced", balanced)


@pytest.mark.parametrize(
    ("loss", "last", "labels", "keys"),
    [
        ("binary_cross_entropy", "sigmoid", (0, 1), (0, 1)),
        ("binary_focal", "sigmoid", (0, 1), (0, 1)),
        ("hinge", "identity", (0, 1), (0, 1)),
        ("hinge", "tanh", (-1, 1), (-1, 1)),
        ("squared_hinge", "tanh", (-1, 1), (0, 1)),
    ],
)
def test_one_output_has_two_classes(loss: str, last: str, labels: Any, keys: Any) -> None:
    second = class_data()[1] == 1
    y = np.where(second, labels[1], labels[0])
    weight = np.where(second, 4.0, 0.5)
    assert same_fits(one_output(last), y, loss, {keys[0]: 0.5, keys[1]: 4.0}, weight)
    counts = np.where(second, second.sum(), (~second).sum())
    assert same_fits(one_output(last), y, loss, "balanced", len(y) / (2 * counts))


def test_a_class_without_rows_takes_no_part_in_balance() -> None:
    _, classes = class_data()
    y = np.minimum(classes, 1)
    weight = len(y) / (2 * np.bincount(y))
    assert same_fits(classifier(), y, "cross_entropy", "balanced", weight[y])


@pytest.mark.parametrize(
    ("outputs", "last", "loss", "message"),
    [
        (2, "sigmoid", "bce", r"one class a row .*BinaryCrossEntropy\(positive_weight=...\)"),
        (1, "identity", "mse", "a loss of classes, such as cross_entropy, got mean_squared_error"),
    ],
)
def test_they_are_refused_where_rows_have_no_class(
    outputs: int, last: str, loss: str, message: str
) -> None:
    x, classes = class_data()
    y = np.repeat((classes == 0)[:, np.newaxis], outputs, axis=1).astype(float)
    net = lm.Sequential([lm.Dense(outputs, last)], inputs=7)
    with pytest.raises(ValueError, match=message):
        net.fit(x, y, loss=loss, class_weight={0: 2.0}, verbose=False)
