"""Mistakes of a first hour: each gets one sentence that says what would be right."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lamina as lm
from networks import bits, class_data, classifier

X, Y = class_data(rows=20)
NAMES = np.array(["red", "green", "blue"])[Y]


def fit(**options: Any) -> Callable[[lm.Sequential], Any]:
    return lambda net: net.fit(X, Y, **{"epochs": 1, "verbose": False, **options})


MISTAKES: dict[str, tuple[Callable[[lm.Sequential], Any], str]] = {
    "names as y": (lambda net: net.fit(X, NAMES), r"text; class .* numpy.unique\(y, return_inv"),
    "names as objects": (
        lambda net: net.fit(X, NAMES.astype(object)),
        r"got text, '\w+' in row 0; class indices are numpy.unique",
    ),
    "a frame with text": (
        lambda net: net.predict(np.array([[1.0] * 6 + ["x"]], dtype=object)),
        "got text, 'x' in row 0 column 6$",
    ),
    "None among numbers": (
        lambda net: net.predict([[1.0] * 6 + [None]]),
        r"Python objects \(dtype object\), such as None in row 0 column 6$",
    ),
    "no y": (lambda net: net.fit(X, None), "expected numbers in y, got None$"),
    "class of an optimizer": (fit(optimizer=lm.Adam), r"got the class Adam; write Adam\(\)"),
    "class of a loss": (fit(loss=lm.CrossEntropy), r"got the class CrossEntropy; write Cross"),
    "class of a loss in a step": (
        lambda net: net.train_step(X, Y, loss=lm.CrossEntropy, optimizer=lm.Adam()),
        r"got the class CrossEntropy; write CrossEntropy\(\)",
    ),
    "class of a callback": (fit(callbacks=[lm.EarlyStopping]), r"write EarlyStopping\(\)"),
    "early stopping by yes": (fit(early_stopping=True), "a number of epochs or EarlyStopping"),
    "weight of an unknown class": (
        fit(class_weight={3: 2.0}),
        "from 0 to 2 in class_weight, got 3",
    ),
    "a name in a step": (
        lambda net: net.train_step(X, Y, optimizer="adam"),
        "train_step: expected an optimizer such as lm.Adam.*got 'adam'",
    ),
    "all rows in a step": (
        lambda net: net.train_step(X, Y, optimizer=lm.LBFGS()),
        "LBFGS: expected to be used in fit",
    ),
    "weights as a list": (
        lambda net: net.set_parameters([1.0]),
        "set_parameters: expected a dictionary from names to arrays, got list",
    ),
    "layers one by one": (
        lambda _: lm.Sequential(lm.Dense(3), lm.Dense(2)),  # type: ignore[arg-type]
        "Sequential: expected a list of layers, got 2 arguments$",
    ),
    "half a thread": (
        lambda _: lm.set_num_threads(1.5),  # type: ignore[arg-type]
        "set_num_threads: expected count as a whole number, got 1.5$",
    ),
    "no path to save": (lambda net: net.save(None), "save: expected the path of a file, got None"),
    "no path to load": (lambda net: lm.load(3), "load: expected the path of a file, got 3"),
    "a figure not recorded": (
        lambda net: fit(validation_fraction=0.2)(net)["acc"],
        "no figure named 'acc'; there are loss, val_loss, learning_rate",
    ),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_gets_one_sentence_and_changes_no_weight(case: str) -> None:
    use, message = MISTAKES[case]
    net = classifier()
    before = bits(net)
    error = KeyError if case == "a figure not recorded" else (TypeError, ValueError)
    with pytest.raises(error, match=message) as caught:
        use(net)
    assert "\n" not in str(caught.value)
    assert case == "a figure not recorded" or bits(net) == before


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: lm.Dense(3, "rellu"), "activation: unknown name 'rellu'; expected one of"),
        (lambda: lm.Dense(0), "Dense: expected 'units' between 1 and 16777216, got 0"),
        (lambda: lm.Dense(2.5), "Dense: expected a whole number for 'units', got 2.5"),
        (lambda: lm.Dense(2, initializer="he"), "initializer: unknown name 'he'"),
        (lambda: lm.Dropout(1.5), "Dropout: expected 'rate' between 0 and 1, got 1.5"),
        (lambda: lm.BatchNorm(momentum=-1.0), "expected 'momentum' between 0 and 1, got -1"),
        (lambda: lm.Clip(2.0, 1.0), "Clip"),
        (lambda: lm.Residual([]), "at least one"),
        (lambda: lm.Adam(-1.0), "expected 'learning_rate' of at least 0, got -1"),
    ],
)
def test_a_wrong_option_is_found_where_it_is_written(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_layers_are_shown_by_what_was_chosen() -> None:
    assert repr(lm.Dense(8, "relu")) == "Dense(units=8, activation='relu')"
    assert repr(lm.Dense(8, bias=False, l1=0.5)) == "Dense(units=8, bias=False, l1=0.5)"
    assert repr(lm.BatchNorm()) == "BatchNorm()"
    block = lm.Residual([lm.Dense(2), lm.LayerNorm()])
    assert repr(block) == "Residual(layers=(Dense(units=2), LayerNorm()))"
    assert eval(repr(block), vars(lm)) == block


def test_a_dtype_may_be_numpys() -> None:
    for dtype in (np.float64, np.dtype("float64"), "float64"):
        net = lm.Sequential([lm.Dense(1)], inputs=1, dtype=dtype)
        assert (net.dtype, net.predict([[1.0]]).dtype) == ("float64", np.float64)
    for wrong in (np.float16, int, "f4", None):
        with pytest.raises(ValueError, match="expected dtype float32 or float64"):
            lm.Sequential([lm.Dense(1)], dtype=wrong)  # type: ignore[arg-type]


def test_early_stopping_may_be_an_object_of_its_own() -> None:
    early = lm.EarlyStopping("accuracy", patience=1)
    history = fit(early_stopping=early, epochs=200, metrics=["accuracy"])(classifier())
    assert history.epochs < 200
    assert early.best == max(history["accuracy"])


def test_a_batch_may_be_larger_than_any_data() -> None:
    small, large = classifier(), classifier()
    fit(batch_size=len(X))(small)
    fit(batch_size=2**70)(large)
    assert bits(small) == bits(large)


def test_a_warning_points_to_the_users_line() -> None:
    net = classifier()
    large = np.full((4, 7), 2**24 + 1)
    for use in (
        lambda: net.predict(large),
        lambda: net.fit(large / 2**24, np.zeros(4, int), validation_data=(large, [0] * 4)),
    ):
        with pytest.warns(UserWarning, match="exact range") as caught:
            use()
        assert caught[0].filename == __file__
