"""Record what PyTorch makes of layers that embed single columns, into torch_columns.npz.

Run: `python tests/parity/record_torch_columns.py` (needs numpy and PyTorch 2.13; CPU).
`read_traces.read_arrays` reads the result. D below is float64 or float32; what goes in is stored
once, as float64 that is exact in float32.

    about                           JSON: PyTorch's version, edges of the columns, sigma
    inputs                          [12, 4]; columns 1 and 3 hold codes 0 ... 2 and 0 ... 4, -1 for
                                    what is none; columns 0 and 2 hold numbers
    {case}/upstream                 [12, outputs] the gradient that comes from above
    {case}/with/{parameter}         value of a parameter
    {case}/D/value                  [12, outputs]
    {case}/D/input                  d sum(upstream * value) / d inputs
    {case}/D/{parameter}            d sum(upstream * value) / d parameter
    steps/codes, steps/targets      [8, 6], [8, 6, 3] eight batches of a table of 5 rows
    steps/D/{optimizer}             [8, 5, 3] the table after each step on the mean squared error
"""

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from record_torch_trace import DTYPES, as_tensor, exact_in_float32

Parameters = dict[str, Tensor]
Case = Callable[[Tensor, Parameters], Tensor]
CATEGORIES = {1: 3, 3: 5}
EDGES = {0: [-1.0, -0.25, 0.5, 1.25], 2: [-0.75, 0.75]}
UNITS, FREQUENCIES = 3, 4


def in_place(x: Tensor, made: dict[int, Tensor]) -> Tensor:
    """The columns of x, with what was made of some in their places."""
    return torch.cat([made.get(c, x[:, c : c + 1]) for c in range(x.shape[1])], dim=1)


def embedding(x: Tensor, p: Parameters) -> Tensor:
    made, first = {}, 0
    for column, categories in CATEGORIES.items():
        codes = x[:, column].detach().long()
        codes = torch.where(codes < 0, categories, codes)
        made[column] = nn.functional.embedding(first + codes, p["weight"])
        first += categories + 1
    return in_place(x, made)


def encoded(x: Tensor, edges: list[float]) -> Tensor:
    """The piecewise linear encoding of Gorishniy et al. (2022), equation 1."""
    parts, last = [], len(edges) - 2
    for k, (low, high) in enumerate(pairwise(edges)):
        share = (x - low) / (high - low)
        share = share.clamp(min=0.0) if k > 0 else share
        parts.append(share.clamp(max=1.0) if k < last else share)
    return torch.stack(parts, dim=1)


def piecewise(x: Tensor, p: Parameters, relu: bool) -> Tensor:
    made, first = {}, 0
    for i, (column, edges) in enumerate(EDGES.items()):
        value = encoded(x[:, column], edges) @ p["weight"][first : first + len(edges) - 1]
        first += len(edges) - 1
        value = value + p["bias"][i]
        if "slope" in p:
            value = value + x[:, column : column + 1] * p["slope"][i]
        made[column] = torch.relu(value) if relu else value
    return in_place(x, made)


def periodic(x: Tensor, p: Parameters, relu: bool) -> Tensor:
    """PLR and its lite form of Gorishniy et al. (2022), and PBLD of Holzmueller et al. (2024)."""
    made = {}
    for i, column in enumerate(EDGES):
        number = x[:, column : column + 1]
        angles = 2 * torch.pi * p["frequencies"][i] * number
        if "phases" in p:
            waves = torch.cos(angles + p["phases"][i])
        else:
            waves = torch.cat([torch.cos(angles), torch.sin(angles)], dim=1)
        weight, bias = p["weight"], p["bias"]
        value = waves @ (weight[i] if weight.ndim == 3 else weight)
        value = value + (bias[i] if bias.ndim == 2 else bias)
        value = torch.relu(value) if relu else value
        made[column] = torch.cat([number, value], dim=1) if "phases" in p else value
    return in_place(x, made)


BINS = sum(len(edges) - 1 for edges in EDGES.values())
WAVES = {"frequencies": (2, FREQUENCIES)}
# name: (value, shapes of its parameters)
CASES: dict[str, tuple[Case, dict[str, tuple[int, ...]]]] = {
    "embedding": (embedding, {"weight": (sum(CATEGORIES.values()) + 2, UNITS)}),
    "piecewise_linear": (
        lambda x, p: piecewise(x, p, False),
        {"weight": (BINS, UNITS), "bias": (2, UNITS), "slope": (2, UNITS)},
    ),
    "piecewise_linear_relu": (
        lambda x, p: piecewise(x, p, True),
        {"weight": (BINS, UNITS), "bias": (2, UNITS)},
    ),
    "periodic": (
        lambda x, p: periodic(x, p, True),
        WAVES | {"weight": (2, 2 * FREQUENCIES, UNITS), "bias": (2, UNITS)},
    ),
    "periodic_lite": (
        lambda x, p: periodic(x, p, True),
        WAVES | {"weight": (2 * FREQUENCIES, UNITS), "bias": (UNITS,)},
    ),
    "periodic_pbld": (
        lambda x, p: periodic(x, p, False),
        WAVES
        | {
            "phases": (2, FREQUENCIES),
            "weight": (2, FREQUENCIES, UNITS),
            "bias": (2, UNITS),
        },
    ),
}


def record_case(
    name: str, x: np.ndarray, values: dict[str, np.ndarray], upstream: np.ndarray
) -> dict[str, np.ndarray]:
    arrays: dict[str, np.ndarray] = {}
    for dtype_name, dtype in DTYPES.items():
        leaves = {key: as_tensor(value, dtype).requires_grad_() for key, value in values.items()}
        inputs = as_tensor(x, dtype).requires_grad_()
        value = CASES[name][0](inputs, leaves)
        wanted = [inputs, *leaves.values()]
        gradients = torch.autograd.grad(value, wanted, as_tensor(upstream, dtype))
        arrays[f"{name}/{dtype_name}/value"] = value.detach().numpy()
        for key, gradient in zip(("input", *leaves), gradients, strict=True):
            arrays[f"{name}/{dtype_name}/{key}"] = gradient.numpy()
    return arrays


OPTIMIZERS: dict[str, Callable[[list[Tensor]], torch.optim.Optimizer]] = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.5),
    "adagrad": lambda p: torch.optim.Adagrad(p, lr=0.1),
    "sparse_adam": lambda p: torch.optim.SparseAdam(p, lr=0.05, eps=1e-12),
}


def record_steps(
    table: np.ndarray, codes: np.ndarray, targets: np.ndarray
) -> dict[str, np.ndarray]:
    """Tables that are updated by sparse gradients."""
    arrays = {}
    for dtype_name, dtype in DTYPES.items():
        for name, make in OPTIMIZERS.items():
            layer = nn.Embedding(*table.shape, sparse=True, dtype=dtype)
            layer.weight.data.copy_(torch.from_numpy(table))
            optimizer, tables = make(list(layer.parameters())), []
            for batch, target in zip(codes, targets, strict=True):
                optimizer.zero_grad()
                value = layer(torch.from_numpy(batch).long())
                nn.functional.mse_loss(value, as_tensor(target, dtype)).backward()
                optimizer.step()
                tables.append(layer.weight.detach().numpy().copy())
            arrays[f"steps/{dtype_name}/{name}"] = np.stack(tables)
    return arrays


def main() -> None:
    torch.set_num_threads(1)
    random = np.random.default_rng(34)
    x = exact_in_float32(random.normal(size=(12, 4)))
    for column, categories in CATEGORIES.items():
        x[:, column] = random.integers(-1, categories, 12)
    about = {"torch": torch.__version__, "edges": EDGES, "categories": CATEGORIES}
    arrays = {"about": np.array(json.dumps(about)), "inputs": x}
    for name, (function, shapes) in CASES.items():
        values = {k: exact_in_float32(random.normal(size=shape)) for k, shape in shapes.items()}
        arrays |= {f"{name}/with/{key}": value for key, value in values.items()}
        tensors = {key: torch.from_numpy(value) for key, value in values.items()}
        outputs = function(torch.from_numpy(x), tensors).shape
        arrays[f"{name}/upstream"] = exact_in_float32(random.normal(size=outputs))
        arrays |= record_case(name, x, values, arrays[f"{name}/upstream"])
    arrays["steps/table"] = exact_in_float32(random.normal(size=(5, 3)))
    arrays["steps/codes"] = random.integers(0, 3, (8, 6)) + np.arange(8)[:, None] % 2
    arrays["steps/targets"] = exact_in_float32(random.normal(size=(8, 6, 3)))
    arrays |= record_steps(*(arrays[f"steps/{key}"] for key in ("table", "codes", "targets")))
    path = Path(__file__).with_name("torch_columns.npz")
    np.savez_compressed(path, **arrays)
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
