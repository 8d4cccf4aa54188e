"""Checks of the numbers that users give as options."""

from typing import Any, TypeGuard

import numpy as np


def is_whole(value: Any) -> TypeGuard[int]:
    """True for Python's and numpy's whole numbers, but not for True and False."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def is_number(value: Any) -> TypeGuard[float]:
    """True for Python's and numpy's real numbers, NaN and infinities included, but not for bool."""
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


def check_whole(value: Any, name: str, where: str, least: int = 1) -> None:
    """TypeError unless the value is a whole number, ValueError if it is less than `least`."""
    if not is_whole(value):
        raise TypeError(f"{where}: expected {name} as a whole number, got {value!r}")
    if value < least:
        raise ValueError(f"{where}: expected {name} of at least {least}, got {value}")


def check_flag(value: Any, name: str, where: str) -> None:
    """TypeError unless the value is True or False, Python's or numpy's."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{where}: expected {name} as True or False, got {value!r}")
