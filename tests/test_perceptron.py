"""The perceptron: Rosenblatt's rule, Novikoff's bound, and what it cannot learn."""

import os
import signal
import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import lamina as lm
from networks import class_data, same_for_any_threads

pytestmark = pytest.mark.kernels

Array = npt.NDArray[Any]
CORNERS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
AND, OR, XOR = (np.array(t) for t in ([0, 0, 0, 1], [0, 1, 1, 1], [0, 1, 1, 0]))


def separable(rows: int, inputs: int, gap: float, seed: int) -> tuple[Array, Array, float]:
    """Rows at least `gap` away from a plane through (0, 1); labels; (R / gamma)^2 of that plane."""
    random = np.random.default_rng(seed)
    normal = random.normal(size=inputs + 1)
    normal[-1] *= 0.3  # so that the plane passes among the rows
    normal /= np.linalg.norm(normal)
    x = random.uniform(-3.0, 3.0, (50 * rows, inputs))
    lifted = np.hstack([x, np.ones((len(x), 1))])
    distance = lifted @ normal
    chosen = np.flatnonzero(np.abs(distance) > gap)[:rows]
    gamma = np.abs(distance[chosen]).min()
    radius = np.linalg.norm(lifted[chosen], axis=1).max()
    return x[chosen], (distance[chosen] > 0).astype(int), (radius / gamma) ** 2


def written_out(x: Array, y: Array, epochs: int, margin: float = 0.0) -> tuple[Array, float, int]:
    """Rosenblatt's rule in plain Python, rows in their order."""
    w, b, updates = np.zeros(x.shape[1]), 0.0, 0
    for _ in range(epochs):
        for row, label in zip(x, y, strict=True):
            side = 1.0 if label else -1.0
            if side * (w @ row + b) <= margin:
                w, b, updates = w + side * row, b + side, updates + 1
    return w, b, updates


@pytest.mark.parametrize("labels", [AND, OR], ids=["and", "or"])
def test_a_unit_learns_and_and_or(labels: Array) -> None:
    unit = lm.Perceptron().fit(CORNERS, labels)
    assert unit.converged
    np.testing.assert_array_equal(unit.predict(CORNERS), labels)


def test_no_unit_learns_xor_since_no_line_separates_it() -> None:
    # w.x + b must be <= 0 at (0, 0) and (1, 1), so w.(1, 1) + 2 b <= 0; and > 0 at (0, 1) and
    # (1, 0), so w.(1, 1) + 2 b > 0: both cannot be. A hidden layer bends the line.
    with pytest.warns(UserWarning, match=r"not converged: \d of 4 rows .* epoch 1000; perhaps no"):
        unit = lm.Perceptron().fit(CORNERS, XOR)
    assert not unit.converged
    assert unit.epochs == 1000
    assert (unit.predict(CORNERS) != XOR).any()
    net = lm.Sequential([lm.Dense(8, "tanh"), lm.Dense(1, "sigmoid")], inputs=2)
    net.fit(CORNERS, XOR, optimizer=lm.Adam(0.1), epochs=200, verbose=False)
    np.testing.assert_array_equal(net.predict(CORNERS)[:, 0] > 0.5, XOR)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("gap", [0.05, 0.5])
@pytest.mark.parametrize("inputs", [1, 2, 20])
def test_separable_data_need_no_more_updates_than_novikoff_proved(
    inputs: int, gap: float, seed: int
) -> None:
    x, y, bound = separable(200, inputs, gap, seed)
    unit = lm.Perceptron(seed=seed, max_epochs=int(bound) + 2).fit(x, y)
    assert unit.converged
    assert 0 < unit.updates <= bound
    assert unit.mistakes == unit.updates
    np.testing.assert_array_equal(unit.predict(x), y)


@pytest.mark.parametrize("margin", [0.5, 5.0])
@pytest.mark.parametrize("rate", [0.1, 1.0])
def test_with_a_margin_the_bound_grows_and_rows_keep_their_distance(
    rate: float, margin: float
) -> None:
    x, y, bound = separable(200, 3, 0.3, 0)
    gamma = np.sqrt((np.linalg.norm(np.hstack([x, np.ones((200, 1))]), axis=1).max() ** 2) / bound)
    unit = lm.Perceptron(margin=margin, learning_rate=rate, max_epochs=10**6).fit(x, y)
    assert unit.converged
    assert unit.updates <= bound + 2.0 * margin / (rate * gamma**2)
    assert unit.mistakes <= unit.updates
    distances = np.where(y == 1, 1, -1) * unit.decision_function(x)
    assert distances.min() > margin


def test_the_weights_are_those_of_the_rule_written_out() -> None:
    x, labels = class_data(rows=150, classes=2)
    x = np.round(x.astype(np.float64) * 8)  # whole numbers: every sum is exact
    w, b, updates = written_out(x, labels, epochs=7)
    with pytest.warns(UserWarning, match="not converged"):
        unit = lm.Perceptron(shuffle=False, max_epochs=7).fit(x, labels)
    np.testing.assert_array_equal(unit.weights, w)
    assert (unit.bias, unit.updates) == (b, updates)


def test_the_averaged_weights_are_the_mean_over_all_rows_seen() -> None:
    x, labels = class_data(rows=40, classes=2)
    x = np.round(x.astype(np.float64) * 8)
    seen = []
    for rows in range(1, 81):
        order = np.arange(rows) % 40
        seen.append(written_out(x[order], labels[order], epochs=1)[0])
    with pytest.warns(UserWarning, match="not converged"):
        unit = lm.Perceptron(shuffle=False, max_epochs=2, averaged=True).fit(x, labels)
    np.testing.assert_allclose(unit.weights, np.mean(seen, axis=0), rtol=1e-12)


def test_averaging_is_steadier_where_classes_overlap() -> None:
    random = np.random.default_rng(0)
    y = random.integers(0, 2, 4000)
    x = random.normal(size=(4000, 5)) + 0.7 * y[:, None]

    def accuracy(averaged: bool, seed: int) -> float:
        with pytest.warns(UserWarning, match="not converged"):
            unit = lm.Perceptron(averaged=averaged, seed=seed, max_epochs=5).fit(x[:2000], y[:2000])
        return float((unit.predict(x[2000:]) == y[2000:]).mean())

    plain, mean = (np.array([accuracy(a, s) for s in range(5)]) for a in (False, True))
    assert mean.mean() > plain.mean() + 0.03
    assert mean.std() < plain.std()


def test_without_a_bias_the_line_goes_through_the_origin() -> None:
    x = np.array([[1.0, 2.0], [-1.0, -2.5], [2.0, 0.5]])
    unit = lm.Perceptron(fit_bias=False).fit(x, [1, 0, 1])
    assert unit.converged
    assert unit.bias == 0.0
    assert unit.line()[1] == 0.0


def test_the_line_separates_the_classes() -> None:
    x, y, _ = separable(100, 2, 0.2, 1)
    unit = lm.Perceptron().fit(x, y)
    slope, intercept = unit.line()
    above = x[:, 1] > slope * x[:, 0] + intercept
    np.testing.assert_array_equal(above == (unit.weights[1] > 0), y == 1)


def test_a_vertical_line_is_told_by_where_it_stands() -> None:
    unit = lm.Perceptron().fit([[0, 0], [4, 0]], [0, 1])
    slope, intercept = unit.line()
    assert slope == np.inf
    assert 0 < intercept < 4


@pytest.mark.parametrize(
    "labels", [(-1, 1), (3, 8), (False, True), ("no", "yes"), (0.5, 1.5)], ids=str
)
def test_any_two_labels_are_taken(labels: tuple[Any, Any]) -> None:
    y = np.array(labels)[OR]
    unit = lm.Perceptron().fit(CORNERS, y)
    np.testing.assert_array_equal(unit.predict(CORNERS), y)
    assert unit.classes.tolist() == list(labels)


def test_several_classes_get_a_unit_each() -> None:
    corners = np.array([[0, 10], [10, -10], [-10, -10], [10, 10.0]])
    y = np.random.default_rng(0).integers(0, 4, 200)
    x = corners[y] + np.random.default_rng(1).normal(size=(200, 2))
    names = np.array(["a", "b", "c", "d"])[y]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        unit = lm.Perceptron().fit(x, names)
    assert unit.weights.shape == (4, 2)
    assert unit.bias.shape == unit.updates.shape == unit.mistakes.shape == (4,)
    assert unit.decision_function(x).shape == (200, 4)
    assert (unit.predict(x) == names).mean() > 0.95
    with pytest.raises(ValueError, match="expected two inputs and two classes"):
        unit.line()


def test_a_unit_of_several_classes_is_the_one_trained_alone() -> None:
    x, y = class_data(rows=60, classes=3)
    with pytest.warns(UserWarning, match="not converged"):
        several = lm.Perceptron(max_epochs=5).fit(x, y)
    with pytest.warns(UserWarning, match="not converged"):
        alone = lm.Perceptron(max_epochs=5).fit(x, y == 1)
    np.testing.assert_array_equal(several.weights[1], alone.weights)


@pytest.mark.parametrize("classes", [2, 3])
def test_its_network_can_be_saved_and_predicts_the_same(classes: int, tmp_path: Path) -> None:
    x, y = class_data(rows=60, classes=classes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        unit = lm.Perceptron(max_epochs=20).fit(x, y)
    unit.to_network().save(tmp_path / "unit.lamina")
    outputs = lm.load(tmp_path / "unit.lamina").predict(x)
    chosen = outputs[:, 0].astype(int) if classes == 2 else outputs.argmax(axis=1)
    np.testing.assert_array_equal(unit.classes[chosen], unit.predict(x))


def test_the_same_seed_gives_the_same_weights_for_any_number_of_threads() -> None:
    x, y, _ = separable(300, 30, 0.1, 0)

    def weights(seed: int = 5) -> bytes:
        return lm.Perceptron(seed=seed).fit(x, y).weights.tobytes()

    assert same_for_any_threads(weights)
    assert weights(seed=6) != weights()


BAD = {
    "one class": ((CORNERS, [1, 1, 1, 1]), {}, ValueError, "expected at least two classes in y"),
    "rows": ((CORNERS, [0, 1]), {}, ValueError, "expected y for 4 rows as X has"),
    "nan in y": (
        (CORNERS, [0, 1, np.nan, 1]),
        {},
        ValueError,
        "finite labels in y, got nan in row 2",
    ),
    "values": ((CORNERS, [0.1, 0.2, 0.3, 0.4]), {}, ValueError, "not whole numbers"),
    "nan in X": (([[np.nan], [1.0]], [0, 1]), {}, ValueError, "finite numbers in X, got nan"),
    "ragged X": (([[1], [1, 2]], [0, 1]), {}, ValueError, "got rows of unequal lengths$"),
    "ragged y": ((CORNERS, [[1], [1, 2], 3, 4]), {}, ValueError, "got rows of unequal lengths$"),
    "text X": (([["a"], ["b"]], [0, 1]), {}, TypeError, "expected numbers in X, got text"),
    "no rows": ((CORNERS[:0], []), {}, ValueError, "expected at least one row"),
    "overflow": (([[1e308], [-1e308], [1e308]], [0, 1, 1]), {}, lm.NotFiniteError, "scale the inp"),
    "rate": ((CORNERS, AND), {"learning_rate": 0}, ValueError, "expected learning_rate above 0"),
    "nan": ((CORNERS, AND), {"margin": np.nan}, ValueError, "expected a finite margin of at least"),
    "margin": ((CORNERS, AND), {"margin": -1}, ValueError, "margin of at least 0, got -1"),
    "epochs": ((CORNERS, AND), {"max_epochs": 0}, ValueError, "max_epochs of at least 1, got 0"),
    "flag": ((CORNERS, AND), {"averaged": 1}, TypeError, "expected averaged as True or False"),
    "seed": ((CORNERS, AND), {"seed": -1}, ValueError, "expected a number from 0"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_does_not_fit_is_refused_in_a_sentence(case: str) -> None:
    data, options, kind, sentence = BAD[case]
    with pytest.raises(kind, match=sentence):
        lm.Perceptron(**options).fit(*data)


def test_a_unit_that_has_not_learned_says_so() -> None:
    with pytest.raises(RuntimeError, match="expected a call of fit before it"):
        lm.Perceptron().predict(CORNERS)


def test_a_refused_fit_leaves_the_unit_as_it_was() -> None:
    unit = lm.Perceptron().fit(CORNERS, AND)
    with pytest.raises(ValueError, match="two classes"):
        unit.fit(CORNERS, [0, 0, 0, 0])
    np.testing.assert_array_equal(unit.predict(CORNERS), AND)
    with pytest.raises(ValueError, match="expected 2 input features, got 3"):
        unit.predict(np.zeros((1, 3)))


def test_ctrl_c_stops_a_fit_that_never_ends() -> None:
    unit = lm.Perceptron(max_epochs=10**12).fit(CORNERS, AND)
    timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        unit.fit(CORNERS, XOR)
    timer.join()
    np.testing.assert_array_equal(unit.predict(CORNERS), AND)
