"""How much a model relies on each column: what its figures lose where the values are shuffled."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina._checks.numbers import check_whole, checked_seed
from lamina.tabular._columns import Floats, TableError
from lamina.tabular._encoders import Encoder
from lamina.tabular._monitor import Figure

Outputs = Callable[[NDArray[np.float32]], Floats]


@dataclass(frozen=True)
class ColumnImportance:
    """How much worse a figure is where one column's values are shuffled among the rows.

    Attributes:
        mean: what the figure loses, positive where it becomes worse, over the shuffles.
        deviation: the standard deviation of the loss over the shuffles.
        losses: of each shuffle.
    """

    column: str
    mean: float
    deviation: float
    losses: tuple[float, ...]


@dataclass(frozen=True)
class Importance:
    """Permutation importance (Breiman 2001; Fisher et al. 2019).

    Attributes:
        metric: the figure's name. mode: whether "min" or "max" of it is better.
        figure: of the rows as they are. rows: how many.
        columns: the most important first.
    """

    metric: str
    mode: str
    figure: float
    rows: int
    columns: tuple[ColumnImportance, ...]

    def to_record(self) -> dict[str, Any]:
        """As JSON; `importance` from column to its mean, deviation and losses."""
        return {
            "metric": self.metric,
            "mode": self.mode,
            "figure": self.figure,
            "rows": self.rows,
            "importance": {
                c.column: {"mean": c.mean, "deviation": c.deviation, "losses": list(c.losses)}
                for c in self.columns
            },
        }


def permutation_importance(
    encoders: Sequence[Encoder],
    inputs: NDArray[np.float32],
    truth: NDArray[Any],
    weights: Floats | None,
    outputs_of: Outputs,
    figure: Figure,
    *,
    repeats: int = 5,
    seed: int = 0,
) -> Importance:
    """Shuffle the inputs [rows, inputs] of each encoder's column in turn.

    Args:
        truth: the encoded target [rows]. weights: of the rows. outputs_of: the model.
        repeats: shuffles of each column, at least 1. seed: of the shuffles.

    Raises:
        TableError: the figure cannot be had of these rows.
    """
    check_whole(repeats, "repeats", "importance")
    checked_seed(seed)

    def measure(rows: NDArray[np.float32]) -> float:
        try:
            with np.errstate(all="ignore"):
                return float(figure.of(truth, outputs_of(rows), weights))
        except (ValueError, ArithmeticError) as error:
            raise TableError(str(error)) from None

    whole = measure(inputs)
    if np.isnan(whole):
        raise TableError(f"these rows have no {figure.name}")
    worse = 1.0 if figure.mode == "min" else -1.0
    found: list[ColumnImportance] = []
    shuffled, begin = inputs.copy(), 0
    for place, encoder in enumerate(encoders):
        end = begin + encoder.inputs
        # RandomState gives the same order with every version of numpy.
        random = np.random.RandomState([seed % 2**32, seed >> 32, place])
        losses: list[float] = []
        for _ in range(repeats):
            shuffled[:, begin:end] = inputs[random.permutation(len(inputs)), begin:end]
            losses.append(worse * (measure(shuffled) - whole))
        shuffled[:, begin:end] = inputs[:, begin:end]
        mean, deviation = float(np.mean(losses)), float(np.std(losses))
        found.append(ColumnImportance(encoder.name, mean, deviation, tuple(losses)))
        begin = end
    found.sort(key=lambda column: -column.mean)
    return Importance(figure.name, figure.mode, whole, len(inputs), tuple(found))
