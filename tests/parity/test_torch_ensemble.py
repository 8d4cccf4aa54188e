"""An Ensemble gives the gradients and weights of the TabM paper's own package."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import lamina as lm
from parity import read_traces

pytestmark = pytest.mark.kernels

Array = npt.NDArray[Any]
FILE = "torch_ensemble.npz"
ARRAYS = read_traces.read_arrays(FILE)
ABOUT = read_traces.about(FILE)
# The order of sums alone differs; ten steps of Adam carry that on.
TOLERANCES = {"float64": 1e-10, "float32": 1e-4}


def named(prefix: str) -> dict[str, Array]:
    """The arrays recorded under a prefix, by parameter name."""
    return {k.removeprefix(prefix): v for k, v in ARRAYS.items() if k.startswith(prefix)}


def network(case: str, dtype: Any) -> lm.Sequential:
    adapters, activation, outputs, _ = ABOUT["cases"][case]
    hidden = [lm.Dense(ABOUT["units"], activation.lower()) for _ in range(ABOUT["blocks"])]
    head = lm.Dense(outputs, "softmax" if case.endswith("classes") else "identity")
    ensemble = lm.Ensemble([*hidden, head], k=ABOUT["k"], adapters=adapters)
    net = lm.Sequential([ensemble], inputs=5, dtype=dtype)
    net.set_parameters(named(f"{case}/initial/"))
    return net


def check(got: dict[str, Array], expected: dict[str, Array], tolerance: float) -> None:
    assert got.keys() == expected.keys()
    for name, array in expected.items():
        scale = max(float(np.abs(array).max()), 0.1)
        assert np.abs(got[name] - array).max() <= tolerance * scale, name


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("case", ABOUT["cases"])
def test_gradients_of_members_losses_equal_tabm(case: str, dtype: str) -> None:
    net, where, tolerance = network(case, dtype), f"{case}/{dtype}", TOLERANCES[dtype]
    x, y = ARRAYS[f"{case}/inputs"][0], ARRAYS[f"{case}/targets"][0]
    value, gradients = net.value_and_grad(x, y)
    assert value == pytest.approx(ARRAYS[f"{where}/losses"][0], rel=tolerance)
    check(gradients, named(f"{where}/gradient/"), tolerance)


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("case", [case for case in ABOUT["cases"] if case.endswith("values")])
def test_a_custom_training_loop_gets_members_outputs_as_tabm_gives_them(
    case: str, dtype: str
) -> None:
    net, where, tolerance = network(case, dtype), f"{case}/{dtype}", TOLERANCES[dtype]
    x, y = ARRAYS[f"{case}/inputs"][0], ARRAYS[f"{case}/targets"][0]
    members = net.forward(x, training=True)
    check({"y": members}, {"y": ARRAYS[f"{where}/members"]}, tolerance)
    input_gradient = net.backward(2.0 * (members - y[:, None]) / members.size)
    assert input_gradient is not None
    check({"x": input_gradient}, {"x": ARRAYS[f"{where}/input_gradient"]}, tolerance)
    check(net.gradients(), named(f"{where}/gradient/"), tolerance)


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("case", ABOUT["cases"])
def test_ten_steps_of_adam_equal_tabm(case: str, dtype: str) -> None:
    net, where, tolerance = network(case, dtype), f"{case}/{dtype}", TOLERANCES[dtype]
    optimizer = lm.AdamW(ABOUT["rate"], weight_decay=ABOUT["cases"][case][3], decay_biases=True)
    losses = []
    for step, (x, y) in enumerate(
        zip(ARRAYS[f"{case}/inputs"], ARRAYS[f"{case}/targets"], strict=True)
    ):
        losses.append(net.train_step(x, y, optimizer=optimizer))
        if step == 0:
            check(net.parameters(), named(f"{where}/step1/"), tolerance)
    np.testing.assert_allclose(losses, ARRAYS[f"{where}/losses"], rtol=tolerance)
    check(net.parameters(), named(f"{where}/step10/"), tolerance)
    outputs = net.predict(ARRAYS[f"{case}/inputs"][0])
    check({"y": outputs}, {"y": ARRAYS[f"{where}/outputs"]}, tolerance)
