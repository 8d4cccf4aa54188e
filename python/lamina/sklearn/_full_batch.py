"""Training by lbfgs: scipy's method on the loss of all rows at once."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.optimize import minimize
from sklearn.exceptions import ConvergenceWarning

from lamina._checks.types import NDArray
from lamina._core import NotFiniteError
from lamina._layers.layers import Dense
from lamina._network.examples import Examples
from lamina._optimizers.objective import Objective
from lamina._sequential import Sequential
from lamina.sklearn._linked_network import named_layers
from lamina.sklearn._losses import ReportedLoss
from lamina.sklearn._tasks import FitTasks

Array = NDArray[Any]


def minimise(
    estimator: Any, net: Sequential, data: Examples, loss: ReportedLoss, tasks: Sequence[FitTasks]
) -> None:
    """Bring `net` to a minimum, and note how the method ended in the estimator's attributes.

    Args:
        tasks: scikit-learn's callbacks, which are told of each iteration.

    Raises:
        ValueError: the first weights have no finite loss.
    """
    objective = Objective(
        net, loss.core, data, weight_decay=0.0, decay_biases=False, title="solver='lbfgs'"
    )
    function = _Reported(objective, net, data, loss)
    stopped = False

    def set_weights(weights: Array) -> None:
        parameters = objective.parameters(weights)
        net.set_parameters({name: array.astype(net.dtype) for name, array in parameters.items()})

    def after_iteration(intermediate_result: Any) -> None:
        if estimator.verbose:
            print(f"lbfgs: loss = {intermediate_result.fun:.8f}")
        if not tasks:
            return
        set_weights(intermediate_result.x)
        nonlocal stopped
        stopped = any(task.ends() for task in tasks)
        if stopped:
            raise StopIteration
        for task in tasks:
            task.on_epoch_begin(0)

    for task in tasks:
        task.on_epoch_begin(0)
    result = minimize(
        function,
        objective.start,
        jac=True,
        method="L-BFGS-B",
        callback=after_iteration if estimator.verbose or tasks else None,
        options={
            "maxfun": estimator.max_fun,
            "maxiter": estimator.max_iter,
            "gtol": estimator.tol,
        },
    )
    set_weights(result.x)
    estimator.n_iter_ = min(result.nit, estimator.max_iter)
    estimator.loss_ = float(result.fun)
    if result.status != 0 and not stopped:
        reached = estimator.n_iter_ == estimator.max_iter
        warnings.warn(
            f"lbfgs ended after {estimator.n_iter_} iterations without converging: "
            f"{result.message}. "
            + (f"Try more than max_iter={estimator.max_iter}, or s" if reached else "S")
            + "cale the data",
            ConvergenceWarning,
            stacklevel=2,
        )


class _Reported:
    """scikit-learn's loss and its gradient, as a function of all weights."""

    def __init__(
        self, objective: Objective, net: Sequential, data: Examples, loss: ReportedLoss
    ) -> None:
        self._objective, self._loss = objective, loss
        weights = data.weights
        self._rows = float(len(data.x) if weights is None else weights.sum())
        self._constant = 0.0
        if loss.constants is not None:
            self._constant = float(np.average(loss.constants, weights=weights))
        strengths = {
            f"{name}.weight": layer.l2
            for name, layer in named_layers(net.layers)
            if isinstance(layer, Dense)
        }
        self._penalties = np.concatenate(
            [np.full(a.size, strengths.get(name, 0.0)) for name, a in net.parameters().items()]
        )
        self._largest = -np.inf

    def __call__(self, weights: Array) -> tuple[float, Array]:
        try:
            total, gradient = self._objective.value_and_gradient(weights)
        except NotFiniteError as error:
            if self._largest == -np.inf:
                raise ValueError(
                    "Solver produced non-finite parameter weights. The input data may contain "
                    f"large values and need to be preprocessed. {error}"
                ) from error
            # The line search went too far: a higher wall than any value so far sends it back.
            return self._largest + 10.0 * (abs(self._largest) + 1.0), np.zeros_like(weights)
        penalty = float(self._penalties @ weights**2) / self._rows
        value = self._loss.share * (total - penalty) + penalty + self._constant
        self._largest = max(self._largest, value)
        return value, gradient
