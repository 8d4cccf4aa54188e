"""scikit-learn's callbacks, of its version 1.9 and later: a fit is a task, each epoch one in it."""

from collections.abc import Mapping
from typing import Any, Self

from lamina._training.callbacks import Record, RunningFit

try:
    from sklearn.callback import CallbackSupportMixin as CallbackSupportMixin
except ImportError:

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Earlier versions have no callbacks."""


class FitTasks:
    """Tells an estimator's callbacks (`set_callbacks`) of a fit, and of each epoch or iteration.

    As a callback of lamina's it is asked by the core's loop.
    """

    def __init__(self, estimator: Any, X: Any, y: Any, metadata: Mapping[str, Any]) -> None:
        self._estimator = estimator
        self._data = {"X": X, "y": y, "metadata": metadata}
        self._context = estimator._init_callback_context(max_subtasks=estimator.max_iter)
        self._context.call_on_fit_task_begin(estimator=estimator, **self._data)

    @classmethod
    def of(cls, estimator: Any, X: Any, y: Any, metadata: Mapping[str, Any]) -> list[Self]:
        """One where the estimator has callbacks of scikit-learn's, else none."""
        return [cls(estimator, X, y, metadata)] if hasattr(estimator, "_skl_callbacks") else []

    def on_fit_begin(self, fit: RunningFit) -> None:
        """Remember the fit, which callbacks may stop."""
        self._fit = fit

    def on_epoch_begin(self, epoch: int) -> None:
        """A task within the fit begins."""
        self._epoch = self._context.subcontext(task_name="epoch")
        self._epoch.call_on_fit_task_begin(estimator=self._estimator, **self._data)

    def on_epoch_end(self, epoch: int, record: Record) -> None:
        """It ends, and perhaps training with it."""
        if self.ends():
            self._fit.stop("a callback of scikit-learn's stopped it")

    def ends(self) -> bool:
        """Tell that the task in hand ended; whether a callback asks to stop."""
        # Their copy of the estimator has the weights of now.
        return bool(
            self._epoch.call_on_fit_task_end(
                estimator=self._estimator, reconstruction_attributes={}, **self._data
            )
        )

    def finish(self) -> None:
        """The fit ended."""
        self._context.call_on_fit_task_end(
            estimator=self._estimator, reconstruction_attributes={}, **self._data
        )
