"""Which figure of a fit is watched, and which way it is better."""

from collections.abc import Iterable, Mapping
from typing import Literal

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
    found = name or ("val_loss" if "val_loss" in figures else "loss")
    if found not in figures:
        raise ValueError(f"{where}: no figure named {found!r}; there are {', '.join(figures)}")
    known = mode if mode != "auto" else figures[found]
    if known is None:
        raise ValueError(
            f"{where}: expected mode='min' or mode='max' for {found!r}, of which lamina does not "
            "know whether less or more is better"
        )
    return found, known == "max"


def figures_of(record: Iterable[str]) -> dict[str, Mode | None]:
    """The figures of a record, by their names alone."""
    return {name: better(name) for name in record}
