"""The recipes by name: which networks a table gets, and how they are trained."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

DEFAULT_PRESET = "ensemble"


@dataclass(frozen=True)
class Preset:
    """One recipe, or several whose networks are averaged.

    Attributes:
        recipes: fields of `Recipe`; None where they follow from the number of rows, by so many
            epochs and updates at least. "regression" and "classification" hold those of one task;
            "rows" and "task" say what a recipe is for, where it is not for all.
        numbers: how numbers are encoded. max_one_hot: as in `Preprocessor`.
        members: networks of a table with at most so many rows, by rising rows; else 1.
    """

    recipes: tuple[Mapping[str, Any], ...]
    numbers: str = "piecewise"
    max_one_hot: int | None = None
    members: tuple[tuple[int, int], ...] = ()

    def recipes_for(self, rows: int, task: str) -> list[Mapping[str, Any]]:
        """The recipes of a table with so many rows, with the fields of this task."""
        found = [dict(own) | own.get(task, {}) for own in self.recipes]
        return [
            own
            for own in found
            if rows in own.get("rows", range(rows + 1)) and own.get("task", task) == task
        ]

    def members_for(self, rows: int) -> int:
        """Networks of a table with so many rows."""
        return next((count for most, count in self.members if rows <= most), 1)


# A patience that follows from the number of rows.
PATIENT = "by rows"

_PLAIN: dict[str, Any] = {
    "hidden": (256, 128),
    "activation": "relu",
    "dropout": 0.0,
    "optimizer": "adamw",
    "learning_rate": 1e-3,
    "weight_decay": 0.01,
    "batch_size": None,
    "epochs": None,
    "patience": PATIENT,
    "average": 0.99,
    "least_updates": 14_000,
    "least_epochs": 200,
    "schedule": "constant",
    "beta2": 0.999,
    "falling": False,
    "clip_norm": 0.0,
    "label_smoothing": 0.0,
    "ntk": False,
    "random_biases": False,
    "zero_outputs": False,
    "weights_from_data": False,
    "parametric": False,
    "embedding": "",
    "embedding_units": None,
    "shared_members": 0,
    "scaled_only": False,
    "front_rate": 0.0,
    "clip_outputs": False,
}

_FEW_ROWS = 10_000

# Three wide layers with high rates that fall in four waves, as RealMLP has them, over the piecewise
# linear encoding: better than the plain network where there are many rows.
_WIDE = _PLAIN | {
    "rows": range(_FEW_ROWS + 1, 2**63),
    "hidden": (256, 256, 256),
    "activation": "mish",
    "ntk": True,
    "front_rate": 6.0,
    "dropout": 0.1,
    "weight_decay": 0.02,
    "learning_rate": 0.1,
    "beta2": 0.95,
    "schedule": "cosine_log",
    "least_updates": 5000,
    "least_epochs": 16,
    "patience": None,
    "average": 0.0,
}

# The same over scaled numbers alone, for targets that are smooth in them.
_SMOOTH = _WIDE | {
    "rows": range(_FEW_ROWS + 1),
    "task": "regression",
    "scaled_only": True,
    "dropout": 0.0,
    "optimizer": "adam",
    "weight_decay": 0.0,
    "least_updates": 6000,
}

# Dropout is right for some tables of classes, and no worse beside the plain network for others.
_DROPPED = _PLAIN | {"rows": range(_FEW_ROWS + 1), "task": "classification", "dropout": 0.15}

# Holzmueller et al. 2024, arXiv 2407.04491: the simple recipe, as in its standalone code.
_REALMLP_TD_S = _PLAIN | {
    "hidden": (256, 256, 256),
    "ntk": True,
    "random_biases": True,
    "zero_outputs": True,
    "front_rate": 6.0,
    "optimizer": "adam",
    "weight_decay": 0.0,
    "beta2": 0.95,
    "schedule": "cosine_log",
    "label_smoothing": 0.1,
    "batch_size": 256,
    "least_updates": 0,
    "least_epochs": 256,
    "patience": None,
    "average": 0.0,
    "clip_outputs": True,
    "regression": {"activation": "mish", "learning_rate": 0.07},
    "classification": {"activation": "selu", "learning_rate": 0.04},
}

# The same paper's whole recipe.
_REALMLP_TD = _REALMLP_TD_S | {
    "zero_outputs": False,
    "random_biases": True,
    "weights_from_data": True,
    "parametric": True,
    "embedding": "periodic",
    "embedding_units": 8,
    "dropout": 0.15,
    "optimizer": "adamw",
    "weight_decay": 0.02,
    "falling": True,
    "regression": {"activation": "mish", "learning_rate": 0.2},
    "classification": {"activation": "selu", "learning_rate": 0.04},
}

# Gorishniy et al. 2025, arXiv 2410.24210, with piecewise linear embeddings.
_TABM_MINI = _PLAIN | {
    "hidden": (512, 512),
    "embedding": "piecewise_linear",
    "shared_members": 32,
    "dropout": 0.1,
    "learning_rate": 2e-3,
    "weight_decay": 3e-4,
    "clip_norm": 1.0,
    "batch_size": 256,
    "least_updates": 0,
    "least_epochs": 200,
    "patience": 16,
    "average": 0.0,
}

PRESETS = {
    "ensemble": Preset((_PLAIN, _DROPPED, _SMOOTH, _WIDE), members=((100_000, 10), (200_000, 4))),
    "plain": Preset((_PLAIN,)),
    "realmlp-td-s": Preset((_REALMLP_TD_S,), "robust"),
    "realmlp-td": Preset((_REALMLP_TD,), "robust", max_one_hot=8),
    # One-hot codes as published, up to where rare categories would have to share one.
    "tabm-mini": Preset((_TABM_MINI,), "standard", max_one_hot=100),
}
