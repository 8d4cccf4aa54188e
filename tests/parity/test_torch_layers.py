"""Row layers, penalties and constraints give the numbers that PyTorch gives."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import lamina as lm
from parity import read_traces

pytestmark = pytest.mark.kernels

Array = npt.NDArray[Any]
DTYPES = ["float64", "float32"]
# Roundings of sums of nine terms of about one; a row's deviation may divide them by a tenth.
TOLERANCES = {"float64": 1e-12, "float32": 1e-4}


arrays: dict[str, Array] = read_traces.read_arrays("torch_layers.npz")
SCALE, SHIFT, SLOPES = arrays["scale"], arrays["shift"], arrays["slopes"]
# name: (layer, its parameters)
LAYERS: dict[str, tuple[lm.Layer, dict[str, Array]]] = {
    "layer_norm": (lm.LayerNorm(), {"weight": SCALE, "bias": SHIFT}),
    "layer_norm_without": (lm.LayerNorm(1e-3, scale=False, shift=False), {}),
    "rms_norm": (lm.RMSNorm(), {"weight": SCALE}),
    "rms_norm_without": (lm.RMSNorm(1e-3, scale=False), {}),
    "prelu": (lm.PReLU(), {"weight": SLOPES}),
    "prelu_shared": (lm.PReLU(shared=True), {"weight": SLOPES[:1]}),
    "scale": (lm.Scale(), {"weight": SCALE}),
    "scale_and_shift": (lm.Scale(shift=True), {"weight": SCALE, "bias": SHIFT}),
    "clip": (lm.Clip(-0.5, 1.0), {}),
    "clip_low": (lm.Clip(low=-0.5), {}),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", list(LAYERS))
def test_every_row_layer_equals_pytorch(name: str, dtype: Any) -> None:
    layer, parameters = LAYERS[name]
    net = lm.Sequential([layer], inputs=6, dtype=dtype)
    net.set_parameters({f"layers.0.{key}": value for key, value in parameters.items()})
    bound = TOLERANCES[dtype]
    got = {"value": net.forward(arrays["inputs"]), "input": net.backward(arrays["upstream"])}
    got |= {key.removeprefix("layers.0."): value for key, value in net.gradients().items()}
    for key, value in got.items():
        expected = arrays[f"{name}/{dtype}/{key}"]
        np.testing.assert_allclose(value, expected, rtol=bound, atol=bound, err_msg=key)


def linear(dtype: Any, **options: Any) -> lm.Sequential:
    net = lm.Sequential([lm.Dense(4, **options)], inputs=6, dtype=dtype)
    net.set_parameters({"layers.0.weight": arrays["weight"], "layers.0.bias": arrays["bias"]})
    return net


@pytest.mark.parametrize("dtype", DTYPES)
def test_penalties_equal_pytorch(dtype: Any) -> None:
    net = linear(dtype, l1=0.03, l2=0.05)
    value, gradients = net.value_and_grad(arrays["inputs"], arrays["targets"])
    bound = TOLERANCES[dtype]
    assert value == pytest.approx(float(arrays[f"penalty/{dtype}/value"]), rel=bound)
    expected = arrays[f"penalty/{dtype}/weight"]
    np.testing.assert_allclose(gradients["layers.0.weight"], expected, rtol=bound, atol=bound)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["max_norm", "non_negative"])
def test_constrained_steps_equal_pytorch(name: str, dtype: Any) -> None:
    net = linear(dtype, **{name: 0.9 if name == "max_norm" else True})
    optimizer = lm.SGD(0.1)
    for expected in arrays[f"{name}/{dtype}"]:
        net.train_step(arrays["inputs"], arrays["targets"], optimizer=optimizer)
        net.set_parameters({"layers.0.bias": arrays["bias"]})
        bound = TOLERANCES[dtype]
        # torch.renorm divides by the norm plus 1e-7.
        bound = max(bound, 1e-6) if name == "max_norm" else bound
        weight = net.parameters()["layers.0.weight"]
        np.testing.assert_allclose(weight, expected, rtol=bound, atol=bound)
