"""Values and gradients of every activation and loss are those that PyTorch gives."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import lamina as lm
from lamina import _core
from parity import read_traces

pytestmark = pytest.mark.kernels

Array = npt.NDArray[Any]
DTYPES = ["float64", "float32"]
# A few units in the last place of results of 1e0; values below the bound's share of 1 may differ
# by it, since both libraries lose the digits of 1 where they subtract from it.
TOLERANCES = {"float64": 1e-10, "float32": 1e-4}


arrays = read_traces.read_arrays("torch_catalogue.npz")
# Those with parameters of their own; the others stand by their name.
ACTIVATIONS: dict[str, Any] = {
    name: name
    for name in _core.catalogue()["activations"]
    if name not in ("softmax", "log_softmax", "step")
} | {
    "celu": {"kind": "celu", "alpha": 1.5},
    "sin": {"kind": "sin", "frequency": 30.0},
}
LOSSES: dict[str, tuple[lm.Loss, str]] = {
    "mean_squared_error": (lm.MeanSquaredError(), "identity"),
    "mean_absolute_error": (lm.MeanAbsoluteError(), "identity"),
    "huber": (lm.Huber(0.75), "identity"),
    "log_cosh": (lm.LogCosh(), "identity"),
    "quantile": (lm.Quantile(0.3), "identity"),
    "poisson": (lm.Poisson(), "identity"),
    "gamma": (lm.Gamma(), "identity"),
    "tweedie": (lm.Tweedie(1.5), "identity"),
    "gaussian_negative_log_likelihood": (lm.GaussianNegativeLogLikelihood(), "identity"),
    "binary_cross_entropy": (lm.BinaryCrossEntropy(), "sigmoid"),
    "binary_cross_entropy_soft": (lm.BinaryCrossEntropy(), "sigmoid"),
    "binary_cross_entropy_weighted": (lm.BinaryCrossEntropy(positive_weight=3.0), "sigmoid"),
    "cross_entropy": (lm.CrossEntropy(), "softmax"),
    "cross_entropy_soft": (lm.CrossEntropy(), "softmax"),
    "cross_entropy_smoothed": (lm.CrossEntropy(0.1), "softmax"),
    "focal": (lm.Focal(2.0), "softmax"),
    "binary_focal": (lm.BinaryFocal(2.0), "sigmoid"),
    "hinge": (lm.Hinge(), "identity"),
    "squared_hinge": (lm.SquaredHinge(), "identity"),
    "kl_divergence": (lm.KLDivergence(), "softmax"),
    "cosine": (lm.CosineSimilarity(), "identity"),
}


def elementwise(activation: Any, points: int, dtype: Any) -> lm.Sequential:
    """The activation alone, one input for each point."""
    return lm.Sequential([lm.Activation(activation)], inputs=points, dtype=dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", list(ACTIVATIONS))
def test_every_activation_equals_pytorch(name: str, dtype: Any) -> None:
    grid = arrays[f"activation/grid/{dtype}"]
    # Networks take finite numbers; denormals count as 0 in training, and the sine of a huge number
    # depends on its last bit alone.
    size = np.abs(grid)
    taken = (size < (100.0 if name == "sin" else np.inf)) & (
        (size == 0) | (size >= np.finfo(dtype).tiny)
    )
    x = grid[taken][np.newaxis]
    net = elementwise(ACTIVATIONS[name], x.shape[1], dtype)
    # The slope at a kink is a matter of taste: PyTorch has 1 / 6 at -3 of hard_swish, others 0.
    smooth = (x[0] != 0.0) & ~np.isin(np.abs(x[0]), (1.0, 3.0, 6.0))
    value = net.forward(x)[0]
    gradient = net.backward(np.ones_like(x))
    assert gradient is not None
    bound = TOLERANCES[dtype]
    expected = arrays[f"activation/{name}/{dtype}/value"][taken]
    np.testing.assert_allclose(value, expected, rtol=bound, atol=bound)
    slopes = arrays[f"activation/{name}/{dtype}/gradient"][taken]
    if name == "hard_sigmoid":
        bound = max(bound, 1e-7)  # PyTorch has 1 / 6 in float32 there
    np.testing.assert_allclose(gradient[0][smooth], slopes[smooth], rtol=bound, atol=bound)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_softmax_over_rows_equals_pytorch(name: str, dtype: Any) -> None:
    net = elementwise(name, 6, dtype)
    value = net.forward(arrays["row_activation/inputs"])
    gradient = net.backward(arrays["row_activation/upstream"])
    bound = TOLERANCES[dtype]
    for got, part in ((value, "value"), (gradient, "gradient")):
        expected = arrays[f"row_activation/{name}/{dtype}/{part}"]
        np.testing.assert_allclose(got, expected, rtol=bound, atol=bound)


def identity_network(outputs: Array, last: str, dtype: Any) -> lm.Sequential:
    """A network whose raw outputs are the weights themselves, for inputs of unit rows."""
    net = lm.Sequential(
        [lm.Dense(outputs.shape[1], last, bias=False)], inputs=len(outputs), dtype=dtype
    )
    net.set_parameters({"layers.0.weight": outputs.T})
    return net


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("name", list(LOSSES))
def test_every_loss_equals_pytorch(name: str, reduction: Any, dtype: Any) -> None:
    outputs, targets = arrays[f"loss/{name}/outputs"], arrays[f"loss/{name}/targets"]
    kind, last = LOSSES[name]
    loss = type(kind)(**{**vars(kind), "reduction": reduction})
    net = identity_network(outputs, last, dtype)
    value, gradients = net.value_and_grad(np.eye(len(outputs)), targets, loss=loss)
    bound = TOLERANCES[dtype]
    prefix = f"loss/{name}/{dtype}/{reduction}"
    assert value == pytest.approx(float(arrays[prefix]), rel=bound)
    expected = arrays[f"{prefix}_gradient"].T
    np.testing.assert_allclose(
        gradients["layers.0.weight"], expected, rtol=bound, atol=bound * np.abs(expected).max()
    )


def test_class_weights_of_pytorch_are_row_weights_here() -> None:
    name, weights = "cross_entropy_class_weights", np.array([0.5, 2.0, 1.0, 1.5])
    outputs, targets = arrays[f"loss/{name}/outputs"], arrays[f"loss/{name}/targets"]
    net = identity_network(outputs, "softmax", "float64")
    value, gradients = net.value_and_grad(
        np.eye(len(outputs)), targets, sample_weight=weights[targets]
    )
    assert value == pytest.approx(float(arrays[f"loss/{name}/float64/mean"]), rel=1e-12)
    expected = arrays[f"loss/{name}/float64/mean_gradient"].T
    np.testing.assert_allclose(gradients["layers.0.weight"], expected, rtol=1e-10, atol=1e-13)


def test_every_loss_of_the_core_is_compared() -> None:
    assert {kind.kind for kind, _ in LOSSES.values()} == set(_core.catalogue()["losses"])
