"""Metrics by name: what each reads and which way is better; and metrics with options."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from typing import Any, Literal

import numpy as np

from lamina import _core
from lamina._checks.types import ArrayLike
from lamina.metrics import _classification, _probabilities, _ranking, _regression

Mode = Literal["min", "max"]
# The names of figures, and which way each is better; None where lamina does not know.
Figures = Mapping[str, Mode | None]
# What a metric reads: decisions (outputs against a threshold), scores (their order),
# probabilities, values in the target's units, or quantiles.
Reads = Literal["decisions", "scores", "probabilities", "values", "quantiles"]
Function = Callable[..., Any]


@dataclass(frozen=True)
class Known:
    """One of lamina's metrics. mode: None where it is no figure that could be better."""

    function: Function
    reads: Reads
    mode: Mode | None
    aliases: tuple[str, ...] = ()


def _table() -> tuple[Known, ...]:
    """The core's table, with the functions of this package."""
    rooms = (_classification, _ranking, _probabilities, _regression)
    functions = {name: value for room in rooms for name, value in vars(room).items()}
    return tuple(
        Known(functions[name], reads, mode, (alias,) if alias else ())
        for name, alias, reads, mode in _core.metric_table()
    )


TABLE = _table()


class Metric:
    """A metric with options and a name of its own, for `fit` and `evaluate`.

    Args:
        function: the name of one of lamina's metrics, one of them, or a custom function
            `f(y_true, y_pred)`; it is given the rows' weights if it has a parameter
            `sample_weight`.
        name: in the figures of `fit` and `evaluate`; None: the function's.
        mode: whether "min" or "max" is better, for `EarlyStopping` and `ReduceOnPlateau`; None: as
            lamina's metrics have it, unknown for custom functions.
        options: keyword arguments of the function.

    Attributes:
        name, mode, options: as given.
        function: the function itself.

    Raises:
        TypeError, ValueError: an unknown name or option.

    Example:
        >>> import lamina as lm
        >>> macro = lm.metrics.Metric("f1", average="macro", name="f1_macro")
        >>> macro([0, 1, 1], [0.2, 0.7, 0.4])
        0.6666666666666666
    """

    def __init__(
        self,
        function: str | Function,
        /,
        *,
        name: str | None = None,
        mode: Mode | None = None,
        **options: Any,
    ) -> None:
        if isinstance(function, str):
            name, function = name or function, known_metric(function).function
        elif isinstance(function, Metric):
            inner: Metric = function
            name, mode = name or inner.name, mode or inner.mode
            options, function = {**inner.options, **options}, inner.function
        elif isinstance(function, partial) and not function.args:
            options = {**function.keywords, **options}
            function = function.func
        if not callable(function) or isinstance(function, type):
            raise TypeError(f"Metric: expected a name or a function, got {function!r}")
        if name is not None and (not isinstance(name, str) or not name):
            raise TypeError(f"Metric: expected name as a text, got {name!r}")
        if mode not in (None, "min", "max"):
            raise ValueError(f"Metric: expected mode 'min' or 'max', got {mode!r}")
        self.function: Function = function
        self.options: dict[str, Any] = options
        self.known = next((known for known in TABLE if known.function is function), None)
        self.name: str = name or str(getattr(function, "__name__", type(function).__name__))
        self.mode: Mode | None = mode or (self.known.mode if self.known else None)
        self._weighted = "sample_weight" in _parameters(function)
        if self.known is None:
            self._check_call()
            return
        accepted = _parameters(function)[3:]
        for option in options:
            if option not in accepted:
                raise TypeError(
                    f"{function.__name__}: unknown option {option!r}; expected some of "
                    f"{', '.join(accepted) or 'none'}"
                )

    def __call__(
        self,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        sample_weight: ArrayLike | None = None,
        **options: Any,
    ) -> Any:
        """What the function gives with the options; weights only if it takes some."""
        given = {**options, **self.options}
        if self._weighted:
            given["sample_weight"] = sample_weight
        return self.function(y_true, y_pred, **given)

    def _check_call(self) -> None:
        """TypeError where a user's function cannot be called as metrics are."""
        given = {**self.options, **({"sample_weight": None} if self._weighted else {})}
        try:
            inspect.signature(self.function).bind(None, None, **given)
        except ValueError:  # a function that does not tell its arguments
            return
        except TypeError as error:
            raise TypeError(
                f"metrics: expected {self.name!r} as a function f(y, outputs), got one that cannot "
                f"be called so: {error}"
            ) from None

    def __repr__(self) -> str:
        function = getattr(self.function, "__name__", repr(self.function))
        options = "".join(f", {name}={value!r}" for name, value in self.options.items())
        return f"Metric({function!r}, name={self.name!r}, mode={self.mode!r}{options})"


def known_metric(name: str) -> Metric:
    """The metric of a name or an alias; ValueError for others."""
    if name not in METRICS:
        meant = get_close_matches(name.lower(), METRICS, n=1)
        hint = f" (did you mean {meant[0]!r}?)" if meant else ""
        raise ValueError(
            f"metrics: unknown name {name!r}{hint}; expected some of {', '.join(METRICS)}"
        )
    return METRICS[name]


def as_number(name: str, value: Any) -> float:
    """What a metric gave, as a number, which may be NaN; TypeError for anything else."""
    try:
        array = np.asarray(value)
    except ValueError:  # rows of unequal lengths
        array = np.array(None)
    if array.ndim > 0 or array.dtype.kind not in "fiub":
        got = f"an array of shape {array.shape}" if array.ndim > 0 else repr(value)
        raise TypeError(f"metrics: expected {name!r} to give a number, got {got}")
    return float(array)


def _parameters(function: Function) -> list[str]:
    try:
        return list(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return []


METRICS: dict[str, Metric] = {
    name: Metric(known.function, name=name)
    for known in TABLE
    for name in (known.function.__name__, *known.aliases)
}
