"""PyTorch through torch.compile (inductor): loss and gradients in one graph; weights frozen."""

import torch
from torch import Tensor, nn

from benchmarks.peers.base import Call, RunEpochs, Unsupported
from benchmarks.peers.torch_eager import (
    TorchPeer,
    build_model,
    build_optimizer,
    epochs_runner,
    loss_function,
)
from benchmarks.workloads import Array, Floats, Workload


def first_line(error: Exception) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return f"torch.compile failed: {lines[0][:120] if lines else type(error).__name__}"


def set_inference(chosen: bool) -> None:
    """Frozen weights and a C++ wrapper make calls faster, but the wrapper slows training down."""
    torch._inductor.config.freezing = chosen
    torch._inductor.config.cpp_wrapper = chosen


class CompiledTorchPeer(TorchPeer):
    def training(self, workload: Workload, features: Floats, targets: Array) -> RunEpochs:
        set_inference(False)
        model, measure = build_model(workload), loss_function(workload)
        optimizer = build_optimizer(workload, model)

        @torch.compile(dynamic=False)
        def loss_of(x: Tensor, y: Tensor) -> Tensor:
            return measure(model(x), y)

        run = epochs_runner(workload, features, targets, loss_of, optimizer)
        try:
            run(1)
        except Exception as error:
            raise Unsupported(first_line(error)) from error
        return run

    def inference(self, workload: Workload, features: Floats) -> Call:
        set_inference(True)
        model: nn.Module = torch.compile(build_model(workload).eval(), dynamic=False)
        x = torch.from_numpy(features)

        def call() -> Tensor:
            with torch.no_grad():
                return model(x)

        try:
            call()
        except Exception as error:
            raise Unsupported(first_line(error)) from error
        return call


def create(threads: int) -> CompiledTorchPeer:
    return CompiledTorchPeer(threads)
