"""`python -m benchmarks.activations`: activations forward and backward over 4096 x 512 float32.

lamina (`activation_vjp`), PyTorch eager (autograd) and numpy (formulas written out, into arrays
made before) in a fresh process for each number of threads, pinned, round after round interleaved.
The table holds medians over the rounds.

The share of the bound is that of lamina's kernels on one thread, over arrays that fit the
second-level cache (`activation_bounds.py`).
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

from benchmarks.activation_bounds import shares
from benchmarks.activation_formulas import FORMULAS, Floats
from benchmarks.machine import PeakMeter, environment, pinned, processors
from benchmarks.report import markdown

SHAPE = (4096, 512)
Run = Callable[[], Any]


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
    y, dx, scratch = (np.empty_like(x) for _ in range(3))
    return {name: lambda f=f: f(x, dy, y, dx, scratch) for name, f in FORMULAS.items()}  # type: ignore[misc]


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
                run()  # takes the arrays back into the cache, which the library before has filled
                start = time.perf_counter()
                run()
                times[library].append(time.perf_counter() - start)
        table[name] = {library: statistics.median(seconds) for library, seconds in times.items()}
    return table


def child(threads: int, *arguments: str) -> Any:
    """What this program prints as JSON in a process of its own, pinned to so many processors."""
    allowed = set(pinned(threads))
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.activations", *arguments],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        # Waiting PyTorch threads would else spin in the others' turns.
        env=environment(threads) | {"OMP_WAIT_POLICY": "passive"},
        preexec_fn=lambda: os.sched_setaffinity(0, allowed),
    )
    return json.loads(done.stdout)


def bounds() -> dict[str, list[str]]:
    """Cells of the share of the bound and of what binds, by activation; none without a compiler."""
    meter = PeakMeter()
    meter.measure(1)
    peak = meter.gflops(1)
    if peak is None:
        print(f"No shares of the bound: {meter.reason}.", file=sys.stderr)
        return {}
    found = child(1, "--bounds", str(peak))
    return {name: [f"{share:.0%}", what] for name, (share, what) in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.activations", description=__doc__)
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--bounds", type=float, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.bounds:
        print(json.dumps(shares(arguments.bounds)))
        return
    if arguments.child:
        print(json.dumps(measure(arguments.child, arguments.rounds)))
        return
    cells = bounds()
    for threads in [n for n in arguments.threads if n <= len(processors())]:
        rows = []
        measured = child(threads, "--child", str(threads), "--rounds", str(arguments.rounds))
        for name, found in measured.items():
            own = found["lamina"]
            others = [
                f"{found[peer] * 1e3:.2f} ({found[peer] / own:.1f}x)" if peer in found else "-"
                for peer in ("torch", "numpy")
            ]
            rows.append([name, f"{own * 1e3:.2f}", *others, *cells.get(name, ["-", "-"])])
        print(f"\n{threads} thread(s), ms forward and backward (times lamina's)\n")
        header = ["activation", "lamina", "PyTorch", "numpy", "share of the bound", "what binds"]
        print(markdown(header, rows))


if __name__ == "__main__":
    main()
