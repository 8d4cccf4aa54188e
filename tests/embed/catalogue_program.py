"""What the program of catalogue*.cpp printed, and the same data and network in Python."""

import shutil
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import lamina as lm
from embed.consumers import Environment, run

SOURCES = sorted(Path(__file__).parent.glob("catalogue*.cpp"))
ROWS, INPUTS = 60, 4
# Which one does not matter to what is compared; Clang is the faster one.
ANY_COMPILER = "clang" if shutil.which("clang++") else "gcc"

Printed = dict[str, dict[str, str]]


def sawtooth(count: int, step: int) -> np.ndarray:
    """The numbers of `sawtooth` in catalogue.hpp."""
    return (np.arange(count) * step % 101 / 50.0 - 1.0).astype(np.float32)


X, Y = sawtooth(ROWS * INPUTS, 37).reshape(ROWS, INPUTS), sawtooth(ROWS * 2, 29).reshape(ROWS, 2)


def parse(text: str) -> Printed:
    """Lines of part, name and value: part -> name -> value."""
    parts: Printed = {}
    for line in text.splitlines():
        part, name, value = line.split("\t")
        assert name not in parts.setdefault(part, {}), name
        parts[part][name] = value
    return parts


@cache
def catalogue_of(fresh: Environment) -> Printed:
    """What the program prints; it is built and run once a session."""
    folder = fresh.python.parent.parent / "catalogue"
    folder.mkdir()
    options = ("-O0", "-Wshadow")
    program = fresh.build(
        folder, SOURCES, compiler=ANY_COMPILER, tool="pkg-config", options=options
    )
    return parse(run(program))


def numbers(values: dict[str, str]) -> dict[str, float]:
    """Values as numbers; 17 digits give each double back."""
    return {name: float(value) for name, value in values.items()}


def sum_of_weights(net: lm.Sequential) -> float:
    """In the order of the program, number by number."""
    total = 0.0
    for array in net.parameters().values():
        for value in array.ravel().tolist():
            total += value
    return total


def trained(figure: str = "loss", **options: Any) -> tuple[float, float]:
    """The sum of the weights, and the last figure, of the program's network after this fit."""
    layers = [lm.Dense(8, "tanh"), lm.Dropout(0.2), lm.Dense(8, "tanh"), lm.Dense(2)]
    net = lm.Sequential(layers, inputs=INPUTS, seed=5)
    history = net.fit(X, Y, batch_size=16, verbose=False, **{"epochs": 2, **options})
    return sum_of_weights(net), history[figure][-1]
