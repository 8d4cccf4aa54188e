"""mlpfile: relu networks of float32 on single rows, Jacobians, and steps of gradient descent."""

import struct
import tempfile
from importlib.metadata import version
from pathlib import Path

import mlpfile
import numpy as np

from benchmarks.peers.base import Call, RunEpochs, Unsupported
from benchmarks.workloads import Array, Floats, Workload, initial_parameters

LINEAR, RELU = 2, 3
# Its squared error is sum of (output - target)^2 / 2, whose gradient has no factor of 2.
GRADIENT_OF_SQUARE = 2.0


def build_model(widths: tuple[int, ...]) -> mlpfile.Model:
    """The network with `initial_parameters`, by way of a file of mlpfile's format."""
    parameters = initial_parameters(widths)
    layers: list[bytes] = []
    for index, width in enumerate(widths[1:]):
        layers += [struct.pack("<I", RELU)] if index else []
        layers.append(struct.pack("<II", LINEAR, width))
    head = struct.pack("<II", len(layers), widths[0])
    weights = b"".join(array.tobytes() for pair in parameters for array in pair)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.mlp"
        path.write_bytes(head + b"".join(layers) + weights)
        return mlpfile.Model.load(str(path))


def rate_of_mean(learning_rate: float, outputs: int) -> float:
    """The learning rate whose step is that of `learning_rate` on the mean squared error."""
    return learning_rate * GRADIENT_OF_SQUARE / outputs


class MlpfilePeer:
    def __init__(self, threads: int) -> None:
        if threads != 1:
            raise Unsupported("runs on one thread")

    def version(self) -> str:
        return version("mlpfile")

    def training(self, workload: Workload, features: Floats, targets: Array) -> RunEpochs:
        wanted = (workload.batch, workload.optimizer, workload.activation, workload.loss)
        if wanted != (1, "sgd", "relu", "mean_squared_error"):
            raise Unsupported("trains by SGD on one row of a relu network, squared error")
        model, random = build_model(workload.widths), np.random.default_rng(0)
        rate = rate_of_mean(workload.learning_rate, workload.widths[-1])

        def run(epochs: int) -> None:
            for _ in range(epochs):
                for row in random.permutation(len(features)):
                    model.grad_update(features[row], targets[row], mlpfile.squared_error, rate)

        return run

    def inference(self, workload: Workload, features: Floats) -> Call:
        if workload.kind != "row" or workload.activation != "relu":
            raise Unsupported("predicts one row of a relu network a call")
        model, row = build_model(workload.widths), features.reshape(-1)
        return lambda: model.forward(row)


def create(threads: int) -> MlpfilePeer:
    return MlpfilePeer(threads)
