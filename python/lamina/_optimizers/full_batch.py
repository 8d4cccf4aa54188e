"""Second-order methods that use all rows at each step of `fit`: L-BFGS and Levenberg-Marquardt."""

from collections.abc import Callable
from typing import Any, ClassVar, NoReturn, TypeVar

import numpy as np

from lamina import _core
from lamina._checks.numbers import is_number, is_whole
from lamina._layers.layers import Ensemble
from lamina._network.examples import Examples
from lamina._network.stack import Stack
from lamina._optimizers.normal_equations import solve_damped
from lamina._optimizers.objective import Floats, Objective, options_of

Record = dict[str, float]
# Called after each iteration with the weights, the loss and further figures.
Accept = Callable[[Floats, float, Record], None]
Number = TypeVar("Number", int, float)
_SMALLEST_DAMPING, _LARGEST_DAMPING = 1e-20, 1e16


class FullBatchOptimizer:
    """Base of the methods for `fit(optimizer=...)` that work on the whole data set, in float64.

    For the history, callbacks, target_loss and early stopping an iteration is an epoch. A float32
    network is trained through a float64 copy. No state is kept from one fit to the next.
    """

    # Fit asks these of every optimizer: the schedules, and what it adds to the record of an epoch.
    schedules: ClassVar[dict[str, Any]] = {}
    figures: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self, max_iterations: int, tolerance: float, weight_decay: float, decay_biases: bool
    ) -> None:
        self.max_iterations = self._whole("max_iterations", max_iterations)
        self.tolerance = self._number("tolerance", tolerance)
        self.weight_decay = self._number("weight_decay", weight_decay)
        if not isinstance(decay_biases, bool | np.bool_):
            self._refuse("decay_biases as True or False", decay_biases)
        self.decay_biases = bool(decay_biases)

    def __repr__(self) -> str:
        options = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({options})"

    def objective(self, net: Stack, loss: _core.Loss, data: Examples) -> Objective:
        """The function to minimise; ValueError where this method cannot."""
        return Objective(
            net,
            loss,
            data,
            weight_decay=self.weight_decay,
            decay_biases=self.decay_biases,
            title=type(self).__name__,
        )

    def minimise(self, objective: Objective, accept: Accept) -> str:
        """Run; returns why it ended before its last iteration, or an empty text."""
        raise NotImplementedError

    def check_options(self, **options: Any) -> None:
        """Refuse options of `fit` that make sense for batches only."""
        for name, value in options.items():
            if value is not None:
                instead = " (max_iterations limits the steps)" if name == "epochs" else ""
                raise ValueError(
                    f"fit: {name} cannot be used with {type(self).__name__}, which takes all rows "
                    f"at each step; leave it out{instead}"
                )

    def handle_for_step(self, net: Stack) -> NoReturn:
        """Refused: there are no single steps."""
        raise TypeError(
            f"{type(self).__name__}: expected to be used in fit, with all rows; for single steps "
            "use an optimizer such as Adam, or value_and_grad with another minimiser"
        )

    step = handle_for_step

    def _number(self, name: str, value: float) -> float:
        if not is_number(value) or not 0.0 <= value < np.inf:
            self._refuse(f"{name} as a finite number of at least 0", value)
        return float(value)

    def _whole(self, name: str, value: int) -> int:
        if not is_whole(value) or value < 1:
            self._refuse(f"{name} as a whole number of at least 1", value)
        return int(value)

    def _refuse(self, expected: str, value: Any) -> NoReturn:
        raise ValueError(f"{type(self).__name__}: expected {expected}, got {value!r}")


class LBFGS(FullBatchOptimizer):
    """L-BFGS (Liu & Nocedal 1989), by scipy: the method of choice for up to a few thousand rows.

    Steps along the negative gradient, corrected for curvature by the last `memory` changes of
    weights and gradients, as far as a line search says; where the loss overflows, the search turns
    back. Works with every loss. Needs scipy (`pip install lamina[scipy]`).

    Args:
        max_iterations: most iterations, at least 1.
        tolerance: stops when no element of the gradient is larger, at least 0.
        loss_tolerance: stops when an iteration lowers the loss by less than this share of it, at
            least 0.
        memory: number of changes that are kept, at least 1.
        weight_decay: weight_decay / 2 * (sum of squared weights) is added to the loss.
        decay_biases: of biases too.

    Raises:
        ValueError: an option is out of range; in `fit`, also batch_size, shuffle and so on, and
            networks with dropout or other random layers. ImportError: in `fit`, without scipy.
    """

    def __init__(
        self,
        max_iterations: int = 500,
        *,
        tolerance: float = 1e-5,
        loss_tolerance: float = 1e-12,
        memory: int = 10,
        weight_decay: float = 0.0,
        decay_biases: bool = False,
    ) -> None:
        super().__init__(max_iterations, tolerance, weight_decay, decay_biases)
        self.loss_tolerance = self._number("loss_tolerance", loss_tolerance)
        self.memory = self._whole("memory", memory)

    def objective(self, net: Stack, loss: _core.Loss, data: Examples) -> Objective:
        """The loss; ImportError where scipy is missing."""
        _scipy_minimize()
        return super().objective(net, loss, data)

    def minimise(self, objective: Objective, accept: Accept) -> str:
        """Run scipy's L-BFGS-B without bounds."""
        last: tuple[Floats, float] = (objective.start, 0.0)
        largest_value = -np.inf

        def function(weights: Floats) -> tuple[float, Floats]:
            nonlocal last, largest_value
            try:
                value, gradient = objective.value_and_gradient(weights)
            except _core.NotFiniteError:
                if largest_value == -np.inf:
                    raise
                # The line search went too far: a higher wall than any value so far sends it back.
                return largest_value + 10.0 * (abs(largest_value) + 1.0), np.zeros_like(weights)
            last = (weights.copy(), objective.loss)
            largest_value = max(largest_value, value)
            return value, gradient

        def callback(weights: Floats) -> None:
            if not np.array_equal(weights, last[0]):
                function(weights)
            accept(weights, last[1], {})

        result = _scipy_minimize()(
            function,
            objective.start,
            method="L-BFGS-B",
            jac=True,
            callback=callback,
            options={
                "maxiter": self.max_iterations,
                "maxfun": 100 * self.max_iterations,
                "maxcor": self.memory,
                "gtol": self.tolerance,
                "ftol": self.loss_tolerance,
            },
        )
        if result.nit >= self.max_iterations:
            return ""
        largest = float(np.abs(result.jac).max())
        if largest <= self.tolerance:
            return f"the largest element of the gradient, {largest:.3g}, is within the tolerance"
        return f"no step lowers the loss further (largest element of the gradient {largest:.3g})"


class LevenbergMarquardt(FullBatchOptimizer):
    """Levenberg-Marquardt (Marquardt 1963) for the squared error of small networks: curve fits.

    Solves (J'J + damping I) d = -J'r for residuals r and their Jacobian J with respect to the
    weights; the damping follows the gain ratio (actual by predicted fall of the loss) as in Nielsen
    (1999). Where the equations cannot be solved, the damping grows. Time grows with
    residuals * weights^2, memory with weights^2.

    Args:
        max_iterations: most iterations, at least 1.
        tolerance: stops when no element of the gradient is larger, at least 0.
        step_tolerance: stops when a step is shorter than this share of the weights' norm.
        damping: the first one as a share of the largest diagonal element of J'J, above 0.
        memory_limit: bytes that the equations may take.
        weight_decay: weight_decay / 2 * (sum of squared weights) is added to the loss.
        decay_biases: of biases too.

    Raises:
        ValueError: an option is out of range; in `fit`, also losses other than
            `mean_squared_error`, problems beyond memory_limit, batch_size, shuffle and so on, and
            networks with dropout or other random layers.
    """

    figures = ("damping",)

    def __init__(
        self,
        max_iterations: int = 100,
        *,
        tolerance: float = 1e-10,
        step_tolerance: float = 1e-12,
        damping: float = 1e-3,
        memory_limit: float = 2e9,
        weight_decay: float = 0.0,
        decay_biases: bool = False,
    ) -> None:
        super().__init__(max_iterations, tolerance, weight_decay, decay_biases)
        self.step_tolerance = self._number("step_tolerance", step_tolerance)
        self.damping = self._number("damping", damping)
        if not self.damping > 0.0:
            self._refuse("a damping above 0", damping)
        self.memory_limit = self._number("memory_limit", memory_limit)

    def objective(self, net: Stack, loss: _core.Loss, data: Examples) -> Objective:
        """The squared error; ValueError for other losses and where memory would not suffice."""
        if loss.name != "mean_squared_error":
            raise ValueError(
                "LevenbergMarquardt: expected the loss 'mean_squared_error', got "
                f"{loss.name!r}; for others take LBFGS"
            )
        if penalties := options_of(net.to_spec(), {"l1", "l2"}):
            raise ValueError(
                "LevenbergMarquardt: expected Dense layers without penalties, got "
                f"{' and '.join(sorted(penalties))}; take weight_decay, or LBFGS"
            )
        if any(isinstance(layer, Ensemble) for layer in net.layers):
            raise ValueError(
                "LevenbergMarquardt: expected a network whose outputs are those of one model, got "
                "an Ensemble, which lowers the mean of its members' losses; take LBFGS or Adam"
            )
        objective = super().objective(net, loss, data)
        count = len(objective.start)
        needed = 4 * 8 * count**2 + 3 * (1 << 26)
        if needed > self.memory_limit:
            raise ValueError(
                f"LevenbergMarquardt: the equations of {count:,} weights take about "
                f"{needed / 1e9:.1f} GB, above memory_limit ({self.memory_limit / 1e9:.1f} GB); "
                "take LBFGS or Adam, or raise memory_limit"
            )
        return objective

    def minimise(self, objective: Objective, accept: Accept) -> str:
        """Step, compare, and set the damping, until the gradient or the steps vanish."""
        weights = objective.start.copy()
        value, moment, product = objective.normal_equations(weights)
        damping = max(self.damping * float(product.diagonal().max()), _SMALLEST_DAMPING)
        for _ in range(self.max_iterations):
            growth = 2.0
            # The gradient of the loss is twice J'r.
            while (largest := 2.0 * float(np.abs(moment).max())) > self.tolerance:
                step = solve_damped(product, damping, -moment)
                gain = -1.0
                if step is not None:
                    if np.linalg.norm(step) <= self.step_tolerance * np.linalg.norm(weights):
                        return f"steps are shorter than the tolerance (loss {value:.6g})"
                    new_value = objective.squared_loss(weights + step)
                    predicted = float(step @ (damping * step - moment))
                    gain = (value - new_value) / predicted if predicted > 0.0 else -1.0
                if step is not None and gain > 0.0:
                    weights = weights + step
                    damping *= max(1.0 / 3.0, 1.0 - (2.0 * gain - 1.0) ** 3)
                    damping = max(damping, _SMALLEST_DAMPING)
                    break
                damping, growth = damping * growth, 2.0 * growth
                if damping > _LARGEST_DAMPING:
                    return f"no step lowers the loss further (loss {value:.6g})"
            else:
                return (
                    f"the largest element of the gradient, {largest:.3g}, is within the tolerance"
                )
            value, moment, product = objective.normal_equations(weights)
            accept(weights, objective.loss, {"damping": damping})
        return ""


def _scipy_minimize() -> Callable[..., Any]:
    try:
        from scipy.optimize import minimize
    except ImportError as error:
        raise ImportError(
            "LBFGS: expected scipy, which is not installed; run pip install lamina[scipy], or take "
            "an optimizer such as Adam"
        ) from error
    found: Callable[..., Any] = minimize
    return found
