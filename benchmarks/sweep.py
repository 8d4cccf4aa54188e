"""`python -m benchmarks.sweep`: training steps over many sizes, to find where lamina loses.

Every point is one line of JSON in the results file; a run goes on where the last one ended. At the
end the report names the points that other libraries come nearest to or win, those where lamina is
over 5 % slower on 2 threads than on 1, and the speed of width 513 beside 512. `--recheck N`
measures the N worst points again with care, and as many drawn at random: how far those move tells
how much of the worst points' movement is chance.
"""

import argparse
import json
import random
import statistics
import time
from collections.abc import Iterable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

from benchmarks.compare import Effort, measure_rounds, prepare, summarise
from benchmarks.machine import processors
from benchmarks.peers.base import PEERS
from benchmarks.pool import Pool
from benchmarks.report import OWN, by_thread, duration, markdown
from benchmarks.workloads import Workload

Entry = dict[str, Any]
Groups = dict[str, set[str]]  # title -> keys of points
WIDTHS = (8, 10, 17, 32, 45, 46, 64, 93, 128, 256, 512, 1024, 2048)
INPUTS, OUTPUTS = (10, 784), 10
BATCHES = (1, 7, 32, 37, 128, 1000)
SWEPT_PEERS = ("lamina", "torch", "jax", "sklearn")
# JAX keeps every program that it compiled; fresh workers now and then bound the memory.
POINTS_PER_POOL = 40
SLOWER_ALLOWED = 1.05
CLIFF_ALLOWED = 0.85
RECHECK_SEED = 12
EFFORT = Effort(
    rounds=3, seconds=0.03, latency_seconds=0, late_calls=0, busy_seconds=0, most_seconds=20
)


def point(width: int, inputs: int, batch: int, activation: str, optimizer: str) -> Workload:
    """Two hidden layers of `width`, 10 classes; as many steps an epoch as about 2 Gflop need."""
    widths = (inputs, width, width, OUTPUTS)
    one = Workload("training", widths, batch, rows=batch)
    steps = int(min(256, max(4, 2e9 / one.flops)))
    return Workload(
        "training",
        widths,
        batch,
        rows=steps * batch,
        activation=activation,
        loss="cross_entropy",
        optimizer=optimizer,
    )


def grid() -> list[Workload]:
    """Every point of the sweep, in an order that spreads any first part over the whole."""
    points = [
        point(width, inputs, batch, activation, optimizer)
        for width, inputs, batch, activation, optimizer in product(
            WIDTHS, INPUTS, BATCHES, ("relu", "tanh", "gelu"), ("sgd", "adam")
        )
    ]
    random.Random(0).shuffle(points)
    return points


def cliff_points() -> list[Workload]:
    """Widths of a multiple of the vector beside one more, for the check against cliffs."""
    return [
        point(width, inputs, batch, "relu", "adam")
        for inputs, batch, width in product(INPUTS, (128, 1000), (512, 513))
    ]


def read_results(path: Path) -> dict[str, Entry]:
    """key -> the newest result of that point."""
    if not path.exists():
        return {}
    lines = path.read_text().splitlines()
    return {result["key"]: result for result in map(json.loads, lines)}


def is_complete(result: Entry | None, peers: list[str], counts: list[int]) -> bool:
    """Whether the point was tried with all of these libraries and thread counts."""
    if result is None:
        return False
    tried = {(e["peer"], e["threads"]) for e in result["entries"]}
    return all((peer, n) in tried for peer, n in product(peers, counts))


def in_parts(points: list[Workload], size: int) -> Iterator[list[Workload]]:
    for start in range(0, len(points), size):
        yield points[start : start + size]


def measure_point(pool: Pool, workload: Workload, effort: Effort) -> Entry:
    workers = pool.living()
    entries = prepare(workers, workload, effort.seconds)
    began = time.monotonic()
    for turn in range(effort.rounds):
        if turn > 0 and time.monotonic() - began > effort.most_seconds:
            break
        measure_rounds(workers, entries, "measure")
    for worker in workers:
        if worker.alive:
            worker.ask("drop")
    for entry in entries:
        summarise(entry)
    entries += [
        {"peer": peer, "threads": threads, "skip": why}
        for peer, why in pool.missing.items()
        for threads in sorted({w.threads for w in workers})
    ]
    return {**workload.to_spec(), "key": workload.key, "flops": workload.flops, "entries": entries}


def measure_points(
    points: list[Workload], path: Path, peers: list[str], counts: list[int], effort: Effort
) -> None:
    began, done = time.monotonic(), 0
    path.parent.mkdir(parents=True, exist_ok=True)
    for part in in_parts(points, POINTS_PER_POOL):
        with Pool(peers, counts) as pool, path.open("a") as file:
            for workload in part:
                file.write(json.dumps(measure_point(pool, workload, effort)) + "\n")
                file.flush()
                done += 1
                left = (time.monotonic() - began) / done * (len(points) - done)
                print(f"{done}/{len(points)} {workload.key}, {left / 60:.0f} min left", flush=True)


def least(entry: Entry) -> float:
    """The least time of the rounds: the sweep looks for losses, not for noise."""
    return float(entry["least_seconds"])


def peer_ratios(results: Iterable[Entry]) -> list[tuple[float, Entry, str, int]]:
    """(time over lamina's, point, library, threads), the worst for lamina first."""
    found = []
    for result in results:
        own = by_thread(result, OWN)
        for peer in (p for p in PEERS if p != OWN):
            for threads, entry in by_thread(result, peer).items():
                if threads in own:
                    found.append((least(entry) / least(own[threads]), result, peer, threads))
    return sorted(found, key=lambda item: item[0])


def thread_ratios(results: Iterable[Entry], peer: str) -> list[tuple[float, Entry, int]]:
    """(time over that on one thread, point, threads), the worst first."""
    found = []
    for result in results:
        entries = by_thread(result, peer)
        if 1 in entries:
            found += [
                (least(e) / least(entries[1]), result, n) for n, e in entries.items() if n > 1
            ]
    return sorted(found, key=lambda item: -item[0])


def cliff_ratios(results: dict[str, Entry], peer: str) -> list[tuple[float, Workload, int]]:
    """(flops a second at width 513 over those at 512, point, threads), the worst first."""
    found = []
    pairs = zip(cliff_points()[::2], cliff_points()[1::2], strict=True)
    for even, odd in pairs:
        if even.key not in results or odd.key not in results:
            continue
        before, after = by_thread(results[even.key], peer), by_thread(results[odd.key], peer)
        for n in before.keys() & after.keys():
            speed = odd.flops / least(after[n]) / (even.flops / least(before[n]))
            found.append((speed, odd, n))
    return sorted(found, key=lambda item: item[0])


def print_thread_report(results: dict[str, Entry]) -> None:
    """How often more threads are slower than one, of every library; lamina's points by name."""
    for peer in PEERS:
        ratios = thread_ratios(results.values(), peer)
        slow = [item for item in ratios if item[0] > SLOWER_ALLOWED]
        if not ratios:
            continue
        print(
            f"\n{PEERS[peer][2]}: more threads are over 5 % slower than one in"
            f" {len(slow)} of {len(ratios)} comparisons"
        )
        if peer == OWN and slow:
            rows = [
                [
                    result["key"].removeprefix("training/"),
                    str(threads),
                    duration(least(by_thread(result, OWN)[1])),
                    duration(least(by_thread(result, OWN)[threads])),
                    f"{value:.2f}x",
                ]
                for value, result, threads in slow
            ]
            head = ["network/batch/activation/optimizer", "threads", "1 thread", "more", "ratio"]
            print("\n" + markdown(head, rows))


def print_report(results: dict[str, Entry], count: int) -> None:
    ratios = peer_ratios(results.values())
    if ratios:
        lost = [item for item in ratios if item[0] < 1]
        print(f"\n{len(results)} points; lamina slower than another in {len(lost)} comparisons.")
        print(f"\nThe {count} worst points against other libraries:\n")
        rows = [
            [
                r["key"].removeprefix("training/"),
                PEERS[peer][2],
                str(n),
                duration(least(by_thread(r, OWN)[n])),
                duration(least(by_thread(r, peer)[n])),
                f"{value:.2f}x",
            ]
            for value, r, peer, n in ratios[:count]
        ]
        head = ["network/batch/activation/optimizer", "library", "threads", "lamina", "it", "ratio"]
        print(markdown(head, rows))
    print_thread_report(results)
    cliffs = cliff_ratios(results, OWN)
    if cliffs:
        print(f"\nlamina's flops a second at width 513 over 512 (at least {CLIFF_ALLOWED}):\n")
        rows = [[w.key, str(n), f"{value:.2f}"] for value, w, n in cliffs]
        print(markdown(["point", "threads", "ratio"], rows))


def worst_keys(results: dict[str, Entry], count: int) -> set[str]:
    """Points to measure again: the worst against others and the worst on more threads."""
    worst = {r["key"] for value, r, _, _ in peer_ratios(results.values())[:count] if value < 1.1}
    slow = thread_ratios(results.values(), OWN)[:count]
    return worst | {r["key"] for value, r, _ in slow if value > 1.02}


def drawn_keys(results: dict[str, Entry], count: int) -> set[str]:
    """Points drawn at random, always the same ones of the same results.

    The worst of many noisy figures look worse than they are, so a second measurement of these alone
    would flatter lamina; the drawn ones tell how far second figures lie from first ones at all.
    """
    keys = sorted(results)
    return set(random.Random(RECHECK_SEED).sample(keys, min(count, len(keys))))


def print_recheck(before: dict[str, Entry], after: dict[str, Entry], groups: Groups) -> None:
    """The ratios against other libraries, before and after, of each group of points."""
    rows = []
    for title, keys in groups.items():
        first, second = (
            [value for value, *_ in peer_ratios(results[key] for key in sorted(keys))]
            for results in (before, after)
        )
        if first and second:
            lost = (str(sum(value < 1 for value in ratios)) for ratios in (first, second))
            middle = (f"{statistics.median(ratios):.2f}x" for ratios in (first, second))
            rows.append([title, str(len(keys)), *lost, *middle])
    head = ["points measured again", "points", "lost before", "lost after"]
    print(f"\nTime of other libraries over lamina's; the random points by seed {RECHECK_SEED}:\n")
    print(markdown([*head, "median before", "median after"], rows))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.sweep",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    default = Path(__file__).parent / "results" / "sweep.jsonl"
    parser.add_argument("--results", type=Path, default=default, help="file of JSON lines")
    parser.add_argument("--sample", type=int, help="only N points, spread over the grid")
    parser.add_argument("--cliffs", action="store_true", help="only widths 512 and 513")
    parser.add_argument(
        "--recheck", type=int, help="measure the N worst and as many random points again, with care"
    )
    parser.add_argument("--report", action="store_true", help="measure nothing, print the worst")
    parser.add_argument("--worst", type=int, default=20, help="how many points to print")
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=list(SWEPT_PEERS))
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--max-width", type=int, default=max(WIDTHS), help="leave out wider ones")
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    counts = [n for n in arguments.threads if n <= len(processors())]
    results, effort = read_results(arguments.results), EFFORT
    points = cliff_points() if arguments.cliffs else [*grid(), *cliff_points()]
    points = [w for w in points if w.widths[1] <= arguments.max_width]
    groups: Groups = {}
    if arguments.recheck:
        known = {w.key: results[w.key] for w in points if w.key in results}
        groups["worst"] = worst_keys(known, arguments.recheck)
        groups["random"] = drawn_keys(known, max(arguments.recheck, len(groups["worst"])))
        points = [w for w in points if w.key in set().union(*groups.values())]
        effort = Effort(**{**vars(effort), "rounds": 9, "seconds": 0.1})
    else:
        points = points[: arguments.sample]
        points = [w for w in points if not is_complete(results.get(w.key), arguments.peers, counts)]
    if not arguments.report:
        measure_points(points, arguments.results, arguments.peers, counts, effort)
    newest = read_results(arguments.results)
    print_report(newest, arguments.worst)
    if groups and not arguments.report:
        print_recheck(results, newest, groups)


if __name__ == "__main__":
    main()
