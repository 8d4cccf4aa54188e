"""The file of a table model: networks, and the records of preprocessing, target and training."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np

from lamina._network.model_file import (
    Extras,
    SavedModel,
    StoredDtype,
    model_bytes,
    model_from_bytes,
    network_contents,
    read_model,
    save_model,
)
from lamina._sequential import Sequential
from lamina.tabular._as_columns import TableLike, as_columns
from lamina.tabular._columns import CodedText, Column, TableError
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


def write_table_model(
    path: str | Path,
    parts: TableParts,
    *,
    dtype: StoredDtype | None = None,
    selftest: TableLike | None = None,
) -> None:
    """Write the parts to one file; numbers in `training` that are not finite become null."""
    rows = None if selftest is None else _cells(parts.preprocessor, selftest)
    extras = _extras(parts)._replace(dtype=dtype, selftest=rows)
    save_model(path, parts.networks.each[0], extras)


def read_table_model(path: str | Path, *, mmap: bool = False, selftest: bool = False) -> TableParts:
    """Read what `write_table_model` wrote; each part is checked by itself.

    Raises:
        TableError: no table model, another version, or a part that is damaged; or its self-test
            fails, where it is asked for.
        OSError: the file cannot be read.
    """
    return _restore(read_model(path, Sequential, mmap=mmap, selftest=selftest))


def table_model_bytes(parts: TableParts) -> bytes:
    """What `write_table_model` writes, as bytes."""
    return model_bytes(parts.networks.each[0], _extras(parts))


def table_model_from_bytes(data: bytes) -> TableParts:
    """Read what `table_model_bytes` gave; it raises as `read_table_model`."""
    return _restore(model_from_bytes(data, Sequential))


def _cells(preprocessor: Preprocessor, table: TableLike) -> str:
    """The rows of a table as JSON: a list for each, of its cells in the order of the columns."""
    columns = as_columns(table)
    preprocessor.require_columns(columns)
    values = [_cells_of_column(columns[name]) for name in preprocessor.column_names]
    rows = [list(row) for row in zip(*values, strict=True)]
    if not rows:
        raise TableError("save: expected at least one row for the self-test, got none")
    return json.dumps(rows, allow_nan=False)


def _cells_of_column(column: Column) -> list[Any]:
    if isinstance(column, CodedText):
        return column.tolist()
    if column.dtype.kind == "M":
        seconds = column.astype("datetime64[s]")
        numbers = seconds.astype(np.int64).tolist()
        return [None if n else {"date": s} for n, s in zip(np.isnat(seconds), numbers, strict=True)]
    if column.dtype.kind != "f":
        return list(column.tolist())
    if np.isinf(column).any():
        raise TableError("save: expected finite numbers in the rows of the self-test, got infinity")
    return [None if value != value else value for value in column.tolist()]


def _extras(parts: TableParts) -> Extras:
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
    return Extras(record, tensors)


def _restore(saved: SavedModel) -> TableParts:
    where, record = saved.where, saved.record
    if not record:
        raise TableError(
            f"{where}: expected a model of tables, got a network alone; lamina.load reads it"
        )
    fields = Fields(where, record)
    version = fields.take_version(SCHEMA, VERSION, oldest=_OLDEST)
    others = fields.take("networks", list) if version > _OLDEST else []
    parts = _split_tensors(where, saved.tensors(len(others)), newer=fields.is_newer)
    preprocessor = Preprocessor.from_record(
        fields.take("preprocessor", dict), parts["preprocessor"]
    )
    target = target_from_record(fields.take("target", dict), parts["target"])
    if version == _OLDEST:
        parts["networks"].setdefault("shares", np.ones(1))
    networks = _read_networks(saved, others, parts["networks"])
    training = fields.take("training", dict)
    fields.done()
    try:
        networks.check(preprocessor, target)
    except ValueError as error:
        raise TableError(f"{where}: {error}") from None
    return TableParts(preprocessor, target, networks, training)


def _read_networks(saved: SavedModel, others: list[Any], tensors: Tensors) -> Networks:
    shares = np.asarray(tensors.get("shares", np.empty(0)))
    count = 1 + len(others)
    if shares.dtype != np.float64 or shares.shape != (count,):
        raise TableError(
            f"{saved.where}: expected the tensor 'networks.shares' as {count} numbers of float64, "
            f"got {shares.dtype} of shape {shares.shape}"
        )
    networks = [saved.network]
    networks += [saved.further(contents, place) for place, contents in enumerate(others, start=1)]
    try:
        return Networks(cast(list[Sequential], networks), shares.tolist())
    except TableError as error:
        raise TableError(f"{saved.where}: {error}") from None


def _split_tensors(where: str, tensors: Mapping[str, Any], *, newer: bool) -> dict[str, Tensors]:
    parts: dict[str, Tensors] = {"preprocessor": {}, "target": {}, "networks": {}}
    for name, values in tensors.items():
        part, _, rest = name.partition(".")
        if part in ("preprocessor", "target") or name == "networks.shares":
            parts[part][rest] = values
        elif not newer:  # a newer minor version may add tensors
            raise TableError(f"{where}: unknown tensor '{name}'")
    return parts
