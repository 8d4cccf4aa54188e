"""The networks of a table model are fitted, one after the other."""

import math
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lamina._optimizers.schedules import FlatCosineSchedule
from lamina._optimizers.weight_average import WeightAverage
from lamina._sequential import Sequential
from lamina._training.callbacks import EarlyStopping
from lamina._training.fit import Verbose
from lamina.tabular._columns import Floats, Indices
from lamina.tabular._preprocessor import Preprocessor
from lamina.tabular._recipe import Recipe
from lamina.tabular._split import member_seed
from lamina.tabular._target import Target
from lamina.tabular._trained import Member, Trained
from lamina.tabular._weights import product

# A time limit that is over leaves the first network this much, and so one epoch.
_LEAST_SECONDS = 1e-3


class Encoded(NamedTuple):
    """Rows as a network takes them: inputs [rows, inputs], targets [rows], weights [rows]."""

    inputs: NDArray[np.float32]
    target: NDArray[Any]
    weights: Floats | None

    def take(self, rows: Indices) -> "Encoded":
        """Some of the rows."""
        weights = None if self.weights is None else self.weights[rows]
        return Encoded(self.inputs[rows], self.target[rows], weights)

    def weighted(self, by_class: Floats | None) -> "Encoded":
        """With the weights of the rows' classes too."""
        return self._replace(weights=product(self.weights, by_class, self.target))


class NetworkFits:
    """The fits of the networks of one model.

    Args:
        recipes: how they are built and trained, in turn. metrics: beside the loss.
        examples: part of the split to what a network learns from and what validates it.
        parts: how many parts there are; networks of one recipe take one after the other.
        time_left: seconds until the limit.
    """

    def __init__(
        self,
        recipes: Sequence[Recipe],
        target: Target,
        preprocessor: Preprocessor,
        metrics: Sequence[Any],
        examples: Callable[[int], tuple[Encoded, Encoded]],
        parts: int,
        time_left: Callable[[], float],
    ) -> None:
        self._recipes, self._target, self._preprocessor = recipes, target, preprocessor
        self._metrics, self._examples, self._time_left = metrics, examples, time_left
        self._parts = parts

    def run(
        self, count: int, stopping: EarlyStopping, callbacks: Sequence[Any], verbose: Verbose
    ) -> Trained:
        """At most so many networks; see `TableTraining.run`.

        Args:
            stopping: what keeps the best weights, with the patience of each recipe.
        """
        members: list[Member] = []
        error: BaseException | None = None
        in_first = True
        while len(members) < count and error is None and self._time_for_another(members):
            begin, in_first = time.perf_counter(), not members
            turn, place = divmod(len(members), len(self._recipes))
            recipe, part = self._recipes[place], turn % self._parts
            stopping.patience = recipe.patience or recipe.epochs
            train_seed = member_seed(recipe.seed, len(members))
            network, error = self._fit(recipe, part, train_seed, [stopping, *callbacks], verbose)
            started = network.history is not None and network.history.epochs > 0
            if in_first and error is not None and not started:
                raise error
            if not in_first and (error is not None or self._time_left() <= 0.0):
                break  # it has not learnt all that it would have
            members.append(Member.of(network, place, part, time.perf_counter() - begin))
        return Trained(tuple(members), count, error, in_first)

    def _time_for_another(self, members: Sequence[Member]) -> bool:
        """Whether a further network can be expected to end in time; the first is always fitted."""
        if not members:
            return True
        return self._time_left() > max(m.seconds for m in members[-len(self._recipes) :])

    def _fit(
        self, recipe: Recipe, part: int, seed: int, callbacks: Sequence[Any], verbose: Verbose
    ) -> tuple[Sequential, BaseException | None]:
        """A network, and what ended its training early."""
        train, validation = self._examples(part)
        network = recipe.build_network(self._target, self._preprocessor, seed, train.inputs)
        if recipe.weights_from_data:
            network.adapt_weights(train.inputs)
        held: tuple[Any, ...] = (validation.inputs, validation.target, validation.weights)
        limit = self._time_left()
        try:
            network.fit(
                train.inputs,
                train.target,
                sample_weight=train.weights,
                loss=recipe.loss(self._target),
                optimizer=recipe.make_optimizer(),
                epochs=recipe.epochs,
                batch_size=recipe.batch_size,
                validation_data=held,
                metrics=self._metrics,
                dropout_schedule=FlatCosineSchedule(1.0) if recipe.falling else None,
                callbacks=callbacks,
                average=WeightAverage(recipe.average) if recipe.average else None,
                time_limit=None if limit == math.inf else max(limit, _LEAST_SECONDS),
                verbose=verbose,
            )
        except (Exception, KeyboardInterrupt) as ended:
            return network, ended
        return network, None
