"""Networks from modules of PyTorch."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from lamina._checks.arrays import Dtype
from lamina._checks.spec import what
from lamina._checks.types import NDArray
from lamina._layers.column_layers import Embedding
from lamina._layers.joining import join
from lamina._layers.layer import Layer
from lamina._layers.layers import Activation, BatchNorm, Dense, Dropout
from lamina._layers.part import Part
from lamina._layers.row_layers import Affine, AlphaDropout, Clip, LayerNorm, PReLU, RMSNorm
from lamina._network.assemble import assemble
from lamina._sequential import Sequential

Array = NDArray[Any]
# Modules by the activation that they are; those with options are below.
_ACTIVATIONS = {
    "ReLU": "relu", "ReLU6": "relu6", "Sigmoid": "sigmoid", "Tanh": "tanh", "SiLU": "silu",
    "Mish": "mish", "SELU": "selu", "Softsign": "softsign", "LogSigmoid": "log_sigmoid",
    "Hardsigmoid": "hard_sigmoid", "Hardswish": "hard_swish",
}  # fmt: skip


def from_torch(
    module: Any, state: Mapping[str, Any] | None = None, *, inputs: int | None = None
) -> Sequential:
    """A network with the weights of a module of PyTorch; its predictions are `module.eval()`'s.

    Takes `nn.Sequential`, also nested, of `nn.Linear`, all elementwise activations with their
    options, `nn.Softmax` and `nn.LogSoftmax`, `nn.BatchNorm1d`, `nn.LayerNorm`, `nn.RMSNorm`,
    `nn.PReLU`, `nn.Dropout`, `nn.AlphaDropout`, `nn.Flatten`, `nn.Identity`, and a first
    `nn.Embedding` with `nn.Flatten` behind it, whose table each column gets for itself. Weights of
    parametrizations such as `weight_norm` are taken as they are computed. Parameters that do not
    require gradients make a layer that is not trainable. A module with a `forward` of its own is
    imported by `torch.onnx.export` and `lamina.import_onnx`.

    Args:
        module: the module.
        state: values in place of the module's own, as its `state_dict()` has them: tensors or
            arrays. The module stays as it is, so that it may be on the "meta" device.
        inputs: input features, where no module says how many.

    Returns:
        A network in the parameters' dtype: float64, or float32 for all that is narrower.

    Raises:
        TypeError: no module. ValueError: a module that lamina has no layer for, by its name, or a
            state with other names or shapes.
    """
    if not _is_torch(module, "Module"):
        raise TypeError(f"from_torch: expected a torch.nn.Module, got {what(module)}")
    reader = _Reader(None if state is None else _checked_state(module, state))
    parts: list[Part] = []
    for name, own in _flat(module, ""):
        for part in reader.parts(name, own):
            join(parts, part)
    parts = [*reader.embedded(), *parts]
    width = inputs if inputs is not None else reader.inputs
    if width is None:
        raise ValueError("from_torch: no module says how many inputs there are; give inputs=")
    return assemble(Sequential, parts or [Part(Affine())], width, reader.dtype)


def _classes(module: Any) -> Iterator[type]:
    """The module's classes that PyTorch defines."""
    for kind in type(module).__mro__:
        if kind.__module__.startswith("torch.nn.modules."):
            yield kind


def _is_torch(module: Any, name: str) -> bool:
    return any(kind.__name__ == name for kind in _classes(module))


def _flat(module: Any, name: str) -> Iterator[tuple[str, Any]]:
    """The modules that follow one another, with their names."""
    if not _is_torch(module, "Sequential"):
        yield name, module
        return
    plain = next(kind for kind in _classes(module) if kind.__name__ == "Sequential")
    if type(module).forward is not plain.forward or _is_patched(module):  # type: ignore[attr-defined]
        raise _refused(name, module, "has a forward of its own")
    _check_hooks(name, module)
    # Not named_children(), which gives a module that stands there twice but once.
    for own, inner in module._modules.items():
        yield from _flat(inner, f"{name}.{own}" if name else own)


def _refused(name: str, module: Any, why: str) -> ValueError:
    where = f"module '{name}'" if name else "the module"
    return ValueError(
        f"from_torch: {where} ({type(module).__name__}) {why}; export it with "
        "torch.onnx.export, and read the file with lamina.import_onnx"
    )


def _is_patched(module: Any) -> bool:
    """Whether this one module has another forward than its class."""
    return "forward" in vars(module)


def _check_hooks(name: str, module: Any) -> None:
    if type(module).__name__.startswith("Lazy"):
        raise ValueError(
            f"from_torch: module '{name}' ({type(module).__name__}) has no weights yet, as no rows "
            "went through it; call it once"
        )
    if module._forward_hooks or module._forward_pre_hooks:
        raise _refused(
            name, module, "has hooks that may change it (torch.nn.utils.remove_weight_norm "
            "removes those of weight_norm, torch.nn.utils.prune.remove those of pruning)",
        )  # fmt: skip


def _checked_state(module: Any, state: Any) -> dict[str, Any]:
    if not isinstance(state, Mapping):
        raise TypeError(f"from_torch: expected state as a dictionary of tensors, got {what(state)}")
    own = module.state_dict()
    for name in own:
        if name not in state:
            raise ValueError(f"from_torch: the state has no '{name}', which the module has")
    for name in state:
        if name not in own:
            raise ValueError(f"from_torch: the state has '{name}', which the module has not")
        if tuple(state[name].shape) != tuple(own[name].shape):
            raise ValueError(
                f"from_torch: '{name}' has the shape {tuple(state[name].shape)} in the state and "
                f"{tuple(own[name].shape)} in the module"
            )
    return dict(state)


def _as_array(value: Any) -> Array:
    if isinstance(value, np.ndarray):
        return value
    if getattr(value, "is_meta", False):
        raise ValueError(
            "from_torch: the module is on the device 'meta' and has no numbers; give its state"
        )
    tensor = value.detach().cpu()
    if "bfloat16" in str(tensor.dtype):
        tensor = tensor.float()
    array: Array = tensor.numpy()
    return array


class _Reader:
    """Turns modules into layers, and remembers widths and dtypes.

    Attributes:
        inputs: of the network, once a module has told it. dtype: of the widest parameter.
    """

    def __init__(self, state: dict[str, Any] | None) -> None:
        self._state = state
        self.inputs: int | None = None
        self.dtype: Dtype = "float32"
        # What the modules so far make; a first embedding makes of each column as many as its units.
        self._columns: int | None = None
        self._embedding: tuple[str, Any, Array] | None = None
        self._is_flat = True
        # A softmax before the first module that knows its inputs may be over one of several axes.
        self._over_any_axis = False

    def parts(self, name: str, module: Any) -> list[Part]:
        """The layers of one module."""
        kind = next(_classes(module)).__name__
        _check_hooks(name, module)
        changed = type(module) is not next(_classes(module))
        if (changed and type(module).__name__ != f"Parametrized{kind}") or _is_patched(module):
            raise _refused(name, module, "has a forward of its own")
        if not self._is_flat and kind != "Flatten":
            raise _refused(name, module, "stands between nn.Embedding and its nn.Flatten")
        if kind in ("Identity", "Flatten"):
            return self._flatten(name, module, kind)
        if kind in _ACTIVATIONS:
            return [Part(Activation(_ACTIVATIONS[kind]))]
        if kind in _WITH_OPTIONS:
            return self._activation(name, module, kind)
        read = {
            "Linear": self._linear,
            "BatchNorm1d": self._batch_norm,
            "LayerNorm": self._norm,
            "RMSNorm": self._norm,
            "PReLU": self._prelu,
            "Embedding": self._table,
        }.get(kind)
        if read is None:
            raise _refused(name, module, "is none that lamina has a layer for")
        return read(name, module)

    def _activation(self, name: str, module: Any, kind: str) -> list[Part]:
        self._over_any_axis |= self._columns is None and kind in ("Softmax", "LogSoftmax")
        layers = _WITH_OPTIONS[kind](module)
        if layers is None:
            raise _refused(name, module, "has options that lamina has not")
        return [Part(layer) for layer in layers]

    def _flatten(self, name: str, module: Any, kind: str) -> list[Part]:
        if kind == "Flatten" and (module.start_dim, module.end_dim) not in ((1, -1), (1, 1)):
            raise _refused(name, module, "flattens other axes than those of a row")
        if kind == "Flatten" and self._over_any_axis:
            raise _refused(name, module, "stands behind a softmax of an axis that no module tells")
        self._is_flat |= kind == "Flatten"
        return []

    def _values(self, name: str, module: Any, *names: str) -> tuple[dict[str, Array], bool]:
        """The parameters and buffers that there are, and whether any of them learns."""
        values, learns = {}, False
        parametrized = hasattr(module, "parametrizations")
        if parametrized and self._state is not None:
            raise _refused(name, module, "has parametrizations, for which no state is taken")
        for own in names:
            tensor = getattr(module, own, None)
            if tensor is None:
                continue
            learns |= bool(tensor.requires_grad)
            whole = f"{name}.{own}" if name else own
            array = _as_array(tensor if self._state is None else self._state[whole])
            if array.dtype == np.float64:
                self.dtype = "float64"
            values[own] = array
        return values, learns

    def _reads(self, name: str, module: Any, width: int) -> None:
        """Called by each module that knows its inputs, with how many they are."""
        if self._columns is None:
            self._columns = self.inputs = width
        if width != self._columns:
            raise ValueError(
                f"from_torch: module '{name}' ({type(module).__name__}) has {width} inputs, and "
                f"{self._columns} come"
            )

    def embedded(self) -> list[Part]:
        """A first embedding, once it is known of how many columns it is."""
        if self._embedding is None:
            return []
        name, module, table = self._embedding
        rows, units = table.shape
        if not self._is_flat or self.inputs is None or self.inputs % units:
            raise _refused(name, module, "needs an nn.Flatten and an nn.Linear of its width behind")
        self.inputs //= units
        # A row of lamina's own for codes that the table has not, which PyTorch refuses.
        one = np.concatenate([table, np.zeros((1, units), table.dtype)])
        layer = Embedding(dict.fromkeys(range(self.inputs), rows), units)
        return [Part(layer, {"weight": np.tile(one, (self.inputs, 1))})]

    def _linear(self, name: str, module: Any) -> list[Part]:
        values, learns = self._values(name, module, "weight", "bias")
        units, width = values["weight"].shape
        self._reads(name, module, width)
        self._columns = units
        return [Part(Dense(units, bias="bias" in values, trainable=learns), values)]

    def _batch_norm(self, name: str, module: Any) -> list[Part]:
        if not module.track_running_stats or module.running_mean is None:
            raise _refused(name, module, "has no running statistics")
        if module.momentum is None:
            raise _refused(name, module, "averages all batches (momentum=None)")
        learned, learns = self._values(name, module, "weight", "bias")
        running, _ = self._values(name, module, "running_mean", "running_var")
        self._reads(name, module, module.num_features)
        layer = BatchNorm(
            float(module.momentum),
            _epsilon(module.eps),
            "weight" in learned,
            "bias" in learned,
            trainable=learns or not learned,
        )
        return [Part(layer, learned | running)]

    def _norm(self, name: str, module: Any) -> list[Part]:
        if len(module.normalized_shape) != 1:
            raise _refused(name, module, "normalises more than one axis")
        values, learns = self._values(name, module, "weight", "bias")
        self._reads(name, module, module.normalized_shape[0])
        trainable = learns or not values
        if _is_torch(module, "LayerNorm"):
            layer: Layer = LayerNorm(
                _epsilon(module.eps), "weight" in values, "bias" in values, trainable=trainable
            )
        else:
            # PyTorch's default is the rounding of the dtype.
            epsilon = module.eps if module.eps is not None else np.finfo(self.dtype).eps
            layer = RMSNorm(_epsilon(epsilon), "weight" in values, trainable=trainable)
        return [Part(layer, values)]

    def _prelu(self, name: str, module: Any) -> list[Part]:
        values, learns = self._values(name, module, "weight")
        shared = module.num_parameters == 1
        if not shared:
            self._reads(name, module, module.num_parameters)
        return [Part(PReLU(shared=shared, trainable=learns), values)]

    def _table(self, name: str, module: Any) -> list[Part]:
        if self.inputs is not None or self._embedding is not None:
            raise _refused(name, module, "is not the first")
        if module.max_norm is not None:
            raise _refused(name, module, "changes its table by max_norm")
        values, _ = self._values(name, module, "weight")
        self._embedding, self._is_flat = (name, module, values["weight"]), False
        return []


def _epsilon(given: Any) -> float:
    """Where it is less than lamina takes, the least: it counts in rows of nearly 0 alone."""
    return max(float(given), 1e-12)


def _hard_tanh(module: Any) -> list[Layer]:
    low, high = float(module.min_val), float(module.max_val)
    return [Activation("hard_tanh") if (low, high) == (-1.0, 1.0) else Clip(low, high)]


def _softplus(module: Any) -> list[Layer] | None:
    beta = float(module.beta)
    if beta <= 0.0 or module.threshold < 20:  # nearer to 0 PyTorch's bends
        return None
    plain = Activation("softplus")
    return [plain] if beta == 1.0 else [Affine(beta), plain, Affine(1.0 / beta)]


def _over_rows(name: str) -> Callable[[Any], list[Layer] | None]:
    return lambda module: [Activation(name)] if module.dim in (1, -1, None) else None


def _leaky(slope: float) -> list[Layer] | None:
    if not 0.0 <= slope <= 1.0:
        return None
    return [Activation({"kind": "leaky_relu", "negative_slope": slope})]


def _with_alpha(kind: str) -> Callable[[Any], list[Layer]]:
    return lambda module: [Activation({"kind": kind, "alpha": float(module.alpha)})]


_WITH_OPTIONS: dict[str, Callable[[Any], list[Layer] | None]] = {
    "LeakyReLU": lambda module: _leaky(float(module.negative_slope)),
    "RReLU": lambda module: _leaky((module.lower + module.upper) / 2),
    "ELU": _with_alpha("elu"),
    "CELU": _with_alpha("celu"),
    "GELU": lambda module: [Activation("gelu_tanh" if module.approximate == "tanh" else "gelu")],
    "Hardtanh": _hard_tanh,
    "Softplus": _softplus,
    "Softmax": _over_rows("softmax"),
    "LogSoftmax": _over_rows("log_softmax"),
    "Dropout": lambda module: [Dropout(module.p)] if module.p < 1.0 else [],
    "AlphaDropout": lambda module: [AlphaDropout(module.p)] if module.p < 1.0 else [],
}
