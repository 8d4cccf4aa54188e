"""The network that a table gets: its layers, its loss, and how it is trained."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina._layers.layer import Layer
from lamina._layers.layers import Dense, Dropout, Ensemble
from lamina._layers.row_layers import ParametricActivation, Scale, TargetScaling
from lamina._losses.losses import BinaryCrossEntropy, CrossEntropy, Loss, Quantile
from lamina._optimizers.momentum import SGD, Adam, AdamW
from lamina._optimizers.optimizer import Optimizer
from lamina._optimizers.schedules import CosineLogSchedule, FlatCosineSchedule
from lamina._sequential import Sequential
from lamina.tabular._feature_layers import FeatureLayers
from lamina.tabular._options import TrainOptions
from lamina.tabular._preprocessor import Preprocessor
from lamina.tabular._presets import PATIENT
from lamina.tabular._target import ClassTarget, Target

# (most rows, batch size, patience): small tables need many steps and have a noisy validation
# loss, large ones want wide products.
_BY_ROWS = ((2_000, 32, 20), (10_000, 128, 20), (200_000, 256, 10), (1_000_000, 512, 5))
_FOR_MORE_ROWS = (1024, 5)
# Small tables have few batches an epoch: there the limits count updates.
_LEAST_PATIENT_UPDATES = 2_000
_BY_OPTIMIZER = {
    "adam": {"learning_rate": 1e-3, "weight_decay": 0.0},
    "adamw": {"learning_rate": 1e-3, "weight_decay": 0.01},
    "sgd": {"learning_rate": 1e-2, "weight_decay": 0.01},
}
_SLOW_RATE = 0.1
# Units that a number becomes in a piecewise linear embedding.
_EMBEDDED = 16
# Options of `TableModel.fit` that replace a recipe's own.
_GIVEN = (
    *("hidden", "activation", "dropout", "optimizer", "learning_rate", "weight_decay"),
    *("batch_size", "epochs", "patience", "average", "embedding_units"),
)


@dataclass(frozen=True)
class Recipe:
    """Everything that decides how a network is built and trained.

    Attributes:
        hidden, activation, dropout, optimizer, learning_rate, weight_decay, batch_size, epochs,
            patience, average, monitor, seed: as in `TableModel.fit`; patience None: train to the
            last epoch. The seed is the first network's.
        schedule: "constant", or "cosine_log" of the learning rate. beta2: Adam's.
        falling: dropout and weight decay fall by a cosine in the second half.
        clip_norm: greatest norm of the gradient; 0: any. label_smoothing: of classes.
        ntk: layers in the NTK parametrisation. random_biases: normal at first, with a tenth of the
            learning rate. zero_outputs: the last layer is 0 at first. weights_from_data: the first
            weights and biases are fitted to the training rows.
        parametric: activations with a learned weight a unit. embedding: "", "periodic" or
            "piecewise_linear": what becomes of numbers before the first layer. embedding_units:
            units of the vector that an embedded category becomes; None: by its categories.
        shared_members: networks that share all but a few weights (TabM-mini); 0: one network.
        scaled_only: the network reads of a number its scaled value, not its place among edges.
        front_rate: learning rate of a scale of each feature in units of the others'; 0: no scale.
        clip_outputs: numbers are predicted within the range of the training rows.
    """

    hidden: tuple[int, ...]
    activation: str
    dropout: float
    optimizer: str
    learning_rate: float
    weight_decay: float
    batch_size: int
    epochs: int
    patience: int | None
    average: float
    monitor: str
    seed: int
    schedule: str
    beta2: float
    falling: bool
    clip_norm: float
    label_smoothing: float
    ntk: bool
    random_biases: bool
    zero_outputs: bool
    weights_from_data: bool
    parametric: bool
    embedding: str
    embedding_units: int | None
    shared_members: int
    scaled_only: bool
    front_rate: float
    clip_outputs: bool

    @staticmethod
    def of(own: Mapping[str, Any], options: TrainOptions, rows: int) -> "Recipe":
        """A recipe of a preset, with the options in place of its own, for so many training rows."""
        given = {name: getattr(options, name) for name in _GIVEN}
        given = {name: value for name, value in given.items() if value is not None}
        if given.get("optimizer", own["optimizer"]) != own["optimizer"]:
            given = _BY_OPTIMIZER[given["optimizer"]] | given
        values = dict(own) | given
        batch_size, least_patience = next(
            (choice for most, *choice in _BY_ROWS if rows <= most), _FOR_MORE_ROWS
        )
        values["batch_size"] = min(values["batch_size"] or batch_size, rows)
        updates = -(-rows // values["batch_size"])
        if values["epochs"] is None:
            values["epochs"] = max(values["least_epochs"], -(-values["least_updates"] // updates))
        if values["patience"] == PATIENT:
            values["patience"] = max(least_patience, -(-_LEAST_PATIENT_UPDATES // updates))
        values |= {"monitor": options.monitor, "seed": options.seed}
        return Recipe(**{field.name: values[field.name] for field in fields(Recipe)})

    def make_optimizer(self) -> Optimizer:
        """A new optimizer."""
        rate, decay = self.learning_rate, self.weight_decay
        clip: dict[str, Any] = {"clip_norm": self.clip_norm} if self.clip_norm else {}
        falling = FlatCosineSchedule(decay) if self.falling and decay else decay
        schedule = CosineLogSchedule(rate) if self.schedule == "cosine_log" else rate
        if self.optimizer == "sgd":
            return SGD(schedule, momentum=0.9, weight_decay=falling, **clip)
        make = Adam if self.optimizer == "adam" else AdamW
        # RealMLP's decay acts on scales and activations too, but not on biases of dense layers.
        every: dict[str, Any] = {"decay_biases": True} if self.parametric else {}
        return make(schedule, **every, beta2=self.beta2, weight_decay=falling, **clip)

    def describe(self, target: Target, width: int) -> str:
        """Sizes from input to output, and the activations: `362-256-128-1, relu, sigmoid`."""
        sizes = "-".join(str(size) for size in (width, *self.hidden, target.outputs))
        dropout = f", dropout {self.dropout:g}" if self.dropout else ""
        return f"{sizes}, {self.activation}{dropout}, {output_activation(target)}"

    def build_network(
        self, target: Target, preprocessor: Preprocessor, seed: int, inputs: NDArray[np.float32]
    ) -> Sequential:
        """A network without weights yet, for training rows as encoded [rows, inputs]."""
        features = FeatureLayers(preprocessor)
        features.embed_categories(self.embedding_units)
        spread = features.drop_places() if self.scaled_only else 1.0
        if self.embedding == "periodic":
            features.embed_in_waves(_SLOW_RATE)
        elif self.embedding == "piecewise_linear":
            features.embed_in_pieces(_EMBEDDED, inputs)
        layers = features.layers
        if self.front_rate > 0.0 or self.scaled_only:
            # Factors that begin larger also move by larger steps.
            layers.append(Scale(spread, rate_factor=self.front_rate * spread))
        rest: list[Layer] = []
        for units in self.hidden:
            rest += self._dense(units)
            if self.dropout > 0.0:
                rest.append(Dropout(self.dropout))
        last = self._dense_options() if not self.zero_outputs else {"parametrization": "ntk"}
        if self.zero_outputs:
            last |= {"initializer": "zeros", "bias_rate_factor": _SLOW_RATE}
        rest.append(Dense(target.outputs, output_activation(target), **last))
        if self.shared_members:
            k = self.shared_members
            rest = [Ensemble(rest, k, first_scales="normal", chunks=features.widths)]
        layers += rest
        if self.clip_outputs and not isinstance(target, ClassTarget):
            layers.append(TargetScaling(clip=True))
        return Sequential(layers, seed=seed)

    def loss(self, target: Target) -> str | Loss:
        """The loss that goes with a target."""
        if not isinstance(target, ClassTarget):
            return Quantile(target.spread.levels) if target.spread else "mean_squared_error"
        make = BinaryCrossEntropy if target.outputs == 1 else CrossEntropy
        return make(label_smoothing=self.label_smoothing)

    def _dense(self, units: int) -> list[Layer]:
        """A hidden layer and its activation."""
        options = self._dense_options()
        if not self.parametric:
            return [Dense(units, self.activation, **options)]
        activation = ParametricActivation(self.activation, rate_factor=_SLOW_RATE)
        return [Dense(units, **options), activation]

    def _dense_options(self) -> dict[str, Any]:
        options: dict[str, Any] = {"parametrization": "ntk"} if self.ntk else {}
        if self.random_biases:
            options |= {"bias_initializer": "normal", "bias_rate_factor": _SLOW_RATE}
        if self.parametric:
            options["bias_decay_factor"] = 0.0
        return options


def describe_recipes(recipes: Sequence[Recipe], count: int, target: Target, width: int) -> str:
    """So many networks of these recipes in turn, in a sentence."""
    sizes = [recipe.describe(target, width) for recipe in recipes]
    if count == 1:
        return f"network: {sizes[0]}"
    counts = [len(range(place, count, len(sizes))) for place in range(len(sizes))]
    parts = [f"{n} of {size}" for n, size in zip(counts, sizes, strict=True) if n]
    return f"{count} networks: {' and '.join(parts)}"


def output_activation(target: Target) -> str:
    """The last activation that goes with a target."""
    if not isinstance(target, ClassTarget):
        return "identity"
    return "sigmoid" if target.outputs == 1 else "softmax"
