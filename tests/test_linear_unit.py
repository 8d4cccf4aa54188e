"""The core's linear unit, trained row by row: beside the textbook's rule, and what it refuses."""

import os
import signal
import threading
import time
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy.sparse import csr_matrix

import lamina as lm
from lamina import _core

Array = npt.NDArray[Any]
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(80, 5)) * (RANDOM.random((80, 5)) < 0.6)
SIGNS = np.where(X @ RANDOM.normal(size=5) + 0.3 > 0, 1.0, -1.0)


def train(
    x: Any = X, signs: Array = SIGNS, after_epoch: Any = None, **changes: Any
) -> tuple[Array, float, int]:
    """Weights, bias and epochs of a unit without penalties; `changes` of its options and data."""
    options = {
        "rate": 1.0,
        "decays": False,
        "truncates": False,
        "alpha": 0.01,
        "l1_ratio": 0.0,
        "fit_bias": True,
        "bias_share": 1.0,
        "positive_weight": 1.0,
        "negative_weight": 1.0,
        "shuffle": False,
        "seed": 1,
        "max_epochs": 6,
        "validates": False,
        "stops": False,
        "tolerance": 0.0,
        "patience": 5,
    }
    sparse = not isinstance(x, np.ndarray)
    dtype = x.dtype
    data = {
        "single": dtype == np.float32,
        "values": x.data if sparse else x.ravel(),
        "columns": x.indices if sparse else None,
        "starts": x.indptr if sparse else None,
        "rows": x.shape[0],
        "width": x.shape[1],
        "signs": signs.astype(dtype),
        "sample_weight": np.ones(x.shape[0], dtype),
        "held_back": np.zeros(x.shape[0], bool),
        "coef": np.zeros(x.shape[1], dtype),
        "bias": 0.0,
    }
    own = {name: value for name, value in changes.items() if name in options}
    data.update({name: value for name, value in changes.items() if name not in options})
    return _core.train_linear_unit(**data, options={**options, **own}, after_epoch=after_epoch)


@pytest.mark.filterwarnings("ignore:Perceptron. not converged")
def test_without_penalty_the_moves_are_rosenblatts() -> None:
    weights, bias, epochs = train()
    unit = lm.Perceptron(shuffle=False, max_epochs=6).fit(X, SIGNS > 0)
    np.testing.assert_allclose(weights, unit.weights, rtol=1e-12)
    assert bias == pytest.approx(unit.bias)
    assert epochs == 6


@pytest.mark.parametrize("options", [{}, {"decays": True}, {"truncates": True, "l1_ratio": 1.0}])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_stored_and_dense_rows_move_alike(options: dict[str, Any], dtype: Any) -> None:
    dense = train(X.astype(dtype), shuffle=True, **options)
    sparse = train(csr_matrix(X.astype(dtype)), shuffle=True, **options)
    assert dense[0].dtype == sparse[0].dtype == dtype
    # A penalty that truncates looks at the columns that a row has.
    if not options.get("truncates"):
        np.testing.assert_allclose(dense[0], sparse[0], rtol=1e-5)
        assert dense[1] == pytest.approx(sparse[1])
    double = train(X, shuffle=True, **options)
    np.testing.assert_allclose(dense[0], double[0], rtol=1e-4, atol=1e-5)


def test_weights_of_classes_and_rows_scale_the_moves() -> None:
    weights = np.ones(len(X))
    weights[SIGNS > 0] = 3.0
    by_row, by_class = train(sample_weight=weights), train(positive_weight=3.0)
    np.testing.assert_array_equal(by_row[0], by_class[0])
    assert not np.array_equal(by_row[0], train()[0])


def test_rows_held_back_are_not_learned_from() -> None:
    mask = np.zeros(len(X), bool)
    mask[40:] = True
    scores = []
    found = train(
        held_back=mask,
        validates=True,
        after_epoch=lambda *figures: scores.append(figures[3]),
    )
    np.testing.assert_array_equal(found[0], train(X[:40], SIGNS[:40])[0])
    right = ((X[40:] @ found[0] + found[1] > 0) == (SIGNS[40:] > 0)).mean()
    assert scores[-1] == pytest.approx(right)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"signs": SIGNS[:-1]}, "y of shape"),
        ({"sample_weight": np.ones(3)}, "sample_weight of shape"),
        ({"held_back": np.zeros(3, bool)}, "mask of rows"),
        ({"coef": np.zeros(4)}, "weights of shape"),
        ({"values": np.ones(7)}, "values of shape"),
        ({"rows": 0}, "at least one feature"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        train(**changes)


@pytest.mark.parametrize(
    ("part", "place", "value", "problem"),
    [
        ("indices", 3, 5, "columns below 5"),
        ("indices", 0, -1, "columns below 5"),
        ("indptr", 80, 10_000, "from 0 to all values"),
        ("indptr", 0, 1, "from 0 to all values"),
        ("indptr", 7, 10_000, "does not fall"),
        ("indptr", 7, -5, "does not fall"),
    ],
)
def test_stored_rows_that_lead_outside_are_refused(
    part: str, place: int, value: int, problem: str
) -> None:
    rows = csr_matrix(X)
    getattr(rows, part)[place] = value
    with pytest.raises(ValueError, match=problem):
        train(rows)


def test_an_overflow_names_the_epoch() -> None:
    with pytest.raises(lm.NotFiniteError, match="epoch 1"):
        train(X * 1e300, rate=1e300)


def test_an_error_in_the_callback_reaches_the_caller() -> None:
    def fail(*figures: float) -> None:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        train(after_epoch=fail, max_epochs=10**6)


def test_an_interrupt_ends_training_soon() -> None:
    threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    begin = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        train(max_epochs=10**9)
    assert time.monotonic() - begin < 5.0
