"""What a network is made of: its layers, their weights, its description and its copies."""

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any, Self, cast

import numpy as np

from lamina import _core
from lamina._checks import arrays
from lamina._checks.arrays import Dtype, DtypeLike
from lamina._checks.frames import Names
from lamina._checks.numbers import check_flag, checked_count, checked_seed
from lamina._checks.spec import Spec, to_json, what
from lamina._checks.types import ArrayLike, NDArray
from lamina._layers.layer import Layer
from lamina._layers.layers import Activation, Dense, layer_from_spec
from lamina._layers.row_layers import Normalization, TargetScaling
from lamina._network.torch_state import as_tensors, torch_state

Array = NDArray[Any]
CoreNetwork = _core.Network


class Stack:
    """Layers with their weights; `Sequential` adds what can be done with them."""

    # At most so many threads work on the network; None: as many as the process has.
    _threads: int | None = None
    # What the last call gave as its loss, and the core's loss for it: most loops give the same.
    _last_loss: tuple[Any, _core.Loss] | None = None

    def __init__(
        self,
        layers: Iterable[Layer],
        *more: Layer,
        inputs: int | None = None,
        seed: int = 0,
        dtype: DtypeLike = "float32",
        scale_targets: bool = False,
    ) -> None:
        if more or not isinstance(layers, Iterable):
            got = f"{1 + len(more)} arguments" if more else what(layers)
            raise TypeError(f"Sequential: expected a list of layers, got {got}")
        self.layers: tuple[Layer, ...] = tuple(layers)
        for layer in self.layers:
            if not isinstance(layer, Layer):
                raise TypeError(f"Sequential: expected layers, got {what(layer)}")
        if not self.layers:
            raise ValueError("Sequential: expected at least one layer, got none")
        check_flag(scale_targets, "scale_targets", "Sequential")
        if scale_targets and not isinstance(self.layers[-1], TargetScaling):
            self.layers += (TargetScaling(),)
        if isinstance(self.layers[-1], TargetScaling):
            _check_scaled(self.layers[:-1])
        self.dtype = _checked_dtype(dtype)
        self.seed = checked_seed(seed)
        self.epochs_trained = 0
        self._forward_steps = 0
        self._core: CoreNetwork | None = None
        self._feature_names: Names | None = None
        # A first Normalization subtracts in float64, before the user's numbers are rounded.
        self._subtracts = isinstance(self.layers[0], Normalization)
        # True while the weights are the first, random ones and nobody was told.
        self._is_fresh = True
        if inputs is not None:
            self._build(inputs)

    @property
    def inputs(self) -> int | None:
        """Input features; None until they are known."""
        return None if self._core is None else self._core.inputs

    @property
    def outputs(self) -> int | None:
        """Outputs; None until the input features are known."""
        return None if self._core is None else self._core.outputs

    @property
    def feature_names(self) -> Names | None:
        """Names of the columns of the frame that `fit` or `adapt` was given; None: of no frame.

        Frames given later must have these columns in this order; arrays have no names to check.
        """
        return self._feature_names

    def to_spec(self) -> Spec:
        """The architecture, as model files have it."""
        spec: Spec = json.loads(self._core_network().spec())
        return spec

    def parameters(self) -> dict[str, Array]:
        """Copies of all weights by name: "layers.0.weight" [out, in], "layers.0.bias" [out], ..."""
        core = self._core_network()
        return dict(zip(core.parameter_names, core.get_parameters(), strict=True))

    def set_parameters(self, parameters: Mapping[str, ArrayLike]) -> None:
        """Set the named weights; the others stay. Concurrent predictions see all changes at once.

        The "mean" of a `Normalization` may be float64: what `dtype` cannot hold goes to "mean_low".

        Raises:
            ValueError: unknown name, wrong shape, NaN or infinity. Then nothing is changed.
        """
        core = self._core_network()
        if not isinstance(parameters, Mapping):
            raise TypeError(
                "set_parameters: expected a dictionary from names to arrays, got "
                f"{what(parameters)}"
            )
        names, shapes = core.parameter_names, core.parameter_shapes
        places = {name: place for place, name in enumerate(names)}
        parameters = self._with_split_means(parameters, places)
        checked: list[tuple[int, Array]] = []
        for name, value in parameters.items():
            index = places.get(name)
            if index is None:
                raise ValueError(
                    f"set_parameters: unknown name {name!r}; there are {', '.join(names)}"
                )
            array = arrays.contiguous(value, dtype=self.dtype, where="set_parameters", name=name)
            expected = tuple(shapes[index])
            if array.shape != expected:
                raise ValueError(
                    f"set_parameters: {name} expected shape {expected}, got {array.shape}"
                )
            if not np.isfinite(array).all():
                raise ValueError(f"set_parameters: {name} expected finite numbers")
            if name.endswith("running_var") and (array < 0).any():
                raise ValueError(f"set_parameters: {name} expected variances of at least 0")
            checked.append((index, array))
        core.set_parameters([index for index, _ in checked], [array for _, array in checked])
        self._is_fresh = False

    def to_torch_state_dict(self, *, as_numpy: bool = False) -> dict[str, Any]:
        """The weights as `load_state_dict` of the equal `torch.nn.Sequential` takes them.

        A layer is one module: `nn.Linear`, `nn.BatchNorm1d`, `nn.LayerNorm`, `nn.RMSNorm`,
        `nn.PReLU` (give each its layer's epsilon), `nn.Dropout`; a `Dense` with an activation is
        two, and so is "0.weight", "2.weight" the usual numbering. Layers without parameters
        that torch.nn does not have (`Clip`, `Activation("sin")`) are one module that you write. A
        `Residual` is a module with the attributes `layers`, an `nn.Sequential`, and `projection`,
        whose `forward(x)` is `self.layers(x) + self.projection(x)`.

        Args:
            as_numpy: numpy arrays in place of tensors, for which PyTorch need not be installed.

        Raises:
            ImportError: PyTorch is not installed. ValueError: a layer with parameters has no module
                there (`ColumnEncoding`, `Embedding`, `Normalization`, `Periodic`, ...).

        Example:
            >>> import lamina as lm
            >>> net = lm.Sequential([lm.Dense(8, "relu"), lm.Dense(3, "softmax")], inputs=4)
            >>> list(net.to_torch_state_dict(as_numpy=True))
            ['0.weight', '0.bias', '2.weight', '2.bias']
        """
        check_flag(as_numpy, "as_numpy", "to_torch_state_dict")
        state = torch_state(self.to_spec()["layers"], self.parameters())
        return state if as_numpy else as_tensors(state)

    def reset(self, seed: int | None = None) -> None:
        """Draw new first weights, from `seed` or the network's own."""
        chosen = self.seed if seed is None else checked_seed(seed)
        self._core_network().initialize(chosen)
        self.seed = chosen
        self._feature_names, self._is_fresh = None, True
        self.epochs_trained = self._forward_steps = 0

    def get_state(self) -> dict[str, int]:
        """What training draws its random numbers by: seed, epochs trained, last dropout mask."""
        return {
            "seed": self.seed,
            "epochs_trained": self.epochs_trained,
            "random_step": self._forward_steps,
        }

    def set_state(self, state: Mapping[str, int]) -> None:
        """Continue from what `get_state` gave; weights are set by `set_parameters`.

        Raises:
            ValueError: a name is missing or unknown, or a number negative.
        """
        names = self.get_state().keys()
        if not isinstance(state, Mapping) or state.keys() != names:
            got = ", ".join(map(str, state)) if isinstance(state, Mapping) else repr(state)
            raise ValueError(f"set_state: expected {', '.join(names)}, got {got or 'nothing'}")
        seed = checked_seed(state["seed"])
        epochs, step = (checked_count(state[k], k) for k in ("epochs_trained", "random_step"))
        self.seed, self.epochs_trained, self._forward_steps = seed, epochs, step

    def copy(self) -> Self:
        """A network of its own with equal weights."""
        twin = type(self)(self.layers, seed=self.seed, dtype=self.dtype)
        twin.set_state(self.get_state())
        if self.inputs is not None:
            twin._build(self.inputs, draws=False, threads=self._threads)
            twin.set_parameters(self.parameters())
        twin._feature_names, twin._is_fresh = self._feature_names, self._is_fresh
        return twin

    def summary(self) -> None:
        """Print layers, widths and parameter counts."""
        print(self._summary_text())

    def __repr__(self) -> str:
        return self._summary_text()

    @classmethod
    def from_spec(cls, spec: Spec, *, seed: int = 0, dtype: DtypeLike = "float32") -> Self:
        """The network that `to_spec` described, with first weights from `seed`."""
        if not isinstance(spec, Mapping) or not {"inputs", "layers"} <= spec.keys():
            raise ValueError(f"from_spec: expected a description that to_spec gave, got {spec!r}")
        # The core reads it first: it says what is wrong where layers could only stumble.
        _core.parameter_shapes(to_json({name: spec[name] for name in ("inputs", "layers")}))
        return cls._from_spec(spec, seed=seed, dtype=dtype, draws=True)

    @classmethod
    def _from_spec(
        cls,
        spec: Spec,
        *,
        seed: int,
        dtype: DtypeLike,
        draws: bool = False,
        threads: int | None = None,
    ) -> Self:
        layers = [layer_from_spec(layer) for layer in spec["layers"]]
        net = cls(layers, seed=seed, dtype=dtype)
        net._build(spec["inputs"], draws=draws, threads=threads)
        return net

    @classmethod
    def _of_core(cls, core: CoreNetwork, contents: Mapping[str, Any]) -> Self:
        """A network that the core has read from a file, whose contents it has checked."""
        layers = [layer_from_spec(layer) for layer in contents["network"]["layers"]]
        net = cls(layers, seed=contents["seed"], dtype=contents["dtype"])
        net._core, net._is_fresh = core, False
        net.epochs_trained = contents["epochs_trained"]
        names = contents.get("feature_names")
        net._feature_names = None if names is None else tuple(names)
        return net

    def _build(self, inputs: int, *, draws: bool = True, threads: int | None = None) -> None:
        """Make the core's network; without first weights where all are set afterwards.

        Args:
            threads: at most so many; None: as many as the process has.
        """
        self._threads = threads
        spec = {"inputs": inputs, "layers": [layer.to_spec() for layer in self.layers]}
        self._core = _core.make_network(
            to_json(spec), self.dtype, self.seed if draws else None, threads
        )

    def _core_network(self) -> CoreNetwork:
        if self._core is None:
            raise RuntimeError(
                "Sequential: the number of input features is not known yet; give inputs=, or call "
                "fit or predict first"
            )
        return self._core

    def _random_step(self, step: int | None) -> int:
        """The number of the next random mask, or the one that is asked for."""
        if step is not None:
            return checked_count(step, "step")
        self._forward_steps += 1
        return self._forward_steps

    def _with_split_means(
        self, parameters: Mapping[str, ArrayLike], places: Mapping[str, int]
    ) -> Mapping[str, ArrayLike]:
        """Means of Normalization layers as two numbers whose sum they are."""
        means = [name for name in parameters if f"{name}_low" in places]
        if not means:
            return parameters
        changed = dict(parameters)
        for name in means:
            mean = np.asarray(parameters[name])
            low = np.asarray(parameters.get(f"{name}_low", 0.0))
            # What is wrong with them is told below.
            fits = mean.dtype.kind in "fiu" and low.dtype.kind in "fiu"
            if fits and low.shape in ((), mean.shape):
                changed |= split_mean(name, mean.astype(np.float64) + low, self.dtype)
        return changed

    def _set_figures(self, parameters: Mapping[str, ArrayLike]) -> None:
        """`set_parameters` of what is no weight: the weights are as fresh as before."""
        fresh = self._is_fresh
        self.set_parameters(parameters)
        self._is_fresh = fresh

    def _summary_text(self) -> str:
        if self._core is None:
            return f"Sequential({list(self.layers)}, inputs not known yet)"
        widths, names = self._core.layer_widths, self._core.parameter_names
        shapes = self._core.parameter_shapes
        sizes = [0] * len(self.layers)
        for name, shape in zip(names, shapes, strict=True):
            sizes[int(name.split(".", 2)[1])] += math.prod(shape)
        lines = [f"{'layer':<34}{'outputs':>10}{'parameters':>14}"]
        for layer, width, own in zip(self.layers, widths[1:], sizes, strict=True):
            lines.append(f"{layer.title():<34}{width:>10,}{own:>14,}")
        total = sum(sizes)
        lines.append(f"{widths[0]:,} inputs, {total:,} parameters, {self.dtype}")
        return "\n".join(lines)


def _checked_dtype(dtype: Any) -> Dtype:
    try:
        # numpy takes None for float64.
        name = dtype if isinstance(dtype, str | None) else np.dtype(dtype).name
    except TypeError:
        name = None
    if name in ("float32", "float64"):
        return cast(Dtype, name)
    raise ValueError(f"Sequential: expected dtype float32 or float64, got {dtype!r}")


def _check_scaled(layers: tuple[Layer, ...]) -> None:
    """Refuse layers whose outputs are no quantities that could be scaled."""
    if not layers:
        raise ValueError("Sequential: expected a layer before TargetScaling, got none")
    last = layers[-1]
    kind = last.activation if isinstance(last, Dense | Activation) else ""
    if kind in ("softmax", "sigmoid", "log_softmax"):
        raise ValueError(
            f"Sequential: expected a last layer for quantities with scale_targets, got {kind!r}, "
            "whose outputs are probabilities of classes; leave scale_targets out"
        )


def split_mean(name: str, mean: Array, dtype: str) -> dict[str, Array]:
    """A float64 mean as two parameters of the network's dtype whose sum it is."""
    with np.errstate(over="ignore", invalid="ignore"):  # set_parameters refuses what is not finite
        high = mean.astype(dtype)
        return {name: high, f"{name}_low": (mean - high).astype(dtype)}
