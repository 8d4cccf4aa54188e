"""Residual blocks and batch normalisation give PyTorch's gradients, weights and statistics."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import lamina as lm

pytestmark = pytest.mark.kernels

Array = npt.NDArray[Any]
with np.load(Path(__file__).with_name("torch_blocks.npz")) as stored:
    ARRAYS: dict[str, Array] = {key: stored[key] for key in stored.files}
ABOUT: dict[str, Any] = json.loads(str(ARRAYS["about"]))
# The order of sums alone differs; ten steps of momentum carry that on.
TOLERANCES = {"float64": 1e-10, "float32": 1e-4}


def named(prefix: str) -> dict[str, Array]:
    """The arrays recorded under a prefix, by parameter name."""
    return {k.removeprefix(prefix): v for k, v in ARRAYS.items() if k.startswith(prefix)}


def network(case: str, dtype: Any) -> lm.Sequential:
    spec = {"inputs": ARRAYS[f"{case}/inputs"].shape[2], "layers": ABOUT["cases"][case]}
    net = lm.Sequential.from_spec(spec, dtype=dtype)
    net.set_parameters(named(f"{case}/initial/"))
    return net


def check(got: dict[str, Array], expected: dict[str, Array], tolerance: float) -> None:
    for name, array in expected.items():
        # A bias before batch normalisation has a gradient of 0 but for rounding.
        scale = max(float(np.abs(array).max()), 0.1)
        assert np.abs(got[name] - array).max() <= tolerance * scale, name


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("case", ABOUT["cases"])
def test_gradients_of_one_batch_equal_pytorch(case: str, dtype: str) -> None:
    net, where, tolerance = network(case, dtype), f"{case}/{dtype}", TOLERANCES[dtype]
    x, y = ARRAYS[f"{case}/inputs"][0], ARRAYS[f"{case}/targets"][0]
    value, gradients = net.value_and_grad(x, y)
    assert value == pytest.approx(ARRAYS[f"{where}/losses"][0], rel=tolerance)
    check(gradients, named(f"{where}/gradient/"), tolerance)
    outputs = net.forward(x, training=True)
    input_gradient = net.backward(2.0 * (outputs - y) / outputs.size)
    assert input_gradient is not None
    check({"x": input_gradient}, {"x": ARRAYS[f"{where}/input_gradient"]}, tolerance)
    check(net.gradients(), named(f"{where}/gradient/"), tolerance)


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("case", ABOUT["cases"])
def test_ten_steps_equal_pytorch(case: str, dtype: str) -> None:
    net, where, tolerance = network(case, dtype), f"{case}/{dtype}", TOLERANCES[dtype]
    optimizer = lm.SGD(ABOUT["optimizer"]["lr"], momentum=ABOUT["optimizer"]["momentum"])
    losses = []
    for step, (x, y) in enumerate(
        zip(ARRAYS[f"{case}/inputs"], ARRAYS[f"{case}/targets"], strict=True)
    ):
        losses.append(net.train_step(x, y, optimizer=optimizer))
        if step == 0:
            check(net.parameters(), named(f"{where}/step1/"), tolerance)
    np.testing.assert_allclose(losses, ARRAYS[f"{where}/losses"], rtol=tolerance)
    expected = named(f"{where}/step10/")
    assert net.parameters().keys() == expected.keys()
    check(net.parameters(), expected, tolerance)
    outputs = ARRAYS[f"{where}/outputs"]
    check({"y": net.predict(ARRAYS[f"{case}/inputs"][0])}, {"y": outputs}, tolerance)
