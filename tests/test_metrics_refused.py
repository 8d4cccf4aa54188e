"""Metrics that do not go with a loss, outputs or targets are refused before training."""

import functools
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import lamina as lm
from networks import bits, label_data, one_layer

Array = npt.NDArray[Any]
X, LABELS, CLASSES = label_data()


@pytest.mark.parametrize(
    ("outputs", "last", "loss", "y", "metric", "sentence"),
    [
        (
            1,
            "identity",
            "hinge",
            LABELS[:, 0],
            "log_loss",
            "expected probabilities.* got the margins",
        ),
        (1, "identity", "hinge", LABELS[:, 0], "rmse", "target's units, got the margins"),
        (
            1,
            "identity",
            None,
            LABELS[:, 0],
            "brier_score",
            "got the plain values that mean_squared",
        ),
        (3, "identity", None, LABELS, "accuracy", r"Metric\('accuracy', task='multiclass'\)"),
        (1, "identity", "poisson", LABELS[:, 0], "accuracy", "got the logarithms of means"),
        (2, "identity", "gaussian_nll", X[:, 0], "roc_auc", "got the means and log variances"),
        (
            2,
            "identity",
            lm.Quantile((0.1, 0.9)),
            X[:, 0],
            "rmse",
            "got the quantiles.*take pinball",
        ),
        (3, "softmax", None, CLASSES, "rmse", "expected values for 3 outputs, got class indices"),
        (1, "identity", None, X[:, 0], "accuracy", "expected class indices 0 and 1"),
        (3, "softmax", None, CLASSES, "label_accuracy", "got one class a row; take accuracy"),
        (3, "sigmoid", None, LABELS, "balanced_accuracy", "got many labels at once"),
        (3, "softmax", None, CLASSES, "confusion_matrix", "gives an array.* take it in evaluate"),
        (3, "softmax", None, CLASSES, "acuracy", r"unknown name .* \(did you mean 'accuracy'\?\)"),
        (
            *(3, "softmax", None, CLASSES),
            lm.metrics.Metric("f1", average="binary"),
            "two classes for average='binary', got 3 classes",
        ),
    ],
)
def test_metrics_that_do_not_go_with_the_loss_are_refused_before_training(
    outputs: int, last: str, loss: Any, y: Any, metric: Any, sentence: str
) -> None:
    net = one_layer(outputs, last)
    before = bits(net)
    with pytest.raises(ValueError, match=sentence):
        net.fit(X, y, loss=loss, metrics=[metric], verbose=False)
    assert (bits(net), net.epochs_trained, net.history) == (before, 0, None)


def test_targets_are_looked_at_to_the_last_row_before_training() -> None:
    x = np.zeros((3000, 3))
    y = np.zeros((3000, 3))
    y[:, 0] = 1.0
    y[-1, 0] = 7.0
    net = one_layer(3, "softmax")
    with pytest.raises(ValueError, match="accuracy: expected one-hot rows or probabilities"):
        net.fit(x, y, loss="mse", metrics=["accuracy"], verbose=False)
    assert net.epochs_trained == 0


def test_figures_do_not_share_a_name() -> None:
    def loss(y: Array, outputs: Array) -> float:
        return 0.0

    f1 = functools.partial(lm.metrics.f1, average="macro")
    for metrics, sentence in (
        ([loss], "'loss' is a figure of lamina's own"),
        ([lm.metrics.Metric("f1", name="val_f1")], "'val_f1' is a figure of lamina's own"),
        (["f1", f1], "two are named 'f1'"),
        ([lambda y, o: 0.0, lambda y, o: 1.0], "two are named '<lambda>'"),
    ):
        with pytest.raises(ValueError, match=sentence):
            one_layer(3, "softmax").evaluate(X, CLASSES, metrics=metrics)
    assert list(one_layer(3, "softmax").evaluate(X, CLASSES, metrics=["f1", "f1", "loss"])) == [
        "loss",
        "f1",
    ]


def test_options_of_a_metric_that_it_does_not_have_are_told() -> None:
    with pytest.raises(TypeError, match="f1: unknown option 'avg'; expected some of average, task"):
        lm.metrics.Metric("f1", avg="macro")
    with pytest.raises(TypeError, match="r2: unknown option 'task'; expected some of none"):
        lm.metrics.Metric(lm.metrics.r2, task="binary")
    with pytest.raises(ValueError, match="mode 'min' or 'max', got 'best'"):
        lm.metrics.Metric("f1", mode="best")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="expected a name or a function, got <class 'dict'>"):
        lm.metrics.Metric(dict)
    with pytest.raises(TypeError, match=r"expected a list, got the text 'f1'; write \['f1'\]"):
        one_layer(3, "softmax").evaluate(X, CLASSES, metrics="f1")
    wrong: Any = lambda y: 0.0  # noqa: E731
    with pytest.raises(TypeError, match=r"as a function f\(y, outputs\).*too many positional"):
        one_layer(3, "softmax").fit(X, CLASSES, metrics=[wrong], verbose=False)
    for wrong in (None, lm.metrics.f1):
        with pytest.raises(TypeError, match="metrics: expected a list of names and functions, got"):
            one_layer(3, "softmax").evaluate(X, CLASSES, metrics=wrong)
