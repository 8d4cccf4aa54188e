"""The fit of a second-order method: all rows at each iteration, which is an epoch."""

from collections.abc import Callable
from typing import Any

from lamina._network.adapt import adapt_ends
from lamina._optimizers.objective import Floats
from lamina._training.callbacks import Record
from lamina._training.fit import Fit


class FullBatchFit(Fit):
    """One call of fit with a `FullBatchOptimizer`; an epoch is an iteration."""

    def prepare(self) -> None:
        """Also build the function to minimise, which refuses what does not fit."""
        self.check()
        self.epochs = self.optimizer.max_iterations
        before = self.net.parameters()
        adapt_ends(self.net, self._train, self._loss)
        try:
            self._objective = self.optimizer.objective(self.net, self._loss, self._train)
        except BaseException:
            self.net._set_figures(before)
            raise

    def _minimiser(self) -> Callable[[], str]:
        return self._minimise

    def _minimise(self) -> str:
        objective = self._objective
        try:
            reason: str = self.optimizer.minimise(objective, self._accept)
            if self.history.epochs == 0:
                objective.value_and_gradient(objective.start)
                self._accept(objective.start, objective.loss, {})
        except _StopIteration:
            return ""
        return reason

    def _accept(self, weights: Floats, loss: float, figures: Record) -> None:
        """Take the weights of an iteration, and end it."""
        parameters = self._objective.parameters(weights)
        self.net.set_parameters(
            {name: array.astype(self.net.dtype) for name, array in parameters.items()}
        )
        outputs = self.net._core_network().predict(self._train.x) if self._scorer else None
        if not self.loop.end_iteration(loss, outputs, figures):
            raise _StopIteration

    def _optimizer_handle(self) -> Any:
        return None


class _StopIteration(Exception):
    """The fit is over."""
