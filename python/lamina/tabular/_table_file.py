"""The file of a table model: the network, and the records of preprocessing, target and training."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from lamina._network.model_file import load_model, save_model
from lamina._sequential import Sequential
from lamina.tabular._columns import TableError
from lamina.tabular._encoders import Record
from lamina.tabular._preprocessor import Preprocessor
from lamina.tabular._record import Fields, finite
from lamina.tabular._target import Target, target_from_record

SCHEMA = "lamina.tabular.model"
VERSION = 2  # 1 had no layer for the columns


class TableParts(NamedTuple):
    """What a file of a table model holds; see `TableModel`."""

    preprocessor: Preprocessor
    target: Target
    network: Sequential
    training: Record


def write_table_model(path: str | Path, parts: TableParts) -> None:
    """Write the parts to one file; numbers in `training` that are not finite become null."""
    preprocessor, own = parts.preprocessor.to_record()
    target, vectors = parts.target.to_record()
    record = {
        "schema": SCHEMA,
        "version": VERSION,
        "preprocessor": preprocessor,
        "target": target,
        "training": finite(parts.training),
    }
    tensors = {f"preprocessor.{name}": values for name, values in own.items()}
    tensors |= {f"target.{name}": values for name, values in vectors.items()}
    save_model(path, parts.network, record=record, tensors=tensors)


def read_table_model(path: str | Path) -> TableParts:
    """Read what `write_table_model` wrote; each part is checked by itself.

    Raises:
        TableError: no table model, another version, or a part that is damaged.
        OSError: the file cannot be read.
    """
    network, record, tensors = load_model(path, Sequential)
    if not record:
        raise TableError(
            f"{path}: expected a model of tables, got a network alone; lamina.load reads it"
        )
    fields = Fields(str(path), record)
    fields.take_version(SCHEMA, VERSION, oldest=VERSION)
    parts = _split_tensors(str(path), tensors)
    preprocessor = Preprocessor.from_record(
        fields.take("preprocessor", dict), parts["preprocessor"]
    )
    target = target_from_record(fields.take("target", dict), parts["target"])
    training = fields.take("training", dict)
    fields.done()
    return TableParts(preprocessor, target, network, training)


def _split_tensors(where: str, tensors: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    parts: dict[str, dict[str, Any]] = {"preprocessor": {}, "target": {}}
    for name, values in tensors.items():
        part, _, rest = name.partition(".")
        if part not in parts:
            raise TableError(f"{where}: unknown tensor '{name}'")
        parts[part][rest] = values
    return parts
