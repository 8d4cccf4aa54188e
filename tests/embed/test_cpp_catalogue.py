"""Every class of the C++ headers gives what Python's class of the same options gives."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np

import lamina as lm
from embed.catalogue_program import INPUTS, ROWS, X, Y, catalogue_of, numbers, trained
from embed.consumers import Environment
from lamina._layers.column_encoding import _ENCODINGS
from lamina._layers.layers import LAYERS
from lamina._optimizers.by_name import _BY_NAME

CLASSES = np.arange(ROWS) % 3
COUNTS = np.repeat(1.0 + np.arange(ROWS) % 4, 2).reshape(ROWS, 2)
SIGNS = np.repeat(1.0 - 2.0 * (np.arange(ROWS) % 2), 2).reshape(ROWS, 2)
SHARES = (SIGNS + 1.0) / 2.0


LEARNING: dict[str, Any] = {"trainable": False, "rate_factor": 2, "decay_factor": 3}

LAYERS_OF: dict[str, list[lm.Layer]] = {
    "Dense": [
        lm.Dense(
            3,
            {"kind": "leaky_relu", "negative_slope": 0.1},
            False,
            {"kind": "normal", "deviation": 0.5},
            "zeros",
            True,
            l1=0.01,
            l2=0.02,
            max_norm=3,
            non_negative=True,
            rate_factor=2,
            decay_factor=0.5,
            bias_rate_factor=0.25,
            bias_decay_factor=0.75,
            parametrization="ntk",
        )
    ],
    "Dense, other initializers": [
        lm.Dense(
            4,
            {"kind": "elu", "alpha": 0.5},
            True,
            {"kind": "orthogonal", "gain": 2.0},
            {"kind": "constant", "value": 0.1},
        ),
        lm.Dense(4, {"kind": "celu", "alpha": 2}),
        lm.Dense(4, {"kind": "sin", "frequency": 30}),
        lm.Dense(4, "gelu", initializer="he_uniform"),
    ],
    "Dense, defaults": [lm.Dense(7)],
    "Activation": [lm.Activation("swish"), lm.Activation("leaky_relu")],
    "Dropout": [lm.Dropout(0.25)],
    "AlphaDropout": [lm.AlphaDropout(0.25)],
    "GaussianNoise": [lm.GaussianNoise(0.5)],
    "BatchNorm": [lm.BatchNorm(0.2, 1e-3, False, False, **LEARNING)],
    "LayerNorm": [lm.LayerNorm(1e-3, False, False, **LEARNING)],
    "RMSNorm": [lm.RMSNorm(1e-3, False, **LEARNING)],
    "PReLU": [lm.PReLU(0.5, True, **LEARNING)],
    "ParametricActivation": [lm.ParametricActivation("selu", 0.5, **LEARNING)],
    "Scale": [lm.Scale(0.5, True, **LEARNING)],
    "Normalization": [lm.Normalization()],
    "TargetScaling": [lm.Dense(2), lm.TargetScaling(clip=True)],
    "Affine": [lm.Affine(2, [0.0, 1.0, 2.0, 3.0])],
    "Clip": [lm.Clip(-1), lm.Clip(-1, 1)],
    "ColumnEncoding": [
        lm.ColumnEncoding(
            [
                lm.NumberEncoding([-1, 0, 2], 4, 0.5, True),
                lm.CategoryEncoding(3, True),
                lm.CodeEncoding(9, True),
                lm.DateEncoding(10, 2, 4, 1, True),
            ]
        )
    ],
    "Embedding": [lm.Embedding({3: 12, 1: 5}, 8, True, 0.5, **LEARNING)],
    "PiecewiseLinear": [lm.PiecewiseLinear({2: [-1, 0, 1], 0: [0, 1]}, 8, "A", "relu", **LEARNING)],
    "Periodic": [lm.Periodic([0, 2], "plr", 8, 4, 0.5, True, "identity", **LEARNING)],
    "Residual": [
        lm.Residual(
            [lm.Dense(8, "relu"), lm.Residual([lm.Dense(8)]), lm.Dense(4)], True, **LEARNING
        )
    ],
    "Residual, without projection": [lm.Residual([lm.Dense(4)], "auto")],
    "Ensemble": [
        lm.Ensemble(
            [lm.Dense(8, "relu"), lm.Dense(1)],
            3,
            "all",
            first_scales="normal",
            chunks=[2, 2],
            **LEARNING,
        )
    ],
}


def test_every_layer_is_described_as_python_describes_it(fresh: Environment) -> None:
    assert {layer.__name__ for layer in LAYERS.values()} <= LAYERS_OF.keys()
    columns = LAYERS_OF["ColumnEncoding"][0].columns  # type: ignore[attr-defined]
    assert [column.kind for column in columns] == list(_ENCODINGS)
    expected = {
        name: lm.Sequential(layers, inputs=5 if name == "ColumnEncoding" else 4).to_spec()
        for name, layers in LAYERS_OF.items()
    }
    assert {
        name: json.loads(text)["network"] for name, text in catalogue_of(fresh)["layer"].items()
    } == expected


LOSSES: dict[str, tuple[str, int, np.ndarray, Any]] = {
    "MeanSquaredError": ("identity", 2, Y, lm.MeanSquaredError(reduction="sum", scale=2)),
    "MeanAbsoluteError": ("identity", 2, Y, lm.MeanAbsoluteError(scale=2, divide_penalty=True)),
    "Huber": ("identity", 2, Y, lm.Huber(0.5)),
    "LogCosh": ("identity", 2, Y, lm.LogCosh("sum")),
    "Quantile": ("identity", 2, Y, lm.Quantile(0.2)),
    "CosineSimilarity": ("identity", 2, Y, lm.CosineSimilarity(scale=3)),
    "Quantile, levels": ("identity", 4, Y, lm.Quantile([0.1, 0.9])),
    "GaussianNegativeLogLikelihood": (
        "identity",
        4,
        Y,
        lm.GaussianNegativeLogLikelihood(scale=2),
    ),
    "Poisson": ("identity", 2, COUNTS, lm.Poisson(scale=2)),
    "Gamma": ("identity", 2, COUNTS, lm.Gamma(scale=2)),
    "Tweedie": ("identity", 2, COUNTS, lm.Tweedie(1.2)),
    "Poisson, rates": ("softplus", 2, COUNTS, lm.Poisson(log_input=False)),
    "BinaryCrossEntropy": (
        "sigmoid",
        2,
        SHARES,
        lm.BinaryCrossEntropy(0.1, "sum", positive_weight=2),
    ),
    "BinaryFocal": ("sigmoid", 2, SHARES, lm.BinaryFocal(1)),
    "CrossEntropy": ("softmax", 3, CLASSES, lm.CrossEntropy(0.1)),
    "Focal": ("softmax", 3, CLASSES, lm.Focal(1)),
    "KLDivergence": ("softmax", 3, CLASSES, lm.KLDivergence(scale=2)),
    "Hinge": ("identity", 2, SIGNS, lm.Hinge(scale=2)),
    "SquaredHinge": ("tanh", 2, SIGNS, lm.SquaredHinge(scale=2)),
    "by name": ("softmax", 3, CLASSES, "cross_entropy"),
}


def test_every_loss_has_the_value_that_python_gives(fresh: Environment) -> None:
    assert {loss.__name__ for loss in lm.Loss.__subclasses__()} <= LOSSES.keys()
    expected = {}
    for name, (activation, outputs, y, loss) in LOSSES.items():
        net = lm.Sequential([lm.Dense(outputs, activation)], inputs=INPUTS, seed=3)
        expected[name] = net.evaluate(X, y, loss=loss)["loss"]
    assert numbers(catalogue_of(fresh)["loss"]) == expected


def check_training(
    found: dict[str, str], cases: dict[str, Callable[[], Any]], option: str, **more: Any
) -> None:
    """Compares weights and the figure of each case."""
    figure = "learning_rate" if option == "schedule" else "loss"
    expected = {}
    for name, make in cases.items():
        given = lm.SGD(make()) if option == "schedule" else make()
        weights, value = trained(figure, optimizer=given, **more)
        expected |= {name: weights, f"{name}/{figure}": value}
    values = numbers(found)
    assert {name: values.get(name) for name in expected} == expected


COMMON: dict[str, Any] = {
    "weight_decay": 0.01,
    "decay_biases": True,
    "clip_value": 0.5,
    "clip_parameter_norm": 2,
    "clip_norm": 3,
}
ADAM: dict[str, Any] = {"beta1": 0.8, "beta2": 0.99, "epsilon": 1e-6}
OPTIMIZERS: dict[str, Callable[[], Any]] = {
    "SGD": lambda: lm.SGD(
        0.05, momentum=0.9, nesterov=True, rate_in_velocity=True, decoupled=True, **COMMON
    ),
    "Adam": lambda: lm.Adam(0.01, **ADAM, amsgrad=True, epsilon_hat=True, decoupled=True, **COMMON),
    "AdamW": lambda: lm.AdamW(0.01, decay_biases=True),
    "AdamW, amsgrad": lambda: lm.AdamW(0.01, amsgrad=True),
    "Adamax": lambda: lm.Adamax(0.01, **ADAM, decoupled=True, **COMMON),
    "NAdam": lambda: lm.NAdam(
        0.01, **ADAM, momentum_decay=0.01, epsilon_hat=True, decoupled=True, **COMMON
    ),
    "RAdam": lambda: lm.RAdam(0.01, **ADAM, decoupled=True, **COMMON),
    "Lion": lambda: lm.Lion(0.01, beta1=0.8, beta2=0.95, decoupled=False, **COMMON),
    "Adagrad": lambda: lm.Adagrad(
        0.05,
        rate_decay=0.1,
        initial_accumulator=0.2,
        epsilon=1e-6,
        decoupled=True,
        **COMMON,
    ),
    "Adadelta": lambda: lm.Adadelta(0.5, rho=0.8, epsilon=1e-5, decoupled=True, **COMMON),
    "RMSprop": lambda: lm.RMSprop(
        0.01, rho=0.9, epsilon=1e-6, momentum=0.5, centered=True, decoupled=True, **COMMON
    ),
    "Rprop": lambda: lm.Rprop(
        0.01,
        shrink=0.4,
        grow=1.3,
        smallest_step=1e-5,
        largest_step=1,
        decoupled=True,
        **COMMON,
    ),
    "Muon": lambda: lm.Muon(
        0.01,
        momentum=0.9,
        nesterov=False,
        iterations=4,
        adamw_rate_factor=0.1,
        **ADAM,
        match_adamw=True,
        first_and_last=True,
        **COMMON,
    ),
    "by name": lambda: "rmsprop",
}


def test_every_optimizer_reaches_the_weights_that_python_reaches(fresh: Environment) -> None:
    full_batch = {"lbfgs", "levenberg_marquardt"}
    known = {type(make()).__name__ for name, make in _BY_NAME.items() if name not in full_batch}
    assert known <= OPTIMIZERS.keys()
    check_training(catalogue_of(fresh)["optimizer"], OPTIMIZERS, "optimizer")


SCHEDULES: dict[str, Callable[[], lm.Schedule]] = {
    "ConstantSchedule": lambda: lm.ConstantSchedule(0.02),
    "StepSchedule": lambda: lm.StepSchedule(0.02, every=3, factor=0.5),
    "MultiStepSchedule": lambda: lm.MultiStepSchedule(0.02, milestones=(2, 5), factor=0.5),
    "ExponentialSchedule": lambda: lm.ExponentialSchedule(0.02, factor=0.9),
    "PolynomialSchedule": lambda: lm.PolynomialSchedule(0.02, length=20, power=2, end=0.1),
    "InverseScalingSchedule": lambda: lm.InverseScalingSchedule(0.02, power=0.7),
    "CosineSchedule": lambda: lm.CosineSchedule(0.02, length=20, end=0.1),
    "CosineRestartsSchedule": lambda: lm.CosineRestartsSchedule(0.02, period=5, growth=2, end=0.1),
    "OneCycleSchedule": lambda: lm.OneCycleSchedule(0.02, length=20, rise=0.4, start=0.1, end=0.01),
    "CosineLogSchedule": lambda: lm.CosineLogSchedule(0.02, length=20, cycles=2),
    "FlatCosineSchedule": lambda: lm.FlatCosineSchedule(0.02, length=20, flat=0.25),
    "ReduceOnPlateau": lambda: lm.ReduceOnPlateau(
        0.02,
        factor=0.5,
        patience=0,
        threshold=10,
        cooldown=0,
        minimum=0.001,
        monitor="loss",
        mode="min",
    ),
    "WarmUp": lambda: lm.WarmUp(lm.CosineSchedule(0.02), 4, 0.1),
    "WarmUp, of a rate, by epochs": lambda: lm.WarmUp(0.02, 2, 0.1, per="epoch"),
}


def test_every_schedule_gives_the_rates_that_python_gives(fresh: Environment) -> None:
    core = {
        name
        for name in dir(lm)
        if isinstance(getattr(lm, name), type)
        and issubclass(getattr(lm, name), lm.Schedule)
        and name not in ("Schedule", "FunctionSchedule")
    }
    assert core <= SCHEDULES.keys()
    check_training(catalogue_of(fresh)["schedule"], SCHEDULES, "schedule", epochs=3)
