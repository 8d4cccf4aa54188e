"""What a training leaves: networks, how each got there, and its outputs for rows held back."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lamina._sequential import Sequential
from lamina.tabular._columns import Floats, Indices


@dataclass(frozen=True)
class Member:
    """A network with its best weights, and how it got there.

    Attributes:
        network: the weights of the best epoch, or of the last where no epoch has a finite loss.
        history: figures by name, one an epoch that ended.
        best_epoch: from 1; the last where that is the one whose weights were kept.
        stop_reason: why training ended before its last epoch; empty where it did not.
        seconds: of its training. recipe, part: which of the recipes, and of the parts of the split.
    """

    network: Sequential
    recipe: int
    part: int
    history: dict[str, list[float]]
    best_epoch: int
    stop_reason: str
    seconds: float

    @staticmethod
    def of(network: Sequential, recipe: int, part: int, seconds: float) -> "Member":
        """A network whose `fit` has ended after at least one epoch."""
        history = network.history
        assert history is not None
        epochs = history.epochs
        return Member(
            network,
            recipe,
            part,
            # An interrupt may come between the figures of an epoch.
            {name: values[:epochs] for name, values in history.to_dict().items()},
            epochs if history.best_epoch is None else history.best_epoch + 1,
            history.stop_reason,
            seconds,
        )

    @property
    def epochs(self) -> int:
        """Epochs that ended."""
        return len(self.history["loss"])

    def record(self) -> dict[str, Any]:
        """What a model file tells of it, but for its history."""
        return {
            "epochs": self.epochs,
            "best_epoch": self.best_epoch,
            "stop_reason": self.stop_reason,
        }


@dataclass(frozen=True)
class Trained:
    """The networks of a training.

    Attributes:
        members: at least one. planned: how many there were to be.
        error: an interrupt or an error that ended it; `in_first`: in the first network, which then
            has its best weights so far.
        recipe_shares: how much the networks of each recipe count together in the mean; None: each
            network counts the same.
    """

    members: tuple[Member, ...]
    planned: int
    error: BaseException | None
    in_first: bool
    recipe_shares: Mapping[int, float] | None = None

    @property
    def networks(self) -> list[Sequential]:
        """The network of each member."""
        return [member.network for member in self.members]

    @property
    def shares(self) -> list[float]:
        """How much each network counts in the mean."""
        if self.recipe_shares is None:
            return [1.0 / len(self.members)] * len(self.members)
        counts = Counter(member.recipe for member in self.members)
        return [self.recipe_shares[m.recipe] / counts[m.recipe] for m in self.members]

    @property
    def ended_in(self) -> str:
        """Where an interrupt or an error came: `epoch 3`, or `network 2 of 5`."""
        if self.in_first:
            return f"epoch {self.members[0].epochs + 1}"
        return f"network {len(self.members) + 1} of {self.planned}"

    @property
    def kept(self) -> str:
        """What is kept then: `the best weights so far, of epoch 3,`, or `2 networks`."""
        first, count = self.members[0], len(self.members)
        if not self.in_first:
            return "the network before it" if count == 1 else f"the {count} networks before it"
        if first.best_epoch == first.epochs:
            return f"the weights of epoch {first.best_epoch}"
        return f"the best weights so far, of epoch {first.best_epoch},"

    def interrupted(self) -> str:
        """What an interrupt has left, in a sentence."""
        first, kept = self.members[0], self.kept
        if self.in_first and first.best_epoch < first.epochs:
            kept = f"the weights of epoch {first.best_epoch}, the best so far"
        return f"TableModel.fit: interrupted in {self.ended_in}; the model has {kept}"

    def record(self) -> dict[str, Any]:
        """What a model file tells of it: the first network, and then what each one did."""
        first = self.members[0]
        members = [
            member.record() | {"recipe": member.recipe, "share": share}
            for member, share in zip(self.members, self.shares, strict=True)
        ]
        return first.record() | {"history": first.history, "members": members}


class HeldBackOutputs:
    """Outputs for rows by the networks that did not learn from them; see `means`."""

    def __init__(self, rows: int, width: int) -> None:
        self._sums: Floats = np.zeros((rows, width))
        self._shares: Floats = np.zeros(rows)

    def add(self, rows: Indices, outputs: Floats, share: float = 1.0) -> None:
        """Outputs [rows, width] of a network that held back these rows, and counts so much."""
        self._sums[rows] += share * outputs
        self._shares[rows] += share

    def means(self) -> tuple[Indices, Floats]:
        """The rows that some network held back, in rising order, and their mean outputs."""
        rows = np.flatnonzero(self._shares)
        return rows, self._sums[rows] / self._shares[rows, None]
