"""Everything public as calls with arguments that fit, for tests that put others in their place."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import lamina as lm
import lamina.metrics

X = np.ones((4, 3), np.float32)
Y = np.array([0, 1, 1, 0], np.int32)
Call = tuple[str, Callable[..., Any], dict[Any, Any]]


def net() -> lm.Sequential:
    """A small classifier."""
    return lm.Sequential([lm.Dense(4, "tanh"), lm.Dense(2, "softmax")], inputs=3)


def public_calls(folder: Path) -> Iterator[Call]:
    """Name, function and arguments that it takes, of everything public; objects are fresh."""
    for name in lm.__all__:
        value = getattr(lm, name)
        if isinstance(value, type):
            yield name, value, _options_of(value)
    yield from _network_calls()
    yield from _state_calls(folder)
    yield from _derivative_calls()
    yield from _optimizer_calls()
    yield from _metric_and_schedule_calls()


def _network_calls() -> Iterator[Call]:
    n = net()
    yield "predict", n.predict, {"X": X}
    yield (
        "evaluate",
        n.evaluate,
        {"X": X, "y": Y, "loss": None, "metrics": (), "sample_weight": None},
    )
    fit = {
        "X": X,
        "y": Y,
        "epochs": 1,
        "verbose": False,
        "loss": None,
        "optimizer": "adam",
        "batch_size": 2,
        "validation_data": None,
        "validation_fraction": 0.0,
        "metrics": (),
        "sample_weight": None,
        "class_weight": None,
        "callbacks": (),
        "shuffle": True,
        "accumulate": 1,
        "average": None,
        "early_stopping": None,
        "target_loss": None,
    }
    yield "fit", net().fit, fit
    yield "forward", n.forward, {"X": X, "training": True, "step": 0}
    yield from _step_calls()


def _step_calls() -> Iterator[Call]:
    n = net()
    n.forward(X)
    yield (
        "backward",
        n.backward,
        {
            "output_gradient": np.ones((4, 2)),
            "gradients": True,
            "input_gradient": True,
            "accumulate": False,
        },
    )
    yield (
        "value_and_grad",
        n.value_and_grad,
        {
            "X": X,
            "y": Y,
            "loss": None,
            "sample_weight": None,
            "step": 0,
            "accumulate": False,
        },
    )
    yield (
        "train_step",
        n.train_step,
        {
            "X": X,
            "y": Y,
            "optimizer": lm.Adam(),
            "loss": None,
            "sample_weight": None,
        },
    )


def _state_calls(folder: Path) -> Iterator[Call]:
    n = net()
    yield "save", n.save, {"path": folder / "net.lamina"}
    n.save(folder / "net.lamina")
    yield "load", lm.load, {"path": folder / "net.lamina"}
    yield "set_parameters", n.set_parameters, {"parameters": {}}
    yield (
        "adapt",
        lm.Sequential([lm.Normalization(), lm.Dense(1)], inputs=3).adapt,
        {
            "X": X,
            "sample_weight": None,
        },
    )
    yield "reset", n.reset, {"seed": 0}
    yield "set_state", n.set_state, {"state": n.get_state()}
    yield "set_state values", lambda **v: net().set_state(v), n.get_state()
    yield "from_spec", lm.Sequential.from_spec, {"spec": n.to_spec(), "seed": 0, "dtype": "float32"}
    yield "activations", n.activations, {"X": X}
    yield "jacobian", n.jacobian, {"X": X}
    yield "parameter_jacobian", n.parameter_jacobian, {"X": X}
    yield "jvp", n.jacobian_vector_product, {"X": X, "inputs": X, "parameters": None}
    yield "vjp", n.vector_jacobian_product, {"X": X, "vectors": np.ones((4, 2)), "by": "inputs"}


def _derivative_calls() -> Iterator[Call]:
    n = net()
    rows = {"X": X, "y": Y, "loss": None, "sample_weight": None}
    yield "sample_gradients", n.sample_gradients, rows
    yield "sample_gradient_norms", n.sample_gradient_norms, rows
    yield "hessian_vector_product", n.hessian_vector_product, {**rows, "vector": n.parameters()}
    predictor = n.compile_predictor()
    yield "predictor", predictor, {0: X[0], "out": None}
    yield "predictor of rows", predictor, {0: X, "out": None}
    yield "predict_one", predictor.predict_one, {0: X[0], "out": None}
    yield "activate", lm.activate, {"x": X, "activation": "relu"}
    yield "activation_vjp", lm.activation_vjp, {"x": X, "activation": "relu"}
    yield "pullback", lm.activation_vjp(X, "tanh")[1], {"dy": X}
    yield "average_networks", lm.average_networks, {"networks": [n, n], "weights": None}
    yield (
        "batches",
        lambda **v: list(lm.batches(**v)),
        {
            "rows": 4,
            "batch_size": 2,
            "seed": 0,
            "epoch": 1,
            "shuffle": True,
            "smallest": 1,
        },
    )
    yield (
        "find_learning_rate",
        lm.find_learning_rate,
        {
            "net": n,
            "X": X,
            "y": Y,
            "loss": None,
            "optimizer": "adam",
            "batch_size": 2,
            "lowest": 1e-6,
            "highest": 10.0,
            "steps": 10,
            "smoothing": 0.9,
            "sample_weight": None,
        },
    )
    yield "set_num_threads", lm.set_num_threads, {"count": 1, "exact": False}
    yield "Perceptron.fit", lm.Perceptron(max_epochs=2).fit, {"X": X, "y": Y}
    unit = lm.Perceptron().fit([[0.0], [1.0]], [0, 1])
    yield "Perceptron.predict", unit.predict, {"X": [[1.0]]}
    yield "decision_function", unit.decision_function, {"X": [[1.0]]}


def _optimizer_calls() -> Iterator[Call]:
    n = net()
    used = lm.Adam()
    net().train_step(X, Y, optimizer=used)
    yield "optimizer.step", used.step, {"net": n}
    yield "optimizer.set_length", used.set_length, {"steps_per_epoch": 1, "epochs": 1}
    yield "learning_rate", lambda value: setattr(used, "learning_rate", value), {"value": 0.1}
    state = used.get_state()
    yield "optimizer.set_state", used.set_state, {"net": net(), "state": state}
    yield "optimizer.set_state values", lambda **v: lm.Adam().set_state(net(), v), state
    average = lm.WeightAverage()
    average.update(n)
    for name in ("update", "apply", "resume"):
        yield f"average.{name}", getattr(average, name), {"net": n}
    yield "average.set_state", average.set_state, {"net": n, "state": average.get_state()}
    yield (
        "average.set_state values",
        lambda **v: lm.WeightAverage().set_state(net(), v),
        (average.get_state()),
    )


def _metric_and_schedule_calls() -> Iterator[Call]:
    outputs = np.array([[0.7, 0.3], [0.2, 0.8], [0.4, 0.6], [0.9, 0.1]])
    for name in lamina.metrics.__all__:
        value = getattr(lamina.metrics, name)
        options = _options_of(value)
        if not isinstance(value, type):
            options |= dict(zip(options, (Y, outputs), strict=False))
        yield f"metrics.{name}", value, options
    schedule = lm.CosineSchedule(0.1, length=10)
    yield "schedule.set_state", schedule.set_state, {"state": schedule.get_state()}


def _options_of(kind: Callable[..., Any]) -> dict[str, Any]:
    """Arguments of a class or function by name; None stands for those without a default."""
    import inspect

    try:
        parameters = inspect.signature(kind).parameters
    except (TypeError, ValueError):
        return {}
    return {
        name: None if parameter.default is inspect.Parameter.empty else parameter.default
        for name, parameter in parameters.items()
        if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    }
