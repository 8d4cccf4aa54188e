"""The fit of a second-order method: all rows at each iteration, which is an epoch."""

import time
from typing import Any

from lamina._network.adapt import adapt_ends
from lamina._optimizers.objective import Floats
from lamina._training.callbacks import Record, call_all
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

    def _train_all(self, core: Any) -> None:
        epoch, started = 0, time.perf_counter()

        def accept(weights: Floats, loss: float, figures: Record) -> None:
            nonlocal epoch, started
            self.net.set_parameters(
                {
                    name: array.astype(self.net.dtype)
                    for name, array in self._objective.parameters(weights).items()
                }
            )
            outputs = core.predict(self._train.x, None) if self._scorer else None
            self._finish_epoch(core, epoch, started, loss, outputs, figures)
            epoch, started = epoch + 1, time.perf_counter()
            if self.stop_reason:
                raise _StopIteration
            if epoch < self.epochs:
                call_all(self._callbacks, "on_epoch_begin", epoch)

        call_all(self._callbacks, "on_epoch_begin", epoch)
        try:
            reason = self.optimizer.minimise(self._objective, accept)
            if epoch == 0:
                self._objective.value_and_gradient(self._objective.start)
                accept(self._objective.start, self._objective.loss, {})
        except _StopIteration:
            return
        if reason:
            self.stop(reason)


class _StopIteration(Exception):
    """A callback has asked to stop."""
