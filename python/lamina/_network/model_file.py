"""Networks to and from model files: safetensors with the architecture in its metadata."""

import json
import os
from typing import Any, Literal, NamedTuple, TypeVar

import numpy as np

from lamina import _core
from lamina._checks.files import checked_path
from lamina._checks.numbers import check_flag
from lamina._checks.spec import to_json, what
from lamina._checks.types import ArrayLike, NDArray, PathLike
from lamina._network.checked_data import checked_rows
from lamina._network.stack import Stack

Network = TypeVar("Network", bound=Stack)
Tensors = dict[str, NDArray[Any]]
StoredDtype = Literal["float16", "bfloat16"]
_RESERVED = ("layers.", "selftest.")


class Extras(NamedTuple):
    """What a file holds beside a network's description and weights.

    Attributes:
        record: JSON of the caller's own. tensors: its tensors.
        dtype: the type of the weights in the file; None: the network's.
        selftest: rows whose outputs are stored with them, an array [rows, inputs], or the cells of
            a table's rows as JSON; None: none.
    """

    record: dict[str, Any] | None = None
    tensors: Tensors | None = None
    dtype: StoredDtype | None = None
    selftest: NDArray[Any] | str | None = None


_NOTHING = Extras()


def save_model(path: PathLike, net: Stack, extras: Extras = _NOTHING) -> None:
    """Write `net`, and what stands beside it, to one file.

    Raises:
        ValueError: a tensor's name starts with "layers." or "selftest.", a weight is beyond the
            greatest number of `dtype`, or rows do not fit. OSError: the file cannot be written.
    """
    checked = checked_path(path, "save")
    _core.write_model_file(checked, *_contents(net, extras), *_options(extras))


def load_model(
    path: PathLike, kind: type[Network], *, mmap: bool = False, selftest: bool = False
) -> tuple[Network, dict[str, Any], Tensors]:
    """Read what `save_model` wrote: a network of this class, record, tensors.

    Raises:
        ValueError: not a lamina model, damaged, of a newer version, or parts do not fit; or its
            self-test fails, where it is asked for. OSError: the file cannot be read.
    """
    return read_model(path, kind, mmap=mmap, selftest=selftest).parts()


def load_network(path: PathLike, kind: type[Network], *, mmap: bool, selftest: bool) -> Network:
    """The network of a file that holds a network alone; `load_model` says what it raises."""
    net, record, _ = load_model(path, kind, mmap=mmap, selftest=selftest)
    if str(record.get("schema", "")).startswith("lamina.tabular."):
        raise ValueError(
            f"load: {os.fspath(path)!r} holds a table model, a network with what turns a table "
            "into its inputs; lamina.tabular.TableModel.load reads it, and its attribute network "
            "is the network alone"
        )
    return net


class SavedModel:
    """A file's first network, and what stands beside it."""

    def __init__(self, loaded: _core.LoadedModel, where: str, kind: type[Stack]) -> None:
        self._loaded, self._kind, self.where = loaded, kind, where
        contents = json.loads(loaded.contents)
        self.network = _network_of(where, loaded.take_network(), contents, kind)
        self.record: dict[str, Any] = contents["record"]

    def further(self, contents: Any, number: int) -> Stack:
        """Network `number`, from 1, of a table model; ValueError where its parts do not fit."""
        core = self._loaded.further_network(to_json(contents), number)
        return _network_of(f"{self.where}, network {number}", core, contents, self._kind)

    def tensors(self, further: int) -> Tensors:
        """All tensors but the weights of the first network and of so many further ones."""
        return self._loaded.tensors(further)

    def parts(self) -> tuple[Any, dict[str, Any], Tensors]:
        """The network, the record and the tensors beside them."""
        return self.network, self.record, self.tensors(0)


def read_model(
    path: PathLike, kind: type[Stack], *, mmap: bool = False, selftest: bool = False
) -> SavedModel:
    """As `load_model`, for a file of several networks."""
    check_flag(mmap, "mmap", "load")
    check_flag(selftest, "selftest", "load")
    loaded = _core.load_model(checked_path(path, "load"), mmap, selftest)
    return SavedModel(loaded, str(path), kind)


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


def model_bytes(net: Stack, extras: Extras = _NOTHING) -> bytes:
    """What `save_model` writes, as bytes; pickle carries these."""
    return _core.serialize_model(*_contents(net, extras), *_options(extras))


def model_from_bytes(data: bytes, kind: type[Stack]) -> SavedModel:
    """What is in `model_bytes`, as `read_model` gives it."""
    return SavedModel(_core.load_model_bytes(data), "model bytes", kind)


def _contents(net: Stack, extras: Extras) -> tuple[str, Tensors]:
    given = extras.tensors or {}
    extra = {name: np.ascontiguousarray(tensor) for name, tensor in given.items()}
    for name in extra:
        if name.startswith(_RESERVED):
            raise ValueError(f"save: the tensor name {name!r} is kept for the network's own")
    contents, weights = network_contents(net)
    return to_json(contents | {"record": extras.record or {}}), {**weights, **extra}


def _options(extras: Extras) -> tuple[str | None, NDArray[Any] | str | None]:
    """The type of the weights in the file and the rows of its self-test, as the core has them."""
    dtype = extras.dtype
    if dtype is not None and not isinstance(dtype, str):
        raise TypeError(f"save: expected dtype as a name or None, got {what(dtype)}")
    return dtype, extras.selftest


def selftest_rows(net: Stack, rows: ArrayLike | None) -> NDArray[Any] | None:
    """The rows of a self-test, if any, as a file has them: dense, of float32 or float64."""
    if rows is None:
        return None
    x = checked_rows(net, rows, "save: selftest", least_rows=1)
    dense = np.asarray(x.toarray() if hasattr(x, "toarray") else x)
    return dense if dense.dtype == np.float32 else dense.astype(np.float64)


def _network_of(
    where: str, core: _core.Network, contents: dict[str, Any], kind: type[Network]
) -> Network:
    try:
        return kind._of_core(core, contents)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{where}: the description of the network is wrong: {error}") from None
