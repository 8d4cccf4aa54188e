"""Record training steps of PyTorch on networks with residual blocks and batch normalisation.

Run: `python tests/parity/record_torch_blocks.py` (needs numpy and PyTorch 2.13; CPU, one thread).

Keys of torch_blocks.npz, {case} and parameter names as in lamina:

    about                                 JSON: PyTorch's version, the cases' layers, the optimizer
    {case}/inputs, targets                [10, 9, 5] and [10, 9, outputs] float64: a batch a step
    {case}/initial/{name}                 first parameters, exact in float32
    {case}/{dtype}/losses                 [10] mean squared error of each batch before its update
    {case}/{dtype}/input_gradient         [9, 5] of the first batch's loss
    {case}/{dtype}/gradient/{name}        of the first batch's loss
    {case}/{dtype}/step{1,10}/{name}      parameters and running statistics after that step
    {case}/{dtype}/outputs                [9, outputs] of the first batch in evaluation, at the end
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

STEPS, ROWS, INPUTS = 10, 9, 5
DTYPES = {"float64": torch.float64, "float32": torch.float32}
OPTIMIZER = {"lr": 0.05, "momentum": 0.9}
ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "silu": nn.SiLU}


def dense(units: int, **options: Any) -> dict[str, Any]:
    return {"kind": "dense", "units": units, **options}


def activation(name: str) -> dict[str, Any]:
    return {"kind": "activation", "activation": name}


def batch_norm(**options: Any) -> dict[str, Any]:
    return {"kind": "batch_norm", **options}


def residual(*layers: dict[str, Any], **options: Any) -> dict[str, Any]:
    return {"kind": "residual", "layers": list(layers), **options}


CASES: dict[str, list[dict[str, Any]]] = {
    "residual": [
        dense(6),
        activation("tanh"),
        residual(dense(8), activation("silu"), dense(6)),
        activation("relu"),
        residual(residual(dense(6), activation("tanh")), dense(7)),
        dense(3),
    ],
    "residual_first_and_last": [
        residual(dense(5), activation("tanh"), dense(5), projection=True),
        residual(dense(2), activation("silu")),
    ],
    "batch_norm": [
        dense(8),
        batch_norm(),
        activation("relu"),
        dense(7, bias=False),
        activation("tanh"),
        batch_norm(momentum=0.3, epsilon=1e-3),
        dense(3),
    ],
    "batch_norm_first_and_last": [
        batch_norm(scale=False, shift=False),
        dense(6),
        activation("silu"),
        dense(3),
        batch_norm(),
    ],
    "residual_batch_norm": [
        dense(6),
        residual(
            batch_norm(),
            activation("relu"),
            dense(8, bias=False),
            batch_norm(),
            activation("relu"),
            dense(6),
        ),
        residual(dense(4, bias=False), batch_norm(), activation("silu")),
        dense(2),
    ],
}


class Stack(nn.Module):
    """The layers of a case, under lamina's names."""

    def __init__(self, specs: list[dict[str, Any]], width: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList()
        for spec in specs:
            layer, width = build(spec, width)
            self.layers.append(layer)
        self.width = width

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        return x


class Residual(Stack):
    """A block with a skip."""

    def __init__(self, specs: list[dict[str, Any]], width: int, projection: bool) -> None:
        super().__init__(specs, width)
        projected = projection or width != self.width
        self.projection = nn.Linear(width, self.width, bias=False) if projected else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) + self.projection(x)


def build(spec: dict[str, Any], width: int) -> tuple[nn.Module, int]:
    """The module of a layer's description, and its outputs."""
    if spec["kind"] == "dense":
        return nn.Linear(width, spec["units"], bias=spec.get("bias", True)), spec["units"]
    if spec["kind"] == "activation":
        return ACTIVATIONS[spec["activation"]](), width
    if spec["kind"] == "batch_norm":
        options = {"momentum": spec.get("momentum", 0.1), "eps": spec.get("epsilon", 1e-5)}
        return nn.BatchNorm1d(width, affine=spec.get("scale", True), **options), width
    block = Residual(spec["layers"], width, spec.get("projection", False))
    return block, block.width


def state(model: nn.Module) -> dict[str, np.ndarray]:
    return {
        name: value.numpy().copy()
        for name, value in model.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }


def exact(values: np.ndarray) -> np.ndarray:
    return values.astype(np.float32).astype(np.float64)


def record_case(name: str, seed: int, arrays: dict[str, np.ndarray]) -> None:
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    model = Stack(CASES[name], INPUTS)
    for part in model.modules():
        if isinstance(part, nn.BatchNorm1d) and part.affine:
            nn.init.uniform_(part.weight, 0.5, 1.5)
            nn.init.uniform_(part.bias, -0.5, 0.5)
    initial = {key: exact(value) for key, value in state(model).items()}
    inputs = exact(random.normal(1.0, 2.0, (STEPS, ROWS, INPUTS)))
    targets = exact(random.normal(size=(STEPS, ROWS, model.width)))
    arrays |= {f"{name}/inputs": inputs, f"{name}/targets": targets}
    arrays |= {f"{name}/initial/{key}": value for key, value in initial.items()}
    for dtype_name, dtype in DTYPES.items():
        where = f"{name}/{dtype_name}"
        model = Stack(CASES[name], INPUTS).to(dtype)
        model.load_state_dict({k: torch.tensor(v) for k, v in initial.items()}, strict=False)
        optimizer = torch.optim.SGD(model.parameters(), **OPTIMIZER)
        losses = []
        for step in range(STEPS):
            x = torch.tensor(inputs[step], dtype=dtype, requires_grad=True)
            loss = ((model(x) - torch.tensor(targets[step], dtype=dtype)) ** 2).mean()
            losses.append(loss.item())
            optimizer.zero_grad()
            loss.backward()
            if step == 0:
                arrays[f"{where}/input_gradient"] = x.grad.numpy()
                for key, part in model.named_parameters():
                    arrays[f"{where}/gradient/{key}"] = part.grad.numpy().copy()
            optimizer.step()
            if step in (0, STEPS - 1):
                arrays |= {f"{where}/step{step + 1}/{k}": v for k, v in state(model).items()}
        model.eval()
        with torch.no_grad():
            outputs = model(torch.tensor(inputs[0], dtype=dtype))
        arrays |= {f"{where}/losses": np.array(losses), f"{where}/outputs": outputs.numpy()}


def main() -> None:
    torch.set_num_threads(1)
    about = {"torch": torch.__version__, "cases": CASES, "optimizer": OPTIMIZER}
    arrays: dict[str, np.ndarray] = {"about": np.array(json.dumps(about))}
    for seed, name in enumerate(CASES):
        record_case(name, seed, arrays)
    np.savez_compressed(Path(__file__).with_name("torch_blocks.npz"), **arrays)


if __name__ == "__main__":
    main()
