"""Every layer that works on rows alone against central differences in float64."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import lamina as lm
from test_gradients import (
    BATCHES,
    INPUTS,
    NAMES,
    TOLERANCE,
    check_parameters,
    difference_quotient,
    relative_error,
    smooth_case,
    stacks,
)

pytestmark = pytest.mark.kernels

Array = npt.NDArray[Any]
ROW_LAYERS: dict[str, lm.Layer] = {
    "prelu": lm.PReLU(-0.25),
    "prelu shared": lm.PReLU(shared=True),
    "parametric tanh": lm.ParametricActivation("tanh", 0.7),
    "parametric mish": lm.ParametricActivation("mish", 1.5),
    "layer_norm": lm.LayerNorm(0.1),
    "layer_norm plain": lm.LayerNorm(0.1, scale=False, shift=False),
    "rms_norm": lm.RMSNorm(0.1),
    "rms_norm plain": lm.RMSNorm(0.1, scale=False),
    "scale": lm.Scale(0.5),
    "scale and shift": lm.Scale(shift=True),
    "normalization": lm.Normalization(),
    "affine": lm.Affine(-2.0, 0.25),
    "clip": lm.Clip(-0.5, 0.5),
    "alpha_dropout": lm.AlphaDropout(0.4),
    "gaussian_noise": lm.GaussianNoise(0.1),
}


# Of Normalization, which training leaves alone.
FIGURES = ("mean", "mean_low", "deviation", "rows")


def row_stacks(layer: lm.Layer) -> dict[str, list[lm.Layer]]:
    """Networks in which the layer stands in every place."""
    return {
        "first": [layer, lm.Dense(3, "tanh")],
        "after a sum": [lm.Dense(4), layer, lm.Dense(3, "tanh")],
        "after an activation": [lm.Dense(4, "gelu"), layer, lm.Dense(3)],
        "last": [lm.Dense(4, "tanh"), lm.Dense(3), layer],
        "twice": [lm.Dense(4, "tanh"), layer, layer],
    }


@pytest.mark.parametrize("name", list(ROW_LAYERS))
@pytest.mark.parametrize("place", list(row_stacks(lm.Clip(0.0))))
def test_backward_of_every_row_layer_in_every_place(name: str, place: str) -> None:
    """In training: noise and masks of one step are drawn again for each difference."""
    for rows in BATCHES[:2]:
        net, x = smooth_case(row_stacks(ROW_LAYERS[name])[place], rows)
        if name == "normalization":
            net.adapt(np.random.default_rng(1).normal(1.0, 2.0, (20, INPUTS)))
        direction = np.random.default_rng(2).uniform(-1.0, 1.0, (rows, net.outputs or 0))

        def outputs(x: Array, net: lm.Sequential = net) -> Array:
            return net.forward(x, training=True, step=1)

        def loss(x: Array = x, outputs: Any = outputs, direction: Array = direction) -> float:
            return float((outputs(x) * direction).sum())

        outputs(x)
        input_gradient = net.backward(direction)
        gradients = {k: v for k, v in net.gradients().items() if not k.endswith(FIGURES)}
        assert relative_error(input_gradient, difference_quotient(loss, x)) <= TOLERANCE
        check_parameters(net, gradients, loss)


@pytest.mark.parametrize("name", [k for k in ROW_LAYERS if k[:4] not in ("prel", "clip")])
def test_backward_of_smooth_row_layers_in_a_block(name: str) -> None:
    layer = ROW_LAYERS[name]
    inner: list[lm.Layer] = [layer, lm.Dense(4, "tanh"), layer, lm.Dense(INPUTS)]
    net = lm.Sequential([lm.Residual(inner), lm.Dense(3)], inputs=INPUTS, dtype="float64")
    random = np.random.default_rng(3)
    x, direction = random.normal(size=(17, INPUTS)), random.normal(size=(17, 3))
    net.forward(x, training=True, step=1)
    input_gradient = net.backward(direction)
    gradients = {k: v for k, v in net.gradients().items() if not k.endswith(FIGURES)}

    def loss(x: Array = x) -> float:
        return float((net.forward(x, training=True, step=1) * direction).sum())

    assert relative_error(input_gradient, difference_quotient(loss, x)) <= TOLERANCE
    check_parameters(net, gradients, loss)


@pytest.mark.parametrize("name", list(ROW_LAYERS))
def test_the_jacobian_of_every_row_layer(name: str) -> None:
    net, x = smooth_case(row_stacks(ROW_LAYERS[name])["after a sum"], rows=3)
    expected = difference_quotient(net.predict, x)
    for row, jacobian in enumerate(net.jacobian(x)):
        assert relative_error(jacobian, expected[row, :, row]) <= TOLERANCE


def test_every_kind_of_layer_is_covered_here() -> None:
    kinds = {layer.kind for layers in stacks("relu").values() for layer in layers}
    # In test_column_encoding.py, test_scale_targets.py, test_ensemble.py, test_embedding.py and
    # test_number_embeddings.py.
    kinds |= {"column_encoding", "target_scaling", "ensemble"}
    kinds |= {"embedding", "piecewise_linear", "periodic"}
    assert kinds | {layer.kind for layer in ROW_LAYERS.values()} == set(NAMES["layers"])
