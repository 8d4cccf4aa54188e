"""RealMLP-TD-S built of lamina's layers is the published program, step by step."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import lamina as lm
from parity import read_traces

pytestmark = pytest.mark.kernels

Array = npt.NDArray[Any]
EPOCHS, BATCH, WIDTH = 256, 256, 256
arrays: dict[str, Array] = read_traces.read_arrays("torch_realmlp.npz")
TASKS = ("classes", "values")


def first_weights(inputs: int, outputs: int) -> dict[str, Array]:
    """What `first_weights` of the recording script draws, by lamina's names."""
    random, widths = np.random.RandomState(7), [inputs, WIDTH, WIDTH, WIDTH, outputs]
    drawn = {}
    for layer in range(4):
        factor = 0.0 if layer == 3 else 1.0
        weight = random.standard_normal((widths[layer], widths[layer + 1])).astype(np.float32)
        drawn[f"layers.{layer + 1}.weight"] = factor * weight.T
        bias = random.standard_normal(widths[layer + 1]).astype(np.float32)
        drawn[f"layers.{layer + 1}.bias"] = factor * bias
    return drawn


def realmlp(task: str, dtype: Any) -> lm.Sequential:
    activation, outputs = ("selu", 2) if task == "classes" else ("mish", 1)
    ntk: dict[str, Any] = {"parametrization": "ntk", "bias_rate_factor": 0.1}
    hidden = [lm.Dense(WIDTH, activation, bias_initializer="normal", **ntk) for _ in range(3)]
    last = lm.Dense(outputs, initializer="zeros", **ntk)
    end = [lm.Activation("softmax")] if task == "classes" else [lm.TargetScaling()]
    inputs = arrays[f"{task}/x"].shape[1]
    layers = [lm.Scale(rate_factor=6.0), *hidden, last, *end]
    net = lm.Sequential(layers, inputs=inputs, dtype=dtype)
    net.set_parameters(first_weights(inputs, outputs))
    return net


def fit(net: lm.Sequential, task: str, epochs: int, **options: Any) -> list[float]:
    """Trains as published; returns the losses of the steps."""
    losses: list[float] = []

    class Steps(lm.Callback):
        def on_step_end(self, epoch: int, step: int, loss: float) -> None:
            losses.append(loss)

    rows = len(arrays[f"{task}/x"])
    length = EPOCHS * rows // BATCH
    rate = 0.04 if task == "classes" else 0.07
    smoothed = lm.CrossEntropy(label_smoothing=0.1)
    net.fit(
        arrays[f"{task}/x"],
        arrays[f"{task}/y"],
        loss=smoothed if task == "classes" else "mean_squared_error",
        optimizer=lm.Adam(lm.CosineLogSchedule(rate, length=length), beta2=0.95),
        epochs=epochs,
        batch_size=BATCH,
        shuffle=lambda epoch: np.random.RandomState(1000 + epoch).permutation(rows),
        callbacks=[Steps()],
        **options,
    )
    return losses


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_losses_of_ten_epochs_are_the_published_programs(task: str, dtype: Any) -> None:
    losses = fit(realmlp(task, dtype), task, epochs=10)
    expected = arrays[f"{task}/{dtype}/losses"][: len(losses)]
    assert len(losses) == 40
    np.testing.assert_allclose(losses, expected, rtol=1e-10 if dtype == "float64" else 1e-3)


@pytest.mark.long
@pytest.mark.parametrize("task", TASKS)
def test_all_epochs_and_the_last_best_one_are_the_published_programs(task: str) -> None:
    figure = "val_accuracy" if task == "classes" else "val_loss"
    net = realmlp(task, "float64")
    losses = fit(
        net,
        task,
        epochs=EPOCHS,
        validation_data=(arrays[f"{task}/val_x"], arrays[f"{task}/val_y"]),
        metrics=["accuracy"] if task == "classes" else [],
        early_stopping=lm.EarlyStopping(figure, patience=EPOCHS, keep_last=True),
    )
    np.testing.assert_allclose(losses, arrays[f"{task}/float64/losses"], rtol=1e-6)
    outputs = net.predict(arrays[f"{task}/val_x"])
    expected = arrays[f"{task}/float64/outputs"].reshape(outputs.shape)
    np.testing.assert_allclose(outputs, expected, rtol=1e-6, atol=1e-6)
