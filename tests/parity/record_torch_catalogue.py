"""Record PyTorch's activations and losses, values and gradients, into torch_catalogue.npz.

Run: `python tests/parity/record_torch_catalogue.py` (needs numpy and PyTorch 2.13; CPU).
`read_traces.read_arrays` reads the result. D below is float64 or float32; inputs are stored once,
as float64 that is exact in float32, but for those marked (D).

    about                               JSON: PyTorch's version; `activations`, `row_activations`,
                                        `losses`: name -> settings and `source`, which is "torch"
                                        where PyTorch has the entry, or "formula" where it was
                                        written out and differentiated by PyTorch's autograd
    activation/grid/D                   [points] (D): -30..30, zeros of both signs, kinks, tiny and
                                        denormal values, large ones, infinities and NaN at the end
    activation/{name}/D/value           [points]
    activation/{name}/D/gradient        [points] d value / d input
    activation/prelu/D/slope_gradient   [points] d value / d slope
    row_activation/inputs, .../upstream [9, 6] input, and the gradient that comes from above
    row_activation/{name}/D/value       [9, 6]
    row_activation/{name}/D/gradient    [9, 6] d sum(upstream * value) / d input
    loss/{name}/outputs                 [11, columns] what the network gives (logits for cross
                                        entropies and focal; log rates for poisson, gamma, tweedie)
    loss/{name}/targets                 [11] int64 classes or [11, columns] float64
    loss/{name}/D/mean, .../sum         [] over the rows x columns elements (cross entropies, focal
                                        of classes, cosine and kl_divergence: over the rows; with
                                        class weights mean divides by their sum over the rows)
    loss/{name}/D/mean_gradient, .../sum_gradient    [11, columns] with respect to outputs
"""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from record_torch_trace import DTYPES, as_tensor, exact_in_float32

SLOPE = 0.25
ROWS, COLUMNS = 11, 4
CLASS_WEIGHTS = (0.5, 2.0, 1.0, 1.5)

Activation = Callable[[Tensor], Tensor]


def softplus(x: Tensor) -> Tensor:
    """PyTorch's own softplus turns linear at 20, too early for float64."""
    return -functional.logsigmoid(-x)


ACTIVATIONS: dict[str, tuple[Activation, dict[str, float | str]]] = {
    "identity": (lambda x: x * 1.0, {}),
    "relu": (functional.relu, {}),
    "leaky_relu": (lambda x: functional.leaky_relu(x, 0.01), {"slope": 0.01}),
    "elu": (functional.elu, {"alpha": 1.0}),
    "selu": (functional.selu, {}),
    "celu": (lambda x: functional.celu(x, 1.5), {"alpha": 1.5}),
    "gelu": (functional.gelu, {}),
    "gelu_tanh": (lambda x: functional.gelu(x, approximate="tanh"), {}),
    "silu": (functional.silu, {}),
    "mish": (functional.mish, {}),
    "softplus": (softplus, {}),
    "softsign": (functional.softsign, {}),
    "sigmoid": (torch.sigmoid, {}),
    "log_sigmoid": (functional.logsigmoid, {}),
    "tanh": (torch.tanh, {}),
    "hard_sigmoid": (functional.hardsigmoid, {}),
    "hard_tanh": (functional.hardtanh, {}),
    "hard_swish": (functional.hardswish, {}),
    "relu6": (functional.relu6, {}),
    "sin": (lambda x: torch.sin(30.0 * x), {"frequency": 30.0}),
    "gaussian": (lambda x: torch.exp(-x * x), {"source": "formula"}),
}
ROW_ACTIVATIONS: dict[str, Activation] = {
    "softmax": lambda x: functional.softmax(x, dim=1),
    "log_softmax": lambda x: functional.log_softmax(x, dim=1),
}


def activation_grid(dtype: np.dtype[Any]) -> np.ndarray:
    tiny = np.finfo(dtype).tiny
    small = np.array([1e-1, 1e-2, 1e-3, 1e-5, 1e-8, 1e-12, 1e-20, 1e-30, tiny, tiny / 8])
    kinks = np.array([0.5, 1.0, 2.5, 3.0, 6.0, 10.0, 20.0, 50.0, 88.0, 100.0, 500.0, 1e4, 1e10])
    halves = np.concatenate([np.linspace(0.0, 30.0, 97), small, kinks])
    special = np.array([np.inf, -np.inf, np.nan])
    return np.concatenate([halves, -halves, special]).astype(dtype)


def record_activations() -> dict[str, np.ndarray]:
    arrays: dict[str, np.ndarray] = {}
    for dtype_name, dtype in DTYPES.items():
        grid = activation_grid(np.dtype(dtype_name))
        arrays[f"activation/grid/{dtype_name}"] = grid
        for name, (function, _) in ACTIVATIONS.items():
            x = torch.tensor(grid, dtype=dtype, requires_grad=True)
            value = function(x)
            (gradient,) = torch.autograd.grad(value.sum(), x)
            arrays[f"activation/{name}/{dtype_name}/value"] = value.detach().numpy()
            arrays[f"activation/{name}/{dtype_name}/gradient"] = gradient.numpy()
        x = torch.tensor(grid, dtype=dtype, requires_grad=True)
        slopes = torch.full_like(x, SLOPE).requires_grad_()
        value = functional.prelu(x.unsqueeze(0), slopes)
        gradient, slope_gradient = torch.autograd.grad(value.sum(), (x, slopes))
        prefix = f"activation/prelu/{dtype_name}"
        arrays[f"{prefix}/value"] = value.detach().numpy()[0]
        arrays[f"{prefix}/gradient"] = gradient.numpy()
        arrays[f"{prefix}/slope_gradient"] = slope_gradient.numpy()
    return arrays


def record_row_activations() -> dict[str, np.ndarray]:
    random = np.random.default_rng(11)
    inputs = exact_in_float32(random.normal(size=(9, 6)) * 3)
    inputs[7], inputs[8] = 1000.0, np.array([-1000.0, 0.0, 1000.0, 999.0, 1.0, -1.0])
    upstream = exact_in_float32(random.normal(size=(9, 6)))
    arrays = {"row_activation/inputs": inputs, "row_activation/upstream": upstream}
    for dtype_name, dtype in DTYPES.items():
        for name, function in ROW_ACTIVATIONS.items():
            x = as_tensor(inputs, dtype).requires_grad_()
            value = function(x)
            (gradient,) = torch.autograd.grad(value, x, as_tensor(upstream, dtype))
            arrays[f"row_activation/{name}/{dtype_name}/value"] = value.detach().numpy()
            arrays[f"row_activation/{name}/{dtype_name}/gradient"] = gradient.numpy()
    return arrays


def quantile(output: Tensor, target: Tensor, level: float) -> Tensor:
    error = target - output
    return torch.maximum(level * error, (level - 1) * error)


def focal_classes(output: Tensor, target: Tensor, gamma: float) -> Tensor:
    log_chance = functional.log_softmax(output, dim=1).gather(1, target.unsqueeze(1)).squeeze(1)
    return -((1 - log_chance.exp()) ** gamma) * log_chance


def focal_binary(output: Tensor, target: Tensor, gamma: float) -> Tensor:
    plain = functional.binary_cross_entropy_with_logits(output, target, reduction="none")
    return (1 - torch.exp(-plain)) ** gamma * plain


def tweedie(output: Tensor, target: Tensor, power: float) -> Tensor:
    """Output is the log of the mean; the part of the deviance that depends on it, halved."""
    return torch.exp((2 - power) * output) / (2 - power) - target * torch.exp(
        (1 - power) * output
    ) / (1 - power)


def gaussian_rows(output: Tensor, target: Tensor) -> Tensor:
    """Columns of the output: means, then as many log variances."""
    mean, log_variance = output.chunk(2, dim=1)
    return functional.gaussian_nll_loss(mean, target, log_variance.exp(), eps=0.0, reduction="none")


Loss = Callable[[Tensor, Tensor], Tensor]
# name: (elements or rows of the loss, kind of target, settings)
LOSSES: dict[str, tuple[Loss, str, dict[str, Any]]] = {
    "mean_squared_error": (
        lambda o, t: functional.mse_loss(o, t, reduction="none"),
        "real",
        {},
    ),
    "mean_absolute_error": (
        lambda o, t: functional.l1_loss(o, t, reduction="none"),
        "real",
        {},
    ),
    "huber": (
        lambda o, t: functional.huber_loss(o, t, reduction="none", delta=0.75),
        "real",
        {"delta": 0.75},
    ),
    "smooth_l1": (
        lambda o, t: functional.smooth_l1_loss(o, t, reduction="none", beta=0.75),
        "real",
        {"beta": 0.75},
    ),
    "log_cosh": (
        lambda o, t: (o - t) + softplus(-2 * (o - t)) - math.log(2),
        "real",
        {"source": "formula"},
    ),
    "quantile": (
        lambda o, t: quantile(o, t, 0.3),
        "real",
        {"level": 0.3, "source": "formula"},
    ),
    "poisson": (
        lambda o, t: functional.poisson_nll_loss(o, t, log_input=True, reduction="none"),
        "count",
        {"log_input": True, "full": False},
    ),
    "gamma": (lambda o, t: t * torch.exp(-o) + o, "positive", {"source": "formula"}),
    "tweedie": (
        lambda o, t: tweedie(o, t, 1.5),
        "positive",
        {"power": 1.5, "source": "formula"},
    ),
    "gaussian_negative_log_likelihood": (
        gaussian_rows,
        "half",
        {"columns": "means, then log variances", "full": False},
    ),
    "binary_cross_entropy": (
        lambda o, t: functional.binary_cross_entropy_with_logits(o, t, reduction="none"),
        "binary",
        {},
    ),
    "binary_cross_entropy_soft": (
        lambda o, t: functional.binary_cross_entropy_with_logits(o, t, reduction="none"),
        "fraction",
        {},
    ),
    "cross_entropy": (
        lambda o, t: functional.cross_entropy(o, t, reduction="none"),
        "class",
        {},
    ),
    "cross_entropy_soft": (
        lambda o, t: functional.cross_entropy(o, t, reduction="none"),
        "distribution",
        {},
    ),
    "cross_entropy_smoothed": (
        lambda o, t: functional.cross_entropy(o, t, reduction="none", label_smoothing=0.1),
        "class",
        {"label_smoothing": 0.1},
    ),
    "cross_entropy_class_weights": (
        lambda o, t: functional.cross_entropy(
            o, t, reduction="none", weight=torch.tensor(CLASS_WEIGHTS, dtype=o.dtype)
        ),
        "class",
        {"class_weights": CLASS_WEIGHTS},
    ),
    "focal": (
        lambda o, t: focal_classes(o, t, 2.0),
        "class",
        {"gamma": 2.0, "source": "formula"},
    ),
    "binary_focal": (
        lambda o, t: focal_binary(o, t, 2.0),
        "binary",
        {"gamma": 2.0, "source": "formula"},
    ),
    "hinge": (lambda o, t: torch.relu(1 - t * o), "sign", {"source": "formula"}),
    "squared_hinge": (
        lambda o, t: torch.relu(1 - t * o) ** 2,
        "sign",
        {"source": "formula"},
    ),
    "kl_divergence": (
        lambda o, t: functional.kl_div(functional.log_softmax(o, dim=1), t, reduction="none").sum(
            dim=1
        ),
        "distribution",
        {"outputs": "logits; KL(target || softmax(output))"},
    ),
    "cosine": (
        lambda o, t: 1 - functional.cosine_similarity(o, t, dim=1),
        "real",
        {},
    ),
    "binary_cross_entropy_weighted": (
        lambda o, t: functional.binary_cross_entropy_with_logits(
            o, t, reduction="none", pos_weight=torch.tensor(3.0, dtype=o.dtype)
        ),
        "fraction",
        {"pos_weight": 3.0},
    ),
}


def make_targets(kind: str, random: np.random.Generator) -> np.ndarray:
    shape = (ROWS, COLUMNS // 2 if kind == "half" else COLUMNS)
    if kind == "class":
        return random.integers(0, COLUMNS, ROWS)
    if kind == "distribution":
        parts = random.multinomial(64, np.full(COLUMNS, 1 / COLUMNS), ROWS)
        return parts / 64.0
    makers: dict[str, Callable[[], np.ndarray]] = {
        "real": lambda: random.normal(size=shape),
        "half": lambda: random.normal(size=shape),
        "positive": lambda: random.gamma(2.0, size=shape),
        "count": lambda: random.poisson(2.0, shape).astype(np.float64),
        "binary": lambda: random.integers(0, 2, shape).astype(np.float64),
        "fraction": lambda: random.uniform(size=shape),
        "sign": lambda: random.choice([-1.0, 1.0], shape),
    }
    return exact_in_float32(makers[kind]())


def record_losses() -> dict[str, np.ndarray]:
    arrays: dict[str, np.ndarray] = {}
    for seed, (name, (function, kind, settings)) in enumerate(LOSSES.items()):
        random = np.random.default_rng(100 + seed)
        outputs = exact_in_float32(random.normal(size=(ROWS, COLUMNS)) * 1.5)
        targets = make_targets(kind, random)
        arrays[f"loss/{name}/outputs"], arrays[f"loss/{name}/targets"] = (
            outputs,
            targets,
        )
        for dtype_name, dtype in DTYPES.items():
            target = as_tensor(targets, dtype)
            for reduction in ("mean", "sum"):
                output = as_tensor(outputs, dtype).requires_grad_()
                parts = function(output, target)
                value = parts.sum()
                if reduction == "mean":
                    weights = torch.tensor(settings.get("class_weights", ()), dtype=dtype)
                    value = value / (weights[target].sum() if len(weights) else parts.numel())
                (gradient,) = torch.autograd.grad(value, output)
                prefix = f"loss/{name}/{dtype_name}/{reduction}"
                arrays[prefix] = value.detach().numpy()
                arrays[f"{prefix}_gradient"] = gradient.numpy()
    return arrays


def record_catalogue() -> dict[str, np.ndarray]:
    activations = {name: {"source": "torch"} | s for name, (_, s) in ACTIVATIONS.items()}
    activations["prelu"] = {"source": "torch", "slope": SLOPE}
    about = {
        "torch": torch.__version__,
        "activations": activations,
        "row_activations": {name: {"source": "torch"} for name in ROW_ACTIVATIONS},
        "losses": {name: {"source": "torch"} | s for name, (_, _, s) in LOSSES.items()},
    }
    return {
        "about": np.array(json.dumps(about)),
        **record_activations(),
        **record_row_activations(),
        **record_losses(),
    }


def main() -> None:
    torch.set_num_threads(1)
    path = Path(__file__).with_name("torch_catalogue.npz")
    np.savez_compressed(path, **record_catalogue())
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
