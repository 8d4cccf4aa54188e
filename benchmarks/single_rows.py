"""`python -m benchmarks.single_rows`: calls on one row from Python, as in online learning.

Each library has the same float32 weights and does the same arithmetic on one thread; their results
are compared before anything is timed. Rounds are interleaved, and the table holds the median over
the rounds of the time of one call, and in brackets the least, which a busy machine changes least.
`--json` prints one line of JSON instead.
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.machine import describe, pinned, processors
from benchmarks.report import markdown
from benchmarks.workloads import Array, Floats, initial_parameters

NETWORKS = ((8, 32, 32, 1), (40, 100, 100, 10), (30, 128, 128, 2))
OPERATIONS = (
    *("train_step", "forward", "predict", "Predictor", "Predictor, out=", "value_and_grad"),
    "jacobian",
)
LEARNING_RATE = 1e-3
# Results of float32, whose sums run in other orders.
TOLERANCE = 2e-5
CHECKED_STEPS = 20
Call = Callable[[], Any]


class LaminaRows:
    """One row as [1, inputs], as users of a network give it."""

    title = "lamina"

    def __init__(self, widths: tuple[int, ...], row: Floats, target: Floats) -> None:
        import lamina as lm

        lm.set_num_threads(1)
        hidden = [lm.Dense(width, "relu") for width in widths[1:-1]]
        self.network = lm.Sequential([*hidden, lm.Dense(widths[-1])], inputs=widths[0], seed=0)
        self.network.set_parameters(
            {
                f"layers.{index}.{name}": values
                for index, pair in enumerate(initial_parameters(widths))
                for name, values in zip(("weight", "bias"), pair, strict=True)
            }
        )
        self.x, self.y = row.reshape(1, -1), target.reshape(1, -1)
        self.predictor = self.network.compile_predictor()
        self.optimizer = lm.SGD(LEARNING_RATE)

    def calls(self) -> dict[str, Call]:
        network, x, y, predictor = self.network, self.x, self.y, self.predictor
        row, optimizer = x[0], self.optimizer
        out = predictor(row)
        return {
            "train_step": lambda: network.train_step(x, y, optimizer=optimizer, loss="mse"),
            "forward": lambda: network.forward(x),
            "predict": lambda: network.predict(x),
            "Predictor": lambda: predictor(row),
            "Predictor, out=": lambda: predictor(row, out),
            "value_and_grad": lambda: network.value_and_grad(x, y, loss="mse"),
            "jacobian": lambda: network.jacobian(x),
        }

    @staticmethod
    def plain(name: str, result: Any) -> Array:
        """What `name` gave as one array that can be compared."""
        if name == "value_and_grad":
            value, gradients = result
            return np.concatenate([[value], *(g.ravel() for g in gradients.values())])
        return np.ravel(result)


class MlpfileRows:
    """One row as [inputs]: mlpfile has no batches, and `grad_update` returns no loss."""

    title = "mlpfile"

    def __init__(self, widths: tuple[int, ...], row: Floats, target: Floats) -> None:
        from benchmarks.peers.mlpfile_model import build_model, mlpfile, rate_of_mean

        self.model, self.x, self.y = build_model(widths), row, target
        self.loss, self.rate = mlpfile.squared_error, rate_of_mean(LEARNING_RATE, widths[-1])

    def calls(self) -> dict[str, Call]:
        model, x, y, loss, rate = self.model, self.x, self.y, self.loss, self.rate
        return {
            "train_step": lambda: model.grad_update(x, y, loss, rate),
            "forward": lambda: model.forward(x),
            "jacobian": lambda: model.jacobian(x),
        }

    @staticmethod
    def plain(_: str, result: Any) -> Array:
        return np.ravel(result)


class TorchRows:
    """PyTorch eager with a fused optimizer; its tensors are made beforehand."""

    title = "PyTorch"

    def __init__(self, widths: tuple[int, ...], row: Floats, target: Floats) -> None:
        import torch

        from benchmarks.peers.torch_eager import build_model
        from benchmarks.workloads import Workload

        torch.set_num_threads(1)
        self.torch = torch
        self.model = build_model(Workload("row", widths, 1))
        self.x, self.y = torch.from_numpy(row[None]), torch.from_numpy(target[None])
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=LEARNING_RATE, fused=True)

    def calls(self) -> dict[str, Call]:
        torch, model, x, y, optimizer = self.torch, self.model, self.x, self.y, self.optimizer
        loss_of, parameters = torch.nn.functional.mse_loss, list(model.parameters())
        jacobian = torch.func.jacrev(model)

        def train_step() -> float:
            optimizer.zero_grad(set_to_none=True)
            loss = loss_of(model(x), y)
            loss.backward()
            optimizer.step()
            return loss.item()

        def value_and_grad() -> tuple[float, Any]:
            loss = loss_of(model(x), y)
            return loss.item(), torch.autograd.grad(loss, parameters)

        forward = torch.inference_mode()(lambda: model(x))
        return {
            "train_step": train_step,
            "forward": forward,
            "value_and_grad": value_and_grad,
            "jacobian": lambda: jacobian(x[0]),
        }

    @staticmethod
    def plain(name: str, result: Any) -> Array:
        if name == "value_and_grad":
            value, gradients = result
            return np.concatenate([[value], *(g.numpy().ravel() for g in gradients)])
        return result.detach().numpy().ravel()


LIBRARIES = (LaminaRows, MlpfileRows, TorchRows)


def data(widths: tuple[int, ...]) -> tuple[Floats, Floats]:
    """A row [inputs] and its target [outputs], float32."""
    random = np.random.default_rng(1)
    row = random.standard_normal(widths[0], dtype=np.float32)
    return row, random.standard_normal(widths[-1], dtype=np.float32)


def check_results(rows: dict[str, Any]) -> None:
    """Refuse to time libraries whose results differ, before training steps and after some."""
    for stage in ("before", "after"):
        for name in OPERATIONS:
            if name == "train_step":
                continue
            found = {
                title: library.plain(name, library.calls()[name]())
                for title, library in rows.items()
                if name in library.calls()
            }
            own = found["lamina"]
            for title, other in found.items():
                if not np.allclose(own, other, rtol=TOLERANCE, atol=TOLERANCE):
                    worst = np.abs(own - other).max()
                    sys.exit(f"{name} {stage} training: {title} differs from lamina by {worst:g}")
        if stage == "before":
            for library in rows.values():
                step = library.calls()["train_step"]
                for _ in range(CHECKED_STEPS):
                    step()


def time_of(call: Call, count: int) -> float:
    start = time.perf_counter()
    for _ in range(count):
        call()
    return (time.perf_counter() - start) / count


def measure(calls: dict[str, Call], rounds: int, seconds: float) -> dict[str, list[float]]:
    """Title -> median and least seconds of a call, over interleaved rounds."""
    counts = {title: max(1, int(seconds / time_of(call, 20))) for title, call in calls.items()}
    times: dict[str, list[float]] = {title: [] for title in calls}
    for turn in range(rounds):
        order = list(calls)
        for title in order[turn % len(order) :] + order[: turn % len(order)]:
            times[title].append(time_of(calls[title], counts[title]))
    return {title: [statistics.median(found), min(found)] for title, found in times.items()}


def measure_network(widths: tuple[int, ...], rounds: int, seconds: float) -> dict[str, Any]:
    rows: dict[str, Any] = {}
    for library in LIBRARIES:
        try:
            rows[library.title] = library(widths, *data(widths))
        except ImportError as error:
            print(f"{library.title}: not installed ({error})", file=sys.stderr)
    check_results(rows)
    found = {}
    for name in OPERATIONS:
        calls = {t: r.calls()[name] for t, r in rows.items() if name in r.calls()}
        found[name] = measure(calls, rounds, seconds)
    return found


def figures(times: list[float]) -> str:
    median, least = (1e6 * seconds for seconds in times)
    return f"{median:.2f} ({least:.2f})"


def table(results: dict[str, Any]) -> str:
    titles = [library.title for library in LIBRARIES]
    lines = [
        [f"{network}, {name}", *(figures(t[x]) if x in t else "-" for x in titles)]
        for network, found in results.items()
        for name, t in found.items()
    ]
    return markdown(["us of one call", *titles], lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.single_rows",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=0.02, help="of one library in one round")
    parser.add_argument("--json", action="store_true", help="print JSON in place of a table")
    arguments = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, pinned(1))
    machine = describe() | {"processors": len(processors())}
    results = {
        "-".join(map(str, widths)): measure_network(widths, arguments.rounds, arguments.seconds)
        for widths in NETWORKS
    }
    if arguments.json:
        print(json.dumps({"machine": machine, "results": results}))
    else:
        print(f"{machine['processor']}, one thread, Python {machine['python']}\n")
        print(table(results))


if __name__ == "__main__":
    main()
