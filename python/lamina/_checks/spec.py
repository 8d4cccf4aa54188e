"""Descriptions of layers, losses and optimizers as plain dictionaries, for the core and files."""

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

Spec = dict[str, Any]
# What `to_json` writes, beside dictionaries and lists.
_PLAIN = (str, int, float, type(None), np.floating, np.integer, np.bool_)


def to_json(spec: Any) -> str:
    """JSON text of a description; numpy's numbers are taken, NaN and infinities refused."""
    try:
        return json.dumps(spec, allow_nan=False, default=_plain)
    except ValueError:
        owner, name, value = next(leaf for leaf in _leaves(spec) if not _is_finite(leaf[2]))
        raise ValueError(f"{owner}: expected a finite number for {name!r}, got {value}") from None
    except TypeError:
        owner, name, value = next(leaf for leaf in _leaves(spec) if not isinstance(leaf[2], _PLAIN))
        raise TypeError(
            f"{owner}: expected text, a number or true or false for {name!r}, got {what(value)}"
        ) from None


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


def _leaves(spec: Any, owner: Any = "options", name: Any = "") -> Iterator[tuple[Any, Any, Any]]:
    """Each value of a description with the kind of what it belongs to, and its option's name."""
    if isinstance(spec, dict):
        for key, value in spec.items():
            yield owner, key, key
            yield from _leaves(value, spec.get("kind", owner), key)
    elif isinstance(spec, list | tuple):
        for part in spec:
            yield from _leaves(part, owner, name)
    else:
        yield owner, name, spec


def _is_finite(value: Any) -> bool:
    return not isinstance(value, float | np.floating) or math.isfinite(value)


def _plain(value: Any) -> Any:
    if isinstance(value, np.floating):
        return float(value)  # `item` leaves extended precision as it is
    if isinstance(value, np.integer | np.bool_):
        return value.item()
    raise TypeError
