"""`python -m benchmarks.large_table`: reading and training a large CSV, in time and memory.

Writes a CSV of mixed columns with missing cells everywhere (`--size` bytes, a gigabyte by default),
reads it in turn with lamina and with polars' `read_csv`, each time in a fresh process on the same
processors, and trains `lamina train` on it once. The peak is the process's largest resident size.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.machine import processors, start_pinned
from benchmarks.memory import MEBI, peak_bytes
from benchmarks.report import markdown

_ROWS = 200_000
_MISSING = 0.05
_CITIES = [f"{name}{kind}" for name in ("Nord", "Alt", "Neu", "Ober") for kind in ("dorf", "au")]
_ADJECTIVES = ("broken", "late", "unhappy", "good", "cheap", "fast", "slow", "light", "new", "used")
_THINGS = ("box", "order", "customer", "refund", "screen", "battery", "cable", "part", "manual")


def write_large_table(path: Path, size: int, seed: int = 0) -> int:
    """Write a CSV of at least `size` bytes; gives its number of rows."""
    random = np.random.default_rng(seed)
    rows = 0
    with path.open("wb") as file:
        while file.tell() < size:
            _some_rows(random).write_csv(file, include_header=rows == 0)
            rows += _ROWS
    return rows


def _some_rows(random: np.random.Generator) -> pl.DataFrame:
    """Rows whose target depends on some of the other columns."""
    width, height = random.gamma(3.0, 20.0, _ROWS), random.normal(0.0, 1.0, _ROWS)
    city = random.integers(0, len(_CITIES), _ROWS)
    score = height + 0.02 * width + 0.3 * (city % 3) + random.normal(0.0, 0.5, _ROWS)
    words = [
        np.array(kind)[random.integers(0, len(kind), _ROWS)]
        for kind in (_ADJECTIVES, _ADJECTIVES, _THINGS, _ADJECTIVES, _THINGS)
    ]
    columns = {
        "width": np.round(width, 2),
        "height": np.round(height, 6),
        "temperature": np.round(random.normal(18.0, 8.0, _ROWS), 1),
        "pressure": random.normal(1013.0, 9.0, _ROWS),
        "share": np.round(random.uniform(0.0, 1.0, _ROWS), 4),
        "count": random.poisson(3.0, _ROWS),
        "cents": random.integers(0, 10_000_000, _ROWS),
        "city": np.array(_CITIES)[city],
        "grade": np.array(list("ABCDE"))[random.integers(0, 5, _ROWS)],
        "postcode": np.char.zfill(random.integers(1000, 99_999, _ROWS).astype(str), 5),
        "day": (np.datetime64("2015-01-01") + random.integers(0, 3650, _ROWS)).astype(str),
        "comment": np.array(
            [", ".join((a, " ".join(rest))) for a, *rest in zip(*words, strict=True)]
        ),
        "outcome": np.where(score > 1.5, "yes", "no"),
    }
    frame = pl.DataFrame(columns)
    present = {name: pl.Series(random.random(_ROWS) >= _MISSING) for name in columns}
    return frame.with_columns(
        pl.when(present[name]).then(pl.col(name)) for name in columns if name != "outcome"
    )


def run_child(reader: str, path: Path) -> None:
    """In a fresh process: read the file; print seconds, CPU seconds and the peak, as JSON."""
    from lamina.cli._read import TextFormat, read_table

    begin, begin_cpu = time.perf_counter(), time.process_time()
    if reader == "lamina":
        rows = len(next(iter(read_table(path, TextFormat()).values())))
    else:
        rows = pl.read_csv(path).height
    seconds, cpu = time.perf_counter() - begin, time.process_time() - begin_cpu
    print(json.dumps({"rows": rows, "seconds": seconds, "cpu": cpu, "peak": peak_bytes()}))


def measure(reader: str, path: Path, threads: int) -> dict[str, float]:
    """One reading in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.large_table", "--child", reader, str(path)]
    with start_pinned(command, threads, stdout=subprocess.PIPE) as child:
        out, _ = child.communicate()
    answer: dict[str, float] = json.loads(out.splitlines()[-1])
    return answer


def train(path: Path, threads: int) -> tuple[float, int]:
    """Seconds and peak of `lamina train` on the file, for one epoch."""
    program = (
        "import sys; from lamina.cli import main; from benchmarks.memory import peak_bytes; "
        "code = main(sys.argv[1:]); print(peak_bytes()); sys.exit(code)"
    )
    with tempfile.TemporaryDirectory() as folder:
        output = ["--output", str(Path(folder) / "model.lamina"), "--epochs", "1"]
        options = ["train", str(path), "--target", "outcome", *output, "--threads", str(threads)]
        begin = time.perf_counter()
        command = [sys.executable, "-c", program, *options]
        with start_pinned(command, threads, stdout=subprocess.PIPE) as child:
            out, _ = child.communicate()
        seconds = time.perf_counter() - begin
    if child.returncode != 0:
        raise SystemExit("lamina train failed")
    return seconds, int(out.splitlines()[-1])


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.large_table", description=__doc__)
    parser.add_argument("--size", type=int, default=10**9, help="bytes of the file")
    parser.add_argument("--file", type=Path, help="read this CSV with the target 'outcome' instead")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--no-train", action="store_true")
    parser.add_argument("--threads", type=int, default=len(processors()))
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    return parser.parse_args()


def report(path: Path, arguments: argparse.Namespace) -> None:
    """Measure and print."""
    runs: dict[str, list[dict[str, float]]] = {"polars": [], "lamina": []}
    for _ in range(arguments.rounds):
        for reader, answers in runs.items():
            answers.append(measure(reader, path, arguments.threads))
    medians = {
        (reader, field): statistics.median(answer[field] for answer in answers)
        for reader, answers in runs.items()
        for field in ("seconds", "cpu", "peak")
    }
    size = path.stat().st_size
    print(f"{size / 1e9:.2f} GB, {int(runs['lamina'][0]['rows']):,} rows\n")
    rows = [
        [
            reader,
            f"{medians[reader, 'seconds']:.2f}",
            f"{medians[reader, 'seconds'] / medians['polars', 'seconds']:.2f}",
            f"{medians[reader, 'cpu']:.2f}",
            f"{medians[reader, 'peak'] / MEBI:,.0f}",
        ]
        for reader in runs
    ]
    print(markdown(["reader", "seconds", "over polars'", "CPU seconds", "peak, MiB"], rows))
    if not arguments.no_train:
        seconds, peak = train(path, arguments.threads)
        print(
            f"\nlamina train, one epoch: {seconds:.1f} s, peak {peak / MEBI:,.0f} MiB, "
            f"{peak / size:.2f} times the file"
        )


def main() -> None:
    arguments = parse_arguments()
    if arguments.child:
        run_child(arguments.child[0], Path(arguments.child[1]))
        return
    if arguments.file:
        report(arguments.file, arguments)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.csv"
        write_large_table(path, arguments.size)
        report(path, arguments)


if __name__ == "__main__":
    main()
