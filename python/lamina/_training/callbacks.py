"""Callbacks: objects that follow training and may stop it."""

from collections.abc import Callable, Iterable
from typing import Any, Literal, Protocol

from lamina import _core
from lamina._checks.numbers import check_flag, check_whole, is_number
from lamina._training.history import History
from lamina.metrics._metric import Figures

Record = dict[str, float]


class RunningFit(Protocol):
    """One call of `fit`, as callbacks see it.

    Attributes:
        net, optimizer: what is trained, and by what. epochs: most epochs to run.
        history: figures so far.
    """

    net: Any
    optimizer: Any
    epochs: int
    history: History

    @property
    def stop_reason(self) -> str:
        """Why training stops early; empty while it goes on."""

    def stop(self, reason: str) -> None:
        """End training after this epoch."""

    @property
    def loop(self) -> _core.FitLoop:
        """The core's loop."""

    @property
    def step_penalty(self) -> float:
        """What the layers' penalties added to the loss of the last step; for `on_step_end`."""

    def steps_per_epoch(self) -> int:
        """Updates that an epoch makes."""


class Callback:
    """Base of callbacks; override what you need. Any object with some of these methods will do.

    Epochs count from 0. An exception in a callback ends `fit` and is raised to its caller; the
    network keeps the weights it has at that point.
    """

    def on_fit_begin(self, fit: RunningFit) -> None:
        """Training starts. `fit` has `net`, `optimizer`, `history`, `epochs` and `stop(reason)`."""

    def on_epoch_begin(self, epoch: int) -> None:
        """An epoch starts."""

    def on_progress(self, epoch: int, share: float) -> None:
        """Within an epoch, about every 20 ms: `share` of it is done."""

    def on_step_end(self, epoch: int, step: int, loss: float) -> None:
        """After each update: the mean loss of its rows before it. Steps count from 0."""

    def on_epoch_end(self, epoch: int, record: Record) -> None:
        """An epoch ended with these figures ("loss", "val_loss", ...)."""

    def on_fit_end(self, fit: RunningFit) -> None:
        """Training ended, also by an interrupt or an error."""


METHODS = tuple(name for name in vars(Callback) if name.startswith("on_"))


class EarlyStopping(Callback):
    """Stops when a figure has not improved for some epochs, and puts back the best weights.

    Args:
        monitor: name of the figure; None: "val_loss" where there is validation data, else "loss".
        patience: epochs without improvement that are tolerated, at least 1.
        min_delta: smallest change that counts as improvement, at least 0.
        mode: "min" or "max" is better; "auto" knows the loss, lamina's metrics and those with a
            mode of their own (`lamina.metrics.Metric`).
        restore_best_weights: put back the weights of the best epoch at the end, also after Ctrl-C
            or an error; `history.best_epoch` says which.
        keep_last: of epochs with the same best value the last one is the best, which of many with
            the same share of errors has trained longest; patience counts from the first.

    Attributes:
        best: best value seen. best_epoch: its epoch, from 0.

    Raises:
        ValueError: an option is out of range; before a fit also a figure that it does not record,
            and mode "auto" for a figure that lamina does not know. A figure that callbacks of the
            user's may add to the record is looked for when the first epoch has ended.
    """

    def __init__(
        self,
        monitor: str | None = None,
        *,
        patience: int = 10,
        min_delta: float = 0.0,
        mode: Literal["auto", "min", "max"] = "auto",
        restore_best_weights: bool = True,
        keep_last: bool = False,
    ) -> None:
        check_whole(patience, "patience", "EarlyStopping")
        if not is_number(min_delta) or not min_delta >= 0:
            raise ValueError(f"EarlyStopping: expected min_delta of at least 0, got {min_delta!r}")
        if mode not in ("auto", "min", "max"):
            raise ValueError(f"EarlyStopping: expected mode auto, min or max, got {mode!r}")
        check_flag(keep_last, "keep_last", "EarlyStopping")
        self.monitor = monitor
        self.patience = patience
        self.min_delta = min_delta
        self.mode: Literal["auto", "min", "max"] = mode
        self.restore_best_weights = restore_best_weights
        self.keep_last = bool(keep_last)
        self.best = float("nan")
        self.best_epoch = -1
        self._rule: _core.EarlyStoppingRule | None = None
        self._fit: RunningFit | None = None

    def __repr__(self) -> str:
        names = ("monitor", "patience", "min_delta", "mode", "restore_best_weights", "keep_last")
        return f"EarlyStopping({', '.join(f'{name}={getattr(self, name)!r}' for name in names)})"

    def __getstate__(self) -> dict[str, Any]:
        # What a running fit holds of the core has no copy.
        return {**self.__dict__, "_rule": None, "_fit": None}

    def watch(self, figures: Figures, *, complete: bool) -> None:
        """Refuse, before a fit, a figure that it will not record or cannot compare.

        Args:
            figures: names, and which way each is better. complete: there will be no others.
        """
        self._rule = _core.make_early_stopping(
            self.monitor or "",
            self.patience,
            self.min_delta,
            self.mode,
            self.restore_best_weights,
            self.keep_last,
        )
        self._rule.check(dict(figures), complete)

    def on_fit_begin(self, fit: RunningFit) -> None:
        """Forget what an earlier fit left."""
        self._fit = fit
        self.best, self.best_epoch = float("nan"), -1

    def on_epoch_end(self, epoch: int, record: Record) -> None:
        """Compare with the best epoch so far."""
        assert self._fit is not None
        assert self._rule is not None
        self._rule.on_epoch_end(self._fit.loop, epoch, record)
        self.best, self.best_epoch = self._rule.best, self._rule.best_epoch

    def on_fit_end(self, fit: RunningFit) -> None:
        """Put back the best weights."""
        if self._rule is not None:
            fit.history.best_epoch = self._rule.on_fit_end(fit.loop)
        self._rule = self._fit = None


def checked_callbacks(callbacks: Iterable[Any]) -> list[Any]:
    """Callbacks as a list; TypeError for what has none of their methods."""
    if not isinstance(callbacks, Iterable):
        raise TypeError(f"fit: expected callbacks as a list, got {callbacks!r}")
    checked = list(callbacks)
    for callback in checked:
        if isinstance(callback, type):
            raise TypeError(
                f"fit: expected callbacks as objects, got the class {callback.__name__}; "
                f"write {callback.__name__}()"
            )
        if not any(hasattr(callback, name) for name in METHODS):
            raise TypeError(
                f"fit: expected callbacks with some of {', '.join(METHODS)}, got {callback!r}"
            )
    return checked


def methods_of(callbacks: Iterable[Any]) -> dict[str, list[Callable[..., None]]]:
    """By name the methods of callbacks that do something, in the order of the callbacks."""
    found: dict[str, list[Callable[..., None]]] = {}
    for name in METHODS:
        nothing = getattr(Callback, name)
        methods = [getattr(callback, name, nothing) for callback in callbacks]
        found[name] = [m for m in methods if getattr(m, "__func__", m) is not nothing]
    return found
