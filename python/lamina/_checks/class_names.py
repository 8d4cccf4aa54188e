"""Names of the classes that outputs stand for."""

from collections.abc import Sequence
from typing import Any

from lamina._checks.spec import what


def checked_class_names(names: Any, outputs: int, where: str) -> list[str]:
    """The names as texts: one for each output, of one output those of its 0 and its 1.

    Raises:
        TypeError: no list. ValueError: not as many as the outputs mean.
    """
    given: Any = names.tolist() if hasattr(names, "tolist") else names
    if isinstance(given, str | bytes) or not isinstance(given, Sequence):
        raise TypeError(f"{where}: expected class_names as a list, got {what(names)}")
    wanted = 2 if outputs == 1 else outputs
    if len(given) != wanted:
        raise ValueError(
            f"{where}: expected {wanted} class_names for {outputs} outputs, got {len(given)}"
        )
    return [str(name) for name in given]
