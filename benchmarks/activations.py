"""`python -m benchmarks.activations`: activations forward and backward over 4096 x 512 float32.

lamina (`activation_vjp`), PyTorch eager (autograd) and numpy (formulas written out, into arrays
made before) in a fresh process for each number of threads, pinned, round after round interleaved.
The table holds medians over the rounds.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.machine import environment, pinned, processors
from benchmarks.report import markdown

SHAPE = (4096, 512)
Run = Callable[[], Any]
Floats = np.ndarray[Any, np.dtype[np.float32]]


def lamina_runs(x: Floats, dy: Floats, threads: int) -> dict[str, Run]:
    import lamina as lm

    lm.set_num_threads(threads)
    names = [n for n in lm._core.catalogue()["activations"] if n not in ("identity", "step")]
    return {name: lambda n=name: lm.activation_vjp(x, n)[1](dy) for name in names}  # type: ignore[misc]


def torch_runs(x: Floats, dy: Floats, threads: int) -> dict[str, Run]:
    import torch
    from torch.nn import functional as f

    torch.set_num_threads(threads)
    leaf, gradient = torch.from_numpy(x).requires_grad_(), torch.from_numpy(dy)

    def run(function: Callable[[Any], Any]) -> None:
        leaf.grad = None
        function(leaf).backward(gradient)

    functions: dict[str, Callable[[Any], Any]] = {
        "gelu_tanh": lambda v: f.gelu(v, approximate="tanh"),
        "log_sigmoid": f.logsigmoid,
        "hard_sigmoid": f.hardsigmoid,
        "hard_tanh": f.hardtanh,
        "hard_swish": f.hardswish,
        "softmax": lambda v: f.softmax(v, -1),
        "log_softmax": lambda v: f.log_softmax(v, -1),
        "sigmoid": torch.sigmoid,
        "tanh": torch.tanh,
        "sin": torch.sin,
        "gaussian": lambda v: torch.exp(-v * v),
    }
    for name in ("relu", "relu6", "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "mish"):
        functions[name] = getattr(f, name)
    functions["softplus"], functions["softsign"] = f.softplus, f.softsign
    return {name: lambda g=g: run(g) for name, g in functions.items()}  # type: ignore[misc]


def numpy_runs(x: Floats, dy: Floats, _: int) -> dict[str, Run]:
    y, dx = np.empty_like(x), np.empty_like(x)

    def relu() -> None:
        np.maximum(x, 0, out=y)
        np.multiply(dy, y > 0, out=dx)

    def tanh() -> None:
        np.tanh(x, out=y)
        np.multiply(y, y, out=dx)
        np.subtract(1, dx, out=dx)
        np.multiply(dx, dy, out=dx)

    def sigmoid() -> None:
        np.negative(x, out=y)
        np.exp(y, out=y)
        np.add(y, 1, out=y)
        np.reciprocal(y, out=y)
        np.subtract(1, y, out=dx)
        np.multiply(dx, y, out=dx)
        np.multiply(dx, dy, out=dx)

    def sin() -> None:
        np.sin(x, out=y)
        np.cos(x, out=dx)
        np.multiply(dx, dy, out=dx)

    def gaussian() -> None:
        np.multiply(x, x, out=y)
        np.negative(y, out=y)
        np.exp(y, out=y)
        np.multiply(x, y, out=dx)
        np.multiply(dx, -2, out=dx)
        np.multiply(dx, dy, out=dx)

    def softmax() -> None:
        np.subtract(x, x.max(axis=1, keepdims=True), out=y)
        np.exp(y, out=y)
        np.divide(y, y.sum(axis=1, keepdims=True), out=y)
        np.subtract(dy, (dy * y).sum(axis=1, keepdims=True), out=dx)
        np.multiply(dx, y, out=dx)

    return {f.__name__: f for f in (relu, tanh, sigmoid, sin, gaussian, softmax)}


LIBRARIES = {"lamina": lamina_runs, "torch": torch_runs, "numpy": numpy_runs}


def measure(threads: int, rounds: int) -> dict[str, dict[str, float]]:
    """activation -> library -> median seconds."""
    random = np.random.default_rng(0)
    x, dy = (random.standard_normal(SHAPE, dtype=np.float32) for _ in range(2))
    runs: dict[str, dict[str, Run]] = {}
    for library, build in LIBRARIES.items():
        try:
            runs[library] = build(x, dy, threads)
        except ImportError as error:
            print(f"{library}: not installed ({error})", file=sys.stderr)
    table: dict[str, dict[str, float]] = {}
    for name in runs["lamina"]:
        present = {library: found[name] for library, found in runs.items() if name in found}
        times: dict[str, list[float]] = {library: [] for library in present}
        for run in present.values():
            run()
        for _ in range(rounds):
            for library, run in present.items():
                start = time.perf_counter()
                run()
                times[library].append(time.perf_counter() - start)
        table[name] = {library: statistics.median(seconds) for library, seconds in times.items()}
    return table


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.activations", description=__doc__)
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(measure(arguments.child, arguments.rounds)))
        return
    for threads in [n for n in arguments.threads if n <= len(processors())]:
        command = [sys.executable, "-m", "benchmarks.activations", "--child", str(threads)]
        allowed = set(pinned(threads))
        done = subprocess.run(
            [*command, "--rounds", str(arguments.rounds)],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            # Waiting PyTorch threads would else spin in the others' turns.
            env=environment(threads) | {"OMP_WAIT_POLICY": "passive"},
            preexec_fn=lambda allowed=allowed: os.sched_setaffinity(0, allowed),
        )
        rows = []
        for name, found in json.loads(done.stdout).items():
            own = found["lamina"]
            others = [
                f"{found[peer] * 1e3:.2f} ({found[peer] / own:.1f}x)" if peer in found else "-"
                for peer in ("torch", "numpy")
            ]
            rows.append([name, f"{own * 1e3:.2f}", *others])
        print(f"\n{threads} thread(s), ms forward and backward (times lamina's)\n")
        print(markdown(["activation", "lamina", "PyTorch", "numpy"], rows))


if __name__ == "__main__":
    main()
