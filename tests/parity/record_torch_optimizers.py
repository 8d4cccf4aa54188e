"""Record twenty steps of every optimizer of torch.optim's catalogue into torch_optimizers.npz.

Run: `python tests/parity/record_torch_optimizers.py` (needs numpy and PyTorch 2.13; CPU, one
thread). The keys are those of torch_trace.npz (see record_torch_trace.py), with the one network
tanh_cross_entropy; `read_traces.read_trace(..., file_name="torch_optimizers.npz")` reads them.

"muon" trains `layers.1.weight`, the weights between hidden layers, with torch.optim.Muon and all
other parameters with AdamW. PyTorch orthogonalises in bfloat16; here the same iteration runs in
the parameter's own type, so that a tight comparison is possible.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from record_torch_trace import (
    DTYPES,
    NETWORKS,
    RECORDED_STEPS,
    Network,
    Rule,
    make_data,
    run,
)


def orthogonalise(
    gradient: Tensor, coefficients: tuple[float, float, float], steps: int, eps: float
) -> Tensor:
    """Muon's Newton-Schulz iteration in the parameter's own type; PyTorch's runs in bfloat16."""
    a, b, c = coefficients
    tall = gradient.size(0) > gradient.size(1)
    x = gradient.T if tall else gradient
    x = x / x.norm().clamp(min=eps)
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if tall else x


class MuonAndAdamW(torch.optim.Optimizer):
    """Muon for the weights between hidden layers, AdamW for every other parameter."""

    def __init__(self, model: nn.Sequential, muon: dict[str, Any], adamw: dict[str, Any]) -> None:
        layers = [layer for layer in model.modules() if isinstance(layer, nn.Linear)]
        hidden = [layer.weight for layer in layers[1:-1]]
        others = [p for p in model.parameters() if all(p is not weight for weight in hidden)]
        super().__init__(model.parameters(), {})
        self.parts = (
            torch.optim.Muon(hidden, **muon),
            torch.optim.AdamW(others, **adamw),
        )

    def step(self, closure: None = None) -> None:
        for part in self.parts:
            part.step()


OPTIMIZERS = {
    "adagrad": Rule("Adagrad", {"lr": 0.05}),
    "adagrad_weight_decay": Rule(
        "Adagrad",
        {
            "lr": 0.05,
            "lr_decay": 0.01,
            "weight_decay": 0.01,
            "initial_accumulator_value": 0.1,
        },
    ),
    "adadelta": Rule("Adadelta", {"lr": 1.0, "rho": 0.9, "eps": 1e-6}),
    "rmsprop": Rule("RMSprop", {"lr": 0.01, "alpha": 0.99, "eps": 1e-8}),
    "rmsprop_momentum_centered": Rule(
        "RMSprop", {"lr": 0.01, "alpha": 0.9, "momentum": 0.9, "centered": True}
    ),
    "amsgrad": Rule("Adam", {"lr": 0.05, "betas": (0.9, 0.9), "amsgrad": True}),
    "adamw_amsgrad": Rule(
        "AdamW",
        {"lr": 0.05, "betas": (0.9, 0.9), "weight_decay": 0.01, "amsgrad": True},
    ),
    "adamax": Rule("Adamax", {"lr": 0.02}),
    "nadam": Rule("NAdam", {"lr": 0.02}),
    "nadam_decoupled": Rule(
        "NAdam", {"lr": 0.02, "weight_decay": 0.01, "decoupled_weight_decay": True}
    ),
    "radam": Rule("RAdam", {"lr": 0.02}),
    "rprop": Rule("Rprop", {"lr": 0.01, "etas": (0.5, 1.2), "step_sizes": (1e-6, 50.0)}),
    "muon": Rule(
        "Muon",
        {
            "muon": {
                "lr": 0.02,
                "weight_decay": 0.1,
                "momentum": 0.95,
                "nesterov": True,
            },
            "adamw": {"lr": 0.01, "weight_decay": 0.1},
        },
    ),
    "muon_match_adamw": Rule(
        "Muon",
        {
            "muon": {
                "lr": 0.01,
                "weight_decay": 0.01,
                "momentum": 0.9,
                "nesterov": False,
                "adjust_lr_fn": "match_rms_adamw",
            },
            "adamw": {"lr": 0.005, "weight_decay": 0.01},
        },
    ),
}
OPTIMIZER_NETWORK = "tanh_cross_entropy"


def record_optimizers() -> dict[str, np.ndarray]:
    network: Network = NETWORKS[OPTIMIZER_NETWORK]
    data = make_data(network)
    arrays = {f"{OPTIMIZER_NETWORK}/{key}": values for key, values in data.items()}
    torch.optim._muon._zeropower_via_newtonschulz = orthogonalise
    for name, rule in OPTIMIZERS.items():

        def build(model: nn.Module, rule: Rule = rule) -> torch.optim.Optimizer:
            if rule.name == "Muon":
                return MuonAndAdamW(model, **rule.settings)
            return rule.build(model)

        for dtype_name, dtype in DTYPES.items():
            results = run(network, data, build, dtype)
            prefix = f"{OPTIMIZER_NETWORK}/{name}/{dtype_name}"
            arrays |= {f"{prefix}/{key}": values for key, values in results.items()}
    about = {
        "torch": torch.__version__,
        "networks": {OPTIMIZER_NETWORK: asdict(network)},
        "optimizers": {name: asdict(rule) for name, rule in OPTIMIZERS.items()},
        "recorded_steps": RECORDED_STEPS,
    }
    return {"about": np.array(json.dumps(about)), **arrays}


def main() -> None:
    torch.set_num_threads(1)
    path = Path(__file__).with_name("torch_optimizers.npz")
    np.savez_compressed(path, **record_optimizers())
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
