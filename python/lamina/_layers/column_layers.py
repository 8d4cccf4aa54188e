"""Layers that turn chosen columns of their input into several columns each, in their place."""

from collections.abc import Iterable, Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

from lamina._checks.spec import Spec, what
from lamina._layers.layer import Layer


@dataclass(frozen=True, repr=False)
class Embedding(Layer):
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
    takes_missing: ClassVar[bool] = True
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

    @property
    def missing_columns(self) -> tuple[int, ...]:
        """Columns in which a missing value is legal."""
        return tuple(_two_lists(self.columns, "categories")["columns"])

    def to_spec(self) -> Spec:
        """The description as the core and model files have it."""
        return super().to_spec() | _two_lists(self.columns, "categories")

    @classmethod
    def from_options(cls, options: Spec) -> "Embedding":
        """The layer with these options of its description."""
        return cls(**_one_table(options, "categories"))

    def title(self) -> str:
        """Name and main options, for summaries."""
        return f"Embedding({_count(self.columns)}, {self.units})"


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


def _two_lists(pairs: Any, told: str) -> Spec:
    return {"columns": [column for column, _ in pairs], told: [value for _, value in pairs]}


def _one_table(options: Spec, told: str) -> Spec:
    """The options of a description as arguments."""
    rest = {name: value for name, value in options.items() if name not in ("columns", told)}
    return rest | {"columns": zip(options["columns"], options[told], strict=True)}


def _count(columns: Any) -> str:
    return f"{len(columns)} column{'' if len(columns) == 1 else 's'}"
