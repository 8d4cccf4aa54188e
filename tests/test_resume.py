"""Training that is stopped and resumed gives the bits of training in one go."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lamina as lm
from networks import bits, class_data, classifier

pytestmark = pytest.mark.kernels

SCHEDULES: dict[str, Any] = {
    "none": lambda: 0.01,
    "function": lambda: lambda t: 0.01 / (1 + t),
    "cosine by step": lambda: lm.CosineSchedule(0.01, length=40),
    "one cycle by epoch": lambda: lm.OneCycleSchedule(0.01, length=4, per="epoch"),
    "warm-up, then plateau": lambda: lm.WarmUp(
        lm.ReduceOnPlateau(0.01, patience=0, threshold=0.3), steps=3
    ),
}


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("kind", [lm.SGD, lm.AdamW, lm.Muon])
def test_a_fit_in_two_parts_through_a_file(name: str, kind: Any, tmp_path: Path) -> None:
    x, y = class_data()
    options: dict[str, Any] = {"batch_size": 12, "accumulate": 2, "verbose": False}
    whole = classifier(dropout=0.3)
    made, average = kind(SCHEDULES[name](), clip_norm=1.0), lm.WeightAverage(0.9)
    long = whole.fit(x, y, optimizer=made, average=average, epochs=4, **options)

    first, average = classifier(dropout=0.3), average_of()
    optimizer = kind(SCHEDULES[name](), clip_norm=1.0)
    before = first.fit(x, y, optimizer=optimizer, average=average, epochs=2, **options)
    first.save(tmp_path / "net.safetensors")
    states = optimizer.get_state(), average.get_state(), first.get_state()
    del first

    second = lm.load(tmp_path / "net.safetensors")
    resumed, other = kind(SCHEDULES[name](), clip_norm=1.0), average_of()
    resumed.set_state(second, states[0])
    other.set_state(second, states[1])
    second.set_state(states[2])
    after = second.fit(x, y, optimizer=resumed, average=other, epochs=2, **options)
    assert bits(second) == bits(whole)
    for figure in ("loss", "learning_rate"):
        assert before[figure] + after[figure] == long[figure]


def average_of() -> lm.WeightAverage:
    return lm.WeightAverage(0.9)


@pytest.mark.parametrize("way", ["train_step", "step"])
def test_steps_by_hand_in_two_parts(way: str, tmp_path: Path) -> None:
    x, y = class_data()

    def steps(net: lm.Sequential, optimizer: lm.Optimizer, count: int) -> None:
        for _ in range(count):
            if way == "train_step":
                net.train_step(x, y, optimizer=optimizer)
            else:
                net.value_and_grad(x, y)
                optimizer.step(net)

    def made() -> lm.Optimizer:
        return lm.NAdam(lm.ExponentialSchedule(0.01, factor=0.9))

    whole, first = classifier(dropout=0.3), classifier(dropout=0.3)
    steps(whole, made(), 6)
    optimizer, resumed = made(), made()
    steps(first, optimizer, 3)
    first.save(tmp_path / "net.safetensors")
    second = lm.load(tmp_path / "net.safetensors")
    second.set_state(first.get_state())
    resumed.set_state(second, optimizer.get_state())
    steps(second, resumed, 3)
    assert bits(second) == bits(whole)


def test_a_copy_of_a_network_draws_the_same_masks() -> None:
    x, _ = class_data(rows=20)
    net = classifier(dropout=0.5)
    net.forward(x, training=True)
    twin = net.copy()
    np.testing.assert_array_equal(twin.forward(x, training=True), net.forward(x, training=True))


@pytest.mark.parametrize("cut", [1, 3])
def test_an_interrupted_fit_goes_on_where_its_last_epoch_ended(cut: int) -> None:
    x, y = class_data()

    class Interrupt:
        def on_epoch_end(self, epoch: int, record: dict[str, float]) -> None:
            if epoch + 1 == cut:
                raise KeyboardInterrupt

    whole, net = classifier(dropout=0.2), classifier(dropout=0.2)
    optimizer = lm.Adam(lm.CosineSchedule(0.01))
    whole.fit(x, y, optimizer=lm.Adam(lm.CosineSchedule(0.01)), epochs=5, verbose=False)
    with pytest.raises(KeyboardInterrupt):
        net.fit(x, y, optimizer=optimizer, epochs=5, callbacks=[Interrupt()], verbose=False)
    net.fit(x, y, optimizer=optimizer, epochs=5 - cut, verbose=False)
    assert bits(net) == bits(whole)
