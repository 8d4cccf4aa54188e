"""Metrics of quantities against scikit-learn's."""

from typing import Any

import numpy as np
import pytest

import lamina as lm

sk = pytest.importorskip("sklearn.metrics")

# Sums of a hundred float64 terms, taken in another order than scikit-learn's.
CLOSE = 1e-10
EQUAL = {
    "mean_squared_error": sk.mean_squared_error,
    "mean_absolute_error": sk.mean_absolute_error,
    "mean_absolute_percentage_error": sk.mean_absolute_percentage_error,
    "median_absolute_error": sk.median_absolute_error,
    "r2": sk.r2_score,
    "pinball": sk.mean_pinball_loss,
}


def cases() -> list[Any]:
    """Targets and predictions, some of them tied or whole, and weights, some of them 0, or None."""
    found = []
    for seed in range(16):
        rng = np.random.default_rng(seed)
        shape = (int(rng.integers(2, 100)), *([3] if seed % 4 == 3 else []))
        y, p = rng.normal(size=shape), rng.normal(size=shape)
        if seed % 2:
            y, p = y.round(1), p.round(1)
        weight = rng.integers(0, 3, shape[0]).astype(float) if seed % 3 else None
        if weight is not None:
            weight[:2] = 1.0
            weight *= rng.random(shape[0]) if seed % 3 == 2 else 1.0
        found.append((y, p, weight))
    return found


@pytest.mark.parametrize("name", EQUAL)
def test_metrics_of_quantities_agree_with_scikit_learn(name: str) -> None:
    for y, p, w in cases():
        expected = EQUAL[name](y, p, sample_weight=w)
        found = getattr(lm.metrics, name)(y, p, w)
        assert found == pytest.approx(expected, rel=CLOSE, abs=CLOSE)


def test_root_mean_squared_error_is_the_root_of_the_mean_over_all_outputs() -> None:
    for y, p, w in cases():
        expected = np.sqrt(sk.mean_squared_error(y, p, sample_weight=w))
        assert lm.metrics.root_mean_squared_error(y, p, w) == pytest.approx(expected, abs=CLOSE)


@pytest.mark.parametrize("level", [0.0, 0.1, 0.9, 1.0])
def test_the_pinball_loss_has_a_level(level: float) -> None:
    for y, p, w in cases():
        expected = sk.mean_pinball_loss(y, p, sample_weight=w, alpha=level)
        assert lm.metrics.pinball(y, p, w, level=level) == pytest.approx(expected, abs=CLOSE)


def test_the_pinball_loss_of_several_levels_is_their_mean() -> None:
    rng = np.random.default_rng(0)
    y, p, w = rng.normal(size=30), rng.normal(size=(30, 3)), rng.random(30)
    levels = (0.1, 0.5, 0.9)
    each = [
        sk.mean_pinball_loss(y, p[:, k], alpha=level, sample_weight=w)
        for k, level in enumerate(levels)
    ]
    assert lm.metrics.pinball(y, p, w, level=levels) == pytest.approx(np.mean(each), abs=CLOSE)


def test_the_median_of_equal_weights_lies_between_two_rows() -> None:
    y, p = np.zeros(4), np.array([1.0, 2.0, 4.0, 9.0])
    assert lm.metrics.median_absolute_error(y, p) == 3.0
    assert lm.metrics.median_absolute_error(y, p, [1, 1, 0, 2]) == 5.5
    assert lm.metrics.median_absolute_error(y, p, [0, 0, 3, 0]) == 4.0


def test_whole_numbers_booleans_lists_and_columns_are_the_same() -> None:
    y, p = [1, 0, 1], [[1], [1], [0]]
    assert lm.metrics.mean_absolute_error(y, p) == pytest.approx(2 / 3)
    assert lm.metrics.mean_absolute_error(np.array(y, bool), np.array(p, np.uint8)) == (
        lm.metrics.mean_absolute_error(y, p)
    )


@pytest.mark.parametrize(
    ("name", "arguments", "options", "sentence"),
    [
        ("r2", ([1.0, np.inf], [1.0, 2.0]), {}, "finite numbers in y_true, got inf in row 1"),
        ("r2", (["a"], [1.0]), {}, "expected numbers in y_true, got text"),
        ("r2", ([1.0, 2.0], [1.0]), {}, r"y_pred of shape \(2, 1\) like y_true, got \(1, 1\)"),
        ("r2", ([1.0], [1.0], [-1.0]), {}, "finite weights of at least 0, not all 0"),
        ("r2", ([1.0], [1.0], ["a"]), {}, "expected numbers in sample_weight, got text"),
        ("pinball", ([1.0], [1.0]), {"level": 1.5}, r"level in \[0, 1\]"),
        ("pinball", ([1.0], [1.0]), {"level": [0.1, 0.9]}, "expected 2 columns in y_pred"),
        ("pinball", ([1.0], [1.0]), {"level": "low"}, r"level in \[0, 1\]"),
        ("r2", ([1.0, None], [1.0, 2.0]), {}, "such as None in row 1"),
        ("r2", (np.ma.array([1.0, 2.0], mask=[0, 1]), [1.0, 2.0]), {}, "got masked values"),
        ("r2", (np.array(["2020-01-01"], "M8[D]"), [1.0]), {}, "expected numbers .* got dates"),
    ],
)
def test_arguments_that_are_wrong_are_told_in_one_sentence(
    name: str, arguments: Any, options: Any, sentence: str
) -> None:
    with pytest.raises((ValueError, TypeError), match=f"{name}: .*{sentence}"):
        getattr(lm.metrics, name)(*arguments, **options)
