"""Networks to and from model files: safetensors with the architecture in its metadata."""

import json
import os
import reprlib
from collections.abc import Set
from typing import Any, TypeVar, cast

import numpy as np

from lamina import _core
from lamina._checks.arrays import Dtype
from lamina._checks.frames import Names
from lamina._checks.numbers import checked_count, checked_seed
from lamina._checks.spec import Spec, to_json, what
from lamina._checks.types import NDArray, PathLike
from lamina._network.stack import Stack

Network = TypeVar("Network", bound=Stack)
Tensors = dict[str, NDArray[Any]]
_RESERVED = "layers."
# What the weights of LayerNorm, RMSNorm, Scale and PReLU were called in files of earlier versions.
_FORMER_NAMES = {"weight": ("scale", "slope"), "bias": ("shift",)}


def save_model(
    path: PathLike,
    net: Stack,
    *,
    record: dict[str, Any] | None = None,
    tensors: Tensors | None = None,
) -> None:
    """Write `net` with a record (JSON) and tensors of the caller's own to one file.

    Raises:
        ValueError: a tensor's name starts with "layers.". OSError: the file cannot be written.
    """
    _core.write_model_file(_checked_path(path, "save"), *_contents(net, record, tensors))


def load_model(path: PathLike, kind: type[Network]) -> tuple[Network, dict[str, Any], Tensors]:
    """Read what `save_model` wrote: a network of this class, record, tensors.

    Raises:
        ValueError: not a lamina model, damaged, of a newer version, or parts do not fit.
        OSError: the file cannot be read.
    """
    text, tensors = _core.read_model_file(_checked_path(path, "load"))
    return _restore(str(path), text, tensors, kind)


def network_contents(net: Stack) -> tuple[dict[str, Any], Tensors]:
    """A network as JSON and the tensors of its weights, for a file that holds several."""
    contents = {
        "network": net.to_spec(),
        "dtype": net.dtype,
        "seed": net.seed,
        "epochs_trained": net.epochs_trained,
        **({} if net.feature_names is None else {"feature_names": list(net.feature_names)}),
        "record": {},
    }
    return contents, net.parameters()


def network_from_contents(
    where: str, contents: Any, weights: Tensors, kind: type[Network]
) -> Network:
    """Back from `network_contents`, of this class; ValueError where the parts do not fit."""
    try:
        contents = _checked_contents(contents)
        _check_shapes(contents["network"], weights)
        net = kind._from_spec(
            contents["network"], seed=contents["seed"], dtype=cast(Dtype, contents["dtype"])
        )
        net._feature_names = _names(contents.get("feature_names"), net.inputs)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{where}: the description of the network is wrong: {error}") from None
    net.epochs_trained = contents["epochs_trained"]
    for name, tensor in weights.items():
        if tensor.dtype != net.dtype:
            raise ValueError(f"{where}: {name} expected dtype {net.dtype}, got {tensor.dtype}")
    try:
        net.set_parameters(weights)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    return net


def model_bytes(
    net: Stack, *, record: dict[str, Any] | None = None, tensors: Tensors | None = None
) -> bytes:
    """What `save_model` writes, as bytes; pickle carries these."""
    return _core.serialize_model(*_contents(net, record, tensors))


def model_from_bytes(data: bytes, kind: type[Network]) -> tuple[Network, dict[str, Any], Tensors]:
    """What is in `model_bytes`, as `load_model` gives it."""
    text, tensors = _core.parse_model(data)
    return _restore("model bytes", text, tensors, kind)


def _checked_path(path: PathLike, where: str) -> str | bytes:
    if not isinstance(path, str | bytes | os.PathLike):
        raise TypeError(f"{where}: expected the path of a file, got {what(path)}")
    name = os.fspath(path)
    if ("\0" if isinstance(name, str) else b"\0") in name:
        raise ValueError(f"{where}: expected a path without zero bytes, got {name!r}")
    try:
        os.fsencode(name)
    except UnicodeEncodeError:
        raise ValueError(
            f"{where}: expected a path that the system can encode, got {name!r}"
        ) from None
    return name


def _contents(
    net: Stack, record: dict[str, Any] | None, tensors: Tensors | None
) -> tuple[str, Tensors]:
    extra = {name: np.ascontiguousarray(tensor) for name, tensor in (tensors or {}).items()}
    for name in extra:
        if name.startswith(_RESERVED):
            raise ValueError(f"save: the tensor name {name!r} is kept for the network's weights")
    contents, weights = network_contents(net)
    return to_json(contents | {"record": record or {}}), {**weights, **extra}


def _restore(
    where: str, text: str, tensors: Tensors, kind: type[Network]
) -> tuple[Network, dict[str, Any], Tensors]:
    own = {name: tensor for name, tensor in tensors.items() if name.startswith(_RESERVED)}
    try:
        contents = json.loads(text)
    except ValueError as error:
        raise ValueError(f"{where}: the description of the network is wrong: {error}") from None
    net = network_from_contents(where, contents, own, kind)
    rest = {name: t for name, t in tensors.items() if not name.startswith(_RESERVED)}
    return net, contents["record"], rest


def _names(names: Any, inputs: int | None) -> Names | None:
    """Names of features; ValueError where they are no such list."""
    if names is None:
        return None
    if not isinstance(names, list) or not all(isinstance(n, str | int) for n in names):
        raise ValueError(f"expected feature_names as a list of names, got {names!r:.60}")
    if len(names) != inputs:
        raise ValueError(f"expected {inputs} feature_names, got {len(names)}")
    return tuple(names)


def _checked_contents(contents: Any) -> dict[str, Any]:
    if not isinstance(contents, dict):
        raise ValueError(f"expected a JSON object, got {reprlib.repr(contents)}")
    for name, kind, expected in (
        ("network", dict, "a description of layers"),
        ("dtype", str, "a name"),
        ("seed", int, "a whole number"),
        ("epochs_trained", int, "a whole number"),
        ("record", dict, "a record of options"),
    ):
        value = contents.get(name)
        if not isinstance(value, kind) or isinstance(value, bool):
            got = "nothing" if name not in contents else reprlib.repr(value)
            raise ValueError(f"expected {name!r} as {expected}, got {got}")
    checked_seed(contents["seed"])
    checked_count(contents["epochs_trained"], "epochs_trained")
    checked: dict[str, Any] = contents
    return checked


def _complete_from_former(expected: Set[str], tensors: Tensors) -> None:
    """Give the tensors of a file that an earlier version wrote the names of today."""
    for name in expected - tensors.keys():
        layer, _, own = name.rpartition(".")
        for former in (f"{layer}.{key}" for key in _FORMER_NAMES.get(own, ())):
            if former in tensors.keys() - expected:
                tensors[name] = tensors.pop(former)
        # Means were kept in one part once.
        if own == "mean_low" and f"{layer}.mean" in tensors:
            tensors[name] = np.zeros_like(tensors[f"{layer}.mean"])


def _check_shapes(network: Spec, tensors: Tensors) -> None:
    """Refuse weights that are not the described network's before memory is taken for one."""
    shapes = dict(_core.parameter_shapes(to_json(network)))
    _complete_from_former(shapes.keys(), tensors)
    if shapes.keys() != tensors.keys():
        wrong = sorted(shapes.keys() ^ tensors.keys())
        names = ", ".join(wrong[:6]) + (", ..." if len(wrong) > 6 else "")
        raise ValueError(f"weights and description do not agree: {names}")
    for name, shape in shapes.items():
        if tensors[name].shape != tuple(shape):
            raise ValueError(f"{name} expected shape {tuple(shape)}, got {tensors[name].shape}")
