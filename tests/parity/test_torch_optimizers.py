"""Twenty steps of every optimizer of the catalogue give the weights that PyTorch gives."""

from typing import Any

import numpy as np
import pytest

import lamina as lm
from parity import read_traces as traces

pytestmark = pytest.mark.kernels

FILE = "torch_optimizers.npz"
# float64 differs by the order of sums alone, float32 by 1e-7 a step, which divisions by small
# roots enlarge. Both bounds are the promised ones; PyTorch keeps NAdam's product in float32.
TOLERANCES = {"float64": 1e-10, "float32": 1e-4}
NADAM_TOLERANCE = 1e-8
# Our names of PyTorch's settings.
SETTINGS = {
    "lr": "learning_rate",
    "eps": "epsilon",
    "alpha": "rho",
    "lr_decay": "rate_decay",
    "initial_accumulator_value": "initial_accumulator",
    "decoupled_weight_decay": "decoupled",
}


NAMES = traces.trace_names(FILE)


def muon_of(settings: dict[str, Any]) -> lm.Muon:
    """Ours has PyTorch's AdamW for the other parameters inside."""
    muon, adamw = settings["muon"], settings["adamw"]
    assert muon["weight_decay"] == adamw["weight_decay"]
    return lm.Muon(
        muon["lr"],
        momentum=muon["momentum"],
        nesterov=muon["nesterov"],
        adamw_rate_factor=adamw["lr"] / muon["lr"],
        match_adamw=muon.get("adjust_lr_fn") == "match_rms_adamw",
        weight_decay=muon["weight_decay"],
        decay_biases=True,
    )


def optimizer_of(trace: Any) -> lm.Optimizer:
    """The trace's optimizer, by the name that both libraries use."""
    if trace.optimizer_name == "Muon":
        return muon_of(trace.optimizer_settings)
    options: dict[str, Any] = {}
    for name, value in trace.optimizer_settings.items():
        if name == "betas":
            options["beta1"], options["beta2"] = value
        elif name == "etas":
            options["shrink"], options["grow"] = value
        elif name == "step_sizes":
            options["smallest_step"], options["largest_step"] = value
        else:
            options[SETTINGS.get(name, name)] = value
    optimizer: lm.Optimizer = getattr(lm, trace.optimizer_name)(**options)
    return optimizer


def network_of(trace: Any) -> lm.Sequential:
    """The trace's network with its first weights."""
    hidden = [lm.Dense(n, trace.activation) for n in trace.widths[1:-1]]
    layers = [*hidden, lm.Dense(trace.widths[-1], "softmax")]
    net = lm.Sequential(layers, inputs=trace.widths[0], dtype=trace.dtype)
    net.set_parameters(trace.named(trace.initial))
    return net


@pytest.mark.parametrize("name", NAMES, ids=lambda name: "-".join(name[1:]))
def test_twenty_steps_equal_pytorch(name: tuple[str, str, str]) -> None:
    trace = traces.read_trace(*name, file_name=FILE)
    net, optimizer = network_of(trace), optimizer_of(trace)
    tolerance = TOLERANCES[trace.dtype]
    if trace.optimizer_name == "NAdam":
        tolerance = max(tolerance, NADAM_TOLERANCE)
    losses = []
    for step, (x, y) in enumerate(zip(trace.inputs, trace.targets, strict=True)):
        losses.append(net.train_step(x, y, loss=trace.loss, optimizer=optimizer))
        if step + 1 in trace.recorded_steps:
            expected = trace.named(trace.weights[trace.recorded_steps.index(step + 1)])
            for part, array in net.parameters().items():
                difference = np.abs(array - expected[part]).max() / np.abs(expected[part]).max()
                assert difference <= tolerance, f"step {step + 1}, {part}: {difference}"
    np.testing.assert_allclose(losses, trace.losses, rtol=tolerance)
