"""PyTorch eager: nn.Sequential, fused optimizers, one shuffled copy of the data an epoch."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from benchmarks.peers.base import Call, RunEpochs
from benchmarks.workloads import Array, Floats, Workload, initial_parameters

ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh, "gelu": nn.GELU}
LossFunction = Callable[[Tensor, Tensor], Tensor]


def build_model(workload: Workload) -> nn.Sequential:
    layers: list[nn.Module] = []
    with torch.no_grad():
        for weight, bias in initial_parameters(workload.widths):
            layer = nn.Linear(weight.shape[1], weight.shape[0])
            layer.weight.copy_(torch.from_numpy(weight))
            layer.bias.copy_(torch.from_numpy(bias))
            layers += [layer, ACTIVATIONS[workload.activation]()]
    return nn.Sequential(*layers[:-1])


def build_optimizer(workload: Workload, model: nn.Module) -> torch.optim.Optimizer:
    rules = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}
    return rules[workload.optimizer](model.parameters(), lr=workload.learning_rate, fused=True)


def loss_function(workload: Workload) -> LossFunction:
    if workload.loss == "cross_entropy":
        return nn.functional.cross_entropy
    return nn.functional.mse_loss


def epochs_runner(
    workload: Workload,
    features: Floats,
    targets: Array,
    loss_of: LossFunction,
    optimizer: torch.optim.Optimizer,
) -> RunEpochs:
    """Run k epochs, where `loss_of(x, y)` is the loss of a batch."""
    x, y = torch.from_numpy(features), torch.from_numpy(targets)

    def run(epochs: int) -> None:
        for _ in range(epochs):
            order = torch.randperm(len(x))
            batches = zip(
                x[order].split(workload.batch), y[order].split(workload.batch), strict=True
            )
            for x_batch, y_batch in batches:
                optimizer.zero_grad(set_to_none=True)
                loss_of(x_batch, y_batch).backward()
                optimizer.step()

    return run


class TorchPeer:
    def __init__(self, threads: int) -> None:
        torch.set_num_threads(threads)

    def version(self) -> str:
        return f"{torch.__version__} ({torch.backends.cpu.get_cpu_capability().lower()})"

    def training(self, workload: Workload, features: Floats, targets: Array) -> RunEpochs:
        model, measure = build_model(workload), loss_function(workload)
        optimizer = build_optimizer(workload, model)

        def loss_of(x: Tensor, y: Tensor) -> Tensor:
            return measure(model(x), y)

        return epochs_runner(workload, features, targets, loss_of, optimizer)

    def inference(self, workload: Workload, features: Floats) -> Call:
        model, x = build_model(workload).eval(), torch.from_numpy(features)

        @torch.inference_mode()
        def call() -> Tensor:
            return model(x)

        return call


def create(threads: int) -> TorchPeer:
    return TorchPeer(threads)
