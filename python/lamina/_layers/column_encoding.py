"""The layer that expands a table's columns into features while rows are read."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np

from lamina._checks.spec import Spec, what
from lamina._checks.types import NDArray
from lamina._layers.layer import Layer


@dataclass(frozen=True)
class NumberEncoding:
    """A number as its scaled value and its places among edges; 1 input, 1 to n features.

    The features, in this order:

    - the scaled value z, bent to z / sqrt(1 + (z / limit)^2) where there is a limit (Holzmueller
      et al. 2024, arXiv 2407.04491);
    - with edges, for k = 0, ..., len(edges) - 2: clip(p - k, 0, 1), the piecewise linear encoding
      (Gorishniy et al. 2022, arXiv 2203.05556);
    - with `indicator`: 1 where the input is missing (NaN), else 0.

    Without edges the input is z. With them it is p, the place among the edges: p = k + the share
    of the way from edge k to edge k + 1, going on in the same way beyond both ends. So values in
    float32 are told apart between any two edges, however close these are.

    Args:
        edges: z at p = 0, 1, 2, ..., not falling, in [-1e15, 1e15]; none, or at least two.
        limit: of the bend, in [1e-3, 1e6]; 0: no bend.
        fill: the input that a missing one counts as, in [-1e15, 1e15].
        indicator: whether a feature says that the input is missing.
    """

    kind: ClassVar[str] = "number"
    edges: Sequence[float] | NDArray[np.floating] = ()
    limit: float = 0.0
    fill: float = 0.0
    indicator: bool = False

    def __post_init__(self) -> None:
        try:
            edges = np.asarray(self.edges, dtype=np.float64)
        except (TypeError, ValueError):
            raise TypeError(
                f"NumberEncoding: expected edges as a list of numbers, got {self.edges!r}"
            ) from None
        if edges.ndim != 1:
            raise ValueError(f"NumberEncoding: expected edges as a list, got {edges.ndim} axes")
        object.__setattr__(self, "edges", tuple(edges.tolist()))

    @property
    def inputs(self) -> int:
        """Inputs that the column takes."""
        return 1

    @property
    def features(self) -> int:
        """Features that it becomes."""
        return 1 + max(len(self.edges) - 1, 0) + self.indicator


@dataclass(frozen=True)
class CategoryEncoding:
    """A category as one 1 among 0s; 1 input, `count` features, or one more with `indicator`.

    The input is the category's code 0, 1, ..., count - 1. Any other number, and NaN, is all 0.

    Args:
        count: number of categories, at least 1.
        indicator: whether one more feature is 1 where the input is missing (NaN).
    """

    kind: ClassVar[str] = "category"
    count: int
    indicator: bool = False

    @property
    def inputs(self) -> int:
        """Inputs that the column takes."""
        return 1

    @property
    def features(self) -> int:
        """Features that it becomes."""
        return self.count + self.indicator


@dataclass(frozen=True)
class CodeEncoding:
    """A category's code as it is, for an `Embedding` behind; 1 input, 1 feature, or 2.

    The input is the category's code 0, 1, ..., count - 1. Any other number, and NaN, becomes count,
    for which an `Embedding` of so many categories has its last row.

    Args:
        count: number of categories, at least 1 and at most 2^24.
        indicator: whether one more feature is 1 where the input is missing (NaN).

    Example:
        >>> import lamina as lm
        >>> columns = [lm.NumberEncoding(), lm.CodeEncoding(40)]
        >>> layers = [lm.ColumnEncoding(columns), lm.Embedding({1: 40}, units=8), lm.Dense(1)]
        >>> lm.Sequential(layers, inputs=2).predict([[0.5, 39], [float("nan"), 77]]).shape
        (2, 1)
    """

    kind: ClassVar[str] = "code"
    count: int
    indicator: bool = False

    @property
    def inputs(self) -> int:
        """Inputs that the column takes."""
        return 1

    @property
    def features(self) -> int:
        """Features that it becomes."""
        return 1 + self.indicator


@dataclass(frozen=True)
class DateEncoding:
    """A date and time as scaled days and places in year, week and day; 2 inputs, 7 or 8 features.

    The inputs are whole days since 1970-01-01, and the part of the day in [0, 1): two numbers, as
    float32 holds no seconds beside days. With their sum x the features are (x - center) / scale,
    bent as in `NumberEncoding`, sine and cosine of 2 pi x / 365.2425, / 7 and / 1, and the
    indicator.

    Args:
        center, scale: in days; scale in [1e-15, 1e15].
        limit: of the bend, in [1e-3, 1e6]; 0: no bend.
        fill: the days that a missing date (NaN in either input) counts as.
        indicator: whether a feature says that the date is missing.
    """

    kind: ClassVar[str] = "date"
    center: float = 0.0
    scale: float = 1.0
    limit: float = 0.0
    fill: float = 0.0
    indicator: bool = False

    @property
    def inputs(self) -> int:
        """Inputs that the column takes."""
        return 2

    @property
    def features(self) -> int:
        """Features that it becomes."""
        return 7 + self.indicator


Encoding = NumberEncoding | CategoryEncoding | CodeEncoding | DateEncoding
_ENCODINGS: dict[str, type[Any]] = {
    encoding.kind: encoding
    for encoding in (NumberEncoding, CategoryEncoding, CodeEncoding, DateEncoding)
}


@dataclass(frozen=True, repr=False)
class ColumnEncoding(Layer):
    """Expands a table's columns into features, [rows, inputs] -> [rows, features].

    It learns nothing. As the first layer it expands row by row while the rows are read, so that
    training holds the compact table alone in memory; and then NaN is legal in X and means a
    missing value. The features are finite whatever the inputs. Derivatives by codes of
    categories, and by missing values, are 0.

    `lamina.tabular.Preprocessor` makes the layer, and the compact matrix, of a table.

    Args:
        columns: what the columns hold, in their order; each takes one input, a date two.

    Raises:
        TypeError, ValueError: an option is out of range, or (when a network is built) another
            number of inputs.

    Example:
        >>> import lamina as lm
        >>> columns = [lm.NumberEncoding(edges=[-1.0, 0.0, 2.0]), lm.CategoryEncoding(3)]
        >>> net = lm.Sequential([lm.ColumnEncoding(columns)], inputs=2)
        >>> net.predict([[1.5, 2.0]]).tolist()
        [[1.0, 1.0, 0.5, 0.0, 0.0, 1.0]]
    """

    kind: ClassVar[str] = "column_encoding"
    takes_missing: ClassVar[bool] = True
    columns: Sequence[Encoding]

    def __post_init__(self) -> None:
        columns: Any = self.columns
        if not isinstance(columns, Sequence) or isinstance(columns, str):
            raise TypeError(f"ColumnEncoding: expected a list of encodings, got {what(columns)}")
        object.__setattr__(self, "columns", tuple(columns))
        for column in columns:
            if not isinstance(column, Encoding):
                names = ", ".join(encoding.__name__ for encoding in _ENCODINGS.values())
                raise TypeError(f"ColumnEncoding: expected {names}, got {what(column)}")
        super().__post_init__()

    def to_spec(self) -> Spec:
        """The description as the core and model files have it."""
        columns = [
            {"kind": column.kind} | {f.name: getattr(column, f.name) for f in fields(column)}
            for column in self.columns
        ]
        return {"kind": self.kind, "columns": columns}

    @classmethod
    def from_options(cls, options: Spec) -> "ColumnEncoding":
        """The layer with these options of its description."""
        columns = []
        for column in options["columns"]:
            given = {name: value for name, value in column.items() if name != "kind"}
            columns.append(_ENCODINGS[column["kind"]](**given))
        return cls(columns)

    def title(self) -> str:
        """Name and main options, for summaries."""
        count = len(self.columns)
        return f"ColumnEncoding({count} column{'s' if count > 1 else ''})"
