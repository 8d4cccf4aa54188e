"""Metrics and the options of a fit, through the C++ headers, give what Python gives."""

from typing import Any

import numpy as np

import lamina as lm
from embed.catalogue_program import (
    INPUTS,
    ROWS,
    X,
    Y,
    catalogue_of,
    numbers,
    sawtooth,
    sum_of_weights,
    trained,
)
from embed.consumers import Environment
from lamina.metrics import Metric
from lamina.metrics._metric import TABLE

# A figure of a fit is one number: the confusion matrix is none.
KNOWN = {known.function.__name__ for known in TABLE} - {"confusion_matrix"}


def measured(activation: str, y: Any, loss: Any, metrics: list[Metric], outputs: int) -> Any:
    net = lm.Sequential([lm.Dense(outputs, activation)], inputs=INPUTS, seed=5)
    history = net.fit(X, y, epochs=1, loss=loss, metrics=metrics, verbose=False)
    return {metric.name: history[metric.name][-1] for metric in metrics}


def test_every_metric_has_the_value_that_python_gives(fresh: Environment) -> None:
    found = numbers(catalogue_of(fresh)["metric"])
    assert found.keys() == KNOWN
    classes = np.arange(ROWS) ** 2 % 3
    of_classes = [
        Metric("accuracy", task="multiclass"),
        Metric("balanced_accuracy"),
        Metric("precision", average="macro"),
        Metric("recall", average="micro"),
        Metric("f1", average="weighted"),
        Metric("matthews_correlation"),
        Metric("top_k_accuracy", k=1),
        Metric("roc_auc", average="weighted"),
        Metric("average_precision", average="micro"),
        Metric("log_loss"),
        Metric("brier_score"),
        Metric("expected_calibration_error", bins=5),
    ]
    of_values = [
        *(Metric("mean_squared_error"), Metric("root_mean_squared_error")),
        *(Metric("mean_absolute_error"), Metric("mean_absolute_percentage_error")),
        *(Metric("median_absolute_error"), Metric("r2")),
    ]
    labels = (Y > 0).astype(np.float32)
    expected = {
        **measured("softmax", classes, "cross_entropy", of_classes, 3),
        **measured("identity", Y, "mean_squared_error", of_values, 2),
        **measured("identity", Y, lm.Quantile(0.3), [Metric("pinball", level=0.3)], 2),
        **measured(
            "sigmoid", labels, "binary_cross_entropy", [Metric("label_accuracy", threshold=0.6)], 2
        ),
    }
    assert found == expected


def test_every_option_of_a_fit_gives_the_weights_and_figures_of_python(fresh: Environment) -> None:
    x = sawtooth(20 * INPUTS, 41).reshape(20, INPUTS)
    y = sawtooth(20 * 2, 43).reshape(20, 2)
    stopping = lm.EarlyStopping(
        "loss", patience=1, min_delta=0.01, mode="min", restore_best_weights=True, keep_last=True
    )
    cases: dict[str, dict[str, Any]] = {
        "average": {"average": lm.WeightAverage(0.9, start=1, per="epoch", warm_up=False)},
        "validation_data": {"validation_data": (x, y, np.full(20, 3.0)), "figure": "val_loss"},
        "validation_fraction": {"validation_fraction": 0.25, "figure": "val_loss"},
        "sample_weight": {
            "loss": lm.MeanSquaredError(reduction="sum"),
            "sample_weight": np.full(ROWS, 2.0),
        },
        "accumulate": {"accumulate": 2, "shuffle": False},
        "early_stopping": {"epochs": 30, "optimizer": lm.SGD(0.5), "early_stopping": stopping},
        "target_loss": {"epochs": 30, "target_loss": 0.4},
    }
    expected = {}
    for name, options in cases.items():
        weights, value = trained(**options)
        expected |= {name: weights, f"{name}/{options.get('figure', 'loss')}": value}
    rows = sawtooth(10 * INPUTS, 37).reshape(10, INPUTS)
    classes = [0, 1, 2, 0, 0, 0, 1, 0, 0, 0]
    for name, class_weight in {"class_weight": {0: 1.0, 1: 5.0}, "balanced": "balanced"}.items():
        net = lm.Sequential([lm.Normalization(), lm.Dense(3, "softmax")], inputs=INPUTS, seed=5)
        net.fit(*(rows, classes), epochs=2, batch_size=5, class_weight=class_weight, verbose=False)
        expected[name] = sum_of_weights(net)
    assert numbers(catalogue_of(fresh)["fit"]) == expected


def test_schedules_of_weight_decay_and_dropout_give_the_weights_of_python(
    fresh: Environment,
) -> None:
    found = numbers(catalogue_of(fresh)["schedule"])
    decay = trained(optimizer=lm.SGD(0.02, weight_decay=lm.FlatCosineSchedule(0.1)))
    assert (found["of weight decay"], found["of weight decay/loss"]) == decay
    dropout = trained(dropout_schedule=lm.FlatCosineSchedule(1.0))
    assert (found["of dropout"], found["of dropout/loss"]) == dropout
