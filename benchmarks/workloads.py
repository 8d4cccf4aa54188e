"""The networks and batches that are measured, their data and their count of useful flops."""

from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, Self

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Workload:
    """One thing to measure: `kind` is "training", "batch" or "row" (one row a call).

    `widths` is [inputs, hidden..., outputs]; `rows` is the data set's size for training. The last
    layer is linear for "batch" and "row", and for the loss "mean_squared_error"; "cross_entropy"
    stands on it with a softmax.
    """

    kind: str
    widths: tuple[int, ...]
    batch: int
    rows: int = 0
    activation: str = "relu"
    loss: str = "mean_squared_error"
    optimizer: str = "adam"
    learning_rate: float = 1e-3

    @property
    def title(self) -> str:
        return "-".join(map(str, self.widths)) + f", {self.batch}"

    @property
    def key(self) -> str:
        name = "-".join(map(str, self.widths))
        if self.kind != "training":
            return f"{self.kind}/{name}/{self.batch}"
        return f"training/{name}/{self.batch}/{self.activation}/{self.optimizer}"

    @property
    def steps(self) -> int:
        """Steps of one epoch, the short last batch left out by construction."""
        return self.rows // self.batch

    @property
    def flops(self) -> float:
        """Useful matrix flops of a step or a call: a step needs no gradient of the input."""
        products = [a * b for a, b in pairwise(self.widths)]
        passes = 3 * sum(products) - products[0] if self.kind == "training" else sum(products)
        return 2.0 * self.batch * passes

    def to_spec(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_spec(cls, spec: dict[str, Any]) -> Self:
        return cls(**{**spec, "widths": tuple(spec["widths"])})


def initial_parameters(widths: tuple[int, ...]) -> list[tuple[Floats, Floats]]:
    """The same weights [out, in] and biases [out] for every library: He uniform, biases small."""
    random = np.random.default_rng(0)
    parameters = []
    for fan_in, fan_out in pairwise(widths):
        bound = np.sqrt(6.0 / fan_in)
        weight = random.uniform(-bound, bound, (fan_out, fan_in)).astype(np.float32)
        parameters.append((weight, random.uniform(-0.1, 0.1, fan_out).astype(np.float32)))
    return parameters


def training_data(workload: Workload) -> tuple[Floats, Array]:
    """X [rows, inputs] float32, and y: [rows] int64 classes or [rows, outputs] float32."""
    random = np.random.default_rng(1)
    inputs, outputs = workload.widths[0], workload.widths[-1]
    features = random.standard_normal((workload.rows, inputs), dtype=np.float32)
    scores = features @ random.standard_normal((inputs, outputs), dtype=np.float32)
    if workload.loss == "cross_entropy":
        return features, scores.argmax(axis=1).astype(np.int64)
    return features, (scores / np.sqrt(inputs)).astype(np.float32)


def inference_data(workload: Workload) -> Floats:
    """X [batch, inputs] float32."""
    random = np.random.default_rng(2)
    return random.standard_normal((workload.batch, workload.widths[0]), dtype=np.float32)


TINY, SMALL = (8, 32, 32, 1), (30, 128, 128, 2)
MIDDLE, LARGE = (784, 512, 256, 10), (1024, 2048, 2048, 10)
TRAINING = (
    Workload("training", TINY, 32, rows=512 * 32),
    Workload("training", SMALL, 64, rows=128 * 64, loss="cross_entropy"),
    Workload("training", MIDDLE, 128, rows=24 * 128, loss="cross_entropy"),
    Workload("training", LARGE, 512, rows=2 * 512, loss="cross_entropy"),
)
BATCH = (Workload("batch", MIDDLE, 4096),)
ROW = (Workload("row", TINY, 1), Workload("row", SMALL, 1), Workload("row", MIDDLE, 1))
