"""Record PyTorch's NTK layers, parametric activations and a trace into torch_recipes.npz.

Run: `python tests/parity/record_torch_recipes.py` (needs numpy and PyTorch 2.13; CPU, one thread).
`read_traces.read_arrays` reads the result. D below is float64 or float32; what goes in is stored
once, as float64 that is exact in float32.

    about                           JSON: PyTorch's version, and settings of the trace
    inputs, upstream                [9, 6] what goes in, and the gradient that comes from above
    alphas                          [6] weights of parametric activations
    parametric/{f}/D/value          [9, 6] of z + (f(z) - z) * alpha
    parametric/{f}/D/input, weight  d sum(upstream * value) / d inputs, and / d alphas
    ntk/{parameter}                 of layers of 5 and 6 units, whose products are divided by the
                                    square root of their inputs; mish between them
    ntk/D/value, input, {parameter} the same of that network
    trace/{parameter}, rows, y      of the network of `record_trace`; [12, 7, 6] and [12, 7, 3]
    trace/D/losses                  [12] before each step
    trace/D/{parameter}             after the last step
"""

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from record_torch_catalogue import ACTIVATIONS
from record_torch_trace import DTYPES, as_tensor, exact_in_float32

Arrays = dict[str, np.ndarray]
STEPS = 12
SETTINGS: dict[str, Any] = {
    "steps": STEPS,
    "learning_rate": 0.05,
    "weight_decay": 0.1,
    "betas": [0.9, 0.95],
    # Factors of the learning rate, by the parameters they are for.
    "rate_factors": {"scale": 6.0, "bias": 0.1, "alpha": 0.1, "weight": 1.0},
}


def ntk_linear(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return (x @ weight.T) / math.sqrt(weight.shape[1]) + bias


def parametric(x: Tensor, function: Callable[[Tensor], Tensor], alpha: Tensor) -> Tensor:
    return x + (function(x) - x) * alpha


def gradients_of(
    value: Tensor, upstream: Tensor, leaves: Mapping[str, Tensor]
) -> dict[str, np.ndarray]:
    found = torch.autograd.grad(value, list(leaves.values()), upstream)
    gradients = {name: g.numpy() for name, g in zip(leaves, found, strict=True)}
    return {"value": value.detach().numpy(), **gradients}


def leaves_of(data: Mapping[str, np.ndarray], dtype: torch.dtype) -> dict[str, Tensor]:
    return {name: as_tensor(array, dtype).requires_grad_() for name, array in data.items()}


def record_layers(data: Arrays, ntk: Arrays, dtype: torch.dtype) -> Arrays:
    arrays: Arrays = {}
    upstream = as_tensor(data["upstream"], dtype)
    for name, (function, _) in ACTIVATIONS.items():
        leaves = leaves_of({"input": data["inputs"], "weight": data["alphas"]}, dtype)
        value = parametric(leaves["input"], function, leaves["weight"])
        found = gradients_of(value, upstream, leaves)
        arrays |= {f"parametric/{name}/D/{key}": array for key, array in found.items()}
    leaves = leaves_of({"input": data["inputs"], **ntk}, dtype)
    hidden = ntk_linear(leaves["input"], leaves["0.weight"], leaves["0.bias"])
    value = ntk_linear(functional.mish(hidden), leaves["1.weight"], leaves["1.bias"])
    found = gradients_of(value, upstream, leaves)
    return arrays | {f"ntk/D/{key}": array for key, array in found.items()}


def coslog4(t: float) -> float:
    return 0.5 * (1.0 - math.cos(2.0 * math.pi * math.log2(1.0 + 15.0 * t)))


def flat_cos(t: float) -> float:
    return 1.0 if t < 0.5 else 0.5 * (1.0 + math.cos(math.pi * (2.0 * t - 1.0)))


def record_trace(data: Arrays, dtype: torch.dtype) -> Arrays:
    """A scale, two NTK layers and parametric selu, by Adam with the schedules of RealMLP.

    Weights and the scale decay, biases and alphas do not: w -= rate * decay * w, of the scheduled
    rate with its factor and the scheduled decay, before the step.
    """
    leaves = leaves_of({k: v for k, v in data.items() if k not in ("rows", "y")}, dtype)
    factors = SETTINGS["rate_factors"]
    groups = [{"params": [leaf], "name": name} for name, leaf in leaves.items()]
    optimizer = torch.optim.Adam(groups, betas=tuple(SETTINGS["betas"]))
    losses = []
    for step in range(STEPS):
        rate = SETTINGS["learning_rate"] * coslog4(step / STEPS)
        decay = SETTINGS["weight_decay"] * flat_cos(step / STEPS)
        x = as_tensor(data["rows"][step], dtype) * leaves["scale"]
        hidden = ntk_linear(x, leaves["0.weight"], leaves["0.bias"])
        hidden = parametric(hidden, functional.selu, leaves["alpha"])
        outputs = ntk_linear(hidden, leaves["1.weight"], leaves["1.bias"])
        loss = functional.mse_loss(outputs, as_tensor(data["y"][step], dtype))
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        for group in optimizer.param_groups:
            kind = group["name"].rpartition(".")[2]
            group["lr"] = rate * factors[kind]
            if kind in ("weight", "scale"):
                with torch.no_grad():
                    group["params"][0].mul_(1.0 - group["lr"] * decay)
        optimizer.step()
    last = {f"trace/D/{name}": leaf.detach().numpy() for name, leaf in leaves.items()}
    return {"trace/D/losses": np.array(losses), **last}


def main() -> None:
    torch.set_num_threads(1)
    random = np.random.default_rng(13)

    def drawn(shapes: Mapping[str, tuple[int, ...]]) -> Arrays:
        return {k: exact_in_float32(random.normal(size=shape)) for k, shape in shapes.items()}

    data = drawn({"inputs": (9, 6), "upstream": (9, 6), "alphas": (6,)})
    layers = {"0.weight": (5, 6), "0.bias": (5,), "1.weight": (6, 5), "1.bias": (6,)}
    ntk = drawn(layers)
    trace = drawn({**layers, "1.weight": (3, 5), "1.bias": (3,)})
    trace |= {"scale": np.ones(6), "alpha": np.ones(5)}
    trace |= drawn({"rows": (STEPS, 7, 6), "y": (STEPS, 7, 3)})
    about = {"torch": torch.__version__, **SETTINGS}
    arrays = {"about": np.array(json.dumps(about)), **data}
    arrays |= {f"ntk/{name}": array for name, array in ntk.items()}
    arrays |= {f"trace/{name}": array for name, array in trace.items()}
    for name, dtype in DTYPES.items():
        found = record_layers(data, ntk, dtype) | record_trace(trace, dtype)
        arrays |= {key.replace("/D/", f"/{name}/"): array for key, array in found.items()}
    path = Path(__file__).with_name("torch_recipes.npz")
    np.savez_compressed(path, **arrays)
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
