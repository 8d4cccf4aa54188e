"""Metrics against scikit-learn's, over random labels, ties and weights."""

import math
from dataclasses import is_dataclass

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

sk = pytest.importorskip("sklearn.metrics")
import lamina as lm  # noqa: E402
from lamina.metrics._metric import METRICS  # noqa: E402

# Sums of a few hundred float64 terms, taken in another order than scikit-learn's.
CLOSE = 1e-10


@st.composite
def binary_case(draw):
    """Labels with both classes, scores on a coarse grid (so many ties), positive weights."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    rows = draw(st.integers(2, 200))
    y = rng.integers(0, 2, rows)
    y[:2] = [0, 1]
    scores = rng.integers(0, draw(st.integers(1, 12)) + 1, rows) / 12.0
    weight = rng.random(rows) + 0.01 if draw(st.booleans()) else None
    return y, scores, weight


@given(binary_case())
@settings(max_examples=60, deadline=None)
def test_binary_metrics_agree_with_scikit_learn(case):
    y, p, w = case
    assert METRICS["roc_auc"](y, p, w) == pytest.approx(
        sk.roc_auc_score(y, p, sample_weight=w), abs=CLOSE
    )
    assert METRICS["accuracy"](y, p, w) == pytest.approx(
        sk.accuracy_score(y, p > 0.5, sample_weight=w), abs=CLOSE
    )
    assert METRICS["log_loss"](y, p, w) == pytest.approx(
        sk.log_loss(y, p, sample_weight=w), abs=CLOSE
    )


@given(st.integers(0, 2**32), st.integers(3, 6), st.booleans())
@settings(max_examples=40, deadline=None)
def test_many_class_metrics_agree_with_scikit_learn(seed, classes, weighted):
    rng = np.random.default_rng(seed)
    y = np.concatenate([np.arange(classes), rng.integers(0, classes, 80)])
    p = rng.random((len(y), classes)).round(2) + 0.01
    p /= p.sum(axis=1, keepdims=True)
    w = rng.random(len(y)) + 0.01 if weighted else None
    assert METRICS["accuracy"](y, p, w) == pytest.approx(
        sk.accuracy_score(y, p.argmax(1), sample_weight=w), abs=CLOSE
    )
    assert METRICS["log_loss"](y, p, w) == pytest.approx(
        sk.log_loss(y, p, sample_weight=w), abs=CLOSE
    )
    one_versus_rest = [sk.roc_auc_score(y == k, p[:, k], sample_weight=w) for k in range(classes)]
    assert METRICS["roc_auc"](y, p, w) == pytest.approx(np.mean(one_versus_rest), abs=CLOSE)


@given(st.integers(0, 2**32), st.integers(2, 100), st.booleans())
@settings(max_examples=40, deadline=None)
def test_regression_metrics_agree_with_scikit_learn(seed, rows, weighted):
    rng = np.random.default_rng(seed)
    y, p = rng.normal(size=rows), rng.normal(size=rows)
    w = rng.random(rows) + 0.01 if weighted else None
    assert METRICS["rmse"](y, p, w) == pytest.approx(
        sk.root_mean_squared_error(y, p, sample_weight=w)
    )
    assert METRICS["mae"](y, p, w) == pytest.approx(sk.mean_absolute_error(y, p, sample_weight=w))
    assert METRICS["r2"](y, p, w) == pytest.approx(sk.r2_score(y, p, sample_weight=w))


def test_r2_of_a_constant_target_is_one_when_exact_and_zero_otherwise():
    y = np.full(5, 2.0)
    assert METRICS["r2"](y, y, None) == 1.0
    assert METRICS["r2"](y, y + 1.0, None) == 0.0
    # Weights whose mean of the targets rounds.
    weight = np.array([0.1, 0.2, 0.3, 0.7, 0.0])
    y = np.array([0.3, 0.3, 0.3, 0.3, 9.0])
    assert METRICS["r2"](y, y + 1.0, weight) == 0.0
    assert math.isnan(METRICS["r2"]([1.0], [2.0], None))
    with pytest.warns(UserWarning, match="less than two samples"):
        assert math.isnan(sk.r2_score([1.0], [2.0]))


def test_an_integer_weight_counts_like_that_many_copies_of_the_row():
    rng = np.random.default_rng(1)
    y, p = rng.integers(0, 2, 30), rng.integers(0, 5, 30) / 5.0
    y[:2] = [0, 1]
    copies = rng.integers(1, 4, 30)
    for name in ("accuracy", "f1", "roc_auc", "average_precision", "log_loss", "ece", "mcc"):
        assert METRICS[name](y, p, copies) == pytest.approx(
            METRICS[name](np.repeat(y, copies), np.repeat(p, copies), None), abs=CLOSE
        )


def test_log_loss_stays_finite_when_the_true_class_got_probability_zero():
    assert math.isfinite(METRICS["log_loss"]([1, 0], np.array([0.0, 1.0], np.float32), None))


def test_area_is_not_a_number_when_only_one_class_is_there():
    assert math.isnan(METRICS["roc_auc"]([1, 1], [0.2, 0.4], None))


@pytest.mark.parametrize(
    ("name", "y", "p", "w", "sentence"),
    [
        ("accuracy", [0, 1, 1], [0.1, 0.2], None, "expected 2 labels, got 3"),
        ("accuracy", [0, 2], [0.1, 0.2], None, "expected class indices 0 to 1"),
        ("accuracy", [0, 1], [0.1, 0.2], [1.0], "expected 2 sample weights"),
        ("accuracy", [0, 1], [0.1, 0.2], [0.0, 0.0], "not all 0"),
        ("rmse", [0.0, 1.0], [0.1], None, r"expected y_pred of shape \(2, 1\)"),
        ("rmse", [], [], None, "at least one row"),
    ],
)
def test_arguments_that_do_not_agree_raise_one_sentence(name, y, p, w, sentence):
    with pytest.raises(ValueError, match=sentence):
        METRICS[name](y, p, w)


@pytest.mark.parametrize("name", lm.metrics.__all__)
def test_every_public_name_is_documented(name):
    value = getattr(lm.metrics, name)
    assert value.__doc__
    if is_dataclass(value):
        assert not value.__doc__.startswith(f"{name}("), "the signature is no docstring"


def test_metrics_of_very_many_classes_take_no_square_of_them():
    # The matrix of 200,000 classes would take 320 GB.
    y, chosen = np.arange(200_000), np.arange(200_000) // 2
    for name in ("accuracy", "balanced_accuracy", "matthews_correlation", "precision", "f1"):
        assert abs(METRICS[name](y, chosen, None)) < 1e-4
