"""What a fit recorded, epoch by epoch."""

from collections.abc import Iterator, Mapping


class History(Mapping[str, list[float]]):
    """`history["loss"]` is the list of losses, one an epoch; so for every other figure.

    Attributes:
        epochs: how many epochs ended. seconds: time of each, in s.
        stop_reason: why training ended before its last epoch; empty where it did not.
    """

    def __init__(self) -> None:
        self._figures: dict[str, list[float]] = {}
        self.seconds: list[float] = []
        self.stop_reason = ""

    @property
    def epochs(self) -> int:
        """Epochs that ended."""
        return len(self.seconds)

    def append(self, record: dict[str, float], seconds: float) -> None:
        """Add the figures of one epoch."""
        for name, value in record.items():
            self._figures.setdefault(name, []).append(value)
        self.seconds.append(seconds)

    def __getitem__(self, name: str) -> list[float]:
        if name not in self._figures:
            raise KeyError(f"no figure named {name!r}; there are {', '.join(self._figures)}")
        return self._figures[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._figures)

    def __len__(self) -> int:
        return len(self._figures)

    def __repr__(self) -> str:
        last = ", ".join(f"{name} {values[-1]:.6g}" for name, values in self.items())
        return f"History({self.epochs} epochs; {last})"
