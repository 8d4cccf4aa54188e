"""NTK layers, parametric activations and a scheduled training equal PyTorch's."""

import json
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import lamina as lm
from parity import read_traces
from parity.test_torch_catalogue import ACTIVATIONS

pytestmark = pytest.mark.kernels

Array = npt.NDArray[Any]
DTYPES = ["float64", "float32"]
# Roundings of sums of nine terms, and of activations that differ by a few units in the last place.
TOLERANCES = {"float64": 1e-12, "float32": 2e-5}

arrays: dict[str, Array] = read_traces.read_arrays("torch_recipes.npz")
SETTINGS = json.loads(str(arrays["about"]))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_every_parametric_activation_equals_pytorch(name: str, dtype: Any) -> None:
    layer = lm.ParametricActivation(ACTIVATIONS[name])
    net = lm.Sequential([layer], inputs=6, dtype=dtype)
    net.set_parameters({"layers.0.weight": arrays["alphas"]})
    inputs = arrays["inputs"].astype(dtype)
    got = {"value": net.forward(inputs), "input": net.backward(arrays["upstream"])}
    got["weight"] = net.gradients()["layers.0.weight"]
    np.testing.assert_array_equal(net.predict(inputs), got["value"])
    # A frequency of 30 takes the rounding of the input times 30.
    bound = TOLERANCES[dtype] * (30 if name == "sin" else 1)
    if name == "hard_sigmoid":
        bound = max(bound, 1e-7)  # PyTorch's slope is a sixth in float32
    for key, value in got.items():
        expected = arrays[f"parametric/{name}/{dtype}/{key}"]
        np.testing.assert_allclose(value, expected, rtol=bound, atol=bound, err_msg=key)


@pytest.mark.parametrize("dtype", DTYPES)
def test_ntk_layers_equal_pytorch(dtype: Any) -> None:
    layers = [lm.Dense(5, "mish", parametrization="ntk"), lm.Dense(6, parametrization="ntk")]
    net = lm.Sequential(layers, inputs=6, dtype=dtype)
    names = ("0.weight", "0.bias", "1.weight", "1.bias")
    net.set_parameters({f"layers.{name}": arrays[f"ntk/{name}"] for name in names})
    got = {
        "value": net.forward(arrays["inputs"]),
        "input": net.backward(arrays["upstream"]),
        **{name: net.gradients()[f"layers.{name}"] for name in names},
    }
    bound = TOLERANCES[dtype]
    for key, value in got.items():
        expected = arrays[f"ntk/{dtype}/{key}"]
        np.testing.assert_allclose(value, expected, rtol=bound, atol=bound, err_msg=key)


@pytest.mark.parametrize("dtype", DTYPES)
def test_steps_by_realmlps_schedules_and_factors_equal_pytorch(dtype: Any) -> None:
    ntk: dict[str, Any] = {"parametrization": "ntk", "bias_rate_factor": 0.1}
    ntk["bias_decay_factor"] = 0.0
    layers = [
        lm.Scale(rate_factor=6.0),
        lm.Dense(5, **ntk),
        lm.ParametricActivation("selu", rate_factor=0.1, decay_factor=0.0),
        lm.Dense(3, **ntk),
    ]
    net = lm.Sequential(layers, inputs=6, dtype=dtype)
    names = {"scale": "layers.0.weight", "alpha": "layers.2.weight"}
    names |= {
        f"{i}.{kind}": f"layers.{2 * i + 1}.{kind}" for i in (0, 1) for kind in ("weight", "bias")
    }
    net.set_parameters({ours: arrays[f"trace/{theirs}"] for theirs, ours in names.items()})
    optimizer = lm.Adam(
        lm.CosineLogSchedule(SETTINGS["learning_rate"]),
        beta2=SETTINGS["betas"][1],
        decoupled=True,
        weight_decay=lm.FlatCosineSchedule(SETTINGS["weight_decay"]),
        decay_biases=True,
    )
    optimizer.set_length(SETTINGS["steps"], 1)
    losses = [
        net.train_step(x, y, optimizer=optimizer, loss="mean_squared_error")
        for x, y in zip(arrays["trace/rows"], arrays["trace/y"], strict=True)
    ]
    # Adam's first steps divide gradients near 0 by themselves.
    bound = 1e-9 if dtype == "float64" else 1e-3
    np.testing.assert_allclose(losses, arrays[f"trace/{dtype}/losses"], rtol=bound)
    for theirs, ours in names.items():
        expected = arrays[f"trace/{dtype}/{theirs}"]
        np.testing.assert_allclose(net.parameters()[ours], expected, rtol=bound, atol=bound)
