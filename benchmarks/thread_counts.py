"""`python -m benchmarks.thread_counts`: lamina on 1 and on 2 threads, where 2 may bring nothing.

The same calls run on one and on two threads in turn, in one process, for some hundredths of a
second each; the table holds the median time of a call on each, and the median of their ratios.
`--one-processor` keeps the whole process on one processor, as two threads on one core would be, and
measures processor time, which other programs change least; `--busy` keeps the last processor busy
with another program meanwhile.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import numpy as np

import lamina as lm
from benchmarks.machine import processors
from benchmarks.peers.lamina_network import LaminaPeer
from benchmarks.report import duration, markdown
from benchmarks.workloads import Workload, training_data

COUNTS = (1, 2)
ALLOWED = 1.05
BATCHES = {(8, 32, 32, 1): 32, (30, 128, 128, 2): 64, (784, 512, 256, 10): 128}
PREDICTED_ROWS = (1, 64, 4096)
FIRST_STEPS = 50
Call = Callable[[], object]
Clock = Callable[[], float]


def loss_of(widths: tuple[int, ...]) -> str:
    return "cross_entropy" if widths[-1] > 1 else "mean_squared_error"


def calls(widths: tuple[int, ...]) -> Iterator[tuple[str, Callable[[], Call]]]:
    """(name, what makes the call with a network of its own) of everything that is measured."""
    batch = BATCHES[widths]
    steps = max(8, int(5e8 / Workload("training", widths, batch).flops))
    workload = Workload("training", widths, batch, rows=steps * batch, loss=loss_of(widths))
    features, targets = training_data(workload)
    peer = LaminaPeer(1)

    def fit() -> Call:
        run = peer.training(workload, features, targets)
        return lambda: run(1)

    def first_fit() -> Call:
        few = features[: FIRST_STEPS * batch], targets[: FIRST_STEPS * batch]
        return lambda: peer.training(workload, *few)(1)

    def train_step() -> Call:
        network, optimizer = peer.build(workload), lm.Adam()
        x, y = features[:batch], targets[:batch]
        return lambda: network.train_step(x, y, loss=workload.loss, optimizer=optimizer)

    def predict(rows: int) -> Call:
        return peer.inference(workload, np.resize(features, (rows, widths[0])))

    yield f"fit, an epoch of {steps} steps", fit
    yield f"a first fit of {min(FIRST_STEPS, steps)} steps", first_fit
    yield "train_step", train_step
    for rows in PREDICTED_ROWS:
        yield f"predict {rows} rows", lambda rows=rows: predict(rows)


def seconds_per_call(call: Call, seconds: float, clock: Clock) -> float:
    began, count = clock(), 0
    while (elapsed := clock() - began) < seconds:
        call()
        count += 1
    return elapsed / count


def measure(
    make: Callable[[], Call], rounds: int, seconds: float, clock: Clock
) -> dict[int, list[float]]:
    """Seconds of a call on each number of threads, round by round; each has a network of its own,
    and the order turns round by round."""
    made = {}
    for threads in COUNTS:
        lm.set_num_threads(threads)
        made[threads] = make()
    found: dict[int, list[float]] = {threads: [] for threads in COUNTS}
    for turn in range(rounds):
        for threads in COUNTS if turn % 2 else reversed(COUNTS):
            lm.set_num_threads(threads)
            found[threads].append(seconds_per_call(made[threads], seconds, clock))
    return found


def rows_of(widths: tuple[int, ...], arguments: argparse.Namespace) -> Iterator[list[str]]:
    for name, make in calls(widths):
        if arguments.only and arguments.only not in name:
            continue
        clock = time.process_time if arguments.one_processor else time.perf_counter
        found = measure(make, arguments.rounds, arguments.seconds, clock)
        one, two = (found[threads] for threads in COUNTS)
        ratio = statistics.median(b / a for a, b in zip(one, two, strict=True))
        times = [duration(statistics.median(found[threads])) for threads in COUNTS]
        mark = " (slower)" if ratio > ALLOWED else ""
        yield ["-".join(map(str, widths)), name, *times, f"{ratio:.2f}{mark}"]


def keep_busy(processor: int) -> subprocess.Popen[bytes]:
    """Another program that never rests on that processor."""
    command = [sys.executable, "-c", "while True: pass"]
    return subprocess.Popen(command, preexec_fn=lambda: os.sched_setaffinity(0, {processor}))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.thread_counts",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--one-processor", action="store_true", help="both threads on one processor"
    )
    parser.add_argument("--busy", action="store_true", help="another program on the last processor")
    parser.add_argument("--only", help="calls whose names hold this text")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=0.06, help="of each turn of a round")
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    if arguments.one_processor:
        os.sched_setaffinity(0, {processors()[0]})
    other = keep_busy(processors()[-1]) if arguments.busy else None
    try:
        rows = [row for widths in BATCHES for row in rows_of(widths, arguments)]
    finally:
        if other is not None:
            other.kill()
            other.wait()
    print(markdown(["network", "call", "1 thread", "2 threads", "2 over 1"], rows))
    print(f"\nOver {ALLOWED:g} in {sum('slower' in row[-1] for row in rows)} of {len(rows)}.")


if __name__ == "__main__":
    main()
