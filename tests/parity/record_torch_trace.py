"""Record twenty training steps of PyTorch on tiny networks into torch_trace.npz.

Run: `python tests/parity/record_torch_trace.py` (needs numpy and PyTorch 2.13; CPU, one thread).
`read_traces.py` beside this file reads the result without PyTorch.

Keys of the npz (P = number of parameters; every vector of parameters holds `layers.0.weight`
[out, in] in C order, `layers.0.bias`, `layers.1.weight`, ... one after the other):

    about                                    JSON: PyTorch's version, the networks (widths, hidden
                                             activation, loss), the optimizers (class, settings) and
                                             `recorded_steps`, counted from 1
    {network}/inputs                         [20, 7, inputs] float64: one batch of 7 rows a step
    {network}/targets                        [20, 7] int64 classes, or [20, 7, outputs] float64
    {network}/sample_weight                  [20, 7] float64, only for networks that use it; every
                                             batch's mean is exactly 1, so that dividing by the rows
                                             or by the sum of the weights is the same
    {network}/initial                        [P] float64
    {network}/{optimizer}/{dtype}/losses     [20] loss of each batch before that step's update
    {network}/{optimizer}/{dtype}/gradients  [recorded, P] of the loss alone (no weight decay)
    {network}/{optimizer}/{dtype}/weights    [recorded, P] after that step's update

Inputs, targets, sample weights and initial weights are exact in float32, so both dtypes start from
the same numbers. Losses are means: cross_entropy over the rows, mean_squared_error and
binary_cross_entropy over rows and outputs; the last two losses' outputs are logits, computed with
PyTorch's fused cross_entropy and binary_cross_entropy_with_logits.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

STEPS = 20
ROWS = 7
RECORDED_STEPS = (1, 2, 20)
DTYPES = {"float64": torch.float64, "float32": torch.float32}
ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
}


@dataclass(frozen=True)
class Network:
    """A stack of dense layers: `widths` [inputs, hidden..., outputs], one hidden activation."""

    widths: tuple[int, ...]
    activation: str
    loss: str
    seed: int
    weighted: bool = False


@dataclass(frozen=True)
class Rule:
    """One optimizer of torch.optim with its settings; biases may be left out of the decay."""

    name: str
    settings: dict[str, Any] = field(default_factory=dict)
    decay_biases: bool = True

    def build(self, model: nn.Module) -> torch.optim.Optimizer:
        optimizer_class = getattr(torch.optim, self.name)
        if self.decay_biases:
            return optimizer_class(model.parameters(), **self.settings)
        biases = [p for name, p in model.named_parameters() if name.endswith("bias")]
        weights = [p for name, p in model.named_parameters() if name.endswith("weight")]
        groups = [{"params": weights}, {"params": biases, "weight_decay": 0.0}]
        return optimizer_class(groups, **self.settings)


NETWORKS = {
    "tanh_cross_entropy": Network((5, 8, 7, 3), "tanh", "cross_entropy", seed=1),
    "relu_mean_squared_error": Network((5, 8, 7, 1), "relu", "mean_squared_error", seed=2),
    "relu_cross_entropy": Network((5, 8, 7, 3), "relu", "cross_entropy", seed=3),
    "sigmoid_binary_cross_entropy": Network((5, 8, 4), "sigmoid", "binary_cross_entropy", seed=5),
    "gelu_cross_entropy": Network((5, 6, 3), "gelu", "cross_entropy", seed=6),
    "silu_mean_squared_error": Network((5, 6, 1), "silu", "mean_squared_error", seed=7),
    "tanh_cross_entropy_weighted": Network((5, 6, 3), "tanh", "cross_entropy", 8, weighted=True),
    "relu_mean_squared_error_weighted": Network(
        (5, 6, 1), "relu", "mean_squared_error", 9, weighted=True
    ),
}
RULES = {
    "sgd": Rule("SGD", {"lr": 0.1}),
    "sgd_momentum": Rule("SGD", {"lr": 0.05, "momentum": 0.9}),
    "sgd_nesterov": Rule("SGD", {"lr": 0.05, "momentum": 0.9, "nesterov": True}),
    "sgd_weight_decay": Rule("SGD", {"lr": 0.1, "weight_decay": 0.01}),
    "adam": Rule("Adam", {"lr": 0.01}),
    "adam_weight_decay": Rule("Adam", {"lr": 0.01, "weight_decay": 0.01}),
    "adamw": Rule("AdamW", {"lr": 0.01, "weight_decay": 0.01}),
    "adamw_biases_undecayed": Rule("AdamW", {"lr": 0.01, "weight_decay": 0.01}, decay_biases=False),
}
FULL_NETWORKS = ("tanh_cross_entropy", "relu_mean_squared_error")
SHORT_RULES = ("sgd", "adam")


def exact_in_float32(values: np.ndarray) -> np.ndarray:
    return values.astype(np.float32).astype(np.float64)


def make_data(network: Network) -> dict[str, np.ndarray]:
    """Batches, targets and initial weights of a network, all exact in float32."""
    random = np.random.default_rng(network.seed)
    inputs, outputs = network.widths[0], network.widths[-1]
    data = {"inputs": exact_in_float32(random.normal(size=(STEPS, ROWS, inputs)))}
    if network.loss == "cross_entropy":
        data["targets"] = random.integers(0, outputs, (STEPS, ROWS))
    elif network.loss == "binary_cross_entropy":
        data["targets"] = random.integers(0, 2, (STEPS, ROWS, outputs)).astype(np.float64)
    else:
        data["targets"] = exact_in_float32(random.normal(size=(STEPS, ROWS, outputs)))
    if network.weighted:
        eighths = np.array([2, 3, 5, 8, 11, 13, 14])
        data["sample_weight"] = np.stack([random.permutation(eighths) / 8 for _ in range(STEPS)])
    parts = []
    for fan_in, fan_out in pairwise(network.widths):
        bound = np.sqrt(6.0 / (fan_in + fan_out))
        parts.append(random.uniform(-bound, bound, fan_out * fan_in))
        parts.append(random.uniform(-0.1, 0.1, fan_out))
    data["initial"] = exact_in_float32(np.concatenate(parts))
    return data


def build_model(network: Network, initial: np.ndarray, dtype: torch.dtype) -> nn.Sequential:
    layers: list[nn.Module] = []
    widths = network.widths
    for index, (fan_in, fan_out) in enumerate(pairwise(widths)):
        layers.append(nn.Linear(fan_in, fan_out, dtype=dtype))
        if index < len(widths) - 2:
            layers.append(ACTIVATIONS[network.activation]())
    model = nn.Sequential(*layers)
    nn.utils.vector_to_parameters(torch.tensor(initial, dtype=dtype), model.parameters())
    return model


def loss_rows(network: Network, output: Tensor, target: Tensor) -> Tensor:
    """Loss of each row, [rows]."""
    if network.loss == "cross_entropy":
        return functional.cross_entropy(output, target, reduction="none")
    if network.loss == "binary_cross_entropy":
        every = functional.binary_cross_entropy_with_logits(output, target, reduction="none")
        return every.mean(dim=1)
    return functional.mse_loss(output, target, reduction="none").mean(dim=1)


def as_tensor(values: np.ndarray, dtype: torch.dtype) -> Tensor:
    return torch.tensor(values, dtype=dtype if values.dtype == np.float64 else torch.int64)


def run(
    network: Network,
    data: dict[str, np.ndarray],
    build: Callable[[nn.Module], torch.optim.Optimizer],
    dtype: torch.dtype,
) -> dict[str, np.ndarray]:
    """Losses of all steps; gradients and weights of the recorded ones."""
    model = build_model(network, data["initial"], dtype)
    optimizer = build(model)
    losses, gradients, weights = [], [], []
    for step in range(STEPS):
        output = model(as_tensor(data["inputs"][step], dtype))
        rows = loss_rows(network, output, as_tensor(data["targets"][step], dtype))
        if network.weighted:
            rows = rows * as_tensor(data["sample_weight"][step], dtype)
        loss = rows.mean()
        optimizer.zero_grad()
        loss.backward()
        losses.append(loss.item())
        recorded = step + 1 in RECORDED_STEPS
        if recorded:
            slopes = [p.grad for p in model.parameters() if p.grad is not None]
            gradients.append(nn.utils.parameters_to_vector(slopes).numpy().copy())
        optimizer.step()
        if recorded:
            flat = nn.utils.parameters_to_vector(model.parameters())
            weights.append(flat.detach().numpy().copy())
    kind = gradients[0].dtype
    return {
        "losses": np.array(losses, kind),
        "gradients": np.stack(gradients),
        "weights": np.stack(weights),
    }


def record() -> dict[str, np.ndarray]:
    arrays: dict[str, np.ndarray] = {}
    for network_name, network in NETWORKS.items():
        data = make_data(network)
        arrays |= {f"{network_name}/{key}": values for key, values in data.items()}
        rules = RULES if network_name in FULL_NETWORKS else {n: RULES[n] for n in SHORT_RULES}
        for rule_name, rule in rules.items():
            for dtype_name, dtype in DTYPES.items():
                results = run(network, data, rule.build, dtype)
                prefix = f"{network_name}/{rule_name}/{dtype_name}"
                arrays |= {f"{prefix}/{key}": values for key, values in results.items()}
    about = {
        "torch": torch.__version__,
        "networks": {name: asdict(network) for name, network in NETWORKS.items()},
        "optimizers": {name: asdict(rule) for name, rule in RULES.items()},
        "recorded_steps": RECORDED_STEPS,
    }
    return {"about": np.array(json.dumps(about)), **arrays}


def main() -> None:
    torch.set_num_threads(1)
    path = Path(__file__).with_name("torch_trace.npz")
    np.savez_compressed(path, **record())
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
