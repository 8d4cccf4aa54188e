"""What a fit recorded, epoch by epoch."""

from collections.abc import Iterator, Mapping


class History(Mapping[str, list[float]]):
    """`history["loss"]` is the list of losses, one an epoch; so for every other figure.

    A mapping from names to lists, as `len`, `in`, `items()` and `dict(history)` have it.

    Attributes:
        epochs: how many epochs ended. seconds: time of each, in s.
        stop_reason: why training ended before its last epoch, also by Ctrl-C or an error; empty
            where it did not.
        best_epoch: epoch, from 0, whose weights early stopping put back; None where it put back
            none.
    """

    def __init__(self) -> None:
        self._figures: dict[str, list[float]] = {}
        self.seconds: list[float] = []
        self.stop_reason = ""
        self.best_epoch: int | None = None

    @property
    def epochs(self) -> int:
        """Epochs that ended."""
        return len(self.seconds)

    def append(self, record: dict[str, float], seconds: float) -> None:
        """Add the figures of one epoch; one that other epochs have and this has not is NaN."""
        missing, epochs = float("nan"), self.epochs
        for name in record:
            self._figures.setdefault(name, [missing] * epochs)
        for name, values in self._figures.items():
            values[epochs:] = [record.get(name, missing)]
        # The epoch counts from here on: an interrupt before leaves none of it behind.
        self.seconds.append(seconds)

    def to_dict(self) -> dict[str, list[float]]:
        """A copy as plain lists by name, as JSON and data frames take it."""
        return {name: list(values) for name, values in self.items()}

    def __getitem__(self, name: str) -> list[float]:
        if name not in self._figures:
            raise KeyError(f"no figure named {name!r}; there are {', '.join(self._figures)}")
        values = self._figures[name]
        return values if len(values) == self.epochs else values[: self.epochs]

    def __iter__(self) -> Iterator[str]:
        return iter(self._figures)

    def __len__(self) -> int:
        return len(self._figures)

    def __repr__(self) -> str:
        last = ", ".join(f"{name} {values[-1]:.6g}" for name, values in self.items() if values)
        return f"History({self.epochs} epochs; {last})" if last else "History(0 epochs)"
