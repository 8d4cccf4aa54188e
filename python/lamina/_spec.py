"""Descriptions of layers, losses and optimizers as plain dictionaries, as the core and files have them."""

import json
from typing import Any

Spec = dict[str, Any]


def to_json(spec: Any) -> str:
    """JSON text of a description; NaN and infinities are refused."""
    return json.dumps(spec, allow_nan=False)


def name_or_spec(value: "str | Spec") -> Any:
    """A plain name stays one; a dictionary is copied."""
    return value if isinstance(value, str) else dict(value)
