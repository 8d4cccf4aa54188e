"""The file of a table model: networks, and the records of preprocessing, target and training."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from lamina._network.model_file import (
    load_model,
    model_bytes,
    model_from_bytes,
    network_contents,
    network_from_contents,
    save_model,
)
from lamina._sequential import Sequential
from lamina.tabular._columns import TableError
from lamina.tabular._encoders import Record
from lamina.tabular._networks import Networks
from lamina.tabular._preprocessor import Preprocessor
from lamina.tabular._record import Fields, finite
from lamina.tabular._target import Target
from lamina.tabular._target_record import target_from_record

SCHEMA = "lamina.tabular.model"
VERSION = 3  # 1 had no layer for the columns, 2 one network alone
_OLDEST = 2

Tensors = dict[str, Any]


class TableParts(NamedTuple):
    """What a file of a table model holds; see `TableModel`."""

    preprocessor: Preprocessor
    target: Target
    networks: Networks
    training: Record


def write_table_model(path: str | Path, parts: TableParts) -> None:
    """Write the parts to one file; numbers in `training` that are not finite become null."""
    record, tensors = _contents(parts)
    save_model(path, parts.networks.each[0], record=record, tensors=tensors)


def read_table_model(path: str | Path) -> TableParts:
    """Read what `write_table_model` wrote; each part is checked by itself.

    Raises:
        TableError: no table model, another version, or a part that is damaged.
        OSError: the file cannot be read.
    """
    return _restore(str(path), *load_model(path, Sequential))


def table_model_bytes(parts: TableParts) -> bytes:
    """What `write_table_model` writes, as bytes."""
    record, tensors = _contents(parts)
    return model_bytes(parts.networks.each[0], record=record, tensors=tensors)


def table_model_from_bytes(data: bytes) -> TableParts:
    """Read what `table_model_bytes` gave; it raises as `read_table_model`."""
    return _restore("model bytes", *model_from_bytes(data, Sequential))


def _contents(parts: TableParts) -> tuple[Record, Tensors]:
    """What stands beside the first network."""
    preprocessor, own = parts.preprocessor.to_record()
    target, vectors = parts.target.to_record()
    tensors: Tensors = {f"preprocessor.{name}": values for name, values in own.items()}
    tensors |= {f"target.{name}": values for name, values in vectors.items()}
    tensors["networks.shares"] = parts.networks.shares
    others: list[Record] = []
    for place, net in enumerate(parts.networks.each[1:], start=1):
        contents, weights = network_contents(net)
        others.append(contents)
        tensors |= {f"networks.{place}.{name}": values for name, values in weights.items()}
    record = {
        "schema": SCHEMA,
        "version": VERSION,
        "preprocessor": preprocessor,
        "target": target,
        "networks": others,
        "training": finite(parts.training),
    }
    return record, tensors


def _restore(where: str, network: Sequential, record: Record, tensors: Tensors) -> TableParts:
    if not record:
        raise TableError(
            f"{where}: expected a model of tables, got a network alone; lamina.load reads it"
        )
    fields = Fields(where, record)
    version = fields.take_version(SCHEMA, VERSION, oldest=_OLDEST)
    parts = _split_tensors(where, tensors)
    preprocessor = Preprocessor.from_record(
        fields.take("preprocessor", dict), parts["preprocessor"]
    )
    target = target_from_record(fields.take("target", dict), parts["target"])
    others = fields.take("networks", list) if version > _OLDEST else []
    if version == _OLDEST:
        parts["networks"].setdefault("shares", np.ones(1))
    networks = _read_networks(where, network, others, parts["networks"])
    training = fields.take("training", dict)
    fields.done()
    try:
        networks.check(preprocessor, target)
    except ValueError as error:
        raise TableError(f"{where}: {error}") from None
    return TableParts(preprocessor, target, networks, training)


def _read_networks(where: str, first: Sequential, others: list[Any], tensors: Tensors) -> Networks:
    shares = np.asarray(tensors.pop("shares", np.empty(0)))
    count = 1 + len(others)
    if shares.dtype != np.float64 or shares.shape != (count,):
        raise TableError(
            f"{where}: expected the tensor 'networks.shares' as {count} numbers of float64, "
            f"got {shares.dtype} of shape {shares.shape}"
        )
    weights: list[Tensors] = [{} for _ in range(count)]
    for name, values in tensors.items():
        number, _, rest = name.partition(".")
        if number not in map(str, range(1, count)):
            raise TableError(f"{where}: unknown tensor 'networks.{name}'")
        weights[int(number)][rest] = values
    networks = [first]
    for place, contents in enumerate(others, start=1):
        part = f"{where}, network {place}"
        networks.append(network_from_contents(part, contents, weights[place], Sequential))
    try:
        return Networks(networks, shares.tolist())
    except TableError as error:
        raise TableError(f"{where}: {error}") from None


def _split_tensors(where: str, tensors: Mapping[str, Any]) -> dict[str, Tensors]:
    parts: dict[str, Tensors] = {"preprocessor": {}, "target": {}, "networks": {}}
    for name, values in tensors.items():
        part, _, rest = name.partition(".")
        if part not in parts:
            raise TableError(f"{where}: unknown tensor '{name}'")
        parts[part][rest] = values
    return parts
