"""Runs the side-by-side comparison: every library, interleaved, workload by workload."""

import multiprocessing
import os
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from benchmarks.machine import PeakMeter, describe
from benchmarks.pool import Pool, RemoteWorker
from benchmarks.workloads import Workload

Entry = dict[str, Any]
PAUSE_SECONDS = 1.0
# Long enough for the slowest late call, so that no two workers wake at once.
STAGGER_SECONDS = 0.02


@dataclass(frozen=True)
class Effort:
    """How long and how often is measured.

    `busy_seconds` is the time beside a busy neighbour; no round of a workload begins after
    `most_seconds`, but for the first.
    """

    rounds: int
    seconds: float
    latency_seconds: float
    late_calls: int
    busy_seconds: float
    most_seconds: float


FULL = Effort(
    rounds=7, seconds=0.2, latency_seconds=0.2, late_calls=10, busy_seconds=0.5, most_seconds=600
)
QUICK = Effort(
    rounds=3, seconds=0.05, latency_seconds=0.05, late_calls=2, busy_seconds=0.1, most_seconds=5
)


def copy_forever() -> None:
    """A neighbour that keeps a processor and the memory bus busy."""
    source, target = bytearray(64 << 20), bytearray(64 << 20)
    while True:
        target[:] = source


@contextmanager
def busy_neighbour() -> Iterator[None]:
    process = multiprocessing.Process(target=copy_forever, daemon=True)
    process.start()
    time.sleep(0.2)
    try:
        yield
    finally:
        process.kill()
        process.join()


def prepare(workers: list[RemoteWorker], workload: Workload, seconds: float) -> list[Entry]:
    entries = []
    for worker in workers:
        answer = worker.ask("prepare", workload=workload.to_spec(), seconds=seconds)
        entries.append({"peer": worker.peer, "threads": worker.threads, **answer})
    return entries


def refuse_wrong_outputs(entries: list[Entry]) -> None:
    """A library whose outputs differ from the others' computes something else: not a result."""
    given = [e for e in entries if "output_sum" in e]
    if not given:
        return
    middle = statistics.median(e["output_sum"] for e in given)
    size = statistics.median(e["output_size"] for e in given)
    for entry in given:
        if not abs(entry["output_sum"] - middle) <= 1e-3 * size:
            entry["skip"] = f"outputs sum to {entry['output_sum']:g}, the others' to {middle:g}"
        del entry["output_sum"], entry["output_size"]


def measure_rounds(workers: list[RemoteWorker], entries: list[Entry], do: str, **more: Any) -> None:
    """One measurement of each library in turn."""
    for worker, entry in zip(workers, entries, strict=True):
        if "skip" in entry:
            continue
        answer = worker.ask(do, **more)
        if "skip" in answer:
            entry["skip"] = answer["skip"]
            continue
        for key, value in answer.items():
            entry.setdefault("rounds", {}).setdefault(key, []).append(value)


def measure_late_calls(workers: list[RemoteWorker], entries: list[Entry]) -> None:
    """All sleep at once for a second and more, and wake one after another for a single call."""
    pairs = [(w, e) for w, e in zip(workers, entries, strict=True) if "skip" not in e]
    start = time.monotonic() + PAUSE_SECONDS
    for position, (worker, _) in enumerate(pairs):
        worker.send({"do": "late_call", "at": start + position * STAGGER_SECONDS})
    for worker, entry in pairs:
        answer = worker.receive()
        if "seconds" in answer:
            entry.setdefault("rounds", {}).setdefault("late", []).append(answer["seconds"])
    for worker, _ in pairs:
        worker.suspend()


def measure_workload(pool: Pool, workload: Workload, effort: Effort, meter: PeakMeter) -> Entry:
    workers = pool.living()
    entries = prepare(workers, workload, effort.seconds)
    refuse_wrong_outputs(entries)
    began = time.monotonic()
    for turn in range(effort.rounds):
        if turn > 0 and time.monotonic() - began > effort.most_seconds:
            break
        first = turn % max(1, len(workers))
        ordered = workers[first:] + workers[:first]
        rotated = entries[first:] + entries[:first]
        if workload.kind == "row":
            measure_rounds(ordered, rotated, "latency", seconds=effort.latency_seconds)
        else:
            measure_rounds(ordered, rotated, "measure")
            for threads in {worker.threads for worker in workers}:
                meter.measure(threads)
    if workload.kind == "row":
        for _ in range(effort.late_calls):
            measure_late_calls(workers, entries)
        with busy_neighbour():
            measure_busy(workers, entries, effort.busy_seconds)
    for worker in workers:
        if worker.alive:
            worker.ask("drop")
    for entry in entries:
        summarise(entry)
    return {**workload.to_spec(), "key": workload.key, "flops": workload.flops, "entries": entries}


def measure_busy(workers: list[RemoteWorker], entries: list[Entry], seconds: float) -> None:
    for worker, entry in zip(workers, entries, strict=True):
        if "skip" in entry:
            continue
        answer = worker.ask("latency", seconds=seconds)
        if "seconds" in answer:
            entry["busy_seconds"], entry["busy_p99"] = answer["seconds"], answer["p99"]


def summarise(entry: Entry) -> None:
    """Medians over the rounds; the least time too, which noise from outside touches least."""
    rounds = entry.get("rounds", {})
    if "skip" in entry or "seconds" not in rounds:
        return
    entry["seconds"] = statistics.median(rounds["seconds"])
    entry["least_seconds"] = min(rounds["seconds"])
    for key in ("p99", "late"):
        if key in rounds:
            entry[f"{key}_seconds"] = statistics.median(rounds[key])


def add_shares(results: list[Entry], meter: PeakMeter) -> None:
    """Share of the FMA peak of as many threads; single rows are bound by other things."""
    for result in results:
        for entry in result["entries"]:
            peak = meter.gflops(entry["threads"])
            if "seconds" in entry and peak is not None and result["kind"] != "row":
                entry["share"] = result["flops"] / entry["seconds"] / (peak * 1e9)


def compare(
    peers: list[str],
    thread_counts: list[int],
    workloads: list[Workload],
    effort: Effort,
    isa: str | None = None,
) -> Entry:
    """The whole run, as the object that results.json holds."""
    began, load = time.monotonic(), os.getloadavg()[0]
    meter = PeakMeter(isa)
    for threads in thread_counts:
        meter.measure(threads, "all")
    results = []
    with Pool(peers, thread_counts, isa) as pool:
        for workload in workloads:
            print(f"measuring {workload.kind} {workload.title} ...", flush=True)
            results.append(measure_workload(pool, workload, effort, meter))
        hellos = [{"peer": w.peer, "threads": w.threads, **w.hello} for w in pool.workers]
        missing = pool.missing
    add_shares(results, meter)
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "run_seconds": round(time.monotonic() - began),
        "load_before": round(load, 2),
        "machine": describe(),
        "instruction_set": isa,
        "peak": {str(threads): found for threads, found in meter.best.items()},
        "peak_missing": meter.reason,
        "libraries": hellos,
        "missing": missing,
        "rounds": effort.rounds,
        "results": results,
    }
