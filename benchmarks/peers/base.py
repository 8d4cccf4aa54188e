"""What every measured library offers to a worker, and the list of libraries."""

from collections.abc import Callable
from importlib import import_module
from typing import Protocol

from benchmarks.workloads import Array, Floats, Workload

RunEpochs = Callable[[int], None]
Call = Callable[[], object]

# name -> (module, function that creates it, title in tables)
PEERS = {
    "lamina": ("lamina_network", "create", "lamina"),
    "lamina_avx2": ("lamina_avx2", "create", "lamina, AVX2 forced"),
    "torch": ("torch_eager", "create", "PyTorch"),
    "torch_compile": ("torch_compiled", "create", "PyTorch compiled"),
    "jax": ("jax_scan", "create", "JAX"),
    "sklearn": ("sklearn_mlp", "create", "scikit-learn"),
    "onnxruntime": ("onnx_session", "create", "ONNX Runtime"),
    "onnxruntime_bound": ("onnx_session", "create_bound", "ONNX Runtime, bound"),
    "mlpfile": ("mlpfile_model", "create", "mlpfile"),
    "numpy": ("numpy_plain", "create", "numpy"),
}


class Unsupported(Exception):
    """The library cannot do this workload; the text is the reason that the report prints."""


class Peer(Protocol):
    """A library, set to a number of threads before anything is built."""

    def __init__(self, threads: int) -> None: ...

    def version(self) -> str: ...

    def training(self, workload: Workload, features: Floats, targets: Array) -> RunEpochs:
        """A function that trains k more epochs, shuffling in each, and returns when all is done."""
        ...

    def inference(self, workload: Workload, features: Floats) -> Call:
        """A function that gives the outputs [rows, outputs] (or [outputs]) of `features`."""
        ...


def load_peer(name: str, threads: int) -> Peer:
    module, function, _ = PEERS[name]
    peer: Peer = getattr(import_module(f"benchmarks.peers.{module}"), function)(threads)
    return peer
