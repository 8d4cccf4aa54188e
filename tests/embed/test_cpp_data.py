"""Own losses, sparse rows, orders of rows and evaluations in C++ give what Python gives."""

from typing import Any

import numpy as np
import pytest

import lamina as lm
from embed.catalogue_program import INPUTS, ROWS, X, Y, catalogue_of, numbers, sum_of_weights
from embed.consumers import Environment

sparse = pytest.importorskip("scipy.sparse")


def squared_error(outputs: Any, y: Any) -> tuple[float, Any]:
    """The mean of squares, summed in double as in the program."""
    difference = (outputs - y).astype(outputs.dtype)
    total = 0.0
    for value in difference.ravel().tolist():
        total += value * value
    count = outputs.dtype.type(difference.size)
    return total / difference.size, outputs.dtype.type(2) * difference / count


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_own_losses_sparse_rows_orders_and_evaluations(fresh: Environment, dtype: Any) -> None:
    x, y = X.astype(dtype), Y.astype(dtype)
    found = numbers(catalogue_of(fresh)["data"])

    def network() -> lm.Sequential:
        layers = [lm.Dense(8, "tanh"), lm.Dropout(0.2), lm.Dense(2)]
        return lm.Sequential(layers, inputs=INPUTS, seed=5, dtype=dtype)

    own, fit = network(), {"epochs": 2, "batch_size": 16, "verbose": False}
    history = own.fit(x, y, loss=squared_error, **fit)
    expected = {"own loss": sum_of_weights(own), "own loss/loss": history["loss"][-1]}
    expected["own loss/step"] = own.train_step(x, y, optimizer=lm.SGD(), loss=squared_error)
    expected["own loss/evaluate"] = own.evaluate(x, y, loss=squared_error)["loss"]

    ordered = network()
    ordered.fit(x, y, shuffle=lambda epoch: (np.arange(ROWS) * 7 + epoch) % ROWS, **fit)
    expected["row order"] = sum_of_weights(ordered)

    stored = np.where(np.arange(x.size) % 3 == 0, x.ravel(), 0).reshape(x.shape)
    kept = (np.arange(x.size) % 3 == 0).reshape(x.shape)
    starts = np.concatenate([[0], np.cumsum(kept.sum(1))])
    rows = sparse.csr_array((stored[kept], np.nonzero(kept)[1], starts), shape=x.shape)
    of_sparse = network()
    of_sparse.fit(rows, y, validation_data=(rows, y), **fit)
    expected["sparse"] = sum_of_weights(of_sparse)
    expected["sparse/predict"] = float(of_sparse.predict(rows)[7, 1])

    judge = lm.Sequential([lm.Dense(3, "softmax")], inputs=INPUTS, seed=5, dtype=dtype)
    classes = np.arange(ROWS) ** 2 % 3
    macro = lm.metrics.Metric("f1", average="macro")
    figures = judge.evaluate(x, classes, metrics=["accuracy", macro, "confusion_matrix"])
    matrix = figures.pop("confusion_matrix")
    expected |= figures | {"rows": ROWS}
    expected |= {f"confusion {i}": value for i, value in enumerate(matrix.ravel())}
    assert {name: found[f"{name}/{dtype}"] for name in expected} == expected
    assert len(found) == 2 * len(expected)
