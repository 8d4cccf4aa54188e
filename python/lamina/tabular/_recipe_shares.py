"""How much the networks of each recipe count in the mean: as rows that they held back say."""

from collections.abc import Callable
from dataclasses import replace
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina.tabular._columns import Floats, Indices
from lamina.tabular._network_fits import Encoded
from lamina.tabular._networks import Networks
from lamina.tabular._target import ClassTarget, Target
from lamina.tabular._trained import HeldBackOutputs, Trained

_ROUNDS = 20
_LEAST_PROBABILITY = 1e-7


def weigh_recipes(
    trained: Trained, target: Target, held_back: Callable[[int], tuple[Indices, Encoded]]
) -> tuple[Trained, HeldBackOutputs]:
    """The networks with the shares of their recipes, and their outputs for rows held back.

    Shares are chosen greedily, a twentieth at a time, so that the loss of the mean is lowest on the
    rows that networks of every recipe held back (Caruana et al. 2004).

    Args:
        held_back: part of the split to the places of its validation rows, and these rows.
    """
    own: dict[int, HeldBackOutputs] = {}
    outputs: list[tuple[Indices, Floats]] = []
    rows = 1 + max(int(held_back(member.part)[0].max()) for member in trained.members)
    truth: NDArray[Any] | None = None
    weights: Floats = np.ones(rows)
    for member in trained.members:
        places, encoded = held_back(member.part)
        found = Networks([member.network]).outputs(encoded.inputs, target.outputs)
        outputs.append((places, found))
        own.setdefault(member.recipe, HeldBackOutputs(rows, target.outputs)).add(places, found)
        if truth is None:
            truth = np.zeros((rows, *encoded.target.shape[1:]), dtype=encoded.target.dtype)
        truth[places] = encoded.target
        if encoded.weights is not None:
            weights[places] = encoded.weights
    if len(own) > 1:
        assert truth is not None
        trained = replace(trained, recipe_shares=_choose(own, target, truth, weights))
    every = HeldBackOutputs(rows, target.outputs)
    for (places, found), share in zip(outputs, trained.shares, strict=True):
        every.add(places, found, share)
    return trained, every


def _choose(
    own: dict[int, HeldBackOutputs], target: Target, truth: NDArray[Any], weights: Floats
) -> dict[int, float]:
    means = {recipe: outputs.means() for recipe, outputs in own.items()}
    rows = reduce(np.intersect1d, [places for places, _ in means.values()])
    each = {
        recipe: outputs[np.searchsorted(places, rows)]
        for recipe, (places, outputs) in means.items()
    }

    def loss(counts: dict[int, int]) -> float:
        total = sum(counts.values())
        mean = sum(count / total * each[recipe] for recipe, count in counts.items())
        return float(np.average(_row_losses(target, truth[rows], mean), weights=weights[rows]))

    counts = dict.fromkeys(own, 0)
    for _ in range(_ROUNDS):
        tried = {r: loss(counts | {r: counts[r] + 1}) for r in counts}
        counts[min(tried, key=lambda recipe: tried[recipe])] += 1
    # A recipe that counts for nothing keeps a trace, so that every network has a share.
    shares = {recipe: max(count / _ROUNDS, 1e-6) for recipe, count in counts.items()}
    total = sum(shares.values())
    return {recipe: share / total for recipe, share in shares.items()}


def _row_losses(target: Target, truth: NDArray[Any], outputs: Any) -> Floats:
    """The loss of each row [rows] that training lowers."""
    if isinstance(target, ClassTarget):
        given = target.probabilities(outputs)[np.arange(len(truth)), truth]
        losses: Floats = -np.log(np.maximum(given, _LEAST_PROBABILITY))
        return losses
    if target.spread:
        levels = np.asarray(target.spread.levels)
        by_target = outputs.reshape(len(truth), -1, len(levels))
        errors = truth.reshape(len(truth), -1, 1) - by_target
        return _row_means(np.maximum(levels * errors, (levels - 1.0) * errors))
    return _row_means((truth.reshape(outputs.shape) - outputs) ** 2)


def _row_means(values: Floats) -> Floats:
    means: Floats = values.reshape(len(values), -1).mean(axis=1)
    return means
