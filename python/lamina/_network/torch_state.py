"""A network's weights under the names that PyTorch's modules give them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lamina._checks.spec import Spec
from lamina._checks.types import NDArray
from lamina._layers.layers import LAYERS

Arrays = dict[str, NDArray[Any]]
# Layers with parameters for which torch.nn has no module.
_NOT_IN_TORCH = (
    *("column_encoding", "embedding", "ensemble", "piecewise_linear", "periodic"),
    *("normalization", "parametric_activation", "scale", "target_scaling"),
)


def torch_state(
    layers: Sequence[Spec], parameters: Mapping[str, NDArray[Any]], prefix: str = ""
) -> Arrays:
    """What `nn.Sequential.state_dict()` holds for these layers.

    Args:
        layers: descriptions, as `Sequential.to_spec()["layers"]` has them.
        parameters: those of the whole network, by name.
        prefix: what the layers' names begin with: "", or "layers.2." in a block.

    Raises:
        ValueError: a layer has parameters and no module in torch.nn.
    """
    state: Arrays = {}
    place = 0
    for index, spec in enumerate(layers):
        layer = f"{prefix}layers.{index}."
        if spec["kind"] in _NOT_IN_TORCH or spec.get("parametrization") == "ntk":
            raise ValueError(
                f"to_torch_state_dict: {layer[:-1]} is a {_title(spec)}, which "
                "torch.nn has no module for; convert a network of the other layers, with their "
                "parameters, and compute this one beside it in PyTorch"
            )
        own = {k.removeprefix(layer): v for k, v in parameters.items() if k.startswith(layer)}
        if spec["kind"] == "residual":
            inner = torch_state(spec["layers"], parameters, layer)
            own = {name: own[name] for name in own if name.startswith("projection.")}
            own |= {f"layers.{name}": array for name, array in inner.items()}
        _complete_normalisation(spec, own)
        state |= {f"{place}.{name}": array for name, array in own.items()}
        activates = spec["kind"] == "dense" and spec["activation"] != "identity"
        place += 2 if activates else 1
    return state


def _title(spec: Spec) -> str:
    name = LAYERS[spec["kind"]].__name__
    return f"{name} of NTK parametrization" if "parametrization" in spec else name


def _complete_normalisation(spec: Spec, own: Arrays) -> None:
    """Add what PyTorch's modules have where lamina's layer leaves it at 1 or 0."""
    if spec["kind"] in ("batch_norm", "layer_norm") and "bias" in own:
        own.setdefault("weight", np.ones_like(own["bias"]))
    if spec["kind"] == "batch_norm":
        if "weight" in own:
            own.setdefault("bias", np.zeros_like(own["weight"]))
        # PyTorch counts batches for momentum=None alone, which lamina does not have.
        own["num_batches_tracked"] = np.zeros((), np.int64)


def as_tensors(state: Arrays) -> dict[str, Any]:
    """The arrays as tensors of PyTorch; ImportError where that is not installed."""
    try:
        import torch
    except ImportError:
        raise ImportError(
            "to_torch_state_dict: expected PyTorch, which is not installed; install torch, or pass "
            "as_numpy=True for a dictionary of numpy arrays"
        ) from None
    return {name: torch.from_numpy(array) for name, array in state.items()}
