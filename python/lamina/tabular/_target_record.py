"""Reads the record of a target back from a file."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from lamina.tabular._columns import TableError
from lamina.tabular._record import Fields, Tensors
from lamina.tabular._target import (
    SCHEMA,
    VERSION,
    ClassTarget,
    NumberTarget,
    NumberTargets,
    Spread,
    Target,
)


def target_from_record(record: Any, tensors: Mapping[str, Any]) -> Target:
    """Back from `to_record`; each field and tensor is checked.

    Raises:
        TableError: a newer version, or a field or tensor that is missing, unknown or wrong.
    """
    fields, vectors = Fields("target", record), Tensors("target", tensors)
    version = fields.take_version(SCHEMA, VERSION)
    task = fields.take("task", str)
    target: Target
    if task == ClassTarget.task:
        target = _read_classes(fields, vectors, calibrated=version > 1)
    elif task != NumberTarget.task:
        raise TableError(f"target: expected task classification or regression, got '{task}'")
    elif version == 1:
        target = NumberTarget(fields.take("name", str), *_read_scaling("target", vectors))
    else:
        each = [
            _read_number(f"target {i}", record, vectors.part(f"{i}."))
            for i, record in enumerate(fields.take("targets", list))
        ]
        names = [number.name for number in each]
        if not each or len(set(names)) < len(names):
            raise TableError("target: expected at least one number, and none twice")
        target = each[0] if len(each) == 1 else NumberTargets(tuple(each))
    fields.done()
    vectors.done()
    return target


def _read_classes(fields: Fields, vectors: Tensors, *, calibrated: bool) -> ClassTarget:
    name, classes = fields.take("name", str), fields.take_texts("classes")
    shares = vectors.take("shares", len(classes))
    if len(classes) < 2 or (shares < 0.0).any():
        raise TableError("target: expected at least two classes, and shares of at least 0")
    temperature = float(vectors.take("temperature", 1)[0]) if calibrated else 1.0
    if temperature <= 0.0:
        raise TableError("target: expected a temperature above 0")
    return ClassTarget(name, classes, shares, temperature)


def _read_scaling(where: str, vectors: Tensors) -> tuple[float, float]:
    mean, scale = vectors.take("scaling", 2).tolist()
    if scale <= 0.0:
        raise TableError(f"{where}: expected a scale above 0")
    return mean, scale


def _read_number(where: str, record: Any, vectors: Tensors) -> NumberTarget:
    fields = Fields(where, record)
    name, count = fields.take("name", str), fields.take("levels", int)
    has_interval = fields.take("interval", bool)
    target = NumberTarget(name, *_read_scaling(where, vectors))
    if count < 0 or count == 1:
        raise TableError(f"{where}: expected no level, or at least 2")
    levels, quantiles = vectors.take("levels", count), vectors.take("quantiles", count)
    usable = (np.diff(levels) > 0.0).all() and ((levels > 0.0) & (levels < 1.0)).all()
    if count and not (usable and 0.5 in levels):
        raise TableError(f"{where}: expected rising levels between 0 and 1, and 0.5 among them")
    coverage: float | None = None
    margin = 0.0
    if has_interval:
        coverage, margin = vectors.take("interval", 2).tolist()
    if coverage is not None and not (count and 0.0 < coverage < 1.0):
        raise TableError(f"{where}: expected an interval of levels, and a coverage between 0 and 1")
    fields.done()
    vectors.done()
    if not count:
        return target
    return replace(target, spread=Spread(tuple(levels.tolist()), quantiles, coverage, margin))
