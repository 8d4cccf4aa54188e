"""Weights as PyTorch's load_state_dict takes them: names, shapes, and equal outputs."""

import sys
from typing import Any

import numpy as np
import pytest

import lamina as lm

BLOCK = lm.Residual([lm.LayerNorm(), lm.Dense(5, "gelu"), lm.Dense(3)])


def drawn(layers: list[lm.Layer], dtype: Any = "float32") -> lm.Sequential:
    """A network of 4 inputs with random parameters."""
    net = lm.Sequential(layers, inputs=4, dtype=dtype)
    random = np.random.default_rng(1)
    for name, array in net.parameters().items():
        low = 0.5 if name.endswith("running_var") else -1.0
        net.set_parameters({name: random.uniform(low, 1.5, array.shape)})
    return net


def shapes(*layers: lm.Layer) -> dict[str, tuple[int, ...]]:
    state = drawn(list(layers)).to_torch_state_dict(as_numpy=True)
    return {name: array.shape for name, array in state.items()}


def test_an_activation_in_a_dense_layer_is_a_module_of_its_own() -> None:
    found = shapes(lm.Dense(8, "relu"), lm.Dropout(0.1), lm.Dense(6, "linear"), lm.Dense(2, "tanh"))
    assert found == {
        "0.weight": (8, 4),
        "0.bias": (8,),
        "3.weight": (6, 8),
        "3.bias": (6,),
        "4.weight": (2, 6),
        "4.bias": (2,),
    }


def test_layers_without_parameters_are_one_module() -> None:
    plain = [lm.Clip(0, 1), lm.Activation("sin"), lm.GaussianNoise(0.1), lm.Affine(2.0)]
    assert shapes(*plain, lm.Dense(2, bias=False)) == {"4.weight": (2, 4)}


def test_normalisations_have_what_pytorchs_modules_have() -> None:
    statistics = {"0.running_mean": (4,), "0.running_var": (4,), "0.num_batches_tracked": ()}
    both = {"0.weight": (4,), "0.bias": (4,)}
    assert shapes(lm.BatchNorm()) == both | statistics
    assert shapes(lm.BatchNorm(scale=False)) == both | statistics
    assert shapes(lm.BatchNorm(shift=False)) == both | statistics
    assert shapes(lm.BatchNorm(scale=False, shift=False)) == statistics
    assert shapes(lm.LayerNorm()) == shapes(lm.LayerNorm(scale=False)) == both
    assert shapes(lm.LayerNorm(shift=False)) == shapes(lm.RMSNorm()) == {"0.weight": (4,)}
    assert shapes(lm.LayerNorm(scale=False, shift=False)) == shapes(lm.RMSNorm(scale=False)) == {}
    assert shapes(lm.PReLU()) == {"0.weight": (4,)}
    assert shapes(lm.PReLU(shared=True)) == {"0.weight": (1,)}


def test_what_lamina_leaves_at_1_or_0_is_1_or_0() -> None:
    for layer in (lm.BatchNorm(scale=False), lm.LayerNorm(scale=False)):
        state = drawn([layer]).to_torch_state_dict(as_numpy=True)
        assert state["0.weight"].tolist() == [1.0] * 4
    state = drawn([lm.BatchNorm(shift=False)]).to_torch_state_dict(as_numpy=True)
    assert state["0.bias"].tolist() == [0.0] * 4
    assert state["0.num_batches_tracked"] == 0
    assert state["0.num_batches_tracked"].dtype == np.int64


def test_blocks_hold_their_layers_and_their_projection() -> None:
    nested = lm.Residual([lm.Dense(4, "relu"), BLOCK], projection=True)
    assert shapes(lm.Dense(4), nested) == {
        "0.weight": (4, 4),
        "0.bias": (4,),
        "1.layers.0.weight": (4, 4),
        "1.layers.0.bias": (4,),
        "1.layers.2.layers.0.weight": (4,),
        "1.layers.2.layers.0.bias": (4,),
        "1.layers.2.layers.1.weight": (5, 4),
        "1.layers.2.layers.1.bias": (5,),
        "1.layers.2.layers.3.weight": (3, 5),
        "1.layers.2.layers.3.bias": (3,),
        "1.layers.2.projection.weight": (3, 4),
        "1.projection.weight": (3, 4),
    }


def test_the_arrays_are_the_weights_and_no_view_of_them() -> None:
    net = drawn([lm.Dense(8, "relu"), BLOCK, lm.Dense(2)], "float64")
    before, state = net.parameters(), net.to_torch_state_dict(as_numpy=True)
    here = ["layers.0.bias", "layers.1.layers.1.weight", "layers.1.projection.weight"]
    there = ["0.bias", "2.layers.1.weight", "2.projection.weight"]
    for mine, other in zip([*here, "layers.2.weight"], [*there, "3.weight"], strict=True):
        assert np.array_equal(before[mine], state[other])
        state[other][:] = 7.0
    assert all(np.array_equal(before[name], array) for name, array in net.parameters().items())


@pytest.mark.parametrize(
    ("layer", "kind"),
    [
        (lm.Normalization(), "Normalization"),
        (lm.Scale(), "Scale"),
        (lm.ColumnEncoding([lm.NumberEncoding()] * 4), "ColumnEncoding"),
        (lm.Embedding({1: 3}, 2), "Embedding"),
        (lm.Periodic([0]), "Periodic"),
        (lm.PiecewiseLinear({0: [0.0, 1.0]}, 2), "PiecewiseLinear"),
    ],
)
def test_a_layer_that_pytorch_has_not_is_named(layer: lm.Layer, kind: str) -> None:
    net = lm.Sequential([layer, lm.Dense(2)], inputs=4)
    expected = rf"to_torch_state_dict: layers\.0 is a {kind}, which torch.nn has no module for; "
    with pytest.raises(ValueError, match=expected):
        net.to_torch_state_dict(as_numpy=True)


def test_a_layer_inside_a_block_and_the_scaling_of_targets_are_named() -> None:
    block = lm.Residual([lm.Dense(4), lm.Scale()])
    with pytest.raises(ValueError, match=r"layers\.1\.layers\.1 is a Scale, "):
        drawn([lm.Dense(4), block]).to_torch_state_dict(as_numpy=True)
    net = lm.Sequential([lm.Dense(1)], inputs=2, scale_targets=True)
    with pytest.raises(ValueError, match=r"layers\.1 is a TargetScaling, "):
        net.to_torch_state_dict()


def test_without_pytorch_a_sentence_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ImportError, match=r"install torch, or pass as_numpy=True"):
        drawn([lm.Dense(2)]).to_torch_state_dict()


@pytest.mark.parametrize("value", [1, "yes", None])
def test_as_numpy_is_a_flag(value: Any) -> None:
    with pytest.raises(TypeError, match="to_torch_state_dict: expected as_numpy as True or False"):
        drawn([lm.Dense(2)]).to_torch_state_dict(as_numpy=value)


def equal_networks(nn: Any) -> dict[str, tuple[list[lm.Layer], list[Any]]]:
    """By name: layers and the modules of `torch.nn` that are equal to them."""
    activations = {
        "relu": nn.ReLU(),
        "leaky_relu": nn.LeakyReLU(),
        "sigmoid": nn.Sigmoid(),
        "tanh": nn.Tanh(),
        "softplus": nn.Softplus(),
        "gelu": nn.GELU(),
        "gelu_tanh": nn.GELU(approximate="tanh"),
        "silu": nn.SiLU(),
        "elu": nn.ELU(),
        "selu": nn.SELU(),
        "celu": nn.CELU(),
        "mish": nn.Mish(),
        "softsign": nn.Softsign(),
        "log_sigmoid": nn.LogSigmoid(),
        "hard_sigmoid": nn.Hardsigmoid(),
        "hard_tanh": nn.Hardtanh(),
        "hard_swish": nn.Hardswish(),
        "relu6": nn.ReLU6(),
        "softmax": nn.Softmax(dim=1),
        "log_softmax": nn.LogSoftmax(dim=1),
    }

    class Residual(nn.Module):  # type: ignore[misc]
        def __init__(self, layers: list[Any], projection: Any) -> None:
            super().__init__()
            self.layers, self.projection = nn.Sequential(*layers), projection

        def forward(self, x: Any) -> Any:
            return self.layers(x) + self.projection(x)

    inner = [nn.LayerNorm(4), nn.Linear(4, 5), nn.GELU(), nn.Linear(5, 3)]
    same_width = lm.Residual([lm.Dense(3, "tanh"), lm.Dense(3)])
    blocks = [
        Residual(inner, nn.Linear(4, 3, bias=False)),
        Residual([nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 3)], nn.Identity()),
    ]
    networks = {
        name: ([lm.Dense(6, name), lm.Dense(3)], [nn.Linear(4, 6), module, nn.Linear(6, 3)])
        for name, module in activations.items()
    }
    return networks | {
        "dropout": ([lm.Dropout(0.5), lm.Dense(3)], [nn.Dropout(0.5), nn.Linear(4, 3)]),
        "alpha": ([lm.AlphaDropout(0.5), lm.Dense(3)], [nn.AlphaDropout(0.5), nn.Linear(4, 3)]),
        "batch": ([lm.BatchNorm(), lm.Dense(3)], [nn.BatchNorm1d(4), nn.Linear(4, 3)]),
        "batch scale": ([lm.BatchNorm(shift=False)], [nn.BatchNorm1d(4)]),
        "batch plain": (
            [lm.BatchNorm(scale=False, shift=False)],
            [nn.BatchNorm1d(4, affine=False)],
        ),
        "layer": ([lm.LayerNorm()], [nn.LayerNorm(4)]),
        "layer scale": ([lm.LayerNorm(shift=False)], [nn.LayerNorm(4, bias=False)]),
        "layer shift": ([lm.LayerNorm(scale=False)], [nn.LayerNorm(4)]),
        "root": ([lm.RMSNorm()], [nn.RMSNorm(4, eps=1e-6)]),
        "prelu": ([lm.PReLU()], [nn.PReLU(4)]),
        "prelu shared": ([lm.PReLU(shared=True)], [nn.PReLU()]),
        "no bias": ([lm.Dense(3, bias=False)], [nn.Linear(4, 3, bias=False)]),
        "blocks": ([BLOCK, same_width, lm.Dense(2)], [*blocks, nn.Linear(3, 2)]),
    }


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_an_equal_pytorch_network_gives_the_same_outputs(dtype: Any) -> None:
    torch = pytest.importorskip("torch", reason="needs PyTorch, which no extra installs")
    x = np.random.default_rng(0).normal(size=(50, 4))
    for name, (layers, modules) in equal_networks(torch.nn).items():
        net = drawn(layers, dtype)
        model = torch.nn.Sequential(*modules).to(getattr(torch, dtype)).eval()
        assert (
            str(model.load_state_dict(net.to_torch_state_dict()))
            == "<All keys matched successfully>"
        )
        with torch.no_grad():
            expected = model(torch.from_numpy(x.astype(dtype))).numpy()
        # Sums of at most seven products of numbers of about 1, a few layers deep.
        bound = 100 * np.finfo(dtype).eps
        np.testing.assert_allclose(net.predict(x), expected, rtol=bound, atol=bound, err_msg=name)
        assert np.ptp(expected, axis=0).min() > 0.1, name
