"""`python -m benchmarks.table_memory`: memory of training on a table of a million rows.

Half of the 50 columns are numbers, half are categories; a fresh process trains one epoch by
`TableModel.fit`, and another by `Sequential.fit` on the encoded rows. Memory is the peak beyond
what stood before the call, the user's table included, in units of the encoded rows (float32
[rows, columns]).
"""

import argparse
import json
import subprocess
import sys
import time
from typing import Any

import numpy as np

from benchmarks.machine import processors, start_pinned
from benchmarks.memory import MEBI, begin_peak, peak_bytes
from benchmarks.report import markdown

WAYS = ("TableModel.fit", "Sequential.fit")


def make_table(rows: int, columns: int) -> dict[str, Any]:
    """Numbers with missing values, categories of text as codes, and a target of two classes."""
    import polars as pl

    random = np.random.default_rng(0)
    table: dict[str, Any] = {}
    score = np.zeros(rows, np.float32)
    for i in range(columns // 2):
        values = random.normal(size=rows).astype(np.float32)
        score += values * (i % 3 == 0)
        values[random.random(rows) < 0.02] = np.nan
        table[f"number {i}"] = values
    for i in range(columns - columns // 2):
        codes = random.integers(0, 20, rows).astype(np.int8)
        score += codes % 3 * np.float32(i % 4 == 0)
        words = [f"kind {k}" for k in range(20)]
        table[f"kind {i}"] = (
            pl.Series(codes).cast(pl.String).replace([str(k) for k in range(20)], words)
        )
        table[f"kind {i}"] = table[f"kind {i}"].cast(pl.Categorical)
    table["answer"] = np.where(score > np.median(score), "yes", "no")
    return table


def run_child(way: str, rows: int, columns: int) -> None:
    """In a fresh process: train an epoch; print the peak beyond the table, as JSON."""
    import lamina as lm
    from lamina.tabular import TableModel

    TableModel.fit(make_table(500, columns), target="answer", epochs=1, verbose=False)
    options: dict[str, Any] = {"epochs": 1, "batch_size": 1024, "verbose": False}
    if way == "TableModel.fit":
        table = make_table(rows, columns)
        before, begin = begin_peak(), time.perf_counter()
        TableModel.fit(table, target="answer", **options)
    else:
        x = np.random.default_rng(0).integers(0, 20, (rows, columns)).astype(np.float32)
        y = (x[:, 0] > 9).astype(np.int64)
        before, begin = begin_peak(), time.perf_counter()
        layers = [lm.Dense(256, "relu"), lm.Dense(128, "relu"), lm.Dense(1, "sigmoid")]
        lm.Sequential(layers).fit(x, y, validation_fraction=0.2, **options)
    seconds = time.perf_counter() - begin
    print(json.dumps({"peak": peak_bytes() - before, "seconds": seconds}))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.table_memory", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--columns", type=int, default=50)
    parser.add_argument("--threads", type=int, default=len(processors()))
    parser.add_argument("--child", help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    if arguments.child:
        run_child(arguments.child, arguments.rows, arguments.columns)
        return
    encoded, table = arguments.rows * arguments.columns * 4, []
    for way in WAYS:
        command = [sys.executable, "-m", "benchmarks.table_memory", "--child", way]
        command += ["--rows", str(arguments.rows), "--columns", str(arguments.columns)]
        with start_pinned(command, arguments.threads, stdout=subprocess.PIPE) as child:
            out, _ = child.communicate()
        answer = json.loads(out.splitlines()[-1])
        peak = answer["peak"]
        table.append(
            [way, f"{answer['seconds']:.0f}", f"{peak / MEBI:.0f}", f"{peak / encoded:.2f}"]
        )
    print(
        markdown(["way", "seconds", "peak beyond the data, MiB", "times the encoded rows"], table)
    )


if __name__ == "__main__":
    main()
