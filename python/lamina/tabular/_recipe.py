"""The network that a table gets: its layers, its loss, and how it is trained."""

from dataclasses import dataclass

from lamina._layers.layer import Layer
from lamina._layers.layers import Dense, Dropout
from lamina._losses.losses import Loss, Quantile
from lamina._optimizers.momentum import SGD, Adam, AdamW
from lamina._optimizers.optimizer import Optimizer
from lamina._sequential import Sequential
from lamina.tabular._options import TrainOptions
from lamina.tabular._preprocessor import Preprocessor
from lamina.tabular._target import ClassTarget, Target

# (most rows, batch size, patience): small tables need many steps and have a noisy validation
# loss, large ones want wide products.
_BY_ROWS = ((2_000, 32, 20), (10_000, 128, 20), (200_000, 256, 10), (1_000_000, 512, 5))
_FOR_MORE_ROWS = (1024, 5)
# Small tables have few batches an epoch: there the limits count updates.
_LEAST_EPOCHS, _LEAST_UPDATES = 200, 14_000
_LEAST_PATIENT_UPDATES = 2_000
_LEARNING_RATES = {"adam": 1e-3, "adamw": 1e-3, "sgd": 1e-2}
_WEIGHT_DECAYS = {"adam": 0.0, "adamw": 0.01, "sgd": 0.01}


@dataclass(frozen=True)
class Recipe:
    """Everything that decides how a network is built and trained."""

    hidden: tuple[int, ...]
    activation: str
    dropout: float
    optimizer: str
    learning_rate: float
    weight_decay: float
    batch_size: int
    epochs: int
    patience: int
    average: float
    monitor: str
    seed: int

    @staticmethod
    def choose(options: TrainOptions, rows: int) -> "Recipe":
        """The options, with defaults that fit the number of training rows."""
        batch_size, patience = next(
            (choice for most, *choice in _BY_ROWS if rows <= most), _FOR_MORE_ROWS
        )
        batch_size = min(options.batch_size or batch_size, rows)
        updates = -(-rows // batch_size)
        decay = options.weight_decay
        if decay is None:
            decay = _WEIGHT_DECAYS[options.optimizer]
        return Recipe(
            hidden=tuple(int(units) for units in options.hidden),
            activation=options.activation,
            dropout=float(options.dropout),
            optimizer=options.optimizer,
            learning_rate=float(options.learning_rate or _LEARNING_RATES[options.optimizer]),
            weight_decay=float(decay),
            batch_size=int(batch_size),
            epochs=int(options.epochs or max(_LEAST_EPOCHS, -(-_LEAST_UPDATES // updates))),
            patience=int(options.patience or max(patience, -(-_LEAST_PATIENT_UPDATES // updates))),
            average=float(options.average),
            monitor=options.monitor,
            seed=int(options.seed),
        )

    def make_optimizer(self) -> Optimizer:
        """A new optimizer."""
        rate, decay = self.learning_rate, self.weight_decay
        if self.optimizer == "sgd":
            return SGD(rate, momentum=0.9, weight_decay=decay)
        make = Adam if self.optimizer == "adam" else AdamW
        return make(rate, weight_decay=decay)

    def describe(self, target: Target, width: int) -> str:
        """Sizes from input to output, and the activations: `362-256-128-1, relu, sigmoid`."""
        sizes = "-".join(str(size) for size in (width, *self.hidden, target.outputs))
        return f"{sizes}, {self.activation}, {output_activation(target)}"

    def build_network(self, target: Target, preprocessor: Preprocessor, seed: int) -> Sequential:
        """A network without weights yet."""
        layers: list[Layer] = [preprocessor.layer()]
        for units in self.hidden:
            layers.append(Dense(units, self.activation))
            if self.dropout > 0.0:
                layers.append(Dropout(self.dropout))
        layers.append(Dense(target.outputs, output_activation(target)))
        return Sequential(layers, seed=seed)


def output_activation(target: Target) -> str:
    """The last activation that goes with a target."""
    if not isinstance(target, ClassTarget):
        return "identity"
    return "sigmoid" if target.outputs == 1 else "softmax"


def loss_of(target: Target) -> str | Loss:
    """The loss that goes with a target."""
    if not isinstance(target, ClassTarget):
        return Quantile(target.spread.levels) if target.spread else "mean_squared_error"
    return "binary_cross_entropy" if target.outputs == 1 else "cross_entropy"
