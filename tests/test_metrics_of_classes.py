"""Metrics of classes and labels against scikit-learn's: ties, weights, classes without rows."""

import warnings
from typing import Any

import numpy as np
import pytest

import lamina as lm

sk = pytest.importorskip("sklearn.metrics")

# Sums of a few hundred float64 terms, taken in another order than scikit-learn's.
CLOSE = 1e-10
AVERAGES = ("macro", "micro", "weighted")
ONE_CLASS_A_ROW = {
    "accuracy": sk.accuracy_score,
    "balanced_accuracy": sk.balanced_accuracy_score,
    "matthews_correlation": sk.matthews_corrcoef,
}
BY_CLASS = {"precision": sk.precision_score, "recall": sk.recall_score, "f1": sk.f1_score}


@pytest.fixture(autouse=True)
def scikit_learn_may_warn() -> Any:
    """scikit-learn warns of classes without rows."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="sklearn")
        yield


def metric(name: str, *arguments: Any, **options: Any) -> Any:
    return getattr(lm.metrics, name)(*arguments, **options)


def cases(kind: str) -> list[Any]:
    """Targets, outputs on a coarse grid (so many ties), and weights, some 0, or None."""
    found = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        rows = int(rng.integers(3, 150))
        weight = rng.integers(0, 4, rows) * rng.random(rows) if seed % 2 else None
        if weight is not None:
            weight[:3] = 0.5
        if kind == "binary":
            y = rng.integers(0, 2, rows)
            y[:2] = [0, 1]
            found.append((y, rng.integers(0, 13, rows) / 12.0, weight))
        elif kind == "multiclass":
            count = int(rng.integers(3, 6))
            # Some classes have no rows.
            y = rng.choice(rng.permutation(count)[: max(2, count - seed % 3)], rows)
            p = rng.integers(1, 9, (rows, count)) / 8.0
            found.append((y, p / p.sum(axis=1, keepdims=True), weight))
        else:
            y = rng.integers(0, 2, (rows, 4))
            y[:2] = [[0, 1, 0, 1], [1, 0, 1, 0]]
            found.append((y, rng.integers(0, 13, (rows, 4)) / 12.0, weight))
    return found


BINARY, MULTICLASS, MULTILABEL = map(cases, ("binary", "multiclass", "multilabel"))


@pytest.mark.parametrize("name", ONE_CLASS_A_ROW)
def test_decisions_of_one_class_a_row_agree_with_scikit_learn(name: str) -> None:
    for y, p, w in BINARY:
        expected = ONE_CLASS_A_ROW[name](y, p > 0.5, sample_weight=w)
        assert metric(name, y, p, w) == pytest.approx(expected, abs=CLOSE)
        # A column, and the two columns of a softmax, say the same.
        assert metric(name, y[:, None], p[:, None], w) == pytest.approx(expected, abs=CLOSE)
        both = np.stack([1.0 - p, p], axis=1)
        assert metric(name, y, both, w) == pytest.approx(expected, abs=CLOSE)
    for y, p, w in MULTICLASS:
        expected = ONE_CLASS_A_ROW[name](y, p.argmax(axis=1), sample_weight=w)
        assert metric(name, y, p, w) == pytest.approx(expected, abs=CLOSE)


@pytest.mark.parametrize("name", BY_CLASS)
def test_precision_recall_and_f1_agree_with_scikit_learn_in_every_average(name: str) -> None:
    for y, p, w in BINARY:
        expected = BY_CLASS[name](y, p > 0.5, sample_weight=w)
        for average in ("auto", "binary"):
            assert metric(name, y, p, w, average=average) == pytest.approx(expected, abs=CLOSE)
    for y, p, w in [*BINARY, *MULTICLASS, *MULTILABEL]:
        chosen = p.argmax(axis=1) if y.ndim < p.ndim else (p > 0.5).astype(int)
        for average in AVERAGES:
            expected = BY_CLASS[name](y, chosen, average=average, sample_weight=w)
            assert metric(name, y, p, w, average=average) == pytest.approx(expected, abs=CLOSE)
        labels = range(p.shape[1]) if p.ndim > 1 else (0, 1)
        expected = BY_CLASS[name](y, chosen, average=None, labels=labels, sample_weight=w)
        np.testing.assert_allclose(metric(name, y, p, w, average=None), expected, atol=CLOSE)
    for y, p, w in [*MULTICLASS, *MULTILABEL]:
        assert metric(name, y, p, w) == metric(name, y, p, w, average="macro")


@pytest.mark.parametrize("normalize", [None, "true", "pred", "all"])
def test_confusion_matrices_agree_with_scikit_learn(normalize: Any) -> None:
    for y, p, w in BINARY:
        expected = sk.confusion_matrix(
            y, p > 0.5, labels=[0, 1], sample_weight=w, normalize=normalize
        )
        found = lm.metrics.confusion_matrix(y, p, w, normalize=normalize)
        np.testing.assert_allclose(found, expected, atol=CLOSE)
    for y, p, w in MULTICLASS:
        expected = sk.confusion_matrix(
            y, p.argmax(1), labels=range(p.shape[1]), sample_weight=w, normalize=normalize
        )
        found = lm.metrics.confusion_matrix(y, p, w, normalize=normalize)
        np.testing.assert_allclose(found, expected, atol=CLOSE)
        assert found.dtype == (np.int64 if w is None and normalize is None else np.float64)


def test_many_labels_have_a_confusion_matrix_each() -> None:
    for y, p, w in MULTILABEL:
        expected = sk.multilabel_confusion_matrix(y, p > 0.5, sample_weight=w)
        np.testing.assert_allclose(lm.metrics.confusion_matrix(y, p, w), expected, atol=CLOSE)


def test_many_labels_are_right_by_row_and_by_label() -> None:
    for y, p, w in MULTILABEL:
        chosen = (p > 0.5).astype(int)
        assert lm.metrics.accuracy(y, p, w) == pytest.approx(
            sk.accuracy_score(y, chosen, sample_weight=w), abs=CLOSE
        )
        assert lm.metrics.label_accuracy(y, p, w) == pytest.approx(
            1.0 - sk.hamming_loss(y, chosen, sample_weight=w), abs=CLOSE
        )
        losses = [sk.log_loss(y[:, k], p[:, k], sample_weight=w, labels=[0, 1]) for k in range(4)]
        assert lm.metrics.log_loss(y, p, w) == pytest.approx(np.mean(losses), abs=CLOSE)
        scores = [sk.brier_score_loss(y[:, k], p[:, k], sample_weight=w) for k in range(4)]
        assert lm.metrics.brier_score(y, p, w) == pytest.approx(np.mean(scores), abs=CLOSE)


@pytest.mark.parametrize("average", [*AVERAGES, None])
def test_areas_of_classes_and_labels_agree_with_scikit_learn(average: Any) -> None:
    for y, p, w in BINARY:
        for name, of in (
            ("roc_auc", sk.roc_auc_score),
            ("average_precision", sk.average_precision_score),
        ):
            expected = of(y, p, sample_weight=w)
            found = metric(name, y, p, w, average=average)
            np.testing.assert_allclose(np.squeeze(found), expected, atol=CLOSE)
    for y, p, w in MULTILABEL:
        for name, of in (
            ("roc_auc", sk.roc_auc_score),
            ("average_precision", sk.average_precision_score),
        ):
            expected = of(y, p, average=average, sample_weight=w)
            np.testing.assert_allclose(metric(name, y, p, w, average=average), expected, atol=CLOSE)
    for y, p, w in MULTICLASS:
        # scikit-learn refuses classes without rows, which lamina leaves out.
        there = np.unique(y if w is None else y[w > 0])
        if average is None or len(there) < p.shape[1]:
            continue
        expected = sk.roc_auc_score(y, p, average=average, sample_weight=w, multi_class="ovr")
        assert lm.metrics.roc_auc(y, p, w, average=average) == pytest.approx(expected, abs=CLOSE)
        expected = sk.average_precision_score(y, p, average=average, sample_weight=w)
        found = lm.metrics.average_precision(y, p, w, average=average)
        assert found == pytest.approx(expected, abs=CLOSE)


def test_classes_without_rows_are_left_out_of_mean_areas() -> None:
    y, p, _ = MULTICLASS[0]
    wider = np.hstack([p, np.zeros((len(p), 1))])
    for name in ("roc_auc", "average_precision"):
        assert metric(name, y, wider) == pytest.approx(metric(name, y, p), abs=CLOSE)
    y, p, _ = MULTILABEL[0]
    never = np.hstack([y, np.zeros((len(y), 1))])
    wider = np.hstack([p, p[:, :1]])
    assert lm.metrics.roc_auc(never, wider) == pytest.approx(lm.metrics.roc_auc(y, p), abs=CLOSE)
    areas = lm.metrics.roc_auc(never, wider, average=None)
    assert np.isnan(areas).tolist() == [False] * 4 + [True]


def test_a_label_that_never_holds_has_an_average_precision_of_0_as_in_scikit_learn() -> None:
    y, p, _ = MULTILABEL[0]
    never = y.copy()
    never[:, 2] = 0
    with pytest.warns(UserWarning, match="label 2 has no true rows, and counts as 0"):
        found = lm.metrics.average_precision(never, p)
    assert found == pytest.approx(sk.average_precision_score(never, p), abs=CLOSE)
    with pytest.warns(UserWarning, match="class 1 has no true rows"):
        assert lm.metrics.average_precision([0, 0], [0.2, 0.7]) == 0.0
    assert lm.metrics.average_precision([1, 1], [0.2, 0.7]) == 1.0
    with pytest.warns(UserWarning, match="label 0 has no true rows"):
        none = lm.metrics.average_precision(np.zeros((4, 2)), p[:4, :2], average="weighted")
    assert none == 0.0


@pytest.mark.parametrize("k", [1, 2, 3])
def test_top_k_accuracy_agrees_with_scikit_learn_also_in_ties(k: int) -> None:
    for y, p, w in MULTICLASS:
        if k >= p.shape[1]:
            continue
        expected = sk.top_k_accuracy_score(y, p, k=k, labels=range(p.shape[1]), sample_weight=w)
        assert lm.metrics.top_k_accuracy(y, p, w, k=k) == pytest.approx(expected, abs=CLOSE)


def test_top_k_accuracy_says_where_every_row_is_right() -> None:
    with pytest.warns(UserWarning, match="always among the 3 largest of 3"):
        assert lm.metrics.top_k_accuracy([0, 2], np.eye(3)[[1, 1]], k=3) == 1.0


def test_probabilities_of_classes_agree_with_scikit_learn() -> None:
    for y, p, w in BINARY:
        for given in (p, np.stack([1.0 - p, p], axis=1)):
            expected = sk.brier_score_loss(y, p, sample_weight=w)
            assert lm.metrics.brier_score(y, given, w) == pytest.approx(expected, abs=CLOSE)
            expected = sk.log_loss(y, p, sample_weight=w)
            assert lm.metrics.log_loss(y, given, w) == pytest.approx(expected, abs=CLOSE)
    for y, p, w in MULTICLASS:
        labels = range(p.shape[1])
        expected = sk.brier_score_loss(y, p, sample_weight=w, labels=labels)
        assert lm.metrics.brier_score(y, p, w) == pytest.approx(expected, abs=CLOSE)
        expected = sk.log_loss(y, p, sample_weight=w, labels=labels)
        assert lm.metrics.log_loss(y, p, w) == pytest.approx(expected, abs=CLOSE)


def test_log_loss_of_float32_keeps_its_rounding_unit_from_0_and_1() -> None:
    p = np.array([0.0, 1.0, 0.25], np.float32)
    # scikit-learn takes the logarithms in float32.
    assert lm.metrics.log_loss([1, 0, 1], p) == pytest.approx(
        sk.log_loss([1, 0, 1], p.astype(np.float32)), rel=1e-6
    )


def calibration_by_hand(confidence: Any, right: Any, weight: Any, bins: int) -> float:
    """Guo et al. 2017, equations 2 and 3, row by row."""
    total, error = float(np.sum(weight)), 0.0
    for k in range(bins):
        inside = [i for i, c in enumerate(confidence) if k / bins < c <= (k + 1) / bins]
        gap = sum(weight[i] * (float(right[i]) - confidence[i]) for i in inside)
        error += abs(gap) / total
    return error


@pytest.mark.parametrize("bins", [1, 8, 15])
def test_the_expected_calibration_error_is_that_of_its_definition(bins: int) -> None:
    for y, p, w in [*BINARY, *MULTICLASS, *MULTILABEL]:
        weight = np.ones(len(y)) if w is None else w
        found = lm.metrics.expected_calibration_error(y, p, w, bins=bins)
        if p.ndim > y.ndim:
            by_hand = calibration_by_hand(p.max(axis=1), p.argmax(axis=1) == y, weight, bins)
        else:
            by_hand = np.mean(
                [
                    calibration_by_hand(np.maximum(q, 1 - q), (q > 0.5) == t, weight, bins)
                    for t, q in zip(y.reshape(len(y), -1).T, p.reshape(len(p), -1).T, strict=True)
                ]
            )
        assert found == pytest.approx(by_hand, abs=CLOSE)
    y, p, _ = BINARY[0]
    both = lm.metrics.expected_calibration_error(y, np.stack([1 - p, p], axis=1), bins=bins)
    assert both == pytest.approx(lm.metrics.expected_calibration_error(y, p, bins=bins), abs=CLOSE)


@pytest.mark.parametrize("label", [0, 1])
def test_rows_of_one_class_alone_have_the_figures_of_scikit_learn(label: int) -> None:
    y, p = np.full(6, label), np.array([0.1, 0.4, 0.5, 0.6, 0.7, 0.9])
    for name, of in (ONE_CLASS_A_ROW | BY_CLASS).items():
        assert metric(name, y, p) == pytest.approx(of(y, p > 0.5), abs=CLOSE)
    assert np.isnan(lm.metrics.roc_auc(y, p))
    assert np.isnan(sk.roc_auc_score(y, p))
    assert lm.metrics.brier_score(y, p) == pytest.approx(np.mean((p - label) ** 2), abs=CLOSE)
    # Chosen for one class alone, there is no correlation, however the weights round.
    w = np.array([0.1, 0.2, 0.3, 0.7, 0.7, 0.7])
    assert lm.metrics.matthews_correlation([0, 1, 0, 1, 0, 1], np.full(6, 0.9), w) == 0.0


# What the arguments may be


def test_signs_are_two_classes_that_are_told_apart_at_0() -> None:
    y, margins = np.array([-1, 1, 1, -1]), np.array([-0.2, 0.3, -0.1, 0.2])
    assert lm.metrics.accuracy(y, margins) == 0.5
    assert lm.metrics.accuracy((y + 1) // 2, margins, threshold=0.0) == 0.5
    assert lm.metrics.roc_auc(y, margins) == sk.roc_auc_score(y, margins)
    many = np.stack([y, -y], axis=1)
    assert lm.metrics.label_accuracy(many, np.stack([margins, -margins], axis=1)) == 0.5


def test_a_threshold_moves_the_decisions_of_two_classes_and_of_labels() -> None:
    y, p, _ = BINARY[2]
    expected = sk.recall_score(y, p > 0.25)
    assert lm.metrics.recall(y, p, threshold=0.25) == expected
    assert lm.metrics.recall(y, np.stack([1 - p, p], axis=1), threshold=0.25) == expected
    y, p, _ = MULTILABEL[2]
    assert lm.metrics.f1(y, p, threshold=0.7) == sk.f1_score(y, p > 0.7, average="macro")
    y, p, _ = MULTICLASS[2]
    with pytest.raises(ValueError, match="accuracy: expected no threshold for"):
        lm.metrics.accuracy(y, p, threshold=0.7)


def test_whole_numbers_booleans_and_texts_are_classes_that_were_chosen_already() -> None:
    y, p, w = MULTICLASS[1]
    for name, of in ONE_CLASS_A_ROW.items():
        expected = of(y, p.argmax(1), sample_weight=w)
        assert metric(name, y, p.argmax(1), w) == pytest.approx(expected, abs=CLOSE)
        texts = np.array(["ox", "cow", "ape", "bee", "yak"])
        names = texts[y].tolist(), texts[p.argmax(1)].astype(object)
        assert metric(name, *names, w) == pytest.approx(expected, abs=CLOSE)
    y, p, _ = BINARY[0]
    assert lm.metrics.f1(y.astype(bool), p > 0.5) == sk.f1_score(y, p > 0.5)
    assert lm.metrics.precision([-1, 1, 1], [-1, 1, -1]) == 1.0
    with pytest.raises(ValueError, match="expected classes 0 and 1, or -1 and 1, got 1 and 2"):
        lm.metrics.precision([1, 2, 2], [1, 1, 2])
    assert lm.metrics.precision([1, 2, 2], [1, 1, 2], average="macro") == 0.75


def test_lists_columns_and_series_are_the_same_as_arrays() -> None:
    pandas = pytest.importorskip("pandas")
    y, p, w = BINARY[1]
    for name in ("accuracy", "f1", "roc_auc", "log_loss", "brier_score"):
        expected = metric(name, y, p, w)
        series = [pandas.Series(part, index=range(7, 7 + len(y))) for part in (y, p, w)]
        assert metric(name, *series) == expected
        assert metric(name, y.tolist(), p.tolist(), w.tolist()) == expected
        assert metric(name, y[:, None].astype(bool), p[:, None], w) == expected


def test_soft_targets_count_by_their_share_in_probabilities_and_by_the_largest_in_decisions() -> (
    None
):
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(3), 40)
    soft = rng.dirichlet(np.ones(3), 40)
    assert lm.metrics.accuracy(soft, p) == (soft.argmax(1) == p.argmax(1)).mean()
    assert lm.metrics.log_loss(soft, p) == pytest.approx(-(soft * np.log(p)).sum(1).mean())
    assert lm.metrics.brier_score(soft, p) == pytest.approx(((soft - p) ** 2).sum(1).mean())
    one, q = soft[:, 0], p[:, 0]
    entropy = -(one * np.log(q) + (1 - one) * np.log(1 - q)).mean()
    assert lm.metrics.log_loss(one, q) == pytest.approx(entropy)
    assert lm.metrics.accuracy(one, q) == ((one > 0.5) == (q > 0.5)).mean()


def test_a_task_is_what_it_is_said_to_be() -> None:
    y = np.eye(3)[[0, 1, 2, 0]]
    p = np.array([[0.4, 0.3, 0.3], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6], [0.1, 0.8, 0.1]])
    # One-hot rows beside probabilities that add up are one class a row.
    assert lm.metrics.accuracy(y, p) == lm.metrics.accuracy(y, p, task="multiclass") == 0.75
    assert lm.metrics.accuracy(y, p, task="multilabel") == 0.5
    # Beside others they are labels, as any matrix of 0 and 1.
    assert lm.metrics.accuracy(y, p * 1.2) == sk.accuracy_score(y, p * 1.2 > 0.5)
    assert lm.metrics.accuracy(y, p * 1.2, task="multiclass") == 0.75


@pytest.mark.parametrize(
    ("name", "y", "p", "options", "sentence"),
    [
        ("accuracy", [0, 1, 3], np.eye(3), {}, "class indices 0 to 2 in y_true .*, got 3"),
        ("accuracy", [0, 1, 1.5], np.eye(3), {}, "class indices 0 to 2 in y_true .*, got 1.5"),
        ("accuracy", [0, np.nan], [0.1, 0.2], {}, "finite numbers in y_true, got nan in row 1"),
        ("roc_auc", [0, 1], [0.1, np.nan], {}, "finite numbers in y_pred, got nan in row 1"),
        ("accuracy", ["a", "b"], [0.1, 0.2], {}, "expected numbers in y_true, got text"),
        ("accuracy", ["a", "b"], [0, 1], {}, "expected texts in both y_true and y_pred"),
        ("log_loss", [0, 1], ["a", "b"], {}, "expected numbers in y_pred, got text"),
        ("log_loss", [0, 1], [0.1, 1.2], {}, "probabilities between 0 and 1 in y_pred, got 1.2"),
        ("brier_score", [0, 1], [-0.5, 0.2], {}, "between 0 and 1 in y_pred, got -0.5"),
        ("f1", [0, 2], np.eye(3)[:2], {"average": "binary"}, "two classes for average='binary'"),
        ("f1", [0, 1], [0.1, 0.9], {"average": "mean"}, "average auto, binary, macro"),
        ("f1", [0, 1], [0.1, 0.9], {"task": "labels"}, "task binary, multiclass, multilabel"),
        ("f1", [0, 1], [0.1, 0.9], {"threshold": "half"}, "threshold as a number"),
        ("balanced_accuracy", [[0, 1], [1, 1]], np.eye(2) / 3, {}, "got many labels at once"),
        ("label_accuracy", [0, 1, 2], np.eye(3), {}, "got one class a row; take accuracy"),
        ("roc_auc", [0, 1], [0.1, 0.9], {"average": "binary"}, "average macro, micro, weighted"),
        ("top_k_accuracy", [0, 1, 2], np.eye(3), {"k": 0}, "expected k of at least 1"),
        ("expected_calibration_error", [0], [0.5], {"bins": 1.5}, "bins as a whole number"),
        ("accuracy", [[0, 0.5], [1, 1]], np.eye(2), {}, "give task='multilabel'"),
        ("accuracy", [[1], [1, 0]], np.eye(2), {}, "rows of unequal lengths"),
        ("accuracy", [1j], [0.5], {}, "expected numbers in y_true, got complex numbers"),
        ("accuracy", np.zeros((1, 1, 1)), [0.5], {}, r"shape \[rows\] or \[rows, outputs\]"),
    ],
)
def test_arguments_that_are_wrong_are_told_in_one_sentence(
    name: str, y: Any, p: Any, options: Any, sentence: str
) -> None:
    with pytest.raises((ValueError, TypeError), match=f"{name}: .*{sentence}"):
        metric(name, y, p, **options)


def test_probabilities_that_do_not_add_up_are_told() -> None:
    with pytest.warns(UserWarning, match="each row in y_pred to sum to 1, got 1.5 in row 1"):
        lm.metrics.log_loss([0, 1], [[0.5, 0.5], [0.5, 1.0]])
    # The rounding of float32, in float64, is not.
    p = np.random.default_rng(0).dirichlet(np.ones(9), 50).astype(np.float32).astype(np.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        lm.metrics.log_loss(np.arange(50) % 9, p)


def test_weights_of_any_size_give_the_same_figures() -> None:
    y, p, w = BINARY[1]
    for name in ("accuracy", "f1", "roc_auc", "average_precision", "log_loss", "brier_score"):
        expected = metric(name, y, p, w)
        for size in (1e-300, 1e300):
            assert metric(name, y, p, w * size) == pytest.approx(expected, rel=1e-9)
