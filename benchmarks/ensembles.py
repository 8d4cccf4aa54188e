"""`python -m benchmarks.ensembles`: many networks that share one product, beside PyTorch.

`lamina.Ensemble` (TabM-mini, and TabM with adapters="all") and its authors' package `tabm` on
PyTorch (eager, fused AdamW): a training step on 256 rows, and the prediction of 4,096 rows, of 32
members 16-256-256-256-1 in float32. Each library in a fresh process on the same processors, round
after round; the table holds medians over the rounds. tabm and PyTorch are left out where they are
not installed.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np

from benchmarks.machine import describe, processors, start_pinned
from benchmarks.report import duration, markdown

MEMBERS, UNITS, INPUTS, BATCH, ROWS = 32, 256, 16, 256, 4096
RATE, DECAY = 2e-3, 3e-4
KINDS = {"TabM-mini": "first", "TabM": "all"}
LIBRARIES = ("lamina", "PyTorch")
Runs = tuple[Callable[[], Any], Callable[[], Any]]


def make_rows(rows: int) -> tuple[Any, Any]:
    random = np.random.default_rng(0)
    x = random.normal(size=(rows, INPUTS)).astype(np.float32)
    return x, random.normal(size=(rows, 1)).astype(np.float32)


def lamina_runs(kind: str, threads: int) -> Runs:
    import lamina as lm

    lm.set_num_threads(threads)
    layers = [*[lm.Dense(UNITS, "relu")] * 3, lm.Dense(1)]
    net = lm.Sequential([lm.Ensemble(layers, MEMBERS, adapters=KINDS[kind])], inputs=INPUTS)
    optimizer, (x, y), (many, _) = (
        lm.AdamW(RATE, weight_decay=DECAY),
        make_rows(BATCH),
        make_rows(ROWS),
    )
    return lambda: net.train_step(x, y, optimizer=optimizer, loss="mse"), lambda: net.predict(many)


def torch_runs(kind: str, threads: int) -> Runs:
    import tabm
    import torch

    torch.set_num_threads(threads)
    backbone = tabm.make_tabm_backbone(
        d_in=INPUTS,
        n_blocks=3,
        d_block=UNITS,
        dropout=0.0,
        k=MEMBERS,
        arch_type="tabm-mini" if kind == "TabM-mini" else "tabm",
        start_scaling_init="random-signs",
        start_scaling_init_chunks=[1] * INPUTS,
    )
    heads = tabm.LinearEnsemble(UNITS, 1, k=MEMBERS)
    model = torch.nn.Sequential(tabm.EnsembleView(k=MEMBERS), backbone, heads)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=DECAY, fused=True)
    x, y = map(torch.from_numpy, make_rows(BATCH))
    many = torch.from_numpy(make_rows(ROWS)[0])

    def step() -> None:
        optimizer.zero_grad()
        outputs = model(x)
        torch.nn.functional.mse_loss(outputs, y[:, None].expand(outputs.shape)).backward()
        optimizer.step()

    def predict() -> Any:
        with torch.inference_mode():
            return torch.cat([model(part).mean(1) for part in many.split(1024)])

    return step, predict


def run_child(library: str, kind: str, threads: int) -> None:
    """In a fresh process: print the median seconds of a step and of a prediction."""
    make = lamina_runs if library == "lamina" else torch_runs
    medians = []
    for run in make(kind, threads):
        run(), run()
        seconds = []
        for _ in range(11):
            begin = time.perf_counter()
            run()
            seconds.append(time.perf_counter() - begin)
        medians.append(statistics.median(seconds))
    print(json.dumps(medians))


def measure(library: str, kind: str, threads: int) -> list[float]:
    command = [sys.executable, "-m", "benchmarks.ensembles", "--child", library]
    command += ["--kind", kind, "--threads", str(threads)]
    with start_pinned(command, threads, stdout=subprocess.PIPE) as child:
        out, _ = child.communicate()
    medians: list[float] = json.loads(out.splitlines()[-1])
    return medians


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ensembles", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=len(processors()))
    parser.add_argument("--kind", choices=KINDS, help=argparse.SUPPRESS)
    parser.add_argument("--child", choices=LIBRARIES, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    """Print a line for each kind of ensemble and each of its uses."""
    arguments = parse_arguments()
    threads = arguments.threads
    if arguments.child:
        run_child(arguments.child, arguments.kind, threads)
        return
    libraries = [lib for lib in LIBRARIES if lib == "lamina" or find_spec("tabm")]
    rows = []
    for kind in KINDS:
        found: dict[str, list[list[float]]] = {library: [] for library in libraries}
        for _ in range(arguments.rounds):
            for library in libraries:
                found[library].append(measure(library, kind, threads))
        for place, use in enumerate(("training step", f"{ROWS:,} rows predicted")):
            times = [statistics.median(r[place] for r in found[lib]) for lib in libraries]
            ratios = [f"{times[-1] / times[0]:.1f}x"] if len(times) > 1 else []
            rows.append([f"{kind}, {use}", *map(duration, times), *ratios])
    print(f"{describe()['processor']}, {threads} thread(s), {arguments.rounds} rounds\n")
    titles = ["", *libraries, *(["PyTorch / lamina"] if len(libraries) > 1 else [])]
    print(markdown(titles, rows))


if __name__ == "__main__":
    main()
