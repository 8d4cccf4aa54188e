"""Which figure of a fit is watched, and which way it is better."""

from collections.abc import Iterable, Mapping
from typing import Literal

from lamina import _core
from lamina.metrics._metric import Mode, better

# The figures' names, and which way each is better; None where lamina does not know.
Figures = Mapping[str, Mode | None]


def monitored(
    where: str, name: str | None, mode: Literal["auto", "min", "max"], figures: Figures
) -> tuple[str, bool]:
    """The watched figure's name, and whether a larger one is better.

    Raises:
        ValueError: no such figure, or mode "auto" for one whose better direction is not known.
    """
    found, larger = _core.monitored(where, name, mode, dict(figures))
    return str(found), bool(larger)


def figures_of(record: Iterable[str]) -> dict[str, Mode | None]:
    """The figures of a record, by their names alone."""
    return {name: better(name) for name in record}
