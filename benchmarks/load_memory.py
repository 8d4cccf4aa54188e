"""`python -m benchmarks.load_memory`: peak memory and time of loading a network of 500 MB.

A fresh process loads the file by reading and by mapping it. "held" is what the process has taken
for itself beyond what stood before the call; pages of a mapped file are the system's cache, which
processes share, and are counted apart. All in units of the file.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from benchmarks.report import markdown

UNITS = 6464


def memory() -> tuple[int, int]:
    """Bytes of the process's own, and of files that it maps."""
    status = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
    own, mapped = (1024 * int(status[name].split()[0]) for name in ("RssAnon", "RssFile"))
    return own, mapped


def run_child(path: str, mmap: bool) -> None:
    """In a fresh process: load the file, watched by a thread; print the peaks as JSON."""
    import lamina as lm

    before, peaks, done = memory(), [0, 0], threading.Event()

    def watch() -> None:
        while not done.wait(0.002):
            for kind, (now, then) in enumerate(zip(memory(), before, strict=True)):
                peaks[kind] = max(peaks[kind], now - then)

    watcher = threading.Thread(target=watch)
    watcher.start()
    begin = time.perf_counter()
    net = lm.load(path, mmap=mmap)
    seconds = time.perf_counter() - begin
    done.set()
    watcher.join()
    size = os.path.getsize(path)
    after = (memory()[0] - before[0]) / size
    print(json.dumps([peaks[0] / size, peaks[1] / size, after, seconds, net.outputs]))


def main() -> None:
    """Saves the network as float32 and as float16, and loads each in both ways."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--units", type=int, default=UNITS)
    parser.add_argument("--child", nargs=2)
    arguments = parser.parse_args()
    if arguments.child:
        run_child(arguments.child[0], arguments.child[1] == "map")
        return
    import lamina as lm

    units = arguments.units
    net = lm.Sequential([lm.Dense(units) for _ in range(3)], inputs=units)
    net.set_parameters({"layers.0.bias": np.ones(units)})
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for dtype in (None, "float16"):
            path = f"{folder}/{dtype}"
            net.save(path, dtype=dtype)
            for how in ("read", "map"):
                command = [sys.executable, "-m", "benchmarks.load_memory", "--child", path, how]
                found = subprocess.run(command, capture_output=True, text=True, check=True)
                own, mapped, after, seconds, _ = json.loads(found.stdout)
                size = f"{os.path.getsize(path) / 1e6:.0f} MB"
                figures = (f"{own:.2f}", f"{mapped:.2f}", f"{after:.2f}", f"{seconds:.2f} s")
                rows.append([dtype or "float32", size, how, *figures])
    titles = ["weights", "file", "way", "held at most", "pages of the file", "held after", "time"]
    print(markdown(titles, rows))


if __name__ == "__main__":
    main()
