"""The textbook's perceptron: a step unit trained by Rosenblatt's rule."""

import math
import warnings
from typing import Any, Self

import numpy as np

from lamina import _core
from lamina._checks import arrays
from lamina._checks.numbers import check_flag, check_whole, checked_seed, is_number
from lamina._checks.types import ArrayLike, NDArray
from lamina._layers.layers import Dense
from lamina._sequential import Sequential
from lamina.metrics import accuracy

Array = NDArray[Any]


class Perceptron:
    """A step unit, 1 where w.x + b > 0, learned one row after the other (Rosenblatt 1958).

    A row that is on the wrong side (s (w.x + b) <= margin for its side s, 1 or -1) moves the unit:
    w += learning_rate s x and b += learning_rate s. From weights of 0 and without a margin this
    ends, where a line separates the classes, after at most (R / gamma)^2 updates (Novikoff 1962):
    R is the largest |(x, 1)|, gamma the distance of the nearest (x, 1) to the best plane through
    0. With margin m the bound is (R^2 + 2 m / learning_rate) / gamma^2. Where no line separates
    them it never ends; `fit` then stops after `max_epochs` and warns. More than two classes get a
    unit each, against all others.

    Args:
        learning_rate: size of a move, above 0; without a margin it scales the weights alone.
        margin: sums up to this far from 0 count as wrong too, at least 0.
        averaged: predict by the mean of the weights after every row seen (Freund & Schapire 1999):
            steadier where the classes overlap; may leave a row of separable data on the wrong side.
        fit_bias: learn b; False: the line goes through 0.
        shuffle: a new order of rows each epoch. seed: of that, in [0, 2^64).
        max_epochs: passes over the rows, at least 1.

    Attributes:
        classes: the labels in order, [classes]; the second one of two is where the sum is above 0.
        weights, bias: [inputs] and a number for two classes, else [classes, inputs] and [classes].
        updates: moves made. mistakes: those at rows on the wrong side, the others lying within the
            margin. Both are numbers for two classes, else [classes].
        epochs: passes made, the last one of a converged fit without a move.
        converged: True where every row of the last pass was right.

    Raises:
        ValueError: an option is out of range.

    Example:
        >>> import lamina as lm
        >>> X, both = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 0, 0, 1]
        >>> unit = lm.Perceptron().fit(X, both)
        >>> unit.converged, unit.predict(X).tolist()
        (True, [0, 0, 0, 1])
    """

    classes: Array
    weights: Array
    bias: Any
    updates: Any
    mistakes: Any
    epochs: int
    converged: bool

    def __init__(
        self,
        *,
        learning_rate: float = 1.0,
        margin: float = 0.0,
        averaged: bool = False,
        fit_bias: bool = True,
        shuffle: bool = True,
        seed: int = 0,
        max_epochs: int = 1000,
    ) -> None:
        self.learning_rate = _number(learning_rate, "learning_rate")
        if self.learning_rate == 0.0:
            raise ValueError("Perceptron: expected learning_rate above 0, got 0")
        self.margin = _number(margin, "margin")
        for name, flag in (("averaged", averaged), ("fit_bias", fit_bias), ("shuffle", shuffle)):
            check_flag(flag, name, "Perceptron")
        self.averaged, self.fit_bias, self.shuffle = bool(averaged), bool(fit_bias), bool(shuffle)
        self.seed = checked_seed(seed)
        check_whole(max_epochs, "max_epochs", "Perceptron")
        if max_epochs >= 2**44:
            raise ValueError(f"Perceptron: expected max_epochs below 2^44, got {max_epochs}")
        self.max_epochs = int(max_epochs)
        self._network: Sequential | None = None

    def __repr__(self) -> str:
        names = ("learning_rate", "margin", "averaged", "fit_bias", "shuffle", "seed", "max_epochs")
        return f"Perceptron({', '.join(f'{name}={getattr(self, name)!r}' for name in names)})"

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Learn from rows X [rows, inputs] with labels y [rows], starting from weights of 0.

        Args:
            y: numbers or texts of two values; or more, then one unit a class.

        Raises:
            TypeError, ValueError: data do not fit; the unit stays as it was.
            NotFiniteError: a sum overflows.
            KeyboardInterrupt: Ctrl-C; the unit stays as it was.

        Warns:
            UserWarning: the last epoch still moved a unit.
        """
        x = arrays.inputs(X, columns=None, dtype="float64", where="Perceptron.fit")
        classes, indices = _labels(y, len(x))
        units = 1 if len(classes) == 2 else len(classes)
        result = _core.train_perceptron(
            x,
            indices,
            units,
            learning_rate=self.learning_rate,
            margin=self.margin,
            averaged=self.averaged,
            fit_bias=self.fit_bias,
            shuffle=self.shuffle,
            seed=self.seed,
            max_epochs=self.max_epochs,
        )
        weights, bias = np.array(result.weights).reshape(units, -1), np.array(result.biases)
        self._network = Sequential([Dense(units)], inputs=x.shape[1], dtype="float64")
        self._network.set_parameters({"layers.0.weight": weights, "layers.0.bias": bias})
        self.classes, self.epochs, self.converged = classes, result.epochs, result.converged
        self.weights = weights[0] if units == 1 else weights
        self.bias = float(bias[0]) if units == 1 else bias
        self.updates = result.updates[0] if units == 1 else np.array(result.updates)
        self.mistakes = result.mistakes[0] if units == 1 else np.array(result.mistakes)
        if not self.converged:
            warnings.warn(
                f"Perceptron: not converged: {result.wrong_rows} of {len(x)} rows were still on "
                f"the wrong side in epoch {self.epochs}; perhaps no line separates the classes. "
                "Try more max_epochs, averaged=True, or a network with a hidden layer",
                stacklevel=2,
            )
        return self

    def decision_function(self, X: ArrayLike) -> Array:
        """w.x + b of rows X [rows, inputs]: [rows] for two classes, else [rows, classes]."""
        sums = self._fitted().predict(X)
        return sums[:, 0] if sums.shape[1] == 1 else sums

    def predict(self, X: ArrayLike) -> Array:
        """Labels [rows] of rows X [rows, inputs]; of several classes, that of the largest sum."""
        sums = self.decision_function(X)
        chosen = (sums > 0).astype(np.intp) if sums.ndim == 1 else sums.argmax(axis=1)
        labels: Array = self.classes[chosen]
        return labels

    def score(self, X: ArrayLike, y: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
        """Share of rows X [rows, inputs] whose label in y [rows] is predicted, by their weights."""
        chosen = self.predict(X)
        right = arrays.labels(y, rows=len(chosen), where="Perceptron.score") == chosen
        return accuracy(np.ones(len(chosen), dtype=np.int64), right, sample_weight)

    def line(self) -> tuple[float, float]:
        """Slope and intercept of the separating line x1 = slope x0 + intercept, for two inputs.

        Of a vertical line the slope is infinite and the intercept where it meets the x0 axis.

        Raises:
            ValueError: other than two inputs, more than two classes, or weights of 0.
        """
        self._fitted()
        if self.weights.shape != (2,):
            raise ValueError(
                "Perceptron.line: expected two inputs and two classes, got weights of shape "
                f"{self.weights.shape}"
            )
        first, second = (float(weight) for weight in self.weights)
        if second != 0.0:
            return -first / second, -self.bias / second
        if first == 0.0:
            raise ValueError("Perceptron.line: expected a weight other than 0, got (0, 0)")
        return math.inf, -self.bias / first

    def to_network(self) -> Sequential:
        """A network of the same weights, in float64, that can be saved.

        For two classes `Dense(1, "step")`, whose output 1 stands for the second class; for more,
        `Dense(classes)`, whose largest output is that of the class.
        """
        net = self._fitted()
        units = net.outputs or 1
        layer = Dense(units, "step" if units == 1 else "identity")
        twin = Sequential([layer], inputs=net.inputs, dtype="float64")
        twin.set_parameters(net.parameters())
        return twin

    def _fitted(self) -> Sequential:
        if self._network is None:
            raise RuntimeError("Perceptron: expected a call of fit before it")
        return self._network


def _number(value: float, name: str) -> float:
    if not is_number(value) or not math.isfinite(value) or value < 0.0:
        raise ValueError(f"Perceptron: expected a finite {name} of at least 0, got {value!r}")
    return float(value)


def _labels(y: ArrayLike, rows: int) -> tuple[Array, Array]:
    """The classes in order, and each row's index among them."""
    where = "Perceptron.fit"
    array = arrays.labels(y, rows=rows, where=where)
    classes, indices = np.unique(array, return_inverse=True)
    if len(classes) < 2:
        raise ValueError(f"{where}: expected at least two classes in y, got {classes[0]!r} alone")
    if len(classes) > 2 and array.dtype.kind == "f" and (classes != np.floor(classes)).any():
        raise ValueError(
            f"{where}: expected class labels in y, got {len(classes)} different values that are "
            "not whole numbers; for those train a network with a regression loss"
        )
    return classes, np.ascontiguousarray(indices, dtype=np.int32)
