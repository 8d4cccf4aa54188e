"""Record training steps of the TabM paper's own package, which lamina's Ensemble is compared with.

Run: `python tests/parity/record_torch_ensemble.py` (needs numpy, PyTorch 2.13 and tabm 0.0.3; CPU,
one thread).

Keys of torch_ensemble.npz, {case} and parameter names as in lamina:

    about                                 JSON: the packages' versions, the cases
    {case}/inputs, targets                [10, 9, 5] float64; [10, 9, 2] float64 or [10, 9] int64
    {case}/initial/{name}                 first parameters, exact in float32
    {case}/{dtype}/losses                 [10] mean of the members' losses before each update
    {case}/{dtype}/input_gradient         [9, 5] of the first batch's loss
    {case}/{dtype}/members                [9, k, outputs] of the first batch, before the first step
    {case}/{dtype}/gradient/{name}        of the first batch's loss
    {case}/{dtype}/step{1,10}/{name}      parameters after that step
    {case}/{dtype}/outputs                [9, outputs] mean prediction of the first batch, at last
"""

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import tabm
import torch
from torch import Tensor, nn

STEPS, ROWS, INPUTS, UNITS, BLOCKS, MEMBERS = 10, 9, 5, 7, 2, 4
DTYPES = {"float64": torch.float64, "float32": torch.float32}
# name: (adapters, activation, outputs, weight decay of everything)
CASES: dict[str, tuple[str, str, int, float]] = {
    "mini_values": ("first", "ReLU", 2, 0.0),
    "mini_classes": ("first", "SiLU", 3, 0.1),
    "all_values": ("all", "Tanh", 2, 0.1),
    "all_classes": ("all", "ReLU", 3, 0.0),
}
RATE = 0.02


def build(adapters: str, activation: str, outputs: int) -> nn.Sequential:
    backbone = tabm.make_tabm_backbone(
        d_in=INPUTS,
        n_blocks=BLOCKS,
        d_block=UNITS,
        dropout=0.0,
        activation=activation,
        k=MEMBERS,
        arch_type="tabm" if adapters == "all" else "tabm-mini",
        start_scaling_init="random-signs",
        start_scaling_init_chunks=[1] * INPUTS,
    )
    return nn.Sequential(
        tabm.EnsembleView(k=MEMBERS), backbone, tabm.LinearEnsemble(UNITS, outputs, k=MEMBERS)
    )


def named(model: nn.Sequential, read: Any) -> dict[str, np.ndarray]:
    """read(parameter) of every parameter, under lamina's names and in its shapes."""
    backbone, head = model[1], model[2]
    found: dict[str, np.ndarray] = {}
    if isinstance(backbone, tabm.MLPBackboneMiniEnsemble):
        found["input_scales"] = read(backbone.affine.weight)
    for index, block in enumerate(backbone.blocks):
        linear, layer = block[0], f"layers.{index}"
        if isinstance(linear, tabm.LinearBatchEnsemble):
            scales = "input_scales" if index == 0 else f"{layer}.input_scales"
            found[scales] = read(linear.r)
            found[f"{layer}.output_scales"] = read(linear.s)
        found[f"{layer}.weight"], found[f"{layer}.bias"] = read(linear.weight), read(linear.bias)
    found[f"layers.{BLOCKS}.weight"] = read(head.weight).transpose(0, 2, 1)
    found[f"layers.{BLOCKS}.bias"] = read(head.bias)
    return {f"layers.0.{name}": np.ascontiguousarray(array) for name, array in found.items()}


def loss_of(members: Tensor, targets: Tensor) -> Tensor:
    """The mean of the members' losses."""
    if targets.dtype == torch.int64:
        repeated = targets.repeat_interleave(MEMBERS)
        return nn.functional.cross_entropy(members.flatten(0, 1), repeated)
    return nn.functional.mse_loss(members, targets[:, None].expand(members.shape))


def record_case(name: str, seed: int, arrays: dict[str, np.ndarray]) -> None:
    torch.manual_seed(seed)
    adapters, activation, outputs, decay = CASES[name]
    random = np.random.default_rng(seed)
    first = build(adapters, activation, outputs)
    with torch.no_grad():
        for part in first.parameters():
            part.add_(0.2 * torch.randn(part.shape))
    inputs = random.normal(0.0, 1.5, (STEPS, ROWS, INPUTS)).astype(np.float32).astype(np.float64)
    if outputs == 3:
        targets: np.ndarray = random.integers(0, outputs, (STEPS, ROWS))
    else:
        targets = random.normal(size=(STEPS, ROWS, outputs)).astype(np.float32).astype(np.float64)
    arrays |= {f"{name}/inputs": inputs, f"{name}/targets": targets}
    value = lambda part: part.detach().numpy().copy()  # noqa: E731
    initial = {f"{name}/initial/{k}": v.astype(np.float64) for k, v in named(first, value).items()}
    arrays |= initial
    for dtype_name, dtype in DTYPES.items():
        where = f"{name}/{dtype_name}"
        model = build(adapters, activation, outputs).to(dtype)
        model.load_state_dict(first.state_dict())
        optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=decay)
        losses = []
        for step in range(STEPS):
            x = torch.tensor(inputs[step], dtype=dtype, requires_grad=True)
            y = torch.tensor(targets[step])
            members = model(x)
            loss = loss_of(members, y if outputs == 3 else y.to(dtype))
            losses.append(loss.item())
            optimizer.zero_grad()
            loss.backward()
            if step == 0:
                assert x.grad is not None
                arrays[f"{where}/input_gradient"] = x.grad.numpy()
                arrays[f"{where}/members"] = members.detach().numpy()
                gradients = named(model, lambda part: part.grad.numpy().copy())
                arrays |= {f"{where}/gradient/{k}": v for k, v in gradients.items()}
            optimizer.step()
            if step in (0, STEPS - 1):
                arrays |= {f"{where}/step{step + 1}/{k}": v for k, v in named(model, value).items()}
        model.eval()
        with torch.no_grad():
            members = model(torch.tensor(inputs[0], dtype=dtype))
            mean = (members.softmax(-1) if outputs == 3 else members).mean(1)
        arrays |= {f"{where}/losses": np.array(losses), f"{where}/outputs": mean.numpy()}


def main() -> None:
    torch.set_num_threads(1)
    about = {"torch": torch.__version__, "tabm": version("tabm"), "cases": CASES, "rate": RATE}
    about |= {"units": UNITS, "blocks": BLOCKS, "k": MEMBERS}
    arrays: dict[str, np.ndarray] = {"about": np.array(json.dumps(about))}
    for seed, name in enumerate(CASES):
        record_case(name, seed, arrays)
    np.savez_compressed(Path(__file__).with_name("torch_ensemble.npz"), **arrays)


if __name__ == "__main__":
    main()
