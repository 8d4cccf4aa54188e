"""numpy: matrix products into preallocated arrays, bias and activation in place."""

import numpy as np

from benchmarks.peers.base import Call, RunEpochs, Unsupported
from benchmarks.workloads import Array, Floats, Workload, initial_parameters


class NumpyPeer:
    def __init__(self, threads: int) -> None:
        """The BLAS takes its number of threads from the environment and the affinity."""

    def version(self) -> str:
        return np.__version__

    def training(self, workload: Workload, features: Floats, targets: Array) -> RunEpochs:
        raise Unsupported("numpy is measured for inference alone")

    def inference(self, workload: Workload, features: Floats) -> Call:
        if workload.activation != "relu":
            raise Unsupported("numpy is measured with relu alone")
        parameters = [
            (np.ascontiguousarray(weight.T), bias)
            for weight, bias in initial_parameters(workload.widths)
        ]
        rows = workload.batch
        x = features[0] if rows == 1 else features
        shapes = [(w.shape[1],) if rows == 1 else (rows, w.shape[1]) for w, _ in parameters]
        buffers = [np.empty(shape, np.float32) for shape in shapes]
        *hidden, last = list(zip(parameters, buffers, strict=True))

        def call() -> Floats:
            values = x
            for (weight, bias), buffer in hidden:
                np.matmul(values, weight, out=buffer)
                np.add(buffer, bias, out=buffer)
                np.maximum(buffer, 0, out=buffer)
                values = buffer
            (weight, bias), buffer = last
            np.matmul(values, weight, out=buffer)
            np.add(buffer, bias, out=buffer)
            return buffer

        return call


def create(threads: int) -> NumpyPeer:
    return NumpyPeer(threads)
