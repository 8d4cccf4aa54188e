"""Record PyTorch's row layers and weight constraints into torch_layers.npz.

Run: `python tests/parity/record_torch_layers.py` (needs numpy and PyTorch 2.13; CPU).
`read_traces.read_arrays` reads the result. D below is float64 or float32; what goes in is stored
once, as float64 that is exact in float32.

    about                           JSON: PyTorch's version
    inputs, upstream                [9, 6] what goes in, and the gradient that comes from above
    scale, shift, slopes            [6] values of the layers' weights and biases
    {layer}/D/value                 [9, 6]
    {layer}/D/input                 [9, 6] d sum(upstream * value) / d inputs
    {layer}/D/{parameter}           d sum(upstream * value) / d weight or bias
    weight, bias, targets           [4, 6], [4] of a linear layer; [9, 4]
    penalty/D/value, .../weight     of mean squared error + 0.03 sum |w| + 0.05 sum w^2
    max_norm/D, non_negative/D      [10, 4, 6] weights after each of ten steps of gradient descent
                                    (rate 0.1), by torch.renorm (norm 0.9) and clamp after each
"""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from record_torch_trace import DTYPES, as_tensor, exact_in_float32

Layer = Callable[[Tensor, dict[str, Tensor]], Tensor]
AFFINE = {"weight": "scale", "bias": "shift"}
# name: (value, its parameters and where their values stand)
LAYERS: dict[str, tuple[Layer, dict[str, str]]] = {
    "layer_norm": (
        lambda x, p: functional.layer_norm(x, (6,), p["weight"], p["bias"], 1e-5),
        AFFINE,
    ),
    "layer_norm_without": (lambda x, p: functional.layer_norm(x, (6,), eps=1e-3), {}),
    "rms_norm": (lambda x, p: functional.rms_norm(x, (6,), p["weight"], 1e-6), {"weight": "scale"}),
    "rms_norm_without": (lambda x, p: functional.rms_norm(x, (6,), eps=1e-3), {}),
    "prelu": (lambda x, p: functional.prelu(x, p["weight"]), {"weight": "slopes"}),
    "prelu_shared": (lambda x, p: functional.prelu(x, p["weight"]), {"weight": "shared"}),
    "scale": (lambda x, p: x * p["weight"], {"weight": "scale"}),
    "scale_and_shift": (lambda x, p: x * p["weight"] + p["bias"], AFFINE),
    "clip": (lambda x, p: torch.clamp(x, -0.5, 1.0), {}),
    "clip_low": (lambda x, p: torch.clamp(x, min=-0.5), {}),
}


def record_layers(data: dict[str, np.ndarray], dtype: torch.dtype) -> dict[str, np.ndarray]:
    arrays: dict[str, np.ndarray] = {}
    for name, (function, parameters) in LAYERS.items():
        values = {**data, "shared": data["slopes"][:1]}
        leaves = {
            key: as_tensor(values[where], dtype).requires_grad_()
            for key, where in parameters.items()
        }
        x = as_tensor(data["inputs"], dtype).requires_grad_()
        value = function(x, leaves)
        wanted = [x, *leaves.values()]
        gradients = torch.autograd.grad(value, wanted, as_tensor(data["upstream"], dtype))
        arrays[f"{name}/value"] = value.detach().numpy()
        for key, gradient in zip(("input", *parameters), gradients, strict=True):
            arrays[f"{name}/{key}"] = gradient.numpy()
    return arrays


def record_constraints(data: dict[str, np.ndarray], dtype: torch.dtype) -> dict[str, np.ndarray]:
    x, bias, targets = (as_tensor(data[k], dtype) for k in ("inputs", "bias", "targets"))

    def error(weight: Tensor) -> Tensor:
        return functional.mse_loss(functional.linear(x, weight, bias), targets)

    weight = as_tensor(data["weight"], dtype).requires_grad_()
    value = error(weight) + 0.03 * weight.abs().sum() + 0.05 * (weight * weight).sum()
    (gradient,) = torch.autograd.grad(value, weight)
    arrays = {"penalty/value": value.detach().numpy(), "penalty/weight": gradient.numpy()}
    constraints: dict[str, Callable[[Tensor], Tensor]] = {
        "max_norm": lambda w: torch.renorm(w, 2, 0, 0.9),
        "non_negative": lambda w: w.clamp(min=0.0),
    }
    for name, constrain in constraints.items():
        weight, steps = as_tensor(data["weight"], dtype), []
        for _ in range(10):
            weight.requires_grad_()
            (gradient,) = torch.autograd.grad(error(weight), weight)
            weight = constrain((weight - 0.1 * gradient).detach())
            steps.append(weight.numpy())
        arrays[name] = np.stack(steps)
    return arrays


def main() -> None:
    torch.set_num_threads(1)
    random = np.random.default_rng(21)
    shapes = {"inputs": (9, 6), "upstream": (9, 6), "scale": (6,), "shift": (6,), "slopes": (6,)}
    shapes |= {"weight": (4, 6), "bias": (4,), "targets": (9, 4)}
    data = {k: exact_in_float32(random.normal(size=shape)) for k, shape in shapes.items()}
    arrays = {"about": np.array(json.dumps({"torch": torch.__version__})), **data}
    for name, dtype in DTYPES.items():
        found = record_layers(data, dtype) | record_constraints(data, dtype)
        for key, array in found.items():
            entry, _, part = key.partition("/")
            arrays[f"{entry}/{name}/{part}".rstrip("/")] = array
    path = Path(__file__).with_name("torch_layers.npz")
    np.savez_compressed(path, **arrays)
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
