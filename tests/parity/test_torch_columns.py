"""Layers that embed single columns give the numbers that PyTorch gives."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import lamina as lm
from parity import read_traces

pytestmark = pytest.mark.kernels

Array = npt.NDArray[Any]
DTYPES = ["float64", "float32"]
# Roundings of sums of twelve terms of about one.
TOLERANCES = {"float64": 1e-12, "float32": 2e-5}

arrays: dict[str, Array] = read_traces.read_arrays("torch_columns.npz")
ABOUT = read_traces.about("torch_columns.npz")
CATEGORIES = {int(column): count for column, count in ABOUT["categories"].items()}
EDGES = {int(column): edges for column, edges in ABOUT["edges"].items()}
LAYERS: dict[str, lm.Layer] = {
    "embedding": lm.Embedding(CATEGORIES, 3),
    "piecewise_linear": lm.PiecewiseLinear(EDGES, 3),
    "piecewise_linear_relu": lm.PiecewiseLinear(EDGES, 3, "A", "relu"),
    "periodic": lm.Periodic(EDGES, "plr", 3, 4),
    "periodic_lite": lm.Periodic(EDGES, "plr", 3, 4, shared=True),
    "periodic_pbld": lm.Periodic(EDGES, "pbld", 4, 4),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", list(LAYERS))
def test_every_layer_of_columns_equals_pytorch(name: str, dtype: Any) -> None:
    net = lm.Sequential([LAYERS[name]], inputs=4, dtype=dtype)
    keys = [key.removeprefix("layers.0.") for key in net.parameters()]
    net.set_parameters({f"layers.0.{key}": arrays[f"{name}/with/{key}"] for key in keys})
    bound = TOLERANCES[dtype]
    got = {
        "value": net.forward(arrays["inputs"]),
        "input": net.backward(arrays[f"{name}/upstream"]),
    }
    got |= {key.removeprefix("layers.0."): value for key, value in net.gradients().items()}
    for key, value in got.items():
        expected = arrays[f"{name}/{dtype}/{key}"]
        np.testing.assert_allclose(value, expected, rtol=bound, atol=bound, err_msg=key)


OPTIMIZERS = {
    "sgd": lambda: lm.SGD(0.5),
    "adagrad": lambda: lm.Adagrad(0.1),
    "sparse_adam": lambda: lm.Adam(0.05, epsilon=1e-12),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_sparse_steps_equal_pytorch(name: str, dtype: Any) -> None:
    layer = lm.Embedding({0: 4}, 3, sparse=True)
    net = lm.Sequential([layer], inputs=1, dtype=dtype)
    net.set_parameters({"layers.0.weight": arrays["steps/table"]})
    optimizer = OPTIMIZERS[name]()
    # SparseAdam adds epsilon before, Adam after the correction of the second moment.
    bound = {"float64": 1e-9, "float32": 1e-4}[dtype]
    for codes, targets, table in zip(
        arrays["steps/codes"], arrays["steps/targets"], arrays[f"steps/{dtype}/{name}"], strict=True
    ):
        net.train_step(codes[:, None], targets, optimizer=optimizer)
        np.testing.assert_allclose(
            net.parameters()["layers.0.weight"], table, rtol=bound, atol=bound
        )
