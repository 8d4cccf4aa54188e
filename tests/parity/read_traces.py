"""Read the traces of record_torch_trace.py and record_torch_catalogue.py, without PyTorch."""

import json
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Trace:
    """Twenty steps of one network under one optimizer in one dtype; see record_torch_trace.py."""

    network: str
    optimizer: str
    dtype: str
    widths: tuple[int, ...]
    activation: str
    loss: str
    optimizer_name: str
    optimizer_settings: dict[str, Any]
    recorded_steps: tuple[int, ...]
    inputs: Array
    targets: Array
    sample_weight: Array | None
    initial: Array
    losses: Array
    gradients: Array
    weights: Array

    def named(self, flat: Array) -> dict[str, Array]:
        """A vector of parameters [P] as {"layers.0.weight": [out, in], "layers.0.bias": [out]}."""
        parts: dict[str, Array] = {}
        start = 0
        for layer, (fan_in, fan_out) in enumerate(pairwise(self.widths)):
            for name, shape in (("weight", (fan_out, fan_in)), ("bias", (fan_out,))):
                count = int(np.prod(shape))
                parts[f"layers.{layer}.{name}"] = flat[start : start + count].reshape(shape)
                start += count
        return parts


@cache
def read_arrays(file_name: str) -> dict[str, Array]:
    """Every array of an npz beside this file, by key."""
    with np.load(FOLDER / file_name) as stored:
        return {key: stored[key] for key in stored.files}


def about(file_name: str) -> dict[str, Any]:
    """The JSON description that an npz carries."""
    description: dict[str, Any] = json.loads(str(read_arrays(file_name)["about"]))
    return description


def trace_names(file_name: str = "torch_trace.npz") -> list[tuple[str, str, str]]:
    """(network, optimizer, dtype) of every trace in the file."""
    keys = [key.split("/") for key in read_arrays(file_name)]
    return [(k[0], k[1], k[2]) for k in keys if len(k) == 4 and k[3] == "losses"]


def read_trace(
    network: str, optimizer: str, dtype: str, file_name: str = "torch_trace.npz"
) -> Trace:
    """The trace of that name; inputs, targets and initial weights are float64, exact in both."""
    arrays, description = read_arrays(file_name), about(file_name)
    structure, rule = (
        description["networks"][network],
        description["optimizers"][optimizer],
    )
    prefix = f"{network}/{optimizer}/{dtype}"
    return Trace(
        network=network,
        optimizer=optimizer,
        dtype=dtype,
        widths=tuple(structure["widths"]),
        activation=structure["activation"],
        loss=structure["loss"],
        optimizer_name=rule["name"],
        optimizer_settings=rule["settings"] | {"decay_biases": rule["decay_biases"]},
        recorded_steps=tuple(description["recorded_steps"]),
        inputs=arrays[f"{network}/inputs"],
        targets=arrays[f"{network}/targets"],
        sample_weight=arrays.get(f"{network}/sample_weight"),
        initial=arrays[f"{network}/initial"],
        losses=arrays[f"{prefix}/losses"],
        gradients=arrays[f"{prefix}/gradients"],
        weights=arrays[f"{prefix}/weights"],
    )
