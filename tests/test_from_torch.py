"""Networks from modules of PyTorch give what the modules give; what has no layer is refused.

Where PyTorch is not installed, classes with the names and attributes of its modules stand for them.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import lamina as lm

Array = npt.NDArray[Any]
RANDOM = np.random.default_rng(0)
ROWS = RANDOM.normal(size=(40, 5)) * 3


class Tensor:
    """What is asked of a tensor."""

    def __init__(self, array: Any, requires_grad: bool = True) -> None:
        self.array, self.requires_grad = np.asarray(array, np.float32), requires_grad
        self.dtype, self.shape = "torch.float32", self.array.shape

    def detach(self) -> "Tensor":
        return self

    def cpu(self) -> "Tensor":
        return self

    def numpy(self) -> Array:
        return self.array


class Module:
    """What is asked of every module."""

    def __init__(self, **attributes: Any) -> None:
        self._forward_hooks: dict[int, Any] = {}
        self._forward_pre_hooks: dict[int, Any] = {}
        self.__dict__.update(attributes)

    def forward(self) -> None:
        """Never called."""

    @property
    def _modules(self) -> dict[str, Any]:
        return {str(i): module for i, module in enumerate(self.__dict__.get("modules", ()))}

    def state_dict(self) -> dict[str, Any]:
        own = {name: value for name, value in vars(self).items() if isinstance(value, Tensor)}
        for name, module in self._modules.items():
            own |= {f"{name}.{key}": value for key, value in module.state_dict().items()}
        return own


Module.__module__ = "torch.nn.modules.module"


def stand_in(name: str, **attributes: Any) -> Module:
    """A module of this name."""
    kind = type(name, (Module,), {"__module__": f"torch.nn.modules.{name.lower()}"})
    module: Module = kind(**attributes)
    return module


def linear(inputs: int, outputs: int, **options: Any) -> Module:
    weight, bias = RANDOM.normal(size=(outputs, inputs)), RANDOM.normal(size=outputs)
    return stand_in("Linear", weight=Tensor(weight, **options), bias=Tensor(bias, **options))


def stack(*modules: Module) -> Module:
    return stand_in("Sequential", modules=modules)


def test_modules_are_read_without_pytorch() -> None:
    first, last = linear(5, 4), linear(4, 2, requires_grad=False)
    norm = stand_in(
        "LayerNorm", normalized_shape=(4,), eps=1e-3, weight=Tensor(np.ones(4) * 2), bias=None
    )
    module = stack(first, stack(stand_in("ReLU"), norm), stand_in("Dropout", p=0.25), last)
    net = lm.from_torch(module)
    assert net.layers == (
        lm.Dense(4, "relu"),
        lm.LayerNorm(1e-3, shift=False),
        lm.Dropout(0.25),
        lm.Dense(2, trainable=False),
    )
    hidden = np.maximum(ROWS @ first.weight.array.T + first.bias.array, 0)
    centred = hidden - hidden.mean(axis=1, keepdims=True)
    normal = 2 * centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-3)
    expected = normal @ last.weight.array.T + last.bias.array
    np.testing.assert_allclose(net.predict(ROWS), expected, rtol=1e-5, atol=1e-5)


def test_a_state_takes_the_place_of_the_modules_values() -> None:
    module, other = stack(linear(5, 4)), stack(linear(5, 4))
    net = lm.from_torch(module, {name: t.array for name, t in other.state_dict().items()})
    np.testing.assert_array_equal(net.predict(ROWS), lm.from_torch(other).predict(ROWS))
    state = other.state_dict()
    wrong: list[tuple[Any, str]] = [
        ({}, "the state has no '0.weight', which the module has"),
        (state | {"extra": state["0.bias"]}, "the state has 'extra', which the module has not"),
        (
            state | {"0.bias": np.zeros(3)},
            r"'0\.bias' has the shape \(3,\) in the state and \(4,\)",
        ),
        (3, "expected state as a dictionary of tensors, got 3"),
    ]
    for given, sentence in wrong:
        with pytest.raises((TypeError, ValueError), match=f"from_torch: {sentence}"):
            lm.from_torch(module, given)


def hooked() -> Module:
    module = linear(5, 4)
    module._forward_pre_hooks[0] = print
    return module


def own_forward() -> Module:
    class Own(type(linear(5, 4))):  # type: ignore[misc]
        def forward(self) -> None:
            """Something else."""

    own: Module = Own(weight=Tensor(np.ones((4, 5))), bias=None)
    return own


TABLE = stand_in("Embedding", weight=Tensor(np.ones((7, 3))), max_norm=None)
FLAT = stand_in("Flatten", start_dim=1, end_dim=-1)
REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "number": (lambda: 3, r"expected a torch\.nn\.Module, got 3"),
    "convolution": (
        lambda: stack(linear(5, 4), stand_in("Conv1d")),
        r"module '1' \(Conv1d\) is none that lamina has a layer for; export it with",
    ),
    "own forward": (lambda: stack(own_forward()), r"module '0' \(Own\) has a forward"),
    "hooks": (lambda: stack(hooked()), r"module '0' \(Linear\) has hooks"),
    "no width": (lambda: stack(stand_in("ReLU")), "no module says how many inputs there are"),
    "widths": (
        lambda: stack(linear(5, 4), linear(3, 2)),
        r"module '1' \(Linear\) has 3 inputs, and 4 come",
    ),
    "softmax of columns": (
        lambda: stack(linear(5, 4), stand_in("Softmax", dim=0)),
        r"module '1' \(Softmax\) has options that lamina has not",
    ),
    "no statistics": (
        lambda: stack(stand_in("BatchNorm1d", track_running_stats=False, running_mean=None)),
        r"module '0' \(BatchNorm1d\) has no running statistics",
    ),
    "embedding alone": (lambda: stack(TABLE), r"module '0' \(Embedding\) needs"),
    "embedding later": (
        lambda: stack(linear(5, 4), TABLE, FLAT),
        r"module '1' \(Embedding\) is not the first",
    ),
    "softmax of an embedding": (
        lambda: stack(TABLE, stand_in("Softmax", dim=1), FLAT, linear(6, 2)),
        r"module '1' \(Softmax\) stands between nn\.Embedding and its nn\.Flatten",
    ),
    "part of an embedding": (
        lambda: stack(TABLE, FLAT, linear(7, 2)),
        r"module '0' \(Embedding\) needs",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_module_that_is_no_layer_is_refused_by_its_name(name: str) -> None:
    make, sentence = REFUSED[name]
    with pytest.raises((TypeError, ValueError), match=f"from_torch: {sentence}"):
        lm.from_torch(make())


def test_an_embedding_is_as_wide_as_what_follows_says() -> None:
    table, last = RANDOM.normal(size=(7, 3)), linear(12, 2)
    embedding = stand_in("Embedding", weight=Tensor(table), max_norm=None)
    net = lm.from_torch(stack(embedding, FLAT, stand_in("Tanh"), last))
    assert net.layers[0] == lm.Embedding(dict.fromkeys(range(4), 7), 3)
    codes = RANDOM.integers(0, 7, (20, 4))
    embedded = np.tanh(table[codes].reshape(20, 12))
    expected = embedded @ last.weight.array.T + last.bias.array
    np.testing.assert_allclose(net.predict(codes), expected, rtol=1e-5, atol=1e-5)


def test_a_module_that_stands_there_twice_is_two_layers() -> None:
    act, square, last = stand_in("ReLU"), linear(5, 5), linear(5, 2)
    block = stack(square, act)
    net = lm.from_torch(stack(block, square, act, block, last))
    assert [layer.units for layer in net.layers] == [5, 5, 5, 2]  # type: ignore[attr-defined]
    hidden = ROWS
    for _ in range(3):
        hidden = np.maximum(hidden @ square.weight.array.T + square.bias.array, 0.0)
    expected = hidden @ last.weight.array.T + last.bias.array
    np.testing.assert_allclose(net.predict(ROWS), expected, rtol=1e-5, atol=1e-5)


# With PyTorch itself


def activations(nn: Any) -> list[Any]:
    plain = "ReLU ReLU6 Sigmoid Tanh SiLU Mish SELU Softsign LogSigmoid Hardsigmoid Hardswish"
    return [
        *(getattr(nn, name)() for name in plain.split()),
        *(nn.LeakyReLU(0.3), nn.RReLU(), nn.ELU(0.5), nn.CELU(2.0), nn.GELU(), nn.GELU("tanh")),
        *(nn.Hardtanh(), nn.Hardtanh(-2, 3), nn.Softplus(), nn.Softplus(2.0), nn.Softmax(-1)),
        nn.LogSoftmax(1),
    ]


def modules(torch: Any) -> list[tuple[Any, Array]]:
    """Modules with random weights, and rows for them."""
    nn = torch.nn
    norm = nn.BatchNorm1d(6)
    norm(torch.randn(30, 6))
    long = [
        *(nn.Flatten(), nn.Sequential(nn.Linear(5, 6, bias=False), norm, nn.Dropout(0.3))),
        *(nn.LayerNorm(6), nn.RMSNorm(6), nn.PReLU(), nn.PReLU(6), nn.Identity()),
        *(nn.AlphaDropout(0.2), nn.LayerNorm(6, elementwise_affine=False)),
        *(nn.BatchNorm1d(6, affine=False), nn.Linear(6, 2)),
    ]
    weight_norm = nn.utils.parametrizations.weight_norm
    codes = RANDOM.integers(0, 7, (20, 4))
    named = OrderedDict(first=nn.Linear(5, 3), second=nn.RMSNorm(3))
    return [
        *((nn.Sequential(nn.Linear(5, 6), a, nn.Linear(6, 3)), ROWS) for a in activations(nn)),
        (nn.Sequential(*long), ROWS),
        (nn.Sequential(named).double(), ROWS),
        (nn.Sequential(weight_norm(nn.Linear(5, 6)), nn.ReLU()), ROWS),
        (nn.Sequential(nn.Embedding(7, 3), nn.Flatten(), nn.ReLU(), nn.Linear(12, 2)), codes),
        (nn.Linear(5, 2), ROWS),
    ]


def test_pytorchs_modules_give_the_same() -> None:
    torch = pytest.importorskip("torch", reason="needs PyTorch, which no extra installs")
    torch.manual_seed(0)
    for module, rows in modules(torch):
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.copy_(0.5 * torch.randn(parameter.shape))
        dtype = next(module.parameters()).dtype
        given = torch.from_numpy(rows)
        with torch.no_grad():
            expected = module.eval()(given.to(dtype) if rows.dtype.kind == "f" else given).numpy()
        net = lm.from_torch(module.train())
        assert net.dtype == expected.dtype
        bound = 1e-5 if net.dtype == "float32" else 1e-9
        np.testing.assert_allclose(
            net.predict(rows), expected, rtol=bound, atol=bound, err_msg=str(module)
        )


def test_a_pytorch_module_on_the_meta_device_takes_a_state() -> None:
    torch = pytest.importorskip("torch", reason="needs PyTorch, which no extra installs")
    real = torch.nn.Sequential(torch.nn.Linear(5, 3), torch.nn.ReLU())
    empty = torch.nn.Sequential(torch.nn.Linear(5, 3, device="meta"), torch.nn.ReLU())
    net = lm.from_torch(empty, real.state_dict())
    np.testing.assert_array_equal(net.predict(ROWS), lm.from_torch(real).predict(ROWS))
    narrow = lm.from_torch(real.bfloat16())
    expected = real.float()(torch.from_numpy(ROWS).float()).detach().numpy()
    np.testing.assert_allclose(narrow.predict(ROWS), expected, rtol=1e-5, atol=1e-5)
    with pytest.raises(ValueError, match="is on the device 'meta' and has no numbers"):
        lm.from_torch(empty)


def test_pytorch_modules_that_only_seem_to_be_layers_are_refused() -> None:
    nn = pytest.importorskip("torch", reason="needs PyTorch, which no extra installs").nn
    patched, pruned = nn.Linear(5, 2), nn.Linear(5, 2)
    patched.forward = lambda x: x
    prune = pytest.importorskip("torch.nn.utils.prune", reason="needs PyTorch")
    prune.l1_unstructured(pruned, "weight", amount=0.5)
    for module, sentence in (
        (patched, r"the module \(Linear\) has a forward of its own"),
        (nn.Sequential(pruned), r"module '0' \(Linear\) has hooks .*prune\.remove"),
        (nn.Sequential(nn.LazyLinear(3)), r"module '0' \(LazyLinear\) has no weights yet"),
        (
            nn.Sequential(nn.Softmax(-1), nn.Flatten(), nn.Linear(12, 2)),
            r"module '1' \(Flatten\) stands behind a softmax of an axis that no module tells",
        ),
    ):
        with pytest.raises(ValueError, match=f"from_torch: {sentence}"):
            lm.from_torch(module)


def test_a_shared_pytorch_module_counts_wherever_it_stands() -> None:
    torch = pytest.importorskip("torch", reason="needs PyTorch, which no extra installs")
    act, square = torch.nn.Tanh(), torch.nn.Linear(5, 5)
    module = torch.nn.Sequential(square, act, square, act, torch.nn.Linear(5, 2))
    expected = module(torch.from_numpy(ROWS).float()).detach().numpy()
    np.testing.assert_allclose(lm.from_torch(module).predict(ROWS), expected, rtol=1e-5, atol=1e-5)
