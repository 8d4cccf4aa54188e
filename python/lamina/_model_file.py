"""Networks to and from model files: safetensors with the architecture in its metadata."""

import json
import os
from typing import Any, cast

import numpy as np

from lamina import _core
from lamina._arrays import Dtype
from lamina._network import Sequential
from lamina._spec import to_json, what
from lamina._stack import Stack
from lamina._types import NDArray, PathLike

Tensors = dict[str, NDArray[Any]]
_RESERVED = "layers."


def save_model(
    path: PathLike,
    net: Sequential,
    *,
    record: dict[str, Any] | None = None,
    tensors: Tensors | None = None,
) -> None:
    """Write `net` with a record (JSON) and tensors of the caller's own to one file.

    Raises:
        ValueError: a tensor's name starts with "layers.". OSError: the file cannot be written.
    """
    _core.write_model_file(_checked_path(path, "save"), *_contents(net, record, tensors))


def load_model(path: PathLike) -> tuple[Sequential, dict[str, Any], Tensors]:
    """Read what `save_model` wrote: network, record, tensors.

    Raises:
        ValueError: not a lamina model, damaged, of a newer version, or parts do not fit.
        OSError: the file cannot be read.
    """
    text, tensors = _core.read_model_file(_checked_path(path, "load"))
    return _restore(str(path), text, tensors)


def load(path: PathLike) -> Sequential:
    """The network in a model file.

    Every byte is covered by a checksum, and everything is checked before anything is built.

    Raises:
        ValueError: not a lamina model, damaged, of a newer version, or parts do not fit; or a table
            model, which `lamina.tabular.TableModel.load` reads.
        FileNotFoundError, OSError: the file is not there, or cannot be read.
    """
    net, record, _ = load_model(path)
    if str(record.get("schema", "")).startswith("lamina.tabular."):
        raise ValueError(
            f"load: {os.fspath(path)!r} holds a table model, a network with what turns a table "
            "into its inputs; lamina.tabular.TableModel.load reads it, and its attribute network "
            "is the network alone"
        )
    return net


def model_bytes(net: Stack) -> bytes:
    """What `save` writes, as bytes; pickle carries these."""
    return _core.serialize_model(*_contents(net, None, None))


def network_from_bytes(data: bytes) -> Sequential:
    """The network in `model_bytes`."""
    text, tensors = _core.parse_model(data)
    return _restore("model bytes", text, tensors)[0]


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
    contents = {
        "network": net.to_spec(),
        "dtype": net.dtype,
        "seed": net.seed,
        "epochs_trained": net.epochs_trained,
        "record": record or {},
    }
    return to_json(contents), {**net.parameters(), **extra}


def _restore(where: str, text: str, tensors: Tensors) -> tuple[Sequential, dict[str, Any], Tensors]:
    contents = json.loads(text)
    own = {name: tensor for name, tensor in tensors.items() if name.startswith(_RESERVED)}
    _check_shapes(where, contents, own)
    try:
        net = Sequential.from_spec(
            contents["network"], seed=contents["seed"], dtype=cast(Dtype, contents["dtype"])
        )
        net.epochs_trained = int(contents["epochs_trained"])
        record = contents["record"]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{where}: the description of the network is wrong: {error}") from None
    if not isinstance(record, dict):
        raise ValueError(f"{where}: expected a record of options, got {type(record).__name__}")
    for name, tensor in own.items():
        if tensor.dtype != net.dtype:
            raise ValueError(f"{where}: {name} expected dtype {net.dtype}, got {tensor.dtype}")
    try:
        net.set_parameters(own)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    return net, record, {name: t for name, t in tensors.items() if name not in own}


def _check_shapes(where: str, contents: dict[str, Any], tensors: Tensors) -> None:
    """Refuse weights that are not the described network's before memory is taken for one."""
    try:
        shapes = dict(_core.parameter_shapes(to_json(contents["network"])))
    except (KeyError, ValueError) as error:
        raise ValueError(f"{where}: the description of the network is wrong: {error}") from None
    if shapes.keys() != tensors.keys():
        wrong = ", ".join(sorted(shapes.keys() ^ tensors.keys()))
        raise ValueError(f"{where}: weights and description do not agree: {wrong}")
    for name, shape in shapes.items():
        if tensors[name].shape != tuple(shape):
            raise ValueError(
                f"{where}: {name} expected shape {tuple(shape)}, got {tensors[name].shape}"
            )
