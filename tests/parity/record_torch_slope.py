"""Record loss and gradients of examples/slope_in_the_loss.py by double backward: torch_slope.npz.

Run: `python tests/parity/record_torch_slope.py` (needs numpy and PyTorch 2.13; CPU). Keys: x, f,
slope [20, 1], loss, and for each parameter of the network `weights/<name>` and `gradients/<name>`,
all in float64.
"""

from pathlib import Path

import numpy as np
import torch
from torch import nn


def main() -> None:
    """Write the file beside this script."""
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1)
    ).double()
    x = torch.linspace(-2.0, 2.0, 20, dtype=torch.float64).reshape(-1, 1).requires_grad_()
    f, slope = torch.sin(3.0 * x) + 0.5 * x * x, 3.0 * torch.cos(3.0 * x) + x
    u = net(x)
    (du,) = torch.autograd.grad(u.sum(), x, create_graph=True)
    loss = ((u - f.detach()) ** 2).mean() + ((du - slope.detach()) ** 2).mean()
    loss.backward()
    arrays = {"x": x, "f": f, "slope": slope, "loss": loss}
    for index, layer in enumerate(module for module in net if isinstance(module, nn.Linear)):
        for part in ("weight", "bias"):
            parameter = getattr(layer, part)
            arrays[f"weights/layers.{index}.{part}"] = parameter
            arrays[f"gradients/layers.{index}.{part}"] = parameter.grad
    path = Path(__file__).with_name("torch_slope.npz")
    np.savez_compressed(path, **{name: value.detach().numpy() for name, value in arrays.items()})
    print(f"wrote {path.name}, {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
