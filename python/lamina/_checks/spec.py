"""Descriptions of layers, losses and optimizers as plain dictionaries, for the core and files."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

Spec = dict[str, Any]


def to_json(spec: Any) -> str:
    """JSON text of a description; numpy's numbers are taken, NaN and infinities refused."""
    try:
        return json.dumps(spec, allow_nan=False, default=_plain)
    except ValueError:
        raise ValueError(_what_is_not_finite(spec)) from None


def what(value: Any) -> str:
    """What came in the place of an object of lamina's, for an error's end."""
    if isinstance(value, type):
        return f"the class {value.__name__}; write {value.__name__}()"
    return repr(value) if isinstance(value, str | int | float | None) else type(value).__name__


def name_or_spec(value: "str | Spec", where: str) -> Any:
    """A plain name stays one; a dictionary is copied."""
    if not isinstance(value, str | Mapping):
        raise TypeError(f"{where}: expected a name or a dictionary, got {value!r}")
    return value if isinstance(value, str) else dict(value)


def _what_is_not_finite(spec: Any, owner: str = "options", name: str = "") -> str:
    """The sentence about the first number that is not finite; empty where all are."""
    if isinstance(spec, Mapping):
        owner = spec.get("kind", owner)
        found = (_what_is_not_finite(value, owner, key) for key, value in spec.items())
        return next(filter(None, found), "")
    if isinstance(spec, list | tuple):
        return next(filter(None, (_what_is_not_finite(part, owner, name) for part in spec)), "")
    if isinstance(spec, float | np.floating) and not np.isfinite(spec):
        return f"{owner}: expected a finite number for {name!r}, got {spec}"
    return ""


def _plain(value: Any) -> Any:
    if isinstance(value, np.number | np.bool_):
        return value.item()
    raise TypeError(f"expected text, numbers or true and false as options, got {value!r}")
