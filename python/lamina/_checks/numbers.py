"""Checks of the numbers that users give as options."""

from typing import Any, TypeGuard

import numpy as np

# Counts of steps, epochs and rows stay below; the core has 64 bits for them.
COUNTABLE = 2**44


def is_whole(value: Any) -> TypeGuard[int]:
    """True for Python's and numpy's whole numbers, but not for True and False."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def is_number(value: Any) -> TypeGuard[float]:
    """True for Python's and numpy's real numbers, NaN and infinities included, but not for bool."""
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


def check_whole(
    value: Any, name: str, where: str, least: int = 1, below: int | None = None
) -> None:
    """TypeError unless the value is a whole number, ValueError outside of [least, below)."""
    if not is_whole(value):
        raise TypeError(f"{where}: expected {name} as a whole number, got {value!r}")
    if value < least:
        raise ValueError(f"{where}: expected {name} of at least {least}, got {value}")
    if below is not None and value >= below:
        raise ValueError(f"{where}: expected {name} below {below:,}, got {value}")


def check_flag(value: Any, name: str, where: str) -> None:
    """TypeError unless the value is True or False, Python's or numpy's."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{where}: expected {name} as True or False, got {value!r}")


def checked_count(value: int, name: str) -> int:
    """A number of epochs or steps that the core takes; ValueError for others."""
    if not is_whole(value) or not 0 <= value < COUNTABLE:
        raise ValueError(f"{name}: expected a whole number from 0 to 2^44 - 1, got {value!r}")
    return int(value)


def checked_seed(seed: int) -> int:
    """A seed that the core takes; TypeError or ValueError for others."""
    if not is_whole(seed):
        raise TypeError(f"seed: expected a whole number, got {seed!r}")
    if not 0 <= seed < 2**64:
        raise ValueError(f"seed: expected a number from 0 to 2^64 - 1, got {seed}")
    return int(seed)
