"""Losses that are functions of the caller's reach Python's weights through lamina.h, to the bit."""

import ctypes as ct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lamina as lm
from c_interface import (
    CLibrary,
    assert_same,
    data_of,
    description_of,
    load_library,
    loss_function,
    options_of,
)
from c_structs import LossCall, LossFunction, Metric

RNG = np.random.default_rng(17)
X = RNG.normal(size=(101, 5))
Y = RNG.normal(size=(101, 2))
CLASSES = (X[:, 0] > 0).astype(np.int32) + (X[:, 1] > 0.5)
LAYERS = [lm.Dense(12, "tanh"), lm.BatchNorm(), lm.Dropout(0.2), lm.Dense(2, l2=1e-3)]
MEMBERS = [lm.Ensemble([lm.Dense(8, "relu"), lm.Dense(2)], k=3)]


@pytest.fixture(scope="module")
def c() -> CLibrary:
    return load_library()


def squared_error(outputs: Any, y: Any) -> tuple[float, Any]:
    difference = outputs - y
    return float((difference**2).mean()), 2.0 * difference / difference.size


def margin(outputs: Any, y: Any) -> tuple[float, Any]:
    """Of classes, with one score a class."""
    rows = np.arange(len(y))
    gradient = np.full_like(outputs, 0.5 / len(y))
    gradient[rows, y] = -1.0 / len(y)
    return float((outputs * gradient).sum()), gradient


def pair(c: CLibrary, layers: Any, dtype: str) -> tuple[lm.Sequential, Any]:
    net = lm.Sequential(layers, inputs=5, dtype=dtype, seed=4)
    return net, c.build(net.to_spec(), dtype=dtype, seed=4)


# Of Python's fit, made anew for each, and of lamina_fit.
OPTIONS: dict[str, tuple[Callable[[], dict[str, Any]], dict[str, Any]]] = {
    "shuffled": (dict, {}),
    "in order": (
        lambda: {"shuffle": False, "batch_size": 25},
        {"shuffle": 0, "batch_size": 25},
    ),
    "accumulated": (lambda: {"accumulate": 3}, {"accumulate": 3}),
    "held back": (lambda: {"validation_fraction": 0.2}, {"validation_fraction": 0.2}),
    "averaged": (
        lambda: {"average": lm.WeightAverage(0.9)},
        {"average": {"kind": "weight_average", "decay": 0.9}},
    ),
    "schedules": (
        lambda: {
            "optimizer": lm.Adam(lm.CosineSchedule(0.02)),
            "dropout_schedule": lm.FlatCosineSchedule(1.0),
        },
        {
            "schedule": {"kind": "cosine", "rate": 0.02},
            "noise_schedule": {"kind": "flat_cosine", "rate": 1.0},
        },
    ),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", OPTIONS)
def test_a_fit_takes_pythons_steps(c: CLibrary, name: str, dtype: str) -> None:
    python, options = OPTIONS[name]
    x, y = X.astype(dtype), Y.astype(dtype)
    net, model = pair(c, LAYERS, dtype)
    metric = Metric(description_of("rmse"), greater_is_better=-1)
    history = net.fit(
        *(x, y), loss=squared_error, metrics=["rmse"], epochs=3, verbose=False, **python()
    )
    found = model.fit(
        data_of(x, y),
        **{"loss": loss_function(squared_error), "epochs": 3, **options},
        metrics=ct.pointer(metric),
        metric_count=1,
    )
    assert_same(net, model)
    for figure, values in history.items():
        assert model.figures(found, figure) == values, figure
    c.history_free(found)
    expected = net.evaluate(x, y, loss=squared_error, metrics=["rmse"])
    assert model.evaluate(data_of(x, y), loss_function(squared_error), [metric]) == expected


@pytest.mark.parametrize(("layers", "loss"), [(MEMBERS, squared_error), (LAYERS, margin)])
def test_members_of_an_ensemble_and_classes(c: CLibrary, layers: Any, loss: Any) -> None:
    y = CLASSES.clip(0, 1) if loss is margin else Y
    net, model = pair(c, layers, "float64")
    net.fit(X, y, loss=loss, epochs=2, verbose=False)
    c.history_free(model.fit(data_of(X, y), loss=loss_function(loss), epochs=2))
    assert_same(net, model)


def test_steps_and_gradients(c: CLibrary) -> None:
    net, model = pair(c, LAYERS, "float64")
    optimizer, handle = lm.SGD(0.05, momentum=0.9), ct.c_void_p()
    array, count = options_of({"learning_rate": 0.05, "momentum": 0.9})
    c.optimizer_create(model.handle, b"sgd", array, ct.c_size_t(count), ct.byref(handle))
    value, seed = ct.c_double(), ct.c_uint64(2**64 - 1)
    loss = description_of(loss_function(squared_error))
    for first in range(0, 80, 20):
        x, y = X[first : first + 20], Y[first : first + 20]
        expected = net.train_step(x, y, loss=squared_error, optimizer=optimizer)
        batch = data_of(x, y)
        c.train_step(model.handle, ct.byref(batch), loss, handle, seed, ct.byref(value))
        assert value.value == expected
    assert_same(net, model)
    for accumulate in (False, True):
        expected, gradients = net.value_and_grad(
            X[:9], Y[:9], loss=squared_error, accumulate=accumulate
        )
        batch = data_of(X[:9], Y[:9])
        arguments = loss, seed, int(accumulate), ct.byref(value)
        c.value_and_gradient(model.handle, ct.byref(batch), *arguments)
        assert value.value == expected
        for name, values in model.parameters("get_gradient").items():
            assert values.tobytes() == gradients[name].tobytes(), name
    c.optimizer_free(handle)


def test_a_function_that_fails_leaves_the_weights_of_the_last_whole_step(c: CLibrary) -> None:
    def ends(kind: str) -> Any:
        calls = []

        def call(batch: Any, value: Any, user: Any) -> int:
            asked, _ = batch.contents, calls.append(1)
            outputs = asked.array("outputs", 2)
            value[0], gradient = squared_error(outputs, asked.array("y", 2))
            if kind != "gradient left out" or len(calls) < 8:
                asked.array("gradient", 2)[:] = gradient
            if len(calls) == 8:
                value[0] = np.nan if kind == "value" else value[0]
                return 3 if kind == "status" else 0
            return 0

        function = LossFunction(ct.sizeof(LossFunction), LossCall(call), None)
        return {"kind": "custom", "function": function}

    for kind, message in {
        "status": r"^10: lamina_fit: loss: your function returned 3; the weights are",
        "value": r"^7: lamina_fit, epoch 2, step 4: loss: your function gave nan; the weights are",
        "gradient left out": r"^7: lamina_fit, epoch 2, step 4: loss: .* gradient .* not finite",
    }.items():
        net, model = pair(c, LAYERS, "float64")
        with pytest.raises(ValueError, match=message):
            model.fit(data_of(X, Y), loss=ends(kind), epochs=5)
        optimizer = lm.Adam()
        taken = [rows for epoch in (1, 2) for rows in lm.batches(101, 32, seed=4, epoch=epoch)]
        for rows in taken[:7]:
            net.train_step(X[rows], Y[rows], loss=squared_error, optimizer=optimizer)
        assert_same(net, model)
        # Training goes on.
        c.history_free(model.fit(data_of(X, Y), loss=loss_function(squared_error), epochs=1))


def test_what_does_not_go_with_a_function_is_refused(c: CLibrary) -> None:
    _, model = pair(c, LAYERS, "float64")
    own, data = loss_function(squared_error), data_of(X, Y)
    seed = ct.c_uint64(0)

    def refused(message: str, data: Any = data, **options: Any) -> None:
        with pytest.raises(ValueError, match=message):
            model.fit(data, **{"loss": own, **options})

    before = {name: values.tobytes() for name, values in model.parameters().items()}
    refused(
        "expected no weights with a custom loss; apply the weights in it", data_of(X, Y, Y[:, 0])
    )
    refused("expected no class_weight with a loss of your own", balanced_classes=1)
    refused("expected one option, 'function'", loss={"kind": "custom"})
    refused("expected one option, 'function'", loss={**own, "scale": 2.0})
    refused("option 'delta' is a function", loss={"kind": "huber", "delta": own["function"]})
    none = LossFunction(ct.sizeof(LossFunction), LossCall(), None)
    refused("function is NULL", loss={"kind": "custom", "function": none})
    odd = LossFunction(3, own["function"].function, None)
    refused("struct_size is 3", loss={"kind": "custom", "function": odd})

    said = []

    @LossCall
    def trains(batch: Any, value: Any, user: Any) -> int:
        for call in (
            lambda: model.fit(data),
            lambda: c.forward(model.handle, *(x, 1, two, 1, seed, seed, x)),
            lambda: c.set_parameter(model.handle, ct.c_size_t(0), x),
        ):
            with pytest.raises(ValueError, match="8: ") as refusal:
                call()
            said.append(str(refusal.value))
        predicted.append(model.predict(X[:2]))
        return 1

    x, two, predicted = X.ctypes.data_as(ct.c_void_p), ct.c_size_t(2), []
    calls = LossFunction(ct.sizeof(LossFunction), trains, None)
    refused("your function returned 1", loss={"kind": "custom", "function": calls})
    assert len(said) == 3
    assert all("network: a loss of your own is being computed" in each for each in said)
    assert len(predicted) == 1
    assert {name: values.tobytes() for name, values in model.parameters().items()} == before
