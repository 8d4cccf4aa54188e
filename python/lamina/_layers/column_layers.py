"""Layers that turn chosen columns of their input into several columns each, in their place."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from lamina._checks.spec import Spec, name_or_spec, what
from lamina._checks.types import NDArray
from lamina._layers.layer import Layer

Numbers = Sequence[float] | NDArray[np.floating]


@dataclass(frozen=True, repr=False)
class _ColumnLayer(Layer):
    """What layers of single columns share."""

    takes_missing: ClassVar[bool] = True

    @property
    def missing_columns(self) -> tuple[int, ...]:
        """Columns in which a missing value is legal: those that the layer embeds."""
        return tuple(self.to_spec()["columns"])

    def title(self) -> str:
        """Name and main options, for summaries."""
        count = len(self.missing_columns)
        return f"{type(self).__name__}({count} column{'' if count == 1 else 's'})"


@dataclass(frozen=True, repr=False)
class Embedding(_ColumnLayer):
    """Categories as rows of a learned table (Bengio et al. 2003; Guo & Berkhahn 2016).

    [rows, n] -> [rows, n - c + c units] for c columns of categories. Each of these columns holds
    codes 0, 1, ..., categories - 1 and becomes `units` columns in its place: the table's row for
    the code. The other columns are passed on as they are. A row is looked up rather than
    multiplied, so a batch costs the same however many categories there are. Codes have no
    derivative: the gradient by them is 0.

    The table of a column has one more row, the last, for whatever is no code of it: a missing value
    (NaN, which is legal in these columns where this is the network's first layer), a category that
    training never saw, a negative number, a fraction. The parameter "weight" holds the tables of
    all columns one below another, [sum of categories + number of columns, units].

    Weight decay applies to the tables. Where a step leaves weights with a gradient of 0 alone (SGD
    without momentum, Adagrad, both without weight decay), it touches the rows that its batch names
    and no others. Other optimizers move every row at every step, which is slow for large tables;
    `sparse` gives them the same speed.

    Args:
        columns: categories of each column, by the column's number: `{3: 12, 5: 40}`; at most 2^24.
        units: numbers that a category becomes, at least 1.
        sparse: rows whose gradient is 0 in a step are left alone by it, with their moments, as
            PyTorch's SparseAdam does; for any optimizer. Momentum and weight decay then work on a
            row at the steps that name it. Clipping, `Muon` and accumulated batches need the whole
            gradient all the same, and weight averages all weights.
        deviation: of the first weights, which are normal with mean 0, in [0, 1e6].
        trainable: False keeps the tables as they are.
        rate_factor: factor of the optimizer's learning rate, at least 0.
        decay_factor: factor of its weight decay.

    Raises:
        TypeError, ValueError: an option is out of range, or (when a network is built) the input has
            no such column.

    Example:
        >>> import lamina as lm
        >>> layers = [lm.Embedding({1: 3}, units=2), lm.Dense(1)]
        >>> net = lm.Sequential(layers, inputs=2)
        >>> net.parameters()["layers.0.weight"].shape
        (4, 2)
        >>> net.predict([[0.5, 2], [0.5, float("nan")]]).shape
        (2, 1)
    """

    kind: ClassVar[str] = "embedding"
    columns: Mapping[int, int] | Iterable[tuple[int, int]]
    units: int
    sparse: bool = False
    deviation: float = 1.0
    _: KW_ONLY
    trainable: bool = True
    rate_factor: float = 1.0
    decay_factor: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", _by_column(self.columns, "Embedding", "categories"))
        super().__post_init__()

    def to_spec(self) -> Spec:
        """The description as the core and model files have it."""
        return super().to_spec() | _two_lists(self.columns, "categories")

    @classmethod
    def from_options(cls, options: Spec) -> "Embedding":
        """The layer with these options of its description."""
        return cls(**_one_table(options, "columns", "categories"))


@dataclass(frozen=True, repr=False)
class PiecewiseLinear(_ColumnLayer):
    """Numbers by where they lie among edges (Gorishniy et al. 2022, arXiv 2203.05556).

    [rows, n] -> [rows, n - c + c units] for c columns of numbers. Each of these columns becomes
    `units` columns in its place; the other columns are passed on as they are. The number's
    encoding has a share for each bin between two neighbouring edges: 0 below the bin, 1 above it,
    rising in between; the first bin goes on below 0 and the last one above 1. A linear map of the
    column's own makes units of it:

    - version "A": encoding @ weight + bias, then the activation;
    - version "B": x * slope + bias + encoding @ weight, whose weights are 0 at first, so that the
      layer begins as a linear one (Gorishniy et al. 2025, arXiv 2410.24210).

    The encoding is never written out: a number costs the same however many bins there are. Where
    it is missing (NaN, which is legal in these columns where this is the network's first layer)
    all of its units are 0.

    Parameters: "weight" [bins of all columns, units], one column's rows below another's, "bias"
    [c, units], and in version "B" "slope" [c, units]. First values are uniform within
    1 / sqrt(bins of the column), of bias and slope in version "B" within 1 / sqrt(units). Weight
    decay leaves the bias alone unless the optimizer has `decay_biases=True`.

    Args:
        edges: rising edges of each column, by the column's number, at least two and at most 513,
            in [-1e15, 1e15]; quantiles of the training rows, for example:
            `{0: numpy.unique(numpy.quantile(X[:, 0], numpy.linspace(0, 1, 49)))}`.
        units: numbers that a number becomes, at least 1.
        version: "A" or "B".
        activation: "identity", or "relu" in version "A".
        trainable: False keeps the parameters as they are.
        rate_factor: factor of the optimizer's learning rate, at least 0.
        decay_factor: factor of its weight decay.

    Raises:
        TypeError, ValueError: an option is out of range, or (when a network is built) the input has
            no such column.

    Example:
        >>> import lamina as lm
        >>> layers = [lm.PiecewiseLinear({0: [0.0, 1.0, 4.0]}, units=8), lm.Dense(1)]
        >>> lm.Sequential(layers, inputs=3).parameters()["layers.0.weight"].shape
        (2, 8)
    """

    kind: ClassVar[str] = "piecewise_linear"
    edges: Mapping[int, Numbers] | Iterable[tuple[int, Numbers]]
    units: int
    version: Literal["A", "B"] = "B"
    activation: str | Spec = "identity"
    _: KW_ONLY
    trainable: bool = True
    rate_factor: float = 1.0
    decay_factor: float = 1.0

    def __post_init__(self) -> None:
        pairs = _by_column(self.edges, "PiecewiseLinear", "edges")
        lists = tuple((column, _edges(column, edges)) for column, edges in pairs)
        object.__setattr__(self, "edges", lists)
        super().__post_init__()

    def to_spec(self) -> Spec:
        """The description as the core and model files have it."""
        spec = super().to_spec() | _two_lists(self.edges, "edges")
        return spec | {"activation": name_or_spec(self.activation, "activation")}

    @classmethod
    def from_options(cls, options: Spec) -> "PiecewiseLinear":
        """The layer with these options of its description."""
        return cls(**_one_table(options, "edges", "edges"))


@dataclass(frozen=True, repr=False)
class Periodic(_ColumnLayer):
    """Numbers as waves of learned frequencies, mapped to a few columns each.

    [rows, n] -> [rows, n - c + c units] for c columns of numbers. Each of these columns becomes
    `units` columns in its place; the other columns are passed on as they are. For a number x:

    - form "plr" (Gorishniy et al. 2022, arXiv 2203.05556): relu(waves @ weight + bias), waves being
      the cosines and then the sines of 2 pi frequency x;
    - form "pbld" (Holzmueller et al. 2024, arXiv 2407.04491): x itself as the first of the units,
      then waves @ weight + bias, waves being cos(2 pi frequency x + phase).

    The numbers should be of about 1 (`Normalization`, or the scaling of `lamina.tabular`): sigma
    is what the layer takes for a high frequency. Where a number is missing (NaN, which is legal in
    these columns where this is the network's first layer) all of its units are 0.

    Parameters: "frequencies" [c, frequencies], normal with deviation sigma at first; in form "pbld"
    "phases" [c, frequencies], uniform in [-pi, pi]; "weight" [c, waves, outputs] and "bias"
    [c, outputs], uniform within 1 / sqrt(waves), without their first axis where `shared`. Weight
    decay leaves phases and bias alone unless the optimizer has `decay_biases=True`.

    Args:
        columns: numbers of the columns.
        form: "pbld" or "plr".
        units: numbers that a number becomes, at most 128; None: 4 of "pbld", 24 of "plr".
        frequencies: of each column, at most 128; None: 16 of "pbld", 48 of "plr".
        sigma: deviation of the first frequencies, above 0; None: 0.1 of "pbld", 0.01 of "plr". It
            matters more than anything else here: try 0.01 to 1.
        shared: one weight and bias for all columns ("lite", Gorishniy et al. 2023,
            arXiv 2307.14338).
        activation: "identity" or "relu"; None: relu in form "plr".
        trainable: False keeps the parameters as they are.
        rate_factor: factor of the optimizer's learning rate, at least 0; RealMLP's is 0.1.
        decay_factor: factor of its weight decay.

    Raises:
        TypeError, ValueError: an option is out of range, or (when a network is built) the input has
            no such column.

    Example:
        >>> import lamina as lm
        >>> layers = [lm.Periodic([0, 2], "plr", units=8, sigma=0.1), lm.Dense(1)]
        >>> net = lm.Sequential(layers, inputs=3)
        >>> {name: array.shape for name, array in list(net.parameters().items())[:3]}
        {'layers.0.frequencies': (2, 48), 'layers.0.weight': (2, 96, 8), 'layers.0.bias': (2, 8)}
    """

    kind: ClassVar[str] = "periodic"
    columns: Iterable[int]
    form: Literal["pbld", "plr"] = "pbld"
    units: int | None = None
    frequencies: int | None = None
    sigma: float | None = None
    shared: bool = False
    activation: str | Spec | None = None
    _: KW_ONLY
    trainable: bool = True
    rate_factor: float = 1.0
    decay_factor: float = 1.0

    def __post_init__(self) -> None:
        try:
            columns = tuple(sorted(self.columns))
        except TypeError:
            raise TypeError(
                f"Periodic: expected columns as a list of their numbers, got {what(self.columns)}"
            ) from None
        object.__setattr__(self, "columns", columns)
        super().__post_init__()

    def to_spec(self) -> Spec:
        """The description as the core and model files have it."""
        spec = super().to_spec()
        if "activation" in spec:
            spec["activation"] = name_or_spec(spec["activation"], "activation")
        return spec


def _by_column(columns: Any, where: str, told: str) -> tuple[tuple[int, Any], ...]:
    """What is told of each column as pairs, by rising column."""
    if isinstance(columns, Mapping):
        columns = columns.items()
    try:
        pairs = [(column, value) for column, value in columns]
        rising = sorted(pairs, key=lambda pair: pair[0])
    except (TypeError, ValueError):
        raise TypeError(
            f"{where}: expected columns as a dictionary from a column's number to its {told}, got "
            f"{what(columns)}"
        ) from None
    return tuple(rising)


def _edges(column: Any, edges: Any) -> tuple[float, ...]:
    """Edges as numbers that compare and hash."""
    try:
        array = np.asarray(edges, dtype=np.float64)
    except (TypeError, ValueError):
        raise TypeError(
            f"PiecewiseLinear, column {column}: expected edges as a list of numbers, got {edges!r}"
        ) from None
    if array.ndim != 1:
        raise ValueError(
            f"PiecewiseLinear, column {column}: expected edges as a list, got {array.ndim} axes"
        )
    return tuple(array.tolist())


def _two_lists(pairs: Any, told: str) -> Spec:
    return {"columns": [column for column, _ in pairs], told: [value for _, value in pairs]}


def _one_table(options: Spec, name: str, told: str) -> Spec:
    """The options of a description as arguments, with columns and what is told of them as one."""
    rest = {key: value for key, value in options.items() if key not in ("columns", told)}
    return rest | {name: zip(options["columns"], options[told], strict=True)}
