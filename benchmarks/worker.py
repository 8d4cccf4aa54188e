"""A child process that measures one library at one number of threads; JSON lines in and out.

Requests: {"do": "prepare", "workload": ..., "seconds": ...}, "measure", "latency", "late_call",
"drop", "quit". Every answer is an object; {"skip": reason} where the library cannot do it.
"""

import gc
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.peers.base import Call, Peer, RunEpochs, Unsupported, load_peer
from benchmarks.workloads import Workload, inference_data, training_data

Answer = dict[str, Any]
MOST_CALLS = 20_000


def blas_kernels() -> list[str]:
    """The BLAS libraries loaded in this process, with the kernels that OpenBLAS chose."""
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return []
    return [
        f"{pool['internal_api']} {pool.get('architecture') or ''}".strip()
        + f" ({pool['num_threads']} threads)"
        for pool in threadpool_info()
        if pool["user_api"] == "blas"
    ]


class Worker:
    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.workload: Workload | None = None
        self.unit: Callable[[int], None] | None = None
        self.call: Call | None = None
        self.repeats = 1
        self.unit_seconds = 0.0

    def prepare(self, request: Answer) -> Answer:
        """Build the network, run it once (compiles), and find how often to repeat it."""
        workload = Workload.from_spec(request["workload"])
        answer: Answer = {}
        if workload.kind == "training":
            features, targets = training_data(workload)
            self.unit = self.peer.training(workload, features, targets)
        else:
            call = self.peer.inference(workload, inference_data(workload))
            output = np.asarray(call(), dtype=np.float64).ravel()
            answer = {"output_sum": float(output.sum()), "output_size": float(abs(output).sum())}
            self.unit, self.call = repeated(call), call
        self.workload = workload
        self.unit(1)
        start = time.perf_counter()
        self.unit(1)
        self.unit_seconds = time.perf_counter() - start
        self.repeats = max(1, round(request["seconds"] / self.unit_seconds))
        if self.repeats > 1:
            start = time.perf_counter()
            self.unit(self.repeats)
            self.unit_seconds = (time.perf_counter() - start) / self.repeats
            self.repeats = max(1, round(request["seconds"] / self.unit_seconds))
        return answer

    def measure(self, _: Answer) -> Answer:
        """Seconds of one step (training) or one call, after a warm-up."""
        assert self.unit is not None and self.workload is not None
        if self.unit_seconds < 0.2:
            self.unit(max(1, self.repeats // 4))
        start = time.perf_counter()
        self.unit(self.repeats)
        elapsed = time.perf_counter() - start
        steps = self.workload.steps if self.workload.kind == "training" else 1
        return {"seconds": elapsed / (self.repeats * steps)}

    def latency(self, request: Answer) -> Answer:
        """Median and 99th percentile of single calls, each timed by itself."""
        assert self.call is not None
        call, clock = self.call, time.perf_counter_ns
        for _ in range(100):
            call()
        times = []
        end = clock() + int(request["seconds"] * 1e9)
        while len(times) < MOST_CALLS:
            start = clock()
            call()
            stop = clock()
            times.append(stop - start)
            if stop > end:
                break
        median, high = np.percentile(times, [50, 99]) / 1e9
        return {"seconds": float(median), "p99": float(high)}

    def late_call(self, request: Answer) -> Answer:
        """Seconds of the first call after sleeping until `at` on the monotonic clock."""
        assert self.call is not None
        self.call()
        time.sleep(max(0.0, request["at"] - time.monotonic()))
        start = time.perf_counter()
        self.call()
        return {"seconds": time.perf_counter() - start}

    def drop(self, _: Answer) -> Answer:
        self.unit = self.call = self.workload = None
        gc.collect()
        return {}


def repeated(call: Call) -> RunEpochs:
    def run(count: int) -> None:
        for _ in range(count):
            call()

    return run


def answer_request(worker: Worker, request: Answer) -> Answer:
    try:
        answer: Answer = getattr(worker, request["do"])(request)
    except Unsupported as reason:
        return {"skip": str(reason)}
    except Exception as error:
        return {"skip": f"{type(error).__name__}: {str(error)[:300]}"}
    return answer


def main() -> None:
    name, threads = sys.argv[1], int(sys.argv[2])
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)

    def send(answer: Answer) -> None:
        answers.write(json.dumps(answer) + "\n")

    try:
        peer = load_peer(name, threads)
    except ImportError as error:
        send({"skip": f"not installed ({error})"})
        return
    except Exception as error:
        send({"skip": f"{type(error).__name__}: {error}"})
        return
    send({"version": peer.version(), "blas": blas_kernels()})
    worker = Worker(peer)
    for line in sys.stdin:
        request = json.loads(line)
        if request["do"] == "quit":
            return
        send(answer_request(worker, request))


if __name__ == "__main__":
    main()
