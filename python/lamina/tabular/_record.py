"""Strict reading of the JSON records and tensors in which preprocessing is stored."""

import math
from bisect import bisect_left
from collections.abc import Mapping
from itertools import islice, takewhile
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from lamina.tabular._columns import Floats, TableError

T = TypeVar("T")


def finite(value: Any) -> Any:
    """The value with None for each number in it that is not finite, which JSON cannot write."""
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


class Fields:
    """The fields of one JSON object, each taken once; `done` refuses what is left over."""

    def __init__(self, where: str, record: Any) -> None:
        self.where = where
        if not isinstance(record, dict):
            raise TableError(f"{where}: expected a JSON object, got {type(record).__name__}")
        self._left: dict[str, Any] = dict(record)
        # Whether a newer minor version wrote them, which may have added fields.
        self.is_newer = False

    def take(self, name: str, kind: type[T]) -> T:
        """The field's value, which must be of that very type (a number may be whole)."""
        if name not in self._left:
            raise TableError(f"{self.where}: field '{name}' is missing")
        value = self._left.pop(name)
        if kind is float and type(value) is int:
            value = float(value)
        if type(value) is not kind:
            raise TableError(
                f"{self.where}: expected field '{name}' to be {kind.__name__}, "
                f"got {type(value).__name__}"
            )
        return value

    def take_texts(self, name: str) -> tuple[str, ...]:
        """A list of distinct texts."""
        values = self.take(name, list)
        if not all(isinstance(value, str) for value in values):
            raise TableError(f"{self.where}: expected field '{name}' to hold texts only")
        if len(set(values)) != len(values):
            raise TableError(f"{self.where}: field '{name}' holds a text twice")
        return tuple(values)

    def take_version(self, schema: str, newest: int, *, oldest: int = 1) -> int:
        """Check the fields `schema` and `version` and give the version.

        Of a greater `minor` version than this lamina's, which is 0, `done` leaves unknown fields.
        """
        found = self.take("schema", str)
        if found != schema:
            raise TableError(f"{self.where}: expected schema '{schema}', got '{found}'")
        version = self.take("version", int)
        if version > newest:
            raise TableError(
                f"{self.where}: version {version} is newer than this lamina reads "
                f"({oldest} to {newest}); update lamina"
            )
        if version < 1:
            raise TableError(
                f"{self.where}: expected a version from {oldest} to {newest}, got {version}"
            )
        if version < oldest:
            raise TableError(
                f"{self.where}: version {version} is older than this lamina reads "
                f"({oldest} to {newest}); train the model again"
            )
        minor = self.take("minor", int) if "minor" in self._left else 0
        if minor < 0:
            raise TableError(f"{self.where}: expected field 'minor' of at least 0, got {minor}")
        self.is_newer = minor > 0
        return version

    def done(self) -> None:
        """Refuse fields that nobody took."""
        if self._left and not self.is_newer:
            raise TableError(f"{self.where}: unknown field '{next(iter(self._left))}'")


class Tensors:
    """The tensors of one record, each taken once; `done` refuses what is left over."""

    def __init__(self, where: str, tensors: Mapping[str, NDArray[Any]]) -> None:
        self.where = where
        self._left = dict(tensors)
        # So that no part looks through all of them: a table may have thousands of columns.
        self._names = sorted(self._left)

    def take(self, name: str, length: int) -> Floats:
        """A float64 vector of that length with finite values."""
        if name not in self._left:
            raise TableError(f"{self.where}: tensor '{name}' is missing")
        values = np.asarray(self._left.pop(name))
        if values.dtype != np.float64 or values.shape != (length,):
            raise TableError(
                f"{self.where}: expected tensor '{name}' to be float64 of shape ({length},), "
                f"got {values.dtype} of shape {values.shape}"
            )
        if not np.isfinite(values).all():
            raise TableError(f"{self.where}: tensor '{name}' holds a value that is not finite")
        return values

    def part(self, prefix: str) -> "Tensors":
        """Take all tensors whose names begin so, under the rest of their names."""
        behind = islice(self._names, bisect_left(self._names, prefix), None)
        names = takewhile(lambda name: name.startswith(prefix), behind)
        return Tensors(
            f"{self.where}, tensors '{prefix}'",
            {
                name.removeprefix(prefix): self._left.pop(name)
                for name in names
                if name in self._left
            },
        )

    def done(self) -> None:
        """Refuse tensors that nobody took."""
        if self._left:
            raise TableError(f"{self.where}: unknown tensor '{next(iter(self._left))}'")
