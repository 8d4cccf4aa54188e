"""Warnings of training: a loss above that of a constant guess, labels without a sigmoid."""

import json
import warnings
from dataclasses import replace
from typing import Any

import numpy as np

from lamina import _core
from lamina._checks.sparse import SparseRows
from lamina._checks.stack_level import stack_level
from lamina._checks.types import NDArray
from lamina._layers.layers import Dense
from lamina._layers.row_layers import Affine, Normalization, TargetScaling
from lamina._network.examples import Examples
from lamina._network.stack import Stack
from lamina._training.callbacks import Record, RunningFit

Array = NDArray[Any]
# Steps after which a loss can be judged, and of a whole fit, however short.
_ENOUGH_STEPS, _FEWEST_STEPS = 200, 20
# Rows from which on 0 and 1 alone are no coincidence.
_FEWEST_LABELS = 10
# How far above the constant guess's loss is trouble, as a share of it: for targets of about 1,
# which noise may leave there; of other units, which ordinary weights do not reach.
_MARGIN, _MARGIN_OTHER_UNITS = 0.25, -0.01
# A mean or deviation beyond it is another unit than that of weights of about 1.
_FAR = 30.0
# Losses of which scaled targets are a cure.
_OF_QUANTITIES = (
    *("mean_squared_error", "mean_absolute_error", "huber", "log_cosh", "quantile"),
    "gaussian_negative_log_likelihood",
)
# Rows that losses are judged by.
_ROWS = 1 << 17


class TrainingWarning(UserWarning):
    """A training, or the want of one, that gives poor predictions; told once, with what to do."""


def warn_untrained(net: Stack) -> None:
    """Tell, once for each network, that its predictions are those of its first weights."""
    net._is_fresh = False
    if any(rule[0] for rule in net._core_network().decay_rules()):
        warnings.warn(
            "predict: the network has its first, random weights; call fit before it, or load "
            "weights. To use it as it is, ignore lamina.TrainingWarning",
            TrainingWarning,
            stacklevel=stack_level(),
        )


def warn_of_labels(loss: Any, values: Array | None, activation: str) -> None:
    """Tell that targets of 0 and 1 meet a squared error that nobody asked for."""
    if not isinstance(loss, _core.Loss) or loss.name != "mean_squared_error" or values is None:
        return
    if len(values) < _FEWEST_LABELS or values.min() != 0 or values.max() != 1:
        return
    if np.isin(values, (0, 1)).all():
        warnings.warn(
            "fit: all targets are 0 or 1, and the loss is mean_squared_error, which goes with the "
            f"last activation {activation!r}. For classes end with the activation 'sigmoid' (its "
            "loss is binary_cross_entropy); where it is meant, give loss='mean_squared_error'",
            TrainingWarning,
            stacklevel=stack_level(),
        )


class LossCheck:
    """Warns once where the loss stays above that of the best constant outputs.

    Asked after 200 steps and three epochs, and at the end. While the loss falls fast enough to pass
    the constant guess within the epochs that remain, or the learning rate still rises, it waits.
    """

    def __init__(self, loss: Any, data: Examples) -> None:
        self._loss, self._data = loss, data
        self._losses: list[float] = []
        self._rate, self._steps = 0.0, 0
        self._guess: float | None = None
        self._over = not isinstance(loss, _core.Loss) or _adds_up(loss)

    def on_fit_begin(self, fit: RunningFit) -> None:
        """Remember the fit."""
        self._fit = fit

    def on_epoch_end(self, epoch: int, record: Record) -> None:
        """Judge the epoch's loss, where it is time."""
        if self._over:
            return
        net, rate = self._fit.net, record.get("learning_rate", 0.0)
        rises, self._rate = rate > self._rate > 0.0, rate
        self._losses.append(record["loss"] - record.get("penalty", 0.0))
        # An iteration over all rows does what many steps do.
        whole = not hasattr(self._fit.optimizer, "learning_rate")
        self._steps += _FEWEST_STEPS if whole else self._fit.steps_per_epoch()
        ends = epoch + 1 == self._fit.epochs or bool(self._fit.stop_reason)
        settled = self._steps >= _ENOUGH_STEPS and epoch >= 2 and not rises
        if not (settled or (ends and self._steps >= _FEWEST_STEPS)):
            return
        if self._guess is None:
            if _is_constant(self._data.targets):
                self._over = True
                return
            self._guess = constant_loss(net, self._loss, self._data)
        bar = self._bar(net)
        if min(self._losses[-1], record.get("val_loss", np.inf)) <= bar:
            self._over = self._losses[-1] <= self._guess
            return
        if not ends:
            pace = (self._losses[-3] - self._losses[-1]) / 2.0
            if self._losses[-1] - pace * (self._fit.epochs - epoch - 1) < bar:
                return
        self._over = True
        # The epoch's figure has dropout in it, and the weights that the epoch began with.
        now = self._loss_now(net)
        if now > bar:
            message = self._message(net, epoch, now)
            warnings.warn(message, TrainingWarning, stacklevel=stack_level())

    def on_fit_end(self, fit: RunningFit) -> None:
        """Forget the fit."""
        self._over = True

    def _bar(self, net: Stack) -> float:
        assert self._guess is not None
        margin = _MARGIN + _ENOUGH_STEPS / self._steps
        is_mean = self._loss.name.startswith("mean_")
        if is_mean and not _reaches_units(net) and _in_other_units(self._data.targets):
            margin = _MARGIN_OTHER_UNITS
        return self._guess + margin * abs(self._guess)

    def _loss_now(self, net: Stack) -> float:
        data = _sample(self._data)
        core = net._core_network()
        return core.evaluate(self._loss, data)

    def _message(self, net: Stack, epoch: int, loss: float) -> str:
        hints = []
        quantities = self._loss.name in _OF_QUANTITIES and not _reaches_units(net)
        if quantities and _in_other_units(self._data.targets, far=3.0):
            hints.append("scale_targets=True in Sequential")
        x = self._data.x
        plain = not isinstance(net.layers[0], Normalization)
        if plain and not isinstance(x, SparseRows) and _in_other_units(x):
            hints.append("Normalization() as the first layer")
        rise = self._losses[-1] / self._losses[-2] if len(self._losses) > 1 else 1.0
        hints += ["more epochs"] if rise < 0.99 else []
        hints.append("a lower learning_rate" if rise > 1.01 else "another learning_rate")
        time = "the first epoch" if epoch == 0 else f"{epoch + 1} epochs"
        return (
            f"fit: after {time} the loss, {loss:.4g}, is above that of a constant guess, "
            f"{self._guess:.4g}. Try {', or '.join(hints)}"
        )


def constant_loss(net: Stack, loss: _core.Loss, data: Examples) -> float:
    """The loss of outputs that are the same in each row: the best of a few natural ones."""
    data = _sample(data)
    outputs = int(net.outputs or 0)
    spec = json.loads(loss.spec())
    activation = "identity"
    if loss.takes_classes:
        activation = "softmax"
    elif loss.name.startswith("binary_"):
        activation = "sigmoid"
    elif spec.get("log_input") is False:
        activation = "relu"
    layers = [Dense(outputs, activation), *(TargetScaling() for _ in range(_is_scaled(net)))]
    constant = Stack(layers, inputs=1, dtype=net.dtype)
    nothing: dict[str, Array] = {"layers.0.weight": np.zeros((outputs, 1))}
    scale: Array = np.ones(outputs)
    shift: Array = np.zeros(outputs)
    if _is_scaled(net):
        last, figures = len(net.layers) - 1, net.parameters()
        for name in ("scale", "shift", "rows"):
            nothing[f"layers.1.{name}"] = figures[f"layers.{last}.{name}"]
        scale, shift = nothing["layers.1.scale"], nothing["layers.1.shift"]
    x = np.broadcast_to(np.zeros((1, 1), net.dtype), (len(data.x), 1))
    found = []
    for guess in _guesses(loss, data, outputs):
        constant.set_parameters({**nothing, "layers.0.bias": (guess - shift) / scale})
        found.append(constant._core_network().evaluate(loss, replace(data, x=x)))
    return float(min(found, default=np.inf))


def _guesses(loss: _core.Loss, data: Examples, outputs: int) -> list[Array]:
    """Constant outputs [outputs], before sigmoid or softmax; none for losses of directions."""
    name, weights = loss.name, data.weights
    if loss.takes_classes:
        shares = _class_shares(data, outputs)
        return [np.log(np.maximum(shares, 1e-12))]
    y = data.targets.astype(np.float64)
    mean = np.average(y, axis=0, weights=weights)
    if name in ("binary_cross_entropy", "binary_focal"):
        share = np.clip(mean, 1e-12, 1.0 - 1e-12)
        return [np.log(share / (1.0 - share))]
    if name in ("hinge", "squared_hinge"):
        return [np.where(mean >= 0.0, 1.0, -1.0), mean]
    if name == "gaussian_negative_log_likelihood":
        variance = np.average((y - mean) ** 2, axis=0, weights=weights)
        return [np.concatenate([mean, np.log(np.maximum(variance, 1e-12))])]
    if name in ("poisson", "gamma", "tweedie"):
        as_logarithm = json.loads(loss.spec()).get("log_input", True)
        return [np.log(np.maximum(mean, 1e-12)) if as_logarithm else mean]
    if name == "quantile":
        levels = np.atleast_1d(json.loads(loss.spec())["level"])
        if len(levels) > 1:
            return [np.quantile(y, levels, axis=0).T.ravel()]
        return [np.quantile(y, levels[0], axis=0)]
    if name in _OF_QUANTITIES:
        return [mean, np.median(y, axis=0)]
    return []


def _class_shares(data: Examples, outputs: int) -> Array:
    weights = np.ones(len(data.x)) if data.weights is None else data.weights.astype(np.float64)
    if data.classes is not None:
        sums: Array = np.bincount(data.classes, weights, minlength=outputs)
    else:
        sums = weights @ data.targets.astype(np.float64)
    shares: Array = sums / max(sums.sum(), 1e-300)
    return shares


def _sample(data: Examples) -> Examples:
    """Rows enough to tell a loss by, evenly taken."""
    return data.take(slice(None, None, max(1, len(data.x) // _ROWS)))


def _is_constant(targets: Array) -> bool:
    """Whether a constant guess is right everywhere, so that no loss is as low."""
    return bool((targets == targets[:1]).all())


def _adds_up(loss: _core.Loss) -> bool:
    return bool(json.loads(loss.spec()).get("reduction", "mean") == "sum")


def _is_scaled(net: Stack) -> bool:
    return isinstance(net.layers[-1], TargetScaling)


def _reaches_units(net: Stack) -> bool:
    """Whether the last layer takes outputs to the targets' units."""
    return isinstance(net.layers[-1], TargetScaling | Affine)


def _in_other_units(values: Array, far: float = _FAR) -> bool:
    """Whether a column's mean or deviation is far from what weights of about 1 produce."""
    sample = values[:: max(1, len(values) // 4096)].astype(np.float64)
    size, deviation = np.abs(sample.mean(axis=0)), sample.std(axis=0)
    varies = deviation > 0.0
    distant = (
        (deviation > far) | (deviation < 1.0 / far) | (size > far * np.maximum(deviation, 1.0))
    )
    return bool((distant & varies).any())
