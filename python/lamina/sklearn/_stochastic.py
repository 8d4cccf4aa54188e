"""Training by sgd and adam: the core's loop under scikit-learn's rules."""

import copy
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from lamina import _core
from lamina._checks.types import NDArray
from lamina._losses.scoring import Scorer
from lamina._network.examples import Examples
from lamina._optimizers.by_name import make_optimizer as optimizer_of
from lamina._optimizers.momentum import SGD, Adam
from lamina._optimizers.optimizer import Optimizer
from lamina._sequential import Sequential
from lamina._training.callbacks import Record, RunningFit
from lamina._training.fit import Fit, FitOptions
from lamina.sklearn._losses import ReportedLoss

Array = NDArray[Any]
# Where an adaptive learning rate ends.
_SMALLEST_RATE = 1e-6
_MOST_MOMENTUM = float(np.nextafter(1.0, 0.0))


class EpochOrder:
    """Row numbers of each epoch, drawn from the estimator's random numbers as scikit-learn does.

    Each epoch permutes the order of the one before.
    """

    def __init__(self, rows: int, random_state: np.random.RandomState) -> None:
        self.rows = np.arange(rows)
        self._random_state = random_state

    def __call__(self, epoch: int) -> NDArray[np.int64]:
        permutation = np.arange(len(self.rows))
        self._random_state.shuffle(permutation)
        self.rows = self.rows[permutation]
        return self.rows


@dataclass(frozen=True)
class Run:
    """What one call of fit trains on, beside the estimator that it trains.

    Attributes:
        examples: rows to train on. loss: what the core minimises, and how it is reported.
        validate: gives the score on the rows held back; None: there are none.
        order: of the rows in each epoch; None: as they come.
        incremental: a single epoch, of `partial_fit`; else at most `max_iter`.
        callbacks: who follows training beside the rules.
    """

    examples: Examples
    loss: ReportedLoss
    batch_size: int
    validate: Callable[[], float] | None
    order: EpochOrder | None
    incremental: bool
    callbacks: Sequence[Any]


def split(
    estimator: Any, X: Any, y: Array, weights: Array | None, share: float
) -> tuple[tuple[Any, Array, Array | None], tuple[Any, Array, Array | None]]:
    """Rows to train on and rows held back, as scikit-learn draws them: (X, y, weights) of each.

    Raises:
        ValueError: fewer than two rows would be held back, or a class has too few rows to divide.
    """
    both = train_test_split(
        np.arange(X.shape[0]),
        random_state=estimator._random_state,
        test_size=share,
        stratify=estimator._strata(y),
    )
    if len(both[1]) < 2:
        raise ValueError(
            "The validation set is too small: expected at least 2 rows, got "
            f"{len(both[1])} of {X.shape[0]}; take a larger share, or more rows"
        )
    rest, held_back = (
        (X[rows], y[rows], None if weights is None else weights[rows]) for rows in both
    )
    return rest, held_back


class SilentFit(Fit):
    """A fit that shows nothing: the estimator's own rules say what is to be said."""

    def _shown(self) -> list[Any]:
        return []


def make_optimizer(estimator: Any) -> Optimizer:
    """The optimizer of an estimator's parameters, with the formulas that scikit-learn has.

    Raises:
        TypeError, ValueError: `optimizer` is none that works on batches.
    """
    if estimator.optimizer is not None:
        chosen = optimizer_of(copy.deepcopy(estimator.optimizer))
        if not isinstance(chosen, Optimizer):
            raise ValueError(
                "optimizer: expected one that works on batches, got "
                f"{type(chosen).__name__}; for all rows at once take solver='lbfgs'"
            )
        return chosen
    clip_norm = estimator.clip_norm or 0.0
    if estimator.solver == "adam":
        return Adam(
            estimator.learning_rate_init,
            beta1=estimator.beta_1,
            beta2=estimator.beta_2,
            epsilon=estimator.epsilon,
            epsilon_hat=True,
            clip_norm=clip_norm,
        )
    return SGD(
        estimator.learning_rate_init,
        # Of 1, which scikit-learn takes, the nearest number below.
        momentum=min(estimator.momentum, _MOST_MOMENTUM),
        nesterov=estimator.nesterovs_momentum and estimator.momentum > 0,
        rate_in_velocity=True,
        clip_norm=clip_norm,
    )


def train(estimator: Any, net: Sequential, run: Run) -> None:
    """Train `net` by the estimator's optimizer and rules, which fill its attributes.

    Raises:
        ValueError: weights became infinite, and no rows were held back to choose earlier ones by.

    Warns:
        ConvergenceWarning: `max_iter` epochs did not do. UserWarning: Ctrl-C ended training.
    """
    weighted = run.examples.weights is not None
    rules = (WeightedRules if weighted else TrainingRules)(estimator, run)
    options = FitOptions(
        epochs=1 if run.incremental else estimator.max_iter,
        batch_size=run.batch_size,
        shuffle=run.order or False,
        average=estimator._average,
        verbose=False,
    )
    callbacks = [rules, *run.callbacks]
    fit = SilentFit(net, run.loss.core, estimator._optimizer, options, Scorer(()), callbacks)
    fit.set_data(run.examples)
    fit.prepare()
    estimator.n_iter_ = 0
    try:
        fit.run()
    except _core.NotFiniteError as error:
        rules.diverge(error)
    except KeyboardInterrupt:
        warnings.warn("Training interrupted by user.", stacklevel=2)
    reached = estimator.n_iter_ == estimator.max_iter and not run.incremental
    if reached and not rules.converged:
        warnings.warn(
            f"Training ended after max_iter={estimator.max_iter} epochs, before the "
            f"{'loss' if run.validate is None else 'validation score'} had settled; more epochs "
            "may improve the model",
            ConvergenceWarning,
            stacklevel=2,
        )


class TrainingRules:
    """scikit-learn's rules after each epoch: what is recorded, and when training ends.

    As a callback of the core's loop it keeps the attributes of the estimator that is trained.

    Attributes:
        converged: the rules ended training.
    """

    def __init__(self, estimator: Any, run: Run) -> None:
        self._estimator, self._run = estimator, run
        self.converged = False
        self._sets_rate = estimator.optimizer is None
        constants = run.loss.constants
        self._constant = 0.0 if constants is None else float(constants.mean())

    def on_fit_begin(self, fit: RunningFit) -> None:
        """Remember the fit, whose learning rate the rules may change."""
        self._fit = fit

    def on_epoch_end(self, epoch: int, record: Record) -> None:
        """Record the epoch, and stop training where it no longer improves."""
        self.note(record["loss"], record.get("penalty", 0.0))

    def note(self, loss: float, penalty: float) -> None:
        """One epoch more, with the mean of its losses and what penalties added to it."""
        est, run = self._estimator, self._run
        est.n_iter_ += 1
        est.loss_ = run.loss.share * (loss - penalty) + penalty + self._constant
        est.t_ += run.examples.x.shape[0]
        est.loss_curve_.append(est.loss_)
        if est.verbose:
            print(f"Iteration {est.n_iter_}, loss = {est.loss_:.8f}")
        if run.validate is None:
            self._compare_loss()
        else:
            self._compare_score(run.validate())
        optimizer = self._fit.optimizer
        if self._sets_rate and est.solver == "sgd" and est.learning_rate == "invscaling":
            optimizer.learning_rate = est.learning_rate_init / (est.t_ + 1) ** est.power_t
        if est._no_improvement_count > est.n_iter_no_change:
            self._end_of_progress()

    def diverge(self, error: Exception) -> None:
        """Record an epoch whose loss or weights are not finite.

        Raises:
            ValueError: no rows are held back, by which earlier weights were chosen.
        """
        est = self._estimator
        if self._run.validate is None:
            raise ValueError(
                "Solver produced non-finite parameter weights. The input data may contain large "
                f"values and need to be preprocessed. {error}"
            ) from error
        est.n_iter_ += 1
        est.loss_ = float("nan")
        est.loss_curve_.append(est.loss_)
        est.validation_scores_.append(float("nan"))
        self.converged = True
        warnings.warn(
            f"Training diverged in epoch {est.n_iter_}; the model has the best weights before it. "
            f"{error}",
            ConvergenceWarning,
            stacklevel=3,
        )

    def _compare_loss(self) -> None:
        est = self._estimator
        worse = est.loss_ > est.best_loss_ - est.tol
        est._no_improvement_count = est._no_improvement_count + 1 if worse else 0
        est.best_loss_ = min(est.loss_, est.best_loss_)

    def _compare_score(self, score: float) -> None:
        est = self._estimator
        est.validation_scores_.append(score)
        if est.verbose:
            print(f"Validation score: {score:f}")
        worse = score < est.best_validation_score_ + est.tol
        est._no_improvement_count = est._no_improvement_count + 1 if worse else 0
        if score > est.best_validation_score_:
            est.best_validation_score_ = score
            est._best = est._linked.net.parameters()

    def _end_of_progress(self) -> None:
        est, optimizer = self._estimator, self._fit.optimizer
        what = "Training loss" if self._run.validate is None else "Validation score"
        message = (
            f"{what} did not improve more than tol={est.tol:f} for {est.n_iter_no_change} "
            "consecutive epochs."
        )
        adaptive = self._sets_rate and est.solver == "sgd" and est.learning_rate == "adaptive"
        if adaptive and optimizer.learning_rate > _SMALLEST_RATE:
            optimizer.learning_rate = optimizer.learning_rate / 5.0
            est._no_improvement_count = 0
            said = f"{message} Setting learning rate to {optimizer.learning_rate:f}"
        else:
            said = f"{message} {'Learning rate too small. ' if adaptive else ''}Stopping."
            self.converged = True
            self._fit.stop(message)
        if est.verbose:
            print(said)


class WeightedRules(TrainingRules):
    """The rules where rows have weights: scikit-learn's loss of an epoch counts batches by rows.

    Within a batch the rows count by their weights.
    """

    def on_epoch_begin(self, epoch: int) -> None:
        """Forget the batches of the epoch before."""
        self._loss = self._penalty = 0.0

    def on_step_end(self, epoch: int, step: int, loss: float) -> None:
        """Add the batch's mean loss for each of its rows."""
        run = self._run
        rows = min(run.batch_size, run.examples.x.shape[0] - step * run.batch_size)
        self._loss += rows * loss
        self._penalty += rows * self._fit.step_penalty

    def on_epoch_end(self, epoch: int, record: Record) -> None:
        """Record the epoch by its rows."""
        rows = self._run.examples.x.shape[0]
        if self._run.loss.constants is not None:
            self._constant = self._mean_constant(self._run.loss.constants)
        self.note(self._loss / rows, self._penalty / rows)

    def _mean_constant(self, constants: Array) -> float:
        """The constants of this epoch's batches."""
        run, weights = self._run, self._run.examples.weights
        assert weights is not None
        rows = np.arange(len(weights)) if run.order is None else run.order.rows
        firsts = np.arange(0, len(weights), run.batch_size)
        batches = np.add.reduceat(weights[rows], firsts)
        sums = np.add.reduceat((weights * constants)[rows], firsts)
        sizes = np.diff(firsts, append=len(weights))
        means = np.divide(sums, batches, out=np.zeros_like(sums), where=batches > 0)
        return float(sizes @ means / len(weights))
