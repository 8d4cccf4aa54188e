"""What the pages try: a small network on a part of Adult, one setting changed at a time."""

import csv
import gzip
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

import lamina as lm

ADULT = Path(__file__).resolve().parent.parent / "adult"
TRAINING_ROWS, TEST_ROWS = 20_000, 5000
SEEDS = (0, 1, 2)

Array = np.ndarray


@dataclass(frozen=True)
class Data:
    """Inputs standardised or one-hot, targets 0 or 1."""

    x: Array
    y: Array
    test_x: Array
    test_y: Array


def read_data() -> Data:
    """The first rows, in an order drawn once, of both official parts."""
    order = np.random.default_rng(0)
    tables = []
    for name, rows in (("train", TRAINING_ROWS), ("test", TEST_ROWS)):
        with gzip.open(ADULT / f"adult-{name}.csv.gz", "rt", newline="") as file:
            table = list(csv.DictReader(file))
        tables.append([table[i] for i in order.permutation(len(table))[:rows]])
    columns = [name for name in tables[0][0] if name != "income"]
    parts: list[tuple[Array, Array]] = []
    for name in columns:
        train, test = ([row[name] for row in table] for table in tables)
        parts.append(_numbers(train, test) if _is_number(train) else _one_hot(train, test))
    x, test_x = (np.hstack([part[i] for part in parts]).astype(np.float32) for i in (0, 1))
    y, test_y = (np.array([row["income"] == ">50K" for row in t], int) for t in tables)
    return Data(x, y, test_x, test_y)


def _is_number(values: list[str]) -> bool:
    return all(value.lstrip("-").isdigit() for value in values)


def _numbers(train: list[str], test: list[str]) -> tuple[Array, Array]:
    columns = [np.array(values, float)[:, None] for values in (train, test)]
    mean, scale = columns[0].mean(), columns[0].std()
    return (columns[0] - mean) / scale, (columns[1] - mean) / scale


def _one_hot(train: list[str], test: list[str]) -> tuple[Array, Array]:
    names = sorted(set(train))
    hot = [np.array([[value == name for name in names] for value in v]) for v in (train, test)]
    return hot[0], hot[1]


@dataclass(frozen=True)
class Options:
    """A network and its training; each page changes one of them."""

    rows: int = 2000

    hidden: tuple[int, ...] = (32,)
    activation: str | dict[str, Any] = "relu"
    optimizer: Callable[[], lm.Optimizer] = lambda: lm.Adam(0.001)
    batch_size: int = 32
    epochs: int = 20
    dropout: float = 0.0
    early_stopping: int | None = None

    def network(self, seed: int) -> lm.Sequential:
        """The network with its first weights."""
        layers: list[lm.Layer] = []
        for units in self.hidden:
            layers.append(lm.Dense(units, self.activation))
            if self.dropout:
                layers.append(lm.Dropout(self.dropout))
        return lm.Sequential([*layers, lm.Dense(1, "sigmoid")], seed=seed)


@dataclass
class Result:
    """Means over the seeds: curves by epoch, and figures after the last."""

    training: list[float] = field(default_factory=list)
    test: list[float] = field(default_factory=list)
    accuracy: float = np.nan
    accuracy_spread: float = np.nan
    updates: int = 0


class TrainingLoss(lm.Callback):
    """Loss of the training rows at each epoch's end, as that of the test rows is measured.

    That in the history is of the rows as they were trained on: it lags behind, and has dropout in
    it.
    """

    def __init__(self, net: lm.Sequential, x: Array, y: Array) -> None:
        self.losses: list[float] = []
        self._net, self._x, self._y = net, x, y

    def on_epoch_end(self, epoch: int, record: dict[str, float]) -> None:
        """One more epoch."""
        self.losses.append(self._net.evaluate(self._x, self._y)["loss"])


def run(options: Options, data: Data, seeds: tuple[int, ...] = SEEDS) -> Result:
    """Train for each seed; a diverged run has no figures."""
    curves, tests, accuracies = [], [], []
    updates = 0
    x, y = data.x[: options.rows], data.y[: options.rows]
    for seed in seeds:
        net, optimizer = options.network(seed), options.optimizer()
        training = TrainingLoss(net, x, y)
        try:
            history = net.fit(
                x, y, optimizer=optimizer, epochs=options.epochs,
                batch_size=options.batch_size, validation_data=(data.test_x, data.test_y),
                early_stopping=options.early_stopping, callbacks=[training], verbose=False,
            )  # fmt: skip
        except lm.NotFiniteError:
            return Result()
        # After the last epoch early stopping has put back the best weights.
        curves.append([*training.losses[:-1], net.evaluate(x, y)["loss"]])
        tests.append([*history["val_loss"][:-1], net.evaluate(data.test_x, data.test_y)["loss"]])
        guess = net.predict(data.test_x)[:, 0] > 0.5
        accuracies.append((guess == data.test_y).mean())
        updates += optimizer.steps
    least = min(len(curve) for curve in curves)  # early stopping
    last = [float(np.mean([curve[-1] for curve in part])) for part in (curves, tests)]
    means = [np.mean([curve[: least - 1] for curve in part], axis=0) for part in (curves, tests)]
    return Result(
        training=[*means[0].tolist(), last[0]],
        test=[*means[1].tolist(), last[1]],
        accuracy=float(np.mean(accuracies)),
        accuracy_spread=float(np.std(accuracies)),
        updates=round(updates / len(seeds)),
    )


@dataclass(frozen=True)
class Page:
    """A page: its file, the column of its table, and what is tried, from too little to too much."""

    name: str
    column: str
    tried: dict[str, Options]
    remark: Callable[[Data], str] = lambda data: ""


def suggested_rate(data: Data) -> str:
    """What the range test says of the network of the page on learning rates."""
    options = Options()
    x, y = data.x[: options.rows], data.y[: options.rows]
    found = lm.find_learning_rate(options.network(0), x, y, batch_size=options.batch_size)
    return f" `lm.find_learning_rate` suggests {found.suggestion:.2g}."


def pages() -> list[Page]:
    """All pages, in the order of README.md."""
    base = Options()

    def each(**options: dict[str, Any]) -> dict[str, Options]:
        ((name, values),) = options.items()
        return {label: replace(base, **{name: value}) for label, value in values.items()}

    def adam(rate: float) -> Callable[[], lm.Optimizer]:
        return lambda: lm.Adam(rate)

    def sgd(momentum: float) -> Callable[[], lm.Optimizer]:
        return lambda: lm.SGD(0.01, momentum=momentum)

    hidden = {
        "none": (), "1 x 2": (2,), "1 x 8": (8,), "1 x 32": (32,), "1 x 256": (256,),
        "2 x 32": (32,) * 2, "4 x 32": (32,) * 4, "4 x 256": (256,) * 4, "16 x 32": (32,) * 16,
    }  # fmt: skip
    deep = replace(base, rows=TRAINING_ROWS, hidden=(32,) * 12, epochs=5)
    names = ("identity", "sigmoid", "tanh", "relu", "leaky_relu", "gelu", "selu", "sin")
    activations = {name: replace(deep, activation=name) for name in names}
    fast = {"kind": "sin", "frequency": 30.0}
    activations["sin, frequency 30"] = replace(deep, activation=fast)
    rates = ("0.00001", "0.0001", "0.001", "0.01", "0.1", "1", "10")
    return [
        Page("hidden_layers_and_units", "hidden layers x units", each(hidden=hidden)),
        Page("activation", "activation", activations),
        Page(
            "learning_rate",
            "learning rate",
            each(optimizer={r: adam(float(r)) for r in rates}),
            suggested_rate,
        ),
        Page(
            "momentum",
            "momentum",
            each(optimizer={m: sgd(float(m)) for m in ("0", "0.5", "0.9", "0.99", "0.999")}),
        ),
        Page(
            "batch_size",
            "batch size",
            each(batch_size={f"{n:,}": n for n in (1, 8, 32, 128, 512, 2000)}),
        ),
        Page("epochs", "epochs", each(epochs={str(n): n for n in (1, 3, 10, 30, 100, 300)})),
        Page("regularisation", "regularisation", _regularised()),
    ]


def _regularised() -> dict[str, Options]:
    """A network that is too large, held back in several ways."""
    wide = replace(Options(), hidden=(256,), epochs=60)

    def decay(strength: float) -> Callable[[], lm.Optimizer]:
        return lambda: lm.AdamW(0.001, weight_decay=strength)

    return {
        "none": wide,
        "dropout 0.2": replace(wide, dropout=0.2),
        "dropout 0.5": replace(wide, dropout=0.5),
        "dropout 0.95": replace(wide, dropout=0.95),
        "weight decay 0.1": replace(wide, optimizer=decay(0.1)),
        "weight decay 1": replace(wide, optimizer=decay(1.0)),
        "weight decay 10": replace(wide, optimizer=decay(10.0)),
        "early stopping, 5 epochs": replace(wide, early_stopping=5),
    }
