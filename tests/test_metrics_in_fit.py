"""Metrics in `fit` and `evaluate`: how outputs are read, and what functions of users are given."""

import functools
import pickle
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import lamina as lm
from networks import bits, class_data, classifier, label_data, one_layer, regressor, value_data

Array = npt.NDArray[Any]
X, LABELS, CLASSES = label_data()


def in_fit_and_evaluate(
    net: lm.Sequential, y: Any, metrics: list[Any], loss: Any = None, weight: Any = None
) -> dict[str, Any]:
    """The figures of evaluate, which those of fit are equal to, on both kinds of rows."""
    data = (X, y) if weight is None else (X, y, weight)
    history = net.fit(
        *data[:2],
        sample_weight=weight,
        loss=loss,
        metrics=metrics,
        validation_data=data,
        optimizer=lm.SGD(0.0),
        epochs=1,
        verbose=False,
    )
    figures = net.evaluate(X, y, loss=loss, metrics=metrics, sample_weight=weight)
    for name, value in figures.items():
        # The loss is summed batch by batch in fit.
        assert history[name][0] == pytest.approx(value, rel=1e-6)
        assert history["val_" + name][0] == pytest.approx(value, rel=1e-12)
    return figures


def test_several_sigmoids_are_many_labels_whatever_their_targets_look_like() -> None:
    one_hot = np.eye(3)[CLASSES]
    names = ["accuracy", "label_accuracy", "f1", "roc_auc", "average_precision", "log_loss"]
    for loss in (None, "binary_focal", "mse"):
        for y in (LABELS, one_hot):
            net = one_layer(3, "sigmoid", dtype="float64")
            figures = in_fit_and_evaluate(net, y, names, loss)
            p = net.predict(X)
            right = (p > 0.5) == y
            assert figures["accuracy"] == pytest.approx(right.all(axis=1).mean())
            assert figures["label_accuracy"] == pytest.approx(right.mean())
            for name in names[2:]:
                function = getattr(lm.metrics, name)
                expected = function(y, p, task="multilabel")
                assert figures[name] == pytest.approx(expected)
    largest = lm.metrics.Metric("accuracy", task="multiclass")
    figures = in_fit_and_evaluate(net, one_hot, [largest])
    assert figures["accuracy"] == (p.argmax(axis=1) == CLASSES).mean()


def test_log_loss_and_mean_of_the_labels_losses_are_the_binary_cross_entropy() -> None:
    figures = in_fit_and_evaluate(one_layer(3, "sigmoid", dtype="float64"), LABELS, ["log_loss"])
    assert figures["log_loss"] == pytest.approx(figures["loss"])


def test_a_softmax_is_one_class_a_row_also_beside_one_hot_and_soft_targets() -> None:
    one_hot = np.eye(3)[CLASSES]
    soft = 0.9 * one_hot + 0.1 / 3
    for y in (CLASSES, CLASSES[:, None], one_hot, soft):
        for loss in ("cross_entropy", "focal", "kl_divergence", "mse"):
            if loss == "mse" and y.shape != (120, 3):
                continue
            net = one_layer(3, "softmax")
            figures = in_fit_and_evaluate(net, y, ["accuracy", "balanced_accuracy"], loss)
            assert figures["accuracy"] == (net.predict(X).argmax(axis=1) == CLASSES).mean()
    net = one_layer(3, "softmax", dtype="float64")
    figures = in_fit_and_evaluate(net, soft, ["log_loss"], "cross_entropy")
    assert figures["log_loss"] == pytest.approx(figures["loss"])


@pytest.mark.parametrize("loss", ["hinge", "squared_hinge"])
@pytest.mark.parametrize("last", ["identity", "tanh"])
@pytest.mark.parametrize("low", [-1, 0])
def test_hinge_losses_choose_above_0(loss: str, last: str, low: int) -> None:
    names = ["accuracy", "precision", "roc_auc"]
    for columns in (1, 3):
        y = np.where(LABELS[:, :columns] == 1, 1, low)
        net = one_layer(columns, last)
        figures = in_fit_and_evaluate(net, y, names, loss)
        p = net.predict(X)
        right = (p > 0) == (y == 1)
        assert figures["accuracy"] == right.all(axis=1).mean()
        assert figures["precision"] == lm.metrics.precision(y == 1, p, threshold=0.0)
        assert figures["roc_auc"] == lm.metrics.roc_auc(y == 1, p)
    # One class against the rest, by the largest margin.
    one_hot = np.where(np.eye(3)[CLASSES] == 1, 1, low)
    against_rest = lm.metrics.Metric("accuracy", task="multiclass")
    largest = in_fit_and_evaluate(net, one_hot, [against_rest], loss)["accuracy"]
    assert largest == (p.argmax(axis=1) == CLASSES).mean()
    # Rows of one sign alone are read in the same way.
    all_one = net.evaluate(X, np.ones((120, 3)), loss=loss, metrics=["label_accuracy"])
    assert all_one["label_accuracy"] == pytest.approx((p > 0).mean())


def test_one_output_without_a_loss_of_classes_is_chosen_between_its_targets() -> None:
    for last, y in (("tanh", 2 * LABELS[:, 0] - 1), ("identity", LABELS[:, 0])):
        net = one_layer(1, last)
        middle = 0.0 if last == "tanh" else 0.5
        figures = in_fit_and_evaluate(net, y, ["accuracy"], "mse")
        assert figures["accuracy"] == ((net.predict(X)[:, 0] > middle) == (y == 1)).mean()


def test_a_perceptron_is_scored_by_its_labels() -> None:
    unit = lm.Perceptron(max_epochs=3, averaged=True)
    for y in (LABELS[:, 0], 2 * LABELS[:, 0] - 1, np.array(["no", "yes"])[LABELS[:, 0]], CLASSES):
        with pytest.warns(UserWarning, match="not converged"):
            unit.fit(X, y)
        expected = (unit.predict(X) == y).mean()
        assert lm.metrics.accuracy(y, unit.predict(X)) == unit.score(X, y) == expected
        weight = np.arange(120.0)
        heavy = np.average(unit.predict(X) == y, weights=weight)
        assert unit.score(X, y, sample_weight=weight) == pytest.approx(heavy)
    with pytest.warns(UserWarning, match="not converged"):
        unit.fit(X, LABELS[:, 0])
    net = unit.to_network()
    figures = net.evaluate(X, LABELS[:, 0], metrics=["accuracy"])
    assert figures["accuracy"] == (unit.predict(X) == LABELS[:, 0]).mean()


def test_metrics_of_quantities_are_in_the_targets_units() -> None:
    rng = np.random.default_rng(2)
    counts = rng.poisson(2.0, 120) + 1.0
    for loss in ("poisson", "gamma", "tweedie"):
        net = one_layer(1, dtype="float64")
        figures = in_fit_and_evaluate(net, counts, ["rmse", "mae"], loss)
        rates = np.exp(net.predict(X)[:, 0])
        assert figures["rmse"] == pytest.approx(np.sqrt(((rates - counts) ** 2).mean()))
        assert figures["mae"] == pytest.approx(np.abs(rates - counts).mean())
    net = one_layer(1, "softplus", dtype="float64")
    figures = in_fit_and_evaluate(net, counts, ["mae"], lm.Poisson(log_input=False))
    assert figures["mae"] == pytest.approx(np.abs(net.predict(X)[:, 0] - counts).mean())
    net = one_layer(4, dtype="float64")
    both = rng.normal(size=(120, 2))
    figures = in_fit_and_evaluate(net, both, ["rmse", "r2"], "gaussian_nll")
    means = net.predict(X)[:, :2]
    assert figures["rmse"] == pytest.approx(np.sqrt(((means - both) ** 2).mean()))
    assert figures["r2"] == lm.metrics.r2(both, means)


def test_the_pinball_metric_has_the_levels_of_the_loss() -> None:
    y = X.sum(axis=1)
    for level in (0.9, [0.1, 0.5, 0.9]):
        net = one_layer(np.size(level), dtype="float64")
        figures = in_fit_and_evaluate(net, y, ["pinball"], lm.Quantile(level))
        assert figures["pinball"] == pytest.approx(figures["loss"])
    net = one_layer(1, dtype="float64")
    half = net.evaluate(X, y, metrics=["pinball", "mae"])
    assert half["pinball"] == pytest.approx(half["mae"] / 2)


def test_row_weights_count_in_lamina_s_metrics_and_in_functions_that_ask_for_them() -> None:
    weight = np.random.default_rng(3).random(120)

    def mine(y: Array, outputs: Array, sample_weight: Array) -> float:
        return float(np.average(outputs.argmax(axis=1) == y, weights=sample_weight))

    def plain(y: Array, outputs: Array) -> float:
        return float((outputs.argmax(axis=1) == y).mean())

    net = one_layer(3, "softmax")
    figures = in_fit_and_evaluate(net, CLASSES, ["accuracy", mine, plain], weight=weight)
    assert figures["accuracy"] == pytest.approx(figures["mine"])
    assert figures["accuracy"] != pytest.approx(figures["plain"])
    seen: list[Any] = []

    def asks(y: Array, outputs: Array, sample_weight: Any = 3) -> float:
        seen.append(sample_weight)
        return 0.0

    net.evaluate(X, CLASSES, metrics=[asks])
    assert seen == [None]


# Functions of users


@pytest.mark.parametrize(
    ("outputs", "last", "loss", "y", "shape"),
    [
        (3, "softmax", None, CLASSES, (120,)),
        (3, "softmax", None, CLASSES[:, None].tolist(), (120,)),
        (3, "softmax", None, np.eye(3)[CLASSES], (120, 3)),
        (1, "sigmoid", None, LABELS[:, 0].astype(bool), (120, 1)),
        (3, "sigmoid", None, LABELS, (120, 3)),
        (1, "identity", None, X.sum(axis=1), (120, 1)),
        (1, "identity", "hinge", LABELS[:, 0], (120, 1)),
        (2, "identity", "gaussian_nll", X.sum(axis=1), (120, 1)),
        (2, "identity", lm.Quantile((0.1, 0.9)), X.sum(axis=1), (120, 1)),
    ],
)
def test_functions_of_users_get_the_same_shapes_everywhere(
    outputs: int, last: str, loss: Any, y: Any, shape: tuple[int, ...]
) -> None:
    seen: list[Any] = []

    def note(y: Array, outputs: Array) -> float:
        seen.append((type(y), y.shape, y.dtype, outputs.shape))
        return 0.0

    in_fit_and_evaluate(one_layer(outputs, last), y, [note], loss)
    assert len(seen) == 3
    assert len(set(seen)) == 1
    assert seen[0][1] == shape
    assert seen[0][3] == (120, outputs)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (np.ones(3), r"an array of shape \(3,\)"),
        ("0.5", "'0.5'"),
        (None, "None"),
        (1j, "1j"),
        ([[1], []], r"\[\[1\], \[\]\]"),
    ],
)
def test_a_function_that_gives_no_number_is_told(value: Any, shown: str) -> None:
    def mine(y: Array, outputs: Array) -> Any:
        return value

    for run in (
        lambda: one_layer(1).evaluate(X, X[:, 0], metrics=[mine]),
        lambda: one_layer(1).fit(X, X[:, 0], metrics=[mine], epochs=1, verbose=False),
    ):
        with pytest.raises(TypeError, match=f"expected 'mine' to give a number, got {shown}"):
            run()


@pytest.mark.parametrize(
    "value", [float("nan"), np.float32("inf"), np.int64(3), np.array(2.5), True]
)
def test_any_number_is_a_figure_also_one_that_is_not_finite(value: Any) -> None:
    def mine(y: Array, outputs: Array) -> Any:
        return value

    history = one_layer(1).fit(X, X[:, 0], metrics=[mine], epochs=1, verbose=False)
    assert history["mine"] == pytest.approx([float(value)], nan_ok=True)
    assert type(history["mine"][0]) is float


def test_metrics_with_options_are_objects_or_partial_functions() -> None:
    micro = lm.metrics.Metric("f1", average="micro", name="f1_micro")
    figures = in_fit_and_evaluate(
        one_layer(3, "softmax"),
        CLASSES,
        [
            micro,
            functools.partial(lm.metrics.f1, average="weighted"),
            lm.metrics.recall,
        ],
    )
    assert list(figures) == ["loss", "f1_micro", "f1", "recall"]
    p = one_layer(3, "softmax").predict(X)
    assert figures["f1_micro"] == lm.metrics.f1(CLASSES, p, average="micro")
    assert figures["f1"] == lm.metrics.f1(CLASSES, p, average="weighted")
    again = pickle.loads(pickle.dumps(micro))
    assert again(CLASSES, p) == micro(CLASSES, p) == figures["f1_micro"]
    assert repr(micro) == "Metric('f1', name='f1_micro', mode='max', average='micro')"
    assert lm.metrics.Metric(micro, name="other").options == {"average": "micro"}


def test_scikit_learns_functions_can_be_metrics() -> None:
    sk = pytest.importorskip("sklearn.metrics")
    weight = np.random.default_rng(3).random(120)
    deviance = lm.metrics.Metric(sk.d2_absolute_error_score, name="d2", mode="max")
    figures = one_layer(1).evaluate(
        X, X.sum(axis=1), metrics=[deviance, sk.mean_absolute_error, "mae"], sample_weight=weight
    )
    # The weights are float32 in one and float64 in the other sum.
    assert figures["mean_absolute_error"] == pytest.approx(figures["mae"], rel=1e-6)
    assert figures["d2"] < 1.0


def test_evaluate_gives_confusion_matrices_and_figures_by_class() -> None:
    net = one_layer(3, "softmax")
    by_class = lm.metrics.Metric("recall", average=None, name="recalls")
    figures = net.evaluate(X, CLASSES, metrics=["confusion_matrix", by_class])
    matrix = figures["confusion_matrix"]
    np.testing.assert_array_equal(matrix, lm.metrics.confusion_matrix(CLASSES, net.predict(X)))
    np.testing.assert_allclose(figures["recalls"], matrix.diagonal() / matrix.sum(axis=1))


def test_figures_that_cannot_be_computed_are_nan_and_cost_no_training() -> None:
    # Rates beyond float64's range, and a validation set of one class.
    net = one_layer(1)
    net.set_parameters({"layers.0.weight": np.zeros((1, 3)), "layers.0.bias": np.array([800.0])})
    assert np.isnan(net.evaluate(X, np.ones(120), loss="poisson", metrics=["rmse"])["rmse"])
    history = one_layer(1, "sigmoid").fit(
        *(X, LABELS[:, 0]),
        validation_data=(X[:5], np.ones(5)),
        metrics=["roc_auc"],
        epochs=2,
        verbose=False,
    )
    assert np.isnan(history["val_roc_auc"]).all()
    assert np.isfinite(history["roc_auc"]).all()


def test_metrics_beside_a_loss_of_the_users_own_go_by_shapes() -> None:
    def cross_entropy(outputs: Array, y: Array) -> tuple[float, Array]:
        p = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        hot = np.eye(3)[y]
        return float(-(hot * np.log(p)).sum(axis=1).mean()), (p - hot) / len(y)

    net = one_layer(3)
    figures = in_fit_and_evaluate(net, CLASSES, ["accuracy"], cross_entropy)
    assert figures["accuracy"] == (net.predict(X).argmax(axis=1) == CLASSES).mean()
    with pytest.raises(ValueError, match="expected probabilities, after softmax or sigmoid"):
        net.evaluate(X, CLASSES, loss=cross_entropy, metrics=["log_loss"])


def test_full_batch_optimizers_record_metrics_of_every_iteration() -> None:
    x, y = value_data(outputs=1)
    for optimizer in (lm.LBFGS(5), lm.LevenbergMarquardt(5)):
        net = regressor(outputs=1)
        if isinstance(optimizer, lm.LBFGS):
            pytest.importorskip("scipy")
        history = net.fit(x, y, optimizer=optimizer, metrics=["r2"], verbose=False)
        assert history["r2"][-1] == pytest.approx(lm.metrics.r2(y, net.predict(x)))


def test_metrics_change_nothing_in_training() -> None:
    x, y = class_data()
    net, twin = classifier(dropout=0.5), classifier(dropout=0.5)
    names = ["accuracy", "f1", "roc_auc", "average_precision", "expected_calibration_error"]
    net.fit(x, y, epochs=2, metrics=names, validation_fraction=0.2, verbose=False)
    twin.fit(x, y, epochs=2, validation_fraction=0.2, verbose=False)
    assert bits(twin) == bits(net)
