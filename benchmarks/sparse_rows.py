"""`python -m benchmarks.sparse_rows`: training on a sparse matrix, in time and memory.

A network of one hidden layer of 64 relu trains by Adam in batches of 256 on 100,000 rows of 50,000
columns, 0.1 % filled, in lamina and in scikit-learn's MLPClassifier; each in a fresh process on the
same processors. Memory is the peak beyond what stood before training: the weights are 12.8 MB of
float32, and Adam keeps two numbers for each.
"""

import argparse
import json
import subprocess
import sys
import time
import warnings
from typing import Any

import numpy as np
import scipy.sparse as sp

from benchmarks.machine import processors, start_pinned
from benchmarks.memory import MEBI, begin_peak, peak_bytes
from benchmarks.report import markdown

PEERS = ("lamina", "lamina, SGD", "scikit-learn")
HIDDEN, BATCH = 64, 256


def make_data(rows: int, columns: int, density: float) -> tuple[Any, np.ndarray]:
    """A CSR matrix of float32 and two classes that a tenth of the columns decide."""
    random = np.random.default_rng(0)
    stored = int(columns * density)
    indices = np.sort(random.integers(0, columns, (rows, stored), dtype=np.int32), axis=1)
    data = random.normal(size=indices.size).astype(np.float32)
    matrix = sp.csr_matrix((data, indices.ravel(), np.arange(rows + 1) * stored), (rows, columns))
    matrix.sum_duplicates()
    effect = random.normal(size=columns) * (random.random(columns) < 0.1)
    return matrix, (matrix @ effect > 0).astype(np.int64)


def run_child(peer: str, arguments: argparse.Namespace) -> None:
    """In a fresh process: train; print seconds an epoch, the peak beyond the data, and the loss."""
    x, y = make_data(arguments.rows, arguments.columns, arguments.density)
    if peer == "scikit-learn":
        from sklearn.neural_network import MLPClassifier

        model = MLPClassifier(HIDDEN, batch_size=BATCH, max_iter=arguments.epochs, random_state=0)
        model.partial_fit(x[:BATCH, :9], y[:BATCH], classes=[0, 1])  # what it imports
        model = MLPClassifier(HIDDEN, batch_size=BATCH, max_iter=arguments.epochs, random_state=0)
        before, begin = begin_peak(), time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(x, y)
        loss = float(model.loss_)
    else:
        import lamina as lm

        layers = [lm.Dense(HIDDEN, "relu"), lm.Dense(1, "sigmoid")]
        lm.Sequential(layers, seed=1).fit(x[:BATCH, :9], y[:BATCH], epochs=1, verbose=False)
        net = lm.Sequential(layers, seed=0)
        optimizer = lm.SGD(1.0) if "SGD" in peer else lm.Adam(0.001)
        before, begin = begin_peak(), time.perf_counter()
        history = net.fit(
            x, y, optimizer=optimizer, batch_size=BATCH, epochs=arguments.epochs, verbose=False
        )
        loss = history["loss"][-1]
    seconds = (time.perf_counter() - begin) / arguments.epochs
    stored = x.data.nbytes + x.indices.nbytes + x.indptr.nbytes
    answer = {"seconds": seconds, "peak": peak_bytes() - before, "loss": loss, "stored": stored}
    print(json.dumps(answer))


def measure(peer: str, arguments: argparse.Namespace) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.sparse_rows", "--child", peer]
    for name in ("rows", "columns", "density", "epochs"):
        command += [f"--{name}", str(getattr(arguments, name))]
    with start_pinned(command, arguments.threads, stdout=subprocess.PIPE) as child:
        out, _ = child.communicate()
    answer: dict[str, float] = json.loads(out.splitlines()[-1])
    return answer


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sparse_rows", description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--columns", type=int, default=50_000)
    parser.add_argument("--density", type=float, default=0.001)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS))
    parser.add_argument("--threads", type=int, default=len(processors()))
    parser.add_argument("--child", help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    if arguments.child:
        run_child(arguments.child, arguments)
        return
    rows = []
    for peer in arguments.peers:
        answer = measure(peer, arguments)
        figures = [answer["peak"] / MEBI, answer["stored"] / MEBI]
        cells = [f"{answer['seconds']:.2f}", *(f"{figure:.0f}" for figure in figures)]
        rows.append([peer, *cells, f"{answer['loss']:.4f}"])
    header = ["library", "seconds an epoch", "peak beyond the data, MiB", "stored, MiB", "loss"]
    print(markdown(header, rows))


if __name__ == "__main__":
    main()
